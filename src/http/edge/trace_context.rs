//! W3C trace context: takes a caller's, or begins a trace. Called by the call layer.
//!
//! Invariant: what is passed on is well formed; a caller's broken header is dropped, as the
//! standard asks, never repaired.

use http::HeaderMap;
use tracing::Span;
use uuid::Uuid;

use crate::model::call::TraceContext;
use crate::telemetry::traces::spans::{CallSpan, Remote};

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";
/// The standard asks for at least this many characters to be passed on.
const STATE_CHARS: usize = 512;

/// The trace of a request, under a span that `begin` makes of whom it goes on; where it makes none,
/// nothing here records spans, and only ids are given on. `draw` gives new ids.
pub(super) fn continued(
    headers: &HeaderMap,
    begin: impl FnOnce(Option<Remote<'_>>) -> Option<CallSpan>,
    mut draw: impl FnMut() -> Uuid,
) -> (TraceContext, Option<Span>) {
    let remote = parent(headers);
    let remote = remote.as_ref();
    let begun = begin(remote.map(Parent::remote));
    if let Some(CallSpan { span, parent }) = begun {
        let state = remote.and_then(|_| state(headers));
        return (TraceContext { parent, state }, Some(span));
    }
    (unrecorded(headers, remote, &mut draw), None)
}

fn unrecorded(
    headers: &HeaderMap,
    remote: Option<&Parent<'_>>,
    mut draw: impl FnMut() -> Uuid,
) -> TraceContext {
    // The last eight bytes of a UUID hold its variant, so a span id of them is never all zero.
    let span = draw().as_u64_pair().1;
    match remote {
        Some(Parent { trace_id, flags, .. }) => TraceContext {
            parent: format!("00-{trace_id}-{span:016x}-{flags}"),
            state: state(headers),
        },
        // Nothing here records spans, so a trace that begins here is marked as not recorded.
        None => TraceContext {
            parent: format!("00-{:032x}-{span:016x}-00", draw().as_u128()),
            state: None,
        },
    }
}

struct Parent<'a> {
    trace_id: &'a str,
    span_id: &'a str,
    flags: &'a str,
}

impl<'a> Parent<'a> {
    fn remote(&self) -> Remote<'a> {
        let is_sampled = u8::from_str_radix(self.flags, 16).is_ok_and(|flags| flags & 1 == 1);
        Remote { trace_id: self.trace_id, span_id: self.span_id, is_sampled }
    }
}

fn parent(headers: &HeaderMap) -> Option<Parent<'_>> {
    let mut values = headers.get_all(PARENT).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let mut parts = value.to_str().ok()?.split('-');
    let (version, trace_id, span_id, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    // A later version may have more parts; the first one has exactly these.
    let is_whole = version != "00" || parts.next().is_none();
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace_id, 32)
        && trace_id.bytes().any(|digit| digit != b'0')
        && is_hex(span_id, 16)
        && span_id.bytes().any(|digit| digit != b'0')
        && is_hex(flags, 2);
    (is_whole && is_valid).then_some(Parent { trace_id, span_id, flags })
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn state(headers: &HeaderMap) -> Option<String> {
    let values: Option<Vec<&str>> =
        headers.get_all(STATE).iter().map(|value| value.to_str().ok()).collect();
    let state = values?.join(",");
    (!state.is_empty() && state.len() <= STATE_CHARS).then_some(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{CountingIds, Ids, Timestamp};

    fn take(pairs: &[(&'static str, &str)]) -> TraceContext {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        let ids = CountingIds::default();
        continued(&headers, |_| None, || ids.next(Timestamp(0))).0
    }

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_valid_parent_is_continued_with_a_span_of_ours_and_its_state() {
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let trace = take(&[("traceparent", &parent), ("tracestate", "a=1"), ("tracestate", "b=2")]);
        assert_eq!(trace.parent, format!("00-{TRACE}-0000000000000001-01"));
        assert_eq!(trace.state.as_deref(), Some("a=1,b=2"));
        assert_eq!(trace.trace_id(), TRACE);
    }

    #[test]
    fn a_later_version_is_continued_in_ours() {
        let parent = format!("01-{TRACE}-00f067aa0ba902b7-01-more");
        assert_eq!(take(&[("traceparent", &parent)]).trace_id(), TRACE);
    }

    #[test]
    fn a_broken_parent_begins_a_new_trace_without_the_state() {
        let zeros = "0".repeat(32);
        let valid = format!("00-{TRACE}-00f067aa0ba902b7-01");
        for broken in [
            String::new(),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{zeros}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-00f067aa0ba902b7"),
        ] {
            let trace = take(&[("traceparent", &broken), ("tracestate", "a=1")]);
            assert_eq!(trace.parent, "00-00000000000000000000000000000002-0000000000000001-00");
            assert_eq!(trace.state, None, "{broken}");
        }
        let twice = take(&[("traceparent", &valid), ("traceparent", &valid)]);
        assert_ne!(twice.trace_id(), TRACE);
    }
}

//! Writes server-sent events; the faces call it for each event of a run.
//!
//! Invariant: what is written is one event, whatever the data holds.

use bytes::BufMut;

/// A comment that keeps a silent stream open.
pub const HEARTBEAT: &[u8] = b": keep-alive\n\n";

/// Appends one event. The data is expected on one line, as compact JSON is; data of several lines
/// becomes several `data` fields, which a reader joins again with newlines.
pub fn encode(out: &mut impl BufMut, id: Option<u64>, event: Option<&str>, data: &[u8]) {
    if let Some(id) = id {
        out.put_slice(b"id: ");
        out.put_slice(itoa::Buffer::new().format(id).as_bytes());
        out.put_u8(b'\n');
    }
    if let Some(event) = event {
        let name = event.split(['\r', '\n']).next().unwrap_or_default();
        out.put_slice(b"event: ");
        out.put_slice(name.as_bytes());
        out.put_u8(b'\n');
    }
    let mut rest = data;
    while let Some((line, after)) = cut_line(rest) {
        put_data(out, line);
        rest = after;
    }
    put_data(out, rest);
    out.put_u8(b'\n');
}

fn put_data(out: &mut impl BufMut, line: &[u8]) {
    out.put_slice(b"data: ");
    out.put_slice(line);
    out.put_u8(b'\n');
}

/// The first line of `data` and what follows its end; none where no line ends.
fn cut_line(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, end) = data.split_at_checked(memchr::memchr2(b'\n', b'\r', data)?)?;
    match end {
        [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => Some((line, rest)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::sse::{Caps, Decoder};

    fn encoded(id: Option<u64>, event: Option<&str>, data: &str) -> String {
        let mut out = Vec::new();
        encode(&mut out, id, event, data.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_event_has_its_fields_in_order() {
        assert_eq!(
            encoded(Some(7), Some("run.started"), "{}"),
            "id: 7\nevent: run.started\ndata: {}\n\n"
        );
        assert_eq!(encoded(None, None, ""), "data: \n\n");
    }

    #[test]
    fn a_name_cannot_begin_another_line() {
        assert_eq!(encoded(None, Some("a\ndata: b"), "c"), "event: a\ndata: c\n\n");
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_as_one_event(data in "[a-z:\r\n \u{feff}é]{0,40}") {
            let text = encoded(Some(1), Some("e"), &data);
            let mut seen = Vec::new();
            Decoder::new(Caps { line: 1_000, event: 1_000, stream: 1_000 })
                .push(text.as_bytes(), &mut |frame| {
                    seen.push((frame.event.to_owned(), frame.data.to_owned()));
                    Ok(())
                })
                .unwrap();
            let lines = data.replace("\r\n", "\n").replace('\r', "\n");
            prop_assert_eq!(seen, [("e".to_owned(), lines)]);
        }
    }
}

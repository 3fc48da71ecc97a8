//! Plays an answer, a stream of events or a whole body, the way a scenario wants it: healthy or
//! with a fault of the transport. The platforms compose the answer, this breaks it.
//!
//! Invariant: a scenario that is no fault of the transport gives the answer as it is.

use std::time::Duration;

use super::gzip;
use super::script::{Act, Script};

/// The stream of a platform, as whole events, each with its blank line.
#[derive(Debug, Default)]
pub struct Events {
    /// Before the answer begins.
    pub opening: Vec<String>,
    /// The answer, its tool calls included.
    pub answer: Vec<String>,
    /// After the answer, the end event last. Empty where the platform has none.
    pub closing: Vec<String>,
}

const SLOW_HEAD: Duration = Duration::from_secs(2);
const SLOW_EVENT: Duration = Duration::from_millis(250);
const DRIP: Duration = Duration::from_millis(20);
const SECOND_EVENT: Duration = Duration::from_secs(10);
/// Slow enough that comments alone fill no buffer, fast enough that no read times out.
const COMMENT: Duration = Duration::from_millis(5);
/// Lets what was sent arrive before the reset that would overtake it.
const BEFORE_RESET: Duration = Duration::from_millis(10);
const BIG_PIECE: usize = 64 * 1024;
const BIG_PIECES: u64 = 1024;

const BAD_GATEWAY: &str = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n\
    <body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>\n";

/// A stream, in this scenario.
pub fn stream(scenario: &str, events: &Events) -> Script {
    if let Some(script) = at_head(scenario) {
        return script;
    }
    let all = events.all();
    match scenario {
        "slow" => Script::default()
            .then(Act::Wait(SLOW_HEAD))
            .append(play(Script::sse(), &all).delay_each(SLOW_EVENT)),
        "drip" => Script::sse().drip(all.concat(), DRIP).end(),
        "reset" => events.begun().then(Act::Wait(BEFORE_RESET)).then(Act::Reset),
        "broken-off" => events.begun().then(Act::Close),
        "eof" => play(Script::sse(), events.without_end()),
        "half-event" => events.up_to_answer().event(half(events.first_answer())).end(),
        "garbage" => rest(events.begun().event(damaged(events.first_answer())), events),
        "idle" => events.begun().then(Act::Stall),
        "two-events" => {
            rest(events.begun().then(Act::WaitForSignal("second".into(), SECOND_EVENT)), events)
        }
        "after-end" => {
            all.iter().fold(Script::sse(), Script::event).event(events.first_answer()).end()
        }
        "endless" => {
            events.up_to_answer().repeat(events.first_answer(), Act::FOREVER, Duration::ZERO)
        }
        "big-line" => big(events.up_to_answer().event("data: ")),
        "comments" => events.begun().repeat(": still here\n", Act::FOREVER, COMMENT),
        "no-blank-lines" => changed(&all, |event| event.replace("\n\n", "\n").into()),
        "cr" => changed(&all, |event| event.replace('\n', "\r").into()),
        "crlf" => changed(&all, |event| event.replace('\n', "\r\n").into()),
        "nul" => changed(&all, |event| format!("id: a\0b\n{event}").into()),
        "bom" => play(Script::sse().event("\u{feff}"), &all),
        "invalid-utf8" => changed(&all, not_utf8),
        "gzip" => coded("text/event-stream", all.concat().as_bytes()),
        "wrong-type" => play(Script::chunked(200, &[("Content-Type", "text/html")]), &all),
        _ => play(Script::sse(), &all),
    }
}

/// A whole JSON answer with status 200, in this scenario.
pub fn whole(scenario: &str, body: &str) -> Script {
    if let Some(script) = at_head(scenario) {
        return script;
    }
    let healthy = || Script::json(200, body);
    let head_bytes = healthy().bytes().len() - body.len();
    let half = || healthy().first(head_bytes + body.len() / 2);
    let open =
        || Script::chunked(200, &[("Content-Type", "application/json")]).event("{\"text\":\"");
    match scenario {
        "slow" => Script::default().then(Act::Wait(SLOW_HEAD)).append(healthy()),
        "drip" => {
            Script::chunked(200, &[("Content-Type", "application/json")]).drip(body, DRIP).end()
        }
        "reset" => half().then(Act::Wait(BEFORE_RESET)).then(Act::Reset),
        "broken-off" => half().then(Act::Close),
        "eof" | "half-event" => Script::json(200, body.get(..body.len() / 2).unwrap_or("{")),
        "garbage" => Script::json(200, damaged(body)),
        "idle" => half().then(Act::Stall),
        "endless" => open().repeat("a".repeat(BIG_PIECE), Act::FOREVER, Duration::ZERO),
        "big-line" => big(open()),
        "bom" => Script::json(200, format!("\u{feff}{body}")),
        "invalid-utf8" => Script::json(200, not_utf8(body)),
        "gzip" => coded("application/json", body.as_bytes()),
        "wrong-type" => Script::text(200, "text/html", body),
        _ => healthy(),
    }
}

/// The scenarios that no answer of the platform itself comes out of.
fn at_head(scenario: &str) -> Option<Script> {
    let none = Script::default();
    match scenario {
        "head-reset" => Some(none.then(Act::Reset)),
        "head-cut" => Some(Script::raw("HTTP/1.1 200 OK\r\nContent-Ty").then(Act::Close)),
        "head-stall" => Some(none.then(Act::Stall)),
        "bad-http" => Some(Script::raw("HTP/9 banana\r\n\r\n").then(Act::Close)),
        "html-error" => Some(Script::text(502, "text/html", BAD_GATEWAY)),
        _ => None,
    }
}

impl Events {
    fn all(&self) -> Vec<&str> {
        let all = self.opening.iter().chain(&self.answer).chain(&self.closing);
        all.map(String::as_str).collect()
    }

    fn first_answer(&self) -> &str {
        self.answer.first().map_or("", String::as_str)
    }

    fn up_to_answer(&self) -> Script {
        self.opening.iter().fold(Script::sse(), Script::event)
    }

    fn begun(&self) -> Script {
        self.up_to_answer().event(self.first_answer())
    }

    /// Where a platform has no end event, an answer that began cannot be told from a whole one.
    fn without_end(&self) -> Vec<&str> {
        let mut events: Vec<&str> = self.opening.iter().map(String::as_str).collect();
        if !self.closing.is_empty() {
            events.extend(self.answer.iter().map(String::as_str));
        }
        events
    }
}

fn play<T: AsRef<[u8]>>(head: Script, events: impl AsRef<[T]>) -> Script {
    events.as_ref().iter().fold(head, Script::event).end()
}

fn rest(begun: Script, events: &Events) -> Script {
    events.answer.iter().skip(1).chain(&events.closing).fold(begun, Script::event).end()
}

fn changed(events: &[&str], change: impl Fn(&str) -> Vec<u8>) -> Script {
    let events: Vec<Vec<u8>> = events.iter().map(|event| change(event)).collect();
    play(Script::sse(), &events)
}

fn big(begun: Script) -> Script {
    begun.repeat("a".repeat(BIG_PIECE), BIG_PIECES, Duration::ZERO).end()
}

fn coded(content_type: &str, bytes: &[u8]) -> Script {
    let fields = [("Content-Type", content_type), ("Content-Encoding", "gzip")];
    Script::whole(200, &fields, &gzip::stored(bytes))
}

/// Half of the text, cut before its blank line in any case.
fn half(text: &str) -> &[u8] {
    text.as_bytes().get(..text.len() / 2).unwrap_or_default()
}

/// The text with its JSON broken where it begins.
fn damaged(text: &str) -> String {
    let before = text.split_once('{').map_or("", |(before, _)| before);
    format!("{before}{{\"type\": oops\n\n")
}

/// The text with bytes in its last string that are not UTF-8.
fn not_utf8(text: &str) -> Vec<u8> {
    let at = text.find("You said").or_else(|| text.rfind('"')).unwrap_or(0);
    let (before, after) = text.split_at(at);
    [before.as_bytes(), &[0xff, 0xf0, 0x9f], after.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::platform::data_event;
    use crate::simulator::scenarios;

    fn events() -> Events {
        let event = |name: &str| data_event(&serde_json::json!({ "type": name }));
        Events {
            opening: vec![event("start")],
            answer: vec![event("You said ä"), event("more")],
            closing: vec![event("end")],
        }
    }

    #[test]
    fn each_transport_fault_plays_something_else() {
        let (stream_ok, whole_ok) = (stream("ok", &events()), whole("ok", "{\"a\":\"b\"}"));
        let at = scenarios::TABLE.iter().position(|(name, _)| *name == "reset").unwrap();
        for (name, _) in &scenarios::TABLE[at..] {
            assert_ne!(stream(name, &events()), stream_ok, "{name}");
        }
        for name in ["slow", "drip", "reset", "garbage", "idle", "endless", "gzip", "bad-http"] {
            assert_ne!(whole(name, "{\"a\":\"b\"}"), whole_ok, "{name}");
        }
        assert_eq!(stream("tools", &events()), stream_ok);
    }

    #[test]
    fn a_stream_ends_early_where_it_says() {
        let text = |name| String::from_utf8_lossy(&stream(name, &events()).bytes()).into_owned();
        assert!(text("eof").contains("more") && !text("eof").contains("end\""));
        assert!(text("eof").ends_with("\r\n0\r\n\r\n"));
        assert!(text("broken-off").contains("You said") && !text("broken-off").contains("more"));
        assert!(!text("broken-off").ends_with("\r\n0\r\n\r\n"));
        assert!(!text("half-event").contains("You said ä\"}"));
        let endless = Events { closing: Vec::new(), ..events() };
        let eof = stream("eof", &endless).bytes();
        assert!(!String::from_utf8_lossy(&eof).contains("You said"));
    }
}

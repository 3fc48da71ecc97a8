//! The scenarios that the pretend platforms play, one table: `simulate --list` prints it, the
//! platforms find a scenario's name in it.
//!
//! Invariant: a name that is not in the table is no agent.

/// Where a scenario's name stands in a request, for people who try it with curl.
const HOW: &str = "\
A scenario is named by the agent's id (Make, Zaia, ACP); any UUID plays `ok`. Agentbase has no
agents: write [scenario:NAME] into the message or the system prompt. What a platform has no notion
of plays as `ok`.
";

/// Name and meaning, in the order in which they are listed.
pub const TABLE: &[(&str, &str)] = &[
    ("ok", "answers with what was said"),
    ("slow", "the same, 2 s until the head and 250 ms between events"),
    ("drip", "the same, one byte every 20 ms"),
    ("tools", "calls two tools before it answers; ACP reports governance decisions"),
    ("denied", "ACP: one of two tool calls is denied"),
    ("snapshot", "Agentbase with streaming_tokens: each chunk repeats the text so far"),
    ("stopped", "ACP: stops at its limit of rounds, stopReason max_rounds"),
    ("rate-limited", "429, plain text from Make"),
    ("quota", "the account's quota or credit is used up"),
    ("forbidden", "403; plain text from the CDN in front of Make"),
    ("model-missing", "the agent's model is not enabled"),
    ("key-missing", "ACP: no API key for the model's provider (elsewhere as model-missing)"),
    ("too-large", "the request body is too large: 400 from Make, 413 elsewhere"),
    ("html-error", "502 with an HTML page"),
    ("failed", "the run fails; inside a stream where there is one"),
    ("cancelled", "Zaia: 200 with a cancelled execution"),
    ("running", "Zaia: 200 with a running execution that is over at the third look"),
    ("reset", "a reset after the first answer event, or in the middle of a body"),
    ("broken-off", "ends the connection there, the answer's framing unfinished"),
    ("eof", "ends the answer in order before the end event"),
    ("half-event", "ends the answer in order inside an event"),
    ("garbage", "an event, or a body, that is not JSON"),
    ("idle", "stalls after the first answer event, or in the middle of a body"),
    ("two-events", "waits up to 10 s, or for the signal `second`, after the first answer event"),
    ("after-end", "one more answer event after the end event"),
    ("endless", "answer events, or a body, until the peer leaves"),
    ("big-line", "a line, or a body, of 64 MiB"),
    ("no-blank-lines", "no blank line after any event"),
    ("comments", "comment lines without end after the first answer event"),
    ("cr", "lines that end in CR alone"),
    ("crlf", "lines that end in CRLF"),
    ("bom", "a byte order mark first"),
    ("nul", "an id with a NUL before each event"),
    ("invalid-utf8", "bytes in a text that are not UTF-8"),
    ("gzip", "Content-Encoding: gzip that nobody asked for"),
    ("wrong-type", "the right bytes under Content-Type: text/html"),
    ("head-reset", "a reset before any byte"),
    ("head-cut", "the connection ends in the middle of the head"),
    ("head-stall", "nothing at all, the connection stays"),
    ("bad-http", "something that is not HTTP"),
];

/// The scenario of this name.
pub fn find(name: &str) -> Option<&'static str> {
    TABLE.iter().find(|(known, _)| *known == name).map(|(known, _)| *known)
}

/// The scenario that an agent of this id plays; none for an agent that does not exist.
pub fn of_agent(id: &str) -> Option<&'static str> {
    match uuid::Uuid::try_parse(id) {
        Ok(_) => Some("ok"),
        Err(_) => find(id),
    }
}

/// The scenario that a text asks for with `[scenario:NAME]`; none where it names no known one.
pub fn of_text(text: &str) -> Option<&'static str> {
    match text.split_once("[scenario:") {
        None => Some("ok"),
        Some((_, rest)) => find(rest.split_once(']')?.0),
    }
}

/// The table for people.
pub fn list() -> String {
    let mut text = String::from(HOW);
    text.push('\n');
    for (name, meaning) in TABLE {
        text.push_str(&format!("{name:<16}{meaning}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_listed_with_their_sentence() {
        let listed = list();
        for (at, (name, meaning)) in TABLE.iter().enumerate() {
            assert!(TABLE[..at].iter().all(|(earlier, _)| earlier != name), "{name} twice");
            assert!(listed.contains(&format!("\n{name:<16}{meaning}\n")), "{name}");
        }
    }

    #[test]
    fn an_agent_is_a_scenario_or_a_uuid() {
        assert_eq!(of_agent("reset"), Some("reset"));
        assert_eq!(of_agent("8d2f6c1e-0000-4000-8000-000000000001"), Some("ok"));
        assert_eq!(of_agent("nobody"), None);
    }

    #[test]
    fn a_text_names_its_scenario() {
        assert_eq!(of_text("[scenario:gzip] hi"), Some("gzip"));
        assert_eq!(of_text("hi"), Some("ok"));
        assert_eq!(of_text("[scenario:nothing] hi"), None);
    }
}

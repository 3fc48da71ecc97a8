//! How the demo shows answers: short JSON on one line, long answers and lines cut.

use serde_json::Value;

/// What fits a wide terminal.
const WIDTH: usize = 160;
/// Enough for an event, not for a whole run in one.
const MAX_LINE: usize = 240;
/// What a reader takes in at a glance.
const MAX_LINES: usize = 30;

/// One line of a stream, as far as it is worth reading.
pub(super) fn line(text: &str) -> String {
    match text.char_indices().nth(MAX_LINE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A whole answer: JSON laid out, of any other text the lines that begin with `only`.
pub(super) fn whole(body: &[u8], only: &str) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(value) => {
            let mut text = String::new();
            lay_out(&value, 0, 0, &mut text);
            text
        }
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(only)).collect();
    let shown: Vec<String> = lines.iter().take(MAX_LINES).map(|text| line(text)).collect();
    match lines.len().saturating_sub(MAX_LINES) {
        0 => shown.join("\n"),
        more => format!("{}\n… and {more} lines more", shown.join("\n")),
    }
}

/// Each object and list on one line if it fits there. `used` is what stands before it already.
fn lay_out(value: &Value, indent: usize, used: usize, text: &mut String) {
    let flat = value.to_string();
    let (brackets, children): (_, Vec<(String, &Value)>) =
        match (value.as_object(), value.as_array()) {
            (Some(fields), _) => {
                let name = |key: &String| format!("{}: ", Value::from(key.as_str()));
                ("{}", fields.iter().map(|(key, value)| (name(key), value)).collect())
            }
            (_, Some(items)) => ("[]", items.iter().map(|item| (String::new(), item)).collect()),
            (None, None) => ("", Vec::new()),
        };
    let Some((open, close)) =
        brackets.split_at_checked(1).filter(|_| indent == 0 || used + flat.len() > WIDTH)
    else {
        text.push_str(&flat);
        return;
    };
    text.push_str(open);
    for (at, (name, child)) in children.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        text.push_str(&format!("{comma}\n{:width$}{name}", "", width = indent + 2));
        lay_out(child, indent + 2, indent + 2 + name.len(), text);
    }
    text.push_str(&format!("\n{:indent$}{close}", ""));
}

#[expect(clippy::print_stdout, reason = "the demo is a conversation with whoever started it")]
pub(super) fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_stands_on_one_line_and_what_does_not_on_many() {
        let long = "x".repeat(MAX_LINE);
        let body = json!({"id": 1, "usage": {"in": 1, "out": null}, "list": [long, 2]});
        let shown = whole(body.to_string().as_bytes(), "");
        let first: Vec<&str> = shown.lines().take(4).collect();
        assert_eq!(
            first,
            ["{", "  \"id\": 1,", "  \"usage\": {\"in\":1,\"out\":null},", "  \"list\": ["]
        );
        assert!(shown.ends_with("…\n    2\n  ]\n}"), "{shown}");
    }

    #[test]
    fn long_answers_are_cut_and_say_so() {
        let body: Vec<u8> = "a line\n".repeat(40).into_bytes();
        let shown = whole(&body, "");
        assert_eq!(shown.lines().count(), 31);
        assert!(shown.ends_with("… and 10 lines more"));
        assert_eq!(whole(b"a 1\nb 2\na 3", "a"), "a 1\na 3");
    }

    #[test]
    fn lines_are_cut_between_letters() {
        let cut = line(&"ä".repeat(300));
        assert_eq!(cut.chars().count(), MAX_LINE + 1);
    }
}

//! Writes a treated JSON document over the one that it was made of: what nobody has changed stays
//! byte for byte, with the sender's numbers, order and spaces.

use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::RawValue;

/// The document `text`, which is `before`, with what is other in `after`. None where the text is
/// not that document.
pub(super) fn weave(text: &str, before: &Value, after: &Value) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    value(serde_json::from_str(text).ok()?, before, after, &mut out)?;
    Some(out)
}

fn value(raw: &RawValue, before: &Value, after: &Value, out: &mut String) -> Option<()> {
    match (before, after) {
        _ if before == after => out.push_str(raw.get()),
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
            out.push('[');
            for (at, (raw, (before, after))) in
                items.into_iter().zip(before.iter().zip(after)).enumerate()
            {
                comma(at, out);
                value(raw, before, after, out)?;
            }
            out.push(']');
        }
        // A field that has another name is in its old place.
        (Value::Object(before), Value::Object(after)) if before.len() == after.len() => {
            let fields: IndexMap<String, &RawValue> = serde_json::from_str(raw.get()).ok()?;
            out.push('{');
            for (at, (raw, (before, (key, after)))) in
                fields.values().zip(before.values().zip(after)).enumerate()
            {
                comma(at, out);
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                value(raw, before, after, out)?;
            }
            out.push('}');
        }
        _ => out.push_str(&after.to_string()),
    }
    Some(())
}

fn comma(at: usize, out: &mut String) {
    if at > 0 {
        out.push(',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_stays_byte_for_byte() {
        let text = r#" {"z":1.10, "a":["x", 1E5,{"n":-0 , "who":"jane"}], "big":123456789012345678901234567890,"k":{"jane":1.0,"o":2e0}}"#;
        let before: Value = serde_json::from_str(text).unwrap();
        let mut after = before.clone();
        after["a"][2]["who"] = "[NAME]".into();
        assert_eq!(
            weave(text, &before, &after).unwrap(),
            r#"{"z":1.10,"a":["x",1E5,{"n":-0,"who":"[NAME]"}],"big":123456789012345678901234567890,"k":{"jane":1.0,"o":2e0}}"#
        );
        let renamed = serde_json::json!({ "[NAME]": 1.0, "o": 2.0 });
        after["k"] = renamed;
        let woven = weave(text, &before, &after).unwrap();
        assert!(woven.ends_with(r#""k":{"[NAME]":1.0,"o":2e0}}"#), "{woven}");
        assert!(
            weave("[1]", &serde_json::json!([1]), &serde_json::json!(["a"])).unwrap() == r#"["a"]"#
        );
    }
}

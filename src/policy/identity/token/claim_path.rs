//! Where in a token's payload a claim stands: `sub`, `app_metadata.org`, or the JSON pointer
//! `/app_metadata/org` (RFC 6901). Settings name claims by it.
//!
//! Invariant: a path is read one way only. With `/` at its start it is a pointer; a name with
//! `/` or `:` elsewhere is one whole name, as the URLs are by which issuers name claims of their
//! own; else dots go down.

use serde_json::{Map, Value};

/// A claim's place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimPath(Vec<String>);

impl ClaimPath {
    /// Reads a path; none where a name in it is empty or a pointer's escape is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let names: Option<Vec<String>> = match text.strip_prefix('/') {
            Some(pointer) => pointer.split('/').map(unescape).collect(),
            None if text.contains(['/', ':']) => Some(vec![text.to_owned()]),
            None => Some(text.split('.').map(str::to_owned).collect()),
        };
        names.filter(|names| names.iter().all(|name| !name.is_empty())).map(Self)
    }

    /// The claim of this name, at the top.
    pub fn top(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }

    /// What stands there. Null counts as nothing.
    pub fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let (first, deeper) = self.0.split_first()?;
        let value = deeper.iter().try_fold(claims.get(first)?, |value, name| value.get(name))?;
        (!value.is_null()).then_some(value)
    }
}

/// `~1` is `/` and `~0` is `~`; nothing else may follow a `~`.
fn unescape(name: &str) -> Option<String> {
    let mut pieces = name.split('~');
    let mut plain = pieces.next()?.to_owned();
    for piece in pieces {
        let (escape, rest) = piece.split_at_checked(1)?;
        plain.push(match escape {
            "0" => '~',
            "1" => '/',
            _ => return None,
        });
        plain.push_str(rest);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_finds_what_it_names() {
        let claims = json!({
            "sub": "s", "none": null, "list": ["x"],
            "app_metadata": {"org": "o", "a/b": "slash", "a~b": "tilde", "a.b": "dot"},
            "https://example.com/org": "url", "cognito:groups": "groups",
        });
        let find = |path: &str| {
            ClaimPath::parse(path)
                .unwrap()
                .find(claims.as_object().unwrap())
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        for (path, value) in [
            ("sub", "s"),
            ("/sub", "s"),
            ("app_metadata.org", "o"),
            ("/app_metadata/org", "o"),
            ("/app_metadata/a~1b", "slash"),
            ("/app_metadata/a~0b", "tilde"),
            ("/app_metadata/a.b", "dot"),
            ("https://example.com/org", "url"),
            ("cognito:groups", "groups"),
        ] {
            assert_eq!(find(path).as_deref(), Some(value), "{path}");
        }
        for path in ["other", "none", "sub.deeper", "app_metadata.a.b", "/list/x"] {
            assert_eq!(find(path), None, "{path}");
        }
    }

    #[test]
    fn a_path_without_a_name_is_none() {
        for path in ["", "/", ".", "a.", "a..b", "/a//b", "/a~", "/a~2", "/a~é"] {
            assert_eq!(ClaimPath::parse(path), None, "{path}");
        }
    }
}

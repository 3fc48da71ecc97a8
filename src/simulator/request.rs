//! One request as the simulator received it; platforms read it, tests find it in the journal.
//!
//! Invariant: nothing is interpreted but the request line, the framing and what a method is asked
//! for, so that a test sees what was really sent.

use std::fmt;

use bytes::Bytes;
use serde_json::Value;

/// A received request.
#[derive(Clone, Default)]
pub struct Received {
    /// Its number in the order in which requests arrived, from 1.
    pub at: u64,
    /// The first path segment: `make`, `zaia`, `acp`, `agentbase` or whatever stood there.
    pub platform: String,
    /// The method.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Header fields as sent, in order.
    pub headers: Vec<(String, String)>,
    /// The body, without its framing.
    pub body: Bytes,
}

impl Received {
    /// The value of the first field of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.iter();
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The path's segments after the platform's own; an empty one at the end is left out.
    pub fn segments(&self) -> Vec<&str> {
        let mut segments: Vec<&str> = self.path().split('/').skip(2).collect();
        if segments.last() == Some(&"") {
            segments.pop();
        }
        segments
    }

    /// The decoded value of a query parameter.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The body as JSON. Like many servers, the platforms read no body that does not say that it
    /// is JSON.
    pub fn json(&self) -> Option<Value> {
        let json = self.header("content-type")?.starts_with("application/json");
        json.then(|| serde_json::from_slice(&self.body).ok())?
    }

    /// The credential behind this scheme word; an empty word is none. Credentials that no
    /// platform could have issued are as good as none: `wrong…`, and the gateway's own keys.
    pub fn credential(&self, scheme: &str) -> Option<&str> {
        let credential = self.header("authorization")?.strip_prefix(scheme)?;
        let plausible = !credential.is_empty()
            && !credential.contains(' ')
            && !credential.starts_with("wrong")
            && !credential.starts_with("swy_");
        plausible.then_some(credential)
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        write!(f, "#{} {} {path} [{} bytes]", self.at, self.method, self.body.len())
    }
}

#[cfg(test)]
impl Received {
    /// A JSON request, for the platforms' tests.
    pub fn post(target: &str, credential: &str, body: &Value) -> Self {
        let headers = [("authorization", credential), ("content-type", "application/json")];
        Self {
            at: 1,
            platform: target.split('/').nth(1).unwrap_or_default().to_owned(),
            method: "POST".to_owned(),
            target: target.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            body: body.to_string().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received() -> Received {
        Received {
            target: "/make/a/b/?teamId=1&name=J%C3%B6rg+B".to_owned(),
            headers: vec![("AUTHORIZATION".to_owned(), "Token secret-1".to_owned())],
            body: "{\"a\":1}".into(),
            ..Received::default()
        }
    }

    #[test]
    fn a_target_is_taken_apart() {
        let received = received();
        assert_eq!(received.segments(), ["a", "b"]);
        assert_eq!(received.query("name").as_deref(), Some("Jörg B"));
        assert_eq!(received.query("nam"), None);
    }

    #[test]
    fn a_body_is_json_only_where_it_says_so() {
        let mut received = received();
        assert_eq!(received.json(), None);
        received.headers.push(("Content-Type".into(), "application/json; charset=utf-8".into()));
        assert_eq!(received.json(), Some(serde_json::json!({"a": 1})));
    }

    #[test]
    fn credentials_need_their_scheme_and_never_show() {
        let mut received = received();
        assert_eq!(received.credential("Token "), Some("secret-1"));
        assert_eq!(received.credential("Bearer "), None);
        assert_eq!(received.credential(""), None);
        assert!(!format!("{received:?}").contains("secret"));
        received.headers[0].1 = "Token swy_acme_1".to_owned();
        assert_eq!(received.credential("Token "), None);
    }
}

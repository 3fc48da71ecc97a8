//! Reads a query string against the keys that an operation takes. Called by every face.
//!
//! Invariant: a key that is not known, or comes twice, is refused by name.

use crate::error::{Error, Result};

/// The parameters of one request, decoded.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `query`; every key must be among `known`.
    pub fn read(query: Option<&str>, known: &[&str]) -> Result<Self> {
        Self::of(query, known, None)
    }

    /// The same, with any keys besides that begin with `prefix`; these may come several times.
    pub fn with_more(query: Option<&str>, known: &[&str], prefix: &str) -> Result<Self> {
        Self::of(query, known, Some(prefix))
    }

    fn of(query: Option<&str>, known: &[&str], prefix: Option<&str>) -> Result<Self> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (key, value) in form_urlencoded::parse(query.unwrap_or("").as_bytes()) {
            let more = prefix.and_then(|prefix| key.strip_prefix(prefix));
            if more.is_some_and(|rest| !rest.is_empty()) {
                pairs.push((key.into_owned(), value.into_owned()));
                continue;
            }
            if !known.contains(&key.as_ref()) {
                return Err(Error::invalid(key, expected(known)));
            }
            if pairs.iter().any(|(other, _)| *other == key) {
                return Err(Error::invalid(key, "given twice"));
            }
            pairs.push((key.into_owned(), value.into_owned()));
        }
        Ok(Self(pairs))
    }

    /// A parameter, if it was given and is not empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The parameters whose key begins with `prefix`, without it.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
        let below = move |(key, value): &(String, String)| {
            Some((key.strip_prefix(prefix)?.to_owned(), value.clone()))
        };
        self.0.iter().filter_map(below)
    }

    /// A parameter read by `parse`, whose failure is told as `must`.
    pub fn parsed<T>(
        &self,
        key: &str,
        must: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(text) = self.get(key) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| Error::invalid(key, must))
    }
}

fn expected(known: &[&str]) -> String {
    if known.is_empty() {
        return "this operation takes no query parameters".to_owned();
    }
    format!("unknown query parameter, expected one of: {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_repeated_keys_are_refused_by_name() {
        for (query, path) in [("colour=red", "colour"), ("limit=1&limit=2", "limit")] {
            let refused = Query::read(Some(query), &["limit"]).unwrap_err();
            assert_eq!(refused.fields()[0].path, path);
        }
        assert!(Query::read(Some("a=1"), &[]).is_err());
        assert!(Query::read(None, &[]).is_ok());
    }

    #[test]
    fn values_are_decoded_and_empty_ones_are_absent() {
        let query = Query::read(Some("agent=make-eu%3A1+2&status="), &["agent", "status"]).unwrap();
        assert_eq!(query.get("agent"), Some("make-eu:1 2"));
        assert_eq!(query.get("status"), None);
    }

    #[test]
    fn a_value_that_cannot_be_read_is_refused_with_what_it_must_be() {
        let query = Query::read(Some("limit=ten"), &["limit"]).unwrap();
        let refused = query.parsed("limit", "a number", |text| text.parse::<u8>().ok());
        let field = &refused.unwrap_err().fields()[0].clone();
        assert_eq!((field.path.as_str(), field.message.as_str()), ("limit", "a number"));
    }
}

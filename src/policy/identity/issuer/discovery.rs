//! The document by which a provider says where its keys are (OpenID Connect Discovery 1.0
//! section 4.2). [`super::keys`] reads it where no address of keys is configured.
//!
//! Invariant: a document that speaks for another issuer, or names an address that may not be
//! asked, says nothing.

use http::Uri;
use serde::Deserialize;

use super::address::{self, Plain};

/// The most that the document may be, in bytes. Usual ones have two to six thousand.
pub(super) const LARGEST: usize = 256 * 1024;

/// Why a document says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadDocument {
    /// It is not JSON, or lacks `issuer` or `jwks_uri`.
    #[error("not a discovery document")]
    NotADocument,
    /// It is another issuer's (section 4.3: the two must be the same exactly).
    #[error("the document is another issuer's")]
    OtherIssuer,
    /// Its keys may not be fetched from there.
    #[error("the document names an address that may not be asked")]
    Address,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

/// Where the keys of `issuer` are.
pub(super) fn read(text: &[u8], issuer: &str, plain: Plain) -> Result<Uri, BadDocument> {
    let document: Document = serde_json::from_slice(text).map_err(|_| BadDocument::NotADocument)?;
    if document.issuer != issuer {
        return Err(BadDocument::OtherIssuer);
    }
    address::permitted(&document.jwks_uri, plain).ok_or(BadDocument::Address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(issuer: &str, keys: &str, plain: Plain) -> Result<Uri, BadDocument> {
        let text = serde_json::json!({"issuer": issuer, "jwks_uri": keys, "more": [1]});
        read(text.to_string().as_bytes(), "https://id.example.com", plain)
    }

    #[test]
    fn a_document_of_the_issuer_says_where_its_keys_are() {
        let keys = "https://keys.example.com/k";
        let uri = found("https://id.example.com", keys, Plain::Never);
        assert_eq!(uri, Ok(Uri::from_static("https://keys.example.com/k")));
    }

    #[test]
    fn a_document_that_may_not_be_followed_says_nothing() {
        let keys = "https://keys.example.com/k";
        for issuer in ["https://id.example.com/", "https://evil.example.com", ""] {
            assert_eq!(found(issuer, keys, Plain::Never), Err(BadDocument::OtherIssuer));
        }
        for keys in ["http://127.0.0.1/k", "http://169.254.169.254/", "file:///k", "k"] {
            let found = found("https://id.example.com", keys, Plain::Never);
            assert_eq!(found, Err(BadDocument::Address), "{keys}");
        }
        for text in ["", "<html>", "[]", "{}", r#"{"issuer":"https://id.example.com"}"#] {
            let read = read(text.as_bytes(), "https://id.example.com", Plain::Never);
            assert_eq!(read, Err(BadDocument::NotADocument), "{text}");
        }
    }
}

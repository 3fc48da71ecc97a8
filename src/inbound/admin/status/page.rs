//! `GET /status`: the page itself, one document that asks for nothing but `/admin/status`. It holds
//! no data, so that anybody may have it; what it shows it reads with the key that is typed into it.
//!
//! Invariant: its policy lets run and apply nothing but the one script and the one style that stand
//! in it, by their hashes, and lets it talk to nobody but the gateway that it came from.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::request::Parts as Head;
use http::{HeaderValue, Response, StatusCode};
use ring::digest::{SHA256, digest};

use crate::error::{Error, Kind, Result};
use crate::http::body::Body;
use crate::inbound::query::Query;
use crate::inbound::{answer, headers};

const DOCUMENT: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const HTML: &str = "text/html";

/// The page, written once.
#[derive(Debug)]
pub struct Page {
    text: Bytes,
    policy: String,
}

impl Page {
    /// Writes it.
    pub fn new() -> Self {
        let text = DOCUMENT.replace("{style}", STYLE).replace("{script}", SCRIPT);
        let policy = format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'",
            hash(SCRIPT),
            hash(STYLE)
        );
        Self { text: text.into(), policy }
    }

    /// The answer.
    pub fn answer(&self, head: &Head) -> Result<Response<Body>> {
        Query::read(head.uri.query(), &[])?;
        headers::require_accepts(&head.headers, HTML)?;
        let media_type = HeaderValue::from_static("text/html; charset=utf-8");
        let mut response = answer::bytes_of(StatusCode::OK, media_type, self.text.clone());
        let policy = HeaderValue::try_from(&self.policy).map_err(|cause| {
            Error::new(Kind::Internal, "the page's policy is no header").caused_by(cause)
        })?;
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        let fixed = HeaderValue::from_static;
        headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
        headers.insert(X_FRAME_OPTIONS, fixed("DENY"));
        headers.insert(REFERRER_POLICY, fixed("no-referrer"));
        headers.insert(CACHE_CONTROL, fixed("no-store"));
        let same_origin = fixed("same-origin");
        for name in ["cross-origin-opener-policy", "cross-origin-resource-policy"] {
            headers.insert(HeaderName::from_static(name), same_origin.clone());
        }
        Ok(response)
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::new()
    }
}

/// The hash of a text as policies of content name it.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands between the tags of a name, which are there once.
    fn between<'a>(text: &'a str, tag: &str) -> &'a str {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        assert_eq!((text.matches(&open).count(), text.matches(&close).count()), (1, 1), "{tag}");
        text.split(&open).nth(1).unwrap().split(&close).next().unwrap()
    }

    #[test]
    fn the_policy_names_the_one_script_and_the_one_style_of_the_page() {
        let page = Page::new();
        let text = std::str::from_utf8(&page.text).unwrap();
        for (tag, directive) in [("script", "script-src"), ("style", "style-src")] {
            let named = format!("{directive} '{}';", hash(between(text, tag)));
            assert!(page.policy.contains(&named), "{named} is not in {}", page.policy);
        }
        assert!(!text.contains(" style=") && !text.contains(" onclick="), "inline is refused");
    }

    #[test]
    fn the_page_names_nothing_beyond_the_gateway() {
        let page = Page::new();
        let text = std::str::from_utf8(&page.text).unwrap();
        for outside in ["http:", "https:", "//", "@import", "url(", "src="] {
            let lines = text.lines().filter(|line| !line.trim().starts_with("//"));
            // The one address there is names a vocabulary, and is never fetched.
            let mut lines = lines.map(|line| line.replace("http://www.w3.org/2000/svg", ""));
            let found = lines.find(|line| line.contains(outside));
            assert_eq!(found, None, "{outside}");
        }
        assert!(!text.contains("innerHTML") && !text.contains("document.write"));
    }
}

//! The section `upstreams`: the platforms, by name. [`super::load`] calls it. What only a kind of
//! platform has goes unread into `settings`; the vendor checks it.
//!
//! Invariant: a base URL holds no credential and no query, and a credential can stand in a
//! header.

use std::fmt;

use http::{HeaderValue, Uri};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::bounds::{self, Breaker, Caps, Clocks};
use super::check::{self, Check};
use super::describe::{Key, Setting, Shape};
use super::overload;
use super::reader::Section;
use super::secret::Secret;

/// A platform.
#[derive(Clone, PartialEq)]
pub struct Upstream {
    /// Its name.
    pub name: String,
    /// Its kind, a folder of `outbound/`.
    pub kind: String,
    /// Where its API is; without a trailing slash.
    pub base_url: Uri,
    /// The gateway's credential there.
    pub credential: Secret,
    /// What only platforms of its kind have, as written; the vendor checks it.
    pub settings: Map<String, Value>,
    /// Whether a caller may ask the platform itself to call somebody back.
    pub native_callbacks: bool,
    /// The four clocks.
    pub clocks: Clocks,
    /// Calls at a time.
    pub max_concurrent: usize,
    /// Who waits when as many are under way.
    pub queue: overload::Queue,
    /// When to stop calling.
    pub breaker: Breaker,
    /// How it is asked whether it is there.
    pub check: Option<Check>,
    /// Bounds of an answer.
    pub caps: Caps,
    /// Whether it is told which trace a call belongs to.
    pub propagate_trace: bool,
    /// The workspaces whose callers may see it; none for all.
    pub workspaces: Vec<String>,
    /// The calls of its own API that pass the reverse proxy; none for those that its documents name.
    pub proxy_allow: Vec<String>,
}

impl fmt::Debug for Upstream {
    /// Without the settings: references in them may stand for anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("base_url", &self.base_url)
            .field("native_callbacks", &self.native_callbacks)
            .field("clocks", &self.clocks)
            .field("max_concurrent", &self.max_concurrent)
            .field("queue", &self.queue)
            .field("breaker", &self.breaker)
            .field("caps", &self.caps)
            .finish_non_exhaustive()
    }
}

/// The longest name: it stands in labels, log lines and paths.
const MAX_NAME: usize = 40;
/// Far above what the platforms grant one account, so that only a runaway meets it.
const MAX_CONCURRENT: Setting<u32> = Setting::new(
    "max_concurrent",
    "Calls to it at a time.",
    1_000,
    1..=100_000,
    "none would call nobody, and a machine has no more sockets",
);

const PROPAGATE: &str = "Whether it is told which trace a call belongs to: `traceparent` and the \
                         caller's `tracestate`.";
const WORKSPACES: &str = "The workspaces whose callers may see it; left out, all.";

pub(super) fn read(root: &mut Section<'_>) -> IndexMap<String, Upstream> {
    let about = "The platforms, by a name of your choice.";
    let entries = root.entries(Key::new("upstreams", Shape::Entries, about).required());
    if entries.is_empty() && root.has("upstreams") {
        root.refuse("upstreams", "names no platform");
    }
    let read = |(name, mut section): (String, Section<'_>)| {
        if !is_name(&name) {
            let rule = "is no name for an upstream (small letters, digits and `-`, at most 40)";
            section.refuse_key(rule);
        }
        (name.clone(), read_one(name, section))
    };
    entries.into_iter().map(read).collect()
}

fn read_one(name: String, mut section: Section<'_>) -> Upstream {
    let about = "Its kind: which platform it is.";
    let kind = section.text(Key::new("kind", Shape::Text, about).required());
    let base_url = read_base_url(&mut section);
    let about = "The gateway's credential there, as `${env:NAME}` or `${file:/path}`.";
    let credential = section.secret("credential", about);
    if credential.as_ref().is_some_and(|secret| HeaderValue::from_str(secret.reveal()).is_err()) {
        section.refuse("credential", "holds what cannot stand in a header (a line break?)");
    }
    let about = "Whether a caller may ask the platform itself to call somebody back; what it \
                 sends then passes no policy.";
    let callbacks = Key::new("native_callbacks", Shape::Text, about).default("deny");
    let callbacks = section.choice(callbacks, &["allow", "deny"]);
    let proxy_allow = read_proxy(&mut section);
    Upstream {
        name,
        kind: kind.unwrap_or_default(),
        base_url: base_url.unwrap_or_default(),
        credential: credential.unwrap_or_else(|| Secret::new("")),
        native_callbacks: callbacks.as_deref() == Some("allow"),
        clocks: bounds::read_clocks(&mut section),
        max_concurrent: section.count(&MAX_CONCURRENT) as usize,
        queue: overload::read_queue(&mut section),
        breaker: bounds::read_breaker(&mut section),
        check: check::read(&mut section),
        caps: bounds::read_caps(&mut section),
        propagate_trace: section.flag("propagate_trace", PROPAGATE, false),
        workspaces: section.texts(Key::new("workspaces", Shape::Texts, WORKSPACES)),
        proxy_allow,
        settings: section.rest("What only platforms of this kind have."),
    }
}

/// What stands for all that the platform's documents name.
const DOCUMENTED: &str = "documented";

fn read_proxy(upstream: &mut Section<'_>) -> Vec<String> {
    let mut section = upstream.section("proxy", "The reverse proxy to its own API.");
    let about = "The calls that pass, like `GET /v1/agents/*` (one segment) or `* /v1/**` (all \
                 below); `documented` stands for those that the platform's documents name of agents \
                 and runs. Left out, these alone.";
    let allow = section.texts(Key::new("allow", Shape::Texts, about));
    for (at, entry) in allow.iter().enumerate() {
        if entry != DOCUMENTED && !is_call(entry) {
            let rule = "must be `documented`, or a method and a path, like `GET /v1/agents/*`";
            section.refuse(&format!("allow[{at}]"), rule);
        }
    }
    section.finish();
    allow
}

fn is_call(entry: &str) -> bool {
    let Some((method, path)) = entry.split_once(' ') else { return false };
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '%' | '{' | ';');
    let is_segment = |(at, segment): (usize, &str)| match segment {
        "" | "*" => true,
        "**" => path.split('/').count() == at + 1,
        "." | ".." => false,
        literal => !literal.contains('*'),
    };
    (method == "*" || method.parse::<http::Method>().is_ok_and(|it| it.as_str() == method))
        && path.starts_with('/')
        && path.chars().all(is_plain)
        && path.split('/').enumerate().all(is_segment)
}

fn is_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_letter)
}

fn read_base_url(section: &mut Section<'_>) -> Option<Uri> {
    let about = "Where its API is, like `https://api.example.com/v2`.";
    let text = section.text(Key::new("base_url", Shape::Text, about).required())?;
    base_url(&text).map_err(|message| section.refuse("base_url", message)).ok()
}

fn base_url(text: &str) -> Result<Uri, &'static str> {
    const NO_URL: &str = "is no URL (write it like `https://api.example.com/v2`)";
    if text.contains(['?', '#']) {
        return Err("must have no query and no fragment");
    }
    let url: Uri = text.trim_end_matches('/').parse().map_err(|_| NO_URL)?;
    let authority = url.authority().ok_or(NO_URL)?;
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return Err("must begin with `https://` or `http://`");
    }
    if authority.as_str().contains('@') {
        return Err("must hold no user name or password (the credential has its own key)");
    }
    if authority.host().is_empty() {
        return Err(NO_URL);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_loses_its_trailing_slash() {
        assert_eq!(base_url("https://a.example/api/v2/").unwrap().path(), "/api/v2");
        assert_eq!(base_url("http://127.0.0.1:81").unwrap().authority().unwrap(), "127.0.0.1:81");
    }

    #[test]
    fn a_base_url_holds_no_credential_query_or_other_scheme() {
        for wrong in [
            "a.example",
            "ftp://a.example",
            "https://u:p@a.example",
            "https://a.example/?key=1",
            "https://a.example/#x",
            "https://",
            "https:///path",
            "/path",
            "not a url",
        ] {
            assert!(base_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_call_is_a_method_and_a_path() {
        for entry in ["GET /", "POST /v1/agents/*/run", "* /v1/**", "PURGE /x/"] {
            assert!(is_call(entry), "{entry}");
        }
        for wrong in [
            "",
            "GET",
            "/v1",
            "GET v1",
            "GET  /v1",
            "GET /v1?x",
            "GET /**/x",
            "GET /a*",
            "GET /../a",
            "GET /a%2f",
            "GET /a b",
            "G(T /a",
            "GET /{agent}",
        ] {
            assert!(!is_call(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_name_is_short_and_plain() {
        assert!(is_name("make-eu"));
        for wrong in ["", "Make", "a_b", "a.b", "a:b", "a/b", &"a".repeat(41)] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }
}

//! The section `identity.issuers`: who issues tokens, and what their claims mean here.
//! [`super::identity`] calls it.
//!
//! Invariant: every issuer says whom it speaks to and to which workspace its callers belong.

use std::time::Duration;

use super::describe::{Key, Setting, Shape};
use super::identity::{is_word, read_scopes};
use super::reader::Section;
use crate::model::scope::Scopes;

/// Who issues tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Issuer {
    /// Its name here.
    pub name: String,
    /// The project, for ID tokens of Firebase.
    pub firebase: Option<String>,
    /// What its tokens have as `iss`; empty for a preset.
    pub issuer: String,
    /// What one of its tokens' `aud` must be; empty for a preset.
    pub audiences: Vec<String>,
    /// Where its keys are; by OIDC discovery where none is given.
    pub jwks_url: Option<String>,
    /// The algorithms that it signs with; empty for a preset.
    pub algorithms: Vec<String>,
    /// The workspace of all its callers.
    pub workspace: Option<String>,
    /// Or the claim that names it.
    pub workspace_claim: Option<String>,
    /// The claim that says who it is.
    pub subject_claim: String,
    /// The claim that says what people call it.
    pub name_claim: Option<String>,
    /// The claim with its groups.
    pub groups_claim: Option<String>,
    /// The claim with its scopes.
    pub scopes_claim: Option<String>,
    /// Scopes that all its callers have.
    pub scopes: Scopes,
    /// Scopes that come with a group.
    pub group_scopes: Vec<(String, Scopes)>,
    /// Claims that must be there.
    pub required_claims: Vec<String>,
    /// How far its clock may be off.
    pub skew: Duration,
    /// How often its keys are fetched.
    pub refresh: Duration,
    /// The least time between two fetches.
    pub min_interval: Duration,
    /// How long its keys are good after they were last fetched.
    pub stale: Duration,
    /// How long one fetch may take.
    pub timeout: Duration,
    /// Whether it may be asked without TLS.
    pub allow_http: bool,
    /// The rate class of its callers.
    pub class: Option<String>,
}

/// Where RFC 7519 has it.
const SUBJECT: &str = "sub";
/// The algorithms that are offered: public-key signatures only.
const ALGORITHMS: &[&str] =
    &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// Clocks of machines that keep time are seconds apart.
const SKEW: Setting<Duration> = Setting::new(
    "skew",
    "How far its clock may be off.",
    Duration::from_secs(60),
    Duration::ZERO..=Duration::from_secs(300),
    "more keeps expired tokens alive",
);
/// Providers publish a new key hours before they use it.
const REFRESH: Setting<Duration> = Setting::new(
    "refresh",
    "How often its keys are fetched.",
    Duration::from_secs(300),
    Duration::from_secs(1)..=Duration::from_secs(24 * 3600),
    "less is a load on it, and more is late to see a key go",
);
/// A storm of tokens with unknown keys must not become a storm on the provider.
const MIN_INTERVAL: Setting<Duration> = Setting::new(
    "min_interval",
    "The least time between two fetches, however many tokens name a key that is not known.",
    Duration::from_secs(10),
    Duration::from_secs(1)..=Duration::from_secs(3600),
    "less amplifies an attack, and more keeps a new key waiting",
);
/// A provider that is down for a day is a problem of its own.
const STALE: Setting<Duration> = Setting::new(
    "stale",
    "How long its keys are good after they were last fetched, while it cannot be asked.",
    Duration::from_secs(24 * 3600),
    Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 3600),
    "less refuses callers at every hiccup, and more trusts keys that may be gone",
);
/// The first callers wait for it.
const TIMEOUT: Setting<Duration> = Setting::new(
    "timeout",
    "How long one fetch of its keys may take.",
    Duration::from_secs(5),
    Duration::from_millis(100)..=Duration::from_secs(30),
    "less is shorter than a network is, and more is longer than a caller waits",
);

pub(super) fn read(identity: &mut Section<'_>) -> Vec<Issuer> {
    let about = "Who issues tokens (JWT) that callers may carry.";
    let mut issuers: Vec<Issuer> = Vec::new();
    for mut item in identity.items("issuers", about) {
        let issuer = read_one(&mut item);
        if issuers.iter().any(|other| other.name == issuer.name && !issuer.name.is_empty()) {
            item.refuse("name", "is the name of an earlier issuer");
        }
        let is_same = |other: &&Issuer| other.issuer == issuer.issuer && !issuer.issuer.is_empty();
        if issuers.iter().any(|other| is_same(&other)) {
            item.refuse("issuer", "is an earlier entry's: one token would have two meanings");
        }
        item.finish();
        issuers.push(issuer);
    }
    issuers
}

fn read_one(section: &mut Section<'_>) -> Issuer {
    let text =
        |section: &mut Section<'_>, name, about| section.text(Key::new(name, Shape::Text, about));
    let name = section.text(Key::new("name", Shape::Text, "Its name here.").required());
    if name.as_deref().is_some_and(|name| !is_word(name)) {
        section.refuse("name", "is no name (letters, digits, `.`, `_` and `-`, at most 80)");
    }
    let about = "The project, for ID tokens of Firebase: stands for `issuer`, `audience`, \
                 `jwks_url` and `algorithms`.";
    let firebase = text(section, "firebase", about);
    let issuer = text(section, "issuer", "What its tokens have as `iss`.");
    let about = "What one of its tokens' `aud` must be.";
    let audiences = section.texts(Key::new("audience", Shape::Texts, about));
    let about = "Where its keys are; left out, they are found by OIDC discovery.";
    let jwks_url = text(section, "jwks_url", about);
    let about = "The algorithms that it signs with.";
    let algorithms = section.choices(Key::new("algorithms", Shape::Texts, about), ALGORITHMS);
    let workspace = text(section, "workspace", "The workspace of all its callers.");
    let about = "Or the claim that names the workspace, like `org` or `/app/org`.";
    let workspace_claim = text(section, "workspace_claim", about);
    let about = "The claim that says who it is.";
    let subject_claim =
        section.text(Key::new("subject_claim", Shape::Text, about).default(SUBJECT));
    let about = "The claim that says what people call it.";
    let name_claim = text(section, "name_claim", about);
    let groups_claim = text(section, "groups_claim", "The claim with its groups.");
    let scopes_claim = text(section, "scopes_claim", "The claim with its scopes, like `scope`.");
    let scopes = read_scopes(section, "scopes", "Scopes that all its callers have.");
    let mut group_scopes = Vec::new();
    for mut item in section.items("group_scopes", "Scopes that come with a group.") {
        let group = item.text(Key::new("group", Shape::Text, "The group.").required());
        let scopes = read_scopes(&mut item, "scopes", "What its members may do at all.");
        item.finish();
        group_scopes.extend(group.map(|group| (group, scopes)));
    }
    let about = "Claims that must be there.";
    let required_claims = section.texts(Key::new("required_claims", Shape::Texts, about));
    let issuer = Issuer {
        name: name.unwrap_or_default(),
        firebase,
        issuer: issuer.unwrap_or_default(),
        audiences,
        jwks_url,
        algorithms,
        workspace,
        workspace_claim,
        subject_claim: subject_claim.unwrap_or_else(|| SUBJECT.to_owned()),
        name_claim,
        groups_claim,
        scopes_claim,
        scopes,
        group_scopes,
        required_claims,
        skew: section.duration(&SKEW),
        refresh: section.duration(&REFRESH),
        min_interval: section.duration(&MIN_INTERVAL),
        stale: section.duration(&STALE),
        timeout: section.duration(&TIMEOUT),
        class: text(section, "class", "The rate class of its callers."),
        allow_http: section.flag("allow_http", "Whether it may be asked without TLS.", false),
    };
    check(section, &issuer);
    issuer
}

/// What only holds between several keys.
fn check(section: &mut Section<'_>, issuer: &Issuer) {
    if issuer.firebase.is_some() {
        for name in ["issuer", "audience", "jwks_url", "algorithms"] {
            if section.has(name) {
                section.refuse(name, "is what `firebase` stands for");
            }
        }
    } else {
        for name in ["issuer", "audience", "algorithms"] {
            if section.is_clean() && !section.has(name) {
                section.refuse_key(format!("`{name}` is missing"));
            }
        }
    }
    match (&issuer.workspace, &issuer.workspace_claim) {
        (Some(_), Some(_)) => {
            section.refuse("workspace_claim", "cannot stand beside `workspace`");
        }
        (None, None) if section.is_clean() => {
            section.refuse_key("`workspace` is missing (or `workspace_claim`)");
        }
        (Some(workspace), None) if !is_word(workspace) => {
            section.refuse("workspace", "is no name for a workspace");
        }
        (Some(_), None) | (None, Some(_)) | (None, None) => {}
    }
    for (name, url) in [("issuer", Some(&issuer.issuer)), ("jwks_url", issuer.jwks_url.as_ref())] {
        let is_url = |url: &String| {
            url.starts_with("https://")
                || url.starts_with("http://") && (issuer.allow_http || is_loopback(url))
        };
        // An `iss` may be any text, but only a URL leads to keys.
        let must = name == "jwks_url" || issuer.jwks_url.is_none() && issuer.firebase.is_none();
        if must && section.has(name) && url.is_some_and(|url| !is_url(url)) {
            section.refuse(name, "must begin with `https://` (or say `allow_http: true`)");
        }
    }
}

fn is_loopback(url: &str) -> bool {
    let host = url.strip_prefix("http://").unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|own| {
        host.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    })
}

//! The settings of one issuer: what its tokens must be, and how its keys are had. The
//! configuration fills them; [`super::Issuers`] follows them.
//!
//! Invariant: settings that passed [`IssuerSettings::check`] ask no provider more often than
//! once a second.

use std::time::Duration;

use http::Uri;

use super::address::{self, Plain};
use crate::policy::identity::token::rules::BadRules;
use crate::policy::identity::token::{ClaimPath, Rules, Workspace};

/// How often keys are fetched anew, where nothing is said: soon enough that a key which the
/// issuer withdrew does not serve for long.
pub const REFRESH: Duration = Duration::from_secs(5 * 60);
/// The least time between two fetches, where nothing is said.
pub const MIN_INTERVAL: Duration = Duration::from_secs(10);
/// How long keys serve after the last fetch that worked, where nothing is said: a provider's bad
/// day must not be ours.
pub const STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest that keys may be let serve so: a key that was stolen and withdrawn would as long.
pub const MOST_STALE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The clock over one fetch, discovery and keys together, where nothing is said.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest clock that may be set: the first callers wait for it.
pub const MOST_TIMEOUT: Duration = Duration::from_secs(30);
/// The shortest interval that may be set.
pub const LEAST_INTERVAL: Duration = Duration::from_secs(1);

/// Where Google publishes the keys of Firebase's ID tokens as JWKs.
const FIREBASE_KEYS: &str =
    "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";

/// One issuer.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// What its tokens must be, and who their bearers are.
    pub rules: Rules,
    /// Where its keys are; none where OIDC discovery says it.
    pub jwks_url: Option<String>,
    /// How often keys are fetched anew.
    pub refresh: Duration,
    /// The least time between two fetches, whatever callers send.
    pub min_interval: Duration,
    /// How long keys serve after the last fetch that worked.
    pub stale: Duration,
    /// The clock over one fetch.
    pub timeout: Duration,
    /// Whether keys may come in the clear from other machines. For closed networks only: who can
    /// change what is fetched can make any token.
    pub allow_http: bool,
}

/// Why settings cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    /// What tokens must be.
    #[error(transparent)]
    Rules(#[from] BadRules),
    /// The address of keys or issuer.
    #[error("keys are fetched over https, or over http from this machine")]
    Address,
    /// One of the times.
    #[error("`min_interval` is 1 s or more, then come `refresh` and `stale`, up to 7 days")]
    Times,
    /// The clock over a fetch.
    #[error("`timeout` is more than 0 and at most 30 s")]
    Timeout,
    /// Two issuers have the same name, or the same `iss`.
    #[error("two issuers have the same name or the same `issuer`")]
    Twice,
}

/// How one finds out where the keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// They are there.
    Keys(Uri),
    /// A document there says it (OpenID Connect Discovery 1.0 section 4).
    Discovery(Uri),
}

impl IssuerSettings {
    /// Settings with defaults, by discovery.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            jwks_url: None,
            refresh: REFRESH,
            min_interval: MIN_INTERVAL,
            stale: STALE,
            timeout: TIMEOUT,
            allow_http: false,
        }
    }

    /// The ID tokens of a Firebase project, by the rules that Firebase gives for verifying them
    /// with another library: RS256, the project as audience, `sub` not empty, `auth_time` in the
    /// past.
    pub fn firebase(name: &str, project: &str, workspace: Workspace) -> Self {
        let issuer = format!("https://securetoken.google.com/{project}");
        let mut rules = Rules::new(name, &issuer, project, workspace);
        rules.past = vec![ClaimPath::top("auth_time")];
        // A Firebase token carries whatever custom claims its project set; none is taken for
        // scopes unless the settings say so.
        rules.scopes_claim = None;
        Self { jwks_url: Some(FIREBASE_KEYS.to_owned()), ..Self::new(rules) }
    }

    /// Whether they can be followed.
    pub fn check(&self) -> Result<(), BadSettings> {
        self.rules.check()?;
        self.source().ok_or(BadSettings::Address)?;
        let times = [LEAST_INTERVAL, self.min_interval, self.refresh, self.stale, MOST_STALE];
        if !times.is_sorted() {
            return Err(BadSettings::Times);
        }
        if self.timeout.is_zero() || self.timeout > MOST_TIMEOUT {
            return Err(BadSettings::Timeout);
        }
        Ok(())
    }

    pub(super) fn source(&self) -> Option<Source> {
        let issuer = &self.rules.issuer;
        match &self.jwks_url {
            Some(url) => address::permitted(url, self.plain(url)).map(Source::Keys),
            None if issuer.contains('?') => None,
            None => {
                let base = issuer.trim_end_matches('/');
                let url = format!("{base}/.well-known/openid-configuration");
                address::permitted(&url, self.plain(issuer)).map(Source::Discovery)
            }
        }
    }

    /// What may be asked in the clear, when `configured` is the address that the operator wrote.
    pub(super) fn plain(&self, configured: &str) -> Plain {
        match (self.allow_http, address::is_local(configured)) {
            (true, _) => Plain::Anywhere,
            (false, true) => Plain::Loopback,
            (false, false) => Plain::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::identity::token::Algorithm;

    fn settings(issuer: &str) -> IssuerSettings {
        let acme = Workspace::Fixed("acme".to_owned());
        IssuerSettings::new(Rules::new("corp", issuer, "us", acme))
    }

    #[test]
    fn keys_are_discovered_where_no_address_is_given() {
        let expected = "https://id.example.com/a/.well-known/openid-configuration";
        for issuer in ["https://id.example.com/a", "https://id.example.com/a/"] {
            let source = settings(issuer).source();
            assert_eq!(source, Some(Source::Discovery(Uri::from_static(expected))));
        }
        let mut given = settings("any text");
        given.jwks_url = Some("https://id.example.com/keys".to_owned());
        let expected = Uri::from_static("https://id.example.com/keys");
        assert_eq!(given.source(), Some(Source::Keys(expected)));
        assert_eq!(given.check(), Ok(()));
    }

    #[test]
    fn settings_that_cannot_be_followed_are_found() {
        for issuer in ["http://id.example.com", "https://id.example.com/?a", "id", "ftp://id/"] {
            assert_eq!(settings(issuer).check(), Err(BadSettings::Address), "{issuer}");
        }
        let mut plain = settings("http://id.example.com");
        plain.allow_http = true;
        assert_eq!(plain.check(), Ok(()));
        assert_eq!(settings("http://127.0.0.1:1").check(), Ok(()));
        let bad = |change: fn(&mut IssuerSettings)| {
            let mut settings = settings("https://id.example.com");
            change(&mut settings);
            settings.check().unwrap_err()
        };
        assert_eq!(bad(|settings| settings.min_interval = Duration::ZERO), BadSettings::Times);
        assert_eq!(bad(|settings| settings.refresh = LEAST_INTERVAL), BadSettings::Times);
        assert_eq!(bad(|settings| settings.stale = LEAST_INTERVAL), BadSettings::Times);
        assert_eq!(bad(|settings| settings.stale = Duration::MAX), BadSettings::Times);
        assert_eq!(bad(|settings| settings.timeout = Duration::ZERO), BadSettings::Timeout);
        assert_eq!(bad(|settings| settings.timeout = Duration::MAX), BadSettings::Timeout);
        assert!(matches!(bad(|settings| settings.rules.audiences.clear()), BadSettings::Rules(_)));
    }

    #[test]
    fn firebase_needs_a_project_only() {
        let workspace = Workspace::Claim(ClaimPath::top("org"));
        let firebase = IssuerSettings::firebase("app", "acme-1", workspace);
        assert_eq!(firebase.check(), Ok(()));
        assert_eq!(firebase.rules.issuer, "https://securetoken.google.com/acme-1");
        assert_eq!(firebase.rules.audiences, ["acme-1"]);
        let algorithms: Vec<_> = firebase.rules.algorithms.iter().collect();
        assert_eq!(algorithms, [Algorithm::RS256]);
    }
}

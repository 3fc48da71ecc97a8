//! Whom a counter belongs to: the facts of a request that are known so far, and the key that the
//! dimensions of a rule make of them.
//!
//! Invariant: a key takes the same small space whatever it is made of, and different facts make
//! different keys.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use smallvec::SmallVec;

use super::rule::{Dimension, Filters};

/// Bytes of a key: most keys fit as they are, and with its length a key fills 64 bytes. What is
/// longer is digested, so that nobody can fill the memory with long names.
const INLINE: usize = 63;

/// The first byte of a digested key. A plain key begins with the length of its first part, which
/// is never so large.
const DIGESTED: u8 = 0xff;

/// What is known of a request, borrowed from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// The caller's workspace.
    pub workspace: Option<&'a str>,
    /// Who the caller is within it.
    pub subject: Option<&'a str>,
    /// The caller's rate class.
    pub class: Option<&'a str>,
    /// The operation of the API.
    pub operation: Option<&'a str>,
    /// The agent.
    pub agent: Option<&'a str>,
    /// The agent's upstream.
    pub upstream: Option<&'a str>,
    /// The tool that is called.
    pub tool: Option<&'a str>,
}

/// The key of one counter of one rule.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    length: u8,
    bytes: [u8; INLINE],
}

impl Filters {
    /// Whether all lists that are given hold what the request has. What it does not have is in no
    /// list.
    pub(super) fn admit(&self, of: &Subject<'_>) -> bool {
        fn holds(list: Option<&Vec<String>>, fact: Option<&str>) -> bool {
            list.is_none_or(|list| fact.is_some_and(|fact| list.iter().any(|item| item == fact)))
        }
        holds(self.workspaces.as_ref(), of.workspace)
            && holds(self.classes.as_ref(), of.class)
            && holds(self.operations.as_ref(), of.operation)
            && holds(self.agents.as_ref(), of.agent)
            && holds(self.upstreams.as_ref(), of.upstream)
            && holds(self.tools.as_ref(), of.tool)
    }
}

/// The part of an address that is counted: all of IPv4, also where it is written as IPv6, and the
/// /64 of IPv6.
fn network(address: IpAddr) -> SmallVec<[u8; 8]> {
    match address.to_canonical() {
        IpAddr::V4(address) => SmallVec::from_slice(&address.octets()),
        IpAddr::V6(address) => address.octets().into_iter().take(8).collect(),
    }
}

impl Key {
    /// The key of `of` by these dimensions. A fact that is not known counts as one of its own, so
    /// that leaving it out is no way around a limit.
    pub(super) fn new(by: &[Dimension], of: &Subject<'_>) -> Self {
        let address = of.address.map(network);
        let mut parts: SmallVec<[Option<&[u8]>; 8]> = SmallVec::new();
        for dimension in by {
            let fact = match dimension {
                Dimension::Address => address.as_deref(),
                Dimension::Principal => {
                    // The same name in two workspaces is two callers.
                    parts.push(of.workspace.map(str::as_bytes));
                    of.subject.map(str::as_bytes)
                }
                Dimension::Workspace => of.workspace.map(str::as_bytes),
                Dimension::Agent => of.agent.map(str::as_bytes),
                Dimension::Upstream => of.upstream.map(str::as_bytes),
                Dimension::Operation => of.operation.map(str::as_bytes),
                Dimension::Tool => of.tool.map(str::as_bytes),
            };
            parts.push(fact);
        }
        Self::plain(&parts).unwrap_or_else(|| Self::digested(&parts))
    }

    /// Each part with its length before it, 0 for what is not known; if that fits.
    fn plain(parts: &[Option<&[u8]>]) -> Option<Self> {
        let mut key = Self { length: 0, bytes: [0; INLINE] };
        for part in parts {
            let bytes = part.unwrap_or_default();
            let head = part.map_or(0, |_| bytes.len() + 1);
            key.push(&[u8::try_from(head).ok()?])?;
            key.push(bytes)?;
        }
        Some(key)
    }

    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let from = usize::from(self.length);
        let to = from + bytes.len();
        self.bytes.get_mut(from..to)?.copy_from_slice(bytes);
        self.length = u8::try_from(to).ok()?;
        Some(())
    }

    /// The digest of the parts, each with its length before it.
    fn digested(parts: &[Option<&[u8]>]) -> Self {
        let mut text = Vec::new();
        for part in parts {
            let bytes = part.unwrap_or_default();
            let head = part.map_or(0, |_| bytes.len() + 1);
            text.extend_from_slice(&head.to_le_bytes());
            text.extend_from_slice(bytes);
        }
        let mut key = Self { length: 0, bytes: [0; INLINE] };
        let fits = key.push(&[DIGESTED]).and_then(|()| key.push(digest(&SHA256, &text).as_ref()));
        debug_assert!(fits.is_some() && SHA256_OUTPUT_LEN < INLINE);
        key
    }

    /// What it is made of.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

/// A key names a caller, so it is not printed.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_address(address: &str) -> Key {
        let of = Subject { address: Some(address.parse().unwrap()), ..Subject::default() };
        Key::new(&[Dimension::Address], &of)
    }

    #[test]
    fn an_address_is_counted_by_what_one_subscriber_is_given() {
        assert_eq!(by_address("2001:db8:1:2::1"), by_address("2001:db8:1:2:ffff::9"));
        assert_ne!(by_address("2001:db8:1:2::1"), by_address("2001:db8:1:3::1"));
        assert_ne!(by_address("192.0.2.1"), by_address("192.0.2.2"));
        assert_eq!(by_address("192.0.2.1"), by_address("::ffff:192.0.2.1"));
        assert_ne!(by_address("::ffff:192.0.2.2"), by_address("::ffff:192.0.2.1"));
    }

    #[test]
    fn two_workspaces_never_share_a_counter() {
        let of = |workspace, subject| Subject {
            workspace: Some(workspace),
            subject: Some(subject),
            ..Subject::default()
        };
        let key = |of: Subject<'_>| Key::new(&[Dimension::Principal], &of);
        assert_ne!(key(of("acme", "key:1")), key(of("umbrella", "key:1")));
        assert_ne!(key(of("a", "bc")), key(of("ab", "c")));
        let (long, longer) = ("x".repeat(300), "x".repeat(301));
        assert_ne!(key(of("acme", &long)), key(of("umbrella", &long)));
        assert_ne!(key(of(&long, &longer)), key(of(&longer, &long)));
        assert_eq!(key(of(&long, &longer)), key(of(&long, &longer)));
    }

    #[test]
    fn what_is_not_known_differs_from_what_is_empty() {
        let empty = Subject { agent: Some(""), ..Subject::default() };
        let by = [Dimension::Agent];
        assert_ne!(Key::new(&by, &empty), Key::new(&by, &Subject::default()));
    }

    #[test]
    fn a_filter_on_what_is_not_known_does_not_apply() {
        let only = Filters { classes: Some(vec!["gold".into()]), ..Filters::default() };
        assert!(only.admit(&Subject { class: Some("gold"), ..Subject::default() }));
        assert!(!only.admit(&Subject { class: Some("tin"), ..Subject::default() }));
        assert!(!only.admit(&Subject::default()));
        assert!(Filters::default().admit(&Subject::default()));
    }

    #[test]
    fn a_key_fits_a_line_of_the_cache_and_is_not_printed() {
        assert_eq!(size_of::<Key>(), 64);
        let of = Subject { subject: Some("secret"), ..Subject::default() };
        assert_eq!(format!("{:?}", Key::new(&[Dimension::Principal], &of)), "Key");
    }

    proptest! {
        #[test]
        fn different_facts_make_different_keys(
            a in proptest::collection::vec(proptest::option::of("[ab]{0,40}"), 3),
            b in proptest::collection::vec(proptest::option::of("[ab]{0,40}"), 3),
        ) {
            let by = [Dimension::Workspace, Dimension::Agent, Dimension::Tool];
            let key = |facts: &[Option<String>]| {
                let fact = |at: usize| facts[at].as_deref();
                let of = Subject {
                    workspace: fact(0), agent: fact(1), tool: fact(2), ..Subject::default()
                };
                Key::new(&by, &of)
            };
            prop_assert_eq!(key(&a) == key(&b), a == b);
        }
    }
}

//! The section `callbacks`: what signs them, and which addresses callers may name. [`super::load`]
//! calls it.

use indexmap::IndexMap;
use ipnet::IpNet;

use super::describe::{Key, Shape};
use super::reader::Section;
use super::secret::Secret;

/// What signs callbacks, and which addresses callers may name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Callbacks {
    /// By workspace, the secrets that sign, the newest first.
    pub secrets: IndexMap<String, Vec<Secret>>,
    /// Networks that may be called although they are not public.
    pub allow_networks: Vec<IpNet>,
    /// Whether addresses without TLS may be called.
    pub allow_http: bool,
}

pub(super) fn read(root: &mut Section<'_>) -> Callbacks {
    let about = "Callbacks: what signs them, and which addresses callers may name.";
    let mut section = root.section("callbacks", about);
    let about = "The secrets that sign, by workspace. A workspace without one has one that is \
                 made of the store's key; `switchyard store callback-secret` shows it.";
    let entries = section.entries(Key::new("secrets", Shape::Entries, about));
    let mut secrets = IndexMap::new();
    for (workspace, mut entry) in entries {
        let secret = entry.secret("secret", "The secret, `whsec_…`.");
        let about = "The secret before that one; while it stands here, both sign.";
        let previous = entry.optional_secret("previous", about);
        entry.finish();
        secrets.insert(workspace, secret.into_iter().chain(previous).collect());
    }
    let about = "Networks that may be called although they are not public, like `10.1.0.0/16`.";
    let texts = section.texts(Key::new("allow_networks", Shape::Texts, about));
    let mut allow_networks = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        match text.parse() {
            Ok(network) => allow_networks.push(network),
            Err(_) => section
                .refuse(&format!("allow_networks[{at}]"), "must be a network, like `10.1.0.0/16`"),
        }
    }
    let about = "Whether addresses without TLS may be called.";
    let allow_http = section.flag("allow_http", about, false);
    section.finish();
    Callbacks { secrets, allow_networks, allow_http }
}

//! The values behind the tokens of one conversation of one principal. Treatments mint from it, the
//! gateway asks it for what its own caller reads; a store may keep its entries sealed.
//!
//! Invariant: a value has one token in a vault and a token one value; the codes of two vaults have
//! nothing to do with each other; values are overwritten when dropped, and are bounded.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use ring::hmac;
use serde_json::Value;
use zeroize::Zeroizing;

use super::json;
use super::scan::Failure;
use super::token::code;
use super::token::restore::restored;
use crate::model::vault::TokenVault;

/// Most values of a vault, unless it is told otherwise: far more than a conversation has.
pub const MAX_VALUES: usize = 10_000;
/// Most bytes of all its values.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Codes of 40 bits that collide within 10,000 values are one in twenty thousand vaults; this many
/// in a row are a fault.
const ATTEMPTS: u8 = 16;

/// The values of one conversation.
pub struct Vault {
    key: hmac::Key,
    inner: Mutex<Inner>,
    max_values: usize,
}

#[derive(Default)]
struct Inner {
    /// By the code's forty bits.
    values: HashMap<u64, Entry>,
    /// By the keyed digest of the value.
    codes: HashMap<[u8; 32], u64>,
    bytes: usize,
    /// The letters and digits of each kind's name.
    labels: Arc<Vec<Vec<u8>>>,
}

impl Inner {
    fn insert(&mut self, digest: [u8; 32], entry: Entry) {
        let label = entry.label.bytes().filter(u8::is_ascii_alphanumeric);
        let label: Vec<u8> = label.map(|byte| byte.to_ascii_uppercase()).collect();
        if !self.labels.contains(&label) {
            Arc::make_mut(&mut self.labels).push(label);
        }
        self.bytes += entry.value.len();
        self.codes.insert(digest, entry.id);
        self.values.insert(entry.id, entry);
    }
}

/// A value and what stands for it. Prints lengths only.
#[derive(Clone)]
pub struct Entry {
    /// The kind in capitals, as it stands in the token.
    pub label: Box<str>,
    /// The value.
    pub value: Zeroizing<String>,
    /// The forty bits of its code.
    pub id: u64,
    /// Whether it may be put back into what a tool is given.
    pub in_arguments: bool,
}

impl Vault {
    /// The vault of a conversation. Codes depend on all three, so that a token says nothing to
    /// another tenant, principal or conversation.
    pub fn new(tenant_secret: &[u8], principal: &str, conversation: &str) -> Self {
        let tenant = hmac::Key::new(hmac::HMAC_SHA256, tenant_secret);
        let mut whose = hmac::Context::with_key(&tenant);
        whose.update(&(principal.len() as u64).to_be_bytes());
        whose.update(principal.as_bytes());
        whose.update(conversation.as_bytes());
        let key = hmac::Key::new(hmac::HMAC_SHA256, whose.sign().as_ref());
        Self { key, inner: Mutex::default(), max_values: MAX_VALUES }
    }

    /// Bounds the number of values.
    pub fn with_max_values(mut self, most: usize) -> Self {
        self.max_values = most;
        self
    }

    /// Adds the token of a value to `out`, the same one each time.
    pub(super) fn mint(
        &self,
        label: &str,
        value: &str,
        in_arguments: bool,
        out: &mut String,
    ) -> Result<(), Failure> {
        // A value may hold the token of another, as a URL does that a platform made of one.
        let restored = restored(self, value, true).map(Zeroizing::new);
        let value = restored.as_ref().map_or(value, |text| text.as_str());
        let mut inner = self.inner.lock();
        let digest = self.digest(value, 0);
        let id = match inner.codes.get(&digest) {
            Some(id) => *id,
            None => self.keep(&mut inner, digest, label, value)?,
        };
        let entry = inner.values.get_mut(&id).ok_or(Failure::Internal)?;
        entry.in_arguments |= in_arguments;
        entry.write(out);
        Ok(())
    }

    fn keep(
        &self,
        inner: &mut Inner,
        digest: [u8; 32],
        label: &str,
        value: &str,
    ) -> Result<u64, Failure> {
        if inner.values.len() >= self.max_values || inner.bytes + value.len() > MAX_BYTES {
            return Err(Failure::Exhausted { what: "values of a conversation" });
        }
        // A code that another value has is not used twice.
        let id = (0..ATTEMPTS)
            .map(|attempt| id_of(&self.digest(value, attempt)))
            .find(|id| !inner.values.contains_key(id))
            .ok_or(Failure::Internal)?;
        let value = Zeroizing::new(value.to_owned());
        inner.insert(digest, Entry { label: label.into(), value, id, in_arguments: false });
        Ok(id)
    }

    fn digest(&self, value: &str, attempt: u8) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&[attempt]);
        context.update(value.as_bytes());
        let mut digest = [0; 32];
        digest.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        digest
    }

    /// Adds the value of a code to `out`; false where this vault has none, or, unless it is to be
    /// `any`, none that may stand in a tool's arguments.
    pub(super) fn value(&self, id: u64, any: bool, out: &mut String) -> bool {
        let inner = self.inner.lock();
        let entry = inner.values.get(&id).filter(|entry| any || entry.in_arguments);
        entry.inspect(|entry| out.push_str(&entry.value)).is_some()
    }

    /// Adds the token of a code to `out`; false where this vault has none.
    pub(super) fn write(&self, id: u64, out: &mut String) -> bool {
        let inner = self.inner.lock();
        inner.values.get(&id).inspect(|entry| entry.write(out)).is_some()
    }

    /// The kinds that it has tokens of, letters and digits only.
    pub(super) fn labels(&self) -> Arc<Vec<Vec<u8>>> {
        Arc::clone(&self.inner.lock().labels)
    }

    /// All it holds, for a store that seals it.
    pub fn entries(&self) -> Vec<Entry> {
        self.inner.lock().values.values().cloned().collect()
    }

    /// Takes back what a store has kept.
    ///
    /// # Errors
    /// A bound, or two values under one code.
    pub fn load(&self, entries: impl IntoIterator<Item = Entry>) -> Result<(), Failure> {
        let mut inner = self.inner.lock();
        for entry in entries {
            let digest = self.digest(&entry.value, 0);
            if inner.values.len() >= self.max_values || inner.bytes + entry.value.len() > MAX_BYTES
            {
                return Err(Failure::Exhausted { what: "values of a conversation" });
            }
            match inner.values.get(&entry.id) {
                None => inner.insert(digest, entry),
                Some(known) if known.value == entry.value => {}
                Some(_) => return Err(Failure::Internal),
            }
        }
        Ok(())
    }
}

impl Entry {
    fn write(&self, out: &mut String) {
        out.push('[');
        out.push_str(&self.label);
        out.push(':');
        code::write(self.id, out);
        out.push(']');
    }
}

impl TokenVault for Vault {
    fn is_empty(&self) -> bool {
        self.inner.lock().values.is_empty()
    }

    fn restore(&self, text: &str) -> Option<String> {
        restored(self, text, true)
    }

    fn restore_json(&self, value: &mut Value) {
        json::restore(self, value, true);
    }

    fn restore_arguments(&self, value: &mut Value) {
        json::restore(self, value, false);
    }

    fn len(&self) -> usize {
        self.inner.lock().values.len()
    }

    fn saved(&self) -> Value {
        let inner = self.inner.lock();
        inner
            .values
            .values()
            .map(|entry| {
                let Entry { label, value, id, in_arguments } = entry;
                serde_json::json!([label, value.as_str(), id, in_arguments])
            })
            .collect()
    }
}

/// Reads what [`TokenVault::saved`] has written; none of what is not of its form.
pub fn entries_of(saved: &Value) -> Option<Vec<Entry>> {
    let entry = |saved: &Value| {
        Some(Entry {
            label: saved.get(0)?.as_str()?.into(),
            value: Zeroizing::new(saved.get(1)?.as_str()?.to_owned()),
            id: saved.get(2)?.as_u64()?,
            in_arguments: saved.get(3)?.as_bool()?,
        })
    };
    saved.as_array()?.iter().map(entry).collect()
}

fn id_of(digest: &[u8; 32]) -> u64 {
    digest.iter().take(5).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inner = self.inner.lock();
        write!(f, "Vault({} values, {} bytes)", inner.values.len(), inner.bytes)
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({} bytes)", self.value.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(vault: &Vault, value: &str) -> String {
        let mut out = String::new();
        vault.mint("EMAIL", value, false, &mut out).unwrap();
        out
    }

    #[test]
    fn a_value_has_one_token_and_other_vaults_have_another() {
        let vault = Vault::new(b"secret", "jane", "one");
        let first = token(&vault, "jane@example.com");
        assert_eq!(first, token(&vault, "jane@example.com"));
        assert_ne!(first, token(&vault, "john@example.com"));
        for other in [
            Vault::new(b"secret", "jane", "two"),
            Vault::new(b"secret", "janeo", "ne"),
            Vault::new(b"others", "jane", "one"),
        ] {
            assert_ne!(first, token(&other, "jane@example.com"));
        }
    }

    #[test]
    fn a_code_that_is_taken_is_not_given_to_another_value() {
        let vault = Vault::new(b"secret", "jane", "one");
        let taken = id_of(&vault.digest("new", 0));
        let value = Zeroizing::new("old".to_owned());
        vault.load([Entry { label: "X".into(), value, id: taken, in_arguments: false }]).unwrap();
        assert_ne!(token(&vault, "new"), token(&vault, "old"));
        let mut restored = String::new();
        assert!(vault.value(id_of(&vault.digest("new", 1)), true, &mut restored));
        assert_eq!(restored, "new");
    }

    #[test]
    fn a_full_vault_refuses_and_prints_no_values() {
        let vault = Vault::new(b"secret", "jane", "one").with_max_values(1);
        token(&vault, "a secret value");
        let mut out = String::new();
        assert!(vault.mint("EMAIL", "another", false, &mut out).is_err());
        assert_eq!(
            format!("{vault:?} {:?}", vault.entries()),
            "Vault(1 values, 14 bytes) [Entry(14 bytes)]"
        );
    }

    #[test]
    fn entries_that_a_store_kept_restore_again() {
        let vault = Vault::new(b"secret", "jane", "one");
        let before = token(&vault, "jane@example.com");
        let later = Vault::new(b"secret", "jane", "one");
        later.load(entries_of(&vault.saved()).unwrap()).unwrap();
        assert_eq!(token(&later, "jane@example.com"), before);
        assert_eq!(later.entries().len(), vault.len());
        assert!(entries_of(&serde_json::json!([["X", 1]])).is_none());
    }
}

//! Secrets: the formats in which vendors give out keys and tokens, the names that values are
//! assigned to, and structures that show themselves. The engine walks [`FAMILIES`] and asks each
//! row's validator.
//!
//! Invariant: a format is a row of data; validators allocate nothing and are total.

mod ai;
pub mod alphabet;
mod announced;
mod bare;
mod cloud;
mod developer;
pub mod form;
mod messaging;
mod monitoring;
mod office;
mod payments;
mod structural;
#[cfg(test)]
mod tests;

pub use bare::ENTITIES;
pub use structural::{basic_credentials, bearer_token, is_private_key_line, jwt_header};

use form::Form;

/// Where a secret stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It begins with one of its form's prefixes, case and all.
    Prefix,
    /// It is assigned to a name that ends in one of these, in lower case: `db_password: …`.
    Assigned(&'static [&'static str]),
    /// It follows one of these words, in lower case, and a blank: `Bearer …`.
    After(&'static [&'static str]),
    /// A JSON web token. Its validator takes the header, without the full stop.
    Jwt,
    /// The block of a private key. Its validator takes the first line.
    Pem,
}

/// One format of secrets.
#[derive(Clone, Copy)]
pub struct SecretFormat {
    /// Its name in rules and findings, in snake case.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// How it is written.
    pub form: Form,
    /// Whether a candidate, beginning included, is one.
    pub validate: fn(&[u8]) -> bool,
    /// Percent of certainty of a valid candidate.
    pub confidence: u8,
    /// Whether the candidate's own checksum is right, where the vendor has published one. It raises
    /// the certainty to 99; a wrong one lowers nothing, since forms outlive their checksums.
    pub proof: Option<fn(&[u8]) -> bool>,
}

impl SecretFormat {
    const fn new(
        name: &'static str,
        place: Place,
        form: Form,
        validate: fn(&[u8]) -> bool,
    ) -> Self {
        let confidence = match place {
            Place::Assigned(_) | Place::After(_) => 85,
            Place::Prefix | Place::Jwt | Place::Pem => 95,
        };
        Self { name, place, form, validate, confidence, proof: None }
    }

    const fn proved_by(self, proof: fn(&[u8]) -> bool) -> Self {
        Self { proof: Some(proof), ..self }
    }

    const fn certainty(self, confidence: u8) -> Self {
        Self { confidence, ..self }
    }

    /// Percent of certainty that the candidate is such a secret; nothing where it is none.
    pub fn judge(&self, candidate: &[u8]) -> Option<u8> {
        let is_proved = || self.proof.is_some_and(|proof| proof(candidate));
        (self.validate)(candidate).then(|| if is_proved() { 99 } else { self.confidence })
    }
}

impl std::fmt::Debug for SecretFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretFormat").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Bits a character, times a hundred, that a value by chance has at any length from sixteen on;
/// what people write in its place (`xxxx…`, `0000…`) has fewer.
const CHANCE: u16 = 250;

/// A row whose secrets begin with one of these texts and go on with these parts.
macro_rules! prefixed {
    ($name:literal, $prefixes:expr, $parts:expr) => {{
        const FORM: crate::policy::pii::secrets::form::Form =
            crate::policy::pii::secrets::form::Form {
                prefixes: &$prefixes,
                parts: &$parts,
                entropy: crate::policy::pii::secrets::CHANCE,
            };
        fn validate(candidate: &[u8]) -> bool {
            FORM.fits(candidate)
        }
        crate::policy::pii::secrets::SecretFormat::new(
            $name,
            crate::policy::pii::secrets::Place::Prefix,
            FORM,
            validate,
        )
    }};
}

/// A row whose secrets are assigned to a name that ends in one of these.
macro_rules! assigned {
    ($name:literal, $names:expr, $parts:expr) => {{
        const FORM: crate::policy::pii::secrets::form::Form =
            crate::policy::pii::secrets::form::Form {
                prefixes: &[],
                parts: &$parts,
                entropy: crate::policy::pii::secrets::CHANCE,
            };
        fn validate(candidate: &[u8]) -> bool {
            FORM.fits(candidate)
        }
        crate::policy::pii::secrets::SecretFormat::new(
            $name,
            crate::policy::pii::secrets::Place::Assigned(&$names),
            FORM,
            validate,
        )
    }};
}

use {assigned, prefixed};

/// Every family's rows. Those with a beginning of their own come before those that a name
/// announces, so that a finding has the more telling name.
pub const FAMILIES: &[&[SecretFormat]] = &[
    cloud::FORMATS,
    developer::FORMATS,
    ai::FORMATS,
    payments::FORMATS,
    messaging::FORMATS,
    monitoring::FORMATS,
    office::FORMATS,
    structural::FORMATS,
    announced::FORMATS,
];

/// All formats, in the order of the families.
pub fn formats() -> impl Iterator<Item = &'static SecretFormat> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

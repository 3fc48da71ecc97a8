//! What is known of each kind of personal and financial value: how it is written, when it is valid,
//! and which words speak for it. The engine walks [`entities`] and asks each row's validator.
//!
//! Invariant: validators are pure and total, allocate nothing, and take time in proportion to the
//! candidate, which is bounded.

pub mod africa_middle_east;
pub mod asia_pacific;
pub mod brazil;
pub mod brazil_payments;
mod calendar;
pub mod canada;
pub mod cards;
mod checksum;
pub mod contact;
pub mod crypto;
pub mod documents;
mod domains;
pub mod entity;
pub mod europe;
pub mod finance;
pub mod iban;
pub mod latin_america;
pub mod network;
pub mod phone;
pub mod postal;
mod read;
pub mod south_asia;
#[cfg(test)]
mod tests;
pub mod uk;
pub mod us;

use entity::EntityType;

/// Every family's rows. Adding a kind is one row in its family; adding a family is one line here.
pub const FAMILIES: &[&[EntityType]] = &[
    cards::ENTITIES,
    iban::ENTITIES,
    finance::ENTITIES,
    crypto::ENTITIES,
    contact::ENTITIES,
    phone::ENTITIES,
    network::ENTITIES,
    postal::ENTITIES,
    us::ENTITIES,
    uk::ENTITIES,
    canada::ENTITIES,
    europe::CENTRAL,
    europe::WESTERN,
    europe::SOUTHERN,
    europe::NORTHERN,
    europe::EASTERN,
    europe::VAT,
    asia_pacific::ENTITIES,
    south_asia::ENTITIES,
    africa_middle_east::ENTITIES,
    latin_america::ENTITIES,
    brazil::ENTITIES,
    brazil_payments::ENTITIES,
    documents::ENTITIES,
];

/// All kinds, in the order of the families.
pub fn entities() -> impl Iterator<Item = &'static EntityType> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// The kind of a name.
pub fn by_name(name: &str) -> Option<&'static EntityType> {
    entities().find(|kind| kind.name == name)
}

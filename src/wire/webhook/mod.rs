//! What both ends of a signed webhook share, after Standard Webhooks
//! (<https://www.standardwebhooks.com>): the names of its headers, the form of its id, and the
//! secret. Identity verifies the webhooks that come in with it, the gateway signs those that go
//! out.
//!
//! Invariant: what is signed can be taken apart in one way only.

pub mod secret;

use http::HeaderName;

/// The message's id, the same in every attempt to deliver it.
pub const ID: HeaderName = HeaderName::from_static("webhook-id");
/// When this attempt was signed, in seconds since 1970.
pub const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
/// Its signatures.
pub const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Longer ids than these bytes nobody makes.
pub const MAX_ID: usize = 256;

/// Secrets of one webhook at a time. Two are for a rotation; each costs a pass over the body.
pub const MAX_SECRETS: usize = 4;

/// Whether this can be an id: visible ASCII without a full stop, which is what parts an id from
/// the timestamp where they are signed (the specification warns of it). Its length is not looked
/// at.
pub fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_graphic() && c != b'.')
}

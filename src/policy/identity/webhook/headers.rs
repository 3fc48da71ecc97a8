//! The three headers of a signed webhook, read and bounded. The verifier reads them before it
//! looks at the body.
//!
//! Invariant: neither id nor timestamp has a full stop, so that what was signed can be taken apart
//! in one way only (the specification warns of it).

use http::{HeaderMap, HeaderName};
use smallvec::SmallVec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::refused::Refused;
use crate::wire::webhook::{ID, MAX_ID, SIGNATURE, TIMESTAMP, is_id};

/// Seconds until the year 33658: as many digits as anybody's clock will ever have.
const MAX_TIMESTAMP: usize = 12;
/// Some forty signatures; a sender that changes its secret sends two.
const MAX_SIGNATURE: usize = 2_048;
/// Bytes of an HMAC-SHA-256.
const SIGNATURE_BYTES: usize = 32;

/// The headers of one request.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) id: &'a str,
    /// The digits, as they were signed.
    pub(super) timestamp: &'a str,
    pub(super) seconds: i64,
    /// The signatures of version 1.
    pub(super) signatures: SmallVec<[[u8; SIGNATURE_BYTES]; 2]>,
}

/// Whether a request means to be a signed webhook: it has one of the headers.
pub fn is_signed(headers: &HeaderMap) -> bool {
    [ID, TIMESTAMP, SIGNATURE].iter().any(|name| headers.contains_key(name))
}

impl<'a> Head<'a> {
    pub(super) fn read(headers: &'a HeaderMap) -> Result<Self, Refused> {
        let id = only(headers, &ID, MAX_ID, Refused::MalformedId)?;
        if !is_id(id) {
            return Err(Refused::MalformedId);
        }
        let malformed = Refused::MalformedTimestamp;
        let timestamp = only(headers, &TIMESTAMP, MAX_TIMESTAMP, malformed)?;
        // `parse` alone would take a sign.
        if !timestamp.bytes().all(|c| c.is_ascii_digit()) {
            return Err(malformed);
        }
        let seconds = timestamp.parse().map_err(|_| malformed)?;
        let list = only(headers, &SIGNATURE, MAX_SIGNATURE, Refused::MalformedSignature)?;
        Ok(Self { id, timestamp, seconds, signatures: signatures(list)? })
    }
}

/// The value of a header that is there once.
fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    longest: usize,
    malformed: Refused,
) -> Result<&'a str, Refused> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Refused::MissingHeader)?;
    if values.next().is_some() {
        return Err(Refused::DuplicateHeader);
    }
    if value.len() > longest {
        return Err(Refused::TooLong);
    }
    value.to_str().map_err(|_| malformed)
}

/// The signatures of version 1; those of other versions are passed over.
fn signatures(list: &str) -> Result<SmallVec<[[u8; SIGNATURE_BYTES]; 2]>, Refused> {
    let mut signatures = SmallVec::new();
    let mut are_there = false;
    for entry in list.split(' ').filter(|entry| !entry.is_empty()) {
        are_there = true;
        let (version, digits) = entry.split_once(',').ok_or(Refused::MalformedSignature)?;
        if version == "v1" {
            // One byte more than fits, so that a longer one is seen.
            let mut bytes = [0; SIGNATURE_BYTES + 1];
            let length = STANDARD.decode_slice(digits, &mut bytes);
            match (length, bytes) {
                (Ok(SIGNATURE_BYTES), [signature @ .., _]) => signatures.push(signature),
                (Ok(_) | Err(_), _) => return Err(Refused::MalformedSignature),
            }
        }
    }
    match (are_there, signatures.is_empty()) {
        (false, _) => Err(Refused::MalformedSignature),
        (true, true) => Err(Refused::NoKnownVersion),
        (true, false) => Ok(signatures),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    const V1: &str = "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=";

    fn with(id: &str, timestamp: &str, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [(ID, id), (TIMESTAMP, timestamp), (SIGNATURE, signature)] {
            headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn refusal(headers: &HeaderMap) -> Refused {
        Head::read(headers).unwrap_err()
    }

    #[test]
    fn the_three_headers_are_read_and_other_versions_passed_over() {
        let headers = with("msg_1", "1674087231", &format!("v1a,ab== {V1}  {V1} v2,?"));
        assert!(is_signed(&headers) && !is_signed(&HeaderMap::new()));
        let head = Head::read(&headers).unwrap();
        assert_eq!((head.id, head.timestamp, head.seconds), ("msg_1", "1674087231", 1674087231));
        assert_eq!(head.signatures.len(), 2);
    }

    #[test]
    fn each_header_is_there_once() {
        for name in [ID, TIMESTAMP, SIGNATURE] {
            let mut headers = with("msg_1", "1", V1);
            let value = headers.remove(&name).unwrap();
            assert_eq!(refusal(&headers), Refused::MissingHeader, "{name}");
            headers.append(&name, value.clone());
            headers.append(&name, value);
            assert_eq!(refusal(&headers), Refused::DuplicateHeader, "{name}");
        }
    }

    #[test]
    fn each_part_has_its_form() {
        let long = "a".repeat(257);
        for (id, why) in [
            ("", Refused::MalformedId),
            ("a b", Refused::MalformedId),
            ("msg.1", Refused::MalformedId),
            ("msgé", Refused::MalformedId),
            (&long, Refused::TooLong),
        ] {
            assert_eq!(refusal(&with(id, "1", V1)), why, "{id}");
        }
        for (timestamp, why) in [
            ("", Refused::MalformedTimestamp),
            ("+1", Refused::MalformedTimestamp),
            ("-1", Refused::MalformedTimestamp),
            ("1.5", Refused::MalformedTimestamp),
            ("1e9", Refused::MalformedTimestamp),
            ("1, 2", Refused::MalformedTimestamp),
            ("1234567890123", Refused::TooLong),
        ] {
            assert_eq!(refusal(&with("a", timestamp, V1)), why, "{timestamp}");
        }
        let long = V1.repeat(44);
        let longer_signature = format!("v1,{}", STANDARD.encode([1u8; 33]));
        let longest_signature = format!("v1,{}", STANDARD.encode([1u8; 64]));
        for (signature, why) in [
            ("", Refused::MalformedSignature),
            (" ", Refused::MalformedSignature),
            ("v1", Refused::MalformedSignature),
            ("v1,", Refused::MalformedSignature),
            ("v1,?", Refused::MalformedSignature),
            ("v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4", Refused::MalformedSignature),
            (&longer_signature, Refused::MalformedSignature),
            (&longest_signature, Refused::MalformedSignature),
            ("v1a,abcd", Refused::NoKnownVersion),
            ("V1,abcd", Refused::NoKnownVersion),
            (&long, Refused::TooLong),
        ] {
            assert_eq!(refusal(&with("a", "1", signature)), why, "{signature}");
        }
    }

    proptest! {
        #[test]
        fn any_headers_are_read_without_harm(
            id: Vec<u8>, timestamp: Vec<u8>, signature in "(v1|v1a|),?[ -~]{0,60}",
        ) {
            let mut headers = HeaderMap::new();
            for (name, value) in [(ID, id), (TIMESTAMP, timestamp), (SIGNATURE, signature.into())] {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    headers.insert(name, value);
                }
            }
            if let Ok(head) = Head::read(&headers) {
                prop_assert!(!head.signatures.is_empty() && !head.id.contains('.'));
            }
        }
    }
}

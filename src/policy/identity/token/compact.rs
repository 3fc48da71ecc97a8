//! The outer form of a token: three parts of base64url, separated by dots (RFC 7515 section 7.1).
//! [`super::unverified`] calls it before anything else.
//!
//! Invariant: what is returned is the one spelling of its bytes: no padding, no white space, no
//! unused bits.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::refusal::Refusal;

/// The longest token that is read, in bytes. Providers keep theirs below the 8 KiB that proxies
/// take in a header field; twice that leaves room for those that put groups into the token.
pub const LONGEST: usize = 16 * 1024;

/// The parts of a token, decoded.
pub struct Compact<'t> {
    /// The text over which the signature is made: the first two parts and the dot between them.
    pub signed: &'t str,
    /// The header's JSON.
    pub header: Vec<u8>,
    /// The payload's JSON.
    pub payload: Vec<u8>,
    /// The signature's bytes.
    pub signature: Vec<u8>,
}

impl<'t> Compact<'t> {
    /// Takes a token apart.
    pub fn read(token: &'t str) -> Result<Self, Refusal> {
        if token.len() > LONGEST {
            return Err(Refusal::TooLarge);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::Malformed);
        };
        match parts.count() {
            0 => {}
            // Five parts are a JWE (RFC 7516 section 7.1).
            2 => return Err(Refusal::Encrypted),
            _ => return Err(Refusal::Malformed),
        }
        let signed = token.get(..header.len() + 1 + payload.len()).ok_or(Refusal::Malformed)?;
        Ok(Self {
            signed,
            header: decode(header)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }
}

fn decode(part: &str) -> Result<Vec<u8>, Refusal> {
    match URL_SAFE_NO_PAD.decode(part) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        Ok(_) | Err(_) => Err(Refusal::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn refusal(token: &str) -> Option<Refusal> {
        Compact::read(token).err()
    }

    #[test]
    fn three_parts_are_taken_apart() {
        let parts = Compact::read("e30.e30.AQI").unwrap();
        assert_eq!((parts.signed, &parts.header[..]), ("e30.e30", &b"{}"[..]));
        assert_eq!((&parts.payload[..], &parts.signature[..]), (&b"{}"[..], &[1, 2][..]));
    }

    #[test]
    fn another_number_of_parts_is_refused() {
        for token in ["", ".", "..", "e30", "e30.e30", "e30.e30.", ".e30.AQI", "e30..AQI"] {
            assert_eq!(refusal(token), Some(Refusal::Malformed), "{token}");
        }
        assert_eq!(refusal("e30.e30.AQI.AQI"), Some(Refusal::Malformed));
        assert_eq!(refusal("e30.e30.AQI."), Some(Refusal::Malformed));
        assert_eq!(refusal("e30.AQI.AQI.AQI.AQI"), Some(Refusal::Encrypted));
        assert_eq!(refusal("e30.AQI.AQI.AQI.AQI.AQI"), Some(Refusal::Malformed));
    }

    #[test]
    fn there_is_one_spelling() {
        for token in [
            "e30=.e30.AQI",
            "e30.e30.AQI=",
            " e30.e30.AQI",
            "e30.e30.AQI\n",
            "e3 0.e30.AQI",
            "e30.e30.+/",
            // The unused bits of the last character are set.
            "e30.e30.AQJ",
            "e31.e30.AQI",
            "e30.e30.é",
        ] {
            assert_eq!(refusal(token), Some(Refusal::Malformed), "{token}");
        }
    }

    #[test]
    fn the_longest_token_is_read_and_one_byte_more_is_not() {
        let token = |length: usize| format!("e30.e30.{}", "A".repeat(length - 8));
        assert_eq!(refusal(&token(LONGEST)), None);
        assert_eq!(refusal(&token(LONGEST + 1)), Some(Refusal::TooLarge));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_read_spells_back(token in "[A-Za-z0-9_.=-]{0,40}") {
            if let Ok(parts) = Compact::read(&token) {
                let spelled = [&parts.header, &parts.payload, &parts.signature]
                    .map(|part| URL_SAFE_NO_PAD.encode(part))
                    .join(".");
                proptest::prop_assert_eq!(spelled, token);
            }
        }

        #[test]
        fn what_was_spelled_is_read(parts in any::<[[u8; 5]; 3]>()) {
            let token = parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
            let read = Compact::read(&token).unwrap();
            proptest::prop_assert_eq!(
                [&read.header[..], &read.payload[..], &read.signature[..]],
                [&parts[0][..], &parts[1][..], &parts[2][..]]
            );
        }
    }
}

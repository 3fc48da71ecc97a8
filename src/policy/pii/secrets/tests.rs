//! Tests over all formats: each finds what is put together after its form, and none of what only
//! looks like it. The values are drawn when the test runs, so that none stands in the source.

use std::collections::HashSet;

use proptest::prelude::*;

use super::form::{ENDLESS, Form, Part};
use super::{ENTITIES, Place, SecretFormat, formats};

/// A sequence of numbers without end, the same in each run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % limit as u64) as usize
    }
}

/// A value of the form with this prefix; `longest` of its parts, or the shortest.
fn value(form: &Form, prefix: &str, longest: bool, chance: &mut Chance) -> String {
    let mut text = prefix.to_owned();
    for part in form.parts {
        match part {
            Part::Text(fixed) => text.push_str(fixed),
            Part::Run { alphabet, min, max } => {
                let bytes: Vec<u8> = alphabet.bytes().collect();
                let count = match *max {
                    ENDLESS if longest => min + 40,
                    max if longest => max,
                    _ => *min,
                };
                for _ in 0..count {
                    text.push(char::from(bytes[chance.below(bytes.len())]));
                }
            }
        }
    }
    text
}

fn prefixes(format: &SecretFormat) -> Vec<&'static str> {
    if format.form.prefixes.is_empty() { vec![""] } else { format.form.prefixes.to_vec() }
}

/// Those whose validator is their form alone.
fn by_form() -> impl Iterator<Item = &'static SecretFormat> {
    formats().filter(|format| format.form.entropy > 0)
}

#[test]
fn there_are_enough_formats_and_each_has_a_name_of_its_own() {
    let mut names = HashSet::new();
    for format in formats() {
        assert!(names.insert(format.name), "{} twice", format.name);
        assert!(format.name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')));
        assert!((50..=99).contains(&format.confidence), "{}", format.name);
        match format.place {
            Place::Prefix => assert!(!format.form.prefixes.is_empty(), "{}", format.name),
            Place::Assigned(words) | Place::After(words) => {
                assert!(!words.is_empty() && words.iter().all(|w| w.to_lowercase() == **w));
            }
            Place::Jwt | Place::Pem => {}
        }
    }
    let prefixed = formats().filter(|format| format.place == Place::Prefix).count();
    assert!(prefixed >= 150, "{prefixed} with a beginning");
    assert!(names.len() + ENTITIES.len() >= 200, "{} in all", names.len());
}

#[test]
fn each_format_finds_what_is_written_in_its_form() {
    let mut chance = Chance(20_251_122);
    for format in by_form() {
        for prefix in prefixes(format) {
            for longest in [false, true] {
                let mut found = 0;
                for _ in 0..8 {
                    let value = value(&format.form, prefix, longest, &mut chance);
                    let body = value.len() - prefix.len();
                    assert!(body >= format.form.min(), "{}", format.name);
                    assert!(format.form.max().is_none_or(|max| body <= max), "{}", format.name);
                    found += usize::from(format.judge(value.as_bytes()).is_some());
                }
                // A short value has too few bits now and then.
                assert!(found >= 7, "{}: {found} of 8 with {prefix}", format.name);
            }
        }
    }
}

#[test]
fn no_format_finds_what_only_looks_like_it() {
    let mut chance = Chance(7);
    for format in by_form() {
        let is = |text: &str| format.judge(text.as_bytes()).is_some();
        let name = format.name;
        for prefix in prefixes(format) {
            let shortest = value(&format.form, prefix, false, &mut chance);
            assert!(!is(&shortest[..shortest.len() - 1]), "{name}: too short");
            if format.form.max().is_some() {
                let longest = value(&format.form, prefix, true, &mut chance);
                let last = longest.chars().last().unwrap();
                assert!(!is(&format!("{longest}{last}")), "{name}: too long");
            }
            assert!(!is(&format!("{shortest} ")), "{name}: a blank behind");
            let middle = prefix.len() + (shortest.len() - prefix.len()) / 2;
            let spoiled = format!("{} {}", &shortest[..middle], &shortest[middle + 1..]);
            assert!(!is(&spoiled), "{name}: a blank inside");
            if !prefix.is_empty() {
                assert!(!is(&format!("~{}", &shortest[1..])), "{name}: another beginning");
            }
            assert!(!is(&placeholder(format, prefix)), "{name}: a placeholder");
        }
    }
}

/// The shortest value with one and the same byte in each run.
fn placeholder(format: &SecretFormat, prefix: &str) -> String {
    let mut text = prefix.to_owned();
    for part in format.form.parts {
        match part {
            Part::Text(fixed) => text.push_str(fixed),
            Part::Run { alphabet, min, .. } => {
                let byte = [b'x', b'X', b'0', b'A'].into_iter().find(|byte| alphabet.has(*byte));
                let byte = byte.or(alphabet.bytes().next()).unwrap();
                text.extend(std::iter::repeat_n(char::from(byte), usize::from(*min)));
            }
        }
    }
    text
}

#[test]
fn a_checksum_makes_a_token_certain() {
    let token = |prefix: &str, body: &str| {
        let check = super::developer::base_62_crc(body.as_bytes());
        format!("{prefix}{body}{}", std::str::from_utf8(&check).unwrap())
    };
    let by_name = |name: &str| formats().find(|format| format.name == name).unwrap();
    let good = token("ghp_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5");
    let format = by_name("github_personal_token");
    assert_eq!(format.judge(good.as_bytes()), Some(99));
    let wrong = good.replace("a1B2", "a1B3");
    assert_eq!(format.judge(wrong.as_bytes()), Some(95));
    // python3: zlib.crc32(b"swy_acme_" + b"A" * 43) = 0x47741b14.
    assert_eq!(
        &super::developer::base_62_crc(format!("swy_acme_{}", "A".repeat(43)).as_bytes()),
        b"1J80Ps"
    );
}

#[test]
fn structures_show_themselves() {
    use super::{basic_credentials, bearer_token, is_private_key_line, jwt_header};
    assert!(jwt_header(b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"));
    for wrong in ["eyJ0eXAiOiJKV1QifQ", "eyJhbGciOiJIUzI1NiIs", "eyJ", "", "abc"] {
        assert!(!jwt_header(wrong.as_bytes()), "{wrong}");
    }
    for label in [
        "RSA PRIVATE KEY",
        "PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "EC PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ] {
        assert!(is_private_key_line(format!("-----BEGIN {label}-----").as_bytes()), "{label}");
    }
    for label in ["PUBLIC KEY", "CERTIFICATE", "private key"] {
        assert!(!is_private_key_line(format!("-----BEGIN {label}-----").as_bytes()), "{label}");
    }
    assert!(basic_credentials(b"YWxhZGRpbjpvcGVuc2VzYW1l"));
    assert!(!basic_credentials(b"YWxhZGRpbm9wZW5zZXNhbWU=") && !basic_credentials(b"training"));
    assert!(bearer_token(b"mF_9.B5f-4.1JqM2x7") && !bearer_token(b"authentication-is-needed"));
}

#[test]
fn values_beside_their_name_are_secrets_and_placeholders_are_not() {
    let by_name = |name: &str| formats().find(|format| format.name == name).unwrap();
    let is = |name: &str, text: &str| by_name(name).judge(text.as_bytes()).is_some();
    for good in ["hunter2!", "Tr0ub4dor&3", "correct-horse-battery", "123456"] {
        assert!(is("password", good), "{good}");
    }
    for bad in ["secret", "changeme", "abc", "${PASSWORD}", "********", "your-password", "aaaaaaA"]
    {
        assert!(!is("password", bad), "{bad}");
    }
    for good in ["9f8a7b6c5d4e3f2a1b0c", "aGVsbG8gd29ybGQhMTIz", "Zx1-Cv2_Bn3.Mq4Wl5"] {
        assert!(is("generic_secret", good), "{good}");
    }
    for bad in [
        "documentation-page",
        "xxxxxxxxxxxxxxxxxxxx",
        "YOUR_API_KEY_HERE_1234",
        "11111111111111111",
    ] {
        assert!(!is("generic_secret", bad), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_validator_fails_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for format in formats() {
            format.judge(&bytes);
            for prefix in prefixes(format) {
                let text = [prefix.as_bytes(), &bytes].concat();
                format.judge(&text);
            }
        }
    }
}

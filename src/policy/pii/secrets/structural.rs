//! Secrets that show themselves by their structure, and values by chance beside a name that says
//! they are secret.
//!
//! Invariant: the words of a person and the placeholders of an example are no secrets.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::alphabet::{Alphabet, URL_64};
use super::form::{ENDLESS, Form, entropy, r, t};
use super::{Place, SecretFormat};

/// The longest header of a JSON web token that is decoded, in base64.
const HEADER_MAX: usize = 768;
/// The longest line that begins a private key.
const LINE_MAX: usize = 64;
/// The longest value of basic authentication that is decoded.
const BASIC_MAX: usize = 512;

/// What follows `Bearer` (RFC 6750 section 2.1).
const TOKEN: Alphabet = Alphabet::of("0-9a-zA-Z._~+/=-");
/// What passwords are made of: all that is printed, without quotes, commas, brackets and blanks.
const PASSWORD: Alphabet = Alphabet::of("0-9a-zA-Z!#$%&*+./:=?@^_|~-");

const SECRET_NAMES: &[&str] = &[
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "accesskey",
    "auth_key",
    "private_key",
    "client_secret",
    "secret_key",
    "signing_key",
    "encryption_key",
    "master_key",
    "app_key",
    "app_secret",
    "shared_key",
    "auth",
    "authorization",
    "credential",
    "credentials",
    "api_secret",
    "access_token",
    "refresh_token",
    "auth_token",
    "session_key",
    "webhook_secret",
    "license_key",
    "chave",
    "chave_api",
    "chave_secreta",
    "clave",
    "clave_api",
    "schlüssel",
    "jeton",
];

const PASSWORD_NAMES: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "pass",
    "passphrase",
    "passcode",
    "senha",
    "contraseña",
    "contrasena",
    "passwort",
    "kennwort",
    "mot_de_passe",
    "parola",
    "wachtwoord",
    "lösenord",
];

const fn form(parts: &'static [super::form::Part]) -> Form {
    Form { prefixes: &[], parts, entropy: 0 }
}

/// The formats of this family.
pub(super) const FORMATS: &[SecretFormat] = &[
    SecretFormat::new("jwt", Place::Jwt, form(&[t("eyJ"), r(URL_64, 10, ENDLESS)]), jwt_header)
        .certainty(98),
    SecretFormat::new(
        "private_key",
        Place::Pem,
        form(&[t("-----BEGIN "), r(Alphabet::of("A-Z "), 0, 32), t("-----")]),
        is_private_key_line,
    )
    .certainty(99),
    SecretFormat::new(
        "basic_credentials",
        Place::After(&["basic"]),
        form(&[r(Alphabet::of("0-9a-zA-Z+/="), 8, BASIC_MAX as u16)]),
        basic_credentials,
    )
    .certainty(95),
    SecretFormat::new(
        "bearer_token",
        Place::After(&["bearer", "token"]),
        form(&[r(TOKEN, 16, ENDLESS)]),
        bearer_token,
    )
    .certainty(90),
    SecretFormat::new(
        "password",
        Place::Assigned(PASSWORD_NAMES),
        form(&[r(PASSWORD, 6, 128)]),
        password,
    )
    .certainty(80),
    SecretFormat::new(
        "generic_secret",
        Place::Assigned(SECRET_NAMES),
        form(&[r(TOKEN, 16, 512)]),
        generic_secret,
    )
    .certainty(80),
];

/// Whether the base64 before a token's first full stop decodes to a JSON object that names an
/// algorithm (RFC 7515 section 4.1.1).
pub fn jwt_header(header: &[u8]) -> bool {
    if !header.starts_with(b"eyJ") || header.len() > HEADER_MAX {
        return false;
    }
    let mut buffer = [0; HEADER_MAX];
    URL_SAFE_NO_PAD.decode_slice(header, &mut buffer).is_ok_and(|length| {
        let object = buffer.get(..length).unwrap_or_default();
        object.ends_with(b"}")
            && object.windows(5).any(|five| five == b"\"alg\"")
            && serde_json::from_slice::<serde::de::IgnoredAny>(object).is_ok()
    })
}

/// Whether a line begins the block of a private key: PKCS #1, #8, SEC 1, OpenSSH, PGP.
pub fn is_private_key_line(line: &[u8]) -> bool {
    let label = line.strip_prefix(b"-----BEGIN ").and_then(|rest| rest.strip_suffix(b"-----"));
    label.is_some_and(|label| {
        line.len() <= LINE_MAX
            && (label.ends_with(b"PRIVATE KEY") || label == b"PGP PRIVATE KEY BLOCK")
            && label.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b' ')
    })
}

/// Whether it decodes to a name, a colon and a password (RFC 7617).
pub fn basic_credentials(value: &[u8]) -> bool {
    let mut buffer = [0; BASIC_MAX];
    let engine = if value.ends_with(b"=") { STANDARD } else { STANDARD_NO_PAD };
    (8..=BASIC_MAX).contains(&value.len())
        && engine.decode_slice(value, &mut buffer).is_ok_and(|length| {
            let text = buffer.get(..length).unwrap_or_default();
            let colon = text.iter().position(|byte| *byte == b':');
            colon.is_some_and(|at| at + 1 < text.len())
                && std::str::from_utf8(text).is_ok_and(|text| !text.contains(char::is_control))
        })
}

/// Whether it is what a header carries after `Bearer`: at least sixteen bytes, by chance.
pub fn bearer_token(value: &[u8]) -> bool {
    value.len() >= 16 && value.iter().all(|byte| TOKEN.has(*byte)) && is_by_chance(value, 300)
}

/// Whether a value looks as if a machine had drawn it: it has a digit beside letters, or is long,
/// has enough bits, and is no placeholder.
fn is_by_chance(value: &[u8], least: u16) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let upper = value.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let has_both_cases = upper > 1 && upper + 1 < letters;
    let is_mixed = digits > 1 && letters > 1 || has_both_cases && value.len() >= 20;
    is_mixed && entropy(value) >= least && !is_placeholder(value)
}

/// A value of sixteen bytes or more by chance, beside a name that says that it is secret.
pub(super) fn generic_secret(value: &[u8]) -> bool {
    (16..=512).contains(&value.len())
        && value.iter().all(|byte| TOKEN.has(*byte))
        && is_by_chance(value, 300)
}

/// A password beside its name: six bytes or more of which one is no small letter, and no
/// placeholder.
pub(super) fn password(value: &[u8]) -> bool {
    (6..=128).contains(&value.len())
        && value.iter().all(|byte| PASSWORD.has(*byte))
        && value.iter().any(|byte| !byte.is_ascii_lowercase())
        && entropy(value) >= 150
        && !is_placeholder(value)
}

/// What stands in the place of a secret in documentation and templates.
fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 17] = [
        b"example",
        b"changeme",
        b"change_me",
        b"placeholder",
        b"redacted",
        b"your-",
        b"your_",
        b"xxxx",
        b"****",
        b"insert",
        b"dummy",
        b"undefined",
        b"null",
        b"${",
        b"process.env",
        b"os.environ",
        b"<",
    ];
    let has =
        |word: &[u8]| value.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    WORDS.iter().any(|word| has(word)) || value.starts_with(b"$") && !value.contains(&b'!')
}

//! Keys and tokens as vendors give them out, passwords beside their names.
//!
//! Invariant: each is random, so that none is anybody's; the beginnings and the values are joined
//! here only, so that the source holds nothing that a scanner of secrets would find.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::super::random::Random;
use super::Language::{English, German, Portuguese, Spanish};
use super::checks::base_62_crc;
use super::forms::{alphanumeric, any, fill};
use super::{Kind, Place};

const KEY: &[(super::Language, &str)] =
    &[(English, "key"), (English, "API key"), (Portuguese, "chave")];

/// What its name announces is a secret whatever its form.
const ANNOUNCED: &[&str] = &["generic_secret"];

pub(super) const KINDS: &[Kind] = &[
    Kind::checked("github_personal_token", github, KEY).or(ANNOUNCED).alone(),
    Kind::formed("aws_access_key_id", aws, KEY).or(ANNOUNCED).alone(),
    Kind::formed("stripe_secret_key", stripe, KEY).or(ANNOUNCED).alone(),
    Kind::formed("gcp_api_key", google, KEY).or(ANNOUNCED).alone(),
    Kind::formed("slack_bot_token", slack, KEY).or(ANNOUNCED).alone(),
    Kind::formed("gitlab_personal_token", gitlab, KEY).or(ANNOUNCED).alone(),
    Kind::formed("npm_token", npm, KEY).or(ANNOUNCED).alone(),
    Kind::checked("jwt", jwt, &[(English, "session"), (English, "cookie"), (German, "Sitzung")])
        .alone(),
    Kind::formed("private_key", private_key, &[(English, "key file"), (English, "SSH key")])
        .alone(),
    Kind::formed("url_credentials", url_credentials, &[(English, "database"), (English, "DSN")])
        .alone(),
    Kind::formed(
        "password",
        password,
        &[
            (English, "password"),
            (Portuguese, "senha"),
            (German, "Passwort"),
            (Spanish, "contraseña"),
        ],
    )
    .at(Place::Assigned),
    Kind::formed("generic_secret", generic, &[(English, "client_secret"), (English, "api_key")])
        .at(Place::Assigned),
    Kind::formed("basic_credentials", basic, &[(English, "Authorization: Basic")])
        .at(Place::Header),
    Kind::formed("bearer_token", bearer, &[(English, "Authorization: Bearer")]).at(Place::Header),
];

fn github(random: &mut Random) -> String {
    let body = alphanumeric(random, 30);
    format!("ghp_{body}{}", base_62_crc(&body))
}

fn aws(random: &mut Random) -> String {
    format!(
        "{}{}",
        random.of(&["AKIA", "ASIA"]),
        any(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
    )
}

fn stripe(random: &mut Random) -> String {
    format!("sk_{}_{}", random.of(&["live", "test"]), alphanumeric(random, 24))
}

fn google(random: &mut Random) -> String {
    format!("AIza{}", alphanumeric(random, 35))
}

fn slack(random: &mut Random) -> String {
    format!("xoxb-{}-{}", fill(random, "899999999999-899999999999"), alphanumeric(random, 24))
}

fn gitlab(random: &mut Random) -> String {
    format!("glpat-{}", alphanumeric(random, 20))
}

fn npm(random: &mut Random) -> String {
    let body = alphanumeric(random, 30);
    format!("npm_{body}{}", base_62_crc(&body))
}

fn jwt(random: &mut Random) -> String {
    let head = random.of(&[r#"{"alg":"HS256","typ":"JWT"}"#, r#"{"alg":"RS256","kid":"k1"}"#]);
    let claims =
        format!(r#"{{"sub":"{}","iat":17{}}}"#, fill(random, "899999"), fill(random, "99999999"));
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(head), part(&claims), alphanumeric(random, 43))
}

fn private_key(random: &mut Random) -> String {
    let label = random.of(&["RSA PRIVATE", "EC PRIVATE", "OPENSSH PRIVATE", "PRIVATE"]);
    let lines: Vec<String> = (0..3).map(|_| alphanumeric(random, 64)).collect();
    format!("-----BEGIN {label} KEY-----\n{}\n-----END {label} KEY-----", lines.join("\n"))
}

fn url_credentials(random: &mut Random) -> String {
    let scheme = random.of(&["postgres", "mysql", "amqp", "https"]);
    format!("{scheme}://app:{}@db.example.com/main", alphanumeric(random, 12))
}

fn password(random: &mut Random) -> String {
    let word = random.of(&["Summer", "Tr0ub4dor", "correcthorse", "Winter", "dragon"]);
    format!("{word}{}{}", random.of(&["!", "#", "_", "-", ""]), fill(random, "8999"))
}

fn generic(random: &mut Random) -> String {
    alphanumeric(random, 32)
}

fn basic(random: &mut Random) -> String {
    STANDARD.encode(format!(
        "{}:{}",
        random.of(&["admin", "deploy", "svc"]),
        alphanumeric(random, 11)
    ))
}

fn bearer(random: &mut Random) -> String {
    alphanumeric(random, 40)
}

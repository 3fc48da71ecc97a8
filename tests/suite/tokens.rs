//! Tokens of configured issuers, attacked: every way that is known to make a verifier believe
//! what it should not, with the reason by which it must be refused. No sockets: the issuer's keys
//! lie in memory. Trouble with providers is in `identity_provider`.

pub mod forge;
mod wycheproof;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use ring::hmac;
use serde_json::{Value, json};
use switchyard::clock::{ManualClock, Timestamp};
use switchyard::error::{Error, Kind};
use switchyard::model::scope::Scope;
use switchyard::policy::identity::issuer::{
    Fetch, FetchError, IssuerSettings, Issuers, Observer, Surroundings,
};
use switchyard::policy::identity::token::{
    Algorithm, Algorithms, ClaimPath, Refusal, Required, Revocations, Rules, Workspace,
};
use switchyard::tasks::Tasks;

use forge::{NOW, TestKey, claims, spell, with};

const ISSUER: &str = "https://id.example.com";

/// A provider whose set lies in memory.
struct Published(Value);

#[async_trait]
impl Fetch for Published {
    async fn get(&self, _: &http::Uri, _: usize) -> Result<Bytes, FetchError> {
        Ok(self.0.to_string().into())
    }
}

/// Tokens that were revoked, by `jti`.
#[derive(Default)]
struct Revoked(Mutex<HashSet<String>>);

impl Revocations for Revoked {
    fn is_revoked(&self, issuer: &str, token_id: &str) -> bool {
        issuer == "corp" && self.0.lock().contains(token_id)
    }
}

/// What was counted: the issuer, where it is a configured one, and the reason.
#[derive(Default)]
struct Counted(Mutex<Vec<(Option<String>, Refusal)>>);

impl Observer for Counted {
    fn refused(&self, issuer: Option<&str>, refusal: Refusal) {
        self.0.lock().push((issuer.map(str::to_owned), refusal));
    }
}

/// An issuer with a key of each kind.
struct Bench {
    rsa: TestKey,
    p256: TestKey,
    p384: TestKey,
    ed25519: TestKey,
    clock: ManualClock,
    revoked: Arc<Revoked>,
    counted: Arc<Counted>,
    issuers: Issuers,
}

fn settings() -> IssuerSettings {
    let org = Workspace::Claim(ClaimPath::parse("org").unwrap());
    let mut rules = Rules::new("corp", ISSUER, "us", org);
    rules.algorithms = Algorithm::ALL.iter().copied().collect();
    rules.groups = Some(ClaimPath::top("groups"));
    IssuerSettings { jwks_url: Some(format!("{ISSUER}/keys")), ..IssuerSettings::new(rules) }
}

impl Bench {
    fn new() -> Self {
        Self::with(settings())
    }

    fn with(settings: IssuerSettings) -> Self {
        let rsa = TestKey::rsa("rsa", 1);
        let (p256, p384) = (TestKey::p256("p256"), TestKey::p384("p384"));
        let ed25519 = TestKey::ed25519("ed");
        let renamed = |changes: &Value| with(&rsa.jwk(), changes);
        let keys = json!({"keys": [
            rsa.jwk(), p256.jwk(), p384.jwk(), ed25519.jwk(),
            renamed(&json!({"kid": "encrypts", "use": "enc"})),
            renamed(&json!({"kid": "wraps", "use": null, "key_ops": ["wrapKey"]})),
            renamed(&json!({"kid": "ps256", "alg": "PS256"})),
            renamed(&json!({"kid": "twice"})), with(&p256.jwk(), &json!({"kid": "twice"})),
            {"kty": "oct", "kid": "oct", "k": spell(b"a shared secret, 32 bytes of it.")},
        ]});
        let clock = ManualClock::at(Timestamp(NOW * 1_000_000));
        let revoked = Arc::new(Revoked::default());
        let counted = Arc::new(Counted::default());
        let surroundings = Surroundings {
            fetch: Arc::new(Published(keys)),
            clock: Arc::new(clock.clone()),
            tasks: Tasks::default(),
            revocations: Arc::clone(&revoked) as Arc<dyn Revocations>,
            observer: Arc::clone(&counted) as Arc<dyn Observer>,
            capacity: 100,
        };
        let issuers = Issuers::new(vec![settings], surroundings).unwrap();
        Self { rsa, p256, p384, ed25519, clock, revoked, counted, issuers }
    }

    async fn refusal(&self, token: &str) -> Option<Refusal> {
        let error = self.issuers.verify(token).await.err()?;
        assert_eq!(error.kind(), Kind::Unauthenticated, "{error:?}");
        Some(Refusal::of(&error).unwrap())
    }

    /// A token of the RSA key, with some of its header and claims changed.
    fn changed(&self, header: &Value, changes: &Value) -> String {
        self.rsa.token(&with(&self.rsa.header(), header), &with(&claims(ISSUER), changes))
    }
}

/// The three parts of a token.
fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<&str> = token.split('.').collect();
    parts.try_into().unwrap()
}

/// The same token with another signature.
fn signed_by(token: &str, signature: &[u8]) -> String {
    let [header, payload, _] = parts(token);
    format!("{header}.{payload}.{}", spell(signature))
}

/// A token whose signature is an HMAC with some secret, as after RS→HS confusion.
fn symmetric(algorithm: &str, kid: &str, secret: &[u8]) -> String {
    let header = json!({"alg": algorithm, "kid": kid}).to_string();
    let signed =
        format!("{}.{}", spell(header.as_bytes()), spell(claims(ISSUER).to_string().as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    format!("{signed}.{}", spell(hmac::sign(&key, signed.as_bytes()).as_ref()))
}

#[tokio::test]
async fn good_tokens_of_every_algorithm_pass() {
    let bench = Bench::new();
    let mut tokens = Vec::new();
    for key in [&bench.rsa, &bench.p256, &bench.p384, &bench.ed25519] {
        tokens.push(key.token(&key.header(), &claims(ISSUER)));
    }
    for algorithm in ["RS384", "RS512", "PS256", "PS384", "PS512"] {
        tokens.push(bench.changed(&json!({ "alg": algorithm }), &json!({})));
    }
    // The one key of its kind needs no name; RSA and P-256 have several.
    for key in [&bench.p384, &bench.ed25519] {
        tokens.push(key.token(&json!({"alg": key.algorithm()}), &claims(ISSUER)));
    }
    tokens.push(bench.changed(&json!({"kid": "ps256", "alg": "PS256"}), &json!({})));
    tokens.push(bench.changed(&json!({"typ": "at+jwt", "x5t": "a"}), &json!({"aud": ["a", "us"]})));
    tokens.push(bench.changed(&json!({"typ": null}), &json!({"exp": NOW as f64 + 0.25})));
    for token in &tokens {
        let verified = bench.issuers.verify(token).await.unwrap();
        assert_eq!(verified.principal.workspace, "acme");
        assert_eq!(verified.principal.subject, "corp|u1");
        assert!(bench.issuers.cached(token).is_some());
    }
    assert_eq!(bench.issuers.kept_tokens(), tokens.len() as u64);
}

#[tokio::test]
async fn headers_that_attack_are_refused() {
    let bench = Bench::new();
    let attacker = TestKey::rsa("rsa", 2);
    let evil = "https://evil.example.com/keys";
    let mut cases: Vec<(Value, Refusal)> = vec![
        (json!({"alg": null}), Refusal::Header),
        (json!({"alg": ["RS256"]}), Refusal::Header),
        (json!({"alg": "rs256"}), Refusal::Algorithm),
        (json!({"alg": "RS256 "}), Refusal::Algorithm),
        (json!({"alg": ""}), Refusal::Algorithm),
        (json!({"alg": "ES512"}), Refusal::Algorithm),
        (json!({"alg": "RSA-OAEP", "enc": "A256GCM"}), Refusal::Encrypted),
        (json!({"zip": "DEF"}), Refusal::Encrypted),
        (json!({"crit": ["exp"]}), Refusal::Critical),
        (json!({"crit": ["http://example.com/UNDEFINED"]}), Refusal::Critical),
        (json!({"crit": []}), Refusal::Critical),
        (json!({"b64": false}), Refusal::Critical),
        (json!({"b64": false, "crit": ["b64"]}), Refusal::Critical),
        (json!({ "jku": evil }), Refusal::EmbeddedKey),
        (json!({ "x5u": evil }), Refusal::EmbeddedKey),
        (json!({"x5c": ["MIIB"]}), Refusal::EmbeddedKey),
        (json!({"jwk": attacker.jwk()}), Refusal::EmbeddedKey),
        (json!({"jwk": bench.rsa.jwk()}), Refusal::EmbeddedKey),
        (json!({"typ": "dpop+jwt"}), Refusal::Type),
        (json!({"typ": "logout+jwt"}), Refusal::Type),
        (json!({"typ": 1}), Refusal::Header),
        (json!({"kid": ""}), Refusal::KeyId),
        (json!({"kid": 1}), Refusal::KeyId),
        (json!({"kid": ["rsa"]}), Refusal::KeyId),
        (json!({"kid": {"kid": "rsa"}}), Refusal::KeyId),
        (json!({"kid": "rsa\u{0}"}), Refusal::KeyId),
        (json!({"kid": "rsa\n"}), Refusal::KeyId),
        (json!({"kid": "' OR '1'='1"}), Refusal::KeyId),
        (json!({"kid": "k".repeat(257)}), Refusal::KeyId),
        (json!({"kid": "k".repeat(256)}), Refusal::UnknownKey),
        (json!({"kid": "../../../../dev/null"}), Refusal::UnknownKey),
        (json!({"kid": "'OR/**/1=1--"}), Refusal::UnknownKey),
        (json!({"kid": "RSA"}), Refusal::UnknownKey),
        (json!({"kid": "encrypts"}), Refusal::UnknownKey),
        (json!({"kid": "wraps"}), Refusal::UnknownKey),
        (json!({"kid": "oct"}), Refusal::UnknownKey),
        (json!({"kid": "twice"}), Refusal::AmbiguousKey),
        (json!({"kid": null}), Refusal::AmbiguousKey),
        (json!({"kid": "ps256"}), Refusal::KeyMismatch),
        (json!({"kid": "p256"}), Refusal::KeyMismatch),
        (json!({"kid": "ed"}), Refusal::KeyMismatch),
        (json!({"alg": "ES256"}), Refusal::KeyMismatch),
        (json!({"alg": "EdDSA"}), Refusal::KeyMismatch),
        (json!({"alg": "ES256", "kid": "p256"}), Refusal::Signature),
        (json!({"alg": "EdDSA", "kid": "ed"}), Refusal::Signature),
    ];
    for none in ["none", "None", "NONE", "nOnE", "n\u{fb00}ne", "none\u{0}"] {
        cases.push((json!({ "alg": none }), Refusal::Algorithm));
    }
    for (header, expected) in &cases {
        let token = bench.changed(header, &json!({}));
        assert_eq!(bench.refusal(&token).await, Some(*expected), "{header}");
        // With `null` in it, where the table takes the member away.
        let null = header.as_object().unwrap().iter().filter(|(_, value)| value.is_null());
        for (name, _) in null {
            let mut header = bench.rsa.header();
            header[name] = Value::Null;
            let token = bench.rsa.token(&header, &claims(ISSUER));
            assert!(bench.refusal(&token).await.is_some(), "{header}");
        }
    }
    assert_eq!(bench.issuers.kept_tokens(), 0);
}

#[tokio::test]
async fn headers_and_payloads_that_two_readers_read_differently_are_refused() {
    let bench = Bench::new();
    let good = claims(ISSUER).to_string();
    let header = bench.rsa.header().to_string();
    for twice in [
        r#"{"alg":"none","alg":"RS256","kid":"rsa"}"#,
        r#"{"alg":"RS256","kid":"other","kid":"rsa"}"#,
        r#"{"alg":"RS256","kid":"rsa","\u0061lg":"RS256"}"#,
        r#"{"alg":"RS256","kid":"rsa""#,
        r#"{"alg":"RS256","kid":"rsa"}{}"#,
        r#"["RS256"]"#,
        "null",
        "\u{feff}{\"alg\":\"RS256\",\"kid\":\"rsa\"}",
    ] {
        let token = bench.rsa.token_of(twice, &good);
        assert_eq!(bench.refusal(&token).await, Some(Refusal::Header), "{twice}");
    }
    for twice in [
        good.replacen('{', r#"{"sub":"admin","#, 1),
        good.replacen('{', r#"{"exp":9999999999,"#, 1),
        good.replacen('{', r#"{"a":{"b":1,"b":2},"#, 1),
        good.replacen('{', r#"{"a":NaN,"#, 1),
        good.replacen('{', r#"{"a":Infinity,"#, 1),
        format!("[{good}]"),
        format!("{good}{good}"),
        "{".repeat(200),
        format!("{}1{}", "{\"a\":".repeat(1_000), "}".repeat(1_000)),
        "foo".to_owned(),
    ] {
        let token = bench.rsa.token_of(&header, &twice);
        assert_eq!(bench.refusal(&token).await, Some(Refusal::Claims), "{twice}");
    }
}

#[tokio::test]
async fn a_public_key_is_never_a_secret() {
    let bench = Bench::new();
    let jwk = bench.rsa.jwk();
    let secrets = [
        jwk.to_string().into_bytes(),
        jwk["n"].as_str().unwrap().as_bytes().to_vec(),
        b"a shared secret, 32 bytes of it.".to_vec(),
        Vec::new(),
    ];
    for secret in &secrets {
        for algorithm in ["HS256", "HS384", "HS512", "hs256"] {
            let token = symmetric(algorithm, "rsa", secret);
            assert_eq!(bench.refusal(&token).await, Some(Refusal::Algorithm));
        }
        // The HMAC under the name of an asymmetric algorithm.
        let token = symmetric("RS256", "rsa", secret);
        assert_eq!(bench.refusal(&token).await, Some(Refusal::Signature));
        let token = symmetric("RS256", "oct", secret);
        assert_eq!(bench.refusal(&token).await, Some(Refusal::UnknownKey));
    }
}

#[tokio::test]
async fn forms_that_are_not_three_parts_are_refused() {
    let bench = Bench::new();
    let good = bench.changed(&json!({}), &json!({}));
    let [header, payload, signature] = parts(&good);
    for (token, expected) in [
        (String::new(), Refusal::Malformed),
        (header.to_owned(), Refusal::Malformed),
        (format!("{header}.{payload}"), Refusal::Malformed),
        (format!("{header}.{payload}."), Refusal::Malformed),
        (format!("{header}..{signature}"), Refusal::Malformed),
        (format!(".{payload}.{signature}"), Refusal::Malformed),
        (format!("{good}."), Refusal::Malformed),
        (format!("{good}.{signature}"), Refusal::Malformed),
        (format!("{header}.a.b.c.{signature}"), Refusal::Encrypted),
        (format!(" {good}"), Refusal::Malformed),
        (format!("{good}\n"), Refusal::Malformed),
        (format!("{good}=="), Refusal::Malformed),
        (format!("{header}=.{payload}.{signature}"), Refusal::Malformed),
        (good.replace('.', ","), Refusal::Malformed),
        (json!({"payload": payload, "signature": signature}).to_string(), Refusal::Malformed),
        ("a".repeat(16 * 1024 + 1), Refusal::TooLarge),
        (bench.changed(&json!({}), &json!({"pad": "a".repeat(12_500)})), Refusal::TooLarge),
        ("a".repeat(50_000_000), Refusal::TooLarge),
    ] {
        let shown: String = token.chars().take(40).collect();
        assert_eq!(bench.refusal(&token).await, Some(expected), "{shown}");
    }
}

#[tokio::test]
async fn signatures_that_are_not_the_keys_are_refused() {
    let bench = Bench::new();
    let attackers = [TestKey::rsa("rsa", 2), TestKey::p256("p256"), TestKey::ed25519("ed")];
    for key in &attackers {
        let token = key.token(&key.header(), &claims(ISSUER));
        assert_eq!(bench.refusal(&token).await, Some(Refusal::Signature), "{}", key.id);
    }
    // Of the order of P-256, by which r or s are zero.
    let order = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let one = {
        let mut one = [0; 32];
        one[31] = 1;
        one
    };
    let mut identity = [0; 64];
    identity[0] = 1;
    let good = bench.p256.token(&bench.p256.header(), &claims(ISSUER));
    for signature in [
        [[0; 32], [0; 32]].concat(),
        [one, [0; 32]].concat(),
        [[0; 32], one].concat(),
        [order, order].concat(),
        [one, order].concat(),
        [one, one].concat(),
        // DER, as other protocols have it.
        vec![0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01],
        vec![0; 63],
        vec![0; 65],
    ] {
        let token = signed_by(&good, &signature);
        assert_eq!(bench.refusal(&token).await, Some(Refusal::Signature), "{signature:?}");
    }
    let good = bench.ed25519.token(&bench.ed25519.header(), &claims(ISSUER));
    for signature in [vec![0; 64], identity.to_vec(), vec![0xff; 64], vec![0; 1]] {
        let token = signed_by(&good, &signature);
        assert_eq!(bench.refusal(&token).await, Some(Refusal::Signature));
    }
    let good = bench.changed(&json!({}), &json!({}));
    for signature in [vec![0; 256], [vec![0; 255], vec![1]].concat(), vec![0xff; 256], vec![1]] {
        let token = signed_by(&good, &signature);
        assert_eq!(bench.refusal(&token).await, Some(Refusal::Signature));
    }
}

#[tokio::test]
async fn no_change_of_one_character_passes() {
    let bench = Bench::new();
    for key in [&bench.p256, &bench.ed25519, &bench.rsa] {
        let good = key.token(&key.header(), &claims(ISSUER));
        assert!(bench.refusal(&good).await.is_none());
        for place in 0..good.len() {
            let old = good.as_bytes()[place];
            for new in [b'A', b'_', b'.', b'='] {
                if new != old {
                    let mut changed = good.clone().into_bytes();
                    changed[place] = new;
                    let changed = String::from_utf8(changed).unwrap();
                    assert!(bench.refusal(&changed).await.is_some(), "{place}: {changed}");
                }
            }
        }
    }
    assert_eq!(bench.issuers.kept_tokens(), 3);
}

#[tokio::test]
async fn claims_of_the_wrong_kind_or_value_are_refused() {
    let mut settings = settings();
    settings.rules.required =
        vec![Required { claim: ClaimPath::top("email_verified"), one_of: vec!["true".into()] }];
    settings.rules.longest_life = Some(Duration::from_secs(3600));
    let bench = Bench::with(settings);
    let good = json!({"email_verified": true});
    assert_eq!(bench.refusal(&bench.changed(&json!({}), &good)).await, None);
    for (changes, expected) in [
        (json!({"iss": null}), Refusal::UnknownIssuer),
        (json!({"iss": "https://id.example.com/"}), Refusal::UnknownIssuer),
        (json!({"iss": "https://ID.example.com"}), Refusal::UnknownIssuer),
        (json!({"iss": ["https://id.example.com"]}), Refusal::UnknownIssuer),
        (json!({"iss": "https://evil.example.com"}), Refusal::UnknownIssuer),
        (json!({"aud": null}), Refusal::MissingClaim),
        (json!({"aud": "them"}), Refusal::Audience),
        (json!({"aud": "us,them"}), Refusal::Audience),
        (json!({"aud": ["them"]}), Refusal::Audience),
        (json!({"aud": []}), Refusal::Audience),
        (json!({"aud": {"us": true}}), Refusal::Claims),
        (json!({"aud": ["us", 1]}), Refusal::Claims),
        (json!({"aud": 1}), Refusal::Claims),
        (json!({"exp": null}), Refusal::MissingClaim),
        (json!({"exp": "1900000000"}), Refusal::Claims),
        (json!({"exp": [NOW + 60]}), Refusal::Claims),
        (json!({"exp": -1}), Refusal::Claims),
        (json!({"exp": -0.5}), Refusal::Claims),
        (json!({"exp": true}), Refusal::Claims),
        (json!({"exp": NOW - 60}), Refusal::Expired),
        (json!({"exp": 0}), Refusal::Expired),
        (json!({"exp": 1e300}), Refusal::Lifetime),
        (json!({"exp": u64::MAX}), Refusal::Lifetime),
        (json!({"exp": NOW + 3591}), Refusal::Lifetime),
        (json!({"iat": null}), Refusal::MissingClaim),
        (json!({"iat": "now"}), Refusal::Claims),
        (json!({"iat": NOW + 61}), Refusal::NotYet),
        (json!({"nbf": NOW + 61}), Refusal::NotYet),
        (json!({"nbf": "0"}), Refusal::Claims),
        (json!({"nbf": u64::MAX}), Refusal::NotYet),
        (json!({"sub": null}), Refusal::MissingClaim),
        (json!({"sub": ""}), Refusal::Claims),
        (json!({"sub": 1}), Refusal::Claims),
        (json!({"sub": "a\r\nb"}), Refusal::Claims),
        (json!({"jti": 1}), Refusal::Claims),
        (json!({"jti": ""}), Refusal::Claims),
        (json!({"org": null}), Refusal::Workspace),
        (json!({"org": ""}), Refusal::Workspace),
        (json!({"org": ["acme"]}), Refusal::Workspace),
        (json!({"org": "acme/other"}), Refusal::Workspace),
        (json!({"org": "a".repeat(81)}), Refusal::Workspace),
        (json!({"groups": {"admins": true}}), Refusal::Claims),
        (json!({"groups": [1]}), Refusal::Claims),
        (json!({"scope": 7}), Refusal::Claims),
        (json!({"email_verified": null}), Refusal::MissingClaim),
        (json!({"email_verified": false}), Refusal::RequiredClaim),
    ] {
        let changed = with(&with(&claims(ISSUER), &good), &changes);
        let token = bench.rsa.token(&bench.rsa.header(), &changed);
        assert_eq!(bench.refusal(&token).await, Some(expected), "{changes}");
        // Null is no value of any of them either.
        let name = changes.as_object().unwrap().keys().next().unwrap();
        let mut null = with(&claims(ISSUER), &good);
        null[name] = Value::Null;
        let token = bench.rsa.token(&bench.rsa.header(), &null);
        let optional = ["groups", "scope"].contains(&name.as_str());
        assert_eq!(bench.refusal(&token).await.is_none(), optional, "{name}: null");
    }
}

#[tokio::test]
async fn an_algorithm_that_the_issuer_does_not_list_is_refused_though_it_has_the_key() {
    let mut settings = settings();
    settings.rules.algorithms = Algorithms::from_iter([Algorithm::ES256]);
    let bench = Bench::with(settings);
    let listed = bench.p256.token(&bench.p256.header(), &claims(ISSUER));
    assert_eq!(bench.refusal(&listed).await, None);
    for key in [&bench.rsa, &bench.p384, &bench.ed25519] {
        let token = key.token(&key.header(), &claims(ISSUER));
        assert_eq!(bench.refusal(&token).await, Some(Refusal::Algorithm));
    }
}

#[tokio::test]
async fn a_token_that_was_kept_ends_with_its_time_and_with_its_revocation() {
    let bench = Bench::new();
    let token = bench.changed(&json!({}), &json!({"jti": "t1", "scope": "runs:read"}));
    let verified = bench.issuers.verify(&token).await.unwrap();
    assert!(verified.principal.scopes.has(Scope::RunsRead));
    assert!(bench.issuers.cached(&token).is_some());
    let other = bench.changed(&json!({}), &json!({"jti": "t2"}));
    assert_eq!(bench.refusal(&other).await, None);

    bench.revoked.0.lock().insert("t1".to_owned());
    assert!(bench.issuers.cached(&token).is_none());
    assert_eq!(bench.refusal(&token).await, Some(Refusal::Revoked));
    assert!(bench.issuers.cached(&other).is_some());
    let fresh = bench.changed(&json!({}), &json!({"jti": "t1", "sub": "u2"}));
    assert_eq!(bench.refusal(&fresh).await, Some(Refusal::Revoked));

    bench.clock.advance(Duration::from_secs(659));
    assert!(bench.issuers.cached(&other).is_some());
    bench.clock.advance(Duration::from_secs(1));
    assert!(bench.issuers.cached(&other).is_none());
    assert_eq!(bench.refusal(&other).await, Some(Refusal::Expired));
}

#[tokio::test]
async fn refusals_are_counted_under_the_names_of_configured_issuers_only() {
    let bench = Bench::new();
    for changes in [json!({"iss": "https://evil.example.com"}), json!({"aud": "them"})] {
        assert!(bench.refusal(&bench.changed(&json!({}), &changes)).await.is_some());
    }
    assert!(bench.refusal("nonsense").await.is_some());
    let corp = Some("corp".to_owned());
    let expected =
        [(None, Refusal::UnknownIssuer), (corp, Refusal::Audience), (None, Refusal::Malformed)];
    assert_eq!(*bench.counted.0.lock(), expected);
}

#[tokio::test]
async fn the_cache_is_bounded() {
    let bench = Bench::new();
    for at in 0..300 {
        let claims = with(&claims(ISSUER), &json!({"sub": format!("u{at}")}));
        let token = bench.ed25519.token(&bench.ed25519.header(), &claims);
        assert_eq!(bench.refusal(&token).await, None);
    }
    assert!(bench.issuers.kept_tokens() <= 100);
}

#[tokio::test]
async fn no_refusal_says_anything_of_the_token() {
    let bench = Bench::new();
    let secret = "Zq7PlantedValue";
    let mut errors: Vec<Error> = Vec::new();
    for (header, changes) in [
        (json!({ "kid": secret }), json!({})),
        (json!({ "alg": secret }), json!({})),
        (json!({ "typ": secret }), json!({})),
        (json!({}), json!({ "iss": secret })),
        (json!({}), json!({ "aud": secret })),
        (json!({}), json!({ "exp": secret })),
        (json!({}), json!({"org": format!("{secret} {secret}")})),
        (json!({}), json!({"sub": format!("{secret}\n")})),
    ] {
        let token = bench.changed(&header, &changes);
        errors.push(bench.issuers.verify(&token).await.unwrap_err());
    }
    errors.push(bench.issuers.verify(secret).await.unwrap_err());
    for error in errors {
        let problem = serde_json::to_string(&error.problem("r1")).unwrap();
        assert!(!format!("{error:?} {error} {problem}").contains(secret), "{error}");
    }
}

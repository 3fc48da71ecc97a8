//! Tokens of an issuer: verified anew, and found among those that were.

#[path = "../../tests/suite/tokens/forge.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    clippy::panic,
    clippy::unwrap_used,
    reason = "it makes tokens for the tests as well, and fails as tests do"
)]
mod forge;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use switchyard::clock::{ManualClock, Timestamp};
use switchyard::policy::identity::issuer::{
    Fetch, FetchError, IssuerSettings, Issuers, NoObserver, Surroundings,
};
use switchyard::policy::identity::token::{
    Algorithm, ClaimPath, KeySet, NoRevocations, Rules, Unverified, Workspace, claims, verify,
};
use switchyard::tasks::Tasks;

use self::forge::{NOW, TestKey};
use crate::{Outcome, micros};

const ISSUER: &str = "https://id.example.com";

/// An issuer whose keys are always there.
struct Published(Value);

#[async_trait]
impl Fetch for Published {
    async fn get(&self, _: &http::Uri, _: usize) -> Result<Bytes, FetchError> {
        Ok(self.0.to_string().into())
    }
}

pub(crate) async fn play(long: Duration) -> Outcome<()> {
    let keys = [TestKey::rsa("rsa", 1), TestKey::p256("p256"), TestKey::ed25519("ed")];
    let published = json!({ "keys": keys.iter().map(TestKey::jwk).collect::<Vec<_>>() });
    let mut rules = Rules::new("corp", ISSUER, "us", Workspace::Claim(ClaimPath::top("org")));
    rules.algorithms = Algorithm::ALL.iter().copied().collect();
    rules.groups = Some(ClaimPath::top("groups"));
    let now = Timestamp(NOW * 1_000_000);
    let settings = IssuerSettings {
        jwks_url: Some(format!("{ISSUER}/keys")),
        ..IssuerSettings::new(rules.clone())
    };
    let issuers = Issuers::new(
        vec![settings],
        Surroundings {
            fetch: Arc::new(Published(published.clone())),
            clock: Arc::new(ManualClock::at(now)),
            tasks: Tasks::default(),
            revocations: Arc::new(NoRevocations),
            observer: Arc::new(NoObserver),
            capacity: 10_000,
        },
    )?;
    let set = KeySet::read(published.to_string().as_bytes())?;
    let more = json!({
        "jti": "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0",
        "email_verified": true,
        "groups": ["engineering", "platform", "on-call"],
        "scope": "openid profile runs:read runs:write",
    });
    for key in &keys {
        let token = key.token(&key.header(), &forge::with(&forge::claims(ISSUER), &more));
        issuers.verify(&token).await?;
        let anew = micros(long, async || {
            let read = Unverified::read(&token)?;
            let found = read.claims()?;
            let checked = claims::check(&found, &rules, now)?;
            black_box(verify(&read, &found, checked, &rules, &set)?);
            Ok(())
        });
        let (anew, name) = (anew.await?, key.algorithm());
        println!("| a token, {name}, verified anew | {anew:.1} |");
        let kept = micros(long, async || {
            black_box(issuers.cached(&token).ok_or("it was not kept")?);
            Ok(())
        });
        println!("| a token, {name}, verified before | {:.2} |", kept.await?);
    }
    Ok(())
}

//! The ring with a store in memory: what is found, what is refused and why, and when changes are
//! in force.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::super::testing::{MemoryKeys, request};
use super::super::*;
use crate::clock::{Clock, CountingIds, ManualClock, Timestamp};
use crate::error::Result;
use crate::model::key::{Key, KeyId, KeySecret, SecretHash};
use crate::model::principal::PrincipalKind;
use crate::model::scope::Scope;
use crate::store::{KeyChanges, Keys, RevokedToken};

const STALE: Backing = Backing::Store { stale: DEFAULT_STALE };
const START: Timestamp = Timestamp(1_700_000_000_000_000);

struct World {
    clock: ManualClock,
    ids: CountingIds,
    store: MemoryKeys,
    ring: KeyRing,
}

impl World {
    fn new(hasher: Hasher) -> Self {
        let clock = ManualClock::at(START);
        let ring = KeyRing::new(hasher, Arc::new(clock.clone()), STALE);
        Self { clock, ids: CountingIds::default(), store: MemoryKeys::default(), ring }
    }

    async fn make(&self, wanted: KeyRequest) -> NewKey {
        let made = new_key(wanted, self.ring.hasher(), &self.ids, self.clock.now()).unwrap();
        self.store.add(&made.key).await.unwrap();
        made
    }

    async fn refresh(&self) -> Refreshed {
        self.ring.refresh(&self.store).await.unwrap()
    }

    fn find(&self, secret: &Secret) -> Result<KeyId, Refused> {
        self.find_text(secret.reveal())
    }

    fn find_text(&self, text: &str) -> Result<KeyId, Refused> {
        self.ring.find(text, self.clock.now()).map(|found| found.key_id.clone())
    }
}

fn pepper() -> Hasher {
    Hasher::peppered(&[7; 32]).unwrap()
}

#[tokio::test]
async fn a_key_is_found_with_all_that_is_known_of_its_holder() {
    let world = World::new(pepper());
    let mut wanted = request("n8n");
    wanted.groups = vec!["support".to_owned()];
    wanted.agents = Some(vec!["acp:*".to_owned()]);
    wanted.class = Some("gold".to_owned());
    let made = world.make(wanted).await;
    world.refresh().await;
    let found = world.ring.find(made.secret.reveal(), START).unwrap();
    let principal = &found.principal;
    assert_eq!((principal.workspace.as_str(), principal.name.as_str()), ("acme", "n8n"));
    assert_eq!(principal.subject, format!("key:{}", made.key.id));
    assert_eq!(principal.kind, PrincipalKind::Key);
    assert_eq!(principal.groups, ["support"]);
    assert_eq!(principal.agents.as_deref(), Some(&["acp:*".to_owned()][..]));
    assert_eq!(principal.class.as_deref(), Some("gold"));
    assert!(principal.scopes.has(Scope::RunsWrite) && !principal.scopes.has(Scope::Admin));
    let again = world.ring.find(made.secret.reveal(), START).unwrap();
    assert!(Arc::ptr_eq(&found, &again), "nothing is built for a request");
}

#[tokio::test]
async fn each_refusal_has_its_reason() {
    let world = World::new(Hasher::plain());
    let second = Duration::from_secs(1);
    let mut short = request("short");
    short.expires_at = Some(Timestamp(START.0 + 1_000_000));
    let (short, long) = (world.make(short).await, world.make(request("long")).await);
    world.refresh().await;
    let other = new_key(request("x"), &Hasher::plain(), &world.ids, START).unwrap();
    assert_eq!(world.find(&other.secret), Err(Refused::Unknown));
    assert_eq!(world.find_text("gsk_of_somebody_else"), Err(Refused::Unknown));
    let typed = format!("{}x", long.secret.reveal());
    assert_eq!(world.find_text(&typed), Err(Refused::Mistyped));
    assert_eq!(world.find_text("swy_"), Err(Refused::Mistyped));
    for text in ["", " ", "a b", "ä", "a\n", &"a".repeat(513)] {
        assert_eq!(world.find_text(text), Err(Refused::Unreadable), "{text:?}");
    }
    assert_eq!(world.find_text(&"a".repeat(512)), Err(Refused::Unknown));
    world.clock.advance(second - Duration::from_micros(1));
    assert_eq!(world.find(&short.secret), Ok(short.key.id.clone()));
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(world.find(&short.secret), Err(Refused::Expired));
    world.store.revoke(&long.key.id, world.clock.now()).await.unwrap();
    assert_eq!(world.find(&long.secret), Ok(long.key.id.clone()), "not before the refresh");
    world.refresh().await;
    assert_eq!(world.find(&long.secret), Err(Refused::Revoked));
}

#[tokio::test]
async fn both_secrets_work_while_a_key_is_rotated_and_no_third() {
    let world = World::new(pepper());
    let NewKey { key, secret: first } = world.make(request("n8n")).await;
    world.refresh().await;
    let mut secrets = vec![first];
    for _ in 0..2 {
        let now = world.clock.now();
        let known = world.store.get(&key.id).await.unwrap().unwrap();
        let next = rotate(&known, Duration::from_secs(60), world.ring.hasher(), now).unwrap();
        world.store.rotate(&key.id, next.replacement, next.old_until, now).await.unwrap();
        world.refresh().await;
        secrets.push(next.secret);
    }
    assert_eq!(world.find(&secrets[0]), Err(Refused::Unknown), "the oldest went at once");
    assert_eq!(world.find(&secrets[1]), Ok(key.id.clone()));
    assert_eq!(world.find(&secrets[2]), Ok(key.id.clone()));
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.find(&secrets[1]), Err(Refused::Superseded));
    assert_eq!(world.find(&secrets[2]), Ok(key.id));
}

#[tokio::test]
async fn opaque_secrets_and_both_kinds_of_hash_are_found_beside_a_pepper() {
    let world = World::new(pepper());
    let texts = ["gsk_0123456789abcdefghij", "plain-0123456789abcdefghij"];
    let by_text = Foreign::Text(texts[0]);
    let peppered = register(request("a"), by_text, world.ring.hasher(), &world.ids, START).unwrap();
    world.store.add(&peppered).await.unwrap();
    let plain = configured(request("b"), Hasher::plain().hash(texts[1]), START).unwrap();
    world.ring.configure(vec![plain]).unwrap();
    world.refresh().await;
    assert_eq!(world.find_text(texts[0]), Ok(peppered.id));
    assert_eq!(world.find_text(texts[1]).unwrap().as_str(), "key_acme.b");
}

#[tokio::test]
async fn without_the_store_its_keys_work_for_a_while_and_configured_ones_for_ever() {
    let world = World::new(Hasher::plain());
    let configured = configured(request("c"), Hasher::plain().hash("configured"), START).unwrap();
    world.ring.configure(vec![configured]).unwrap();
    assert_eq!(world.find_text("unknown"), Err(Refused::StoreAway), "nothing is known yet");
    assert!(world.find_text("configured").is_ok());
    let stored = world.make(request("s")).await;
    let gone = world.make(request("g")).await;
    world.store.revoke(&gone.key.id, START).await.unwrap();
    world.refresh().await;
    world.store.go_away(true);
    world.clock.advance(DEFAULT_STALE);
    assert!(world.ring.refresh(&world.store).await.is_err());
    assert_eq!(world.find(&stored.secret), Ok(stored.key.id.clone()));
    world.clock.advance(Duration::from_micros(1));
    for text in [stored.secret.reveal(), gone.secret.reveal(), "unknown"] {
        assert_eq!(world.find_text(text), Err(Refused::StoreAway));
    }
    assert!(world.find_text("configured").is_ok());
    world.store.go_away(false);
    world.refresh().await;
    assert_eq!(world.find(&stored.secret), Ok(stored.key.id.clone()));
    assert_eq!(world.find(&gone.secret), Err(Refused::Revoked));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_given_up() {
    struct Silent;
    #[async_trait::async_trait]
    impl Keys for Silent {
        async fn add(&self, _: &Key) -> Result<()> {
            std::future::pending().await
        }
        async fn get(&self, _: &KeyId) -> Result<Option<Key>> {
            std::future::pending().await
        }
        async fn list(&self, _: Option<&str>, _: Option<&KeyId>, _: usize) -> Result<Vec<Key>> {
            std::future::pending().await
        }
        async fn rotate(&self, _: &KeyId, _: KeySecret, _: Timestamp, _: Timestamp) -> Result<Key> {
            std::future::pending().await
        }
        async fn revoke(&self, _: &KeyId, _: Timestamp) -> Result<Key> {
            std::future::pending().await
        }
        async fn revoke_token(&self, _: &RevokedToken, _: Timestamp) -> Result<()> {
            std::future::pending().await
        }
        async fn changes(&self, _: u64, _: Timestamp) -> Result<KeyChanges> {
            std::future::pending().await
        }
    }
    let world = World::new(Hasher::plain());
    assert_eq!(world.ring.refresh(&Silent).await.unwrap_err().kind().status(), 503);
    assert_eq!(world.ring.store_age(), None);
}

#[tokio::test]
async fn a_store_that_was_restored_from_a_copy_is_read_anew() {
    let world = World::new(Hasher::plain());
    let lost = world.make(request("lost")).await;
    world.make(request("other")).await;
    assert!(!world.refresh().await.was_reloaded);
    let restored = MemoryKeys::default();
    let kept = new_key(request("kept"), &Hasher::plain(), &world.ids, START).unwrap();
    restored.add(&kept.key).await.unwrap();
    let refreshed = world.ring.refresh(&restored).await.unwrap();
    assert_eq!(refreshed, Refreshed { version: 1, keys: 1, was_reloaded: true });
    assert_eq!(world.find(&lost.secret), Err(Refused::Unknown));
    assert_eq!(world.find(&kept.secret), Ok(kept.key.id));
}

#[tokio::test]
async fn a_new_configuration_takes_the_place_of_the_old_one_or_changes_nothing() {
    let world = World::new(Hasher::plain());
    let key = |name: &str, text: &str| {
        configured(request(name), Hasher::plain().hash(text), START).unwrap()
    };
    let shared = world.make(request("s")).await;
    let same = key("same", shared.secret.reveal());
    world.refresh().await;
    world.ring.configure(vec![key("a", "aa"), same]).unwrap();
    assert_eq!(world.find(&shared.secret).unwrap().as_str(), "key_acme.same");
    let twice = world.ring.configure(vec![key("b", "bb"), key("b", "cc")]).unwrap_err();
    assert_eq!(twice.fields()[0].path, "identity.keys[1]");
    assert!(world.ring.configure(vec![key("b", "bb"), key("c", "bb")]).is_err());
    assert!(world.find_text("aa").is_ok() && world.find_text("bb").is_err());
    world.ring.configure(vec![key("a", "a2")]).unwrap();
    assert!(world.find_text("aa").is_err() && world.find_text("a2").is_ok());
    assert_eq!(world.find(&shared.secret), Ok(shared.key.id), "the store's own is back");
    assert_eq!(world.ring.counts(), (1, 1, 0));
}

#[tokio::test]
async fn a_ring_without_a_store_says_unknown() {
    let clock = Arc::new(ManualClock::at(START));
    let ring = KeyRing::new(Hasher::plain(), clock, Backing::Configuration);
    assert_eq!(ring.find("unknown", START).unwrap_err(), Refused::Unknown);
}

#[tokio::test]
async fn revoked_tokens_are_known_and_swept() {
    let world = World::new(Hasher::plain());
    let expires_at = Timestamp(START.0 + 60_000_000);
    let token = RevokedToken { issuer: "corp".into(), token_id: "t1".into(), expires_at };
    world.store.revoke_token(&token, START).await.unwrap();
    assert!(!world.ring.is_revoked("corp", "t1"));
    world.refresh().await;
    assert!(world.ring.is_revoked("corp", "t1") && !world.ring.is_revoked("corp", "t2"));
    world.clock.advance(Duration::from_secs(60));
    world.refresh().await;
    assert!(world.ring.is_revoked("corp", "t1"), "clocks differ");
    world.clock.advance(Duration::from_secs(600));
    world.refresh().await;
    assert!(!world.ring.is_revoked("corp", "t1"));
}

#[test]
fn whoever_asks_during_a_refresh_finds_the_key() {
    let clock = Arc::new(ManualClock::at(START));
    let ring = Arc::new(KeyRing::new(Hasher::plain(), clock, STALE));
    let (store, ids) = (MemoryKeys::default(), CountingIds::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let made = new_key(request("kept"), &Hasher::plain(), &ids, START).unwrap();
    runtime.block_on(store.add(&made.key)).unwrap();
    runtime.block_on(ring.refresh(&store)).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (ring, is_over) = (Arc::clone(&ring), Arc::clone(&is_over));
            let text = made.secret.reveal().to_owned();
            std::thread::spawn(move || {
                let mut asked = 0u64;
                while !is_over.load(Ordering::Relaxed) || asked == 0 {
                    assert!(ring.find(&text, START).is_ok());
                    asked += 1;
                }
                asked
            })
        })
        .collect();
    for round in 0..2_000u32 {
        // The same key changes each time, and others come.
        let mut key = made.key.clone();
        key.groups = vec![round.to_string()];
        runtime.block_on(store.add(&key)).unwrap();
        let other = new_key(request("other"), &Hasher::plain(), &ids, START).unwrap();
        runtime.block_on(store.add(&other.key)).unwrap();
        runtime.block_on(ring.refresh(&store)).unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(readers.into_iter().all(|reader| reader.join().unwrap() > 0));
    assert_eq!(ring.find(made.secret.reveal(), START).unwrap().principal.groups, ["1999"]);
}

/// What may happen to the keys of a store, by the number of the key.
#[derive(Clone, Copy, Debug)]
enum Change {
    Add(u8),
    Rotate(u8),
    Revoke(u8),
    Refresh,
}

fn change() -> impl Strategy<Value = Change> {
    let key = 0..6u8;
    prop_oneof![
        key.clone().prop_map(Change::Add),
        key.clone().prop_map(Change::Rotate),
        key.prop_map(Change::Revoke),
        Just(Change::Refresh),
    ]
}

/// A hash that never comes twice.
fn fresh(count: &mut u8) -> SecretHash {
    *count += 1;
    SecretHash([*count; 32])
}

proptest! {
    #[test]
    fn changes_one_after_the_other_come_to_what_a_full_load_does(
        changes in proptest::collection::vec(change(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let world = World::new(Hasher::plain());
        let mut keys: Vec<Key> = Vec::new();
        let mut hashes = 0u8;
        let get = |keys: &[Key], number: u8| {
            (!keys.is_empty()).then(|| keys[usize::from(number) % keys.len()].id.clone())
        };
        runtime.block_on(async {
            for (step, change) in changes.into_iter().enumerate() {
                let now = Timestamp(START.0 + step as i64);
                match change {
                    Change::Add(number) => {
                        let name = format!("{number}");
                        let hash = Foreign::Hash(fresh(&mut hashes));
                        let plain = Hasher::plain();
                        let key = register(request(&name), hash, &plain, &world.ids, now).unwrap();
                        world.store.add(&key).await.unwrap();
                        keys.push(key);
                    }
                    Change::Rotate(number) => if let Some(id) = get(&keys, number) {
                        let (hash, created_at) = (fresh(&mut hashes), now);
                        let secret = KeySecret { hash, created_at, expires_at: None };
                        let until = Timestamp(now.0 + i64::from(number));
                        world.store.rotate(&id, secret, until, now).await.unwrap();
                    },
                    Change::Revoke(number) => if let Some(id) = get(&keys, number) {
                        world.store.revoke(&id, now).await.unwrap();
                    },
                    Change::Refresh => { world.refresh().await; }
                }
            }
            world.refresh().await;
            let whole = KeyRing::new(Hasher::plain(), Arc::new(world.clock.clone()), STALE);
            whole.refresh(&world.store).await.unwrap();
            for number in 0..=hashes {
                for now in [START.0, START.0 + 30, START.0 + 100].map(Timestamp) {
                    let hash = [SecretHash([number; 32])];
                    let ask = |ring: &KeyRing| {
                        ring.find_hash(&hash, now).map(|found| found.key_id.clone())
                    };
                    assert_eq!(ask(&world.ring), ask(&whole), "{number}");
                }
            }
            assert_eq!(world.ring.counts(), whole.counts());
        });
    }
}

//! What the store promises about keys and revoked tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use switchyard::error::Kind;
use switchyard::model::key::{Key, KeyId, KeySecret, SecretHash};
use switchyard::model::scope::{Scope, Scopes};
use switchyard::store::{KeyChanges, REVOKED_FOR, RevokedToken};

use super::{NOW, later, on_both};

fn secret(number: u32) -> KeySecret {
    let mut hash = [7; 32];
    hash[..4].copy_from_slice(&number.to_be_bytes());
    KeySecret { hash: SecretHash(hash), created_at: NOW, expires_at: None }
}

fn key(number: u32, workspace: &str) -> Key {
    Key {
        id: KeyId::parse(&format!("key_{number:05}")).unwrap(),
        name: format!("key {number}"),
        workspace: workspace.to_owned(),
        scopes: [Scope::RunsRead, Scope::RunsWrite].into_iter().collect(),
        groups: Vec::new(),
        agents: None,
        class: None,
        secrets: vec![secret(number)],
        created_at: NOW,
        expires_at: None,
        revoked_at: None,
    }
}

fn token(id: &str, ends: i64) -> RevokedToken {
    RevokedToken { issuer: "idp".to_owned(), token_id: id.to_owned(), expires_at: later(ends) }
}

fn ids(changes: &KeyChanges) -> Vec<&str> {
    changes.keys.iter().map(|key| key.id.as_str()).collect()
}

on_both! {
    async fn a_key_reads_back_as_it_was_added(place: Place) {
        let store = place.open().await;
        let plain = Key { scopes: Scopes::NONE, secrets: Vec::new(), ..key(1, "acme") };
        let old = KeySecret { expires_at: Some(later(9)), ..secret(20) };
        let full = Key {
            name: "N8N „ü“ \"x\" ' \\ \u{1F511}".to_owned(),
            scopes: Scope::ALL.iter().copied().collect(),
            groups: vec!["a,b".to_owned(), String::new(), "ops".to_owned()],
            agents: Some(vec!["make:*".to_owned()]),
            class: Some("gold".to_owned()),
            secrets: vec![secret(2), old],
            expires_at: Some(later(100)),
            ..key(2, "acme")
        };
        let none = Key { agents: Some(Vec::new()), ..key(3, "") };
        for key in [&plain, &full, &none] {
            store.keys.add(key).await.unwrap();
            assert_eq!(store.keys.get(&key.id).await.unwrap().as_ref(), Some(key));
        }
        assert_eq!(store.keys.get(&key(4, "").id).await.unwrap(), None);
        assert_eq!(store.keys.changes(0, NOW).await.unwrap().keys, [plain, full, none]);
        place.leave([store]).await;
    }

    async fn a_name_an_id_and_a_secret_are_one_keys_only(place: Place) {
        let store = place.open().await;
        store.keys.add(&key(1, "acme")).await.unwrap();
        let version = store.keys.changes(0, NOW).await.unwrap().version;
        let same_name = Key { name: "key 1".to_owned(), ..key(2, "acme") };
        let same_id = Key { name: "other".to_owned(), secrets: vec![secret(2)], ..key(1, "acme") };
        let same_secret = Key { secrets: vec![secret(3), secret(1)], ..key(3, "other") };
        for taken in [&same_name, &same_id, &same_secret] {
            let refused = store.keys.add(taken).await.unwrap_err();
            assert_eq!(refused.kind(), Kind::Conflict, "{refused:?}");
        }
        let nothing = KeyChanges { version, ..KeyChanges::default() };
        assert_eq!(store.keys.changes(version, NOW).await.unwrap(), nothing);
        assert_eq!(store.keys.get(&same_secret.id).await.unwrap(), None);

        store.keys.add(&Key { name: "key 1".to_owned(), ..key(4, "other") }).await.unwrap();
        store.keys.revoke(&key(1, "acme").id, NOW).await.unwrap();
        store.keys.add(&same_name).await.unwrap();
        let refused = store.keys.add(&same_secret).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Conflict, "the secret of a revoked key stays taken");
        place.leave([store]).await;
    }

    async fn keys_are_listed_in_the_order_of_their_ids(place: Place) {
        let store = place.open().await;
        for number in [5, 1, 4, 2, 3] {
            let workspace = if number % 2 == 0 { "even" } else { "odd" };
            store.keys.add(&key(number, workspace)).await.unwrap();
        }
        // Ids are compared byte by byte, whatever the language of the database.
        let mut odd = key(6, "even");
        odd.id = KeyId::parse("key_A").unwrap();
        store.keys.add(&odd).await.unwrap();
        odd = key(7, "even");
        odd.id = KeyId::parse("key_a").unwrap();
        store.keys.add(&odd).await.unwrap();
        let list = async |workspace, after: Option<&str>, limit| -> Vec<String> {
            let after = after.map(|id| KeyId::parse(id).unwrap());
            let keys = store.keys.list(workspace, after.as_ref(), limit).await.unwrap();
            keys.into_iter().map(|key| key.id.to_string()).collect()
        };
        assert_eq!(list(None, None, 2).await, ["key_00001", "key_00002"]);
        assert_eq!(list(None, Some("key_00004"), 9).await, ["key_00005", "key_A", "key_a"]);
        assert_eq!(list(Some("even"), Some("key_00002"), 2).await, ["key_00004", "key_A"]);
        assert_eq!(list(Some("none"), None, 9).await, [""; 0]);
        assert_eq!(list(None, None, 0).await, [""; 0]);
        place.leave([store]).await;
    }

    async fn rotation_leaves_the_newest_old_secret_for_a_while(place: Place) {
        let store = place.open().await;
        let old = KeySecret { expires_at: Some(later(5)), ..secret(10) };
        let first = Key { secrets: vec![secret(1), old], ..key(1, "acme") };
        store.keys.add(&first).await.unwrap();
        store.keys.add(&key(2, "acme")).await.unwrap();
        let version = store.keys.changes(0, NOW).await.unwrap().version;

        let rotated = store.keys.rotate(&first.id, secret(11), later(60), NOW).await.unwrap();
        let until = |number, ends| KeySecret { expires_at: Some(later(ends)), ..secret(number) };
        assert_eq!(rotated.secrets, [secret(11), until(1, 60)]);
        assert_eq!(store.keys.get(&first.id).await.unwrap(), Some(rotated.clone()));
        let changes = store.keys.changes(version, NOW).await.unwrap();
        assert_eq!(changes.keys, [rotated]);

        let short = until(12, 30);
        store.keys.rotate(&first.id, short.clone(), later(60), NOW).await.unwrap();
        let again = store.keys.rotate(&first.id, secret(13), later(90), NOW).await.unwrap();
        assert_eq!(again.secrets, [secret(13), short], "an earlier end is not put off");

        let refused = store.keys.rotate(&first.id, secret(2), later(60), NOW).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Conflict);
        let missing = key(9, "").id;
        let refused = store.keys.rotate(&missing, secret(14), later(60), NOW).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::NotFound);
        store.keys.revoke(&first.id, NOW).await.unwrap();
        let refused = store.keys.rotate(&first.id, secret(14), later(60), NOW).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Conflict);
        let kept = store.keys.get(&first.id).await.unwrap().unwrap();
        assert_eq!(kept.secrets, again.secrets);
        place.leave([store]).await;
    }

    async fn a_key_is_revoked_once(place: Place) {
        let store = place.open().await;
        let key = key(1, "acme");
        store.keys.add(&key).await.unwrap();
        let revoked = store.keys.revoke(&key.id, later(1)).await.unwrap();
        assert_eq!(revoked, Key { revoked_at: Some(later(1)), ..key.clone() });
        let version = store.keys.changes(0, NOW).await.unwrap().version;
        assert_eq!(store.keys.revoke(&key.id, later(2)).await.unwrap(), revoked);
        assert_eq!(store.keys.changes(0, NOW).await.unwrap().version, version);
        let missing = KeyId::parse("key_9").unwrap();
        let refused = store.keys.revoke(&missing, NOW).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::NotFound);
        place.leave([store]).await;
    }

    async fn changes_are_what_came_after_a_version(place: Place) {
        let (store, other) = (place.open().await, place.open().await);
        let nothing = store.keys.changes(0, NOW).await.unwrap();
        assert_eq!(nothing, KeyChanges::default());
        for number in 1..=3 {
            store.keys.add(&key(number, "acme")).await.unwrap();
        }
        let all = other.keys.changes(0, NOW).await.unwrap();
        assert_eq!(ids(&all), ["key_00001", "key_00002", "key_00003"]);
        store.keys.revoke(&key(2, "").id, NOW).await.unwrap();
        let some = other.keys.changes(all.version, NOW).await.unwrap();
        assert_eq!(ids(&some), ["key_00002"]);
        assert_eq!(some.keys[0].revoked_at, Some(NOW));
        let none = other.keys.changes(some.version, NOW).await.unwrap();
        assert_eq!(none, KeyChanges { version: some.version, ..KeyChanges::default() });
        // A later version than the store knows: it was restored from a backup.
        let restored = other.keys.changes(some.version + 5, NOW).await.unwrap();
        assert_eq!((restored.version, restored.keys.len()), (some.version, 3));
        place.leave([store, other]).await;
    }

    async fn revoked_tokens_are_told_until_no_skew_lets_them_be_accepted(place: Place) {
        let store = place.open().await;
        let skew = i64::try_from(REVOKED_FOR.as_secs()).unwrap();
        store.keys.revoke_token(&token("late", -skew), NOW).await.unwrap();
        assert_eq!(store.keys.changes(0, NOW).await.unwrap(), KeyChanges::default());
        store.keys.revoke_token(&token("a", 10), NOW).await.unwrap();
        store.keys.revoke_token(&token("b", 20), NOW).await.unwrap();
        let both = store.keys.changes(0, later(skew + 9)).await.unwrap();
        assert_eq!(both.revoked_tokens, [token("a", 10), token("b", 20)]);
        let one = store.keys.changes(0, later(skew + 10)).await.unwrap();
        assert_eq!(one.revoked_tokens, [token("b", 20)]);
        // The later end counts, in whatever order they come.
        store.keys.revoke_token(&token("b", 30), later(skew + 10)).await.unwrap();
        store.keys.revoke_token(&token("b", 15), later(skew + 10)).await.unwrap();
        let more = store.keys.changes(both.version, later(1)).await.unwrap();
        assert_eq!(more.revoked_tokens, [token("b", 30)]);
        place.leave([store]).await;
    }

    async fn no_change_is_missed_while_several_nodes_write(place: Place) {
        const WRITERS: u32 = 4;
        const EACH: u32 = 25;
        let reader = place.open().await;
        let working = Arc::new(AtomicUsize::new(0));
        let mut stores = vec![reader.clone()];
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let store = place.open().await;
            stores.push(store.clone());
            working.fetch_add(1, Ordering::SeqCst);
            let working = working.clone();
            writers.spawn(async move {
                for number in (0..EACH).map(|number| writer * 1_000 + number) {
                    store.keys.add(&key(number, "acme")).await.unwrap();
                    if number % 3 == 0 {
                        store.keys.revoke(&key(number, "").id, NOW).await.unwrap();
                    }
                }
                working.fetch_sub(1, Ordering::SeqCst);
            });
        }
        let (mut version, mut seen, mut polls) = (0, BTreeMap::new(), 0);
        loop {
            let last = working.load(Ordering::SeqCst) == 0;
            let changes = reader.keys.changes(version, NOW).await.unwrap();
            assert!(changes.version >= version);
            version = changes.version;
            seen.extend(changes.keys.into_iter().map(|key| (key.id.clone(), key)));
            polls += 1;
            if last {
                break;
            }
        }
        assert!(polls > 3, "the reader was to read while writers write");
        while let Some(ended) = writers.join_next().await {
            ended.unwrap();
        }
        let all: BTreeSet<_> = reader.keys.changes(0, NOW).await.unwrap().keys.into_iter()
            .map(|key| (key.id.clone(), key.revoked_at)).collect();
        assert_eq!(all.len(), (WRITERS * EACH) as usize);
        assert_eq!(seen.into_iter().map(|(id, key)| (id, key.revoked_at)).collect::<BTreeSet<_>>(), all);
        place.leave(stores).await;
    }
}

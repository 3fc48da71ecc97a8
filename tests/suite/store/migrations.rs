//! Stores that earlier programs have made, brought up to date with what is in them.

use switchyard::model::amounts::Ceilings;
use switchyard::model::key::KeyId;
use switchyard::store::log::Portion;
use switchyard::store::{Claim, Reserved, Store};

use super::ledger::{account, runs};
use super::sample::{admit, ended, entry, new, run_id, runs_of};
use super::{Keeper, NOW, Place, later, on_both};

/// The steps of an engine, as they were written.
fn steps(place: &Place) -> Vec<&'static str> {
    match place.keeper {
        Keeper::Folder(_) => vec![
            include_str!("../../../src/store/sqlite/migrations/0001_keys_and_budgets.sql"),
            include_str!("../../../src/store/sqlite/migrations/0002_runs_and_audit.sql"),
            include_str!("../../../src/store/sqlite/migrations/0003_payload_keys.sql"),
            include_str!("../../../src/store/sqlite/migrations/0004_pruned.sql"),
            include_str!("../../../src/store/sqlite/migrations/0005_presets.sql"),
        ],
        Keeper::Schema { .. } => vec![
            include_str!("../../../src/store/postgres/migrations/0001_keys_and_budgets.sql"),
            include_str!("../../../src/store/postgres/migrations/0002_runs_and_audit.sql"),
            include_str!("../../../src/store/postgres/migrations/0003_payload_keys.sql"),
            include_str!("../../../src/store/postgres/migrations/0004_pruned.sql"),
            include_str!("../../../src/store/postgres/migrations/0005_presets.sql"),
        ],
    }
}

/// What a program of the first version has written: a key, a revoked token, a budget with a
/// reservation of 2 runs, and 3 that are spent.
fn first_data(place: &Place) -> String {
    let hash = "07".repeat(32);
    let hash = match place.keeper {
        Keeper::Folder(_) => format!("X'{hash}'"),
        Keeper::Schema { .. } => format!("'\\x{hash}'::bytea"),
    };
    let (now, end, until) = (NOW.0, later(100).0, later(1).0);
    format!(
        "UPDATE key_version SET version = 2;
         INSERT INTO api_keys (id, workspace, name, scopes, group_names, created_at, version)
             VALUES ('key_00001', 'acme', 'old', 'runs:read', '[]', {now}, 1);
         INSERT INTO api_key_secrets (hash, key_id, number, created_at)
             VALUES ({hash}, 'key_00001', 0, {now});
         INSERT INTO revoked_tokens (issuer, token_id, expires_at, version)
             VALUES ('idp', 'jti', {end}, 2);
         INSERT INTO budget_accounts
             (budget, subject, window_start, window_end, spent_runs, reserved_runs, holds)
             VALUES ('monthly', 'acme', {now}, {end}, 3, 2, 1);
         INSERT INTO budget_reservations (id, due_at) VALUES ('old', {until});
         INSERT INTO budget_claims (reservation, position, account, usd, tokens, credits, runs)
             SELECT 'old', 0, id, 0, 0, 0, 2 FROM budget_accounts;"
    )
}

/// Makes a store of this version.
async fn make(place: &Place, version: usize) {
    if let Keeper::Folder(_) = place.keeper {
        std::fs::create_dir_all(place.file().parent().unwrap()).unwrap();
    }
    place
        .meddle("CREATE TABLE store_migrations (version BIGINT PRIMARY KEY, applied_at BIGINT)")
        .await;
    for (step, number) in steps(place).into_iter().zip(1..=version) {
        place.meddle(step).await;
        place.meddle(&format!("INSERT INTO store_migrations VALUES ({number}, 0)")).await;
    }
    if version >= 1 {
        place.meddle(&first_data(place)).await;
    }
}

/// That everything is as it was, and that the store works.
async fn check(store: &Store, version: usize) {
    if version >= 1 {
        let changes = store.keys.changes(0, NOW).await.unwrap();
        assert_eq!((changes.version, changes.keys.len()), (2, 1));
        assert_eq!(changes.revoked_tokens[0].token_id, "jti");
        let key = store.keys.get(&KeyId::parse("key_00001").unwrap()).await.unwrap().unwrap();
        assert_eq!((&*key.name, key.secrets[0].hash.0), ("old", [7; 32]));
        let balance = store.ledger.balance(&account("acme")).await.unwrap();
        assert_eq!((balance.spent, balance.reserved), (runs(3), runs(2)));
        store.ledger.settle("old", &runs(1), NOW).await.unwrap();
        let balance = store.ledger.balance(&account("acme")).await.unwrap();
        assert_eq!((balance.spent, balance.reserved), (runs(4), runs(0)));
    }
    let claim = Claim { account: account("acme"), ceilings: Ceilings::default(), amounts: runs(1) };
    let held = store.ledger.reserve("new", &[claim], later(1), NOW).await.unwrap();
    assert_eq!(held, Reserved::Held);
    let kept = runs_of(store);
    admit(&kept, new(1)).await;
    assert!(kept.end(&ended(1)).await.unwrap());
    assert!(kept.run(&run_id(1)).await.unwrap().is_some());
    store.log.append(vec![entry(1)]).await.unwrap();
    assert_eq!(store.log.waiting(0, Portion::of(9)).await.unwrap().len(), 1);
}

on_both! {
    async fn what_the_first_version_wrote_is_there_and_can_be_used(place: Place) {
        make(&place, 1).await;
        let store = place.open().await;
        check(&store, 1).await;
        store.close().await;
        let again = place.open().await;
        assert!(again.rows.run(&run_id(1)).await.unwrap().is_some());
        place.leave([again]).await;
    }

    async fn a_store_without_any_version_is_brought_up_to_date(place: Place) {
        make(&place, 0).await;
        let store = place.open().await;
        check(&store, 0).await;
        place.leave([store]).await;
    }

    async fn a_store_of_the_latest_version_is_left_as_it_is(place: Place) {
        let latest = steps(&place).len();
        make(&place, latest).await;
        let store = place.open().await;
        check(&store, latest).await;
        place.leave([store]).await;
    }

    async fn nodes_that_start_at_once_take_each_step_once(place: Place) {
        make(&place, 1).await;
        let (a, b, c) = tokio::join!(place.open(), place.open(), place.open());
        check(&b, 1).await;
        place.leave([a, b, c]).await;
    }

    async fn a_program_of_the_first_version_works_on_meanwhile(place: Place) {
        make(&place, 1).await;
        let store = place.open().await;
        // What it writes, by its own statements.
        place.meddle("UPDATE budget_accounts SET spent_runs = spent_runs + 1").await;
        let balance = store.ledger.balance(&account("acme")).await.unwrap();
        assert_eq!(balance.spent, runs(4));
        place.leave([store]).await;
    }
}

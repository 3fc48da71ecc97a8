//! Opening, closing and opening again.

use std::time::Duration;

use switchyard::error::Kind;
use switchyard::model::amounts::Ceilings;
use switchyard::store::{Claim, OpenError, Reserved};

use super::ledger::{account, runs};
use super::{NOW, Place, later, on_both};

fn claim() -> Claim {
    Claim { account: account("acme"), ceilings: Ceilings::default(), amounts: runs(2) }
}

on_both! {
    async fn nodes_that_start_at_once_make_one_store(place: Place) {
        let (a, b, c, d) = tokio::join!(place.open(), place.open(), place.open(), place.open());
        let nodes = [a, b, c, d];
        for (number, node) in nodes.iter().enumerate() {
            node.probe(NOW).await.unwrap();
            let name = format!("r{number}");
            let held = node.ledger.reserve(&name, &[claim()], later(1), NOW).await.unwrap();
            assert_eq!(held, Reserved::Held);
        }
        let balance = nodes[0].ledger.balance(&account("acme")).await.unwrap();
        assert_eq!(balance.reserved, runs(8));
        place.leave(nodes).await;
    }

    async fn a_store_that_is_newer_than_the_program_is_refused(place: Place) {
        place.open().await.close().await;
        place.meddle("INSERT INTO store_migrations (version, applied_at) VALUES (999, 0)").await;
        let refused = place.try_open().await.err();
        assert!(matches!(refused, Some(OpenError::Newer { found: 999, .. })), "{refused:?}");
        place.leave([]).await;
    }

    async fn a_closed_store_refuses_and_one_opened_again_has_everything(place: Place) {
        let store = place.open().await;
        store.ledger.reserve("a", &[claim()], later(1), NOW).await.unwrap();
        store.close().await;
        store.close().await;
        let refused = store.ledger.settle("a", &runs(1), NOW).await.unwrap_err();
        assert_eq!(refused.kind(), switchyard::store::unavailable(std::fmt::Error).kind());
        assert_eq!(refused.retry_in(), Some(Duration::from_secs(1)));
        assert!(store.ledger.balance(&account("acme")).await.is_err());
        assert!(store.probe(NOW).await.is_err());
        let again = place.open().await;
        assert_eq!(again.ledger.balance(&account("acme")).await.unwrap().reserved, runs(2));
        place.leave([again]).await;
    }

    async fn a_caller_that_leaves_harms_no_other(place: Place) {
        let store = place.open().await;
        for number in 0..100_u64 {
            let name = format!("r{number}");
            let claims = [claim()];
            let call = store.ledger.reserve(&name, &claims, later(1), NOW);
            // Some leave before it has begun, some in the middle, some after it.
            let wait = Duration::from_micros(number * 40);
            tokio::time::timeout(wait, call).await.ok();
        }
        store.ledger.reserve("last", &[claim()], later(1), NOW).await.unwrap();
        let charged = store.ledger.charge_overdue(later(1)).await.unwrap();
        let balance = store.ledger.balance(&account("acme")).await.unwrap();
        assert_eq!(balance.reserved, runs(0));
        assert_eq!(balance.spent, runs(2 * i64::try_from(charged).unwrap()));
        place.leave([store]).await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_and_what_belongs_to_it_are_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::sqlite();
    let store = place.open().await;
    store.probe(NOW).await.unwrap();
    let folder = place.file().parent().unwrap().to_owned();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in &files {
        assert_eq!(mode(file), 0o600, "{file:?}");
    }
    place.leave([store]).await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let place = Place::sqlite();
    std::fs::create_dir_all(place.file().parent().unwrap()).unwrap();
    let text = "not a database, but something that someone needs, ".repeat(100);
    std::fs::write(place.file(), &text).unwrap();
    let refused = place.try_open().await.err().unwrap();
    assert!(refused.to_string().contains("not a database"), "{refused}");
    assert_eq!(std::fs::read_to_string(place.file()).unwrap(), text);
    place.leave([]).await;
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let Some(mut place) = Place::postgres().await else { return };
    for mode in ["require", "verify-full"] {
        let plain = place.url.clone();
        place.url = format!("{plain}&sslmode={mode}");
        assert!(matches!(place.try_open().await, Err(OpenError::Unusable(_))), "{mode}");
        place.url = plain;
    }
    place.leave([]).await;
}

#[test]
fn the_error_of_a_store_that_is_away_invites_to_come_back() {
    let error = switchyard::store::unavailable(std::io::Error::other("disk /dev/x, sector 7"));
    assert_eq!(error.retry_in(), Some(Duration::from_secs(1)));
    assert!(error.kind().may_retry() && error.kind() != Kind::Internal);
    assert!(!error.to_string().contains("sector"));
    assert!(format!("{error:?}").contains("sector 7"), "the log has the cause");
}

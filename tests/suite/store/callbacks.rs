//! What the store promises about callbacks.

use switchyard::model::ids::CallbackId;
use switchyard::store::Store;
use switchyard::store::log::Portion;
use switchyard::store::rows::{CallbackRow, CallbackState};
use switchyard::store::runs::EndedRun;

use super::sample::{admit, callback, callback_id, ended, entry, new, runs_of};
use super::{later, on_both};

/// Runs of these numbers end, each with a callback that is due half a second later.
async fn end(store: &Store, numbers: std::ops::RangeInclusive<u32>) {
    let runs = runs_of(store);
    for number in numbers {
        admit(&runs, new(number)).await;
        let callback = Some(callback(number));
        assert!(runs.end(&EndedRun { callback, ..ended(number) }).await.unwrap());
    }
}

async fn claimed(store: &Store, now: i64, until: i64, limit: usize) -> Vec<CallbackId> {
    let claimed = store.rows.claim(later(now), later(until), limit).await.unwrap();
    claimed.into_iter().map(|row| row.id).collect()
}

async fn listed(store: &Store, state: CallbackState) -> Vec<CallbackRow> {
    store.rows.callbacks(state, None, None, 100).await.unwrap()
}

on_both! {
    async fn a_callback_reads_back_as_it_was_written(place: Place) {
        let store = place.open().await;
        end(&store, 1..=1).await;
        let read = runs_of(&store).claim(later(9), later(10), 9).await.unwrap().remove(0);
        let written = callback(1);
        let row = CallbackRow { sealed: Vec::new(), ..read.row.clone() };
        assert_eq!(format!("{row:?}"), format!("{:?}", written.row));
        assert_eq!(
            serde_json::to_value(&read.content).unwrap(),
            serde_json::to_value(&written.content).unwrap()
        );
        let listed = listed(&store, CallbackState::Pending).await;
        assert_eq!(format!("{listed:?}"), format!("{:?}", [read.row]));
        place.leave([store]).await;
    }

    async fn what_is_due_is_given_once_before_its_claim_ends(place: Place) {
        let (store, other) = (place.open().await, place.open().await);
        end(&store, 1..=4).await;
        assert_eq!(claimed(&store, 1, 10, 9).await, [], "none is due");
        assert_eq!(claimed(&store, 3, 10, 1).await, [callback_id(1)]);
        assert_eq!(claimed(&other, 3, 20, 9).await, [callback_id(2)]);
        assert_eq!(claimed(&store, 9, 20, 9).await, [callback_id(3), callback_id(4)]);
        assert_eq!(claimed(&other, 9, 20, 9).await, []);
        // The claim of the first ends with the process that made it.
        assert_eq!(claimed(&other, 10, 20, 9).await, [callback_id(1)]);
        place.leave([store, other]).await;
    }

    async fn what_came_of_a_try_is_kept_with_its_records(place: Place) {
        let store = place.open().await;
        end(&store, 1..=1).await;
        let mut row = store.rows.claim(later(9), later(100), 9).await.unwrap().remove(0);
        let content = row.sealed.clone();
        row.attempts = 3;
        row.due_at = later(20);
        row.last = Some("http_500".to_owned());
        store.rows.tried(&row, vec![entry(1)]).await.unwrap();
        let kept = listed(&store, CallbackState::Pending).await;
        assert_eq!(format!("{kept:?}"), format!("{:?}", [row.clone()]));
        assert_eq!(store.log.waiting(0, Portion::of(9)).await.unwrap().len(), 1);
        assert_eq!(claimed(&store, 19, 100, 9).await, []);
        assert_eq!(claimed(&store, 20, 100, 9).await, [callback_id(1)], "its claim ended with it");
        row.state = CallbackState::Delivered;
        row.sealed = Vec::new();
        store.rows.tried(&row, Vec::new()).await.unwrap();
        let kept = listed(&store, CallbackState::Delivered).await;
        assert_eq!(kept[0].sealed, Vec::<u8>::new());
        // A slower try of the same one, whose claim had ended, comes too late.
        let late = CallbackRow { state: CallbackState::Pending, sealed: content, ..row };
        store.rows.tried(&late, vec![entry(2)]).await.unwrap();
        assert_eq!(listed(&store, CallbackState::Delivered).await.len(), 1);
        assert_eq!(store.log.waiting(0, Portion::of(9)).await.unwrap().len(), 2, "its records are kept");
        assert_eq!(claimed(&store, 1_000, 2_000, 9).await, []);
        place.leave([store]).await;
    }

    async fn a_dead_one_is_tried_again_when_it_is_wanted(place: Place) {
        let store = place.open().await;
        end(&store, 1..=2).await;
        let mut rows = store.rows.claim(later(9), later(100), 9).await.unwrap();
        for row in &mut rows {
            row.state = CallbackState::Dead;
            row.attempts = 12;
            store.rows.tried(row, Vec::new()).await.unwrap();
        }
        assert_eq!(claimed(&store, 1_000, 2_000, 9).await, []);
        assert!(store.rows.resend(&callback_id(1), later(30)).await.unwrap());
        assert!(!store.rows.resend(&callback_id(1), later(31)).await.unwrap(), "it is on its way");
        assert!(!store.rows.resend(&callback_id(9), later(31)).await.unwrap());
        assert_eq!(claimed(&store, 29, 100, 9).await, []);
        let again = runs_of(&store).claim(later(30), later(100), 9).await.unwrap().remove(0);
        assert_eq!((again.row.id, again.row.attempts), (callback_id(1), 0));
        assert_eq!(again.content.url, callback(1).content.url);
        place.leave([store]).await;
    }

    async fn callbacks_are_listed_the_newest_first(place: Place) {
        let store = place.open().await;
        end(&store, 1..=4).await;
        let list = async |workspace, before: Option<u32>, limit| -> Vec<CallbackId> {
            let before = before.map(callback_id);
            let state = CallbackState::Pending;
            let found = store.rows.callbacks(state, workspace, before.as_ref(), limit).await;
            found.unwrap().into_iter().map(|row| row.id).collect()
        };
        let ids = |numbers: &[u32]| numbers.iter().copied().map(callback_id).collect::<Vec<_>>();
        assert_eq!(list(None, None, 9).await, ids(&[4, 3, 2, 1]));
        assert_eq!(list(Some("acme"), Some(4), 2).await, ids(&[3, 2]));
        assert_eq!(list(Some("other"), None, 9).await, ids(&[]));
        assert!(listed(&store, CallbackState::Dead).await.is_empty());
        place.leave([store]).await;
    }
}

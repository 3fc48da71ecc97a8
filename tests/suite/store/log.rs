//! What the store promises about the log of the audit.

use std::ops::Range;

use switchyard::model::record::{Stage, Verdict};
use switchyard::store::Store;
use switchyard::store::log::{
    CheckpointRow, Entry, From, Growth, Head, LeafFilter, Portion, TileRow, Waiting,
};
use switchyard::store::runs::{EndedRun, NewRun};

use super::sample::{admit, ended, entry, new, run_id, runs_of};
use super::{NOW, Place, later, on_both};

fn tile(level: u8, index: u64, hashes: usize) -> TileRow {
    TileRow { level, index, hashes: vec![level + 1; hashes * 32] }
}

fn checkpoint(size: u64) -> CheckpointRow {
    CheckpointRow { size, at: NOW, note: format!("switchyard\n{size}\n") }
}

fn ids(numbers: Range<u32>) -> Vec<String> {
    numbers.map(|number| entry(number).id.to_string()).collect()
}

fn growth(from: u64, numbers: Range<u32>) -> Growth {
    Growth { from, ids: ids(numbers), tiles: Vec::new(), checkpoint: None }
}

async fn append(store: &Store, numbers: Range<u32>) {
    store.log.append(numbers.map(entry).collect()).await.unwrap();
}

/// Records of these numbers, which have got their places and are under a checkpoint.
async fn grown(store: &Store, numbers: Range<u32>) {
    let from = store.log.head().await.unwrap().size;
    append(store, numbers.clone()).await;
    let checkpoint = Some(checkpoint(from + numbers.len() as u64));
    let growth = Growth { checkpoint, ..growth(from, numbers) };
    assert!(store.log.grow(growth).await.unwrap());
}

/// What stands at which place.
async fn leaves(store: &Store, filter: &LeafFilter, from: From, limit: usize) -> Vec<(u64, u32)> {
    let found = store.log.leaves(filter, from, limit).await.unwrap();
    let number = |body: &[u8]| std::str::from_utf8(body).unwrap().parse().unwrap();
    found.iter().map(|leaf| (leaf.seq, number(&leaf.body))).collect()
}

on_both! {
    async fn records_wait_in_their_order_until_they_have_a_place(place: Place) {
        let store = place.open().await;
        assert_eq!(store.log.head().await.unwrap(), Head::default());
        store.log.append(Vec::new()).await.unwrap();
        append(&store, 1..3).await;
        append(&store, 3..6).await;
        let waiting = store.log.waiting(0, Portion::of(3)).await.unwrap();
        let expected = |number: u32| Waiting {
            id: entry(number).id.to_string(),
            body: number.to_string().into(),
        };
        assert_eq!(waiting, [expected(1), expected(2), expected(3)]);
        assert!(store.log.grow(growth(0, 1..4)).await.unwrap());
        assert_eq!(store.log.waiting(3, Portion::of(9)).await.unwrap(), [expected(4), expected(5)]);
        assert_eq!(store.log.head().await.unwrap().size, 3);
        let all = LeafFilter::default();
        let some = leaves(&store, &all, From::Place(0), 3).await;
        assert_eq!(some, [(0, 1), (1, 2), (2, 3)]);
        assert!(store.log.grow(growth(3, 4..6)).await.unwrap());
        assert_eq!(store.log.waiting(5, Portion::of(9)).await.unwrap(), []);
        assert_eq!(leaves(&store, &all, From::Place(3), 9).await, [(3, 4), (4, 5)]);
        place.leave([store]).await;
    }

    async fn what_waits_is_read_a_few_records_and_a_few_bytes_at_a_time(place: Place) {
        const LARGE: usize = 300 * 1024;
        let store = place.open().await;
        let large = |number| Entry { body: vec![b'7'; LARGE].into(), ..entry(number) };
        store.log.append((0..6).map(large).collect()).await.unwrap();
        append(&store, 6..8).await;
        let read = async |from, records, bytes| {
            let most = Portion { records, bytes };
            let found = store.log.waiting(from, most).await.unwrap();
            assert_eq!(most.is_filled_by(&found), from + (found.len() as u64) < 8);
            found.into_iter().map(|waiting| (waiting.id, waiting.body.len())).collect::<Vec<_>>()
        };
        let expected = |numbers: Range<u32>| -> Vec<_> {
            let bytes = |number| if number < 6 { LARGE } else { 1 };
            ids(numbers.clone()).into_iter().zip(numbers.map(bytes)).collect()
        };
        // One more record comes as long as there are too few bytes, and always the first.
        for (bytes, count) in [(1, 1), (LARGE, 1), (LARGE + 1, 2), (1 << 20, 4)] {
            assert_eq!(read(0, 9, bytes).await, expected(0..count), "{bytes}");
        }
        assert_eq!(read(0, 3, 1 << 20).await, expected(0..3));
        assert!(store.log.grow(growth(0, 0..4)).await.unwrap());
        assert_eq!(read(4, 9, 1 << 20).await, expected(4..8));
        place.leave([store]).await;
    }

    async fn the_tree_grows_once_from_each_size(place: Place) {
        let store = place.open().await;
        append(&store, 1..5).await;
        let first = Growth {
            tiles: vec![tile(0, 0, 2)],
            checkpoint: Some(checkpoint(2)),
            ..growth(0, 1..3)
        };
        assert!(store.log.grow(first.clone()).await.unwrap());
        let head = store.log.head().await.unwrap();
        // The same again, and what another made of the same size, or of one that is not there yet.
        let other = Growth { tiles: vec![tile(0, 0, 1)], ..growth(0, 3..4) };
        for late in [first, other, growth(1, 3..4), growth(3, 3..5)] {
            assert!(!store.log.grow(late).await.unwrap());
            assert_eq!(store.log.head().await.unwrap(), head);
            assert_eq!(store.log.waiting(2, Portion::of(9)).await.unwrap().len(), 2);
        }
        // Records that do not wait, or did and do no longer.
        for (from, to) in [(4, 6), (9, 10), (1, 3)] {
            let wrong = Growth { tiles: vec![tile(0, 0, 4)], ..growth(2, from..to) };
            assert!(!store.log.grow(wrong).await.unwrap(), "{from}");
            assert_eq!(store.log.head().await.unwrap(), head);
            assert_eq!(store.log.waiting(2, Portion::of(9)).await.unwrap().len(), 2);
        }
        assert!(store.log.grow(growth(2, 3..5)).await.unwrap());
        place.leave([store]).await;
    }

    async fn a_checkpoint_can_come_without_records(place: Place) {
        let store = place.open().await;
        append(&store, 0..2).await;
        assert!(store.log.grow(growth(0, 0..2)).await.unwrap());
        let head = store.log.head().await.unwrap();
        assert_eq!((head.size, head.signed), (2, 0));
        let sign = Growth { checkpoint: Some(checkpoint(2)), ..growth(2, 0..0) };
        assert!(store.log.grow(sign.clone()).await.unwrap());
        // Of two that sign the same, the first note stays.
        let other = CheckpointRow { note: "other".to_owned(), ..checkpoint(2) };
        store.log.grow(Growth { checkpoint: Some(other), ..sign }).await.unwrap();
        let head = store.log.head().await.unwrap();
        assert_eq!((head.size, head.signed), (2, 2));
        assert_eq!(store.log.checkpoints(0, 9).await.unwrap(), [checkpoint(2)]);
        append(&store, 2..3).await;
        assert!(store.log.grow(growth(2, 2..3)).await.unwrap());
        let head = store.log.head().await.unwrap();
        assert_eq!((head.size, head.signed), (3, 2));
        place.leave([store]).await;
    }

    async fn checkpoints_are_told_the_smallest_first(place: Place) {
        let store = place.open().await;
        for numbers in [0..3, 3..4, 4..9] {
            grown(&store, numbers).await;
        }
        let all = store.log.checkpoints(0, 9).await.unwrap();
        assert_eq!(all, [checkpoint(3), checkpoint(4), checkpoint(9)]);
        assert_eq!(store.log.checkpoints(3, 1).await.unwrap(), [checkpoint(4)]);
        assert_eq!(store.log.checkpoints(9, 9).await.unwrap(), []);
        place.leave([store]).await;
    }

    async fn the_edge_of_the_tree_is_what_is_not_full(place: Place) {
        let store = place.open().await;
        append(&store, 0..600).await;
        let grow = async |from: u32, to: u32, tiles: Vec<TileRow>| {
            let growth = Growth { tiles, ..growth(u64::from(from), from..to) };
            assert!(store.log.grow(growth).await.unwrap());
            let head = store.log.head().await.unwrap();
            assert_eq!(head.size, u64::from(to));
            head.edge
        };
        assert_eq!(grow(0, 255, vec![tile(0, 0, 255)]).await, [tile(0, 0, 255)]);
        let full = vec![tile(0, 0, 256), tile(1, 0, 1)];
        assert_eq!(grow(255, 256, full).await, [tile(1, 0, 1)]);
        assert_eq!(grow(256, 257, vec![tile(0, 1, 1)]).await, [tile(0, 1, 1), tile(1, 0, 1)]);
        let more = vec![tile(0, 1, 256), tile(0, 2, 88), tile(1, 0, 2)];
        assert_eq!(grow(257, 600, more).await, [tile(0, 2, 88), tile(1, 0, 2)]);
        assert_eq!(store.log.tile(0, 1).await.unwrap(), Some(tile(0, 1, 256)));
        assert_eq!(store.log.tile(1, 0).await.unwrap(), Some(tile(1, 0, 2)));
        assert_eq!(store.log.tile(0, 3).await.unwrap(), None);
        assert_eq!(store.log.tile(2, 0).await.unwrap(), None);
        place.leave([store]).await;
    }

    async fn records_are_found_by_what_they_say_in_both_directions(place: Place) {
        let store = place.open().await;
        let entries: Vec<Entry> = (0..8)
            .map(|number| Entry {
                workspace: match number {
                    0..4 => Some("acme".to_owned()),
                    4..7 => Some("other".to_owned()),
                    _ => None,
                },
                run_id: (number != 7).then(|| run_id(number % 3)),
                stage: if number % 2 == 0 { Stage::Admitted } else { Stage::Ended },
                decision: if number == 5 { Verdict::Deny } else { Verdict::Allow },
                ..entry(number)
            })
            .collect();
        store.log.append(entries).await.unwrap();
        assert!(store.log.grow(growth(0, 0..8)).await.unwrap());
        let all = LeafFilter::default();
        let acme = Some("acme".to_owned());
        let filters: [(LeafFilter, &[u32]); 9] = [
            (all.clone(), &[0, 1, 2, 3, 4, 5, 6, 7]),
            (LeafFilter { workspace: acme.clone(), ..all.clone() }, &[0, 1, 2, 3]),
            (LeafFilter { run_id: Some(run_id(1)), ..all.clone() }, &[1, 4]),
            (LeafFilter { stage: Some(Stage::Ended), ..all.clone() }, &[1, 3, 5, 7]),
            (LeafFilter { decision: Some(Verdict::Deny), ..all.clone() }, &[5]),
            (LeafFilter { since: Some(later(6)), ..all.clone() }, &[6, 7]),
            (LeafFilter { until: Some(later(2)), ..all.clone() }, &[0, 1]),
            (LeafFilter { since: Some(later(2)), until: Some(later(4)), ..all.clone() }, &[2, 3]),
            (
                LeafFilter {
                    workspace: acme,
                    run_id: Some(run_id(0)),
                    stage: Some(Stage::Ended),
                    ..all.clone()
                },
                &[3],
            ),
        ];
        for (filter, expected) in &filters {
            let expected: Vec<_> = expected.iter().map(|n| (u64::from(*n), *n)).collect();
            assert_eq!(leaves(&store, filter, From::Place(0), 9).await, expected, "{filter:?}");
            let back: Vec<_> = expected.iter().copied().rev().collect();
            assert_eq!(leaves(&store, filter, From::Below(None), 9).await, back, "{filter:?}");
            for border in 0..9 {
                let (below, on): (Vec<_>, Vec<_>) =
                    expected.iter().copied().partition(|(seq, _)| *seq < border);
                assert_eq!(leaves(&store, filter, From::Place(border), 9).await, on);
                let below: Vec<_> = below.into_iter().rev().collect();
                assert_eq!(leaves(&store, filter, From::Below(Some(border)), 9).await, below);
            }
        }
        assert_eq!(leaves(&store, &all, From::Place(2), 2).await, [(2, 2), (3, 3)]);
        assert_eq!(leaves(&store, &all, From::Below(Some(2)), 1).await, [(1, 1)]);
        place.leave([store]).await;
    }

    async fn what_is_signed_may_be_forgotten_but_never_the_last(place: Place) {
        let store = place.open().await;
        let all = LeafFilter::default();
        append(&store, 0..4).await;
        assert!(store.log.grow(growth(0, 0..4)).await.unwrap());
        assert_eq!(store.log.forget(3, "no").await.unwrap(), 0, "nothing is signed");
        assert_eq!(store.log.head().await.unwrap().pruned, None);
        let sign = |from| Growth { checkpoint: Some(checkpoint(4)), ..growth(from, 0..0) };
        assert!(store.log.grow(sign(4)).await.unwrap());
        assert_eq!(store.log.forget(2, "two").await.unwrap(), 2);
        assert_eq!(store.log.forget(2, "again").await.unwrap(), 0);
        let head = store.log.head().await.unwrap();
        assert_eq!((head.first, head.pruned.as_deref()), (2, Some("two")));
        assert_eq!(leaves(&store, &all, From::Place(0), 9).await, [(2, 2), (3, 3)]);
        assert_eq!(store.log.forget(4, "no").await.unwrap(), 0, "the last one stays");
        assert_eq!(store.log.forget(3, "three").await.unwrap(), 1);
        assert_eq!(leaves(&store, &all, From::Below(None), 9).await, [(3, 3)]);
        append(&store, 4..6).await;
        assert!(store.log.grow(growth(4, 4..6)).await.unwrap());
        assert_eq!(store.log.forget(5, "no").await.unwrap(), 0, "what is not signed stays");
        let found = leaves(&store, &all, From::Place(0), 9).await;
        assert_eq!(found, [(3, 3), (4, 4), (5, 5)]);
        let head = store.log.head().await.unwrap();
        assert_eq!((head.size, head.signed, head.first), (6, 4, 3));
        assert_eq!(head.pruned.as_deref(), Some("three"));
        assert_eq!(store.log.checkpoints(0, 9).await.unwrap(), [checkpoint(4)]);
        place.leave([store]).await;
    }

    async fn much_is_forgotten(place: Place) {
        let store = place.open().await;
        for part in 0..4 {
            grown(&store, part * 3_000..(part + 1) * 3_000).await;
        }
        assert_eq!(store.log.forget(11_000, "many").await.unwrap(), 11_000);
        let head = store.log.head().await.unwrap();
        assert_eq!((head.size, head.first), (12_000, 11_000));
        let oldest = leaves(&store, &LeafFilter::default(), From::Place(0), 1).await;
        assert_eq!(oldest, [(11_000, 11_000)]);
        place.leave([store]).await;
    }
}

/// Runs `steps` while another session is in the middle of a transaction with these statements.
async fn beside(place: &Place, statements: &str, steps: impl Future<Output = ()>) {
    let (client, connection) =
        tokio_postgres::connect(place.url(), tokio_postgres::NoTls).await.unwrap();
    let run = async move {
        client.batch_execute(&format!("BEGIN; {statements}")).await.unwrap();
        steps.await;
        client.batch_execute("COMMIT").await.unwrap();
    };
    tokio::join!(run, connection).1.unwrap();
}

#[tokio::test]
async fn a_record_that_is_committed_late_gets_a_later_place() {
    let Some(place) = Place::postgres().await else { return };
    let store = place.open().await;
    let late = format!(
        "INSERT INTO audit_waiting (id, at, stage, decision, body)
         VALUES ('{}', 0, 'ended', 'allow', '1')",
        entry(1).id
    );
    let meanwhile = async {
        append(&store, 2..3).await;
        let waiting = store.log.waiting(0, Portion::of(9)).await.unwrap();
        assert_eq!(waiting.iter().map(|it| it.id.clone()).collect::<Vec<_>>(), ids(2..3));
        assert!(store.log.grow(growth(0, 2..3)).await.unwrap());
    };
    beside(&place, &late, meanwhile).await;
    append(&store, 3..4).await;
    let waiting = store.log.waiting(1, Portion::of(9)).await.unwrap();
    let waiting = waiting.into_iter().map(|it| it.id).collect();
    let growth = Growth { ids: waiting, ..growth(1, 0..0) };
    assert!(store.log.grow(growth).await.unwrap());
    let all = leaves(&store, &LeafFilter::default(), From::Place(0), 9).await;
    assert_eq!(all, [(0, 2), (1, 1), (2, 3)]);
    place.leave([store]).await;
}

#[tokio::test]
async fn nothing_waits_for_whoever_lets_the_tree_grow() {
    let Some(place) = Place::postgres().await else { return };
    let store = place.open().await;
    let meanwhile = async {
        append(&store, 1..3).await;
        let runs = runs_of(&store);
        admit(&runs, NewRun { entries: vec![entry(3)], ..new(1) }).await;
        assert!(runs.end(&EndedRun { entries: vec![entry(4)], ..ended(1) }).await.unwrap());
        assert_eq!(store.log.waiting(0, Portion::of(9)).await.unwrap().len(), 4);
        assert_eq!(store.log.head().await.unwrap().size, 0);
    };
    beside(&place, "SELECT FROM audit_tree FOR UPDATE", meanwhile).await;
    assert!(store.log.grow(growth(0, 1..5)).await.unwrap());
    place.leave([store]).await;
}

//! What the store promises to nodes that ask for the same thing at the same time.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use switchyard::store::Store;
use switchyard::store::log::{From, Growth, LeafFilter, Portion};
use switchyard::store::rows::{Admitted, Binding};
use switchyard::store::runs::{EndedRun, NewRun, NewTurn};

use super::sample::{
    admit, binding, callback, ended, entry, events, new, run_id, runs_of, thread, thread_id, turn,
};
use super::{NOW, Place, later, on_both};

const NODES: usize = 3;
const CALLS: u32 = 24;

async fn nodes(place: &Place) -> Vec<Store> {
    join_all((0..NODES).map(|_| place.open())).await
}

/// Admits all at once, each on the next node. What each was answered, in their order.
async fn admit_all(nodes: &[Store], all: Vec<NewRun>) -> Vec<Admitted> {
    let calls = all.into_iter().zip(nodes.iter().cycle()).map(|(new, node)| {
        let runs = runs_of(node);
        async move { runs.admit(&new).await.unwrap() }
    });
    join_all(calls).await
}

/// The number of the one run that was admitted; all others were answered `other` of it.
fn winner(first: u32, answers: &[Admitted], other: impl Fn(u32) -> Admitted) -> u32 {
    let kept = |answer: &&Admitted| **answer == Admitted::Kept;
    assert_eq!(answers.iter().filter(kept).count(), 1, "{answers:?}");
    let won = answers.iter().position(|answer| *answer == Admitted::Kept).unwrap();
    let won = first + u32::try_from(won).unwrap();
    for answer in answers.iter().filter(|answer| **answer != Admitted::Kept) {
        assert_eq!(*answer, other(won));
    }
    won
}

/// Which of these runs are there.
async fn there(store: &Store, numbers: std::ops::Range<u32>) -> Vec<u32> {
    let mut found = Vec::new();
    for number in numbers {
        if store.rows.run(&run_id(number)).await.unwrap().is_some() {
            found.push(number);
        }
    }
    found
}

on_both! {
    async fn of_calls_with_one_key_one_is_admitted(place: Place) {
        let nodes = nodes(&place).await;
        for round in 0..5_u8 {
            let first = u32::from(round) * 100;
            let bound = |number| Binding { expires_at: later(9_000), ..binding(round, number) };
            let with = |number| NewRun {
                binding: Some(bound(number)),
                entries: vec![entry(number)],
                ..new(number)
            };
            let answers = admit_all(&nodes, (first..first + CALLS).map(with).collect()).await;
            let won = winner(first, &answers, |won| Admitted::Bound(bound(won)));
            assert_eq!(there(&nodes[0], first..first + CALLS).await, [won]);
            let waiting = nodes[1].log.waiting(0, Portion::of(99)).await.unwrap();
            assert_eq!(waiting.len(), usize::from(round) + 1);
        }
        place.leave(nodes).await;
    }

    async fn of_calls_with_an_expired_key_one_is_admitted(place: Place) {
        let nodes = nodes(&place).await;
        admit(&runs_of(&nodes[0]), NewRun { binding: Some(binding(1, 1)), ..new(1) }).await;
        let bound = |number| Binding { expires_at: later(9_000), ..binding(1, number) };
        let with = |number| NewRun { binding: Some(bound(number)), ..new(number) };
        let answers = admit_all(&nodes, (200..200 + CALLS).map(with).collect()).await;
        let won = winner(200, &answers, |won| Admitted::Bound(bound(won)));
        assert_eq!(nodes[2].rows.binding(&[1; 32], later(300)).await.unwrap(), Some(bound(won)));
        place.leave(nodes).await;
    }

    async fn of_calls_in_one_conversation_one_is_admitted(place: Place) {
        let nodes = nodes(&place).await;
        let runs = runs_of(&nodes[0]);
        admit(&runs, turn(1, NewTurn::Opens(Box::new(thread(1, 0, Some(1)))))).await;
        let mut at_work = 1;
        for round in 1..5 {
            let thread = Some(thread(1, i64::from(round), None));
            assert!(runs.end(&EndedRun { thread, ..ended(at_work) }).await.unwrap());
            let first = round * 100;
            let resumes =
                |number| turn(number, NewTurn::Resumes(thread_id(1), i64::from(round)));
            let answers = admit_all(&nodes, (first..first + CALLS).map(resumes).collect()).await;
            at_work = winner(first, &answers, |_| Admitted::Busy);
            let read = runs.thread(&thread_id(1)).await.unwrap().unwrap();
            assert_eq!(read.busy, Some(run_id(at_work)));
            assert_eq!(there(&nodes[1], first..first + CALLS).await, [at_work]);
        }
        place.leave(nodes).await;
    }

    async fn a_call_that_comes_many_times_is_told_its_run_in_a_conversation_too(place: Place) {
        let nodes = nodes(&place).await;
        let runs = runs_of(&nodes[0]);
        admit(&runs, turn(1, NewTurn::Opens(Box::new(thread(1, 0, Some(1)))))).await;
        assert!(runs.end(&EndedRun { thread: Some(thread(1, 1, None)), ..ended(1) }).await.unwrap());
        let resumes = |number| NewRun {
            binding: Some(binding(1, number)),
            ..turn(number, NewTurn::Resumes(thread_id(1), 1))
        };
        let answers = admit_all(&nodes, (10..10 + CALLS).map(resumes).collect()).await;
        winner(10, &answers, |won| Admitted::Bound(binding(1, won)));
        place.leave(nodes).await;
    }

    async fn a_run_that_many_end_is_ended_once(place: Place) {
        let nodes = nodes(&place).await;
        for number in 0..10 {
            admit(&runs_of(&nodes[0]), new(number)).await;
            let calls = nodes.iter().chain(&nodes).zip(0..).map(|(node, place)| {
                let runs = runs_of(node);
                let entries = vec![entry(number * 10 + place)];
                async move { runs.end(&EndedRun { entries, ..ended(number) }).await.unwrap() }
            });
            let ended = join_all(calls).await;
            assert_eq!(ended.iter().filter(|ended| **ended).count(), 1, "{ended:?}");
        }
        assert_eq!(nodes[0].log.waiting(0, Portion::of(99)).await.unwrap().len(), 10);
        place.leave(nodes).await;
    }

    async fn an_end_keeps_its_last_event_whoever_notes_others_meanwhile(place: Place) {
        let nodes = nodes(&place).await;
        let (one, two) = (runs_of(&nodes[0]), runs_of(&nodes[1]));
        for number in 0..20 {
            admit(&one, new(number)).await;
            let id = run_id(number);
            let (others, last) = (events(number, 1..=5), events(number, 1..=1));
            let note = two.note(&id, &others);
            let ended = EndedRun { events: Some(last), ..ended(number) };
            let end = one.end(&ended);
            let (noted, ended) = if number % 2 == 0 {
                futures_util::future::join(note, end).await
            } else {
                let (ended, noted) = futures_util::future::join(end, note).await;
                (noted, ended)
            };
            noted.unwrap();
            assert!(ended.unwrap());
            let kept = one.events(&id, 0).await.unwrap();
            assert_eq!(kept.events.len(), 1, "{kept:?}");
        }
        place.leave(nodes).await;
    }

    async fn a_callback_is_given_to_one_node(place: Place) {
        let nodes = nodes(&place).await;
        for number in 0..40 {
            let runs = runs_of(&nodes[0]);
            admit(&runs, new(number)).await;
            let callback = Some(callback(number));
            assert!(runs.end(&EndedRun { callback, ..ended(number) }).await.unwrap());
        }
        let claims = nodes.iter().map(async |node| {
            let mut claimed = Vec::new();
            loop {
                let some = node.rows.claim(later(99), later(200), 4).await.unwrap();
                if some.is_empty() {
                    return claimed;
                }
                claimed.extend(some.into_iter().map(|row| row.id));
            }
        });
        let claimed: Vec<_> = join_all(claims).await.into_iter().flatten().collect();
        // A node that skips what another is claiming may find none, although some are left.
        let left = nodes[0].rows.claim(later(99), later(200), 99).await.unwrap();
        let all: BTreeSet<_> =
            claimed.iter().cloned().chain(left.iter().map(|row| row.id.clone())).collect();
        assert_eq!((claimed.len() + left.len(), all.len()), (40, 40));
        place.leave(nodes).await;
    }

    async fn of_those_that_let_the_tree_grow_from_one_size_one_does(place: Place) {
        let nodes = nodes(&place).await;
        for number in 0..20 {
            nodes[0].log.append(vec![entry(number)]).await.unwrap();
            let growth = Growth {
                from: u64::from(number),
                ids: vec![entry(number).id.to_string()],
                tiles: Vec::new(),
                checkpoint: None,
            };
            let calls = nodes.iter().map(|node| node.log.grow(growth.clone()));
            let grown = join_all(calls).await.into_iter().map(Result::unwrap);
            assert_eq!(grown.filter(|grown| *grown).count(), 1);
            assert_eq!(nodes[1].log.head().await.unwrap().size, u64::from(number) + 1);
        }
        place.leave(nodes).await;
    }

    async fn every_record_gets_one_place_while_others_are_added(place: Place) {
        const WRITERS: u32 = 4;
        const EACH: u32 = 40;
        let nodes = nodes(&place).await;
        let all = u64::from(WRITERS * EACH * 2);
        let writers = join_all((0..WRITERS).map(async |writer| {
            let store = &nodes[writer as usize % NODES];
            for number in (0..EACH).map(|number| (writer * EACH + number) * 2) {
                store.log.append(vec![entry(number), entry(number + 1)]).await.unwrap();
            }
        }));
        let growers = join_all(nodes.iter().map(async |node| {
            loop {
                let from = node.log.head().await.unwrap().size;
                if from == all {
                    return;
                }
                let waiting = node.log.waiting(from, Portion::of(7)).await.unwrap();
                let ids = waiting.into_iter().map(|waiting| waiting.id).collect();
                let growth = Growth { from, ids, tiles: Vec::new(), checkpoint: None };
                node.log.grow(growth).await.unwrap();
            }
        }));
        futures_util::future::join(writers, growers).await;
        assert!(nodes[0].log.waiting(all, Portion::of(9)).await.unwrap().is_empty());
        let leaves = nodes[0].log.leaves(&LeafFilter::default(), From::Place(0), 9_999).await;
        let leaves = leaves.unwrap();
        let places: Vec<u64> = leaves.iter().map(|leaf| leaf.seq).collect();
        assert_eq!(places, (0..all).collect::<Vec<_>>());
        let records: BTreeSet<_> = leaves.iter().map(|leaf| leaf.body.clone()).collect();
        assert_eq!(records.len() as u64, all);
        place.leave(nodes).await;
    }

    async fn nodes_that_do_all_at_once_never_wait_in_a_circle(place: Place) {
        let nodes = nodes(&place).await;
        let runs = runs_of(&nodes[0]);
        let circles = place.circles().await;
        // Few keys, whose bindings expire at once, and few conversations: all are in the way of all.
        for number in 0..3 {
            admit(&runs, turn(number, NewTurn::Opens(Box::new(thread(number, 0, Some(number)))))).await;
            let thread = Some(thread(number, 0, None));
            assert!(runs.end(&EndedRun { thread, ..ended(number) }).await.unwrap());
        }
        let drive = async |node: &Store, first: u32| {
            let runs = runs_of(node);
            let mut driven = 0;
            for number in first..first + 15 {
                let key = u8::try_from(number % 3).unwrap();
                let at = number % 2 + u32::from(key) % 2;
                let bound = Binding { expires_at: NOW, ..binding(key, number) };
                let new = NewRun {
                    binding: Some(bound),
                    entries: vec![entry(number)],
                    ..turn(number, NewTurn::Resumes(thread_id(at), 0))
                };
                if runs.admit(&new).await.unwrap() != Admitted::Kept {
                    continue;
                }
                runs.note(&run_id(number), &events(number, 1..=2)).await.unwrap();
                node.rows.cancel(&run_id(number), NOW).await.unwrap();
                let end = EndedRun {
                    thread: Some(thread(at, 0, None)),
                    callback: Some(callback(number)),
                    frees_key: true,
                    ..ended(number)
                };
                assert!(runs.end(&end).await.unwrap());
                driven += 1;
            }
            driven
        };
        let tidy = async |node: &Store| {
            for _ in 0..15 {
                node.rows.prune(NOW, later(0), 5).await.unwrap();
                for row in node.rows.claim(later(9_999), later(9_999), 3).await.unwrap() {
                    node.rows.tried(&row, Vec::new()).await.unwrap();
                }
            }
        };
        let drives = join_all((1..9).map(|place| {
            drive(&nodes[usize::try_from(place).unwrap() % NODES], place * 1_000)
        }));
        let tidies = join_all(nodes.iter().map(tidy));
        let (driven, _) = futures_util::future::join(drives, tidies).await;
        let driven: u32 = driven.into_iter().sum();
        assert!(driven > 9, "{driven}");
        for number in 0..3 {
            assert_eq!(runs.thread(&thread_id(number)).await.unwrap().unwrap().busy, None);
        }
        for node in &nodes {
            node.close().await;
        }
        assert_eq!(place.circles().await, circles);
        place.leave(nodes).await;
    }
}

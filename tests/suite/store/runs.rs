//! What the store promises about runs, their events, bound keys and conversations.

use serde_json::json;
use switchyard::model::ids::RunId;
use switchyard::model::principal::PrincipalKind;
use switchyard::model::run::{Run, RunStatus};
use switchyard::store::log::Portion;
use switchyard::store::rows::{Admitted, RunsFilter};
use switchyard::store::runs::{EndedRun, Events, NewRun, NewTurn, Runs};

use super::sample::{
    SAID, admit, binding, boot, callback, callback_id, ended, entry, events, kept, new, run,
    run_id, runs_of, shown, thread, thread_id, turn,
};
use super::{NOW, Place, later, on_both};

/// The numbers of these events.
fn numbers(events: &Events) -> Vec<u64> {
    events.events.iter().map(|event| event.seq).collect()
}

async fn listed(runs: &Runs, filter: &RunsFilter) -> Vec<RunId> {
    let all = runs.runs(filter, 100).await.unwrap();
    all.iter().map(|kept| kept.more.run.id.clone()).collect()
}

/// The ids of the records that were kept.
async fn records(runs: &switchyard::store::Store) -> Vec<String> {
    runs.log
        .waiting(0, Portion::of(100))
        .await
        .unwrap()
        .into_iter()
        .map(|waiting| waiting.id)
        .collect()
}

on_both! {
    async fn a_run_reads_back_as_it_was_written(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        assert!(runs.run(&run_id(1)).await.unwrap().is_none());
        admit(&runs, new(1)).await;
        let read = runs.run(&run_id(1)).await.unwrap().unwrap();
        assert_eq!(shown(&read), shown(&new(1).run));
        assert_eq!(read.owner.kind, PrincipalKind::Key);
        assert_eq!(shown(&runs.driven_by(&boot(1), 9).await.unwrap()[0]), shown(&read));
        assert!(runs.driven_by(&boot(2), 9).await.unwrap().is_empty());
        assert!(runs.end(&ended(1)).await.unwrap());
        let read = runs.run(&run_id(1)).await.unwrap().unwrap();
        assert_eq!(shown(&read), shown(&ended(1).run));
        let row = store.rows.run(&run_id(1)).await.unwrap().unwrap();
        assert_eq!((row.status, row.created_at), (RunStatus::Completed, later(1)));
        assert_eq!(row.ended_at, ended(1).run.more.run.ended_at);
        assert!(runs.driven_by(&boot(1), 9).await.unwrap().is_empty());
        place.leave([store]).await;
    }

    async fn a_run_ends_once_and_with_all_that_belongs_to_its_end(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        assert!(!runs.end(&ended(1)).await.unwrap(), "it never began");
        let opens = NewTurn::Opens(Box::new(thread(1, 0, Some(1))));
        admit(&runs, NewRun { binding: Some(binding(1, 1)), ..turn(1, opens) }).await;
        let end = |status, version, number| EndedRun {
            run: kept(run(1, status)),
            events: Some(events(1, number..=number)),
            thread: Some(thread(1, version, None)),
            callback: Some(callback(u32::try_from(number).unwrap())),
            entries: vec![entry(u32::try_from(number).unwrap())],
            ..ended(1)
        };
        assert!(runs.end(&end(RunStatus::Failed, 1, 5)).await.unwrap());
        let second = EndedRun { frees_key: true, ..end(RunStatus::Completed, 7, 6) };
        assert!(!runs.end(&second).await.unwrap());
        let read = runs.run(&run_id(1)).await.unwrap().unwrap();
        assert_eq!(read.more.run.status, RunStatus::Failed);
        assert_eq!(numbers(&runs.events(&run_id(1), 0).await.unwrap()), [5]);
        assert_eq!(runs.thread(&thread_id(1)).await.unwrap().unwrap().version, 1);
        let due = runs.claim(later(9), later(10), 9).await.unwrap();
        assert_eq!(due.iter().map(|it| it.row.id.clone()).collect::<Vec<_>>(), [callback_id(5)]);
        assert_eq!(records(&store).await, [entry(5).id.to_string()]);
        let bound = store.rows.binding(&[1; 32], NOW).await.unwrap();
        assert_eq!(bound, Some(binding(1, 1)));
        place.leave([store]).await;
    }

    async fn events_are_read_from_any_of_them_on(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        admit(&runs, new(1)).await;
        for batch in [1..=3, 4..=4, 5..=9] {
            runs.note(&run_id(1), &events(1, batch)).await.unwrap();
        }
        // One whose answer was lost is told again.
        runs.note(&run_id(1), &events(1, 4..=4)).await.unwrap();
        for after in 0..=9 {
            let read = runs.events(&run_id(1), after).await.unwrap();
            assert_eq!(numbers(&read), (after + 1..=9).collect::<Vec<_>>());
            let vault = if after < 9 { json!({ "<LAST>": 9 }) } else { json!(null) };
            assert_eq!(read.vault, vault);
        }
        let read = runs.events(&run_id(1), 6).await.unwrap();
        let written = events(1, 7..=9);
        assert_eq!(
            serde_json::to_value(&read).unwrap(),
            serde_json::to_value(&written).unwrap()
        );
        assert!(runs.events(&run_id(2), 0).await.unwrap().events.is_empty());
        place.leave([store]).await;
    }

    async fn a_run_that_has_ended_gets_no_event_more(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        admit(&runs, new(1)).await;
        runs.note(&run_id(1), &events(1, 1..=2)).await.unwrap();
        runs.end(&EndedRun { events: Some(events(1, 3..=3)), ..ended(1) }).await.unwrap();
        // Who was given up for dead does not know that another has ended it.
        runs.note(&run_id(1), &events(1, 3..=8)).await.unwrap();
        runs.note(&run_id(1), &events(1, 9..=9)).await.unwrap();
        runs.note(&run_id(2), &events(2, 1..=1)).await.unwrap();
        assert_eq!(numbers(&runs.events(&run_id(1), 0).await.unwrap()), [1, 2, 3]);
        assert!(runs.events(&run_id(2), 0).await.unwrap().events.is_empty());
        place.leave([store]).await;
    }

    async fn runs_are_listed_the_newest_first_as_a_filter_picks_them(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        for number in 1..=6 {
            let status = if number <= 4 { RunStatus::Queued } else { RunStatus::Completed };
            let mut kept = kept(Run {
                agent: if number % 2 == 0 { "even" } else { "odd" }.to_owned(),
                thread_id: (number % 3 == 0).then(|| thread_id(3)),
                ..run(number, status)
            });
            if number == 1 {
                let other = switchyard::model::principal::Identity {
                    workspace: "other".to_owned(),
                    subject: SAID.to_owned(),
                    ..Default::default()
                };
                kept.owner = switchyard::model::principal::Principal::new(other);
            }
            admit(&runs, NewRun { run: kept, ..new(number) }).await;
        }
        let all = RunsFilter { workspace: "acme".to_owned(), ..RunsFilter::default() };
        let ids = |numbers: &[u32]| numbers.iter().copied().map(run_id).collect::<Vec<_>>();
        assert_eq!(listed(&runs, &all).await, ids(&[6, 5, 4, 3, 2]));
        let two = runs.runs(&all, 2).await.unwrap();
        assert_eq!(two[1].more.run.id, run_id(5));
        let filters = [
            (RunsFilter { workspace: "other".to_owned(), ..all.clone() }, ids(&[1])),
            (RunsFilter { workspace: String::new(), ..all.clone() }, ids(&[])),
            (RunsFilter { agent: Some("even".to_owned()), ..all.clone() }, ids(&[6, 4, 2])),
            (RunsFilter { status: Some(RunStatus::Queued), ..all.clone() }, ids(&[4, 3, 2])),
            (RunsFilter { thread_id: Some(thread_id(3)), ..all.clone() }, ids(&[6, 3])),
            (RunsFilter { created_after: Some(later(4)), ..all.clone() }, ids(&[6, 5])),
            (RunsFilter { before: Some(run_id(4)), ..all.clone() }, ids(&[3, 2])),
            (
                RunsFilter {
                    agent: Some("odd".to_owned()),
                    thread_id: Some(thread_id(3)),
                    before: Some(run_id(6)),
                    ..all.clone()
                },
                ids(&[3]),
            ),
        ];
        for (filter, expected) in filters {
            assert_eq!(listed(&runs, &filter).await, expected, "{filter:?}");
        }
        place.leave([store]).await;
    }

    async fn a_key_is_bound_to_one_run_until_it_expires(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        let with = |number, key| NewRun {
            binding: Some(binding(key, number)),
            entries: vec![entry(number)],
            ..new(number)
        };
        admit(&runs, with(1, 1)).await;
        let opens = NewTurn::Opens(Box::new(thread(2, 0, Some(2))));
        let again = NewRun { thread: Some(opens), ..with(2, 1) };
        let answer = runs.admit(&again).await.unwrap();
        assert_eq!(answer, Admitted::Bound(binding(1, 1)));
        assert!(runs.run(&run_id(2)).await.unwrap().is_none());
        assert!(runs.thread(&thread_id(2)).await.unwrap().is_none());
        assert_eq!(records(&store).await, [entry(1).id.to_string()]);
        admit(&runs, with(3, 3)).await;
        assert_eq!(store.rows.binding(&[1; 32], later(99)).await.unwrap(), Some(binding(1, 1)));
        assert_eq!(store.rows.binding(&[1; 32], later(100)).await.unwrap(), None);
        assert_eq!(store.rows.binding(&[9; 32], NOW).await.unwrap(), None);
        // The run of number 100 is admitted at the second at which the key expires.
        let renewed = switchyard::store::rows::Binding {
            expires_at: later(300),
            ..binding(1, 100)
        };
        admit(&runs, NewRun { binding: Some(renewed.clone()), ..new(100) }).await;
        assert_eq!(store.rows.binding(&[1; 32], later(101)).await.unwrap(), Some(renewed));
        place.leave([store]).await;
    }

    async fn a_key_is_free_again_where_its_run_ends_so(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        for number in [1, 2] {
            let key = u8::try_from(number).unwrap();
            let binding = Some(binding(key, number));
            admit(&runs, NewRun { binding, ..new(number) }).await;
            runs.end(&EndedRun { frees_key: number == 1, ..ended(number) }).await.unwrap();
        }
        assert_eq!(store.rows.binding(&[1; 32], NOW).await.unwrap(), None);
        assert_eq!(store.rows.binding(&[2; 32], NOW).await.unwrap(), Some(binding(2, 2)));
        admit(&runs, NewRun { binding: Some(binding(1, 3)), ..new(3) }).await;
        place.leave([store]).await;
    }

    async fn one_run_at_a_time_is_at_work_in_a_conversation(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        let resumes = |number, version| NewRun {
            entries: vec![entry(number)],
            binding: Some(binding(u8::try_from(number).unwrap(), number)),
            ..turn(number, NewTurn::Resumes(thread_id(1), version))
        };
        assert_eq!(runs.admit(&resumes(9, 0)).await.unwrap(), Admitted::Busy, "there is none");
        admit(&runs, turn(1, NewTurn::Opens(Box::new(thread(1, 0, Some(1)))))).await;
        assert_eq!(runs.admit(&resumes(2, 0)).await.unwrap(), Admitted::Busy);
        let end = EndedRun { thread: Some(thread(1, 1, None)), ..ended(1) };
        assert!(runs.end(&end).await.unwrap());
        assert_eq!(runs.admit(&resumes(2, 0)).await.unwrap(), Admitted::Busy, "it went on");
        assert!(runs.run(&run_id(2)).await.unwrap().is_none());
        assert_eq!(store.rows.binding(&[2; 32], NOW).await.unwrap(), None);
        assert!(records(&store).await.is_empty());
        admit(&runs, resumes(2, 1)).await;
        let read = runs.thread(&thread_id(1)).await.unwrap().unwrap();
        assert_eq!((read.version, &read.busy), (1, &Some(run_id(2))));
        assert_eq!(read.thread.updated_at, later(2));
        // A call that comes twice is told its run, not that it is in its own way.
        let again = runs.admit(&resumes(2, 1)).await.unwrap();
        assert_eq!(again, Admitted::Kept);
        place.leave([store]).await;
    }

    async fn a_busy_conversation_leaves_an_expired_key_as_it_was(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        let binding = Some(binding(1, 1));
        let opens = NewTurn::Opens(Box::new(thread(1, 0, Some(1))));
        admit(&runs, NewRun { binding: binding.clone(), ..turn(1, opens) }).await;
        let late = turn(101, NewTurn::Resumes(thread_id(1), 0));
        let late = NewRun { binding: Some(super::sample::binding(1, 101)), ..late };
        assert_eq!(runs.admit(&late).await.unwrap(), Admitted::Busy);
        assert_eq!(store.rows.binding(&[1; 32], NOW).await.unwrap(), binding);
        place.leave([store]).await;
    }

    async fn a_conversation_reads_back_as_it_was_written(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        let written = thread(1, 0, Some(1));
        admit(&runs, turn(1, NewTurn::Opens(Box::new(thread(1, 0, Some(1)))))).await;
        let read = runs.thread(&thread_id(1)).await.unwrap().unwrap();
        assert_eq!(format!("{:?}", read.thread), format!("{:?}", {
            let mut thread = written.thread.clone();
            thread.owner = read.thread.owner.clone();
            thread
        }));
        assert_eq!(read.thread.owner, written.thread.owner);
        assert_eq!(read.thread.owner.name, SAID);
        assert_eq!(read.thread.history, written.thread.history);
        assert_eq!(read.thread.native.as_deref(), Some(SAID));
        assert_eq!((read.version, read.busy), (written.version, written.busy));
        assert_eq!(read.vault, written.vault);
        assert!(runs.thread(&thread_id(2)).await.unwrap().is_none());
        place.leave([store]).await;
    }

    async fn what_is_old_is_forgotten_a_part_at_a_time(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        // Runs 1 to 5 end half a second after they began; 6 goes on.
        for number in 1..=6 {
            admit(&runs, turn(number, NewTurn::Opens(Box::new(thread(number, 0, Some(number)))))).await;
            runs.note(&run_id(number), &events(number, 1..=2)).await.unwrap();
            if number < 6 {
                let mut rests = thread(number, 1, None);
                rests.thread.updated_at = later(i64::from(number));
                let end = EndedRun { thread: Some(rests), ..ended(number) };
                assert!(runs.end(&end).await.unwrap());
            }
        }
        let (before, now) = (later(5), later(50));
        assert_eq!(store.rows.prune(NOW, now, 10).await.unwrap(), 0);
        assert_eq!(store.rows.prune(before, now, 3).await.unwrap(), 3);
        assert!(runs.run(&run_id(4)).await.unwrap().is_some());
        assert_eq!(store.rows.prune(before, now, 3).await.unwrap(), 1);
        assert_eq!(store.rows.prune(before, now, 3).await.unwrap(), 0);
        for number in 1..=6 {
            let (id, stays) = (run_id(number), number >= 5);
            assert_eq!(runs.run(&id).await.unwrap().is_some(), stays, "{number}");
            assert_eq!(runs.events(&id, 0).await.unwrap().events.is_empty(), !stays, "{number}");
            let thread = runs.thread(&thread_id(number)).await.unwrap();
            assert_eq!(thread.is_some(), stays, "{number}");
        }
        place.leave([store]).await;
    }

    async fn a_callback_outlives_its_run_until_it_is_over(place: Place) {
        use switchyard::store::rows::CallbackState::{Dead, Delivered, Pending};
        let store = place.open().await;
        let runs = runs_of(&store);
        for number in 1..=3 {
            admit(&runs, new(number)).await;
            runs.end(&EndedRun { callback: Some(callback(number)), ..ended(number) }).await.unwrap();
        }
        assert_eq!(store.rows.prune(later(9), later(9), 10).await.unwrap(), 3);
        let mut due = runs.claim(later(9), later(10), 9).await.unwrap();
        assert_eq!(due.len(), 3);
        for (kept, state) in due.iter_mut().zip([Delivered, Dead, Pending]) {
            kept.row.state = state;
            store.rows.tried(&kept.row, Vec::new()).await.unwrap();
        }
        store.rows.prune(later(9), later(9), 10).await.unwrap();
        for (state, left) in [(Delivered, 0), (Dead, 0), (Pending, 1)] {
            let found = runs.callbacks(state, None, None, 9).await.unwrap();
            assert_eq!(found.len(), left, "{state:?}");
        }
        place.leave([store]).await;
    }

    async fn of_what_is_old_the_oldest_goes_first(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        // The one that is made first has rested least.
        for number in (1..=3).rev() {
            admit(&runs, turn(number, NewTurn::Opens(Box::new(thread(number, 0, Some(number)))))).await;
            let mut rests = thread(number, 1, None);
            rests.thread.updated_at = later(i64::from(number));
            let end = EndedRun { thread: Some(rests), ..ended(number) };
            assert!(runs.end(&end).await.unwrap());
        }
        for gone in 1..=3 {
            assert_eq!(store.rows.prune(later(50), later(50), 1).await.unwrap(), 1);
            for number in 1..=3 {
                let stays = number > gone;
                assert_eq!(runs.run(&run_id(number)).await.unwrap().is_some(), stays, "{number}");
                let thread = runs.thread(&thread_id(number)).await.unwrap();
                assert_eq!(thread.is_some(), stays, "{number} of {gone}");
            }
        }
        place.leave([store]).await;
    }

    async fn conversations_at_work_and_keys_that_hold_are_not_forgotten(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        let opens = NewTurn::Opens(Box::new(thread(1, 0, Some(1))));
        admit(&runs, NewRun { binding: Some(binding(1, 1)), ..turn(1, opens) }).await;
        assert_eq!(store.rows.prune(later(1_000), later(99), 10).await.unwrap(), 0);
        assert!(runs.thread(&thread_id(1)).await.unwrap().is_some());
        assert!(store.rows.binding(&[1; 32], NOW).await.unwrap().is_some());
        store.rows.prune(later(1_000), later(100), 10).await.unwrap();
        assert!(store.rows.binding(&[1; 32], NOW).await.unwrap().is_none());
        place.leave([store]).await;
    }

    async fn the_store_says_how_large_it_is(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        let before = store.rows.bytes().await.unwrap();
        for number in 1..=40 {
            admit(&runs, new(number)).await;
            runs.note(&run_id(number), &events(number, 1..=40)).await.unwrap();
        }
        let after = store.rows.bytes().await.unwrap();
        assert!(before > 0 && after > before + 50_000, "{before} {after}");
        // What is forgotten makes room, though the file of a table stays as large as it was.
        for number in 1..=40 {
            assert!(runs.end(&ended(number)).await.unwrap());
        }
        assert_eq!(store.rows.prune(later(1_000), later(1_000), 100).await.unwrap(), 40);
        let left = store.rows.bytes().await.unwrap();
        assert!(left < before + 10_000, "{before} {after} {left}");
        place.leave([store]).await;
    }
}

#[tokio::test]
async fn every_table_on_a_server_is_counted() {
    let Some(place) = Place::postgres().await else { return };
    let store = place.open().await;
    let counts = include_str!("../../../src/store/postgres/prune.rs");
    let all = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()";
    let tables = place.ask(all).await;
    assert!(tables.len() > 20, "{tables:?}");
    for table in tables {
        let is_named = counts.contains(&format!("'{table}'"));
        assert!(is_named || counts.contains(&format!("held!(\"{table}\"")), "{table}");
    }
    place.leave([store]).await;
}

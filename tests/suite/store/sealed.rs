//! What callers and agents have said stands in no store in clear: not in its file, nor in the log
//! beside that, nor in a copy; not in any row of a server.

use std::path::Path;

use switchyard::store::Store;
use switchyard::store::runs::{EndedRun, NewRun, NewTurn};

use super::Place;
use super::sample::{
    SAID, admit, binding, callback, ended, entry, events, new, run_id, runs_of, thread, turn,
};

/// What stands in clear, as a proof that it would be found: the name of the agent, and a record.
const CLEAR: [&str; 2] = ["support", "a record in clear"];

/// Says it in everything that can hold it.
async fn say(store: &Store) {
    let runs = runs_of(store);
    let mut record = entry(1);
    record.body = CLEAR[1].into();
    let opens = NewTurn::Opens(Box::new(thread(1, 0, Some(1))));
    let first = NewRun { binding: Some(binding(1, 1)), entries: vec![record], ..turn(1, opens) };
    admit(&runs, first).await;
    runs.note(&run_id(1), &events(1, 1..=3)).await.unwrap();
    let end = EndedRun {
        events: Some(events(1, 4..=4)),
        thread: Some(thread(1, 1, None)),
        callback: Some(callback(1)),
        ..ended(1)
    };
    assert!(runs.end(&end).await.unwrap());
    admit(&runs, new(2)).await;
    runs.note(&run_id(2), &events(2, 1..=2)).await.unwrap();
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn assert_sealed(bytes: &[u8], place: &str) {
    for clear in CLEAR {
        assert!(holds(bytes, clear), "{place} does not show even what is clear");
    }
    for word in SAID.split(' ').filter(|word| word.len() > 5) {
        assert!(!holds(bytes, word), "{place} shows {word}");
    }
}

fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap()
}

#[tokio::test]
async fn a_file_its_log_and_a_copy_show_nothing_that_was_said() {
    let place = Place::sqlite();
    let store = place.open().await;
    say(&store).await;
    let file = place.file();
    assert_sealed(&read(&file.with_extension("db-wal")), "the log beside the file");
    let copy = file.with_extension("copy");
    place.meddle(&format!("VACUUM INTO '{}'", copy.display())).await;
    assert_sealed(&read(&copy), "the copy");
    place.meddle("PRAGMA wal_checkpoint(TRUNCATE)").await;
    assert_sealed(&read(&file), "the file");
    store.close().await;
    assert_sealed(&read(&file), "the file that was closed");
    place.leave([store]).await;
}

#[tokio::test]
async fn the_rows_of_a_server_show_nothing_that_was_said() {
    let Some(place) = Place::postgres().await else { return };
    let store = place.open().await;
    say(&store).await;
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()";
    let mut all = Vec::new();
    for table in place.ask(tables).await {
        for row in place.ask(&format!("SELECT row::text FROM {table} AS row")).await {
            // Bytes are shown in hex, also where they are no text.
            for part in row.split([',', '(', ')', '"']) {
                let hex = part.trim_start_matches('\\').strip_prefix('x').unwrap_or_default();
                let bytes =
                    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..][..2], 16));
                all.extend(bytes.map_while(Result::ok));
                all.push(b'\n');
            }
            all.extend(row.bytes().chain([b'\n']));
        }
    }
    assert_sealed(&all, "a row");
    place.leave([store]).await;
}

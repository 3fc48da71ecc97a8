//! What `store prune` forgets, and that the audit still verifies.

use std::sync::Arc;

use serde_json::{Value, json};
use switchyard::clock::SystemClock;
use switchyard::store::log::Entry;
use switchyard::store::runs::{EndedRun, NewRun};
use switchyard::tasks::Tasks;

use super::{NOWHERE, said, verdict};
use crate::served::Place;
use crate::store::sample::{admit, ended, entry, new, runs_of};
use crate::store::{self};

/// Three runs of years ago, each with two records; the command keeps a month of both.
async fn forgets(place: Place, url: &str) {
    place.rewrite(|text| text.replace("audit: {", "audit: { keep: 720h,"));
    said(&place, &["store", "migrate"]);
    let tasks = Tasks::default();
    let store = switchyard::store::open(url, Arc::new(SystemClock::new()), &tasks).await.unwrap();
    let runs = runs_of(&store);
    let record =
        |number| Entry { body: json!({ "number": number }).to_string().into(), ..entry(number) };
    for number in 1..=3 {
        admit(&runs, NewRun { entries: vec![record(number)], ..new(number) }).await;
        let end = EndedRun { entries: vec![record(10 + number)], ..ended(number) };
        assert!(runs.end(&end).await.unwrap());
    }
    store.close().await;
    // That it is exported comes on record too, and is all that has happened this month.
    let whole = verdict(&place);
    assert!(whole.contains("is whole and unchanged: 6 records from 0 on"), "{whole}");
    // What is not signed yet stays, and so does the last that is: another record makes it no longer
    // the last.
    verdict(&place);
    let prune = || -> Value { serde_json::from_str(&said(&place, &["store", "prune"])).unwrap() };
    assert_eq!(prune(), json!({ "runs": 3, "records": 6 }));
    assert_eq!(prune(), json!({ "runs": 0, "records": 0 }));
    let rest = verdict(&place);
    assert!(rest.contains("records from 6 on"), "{rest}");
    assert!(rest.contains("a signed note says that those before 6 were let go"), "{rest}");
    let prunes = said(&place, &["audit", "query", "--operation", "cli"]);
    assert!(prunes.contains(r#"store prune: {\"runs\":3,\"records\":6}"#), "{prunes}");
    place.remove();
}

#[tokio::test]
async fn a_file_forgets_what_is_old_and_its_audit_says_so() {
    let place = Place::new(NOWHERE, "overlap");
    let url = format!("sqlite://{}", place.store.display());
    forgets(place, &url).await;
}

#[tokio::test]
async fn a_server_forgets_what_is_old_and_its_audit_says_so() {
    let Some(schema) = store::Place::postgres().await else { return };
    forgets(Place::on_server(schema.url(), NOWHERE, "overlap"), schema.url()).await;
    schema.leave([]).await;
}

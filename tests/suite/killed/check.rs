//! What must hold after any number of kills, of what clients were told, what the platform was
//! asked for, what the gateway says now, and what its log has.

use std::collections::HashMap;

use http::Method;
use serde_json::Value;

use super::journal::{ENDS, Told};
use crate::served::{Place, Served};

/// Every run as a gateway tells of it, by its id.
pub type Runs = HashMap<String, Value>;

/// Asks for every run there is.
pub async fn runs(served: &Served) -> Runs {
    let (mut runs, mut cursor) = (Runs::new(), String::new());
    loop {
        let path = format!("/v1/runs?limit=100{cursor}");
        let told = served.ask(Method::GET, &path, None, &Value::Null).await;
        assert_eq!(told.status, 200, "{}", told.json);
        let page = told.json;
        for run in page["data"].as_array().unwrap() {
            let before = runs.insert(run["id"].as_str().unwrap().to_owned(), run.clone());
            assert!(before.is_none(), "a run is listed twice: {run}");
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return runs,
        }
    }
}

/// What the log has of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Records {
    pub admitted: usize,
    pub ended: usize,
}

/// Has the log verified by its key alone, as an auditor would, and counts what each run has in it.
/// Where the store is a file, it is held against the log: each record is where it should be and is
/// about what its columns say.
pub fn verify_log(place: &Place) -> HashMap<String, Records> {
    let (file, export) = (place.configuration(), place.folder.join("export"));
    let (file, to) = (file.to_str().unwrap(), export.to_str().unwrap());
    let key = String::from_utf8(place.prints(&["audit", "key", "--config", file])).unwrap();
    std::fs::write(&export, place.prints(&["audit", "export", "--config", file])).unwrap();
    place.prints(&["audit", "verify", to, "--key", key.trim()]);
    let mut records = HashMap::<String, Records>::new();
    for line in std::fs::read_to_string(&export).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let Some(run) = line["record"]["run"]["id"].as_str() else { continue };
        let of_run = records.entry(run.to_owned()).or_default();
        match line["record"]["stage"].as_str().unwrap() {
            "admitted" => of_run.admitted += 1,
            "ended" => of_run.ended += 1,
            _ => {}
        }
    }
    if !place.store.as_os_str().is_empty() {
        hold_file(place);
    }
    records
}

/// Holds the store's file against the log that is in it.
fn hold_file(place: &Place) {
    let store = place.read();
    let sound: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let mut wanted = store
        .prepare("SELECT number, id, stage, run_id, body FROM audit_log ORDER BY number")
        .unwrap();
    let mut rows = wanted.query([]).unwrap();
    let mut ids = HashMap::new();
    let mut last = 0_i64;
    while let Some(row) = rows.next().unwrap() {
        let number: i64 = row.get(0).unwrap();
        assert_eq!(number, last + 1, "the log has a gap");
        last = number;
        let (id, stage): (String, String) = (row.get(1).unwrap(), row.get(2).unwrap());
        let run: Option<String> = row.get(3).unwrap();
        let body: Vec<u8> = row.get(4).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((body["id"].as_str(), body["stage"].as_str()), (Some(&*id), Some(&*stage)));
        assert_eq!(body["run"]["id"].as_str(), run.as_deref(), "{body}");
        assert_eq!(ids.insert(id, number), None, "a record stands in the log twice: {body}");
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Each with what it is about.
    pub wrong: Vec<String>,
    /// Runs that were sent to the platform and have no record: in `overlap`, where the process was
    /// gone before anybody was told of them.
    pub unrecorded: usize,
    /// Runs that were closed for a process that was gone.
    pub interrupted: usize,
}

/// Holds everything against everything else. `is_strict`: whether no platform may see what has no
/// record, with or without a key.
pub fn hold(
    told: &Told,
    asked: &HashMap<String, usize>,
    runs: &Runs,
    records: &HashMap<String, Records>,
    is_strict: bool,
) -> Found {
    let mut found = Found::default();
    let mut wrong = told.faults.clone();
    let once = Records { admitted: 1, ended: 1 };
    let mut by_marker: HashMap<&str, Vec<&Value>> = HashMap::new();
    for (id, run) in runs {
        by_marker.entry(run["metadata"]["marker"].as_str().unwrap()).or_default().push(run);
        let status = run["status"].as_str().unwrap();
        if !ENDS.contains(&status) {
            wrong.push(format!("{id} has not ended: {run}"));
        }
        let of_run = records.get(id).copied().unwrap_or_default();
        if of_run != once {
            wrong.push(format!("{id} has {of_run:?}"));
        }
        found.interrupted += usize::from(run["error"]["code"] == "interrupted");
    }
    for id in records.keys().filter(|id| !runs.contains_key(*id)) {
        wrong.push(format!("{id} has records and is no run"));
    }
    for (id, marker) in &told.runs {
        match runs.get(id) {
            None => wrong.push(format!("{id} of {marker} was named to its caller and is no run")),
            Some(run) if run["metadata"]["marker"] != marker.as_str() => {
                wrong.push(format!("{id} was named to {marker} and is another's: {run}"));
            }
            Some(_) => {}
        }
    }
    for (id, end) in &told.ends {
        let now = runs.get(id).map(|run| run["status"].clone());
        if now.as_ref().is_none_or(|now| now != end.as_str()) {
            wrong.push(format!("{id} was shown as {end} and is {now:?}"));
        }
    }
    for (marker, times) in asked {
        let (is_keyed, of_marker) = (told.keys.contains_key(marker), by_marker.get(&**marker));
        match of_marker {
            None if is_strict || is_keyed => {
                wrong.push(format!("{marker} was sent to the platform and has no record"));
            }
            None => found.unrecorded += 1,
            Some(_) => {}
        }
        if *times > 1 {
            wrong.push(format!("{marker} was sent to the platform {times} times: {of_marker:?}"));
        }
    }
    for (marker, of_marker) in by_marker.iter().filter(|(_, runs)| runs.len() > 1) {
        wrong.push(format!("{marker} has {} runs: {of_marker:?}", of_marker.len()));
    }
    found.wrong = wrong;
    found
}

/// Whatever may go wrong is found.
#[test]
fn what_is_lost_twice_or_other_than_told_is_found() {
    let told = |runs: &[&str], ends: &[(&str, &str)]| Told {
        runs: runs.iter().map(|run| (run.to_string(), format!("m-{run}"))).collect(),
        ends: ends.iter().map(|(run, end)| (run.to_string(), end.to_string())).collect(),
        keys: HashMap::from([("m-keyed".to_owned(), "key".to_owned())]),
        ..Told::default()
    };
    let run = |id: &str, status: &str| {
        let metadata = serde_json::json!({ "marker": format!("m-{id}") });
        (id.to_owned(), serde_json::json!({ "status": status, "metadata": metadata }))
    };
    let runs = Runs::from([run("a", "completed"), run("b", "failed")]);
    let of = |admitted, ended| Records { admitted, ended };
    let records = |a, b| HashMap::from([("a".to_owned(), a), ("b".to_owned(), b)]);
    let (whole, once) = (records(of(1, 1), of(1, 1)), HashMap::from([("m-a".to_owned(), 1)]));
    let good = told(&["a", "b"], &[("a", "completed"), ("b", "failed")]);
    assert!(hold(&good, &once, &runs, &whole, true).wrong.is_empty());
    let wrong = |told: &Told, asked: &[(&str, usize)], runs: &Runs, records, is_strict| {
        let asked = asked.iter().map(|(marker, times)| (marker.to_string(), *times)).collect();
        hold(told, &asked, runs, &records, is_strict).wrong.len()
    };
    // It was named and is gone; it was shown otherwise; it has no record, or an end too many.
    assert_eq!(wrong(&told(&["c"], &[]), &[], &runs, whole.clone(), false), 1);
    assert_eq!(wrong(&told(&[], &[("a", "failed")]), &[], &runs, whole.clone(), false), 1);
    assert_eq!(wrong(&good, &[], &runs, records(of(0, 0), of(1, 1)), false), 1);
    assert_eq!(wrong(&good, &[], &runs, records(of(1, 2), of(1, 1)), false), 1);
    // It has not ended, or is no run at all.
    let open = Runs::from([run("a", "running"), run("b", "failed")]);
    assert_eq!(wrong(&told(&[], &[]), &[], &open, whole.clone(), false), 1);
    let one = Runs::from([run("a", "completed")]);
    assert_eq!(wrong(&told(&[], &[]), &[], &one, whole.clone(), false), 1);
    // The platform was asked twice, or for what has no record.
    assert_eq!(wrong(&good, &[("m-a", 2)], &runs, whole.clone(), false), 1);
    assert_eq!(wrong(&good, &[("m-none", 1)], &runs, whole.clone(), true), 1);
    assert_eq!(wrong(&good, &[("m-none", 1)], &runs, whole.clone(), false), 0);
    assert_eq!(wrong(&good, &[("m-keyed", 1)], &runs, whole, false), 1);
}

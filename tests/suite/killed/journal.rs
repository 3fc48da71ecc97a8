//! What clients were told, kept outside of every gateway.

use std::collections::HashMap;

use parking_lot::Mutex;
use serde_json::Value;

/// The terminal states of a run.
pub const ENDS: [&str; 4] = ["completed", "incomplete", "failed", "cancelled"];

/// What all clients were told.
#[derive(Default)]
pub struct Journal(Mutex<Told>);

/// The same, as it is looked at afterwards.
#[derive(Clone, Default)]
pub struct Told {
    /// Runs that a gateway has named, with the marker of who asked.
    pub runs: HashMap<String, String>,
    /// Runs whose end was shown, with their terminal state.
    pub ends: HashMap<String, String>,
    /// Markers of requests that came with a key, and the key.
    pub keys: HashMap<String, String>,
    /// Requests that were asked at all.
    pub asked: usize,
    /// Answers that broke off or never came.
    pub broken: usize,
    /// Answers other than 200 and 202, by status and code.
    pub refused: HashMap<String, usize>,
    /// What no client may ever see.
    pub faults: Vec<String>,
}

impl Journal {
    pub fn asks(&self, marker: &str, key: Option<&str>) {
        let mut told = self.0.lock();
        told.asked += 1;
        if let Some(key) = key {
            told.keys.insert(marker.to_owned(), key.to_owned());
        }
    }

    pub fn broke_off(&self) {
        self.0.lock().broken += 1;
    }

    pub fn fault(&self, fault: String) {
        self.0.lock().faults.push(fault);
    }

    /// A gateway has named a run in whatever it answered.
    pub fn named(&self, marker: &str, run: &str) {
        let mut told = self.0.lock();
        let before = told.runs.insert(run.to_owned(), marker.to_owned());
        if before.as_deref().is_some_and(|before| before != marker) {
            told.faults.push(format!("{run} is {marker}'s and another's"));
        }
    }

    /// A gateway has shown a run as it stands. Whether it has ended.
    pub fn shown(&self, marker: &str, run: &Value) -> bool {
        let (Some(id), Some(status)) = (run["id"].as_str(), run["status"].as_str()) else {
            self.fault(format!("{marker} was answered with no run: {run}"));
            return false;
        };
        self.named(marker, id);
        if !ENDS.contains(&status) {
            return false;
        }
        if status == "completed" {
            let output = &run["output"];
            if !output.is_null() && *output != super::platform::said(marker) {
                self.fault(format!("{marker} was answered {output}"));
            }
        }
        let mut told = self.0.lock();
        let before = told.ends.insert(id.to_owned(), status.to_owned());
        if before.as_deref().is_some_and(|before| before != status) {
            told.faults.push(format!("{id} was shown as {before:?}, then as {status}"));
        }
        true
    }

    pub fn refused(&self, marker: &str, status: u16, problem: &Value) {
        if let Some(run) = problem["run_id"].as_str() {
            self.named(marker, run);
        }
        let name = format!("{status} {}", problem["code"].as_str().unwrap_or("without a code"));
        *self.0.lock().refused.entry(name).or_default() += 1;
    }

    pub fn told(&self) -> Told {
        self.0.lock().clone()
    }
}

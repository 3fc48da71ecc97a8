//! The newest ended runs and refusals of the audit, read as the log grows: each record once.
//!
//! Invariant: bounded, in memory and in what is read at a time; of a record only its facts are
//! taken, and of those none that a caller may write as it likes.

use std::collections::VecDeque;

use crate::error::{Kind, Result};
use crate::gateway::audit::{AuditAdmin, AuditItem};
use crate::inbound::admin::status::{Refusal, RunEnded};
use crate::model::record::{Record, Stage};

/// How many of each are told.
const MOST: usize = 20;
/// How far is looked back at once: what is older was long ago on a gateway that has so much to do.
const LOOKED_BACK: u64 = 1_024;
/// Rules that are told of a refusal.
const RULES: usize = 8;
/// Characters of a name. Names of agents are as callers write them.
const NAME: usize = 128;

/// The newest ended runs and refusals, the newest first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// The place from which on is read.
    next: u64,
    pub(super) runs: VecDeque<RunEnded>,
    pub(super) refusals: VecDeque<Refusal>,
}

impl Recent {
    /// Reads what is new. What was read before an error stands.
    pub(super) async fn read(&mut self, audit: &AuditAdmin) -> Result<()> {
        let end = audit.end().await?;
        self.next = self.next.max(end.saturating_sub(LOOKED_BACK));
        while self.next < end {
            let items = audit.after(self.next).await?;
            let Some(last) = items.last() else { return Ok(()) };
            self.next = last.seq + 1;
            items.iter().for_each(|item| self.take(item));
        }
        Ok(())
    }

    fn take(&mut self, item: &AuditItem) {
        let text = item.record.as_ref().map_or("", |record| record.get());
        let Ok(record) = serde_json::from_str::<Record>(text) else { return };
        match record.stage {
            Stage::Ended => push(&mut self.runs, ended(item.seq, record)),
            Stage::Refused | Stage::Unknown => push(&mut self.refusals, refusal(item.seq, record)),
            Stage::Admitted | Stage::ToolCall | Stage::Answered | Stage::Operated => {}
        }
    }
}

fn push<T>(newest: &mut VecDeque<T>, one: T) {
    newest.push_front(one);
    newest.truncate(MOST);
}

fn ended(seq: u64, record: Record) -> RunEnded {
    let (run, outcome) = (record.run.unwrap_or_default(), record.outcome.unwrap_or_default());
    RunEnded {
        seq,
        id: run.id,
        agent: cut(&run.agent),
        target: run.target.as_deref().map(cut),
        workspace: record.principal.map(|who| who.workspace),
        status: outcome.status,
        code: outcome.code,
        duration_ms: outcome.duration_ms,
        at: record.at,
    }
}

fn refusal(seq: u64, record: Record) -> Refusal {
    let call = record.call.unwrap_or_default();
    let code = record.outcome.and_then(|outcome| outcome.code).unwrap_or_default();
    let kind = Kind::ALL.iter().find(|kind| kind.code() == code);
    let (workspace, caller) = record.principal.map(|who| (who.workspace, cut(&who.name))).unzip();
    let rules = record.policy.map(|policy| policy.rules).unwrap_or_default();
    Refusal {
        seq,
        at: record.at,
        reason: kind.map_or("", |kind| kind.title()),
        code,
        rules: rules.iter().take(RULES).map(|rule| cut(rule)).collect(),
        operation: Some(call.operation).filter(|operation| !operation.is_empty()),
        target: record.run.and_then(|run| run.target).as_deref().map(cut),
        workspace,
        caller,
        address: call.address,
        count: record.count.unwrap_or(1),
    }
}

/// A name as far as it is told.
pub(super) fn cut(name: &str) -> String {
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::log::Leaf;

    fn item(seq: u64, stage: &str, more: &serde_json::Value) -> AuditItem {
        let mut record = json!({
            "id": "rec_0198c2f0a1b27c3d8e4f5a6b7c8d9e0f", "at": "2026-01-02T03:04:05.000Z",
            "boot": "boot_0198c2f0a1b27c3d8e4f5a6b7c8d9e0f", "uptime_us": 1, "build": "1",
            "stage": stage, "decision": "deny",
        });
        for (name, value) in more.as_object().unwrap() {
            record[name] = value.clone();
        }
        AuditItem::of(Leaf { seq, body: record.to_string().into() })
    }

    #[test]
    fn only_the_newest_are_kept_and_what_is_neither_an_end_nor_a_refusal_is_passed_over() {
        let mut recent = Recent::default();
        for seq in 0..30 {
            recent.take(&item(seq, "ended", &json!({ "run": { "agent": "support" } })));
            recent.take(&item(seq, "refused", &json!({ "outcome": { "code": "forbidden" } })));
            recent.take(&item(seq, "answered", &json!({})));
        }
        let runs: Vec<u64> = recent.runs.iter().map(|run| run.seq).collect();
        let expected: Vec<u64> = (10..30).rev().collect();
        assert_eq!(runs, expected);
        assert_eq!(recent.refusals.len(), MOST);
        assert_eq!(recent.refusals[0].reason, Kind::Forbidden.title());
    }

    #[test]
    fn a_flood_is_told_as_a_count_and_a_name_that_is_too_long_is_cut() {
        let mut recent = Recent::default();
        let long = "a".repeat(NAME + 1);
        let who = json!({ "workspace": "w", "kind": "key", "subject": "key:k", "name": long });
        let code = json!({ "code": "unauthenticated" });
        let more = json!({ "outcome": code, "count": 7, "principal": who });
        recent.take(&item(3, "unknown", &more));
        let refusal = &recent.refusals[0];
        assert_eq!((refusal.count, refusal.operation.as_deref()), (7, None));
        assert_eq!(refusal.caller.as_deref().unwrap().chars().count(), NAME + 1);
        assert!(refusal.caller.as_deref().unwrap().ends_with('…'));
    }
}

//! The tools of one run: what is decided over each call, and what is shown of it. Plain; the layer
//! beside it asks access and limits, and tells this what they said.
//!
//! Invariant: there is exactly one decision over each tool call that is seen, the platform's own
//! or ours; a denial of ours is always told.

use serde_json::json;

use crate::model::content::Json;
use crate::model::event::{Happening, RunEvent};
use crate::model::run::{Decision, DecisionSource, Governance, ToolStatus};

/// What was decided over a tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be used.
    Allowed,
    /// The request does not name it among its tools.
    NotAskedFor,
    /// A policy forbids it; the reason names the policy.
    Forbidden(String),
    /// It has been used as often as it may; the reason names the limit.
    Limited(String),
}

impl Verdict {
    /// Whether it may be used.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed)
    }

    fn reason(&self) -> Option<String> {
        match self {
            Self::Allowed => None,
            Self::NotAskedFor => Some("the request does not name this tool".to_owned()),
            Self::Forbidden(reason) | Self::Limited(reason) => Some(reason.clone()),
        }
    }

    /// What each layer of policy said, in the words that ACP has for it.
    fn layers(&self) -> Json {
        let said = |denied: bool| if denied { "denied" } else { "allowed" };
        Json(json!({
            "request": said(*self == Self::NotAskedFor),
            "policy": said(matches!(self, Self::Forbidden(_))),
            "rate_limit": said(matches!(self, Self::Limited(_))),
        }))
    }
}

/// A tool call that was seen.
#[derive(Debug)]
struct Seen {
    call_id: String,
    tool: String,
    verdict: Verdict,
    /// Whether the decision over it has been told, by the platform or by us.
    is_told: bool,
    /// Whether the platform has decided over it.
    is_decided: bool,
}

/// The tool calls of one run.
#[derive(Debug, Default)]
pub struct Watch {
    /// Whether the platform tells its own decisions, so that ours must wait for them.
    governs: bool,
    calls: Vec<Seen>,
}

impl Watch {
    /// A watch over a run; `governs` where its platform tells what it decides itself.
    pub fn new(governs: bool) -> Self {
        Self { governs, calls: Vec::new() }
    }

    /// A tool was called and judged: the decision to tell now, if it is ours to tell already. A
    /// denial is; an allowance waits for a platform that may still say its own.
    pub fn called(
        &mut self,
        call_id: &str,
        tool: &str,
        verdict: Verdict,
        synthetic: bool,
    ) -> Option<RunEvent> {
        let (call_id, tool) = (call_id.to_owned(), tool.to_owned());
        let mut seen = Seen { call_id, tool, verdict, is_told: false, is_decided: false };
        let told = (!self.governs || !seen.verdict.is_allowed()).then(|| seen.tell(synthetic));
        self.calls.push(seen);
        told
    }

    /// The platform told a decision of its own: whether that is the one to tell. It may not say over
    /// which call: then it is the first of that tool that it has said nothing of. Where we have
    /// denied that call, ours stands, whatever the platform says.
    pub fn decided(&mut self, governance: &Governance) -> bool {
        let is_meant = |seen: &&mut Seen| match &governance.call_id {
            Some(id) => seen.call_id == *id,
            None => seen.tool == governance.tool && !seen.is_decided,
        };
        let Some(seen) = self.calls.iter_mut().find(is_meant) else { return true };
        seen.is_decided = true;
        let is_news = !seen.is_told;
        seen.is_told = true;
        is_news
    }

    /// What was decided over a call.
    pub fn verdict(&self, call_id: &str) -> Option<&Verdict> {
        self.calls.iter().find(|seen| seen.call_id == call_id).map(|seen| &seen.verdict)
    }

    /// The decisions that were waited for in vain, over one call or, at the end, over all.
    pub fn overdue(&mut self, call_id: Option<&str>, synthetic: bool) -> Vec<RunEvent> {
        let is_meant = |seen: &&mut Seen| {
            !seen.is_told && call_id.is_none_or(|call_id| seen.call_id == call_id)
        };
        self.calls.iter_mut().filter(is_meant).map(|seen| seen.tell(synthetic)).collect()
    }
}

impl Seen {
    fn tell(&mut self, synthetic: bool) -> RunEvent {
        self.is_told = true;
        let is_allowed = self.verdict.is_allowed();
        let governance = Governance {
            call_id: Some(self.call_id.clone()),
            tool: self.tool.clone(),
            decision: if is_allowed { Decision::Allowed } else { Decision::Denied },
            layers: self.verdict.layers(),
            reason: self.verdict.reason(),
            source: DecisionSource::Gateway,
        };
        RunEvent { synthetic, what: Happening::Governance(governance) }
    }
}

/// A tool's answer with nothing of it shown.
pub fn hidden(call_id: String, name: String, duration_ms: Option<u64>) -> Happening {
    let (status, result) = (ToolStatus::Denied, Json::default());
    Happening::ToolCallCompleted { call_id, name, status, result, duration_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(event: &RunEvent) -> (String, Decision) {
        let Happening::Governance(it) = &event.what else { panic!("{event:?}") };
        (it.call_id.clone().unwrap(), it.decision)
    }

    fn platforms(call_id: Option<&str>, tool: &str) -> Governance {
        Governance {
            call_id: call_id.map(str::to_owned),
            tool: tool.to_owned(),
            decision: Decision::Allowed,
            layers: Json::default(),
            reason: None,
            source: DecisionSource::Upstream,
        }
    }

    #[test]
    fn where_the_platform_says_nothing_each_call_is_told_at_once() {
        let mut watch = Watch::new(false);
        let event = watch.called("c1", "search", Verdict::Allowed, true).unwrap();
        assert!(event.synthetic);
        assert_eq!(told(&event), ("c1".to_owned(), Decision::Allowed));
        let event = watch.called("c2", "pay", Verdict::NotAskedFor, false).unwrap();
        assert_eq!(told(&event), ("c2".to_owned(), Decision::Denied));
        assert!(watch.overdue(None, false).is_empty());
    }

    #[test]
    fn a_platforms_own_decision_stands_in_place_of_ours_and_a_missing_one_is_supplied() {
        let mut watch = Watch::new(true);
        for id in ["c1", "c2", "c3"] {
            assert!(watch.called(id, "search", Verdict::Allowed, false).is_none());
        }
        watch.decided(&platforms(Some("c2"), "search"));
        watch.decided(&platforms(None, "search"));
        assert!(watch.overdue(Some("c1"), false).is_empty());
        let late = watch.overdue(None, false);
        assert_eq!(
            late.iter().map(told).collect::<Vec<_>>(),
            [("c3".to_owned(), Decision::Allowed)]
        );
    }

    #[test]
    fn a_denial_is_told_at_once_whatever_the_platform_says() {
        let mut watch = Watch::new(true);
        let event = watch.called("c1", "pay", Verdict::Forbidden("no".to_owned()), false).unwrap();
        assert_eq!(told(&event).1, Decision::Denied);
        watch.decided(&platforms(Some("c1"), "pay"));
        assert!(watch.overdue(None, false).is_empty());
        assert_eq!(watch.verdict("c1"), Some(&Verdict::Forbidden("no".to_owned())));
    }
}

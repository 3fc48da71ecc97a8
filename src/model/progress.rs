//! Which event may follow which. Every stream passes through [`Progress`] on its way to the
//! journal, so that faces and readers may rely on the order: `Started` first, tool answers after
//! their call, one end, nothing after it.

use std::collections::VecDeque;

use crate::model::content::Json;
use crate::model::event::{Happening, RunEvent};

/// The state of one run's stream.
#[derive(Debug, Default)]
pub struct Progress {
    started: bool,
    ended: bool,
    calls: Vec<ToolCall>,
}

#[derive(Debug)]
struct ToolCall {
    id: String,
    answered: bool,
}

impl Progress {
    /// Whether the end has passed.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether the start has passed.
    pub fn has_started(&self) -> bool {
        self.started
    }

    /// Takes the next event and passes on what may follow: the event itself, before it whatever
    /// was missing and follows from it, or nothing when it comes twice or after the end.
    pub fn next(&mut self, event: RunEvent, pass: &mut VecDeque<RunEvent>) {
        if self.ended {
            return;
        }
        match &event.what {
            Happening::Started if self.started => return,
            Happening::Started => self.started = true,
            // A run may fail before the platform has it: the end needs no start.
            Happening::Ended(_) => self.ended = true,
            // Facts and warnings may be known before the platform has the run.
            Happening::Warning(_) | Happening::Upstream { .. } | Happening::Pii(_) => {}
            Happening::ToolCallStarted { call_id, .. } => {
                if self.calls.iter().any(|call| call.id == *call_id) {
                    return;
                }
                self.calls.push(ToolCall { id: call_id.clone(), answered: false });
                self.supply_start(pass);
            }
            Happening::ToolCallCompleted { call_id, name, .. } => {
                self.supply_start(pass);
                match self.calls.iter_mut().find(|call| call.id == *call_id) {
                    Some(call) if call.answered => return,
                    Some(call) => call.answered = true,
                    None => {
                        self.calls.push(ToolCall { id: call_id.clone(), answered: true });
                        pass.push_back(RunEvent::synthetic(Happening::ToolCallStarted {
                            call_id: call_id.clone(),
                            name: name.clone(),
                            arguments: Json::default(),
                        }));
                    }
                }
            }
            Happening::MessageDelta(_)
            | Happening::MessageCompleted(_)
            | Happening::ReasoningDelta(_)
            | Happening::Governance(_)
            | Happening::Usage(_)
            | Happening::Structured(_) => self.supply_start(pass),
        }
        pass.push_back(event);
    }

    fn supply_start(&mut self, pass: &mut VecDeque<RunEvent>) {
        if !self.started {
            self.started = true;
            pass.push_back(RunEvent::synthetic(Happening::Started));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Ending;
    use crate::model::run::ToolStatus;

    fn names(events: Vec<Happening>) -> Vec<String> {
        let mut progress = Progress::default();
        let mut passed = VecDeque::new();
        for what in events {
            progress.next(RunEvent::live(what), &mut passed);
        }
        passed
            .iter()
            .map(|event| {
                format!("{:?}", event.what).split([' ', '(', '{']).next().unwrap().to_owned()
            })
            .collect()
    }

    fn answered(id: &str) -> Happening {
        Happening::ToolCallCompleted {
            call_id: id.to_owned(),
            name: "t".to_owned(),
            status: ToolStatus::Ok,
            result: Json::default(),
            duration_ms: None,
        }
    }

    fn called(id: &str) -> Happening {
        Happening::ToolCallStarted {
            call_id: id.to_owned(),
            name: "t".to_owned(),
            arguments: Json::default(),
        }
    }

    #[test]
    fn nothing_passes_after_the_end_and_the_end_passes_once() {
        let end = || Happening::Ended(Ending::Cancelled);
        assert_eq!(
            names(vec![Happening::Started, end(), end(), Happening::MessageDelta("x".into())]),
            ["Started", "Ended"]
        );
    }

    #[test]
    fn a_missing_start_is_supplied() {
        assert_eq!(names(vec![Happening::MessageDelta("x".into())]), ["Started", "MessageDelta"]);
        assert_eq!(names(vec![Happening::Ended(Ending::Cancelled)]), ["Ended"]);
    }

    #[test]
    fn a_tool_answer_has_exactly_one_call() {
        let expected = ["Started", "ToolCallStarted", "ToolCallCompleted"];
        assert_eq!(
            names(vec![Happening::Started, called("a"), called("a"), answered("a"), answered("a")]),
            expected
        );
        assert_eq!(names(vec![Happening::Started, answered("a"), answered("a")]), expected);
        assert_eq!(names(vec![answered("a")]), expected);
    }
}

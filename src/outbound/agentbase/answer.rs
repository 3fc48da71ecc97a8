//! What an Agentbase run says: its messages, its thinking, and the structured answer among them.
//! The decoder keeps one.
//!
//! Invariant: a message is completed once, by whatever event follows its last chunk.

use serde_json::Value;

use super::chunks::Chunks;
use crate::model::event::{Happening, RunEvent};
use crate::outbound::{nested, prompt};

/// What was said so far.
pub(super) struct Answer {
    /// The answer comes in chunks rather than in whole messages.
    is_in_tokens: bool,
    wants_json: bool,
    has_json: bool,
    message: Chunks,
    thinking: Chunks,
    /// The last whole message, kept only where JSON may have to be looked for in it.
    last: String,
}

impl Answer {
    pub(super) fn new(is_in_tokens: bool, wants_json: bool) -> Self {
        Self {
            is_in_tokens,
            wants_json,
            has_json: false,
            message: Chunks::default(),
            thinking: Chunks::default(),
            last: String::new(),
        }
    }

    /// Something begins, which only streams in tokens announce.
    pub(super) fn begins(&mut self, events: &mut Vec<RunEvent>) {
        self.is_in_tokens = true;
        self.message_over(events);
    }

    pub(super) fn said(&mut self, content: Value, events: &mut Vec<RunEvent>) {
        self.thinking_over(events);
        let Some(said) = text(content) else { return };
        if self.is_in_tokens {
            let new = self.message.push(said);
            events.extend(new.map(|new| RunEvent::live(Happening::MessageDelta(new.into()))));
        } else {
            self.completed(said, events);
        }
    }

    pub(super) fn thought(&mut self, content: Value, events: &mut Vec<RunEvent>) {
        self.completed_chunks(events);
        let Some(thought) = text(content) else { return };
        let new = match self.is_in_tokens {
            true => self.thinking.push(thought),
            false => Some(thought),
        };
        events.extend(new.map(|new| RunEvent::live(Happening::ReasoningDelta(new.into()))));
    }

    /// Whatever is neither answer nor thinking ends both.
    pub(super) fn message_over(&mut self, events: &mut Vec<RunEvent>) {
        self.thinking_over(events);
        self.completed_chunks(events);
    }

    /// Takes the content of an event for the structured answer, where one is wanted and this is
    /// one. `is_named` says that the event's type leaves no doubt.
    pub(super) fn structured(
        &mut self,
        content: Value,
        is_named: bool,
        events: &mut Vec<RunEvent>,
    ) -> bool {
        let json = nested::json(content);
        let is_one = json.is_object() || is_named && !json.is_null();
        if !self.wants_json || !is_one {
            return false;
        }
        self.has_json = true;
        events.push(RunEvent::live(Happening::Structured(json.into())));
        true
    }

    /// The run ended well: where no event brought the structured answer, the last message may.
    pub(super) fn close(&mut self, events: &mut Vec<RunEvent>) {
        self.message_over(events);
        if self.wants_json && !self.has_json {
            let json = prompt::json_in(&self.last);
            events.extend(json.map(|json| RunEvent::live(Happening::Structured(json.into()))));
        }
    }

    /// The run did not end well: what was held back is handed on, but no message is whole.
    pub(super) fn broke_off(&mut self, events: &mut Vec<RunEvent>) {
        self.thinking_over(events);
        let new = self.message.finish().and_then(|(new, _)| new);
        events.extend(new.map(|new| RunEvent::live(Happening::MessageDelta(new.into()))));
    }

    fn thinking_over(&mut self, events: &mut Vec<RunEvent>) {
        let new = self.thinking.finish().and_then(|(new, _)| new);
        events.extend(new.map(|new| RunEvent::live(Happening::ReasoningDelta(new.into()))));
    }

    fn completed_chunks(&mut self, events: &mut Vec<RunEvent>) {
        let Some((new, whole)) = self.message.finish() else { return };
        events.extend(new.map(|new| RunEvent::live(Happening::MessageDelta(new.into()))));
        self.completed(whole, events);
    }

    fn completed(&mut self, message: String, events: &mut Vec<RunEvent>) {
        if self.wants_json {
            self.last.clone_from(&message);
        }
        events.push(RunEvent::live(Happening::MessageCompleted(message.into())));
    }
}

/// The text of an event; none where there is nothing.
fn text(content: Value) -> Option<String> {
    nested::text(content).filter(|text| !text.is_empty())
}

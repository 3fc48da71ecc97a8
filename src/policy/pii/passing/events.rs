//! Treats a stream of events as text that comes in pieces: cuts it into events, treats their data,
//! and writes them again as they came, with other data where something was found.
//!
//! Invariant: an event in which nothing is found says what it said; what is not decided yet of a
//! text is said with the next event that decides it, and before any event of another kind.

use std::sync::Arc;

use serde_json::Value;

use super::super::json::JsonTreatment;
use super::super::plan::Plan;
use super::super::scan::Failure;
use super::super::treat::{Count, Treatment};
use super::super::vault::Vault;
use super::Answering;
use super::stream::restore;
use crate::http::passage::PieceIn;
use crate::model::vault::TokenVault;

/// Texts that go on at the same time: an answer and the thinking about it are two.
const TEXTS: usize = 8;

/// The treatment of a stream of events.
pub(super) struct Events {
    plan: Arc<Plan>,
    vault: Option<Arc<Vault>>,
    piece_in: PieceIn,
    most: usize,
    /// Everything that comes whole.
    whole: JsonTreatment,
    texts: Vec<Text>,
    /// What was found in texts that are over.
    found: Vec<Count>,
    /// The lines of the event that is being read.
    event: String,
    /// The beginning of a line.
    line: String,
    /// The last piece ended in a carriage return.
    after_return: bool,
}

/// A text that goes on from event to event.
struct Text {
    /// The type of the events that bring it.
    kind: String,
    place: &'static str,
    treatment: Treatment,
    /// The last event that brought a piece.
    last: Event,
}

/// One event.
struct Event {
    /// All its lines but those of data, treated.
    other: String,
    data: Value,
}

impl Events {
    pub(super) fn new(by: &Answering) -> Self {
        Self {
            plan: by.plan.clone(),
            vault: by.vault.clone(),
            piece_in: by.passage.piece_in,
            most: by.passage.caps.event,
            whole: JsonTreatment::new(by.plan.clone(), by.vault.clone()),
            texts: Vec::new(),
            found: Vec::new(),
            event: String::new(),
            line: String::new(),
            after_return: false,
        }
    }

    pub(super) fn counts(&self) -> Vec<Count> {
        let texts = self.texts.iter().flat_map(|text| text.treatment.counts());
        self.found.iter().cloned().chain(texts).chain(self.whole.counts()).collect()
    }

    /// Takes the next piece of the stream.
    pub(super) fn feed(&mut self, mut piece: &str, out: &mut String) -> Result<(), Failure> {
        if std::mem::take(&mut self.after_return) {
            piece = piece.strip_prefix('\n').unwrap_or(piece);
        }
        while let Some(at) = piece.find(['\n', '\r']) {
            let (line, end) = piece.split_at(at);
            piece = match end.strip_prefix("\r\n") {
                Some(rest) => rest,
                None => {
                    self.after_return = end == "\r";
                    end.get(1..).unwrap_or_default()
                }
            };
            self.line.push_str(line);
            let line = std::mem::take(&mut self.line);
            if line.is_empty() {
                self.dispatch(out)?;
            } else {
                self.event.push_str(&line);
                self.event.push('\n');
            }
        }
        self.line.push_str(piece);
        if self.event.len() + self.line.len() > self.most {
            return Err(Failure::Exhausted { what: "an event" });
        }
        Ok(())
    }

    /// The stream is over.
    pub(super) fn finish(&mut self, out: &mut String) -> Result<(), Failure> {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.event.push_str(&line);
            self.event.push('\n');
        }
        self.dispatch(out)?;
        self.end_texts(out)
    }

    /// An event is whole.
    fn dispatch(&mut self, out: &mut String) -> Result<(), Failure> {
        let event = std::mem::take(&mut self.event);
        if event.is_empty() {
            return Ok(());
        }
        let (mut data, mut other) = (None::<String>, String::new());
        for line in event.lines() {
            match field(line) {
                Some(text) => match &mut data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(text);
                    }
                    None => data = Some(text.to_owned()),
                },
                None => {
                    let mut line = line.to_owned();
                    self.whole.text("", &mut line)?;
                    other.extend([line.as_str(), "\n"]);
                }
            }
        }
        let Some(data) = data else {
            // A comment, which keeps the connection alive.
            out.extend([other.as_str(), "\n"]);
            return Ok(());
        };
        match serde_json::from_str::<Value>(&data) {
            Ok(value) if is_plain(&data) => match (self.piece_in)(&value) {
                Some(place) if value.pointer(place).is_some_and(Value::is_string) => {
                    self.piece(place, Event { other, data: value }, out)
                }
                Some(_) | None => {
                    self.end_texts(out)?;
                    self.json(&data, value, &other, out)
                }
            },
            _ => {
                self.end_texts(out)?;
                let mut text = data;
                self.whole.text("", &mut text)?;
                let mut restored = String::new();
                restore(self.vault.as_deref(), &text, &mut restored);
                write(&other, &restored, out);
                Ok(())
            }
        }
    }

    /// An event that stands for itself.
    fn json(
        &mut self,
        before: &str,
        mut value: Value,
        other: &str,
        out: &mut String,
    ) -> Result<(), Failure> {
        let was = value.clone();
        self.whole.treat("", &mut value)?;
        if let Some(vault) = &self.vault {
            vault.restore_json(&mut value);
        }
        if value == was {
            write(other, before, out);
        } else {
            write(other, &value.to_string(), out);
        }
        Ok(())
    }

    /// An event with a piece of a text.
    fn piece(
        &mut self,
        place: &'static str,
        mut event: Event,
        out: &mut String,
    ) -> Result<(), Failure> {
        let kind = event.data.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let piece = event.data.pointer_mut(place).map(Value::take);
        let Some(Value::String(piece)) = piece else { return Err(Failure::Internal) };
        // What else stands in the event.
        self.whole.treat("", &mut event.data)?;
        let is_it = |text: &Text| text.kind == kind && text.place == place;
        let at = match self.texts.iter().position(is_it) {
            Some(at) => at,
            None => {
                if self.texts.len() >= TEXTS {
                    self.end_texts(out)?;
                }
                let treatment = Treatment::new(Arc::clone(&self.plan), self.vault.clone());
                let last = Event { other: String::new(), data: Value::Null };
                self.texts.push(Text { kind, place, treatment, last });
                self.texts.len() - 1
            }
        };
        let Some(text) = self.texts.get_mut(at) else { return Err(Failure::Internal) };
        let mut treated = String::new();
        text.treatment.feed(&piece, &mut treated)?;
        if !treated.is_empty() || piece.is_empty() {
            say(self.vault.as_deref(), place, &event, &treated, out);
        }
        text.last = event;
        Ok(())
    }

    /// What is held back of the texts is said: something else has come.
    fn end_texts(&mut self, out: &mut String) -> Result<(), Failure> {
        for mut text in std::mem::take(&mut self.texts) {
            let mut rest = String::new();
            text.treatment.finish(&mut rest)?;
            if !rest.is_empty() {
                say(self.vault.as_deref(), text.place, &text.last, &rest, out);
            }
            self.found.extend(text.treatment.counts());
        }
        Ok(())
    }
}

fn say(vault: Option<&Vault>, place: &str, event: &Event, text: &str, out: &mut String) {
    let mut data = event.data.clone();
    let mut restored = String::new();
    restore(vault, text, &mut restored);
    if let Some(vault) = vault {
        vault.restore_json(&mut data);
    }
    if let Some(at) = data.pointer_mut(place) {
        *at = Value::String(restored);
    }
    write(&event.other, &data.to_string(), out);
}

/// The data of a line, where it is one of data.
fn field(line: &str) -> Option<&str> {
    match line.strip_prefix("data:") {
        Some(text) => Some(text.strip_prefix(' ').unwrap_or(text)),
        None => (line == "data").then_some(""),
    }
}

/// Whether JSON has one meaning: no key twice in one object.
fn is_plain(text: &str) -> bool {
    crate::wire::json::check(text.as_bytes(), crate::wire::json::Bounds::default()).is_ok()
}

fn write(other: &str, data: &str, out: &mut String) {
    out.push_str(other);
    for line in data.split('\n') {
        out.extend(["data: ", line, "\n"]);
    }
    out.push('\n');
}

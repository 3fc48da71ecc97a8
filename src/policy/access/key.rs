//! The key under which a decision is kept: every byte of the question that the policies of its
//! action can tell apart, and nothing else.
//!
//! Invariant: two questions with the same key have the same answer. Nothing is hashed or cut;
//! every text goes with its length before it.

use smallvec::SmallVec;

use super::slices::Slice;
use super::uses::Attribute;
use crate::model::judge::{Action, Agent, Circumstances, Owned, Question, Resource};
use crate::model::scope::Scope;

/// An ordinary question fits without an allocation.
pub(super) type Key = SmallVec<[u8; 512]>;

/// The key of a question that these policies are asked.
pub(super) fn key(question: &Question<'_>, slice: &Slice) -> Key {
    let mut key = Writer(Key::new());
    key.byte(question.action.index() as u8);
    let who = question.principal;
    key.text(&who.workspace);
    key.text(&who.subject);
    key.text(&who.name);
    key.byte(who.kind as u8);
    let has = |scope: &Scope| u8::from(who.scopes.has(*scope));
    key.byte(Scope::ALL.iter().fold(0, |bits, scope| bits << 1 | has(scope)));
    key.number(who.groups.len());
    who.groups.iter().for_each(|group| key.text(group));
    key.option(who.class.as_deref(), Writer::text);
    match question.resource {
        Resource::Agent(agent) => key.agent(0, agent),
        Resource::Upstream(name) => {
            key.byte(1);
            key.text(name);
        }
        Resource::Run(run) => key.owned(2, run, slice.names_one),
        Resource::Thread(thread) => key.owned(3, thread, slice.names_one),
        Resource::Gateway => key.byte(4),
    }
    key.circumstances(question.action, &question.circumstances, slice);
    key.0
}

struct Writer(Key);

impl Writer {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn number(&mut self, number: usize) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// Kind and aliases of an agent follow from the world, which stands still.
    fn agent(&mut self, tag: u8, agent: Agent<'_>) {
        self.byte(tag);
        self.text(agent.upstream);
        self.text(agent.id);
    }

    fn owned(&mut self, tag: u8, owned: Owned<'_>, with_id: bool) {
        self.agent(tag, owned.agent);
        self.text(owned.workspace);
        self.text(owned.subject);
        if with_id {
            self.text(owned.id);
        }
    }

    fn circumstances(&mut self, action: Action<'_>, of: &Circumstances<'_>, slice: &Slice) {
        let uses = slice.uses;
        if uses.has(Attribute::Face) {
            self.text(of.face);
        }
        if uses.has(Attribute::Mode) {
            self.byte(of.mode as u8);
        }
        if uses.has(Attribute::Model) {
            self.option(of.model, Self::text);
        }
        if uses.has(Attribute::Tools) {
            self.option(of.tools, |key, tools| {
                key.number(tools.len());
                tools.iter().for_each(|tool| key.text(tool));
            });
        }
        if uses.has(Attribute::McpServers) {
            self.number(of.mcp_servers.len());
            of.mcp_servers.iter().for_each(|server| self.text(server));
        }
        if uses.has(Attribute::MaxCostUsd) {
            self.option(of.max_cost_usd, |key, cost| {
                key.0.extend_from_slice(&cost.0.to_le_bytes())
            });
        }
        if uses.has(Attribute::Hour) {
            self.byte(of.when.hour);
        }
        if uses.has(Attribute::Weekday) {
            self.byte(of.when.weekday);
        }
        if uses.has(Attribute::Address) {
            match of.address.to_canonical() {
                std::net::IpAddr::V4(address) => {
                    self.byte(4);
                    self.0.extend_from_slice(&address.octets());
                }
                std::net::IpAddr::V6(address) => {
                    self.byte(6);
                    self.0.extend_from_slice(&address.octets());
                }
            }
        }
        if uses.has(Attribute::Tool) {
            self.option(action.tool(), Self::text);
        }
    }
}

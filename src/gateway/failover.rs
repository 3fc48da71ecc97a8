//! A run whose agent could not be reached goes to the next agent of the same name, if it is known
//! that the first has not seen it. The next one is asked for like the first: access, limits,
//! budgets and PII are its own, and it has a record of its own before its platform is asked.
//!
//! Invariant: nothing of the run has been shown but that there is one.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::time::Instant;

use crate::error::{Error, Kind, Result};
use crate::gateway::choose::{Choice, Ticket, was_not_sent};
use crate::gateway::closing::Closing;
use crate::gateway::propose::{Ask, Proposed, Same};
use crate::gateway::{Gateway, Parts, records};
use crate::http::service::RunEvents;
use crate::model::event::{Ending, Happening, RunEvent};
use crate::model::plan::RunCall;
use crate::store::log::Entry;

/// The agents that a run may still go to.
pub(super) struct Spare {
    pub(super) ask: Ask,
    pub(super) choice: Choice,
    /// The run's say in what is known of the agent that it is with.
    pub(super) ticket: Option<Ticket>,
}

impl Spare {
    /// Whether the run may go to another agent.
    pub(super) fn has_more(&self) -> bool {
        self.choice.has_more()
    }

    /// The run that is to be sent to the next agent in the place of one that was not reached. The
    /// first failure stands where no other takes it.
    pub(super) async fn next(
        &mut self,
        parts: &Arc<Parts>,
        closing: &mut Closing,
        error: Error,
    ) -> Result<RunCall> {
        if let Some(ticket) = self.ticket.take() {
            ticket.failed(&error);
        }
        let gateway = Gateway(Arc::clone(parts));
        let before = Arc::clone(closing.plan());
        let same = || Some(Same::of(&before));
        let Ok(proposed) = gateway.propose(&self.ask, &mut self.choice, same).await else {
            return Err(error);
        };
        let Proposed { plan, grants, warnings, version: _, ticket } = proposed;
        if before.thread.vault.is_none() && plan.thread.vault.is_some() {
            // Its readers would be shown tokens.
            return Err(error);
        }
        self.ticket = ticket;
        let plan = Arc::new(plan);
        parts.threads.moved(&plan.thread.id, &plan.target);
        closing.journal.moved(&plan, warnings);
        let facts = closing.moved(Arc::clone(&plan));
        let basis = gateway.basis(&self.ask.call, &plan);
        let (keeper, call) = (&parts.keeper, &self.ask.call);
        let record = records::admitted(&keeper.scribe, call, &closing.journal.run(), &facts, basis);
        let written = match Entry::of(&record) {
            Ok(entry) => keeper.log.append(vec![entry]).await,
            Err(error) => Err(error),
        };
        keeper.health.went(&written);
        if written.is_err() {
            let said = "the run could not be recorded";
            return Err(Error::new(Kind::AuditUnavailable, said));
        }
        parts.choices.metrics.chosen("failed_over");
        let halt = Arc::clone(&closing.journal) as _;
        Ok(RunCall { call: Arc::clone(call), plan, grants, halt })
    }
}

/// Reads a run's events until its platform is known to have it, and gives them back with what was
/// read; or says why the run was not sent. A platform that is silent until it is done has it when
/// the time to connect is over.
pub(super) async fn sent(
    mut events: RunEvents,
    within: std::time::Duration,
) -> std::result::Result<RunEvents, Error> {
    let until = Instant::now() + within;
    let mut read = Vec::new();
    loop {
        match tokio::time::timeout_at(until, events.next()).await {
            Ok(Some(RunEvent { what: Happening::Ended(Ending::Failed(error)), .. }))
                if was_not_sent(&error) =>
            {
                return Err(error);
            }
            Ok(Some(event)) => {
                let says_nothing = matches!(event.what, Happening::Warning(_) | Happening::Pii(_))
                    || (matches!(event.what, Happening::Started) && event.synthetic);
                read.push(event);
                if !says_nothing {
                    break;
                }
            }
            Ok(None) | Err(_) => break,
        }
    }
    Ok(Box::pin(futures_util::stream::iter(read).chain(events)))
}

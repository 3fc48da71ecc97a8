//! Who may do what: the access policies, in Cedar (<https://docs.cedarpolicy.com>), over the
//! schema of `schema.cedarschema`. Asked for each request once its caller is known; scopes,
//! the agents that a credential is for, and the visibility of workspaces are checked elsewhere,
//! and the policies decide over what remains. `config/policies/README.md` is their manual.
//!
//! In reading order: a question of [`crate::model::judge`] is asked of [`Access`], which has one
//! `generation` of `policies` at a time; their `slices` say which policies a question meets, its
//! `key` whether it was asked before, and `request` puts it in Cedar's words.
//!
//! Invariant: what no policy permits is refused; so is what one forbids, and what one cannot be
//! evaluated for. A question is answered by one version of the policies throughout.

mod explain;
mod generation;
pub mod judge;
mod key;
pub mod layer;
mod names;
mod policies;
pub mod proxy;
mod question;
mod report;
mod request;
mod slices;
mod source;
mod split;
#[cfg(test)]
mod tests;
mod uses;
mod verdict;
mod world;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use cedar_policy::Schema;
use parking_lot::Mutex;

pub use explain::{Deciding, Explanation, Failed, Put};
pub use report::{Fault, Report};
pub use source::Source;
pub use verdict::{Cause, Verdict};
pub use world::{KnownAgent, KnownUpstream, World};

use generation::Generation;
use names::Names;
use policies::{Policies, SCHEMA};
use report::Unspeakable;
use request::Words;
use world::Prepared;

use crate::error::{Error, Kind, Result};
use crate::model::judge::Question;

/// How long a new set must stay as it is before it is taken: longer than a file takes to be
/// written, or a few to be put in place.
const SETTLING: Duration = Duration::from_millis(100);

/// The access policies at work.
pub struct Access {
    source: Source,
    schema: Schema,
    names: Names,
    world: Prepared,
    generation: ArcSwap<Generation>,
    refused: Mutex<Option<Refused>>,
}

/// The last set that was refused, so that it is neither checked nor reported again and again.
struct Refused {
    /// Of the texts; none where they could not even be read.
    version: Option<String>,
    report: Report,
}

/// The set in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Its version: the same for the same texts and schema, and only then.
    pub version: Arc<str>,
    /// How many policies it has.
    pub policies: usize,
    /// What in it is odd though it holds, such as a policy that can never apply.
    pub warnings: Vec<Fault>,
}

/// What came of looking at the source again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reload {
    /// It holds what is in force.
    Unchanged,
    /// Another set is in force now.
    Changed(InForce),
    /// It holds what cannot be taken; what was in force stays so.
    Failed {
        /// What is wrong.
        report: Report,
        /// False where the last look found just the same, which need not be told twice.
        is_news: bool,
    },
}

impl Access {
    /// Reads and checks the policies. Fails with everything that is wrong with them.
    pub fn new(source: Source, world: &World) -> Result<Self, Report> {
        let broken = |error: Unspeakable| Fault::new("schema.cedarschema", None, error.to_string());
        let (schema, _) =
            Schema::from_cedarschema_str(SCHEMA).map_err(|error| broken(error.into()))?;
        let names = Names::new().map_err(broken)?;
        let world = Prepared::new(world, &names).map_err(broken)?;
        let policies = Policies::check(&source.read()?, &schema)?;
        let generation = ArcSwap::from_pointee(start(policies, &names)?);
        Ok(Self { source, schema, names, world, generation, refused: Mutex::new(None) })
    }

    /// Whether the caller may. Synchronous and without I/O; well below a microsecond where the same
    /// was asked before (`benches/access`).
    pub fn decide(&self, question: &Question<'_>) -> Verdict {
        self.generation.load().decide(question, self.words())
    }

    /// Whether the caller may use any tool, whatever it is called. False as soon as a policy looks
    /// at the name of a tool, even where it would allow all that there are.
    pub fn allows_every_tool(&self, question: &Question<'_>) -> bool {
        let generation = self.generation.load();
        !generation.tells_tools_apart() && generation.decide(question, self.words()).allowed()
    }

    /// The same, evaluated whether or not it was asked before: for measuring and for tests.
    pub fn decide_afresh(&self, question: &Question<'_>) -> Verdict {
        self.generation.load().decide_afresh(question, self.words())
    }

    /// Why the caller may or may not. Fails only where the question cannot be put at all, and
    /// then [`Self::decide`] refuses it.
    pub fn explain(&self, question: &Question<'_>) -> Result<Explanation> {
        explain::explain(&self.generation.load(), question, self.words()).map_err(|error| {
            let message = format!("the question cannot be put to the policies: {error}");
            Error::new(Kind::InvalidRequest, message)
        })
    }

    /// The set in force.
    pub fn in_force(&self) -> InForce {
        in_force(&self.generation.load())
    }

    /// Reads the source again, and puts what it holds in force where that is new and whole. Reads
    /// files: call it where blocking is allowed, once a second and when told to.
    pub fn reload(&self) -> Reload {
        // Held to the end, so that of two at once the later reader has the last word.
        let mut refused = self.refused.lock();
        let mut version = None;
        let read = self.source.read().and_then(|files| {
            let found = policies::version(&files);
            if *found == *self.generation.load().version || !self.is_settled(&found)? {
                return Ok(None);
            }
            let known = refused.as_ref().filter(|known| known.version.as_ref() == Some(&found));
            version = Some(found);
            match known {
                Some(known) => Err(known.report.clone()),
                None => start(Policies::check(&files, &self.schema)?, &self.names).map(Some),
            }
        });
        match read {
            Ok(None) => {
                *refused = None;
                Reload::Unchanged
            }
            Ok(Some(generation)) => {
                *refused = None;
                let now = in_force(&generation);
                self.generation.store(Arc::new(generation));
                Reload::Changed(now)
            }
            Err(report) => {
                let is_news = refused
                    .as_ref()
                    .is_none_or(|known| (&known.version, &known.report) != (&version, &report));
                *refused = Some(Refused { version, report: report.clone() });
                Reload::Failed { report, is_news }
            }
        }
    }

    /// Whether what was found is still there a moment later: a set that is being written is left
    /// for the next look.
    fn is_settled(&self, found: &str) -> Result<bool, Report> {
        std::thread::sleep(SETTLING);
        Ok(policies::version(&self.source.read()?) == found)
    }

    fn words(&self) -> Words<'_> {
        Words { names: &self.names, world: &self.world }
    }
}

fn start(policies: Policies, names: &Names) -> Result<Generation, Report> {
    Generation::new(policies, names)
        .map_err(|error| Fault::new("policies", None, error.to_string()).into())
}

fn in_force(generation: &Generation) -> InForce {
    InForce {
        version: generation.version.clone(),
        policies: generation.policies.places.len(),
        warnings: generation.policies.warnings.clone(),
    }
}

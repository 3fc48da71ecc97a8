//! What a run may be told on its command line.

use std::time::Duration;

use crate::Outcome;
use crate::words::{list, number};

/// The help text.
pub(crate) const HELP: &str = "\
Measures the gateway beside nginx and a plain relay, on 127.0.0.1 only.

  --quick         a smoke run of about 20 seconds
  --passes N      rounds over all parties (default 5)
  --seconds N     of load for each party, workload and round (default 3)
  --streams N     streams held open for the measure of memory (default 5000)
  --only LIST     of throughput,latency,memory
  --without LIST  of nginx,relay,gateway";

/// What a run was told.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Rounds over all parties.
    pub(crate) passes: usize,
    /// Of load for each party, workload and round.
    pub(crate) slice: Duration,
    /// Streams held open for the measure of memory.
    pub(crate) streams: usize,
    /// Rounds of the measure of memory, each with fresh processes.
    pub(crate) memory_passes: usize,
    only: Vec<String>,
    without: Vec<String>,
}

impl Options {
    /// Reads the command line.
    pub(crate) fn parse(arguments: &[&str]) -> Outcome<Self> {
        let mut options = Self {
            passes: 5,
            slice: Duration::from_secs(3),
            streams: 5_000,
            memory_passes: 3,
            only: Vec::new(),
            without: Vec::new(),
        };
        let mut words = arguments.iter().copied();
        while let Some(word) = words.next() {
            match word {
                "--bench" => {}
                "--quick" => {
                    options.passes = 1;
                    options.slice = Duration::from_millis(500);
                    options.streams = 500;
                    options.memory_passes = 1;
                }
                "--passes" => options.passes = number(words.next())?,
                "--seconds" => options.slice = Duration::from_secs(number(words.next())? as u64),
                "--streams" => options.streams = number(words.next())?,
                "--only" => options.only = list(words.next())?,
                "--without" => options.without = list(words.next())?,
                other => return Err(format!("`{other}` is not known\n{HELP}").into()),
            }
        }
        Ok(options)
    }

    /// Whether this measure is wanted.
    pub(crate) fn wants(&self, measure: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|one| one == measure)
    }

    /// Whether this party is to be left out.
    pub(crate) fn leaves_out(&self, party: &str) -> bool {
        self.without.iter().any(|one| one == party)
    }
}

//! What a run may be told on its command line.

use std::time::Duration;

use crate::Outcome;
use crate::words::{list, number};

/// The help text.
pub(crate) const HELP: &str = "\
Measures the gateway with all policy on beside other proxies, on 127.0.0.1 only.

  --quick          a smoke run: one pass, short slices, 500 streams
  --passes N       rounds over all parties (default 3)
  --seconds N      of load for each party, workload and round (default 5)
  --streams N      streams held open for the measure of memory (default 10000)
  --rates LIST     of the open loop, beside half of the gateway's own throughput (default 50,500)
  --party-core N   the core of the party (default 0)
  --load-core N    the core of load and upstream (default 1)
  --only LIST      of throughput,latency,memory,overload,bulkhead
  --without LIST   of nginx, envoy, litellm, portkey, and of switchyard-strict and its like

Found through the environment, and left out when they are not there:
  ENVOY    the binary of Envoy           (envoy)
  LITELLM  the program of LiteLLM        (litellm)
  PORTKEY  start-server.js of Portkey's gateway, run by NODE (node)";

/// What a run was told.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Rounds over all parties.
    pub(crate) passes: usize,
    /// Of load for each party, workload and round.
    pub(crate) slice: Duration,
    /// Streams held open for the measure of memory.
    pub(crate) streams: usize,
    /// Requests a second of the open loop.
    pub(crate) rates: Vec<u32>,
    /// The core of the party.
    pub(crate) party_core: String,
    /// The core of load and upstream.
    pub(crate) load_core: String,
    only: Vec<String>,
    without: Vec<String>,
}

impl Options {
    /// Reads the command line.
    pub(crate) fn parse(arguments: &[&str]) -> Outcome<Self> {
        let mut options = Self {
            passes: 3,
            slice: Duration::from_secs(5),
            streams: 10_000,
            rates: vec![50, 500],
            party_core: "0".to_owned(),
            load_core: "1".to_owned(),
            only: Vec::new(),
            without: Vec::new(),
        };
        let mut words = arguments.iter().copied();
        while let Some(word) = words.next() {
            match word {
                "--bench" => {}
                "--quick" => {
                    options.passes = 1;
                    options.slice = Duration::from_secs(1);
                    options.streams = 500;
                }
                "--passes" => options.passes = number(words.next())?,
                "--seconds" => options.slice = Duration::from_secs(number(words.next())? as u64),
                "--streams" => options.streams = number(words.next())?,
                "--rates" => {
                    let rates = list(words.next())?;
                    options.rates =
                        rates.iter().map(|rate| rate.parse()).collect::<Result<_, _>>()?;
                }
                "--party-core" => options.party_core = number_or_0(words.next())?,
                "--load-core" => options.load_core = number_or_0(words.next())?,
                "--only" => options.only = list(words.next())?,
                "--without" => options.without = list(words.next())?,
                other => return Err(format!("{other} is not an option; try --help").into()),
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

fn number_or_0(word: Option<&str>) -> Outcome<String> {
    let number: usize = word.ok_or("a number is missing")?.parse()?;
    Ok(number.to_string())
}

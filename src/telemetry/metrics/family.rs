//! How families are made: each is registered and noted in a list as it is, so that none can be
//! rendered that the documented table lacks.

use parking_lot::Mutex;
use prometheus::core::Collector;
use prometheus::{
    CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, Result,
};

/// What a family is, for the table of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// The families of one registry.
#[derive(Debug, Default)]
pub(super) struct Families {
    registry: Registry,
    list: Mutex<Vec<Family>>,
}

type Name = &'static str;
type Labels = &'static [&'static str];

impl Families {
    fn keep<T: Collector + Clone + 'static>(&self, family: Family, made: Result<T>) -> Result<T> {
        let made = made?;
        self.registry.register(Box::new(made.clone()))?;
        self.list.lock().push(family);
        Ok(made)
    }

    /// Registers what is read at each scrape.
    pub(super) fn read(&self, families: &[Family], made: impl Collector + 'static) -> Result<()> {
        self.registry.register(Box::new(made))?;
        self.list.lock().extend_from_slice(families);
        Ok(())
    }

    pub(super) fn counter(&self, name: Name, help: Name) -> Result<IntCounter> {
        let family = Family { name, kind: "counter", labels: &[], help };
        self.keep(family, IntCounter::new(name, help))
    }

    pub(super) fn counters(&self, name: Name, help: Name, labels: Labels) -> Result<IntCounterVec> {
        let family = Family { name, kind: "counter", labels, help };
        self.keep(family, IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn amounts(&self, name: Name, help: Name, labels: Labels) -> Result<CounterVec> {
        let family = Family { name, kind: "counter", labels, help };
        self.keep(family, CounterVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn gauge(&self, name: Name, help: Name) -> Result<IntGauge> {
        let family = Family { name, kind: "gauge", labels: &[], help };
        self.keep(family, IntGauge::new(name, help))
    }

    pub(super) fn gauges(&self, name: Name, help: Name, labels: Labels) -> Result<IntGaugeVec> {
        let family = Family { name, kind: "gauge", labels, help };
        self.keep(family, IntGaugeVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn level(&self, name: Name, help: Name) -> Result<Gauge> {
        let family = Family { name, kind: "gauge", labels: &[], help };
        self.keep(family, Gauge::new(name, help))
    }

    pub(super) fn levels(&self, name: Name, help: Name, labels: Labels) -> Result<GaugeVec> {
        let family = Family { name, kind: "gauge", labels, help };
        self.keep(family, GaugeVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn histogram(&self, name: Name, help: Name, buckets: &[f64]) -> Result<Histogram> {
        let family = Family { name, kind: "histogram", labels: &[], help };
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.keep(family, Histogram::with_opts(options))
    }

    pub(super) fn histograms(
        &self,
        name: Name,
        help: Name,
        labels: Labels,
        buckets: &[f64],
    ) -> Result<HistogramVec> {
        let family = Family { name, kind: "histogram", labels, help };
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.keep(family, HistogramVec::new(options, labels))
    }

    /// Every family, by name.
    pub(super) fn all(&self) -> Vec<Family> {
        let mut all = self.list.lock().clone();
        all.sort_unstable_by_key(|family| family.name);
        all
    }

    pub(super) fn gather(&self) -> Vec<prometheus::proto::MetricFamily> {
        self.registry.gather()
    }
}

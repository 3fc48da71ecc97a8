//! Welch's t-test: whether two sets of times may have the same mean.
//!
//! Invariant: every time that was taken is counted, in the one mean or the other.

/// Mean and spread of some times, added up as they come (Welford).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Times {
    /// Adds a time.
    pub(crate) fn add(&mut self, time: f64) {
        self.count += 1.0;
        let off = time - self.mean;
        self.mean += off / self.count;
        self.squares += off * (time - self.mean);
    }

    /// Their mean.
    pub(crate) fn mean(&self) -> f64 {
        self.mean
    }

    /// The squared error of the mean.
    fn error(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }

    /// Welch's t between these and others.
    pub(crate) fn t(&self, other: &Times) -> f64 {
        (self.mean - other.mean) / (self.error() + other.error()).sqrt()
    }
}

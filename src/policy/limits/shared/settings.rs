//! Where the shared counters are and what becomes of limits while they are away.
//!
//! Invariant: the URL, which may hold a password, is never printed.

use std::fmt;
use std::time::Duration;

/// How long a decision may take, if the configuration does not say. A Redis in the same data centre
/// answers within one millisecond.
pub const DEFAULT_TIME_OUT: Duration = Duration::from_millis(5);

/// What the shared counters are told.
#[derive(Clone)]
pub struct Settings {
    /// `redis://` or `rediss://`, with credentials where there are any. One server that takes
    /// writes; Redis Cluster is not supported.
    pub url: String,
    /// How many gateways count together. Each keeps the quota divided by it while Redis is away.
    pub nodes: u32,
    /// What happens while Redis is away.
    pub when_away: WhenAway,
    /// How long one decision may take, 1 ms to 1 s.
    pub time_out: Duration,
    /// What all keys begin with. Gateways with the same prefix count together.
    pub prefix: String,
}

/// What happens to a request while the shared counters are away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAway {
    /// Each node counts by itself, with its share of each limit.
    Local,
    /// What would have been counted is refused.
    Refuse,
}

/// What is wrong with the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The URL.
    #[error("the counters' url must be redis://host:port or rediss://host:port")]
    Url,
    /// The number of nodes.
    #[error("the counters' nodes must be at least 1")]
    Nodes,
    /// The time-out.
    #[error("the counters' time-out must be 1 ms to 1 s")]
    TimeOut,
}

impl Settings {
    /// The client that these describe; it has not connected yet.
    pub(super) fn client(&self) -> Result<redis::Client, SettingsError> {
        if self.nodes == 0 {
            return Err(SettingsError::Nodes);
        }
        if self.time_out < Duration::from_millis(1) || self.time_out > Duration::from_secs(1) {
            return Err(SettingsError::TimeOut);
        }
        // The client's own error may quote the URL.
        redis::Client::open(self.url.as_str()).map_err(|_| SettingsError::Url)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("nodes", &self.nodes)
            .field("when_away", &self.when_away)
            .field("time_out", &self.time_out)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named_and_secrets_are_not() {
        let fine = Settings {
            url: "redis://:hunter2@127.0.0.1:1".into(),
            nodes: 3,
            when_away: WhenAway::Local,
            time_out: DEFAULT_TIME_OUT,
            prefix: "switchyard:".into(),
        };
        assert!(fine.client().is_ok());
        assert!(!format!("{fine:?}").contains("hunter2"));
        let wrong = |settings: Settings| settings.client().unwrap_err();
        let url = "hunter2://127.0.0.1".to_owned();
        assert_eq!(wrong(Settings { url, ..fine.clone() }), SettingsError::Url);
        assert_eq!(wrong(Settings { nodes: 0, ..fine.clone() }), SettingsError::Nodes);
        assert_eq!(wrong(Settings { time_out: Duration::ZERO, ..fine }), SettingsError::TimeOut);
    }
}

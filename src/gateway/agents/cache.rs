//! What platforms have lately said of their agents. However many ask at a time, one asks the
//! platform, and the others wait for what it is told.
//!
//! Invariant: what was read before a change is not given to anyone who asks after it. A failure is
//! not kept: who waited asks again.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache as Moka;
use tokio::sync::OnceCell;

use crate::error::Result;
use crate::model::agent::AgentRef;
use crate::model::profile::Profile;
use crate::outbound::agents::{Page, Wanted};

/// Something that is read once. A reader that leaves lets the next one read.
type Once<T> = Arc<OnceCell<Arc<T>>>;

/// What was read lately.
pub(super) struct Cache {
    profiles: Moka<AgentRef, Once<Profile>>,
    pages: Moka<PageKey, Once<Page>>,
    /// Counts the changes on each upstream, so that its pages are found no more after one.
    changes: Moka<String, u64>,
}

/// Upstream, changes, and what was wanted.
type PageKey = (String, u64, Wanted);

impl Cache {
    /// Keeps at most `most` agents and pages, for so long.
    pub(super) fn new(kept_for: Duration, most: usize) -> Self {
        Self {
            profiles: bounded(kept_for, most),
            pages: bounded(kept_for, most),
            // One for each configured upstream, and never forgotten: a number that began anew
            // could bring back an old page.
            changes: Moka::builder().build(),
        }
    }

    /// An agent; `read` asks its platform.
    pub(super) async fn profile(
        &self,
        of: &AgentRef,
        read: impl Future<Output = Result<Profile>>,
    ) -> Result<Arc<Profile>> {
        once(&self.profiles, of.clone(), read).await
    }

    /// A page of a list; `read` asks its platform.
    pub(super) async fn page(
        &self,
        upstream: &str,
        wanted: &Wanted,
        read: impl Future<Output = Result<Page>>,
    ) -> Result<Arc<Page>> {
        let changes = self.changes.get(upstream).unwrap_or_default();
        once(&self.pages, (upstream.to_owned(), changes, wanted.clone()), read).await
    }

    /// An agent is about to be changed. What was read of it is forgotten when the change is over,
    /// however it ends: even one that failed may have been made.
    pub(super) fn changing<'a>(&'a self, of: &'a AgentRef) -> Changing<'a> {
        Changing(self, of)
    }
}

/// A change of an agent, while it lasts.
pub(super) struct Changing<'a>(&'a Cache, &'a AgentRef);

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        let Self(cache, of) = self;
        cache.profiles.invalidate(*of);
        let count = cache.changes.entry(of.upstream.clone());
        count.and_upsert_with(|before| before.map_or(1, |before| before.into_value() + 1));
    }
}

fn bounded<K: Hash + Eq + Send + Sync + 'static, T: Send + Sync + 'static>(
    kept_for: Duration,
    most: usize,
) -> Moka<K, Once<T>> {
    Moka::builder().max_capacity(most as u64).time_to_live(kept_for).build()
}

async fn once<K: Hash + Eq + Send + Sync + 'static, T: Send + Sync + 'static>(
    cache: &Moka<K, Once<T>>,
    key: K,
    read: impl Future<Output = Result<T>>,
) -> Result<Arc<T>> {
    let cell = cache.get_with(key, Arc::default);
    cell.get_or_try_init(|| async { read.await.map(Arc::new) }).await.cloned()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::{Error, Kind};
    use crate::model::profile::Agent;

    fn reference() -> AgentRef {
        AgentRef { upstream: "up".to_owned(), native: "a".to_owned() }
    }

    fn profile() -> Profile {
        let reference = reference();
        let agent = Agent::new(&reference, "fake");
        Profile { reference, agent, raw: serde_json::Map::new() }
    }

    async fn reads(cache: &Cache, count: &AtomicUsize) -> Result<Arc<Profile>> {
        let read = async {
            tokio::task::yield_now().await;
            count.fetch_add(1, Ordering::Relaxed);
            Ok(profile())
        };
        cache.profile(&reference(), read).await
    }

    #[tokio::test]
    async fn many_who_ask_at_a_time_are_told_what_one_has_read() {
        let (cache, count) = (Cache::new(Duration::from_secs(60), 10), AtomicUsize::new(0));
        let all = futures_util::future::join_all((0..50).map(|_| reads(&cache, &count)));
        assert!(all.await.iter().all(Result::is_ok));
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_change_makes_the_next_one_read_again() {
        let (cache, count) = (Cache::new(Duration::from_secs(60), 10), AtomicUsize::new(0));
        reads(&cache, &count).await.unwrap();
        drop(cache.changing(&reference()));
        reads(&cache, &count).await.unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 2);
        let wanted = Wanted::default();
        let pages = AtomicUsize::new(0);
        for _ in 0..2 {
            let read = async {
                pages.fetch_add(1, Ordering::Relaxed);
                Ok(Page { agents: Vec::new(), next: None })
            };
            cache.page("up", &wanted, read).await.unwrap();
            drop(cache.changing(&reference()));
        }
        assert_eq!(pages.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let (cache, count) = (Cache::new(Duration::from_secs(60), 10), AtomicUsize::new(0));
        let failing = async { Err(Error::new(Kind::UpstreamError, "x")) };
        assert!(cache.profile(&reference(), failing).await.is_err());
        assert!(reads(&cache, &count).await.is_ok());
    }
}

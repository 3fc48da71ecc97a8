//! From names to addresses. The poster asks once for each delivery; tests give their own answers.
//!
//! Invariant: a resolver that hangs holds a bounded number of threads, also when nobody waits for
//! them any more.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;

/// Lookups at a time. The system's resolver keeps a thread for as long as it likes, up to half a
/// minute for a name whose server is silent, and these threads also read files for the gateway.
const LOOKUPS: usize = 32;

/// Gives the addresses of names.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of the name, in the order in which they are to be tried.
    ///
    /// # Errors
    ///
    /// The name has none, or it could not be asked for.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own resolver, with its hosts file and search domains.
#[derive(Clone, Debug)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let name = name.to_owned();
        self.on_a_thread(move || {
            let addresses = (name.as_str(), 0).to_socket_addrs()?;
            Ok(addresses.map(|address| address.ip()).collect())
        })
        .await
    }
}

impl SystemResolver {
    /// Does this on a thread, when there is one of those that lookups may hold.
    async fn on_a_thread<T: Send + 'static>(
        &self,
        lookup: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let lookups = Arc::clone(&self.lookups);
        let permit = lookups.acquire_owned().await.map_err(io::Error::other)?;
        let done = tokio::task::spawn_blocking(move || {
            // It goes with the thread, not with who waits for it.
            let _permit = permit;
            lookup()
        });
        done.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_system_knows_its_own_name() {
        let addresses = SystemResolver::default().addresses("localhost").await.unwrap();
        assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback));
    }

    #[tokio::test]
    async fn lookups_beyond_the_bound_wait() {
        let resolver = SystemResolver::default();
        let all = Arc::clone(&resolver.lookups).acquire_many_owned(LOOKUPS as u32).await.unwrap();
        let soon = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, resolver.addresses("localhost")).await.is_err());
        drop(all);
        assert!(resolver.addresses("localhost").await.is_ok());
    }

    #[tokio::test]
    async fn a_lookup_that_nobody_waits_for_still_counts() {
        let resolver = SystemResolver::default();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let hanging = resolver.on_a_thread(move || Ok(ended.recv()));
        let soon = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(soon, hanging).await.is_err());
        assert_eq!(resolver.lookups.available_permits(), LOOKUPS - 1);
        drop(end);
        let all = resolver.lookups.acquire_many(LOOKUPS as u32);
        assert!(tokio::time::timeout(std::time::Duration::from_secs(10), all).await.is_ok());
    }
}

//! Puts another version of the configuration in force while the gateway serves: at SIGHUP, and when
//! an operator asks. Everything is built beside what serves, and swapped at the end.
//!
//! Invariant: whatever is wrong leaves in force what was; a request sees one version or the other.

mod difference;

use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;

use super::lasting::Lasting;
use super::version::{Answering, Current, Version};
use super::{Failure, Source, policies};
use crate::config::{Config, Report};
use crate::error::{Error, Kind, Result};
use crate::http::service::Served;
use crate::inbound::admin::reload::{Reloaded, Reloads};
use crate::model::record::{Stage, Verdict};
use crate::server::tls::Certificate;
use crate::store::health::unrecorded;
use crate::store::log::Entry;
use crate::wire::hex::hex;

/// Puts versions of the configuration in force.
pub(super) struct Reloader {
    source: Option<Source>,
    lasting: Arc<Lasting>,
    current: Current,
    served: [Served; 2],
    certificate: Option<Arc<Certificate>>,
    answering: Answering,
    /// One at a time.
    turn: Mutex<()>,
}

impl Reloader {
    pub(super) fn new(
        source: Option<Source>,
        lasting: &Arc<Lasting>,
        current: &Current,
        served: [Served; 2],
        certificate: Option<Arc<Certificate>>,
        answering: Answering,
    ) -> Self {
        let (lasting, current) = (Arc::clone(lasting), current.clone());
        Self { source, lasting, current, served, certificate, answering, turn: Mutex::default() }
    }

    /// Reloads at each SIGHUP. Ends only where the system gives no signals.
    pub(super) async fn at_signal(self: &Arc<Self>) -> Failure {
        let mut hung_up = match signal(SignalKind::hangup()) {
            Ok(signal) => signal,
            Err(error) => return Failure::start(error),
        };
        while hung_up.recv().await.is_some() {
            // What is wrong is in the log; what was in force stays.
            self.reload().await.ok();
        }
        std::future::pending().await
    }

    async fn reload(self: &Arc<Self>) -> Result<Reloaded> {
        let outcome = self.put_in_force().await;
        match &outcome {
            Ok(Reloaded { version, changed, .. }) => {
                let paths: Vec<&str> = changed.iter().map(|it| it.path.as_str()).collect();
                let diff = paths.join(", ");
                tracing::info!(%version, %diff, "the configuration was read anew");
            }
            Err(error) => {
                let faults = error.fields().iter().map(|it| format!("{}: {}", it.path, it.message));
                let faults = faults.collect::<Vec<_>>().join("; ");
                tracing::error!(?error, %faults, "the configuration stays as it was");
            }
        }
        outcome
    }

    async fn put_in_force(self: &Arc<Self>) -> Result<Reloaded> {
        let _turn = self.turn.lock().await;
        let none = || Error::new(Kind::Conflict, "the gateway was not started from a file");
        self.source.as_ref().ok_or_else(none)?;
        let this = Arc::clone(self);
        // Files are read, and policies compiled.
        let built = tokio::task::spawn_blocking(move || this.build()).await;
        let broke = |_| Error::new(Kind::Internal, "the configuration could not be built");
        let built = built.map_err(broke)??;
        let Built { config, version, certificate } = built;
        let before = self.current.load();
        let reloaded = Reloaded {
            object: "reload",
            version: hash_of(&config),
            changed: difference::changed(&before.config, &config),
        };
        let keyring = &self.lasting.keyring;
        keyring.configure(policies::keys(&config).map_err(faults)?)?;
        if let Err(error) = self.record(&reloaded).await {
            // What is not on record does not happen.
            keyring.configure(policies::keys(&before.config).map_err(faults)?)?;
            return Err(error);
        }
        let services = version.services(&self.lasting, self.answering.clone());
        self.current.replace(version);
        for (served, service) in self.served.iter().zip(services) {
            served.replace(service);
        }
        if let (Some(serving), Some(read)) = (&self.certificate, &certificate) {
            serving.renew(read);
        }
        Ok(reloaded)
    }

    fn build(&self) -> Result<Built> {
        let before = self.current.load();
        let source = self.source.as_ref();
        let read = source.map(|source| source()).transpose().map_err(|report| wrong(&report))?;
        let config = Arc::new(read.unwrap_or_else(|| Config::clone(&before.config)));
        let fixed = difference::fixed(&before.config, &config);
        if !fixed.is_empty() {
            let said = "something has changed that takes effect at a start only";
            return Err(fixed.into_iter().fold(Error::new(Kind::Conflict, said), |error, path| {
                error.at(path, "cannot be changed while the gateway serves")
            }));
        }
        let certificate = config.listen.tls.as_ref().map(Certificate::load).transpose();
        let certificate =
            certificate.map_err(|error| Error::invalid("listen.tls", error.to_string()))?;
        let version = Version::build(&config, &self.lasting, Some(&before));
        let version = version.map_err(|failure| {
            let said = "the configuration cannot be put in force";
            Error::new(Kind::InvalidRequest, said).at("", failure.to_string().trim())
        })?;
        Ok(Built { config, version, certificate })
    }

    /// That it is put in force is on record before it is.
    async fn record(&self, reloaded: &Reloaded) -> Result<()> {
        let scribe = &self.lasting.recorder.scribe;
        let mut record = scribe.record(Stage::Operated, Verdict::Allow);
        record.subject = Some(format!("configuration {}", reloaded.version));
        let kept = self.lasting.store.log.append(vec![Entry::of(&record)?]).await;
        kept.map_err(unrecorded)
    }
}

struct Built {
    config: Arc<Config>,
    version: Version,
    certificate: Option<Certificate>,
}

/// Stands for the reloader behind the sockets, which the reloader itself holds.
#[derive(Clone, Default)]
pub(super) struct Later(Arc<OnceLock<Weak<Reloader>>>);

impl Later {
    pub(super) fn is(&self, reloader: &Arc<Reloader>) {
        self.0.set(Arc::downgrade(reloader)).ok();
    }
}

#[async_trait]
impl Reloads for Later {
    async fn reload(&self) -> Result<Reloaded> {
        match self.0.get().and_then(Weak::upgrade) {
            Some(reloader) => reloader.reload().await,
            None => Err(Error::new(Kind::Conflict, "the gateway is starting, or going")),
        }
    }
}

pub(super) fn hash_of(config: &Config) -> String {
    let text = config.written.0.to_string();
    let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    format!("sha256:{}", hex(hash.as_ref()))
}

fn wrong(report: &Report) -> Error {
    let error = Error::new(Kind::InvalidRequest, "the configuration is not valid");
    report.faults().into_iter().fold(error, |error, (path, message)| error.at(path, message))
}

fn faults(faults: policies::Faults) -> Error {
    let error = Error::new(Kind::InvalidRequest, "the configuration is not valid");
    faults.into_iter().fold(error, |error, (path, message)| error.at(path, message))
}

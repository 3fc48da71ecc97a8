//! What delivers callbacks, from the configuration: which addresses, which secrets.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use tokio::sync::Semaphore;

use super::Failure;
use crate::config::Config;
use crate::gateway::deliver::sign::Signer;
use crate::gateway::deliver::{AT_ONCE, Callbacks};
use crate::http::egress::allowed::Allowed;
use crate::http::egress::post::{Clocks, Poster};
use crate::store::seal::Sealer;
use crate::wire::webhook::secret::SigningSecret;

/// A receiver that has not answered by then has too much to do.
const CLOCKS: Clocks = Clocks { connect: Duration::from_secs(5), whole: Duration::from_secs(15) };

/// What delivers callbacks.
pub(super) fn callbacks(config: &Config, sealer: &Sealer) -> Result<Callbacks, Failure> {
    let settings = &config.callbacks;
    let allowed = Allowed { networks: settings.allow_networks.clone(), http: settings.allow_http };
    let mut signers = IndexMap::new();
    for (workspace, secrets) in &settings.secrets {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::Start(format!("callbacks.secrets.{workspace}: {error}"))
        };
        let secrets: Result<Vec<_>, _> =
            secrets.iter().map(|secret| SigningSecret::parse(secret.reveal())).collect();
        let signer = Signer::new(secrets.map_err(|error| wrong(&error))?);
        signers.insert(workspace.clone(), signer.map_err(|error| wrong(&error))?);
    }
    let made = sealer.clone();
    Ok(Callbacks {
        poster: Poster::new(allowed, CLOCKS).map_err(Failure::start)?,
        signers,
        secret_of: Box::new(move |workspace| secret(&made, workspace)),
        permits: Arc::new(Semaphore::new(AT_ONCE)),
    })
}

/// The secret of a workspace that has none configured, as its receivers are given it.
pub(super) fn secret_text(sealer: &Sealer, workspace: &str) -> String {
    let key = sealer.derive(&format!("callbacks of {workspace}"));
    format!("whsec_{}", STANDARD.encode(*key))
}

fn secret(sealer: &Sealer, workspace: &str) -> SigningSecret {
    // 32 bytes are always a secret.
    SigningSecret::parse(&secret_text(sealer, workspace)).unwrap_or_else(|_| unreachable!())
}

/// What is wrong with the configured secrets, with their paths.
pub(super) fn faults(config: &Config) -> Vec<(String, String)> {
    let all = config.callbacks.secrets.iter();
    let each = all.flat_map(|(workspace, secrets)| secrets.iter().map(move |it| (workspace, it)));
    let wrong = |(workspace, secret): (&String, &crate::config::Secret)| {
        let error = SigningSecret::parse(secret.reveal()).err()?;
        Some((format!("callbacks.secrets.{workspace}"), error.to_string()))
    };
    each.filter_map(wrong).collect()
}

//! The certificate of the callers' socket. Read before anything listens, so that a bad file is an
//! error of the start and not a panic of the listener, and again at each reload; `check` reads it
//! too.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::StartError;
use crate::config::Tls;

/// All that is wrong with the two files, each with its key in the configuration.
pub fn faults(config: &Tls) -> Vec<(&'static str, StartError)> {
    let read = [("certificate", chain(&config.certificate).err()), ("key", key(&config.key).err())];
    let mut faults: Vec<_> =
        read.into_iter().filter_map(|(name, error)| Some((name, error?))).collect();
    if faults.is_empty() {
        faults.extend(load(config).err().map(|error| ("certificate", error)));
    }
    faults
}

/// A certificate that can be renewed while it is served: handshakes that begin later have the new
/// one.
pub struct Certificate(ArcSwap<CertifiedKey>);

impl Certificate {
    /// Reads the files of a configuration.
    pub fn load(config: &Tls) -> Result<Self, StartError> {
        load(config).map(|certified| Self(ArcSwap::from_pointee(certified)))
    }

    /// Serves what another has read from now on.
    pub fn renew(&self, from: &Self) {
        self.0.store(from.0.load_full());
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[certificate]")
    }
}

/// The certificate and its key, checked to belong together.
fn load(config: &Tls) -> Result<CertifiedKey, StartError> {
    let (chain, key) = (chain(&config.certificate)?, key(&config.key)?);
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, key, &provider)
        .map_err(|error| unusable(&config.certificate, error.to_string()))
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, StartError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| unusable(path, error.to_string()))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, StartError> {
    let failed = |error: rustls::pki_types::pem::Error| unusable(path, error.to_string());
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(failed)?
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    if chain.is_empty() {
        return Err(unusable(path, "there is no certificate in it".to_owned()));
    }
    Ok(chain)
}

fn unusable(path: &Path, reason: String) -> StartError {
    StartError::Certificate { path: path.to_owned(), reason }
}

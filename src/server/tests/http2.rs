//! HTTP/2: with prior knowledge, and negotiated over TLS.

use std::sync::Arc;

use http_body_util::BodyExt;
use tokio::net::TcpStream;

use super::client::{http2, post};
use super::gateway::{certificate, echo, echoing, listen, start, streaming};
use crate::server::StartError;

#[tokio::test]
async fn http_2_is_spoken_to_who_begins_with_it() {
    let gateway = echoing();
    let mut client = http2(TcpStream::connect(gateway.serving.api).await.unwrap()).await;
    for body in ["one", "two"] {
        let answer = client.send_request(post("/v1/runs", body)).await.unwrap();
        assert_eq!(answer.version(), http::Version::HTTP_2);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), body);
    }
}

#[tokio::test]
async fn a_caller_who_resets_a_stream_drops_its_body() {
    let (gateway, feed, dropped) = streaming(&listen());
    let mut client = http2(TcpStream::connect(gateway.serving.api).await.unwrap()).await;
    let mut answer = client.send_request(post("/v1/runs/r/events", "")).await.unwrap();
    feed.send("data: one\n\n").await.unwrap();
    let frame = answer.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "data: one\n\n");
    drop(answer);
    assert!(tokio::time::timeout(super::client::PATIENCE, dropped).await.unwrap().is_err());
    // The connection lives on.
    let answer = client.send_request(post("/v1/runs", "again")).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "again");
}

#[tokio::test]
async fn tls_negotiates_http_2_and_falls_back_to_http_1() {
    let (tls, trusted) = certificate();
    let mut listen = listen();
    listen.tls = Some(tls);
    let gateway = start(&listen, echo).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    for (offered, taken) in [
        (vec![b"h2".to_vec(), b"http/1.1".to_vec()], "h2"),
        (vec![b"http/1.1".to_vec()], "http/1.1"),
    ] {
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = offered;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let tcp = TcpStream::connect(gateway.serving.api).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let stream = connector.connect(name, tcp).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(taken.as_bytes()));
        if taken == "h2" {
            let mut client = http2(stream).await;
            let answer = client.send_request(post("/v1/runs", "over tls")).await.unwrap();
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "over tls");
        }
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_who_comes_later() {
    let ((tls, old), (next, new)) = (certificate(), certificate());
    let mut listen = listen();
    listen.tls = Some(tls);
    let gateway = start(&listen, echo).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trusts = async |trusted: &rustls::pki_types::CertificateDer<'static>| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpStream::connect(gateway.serving.api).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        connector.connect("localhost".try_into().unwrap(), tcp).await.is_ok()
    };
    assert!(trusts(&old).await && !trusts(&new).await);
    let renewed = crate::server::tls::Certificate::load(&next).unwrap();
    gateway.serving.certificate().unwrap().renew(&renewed);
    assert!(!trusts(&old).await && trusts(&new).await);
}

#[test]
fn a_key_of_another_certificate_is_an_error_of_the_start() {
    let ((mut tls, _), (other, _)) = (certificate(), certificate());
    tls.key = other.key;
    let mut listen = listen();
    listen.tls = Some(tls.clone());
    let Err(error) = start(&listen, echo) else { panic!("it started") };
    assert!(matches!(&error, StartError::Certificate { path, .. } if *path == tls.certificate));
    tls.key = "/nowhere/key.pem".into();
    listen.tls = Some(tls);
    let Err(error) = start(&listen, echo) else { panic!("it started") };
    assert!(error.to_string().starts_with("cannot use /nowhere/key.pem: "), "{error}");
}

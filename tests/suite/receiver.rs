//! A receiver of callbacks and checkpoints, which takes what comes as it comes and answers as it is
//! told.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use ring::hmac;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// One delivery as it came.
#[derive(Clone)]
pub struct Delivery {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Delivery {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A receiver that answers with these statuses in turn, then with 204.
pub async fn receiver(statuses: &'static [u16]) -> (SocketAddr, Arc<Mutex<Vec<Delivery>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen: Arc<Mutex<Vec<Delivery>>> = Arc::default();
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            let delivery = loop {
                let mut chunk = [0; 4_096];
                let read = stream.read(&mut chunk).await.unwrap();
                assert_ne!(read, 0, "the sender left in the middle");
                bytes.extend_from_slice(&chunk[..read]);
                let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
                let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
                let headers: Vec<(String, String)> = head
                    .lines()
                    .skip(1)
                    .filter_map(|line| line.split_once(": "))
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
                let length = headers.iter().find(|(name, _)| name == "content-length");
                let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
                if bytes.len() >= end + 4 + length {
                    break Delivery { headers, body: bytes[end + 4..].to_vec() };
                }
            };
            let status = {
                let mut log = log.lock();
                log.push(delivery);
                statuses.get(log.len() - 1).copied().unwrap_or(204)
            };
            let answer =
                format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, seen)
}

/// Whether it is signed with this secret, as Standard Webhooks says.
pub fn is_signed(delivery: &Delivery, secret: &str) -> bool {
    let bytes = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
    let (id, time) = (delivery.header("webhook-id"), delivery.header("webhook-timestamp"));
    let signed = [id.as_bytes(), b".", time.as_bytes(), b".", &delivery.body].concat();
    let wanted = format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)));
    delivery.header("webhook-signature").split(' ').any(|it| it == wanted)
}

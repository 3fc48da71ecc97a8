//! Bodies stream both ways, and an answer may come before the request is over.

use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::harness::{KEY, PATIENCE, World};

async fn world_at(listener: &TcpListener) -> World {
    let text = format!(
        "upstreams:\n  up: {{ kind: acp, base_url: \"http://{}\", workspace: acme, credential: \
         \"${{env:KEY}}\", proxy: {{ allow: [\"* /open/**\"] }} }}\n",
        listener.local_addr().unwrap()
    );
    World::configured(&text).await
}

async fn until(socket: &mut TcpStream, text: &mut Vec<u8>, needle: &str) {
    let has = |text: &[u8]| text.windows(needle.len()).any(|part| part == needle.as_bytes());
    while !has(text) {
        let mut chunk = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, socket.read(&mut chunk)).await.unwrap().unwrap();
        assert!(read > 0, "closed before {needle}");
        text.extend_from_slice(&chunk[..read]);
    }
}

#[tokio::test]
async fn the_first_byte_is_out_before_the_last_is_in() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let world = world_at(&listener).await;
    let (tell, told) = mpsc::channel::<Bytes>(4);
    let body =
        StreamBody::new(Box::pin(futures_util::stream::unfold(told, |mut told| async move {
            let next = told.recv().await?;
            Some((Ok::<_, std::convert::Infallible>(Frame::data(next)), told))
        })));
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = world.request_as(KEY, http::Method::POST, "/proxy/up/open/x").body(body).unwrap();
    let asking = tokio::spawn(async move { client.request(request).await.unwrap() });
    tell.send(Bytes::from("first")).await.unwrap();
    let (mut peer, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut text = Vec::new();
    until(&mut peer, &mut text, "first").await;
    tell.send(Bytes::from("second")).await.unwrap();
    until(&mut peer, &mut text, "second").await;
    // The answer begins while the request goes on.
    peer.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        .await
        .unwrap();
    let mut answer = tokio::time::timeout(PATIENCE, asking).await.unwrap().unwrap().into_body();
    let frame = tokio::time::timeout(PATIENCE, answer.frame()).await.unwrap().unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "one");
    tell.send(Bytes::from("third")).await.unwrap();
    until(&mut peer, &mut text, "third").await;
    drop(tell);
    until(&mut peer, &mut text, "\r\n0\r\n\r\n").await;
    peer.write_all(b"3\r\ntwo\r\n0\r\n\r\n").await.unwrap();
    let rest = tokio::time::timeout(PATIENCE, answer.collect()).await.unwrap().unwrap();
    assert_eq!(rest.to_bytes(), "two");
    drop(peer);
    world.finish().await;
}

#[tokio::test]
async fn an_answer_that_comes_early_is_given_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let world = world_at(&listener).await;
    let mut socket = TcpStream::connect(world.app.api()).await.unwrap();
    let head = format!(
        "PUT /proxy/up/open/x HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-length: 1000000\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&[b'x'; 1000]).await.unwrap();
    let (mut peer, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut seen = Vec::new();
    until(&mut peer, &mut seen, "xxxx").await;
    peer.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig")
        .await
        .unwrap();
    let mut text = Vec::new();
    until(&mut socket, &mut text, "big").await;
    assert!(text.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&text));
    drop((socket, peer));
    world.finish().await;
}

#[tokio::test]
async fn a_large_upload_is_not_kept_and_a_caller_who_asks_first_is_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let world = world_at(&listener).await;
    let mut socket = TcpStream::connect(world.app.api()).await.unwrap();
    const LENGTH: usize = 900 * 1024;
    let head = format!(
        "PUT /proxy/up/open/x HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-length: {LENGTH}\r\n\
         expect: 100-continue\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    until(&mut socket, &mut text, "100 Continue\r\n\r\n").await;
    let sending = tokio::spawn(async move {
        for _ in 0..LENGTH / 1024 {
            socket.write_all(&[b'x'; 1024]).await.unwrap();
        }
        socket
    });
    let (mut peer, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let (mut seen, mut chunk) = (0, vec![0; 64 * 1024]);
    let mut head = Vec::new();
    until(&mut peer, &mut head, "\r\n\r\n").await;
    let at = head.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    assert!(!String::from_utf8_lossy(&head[..at]).to_ascii_lowercase().contains("expect"));
    seen += head.len() - at;
    while seen < LENGTH {
        let read = tokio::time::timeout(PATIENCE, peer.read(&mut chunk)).await.unwrap().unwrap();
        assert!(read > 0);
        seen += read;
    }
    peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").await.unwrap();
    let mut socket = sending.await.unwrap();
    until(&mut socket, &mut text, "done").await;
    drop((socket, peer));
    world.finish().await;
}

#[tokio::test]
async fn a_caller_who_leaves_takes_the_platforms_call_along() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let world = world_at(&listener).await;
    let mut socket = TcpStream::connect(world.app.api()).await.unwrap();
    let head = format!("GET /proxy/up/open/x HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    let (mut peer, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut seen = Vec::new();
    until(&mut peer, &mut seen, "\r\n\r\n").await;
    peer.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        .await
        .unwrap();
    let mut text = Vec::new();
    until(&mut socket, &mut text, "one").await;
    drop(socket);
    let mut chunk = [0; 16];
    let read = tokio::time::timeout(Duration::from_secs(5), peer.read(&mut chunk)).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    world.finish().await;
}

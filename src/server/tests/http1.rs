//! HTTP/1.1: keep-alive, streams, bounds, and callers who leave.

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::client::{PATIENCE, Raw};
use super::gateway::{beside, echo, echoing, listen, start, streaming};
use crate::http::body::Body;

/// What the promise is; nothing on the way has a timer.
const AT_ONCE: Duration = Duration::from_millis(100);

const FOLLOW: &str = "GET /v1/runs/r/events HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request_on_both_sockets() {
    let gateway = echoing();
    for address in [gateway.serving.api, gateway.serving.admin] {
        assert_ne!(address.port(), 0);
        let mut client = Raw::to(address).await;
        for _ in 0..3 {
            let (head, _) = client.get("/v1/runs").await;
            assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
            assert!(head.contains("server-timing: gw;dur="), "{head}");
        }
    }
}

#[tokio::test]
async fn what_goes_on_beside_connections_is_driven_where_callers_are_answered() {
    let here = || std::thread::current().name().map(str::to_owned);
    let (answering, (tell, told)) = (Arc::new(Mutex::new(None)), oneshot::channel());
    let seen = Arc::clone(&answering);
    let face = move |request| {
        *seen.lock() = here();
        echo(request)
    };
    let pulse = async move {
        tell.send(here()).ok();
        std::future::pending().await
    };
    let gateway = beside(&listen(), face, pulse).unwrap();
    Raw::to(gateway.serving.api).await.get("/v1/runs").await;
    let driven = timeout(PATIENCE, told).await.unwrap().unwrap();
    assert!(driven.is_some() && driven != here());
    assert_eq!(*answering.lock(), driven);
}

#[tokio::test]
async fn a_body_that_waits_to_be_asked_for_is_asked_for() {
    let gateway = echoing();
    let mut client = Raw::to(gateway.serving.api).await;
    let head =
        "POST /v1/runs HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n";
    client.send(head).await;
    assert!(client.until("\r\n\r\n").await.starts_with("HTTP/1.1 100 Continue"));
    client.send("hello").await;
    client.until("\r\n\r\nhello").await;
}

#[tokio::test]
async fn the_first_frame_is_out_before_the_second_exists() {
    let (gateway, feed, _dropped) = streaming(&listen());
    let mut client = Raw::to(gateway.serving.api).await;
    client.send(FOLLOW).await;
    feed.send("data: one\n\n").await.unwrap();
    client.until("data: one\n\n\r\n").await;
    feed.send("data: two\n\n").await.unwrap();
    client.until("data: two\n\n\r\n").await;
    drop(feed);
    client.until("0\r\n\r\n").await;
}

#[tokio::test]
async fn a_caller_who_leaves_a_stream_drops_its_body_at_once() {
    let (gateway, feed, dropped) = streaming(&listen());
    let mut client = Raw::to(gateway.serving.api).await;
    client.send(FOLLOW).await;
    feed.send("data: one\n\n").await.unwrap();
    client.until("data: one\n\n\r\n").await;
    drop(client);
    assert!(timeout(AT_ONCE, dropped).await.is_ok());
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_answer_drops_the_request_at_once() {
    let (entered, dropped) = (oneshot::channel::<()>(), oneshot::channel::<()>());
    let signals = std::sync::Arc::new(std::sync::Mutex::new(Some((entered.0, dropped.0))));
    let gateway = start(&listen(), move |_| {
        let (entered, dropping) = signals.lock().unwrap().take().unwrap();
        Box::pin(async move {
            entered.send(()).unwrap();
            std::future::pending::<()>().await;
            drop(dropping);
            Ok(Response::new(Body::empty()))
        })
    })
    .unwrap();
    let mut client = Raw::to(gateway.serving.api).await;
    client.send("GET /v1/runs HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    timeout(PATIENCE, entered.1).await.unwrap().unwrap();
    drop(client);
    assert!(timeout(AT_ONCE, dropped.1).await.unwrap().is_err());
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_ends_the_connection() {
    let mut listen = listen();
    listen.header_timeout = Duration::from_millis(200);
    let gateway = start(&listen, super::gateway::echo).unwrap();
    for beginning in ["", "P", "PRI * HTTP/2", "GET /v1/runs HTTP/1.1\r\nhost: lo"] {
        let mut client = Raw::to(gateway.serving.api).await;
        client.send(beginning).await;
        assert_eq!(client.rest().await, "", "{beginning}");
    }
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_its_own_time_and_a_head_has_its_own() {
    let mut listen = listen();
    listen.header_timeout = Duration::from_millis(200);
    listen.idle_timeout = Duration::from_millis(1_500);
    let gateway = start(&listen, super::gateway::echo).unwrap();
    let mut client = Raw::to(gateway.serving.api).await;
    for _ in 0..2 {
        client.get("/v1/runs").await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    client.get("/v1/runs").await;
    let mut idle = Raw::to(gateway.serving.api).await;
    idle.get("/v1/runs").await;

    // A byte now and then does not hold a head open.
    let began = tokio::time::Instant::now();
    let trickle = async {
        loop {
            client.send("G").await;
            if let Ok(rest) = timeout(Duration::from_millis(50), client.rest()).await {
                break rest;
            }
        }
    };
    assert_eq!(timeout(PATIENCE, trickle).await.unwrap(), "");
    assert!(began.elapsed() < Duration::from_millis(1_000), "{:?}", began.elapsed());

    assert_eq!(idle.rest().await, "");
    assert!(began.elapsed() >= Duration::from_millis(1_400), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let gateway = echoing();
    let (large, many) = ("x".repeat(20_000), "a: b\r\n".repeat(101));
    for head in [format!("a: {large}\r\n"), many] {
        let mut client = Raw::to(gateway.serving.api).await;
        client.send(&format!("GET /v1/runs HTTP/1.1\r\nhost: h\r\n{head}\r\n")).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}

#[tokio::test]
async fn a_caller_who_takes_nothing_is_cut_off() {
    let mut listen = listen();
    listen.write_timeout = Duration::from_millis(300);
    let (dropping, dropped) = oneshot::channel::<()>();
    let guard = std::sync::Arc::new(std::sync::Mutex::new(Some(dropping)));
    let gateway = start(&listen, move |_| {
        let frame = || Some(Ok(http_body::Frame::data(bytes::Bytes::from(vec![b'x'; 65_536]))));
        let endless = futures_util::stream::iter(std::iter::from_fn(frame));
        let body = Body::stream(http_body_util::StreamBody::new(endless));
        let dropping = guard.lock().unwrap().take().unwrap();
        Box::pin(async { Ok(Response::new(body.guard(dropping))) })
    })
    .unwrap();
    let mut client = Raw::to(gateway.serving.api).await;
    client.send(FOLLOW).await;
    assert!(timeout(PATIENCE, dropped).await.unwrap().is_err());
}

#[tokio::test]
async fn garbage_and_many_connections_harm_nobody() {
    let gateway = echoing();
    for round in 0..300 {
        let mut client = Raw::to(gateway.serving.api).await;
        match round % 3 {
            0 => drop(client),
            1 => {
                client.send("\0\u{1}\u{2} not http\r\n\r\n").await;
                assert!(client.rest().await.starts_with("HTTP/1.1 400 "));
            }
            _ => assert!(client.get("/v1/runs").await.0.starts_with("HTTP/1.1 200 ")),
        }
    }
}

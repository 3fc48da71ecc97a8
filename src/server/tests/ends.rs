//! The orderly end.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::client::{PATIENCE, Raw, http2, post};
use super::gateway::{Gateway, echo, echoing, listen, start, streaming};
use crate::server::StartError;
use crate::server::drain::Ended;

const FOLLOW: &str = "GET /v1/runs/r/events HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Waits until the drain has begun.
async fn refused(gateway: &crate::http::edge::drain::Drain) {
    while !gateway.is_draining() {
        tokio::task::yield_now().await;
    }
}

/// Waits until nobody listens there. Another test of the process may have been given the port, but
/// not for long.
async fn gone(address: SocketAddr) {
    while TcpStream::connect(address).await.is_ok() {
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn open_streams_end_by_themselves_while_new_requests_are_refused() {
    let (Gateway { serving, shutdown }, feed, _dropped) = streaming(&listen());
    let (api, admin) = (serving.api, serving.admin);
    let mut following = Raw::to(api).await;
    following.send(FOLLOW).await;
    feed.send("data: one\n\n").await.unwrap();
    following.until("data: one\n\n\r\n").await;
    let mut old = Raw::to(api).await;
    old.get("/v1/runs").await;

    let drain = shutdown.drain.clone();
    let ending = shutdown.run(serving);
    let callers = async {
        refused(&drain).await;
        for mut client in [old, Raw::to(api).await] {
            let (head, body) = client.get("/v1/runs").await;
            assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
            assert!(head.contains("connection: close"), "{head}");
            assert!(body.contains(r#""code":"draining""#), "{body}");
            assert_eq!(client.rest().await, "");
        }
        // Operators may look until the end.
        let (head, _) = Raw::to(admin).await.get("/healthz").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        feed.send("data: two\n\n").await.unwrap();
        drop(feed);
        assert!(following.rest().await.ends_with("data: two\n\n\r\n0\r\n\r\n"));
    };
    let (ended, ()) = timeout(PATIENCE, async { tokio::join!(ending, callers) }).await.unwrap();
    assert_eq!(ended, Ended::Drained);
    timeout(PATIENCE, gone(api)).await.expect("it still listens");
}

#[tokio::test]
async fn an_idle_server_is_gone_within_a_second_whoever_is_connected() {
    let Gateway { serving, shutdown } = echoing();
    let mut http1 = Raw::to(serving.api).await;
    http1.get("/v1/runs").await;
    let silent = Raw::to(serving.api).await;
    let mut client = http2(TcpStream::connect(serving.api).await.unwrap()).await;
    client.send_request(post("/v1/runs", "{}")).await.unwrap();
    let started = Instant::now();
    assert_eq!(shutdown.run(serving).await, Ended::Drained);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(http1.rest().await, "");
    drop(silent);
}

#[tokio::test]
async fn what_outlives_the_grace_period_is_interrupted_and_heard_out() {
    let mut listen = listen();
    listen.drain = Duration::from_millis(200);
    let (Gateway { serving, shutdown }, feed, _dropped) = streaming(&listen);
    let mut following = Raw::to(serving.api).await;
    following.send(FOLLOW).await;
    feed.send("data: one\n\n").await.unwrap();
    following.until("data: one\n\n\r\n").await;
    let interrupt = shutdown.interrupt.clone();
    let run = async move {
        interrupt.cancelled().await;
        feed.send("data: interrupted\n\n").await.unwrap();
    };
    let (ended, ()) =
        timeout(PATIENCE, async { tokio::join!(shutdown.run(serving), run) }).await.unwrap();
    assert_eq!(ended, Ended::Interrupted);
    assert!(following.rest().await.ends_with("data: interrupted\n\n\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn a_task_that_drives_a_run_is_waited_for() {
    let Gateway { serving, shutdown } = echoing();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    shutdown.tasks.spawn("run", async { ended.await.unwrap() });
    let drain = shutdown.drain.clone();
    let ending = shutdown.run(serving);
    tokio::pin!(ending);
    tokio::select! {
        _ = &mut ending => panic!("it did not wait"),
        () = refused(&drain) => {}
    }
    end.send(()).unwrap();
    assert_eq!(timeout(PATIENCE, ending).await.unwrap(), Ended::Drained);
}

#[test]
fn an_address_in_use_is_an_error_of_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut listen = listen();
    listen.admin = taken.local_addr().unwrap();
    let Err(error) = start(&listen, echo) else { panic!("it started") };
    assert!(matches!(error, StartError::Bind { address, .. } if address == listen.admin));
}

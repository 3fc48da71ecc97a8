//! What a well-behaved proxy does with methods, framings, versions and header fields (RFC 9110,
//! 9112): a table against a peer that counts every byte.

use http::{Method, Request, Version};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::peer::{Peer, ok};
use super::{CREDENTIAL, ask, none, records, send, world_before};
use crate::callers::make_key;
use crate::harness::{KEY, PATIENCE, World};

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"];
const BODY: &str = "{\"a\": 1.10, \"b\":\"\\u00e9\"}";

/// Sends these bytes and reads all that comes until the gateway closes.
pub async fn said(world: &World, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(world.app.api()).await.unwrap();
    let sent = socket.write_all(bytes).await;
    let mut text = Vec::new();
    tokio::time::timeout(PATIENCE, socket.read_to_end(&mut text)).await.expect("it closes").ok();
    drop(sent);
    String::from_utf8(text).unwrap()
}

/// The status and the body of an answer in HTTP/1.
fn parted(text: &str) -> (&str, &str) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
    (&head[9..12], body)
}

async fn by_http1(world: &World, version: &str, method: &str, framing: &str) -> (String, String) {
    let fields = match framing {
        "length" => format!("content-length: {}\r\n", BODY.len()),
        "chunked" => "transfer-encoding: chunked\r\n".to_owned(),
        _ => String::new(),
    };
    let body = match framing {
        "length" => BODY.to_owned(),
        "chunked" => {
            let (a, b) = BODY.split_at(5);
            format!("{:x}\r\n{a}\r\n{:x};ext=1\r\n{b}\r\n0\r\ntrailer: x\r\n\r\n", a.len(), b.len())
        }
        _ => String::new(),
    };
    let request = format!(
        "{method} /proxy/up/open/{method}?q=%7e&q=1 {version}\r\nhost: here\r\nconnection: close\r\n\
         x-api-key: {KEY}\r\ncontent-type: application/json\r\n{fields}\r\n{body}"
    );
    let text = said(world, request.as_bytes()).await;
    let (status, body) = parted(&text);
    let body = match text.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        true => "ok".repeat(usize::from(body.contains("ok"))),
        false => body.to_owned(),
    };
    (status.to_owned(), body)
}

async fn by_http2(world: &World, method: &str, framing: &str) -> (String, String) {
    let socket = TcpStream::connect(world.app.api()).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(format!("http://here/proxy/up/open/{method}?q=%7e&q=1"))
        .version(Version::HTTP_2)
        .header("x-api-key", KEY)
        .header("content-type", "application/json");
    let body = match framing {
        "none" => Full::new(bytes::Bytes::new()).boxed(),
        "length" => Full::new(bytes::Bytes::from(BODY)).boxed(),
        _ => {
            let (a, b) = BODY.split_at(5);
            let frames = [a, b].map(|part| {
                Ok::<_, std::convert::Infallible>(http_body::Frame::data(bytes::Bytes::from(part)))
            });
            BodyExt::boxed(StreamBody::new(futures_util::stream::iter(frames)))
        }
    };
    let answer = client.send_request(request.body(body).unwrap()).await.unwrap();
    let status = answer.status().as_str().to_owned();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    drop(client);
    connection.abort();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn every_method_in_every_framing_and_version_arrives_as_one_request() {
    let peer = Peer::answering(|seen| match seen.line().split(' ').next() {
        Some("HEAD") => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n".to_vec(),
        _ => ok("text/plain", "ok"),
    })
    .await;
    let world = world_before(&peer, "").await;
    let mut expected = 0;
    for method in METHODS {
        for framing in ["none", "length", "chunked"] {
            for version in ["HTTP/1.0", "HTTP/1.1", "h2"] {
                let what = format!("{method} {framing} {version}");
                let (status, body) = match version {
                    "h2" => by_http2(&world, method, framing).await,
                    _ => by_http1(&world, version, method, framing).await,
                };
                if (version, framing) == ("HTTP/1.0", "chunked") {
                    assert_eq!(status, "400", "{what}");
                    assert!(peer.take().is_empty(), "{what}");
                    continue;
                }
                assert_eq!(status, "200", "{what}");
                assert_eq!(body, if method == "HEAD" { "" } else { "ok" }, "{what}");
                let seen = peer.only();
                assert_eq!(seen.line(), format!("{method} /base/open/{method}?q=%7e&q=1 HTTP/1.1"));
                let sent = if framing == "none" { "" } else { BODY };
                assert_eq!(String::from_utf8(seen.body.clone()).unwrap(), sent, "{what}");
                assert_eq!(seen.fields("host"), [peer.address.to_string()], "{what}");
                assert_eq!(seen.fields("authorization"), [format!("Bearer {CREDENTIAL}")]);
                let via = version.trim_start_matches("HTTP/").trim_start_matches('h');
                assert_eq!(seen.fields("via"), [format!("{via} switchyard")], "{what}");
                for gone in ["connection", "x-api-key", "te", "trailer", "expect"] {
                    assert!(seen.fields(gone).is_empty(), "{what}: {gone}");
                }
                expected += 1;
            }
        }
    }
    // One record for each, durable before its answer.
    let all = records(&world, "operation=proxy&stage=answered&limit=200").await;
    assert_eq!(all.len(), expected);
    assert_eq!(all[0]["subject"], "up * /open/**");
    assert!(all.iter().any(|record| record["subject"] == "up PUT /open/**"), "{}", all[3]);
    assert_eq!(all[0]["outcome"]["http_status"], 200);
    world.finish().await;
}

#[tokio::test]
async fn fields_of_the_connection_and_of_the_caller_stay_behind() {
    let peer = Peer::answering(|_| {
        b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\nset-cookie: session=1\r\nconnection: x-hop\r\n\
          x-hop: 1\r\nkeep-alive: timeout=5\r\nx-end: 1\r\nx-end: 2\r\nalt-svc: h3=\":443\"\r\n\
          location: /base/open/made?x=1\r\n\r\nok"
            .to_vec()
    })
    .await;
    let world = world_before(&peer, "").await;
    let request = world
        .request(Method::POST, "/proxy/up/open/x")
        .header("connection", "x-named")
        .header("x-named", "secret")
        .header("cookie", "session=secret")
        .header("x-forwarded-for", "10.9.8.7")
        .header("forwarded", "for=10.9.8.7")
        .header("x-http-method-override", "DELETE")
        .header("proxy-authorization", "Basic c2VjcmV0")
        .header("x-end", "1")
        .header("user-agent", "python-requests/2")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .header("baggage", "who=secret")
        .header("accept-encoding", "gzip, br");
    let answer = send(&world, request.body(Full::from("x")).unwrap()).await.expect(201);
    let seen = peer.only();
    let text = seen.head.join("\n");
    assert!(
        !text.contains("secret") && !text.contains("10.9.8.7") && !text.contains(KEY),
        "{text}"
    );
    assert!(!text.to_ascii_lowercase().contains("override"), "{text}");
    assert!(!text.to_ascii_lowercase().contains("traceparent"), "{text}");
    assert_eq!(seen.fields("x-end"), ["1"]);
    assert_eq!(seen.fields("user-agent"), ["python-requests/2"]);
    assert_eq!(seen.fields("accept-encoding"), ["identity"]);
    for gone in ["set-cookie", "x-hop", "keep-alive", "alt-svc"] {
        assert!(!answer.headers.contains_key(gone), "{gone}");
    }
    assert_eq!(answer.headers.get_all("x-end").iter().count(), 2);
    assert_eq!(answer.header("location"), "/proxy/up/open/made?x=1");
    assert_eq!(answer.header("via"), "1.1 switchyard");
    world.finish().await;
}

#[tokio::test]
async fn no_body_is_made_of_none_and_no_other_protocol_of_a_request() {
    let peer = Peer::answering(|seen| {
        let status =
            if seen.line().contains("/204") { "204 No Content" } else { "304 Not Modified" };
        format!("HTTP/1.1 {status}\r\netag: \"x\"\r\n\r\n").into_bytes()
    })
    .await;
    let world = world_before(&peer, "").await;
    for status in [204, 304] {
        let path = format!("/proxy/up/open/{status}");
        let answer = ask(&world, Method::GET, &path, &none()).await.expect(status);
        assert_eq!((answer.body.len(), answer.header("etag")), (0, "\"x\""));
    }
    peer.take();
    let upgrade = world.request(Method::GET, "/proxy/up/open/ws").header("connection", "upgrade");
    let upgrade = upgrade.header("upgrade", "websocket").body(Full::default()).unwrap();
    send(&world, upgrade).await.problem(400, "invalid_request");
    let trace = world.request(Method::TRACE, "/proxy/up/open/x").body(Full::default()).unwrap();
    let answer = send(&world, trace).await;
    assert_eq!(answer.header("allow"), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    answer.problem(405, "method_not_allowed");
    let connect = format!(
        "CONNECT up:443 HTTP/1.1\r\nhost: up:443\r\nconnection: close\r\nx-api-key: {KEY}\r\n\r\n"
    );
    let text = said(&world, connect.as_bytes()).await;
    assert!(text.starts_with("HTTP/1.1 4"), "{text}");
    assert!(peer.take().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn another_protocol_or_coding_of_a_platforms_connection_is_not_passed_on() {
    let switched = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\
                    connection: upgrade\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    let coded = "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nzz\r\n0\r\n\r\n";
    for answered in [switched, coded] {
        let peer = Peer::answering(|_| answered.as_bytes().to_vec()).await;
        let world = world_before(&peer, "").await;
        let answer = ask(&world, Method::GET, "/proxy/up/open/x", &none()).await;
        answer.problem(502, "upstream_protocol");
        world.finish().await;
    }
}

#[tokio::test]
async fn only_who_may_use_the_proxy_learns_what_is_behind_it() {
    let peer = Peer::start().await;
    let world = world_before(&peer, "").await;
    let lesser = make_key(&world, "runs-only", json!({})).await;
    let request = |key: &str, path: &str| {
        world.request_as(key, Method::GET, path).body(Full::default()).unwrap()
    };
    let path = "/proxy/up/open/x";
    send(&world, request("", path)).await.problem(401, "unauthenticated");
    send(&world, request("wrong", path)).await.problem(401, "unauthenticated");
    send(&world, request(&lesser.secret, path)).await.problem(403, "forbidden");
    send(&world, request(KEY, "/proxy/nothing/open/x")).await.problem(404, "not_found");
    let scopes = json!({ "scopes": ["proxy", "runs:write"], "agents": ["up:a"] });
    let one = make_key(&world, "one-agent", scopes).await;
    // It is for one agent, and neither for others nor for what is about all of them.
    let other = send(&world, request(&one.secret, "/proxy/up/api/v1/agents/b")).await;
    other.problem(404, "agent_not_found");
    let all = send(&world, request(&one.secret, "/proxy/up/api/v1/agents")).await;
    all.problem(404, "agent_not_found");
    assert!(peer.take().is_empty());
    send(&world, request(&one.secret, "/proxy/up/api/v1/agents/a")).await.expect(200);
    assert_eq!(peer.only().line(), "GET /base/api/v1/agents/a HTTP/1.1");
    world.finish().await;
}

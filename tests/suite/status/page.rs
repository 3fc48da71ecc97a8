//! The page as it is served.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;

use super::list;
use crate::harness::{Answer, World};

async fn page(world: &World, method: Method, accept: &str) -> Answer {
    let uri = format!("http://{}/status", world.app.admin());
    let request = Request::builder().method(method).uri(uri).header("accept", accept);
    world.send(request.body(Full::<Bytes>::default()).unwrap()).await
}

/// What stands between the tags of a name, which are there once.
fn between<'a>(text: &'a str, tag: &str) -> &'a str {
    let parts: Vec<&str> = text.split(&format!("<{tag}>")).collect();
    assert_eq!(parts.len(), 2, "{tag}");
    parts[1].split(&format!("</{tag}>")).next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_open_is_whole_in_itself_and_is_bound_by_its_policy() {
    let world = World::start().await;
    // As a browser asks.
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let answer = page(&world, Method::GET, accept).await.expect(200);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let (text, policy) = (answer.text(), answer.header("content-security-policy"));
    let directives: Vec<&str> = policy.split("; ").collect();
    for directive in [
        "default-src 'none'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "img-src data:",
    ] {
        assert!(directives.contains(&directive), "{directive} is not in {policy}");
    }
    for (tag, directive) in [("script", "script-src"), ("style", "style-src")] {
        let digest = ring::digest::digest(&ring::digest::SHA256, between(&text, tag).as_bytes());
        let only = format!("{directive} 'sha256-{}'", STANDARD.encode(digest));
        assert!(directives.contains(&only.as_str()), "{only} is not in {policy}");
    }
    assert!(!policy.contains("unsafe"));
    page(&world, Method::GET, "application/json").await.problem(406, "not_acceptable");
    world.get("/status").await.problem(404, "not_found");
    // It says nothing about anybody, and so is not recorded.
    let log = world.admin("/admin/audit?operation=get_status_page&decision=allow").await;
    assert!(list(&log.expect(200).json(), "/data").is_empty());
    world.finish().await;
}

//! Which calls pass: the documented ones, or those of an upstream's own list.

use http::Method;
use http_body_util::Full;
use serde_json::json;

use super::peer::Peer;
use super::{ask, none, records, send, world_before};
use crate::harness::World;

#[tokio::test]
async fn what_is_on_no_list_or_has_two_meanings_stays_here() {
    let peer = Peer::start().await;
    let world = world_before(&peer, "").await;
    for (method, path) in [
        (Method::GET, "/acme/admin/audit"),
        (Method::POST, "/api/v1/keys/child"),
        (Method::GET, "/api/v1/agents/"),
        (Method::DELETE, "/api/v1/agents"),
        (Method::GET, "/"),
        (Method::GET, ""),
        (Method::GET, "/OPEN/x"),
    ] {
        let answer = ask(&world, method, &format!("/proxy/up{path}"), &none()).await;
        let problem = answer.problem(403, "forbidden");
        assert_eq!(problem["rules"], json!(["upstreams.up.proxy.allow"]), "{path}");
    }
    for path in [
        "open/../acme/admin/audit",
        "open/%2e%2e/x",
        "open/.%2e/x",
        "open/./x",
        "open//x",
        "open/a%2fb",
        "open/a%5Cb",
        "open/a;b",
        "open/a%3Bb",
        "open/a%252fb",
        "open/a%00",
        "open/%0d%0a",
        "open/%ff",
        "open/%zz",
        "open/%",
    ] {
        let answer = ask(&world, Method::GET, &format!("/proxy/up/{path}"), &none()).await;
        answer.problem(400, "invalid_request");
    }
    assert!(peer.take().is_empty());
    let refused = records(&world, "operation=proxy&stage=refused&limit=200").await;
    assert_eq!(refused.len(), 22);
    for (path, target) in [
        ("/proxy/up/open/a%20b%3A?x=/../y;z", "/base/open/a%20b%3A?x=/../y;z"),
        ("/proxy/up/base/open/a", "/base/open/a"),
        ("/proxy/up/open/base/open", "/base/open/base/open"),
        ("/proxy/up/open/", "/base/open/"),
    ] {
        ask(&world, Method::GET, path, &none()).await.expect(200);
        assert_eq!(peer.only().line(), format!("GET {target} HTTP/1.1"));
    }
    world.finish().await;
}

#[tokio::test]
async fn the_documented_calls_of_every_platform_pass_and_its_credentials_do_not() {
    let peer = Peer::start().await;
    let at = peer.address;
    let text = format!(
        "upstreams:\n  make: {{ kind: make, base_url: \"http://{at}/api/v2\", team_id: 1, credential: \
         \"${{env:KEY}}\" }}\n  zaia: {{ kind: zaia, base_url: \"http://{at}\", credential: \
         \"${{env:KEY}}\" }}\n  agentbase: {{ kind: agentbase, base_url: \"http://{at}\", credential: \
         \"${{env:KEY}}\" }}\n"
    );
    let world = World::configured(&text).await;
    for (method, path, sent) in [
        (Method::GET, "make/ai-agents/v1/agents?teamId=1", "/api/v2/ai-agents/v1/agents?teamId=1"),
        (Method::GET, "make/api/v2/ai-agents/v1/agents/x", "/api/v2/ai-agents/v1/agents/x"),
        (Method::DELETE, "zaia/api/v1/agents/x/tools/y", "/api/v1/agents/x/tools/y"),
        (Method::GET, "zaia/api/v1/executions/x", "/api/v1/executions/x"),
        (Method::POST, "agentbase/get-messages?session=x", "/get-messages?session=x"),
    ] {
        ask(&world, method.clone(), &format!("/proxy/{path}"), &none()).await.expect(200);
        assert_eq!(peer.only().line(), format!("{method} {sent} HTTP/1.1"));
    }
    for path in
        ["make/users/me", "make/connections", "zaia/api/v1/connections", "agentbase/tasks/x"]
    {
        let request = world.request(Method::GET, &format!("/proxy/{path}"));
        let answer = send(&world, request.body(Full::default()).unwrap()).await;
        answer.problem(403, "forbidden");
    }
    world.finish().await;
}

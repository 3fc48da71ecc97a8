//! What frames a request in two ways, or hides one in another: refused, or passed on as exactly one
//! request that was recorded, after which the connection ends.

use super::manners::said;
use super::peer::Peer;
use super::{records, world_before};
use crate::harness::KEY;

const HIDDEN: &str = "GET /proxy/up/open/hidden HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn nothing_is_smuggled_through() {
    let peer = Peer::start().await;
    let world = world_before(&peer, "").await;
    let te = "transfer-encoding: chunked\r\n";
    let hello = "5\r\nhello\r\n0\r\n\r\n";
    let cases: Vec<(&str, String, String, &str)> = vec![
        // What comes of each: `one` request of `hello` and a closed connection, or none.
        ("CL.TE", format!("content-length: 3\r\n{te}"), format!("{hello}{HIDDEN}"), "one"),
        ("TE.CL", format!("{te}content-length: 3\r\n"), format!("{hello}{HIDDEN}"), "one"),
        ("chunked, then another", te.into(), format!("{hello}{HIDDEN}"), "one"),
        ("TE in capitals", "Transfer-Encoding: CHUNKED\r\n".into(), hello.into(), "one"),
        ("a chunk extension", te.into(), "5;a=\"b\"\r\nhello\r\n0\r\n\r\n".into(), "one"),
        ("trailers", te.into(), "5\r\nhello\r\n0\r\ncontent-length: 9\r\n\r\n".into(), "one"),
        (
            "two lengths",
            "content-length: 5\r\ncontent-length: 6\r\n".into(),
            "hello!".into(),
            "none",
        ),
        ("a list of lengths", "content-length: 5, 6\r\n".into(), "hello!".into(), "none"),
        ("a signed length", "content-length: +5\r\n".into(), "hello".into(), "none"),
        ("a negative length", "content-length: -5\r\n".into(), "hello".into(), "none"),
        ("a length in hex", "content-length: 0x5\r\n".into(), "hello".into(), "none"),
        ("a length with a space", "content-length : 5\r\n".into(), "hello".into(), "none"),
        (
            "a huge length",
            "content-length: 99999999999999999999\r\n".into(),
            "hello".into(),
            "none",
        ),
        ("TE with a space", "transfer-encoding : chunked\r\n".into(), hello.into(), "none"),
        ("TE with a tab", "transfer-encoding:\tchunked\r\n".into(), hello.into(), "any"),
        (
            "TE with a vertical tab",
            "transfer-encoding: \x0bchunked\r\n".into(),
            hello.into(),
            "none",
        ),
        ("TE of another kind", "transfer-encoding: xchunked\r\n".into(), hello.into(), "none"),
        (
            "TE that is not last",
            format!("{te}transfer-encoding: identity\r\n"),
            hello.into(),
            "none",
        ),
        ("TE list", "transfer-encoding: chunked, identity\r\n".into(), hello.into(), "none"),
        ("TE twice", format!("connection: close\r\n{te}{te}"), hello.into(), "none"),
        (
            "TE in two codings",
            "connection: close\r\ntransfer-encoding: gzip, chunked\r\n".into(),
            hello.into(),
            "none",
        ),
        ("TE in a fold", "transfer-encoding:\r\n chunked\r\n".into(), hello.into(), "none"),
        ("a folded line", "content-length: 5\r\nx: a\r\n b\r\n".into(), "hello".into(), "none"),
        ("a NUL", "content-length: 5\r\nx: a\0b\r\n".into(), "hello".into(), "none"),
        ("a bare CR", "content-length: 5\r\nx: a\rb\r\n".into(), "hello".into(), "none"),
        ("a name with a space", "content-length: 5\r\nx y: a\r\n".into(), "hello".into(), "none"),
        ("a bare LF in a chunk", te.into(), "5\nhello\n0\n\n".into(), "none"),
        ("a chunk in two ways", te.into(), "5 \r\nhello\r\n0\r\n\r\n".into(), "any"),
        ("a chunk in 0x", te.into(), "0x5\r\nhello\r\n0\r\n\r\n".into(), "none"),
        ("a chunk that is longer", te.into(), "3\r\nhello\r\n0\r\n\r\n".into(), "none"),
        (
            "a chunk that overflows",
            te.into(),
            "10000000000000005\r\nhello\r\n0\r\n\r\n".into(),
            "none",
        ),
        ("LF in an extension", te.into(), "5;\nx\r\nhello\r\n0\r\n\r\n".into(), "none"),
        ("a line end in the target", String::new(), String::new(), "none"),
    ];
    let mut passed = 0;
    for (what, fields, body, expected) in cases {
        let target = match what {
            "a line end in the target" => "/proxy/up/open/x\nx: y",
            _ => "/proxy/up/open/x",
        };
        let text = said(
            &world,
            format!("POST {target} HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\n{fields}\r\n{body}")
                .as_bytes(),
        )
        .await;
        let seen = peer.take();
        // Whatever came of it, nobody asked for what was hidden.
        assert!(!seen.iter().any(|seen| seen.line().contains("hidden")), "{what}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{what}: {text}");
        let bodies: Vec<&[u8]> = seen.iter().map(|seen| &seen.body[..]).collect();
        let is_one = text.starts_with("HTTP/1.1 200") && bodies == [b"hello"];
        let is_none = text.starts_with("HTTP/1.1 4") && seen.len() <= 1 && !is_one;
        match expected {
            "one" => assert!(is_one, "{what}: {text} {bodies:?}"),
            "none" => assert!(is_none && seen.is_empty(), "{what}: {text} {bodies:?}"),
            _ => assert!(is_one || is_none, "{what}: {text} {bodies:?}"),
        }
        passed += usize::from(is_one);
    }
    let answered = records(&world, "operation=proxy&stage=answered&limit=200").await;
    assert_eq!(answered.len(), passed);
    world.finish().await;
}

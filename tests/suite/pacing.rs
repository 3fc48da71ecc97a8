//! A slow reader slows its own run and nobody else's, and costs no memory.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use switchyard::simulator::script::{Act, Script};

use crate::harness::World;

/// Readers at one byte a second.
const READERS: usize = 2_000;

const CONFIG: &str = r#"
identity: none
upstreams:
  acp: { kind: acp, base_url: "http://SIM/acp", workspace: acme, path_style: workspace, credential: "${env:KEY}", max_concurrent: 3000 }
"#;

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or("VmRSS: 0 kB");
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1_024
}

/// How many descriptors this process may open.
fn descriptors() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    line.split_whitespace().nth(3).and_then(|soft| soft.parse().ok()).unwrap_or(1_024)
}

async fn slow_reader(world: &World) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut socket = socket.connect(world.app.api()).await.unwrap();
    let body = r#"{"input":"Hello","stream":true}"#;
    let head = format!(
        "POST /v1/agents/acp:flood/runs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

/// How long somebody else's run takes.
async fn probe(world: &World) -> Duration {
    let began = Instant::now();
    world.run("acp:ok", json!({ "input": "Hello" })).await.expect(200);
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_readers_do_not_grow_memory_or_harm_others() {
    let world = World::uncut(CONFIG).await;
    // Large events, so that the buffers are full soon.
    let event = format!(r#"data: {{"type":"text","text":"{}"}}"#, "x".repeat(16_000));
    let flood = Script::sse().repeat(format!("{event}\n\n"), Act::FOREVER, Duration::ZERO);
    world.simulator.always("/agents/flood/", flood);
    // Four sockets a reader: its own two ends and the platform's two, all in this process.
    let readers = READERS.min((descriptors().saturating_sub(200)) / 4);
    let mut sockets = Vec::new();
    for _ in 0..readers {
        sockets.push(slow_reader(&world).await);
    }
    let one_byte_each = async |sockets: &mut Vec<TcpStream>| {
        for socket in sockets.iter_mut() {
            let mut byte = [0];
            socket.read_exact(&mut byte).await.unwrap();
        }
    };
    one_byte_each(&mut sockets).await;
    // The buffers on the way fill up first: what matters is how it is when they are full.
    let filling = Instant::now();
    while probe(&world).await > Duration::from_millis(200) {
        assert!(filling.elapsed() < Duration::from_secs(60), "the buffers never fill");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    one_byte_each(&mut sockets).await;
    let before = resident_bytes();
    for _ in 0..3 {
        one_byte_each(&mut sockets).await;
        let took = probe(&world).await;
        assert!(took < Duration::from_secs(2), "others wait: {took:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < readers * 4_096, "{grown} bytes grown over {readers} readers");
    drop(sockets);
    world.finish().await;
}

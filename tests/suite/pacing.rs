//! A slow reader slows its own run and nobody else's, and costs no memory.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use switchyard::simulator::script::{Act, Script};

use crate::harness::{KEY, World};

/// Readers at one byte a second.
const READERS: usize = 2_000;

const CONFIG: &str = r#"
upstreams:
  acp: { kind: acp, base_url: "http://SIM/acp", workspace: acme, path_style: workspace, credential: "${env:KEY}", max_concurrent: 3000 }
# Less than what fills the buffers of the system, so that these are full soon.
runs: { window_bytes: 16KiB, journal_bytes: 16KiB }
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
        "POST /v1/agents/acp:flood/runs HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
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

async fn one_byte_each(sockets: &mut [TcpStream]) {
    for socket in sockets {
        socket.read_exact(&mut [0]).await.unwrap();
    }
}

/// What this process has computed so far.
fn computed() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, in parentheses, may hold spaces; user and system time are the 12th and 13th after.
    let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// Waits until every buffer on the way is full: no platform sends and nobody works.
async fn filled(world: &World) {
    let filling = Instant::now();
    loop {
        let before = (world.simulator.bytes_sent(), computed());
        tokio::time::sleep(Duration::from_millis(300)).await;
        let worked = computed() - before.1;
        if world.simulator.bytes_sent() == before.0 && worked <= Duration::from_millis(30) {
            return;
        }
        assert!(filling.elapsed() < Duration::from_secs(300), "the buffers never fill");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_readers_do_not_grow_memory_or_harm_others() {
    let world = World::uncut(CONFIG).await;
    // What the first other run takes, once, is none of the readers'.
    probe(&world).await;
    let event = format!(r#"data: {{"type":"text","text":"{}"}}"#, "x".repeat(32_000));
    let flood = Script::sse().repeat(format!("{event}\n\n"), Act::FOREVER, Duration::ZERO);
    world.simulator.always("/agents/flood/", flood);
    // Four sockets a reader: its own two ends and the platform's two, all in this process.
    let readers = READERS.min((descriptors().saturating_sub(200)) / 4);
    let mut sockets = Vec::new();
    for _ in 0..readers {
        sockets.push(slow_reader(&world).await);
    }
    one_byte_each(&mut sockets).await;
    filled(&world).await;
    let (before, sent) = (resident_bytes(), world.simulator.bytes_sent());
    let mut took = Vec::new();
    for _ in 0..3 {
        one_byte_each(&mut sockets).await;
        took.push(probe(&world).await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let grown = resident_bytes().saturating_sub(before);
    println!("{readers} readers hold {} MB, {grown} bytes grown, others {took:?}", before >> 20);
    assert!(grown < readers * 2_048, "{grown} bytes grown over {readers} readers");
    // A few bytes a reader make room for an event now and then, not for a flood.
    let more = world.simulator.bytes_sent() - sent;
    assert!(more < readers as u64 * 32_000, "{more} bytes more were taken of the platform");
    assert!(took.iter().min() < Some(&Duration::from_secs(1)), "others wait: {took:?}");
    drop(sockets);
    world.finish().await;
}

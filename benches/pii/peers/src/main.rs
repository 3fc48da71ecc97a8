//! datafog-core on the texts of the bench: how fast it looks through them in pieces, and what it
//! finds in a labelled set. Called by `benches/pii/peers.sh`.
//!
//! Invariant: one thread; each kind that the library has on by default; a piece is looked at by
//! itself, since the library keeps no state between two.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const PIECE: usize = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["speed", seconds, files @ ..] => {
            println!("version {}", version());
            println!("kinds {}", datafog_core::capabilities().default_entities.len());
            for file in files {
                println!("speed {:.2}", speed(file, seconds.parse()?)?);
            }
            Ok(())
        }
        ["find", set, out] => find(set, out),
        _ => Err("speed SECONDS FILE... | find SET OUT".into()),
    }
}

/// What the library says of itself in a finding.
fn version() -> String {
    let found = datafog_core::scan("name@example.com");
    found.into_iter().find_map(|finding| finding.detector_version).unwrap_or_default()
}

/// Megabytes a second.
fn speed(file: &str, least: f64) -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string(file)?;
    let pieces = pieces(&text);
    // The first look compiles what the library compiles once.
    black_box(datafog_core::scan(pieces.first().copied().unwrap_or_default()));
    let began = Instant::now();
    let start = busy(began);
    let mut rounds = 0.0;
    while (busy(began) - start).as_secs_f64() < least {
        rounds += 1.0;
        for piece in &pieces {
            black_box(datafog_core::scan(piece));
        }
    }
    let seconds = (busy(began) - start).as_secs_f64() / rounds;
    Ok(text.len() as f64 / seconds / 1e6)
}

/// Time for which this thread was on a processor where Linux says so, as our own bench counts it.
fn busy(began: Instant) -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = said.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.map_or_else(|| began.elapsed(), Duration::from_nanos)
}

fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = PIECE.min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (piece, more) = rest.split_at(end);
        pieces.push(piece);
        rest = more;
    }
    pieces
}

/// Writes what it finds in each text of a set, in characters.
fn find(set: &str, out: &str) -> Result<(), Box<dyn Error>> {
    let samples: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(set)?)?;
    let found = samples.iter().map(|sample| {
        let text = sample["full_text"].as_str().unwrap_or_default();
        let found = datafog_core::scan(text).into_iter().map(|finding| {
            let range = finding.codepoint_range;
            json!([finding.entity_type, range.start, range.end])
        });
        Value::Array(found.collect())
    });
    let engine = format!("datafog-core {}", version());
    let findings: Value = found.collect();
    std::fs::write(out, json!({ "engine": engine, "findings": findings }).to_string())?;
    Ok(())
}

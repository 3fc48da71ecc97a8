//! Whoever tampers with an export is found: ten thousand times, in every way that a file can be
//! tampered with by one who has no key, and in some by one who has. The judge knows the log's key
//! and its last checkpoint.
//!
//! One change is none: where a checkpoint is taken away and a later one covers its records, every
//! record is still answered for.

use std::ops::Range;

use super::super::{Checkpoint, Fault, Hash, Verified, leaf_hash, to_text, verify};
use super::Random;
use super::exports::{Log, ORIGIN, keys, record};

const MUTATIONS: usize = 10_000;
const WORKERS: usize = 4;
const KINDS: usize = 28;

/// What the fault must say.
#[derive(Debug)]
enum Found {
    /// This record.
    Record(u64),
    /// A range that has this record in it.
    Among(u64),
    /// Exactly these records.
    Exactly(Range<u64>),
    /// That something is wrong.
    Somehow,
}

/// A log, its export, a fork of the log by the same key from the same origin, and another log of
/// the same key.
struct Scene {
    log: Log,
    start: usize,
    lines: Vec<String>,
    fork: Vec<String>,
    fork_log: Log,
    other: Log,
    other_lines: Vec<String>,
    known: Vec<Checkpoint>,
}

impl Scene {
    fn new(random: &mut Random) -> Self {
        let count = 2 + random.below(24);
        let more = random.below(6).saturating_sub(3);
        let mut sizes: Vec<_> = (0..more).map(|_| random.below(count + 1)).collect();
        // A whole export ends with a checkpoint.
        sizes.push(count);
        let first = *sizes.iter().min().unwrap();
        let start = if random.below(2) == 0 { 0 } else { random.below(first.min(count - 1) + 1) };
        let mut log = |origin| {
            let records = (0..count).map(|seq| record(seq, random)).collect();
            Log::new(origin, records, &sizes)
        };
        let (log, fork_log, other) = (log(ORIGIN), log(ORIGIN), log("example.com/other"));
        let (lines, fork, other_lines) =
            (log.lines(start), fork_log.lines(start), other.lines(start));
        let known = vec![log.checkpoints.last().unwrap().0.clone()];
        Self { log, start, lines, fork, fork_log, other, other_lines, known }
    }

    fn judge(&self, export: &[u8]) -> Result<Verified, Fault> {
        verify(export, &keys(), &self.known)
    }

    /// The lines of records.
    fn record_lines(&self) -> Vec<usize> {
        (0..self.lines.len()).filter(|at| self.seq(*at).is_some()).collect()
    }

    /// The lines of checkpoints.
    fn checkpoint_lines(&self) -> Vec<usize> {
        (1..self.lines.len()).filter(|at| self.seq(*at).is_none()).collect()
    }

    /// The record of a line.
    fn seq(&self, at: usize) -> Option<u64> {
        let before = self.lines[..at].iter().filter(|line| line.starts_with("{\"seq\"")).count();
        self.lines[at].starts_with("{\"seq\"").then_some((self.start + before) as u64)
    }

    /// The records between the checkpoints around this one.
    fn between_checkpoints(&self, seq: u64) -> Range<u64> {
        let sizes: Vec<_> = self.log.checkpoints.iter().map(|(made, _)| made.size).collect();
        let before = sizes.iter().filter(|size| **size <= seq).max();
        let after = sizes.iter().filter(|size| **size > seq).min().unwrap();
        before.copied().unwrap_or(0).max(self.start as u64)..*after
    }

    /// What must be said of a change within a line that keeps the lines before it.
    fn within(&self, at: usize) -> Found {
        self.seq(at).map_or(Found::Somehow, Found::Record)
    }
}

fn line(seq: u64, leaf: Hash, record: &str) -> String {
    format!("{{\"seq\":{seq},\"leaf\":\"{}\",\"record\":{record}}}\n", to_text(&leaf))
}

fn honest(seq: u64, record: &str) -> String {
    line(seq, leaf_hash(record.as_bytes()), record)
}

/// The export with one change, and what must be found.
fn mutate(scene: &Scene, kind: usize, random: &mut Random) -> Option<(Vec<u8>, Found)> {
    let mut lines = scene.lines.clone();
    let (records, checkpoints) = (scene.record_lines(), scene.checkpoint_lines());
    let (at, mark) = (*random.one(&records), *random.one(&checkpoints));
    let seq = scene.seq(at).unwrap();
    let end = scene.log.records.len() as u64;
    let forged = r#"{"n":0,"forged":true}"#;
    let found = match kind {
        0..=4 => return Some(change_a_byte(scene, kind, random)),
        // A record is dropped.
        5 => {
            lines.remove(at);
            if records.contains(&(at + 1)) { Found::Record(seq) } else { Found::Among(seq) }
        }
        // Two records change places.
        6 => {
            let to = *random.one(&records);
            lines.swap(at, to);
            if at == to {
                return None;
            }
            Found::Record(seq.min(scene.seq(to).unwrap()))
        }
        // Two records change places, and are numbered and hashed anew.
        7 => {
            let to = *random.one(&records);
            let other = scene.seq(to).unwrap();
            let (one, two) = (&scene.log.records[seq as usize], &scene.log.records[other as usize]);
            if one == two {
                return None;
            }
            lines[at] = honest(seq, two);
            lines[to] = honest(other, one);
            Found::Exactly(scene.between_checkpoints(seq.min(other)))
        }
        // A record is there twice.
        8 => {
            lines.insert(at + 1, lines[at].clone());
            Found::Record(seq + 1)
        }
        // A record is there again, later or earlier.
        9 => {
            let to = *random.one(&records);
            lines.insert(to, lines[at].clone());
            // In its own place it is found as the one behind.
            let place = scene.seq(to).unwrap();
            Found::Record(if place == seq { seq + 1 } else { place })
        }
        // A record is put in. It contradicts nothing before the next one.
        10 => {
            lines.insert(at, honest(seq, forged));
            if seq + 1 == end { Found::Among(seq) } else { Found::Record(seq + 1) }
        }
        // A record is put in, and those behind it are numbered anew.
        11 => {
            lines.insert(at, honest(seq, forged));
            let behind = lines.iter_mut().skip(at + 1);
            let behind = behind.filter(|line| line.starts_with("{\"seq\""));
            for (next, line) in (seq + 1..).zip(behind) {
                let (_, rest) = line.split_once(',').unwrap();
                *line = format!("{{\"seq\":{next},{rest}");
            }
            Found::Among(seq)
        }
        // A record is edited, its hash is not.
        12 => {
            let record = &scene.log.records[seq as usize];
            lines[at] = line(seq, leaf_hash(record.as_bytes()), forged);
            Found::Record(seq)
        }
        // A record is edited, and hashed anew.
        13 => {
            lines[at] = honest(seq, forged);
            Found::Exactly(scene.between_checkpoints(seq))
        }
        // The same, and all later checkpoints are taken away.
        14 => {
            lines[at] = honest(seq, forged);
            let mut line = 0;
            lines.retain(|_| {
                line += 1;
                line <= at || records.contains(&(line - 1))
            });
            Found::Exactly(scene.between_checkpoints(seq).start..end)
        }
        // The end is cut off, at a line.
        15 => {
            let keep = 1 + random.below(lines.len() - 1);
            lines.truncate(keep);
            let next = scene.start + records.iter().filter(|line| **line < keep).count();
            if next as u64 == end {
                // Only checkpoints were cut off. It counts if there is none left.
                let is_left = checkpoints.iter().any(|line| *line < keep);
                if is_left {
                    return None;
                }
                Found::Somehow
            } else {
                Found::Record(next as u64)
            }
        }
        // The export of an older state.
        16 => {
            lines.truncate(mark + 1);
            let next = scene.start + records.iter().filter(|line| **line < mark).count();
            if next as u64 == end {
                return None;
            }
            Found::Exactly(next as u64..end)
        }
        // A record of another log, at the same place.
        17 => {
            let fork = &scene.fork_log.records[seq as usize];
            if *fork == scene.log.records[seq as usize] {
                return None;
            }
            lines[at] = scene.fork[at].clone();
            Found::Exactly(scene.between_checkpoints(seq))
        }
        // From some line on another log of the same key, or a fork of the same origin.
        18 | 19 => {
            let other = if kind == 18 { &scene.other_lines } else { &scene.fork };
            let cut = 1 + random.below(lines.len() - 1);
            lines.truncate(cut);
            lines.extend_from_slice(&other[cut..]);
            if lines == scene.lines {
                return None;
            }
            Found::Somehow
        }
        // The whole of a fork: everything was made anew, by one who has the key.
        20 => {
            lines.clone_from(&scene.fork);
            Found::Somehow
        }
        // The whole of another log, or only its name.
        21 => {
            lines.clone_from(&scene.other_lines);
            Found::Somehow
        }
        22 => {
            lines[0].clone_from(&scene.other_lines[0]);
            Found::Somehow
        }
        // A checkpoint is moved.
        23 => {
            let moved = lines.remove(mark);
            let to = 1 + random.below(lines.len());
            if to == mark {
                return None;
            }
            lines.insert(to, moved);
            Found::Somehow
        }
        // A checkpoint is there twice, or is another's.
        24 => {
            lines.insert(mark, lines[mark].clone());
            Found::Somehow
        }
        25 => {
            let nth = checkpoints.iter().position(|line| *line == mark).unwrap();
            let fork = if random.below(2) == 0 { &scene.fork_log } else { &scene.other };
            let skipped = scene.log.checkpoints.len() - checkpoints.len();
            let note = &fork.checkpoints[skipped + nth].1;
            lines[mark] = format!("{{\"checkpoint\":{}}}\n", serde_json::to_string(note).unwrap());
            Found::Somehow
        }
        // A checkpoint is edited: its size and root are those of what now stands before it.
        26 => {
            lines[at] = honest(seq, forged);
            let behind = checkpoints.iter().find(|line| **line > at).unwrap();
            let mut tree = super::super::Frontier::default();
            tree.append(leaf_hash(forged.as_bytes()));
            let root = to_text(&tree.root());
            let mut parts: Vec<_> = lines[*behind].split("\\n").map(str::to_owned).collect();
            parts[2] = root;
            lines[*behind] = parts.join("\\n");
            Found::Exactly(scene.between_checkpoints(seq))
        }
        // All checkpoints are taken away.
        _ => {
            lines.retain(|line| !line.starts_with("{\"checkpoint\""));
            Found::Somehow
        }
    };
    Some((lines.concat().into_bytes(), found))
}

/// A bit is flipped, or a byte is put in, taken out, or replaced, or the end is cut off.
fn change_a_byte(scene: &Scene, kind: usize, random: &mut Random) -> (Vec<u8>, Found) {
    let at = random.below(scene.lines.len());
    let place = random.below(scene.lines[at].len());
    let before: usize = scene.lines[..at].iter().map(String::len).sum();
    let mut bytes = scene.lines.concat().into_bytes();
    let byte = random.next() as u8;
    match kind {
        0 | 1 => bytes[before + place] ^= 1 << random.below(8),
        2 => bytes.insert(before + place, byte),
        3 => drop(bytes.remove(before + place)),
        _ => bytes.truncate(before + place),
    }
    // A cut between lines leaves none of this line; it says where the end is missing.
    let is_between = kind == 4 && place == 0;
    (bytes, if is_between { Found::Somehow } else { scene.within(at) })
}

fn check(fault: &Fault, found: &Found) -> bool {
    match found {
        Found::Record(seq) => fault.seq() == Some(*seq),
        Found::Among(seq) => fault.among().is_some_and(|among| among.contains(seq)),
        Found::Exactly(range) => fault.among().as_ref() == Some(range),
        Found::Somehow => true,
    }
}

/// Does its share of the mutations; how many named their record, and how many there were of each
/// kind.
fn tamper(seed: u64) -> (usize, [usize; KINDS]) {
    let mut random = Random(seed);
    let (mut exact, mut kinds) = (0, [0; KINDS]);
    while kinds.iter().sum::<usize>() < MUTATIONS / WORKERS {
        let scene = Scene::new(&mut random);
        let whole = scene.lines.concat().into_bytes();
        assert!(scene.judge(&whole).is_ok());
        for _ in 0..250 {
            let kind = random.below(KINDS);
            let Some((export, found)) = mutate(&scene, kind, &mut random) else { continue };
            if export == whole || is_covered(&scene, &export) {
                continue;
            }
            let text = || String::from_utf8_lossy(&export).into_owned();
            let Err(fault) = scene.judge(&export) else { panic!("{kind}: {found:?}\n{}", text()) };
            let message = fault.to_string();
            assert!(check(&fault, &found), "{kind}: {found:?}, but {message}\n{}", text());
            assert!(message.ends_with('.') && !message.contains('\n'), "{message}");
            exact += usize::from(fault.seq().is_some());
            kinds[kind] += 1;
        }
    }
    (exact, kinds)
}

#[test]
fn every_one_of_ten_thousand_mutations_is_found_where_it_is() {
    // Most of the time goes into signatures, so the work is shared out.
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|n| scope.spawn(move || tamper(n as u64))).collect();
        let mut kinds = [0; KINDS];
        for worker in workers {
            let (exact, counts) = worker.join().unwrap();
            assert!(exact > MUTATIONS / WORKERS / 3, "{exact}");
            kinds.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        assert!(kinds.iter().all(|count| *count > 30), "{kinds:?}");
    });
}

/// Whether only checkpoints were taken away, and one is left behind the last record or known.
fn is_covered(scene: &Scene, export: &[u8]) -> bool {
    let is_checkpoint = |line: &&[u8]| line.starts_with(b"{\"checkpoint\"");
    let lines: Vec<_> = export.split_inclusive(|byte| *byte == b'\n').collect();
    let whole: Vec<_> = scene.lines.iter().map(String::as_bytes).collect();
    let rest = |lines: &[&[u8]]| {
        lines.iter().filter(|line| !is_checkpoint(line)).copied().fold(
            Vec::new(),
            |mut all, line| {
                all.push(line.to_vec());
                all
            },
        )
    };
    let is_subset = lines.len() < whole.len() && lines.iter().all(|line| whole.contains(line));
    is_subset && lines.iter().any(is_checkpoint) && rest(&lines) == rest(&whole)
}

#[test]
fn a_checkpoint_that_a_later_one_covers_may_be_missing() {
    let mut random = Random(6);
    let records: Vec<_> = (0..9).map(|seq| record(seq, &mut random)).collect();
    let log = Log::new(ORIGIN, records, &[3, 6, 9]);
    let mut lines = log.lines(0);
    let whole = verify(lines.concat().as_bytes(), &keys(), &[]).unwrap();
    lines.remove(4);
    let fewer = verify(lines.concat().as_bytes(), &keys(), &[]).unwrap();
    assert_eq!(fewer, Verified { checkpoints: 2, ..whole });
}

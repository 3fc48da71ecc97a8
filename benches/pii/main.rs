//! What it costs to look for personal data and secrets in text, and how well they are found.
//! Called by `cargo bench --bench pii`.
//!
//! Invariant: no sockets and no runtime; one thread; every kind is looked for.

mod accuracy;
mod cuts;
mod fuzz;
mod held;
#[path = "../../tests/suite/pii_labelled/set/mod.rs"]
#[expect(dead_code, reason = "the test that makes this set asks more of it")]
mod labelled;
mod random;
mod speed;
mod texts;
mod written;

use std::process::ExitCode;
use std::sync::Arc;

use switchyard::policy::pii::{Action, Direction, HashKey, Plan, Rules, Scope, Settings};

/// What anything here comes to; the text of an error is for the person who reads the run.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

// The gateway's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "\
Measures the PII engine.

  --quick           a smoke run
  --text FILE       measures this text too; may be given several times
  --only NAME       measures this text alone
  --accuracy FILE   recall and precision on a labelled set (presidio-research's format)
  --findings FILE   with it, scores what another engine found (see peers/presidio.py)
  --misses          with it, prints what was missed and what was wrong
  --write DIR       writes the sparse and the dense text and a labelled set, instead of measuring
  --fuzz MINUTES    random texts in random pieces against the whole text, instead of measuring
  --cuts MINUTES    every cut in two and three of texts of every kind, through JSON escapes,
                    events and pieces of bytes, instead of measuring
  --held            what a stream waits for, instead of measuring speed
  --seed N          where the random texts begin";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match play(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("pii: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play(words: &[&str]) -> Outcome<bool> {
    // Test runners start every target, `cargo bench` alone says so; there is no test here.
    if !words.contains(&"--bench") || words.contains(&"--list") {
        return Ok(true);
    }
    if words.contains(&"--help") {
        println!("{HELP}");
        return Ok(true);
    }
    let is_quick = words.contains(&"--quick");
    if let Some(file) = after(words, "--accuracy").next() {
        let findings = after(words, "--findings").next();
        accuracy::report(file, findings, words.contains(&"--misses"))?;
        return Ok(true);
    }
    if let Some(folder) = after(words, "--write").next() {
        print!("{}", written::write(std::path::Path::new(folder), is_quick)?);
        return Ok(true);
    }
    if words.contains(&"--held") {
        print!("{}", held::table()?);
        return Ok(true);
    }
    let seed = after(words, "--seed").next().map_or(Ok(20_261_126), str::parse)?;
    if let Some(minutes) = after(words, "--cuts").next() {
        return cuts::run(minutes.parse()?, seed);
    }
    if let Some(minutes) = after(words, "--fuzz").next() {
        return fuzz::run(minutes.parse()?, seed);
    }
    let files: Vec<&str> = after(words, "--text").collect();
    print!("{}", speed::table(&files, after(words, "--only").next(), is_quick)?);
    Ok(true)
}

/// The words that follow an option, wherever it stands.
fn after<'a>(words: &'a [&'a str], option: &'a str) -> impl Iterator<Item = &'a str> {
    words.windows(2).filter(move |pair| pair[0] == option).map(|pair| pair[1])
}

/// A plan that looks for everything, with the default threshold.
pub(crate) fn plan(action: Action) -> Outcome<Arc<Plan>> {
    let settings = serde_json::json!({ "rules": [{ "entities": ["*"], "action": action.name() }] });
    let settings: Settings = serde_json::from_value(settings)?;
    let rules = Rules::compile(settings, HashKey::new(b"bench"))
        .map_err(|errors| format!("the rules are refused: {errors:?}"))?;
    let scope = Scope {
        direction: Direction::ToUpstream,
        face: "native",
        upstream: "bench",
        agent: "bench",
        groups: &[],
        workspace: "bench",
    };
    Ok(rules.plan(&scope)?)
}

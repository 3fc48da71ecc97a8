//! The texts of the bench as files, for engines that are measured beside ours. Called with
//! `--write`.
//!
//! Invariant: the same files in every run.

use std::path::Path;

use serde_json::json;
use switchyard::policy::pii::{secrets, validators};

use crate::{Outcome, labelled, texts};

/// Bytes of each text.
const SIZE: usize = 1_000_000;
/// Texts of the labelled set, and where its random numbers begin.
const SAMPLES: usize = 20_000;
const SEED: u64 = 20_261_126;

/// Writes them; says how many kinds are looked for and what was written.
pub(crate) fn write(folder: &Path, is_quick: bool) -> Outcome<String> {
    let (size, samples) = if is_quick { (SIZE / 10, SAMPLES / 10) } else { (SIZE, SAMPLES) };
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("sparse.txt"), texts::prose(size, 400))?;
    std::fs::write(folder.join("dense.txt"), texts::prose(size, 60))?;
    let set = labelled::samples(samples, SEED);
    let set = set.iter().map(|sample| {
        // The format counts characters.
        let at = |byte: usize| sample.text[..byte].chars().count();
        let spans = sample.spans.iter().map(|span| {
            json!({
                "entity_type": span.kind.name,
                "entity_value": sample.text[span.from..span.to],
                "start_position": at(span.from),
                "end_position": at(span.to),
            })
        });
        json!({ "full_text": sample.text, "spans": spans.collect::<Vec<_>>() })
    });
    let set: Vec<_> = set.collect();
    std::fs::write(folder.join("labelled.json"), serde_json::to_vec_pretty(&set)?)?;
    let kinds =
        validators::entities().chain(secrets::ENTITIES).count() + secrets::formats().count();
    Ok(format!("kinds {kinds}\nwrote sparse.txt, dense.txt, labelled.json\n"))
}

//! Tests over all rows, and over the vectors that independent implementations have judged.

use std::collections::HashSet;

use proptest::prelude::*;

use super::entity::{EntityType, GROUPS, Shape};
use super::{by_name, entities};

#[test]
fn every_sample_is_judged_as_its_row_says() {
    let mut wrong = Vec::new();
    for kind in entities() {
        assert!(!kind.samples.positive.is_empty(), "{} has no sample", kind.name);
        assert!(!kind.samples.near_miss.is_empty(), "{} has no near miss", kind.name);
        for (samples, expected) in [(kind.samples.positive, true), (kind.samples.near_miss, false)]
        {
            for sample in samples {
                if (kind.validate)(sample.as_bytes()) != expected {
                    wrong.push(format!("{}: {sample} should be {expected}", kind.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn rows_are_well_formed() {
    let mut names = HashSet::new();
    for kind in entities() {
        let name = kind.name;
        assert!(names.insert(name), "{name} twice");
        let is_snake = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        assert!(name.bytes().all(is_snake), "{name}");
        assert!(GROUPS.contains(&kind.group), "{name}: group {}", kind.group);
        assert!(kind.confidence <= kind.separated, "{name}");
        assert!(kind.separated <= kind.with_context && kind.with_context <= 99, "{name}");
        assert!(!kind.needs_context || !kind.context.is_empty(), "{name}");
        assert!(kind.context.iter().all(|word| word.to_lowercase() == **word), "{name}");
        for sample in kind.samples.positive {
            assert!(sample.len() <= kind.max_len, "{name}: {sample} is longer than its bound");
            assert!(is_proposed(kind, sample), "{name}: {sample} is outside of {:?}", kind.shape);
        }
    }
    assert!(names.len() >= 90, "{} kinds", names.len());
}

/// Whether a tokenizer that goes by the shape would propose the sample.
fn is_proposed(kind: &EntityType, sample: &str) -> bool {
    let is_word = |b: &u8| b.is_ascii_alphanumeric();
    let count = sample.bytes().filter(|b| is_word(b)).count();
    let whole = sample.len();
    match kind.shape {
        Shape::Digits { min, max, separators } => {
            (usize::from(min)..=usize::from(max)).contains(&count)
                && sample.bytes().all(|b| b.is_ascii_digit() || separators.as_bytes().contains(&b))
        }
        Shape::Alphanumeric { min, max, separators } => {
            (usize::from(min)..=usize::from(max)).contains(&count)
                && sample.bytes().all(|b| is_word(&b) || separators.as_bytes().contains(&b))
        }
        Shape::Prefixed { prefixes, min, max, extra } => {
            let lower = sample.to_ascii_lowercase();
            (usize::from(min)..=usize::from(max)).contains(&whole)
                && prefixes.iter().any(|prefix| lower.starts_with(prefix))
                && sample.bytes().all(|b| is_word(&b) || extra.as_bytes().contains(&b))
        }
        Shape::Run { min, max, extra } => {
            (usize::from(min)..=usize::from(max)).contains(&whole)
                && sample.bytes().all(|b| is_word(&b) || extra.as_bytes().contains(&b))
        }
        Shape::At => sample.contains('@'),
        Shape::Url => sample.contains("://"),
        Shape::Phone | Shape::Date => sample.bytes().any(|b| b.is_ascii_digit()),
    }
}

/// Where the vectors lie; another folder, with a large set, is named when the tests are built.
const VECTORS: &str = match option_env!("SWITCHYARD_PII_VECTORS") {
    Some(folder) => folder,
    None => concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pii/vectors"),
};

proptest! {
    #[test]
    fn no_validator_fails_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for kind in entities() {
            (kind.validate)(&bytes);
        }
    }

    #[test]
    fn no_validator_takes_what_is_longer_than_its_bound(
        text in "[0-9A-Za-z .:/@<>-]{200,600}", at in 0..200_usize,
    ) {
        for kind in entities() {
            let candidate = text.as_bytes().get(at..).unwrap_or_default();
            let is_short = candidate.len() <= kind.max_len;
            prop_assert!(is_short || !(kind.validate)(candidate), "{}", kind.name);
        }
    }

    #[test]
    fn a_sample_with_one_byte_changed_never_fails(at in 0..60_usize, byte in any::<u8>()) {
        for kind in entities() {
            for sample in kind.samples.positive {
                let mut changed = sample.as_bytes().to_vec();
                if let Some(place) = changed.get_mut(at) {
                    *place = byte;
                }
                (kind.validate)(&changed);
                changed.truncate(at);
                (kind.validate)(&changed);
            }
        }
    }
}

#[test]
fn the_independent_implementations_agree() {
    let mut files = 0;
    let mut lines = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(VECTORS).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let kind = by_name(&name).unwrap_or_else(|| panic!("{name} is no kind"));
        let text = std::fs::read_to_string(&path).unwrap();
        let (mut valid, mut invalid) = (0, 0);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (expected, candidate) = line.split_once(' ').unwrap();
            let expected = expected == "1";
            *(if expected { &mut valid } else { &mut invalid }) += 1;
            if (kind.validate)(candidate.as_bytes()) != expected {
                wrong.push(format!("{name}: {candidate} should be {expected}"));
            }
        }
        assert!(valid >= 20 && invalid >= 20, "{name}: {valid} valid, {invalid} invalid");
        files += 1;
        lines += valid + invalid;
    }
    assert!(files >= 117, "{files} files");
    assert!(lines >= 117 * 400, "{lines} lines");
    wrong.truncate(400);
    assert!(wrong.is_empty(), "of {lines} differ\n{}", wrong.join("\n"));
}

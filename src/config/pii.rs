//! The section `pii`: what must not leave, and what must not come back. [`super::load`] calls it.
//!
//! Kinds of values are names that only the engine knows; it checks them, and patterns.

use super::describe::{Key, Setting, Shape};
use super::limits::read_name;
use super::reader::Section;
use super::secret::Secret;

/// What is done to values of persons and to secrets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pii {
    /// What hashes and tokens are made with; none for one that lasts as long as the process.
    pub key: Option<Secret>,
    /// Asked in order.
    pub rules: Vec<PiiRule>,
    /// The operator's own patterns.
    pub patterns: Vec<PiiPattern>,
    /// The operator's own words.
    pub words: Vec<PiiWords>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct PiiRule {
    /// Its name in refusals; its place where it has none.
    pub name: Option<String>,
    /// What it is about: kinds, groups, own patterns and words, or `*`.
    pub entities: Vec<String>,
    /// `both`, `to_upstream`, `to_caller` or `to_audit`.
    pub direction: String,
    /// What is done.
    pub action: String,
    /// Findings below it are none, in percent.
    pub min_confidence: u32,
    /// More words that speak for what it is about.
    pub context: Vec<String>,
    /// Whether its tokens are restored in what a tool was given.
    pub restore_in_arguments: bool,
    /// Only these faces.
    pub faces: Vec<String>,
    /// Only these upstreams.
    pub upstreams: Vec<String>,
    /// Only these agents, by `<upstream>:<id>`, or alias.
    pub agents: Vec<String>,
    /// Only callers in one of these groups.
    pub groups: Vec<String>,
}

/// A pattern of the operator's own.
#[derive(Clone, Debug, PartialEq)]
pub struct PiiPattern {
    /// Its name in rules and findings.
    pub name: String,
    /// The regular expression.
    pub pattern: String,
}

/// Words of the operator's own.
#[derive(Clone, Debug, PartialEq)]
pub struct PiiWords {
    /// Their name in rules and findings.
    pub name: String,
    /// The words and phrases.
    pub words: Vec<String>,
}

const DIRECTIONS: &[&str] = &["both", "to_upstream", "to_caller", "to_audit"];
const ACTIONS: &[&str] = &["allow", "mask", "redact", "hash", "tokenize", "block", "report"];
const FACES: &[&str] = &["unified", "hooks", "acp", "proxy"];

const CONFIDENCE: Setting<u32> = Setting::new(
    "min_confidence",
    "Findings that are less certain are none, in percent.",
    50,
    0..=100,
    "it is a percentage",
);

pub(super) fn read(root: &mut Section<'_>) -> Pii {
    let about = "What is done to values of persons and to secrets, in what leaves and in what \
                 comes back.";
    let mut section = root.section("pii", about);
    let about = "What hashes and tokens are made with; left out, each start makes one of its own, \
                 and hashes of two starts cannot be compared.";
    let key = section.optional_secret("key", about);
    let about = "Asked in order: the first that fits a finding decides. What no rule names is \
                 not looked for.";
    let rules = section.items("rules", about).into_iter().map(rule).collect();
    let mut patterns: Vec<PiiPattern> = Vec::new();
    for mut item in section.items("patterns", "Patterns of your own.") {
        let taken = patterns.iter().map(|pattern| pattern.name.as_str());
        let name = read_name(&mut item, taken, "Its name in rules and findings.");
        let about = "A regular expression over ASCII, with a longest match, that begins with a \
                     letter or digit; it is tried at each word and ends with one.";
        let pattern = item.text(Key::new("pattern", Shape::Text, about).required());
        item.finish();
        patterns.extend(name.zip(pattern).map(|(name, pattern)| PiiPattern { name, pattern }));
    }
    let mut words: Vec<PiiWords> = Vec::new();
    for mut item in section.items("words", "Lists of words and phrases of your own.") {
        let taken = words.iter().map(|list| list.name.as_str());
        let name = read_name(&mut item, taken, "Their name in rules and findings.");
        let about = "Words and phrases, found whole and in either case.";
        let list = item.texts(Key::new("words", Shape::Texts, about).required());
        item.finish();
        words.extend(name.map(|name| PiiWords { name, words: list }));
    }
    section.finish();
    Pii { key, rules, patterns, words }
}

fn rule(mut section: Section<'_>) -> PiiRule {
    let about = "Its name in refusals; its place, `pii.rules[0]`, where it is left out.";
    let name = section.text(Key::new("name", Shape::Text, about));
    let about = "Kinds (`email`), groups (`finance`), names of your own patterns and words, or \
                 `*` for all.";
    let entities = section.texts(Key::new("entities", Shape::Texts, about).required());
    let about = "`both` are the two directions of a run.";
    let direction = Key::new("direction", Shape::Text, about).default("both");
    let direction = section.choice(direction, DIRECTIONS).unwrap_or_else(|| "both".to_owned());
    let about = "What is done to what is found.";
    let action = section.choice(Key::new("action", Shape::Text, about).required(), ACTIONS);
    let min_confidence = section.count(&CONFIDENCE);
    let about = "More words that speak for these kinds when they stand shortly before. With any, \
                 your own patterns and words are findings only beside one of them.";
    let context = section.texts(Key::new("context", Shape::Texts, about));
    let about = "Whether tokens are restored in what a tool was given, too, when its own caller \
                 reads it.";
    let restore_in_arguments = section.flag("restore_in_arguments", about, false);
    let about = "Only calls by these faces.";
    let faces = section.choices(Key::new("faces", Shape::Texts, about), FACES);
    let mut texts = |name, about| section.texts(Key::new(name, Shape::Texts, about));
    let upstreams = texts("upstreams", "Only these upstreams.");
    let agents = texts("agents", "Only these agents: aliases, or `<upstream>:<id>`.");
    let groups = texts("groups", "Only callers in one of these groups.");
    section.finish();
    PiiRule {
        name,
        entities,
        direction,
        action: action.unwrap_or_default(),
        min_confidence,
        context,
        restore_in_arguments,
        faces,
        upstreams,
        agents,
        groups,
    }
}

//! The vectors of Wycheproof: none that is invalid passes. They are JWS over any bytes, so that
//! they are put to the part that reads form and header and checks the signature.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};
use switchyard::policy::identity::token::{Algorithm, Algorithms, KeySet, Refusal, Unverified};

#[derive(Deserialize)]
struct Group {
    comment: String,
    keys: Vec<Value>,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    #[serde(rename = "tcId")]
    id: u32,
    comment: String,
    jws: String,
    result: String,
}

fn groups() -> Vec<Group> {
    let read = |text| -> Vec<Group> { serde_json::from_str(text).unwrap() };
    let mut groups = read(include_str!("../../jose/wycheproof_signatures.json"));
    groups.extend(read(include_str!("../../jose/wycheproof_keys.json")));
    groups
}

fn judge(group: &Group, test: &Test) -> Result<(), Refusal> {
    let all = Algorithms::from_iter(Algorithm::ALL.iter().copied());
    let read = Unverified::read(&test.jws)?;
    // A set without one usable key is not even taken.
    let set = json!({ "keys": group.keys }).to_string();
    let keys = KeySet::read(set.as_bytes()).map_err(|_| Refusal::UnknownKey)?;
    read.check_signature(&keys, all).map(|_| ())
}

#[test]
fn no_invalid_vector_of_wycheproof_passes() {
    let (mut run, mut passed, mut unsupported) = (0, 0, Vec::new());
    let mut refused: HashMap<Refusal, usize> = HashMap::new();
    for group in groups() {
        for test in &group.tests {
            run += 1;
            let judged = judge(&group, test);
            let name = format!("{} {} {}", group.comment, test.id, test.comment);
            match (test.result.as_str(), judged) {
                ("valid", Ok(())) => passed += 1,
                ("invalid", Err(refusal)) => *refused.entry(refusal).or_default() += 1,
                ("valid", Err(refusal)) => unsupported.push((name, refusal)),
                (result, judged) => panic!("{name} is {result}, but: {judged:?}"),
            }
        }
    }
    println!("{run} run, {passed} valid passed; invalid refused: {refused:?}");
    for (name, refusal) in &unsupported {
        println!("valid, but not offered: {name}: {refusal}");
    }
    assert_eq!((run, passed, unsupported.len()), (427, 27, 24));
    assert_eq!(refused.values().sum::<usize>(), 376);
    // Most are refused by the cryptography, not because they could not be read.
    assert!(refused[&Refusal::Signature] > 250, "{refused:?}");
    // What is valid and still refused: symmetric keys and P-521, an empty payload, which is no
    // JWT, two spellings with characters that are not base64url, and two tokens whose key's `alg`
    // is another than theirs.
    for (name, refusal) in &unsupported {
        let known = *refusal == Refusal::Algorithm
            || *refusal == Refusal::Malformed
                && (name.contains("emptyPayload") || name.contains("Inserted"))
            || *refusal == Refusal::KeyMismatch && name.ends_with("Figure20");
        assert!(known, "{name}: {refusal}");
    }
}

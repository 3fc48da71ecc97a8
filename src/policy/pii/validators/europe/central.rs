//! Numbers of Germany, Austria, Switzerland and Liechtenstein.
//!
//! Invariant: every number here carries a check digit, and it is checked.

use super::super::checksum::{base_36, mod_11_10, weighted};
use super::super::entity::EntityType;
use super::super::read::{characters, digits, values};

const STEUER_ID: &[&str] = &["99 999 999 999", "99999999999", "99/999/999/999", "99-999-999-999"];
const RENTE: &[&str] = &["99999999A999", "99 999999 A 999", "99 999999 A 99 9", "99 999999A999"];
const KRANKEN: &[&str] = &["A999999999", "A 999999999", "A 999 999 999"];
const AUSWEIS: &[&str] = &["XXXXXXXXX9"];
const SVNR: &[&str] = &["9999 999999", "9999999999"];
const AHV: &[&str] = &["999.9999.9999.99", "9999999999999", "999 9999 9999 99"];

/// The kinds of this region.
pub const ENTITIES: &[EntityType] = &[
    EntityType::digits("de_steuer_id", "tax_id", " /-", STEUER_ID, de_steuer_id)
        .certainty(40, 85, 98)
        .context(&[
            "steuer-id",
            "steuerid",
            "steueridentifikationsnummer",
            "idnr",
            "steuer",
            "tin",
            "identifikationsnummer",
            "tax id",
        ])
        .samples(
            &["36 574 261 809", "36574261809"],
            &["36 574 261 808", "06574261809", "36544261809"],
        ),
    EntityType::mixed("de_rentenversicherung", "national_id", " ", RENTE, de_rentenversicherung)
        .certainty(85, 92, 98)
        .context(&[
            "rentenversicherung",
            "rentenversicherungsnummer",
            "rvnr",
            "sozialversicherung",
            "sozialversicherungsnummer",
            "svnr",
            "versicherungsnummer",
        ])
        .samples(&["15 070649 C 103", "15070649C103"], &["15 070649 C 104", "15 321349 C 103"]),
    EntityType::mixed("de_krankenversicherung", "health", " ", KRANKEN, de_krankenversicherung)
        .certainty(40, 50, 97)
        .context(&[
            "krankenversicherung",
            "krankenversichertennummer",
            "kvnr",
            "krankenkasse",
            "versichertennummer",
            "gesundheitskarte",
        ])
        .samples(&["A123456780"], &["A123456781", "A000000001"]),
    EntityType::mixed("de_id_document", "document", "", AUSWEIS, de_id_document)
        .certainty(45, 45, 97)
        .context(&[
            "personalausweis",
            "ausweis",
            "ausweisnummer",
            "reisepass",
            "passnummer",
            "pass",
            "id card",
            "passport",
        ])
        .samples(
            &["T220001293", "C01X00T478", "L01X00T471"],
            &["T220001294", "A220001293", "1234567897"],
        ),
    EntityType::digits("at_svnr", "national_id", " ", SVNR, at_svnr)
        .certainty(15, 55, 97)
        .context(&[
            "sozialversicherungsnummer",
            "svnr",
            "sv-nummer",
            "versicherungsnummer",
            "sozialversicherung",
        ])
        .samples(&["1237 010180", "1237010180"], &["2237 010180", "0237010180"]),
    EntityType::digits("ch_ahv", "national_id", ". ", AHV, ch_ahv)
        .certainty(85, 97, 99)
        .context(&["ahv", "avs", "ahv-nummer", "sozialversicherung", "ahvn13", "numéro avs"])
        .samples(&["756.9217.0769.85", "7569217076985"], &["756.9217.0769.84", "757.9217.0769.85"]),
];

/// A German tax identification number: among its first ten digits exactly one occurs twice or
/// three times, and the last checks (ISO/IEC 7064 MOD 11,10).
pub fn de_steuer_id(candidate: &[u8]) -> bool {
    let Some(number) = digits::<11>(candidate, STEUER_ID) else { return false };
    let count = |digit: u8| number[..10].iter().filter(|value| **value == digit).count();
    let mut repeated = (0..10).map(count).filter(|count| *count > 1);
    let is_right = matches!((repeated.next(), repeated.next()), (Some(2 | 3), None));
    number[0] != 0 && is_right && mod_11_10(&number)
}

/// The sum of the digits of each product.
fn cross_sum(values: &[u8], weights: &[u8]) -> u32 {
    let products = values.iter().zip(weights).map(|(value, weight)| value * weight);
    products.map(|product| u32::from(product / 10 + product % 10)).sum()
}

/// A letter as the two digits of its place in the alphabet, A = 01.
fn as_two_digits(letter: u8) -> [u8; 2] {
    let place = letter.saturating_sub(b'A') + 1;
    [place / 10, place % 10]
}

/// A number of the German pension insurance: area, date of birth, initial, serial, check digit.
pub fn de_rentenversicherung(candidate: &[u8]) -> bool {
    let Some(number) = characters::<12>(candidate, RENTE) else { return false };
    let (Some(head), Some(tail)) = (values::<8>(&number[..8]), values::<3>(&number[9..])) else {
        return false;
    };
    let [tens, ones] = as_two_digits(number[8]);
    let [a, b, c, d, e, f, g, h] = head;
    let day = (c * 10 + d) % 50;
    let all = [a, b, c, d, e, f, g, h, tens, ones, tail[0], tail[1]];
    let sum = cross_sum(&all, &[2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]);
    (1..=31).contains(&day)
        && (1..=12).contains(&(e * 10 + f))
        && (a, b) != (0, 0)
        && sum % 10 == u32::from(tail[2])
}

/// A number of the German health insurance: a letter, eight digits, a check digit.
pub fn de_krankenversicherung(candidate: &[u8]) -> bool {
    let Some(number) = characters::<10>(candidate, KRANKEN) else { return false };
    let Some([a, b, c, d, e, f, g, h, check]) = values::<9>(&number[1..]) else { return false };
    let [tens, ones] = as_two_digits(number[0]);
    let sum = cross_sum(&[tens, ones, a, b, c, d, e, f, g, h], &[1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
    sum % 10 == u32::from(check) && [a, b, c, d, e, f, g, h] != [0; 8]
}

/// The serial number of a German identity card or passport with its check digit (ICAO 9303): the
/// letters are consonants, so that no words arise.
pub fn de_id_document(candidate: &[u8]) -> bool {
    let Some(number) = characters::<10>(candidate, AUSWEIS) else { return false };
    const WEIGHTS: [u32; 9] = [7, 3, 1, 7, 3, 1, 7, 3, 1];
    let is_used = |byte: &u8| byte.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(byte);
    let (serial, check) = number.split_at(9);
    let sum: u32 = serial
        .iter()
        .zip(WEIGHTS)
        .map(|(byte, weight)| u32::from(base_36(*byte).unwrap_or(0)) * weight)
        .sum();
    number[0].is_ascii_uppercase()
        && serial.iter().all(is_used)
        && check == [b'0' + (sum % 10) as u8]
}

/// An Austrian social security number: the fourth digit checks the others.
pub fn at_svnr(candidate: &[u8]) -> bool {
    let Some(number) = digits::<10>(candidate, SVNR) else { return false };
    number[0] != 0
        && weighted(&number, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11 == u32::from(number[3])
}

/// A Swiss or Liechtenstein social insurance number: an EAN-13 of the prefix 756.
pub fn ch_ahv(candidate: &[u8]) -> bool {
    let Some(number) = digits::<13>(candidate, AHV) else { return false };
    number[..3] == [7, 5, 6]
        && weighted(&number, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

//! Numbers of the Nordic and the Baltic countries: each begins with, or holds, a date of birth.
//!
//! Invariant: the date is one of the calendar; a check digit is checked wherever one is certain.

use super::super::calendar::{is_date, two};
use super::super::checksum::{luhn, weighted};
use super::super::entity::EntityType;
use super::super::read::{digits, has_form, number, values};

const SWEDEN: &[&str] = &["999999-9999", "999999+9999", "9999999999"];
const SWEDEN_LONG: &[&str] = &["99999999-9999", "99999999+9999", "999999999999"];
const SWEDEN_ALL: &[&str] =
    &["999999-9999", "999999+9999", "9999999999", "99999999-9999", "99999999+9999", "999999999999"];
const HETU: &[&str] = &["999999-999X", "999999+999X", "999999A999X"];
const CPR: &[&str] = &["999999-9999", "999999 9999", "9999999999"];
const NORWAY: &[&str] = &["999999 99999", "99999999999", "999999-99999"];
const ICELAND: &[&str] = &["999999-9999", "9999999999", "999999 9999"];
const BALTIC: &[&str] = &["99999999999"];
const LATVIA: &[&str] = &["999999-99999", "99999999999"];

/// The kinds of this region.
pub const ENTITIES: &[EntityType] = &[
    EntityType::digits("se_personnummer", "national_id", "-+", SWEDEN_ALL, se_personnummer)
        .certainty(30, 88, 98)
        .context(&["personnummer", "personnr", "pnr", "personal identity"])
        .samples(
            &["880320-0016", "19880320-0016", "8803200016"],
            &["880320-0018", "881320-0016", "880230-0016"],
        ),
    EntityType::digits(
        "se_samordningsnummer",
        "national_id",
        "-+",
        SWEDEN_ALL,
        se_samordningsnummer,
    )
    .certainty(25, 80, 98)
    .context(&["samordningsnummer", "coordination number", "personnummer"])
    .samples(&["701063-2391"], &["701063-2392", "701013-2391"]),
    EntityType::mixed("fi_hetu", "national_id", "-+", HETU, fi_hetu)
        .certainty(92, 97, 99)
        .context(&["hetu", "henkilötunnus", "henkilotunnus", "sotu"])
        .samples(
            &["131052-308T", "131052A308T", "010101+002S"],
            &["131052-308U", "310252-308T", "131052-001F"],
        ),
    EntityType::digits("dk_cpr", "national_id", "- ", CPR, dk_cpr)
        .certainty(10, 60, 97)
        .context(&["cpr", "cpr-nummer", "cpr-nr", "personnummer", "cprnr"])
        .samples(&["211062-5629", "2110625629"], &["321062-5629", "211362-5629", "211062-562"]),
    EntityType::digits("no_fodselsnummer", "national_id", " -", NORWAY, no_fodselsnummer)
        .certainty(75, 90, 98)
        .context(&["fødselsnummer", "fodselsnummer", "personnummer", "fnr", "d-nummer"])
        .samples(&["15108695088", "151086 95088"], &["15108695077", "15138695088"]),
    EntityType::digits("is_kennitala", "national_id", "- ", ICELAND, is_kennitala)
        .certainty(35, 85, 98)
        .context(&["kennitala", "kt"])
        .samples(&["450401-3150", "120174-3399"], &["120174-3389", "321274-3399"]),
    EntityType::digits("ee_isikukood", "national_id", "", BALTIC, ee_isikukood)
        .certainty(40, 40, 98)
        .context(&["isikukood", "personal code", "ik"])
        .samples(&["36805280109"], &["36805280108", "96805280109"]),
    EntityType::digits("lt_asmens_kodas", "national_id", "", BALTIC, lt_asmens_kodas)
        .certainty(40, 40, 98)
        .context(&["asmens kodas", "personal code"])
        .samples(&["33309240064", "38703181745"], &["33309240164", "38713181745"]),
    EntityType::digits("lv_personas_kods", "national_id", "-", LATVIA, lv_personas_kods)
        .certainty(25, 85, 98)
        .context(&["personas kods", "personal code", "pk"])
        .samples(&["161175-19997", "16117519997"], &["161175-19998", "161375-19997"]),
];

/// The ten digits of a Swedish number and its year, where the century is written or follows.
fn swedish(candidate: &[u8]) -> Option<([u8; 10], u32)> {
    if let Some(short) = digits::<10>(candidate, SWEDEN) {
        let year = two(short[0], short[1]);
        // A plus stands for a hundred years of age. Of two figures, only 00 depends on the century.
        let century = if candidate.get(6) == Some(&b'+') { 1900 } else { 2000 };
        return Some((short, century + year));
    }
    let [c, e, short @ ..] = digits::<12>(candidate, SWEDEN_LONG)?;
    Some((short, two(c, e) * 100 + two(short[0], short[1])))
}

/// A Swedish personal number: date of birth, serial, a digit by Luhn.
pub fn se_personnummer(candidate: &[u8]) -> bool {
    let Some((short, year)) = swedish(candidate) else { return false };
    is_date(year, two(short[2], short[3]), two(short[4], short[5])) && year > 0 && luhn(&short)
}

/// A Swedish number of one who is not registered: sixty more in the day.
pub fn se_samordningsnummer(candidate: &[u8]) -> bool {
    let Some((short, year)) = swedish(candidate) else { return false };
    let day = two(short[4], short[5]);
    day > 60 && is_date(year, two(short[2], short[3]), day - 60) && luhn(&short)
}

/// A Finnish personal identity code: date of birth, sign of the century, serial, check character.
/// Temporary ones, from 900 on, are refused as the registry's own use.
pub fn fi_hetu(candidate: &[u8]) -> bool {
    if !has_form(candidate, HETU) {
        return false;
    }
    let Ok([date @ .., sign, a, b, c, last]) = <&[u8; 11]>::try_from(candidate) else {
        return false;
    };
    let (Some(date), Some(serial)) = (values::<6>(date), values::<3>(&[*a, *b, *c])) else {
        return false;
    };
    let century = match sign.to_ascii_uppercase() {
        b'+' => 1800,
        b'-' | b'U'..=b'Y' => 1900,
        b'A'..=b'F' => 2000,
        _ => return false,
    };
    let rest = (number(&date) * 1000 + number(&serial)) % 31;
    let check = b"0123456789ABCDEFHJKLMNPRSTUVWXY".get(rest as usize);
    is_date(century + two(date[4], date[5]), two(date[2], date[3]), two(date[0], date[1]))
        && (2..900).contains(&number(&serial))
        && check == Some(&last.to_ascii_uppercase())
}

/// A Danish number: date of birth, serial with the century in it. Since 2007 it has no check digit.
pub fn dk_cpr(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<10>(candidate, CPR) else { return false };
    let year = two(digits[4], digits[5]);
    let century = match digits[6] {
        5..=8 if year >= 58 => 1800,
        0..=3 => 1900,
        4 | 9 if year >= 37 => 1900,
        _ => 2000,
    };
    is_date(century + year, two(digits[2], digits[3]), two(digits[0], digits[1]))
}

/// A Norwegian birth number or number of one who lives elsewhere (day or month 40 higher): date,
/// serial with the century in it, two check digits.
pub fn no_fodselsnummer(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, NORWAY) else { return false };
    let shifted = |value: u32| if value > 40 { value - 40 } else { value };
    let day = two(digits[0], digits[1]);
    let year = two(digits[4], digits[5]);
    let century = match number(&digits[6..9]) {
        0..500 => 1900,
        500..750 if year >= 54 => 1800,
        _ if year < 40 => 2000,
        900.. => 1900,
        _ => return false,
    };
    let first = weighted(&digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]);
    let second = weighted(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]);
    day < 80
        && first.is_multiple_of(11)
        && second.is_multiple_of(11)
        && is_date(century + year, shifted(two(digits[2], digits[3])), shifted(day))
}

/// An Icelandic number: date (40 more for firms), serial, check digit, century.
pub fn is_kennitala(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<10>(candidate, ICELAND) else { return false };
    let day = two(digits[0], digits[1]);
    let day = if day >= 40 { day - 40 } else { day };
    let century = match digits[9] {
        9 => 1900,
        0 => 2000,
        _ => return false,
    };
    is_date(century + two(digits[4], digits[5]), two(digits[2], digits[3]), day)
        && weighted(&digits, &[3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// The check digit that Estonia and Lithuania share: a second round of weights where the first
/// leaves ten.
fn baltic_check(digits: &[u8; 11]) -> u32 {
    match weighted(digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11 {
        10 => weighted(digits, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10,
        rest => rest,
    }
}

fn has_baltic_date(digits: &[u8; 11]) -> bool {
    let century = match digits[0] {
        1 | 2 => 1800,
        3 | 4 => 1900,
        5 | 6 => 2000,
        7 | 8 => 2100,
        _ => return false,
    };
    is_date(
        century + two(digits[1], digits[2]),
        two(digits[3], digits[4]),
        two(digits[5], digits[6]),
    )
}

/// An Estonian personal code: sex and century, date of birth, serial, check digit.
pub fn ee_isikukood(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, BALTIC) else { return false };
    has_baltic_date(&digits) && baltic_check(&digits) == u32::from(digits[10])
}

/// A Lithuanian personal code, like Estonia's; those from 9 on have no date.
pub fn lt_asmens_kodas(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, BALTIC) else { return false };
    (digits[0] == 9 || has_baltic_date(&digits)) && baltic_check(&digits) == u32::from(digits[10])
}

/// A Latvian personal code: date of birth and century, or 32 and no date since 2017; check digit.
pub fn lv_personas_kods(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, LATVIA) else { return false };
    let check = (1 + weighted(&digits, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9])) % 11 % 10;
    let year = 1800 + u32::from(digits[6]) * 100 + two(digits[4], digits[5]);
    let has_date = is_date(year, two(digits[2], digits[3]), two(digits[0], digits[1]));
    digits[0] <= 3 && (digits[..2] == [3, 2] || has_date) && check == u32::from(digits[10])
}

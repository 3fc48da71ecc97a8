//! VAT numbers: those of the member states of the Union with their country's letters before them,
//! and those of Britain, Norway and Switzerland.
//!
//! Invariant: each country's number is checked by that country's rule.

use super::super::checksum::{
    index, luhn, luhn_remainder, mod_11_10, remainder, remainder_97, weighted,
};
use super::super::entity::{EntityType, Shape};
use super::super::read::{loose, number, values};
use super::eastern::{is_egn, is_nip};
use super::southern::{is_nif, is_partita_iva};
use super::western::{irish_check, passes_eleven_test};

/// The longest: two letters, twelve characters and some separators.
pub const VAT_MAX: usize = 20;

const CONTEXT: &[&str] = &[
    "vat",
    "vat id",
    "vat number",
    "vat no",
    "ust-id",
    "ust-idnr",
    "uid",
    "btw",
    "tva",
    "iva",
    "moms",
    "mva",
    "alv",
    "nip",
    "dph",
    "mwst",
    "tax",
];

const SEPARATORS: &str = " .-";

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::new(
        "eu_vat",
        "tax_id",
        Shape::Alphanumeric { min: 4, max: 14, separators: SEPARATORS },
        eu_vat,
        VAT_MAX,
    )
    .certainty(80, 80, 98)
    .context(CONTEXT)
    .samples(
        &[
            "ATU13585627",
            "BE0428759497",
            "BG175074752",
            "CY10259033P",
            "CZ25123891",
            "DE136695976",
            "DK13585628",
            "EE100931558",
            "EL023456780",
            "ES54362315K",
            "FI20774740",
            "FR 61 954 506 077",
            "HR33392005961",
            "HU12892312",
            "IE6433435F",
            "IT00743110157",
            "LT119511515",
            "LU15027442",
            "LV40003521600",
            "MT11679112",
            "NL004495445B01",
            "PL8567346215",
            "PT501964843",
            "RO18547290",
            "SE556188840401",
            "SI50223054",
            "SK2022749619",
            "XI434031494",
        ],
        &[
            "ATU13585626",
            "BE0428759498",
            "DE136695977",
            "XX136695976",
            "FR 61 954 506 078",
            "NL004495445A01",
            "DE13669597",
            "SE556188840402",
        ],
    ),
    EntityType::new(
        "uk_vat",
        "tax_id",
        Shape::Alphanumeric { min: 11, max: 14, separators: SEPARATORS },
        uk_vat,
        VAT_MAX,
    )
    .certainty(88, 88, 98)
    .context(CONTEXT)
    .samples(&["GB980780684", "GB 980 7806 84"], &["GB980780685", "980780684"]),
    EntityType::new(
        "ch_uid",
        "tax_id",
        Shape::Alphanumeric { min: 12, max: 16, separators: SEPARATORS },
        ch_uid,
        VAT_MAX,
    )
    .certainty(90, 95, 99)
    .context(CONTEXT)
    .samples(&["CHE-107.787.577", "CHE107787577", "CHE-107.787.577 MWST"], &["CHE-107.787.578"]),
    EntityType::new(
        "no_orgnr",
        "tax_id",
        Shape::Alphanumeric { min: 9, max: 14, separators: " " },
        no_orgnr,
        VAT_MAX,
    )
    .only_in_context(95, &["orgnr", "org.nr", "organisasjonsnummer", "mva", "foretak"])
    .samples(&["988 077 917", "NO 995 525 828 MVA"], &["988 077 918", "NO 995 525 829 MVA"]),
];

/// A VAT number of a member state, or of Northern Ireland, with the two letters. At most
/// [`VAT_MAX`] bytes.
pub fn eu_vat(candidate: &[u8]) -> bool {
    if candidate.len() > VAT_MAX || !candidate.first().is_some_and(u8::is_ascii_alphabetic) {
        return false;
    }
    let Some(read) = loose::<14>(candidate, SEPARATORS.as_bytes()) else { return false };
    let Some((country, rest)) = read.as_slice().split_at_checked(2) else { return false };
    is_of_country(country, rest).unwrap_or(false)
}

/// Whether the rest is a number of the country; nothing where its length or kind is wrong.
fn is_of_country(country: &[u8], rest: &[u8]) -> Option<bool> {
    let is = |digits: &[u8], weights: &[u8], modulus: u32| {
        weighted(digits, weights).is_multiple_of(modulus)
    };
    Some(match country {
        b"AT" => {
            let digits = values::<8>(rest.strip_prefix(b"U")?)?;
            // The published rule takes the sum of the first seven, and four more, from a hundred.
            (16 - luhn_remainder(&digits[..7])) % 10 == digits[7]
        }
        b"BE" => {
            let digits = values::<10>(rest)?;
            digits[0] <= 1
                && (number(&digits[..8]) + number(&digits[8..])).is_multiple_of(97)
                && number(&digits) != 0
        }
        b"BG" => bulgarian(rest)?,
        b"CY" => cypriot(rest)?,
        b"CZ" => czech(rest)?,
        b"DE" => values::<9>(rest).map(|digits| digits[0] != 0 && mod_11_10(&digits))?,
        b"DK" => {
            let digits = values::<8>(rest)?;
            digits[0] != 0 && is(&digits, &[2, 7, 6, 5, 4, 3, 2, 1], 11)
        }
        b"EE" => is(&values::<9>(rest)?, &[3, 7, 1, 3, 7, 1, 3, 7, 1], 10),
        b"EL" => {
            let digits = values::<9>(rest)?;
            let sum =
                weighted(&digits, &[0, 128, 64, 32, 16, 8, 4, 2]) + u32::from(digits[0]) * 256;
            sum % 11 % 10 == u32::from(digits[8]) && digits != [0; 9]
        }
        b"ES" => {
            super::southern::es_dni(rest)
                || super::southern::es_nie(rest)
                || super::southern::es_cif(rest)
                || spanish_special(rest).unwrap_or(false)
        }
        b"FI" => is(&values::<8>(rest)?, &[7, 9, 10, 5, 8, 4, 2, 1], 11),
        b"FR" => french(rest)?,
        b"HR" => mod_11_10(&values::<11>(rest)?),
        b"HU" => is(&values::<8>(rest)?, &[9, 7, 3, 1, 9, 7, 3, 1], 10),
        b"IE" => irish(rest)?,
        b"IT" => is_partita_iva(&values::<11>(rest)?),
        b"LT" => lithuanian(rest)?,
        b"LU" => {
            let digits = values::<8>(rest)?;
            u64::from(remainder(&digits[..6], 89)) == number(&digits[6..])
        }
        b"LV" => {
            let digits = values::<11>(rest)?;
            if digits[0] > 3 {
                weighted(&digits, &[9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1]) % 11 == 3
            } else {
                super::northern::lv_personas_kods(rest)
            }
        }
        b"MT" => {
            let digits = values::<8>(rest)?;
            digits[0] != 0 && is(&digits, &[3, 4, 6, 7, 8, 9, 10, 1], 37)
        }
        b"NL" => dutch(rest)?,
        b"PL" => is_nip(&values::<10>(rest)?),
        b"PT" => is_nif(&values::<9>(rest)?),
        b"RO" => romanian(rest)?,
        b"SE" => {
            let digits = values::<12>(rest)?;
            digits[10..] == [0, 1] && luhn(&digits[..10])
        }
        b"SI" => {
            let digits = values::<8>(rest)?;
            let check = 11 - weighted(&digits, &[8, 7, 6, 5, 4, 3, 2]) % 11;
            digits[0] != 0 && check % 10 == u32::from(digits[7]) && check != 11
        }
        b"SK" => {
            let digits = values::<10>(rest)?;
            let is_firm =
                digits[0] != 0 && matches!(digits[2], 2..=4 | 7..=9) && remainder(&digits, 11) == 0;
            is_firm || super::eastern::cz_rodne_cislo(rest)
        }
        b"XI" => is_british(rest)?,
        _ => false,
    })
}

fn bulgarian(rest: &[u8]) -> Option<bool> {
    if let Some(digits) = values::<9>(rest) {
        let check = match weighted(&digits, &[1, 2, 3, 4, 5, 6, 7, 8]) % 11 {
            10 => weighted(&digits, &[3, 4, 5, 6, 7, 8, 9, 10]) % 11 % 10,
            check => check,
        };
        return Some(check == u32::from(digits[8]));
    }
    let digits = values::<10>(rest)?;
    let last = u32::from(digits[9]);
    let foreigner = weighted(&digits, &[21, 19, 17, 13, 11, 9, 7, 3, 1]) % 10;
    let other = (11 - weighted(&digits, &[4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    Some(is_egn(&digits) || foreigner == last || other == last)
}

fn cypriot(rest: &[u8]) -> Option<bool> {
    let (last, digits) = rest.split_last()?;
    let digits = values::<8>(digits)?;
    const EVEN: [u8; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
    let sum: u32 = digits.iter().enumerate().fold(0, |sum, (place, digit)| {
        let translated = EVEN.get(usize::from(*digit)).copied().unwrap_or(0);
        sum + u32::from(if place % 2 == 0 { translated } else { *digit })
    });
    Some(digits[..2] != [1, 2] && u32::from(*last) == u32::from(b'A') + sum % 26)
}

fn czech(rest: &[u8]) -> Option<bool> {
    if let Some(digits) = values::<8>(rest) {
        let check = (11 - weighted(&digits, &[8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
        let check = if check == 0 { 1 } else { check % 10 };
        return Some(digits[0] != 9 && check == u32::from(digits[7]));
    }
    if let Some(digits) = values::<9>(rest)
        && digits[0] == 6
    {
        let sum = weighted(&digits[1..], &[8, 7, 6, 5, 4, 3, 2]) % 11;
        // Eight less, modulo ten, so that nothing is negative.
        let check = (18 - (21 - sum) % 11) % 10;
        return Some(check == u32::from(digits[8]));
    }
    Some(super::eastern::cz_rodne_cislo(rest))
}

fn spanish_special(rest: &[u8]) -> Option<bool> {
    let (first, tail) = rest.split_first()?;
    let (last, middle) = tail.split_last()?;
    let digits = values::<7>(middle)?;
    let letter = b"TRWAGMYFPDXBNJZSQVHLCKE".get((number(&digits) % 23) as usize)?;
    Some(b"KLM".contains(first) && letter == last)
}

fn french(rest: &[u8]) -> Option<bool> {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let ([a, b], firm) = rest.split_first_chunk::<2>()?;
    let digits = values::<9>(firm)?;
    let firm = number(&digits);
    let (high, low) = (u64::from(index(ALPHABET, *a)?), u64::from(index(ALPHABET, *b)?));
    // Monaco's numbers begin with zeros and are not checked by Luhn.
    if digits[..3] != [0; 3] && !luhn(&digits) {
        return Some(false);
    }
    if high < 10 && low < 10 {
        return Some(high * 10 + low == (firm * 100 + 12) % 97);
    }
    let check = if high < 10 { high * 24 + low - 10 } else { high * 34 + low - 100 };
    Some((firm + 1 + check / 11) % 11 == check % 11)
}

fn irish(rest: &[u8]) -> Option<bool> {
    let (head, tail) = rest.split_at_checked(7)?;
    let (check, second) = match tail {
        [check] => (*check, 0),
        [check, second] => (*check, index(b"WABCDEFGHIJKLMNOPQRSTUV", *second)?),
        _ => return None,
    };
    if let Some(digits) = values::<7>(head) {
        return Some(irish_check(&digits, second) == check);
    }
    // The old form: the second place is a letter, and the first goes to the end.
    let [first, letter, middle @ ..] = <&[u8; 7]>::try_from(head).ok()?;
    let [c, d, e, f, g] = values::<5>(middle)?;
    let first = first.checked_sub(b'0').filter(|value| *value <= 9)?;
    let moved = [0, c, d, e, f, g, first];
    Some(letter.is_ascii_uppercase() && irish_check(&moved, 0) == check)
}

fn lithuanian(rest: &[u8]) -> Option<bool> {
    const FIRST: [u8; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2];
    const SECOND: [u8; 11] = [3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4];
    let check = |digits: &[u8]| match weighted(digits, &FIRST) % 11 {
        10 => weighted(digits, &SECOND) % 11 % 10,
        rest => rest,
    };
    if let Some([digits @ .., last]) = values::<9>(rest) {
        return Some(digits[7] == 1 && check(&digits) == u32::from(last));
    }
    let [digits @ .., last] = values::<12>(rest)?;
    Some(digits[10] == 1 && check(&digits) == u32::from(last))
}

fn dutch(rest: &[u8]) -> Option<bool> {
    let (head, tail) = rest.split_first_chunk::<9>()?;
    let digits = values::<9>(head)?;
    let branch = values::<2>(tail.strip_prefix(b"B")?)?;
    let is_by_97 = || remainder_97(b"NL".iter().chain(rest)) == Some(1);
    Some(number(&branch) > 0 && number(&digits) > 0 && (passes_eleven_test(&digits) || is_by_97()))
}

fn romanian(rest: &[u8]) -> Option<bool> {
    if rest.len() == 13 {
        return Some(super::eastern::ro_cnp(rest));
    }
    let (last, body) = rest.split_last()?;
    let last = last.checked_sub(b'0').filter(|value| *value <= 9)?;
    if !(1..=9).contains(&body.len()) || rest.first() == Some(&b'0') {
        return None;
    }
    let mut padded = [0; 9];
    for (place, byte) in padded.iter_mut().rev().zip(body.iter().rev()) {
        *place = byte.checked_sub(b'0').filter(|value| *value <= 9)?;
    }
    let sum = weighted(&padded, &[7, 5, 3, 2, 1, 7, 5, 3, 2]) * 10;
    Some(sum % 11 % 10 == u32::from(last))
}

/// A British number of nine digits, or twelve with a branch.
fn is_british(rest: &[u8]) -> Option<bool> {
    let digits = match rest.len() {
        9 => values::<9>(rest)?,
        12 => *values::<12>(rest)?.first_chunk::<9>()?,
        _ => return None,
    };
    let sum = weighted(&digits, &[8, 7, 6, 5, 4, 3, 2, 10, 1]) % 97;
    let is_new = number(&digits[..3]) >= 100 && matches!(sum, 42 | 55);
    Some(digits != [0; 9] && (sum == 0 || is_new))
}

/// A British VAT number with its two letters. At most [`VAT_MAX`] bytes.
pub fn uk_vat(candidate: &[u8]) -> bool {
    if candidate.len() > VAT_MAX {
        return false;
    }
    let Some(read) = loose::<14>(candidate, SEPARATORS.as_bytes()) else { return false };
    read.as_slice().strip_prefix(b"GB").and_then(is_british).unwrap_or(false)
}

/// The number of a Swiss firm, perhaps with the mark of the tax. At most [`VAT_MAX`] bytes.
pub fn ch_uid(candidate: &[u8]) -> bool {
    if candidate.len() > VAT_MAX {
        return false;
    }
    let Some(read) = loose::<16>(candidate, SEPARATORS.as_bytes()) else { return false };
    let Some(rest) = read.as_slice().strip_prefix(b"CHE") else { return false };
    let Some((digits, mark)) = rest.split_first_chunk::<9>() else { return false };
    let Some(digits) = values::<9>(digits) else { return false };
    matches!(mark, b"" | b"MWST" | b"TVA" | b"IVA" | b"TPV")
        && weighted(&digits, &[5, 4, 3, 2, 7, 6, 5, 4, 1]).is_multiple_of(11)
        && digits != [0; 9]
}

/// The number of a Norwegian firm, perhaps with the country and the mark of the tax. At most
/// [`VAT_MAX`] bytes.
pub fn no_orgnr(candidate: &[u8]) -> bool {
    if candidate.len() > VAT_MAX {
        return false;
    }
    let Some(read) = loose::<14>(candidate, b" ") else { return false };
    let text = read.as_slice();
    let text = text.strip_prefix(b"NO").unwrap_or(text);
    let text = text.strip_suffix(b"MVA").unwrap_or(text);
    values::<9>(text).is_some_and(|digits| {
        weighted(&digits, &[3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11) && digits != [0; 9]
    })
}

//! Numbers of Poland, the Czech Republic, Slovakia, Hungary, Romania, Bulgaria, Ukraine and Russia.
//!
//! Invariant: every number here carries a check digit, and it is checked.

use super::super::calendar::{is_date, two};
use super::super::checksum::{base_36, weighted};
use super::super::entity::EntityType;
use super::super::read::{characters, digits, is_one_repeated, number};

const ELEVEN: &[&str] = &["99999999999"];
const NIP: &[&str] = &["9999999999", "999-999-99-99", "999-99-99-999", "999 999 99 99"];
const REGON: &[&str] = &["999999999", "99999999999999"];
const DOWOD: &[&str] = &["AAA999999", "AAA 999999"];
const RODNE: &[&str] = &["999999/9999", "9999999999"];
const RODNE_SHORT: &[&str] = &["999999/999", "999999999"];
const RODNE_ALL: &[&str] = &["999999/9999", "9999999999", "999999/999", "999999999"];
const CNP: &[&str] = &["9999999999999"];
const TEN: &[&str] = &["9999999999"];
const TAJ: &[&str] = &["999999999", "999 999 999"];
const SNILS: &[&str] = &["999-999-999 99", "99999999999", "999-999-999-99"];
const INN: &[&str] = &["999999999999"];
const INN_FIRM: &[&str] = &["9999999999"];
const INN_ALL: &[&str] = &["999999999999", "9999999999"];

/// The kinds of this region.
pub const ENTITIES: &[EntityType] = &[
    EntityType::digits("pl_pesel", "national_id", "", ELEVEN, pl_pesel)
        .certainty(45, 45, 98)
        .context(&["pesel"])
        .samples(&["44051401359", "02070803628"], &["44051401358", "44131401353"]),
    EntityType::digits("pl_nip", "tax_id", "- ", NIP, pl_nip)
        .certainty(15, 75, 97)
        .context(&["nip", "podatk"])
        .samples(&["856-734-62-15", "8567346215"], &["856-734-62-16", "0000000000"]),
    EntityType::digits("pl_regon", "tax_id", "", REGON, pl_regon)
        .only_in_context(96, &["regon"])
        .samples(&["192598184", "12345678512347"], &["192598183", "12345678612342"]),
    EntityType::mixed("pl_id_card", "document", " ", DOWOD, pl_id_card)
        .certainty(55, 55, 98)
        .context(&["dowód", "dowod", "dowód osobisty", "dowodu", "seria i numer"])
        .samples(&["ABA300000", "ABS123456"], &["ABA300001", "AB1300000"]),
    EntityType::digits("cz_rodne_cislo", "national_id", "/", RODNE_ALL, cz_rodne_cislo)
        .certainty(25, 92, 98)
        .context(&["rodné číslo", "rodne cislo", "r.č.", "rč", "rodného čísla"])
        .samples(
            &["710319/2745", "7103192745", "991231/123"],
            &["710319/2746", "711319/2745", "590312/123"],
        ),
    EntityType::digits("ro_cnp", "national_id", "", CNP, ro_cnp)
        .certainty(65, 65, 98)
        .context(&["cnp", "cod numeric personal"])
        .samples(&["1630615123457"], &["1630615123458", "1631315123457", "0800101221142"]),
    EntityType::digits("bg_egn", "national_id", "", TEN, bg_egn)
        .certainty(25, 25, 98)
        .context(&["егн", "egn"])
        .samples(&["7523169263", "8032056031", "7552010005"], &["7552010004", "8019010008"]),
    EntityType::digits("hu_taj", "health", " ", TAJ, hu_taj)
        .certainty(10, 40, 97)
        .context(&["taj", "taj-szám", "taj szám", "társadalombiztosítási"])
        .samples(&["111 111 110", "111111110"], &["111 111 111"]),
    EntityType::digits("hu_adoazonosito", "tax_id", "", TEN, hu_adoazonosito)
        .certainty(20, 20, 97)
        .context(&["adóazonosító", "adoazonosito", "adóazonosító jel", "adójel"])
        .samples(&["8071592153"], &["8071592154", "7071592153"]),
    EntityType::digits("ua_rntrc", "tax_id", "", TEN, ua_rntrc)
        .certainty(12, 12, 97)
        .context(&["рнокпп", "іпн", "ідентифікаційний", "rntrc"])
        .samples(&["1759013776"], &["1759013770"]),
    EntityType::digits("ru_inn", "tax_id", "", INN_ALL, ru_inn)
        .certainty(30, 30, 97)
        .context(&["инн", "inn"])
        .samples(&["123456789047", "1234567894"], &["123456789037", "1234567895"]),
    EntityType::digits("ru_snils", "national_id", "- ", SNILS, ru_snils)
        .certainty(30, 92, 98)
        .context(&["снилс", "snils", "страховой номер"])
        .samples(&["112-233-445 95", "11223344595"], &["112-233-445 96"]),
];

/// A Polish number: date of birth with the century in the month, serial, check digit.
pub fn pl_pesel(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, ELEVEN) else { return false };
    let month = two(digits[2], digits[3]);
    let century = match month / 20 {
        0 => 1900,
        1 => 2000,
        2 => 2100,
        3 => 2200,
        _ => 1800,
    };
    is_date(century + two(digits[0], digits[1]), month % 20, two(digits[4], digits[5]))
        && weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// A Polish tax number.
pub fn pl_nip(candidate: &[u8]) -> bool {
    digits::<10>(candidate, NIP).is_some_and(|digits| is_nip(&digits))
}

pub(super) fn is_nip(digits: &[u8; 10]) -> bool {
    // The last weight is minus one, modulo 11.
    weighted(digits, &[6, 5, 7, 2, 3, 4, 5, 6, 7, 10]).is_multiple_of(11) && *digits != [0; 10]
}

/// A Polish number of a firm, of nine digits or fourteen.
pub fn pl_regon(candidate: &[u8]) -> bool {
    let check = |digits: &[u8], weights: &[u8]| weighted(digits, weights) % 11 % 10;
    let is_short = |digits: &[u8]| {
        digits
            .get(8)
            .is_some_and(|last| check(digits, &[8, 9, 2, 3, 4, 5, 6, 7]) == u32::from(*last))
    };
    if let Some(digits) = digits::<9>(candidate, REGON) {
        return is_short(&digits) && digits != [0; 9];
    }
    let Some(digits) = digits::<14>(candidate, REGON) else { return false };
    digits != [0; 14]
        && is_short(&digits)
        && check(&digits, &[2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8]) == u32::from(digits[13])
}

/// A Polish identity card: three letters, a check digit, five digits.
pub fn pl_id_card(candidate: &[u8]) -> bool {
    let Some(text) = characters::<9>(candidate, DOWOD) else { return false };
    const WEIGHTS: [u32; 9] = [7, 3, 1, 9, 7, 3, 1, 7, 3];
    let values = text.iter().map(|byte| u32::from(base_36(*byte).unwrap_or(0)));
    values.zip(WEIGHTS).map(|(value, weight)| value * weight).sum::<u32>().is_multiple_of(10)
}

/// A Czech or Slovak birth number: date (50 more in a woman's month, 20 more where a day ran out
/// of numbers), serial, and a check digit since 1954.
pub fn cz_rodne_cislo(candidate: &[u8]) -> bool {
    let (date, year) = if let Some(digits) = digits::<10>(candidate, RODNE) {
        let year = two(digits[0], digits[1]);
        let (body, check) = digits.split_at(9);
        if number(body) % 11 % 10 != number(check) || is_one_repeated(&digits) {
            return false;
        }
        let [_, _, date @ .., _, _, _, _] = digits;
        (date, if year < 54 { 2000 + year } else { 1900 + year })
    } else if let Some(digits) = digits::<9>(candidate, RODNE_SHORT) {
        let year = match two(digits[0], digits[1]) {
            year @ 0..=53 => 1900 + year,
            year @ 80.. => 1800 + year,
            _ => return false,
        };
        let [_, _, date @ .., _, _, _] = digits;
        (date, year)
    } else {
        return false;
    };
    let [m, o, d, a] = date;
    is_date(year, two(m, o) % 50 % 20, two(d, a))
}

/// A Romanian number: sex and century, date of birth, county, serial, check digit.
pub fn ro_cnp(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<13>(candidate, CNP) else { return false };
    let century = match digits[0] {
        0 => return false,
        3 | 4 => 1800,
        5 | 6 => 2000,
        _ => 1900,
    };
    let check = match weighted(&digits, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11 {
        10 => 1,
        rest => rest,
    };
    let year = century + two(digits[1], digits[2]);
    is_date(year, two(digits[3], digits[4]), two(digits[5], digits[6]))
        && matches!(two(digits[7], digits[8]), 1..=48 | 51 | 52 | 70 | 80..=83)
        && check == u32::from(digits[12])
}

/// A Bulgarian number: date of birth with the century in the month, serial, check digit.
pub fn bg_egn(candidate: &[u8]) -> bool {
    digits::<10>(candidate, TEN).is_some_and(|digits| is_egn(&digits))
}

pub(super) fn is_egn(digits: &[u8; 10]) -> bool {
    let (century, month) = match two(digits[2], digits[3]) {
        month @ 41.. => (2000, month - 40),
        month @ 21..=40 => (1800, month - 20),
        month => (1900, month),
    };
    let check = weighted(digits, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    is_date(century + two(digits[0], digits[1]), month, two(digits[4], digits[5]))
        && check == u32::from(digits[9])
}

/// A Hungarian number of social security: weights 3 and 7 in turn.
pub fn hu_taj(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<9>(candidate, TAJ) else { return false };
    weighted(&digits, &[3, 7, 3, 7, 3, 7, 3, 7]) % 10 == u32::from(digits[8]) && digits != [0; 9]
}

/// A Hungarian tax number of a person: from 8 on, each digit weighted by its place.
pub fn hu_adoazonosito(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<10>(candidate, TEN) else { return false };
    digits[0] == 8 && weighted(&digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 == u32::from(digits[9])
}

/// A Ukrainian tax number of a person.
pub fn ua_rntrc(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<10>(candidate, TEN) else { return false };
    // The first weight is minus one, modulo 11.
    let sum = weighted(&digits, &[10, 5, 7, 9, 4, 6, 10, 5, 7]);
    sum % 11 % 10 == u32::from(digits[9]) && digits != [0; 10]
}

/// A Russian tax number: twelve digits of a person, ten of a firm.
pub fn ru_inn(candidate: &[u8]) -> bool {
    let check = |digits: &[u8], weights: &[u8]| weighted(digits, weights) % 11 % 10;
    if let Some(digits) = digits::<12>(candidate, INN) {
        return digits != [0; 12]
            && check(&digits, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) == u32::from(digits[10])
            && check(&digits, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) == u32::from(digits[11]);
    }
    let Some(digits) = digits::<10>(candidate, INN_FIRM) else { return false };
    digits != [0; 10] && check(&digits, &[2, 4, 10, 3, 5, 9, 4, 6, 8]) == u32::from(digits[9])
}

/// A Russian number of social insurance: nine digits and their weighted sum by 101.
pub fn ru_snils(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, SNILS) else { return false };
    let sum = weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2, 1]);
    // Numbers up to 001-001-998 have no check.
    number(&digits[..9]) > 1_001_998 && u64::from(sum % 101 % 100) == number(&digits[9..])
}

//! Numbers of France, the Benelux countries and Ireland.
//!
//! Invariant: every number here carries a check digit, and it is checked.

use super::super::calendar::{is_date, two};
use super::super::checksum::{luhn, remainder, verhoeff, weighted};
use super::super::entity::EntityType;
use super::super::read::{characters, digits, number, values};

const NIR: &[&str] = &["99999XX99999999", "9 99 99 XX 999 999 99", "99999XX999999 99"];
const FISCAL: &[&str] = &["9999999999999", "99 99 999 999 999"];
const SIREN: &[&str] = &["999 999 999", "999999999"];
const SIRET: &[&str] = &["999 999 999 99999", "99999999999999"];
const BSN: &[&str] = &["999999999", "9999.99.999", "9999 99 999", "999 999 999"];
const RRN: &[&str] =
    &["99.99.99-999.99", "99999999999", "99 99 99 999 99", "999999-999-99", "999999-999.99"];
const LUXEMBOURG: &[&str] = &["9999999999999", "9999 99 99 999 99", "99999999 99999"];
const PPS: &[&str] = &["9999999A", "9999999AA", "9999999 A", "9999999 AA"];

/// The kinds of this region.
pub const ENTITIES: &[EntityType] = &[
    EntityType::mixed("fr_nir", "national_id", " ", NIR, fr_nir)
        .certainty(75, 95, 99)
        .context(&[
            "nir",
            "sécurité sociale",
            "securite sociale",
            "numéro de sécurité sociale",
            "insee",
            "carte vitale",
            "n° ss",
        ])
        .samples(
            &["295109912611193", "2 95 10 99 126 111 93", "253072B07300470"],
            &["295109912611194", "995109912611193", "2 95 10 99 126 11 193"],
        ),
    EntityType::digits("fr_numero_fiscal", "tax_id", " ", FISCAL, fr_numero_fiscal)
        .certainty(35, 85, 98)
        .context(&["numéro fiscal", "numero fiscal", "spi", "impôts", "impots", "fiscal"])
        .samples(&["0701987765493", "07 01 987 765 493"], &["0701987765492", "4701987765493"]),
    EntityType::digits("fr_siren", "tax_id", " ", SIREN, fr_siren)
        .only_in_context(95, &["siren", "rcs", "numéro siren"])
        .samples(&["552 008 443", "552008443"], &["552 008 444"]),
    EntityType::digits("fr_siret", "tax_id", " ", SIRET, fr_siret)
        .certainty(15, 60, 97)
        .context(&["siret", "rcs", "établissement"])
        .samples(&["732 829 320 00074", "73282932000074"], &["732 829 320 00075"]),
    EntityType::digits("nl_bsn", "national_id", ". ", BSN, nl_bsn)
        .certainty(10, 60, 97)
        .context(&["bsn", "burgerservicenummer", "sofi", "sofinummer", "burger service nummer"])
        .samples(&["1112.22.333", "111222333"], &["1112.52.333", "000000000"]),
    EntityType::digits("be_rrn", "national_id", ".- ", RRN, be_rrn)
        .certainty(45, 97, 99)
        .context(&[
            "rijksregisternummer",
            "rijksregister",
            "registre national",
            "numéro national",
            "insz",
            "niss",
            "nrn",
            "national number",
        ])
        .samples(
            &["85.07.30-033.28", "85073003328", "17073003384"],
            &["85.07.30-033.29", "85133003328"],
        ),
    EntityType::digits("lu_national_id", "national_id", " ", LUXEMBOURG, lu_national_id)
        .certainty(90, 95, 99)
        .context(&["matricule", "numéro d'identification", "ccss"])
        .samples(&["1983081401120"], &["1983081401121", "1983131401191"]),
    EntityType::mixed("ie_pps", "national_id", " ", PPS, ie_pps)
        .certainty(45, 45, 98)
        .context(&["pps", "ppsn", "pps number", "personal public service", "rsi"])
        .samples(&["6433435F", "6433435FT", "6433435OA"], &["6433435E", "6433435VH", "6433435FZ"]),
];

/// A French social security number: 97 less the rest of its first thirteen digits, where Corsica's
/// 2A and 2B count as 19 and 18.
pub fn fr_nir(candidate: &[u8]) -> bool {
    let Some(mut text) = characters::<15>(candidate, NIR) else { return false };
    match &text[5..7] {
        b"2A" => text[5..7].copy_from_slice(b"19"),
        b"2B" => text[5..7].copy_from_slice(b"18"),
        _ => {}
    }
    let Some(values) = values::<15>(&text) else { return false };
    let (body, check) = values.split_at(13);
    matches!(values[0], 1..=4 | 7 | 8) && u64::from(97 - remainder(body, 97)) == number(check)
}

/// A French tax number: the last three digits are the rest of the others by 511.
pub fn fr_numero_fiscal(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<13>(candidate, FISCAL) else { return false };
    digits[0] <= 3 && u64::from(remainder(&digits[..10], 511)) == number(&digits[10..])
}

/// The number of a French firm: nine digits by Luhn.
pub fn fr_siren(candidate: &[u8]) -> bool {
    digits::<9>(candidate, SIREN).is_some_and(|number| luhn(&number) && number != [0; 9])
}

/// The number of a French firm's establishment: fourteen digits by Luhn, or of the post office,
/// whose digits add up to a multiple of five.
pub fn fr_siret(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<14>(candidate, SIRET) else { return false };
    let sum: u32 = digits.iter().map(|digit| u32::from(*digit)).sum();
    // The head office of the post is numbered like any other firm.
    match number(&digits[..9]) {
        356_000_000 if number(&digits[9..]) != 48 => sum.is_multiple_of(5),
        _ => luhn(&digits[..9]) && luhn(&digits) && digits != [0; 14],
    }
}

/// A Dutch citizen service number: the eleven test.
pub fn nl_bsn(candidate: &[u8]) -> bool {
    digits::<9>(candidate, BSN).is_some_and(|number| passes_eleven_test(&number))
}

/// The weights 9 to 2, and the last digit taken away.
pub(super) fn passes_eleven_test(number: &[u8; 9]) -> bool {
    weighted(number, &[9, 8, 7, 6, 5, 4, 3, 2, 10]).is_multiple_of(11) && *number != [0; 9]
}

/// A Belgian national number, or a number of the `bis` register whose month is 20 or 40 higher:
/// 97 less the rest of its first nine digits, behind a 2 for those born since 2000.
pub fn be_rrn(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, RRN) else { return false };
    let (body, check) = digits.split_at(9);
    let check = number(check);
    let body = number(body);
    let is_right = |body: u64| 97 - body % 97 == check;
    matches!(digits[2] * 10 + digits[3], 0..=12 | 20..=32 | 40..=52)
        && body != 0
        && (is_right(body) || is_right(body + 2_000_000_000))
}

/// A number of a person in Luxembourg: a date of birth, a serial, a digit by Luhn and one by
/// Verhoeff.
pub fn lu_national_id(candidate: &[u8]) -> bool {
    let Some(number) = digits::<13>(candidate, LUXEMBOURG) else { return false };
    let [y, e, a, r, m, n, d, f, i, j, k, by_luhn, by_verhoeff] = number;
    let year = two(y, e) * 100 + two(a, r);
    (1850..2100).contains(&year)
        && is_date(year, two(m, n), two(d, f))
        && luhn(&[y, e, a, r, m, n, d, f, i, j, k, by_luhn])
        && verhoeff(&[y, e, a, r, m, n, d, f, i, j, k, by_verhoeff])
}

/// An Irish personal public service number: seven digits, a check letter, perhaps another letter.
pub fn ie_pps(candidate: &[u8]) -> bool {
    let (head, last) = if let Some(number) = characters::<8>(candidate, PPS) {
        (number, None)
    } else if let Some([a, b, c, d, e, f, g, h, last]) = characters::<9>(candidate, PPS) {
        ([a, b, c, d, e, f, g, h], Some(last))
    } else {
        return false;
    };
    let Some(digits) = values::<7>(&head[..7]) else { return false };
    let second = match last {
        None | Some(b'W' | b'T' | b'X') => 0,
        Some(letter @ (b'A' | b'B' | b'H')) => letter - b'A' + 1,
        Some(_) => return false,
    };
    irish_check(&digits, second) == head[7]
}

/// The check letter of seven digits and the place of a second letter.
pub(super) fn irish_check(digits: &[u8; 7], second: u8) -> u8 {
    let sum = weighted(digits, &[8, 7, 6, 5, 4, 3, 2]) + 9 * u32::from(second);
    b"WABCDEFGHIJKLMNOPQRSTUV".get(sum as usize % 23).copied().unwrap_or(b'W')
}

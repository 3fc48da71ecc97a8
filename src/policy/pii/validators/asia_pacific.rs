//! Numbers of Australia, New Zealand and East and South-East Asia. The engine reaches them through
//! [`ENTITIES`].
//!
//! Invariant: what has no check digit has a date of birth, or needs its context.

use super::calendar::{is_date, is_date_of_some_century, two};
use super::checksum::{base_36, index, weighted};
use super::entity::EntityType;
use super::read::{characters, digits, is_one_repeated, number, values};

const TFN: &[&str] = &["999 999 999", "999-999-999", "999999999"];
const TFN_SHORT: &[&str] = &["99 999 999", "999 999 99", "99999999"];
const TFN_ALL: &[&str] =
    &["999 999 999", "999-999-999", "999999999", "99 999 999", "999 999 99", "99999999"];
const ABN: &[&str] = &["99 999 999 999", "99999999999"];
const ACN: &[&str] = &["999 999 999", "999999999"];
const MEDICARE: &[&str] = &[
    "9999 99999 9",
    "9999999999",
    "9999-99999-9",
    "9999 99999 9 9",
    "9999 99999 9/9",
    "99999999999",
];
const IRD: &[&str] =
    &["99-999-999", "999-999-999", "99999999", "999999999", "99 999 999", "999 999 999"];
const NHI: &[&str] = &["AAA9999", "AAA99AX"];
const NRIC: &[&str] = &["A9999999A"];
const RRN: &[&str] = &["999999-9999999", "9999999999999"];
const MY_NUMBER: &[&str] = &["9999 9999 9999", "999999999999", "9999-9999-9999"];
const CN: &[&str] = &["99999999999999999X"];
const HKID: &[&str] =
    &["A999999(X)", "AA999999(X)", "A999999(X", "AA999999(X", "A999999X", "AA999999X"];
const TW: &[&str] = &["A999999999"];
const TH: &[&str] = &["9-9999-99999-99-9", "9 9999 99999 99 9", "9999999999999"];
const NIK: &[&str] = &["9999999999999999", "999999.999999.9999", "99.99.99.999999.9999"];
const MY: &[&str] = &["999999-99-9999", "999999999999"];
const PH: &[&str] = &["99-9999999-9"];

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::digits("au_tfn", "tax_id", " -", TFN_ALL, au_tfn)
        .certainty(10, 65, 98)
        .context(&["tfn", "tax file", "tax file number"])
        .samples(&["123 456 782", "123456782", "37 118 629"], &["999 999 999", "123 456 783"]),
    EntityType::digits("au_abn", "tax_id", " ", ABN, au_abn)
        .certainty(35, 85, 98)
        .context(&["abn", "business number", "australian business"])
        .samples(&["83 914 571 673", "51824753556"], &["99 999 999 999", "51824753557"]),
    EntityType::digits("au_acn", "tax_id", " ", ACN, au_acn)
        .only_in_context(96, &["acn", "company number"])
        .samples(&["004 085 616", "010749961"], &["999 999 999"]),
    EntityType::digits("au_medicare", "health", " -/", MEDICARE, au_medicare)
        .certainty(20, 75, 98)
        .context(&["medicare", "irn", "medicare card"])
        .samples(
            &["2123 45670 1", "2123456701", "2123 45670 1/2"],
            &["2123 45671 1", "7123 45670 1"],
        ),
    EntityType::digits("nz_ird", "tax_id", "- ", IRD, nz_ird)
        .certainty(8, 40, 97)
        .context(&["ird", "ird number", "inland revenue"])
        .samples(&["49-091-850", "136410132"], &["49-091-851", "99-999-999", "136410133"]),
    EntityType::mixed("nz_nhi", "health", "", NHI, nz_nhi)
        .certainty(20, 20, 97)
        .context(&["nhi", "nhi number", "national health index"])
        .samples(&["ZZZ0016", "ALU18KZ"], &["ZZZ0044", "AIU18KZ", "ZZZ00AY"]),
    EntityType::mixed("sg_nric", "national_id", "", NRIC, sg_nric)
        .certainty(90, 90, 99)
        .context(&["nric", "fin", "identity card", "ic number"])
        .samples(
            &["S1234567D", "F1234567N", "T0000001E", "M1234567K"],
            &["S1234567A", "R1234567D"],
        ),
    EntityType::digits("kr_rrn", "national_id", "-", RRN, kr_rrn)
        .certainty(50, 95, 99)
        .context(&["rrn", "resident registration", "주민등록번호", "주민번호"])
        .samples(&["971013-9019902", "9710139019902"], &["971013-9019903", "971313-9019902"]),
    EntityType::digits("jp_my_number", "national_id", " -", MY_NUMBER, jp_my_number)
        .certainty(20, 45, 97)
        .context(&["my number", "マイナンバー", "個人番号", "individual number"])
        .samples(&["6214 9832 0257", "621498320257"], &["6214 9832 0258"]),
    EntityType::mixed("cn_resident_id", "national_id", "", CN, cn_resident_id)
        .certainty(92, 92, 99)
        .context(&["身份证", "身份证号", "居民身份证", "resident id", "id card"])
        .samples(
            &["360426199101010071", "11010519491231002X"],
            &["360426199101010072", "110105194913310025"],
        ),
    EntityType::mixed("hk_id", "national_id", "()", HKID, hk_id)
        .certainty(30, 92, 98)
        .context(&["hkid", "hong kong id", "identity card", "身份證"])
        .samples(
            &["A123456(3)", "A1234563", "AB987654(3)", "AB9876543"],
            &["A123456(4)", "A123456(B)"],
        ),
    EntityType::mixed("tw_national_id", "national_id", "", TW, tw_national_id)
        .certainty(65, 65, 98)
        .context(&["身分證", "身分證字號", "national id", "統一證號"])
        .samples(&["A123456789", "F131104093"], &["A123456788", "A323456789"]),
    EntityType::digits("th_pin", "national_id", "- ", TH, th_pin)
        .certainty(30, 92, 98)
        .context(&["บัตรประชาชน", "เลขประจำตัวประชาชน", "thai id", "national id"])
        .samples(
            &["1-2345-45678-78-1", "1234545678781"],
            &["1-2345-45678-78-9", "0-2345-45678-78-1"],
        ),
    EntityType::digits("id_nik", "national_id", ".", NIK, id_nik)
        .certainty(45, 80, 97)
        .context(&["nik", "ktp", "nomor induk", "induk kependudukan"])
        .samples(
            &["3171011708450001", "3171015708450001"],
            &["3171013208450001", "0071011708450001", "3171011713450001"],
        ),
    EntityType::digits("my_nric", "national_id", "-", MY, my_nric)
        .certainty(25, 85, 97)
        .context(&["mykad", "nric", "ic", "kad pengenalan", "no. kp"])
        .samples(&["770305-02-1234", "770305021234"], &["771305-02-1234", "770305-17-1234"]),
    EntityType::digits("ph_sss", "national_id", "-", PH, ph_sss)
        .only_in_context(92, &["sss", "social security system", "sss no"])
        .samples(&["34-1234567-8"], &["34-123456-8"]),
];

/// An Australian tax file number of nine digits, or an old one of eight with weights of its own.
pub fn au_tfn(candidate: &[u8]) -> bool {
    let is_right = |digits: &[u8], weights: &[u8]| {
        weighted(digits, weights).is_multiple_of(11) && !is_one_repeated(digits)
    };
    match digits::<9>(candidate, TFN) {
        Some(digits) => is_right(&digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]),
        None => digits::<8>(candidate, TFN_SHORT)
            .is_some_and(|digits| is_right(&digits, &[10, 7, 8, 4, 6, 3, 5, 1])),
    }
}

/// An Australian business number: weighted by odd numbers, one taken from the first digit.
pub fn au_abn(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, ABN) else { return false };
    let sum = weighted(&digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    // The check digits in front are 11 to 99.
    two(digits[0], digits[1]) >= 11 && sum.checked_sub(10).is_some_and(|sum| sum.is_multiple_of(89))
}

/// An Australian company number.
pub fn au_acn(candidate: &[u8]) -> bool {
    digits::<9>(candidate, ACN).is_some_and(|digits| {
        let sum = weighted(&digits, &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
        sum.is_multiple_of(10) && digits != [0; 9]
    })
}

/// An Australian Medicare card: from 2 to 6 on, the ninth digit checks, then the number of the card
/// and perhaps of the person.
pub fn au_medicare(candidate: &[u8]) -> bool {
    let long = digits::<11>(candidate, MEDICARE).and_then(|digits| digits.first_chunk().copied());
    let Some(digits) = long.or_else(|| digits::<10>(candidate, MEDICARE)) else { return false };
    (2..=6).contains(&digits[0])
        && digits[9] != 0
        && weighted(&digits, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == u32::from(digits[8])
}

/// A tax number of New Zealand, with a second round of weights where the first leaves ten.
pub fn nz_ird(candidate: &[u8]) -> bool {
    let long = digits::<9>(candidate, IRD);
    let Some([body @ .., last]) = long.or_else(|| {
        let [a, b, c, d, e, f, g, h] = digits::<8>(candidate, IRD)?;
        Some([0, a, b, c, d, e, f, g, h])
    }) else {
        return false;
    };
    let check = |weights: &[u8; 8]| (11 - weighted(&body, weights) % 11) % 11;
    let check = match check(&[3, 2, 7, 6, 5, 4, 3, 2]) {
        10 => check(&[7, 4, 3, 2, 5, 2, 7, 6]),
        check => check,
    };
    let whole = number(&body) * 10 + u64::from(last);
    (10_000_001..150_000_000).contains(&whole) && check == u32::from(last)
}

/// A health index number of New Zealand (HISO 10046): three letters without I and O, then digits
/// with a check by 11, or digits and letters with one by 24 since 2019.
pub fn nz_nhi(candidate: &[u8]) -> bool {
    let Some(text) = characters::<7>(candidate, NHI) else { return false };
    let mut sum = 0_u32;
    for (byte, weight) in text[..6].iter().zip((2..=7).rev()) {
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            letter => match index(b"ABCDEFGHJKLMNPQRSTUVWXYZ", *letter) {
                Some(place) => place + 1,
                None => return false,
            },
        };
        sum += u32::from(value) * weight;
    }
    if text[5].is_ascii_digit() {
        let check = 11 - sum % 11;
        return check != 11 && u32::from(text[6]) == u32::from(b'0') + check % 10;
    }
    let check = 24 - sum % 24;
    let letter = b"ABCDEFGHJKLMNPQRSTUVWXYZ".get(check as usize - 1);
    letter == Some(&text[6])
}

/// An identity number of Singapore: the letter of the series, seven digits, a check letter.
pub fn sg_nric(candidate: &[u8]) -> bool {
    let Some(text) = characters::<9>(candidate, NRIC) else { return false };
    let Some(digits) = values::<7>(&text[1..8]) else { return false };
    let sum = weighted(&digits, &[2, 7, 6, 5, 4, 3, 2]);
    let (offset, letters) = match text[0] {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    letters.get(((sum + offset) % 11) as usize) == Some(&text[8])
}

/// A South Korean number: date of birth, sex and century, serial, check digit. Numbers given out
/// since October 2020 have none, so that nine in ten of them are not found.
pub fn kr_rrn(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<13>(candidate, RRN) else { return false };
    let century = match digits[6] {
        1 | 2 | 5 | 6 => 1900,
        3 | 4 | 7 | 8 => 2000,
        _ => 1800,
    };
    let sum = weighted(&digits, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    is_date(
        century + two(digits[0], digits[1]),
        two(digits[2], digits[3]),
        two(digits[4], digits[5]),
    ) && two(digits[7], digits[8]) <= 96
        && (11 - sum % 11) % 10 == u32::from(digits[12])
}

/// A Japanese individual number: twelve digits, the last by weights modulo 11.
pub fn jp_my_number(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<12>(candidate, MY_NUMBER) else { return false };
    let sum = weighted(&digits, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    (11 - sum % 11) % 11 % 10 == u32::from(digits[11]) && !is_one_repeated(&digits)
}

/// A Chinese resident number (GB 11643): province, date of birth, serial, a check by ISO/IEC 7064
/// MOD 11-2.
pub fn cn_resident_id(candidate: &[u8]) -> bool {
    let Some(text) = characters::<18>(candidate, CN) else { return false };
    let Some(digits) = values::<17>(&text[..17]) else { return false };
    const WEIGHTS: [u8; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let check = b"10X98765432".get((weighted(&digits, &WEIGHTS) % 11) as usize);
    let year = two(digits[6], digits[7]) * 100 + two(digits[8], digits[9]);
    let province = two(digits[0], digits[1]);
    check == Some(&text[17])
        && matches!(
            province,
            11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81 | 82
        )
        && (1800..2100).contains(&year)
        && is_date(year, two(digits[10], digits[11]), two(digits[12], digits[13]))
}

/// An identity card of Hong Kong: one letter or two, six digits, a check digit or A.
pub fn hk_id(candidate: &[u8]) -> bool {
    let (first, rest) = if let Some([first, rest @ ..]) = characters::<9>(candidate, HKID) {
        (u32::from(base_36(first).unwrap_or(0)), rest)
    } else if let Some(rest) = characters::<8>(candidate, HKID) {
        // A space counts 36.
        (36, rest)
    } else {
        return false;
    };
    let [letter, body @ .., check] = rest;
    let Some(digits) = values::<6>(&body) else { return false };
    let sum = first * 9
        + u32::from(base_36(letter).unwrap_or(0)) * 8
        + weighted(&digits, &[7, 6, 5, 4, 3, 2]);
    let check = match check {
        b'A' => 10,
        digit => u32::from(digit.saturating_sub(b'0')),
    };
    check <= 10 && (sum + check).is_multiple_of(11)
}

/// A Taiwanese identity number: letter of the place, sex, serial, check digit.
pub fn tw_national_id(candidate: &[u8]) -> bool {
    let Some([letter, rest @ ..]) = characters::<10>(candidate, TW) else { return false };
    let (Some(place), Some(digits)) =
        (index(b"ABCDEFGHJKLMNPQRSTUVXYWZIO", letter), values::<9>(&rest))
    else {
        return false;
    };
    let place = u32::from(place) + 10;
    let sum = place / 10 + place % 10 * 9 + weighted(&digits, &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
    matches!(digits[0], 1 | 2 | 8 | 9) && sum.is_multiple_of(10)
}

/// A Thai number of thirteen digits.
pub fn th_pin(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<13>(candidate, TH) else { return false };
    let sum = weighted(&digits, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    (1..=8).contains(&digits[0]) && (11 - sum % 11) % 10 == u32::from(digits[12])
}

/// An Indonesian number: place of registration, date of birth (40 more for women), serial.
pub fn id_nik(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<16>(candidate, NIK) else { return false };
    let day = two(digits[6], digits[7]) % 40;
    let province = two(digits[0], digits[1]);
    is_date_of_some_century(two(digits[10], digits[11]), two(digits[8], digits[9]), day)
        && matches!(
            province,
            11..=19 | 21 | 31..=36 | 51..=53 | 61..=65 | 71..=76 | 81 | 82 | 91..=97
        )
        && digits[12..] != [0; 4]
}

/// A Malaysian number: date of birth, place, serial.
pub fn my_nric(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<12>(candidate, MY) else { return false };
    let place = two(digits[6], digits[7]);
    is_date_of_some_century(
        two(digits[0], digits[1]),
        two(digits[2], digits[3]),
        two(digits[4], digits[5]),
    ) && !matches!(place, 0 | 17..=20 | 69 | 70 | 73 | 80 | 81 | 94..=97)
}

/// A Philippine number of social security, with its dashes.
pub fn ph_sss(candidate: &[u8]) -> bool {
    digits::<10>(candidate, PH).is_some_and(|digits| digits != [0; 10])
}

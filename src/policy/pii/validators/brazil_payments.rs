//! Payments in Brazil: boletos, PIX, and the key of an electronic invoice. The engine reaches them
//! through [`ENTITIES`].
//!
//! Invariant: a line of digits is accepted only if each of its check digits is right.

use super::checksum::{luhn, weighted};
use super::entity::{EntityType, Shape};
use super::network::uuid;
use super::read::{digits, has_form};

const BOLETO: &[&str] = &[
    "99999.99999 99999.999999 99999.999999 9 99999999999999",
    "99999999999999999999999999999999999999999999999",
];
const COLLECTION: &[&str] = &[
    "99999999999-9 99999999999-9 99999999999-9 99999999999-9",
    "999999999999 999999999999 999999999999 999999999999",
    "999999999999999999999999999999999999999999999999",
];
const BARS: &[&str] = &["99999999999999999999999999999999999999999999"];
const EVP: &[&str] = &["XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX"];
const INVOICE: &[&str] = &[
    "99999999999999999999999999999999999999999999",
    "9999 9999 9999 9999 9999 9999 9999 9999 9999 9999 9999",
];
const ACCOUNT: &[&str] =
    &["99999-9", "999999-9", "9999999-9", "99999999-9", "99.999-9", "99999-X", "9999-9"];

const CONTEXT: &[&str] =
    &["conta", "conta corrente", "c/c", "cc", "poupança", "agência", "agencia", "ag"];

/// The longest text of a PIX payment (BR Code, EMV QRCPS limits).
pub const PIX_CODE_MAX: usize = 512;

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::digits("br_boleto", "finance", ". ", BOLETO, br_boleto)
        .certainty(99, 99, 99)
        .context(&["boleto", "linha digitável", "código de barras", "pagamento"])
        .samples(
            &["00190.50095 54014.481607 69068.093504 9 37370000000100",
              "00190500955401448160769068093504937370000000100"],
            &["00190.50095 54014.481607 69068.093504 8 37370000000100",
              "00190.50096 54014.481607 69068.093504 9 37370000000100"],
        ),
    EntityType::digits("br_boleto_collection", "finance", "- ", COLLECTION, br_boleto_collection)
        .certainty(98, 98, 99)
        .context(&["boleto", "linha digitável", "conta", "fatura", "arrecadação"])
        .samples(
            &["83690000001-6 23450048100-2 00000123456-6 78901234567-2"],
            &["83690000001-6 23450048100-2 00000123456-6 78901234567-3",
              "73690000001-7 23450048100-2 00000123456-6 78901234567-2"],
        ),
    EntityType::digits("br_boleto_bars", "finance", "", BARS, br_boleto_bars)
        .certainty(85, 85, 98)
        .context(&["boleto", "código de barras", "codigo de barras"])
        .samples(
            &["00199373700000001000500954014481606906809350"],
            &["00198373700000001000500954014481606906809350"],
        ),
    EntityType::mixed("br_pix_key", "finance", "-", EVP, br_pix_key)
        .only_in_context(97, &["pix", "chave", "chave pix", "chave aleatória", "evp"])
        .samples(&["123e4567-e12b-42d1-a456-426655440000"], &["123e4567-e12b-42d1-a456-42665544000g"]),
    EntityType::new(
        "br_pix_code",
        "finance",
        Shape::Prefixed { prefixes: &["000201"], min: 60, max: 255, extra: ".*-/+:@ " },
        br_pix_code,
        PIX_CODE_MAX,
    )
    .certainty(99, 99, 99)
    .samples(
        &["00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR5\
           913Fulano de Tal6008BRASILIA62070503***63041D3D"],
        &["00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR5\
           913Fulano de Tal6008BRASILIA62070503***63041D3E"],
    ),
    EntityType::digits("br_invoice_key", "finance", " ", INVOICE, br_invoice_key)
        .certainty(85, 92, 98)
        .context(&["nfe", "nf-e", "nota fiscal", "chave de acesso", "danfe"])
        .samples(
            &["35230800000000000191550010000001231234567894"],
            &["35230800000000000191550010000001231234567895"],
        ),
    EntityType::mixed("br_bank_account", "finance", "-.", ACCOUNT, br_bank_account)
        .only_in_context(88, CONTEXT)
        .samples(&["12345-6", "12.345-6", "1234-5"], &["1234", "12345--6", "12345-A"]),
];

/// The check digit of a field by Luhn, and that of the bars by weights 2 to 9 from the end.
fn has_field_check<const N: usize>(field: &[u8; N]) -> bool {
    luhn(field)
}

/// Weights 2 to 9 in turn from the last digit on; `none` where eleven less the rest is 0, 10 or 11.
fn check_by_11<'d>(digits: impl DoubleEndedIterator<Item = &'d u8>, none: u8) -> u8 {
    let products = digits.rev().zip((2..=9_u32).cycle());
    match 11 - products.map(|(digit, weight)| u32::from(*digit) * weight).sum::<u32>() % 11 {
        10 | 11 => none,
        check => check as u8,
    }
}

/// A bank's boleto by its typed line of 47 digits: three fields by modulo 10, the whole by modulo
/// 11 (FEBRABAN).
pub fn br_boleto(candidate: &[u8]) -> bool {
    let Some(line) = digits::<47>(candidate, BOLETO) else { return false };
    let (fields, rest) = line.split_at(32);
    let (Some(first), Some(second), Some(third)) = (
        fields.first_chunk::<10>(),
        fields.get(10..21).and_then(|field| field.first_chunk::<11>()),
        fields.get(21..).and_then(|field| field.first_chunk::<11>()),
    ) else {
        return false;
    };
    let Some((check, value)) = rest.split_first() else { return false };
    let bars = first[..4].iter().chain(value);
    let bars = bars.chain(&first[4..9]).chain(&second[..10]).chain(&third[..10]);
    has_field_check(first)
        && has_field_check(second)
        && has_field_check(third)
        && check_by_11(bars, 1) == *check
        && line[..3] != [0; 3]
}

/// A boleto of a utility or an office by its typed line of 48 digits from 8 on: four fields, by
/// modulo 10 or 11 as the third digit says.
pub fn br_boleto_collection(candidate: &[u8]) -> bool {
    let Some(line) = digits::<48>(candidate, COLLECTION) else { return false };
    let is_by_10 = match line[2] {
        6 | 7 => true,
        8 | 9 => false,
        _ => return false,
    };
    line[0] == 8
        && line.as_chunks::<12>().0.iter().all(|field| {
            if is_by_10 {
                has_field_check(field)
            } else {
                check_by_11(field[..11].iter(), 0) == field[11]
            }
        })
}

/// The 44 digits of a bank boleto's bars, the fifth of which checks the others.
pub fn br_boleto_bars(candidate: &[u8]) -> bool {
    let Some(bars) = digits::<44>(candidate, BARS) else { return false };
    let (head, rest) = bars.split_at(4);
    let Some((check, rest)) = rest.split_first() else { return false };
    bars[0] != 8
        && head[..3] != [0; 3]
        && bars[3] == 9
        && check_by_11(head.iter().chain(rest), 1) == *check
}

/// A random key of PIX (EVP): a UUID.
pub fn br_pix_key(candidate: &[u8]) -> bool {
    uuid(candidate)
}

/// The text of a PIX payment: an EMV code that names the PIX and ends in its CRC. At most
/// [`PIX_CODE_MAX`] bytes.
pub fn br_pix_code(candidate: &[u8]) -> bool {
    const NAME: &[u8] = b"br.gov.bcb.pix";
    if candidate.len() > PIX_CODE_MAX || !candidate.starts_with(b"000201") {
        return false;
    }
    let Some((text, check)) = candidate.split_last_chunk::<4>() else { return false };
    let crc = text.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc: u16, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
        })
    });
    let written = std::str::from_utf8(check).ok().and_then(|hex| u16::from_str_radix(hex, 16).ok());
    text.ends_with(b"6304")
        && text.windows(NAME.len()).any(|window| window.eq_ignore_ascii_case(NAME))
        && written == Some(crc)
}

/// The key of an electronic invoice: state, month, firm, model, series, number, check digit.
pub fn br_invoice_key(candidate: &[u8]) -> bool {
    let Some(key) = digits::<44>(candidate, INVOICE) else { return false };
    let state = key[0] * 10 + key[1];
    let month = key[4] * 10 + key[5];
    matches!(state, 11..=17 | 21..=29 | 31..=33 | 35 | 41..=43 | 50..=53)
        && (1..=12).contains(&month)
        && check_by_11(key[..43].iter(), 0) == key[43]
        && weighted(&key[6..20], &[1; 14]) != 0
}

/// A bank account with its check digit behind a dash.
pub fn br_bank_account(candidate: &[u8]) -> bool {
    has_form(candidate, ACCOUNT)
        && candidate.last().is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'X' | b'x'))
}

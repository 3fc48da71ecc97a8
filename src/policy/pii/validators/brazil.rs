//! Numbers of persons, firms, cars and lawsuits in Brazil. The engine reaches them through
//! [`ENTITIES`]; payments have a file of their own.
//!
//! Invariant: what has check digits is checked by them; RG and passport need their context.

use super::checksum::{remainder, weighted};
use super::entity::EntityType;
use super::read::{characters, digits, has_form, is_one_repeated, number, values};

const CPF: &[&str] =
    &["999.999.999-99", "99999999999", "999999999-99", "999 999 999 99", "999-999-999-99"];
const CNPJ: &[&str] =
    &["XX.XXX.XXX/XXXX-99", "XXXXXXXXXXXX99", "XXXXXXXX/XXXX-99", "XX XXX XXX XXXX 99"];
const PIS: &[&str] = &["999.99999.99-9", "99999999999", "999.99999.999"];
const CNH: &[&str] = &["99999999999", "999 999 999 99"];
const TITULO: &[&str] = &["9999 9999 9999", "999999999999"];
const CNS: &[&str] = &["999 9999 9999 9999", "999999999999999"];
const RENAVAM: &[&str] = &["99999999999", "9999999999-9", "999999999"];
const PLATE: &[&str] = &["AAA9A99", "AAA-9A99", "AAA9999", "AAA-9999"];
const PROCESS: &[&str] = &["9999999-99.9999.9.99.9999", "99999999999999999999"];
const RG: &[&str] = &[
    "99.999.999-X",
    "9.999.999-X",
    "99999999-X",
    "99999999X",
    "9.999.999",
    "99.999.999",
    "AA-99.999.999",
    "AA 99.999.999",
];
const PASSPORT: &[&str] = &["AA999999", "AA 999999"];
const CERTIDAO: &[&str] = &[
    "999999.99.99.9999.9.99999.999.9999999-99",
    "999999 99 99 9999 9 99999 999 9999999 99",
    "99999999999999999999999999999999",
];

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::digits("br_cpf", "brazil", ".- ", CPF, br_cpf)
        .certainty(60, 97, 99)
        .context(&[
            "cpf",
            "cadastro de pessoa",
            "cadastro de pessoas físicas",
            "titular",
            "contribuinte",
        ])
        .mask(2)
        .samples(
            &["529.982.247-25", "52998224725", "529982247-25"],
            &["529.982.247-26", "111.111.111-11", "529.982-247.25"],
        ),
    EntityType::mixed("br_cnpj", "brazil", "./- ", CNPJ, br_cnpj)
        .certainty(75, 98, 99)
        .context(&["cnpj", "empresa", "razão social", "razao social", "cgc"])
        .mask(2)
        .samples(
            &["11.222.333/0001-81", "11222333000181", "KE.I2I.IAA/NNKK-40", "12ABC34501DE35"],
            &["11.222.333/0001-82", "00000000000000", "12ABC34501DE36", "11.222.333-0001/81"],
        ),
    EntityType::digits("br_pis", "brazil", ".-", PIS, br_pis)
        .certainty(15, 88, 98)
        .context(&["pis", "pasep", "nis", "nit", "pis/pasep"])
        .mask(2)
        .samples(&["573.68193.03-2", "94580730210"], &["573.68193.03-3", "11111111111"]),
    EntityType::digits("br_cnh", "brazil", " ", CNH, br_cnh)
        .certainty(25, 60, 98)
        .context(&["cnh", "habilitação", "habilitacao", "carteira de motorista", "registro"])
        .mask(2)
        .samples(&["94580730242", "157 368 193 48"], &["94580730243", "22222222222"]),
    EntityType::digits("br_titulo_eleitor", "brazil", " ", TITULO, br_titulo_eleitor)
        .certainty(30, 65, 98)
        .context(&[
            "título de eleitor",
            "titulo de eleitor",
            "título",
            "titulo",
            "eleitor",
            "eleitoral",
        ])
        .mask(2)
        .samples(&["1573 6819 0809", "945807300698"], &["1573 6819 0808", "1573 6819 2909"]),
    EntityType::digits("br_cns", "brazil", " ", CNS, br_cns)
        .certainty(40, 88, 98)
        .context(&[
            "cns",
            "sus",
            "cartão nacional de saúde",
            "cartao nacional de saude",
            "cartão sus",
        ])
        .mask(2)
        .samples(
            &["945808302157368", "193 0364 2621 0001"],
            &["945808302157369", "345808302157368"],
        ),
    EntityType::digits("br_renavam", "brazil", "-", RENAVAM, br_renavam)
        .certainty(12, 45, 97)
        .context(&["renavam", "veículo", "veiculo", "crlv"])
        .mask(2)
        .samples(&["94580730210", "5736819303-2"], &["94580730211", "00000000000"]),
    EntityType::mixed("br_vehicle_plate", "brazil", "-", PLATE, br_vehicle_plate)
        .certainty(45, 45, 95)
        .context(&["placa", "veículo", "veiculo", "carro", "moto", "mercosul"])
        .mask(2)
        .samples(&["ABC1D23", "ABC-1234", "abc1234"], &["AB1D234", "ABC1D2", "ABCD123"]),
    EntityType::digits("br_legal_process", "brazil", "-.", PROCESS, br_legal_process)
        .certainty(75, 97, 99)
        .context(&["processo", "autos", "cnj", "ação", "acao"])
        .samples(
            &["0001234-08.2023.8.26.0100", "00012340820238260100"],
            &["0001234-09.2023.8.26.0100", "0001234-08.2023.0.26.0100"],
        ),
    EntityType::mixed("br_rg", "brazil", ".- ", RG, br_rg)
        .only_in_context(
            92,
            &["rg", "identidade", "registro geral", "carteira de identidade", "r.g."],
        )
        .mask(2)
        .samples(
            &["12.345.678-9", "12.345.678-X", "MG-12.345.678"],
            &["12.345.67-9", "1234567", "12.345.678-A"],
        ),
    EntityType::mixed("br_passport", "brazil", " ", PASSPORT, br_passport)
        .only_in_context(92, &["passaporte", "passport"])
        .mask(2)
        .samples(&["FA123456"], &["F1234567", "FA12345"]),
    EntityType::digits("br_certidao", "brazil", ".- ", CERTIDAO, br_certidao)
        .certainty(95, 98, 99)
        .context(&["certidão", "certidao", "nascimento", "casamento", "óbito", "matrícula"])
        .samples(
            &["291417.77.63.1706.6.90743.915.0008063-82"],
            &["291417.77.63.1706.6.90743.915.0008063-83"],
        ),
];

/// Eleven less the rest, where ten and eleven become 0: the check digit of most registries here.
fn check_digit(values: &[u8], weights: &[u8]) -> u8 {
    match weighted(values, weights) % 11 {
        0 | 1 => 0,
        rest => (11 - rest) as u8,
    }
}

/// A number of a natural person (CPF) with two check digits; one digit repeated is nobody's.
pub fn br_cpf(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, CPF) else { return false };
    digits[9] == check_digit(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2])
        && digits[10] == check_digit(&digits, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2])
        && !is_one_repeated(&digits)
}

/// A number of a legal person (CNPJ) with two check digits, in digits, or with letters in its first
/// twelve places as given out since July 2026 (IN RFB 2.229/2024): a character counts its ASCII
/// code less 48.
pub fn br_cnpj(candidate: &[u8]) -> bool {
    let Some(mut text) = characters::<14>(candidate, CNPJ) else { return false };
    text.iter_mut().for_each(|byte| *byte -= b'0');
    text[12] == check_digit(&text, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
        && text[13] == check_digit(&text, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
        && text[..12] != [0; 12]
        && !is_one_repeated(&text)
}

/// A worker's number (PIS, PASEP, NIS, NIT).
pub fn br_pis(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, PIS) else { return false };
    digits[10] == check_digit(&digits, &[3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) && !is_one_repeated(&digits)
}

/// A driver's register (CNH): the second check digit is two lower where the first was ten.
pub fn br_cnh(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<11>(candidate, CNH) else { return false };
    let first = weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 11;
    let second = weighted(&digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11;
    let (first, lower) = if first == 10 { (0, 2) } else { (first, 0) };
    let second = if second < lower { second + 11 - lower } else { second - lower };
    let second = if second >= 10 { 0 } else { second };
    [first, second] == [u32::from(digits[9]), u32::from(digits[10])] && !is_one_repeated(&digits)
}

/// A voter's number: serial, state 1 to 28, two check digits (Resolution TSE 23.659/2021, article
/// 36).
pub fn br_titulo_eleitor(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<12>(candidate, TITULO) else { return false };
    let ten_is_none = |rest: u32| if rest == 10 { 0 } else { rest };
    let first = ten_is_none(weighted(&digits, &[2, 3, 4, 5, 6, 7, 8, 9]) % 11);
    let second = u32::from(digits[8]) * 7 + u32::from(digits[9]) * 8 + first * 9;
    (1..=28).contains(&number(&digits[8..10]))
        && first == u32::from(digits[10])
        && ten_is_none(second % 11) == u32::from(digits[11])
}

/// A health card (CNS): the weighted sum of all fifteen digits is a multiple of eleven; those of
/// citizens, from 1 and 2 on, end in 000 or 001 and the check digit.
pub fn br_cns(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<15>(candidate, CNS) else { return false };
    let sum = weighted(&digits, &[15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    let has_kind = match digits[0] {
        1 | 2 => has_end_of_citizen(&digits),
        first => (7..=9).contains(&first),
    };
    has_kind && sum.is_multiple_of(11)
}

/// 001 stands only where 000 would have asked for a check digit of ten.
fn has_end_of_citizen(digits: &[u8; 15]) -> bool {
    let sum = weighted(&digits[..11], &[15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5]);
    digits[11..13] == [0, 0] && digits[13] == u8::from(sum % 11 == 1)
}

/// A vehicle's register (RENAVAM), of eleven digits, or of nine as before 2013.
pub fn br_renavam(candidate: &[u8]) -> bool {
    let long = digits::<11>(candidate, RENAVAM);
    let Some(digits) = long.or_else(|| {
        let [a, b, c, d, e, f, g, h, check] = digits::<9>(candidate, RENAVAM)?;
        Some([0, 0, a, b, c, d, e, f, g, h, check])
    }) else {
        return false;
    };
    digits[10] == check_digit(&digits, &[3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) && digits != [0; 11]
}

/// A plate, of the Mercosur form or the older one.
pub fn br_vehicle_plate(candidate: &[u8]) -> bool {
    has_form(candidate, PLATE)
}

/// A lawsuit by the single numbering (CNJ Resolution 65/2008): ISO/IEC 7064 MOD 97-10 over the
/// number with its check digits last.
pub fn br_legal_process(candidate: &[u8]) -> bool {
    let Some(digits) = digits::<20>(candidate, PROCESS) else { return false };
    let mut moved = [0; 20];
    let (serial, rest) = digits.split_at(7);
    let (check, rest) = rest.split_at(2);
    let order = serial.iter().chain(rest).chain(check);
    moved.iter_mut().zip(order).for_each(|(to, from)| *to = *from);
    remainder(&moved, 97) == 1 && digits[13] != 0 && (1900..2100).contains(&number(&digits[9..13]))
}

/// A general register (RG) of a state, with its separators: the states' check digits differ.
pub fn br_rg(candidate: &[u8]) -> bool {
    has_form(candidate, RG)
        && candidate.last().is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'X' | b'x'))
}

/// A passport: two letters and six digits.
pub fn br_passport(candidate: &[u8]) -> bool {
    characters::<8>(candidate, PASSPORT).is_some()
}

/// A certificate of birth, marriage or death by its register number (CNJ Provision 3/2009).
pub fn br_certidao(candidate: &[u8]) -> bool {
    let Some(text) = characters::<32>(candidate, CERTIDAO) else { return false };
    let Some(digits) = values::<32>(&text) else { return false };
    let check = |digits: &[u8], first: usize| {
        let products = digits
            .iter()
            .enumerate()
            .map(|(at, digit)| u32::from(*digit) * ((first + at) % 11) as u32);
        match products.sum::<u32>() % 11 {
            10 => 1,
            rest => rest as u8,
        }
    };
    digits[30] == check(&digits[..30], 2) && digits[31] == check(&digits[..31], 1)
}

//! Bank accounts and bank codes. The engine reaches them through [`ENTITIES`].
//!
//! Invariant: what has no checksum of its own is found in context only.

use super::checksum::weighted;
use super::entity::{EntityType, Shape};
use super::read::{digits, has_form, loose};

const BIC: &[&str] = &["AAAAAAXX", "AAAAAAXXXXX"];
const ROUTING: &[&str] = &["999999999"];
const CLABE: &[&str] = &["999999999999999999", "999 999 99999999999 9"];
const CBU: &[&str] =
    &["9999999999999999999999", "99999999 99999999999999", "99999999-99999999999999"];
const CCC: &[&str] =
    &["99999999999999999999", "9999 9999 99 9999999999", "9999-9999-99-9999999999"];
const SORT_CODE: &[&str] = &["99-99-99", "99 99 99"];
const BSB: &[&str] = &["999-999", "999 999"];
const IFSC: &[&str] = &["AAAA0XXXXXX"];

/// The longest account number that is looked for: 20 characters and some separators.
pub const BANK_ACCOUNT_MAX: usize = 24;

const ACCOUNT_CONTEXT: &[&str] = &[
    "account",
    "acct",
    "account number",
    "account no",
    "a/c",
    "bank account",
    "checking",
    "savings",
    "conta",
    "conta corrente",
    "cuenta",
    "konto",
    "kontonummer",
    "kontonr",
    "compte",
    "conto",
    "rekening",
    "rekeningnummer",
];

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::mixed("bic", "finance", "", BIC, bic)
        .only_in_context(95, &["bic", "swift", "swift code", "bank identifier"])
        .mask(0)
        .samples(&["DEUTDEFF", "DEUTDEFF500", "BOFAUS3N"], &["DEUTXQFF", "DEUTDEFF50", "deutdeff"]),
    EntityType::digits("us_aba_routing", "finance", "", ROUTING, us_aba_routing)
        .only_in_context(95, &["routing", "routing number", "aba", "rtn", "ach", "transit", "wire"])
        .samples(&["021000021", "111000025"], &["021000022", "911000025", "02100002"]),
    EntityType::new(
        "bank_account",
        "finance",
        Shape::Alphanumeric { min: 6, max: 20, separators: "- ./" },
        bank_account,
        BANK_ACCOUNT_MAX,
    )
    .only_in_context(80, ACCOUNT_CONTEXT)
    .samples(&["12345678", "000123456789", "12345-6", "12.345.678-X"], &["12345", "savings", "1"]),
    EntityType::digits("mx_clabe", "finance", " ", CLABE, mx_clabe)
        .certainty(60, 80, 98)
        .context(&["clabe", "cuenta", "transferencia", "spei", "banco"])
        .samples(&["032180000118359719"], &["032180000118359718", "03218000011835971"]),
    EntityType::digits("ar_cbu", "finance", " -", CBU, ar_cbu)
        .certainty(85, 90, 98)
        .context(&["cbu", "cuenta", "transferencia", "banco"])
        .samples(
            &["2850590940090418135201"],
            &["2850590940090418135200", "2850590840090418135201"],
        ),
    EntityType::digits("es_ccc", "finance", " -", CCC, es_ccc)
        .certainty(60, 90, 98)
        .context(&["ccc", "cuenta", "banco"])
        .samples(&["1234 1234 16 1234567890", "12341234161234567890"], &["12341234171234567890"]),
    EntityType::digits("uk_sort_code", "finance", "- ", SORT_CODE, uk_sort_code)
        .only_in_context(92, &["sort code", "sort", "sortcode"])
        .mask(2)
        .samples(&["20-00-00", "60 83 71"], &["20-00-0", "2000-00", "20-00-0a"]),
    EntityType::digits("au_bsb", "finance", "- ", BSB, au_bsb)
        .only_in_context(92, &["bsb", "bank state branch"])
        .mask(3)
        .samples(&["062-000", "733 181"], &["062-00", "0620-00", "06a-000"]),
    EntityType::mixed("in_ifsc", "finance", "", IFSC, in_ifsc)
        .certainty(55, 55, 97)
        .context(&["ifsc", "bank", "branch", "neft", "rtgs", "imps"])
        .samples(&["SBIN0005943", "HDFC0CAG123"], &["SBIN1005943", "SBIN000594", "SB1N0005943"]),
];

/// ISO 3166 codes of countries, in order, for the fifth and sixth letter of a BIC; XK is Kosovo's.
const COUNTRIES: &[u8] = b"\
ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCI\
CKCLCMCNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQ\
GRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLS\
LTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPG\
PHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTK\
TLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSXKYEYTZAZMZW";

/// For each first letter, the second letters that make a country, a bit a letter.
const SECOND_LETTERS: [u32; 26] = {
    let mut table = [0; 26];
    let mut rest = COUNTRIES;
    while let [first, second, others @ ..] = rest {
        table[(*first - b'A') as usize] |= 1 << (*second - b'A');
        rest = others;
    }
    table
};

/// Whether two capitals are a country.
fn is_country(code: &[u8]) -> bool {
    let [first, second @ b'A'..=b'Z'] = code else { return false };
    let row = SECOND_LETTERS.get(usize::from(first.wrapping_sub(b'A')));
    row.is_some_and(|row| row >> (second - b'A') & 1 == 1)
}

/// A business identifier code (ISO 9362), in capitals: bank, country, place and branch.
pub fn bic(candidate: &[u8]) -> bool {
    has_form(candidate, BIC)
        && !candidate.iter().any(u8::is_ascii_lowercase)
        && candidate.get(4..6).is_some_and(is_country)
}

/// A routing number of the American Bankers Association, of a range that is in use.
pub fn us_aba_routing(candidate: &[u8]) -> bool {
    let Some(number) = digits::<9>(candidate, ROUTING) else { return false };
    let range = number[0] * 10 + number[1];
    matches!(range, 0..=12 | 21..=32 | 61..=72 | 80)
        && number != [0; 9]
        && weighted(&number, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

/// Some account number: six to twenty letters and digits, most of them digits.
/// At most [`BANK_ACCOUNT_MAX`] bytes.
pub fn bank_account(candidate: &[u8]) -> bool {
    let Some(read) = loose::<20>(candidate, b"- ./") else { return false };
    let text = read.as_slice();
    let count = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    candidate.len() <= BANK_ACCOUNT_MAX && text.len() >= 6 && text.len() - count <= 4 && count >= 5
}

/// A Mexican account number (CLABE) of 18 digits.
pub fn mx_clabe(candidate: &[u8]) -> bool {
    let Some(number) = digits::<18>(candidate, CLABE) else { return false };
    let (account, check) = number.split_at(17);
    const WEIGHTS: [u8; 3] = [3, 7, 1];
    let products = account.iter().zip(WEIGHTS.iter().cycle());
    let sum: u32 = products.map(|(value, weight)| u32::from(value * weight % 10)).sum();
    check == [((10 - sum % 10) % 10) as u8] && number != [0; 18]
}

/// An Argentine account number (CBU) of 22 digits with two check digits.
pub fn ar_cbu(candidate: &[u8]) -> bool {
    let Some(number) = digits::<22>(candidate, CBU) else { return false };
    let (bank, account) = number.split_at(8);
    weighted(bank, &[7, 1, 3, 9, 7, 1, 3, 1]).is_multiple_of(10)
        && weighted(account, &[3, 9, 7, 1, 3, 9, 7, 1, 3, 9, 7, 1, 3, 1]).is_multiple_of(10)
        && number != [0; 22]
}

/// A Spanish account number (CCC) of 20 digits with two check digits.
pub fn es_ccc(candidate: &[u8]) -> bool {
    let Some(number) = digits::<20>(candidate, CCC) else { return false };
    const WEIGHTS: [u8; 10] = [1, 2, 4, 8, 5, 10, 9, 7, 3, 6];
    let check = |sum: u32| match sum % 11 {
        rest @ 0..=1 => rest as u8,
        rest => (11 - rest) as u8,
    };
    let (bank, rest) = number.split_at(8);
    let (checks, account) = rest.split_at(2);
    let of_bank = check(weighted(bank, &[4, 8, 5, 10, 9, 7, 3, 6]));
    checks == [of_bank, check(weighted(account, &WEIGHTS))] && number != [0; 20]
}

/// A British sort code, with its separators.
pub fn uk_sort_code(candidate: &[u8]) -> bool {
    has_form(candidate, SORT_CODE)
}

/// An Australian bank, state and branch code, with its separator.
pub fn au_bsb(candidate: &[u8]) -> bool {
    has_form(candidate, BSB)
}

/// An Indian bank branch (IFSC): four letters, a zero, six letters or digits.
pub fn in_ifsc(candidate: &[u8]) -> bool {
    has_form(candidate, IFSC)
}

//! Phone numbers by their shape: signs, groups and country codes. The engine asks [`read`] for a
//! candidate and [`Phone::confidence`] for how certain it is; [`ENTITIES`] has the row.
//!
//! Invariant: no numbering plan is consulted beyond country codes and the form of North American
//! numbers; what the shape leaves open is for the context to decide.

use super::calendar::is_written_date;
use super::entity::{EntityType, Shape};
use super::network::ipv4;

/// The longest candidate: 15 digits, signs, and an extension.
pub const PHONE_MAX: usize = 36;

/// The kinds of this family.
pub const ENTITIES: &[EntityType] =
    &[EntityType::new("phone", "contact", Shape::Phone, phone, PHONE_MAX)
        .certainty(15, 60, 92)
        .context(&[
            "phone",
            "telephone",
            "tel",
            "mobile",
            "cell",
            "cellphone",
            "call",
            "fax",
            "office",
            "whatsapp",
            "contact",
            "number",
            "telefone",
            "celular",
            "fone",
            "ligar",
            "ligue",
            "zap",
            "teléfono",
            "telefono",
            "móvil",
            "movil",
            "telefon",
            "handy",
            "rufnummer",
            "téléphone",
            "portable",
            "mobiel",
            "puhelin",
            "call me at",
            "reach me at",
            "ring",
        ])
        .samples(
            &[
                "+1-962-819-8200",
                "+55 11 91234-5678",
                "(212) 555-0187",
                "212-555-0187 x42",
                "02.27.96.63.08",
                "040 898 9331",
                "001-321-194-8268x44208",
                "(251)500-2136x739",
                "+442079460958",
                "(11) 91234-5678",
                "3732695155",
                "61 51 81",
            ],
            &[
                "+999 123 4567",
                "2024-03-12",
                "12.03.1990",
                "192.0.2.7",
                "3.14159",
                "12345",
                "1234567890123456",
                "+1-123-456-7890-1234567",
                "((212) 555-0187",
                "212-555-018a",
            ],
        )];

/// What the shape of a phone number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phone {
    /// It begins with `+` or `00` and a country code that is assigned.
    pub is_international: bool,
    /// It has the form of a North American number, its area and office code included.
    pub is_north_american: bool,
    /// An area code stands in parentheses.
    pub has_parentheses: bool,
    /// It begins with the zero of a trunk.
    pub has_trunk_zero: bool,
    /// An extension follows.
    pub has_extension: bool,
    /// How many groups of digits, without the extension.
    pub groups: u8,
    /// How many digits, without the extension.
    pub digits: u8,
}

impl Phone {
    /// Percent of certainty that a number of this shape is a phone number where nothing around it
    /// speaks for or against.
    pub fn confidence(self) -> u8 {
        let mut percent = match self {
            Self { is_international: true, digits: 9.., .. } => 90,
            Self { is_international: true, .. } => 70,
            Self { is_north_american: true, groups: 3.., .. } => 85,
            Self { has_parentheses: true, groups: 2.., .. } => 80,
            Self { has_trunk_zero: true, groups: 3.., digits: 8..=11, .. } => 70,
            Self { has_trunk_zero: true, groups: 2, digits: 8..=11, .. } => 60,
            Self { groups: 4.., digits: 8..=11, .. } => 45,
            Self { groups: 2.., digits: 7..=11, .. } => 35,
            Self { groups: 1, digits: 10..=11, .. } => 20,
            _ => 10,
        };
        if self.has_extension && self.groups > 1 {
            percent = percent.max(88);
        }
        percent
    }
}

/// Whether it has the shape of a phone number. At most [`PHONE_MAX`] bytes.
pub fn phone(candidate: &[u8]) -> bool {
    read(candidate).is_some()
}

/// Reads a phone number of 6 to 15 digits (ITU-T E.164). Nothing where it is rather a date, an
/// IPv4 address or a decimal number.
pub fn read(candidate: &[u8]) -> Option<Phone> {
    if candidate.len() > PHONE_MAX {
        return None;
    }
    let (main, has_extension) = split_extension(candidate)?;
    let (mut digits, mut count) = ([0_u8; 15], 0_usize);
    let (mut groups, mut in_group, mut first_group) = (0_u8, false, 0_usize);
    let (mut open, mut has_parentheses) = (false, false);
    let mut before = b' ';
    for (at, byte) in main.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                *digits.get_mut(count)? = byte - b'0';
                count += 1;
                groups += u8::from(!in_group);
                in_group = true;
                if groups == 1 {
                    first_group += 1;
                }
            }
            b'+' if at == 0 => in_group = false,
            b'(' if !open
                && !has_parentheses
                && matches!(before, b' ' | b'+' | b'0'..=b'9' | b'-') =>
            {
                (open, in_group) = (true, false);
            }
            b')' if open && before.is_ascii_digit() => {
                (open, has_parentheses, in_group) = (false, true, false);
            }
            b' ' | b'-' | b'.' | b'/' if before.is_ascii_digit() || before == b')' => {
                in_group = false
            }
            // A space may stand beside a dash: `212 - 555 - 0187`.
            b' ' if before == b'-' => {}
            b'-' if before == b' ' && count > 0 => {}
            _ => return None,
        }
        before = *byte;
    }
    if open || !before.is_ascii_digit() || !(6..=15).contains(&count) {
        return None;
    }
    let digits = digits.get(..count)?;
    let has_plus = main.first() == Some(&b'+');
    let is_international = match digits.strip_prefix(&[0, 0]) {
        _ if has_plus => has_country_code(digits),
        Some(rest) => rest.len() >= 8 && has_country_code(rest),
        None => false,
    };
    if has_plus && !is_international {
        return None;
    }
    let national = digits.strip_prefix(&[0, 0, 1]).or(digits.strip_prefix(&[1])).unwrap_or(digits);
    let is_north_american = matches!(national, [2..=9, _, _, 2..=9, ..]) && national.len() == 10;
    let looks_like_other = !has_plus
        && !has_parentheses
        && !has_extension
        && (is_written_date(main) || ipv4(main) || is_decimal(main, groups));
    (!looks_like_other).then_some(Phone {
        is_international,
        is_north_american,
        has_parentheses,
        has_trunk_zero: digits.first() == Some(&0) && first_group <= 5,
        has_extension,
        groups,
        digits: count as u8,
    })
}

/// The number without its extension: `x`, `ext`, `ext.`, `ramal` or `#` and one to six digits.
fn split_extension(candidate: &[u8]) -> Option<(&[u8], bool)> {
    let is_mark = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'#';
    let Some(at) = candidate.iter().position(is_mark) else { return Some((candidate, false)) };
    let (main, rest) = candidate.split_at_checked(at)?;
    let count = rest.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (mark, extension) = rest.split_at_checked(rest.len() - count)?;
    let mark = mark.trim_ascii_end();
    let mark = mark.strip_suffix(b".").unwrap_or(mark);
    const MARKS: [&[u8]; 6] = [b"x", b"ext", b"extn", b"extension", b"ramal", b"#"];
    let is_known = MARKS.iter().any(|known| known.eq_ignore_ascii_case(mark));
    let main = main.trim_ascii_end();
    let main = main.strip_suffix(b",").unwrap_or(main);
    (is_known && (1..=6).contains(&extension.len())).then_some((main, true))
}

/// One full stop or several that part thousands: no phone number.
fn is_decimal(main: &[u8], groups: u8) -> bool {
    let has_only_stops = main.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let are_thousands = main.split(|byte| *byte == b'.').skip(1).all(|group| group.len() == 3);
    groups > 1 && has_only_stops && (groups == 2 || are_thousands)
}

/// Whether the digits begin with a country code that the ITU has assigned (E.164 annex, 2024).
fn has_country_code(digits: &[u8]) -> bool {
    match digits {
        [1 | 7, ..] => true,
        [2, 0 | 7, ..] => true,
        [2, b, c, ..] => !matches!((b, c), (1, 0 | 4 | 5 | 7 | 9) | (5, 9) | (8, _) | (9, 2..=6)),
        [3, 0..=4 | 6 | 9, ..] => true,
        [3, 5, ..] => true,
        [3, 7, _, ..] => true,
        [3, 8, c, ..] => matches!(c, 0..=3 | 5..=7 | 9),
        [4, 2, c, ..] => matches!(c, 0 | 1 | 3),
        [4, _, ..] => true,
        [5, 1..=8, ..] => true,
        [5, _, _, ..] => true,
        [6, 0..=6, ..] => true,
        [6, b, c, ..] => !matches!((b, c), (7, 1) | (8, 4) | (9, 3..=9)),
        [8, 1 | 2 | 4 | 6, ..] => true,
        [8, 0, c, ..] => matches!(c, 0 | 8),
        [8, 5, c, ..] => matches!(c, 0 | 2 | 3 | 5 | 6),
        [8, 7, c, ..] => matches!(c, 0 | 8),
        [8, 8, c, ..] => matches!(c, 0 | 1 | 2 | 3 | 6 | 8),
        [9, 0..=5 | 8, ..] => true,
        [9, 6, c, ..] => !matches!(c, 9),
        [9, 7, c, ..] => !matches!(c, 8),
        [9, 9, c, ..] => matches!(c, 1..=6 | 8),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confidence(text: &str) -> u8 {
        read(text.as_bytes()).map_or(0, Phone::confidence)
    }

    #[test]
    fn the_more_a_shape_says_the_more_certain_it_is() {
        let order = [
            "3.14159",
            "3732695155",
            "123 4567",
            "92 34 70 12",
            "040 898 9331",
            "(021) 0025-967",
            "212-555-0187",
            "+55 11 91234-5678",
        ];
        let percents = order.map(confidence);
        assert!(percents.is_sorted(), "{percents:?}");
        assert_eq!(percents[0], 0);
        assert!(percents[7] >= 90);
    }

    #[test]
    fn a_number_says_what_it_is_made_of() {
        let phone = read(b"+1 (206) 555-0194 ext. 22").unwrap();
        assert!(phone.is_international && phone.is_north_american && phone.has_parentheses);
        assert!(phone.has_extension);
        assert_eq!((phone.groups, phone.digits), (4, 11));
        let phone = read(b"02.27.96.63.08").unwrap();
        assert!(phone.has_trunk_zero && !phone.is_international);
        assert_eq!((phone.groups, phone.digits), (5, 10));
        assert!(read(b"001-321-194-8268x44208").unwrap().is_international);
    }

    #[test]
    fn dates_addresses_and_amounts_are_no_phone_numbers() {
        for text in ["2024-03-12", "12/03/1990", "192.168.0.17", "1.234.567", "12345.67"] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }
}

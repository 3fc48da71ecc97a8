//! How validators read a candidate: by the forms in which people write a number, into a buffer of
//! fixed size.
//!
//! A form is a text of the candidate's length: `9` stands for a digit, `A` for a letter, `X` for
//! either, and every other byte for itself. `999.999.999-99` is how a CPF is written.
//!
//! Invariant: nothing is allocated, and a candidate whose length fits no form costs one comparison
//! of lengths a form.

/// The digits of a candidate that is written in one of the forms, as values 0 to 9.
pub(super) fn digits<const N: usize>(candidate: &[u8], forms: &[&str]) -> Option<[u8; N]> {
    let mut found = characters::<N>(candidate, forms)?;
    for byte in &mut found {
        *byte = byte.checked_sub(b'0').filter(|value| *value <= 9)?;
    }
    Some(found)
}

/// The letters and digits of a candidate that is written in one of the forms, in upper case.
pub(super) fn characters<const N: usize>(candidate: &[u8], forms: &[&str]) -> Option<[u8; N]> {
    forms.iter().find_map(|form| by_form(candidate, form.as_bytes()))
}

/// Whether a candidate is written in one of the forms.
pub(super) fn has_form(candidate: &[u8], forms: &[&str]) -> bool {
    forms.iter().any(|form| {
        candidate.len() == form.len()
            && candidate.iter().zip(form.as_bytes()).all(|(byte, code)| fits(*byte, *code))
    })
}

fn by_form<const N: usize>(candidate: &[u8], form: &[u8]) -> Option<[u8; N]> {
    if candidate.len() != form.len() {
        return None;
    }
    let mut found = [0; N];
    let mut places = found.iter_mut();
    for (byte, code) in candidate.iter().zip(form) {
        if !fits(*byte, *code) {
            return None;
        }
        if byte.is_ascii_alphanumeric() {
            *places.next()? = byte.to_ascii_uppercase();
        }
    }
    places.next().is_none().then_some(found)
}

fn fits(byte: u8, code: u8) -> bool {
    match code {
        b'9' => byte.is_ascii_digit(),
        b'A' => byte.is_ascii_alphabetic(),
        b'X' => byte.is_ascii_alphanumeric(),
        literal => byte == literal,
    }
}

/// The letters and digits of a candidate, upper case, at most `N` of them.
#[derive(Clone, Copy)]
pub(super) struct Loose<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Loose<N> {
    /// What was read.
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Reads a candidate of no fixed form: letters and digits with single separators between them.
/// Nothing where it is longer, or begins or ends with a separator.
pub(super) fn loose<const N: usize>(candidate: &[u8], separators: &[u8]) -> Option<Loose<N>> {
    let mut found = Loose { bytes: [0; N], len: 0 };
    let mut after_separator = true;
    for byte in candidate {
        if byte.is_ascii_alphanumeric() {
            *found.bytes.get_mut(found.len)? = byte.to_ascii_uppercase();
            found.len += 1;
            after_separator = false;
        } else if after_separator || !separators.contains(byte) {
            return None;
        } else {
            after_separator = true;
        }
    }
    (!after_separator).then_some(found)
}

/// The same for digits alone, as values 0 to 9, whose separators are all the same byte.
pub(super) fn loose_digits<const N: usize>(
    candidate: &[u8],
    separators: &[u8],
) -> Option<Loose<N>> {
    let separator = candidate.iter().find(|byte| !byte.is_ascii_digit());
    let allowed = separator.map_or(&[] as &[u8], std::slice::from_ref);
    if !allowed.iter().all(|byte| separators.contains(byte)) {
        return None;
    }
    let mut found = loose::<N>(candidate, allowed)?;
    for byte in found.bytes.iter_mut().take(found.len) {
        *byte = byte.checked_sub(b'0').filter(|value| *value <= 9)?;
    }
    Some(found)
}

/// The number that some digit values spell.
pub(super) fn number(values: &[u8]) -> u64 {
    values.iter().fold(0, |number, value| number.wrapping_mul(10).wrapping_add(u64::from(*value)))
}

/// Whether all bytes are the same: `111.111.111-11` has a right checksum, and is nobody's.
pub(super) fn is_one_repeated(values: &[u8]) -> bool {
    values.first().is_none_or(|first| values.iter().all(|value| value == first))
}

/// The digits at the beginning, middle or end of a number whose places are checked, as values.
pub(super) fn values<const N: usize>(characters: &[u8]) -> Option<[u8; N]> {
    let mut found = [0; N];
    if characters.len() != N {
        return None;
    }
    for (value, byte) in found.iter_mut().zip(characters) {
        *value = byte.checked_sub(b'0').filter(|value| *value <= 9)?;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_read_by_the_form_it_is_written_in() {
        let forms = ["999.999-A9", "999999A9"];
        assert_eq!(characters::<8>(b"123.456-k9", &forms), Some(*b"123456K9"));
        assert_eq!(characters::<8>(b"123456K9", &forms), Some(*b"123456K9"));
        for wrong in ["123.456-99", "123-456-K9", "123.456-K", "", "123.456-K99"] {
            assert_eq!(characters::<8>(wrong.as_bytes(), &forms), None, "{wrong}");
        }
        assert_eq!(digits::<3>(b"1-23", &["9-99"]), Some([1, 2, 3]));
        assert_eq!(digits::<4>(b"1-23", &["9-99"]), None);
    }

    #[test]
    fn a_loose_candidate_has_single_separators_inside_only() {
        let read = |text: &str| loose::<6>(text.as_bytes(), b" -").map(|r| r.as_slice().to_vec());
        assert_eq!(read("ab 12-c"), Some(b"AB12C".to_vec()));
        for wrong in ["ab  12", " ab", "ab-", "ab.12", "abcdefg", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert!(loose_digits::<6>(b"12 34 56", b" -").is_some());
        assert!(loose_digits::<6>(b"12 34-56", b" -").is_none());
        assert!(loose_digits::<6>(b"12 34 5a", b" -").is_none());
    }
}

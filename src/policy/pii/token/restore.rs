//! Puts values back where their tokens stand. Tokens have their exact form here: whatever a model
//! did to them was repaired when they came back from it.
//!
//! Invariant: without state; what is no token of the vault stays as it is.

use super::code;
use crate::policy::pii::vault::Vault;

/// The text with values in the place of its tokens; nothing where it has none. `all` restores
/// every value, else only those that may stand in a tool's arguments.
pub(in crate::policy::pii) fn restored(vault: &Vault, text: &str, all: bool) -> Option<String> {
    let (mut out, mut handed, mut from) = (String::new(), 0, 0);
    while let Some(open) = find(text, from) {
        from = open + 1;
        let Some((end, id)) = token_at(text.as_bytes(), open) else { continue };
        let before = out.len();
        out.push_str(text.get(handed..open)?);
        if vault.value(id, all, &mut out) {
            (handed, from) = (end, end);
        } else {
            out.truncate(before);
        }
    }
    if handed == 0 {
        return None;
    }
    out.push_str(text.get(handed..)?);
    Some(out)
}

fn find(text: &str, from: usize) -> Option<usize> {
    memchr::memchr(b'[', text.as_bytes().get(from..)?).map(|at| from + at)
}

/// Where the token ends that begins at this bracket, and its code's bits.
fn token_at(bytes: &[u8], open: usize) -> Option<(usize, u64)> {
    /// Longer than the name of any kind.
    const MAX_LABEL: usize = 48;
    let rest = bytes.get(open + 1..)?;
    let label = rest.iter().take(MAX_LABEL).take_while(|byte| is_label(**byte)).count();
    if label == 0 || rest.get(label) != Some(&b':') {
        return None;
    }
    let code = rest.get(label + 1..label + 1 + code::LENGTH)?;
    let mut values = [0; code::LENGTH];
    for (value, byte) in values.iter_mut().zip(code) {
        *value = code::value(*byte)?;
    }
    let closes = rest.get(label + 1 + code::LENGTH) == Some(&b']');
    let id = code::read(&values).filter(|_| closes)?;
    Some((open + label + code::LENGTH + 3, id))
}

fn is_label(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_the_vault_are_restored_and_nothing_else() {
        let vault = Vault::new(b"secret", "jane", "one");
        let (mut mail, mut card) = (String::new(), String::new());
        vault.mint("EMAIL", "jane@example.com", false, &mut mail).unwrap();
        vault.mint("CREDIT_CARD", "4111111111111111", true, &mut card).unwrap();
        let text = format!("[[{mail}] {card}{card} [x] [EMAIL:000000000000] [EMAIL:");
        let card_value = "4111111111111111";
        assert_eq!(
            restored(&vault, &text, true).unwrap(),
            format!(
                "[[jane@example.com] {card_value}{card_value} [x] [EMAIL:000000000000] [EMAIL:"
            )
        );
        assert_eq!(
            restored(&vault, &text, false).unwrap(),
            format!("[[{mail}] {card_value}{card_value} [x] [EMAIL:000000000000] [EMAIL:")
        );
        let other = Vault::new(b"secret", "john", "one");
        other.mint("EMAIL", "john@example.com", false, &mut String::new()).unwrap();
        assert_eq!(restored(&other, &text, true), None);
        assert_eq!(restored(&vault, "no [token] here", true), None);
    }
}

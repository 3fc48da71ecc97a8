//! Names of hosts: their form, and the top-level domains that exist. The e-mail, URL and domain
//! kinds call it.
//!
//! Invariant: a name with a top-level domain that the root zone does not have is no name.

/// The top-level domains of the root zone (IANA, 2026), in order, one a line, A-labels for the
/// internationalised ones.
const TOP_LEVEL: &str = include_str!("tlds.txt");

/// A name has at most 253 characters (RFC 1035 section 2.3.4, without the root's dot).
pub(super) const NAME_MAX: usize = 253;

/// Whether it is a host name of two labels or more below a top-level domain that exists.
pub(super) fn is_domain(name: &[u8]) -> bool {
    if name.len() > NAME_MAX {
        return false;
    }
    let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else { return false };
    let Some((labels, top)) = name.split_at_checked(dot) else { return false };
    // No name of the root zone is a single letter.
    top.len() > 2
        && labels.split(|byte| *byte == b'.').all(is_label)
        && is_top_level(top.get(1..).unwrap_or_default())
}

/// Letters, digits and inner hyphens, at most 63 (RFC 1123 section 2.1).
fn is_label(label: &[u8]) -> bool {
    matches!(label.len(), 1..=63)
        && label.first() != Some(&b'-')
        && label.last() != Some(&b'-')
        && label.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// Whether the root zone has it. The search halves the list, which is ordered text.
fn is_top_level(top: &[u8]) -> bool {
    let mut list = TOP_LEVEL.as_bytes();
    while !list.is_empty() {
        let middle = list.len() / 2;
        let (before, after) = list.split_at(middle);
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let end = middle + after.iter().position(|byte| *byte == b'\n').unwrap_or(after.len());
        let entry = list.get(start..end).unwrap_or_default();
        let wanted = top.iter().map(u8::to_ascii_lowercase);
        list = match entry.iter().copied().cmp(wanted) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => list.get(end + 1..).unwrap_or_default(),
            std::cmp::Ordering::Greater => list.get(..start).unwrap_or_default(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_top_level_domain_is_found_and_no_neighbour() {
        let all: Vec<&str> = TOP_LEVEL.lines().collect();
        assert!(all.len() > 1400 && all.is_sorted());
        for top in all {
            assert!(is_top_level(top.as_bytes()), "{top}");
            assert!(is_top_level(top.to_uppercase().as_bytes()), "{top}");
            assert!(!is_top_level(format!("{top}0").as_bytes()), "{top}");
        }
        assert!(!is_top_level(b"") && !is_top_level(b"png") && !is_top_level(b"aaaa"));
    }

    #[test]
    fn a_domain_has_labels_and_a_top() {
        for good in ["a.com", "www.example.co.uk", "xn--bcher-kva.example.org", "A-B.DE"] {
            assert!(is_domain(good.as_bytes()), "{good}");
        }
        for bad in ["com", ".com", "a..com", "-a.com", "a-.com", "a.png", "a.com.", "a_b.com"] {
            assert!(!is_domain(bad.as_bytes()), "{bad}");
        }
    }
}

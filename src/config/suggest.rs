//! The word that was probably meant, by edit distance. The reader calls it for unknown keys.
//!
//! Invariant: it suggests only what is near enough that a slip of the hand explains it.

/// The candidate nearest to a word, as the end of a message: ` (did you mean …?)` or nothing.
pub(super) fn did_you_mean<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    match nearest(word, candidates) {
        Some(candidate) => format!(" (did you mean `{candidate}`?)"),
        None => String::new(),
    }
}

/// The candidate nearest to a word, if it is near.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    // Long words are no slips of the hand, and comparing them is slow.
    if word.len() > 64 {
        return None;
    }
    candidates
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(4).min(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, taken out, changed or swapped with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut previous = None;
    for (row, letter) in from.chars().enumerate() {
        let mut next = vec![row + 1];
        let mut left_letter = None;
        for (column, &other) in to.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX);
            let changed = at(&last, column) + usize::from(letter != other);
            let moved = at(&last, column + 1).min(at(&next, column)) + 1;
            let is_swap = previous == Some(other) && left_letter == Some(letter);
            let swapped =
                if is_swap { at(&before_last, column - 1).saturating_add(1) } else { usize::MAX };
            next.push(changed.min(moved).min(swapped));
            left_letter = Some(other);
        }
        before_last = std::mem::replace(&mut last, next);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_slips_of_the_hand() {
        assert_eq!(distance("drain", "drain"), 0);
        assert_eq!(distance("drian", "drain"), 1);
        assert_eq!(distance("drin", "drain"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn only_near_words_are_suggested() {
        let keys = ["api", "admin", "credential", "native_callbacks"];
        assert_eq!(nearest("credentail", keys.into_iter()), Some("credential"));
        assert_eq!(nearest("native_calbacks", keys.into_iter()), Some("native_callbacks"));
        assert_eq!(nearest("store", keys.into_iter()), None);
        assert_eq!(nearest(&"a".repeat(100_000), keys.into_iter()), None);
        assert_eq!(did_you_mean("apy", keys.into_iter()), " (did you mean `api`?)");
        assert_eq!(did_you_mean("zzz", keys.into_iter()), "");
    }
}

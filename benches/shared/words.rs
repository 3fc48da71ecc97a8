//! Words of a bench's command line. Shared by path, since each bench is a program of its own.

use crate::Outcome;

/// A list, parted by commas.
pub(crate) fn list(word: Option<&str>) -> Outcome<Vec<String>> {
    Ok(word.ok_or("a list is missing")?.split(',').map(str::to_owned).collect())
}

/// A number from 1 on.
pub(crate) fn number(word: Option<&str>) -> Outcome<usize> {
    let number: usize = word.ok_or("a number is missing")?.parse()?;
    if number == 0 { Err("0 is too few".into()) } else { Ok(number) }
}

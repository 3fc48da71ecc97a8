//! Who goes first when there is not room for all.

use std::fmt;

/// A priority, the highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Whoever must not wait.
    High,
    /// Everybody else.
    Normal,
    /// Whoever can come back.
    Low,
}

impl Priority {
    /// Every priority.
    pub const ALL: &'static [Self] = &[Self::High, Self::Normal, Self::Low];

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }

    /// Of a room of this size, the part that it may fill: the rest is kept for who goes before it.
    pub const fn room(self, all: usize) -> usize {
        let percent = match self {
            Self::High => 100,
            Self::Normal => 90,
            Self::Low => 70,
        };
        // Never nothing: an idle gateway serves everybody.
        let part = all.saturating_mul(percent) / 100;
        if part == 0 { 1 } else { part }
    }
}

/// The priorities of rate classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Priorities {
    /// The classes that go first.
    pub high: Vec<String>,
    /// The classes that go last.
    pub low: Vec<String>,
}

impl Priorities {
    /// The priority of a caller of this class.
    pub fn of(&self, class: Option<&str>) -> Priority {
        let is_in = |list: &[String]| class.is_some_and(|class| list.iter().any(|it| it == class));
        if is_in(&self.high) {
            Priority::High
        } else if is_in(&self.low) {
            Priority::Low
        } else {
            Priority::Normal
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_has_the_priority_that_names_it_and_others_are_in_between() {
        let (high, low) = (vec!["people".to_owned()], vec!["batch".to_owned()]);
        let priorities = Priorities { high, low };
        for (class, priority) in [
            (Some("people"), Priority::High),
            (Some("batch"), Priority::Low),
            (Some("other"), Priority::Normal),
            (None, Priority::Normal),
        ] {
            assert_eq!(priorities.of(class), priority, "{class:?}");
        }
        assert!(Priority::High < Priority::Normal && Priority::Normal < Priority::Low);
    }

    #[test]
    fn the_lower_a_priority_the_less_room_it_has_and_none_has_no_room() {
        assert_eq!(Priority::ALL.iter().map(|it| it.room(100)).collect::<Vec<_>>(), [100, 90, 70]);
        assert_eq!(Priority::ALL.iter().map(|it| it.room(1)).collect::<Vec<_>>(), [1, 1, 1]);
    }
}

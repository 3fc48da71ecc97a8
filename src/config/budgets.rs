//! The section `budgets`: what callers may spend. [`super::load`] calls it.
//!
//! Invariant: every budget has a name of its own and a ceiling in at least one unit.

use super::describe::{Key, Shape};
use super::limits::{Only, read_name, read_only};
use super::reader::Section;
use crate::model::amounts::{Amounts, Ceilings};

/// A budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// Its name, in refusals and metrics.
    pub name: String,
    /// Whose spending is counted apart: `principal`, `workspace`, `agent`; together one key.
    pub by: Vec<String>,
    /// What may be spent.
    pub ceilings: Ceilings,
    /// In how long.
    pub per: Period,
    /// What is reserved for a run of which nothing better is known.
    pub reserve: Amounts,
    /// What it holds for.
    pub only: Only,
}

/// In how long a budget may be spent, by the calendar in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// A month.
    Month,
    /// For ever.
    Total,
}

pub(super) fn read(root: &mut Section<'_>) -> Vec<Budget> {
    let mut budgets: Vec<Budget> = Vec::new();
    for mut item in root.items("budgets", "What callers may spend.") {
        let budget = read_one(&mut item, &budgets);
        item.finish();
        budgets.extend(budget);
    }
    budgets
}

fn read_one(section: &mut Section<'_>, others: &[Budget]) -> Option<Budget> {
    let taken = others.iter().map(|budget| budget.name.as_str());
    let name = read_name(section, taken, "Its name, in refusals and metrics.");
    let about = "Whose spending is counted apart; several together make one key.";
    let by = Key::new("by", Shape::Texts, about).required();
    let by = section.choices(by, &["principal", "workspace", "agent"]);
    let ceilings = Ceilings {
        usd: section.decimal("usd", "US dollars that may be spent."),
        tokens: section.optional_count("tokens", "Tokens that may be spent.").map(i64::from),
        credits: section.decimal("credits", "The platform's own credits that may be spent."),
        runs: section.optional_count("runs", "Runs that may be started.").map(i64::from),
    };
    if section.is_clean() && ceilings == Ceilings::default() {
        section.refuse_key("must have one of `usd`, `tokens`, `credits` and `runs`");
    }
    let about = "In how long, by the calendar in UTC.";
    let per = Key::new("per", Shape::Text, about).required();
    let per = section.choice(per, &["day", "month", "total"]);
    let about = "What is reserved for a run of which nothing better is known.";
    let mut reserve = section.section("reserve", about);
    let reserved = Amounts {
        usd: reserve.decimal("usd", "US dollars.").unwrap_or_default(),
        tokens: reserve.optional_count("tokens", "Tokens.").map_or(0, i64::from),
        credits: reserve.decimal("credits", "The platform's own credits.").unwrap_or_default(),
        runs: 1,
    };
    for (name, is_capped, is_reserved) in [
        ("usd", ceilings.usd.is_some(), reserved.usd.0 > 0),
        ("tokens", ceilings.tokens.is_some(), reserved.tokens > 0),
        ("credits", ceilings.credits.is_some(), reserved.credits.0 > 0),
    ] {
        // Without it a crowd of runs of a new agent could start on the last cent.
        if reserve.is_clean() && is_capped && !is_reserved {
            reserve.refuse(name, "is needed, because the budget has a ceiling in this unit");
        }
    }
    reserve.finish();
    let only = read_only(section);
    Some(Budget {
        name: name?,
        by,
        ceilings,
        per: match per?.as_str() {
            "day" => Period::Day,
            "month" => Period::Month,
            _ => Period::Total,
        },
        reserve: reserved,
        only,
    })
}

//! The arithmetic of budgets, for both engines: they load standings and parts, under a lock, ask
//! this, and write back what it made of them. Pure.
//!
//! Invariant: what an account has reserved is the exact sum of the parts that are held of it; a
//! verdict other than `Held` has changed nothing that is to be written.

use super::{Account, Balance, Claim, Reserved};
use crate::clock::Timestamp;
use crate::model::amounts::{Amounts, Ceilings};
use crate::model::micro::Micro;

/// An account as an engine keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Its number; none where it is not kept yet.
    pub(super) id: Option<i64>,
    pub(super) balance: Balance,
    /// How many parts are held of it.
    pub(super) holds: i64,
}

/// One account's part of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Which of the standings it is held of.
    pub(super) standing: usize,
    pub(super) ceilings: Ceilings,
    pub(super) amounts: Amounts,
}

/// What some reservations hold, and of which accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holding {
    pub(super) standings: Vec<Standing>,
    pub(super) parts: Vec<Part>,
}

impl Holding {
    /// Whether both hold the same of the same accounts.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.claimed().eq(other.claimed())
    }

    fn claimed(&self) -> impl Iterator<Item = (Option<i64>, Ceilings, Amounts)> {
        self.parts.iter().map(|part| {
            let account = self.standings.get(part.standing).and_then(|standing| standing.id);
            (account, part.ceilings, part.amounts)
        })
    }
}

/// The distinct accounts of some claims, in one order for all callers, and the parts that the
/// claims are to become, in the order of the claims.
pub(super) fn parts_of(claims: &[Claim]) -> (Vec<&Account>, Vec<Part>) {
    let mut accounts: Vec<&Account> = claims.iter().map(|claim| &claim.account).collect();
    accounts.sort_unstable_by_key(|account| order(account));
    accounts.dedup();
    let parts = claims.iter().map(|claim| Part {
        // Each account is among those it was taken from; were it not, the part would fit nowhere.
        standing: accounts
            .binary_search_by_key(&order(&claim.account), |account| order(account))
            .unwrap_or(usize::MAX),
        ceilings: claim.ceilings,
        amounts: not_below_zero(&claim.amounts),
    });
    let parts = parts.collect();
    (accounts, parts)
}

fn order(account: &Account) -> (&str, &str, Timestamp, i64) {
    (&account.budget, &account.subject, account.window_start, end_of(account))
}

/// Amounts from what an engine has added up as floating point.
pub(super) fn rounded([usd, tokens, credits, runs]: [f64; 4]) -> Amounts {
    let [usd, credits] = [usd, credits].map(|micros| Micro(micros as i64));
    Amounts { usd, tokens: tokens as i64, credits, runs: runs as i64 }
}

/// When the window of an account ends, as engines keep it: the greatest number for never.
pub(super) fn end_of(account: &Account) -> i64 {
    account.window_end.map_or(i64::MAX, |end| end.0)
}

/// Reserves the parts, all or none.
pub(super) fn reserve(standings: &mut [Standing], parts: &[Part]) -> Reserved {
    let before = standings.to_vec();
    for (number, part) in parts.iter().enumerate() {
        let held = standings.get_mut(part.standing).and_then(|standing| {
            standing.holds += 1;
            hold(&mut standing.balance, &part.amounts, &part.ceilings)
        });
        if held.is_none() {
            standings.copy_from_slice(&before);
            return Reserved::Refused(number);
        }
    }
    Reserved::Held
}

/// Raises the parts to `wanted`, all or none.
pub(super) fn raise(standings: &mut [Standing], parts: &mut [Part], wanted: &Amounts) -> Reserved {
    let (standings_before, parts_before) = (standings.to_vec(), parts.to_vec());
    for (number, part) in parts.iter_mut().enumerate() {
        let raised = greater(&part.amounts, wanted);
        let held = standings.get_mut(part.standing).and_then(|standing| {
            release(&mut standing.balance, &part.amounts);
            hold(&mut standing.balance, &raised, &part.ceilings)
        });
        if held.is_none() {
            standings.copy_from_slice(&standings_before);
            parts.copy_from_slice(&parts_before);
            return Reserved::Refused(number);
        }
        part.amounts = raised;
    }
    Reserved::Held
}

/// Ends the parts. `spent` is what each account is charged; none for what was reserved of it.
pub(super) fn settle(standings: &mut [Standing], parts: &[Part], spent: Option<&Amounts>) {
    for part in parts {
        if let Some(standing) = standings.get_mut(part.standing) {
            release(&mut standing.balance, &part.amounts);
            standing.holds -= 1;
            standing.balance.spent += not_below_zero(spent.unwrap_or(&part.amounts));
        }
    }
}

impl Balance {
    /// Whether an account that stands so would hold this claim.
    pub fn has_room(mut self, claim: &Claim) -> bool {
        hold(&mut self, &not_below_zero(&claim.amounts), &claim.ceilings).is_some()
    }
}

fn hold(balance: &mut Balance, wanted: &Amounts, ceilings: &Ceilings) -> Option<()> {
    let reserved = sum(&balance.reserved, wanted)?;
    ceilings.hold(&(balance.spent + reserved)).then(|| balance.reserved = reserved)
}

fn release(balance: &mut Balance, amounts: &Amounts) {
    let reserved = &mut balance.reserved;
    reserved.usd.0 -= amounts.usd.0;
    reserved.tokens -= amounts.tokens;
    reserved.credits.0 -= amounts.credits.0;
    reserved.runs -= amounts.runs;
}

/// The exact sum. What is reserved must be given back to the last millionth, so nothing may be cut
/// off at the greatest number, as `Amounts` would.
fn sum(one: &Amounts, other: &Amounts) -> Option<Amounts> {
    Some(Amounts {
        usd: Micro(one.usd.0.checked_add(other.usd.0)?),
        tokens: one.tokens.checked_add(other.tokens)?,
        credits: Micro(one.credits.0.checked_add(other.credits.0)?),
        runs: one.runs.checked_add(other.runs)?,
    })
}

fn greater(one: &Amounts, other: &Amounts) -> Amounts {
    Amounts {
        usd: one.usd.max(other.usd),
        tokens: one.tokens.max(other.tokens),
        credits: one.credits.max(other.credits),
        runs: one.runs.max(other.runs),
    }
}

fn not_below_zero(amounts: &Amounts) -> Amounts {
    greater(amounts, &Amounts::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(runs: i64) -> Amounts {
        Amounts { runs, ..Amounts::default() }
    }

    fn part(standing: usize, most: Option<i64>, wanted: i64) -> Part {
        let ceilings = Ceilings { runs: most, ..Ceilings::default() };
        Part { standing, ceilings, amounts: runs(wanted) }
    }

    #[test]
    fn a_reservation_that_does_not_fit_one_account_changes_none() {
        let mut standings = [Standing::default(); 2];
        let parts = [part(0, Some(5), 3), part(1, Some(2), 3)];
        assert_eq!(reserve(&mut standings, &parts), Reserved::Refused(1));
        assert_eq!(standings, [Standing::default(); 2]);
        let twice = [part(0, Some(5), 3), part(0, Some(5), 3)];
        assert_eq!(reserve(&mut standings, &twice), Reserved::Refused(1));
        assert_eq!(standings, [Standing::default(); 2]);
    }

    #[test]
    fn what_is_spent_counts_against_the_ceiling() {
        let mut standings = [Standing::default()];
        let first = [part(0, Some(5), 3)];
        assert_eq!(reserve(&mut standings, &first), Reserved::Held);
        settle(&mut standings, &first, Some(&runs(4)));
        assert_eq!(standings[0].balance, Balance { spent: runs(4), reserved: runs(0) });
        assert_eq!(standings[0].holds, 0);
        assert_eq!(reserve(&mut standings, &[part(0, Some(5), 2)]), Reserved::Refused(0));
        assert_eq!(reserve(&mut standings, &[part(0, Some(5), 1)]), Reserved::Held);
    }

    #[test]
    fn an_account_has_room_for_just_what_it_would_hold() {
        let account = Account {
            budget: "b".to_owned(),
            subject: "s".to_owned(),
            window_start: Timestamp(0),
            window_end: None,
        };
        for (spent, reserved, wanted, has_room) in
            [(2, 1, 2, true), (2, 1, 3, false), (5, 0, 0, true), (0, 5, -1, true), (6, 0, 0, false)]
        {
            let balance = Balance { spent: runs(spent), reserved: runs(reserved) };
            let ceilings = Ceilings { runs: Some(5), ..Ceilings::default() };
            let claim = Claim { account: account.clone(), ceilings, amounts: runs(wanted) };
            assert_eq!(balance.has_room(&claim), has_room, "{balance:?} {wanted}");
            let (_, parts) = parts_of(&[claim]);
            let made = reserve(&mut [Standing { balance, ..Standing::default() }], &parts);
            assert_eq!(made == Reserved::Held, has_room, "{balance:?} {wanted}");
        }
    }

    #[test]
    fn raising_keeps_what_is_higher_already_and_is_all_or_nothing() {
        let mut standings = [Standing::default(); 2];
        let mut parts = [part(0, Some(9), 3), part(1, Some(5), 1)];
        assert_eq!(reserve(&mut standings, &parts), Reserved::Held);
        assert_eq!(raise(&mut standings, &mut parts, &runs(6)), Reserved::Refused(1));
        assert_eq!((parts[0].amounts, standings[0].balance.reserved), (runs(3), runs(3)));
        assert_eq!(raise(&mut standings, &mut parts, &runs(2)), Reserved::Held);
        assert_eq!((parts[0].amounts, parts[1].amounts), (runs(3), runs(2)));
        assert_eq!(standings[1].balance.reserved, runs(2));
    }

    #[test]
    fn sums_that_would_not_be_exact_are_refused() {
        let mut standings = [Standing::default()];
        assert_eq!(reserve(&mut standings, &[part(0, None, i64::MAX)]), Reserved::Held);
        assert_eq!(reserve(&mut standings, &[part(0, None, 1)]), Reserved::Refused(0));
        settle(&mut standings, &[part(0, None, i64::MAX)], None);
        assert_eq!(reserve(&mut standings, &[part(0, None, 1)]), Reserved::Held);
        settle(&mut standings, &[part(0, None, 1)], Some(&runs(1)));
        assert_eq!(standings[0].balance, Balance { spent: runs(i64::MAX), reserved: runs(0) });
    }

    #[test]
    fn an_account_that_is_claimed_twice_is_one_account() {
        let account = |subject: &str| Account {
            budget: "b".to_owned(),
            subject: subject.to_owned(),
            window_start: Timestamp(0),
            window_end: None,
        };
        let claim = |subject| Claim {
            account: account(subject),
            ceilings: Ceilings::default(),
            amounts: runs(-1),
        };
        let claims = [claim("z"), claim("a"), claim("z")];
        let (accounts, parts) = parts_of(&claims);
        assert_eq!(accounts, [&account("a"), &account("z")]);
        assert_eq!(parts.iter().map(|part| part.standing).collect::<Vec<_>>(), [1, 0, 1]);
        assert!(parts.iter().all(|part| part.amounts == runs(0)));
    }
}

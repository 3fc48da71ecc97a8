//! A ledger in memory, for tests: it can be slow, fail, and tells what it has seen.
//!
//! Invariant: each call takes effect at one point in time, between two points where other calls
//! may.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::task::yield_now;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::model::amounts::Amounts;
use crate::policy::budget::unit::{Unit, each};
use crate::store::{Account, Balance, Claim, Ledger, Reserved};

#[derive(Default)]
pub(super) struct MemoryLedger(Mutex<Books>);

#[derive(Default)]
struct Books {
    open: HashMap<String, Open>,
    ended: BTreeMap<String, Ended>,
    spent: HashMap<Account, Amounts>,
    /// What each account's runs were charged beyond their reservations since it last took one.
    over: HashMap<Account, Amounts>,
    writes: usize,
    failing: Failing,
}

/// Which calls fail, and whether they take effect all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Failing {
    #[default]
    None,
    Before(usize),
    After(usize),
}

#[derive(Clone)]
struct Open {
    claims: Vec<Claim>,
    until: Timestamp,
}

/// How a reservation ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) accounts: Vec<Account>,
    pub(super) reserved: Amounts,
    pub(super) charged: Amounts,
    pub(super) was_overdue: bool,
    /// What each call to settle it said.
    pub(super) said: Vec<Amounts>,
}

impl MemoryLedger {
    pub(super) fn fail(&self, failing: Failing) {
        self.0.lock().failing = failing;
    }

    /// The calls that may have written.
    pub(super) fn writes(&self) -> usize {
        self.0.lock().writes
    }

    pub(super) fn open(&self) -> usize {
        self.0.lock().open.len()
    }

    pub(super) fn ended(&self) -> BTreeMap<String, Ended> {
        self.0.lock().ended.clone()
    }

    /// Every account that has been used, what it has spent and reserved, and what its runs were
    /// charged beyond their reservations since it last took one.
    pub(super) fn accounts(&self) -> Vec<(Account, Balance, Amounts)> {
        let books = self.0.lock();
        let used: Vec<Account> = books.over.keys().cloned().collect();
        let all = used.into_iter().map(|account| {
            let over = books.over.get(&account).copied().unwrap_or_default();
            (account.clone(), books.balance(&account), over)
        });
        all.collect()
    }

    /// Runs `act` at one point in time, or fails as it was told to.
    async fn at_once<T>(&self, act: impl FnOnce(&mut Books) -> Result<T>) -> Result<T> {
        yield_now().await;
        let result = {
            let mut books = self.0.lock();
            books.writes += 1;
            let down = || Error::new(Kind::Internal, "the store is down");
            match books.failing {
                Failing::Before(left) if left > 0 => {
                    books.failing = Failing::Before(left - 1);
                    Err(down())
                }
                Failing::After(left) if left > 0 => {
                    books.failing = Failing::After(left - 1);
                    act(&mut books).and(Err(down()))
                }
                Failing::None | Failing::Before(_) | Failing::After(_) => act(&mut books),
            }
        };
        yield_now().await;
        result
    }
}

impl Books {
    fn balance(&self, account: &Account) -> Balance {
        let claims = self.open.values().flat_map(|open| &open.claims);
        let reserved = claims
            .filter(|claim| claim.account == *account)
            .fold(Amounts::default(), |sum, claim| sum + claim.amounts);
        Balance { spent: self.spent.get(account).copied().unwrap_or_default(), reserved }
    }

    /// Holds these claims if they all fit beside everything else.
    fn hold(&mut self, id: &str, open: Open) -> Reserved {
        let before = self.open.remove(id);
        let refused = open.claims.iter().position(|claim| {
            let Balance { spent, reserved } = self.balance(&claim.account);
            !claim.ceilings.hold(&(spent + reserved + claim.amounts))
        });
        let held = match refused {
            Some(_) => before,
            None => {
                let accounts = open.claims.iter().map(|claim| claim.account.clone());
                self.over.extend(accounts.map(|account| (account, Amounts::default())));
                Some(open)
            }
        };
        if let Some(held) = held {
            self.open.insert(id.to_owned(), held);
        }
        refused.map_or(Reserved::Held, Reserved::Refused)
    }

    fn end(&mut self, id: &str, charged: Option<Amounts>) {
        if let (Some(ended), Some(said)) = (self.ended.get_mut(id), charged) {
            ended.said.push(said);
        }
        let Some(open) = self.open.remove(id) else { return };
        let reserved = open.claims.first().map(|claim| claim.amounts).unwrap_or_default();
        let amounts = charged.unwrap_or(reserved);
        let accounts: Vec<Account> = open.claims.into_iter().map(|claim| claim.account).collect();
        for account in &accounts {
            *self.spent.entry(account.clone()).or_default() += amounts;
            let over = |unit: Unit| (unit.of(&amounts) - unit.of(&reserved)).max(0);
            *self.over.entry(account.clone()).or_default() += each(over);
        }
        let (was_overdue, said) = (charged.is_none(), charged.into_iter().collect());
        let ended = Ended { accounts, reserved, charged: amounts, was_overdue, said };
        assert!(self.ended.insert(id.to_owned(), ended).is_none(), "{id} has ended twice");
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn most_used(&self, _: &str, _: Timestamp) -> Result<Amounts> {
        Ok(Amounts::default())
    }

    async fn reserve(
        &self,
        reservation: &str,
        claims: &[Claim],
        until: Timestamp,
        _now: Timestamp,
    ) -> Result<Reserved> {
        let open = Open { claims: claims.to_vec(), until };
        self.at_once(|books| Ok(books.hold(reservation, open))).await
    }

    async fn raise(&self, reservation: &str, amounts: &Amounts, _: Timestamp) -> Result<Reserved> {
        self.at_once(|books| {
            let open = books.open.get(reservation).cloned();
            let mut open = open.ok_or_else(|| Error::new(Kind::Conflict, "it is not held"))?;
            for Claim { amounts: held, .. } in &mut open.claims {
                *held = each(|unit| unit.of(held).max(unit.of(amounts)));
            }
            Ok(books.hold(reservation, open))
        })
        .await
    }

    async fn settle(&self, reservation: &str, spent: &Amounts, _: Timestamp) -> Result<()> {
        self.at_once(|books| {
            books.end(reservation, Some(*spent));
            Ok(())
        })
        .await
    }

    async fn charge_overdue(&self, now: Timestamp) -> Result<u64> {
        self.at_once(|books| {
            let overdue = books.open.iter().filter(|(_, open)| open.until <= now);
            let overdue: Vec<String> = overdue.map(|(id, _)| id.clone()).collect();
            overdue.iter().for_each(|id| books.end(id, None));
            Ok(overdue.len() as u64)
        })
        .await
    }

    async fn balance(&self, account: &Account) -> Result<Balance> {
        self.at_once(|books| Ok(books.balance(account))).await
    }

    async fn prune(&self, before: Timestamp) -> Result<u64> {
        self.at_once(|books| {
            let claims = books.open.values().flat_map(|open| &open.claims);
            let held: Vec<Account> = claims.map(|claim| claim.account.clone()).collect();
            let count = books.over.len();
            let is_kept = |account: &Account| {
                account.window_end.is_none_or(|end| end >= before) || held.contains(account)
            };
            books.over.retain(|account, _| is_kept(account));
            books.spent.retain(|account, _| is_kept(account));
            Ok((count - books.over.len()) as u64)
        })
        .await
    }
}

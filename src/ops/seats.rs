//! Places that a few callers can have at a time, and no account all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::ids::AccountId;

/// So many places.
#[derive(Debug)]
pub struct Seats {
    most: usize,
    /// How many of them may be of one account.
    share: usize,
    taken: Mutex<BTreeMap<AccountId, usize>>,
}

impl Seats {
    /// `most` places, of which one account can have `share`.
    #[must_use]
    pub fn new(most: usize, share: usize) -> Arc<Self> {
        Arc::new(Self { most, share, taken: Mutex::default() })
    }

    /// A place for somebody of `account`; `None` while it has its share, or none is
    /// free.
    #[must_use]
    pub fn take(self: &Arc<Self>, account: &AccountId) -> Option<Seat> {
        let mut taken = self.taken_now();
        let own = taken.get(account).copied().unwrap_or(0);
        if own >= self.share || taken.values().sum::<usize>() >= self.most {
            return None;
        }
        taken.insert(account.clone(), own.saturating_add(1));
        Some(Seat { seats: Arc::clone(self), account: account.clone() })
    }

    /// How many are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken_now().values().sum()
    }

    fn taken_now(&self) -> MutexGuard<'_, BTreeMap<AccountId, usize>> {
        // Each number is whole even if a holder panicked.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the places, given back with this.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    account: AccountId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken_now();
        let own = taken.remove(&self.account).unwrap_or(0);
        if own > 1 {
            taken.insert(self.account.clone(), own.saturating_sub(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_leaves_places_to_others() {
        let seats = Seats::new(3, 2);
        let [one, other] = ["111122223333", "444455556666"].map(|id| AccountId::parse(id).unwrap());
        let held = [seats.take(&one).unwrap(), seats.take(&one).unwrap()];
        assert!(seats.take(&one).is_none(), "its share");
        let third = seats.take(&other).unwrap();
        assert!(seats.take(&other).is_none(), "all are taken");
        drop(held);
        assert_eq!(seats.taken(), 1);
        drop(third);
        assert!(seats.taken_now().is_empty());
    }
}

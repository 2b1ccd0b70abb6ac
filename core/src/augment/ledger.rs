//! The budget of a job: what is on the bill, what may be, and what is set aside for requests in flight.

use std::collections::BTreeMap;

use super::usd::Usd;

/// What was spent, attempt by attempt.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    budget: Option<Usd>,
    /// What each attempt cost, and whether that is sure.
    charges: BTreeMap<u64, (Usd, bool)>,
    /// What is on the bill.
    pub(super) spent: Usd,
    /// What may be on it.
    pub(super) uncertain: Usd,
    /// What is set aside.
    pub(super) reserved: Usd,
}

impl Ledger {
    /// A budget, with what earlier runs have cost.
    pub(super) fn new(budget: Option<Usd>, charges: BTreeMap<u64, (Usd, bool)>) -> Self {
        let sum =
            |wanted: bool| charges.values().filter(|(_, sure)| *sure == wanted).map(|(usd, _)| *usd).sum();
        Self { budget, spent: sum(true), uncertain: sum(false), reserved: Usd::ZERO, charges }
    }

    /// Whether so much more can be set aside.
    pub(super) fn fits(&self, usd: Usd) -> bool {
        let committed = self.spent.plus(self.uncertain).plus(self.reserved);
        self.budget.is_none_or(|budget| committed.plus(usd) <= budget)
    }

    /// Sets an amount aside.
    pub(super) fn reserve(&mut self, usd: Usd) {
        self.reserved = self.reserved.plus(usd);
    }

    /// Gives back what was set aside.
    pub(super) fn release(&mut self, usd: Usd) {
        self.reserved = self.reserved.minus(usd);
    }

    /// Sets what an attempt has cost, in place of what it was thought to.
    pub(super) fn charge(&mut self, attempt: u64, usd: Usd, sure: bool) {
        if let Some((before, was_sure)) = self.charges.insert(attempt, (usd, sure)) {
            let of = if was_sure { &mut self.spent } else { &mut self.uncertain };
            *of = of.minus(before);
        }
        let of = if sure { &mut self.spent } else { &mut self.uncertain };
        *of = of.plus(usd);
    }
}

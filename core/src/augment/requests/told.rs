//! What is told of requests on their way.

use super::{Requests, State};
use crate::augment::bill::{Bill, Estimate};
use crate::augment::step::Outcome;
use crate::augment::usd::Usd;

impl Requests {
    /// What the requests that are not answered yet will cost.
    pub fn estimate(&self) -> Estimate {
        let mut estimate = Estimate { cached: self.bill.cached, ..Estimate::default() };
        for item in self.items.iter().filter(|item| matches!(item.state, State::Waiting)) {
            let input = item.request.estimated_input_tokens();
            estimate.requests += 1;
            estimate.input_tokens += input;
            estimate.output_tokens += item.request.max_tokens;
            let price = &self.endpoints[item.request.endpoint].price;
            estimate.usd = estimate.usd.plus(Usd::of_tokens(price, input, item.request.max_tokens));
            estimate.most_usd = estimate.most_usd.plus(item.reserve);
        }
        estimate
    }

    /// What has become of the request of this number; `None` while it is under way.
    pub fn outcome(&self, number: usize) -> Option<&Outcome> {
        match &self.items.get(number)?.state {
            State::Done(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// How many requests there are, and how many have their outcome.
    pub fn progress(&self) -> (usize, usize) {
        (self.items.len(), self.done)
    }

    /// The bill so far.
    pub fn bill(&self) -> Bill {
        let mut bill = self.bill.clone();
        (bill.spent_usd, bill.uncertain_usd) = (self.ledger.spent, self.ledger.uncertain);
        bill.requests = self.items.len();
        for item in &self.items {
            match &item.state {
                State::Done(Outcome::Answered(_)) => bill.answered += 1,
                State::Done(Outcome::Failed(_)) => bill.failed += 1,
                State::Done(Outcome::OverBudget) => bill.over_budget += 1,
                State::Done(Outcome::Stopped) => bill.stopped += 1,
                State::Waiting | State::InFlight => {}
            }
        }
        bill
    }

    /// Whether a request was answered before this run.
    pub fn was_cached(&self, number: usize) -> bool {
        self.items.get(number).is_some_and(|item| item.cached)
    }
}

//! Requests that go out in batches: which are under way, and how they are taken over after a kill.

use std::collections::{BTreeMap, HashMap};

use super::{Attempt, Requests, State};
use crate::augment::batch::Batch;
use crate::augment::journal::{History, Line};
use crate::augment::usd::Usd;
use crate::{Error, Result};

/// The attempts that batches have under way, by the keys of their requests.
pub(super) fn under_way(history: &History, batches: &BTreeMap<String, Batch>) -> HashMap<String, u64> {
    let attempts = batches.values().flat_map(|batch| &batch.attempts);
    attempts.filter_map(|attempt| Some((history.open.get(attempt)?.clone(), *attempt))).collect()
}

impl Requests {
    /// The name of this job, as the journal has it.
    pub fn job(&self) -> &str {
        &self.job
    }

    /// Notes that attempts go out as a batch, and gives the line for the journal. It has to be on the disk before the batch is
    /// made, without an id, and again with the id that the endpoint has given it.
    ///
    /// # Errors
    /// None that a caller can bring about.
    pub fn note_batch(&mut self, batch: Batch) -> Result<String> {
        let line = Line::Batch { job: self.job.clone(), batch: batch.clone() }.text()?;
        self.batches.insert(batch.name.clone(), batch);
        Ok(line)
    }

    /// The batches that requests wait for, those of earlier runs included.
    pub fn open_batches(&self) -> Vec<Batch> {
        let waits = |attempt: &u64| self.attempts.get(attempt).is_some_and(|attempt| !attempt.ended);
        let open = self.batches.values().filter(|batch| batch.attempts.iter().any(waits));
        open.cloned().collect()
    }

    /// Refuses to go on one by one while batches of earlier runs are under way: all in them would be paid twice.
    ///
    /// # Errors
    /// `InvalidArgument` with the ids of the batches.
    pub fn refuse_batches(&self) -> Result<()> {
        if self.options.batches || self.in_batches.is_empty() {
            return Ok(());
        }
        let open = self
            .batches
            .values()
            .filter(|batch| batch.attempts.iter().any(|attempt| self.history.open.contains_key(attempt)));
        let names: Vec<&str> = open.map(|batch| batch.id.as_deref().unwrap_or(&batch.name)).collect();
        Err(Error::invalid_argument(format!(
            "{} requests of this job are under way in batches ({}), and would be paid twice: collect their answers \
             first, by the same command with --batch",
            self.in_batches.len(),
            names.join(", ")
        )))
    }

    /// Takes the attempt over that an earlier run has under way for this request, if there is one.
    pub(super) fn take_over(&mut self, number: usize) {
        if !matches!(self.items[number].state, State::Waiting) {
            return;
        }
        let Some(attempt) = self.in_batches.remove(&self.items[number].key) else { return };
        let item = &mut self.items[number];
        (item.state, item.tries) = (State::InFlight, 1);
        let (lane, reserve) = (item.request.endpoint, item.reserve);
        self.lanes[lane].ready.retain(|other| *other != number);
        self.attempts.insert(attempt, Attempt { item: number, ended: false, answered: false });
        self.in_flight += 1;
        // It is set aside again, no longer given up for spent.
        self.ledger.charge(attempt, Usd::ZERO, false);
        self.ledger.reserve(reserve);
        self.bill.interrupted -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::{ChatRequest, Endpoint, Outcome, Reply, RequestOptions, Step};
    use crate::candidates::Price;

    fn requests(batches: bool, journal: &str) -> Requests {
        let endpoint = Endpoint::new("http://a", Price::new(1.0, 2.0));
        let options = RequestOptions::new().batches(batches).budget("1".parse().unwrap()).concurrency(100);
        let mut requests = Requests::new(options, vec![endpoint], "job", journal.as_bytes()).unwrap();
        for i in 0..6 {
            requests.add(ChatRequest::new("m", format!("question {i}"), 10)).unwrap();
        }
        requests
    }

    #[test]
    fn a_batch_under_way_is_taken_over_and_paid_once() {
        let mut first = requests(true, "");
        let (mut journal, mut attempts) = (String::new(), Vec::new());
        while let Step::Send(out) = first.next(0).unwrap() {
            journal += &out.journal;
            attempts.push(out.attempt);
        }
        assert_eq!(attempts.len(), 6);
        let batch = Batch::new("job-1", "http://a", attempts.clone());
        journal += &first.note_batch(batch.clone()).unwrap();
        journal += &first.note_batch(batch.id("batch_7".to_owned())).unwrap();
        let reserved = first.ledger.reserved;
        // Killed. The next run asks for nothing again.
        let mut second = requests(true, &journal);
        assert_eq!(second.next(0).unwrap(), Step::Wait(None));
        let open = second.open_batches();
        assert_eq!((open[0].id.as_deref(), &open[0].attempts), (Some("batch_7"), &attempts));
        assert_eq!((second.bill().interrupted, second.bill().uncertain_usd), (0, Usd::ZERO));
        assert_eq!(second.ledger.reserved, reserved);
        let body = r#"{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}"#;
        // Two come, one is left without answer, and the program is killed again.
        for attempt in &attempts[..2] {
            let received = second.receive(*attempt, &Reply::http(200, None, body), 0).unwrap();
            journal += &received.journal.unwrap();
        }
        let left = second.receive(attempts[2], &Reply::left("it expired", false), 0).unwrap();
        journal += &left.journal.unwrap();
        let mut third = requests(true, &journal);
        let Step::Send(again) = third.next(0).unwrap() else { panic!("what was left is not sent again") };
        assert!(again.body.contains("question 2"));
        for attempt in attempts[3..].iter().chain([&again.attempt]) {
            third.receive(*attempt, &Reply::http(200, None, body), 0).unwrap();
        }
        assert_eq!(third.next(0).unwrap(), Step::Finished);
        assert!((0..6).all(|number| matches!(third.outcome(number), Some(Outcome::Answered(_)))));
        let bill = third.bill();
        assert_eq!((bill.spent_usd.to_string(), bill.uncertain_usd), ("0.00003".to_owned(), Usd::ZERO));
        assert!(third.open_batches().is_empty());
        // One by one, they would be paid twice.
        let direct = requests(false, &journal);
        let error = direct.refuse_batches().unwrap_err();
        assert!(error.message().contains("batch_7") && error.message().starts_with("3 requests"), "{error}");
        assert_eq!(direct.bill().interrupted, 3);
    }
}

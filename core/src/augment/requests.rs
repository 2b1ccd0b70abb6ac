//! Requests out, replies in: when which request is sent, what it may cost, and what becomes of it.
//!
//! Nothing here opens a socket, a file or a clock. Whoever drives it asks for the [`next`](Requests::next) step, makes the
//! journal's line durable, sends the request, and hands the [`Reply`] over; time comes in as milliseconds of any clock.

mod batches;
mod told;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::batch::Batch;
use super::bill::Bill;
use super::endpoint::{Endpoint, Window};
use super::journal::{History, Line};
use super::ledger::Ledger;
use super::reply::{Completion, Meaning, Reply};
use super::request::ChatRequest;
use super::step::{Outcome, Outgoing, Received, RequestOptions, Step};
use super::usd::Usd;
use crate::numeric::Rng;
use crate::{Error, Result};

#[derive(Debug)]
enum State {
    Waiting,
    InFlight,
    Done(Outcome),
}

#[derive(Debug)]
struct Item {
    request: ChatRequest,
    key: String,
    reserve: Usd,
    /// What it counts for limits.
    tokens: u64,
    tries: u32,
    state: State,
    cached: bool,
}

#[derive(Debug)]
struct Attempt {
    item: usize,
    /// Whether a reply has ended it. One that was given up may still be answered.
    ended: bool,
    answered: bool,
}

/// What is known of an endpoint while it is used.
#[derive(Debug, Default)]
struct Lane {
    window: Window,
    ready: VecDeque<usize>,
    paused_until: u64,
    failures: u32,
    closed: Option<String>,
}

/// Requests on their way.
#[derive(Debug)]
pub struct Requests {
    options: RequestOptions,
    endpoints: Vec<Endpoint>,
    job: String,
    history: History,
    items: Vec<Item>,
    by_key: HashMap<String, usize>,
    lanes: Vec<Lane>,
    /// Requests that wait before they are tried again: until when, and which.
    delayed: BTreeSet<(u64, usize)>,
    attempts: BTreeMap<u64, Attempt>,
    /// Attempts of earlier runs that batches have under way, by the keys of their requests.
    in_batches: HashMap<String, u64>,
    batches: BTreeMap<String, Batch>,
    in_flight: usize,
    ledger: Ledger,
    done: usize,
    stopped: bool,
    rng: Rng,
    /// Milliseconds that have passed, whatever the clock was set to meanwhile.
    passed: u64,
    clock: Option<u64>,
    bill: Bill,
}

impl Requests {
    /// Requests of a job to these endpoints, with what the journal says of earlier runs. The name of the job tells which
    /// charges in the journal count towards its budget; answers serve every job.
    ///
    /// # Errors
    /// `InvalidArgument` for options that are out of their range, a price that is none, and a journal that is none.
    pub fn new(options: RequestOptions, endpoints: Vec<Endpoint>, job: &str, journal: &[u8]) -> Result<Self> {
        for (name, value) in
            [("concurrency", options.concurrency as u64), ("tries", u64::from(options.tries))]
        {
            if value == 0 {
                return Err(Error::invalid_argument(format!("{name} is 0, expected at least 1")));
            }
        }
        for endpoint in &endpoints {
            let price = &endpoint.price;
            if ![price.input, price.output].iter().all(|usd| (0.0..=1e6).contains(usd)) {
                return Err(Error::invalid_argument(format!(
                    "the price of {} is {} and {} USD per million tokens, expected numbers from 0 to 1000000",
                    endpoint.address, price.input, price.output
                )));
            }
        }
        let mut history = History::read(journal, job)?;
        let bill = Bill { interrupted: history.open.len(), ..Bill::default() };
        let batches = std::mem::take(&mut history.batches);
        let in_batches = batches::under_way(&history, &batches);
        let ledger = Ledger::new(options.budget, std::mem::take(&mut history.charges));
        Ok(Self {
            rng: Rng::new(options.seed),
            lanes: endpoints.iter().map(|_| Lane::default()).collect(),
            options,
            endpoints,
            job: job.to_owned(),
            history,
            items: Vec::new(),
            by_key: HashMap::new(),
            delayed: BTreeSet::new(),
            attempts: BTreeMap::new(),
            in_batches,
            batches,
            in_flight: 0,
            ledger,
            done: 0,
            stopped: false,
            passed: 0,
            clock: None,
            bill,
        })
    }

    /// How many bytes of the journal are whole lines. Cut the rest off before another line is written.
    pub fn journal_bytes(&self) -> usize {
        self.history.whole
    }

    /// Adds a request, and gives its number. One that was asked for before has the number that it had.
    ///
    /// # Errors
    /// `InvalidArgument` for an endpoint that there is none of, or a request that has more tokens than the limit of a minute.
    pub fn add(&mut self, request: ChatRequest) -> Result<usize> {
        let Some(endpoint) = self.endpoints.get(request.endpoint) else {
            return Err(Error::invalid_argument(format!(
                "endpoint {}; there are {}, counted from 0",
                request.endpoint,
                self.endpoints.len()
            )));
        };
        let key = request.key(&endpoint.address);
        if let Some(number) = self.by_key.get(&key) {
            return Ok(*number);
        }
        let tokens = request.estimated_input_tokens().saturating_add(request.max_tokens);
        if let Some(most) = endpoint.tokens_per_minute.filter(|most| tokens > *most) {
            return Err(Error::invalid_argument(format!(
                "a request to {} may have {tokens} tokens, and {most} are allowed a minute; raise that limit, or lower the most \
                 tokens of an answer",
                request.model
            )));
        }
        let reserve = Usd::of_tokens(&endpoint.price, request.most_input_tokens(), request.max_tokens);
        let number = self.items.len();
        let answer = self.history.answers.get(&key).cloned();
        let cached = answer.is_some();
        let closed = self.lanes[request.endpoint].closed.clone();
        let state = match (answer, closed) {
            (Some(answer), _) => State::Done(Outcome::Answered(answer)),
            (None, Some(why)) => State::Done(Outcome::Failed(why)),
            (None, None) => State::Waiting,
        };
        self.bill.cached += usize::from(cached);
        if matches!(state, State::Waiting) {
            self.lanes[request.endpoint].ready.push_back(number);
        } else {
            self.done += 1;
        }
        self.by_key.insert(key.clone(), number);
        self.items.push(Item { request, key, reserve, tokens, tries: 0, state, cached });
        if self.options.batches {
            self.take_over(number);
        }
        Ok(number)
    }

    /// Sends nothing more. What is in flight is still waited for: it is paid for.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// What to do at this time, in milliseconds of a clock. A clock that jumps back has stood still; one that jumps forward has
    /// moved.
    ///
    /// # Errors
    /// None that a caller can bring about.
    pub fn next(&mut self, now_ms: u64) -> Result<Step> {
        let now = self.pass(now_ms);
        if self.stopped {
            self.finish_waiting(None, &Outcome::Stopped);
        }
        while let Some((until, number)) = self.delayed.first().copied().filter(|(until, _)| *until <= now) {
            self.delayed.remove(&(until, number));
            self.lanes[self.items[number].request.endpoint].ready.push_front(number);
        }
        if self.in_flight >= self.options.concurrency {
            return Ok(Step::Wait(None));
        }
        let mut wake = self.delayed.first().map(|(until, _)| *until);
        for lane in 0..self.lanes.len() {
            while let Some(number) = self.lanes[lane].ready.front().copied() {
                let item = &self.items[number];
                if !self.ledger.fits(item.reserve) {
                    if self.in_flight > 0 {
                        // Replies cost less than was set aside for them, mostly.
                        break;
                    }
                    self.lanes[lane].ready.pop_front();
                    self.finish(number, Outcome::OverBudget);
                    continue;
                }
                let tokens = item.tokens;
                let opens = self.lanes[lane].window.opens(&self.endpoints[lane], tokens, now);
                let opens = opens.max(self.lanes[lane].paused_until);
                if opens > now {
                    wake = Some(wake.map_or(opens, |wake| wake.min(opens)));
                    break;
                }
                self.lanes[lane].ready.pop_front();
                return self.send(number, now).map(Step::Send);
            }
        }
        if self.done == self.items.len() && self.in_flight == 0 {
            return Ok(Step::Finished);
        }
        Ok(Step::Wait(wake.map(|wake| wake.saturating_sub(now).max(1))))
    }

    /// Hands over what came back for an attempt. Its line has to be on the disk before the program may count on the answer.
    ///
    /// # Errors
    /// None that a caller can bring about.
    pub fn receive(&mut self, attempt: u64, reply: &Reply, now_ms: u64) -> Result<Received> {
        let now = self.pass(now_ms);
        let known = self.attempts.get(&attempt).map(|known| (known.item, known.ended, known.answered));
        let Some((number, ended, answered)) = known else { return Ok(self.ignore()) };
        let lane = self.items[number].request.endpoint;
        let endpoint = &self.endpoints[lane];
        let meaning = reply.meaning(&self.items[number].request.model, endpoint.any_model);
        // An answer may come after its attempt was given up for lost; anything else is news no more.
        let late = ended && !answered && matches!(meaning, Meaning::Answer(_));
        if ended && !late {
            return Ok(self.ignore());
        }
        let reserve = self.items[number].reserve;
        if !ended {
            self.in_flight -= 1;
            self.ledger.release(reserve);
        }
        let (charge, sure) = match &meaning {
            Meaning::Answer(found) | Meaning::Useless(found, _) => (self.charge_of(number, found), true),
            Meaning::Again { billed: true, .. } => (reserve, false),
            _ => (Usd::ZERO, true),
        };
        self.ledger.charge(attempt, charge, sure);
        self.bill.overrun_usd = self.bill.overrun_usd.plus(charge.minus(reserve));
        let answered = matches!(meaning, Meaning::Answer(_));
        if let Some(known) = self.attempts.get_mut(&attempt) {
            (known.ended, known.answered) = (true, answered);
        }
        let (job, key) = (self.job.clone(), self.items[number].key.clone());
        let line = match &meaning {
            Meaning::Answer(found) => {
                Line::Done { attempt, job, key, usd: charge, completion: found.clone() }
            }
            Meaning::Useless(_, why)
            | Meaning::Again { why, .. }
            | Meaning::Wrong(why)
            | Meaning::Closed(why) => Line::Failed { attempt, job, key, usd: charge, sure, why: why.clone() },
        };
        let failed = match &line {
            Line::Failed { why, .. } => Some(why.clone()),
            _ => None,
        };
        self.conclude(number, meaning, now);
        Ok(Received { journal: Some(line.text()?), failed })
    }

    /// What the meaning of a reply does to its request and to the endpoint.
    fn conclude(&mut self, number: usize, meaning: Meaning, now: u64) {
        let lane = self.items[number].request.endpoint;
        match meaning {
            Meaning::Answer(found) => {
                self.lanes[lane].failures = 0;
                self.bill.input_tokens += found.input_tokens.unwrap_or(0);
                self.bill.output_tokens += found.output_tokens.unwrap_or(0);
                // Another attempt may have been quicker, or the request given up: an answer that is paid for counts.
                self.unqueue(number);
                self.finish(number, Outcome::Answered(found));
            }
            Meaning::Useless(_, why) | Meaning::Wrong(why) => {
                self.lanes[lane].failures = 0;
                self.finish_if_under_way(number, Outcome::Failed(why));
            }
            Meaning::Closed(why) => self.close(lane, number, why),
            Meaning::Again { why, after_ms, busy, .. } => {
                if !busy {
                    self.lanes[lane].failures += 1;
                }
                if self.lanes[lane].failures >= self.options.dead_after.max(1) {
                    let count = self.lanes[lane].failures;
                    let why = format!(
                        "{count} failures in a row, the last of them: {why}; run it again when the endpoint works"
                    );
                    return self.close(lane, number, why);
                }
                if let Some(after) = after_ms {
                    if after > self.options.longest_retry_after_ms {
                        let why = format!("{why}; it asks to wait {} s: run it again then", after / 1000);
                        return self.close(lane, number, why);
                    }
                    let until = now.saturating_add(after);
                    self.lanes[lane].paused_until = self.lanes[lane].paused_until.max(until);
                }
                if !matches!(self.items[number].state, State::InFlight) {
                    return;
                }
                if self.items[number].tries >= self.options.tries {
                    let why = format!("{} tries, the last of them: {why}", self.items[number].tries);
                    return self.finish(number, Outcome::Failed(why));
                }
                if let Some(why) = self.lanes[lane].closed.clone() {
                    return self.finish(number, Outcome::Failed(why));
                }
                let wait = self.wait(self.items[number].tries);
                self.items[number].state = State::Waiting;
                self.delayed.insert((now.saturating_add(after_ms.unwrap_or(0)).saturating_add(wait), number));
            }
        }
    }

    /// The wait before the next try: half of an interval that doubles, and a random part of the other half.
    fn wait(&mut self, tries: u32) -> u64 {
        let doubled = self.options.first_wait_ms.saturating_mul(1 << tries.saturating_sub(1).min(20));
        let most = doubled.min(self.options.longest_wait_ms);
        most / 2 + (self.rng.uniform() * (most - most / 2) as f64) as u64
    }

    /// Milliseconds that have passed by now.
    fn pass(&mut self, now_ms: u64) -> u64 {
        let before = self.clock.replace(now_ms).unwrap_or(now_ms);
        self.passed += now_ms.saturating_sub(before);
        self.passed
    }

    fn send(&mut self, number: usize, now: u64) -> Result<Outgoing> {
        let attempt = self.history.next;
        self.history.next += 1;
        let item = &mut self.items[number];
        let lane = item.request.endpoint;
        item.state = State::InFlight;
        item.tries += 1;
        self.lanes[lane].window.note(&self.endpoints[lane], item.tokens, now);
        self.ledger.reserve(item.reserve);
        self.in_flight += 1;
        self.bill.sent += 1;
        self.bill.retries += usize::from(item.tries > 1);
        self.attempts.insert(attempt, Attempt { item: number, ended: false, answered: false });
        let (job, key) = (self.job.clone(), item.key.clone());
        let line = Line::Sent { attempt, job, key, reserved_usd: item.reserve };
        Ok(Outgoing { attempt, endpoint: lane, body: item.request.body(), journal: line.text()? })
    }

    /// What an answer has cost: what the endpoint counted, or else the most.
    fn charge_of(&self, number: usize, found: &Completion) -> Usd {
        let item = &self.items[number];
        match (found.input_tokens, found.output_tokens) {
            (Some(input), Some(output)) => {
                Usd::of_tokens(&self.endpoints[item.request.endpoint].price, input, output)
            }
            _ => item.reserve,
        }
    }

    fn ignore(&mut self) -> Received {
        self.bill.ignored += 1;
        Received { journal: None, failed: None }
    }

    /// Takes a request out of whatever queue it waits in.
    fn unqueue(&mut self, number: usize) {
        if matches!(self.items[number].state, State::Waiting) {
            self.delayed.retain(|(_, other)| *other != number);
            self.lanes[self.items[number].request.endpoint].ready.retain(|other| *other != number);
        }
    }

    fn finish(&mut self, number: usize, outcome: Outcome) {
        let state = &mut self.items[number].state;
        match state {
            State::Done(Outcome::Answered(_)) => return,
            State::Done(_) => {}
            State::Waiting | State::InFlight => self.done += 1,
        }
        *state = State::Done(outcome);
    }

    fn finish_if_under_way(&mut self, number: usize, outcome: Outcome) {
        if matches!(self.items[number].state, State::InFlight) {
            self.finish(number, outcome);
        }
    }

    /// Gives every request up that waits, of one endpoint or of all.
    fn finish_waiting(&mut self, lane: Option<usize>, outcome: &Outcome) {
        for number in 0..self.items.len() {
            let of_lane = lane.is_none_or(|lane| self.items[number].request.endpoint == lane);
            if of_lane && matches!(self.items[number].state, State::Waiting) {
                self.finish(number, outcome.clone());
            }
        }
        let items = &self.items;
        self.delayed.retain(|(_, number)| matches!(items[*number].state, State::Waiting));
        for lane in &mut self.lanes {
            lane.ready.retain(|number| matches!(items[*number].state, State::Waiting));
        }
    }

    fn close(&mut self, lane: usize, number: usize, why: String) {
        self.finish_if_under_way(number, Outcome::Failed(why.clone()));
        self.finish_waiting(Some(lane), &Outcome::Failed(why.clone()));
        self.lanes[lane].closed.get_or_insert(why);
    }
}

//! A world that misbehaves, and what has to hold in it.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::candidates::Price;

fn answer(text: &str, input: u64, output: u64) -> Reply {
    let body = serde_json::json!({"choices": [{"message": {"content": text}}],
        "usage": {"prompt_tokens": input, "completion_tokens": output}});
    Reply::Http { status: 200, retry_after_ms: None, body: body.to_string() }
}

fn status(status: u16, retry_after_ms: Option<u64>) -> Reply {
    Reply::Http { status, retry_after_ms, body: String::new() }
}

fn endpoint() -> Endpoint {
    Endpoint::new("http://a", Price::new(1.0, 2.0))
}

/// A request that is on its way in the world, when its reply comes, and which.
struct Flying {
    attempt: u64,
    at: u64,
    reply: Reply,
}

/// What the world has done with requests that it was sent.
#[derive(Default)]
struct World {
    billed: Usd,
    answered: HashSet<String>,
}

fn key_of(line: &str) -> String {
    serde_json::from_str::<serde_json::Value>(line).unwrap()["key"].as_str().unwrap().to_owned()
}

impl World {
    /// What becomes of a request; what it bills is at most what was set aside.
    /// A reply that is lost may come all the same: the second one.
    fn takes(&mut self, requests: &Requests, number: usize, rng: &mut Rng) -> (Reply, Option<Reply>) {
        let item = &requests.items[number];
        let price = &requests.endpoints[item.request.endpoint].price;
        let input = 1 + rng.below(item.request.most_input_tokens() as usize) as u64;
        let output = rng.below(item.request.max_tokens as usize + 1) as u64;
        let mut bill = |input, output| self.billed = self.billed.plus(Usd::of_tokens(price, input, output));
        let mut late = None;
        let reply = match rng.below(12) {
            0 => status(429, Some(rng.below(5_000) as u64)),
            1 => status(500, None),
            2 => Reply::NotSent("refused".to_owned()),
            3 => {
                bill(input, output);
                late = (rng.below(3) == 0).then(|| answer("late", input, output));
                Reply::Lost("reset".to_owned())
            }
            4 => {
                bill(input, output);
                Reply::Http { status: 200, retry_after_ms: None, body: r#"{"choices": [{"mess"#.to_owned() }
            }
            5 => status(503, Some(rng.below(100) as u64)),
            6 if rng.below(4) == 0 => status(400, None),
            7 => {
                bill(item.request.most_input_tokens(), item.request.max_tokens);
                let body = r#"{"choices": [{"message": {"content": "no usage"}}]}"#.to_owned();
                Reply::Http { status: 200, retry_after_ms: None, body }
            }
            _ => {
                bill(input, output);
                answer("yes", input, output)
            }
        };
        (reply, late)
    }
}

fn holds(requests: &Requests, world: &World, budget: Usd) {
    let bill = requests.bill();
    let committed = bill.spent_usd.plus(bill.uncertain_usd).plus(requests.ledger.reserved);
    assert!(committed <= budget, "{bill:?}");
    assert!(world.billed <= committed, "{:?} {bill:?}", world.billed);
    let in_flight = requests.attempts.values().filter(|attempt| !attempt.ended).count();
    assert_eq!(in_flight, requests.in_flight);
    assert!(in_flight <= requests.options.concurrency);
}

/// No minute has more requests to an endpoint than so many.
fn keeps_limits(requests: &Requests, sent_at: &HashMap<u64, u64>, most: u64) {
    for endpoint in 0..requests.endpoints.len() {
        let of_it = requests
            .attempts
            .iter()
            .filter(|(_, attempt)| requests.items[attempt.item].request.endpoint == endpoint);
        let times: Vec<u64> = of_it.map(|(attempt, _)| sent_at[attempt]).collect();
        for at in &times {
            let minute = times.iter().filter(|other| (*at..at + 60_000).contains(*other)).count();
            assert!(minute as u64 <= most, "{minute} in a minute");
        }
    }
}

/// One job from its beginning to its end, through kills.
fn live(seed: u64) -> Bill {
    let mut rng = Rng::new(seed);
    let budget = Usd::new(rng.below(40) as f64 * 1e-4).unwrap();
    let mut options = RequestOptions::new().budget(budget).concurrency(1 + rng.below(4)).seed(seed);
    options.tries = 1 + rng.below(4) as u32;
    options.dead_after = 3 + rng.below(20) as u32;
    let limit = (rng.below(3) == 0).then(|| 1 + rng.below(4) as u64);
    let endpoints: Vec<Endpoint> = (0..=rng.below(2))
        .map(|i| Endpoint { address: format!("http://{i}"), requests_per_minute: limit, ..endpoint() })
        .collect();
    let count = 1 + rng.below(12);
    let (mut world, mut journal, mut now) = (World::default(), Vec::<u8>::new(), 0_u64);
    'lives: for life in 0.. {
        let mut requests = Requests::new(options.clone(), endpoints.clone(), "job", &journal).unwrap();
        journal.truncate(requests.journal_bytes());
        for i in 0..count {
            let text = format!("{} {}", i % 7, "x".repeat(i * 13 % 50));
            requests
                .add(ChatRequest::new("m", text, 1 + (i as u64 * 37) % 90).endpoint(i % endpoints.len()))
                .unwrap();
        }
        let mut flying: Vec<Flying> = Vec::new();
        let mut again: Vec<(u64, Reply)> = Vec::new();
        let mut sent_at: HashMap<u64, u64> = HashMap::new();
        for step in 0.. {
            assert!(step < 20_000, "it never ends, seed {seed}");
            holds(&requests, &world, budget);
            // Jumps of the clock, there and back.
            if rng.below(15) == 0 {
                now = if rng.below(2) == 0 {
                    now.saturating_sub(100_000)
                } else {
                    now + rng.below(200_000) as u64
                };
            }
            if life < 3 && rng.below(40) == 0 {
                // Killed. A line that was being written may be torn.
                if rng.below(2) == 0 {
                    journal.extend_from_slice(b"{\"event\":\"done\",\"att");
                }
                continue 'lives;
            }
            if rng.below(200) == 0 {
                requests.stop();
            }
            let next = requests.next(now).unwrap();
            match next {
                Step::Finished => break,
                Step::Send(out) => {
                    let key = key_of(&out.journal);
                    assert!(!world.answered.contains(&key), "paid twice, seed {seed}");
                    journal.extend_from_slice(out.journal.as_bytes());
                    let number = requests.by_key[&key];
                    sent_at.insert(out.attempt, requests.passed);
                    let (reply, late) = world.takes(&requests, number, &mut rng);
                    again.extend(late.map(|late| (out.attempt, late)));
                    flying.push(Flying { attempt: out.attempt, at: now + rng.below(3_000) as u64, reply });
                }
                Step::Wait(wait) => {
                    let soonest = flying.iter().map(|flying| flying.at).min();
                    assert!(wait.is_some() || !flying.is_empty(), "nothing to wait for, seed {seed}");
                    let until = wait.map(|wait| now + wait);
                    now = soonest.into_iter().chain(until).min().unwrap_or(now).max(now);
                }
            }
            // Replies in any order, some of them twice.
            while let Some(place) = flying.iter().position(|flying| flying.at <= now) {
                let come = flying.swap_remove(place);
                let late = again.iter().position(|(attempt, _)| *attempt == come.attempt);
                for (attempt, reply) in
                    [(come.attempt, come.reply)].into_iter().chain(late.map(|place| again.swap_remove(place)))
                {
                    let key =
                        requests.attempts.get(&attempt).map(|known| requests.items[known.item].key.clone());
                    let received = requests.receive(attempt, &reply, now).unwrap();
                    if let Some(line) = received.journal {
                        journal.extend_from_slice(line.as_bytes());
                        if received.failed.is_none() {
                            world.answered.insert(key.unwrap());
                        }
                    }
                    if rng.below(4) == 0 {
                        let before = requests.bill();
                        let twice = requests.receive(attempt, &reply, now).unwrap();
                        assert!(twice.journal.is_none());
                        assert_eq!(Bill { ignored: before.ignored + 1, ..before }, requests.bill());
                    }
                    holds(&requests, &world, budget);
                }
            }
        }
        let bill = requests.bill();
        assert_eq!(bill.answered + bill.failed + bill.over_budget + bill.stopped, bill.requests);
        assert!((0..requests.items.len()).all(|number| requests.outcome(number).is_some()));
        keeps_limits(&requests, &sent_at, limit.unwrap_or(u64::MAX));
        // What the journal says is what this run says.
        let again = History::read(&journal, "job").unwrap();
        let again_spent = Ledger::new(None, again.charges.clone());
        assert_eq!((again_spent.spent, again_spent.uncertain), (bill.spent_usd, bill.uncertain_usd));
        assert!(again.open.keys().all(|attempt| !sent_at.contains_key(attempt)));
        return bill;
    }
    unreachable!("a life ends or another begins")
}

#[test]
fn no_misbehaviour_breaks_the_budget_or_pays_twice() {
    let bills: Vec<Bill> = (0..3_000).map(live).collect();
    // The world has done to us all that it can.
    for seen in [
        |bill: &Bill| bill.answered > 5,
        |bill: &Bill| bill.over_budget > 0,
        |bill: &Bill| bill.failed > 0,
        |bill: &Bill| bill.stopped > 0,
        |bill: &Bill| bill.interrupted > 0,
        |bill: &Bill| bill.ignored > 0,
        |bill: &Bill| bill.cached > 0,
        |bill: &Bill| bill.uncertain_usd > Usd::ZERO,
    ] {
        assert!(bills.iter().filter(|bill| seen(bill)).count() > 20);
    }
}

/// Drives one request by these replies, and gives its outcome and the bill.
fn driven(replies: &[Reply], tries: u32) -> (Outcome, Bill, Vec<u64>) {
    let options = RequestOptions::new().tries(tries).dead_after(100);
    let mut requests = Requests::new(options, vec![endpoint()], "j", b"").unwrap();
    let number = requests.add(ChatRequest::new("m", "Hello", 10)).unwrap();
    let (mut now, mut replies, mut waits) = (0, replies.iter(), Vec::new());
    loop {
        match requests.next(now).unwrap() {
            Step::Send(out) => {
                let reply = replies.next().expect("no reply is left");
                requests.receive(out.attempt, reply, now).unwrap();
            }
            Step::Wait(wait) => {
                let wait = wait.expect("a wait that only a reply ends");
                waits.push(wait);
                now += wait;
            }
            Step::Finished => break,
        }
    }
    (requests.outcome(number).unwrap().clone(), requests.bill(), waits)
}

#[test]
fn every_sequence_of_three_replies_ends_as_its_first_final_one_says() {
    let kinds = [
        answer("yes", 3, 2),
        status(429, Some(4_000)),
        status(500, None),
        Reply::NotSent("refused".into()),
        Reply::Lost("reset".into()),
        Reply::Http { status: 200, retry_after_ms: None, body: "{".into() },
        status(400, None),
        status(401, None),
    ];
    let reserve =
        Usd::of_tokens(&endpoint().price, ChatRequest::new("m", "Hello", 10).most_input_tokens(), 10);
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for code in 0..kinds.len().pow(3) {
        let chosen = [code % 8, code / 8 % 8, code / 64];
        let replies: Vec<Reply> = chosen.iter().map(|kind| kinds[*kind].clone()).collect();
        let (outcome, bill, waits) = driven(&replies, 3);
        let ends = chosen.iter().position(|kind| [0, 6, 7].contains(kind));
        let used = ends.map_or(3, |at| at + 1);
        assert_eq!(bill.sent, used);
        let lost = chosen[..used].iter().filter(|kind| [4, 5].contains(*kind)).count();
        assert_eq!(bill.uncertain_usd, std::iter::repeat_n(reserve, lost).sum());
        let answered = ends.is_some_and(|at| chosen[at] == 0);
        assert_eq!(matches!(outcome, Outcome::Answered(_)), answered, "{chosen:?}");
        assert_eq!(bill.spent_usd, if answered { "0.000007".parse().unwrap() } else { Usd::ZERO });
        assert_eq!(waits.len(), used - 1);
        for (kind, wait) in chosen.iter().zip(&waits) {
            assert!(*wait >= if *kind == 1 { 4_000 } else { 500 }, "{chosen:?} {waits:?}");
        }
        *counts.entry(if answered { "answered" } else { "failed" }).or_default() += 1;
    }
    // Five of the eight kinds are tried again: answered at once, after one of them, and after two.
    assert_eq!(counts["answered"], 64 + 5 * 8 + 25);
}

#[test]
fn waits_double_and_differ() {
    let (_, _, waits) = driven(&vec![status(500, None); 6], 6);
    for (i, wait) in waits.iter().enumerate() {
        let most = 1_000 << i;
        assert!((most / 2..=most).contains(wait), "{waits:?}");
    }
}

#[test]
fn a_dead_endpoint_ends_the_work_and_a_long_wait_is_told() {
    let run = |reply: Reply| {
        let mut requests =
            Requests::new(RequestOptions::new().dead_after(5), vec![endpoint()], "j", b"").unwrap();
        for i in 0..100 {
            requests.add(ChatRequest::new("m", format!("{i}"), 10)).unwrap();
        }
        let mut now = 0;
        loop {
            match requests.next(now).unwrap() {
                Step::Send(out) => drop(requests.receive(out.attempt, &reply, now).unwrap()),
                Step::Wait(wait) => now += wait.unwrap(),
                Step::Finished => return (requests.bill(), requests.outcome(99).unwrap().clone()),
            }
        }
    };
    let (bill, outcome) = run(Reply::NotSent("connection refused".into()));
    assert_eq!((bill.sent, bill.failed), (5, 100));
    assert!(matches!(outcome, Outcome::Failed(why) if why.contains("5 failures in a row")));
    let (bill, outcome) = run(status(429, Some(3_600_000)));
    assert_eq!(bill.sent, 1);
    assert!(matches!(outcome, Outcome::Failed(why) if why.contains("wait 3600 s")));
}

#[test]
fn answers_serve_every_job_and_charges_one() {
    let mut journal = Vec::new();
    let mut run = |job: &str, sample: u32| {
        let options = RequestOptions::new().budget("0.00009".parse().unwrap());
        let mut requests = Requests::new(options, vec![endpoint()], job, &journal).unwrap();
        let number = requests.add(ChatRequest::new("m", "Hello", 10).sample(sample)).unwrap();
        assert_eq!(requests.add(ChatRequest::new("m", "Hello", 10).sample(sample)).unwrap(), number);
        while let Step::Send(out) = requests.next(0).unwrap() {
            journal.extend_from_slice(out.journal.as_bytes());
            let line = requests.receive(out.attempt, &answer("yes", 20, 10), 0).unwrap().journal.unwrap();
            journal.extend_from_slice(line.as_bytes());
        }
        requests.bill()
    };
    let first = run("one", 0);
    assert_eq!((first.sent, first.spent_usd), (1, "0.00004".parse().unwrap()));
    let again = run("one", 0);
    assert_eq!((again.sent, again.cached, again.spent_usd), (0, 1, first.spent_usd));
    let other = run("two", 0);
    assert_eq!((other.sent, other.cached, other.spent_usd), (0, 1, Usd::ZERO));
    // .00004 are spent, and .000057 would have to be set aside.
    assert_eq!(run("one", 1).over_budget, 1);
    assert_eq!(run("two", 1).answered, 1);
}

#[test]
fn what_an_endpoint_charges_too_much_is_told() {
    let (_, bill, _) = driven(&[answer("yes", 1_000, 1_000)], 1);
    assert_eq!(bill.spent_usd.to_string(), "0.003");
    assert!(bill.overrun_usd > Usd::ZERO);
}

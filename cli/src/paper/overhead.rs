//! `routellm paper overhead`: what a decision costs, beside what the paper measured.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use routellm_core::calibrate::Sample;
use routellm_core::{CallOptions, Error, ErrorKind, Result, Router};
use serde::Serialize;

use super::open;
use super::published::{OVERHEAD, STRONG_USD, WEAK_USD};
use crate::interrupt;
use crate::output::Output;

/// Requests between two looks at the clock.
const BETWEEN: u64 = 8;

/// Measure requests a second and USD for a million of them on this machine.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  routellm paper overhead --price-per-hour 0.05 --prompts traffic.jsonl\n  \
    routellm paper overhead my-router --price-per-hour 0.8 --prompts gold.jsonl --seconds 0.1"
)]
pub(crate) struct Overhead {
    /// `default`, or the folders of artifacts or models.
    #[arg(value_name = "ROUTER", default_value = "default")]
    routers: Vec<String>,
    /// A file with a prompt in each row, such as the traffic will bring.
    #[arg(long, value_name = "FILE")]
    prompts: PathBuf,
    /// What this machine costs, in USD an hour.
    #[arg(long, value_name = "USD")]
    price_per_hour: f64,
    /// How long each router is measured.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Callers at once; as many as the machine has cores without it.
    #[arg(long)]
    threads: Option<usize>,
    /// USD of a thousand requests that the strong model answers; the paper's GPT-4 by default.
    #[arg(long, value_name = "USD", default_value_t = STRONG_USD)]
    strong_usd: f64,
    /// USD of a thousand requests that the weak model answers; the paper's Mixtral by default.
    #[arg(long, value_name = "USD", default_value_t = WEAK_USD)]
    weak_usd: f64,
}

/// What a router costs.
#[derive(Debug, Serialize)]
struct Measured {
    router: String,
    requests: u64,
    seconds: f64,
    threads: usize,
    requests_per_second: f64,
    usd_per_million: f64,
    /// The share of requests that has to go to weak instead of strong so that the router has paid for itself.
    break_even_share: f64,
}

impl Overhead {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        let refuse = |what: String| Err(Error::new(ErrorKind::InvalidArgument, what));
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if !positive(self.price_per_hour) || !positive(self.seconds) {
            return refuse("price-per-hour and seconds have to be above 0".to_owned());
        }
        if !(self.strong_usd > self.weak_usd && self.weak_usd >= 0.0) {
            return refuse(format!(
                "strong-usd is {} and weak-usd {}: the strong model has to cost more, or there is nothing to save",
                self.strong_usd, self.weak_usd
            ));
        }
        let threads = self.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
        if threads == 0 {
            return refuse("threads is 0: one caller is needed".to_owned());
        }
        let sample = Sample::read(&self.prompts)?;
        if sample.prompts().is_empty() {
            return refuse(format!("{} has no prompt", self.prompts.display()));
        }
        let mut found = Vec::new();
        for name in &self.routers {
            found.push(self.measure(name, &open(name)?, sample.prompts(), threads)?);
        }
        if output.is_json() {
            return found.iter().try_for_each(|one| output.json_line(one));
        }
        let ours = found.iter().map(|one| {
            row(&one.router, one.requests_per_second, one.usd_per_million, Some(one.break_even_share))
        });
        let theirs = OVERHEAD.map(|(router, usd, rate)| {
            row(&format!("{router}, the paper"), rate, usd, Some(self.break_even(usd)))
        });
        output.table(
            &["router", "requests/s", "USD/M requests", "break-even share"],
            ours.chain(theirs).collect(),
        )
    }

    /// The share at which what is saved is what the decisions cost.
    fn break_even(&self, usd_per_million: f64) -> f64 {
        usd_per_million / 1e3 / (self.strong_usd - self.weak_usd)
    }

    fn measure(&self, name: &str, router: &Router, prompts: &[String], threads: usize) -> Result<Measured> {
        let options = CallOptions::new().threshold(0.5).cancel(interrupt::token().clone());
        // What is loaded at the first call is no request's.
        for prompt in prompts.iter().take(16) {
            router.route(prompt.as_str(), &options)?;
        }
        let (requests, over) = (AtomicU64::new(0), AtomicBool::new(false));
        let (since, limit) = (Instant::now(), Duration::from_secs_f64(self.seconds));
        let call = |caller: usize| -> Result<()> {
            let mut next = caller * prompts.len() / threads;
            while !over.load(Ordering::Relaxed) {
                for _ in 0..BETWEEN {
                    router.route(prompts[next % prompts.len()].as_str(), &options)?;
                    next += 1;
                }
                requests.fetch_add(BETWEEN, Ordering::Relaxed);
                if since.elapsed() >= limit {
                    over.store(true, Ordering::Relaxed);
                }
            }
            Ok(())
        };
        thread::scope(|scope| {
            let callers: Vec<_> = (0..threads).map(|caller| scope.spawn(move || call(caller))).collect();
            callers.into_iter().try_for_each(|caller| match caller.join() {
                Ok(done) => done,
                Err(_) => Err(Error::new(ErrorKind::Internal, "a caller panicked")),
            })
        })?;
        let (requests, seconds) = (requests.into_inner(), since.elapsed().as_secs_f64());
        let requests_per_second = requests as f64 / seconds;
        let usd_per_million = self.price_per_hour / 3600.0 / requests_per_second * 1e6;
        Ok(Measured {
            router: name.to_owned(),
            requests,
            seconds,
            threads,
            requests_per_second,
            usd_per_million,
            break_even_share: self.break_even(usd_per_million),
        })
    }
}

fn row(router: &str, rate: f64, usd: f64, share: Option<f64>) -> Vec<String> {
    let rate = if rate < 100.0 { format!("{rate:.1}") } else { format!("{rate:.0}") };
    let usd = if usd < 0.01 { format!("{usd:.6}") } else { format!("{usd:.2}") };
    vec![
        router.to_owned(),
        rate,
        usd,
        share.map_or_else(String::new, |share| match 100.0 * share {
            small if small < 1e-3 => format!("{small:.1e} %"),
            percent => format!("{percent:.3} %"),
        }),
    ]
}

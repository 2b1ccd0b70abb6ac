//! Requests to endpoints of models: the arguments, what is sent, and what is kept of it.

mod batch;
mod drive;
mod http;
mod per_model;

use std::path::PathBuf;

use clap::Args;
use routellm_core::augment::{Bill, Endpoint, Estimate, Job, Journal, RequestOptions, Task, Usd};
use routellm_core::candidates::{Price, PriceTable};
use routellm_core::{Error, ErrorKind, Result};
use serde_json::json;

use self::http::{Http, Key};
use self::per_model::PerModel;
use crate::output::Output;

const OPENAI: &str = "https://api.openai.com/v1";
const OPENAI_KEY: &str = "OPENAI_API_KEY";

/// What a token costs in a batch, of its price.
const BATCH_PRICE: f64 = 0.5;

/// The most requests of a batch.
const LONGEST_BATCH: usize = 50_000;

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message.into())
}

/// Where requests go, and what they may cost.
#[derive(Debug, Args)]
#[command(next_help_heading = "Requests")]
pub(crate) struct Remote {
    #[arg(
        long,
        value_name = "URL",
        help = "The address of an OpenAI-compatible interface [default: https://api.openai.com/v1]; MODEL=URL for one model. Repeatable"
    )]
    endpoint: Vec<String>,
    #[arg(
        long,
        value_name = "NAME",
        help = "The environment variable with the key [default: OPENAI_API_KEY]; MODEL=NAME for one model. Repeatable"
    )]
    key_env: Vec<String>,
    /// Send batches, at half the price and within a day; killed meanwhile, the same command goes on with them.
    #[arg(long)]
    batch: bool,
    /// The most that all of it may cost in USD, earlier runs of the same command included.
    #[arg(long, value_name = "USD")]
    budget: Option<Usd>,
    /// Only say what it will cost.
    #[arg(long)]
    pub(crate) estimate: bool,
    /// USD per million tokens in and out, repeatable: gpt-4o=2.5,10.
    #[arg(long, value_name = "MODEL=IN,OUT", value_parser = price)]
    price: Vec<(String, Price)>,
    /// Prices, in the form of LiteLLM's price list.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// The folder that keeps every answer, so that none is paid for twice.
    #[arg(long, value_name = "FOLDER", default_value = ".routellm-requests")]
    cache: PathBuf,
    /// How many requests are in flight at once.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// The most requests a minute to each model.
    #[arg(long, value_name = "N")]
    requests_per_minute: Option<u64>,
    /// The most tokens a minute to each model.
    #[arg(long, value_name = "N")]
    tokens_per_minute: Option<u64>,
    /// How often a request is tried.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..))]
    tries: u32,
    /// Seconds that an answer may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Take answers that say they are of another model.
    #[arg(long)]
    any_model: bool,
    /// What the field with the most tokens is called: `max_completion_tokens` for models that think.
    #[arg(long, value_name = "NAME", default_value = "max_tokens")]
    pub(crate) max_tokens_name: String,
}

/// The price of a model: `gpt-4o=2.5,10`.
fn price(text: &str) -> std::result::Result<(String, Price), String> {
    let read = || {
        let (model, usd) = text.rsplit_once('=')?;
        let (input, output) = usd.split_once(',')?;
        let usd = |text: &str| text.trim().parse::<f64>().ok().filter(|usd| (0.0..=1e6).contains(usd));
        (!model.is_empty()).then_some((model.to_owned(), Price::new(usd(input)?, usd(output)?)))
    };
    read().ok_or_else(|| "expected MODEL=IN,OUT in USD per million tokens, such as gpt-4o=2.5,10".to_owned())
}

/// A job on its way, with what drives it.
pub(crate) struct Work {
    pub(crate) job: Job,
    journal: Option<Journal>,
    http: Option<Http>,
    batch: bool,
}

impl Remote {
    fn prices(&self, models: &[&str]) -> Result<Vec<Price>> {
        let table = self.prices.as_ref().map(|path| PriceTable::read(path, None)).transpose()?;
        let price = |model: &&str| {
            let named = self.price.iter().find(|(name, _)| name == model).map(|(_, price)| price.clone());
            let listed = || {
                let found = table.as_ref()?.candidates([*model]);
                found.found.first().and_then(|candidate| candidate.price.clone())
            };
            named.or_else(listed).ok_or_else(|| {
                invalid(format!(
                    "no price of {model:?} is known; give --price {model}=IN,OUT in USD per million tokens, or --prices FILE"
                ))
            })
        };
        models.iter().map(price).collect()
    }

    /// The endpoint of each model, and the variable that holds its key.
    fn lanes<'a>(&'a self, models: &[&'a str]) -> Result<Vec<(Endpoint, Key<'a>)>> {
        let prices = self.prices(models)?;
        let endpoints = PerModel::of("--endpoint", &self.endpoint, models)?;
        let keys = PerModel::of("--key-env", &self.key_env, models)?;
        let lane = |(model, mut price): (&&'a str, Price)| {
            if self.batch {
                (price.input, price.output) = (price.input * BATCH_PRICE, price.output * BATCH_PRICE);
            }
            let own = endpoints.own(model);
            let address = http::address(own.or(endpoints.general).unwrap_or(OPENAI));
            let mut endpoint = Endpoint::new(address, price).any_model(self.any_model);
            if !self.batch {
                endpoint.requests_per_minute = self.requests_per_minute;
                endpoint.tokens_per_minute = self.tokens_per_minute;
            }
            // A key goes where it was meant to go: to an endpoint of its own only one that was named.
            let key = match (keys.own(model).or(keys.general), own) {
                (Some(name), _) => Key::Named(name),
                (None, Some(_)) => Key::None,
                (None, None) => Key::Default(OPENAI_KEY),
            };
            (endpoint, key)
        };
        Ok(models.iter().zip(prices).map(lane).collect())
    }

    /// A job at the endpoints of its models. What earlier runs of the same job have spent counts towards the budget.
    ///
    /// # Errors
    /// `InvalidArgument` where a price, the budget or a key is missing; `Io` for the cache.
    pub(crate) fn open(&self, task: Task) -> Result<Work> {
        let names: Vec<String> = task.models().into_iter().map(str::to_owned).collect();
        let models: Vec<&str> = names.iter().map(String::as_str).collect();
        let lanes = self.lanes(&models)?;
        let endpoints: Vec<(String, Endpoint)> =
            names.iter().cloned().zip(lanes.iter().map(|(endpoint, _)| endpoint.clone())).collect();
        let concurrency = if self.batch { LONGEST_BATCH } else { usize::from(self.concurrency) };
        let mut options =
            RequestOptions::new().concurrency(concurrency).tries(self.tries).batches(self.batch);
        options.budget = self.budget;
        if self.estimate || models.is_empty() {
            let known = Journal::peek(&self.cache)?;
            let job = Job::new(task, endpoints, options, &known)?;
            return Ok(Work { job, journal: None, http: None, batch: self.batch });
        }
        if self.budget.is_none() {
            return Err(invalid("how much may it cost? Give --budget USD; --estimate says what to expect"));
        }
        let addresses = lanes.iter().map(|(endpoint, key)| (endpoint.address.clone(), *key));
        let http = Http::new(addresses, self.timeout)?;
        let (mut journal, known) = Journal::open(&self.cache)?;
        let job = Job::new(task, endpoints, options, &known)?;
        job.requests().refuse_batches()?;
        journal.cut(job.journal_bytes())?;
        Ok(Work { job, journal: Some(journal), http: Some(http), batch: self.batch })
    }

    /// Says what it will cost, before anything is sent.
    pub(crate) fn tell(&self, estimate: &Estimate, output: &mut Output) -> Result<()> {
        if output.is_json() {
            output.json_line(&json!({ "estimate": estimate, "budget_usd": self.budget }))?;
        } else {
            let budget = self.budget.map_or_else(|| "none".to_owned(), |usd| format!("{usd} USD"));
            output.facts(&[
                ("requests", format!("{} to send, {} answered before", estimate.requests, estimate.cached)),
                (
                    "estimate",
                    format!(
                        "{:.6} USD, at most {:.6} USD",
                        estimate.usd.as_f64(),
                        estimate.most_usd.as_f64()
                    ),
                ),
                ("budget", budget),
            ])?;
        }
        // Whoever watches sees it now, and not when all is paid.
        output.finish()
    }
}

impl Work {
    /// Sends what there is to send, until each request has its outcome.
    ///
    /// # Errors
    /// `Io` for the journal, after which nothing more is sent; `Cancelled` after Ctrl-C. What was paid for is kept in each case.
    pub(crate) fn run(&mut self) -> Result<()> {
        match (&mut self.journal, &self.http) {
            (Some(journal), Some(http)) if self.batch => batch::drive(&mut self.job, journal, http),
            (Some(journal), Some(http)) => drive::drive(&mut self.job, journal, http),
            _ => Ok(()),
        }
    }

    /// The bill as facts.
    pub(crate) fn facts(bill: &Bill) -> Vec<(&'static str, String)> {
        let usd = |usd: Usd| format!("{:.6} USD", usd.as_f64());
        let mut facts = vec![
            ("answered", format!("{} of {} requests, {} before", bill.answered, bill.requests, bill.cached)),
            ("sent", format!("{}, {} of them again", bill.sent, bill.retries)),
            ("spent", usd(bill.spent_usd)),
        ];
        if bill.uncertain_usd > Usd::ZERO {
            facts.push(("maybe spent", usd(bill.uncertain_usd)));
        }
        if bill.interrupted > 0 {
            facts.push((
                "interrupted",
                format!("{} requests were in flight when a run was killed", bill.interrupted),
            ));
        }
        if bill.overrun_usd > Usd::ZERO {
            facts.push(("overrun", format!("{} above what requests could cost", usd(bill.overrun_usd))));
        }
        facts
    }
}

/// What is left to do, as an error that says so; nothing if all requests were answered.
pub(crate) fn check_complete(bill: &Bill, why: Option<&str>) -> Result<()> {
    let mut parts = Vec::new();
    if bill.over_budget > 0 {
        parts.push(format!(
            "the budget did not reach for {} requests: raise it, and run the same again",
            bill.over_budget
        ));
    }
    if bill.failed > 0 {
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        parts.push(format!("{} requests failed{why}: run the same again to try these", bill.failed));
    }
    if parts.is_empty() { Ok(()) } else { Err(Error::new(ErrorKind::Remote, parts.join("; "))) }
}

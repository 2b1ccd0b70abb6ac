//! Requests to endpoints of models: the arguments, what is sent, and what is kept of it.

mod drive;
mod http;
mod journal;

use std::path::PathBuf;

use clap::Args;
use routellm_core::augment::{Bill, Endpoint, Estimate, RequestOptions, Requests, Usd};
use routellm_core::candidates::{Price, PriceTable};
use routellm_core::files::sha256_hex;
use routellm_core::{Error, ErrorKind, Result};
use serde_json::json;

use self::http::Http;
use self::journal::Journal;
use crate::output::Output;

/// Where requests go, and what they may cost.
#[derive(Debug, Args)]
#[command(next_help_heading = "Requests")]
pub(crate) struct Remote {
    /// The address of an OpenAI-compatible interface.
    #[arg(long, value_name = "URL", default_value = "https://api.openai.com/v1")]
    endpoint: String,
    /// The environment variable that holds the key.
    #[arg(long, value_name = "NAME", default_value = "OPENAI_API_KEY")]
    key_env: String,
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

/// Requests on their way, with what drives them.
pub(crate) struct Work {
    pub(crate) requests: Requests,
    /// The same, to estimate with: requests whose text is not known yet can be added as they are expected.
    pub(crate) spare: Requests,
    journal: Option<Journal>,
    http: Option<Http>,
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
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("no price of {model:?} is known; give --price {model}=IN,OUT in USD per million tokens, or --prices FILE"),
                )
            })
        };
        models.iter().map(price).collect()
    }

    /// Requests to these models, one endpoint for each. `job` is everything that makes this command another one: what earlier
    /// runs of the same have spent counts towards the budget.
    ///
    /// # Errors
    /// `InvalidArgument` where a price, the budget or a key is missing; `Io` for the cache.
    pub(crate) fn open(&self, models: &[&str], job: &serde_json::Value) -> Result<Work> {
        let prices = self.prices(models)?;
        let address = http::address(&self.endpoint);
        let endpoints: Vec<Endpoint> = prices
            .into_iter()
            .map(|price| {
                let mut endpoint = Endpoint::new(&address, price).any_model(self.any_model);
                endpoint.requests_per_minute = self.requests_per_minute;
                endpoint.tokens_per_minute = self.tokens_per_minute;
                endpoint
            })
            .collect();
        let mut options = RequestOptions::new().concurrency(usize::from(self.concurrency)).tries(self.tries);
        options.budget = self.budget;
        let job = &sha256_hex(json!([job, address, models]).to_string().as_bytes())[..16];
        if self.estimate {
            let known = Journal::peek(&self.cache)?;
            let make = || Requests::new(options.clone(), endpoints.clone(), job, &known);
            return Ok(Work { requests: make()?, spare: make()?, journal: None, http: None });
        }
        if self.budget.is_none() {
            let message = "how much may it cost? Give --budget USD; --estimate says what to expect";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let http = Http::new(address, &self.key_env, self.timeout)?;
        let (mut journal, known) = Journal::open(&self.cache)?;
        let make = || Requests::new(options.clone(), endpoints.clone(), job, &known);
        let requests = make()?;
        journal.cut(requests.journal_bytes())?;
        Ok(Work { requests, spare: make()?, journal: Some(journal), http: Some(http) })
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
    pub(crate) fn run(&mut self, stage: &str) -> Result<()> {
        match (&mut self.journal, &self.http) {
            (Some(journal), Some(http)) => drive::drive(&mut self.requests, journal, http, stage),
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

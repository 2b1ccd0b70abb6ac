//! What an evaluation is asked for.

use serde::{Deserialize, Serialize};

use crate::setters::options_struct;
use crate::{Error, Result};

/// Which definitions the figures have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Definition {
    /// The whole curve, one point for each distinct score; prompts of one score are sent together, so that between two points
    /// lies a fair coin among them. CPT is the smallest strong share that reaches the level.
    #[default]
    Exact,
    /// Those of the reference implementation, to the digit: 11 points at quantiles of the scores, CPT by `numpy.interp`, and
    /// Python's random numbers for the random router. It is undefined where quantiles coincide, as the reference fails there.
    Reference,
}

/// What one request costs, in USD.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Prices {
    /// USD per request that the strong model answers.
    pub strong: f64,
    /// USD per request that the weak model answers.
    pub weak: f64,
}

impl Prices {
    /// USD per request of the strong and of the weak model.
    pub const fn new(strong: f64, weak: f64) -> Self {
        Self { strong, weak }
    }
}

options_struct! {
    /// How to evaluate.
    ///
    /// ```
    /// use routellm_core::eval::{EvalOptions, Prices};
    /// let options = EvalOptions::new().draws(200).levels(vec![0.5]).prices(Prices::new(0.01, 0.0002));
    /// assert_eq!(options.confidence, 0.95);
    /// ```
    #[derive(Debug, Clone, PartialEq)]
    pub struct EvalOptions {
        /// Samples of the bootstrap. 0: no intervals.
        draws: usize = 1000,
        /// Seed of the bootstrap and of the random router's band.
        seed: u64 = 1,
        /// How often an interval is to hold the figure, in (0, 1).
        confidence: f64 = 0.95,
        /// Which definitions the figures have.
        definition: Definition = Definition::Exact,
        /// The levels of CPT: shares of the gap that are to be recovered, at least 0.
        levels: Vec<f64> = vec![0.2, 0.5, 0.8],
        /// What a request costs, the same for every prompt. Not together with `costs`.
        prices: Option<Prices> = None => Prices,
        /// What each row costs: as many as there are rows.
        costs: Option<Vec<Prices>> = None => Vec<Prices>,
        /// Which prompt each row belongs to: rows of one number are drawn together (both turns of a conversation, one prompt
        /// in several forms). Every row is a prompt of its own without.
        groups: Option<Vec<usize>> = None => Vec<usize>,
        /// Threads; 0 for as many as the machine has cores. The figures do not depend on it.
        threads: usize = 0,
    }
}

impl EvalOptions {
    /// Refuses options that contradict themselves or the number of rows.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub(super) fn check(&self, rows: usize) -> Result<()> {
        let refuse = |what: String| Err(Error::invalid_argument(what));
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            return refuse(format!("confidence is {}: give one between 0 and 1, as 0.95", self.confidence));
        }
        if let Some(level) = self.levels.iter().find(|level| !level.is_finite() || **level < 0.0) {
            return refuse(format!("level {level} of CPT: give shares of the gap from 0, as 0.5"));
        }
        if self.prices.is_some() && self.costs.is_some() {
            return refuse("prices and costs were given: give one of them".to_owned());
        }
        let amounts = self.prices.iter().chain(self.costs.iter().flatten());
        let wrong = |usd: f64| !usd.is_finite() || usd < 0.0;
        if let Some(prices) = amounts.into_iter().find(|prices| wrong(prices.strong) || wrong(prices.weak)) {
            return refuse(format!(
                "a request costs {} USD (strong) and {} USD (weak): give amounts from 0",
                prices.strong, prices.weak
            ));
        }
        for (name, count) in
            [("costs", self.costs.as_ref().map(Vec::len)), ("groups", self.groups.as_ref().map(Vec::len))]
        {
            if let Some(count) = count.filter(|count| *count != rows) {
                return refuse(format!("{count} {name} for {rows} rows: one each is needed"));
            }
        }
        Ok(())
    }

    /// How many threads to use.
    pub(super) fn thread_count(&self) -> usize {
        if self.threads > 0 {
            return self.threads;
        }
        std::thread::available_parallelism().map_or(1, usize::from)
    }
}

//! What is known about a router's candidates beside their scores, and which of them may be chosen in a call.

use serde::Serialize;

use super::{Inner, Router};
use crate::candidates::{self, Candidate, DEFAULT_OUTPUT_TOKENS, Price, estimated_tokens};
use crate::features::Features;
use crate::input::{Readable, Subject};
use crate::options::{CallOptions, OpenOptions};
use crate::quality::{Qualities, QualityFit};
use crate::scorer::Pair;
use crate::{Error, Result};

/// A candidate, as a router knows it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct CandidateInfo {
    // <faces:record-candidate_info>
    /// Its name.
    pub name: String,
    /// What its tokens cost; `None` if that is not known.
    pub price: Option<Price>,
    /// The tokens that a request may have; `None` if that is not known.
    pub context_length: Option<u64>,
    /// The names of what it can do, `text` or `vision` for example; `None` if that is not known.
    pub capabilities: Option<Vec<String>>,
    /// What its quality is: `isotonic` or `platt`, the expected score, by a fit of that kind on rows with gold scores
    /// that were held out; or `win_rate`, the expected win rate against the other candidates. `None` if the router
    /// knows its pair only.
    pub quality: Option<&'static str>,
    // </faces:record-candidate_info>
}

/// What an artifact says of its candidates beside their names.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    pub(super) candidates: &'a [Candidate],
    pub(super) mean_output_tokens: Option<f64>,
    pub(super) qualities: Option<&'a QualityFit>,
}

/// The candidates of an open router.
#[derive(Debug, Clone)]
pub(super) struct Candidates {
    /// Under the router's names, in its order.
    pub(super) all: Vec<Candidate>,
    pub(super) qualities: Qualities,
    pub(super) mean_output_tokens: f64,
    /// Whether tokens of a request make a difference: to a cost, or to a context.
    counts: bool,
    /// Whether a context ends somewhere.
    pub(super) contexts: bool,
}

impl Candidates {
    /// Candidates of these names, with what the artifact and who opens it say of them.
    ///
    /// # Errors
    /// `InvalidArgument` as [`candidates::described`].
    pub(super) fn new(
        names: &[String],
        known: &Known<'_>,
        options: &OpenOptions,
        knows_candidates: bool,
    ) -> Result<Self> {
        let given = options.candidates.as_deref().unwrap_or_default();
        let all = candidates::described(names, known.candidates, given)?;
        let qualities = match known.qualities {
            _ if !knows_candidates => Qualities::Unknown,
            Some(fit) => Qualities::Fitted(fit.clone()),
            None => Qualities::WinRates,
        };
        let mean = options.mean_output_tokens.or(known.mean_output_tokens);
        let contexts = all.iter().any(|candidate| candidate.context_length.is_some());
        let counts = contexts || all.iter().any(|candidate| candidate.price.is_some());
        let mean_output_tokens = mean.unwrap_or(DEFAULT_OUTPUT_TOKENS);
        Ok(Self { all, qualities, mean_output_tokens, counts, contexts })
    }

    /// What is told about them, under the names that the router uses.
    pub(super) fn info(&self, names: &[String]) -> Vec<CandidateInfo> {
        let info = |(i, candidate): (usize, &Candidate)| CandidateInfo {
            name: names[i].clone(),
            price: candidate.price.clone(),
            context_length: candidate.context_length,
            capabilities: candidate.capabilities.clone(),
            quality: self.qualities.name(i),
        };
        self.all.iter().enumerate().map(info).collect()
    }
}

/// The tokens of the requests of a call and of their answers.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    /// Of every request, if the caller counted them.
    given: Option<u64>,
    /// Of each request, where they are estimated.
    rows: Vec<Option<u64>>,
    /// Of an answer.
    pub(super) output: f64,
}

impl Tokens {
    /// Of the request of this row; `None` if they are not known.
    pub(super) fn input(&self, row: usize) -> Option<u64> {
        self.given.or_else(|| self.rows.get(row).copied().flatten())
    }

    pub(super) fn given(&self) -> Option<u64> {
        self.given
    }

    /// Estimates the tokens of requests, if they make a difference to this router and nobody counted them.
    pub(super) fn estimate<'a, 'b: 'a>(
        &mut self,
        inner: &Inner,
        subjects: impl IntoIterator<Item = &'a Readable<'b>>,
    ) {
        if self.given.is_some() || !inner.candidates.counts {
            return;
        }
        let tokens = |subject: &Readable<'_>| match subject {
            Ok(Subject::Text(text)) => Some(estimated_tokens(text.len())),
            _ => None,
        };
        self.rows = subjects.into_iter().map(tokens).collect();
    }
}

/// The candidates that a call leaves, and why it leaves out the others.
#[derive(Debug, Clone)]
pub(super) struct Left {
    why: Vec<Option<String>>,
}

impl Left {
    pub(super) fn has(&self, candidate: usize) -> bool {
        self.why[candidate].is_none()
    }
}

impl Inner {
    /// The number of the candidate of this name: the router's name, or else one's own.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that is none of theirs.
    pub(super) fn candidate_named(&self, option: &str, name: &str) -> Result<usize> {
        let known = || self.candidates.all.iter().position(|candidate| candidate.name == name);
        let own = || self.models.iter().position(|model| **model == *name);
        known().or_else(own).ok_or_else(|| {
            let names: Vec<String> = self.candidates.all.iter().map(|one| one.name.clone()).collect();
            candidates::unknown(option, name, &names)
        })
    }

    /// The tokens of a call, before its requests are looked at.
    pub(super) fn tokens(&self, options: &CallOptions) -> Tokens {
        let output = options.output_tokens.map(|tokens| tokens as f64);
        Tokens {
            given: options.input_tokens,
            rows: Vec::new(),
            output: output.unwrap_or(self.candidates.mean_output_tokens),
        }
    }

    /// The candidates that the options of a call leave; `None` if they leave out nobody.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown name, and if the list is empty.
    pub(super) fn left(&self, options: &CallOptions) -> Result<Option<Left>> {
        if options.candidates.is_none() && options.requires.is_none() {
            return Ok(None);
        }
        let mut why = vec![None; self.models.len()];
        if let Some(names) = &options.candidates {
            let option = options.spelling.of("candidates");
            if names.is_empty() {
                return Err(Error::invalid_argument(format!("{option} is empty: name at least one")));
            }
            let named: Vec<usize> =
                names.iter().map(|name| self.candidate_named(&option, name)).collect::<Result<_>>()?;
            for (index, why) in why.iter_mut().enumerate().filter(|(index, _)| !named.contains(index)) {
                *why = Some(format!("{:?} is not among candidates", &*self.models[index]));
            }
        }
        for (index, why) in why.iter_mut().enumerate().filter(|(_, why)| why.is_none()) {
            *why = self.lacks(index, options.requires.as_deref().unwrap_or_default());
        }
        Ok(Some(Left { why }))
    }

    /// What a candidate lacks of some capabilities.
    fn lacks(&self, candidate: usize, required: &[String]) -> Option<String> {
        let name = &*self.models[candidate];
        let Some(known) = &self.candidates.all[candidate].capabilities else {
            return (!required.is_empty()).then(|| format!("{name:?} has no known capabilities"));
        };
        let lacking: Vec<&str> =
            required.iter().filter(|one| !known.contains(one)).map(String::as_str).collect();
        (!lacking.is_empty()).then(|| format!("{name:?} has no {}", lacking.join(", ")))
    }

    /// Why a candidate may not be chosen for a request of so many tokens; `None` if it may.
    pub(super) fn why_not(
        &self,
        candidate: usize,
        left: Option<&Left>,
        tokens: Option<u64>,
    ) -> Option<String> {
        if let Some(why) = left.and_then(|left| left.why[candidate].clone()) {
            return Some(why);
        }
        let context = self.candidates.all[candidate].context_length?;
        let tokens = tokens.filter(|tokens| *tokens > context)?;
        Some(format!("{:?} reads {context} tokens, and the request has {tokens}", &*self.models[candidate]))
    }

    /// Whether a candidate may be chosen for a request of so many tokens.
    pub(super) fn may_choose(&self, candidate: usize, left: Option<&Left>, tokens: Option<u64>) -> bool {
        left.is_none_or(|left| left.has(candidate))
            && match (self.candidates.all[candidate].context_length, tokens) {
                (Some(context), Some(tokens)) => tokens <= context,
                _ => true,
            }
    }

    /// The error of a request for which none of some candidates is left.
    pub(super) fn nobody(
        &self,
        candidates: impl IntoIterator<Item = usize>,
        left: Option<&Left>,
        tokens: Option<u64>,
    ) -> Error {
        let why: Vec<String> =
            candidates.into_iter().filter_map(|index| self.why_not(index, left, tokens)).collect();
        Error::invalid_argument(format!("no candidate is left: {}", why.join("; ")))
    }

    /// The price of each candidate that is left.
    ///
    /// # Errors
    /// `InvalidArgument` that names those without one.
    pub(super) fn check_prices(&self, policy: &str, left: Option<&Left>) -> Result<()> {
        let without: Vec<String> = (0..self.models.len())
            .filter(|index| left.is_none_or(|left| left.has(*index)))
            .filter(|index| self.candidates.all[*index].price.is_none())
            .map(|index| format!("{:?}", &*self.models[index]))
            .collect();
        if without.is_empty() {
            return Ok(());
        }
        Err(Error::invalid_argument(format!(
            "{policy} needs a price of every candidate, and there is none of {}: import prices into the artifact, open it with \
             candidates, or leave them out by candidates",
            without.join(", ")
        )))
    }

    /// What a request costs with a candidate, in USD.
    pub(super) fn cost(&self, candidate: usize, tokens: Option<u64>, output: f64) -> Option<f64> {
        Some(self.candidates.all[candidate].price.as_ref()?.cost(tokens? as f64, output))
    }

    /// What 1,000 such requests cost, in USD.
    pub(super) fn cost_of_thousand(&self, candidate: usize, input: f64, output: f64) -> f64 {
        let price = self.candidates.all[candidate].price.as_ref();
        price.map_or(f64::NAN, |price| price.cost_of_thousand(input, output))
    }

    /// The qualities of all candidates from what their scorer said of them.
    pub(super) fn qualities(&self, scores: &[f64]) -> Vec<f64> {
        let rate = |strong: usize, weak: usize| {
            let pair = Pair { strong, weak };
            let rate = self.pipeline.compares(pair).then(|| self.pipeline.rate_of_scores(scores, pair));
            rate.filter(|rate| !rate.is_nan())
        };
        let score = |candidate: usize| scores[self.pipeline.place_of_score(candidate)];
        self.candidates.qualities.of(self.models.len(), score, rate)
    }

    /// What is said of all candidates on an embedding.
    pub(super) fn ratings_of_embedding(&self, embedding: &[f32]) -> Result<crate::scorer::Ratings> {
        self.pipeline.scorer_of_embedding(embedding)?.ratings(Features::Dense(embedding))
    }
}

impl Router {
    /// Whether the tokens of a request make a difference, to its cost or to who may answer it: then a caller that cuts long
    /// prompts before handing them over would hide how long they are.
    pub fn counts_tokens(&self) -> bool {
        self.inner.candidates.counts
    }

    /// The number of the candidate of this name, in the order of [`models`](Self::models): the artifact's name, or one's own.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that is none of theirs.
    pub fn candidate_index(&self, name: &str) -> Result<usize> {
        self.inner.candidate_named("candidate", name)
    }
}

/// Shown of a price in an error or a table: `2.5/10 USD per million tokens`.
impl std::fmt::Display for Price {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} USD per million tokens", self.input, self.output)
    }
}

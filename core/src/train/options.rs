//! What all trainers take beside options of their own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Ties;
use crate::calibrate::Sample;
use crate::candidates::Candidate;
use crate::files::Json;
use crate::input::Read;
use crate::names::Spelling;
use crate::preference::{GoldTable, VoteTable};
use crate::{Error, Result};

/// What becomes of a prompt that cannot be embedded: too long for the model, no text to its tokenizer, or with a vector
/// that is not finite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnError {
    /// The training fails, and the error names the row.
    #[default]
    Raise,
    /// The prompt and its votes are left out, and counted in the report and in the provenance.
    LeaveOut,
}

impl OnError {
    /// Every value.
    pub const ALL: [Self; 2] = [Self::Raise, Self::LeaveOut];

    /// `raise` or `leave_out`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raise => "raise",
            Self::LeaveOut => "leave_out",
        }
    }
}

impl fmt::Display for OnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for OnError {
    type Err = Error;

    /// # Errors
    /// `InvalidArgument` for another name.
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|value| value.name() == name).ok_or_else(|| {
            Error::invalid_argument(format!("on_error is {name:?}, expected \"raise\" or \"leave_out\""))
        })
    }
}

/// What all trainers take beside options of their own. What has no effect on a trainer is an error there.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct TrainOptions {
    /// Name of the artifact; the trainer's own by default.
    pub name: Option<String>,
    /// The strong model, unless the opener names another. What it is without, the trainers say.
    pub strong: Option<String>,
    /// The weak model, likewise.
    pub weak: Option<String>,
    /// Other names for models of the gold rows, which write them differently than votes do.
    pub rename: BTreeMap<String, String>,
    /// Prompts as the router will meet them, from which strong shares are resolved; those it learned from by default.
    pub calibration: Option<Sample>,
    /// Day of the calibration sample, `2026-01-31`; today (UTC) without it.
    pub calibration_date: Option<String>,
    /// What of a chat the router reads, unless it is told otherwise.
    pub read: Option<Read>,
    /// An object whose members go into the artifact's provenance, over what is noted anyway.
    pub provenance: Option<Json>,
    /// A file of embeddings that were computed before. It is read if it exists, and written now and then and at the end,
    /// even of a training that is cancelled: a later one embeds the new prompts only.
    pub cache: Option<PathBuf>,
    /// What becomes of a prompt that cannot be embedded.
    pub on_error: OnError,
    /// What a tie says. What it is without, the trainers say.
    pub ties: Option<Ties>,
    /// What is known about candidates beside their quality: prices, contexts, capabilities. The artifact keeps it.
    pub candidates: Vec<Candidate>,
    /// The tokens that an answer has on average; the artifact keeps it.
    pub mean_output_tokens: Option<f64>,
}

impl TrainOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Name of the artifact; the trainer's own by default.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The pair of the router, unless its opener names another.
    #[must_use]
    pub fn pair(self, strong: impl Into<String>, weak: impl Into<String>) -> Self {
        self.strong(strong).weak(weak)
    }

    /// The strong model, unless the opener names another.
    #[must_use]
    pub fn strong(mut self, model: impl Into<String>) -> Self {
        self.strong = Some(model.into());
        self
    }

    /// The weak model, unless the opener names another.
    #[must_use]
    pub fn weak(mut self, model: impl Into<String>) -> Self {
        self.weak = Some(model.into());
        self
    }

    /// Calls the model `from` of the gold rows `to`.
    #[must_use]
    pub fn rename(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.rename.insert(from.into(), to.into());
        self
    }

    /// Prompts from which strong shares are resolved.
    #[must_use]
    pub fn calibration(mut self, sample: Sample) -> Self {
        self.calibration = Some(sample);
        self
    }

    /// Day of the calibration sample, `2026-01-31`.
    #[must_use]
    pub fn calibration_date(mut self, day: impl Into<String>) -> Self {
        self.calibration_date = Some(day.into());
        self
    }

    /// What of a chat the router reads, unless it is told otherwise.
    #[must_use]
    pub fn read(mut self, read: Read) -> Self {
        self.read = Some(read);
        self
    }

    /// An object whose members go into the provenance.
    #[must_use]
    pub fn provenance(mut self, provenance: Json) -> Self {
        self.provenance = Some(provenance);
        self
    }

    /// A file of embeddings that were computed before, and that the new ones go into.
    #[must_use]
    pub fn cache(mut self, path: impl Into<PathBuf>) -> Self {
        self.cache = Some(path.into());
        self
    }

    /// What becomes of a prompt that cannot be embedded.
    #[must_use]
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.on_error = on_error;
        self
    }

    /// What a tie says.
    #[must_use]
    pub fn ties(mut self, ties: Ties) -> Self {
        self.ties = Some(ties);
        self
    }

    /// What is known about candidates beside their quality.
    #[must_use]
    pub fn candidates(mut self, candidates: impl IntoIterator<Item = Candidate>) -> Self {
        self.candidates = candidates.into_iter().collect();
        self
    }

    /// The tokens that an answer has on average.
    #[must_use]
    pub fn mean_output_tokens(mut self, tokens: f64) -> Self {
        self.mean_output_tokens = Some(tokens);
        self
    }

    /// Refuses those of these options that are given, which a trainer does not read for the reason `why`.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub(super) fn refuse(&self, names: &[&str], why: &str) -> Result<()> {
        let given = [
            ("rename", !self.rename.is_empty()),
            ("calibration", self.calibration.is_some()),
            ("read", self.read.is_some()),
            ("cache", self.cache.is_some()),
            ("on_error", self.on_error != OnError::Raise),
            ("ties", self.ties.is_some()),
        ];
        let given = given.iter().filter(|(name, given)| *given && names.contains(name));
        let given: Vec<&str> = given.map(|(name, _)| *name).collect();
        Spelling::Snake.without_effect(&given, why).map_or(Ok(()), Err)
    }

    /// Gold rows with the names that they shall have.
    ///
    /// # Errors
    /// `InvalidArgument` if there is nothing to rename, or what comes of it has two models of one name.
    pub(super) fn renamed<'a>(&self, gold: Option<&'a GoldTable>) -> Result<Option<Cow<'a, GoldTable>>> {
        let Some(gold) = gold else {
            if !self.rename.is_empty() {
                return Err(Error::invalid_argument("rename has no effect without gold rows"));
            }
            return Ok(None);
        };
        if self.rename.is_empty() {
            return Ok(Some(Cow::Borrowed(gold)));
        }
        let renamed = self.rename.iter().try_fold(gold.clone(), |gold, (from, to)| gold.renamed(from, to))?;
        Ok(Some(Cow::Owned(renamed)))
    }

    /// Refuses a pair of which a model is known only as a column of gold rows that was left out.
    ///
    /// # Errors
    /// `InvalidArgument` that says why it was.
    pub(super) fn refuse_left_out(&self, votes: Option<&VoteTable>, gold: Option<&GoldTable>) -> Result<()> {
        let Some(gold) = gold else { return Ok(()) };
        let known = votes.map(VoteTable::models).unwrap_or_default();
        for name in [&self.strong, &self.weak].into_iter().flatten() {
            if known.number(name).is_err()
                && gold.models.number(name).is_err()
                && gold.why_left_out(name).is_some()
            {
                gold.number(name)?;
            }
        }
        Ok(())
    }

    /// The pair, strong and weak. Of the two models of `alone`, gold rows without votes beside them, the better one is the
    /// strong one.
    ///
    /// # Errors
    /// `InvalidArgument` where there are more models and one of the pair is not named.
    pub(super) fn pair_of(&self, alone: Option<&GoldTable>) -> Result<(String, String)> {
        if let (Some(strong), Some(weak)) = (&self.strong, &self.weak) {
            return Ok((strong.clone(), weak.clone()));
        }
        let names = alone.map_or(&[][..], |gold| gold.models.names());
        let (Some(gold), [first, second]) = (alone, names) else {
            let mut message =
                "pass strong and weak: only where the rows compare just two models can they be left out"
                    .to_owned();
            if let Some(gold) = alone {
                for column in gold.left_out.iter().filter(|column| column.why.contains("score")) {
                    message = format!("{message}; the column {:?} was left out: {}", column.name, column.why);
                }
            }
            return Err(Error::invalid_argument(message));
        };
        let lead: f64 = gold.rows.iter().map(|row| row.scores[0] - row.scores[1]).sum();
        let (better, worse) = if lead >= 0.0 { (first, second) } else { (second, first) };
        let other = |name: &String| if name == first { second.clone() } else { first.clone() };
        Ok(match (&self.strong, &self.weak) {
            (Some(strong), _) => (strong.clone(), other(strong)),
            (_, Some(weak)) => (other(weak), weak.clone()),
            _ => (better.clone(), worse.clone()),
        })
    }
}

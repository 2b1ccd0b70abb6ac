//! Candidates: the models that a request may be sent to, with what is known about them beside their quality.

mod prices;

pub use prices::{Imported, PriceTable};

use serde::{Deserialize, Serialize};

use crate::{Error, Result, date};

/// Tokens of an answer where neither the artifact nor who opens it knows their mean.
pub const DEFAULT_OUTPUT_TOKENS: f64 = 256.0;

/// Bytes of UTF-8 that count as one token where tokens are not given.
const BYTES_PER_TOKEN: u64 = 4;

/// The tokens that a text of so many bytes is taken for, where nobody has counted them: a quarter of the bytes, rounded
/// up, and at least 1.
pub fn estimated_tokens(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(BYTES_PER_TOKEN).max(1)
}

/// What tokens cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Price {
    // <faces:record-price>
    /// USD per million tokens of the request.
    pub input: f64,
    /// USD per million tokens of the answer.
    pub output: f64,
    /// The day of the price, `2026-01-31`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    // </faces:record-price>
}

impl Price {
    /// A price in USD per million tokens of the request and of the answer.
    pub fn new(input: f64, output: f64) -> Self {
        Self { input, output, date: None }
    }

    /// Says of which day the price is, `2026-01-31`.
    #[must_use]
    pub fn dated(mut self, day: impl Into<String>) -> Self {
        self.date = Some(day.into());
        self
    }

    /// What a request of so many tokens costs, in USD: `(input x input_tokens + output x output_tokens) / 1,000,000`.
    pub fn cost(&self, input_tokens: f64, output_tokens: f64) -> f64 {
        self.per_million(input_tokens, output_tokens) / 1e6
    }

    /// What 1,000 such requests cost, in USD. Policies compare this.
    pub(crate) fn cost_of_thousand(&self, input_tokens: f64, output_tokens: f64) -> f64 {
        self.per_million(input_tokens, output_tokens) / 1e3
    }

    fn per_million(&self, input_tokens: f64, output_tokens: f64) -> f64 {
        self.input * input_tokens + self.output * output_tokens
    }
}

/// A candidate: its name and, if known, what it costs, how much it reads and what it can do.
///
/// ```
/// use routellm_core::candidates::{Candidate, Price};
///
/// let candidate = Candidate::new("gpt-4o")
///     .price(Price::new(2.5, 10.0).dated("2026-01-31"))
///     .context_length(128_000)
///     .capabilities(["text", "vision", "tools", "json"]);
/// assert_eq!(candidate.price.unwrap().cost(1000.0, 200.0), 0.0045);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Candidate {
    /// Its name, as the artifact has it.
    pub name: String,
    /// What its tokens cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// The tokens that a request may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u64>,
    /// What it can do: `text`, `vision`, `tools`, `json`, `audio` and whatever else its users tell apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
}

impl Candidate {
    /// A candidate of which only the name is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), price: None, context_length: None, capabilities: None }
    }

    /// Sets what its tokens cost.
    #[must_use]
    pub fn price(mut self, price: Price) -> Self {
        self.price = Some(price);
        self
    }

    /// Sets how many tokens a request may have.
    #[must_use]
    pub fn context_length(mut self, tokens: u64) -> Self {
        self.context_length = Some(tokens);
        self
    }

    /// Sets what it can do.
    #[must_use]
    pub fn capabilities(mut self, capabilities: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.capabilities = Some(capabilities.into_iter().map(Into::into).collect());
        self
    }

    /// Reads a JSON list of candidates.
    ///
    /// # Errors
    /// `InvalidArgument` for another form, a price that is negative or no number, a day that is none, or an empty
    /// capability.
    pub fn read_list(json: &str) -> Result<Vec<Self>> {
        let list: Vec<Self> = serde_json::from_str(json)
            .map_err(|error| Error::invalid_argument(format!("candidates: {error}; {EXPECTED}")))?;
        list.iter().try_for_each(Self::check)?;
        Ok(list)
    }

    /// Whether more than the name is known.
    pub(crate) fn is_described(&self) -> bool {
        self.price.is_some() || self.context_length.is_some() || self.capabilities.is_some()
    }

    /// Takes over what `other` knows.
    fn update(&mut self, other: &Self) {
        let Self { price, context_length, capabilities, .. } = other.clone();
        self.price = price.or(self.price.take());
        self.context_length = context_length.or(self.context_length);
        self.capabilities = capabilities.or(self.capabilities.take());
    }

    /// # Errors
    /// `InvalidArgument` for a price that is negative or no number, a date that is none, or an empty capability.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse =
            |what: String| Err(Error::invalid_argument(format!("candidates: of {:?} {what}", self.name)));
        if let Some(price) = &self.price {
            for (name, value) in [("input", price.input), ("output", price.output)] {
                if !(value.is_finite() && value >= 0.0) {
                    return refuse(format!(
                        "price.{name} is {value}, expected USD per million tokens, 0 or more"
                    ));
                }
            }
            if let Some(day) = price.date.as_deref().filter(|day| !date::is_day(day)) {
                return refuse(format!("price.date is {day:?}, expected the form 2026-01-31"));
            }
        }
        if self.context_length == Some(0) {
            return refuse("context_length is 0, expected a number of tokens".to_owned());
        }
        if self.capabilities.iter().flatten().any(|name| name.trim().is_empty()) {
            return refuse("capabilities has an empty name".to_owned());
        }
        Ok(())
    }
}

const EXPECTED: &str =
    "expected a list of objects with name and, if known, price, context_length and capabilities";

/// The candidates of these names with what a list of some of them knows, a later entry before an earlier one.
///
/// # Errors
/// `InvalidArgument` for a name that is none of theirs or comes twice, and as [`Candidate::check`].
pub(crate) fn described(
    names: &[String],
    known: &[Candidate],
    given: &[Candidate],
) -> Result<Vec<Candidate>> {
    let mut candidates: Vec<Candidate> = names.iter().map(Candidate::new).collect();
    for list in [known, given] {
        for (i, candidate) in list.iter().enumerate() {
            candidate.check()?;
            if list[..i].iter().any(|other| other.name == candidate.name) {
                let message = format!("candidates: {:?} is there twice", candidate.name);
                return Err(Error::invalid_argument(message));
            }
            let index = names.iter().position(|name| *name == candidate.name);
            let index = index.ok_or_else(|| unknown("candidates", &candidate.name, names))?;
            candidates[index].update(candidate);
        }
    }
    Ok(candidates)
}

/// # Errors
/// `InvalidArgument` for what is no mean number of tokens.
pub(crate) fn check_output_tokens(tokens: f64) -> Result<()> {
    if tokens.is_finite() && tokens >= 0.0 {
        return Ok(());
    }
    Err(Error::invalid_argument(format!("mean_output_tokens is {tokens}, expected a number from 0 on")))
}

/// The error of a name that is no candidate's.
pub(crate) fn unknown(option: &str, name: &str, names: &[String]) -> Error {
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    Error::invalid_argument(format!(
        "{option} has {name:?}, which this router does not know{}; it knows: {}",
        crate::names::suggestion(name, known.iter().copied()),
        known.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["openai/gpt-4o", "small"].map(str::to_owned).to_vec()
    }

    #[test]
    fn what_is_given_stands_before_what_is_known_member_by_member() {
        let known = [Candidate::new("small").price(Price::new(1.0, 2.0)).context_length(8)];
        let given = [Candidate::new("small").capabilities(["text"]).context_length(16)];
        let small = described(&names(), &known, &given).unwrap().remove(1);
        assert_eq!(small.price, Some(Price::new(1.0, 2.0)));
        assert_eq!((small.context_length, small.capabilities), (Some(16), Some(vec!["text".to_owned()])));
    }

    #[test]
    fn wrong_candidates_are_refused() {
        for (json, part) in [
            (r#"[{"name": "gpt-4o"}]"#, "did you mean \"openai/gpt-4o\""),
            (r#"[{"name": "small"}, {"name": "small"}]"#, "twice"),
            (r#"[{"name": "small", "price": {"input": -1, "output": 0}}]"#, "price.input is -1"),
            (r#"[{"name": "small", "price": {"input": 1}}]"#, "missing field `output`"),
            (r#"[{"name": "small", "price": {"input": 1, "output": 1, "date": "today"}}]"#, "2026-01-31"),
            (r#"[{"name": "small", "context_length": 0}]"#, "context_length is 0"),
            (r#"[{"name": "small", "capabilities": [" "]}]"#, "empty"),
            (r#"[{"name": "small", "cost": 1}]"#, "unknown field"),
            (r#"{"name": "small"}"#, "expected a list"),
        ] {
            let read = Candidate::read_list(json).and_then(|given| described(&names(), &[], &given));
            let message = read.unwrap_err().to_string();
            assert!(message.contains(part), "{json}: {message}");
        }
    }

    #[test]
    fn tokens_are_a_quarter_of_the_bytes() {
        assert_eq!([0, 1, 4, 5, 400].map(estimated_tokens), [1, 1, 1, 2, 100]);
    }
}

//! Tables of prices, in the public JSON form of LiteLLM (`model_prices_and_context_window.json`).

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{Candidate, Price};
use crate::{Error, Result, date};

/// A table of prices: what a file says of models, by their names there.
///
/// ```
/// use routellm_core::candidates::PriceTable;
///
/// let json = r#"{"openai/gpt-4o": {"mode": "chat", "input_cost_per_token": 2.5e-06,
///     "output_cost_per_token": 1e-05, "max_input_tokens": 128000, "supports_vision": true}}"#;
/// let table = PriceTable::parse(json, None)?;
/// let imported = table.candidates(["gpt-4o", "mine"]);
/// assert_eq!(imported.found[0].price.as_ref().unwrap().input, 2.5);
/// assert_eq!(imported.missing[0].0, "mine");
/// # Ok::<(), routellm_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PriceTable {
    models: BTreeMap<String, Candidate>,
}

/// What a table knows of some candidates.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Imported {
    /// Those that it knows, under the names that were asked for.
    pub found: Vec<Candidate>,
    /// The names of the others, and why nothing is known of each.
    pub missing: Vec<(String, String)>,
}

/// Capabilities, each with the member that tells of it.
const CAPABILITIES: [(&str, &str); 4] = [
    ("vision", "supports_vision"),
    ("tools", "supports_function_calling"),
    ("json", "supports_response_schema"),
    ("audio", "supports_audio_input"),
];

/// Modes of models that answer in text; the others (embeddings, images, speech) are no candidates.
const MODES: [&str; 3] = ["chat", "completion", "responses"];

/// The first entry of LiteLLM's file, which explains the others.
const SAMPLE: &str = "sample_spec";

/// Digits of a price that are kept: `2.5e-06` USD a token are 2.5 a million, and not 2.4999999999999996.
const DIGITS: usize = 12;

impl PriceTable {
    /// Reads a file. `day` (`2026-01-31`) is the day of its prices, today if it is not given.
    ///
    /// # Errors
    /// `NotFound` or `Io` for the file; as [`parse`](Self::parse), naming the file.
    pub fn read(path: impl AsRef<Path>, day: Option<&str>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
        Self::parse(&text, day).map_err(|error| error.context(path.display()))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// `InvalidArgument` if it is no object of objects, or of a model that answers in text a price is no number from 0 on; for a
    /// day of another form.
    pub fn parse(json: &str, day: Option<&str>) -> Result<Self> {
        if let Some(day) = day.filter(|day| !date::is_day(day)) {
            let message = format!("the day of the prices is {day:?}, expected the form 2026-01-31");
            return Err(Error::invalid_argument(message));
        }
        let day = day.map_or_else(date::today, str::to_owned);
        let entries: BTreeMap<String, Value> = serde_json::from_str(json)
            .map_err(|error| Error::invalid_argument(format!("{error}; expected an object of models")))?;
        let mut models = BTreeMap::new();
        for (name, entry) in entries.iter().filter(|(name, _)| *name != SAMPLE) {
            let read = candidate(name, entry, &day).map_err(|error| error.context(format!("{name:?}")))?;
            models.extend(read.map(|candidate| (name.clone(), candidate)));
        }
        Ok(Self { models })
    }

    /// How many models it knows.
    pub fn len(&self) -> usize {
        self.models.len()
    }

    /// Whether it knows no model.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// What it knows of the candidates of these names: by the same name, or else by the same name without a provider before it
    /// (`openai/gpt-4o` is `gpt-4o`) and whatever the case, if all such entries say the same.
    pub fn candidates<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Imported {
        let mut imported = Imported::default();
        for name in names {
            match self.find(name) {
                Ok(candidate) => {
                    imported.found.push(Candidate { name: name.to_owned(), ..candidate.clone() });
                }
                Err(why) => imported.missing.push((name.to_owned(), why)),
            }
        }
        imported
    }

    fn find(&self, name: &str) -> std::result::Result<&Candidate, String> {
        if let Some(candidate) = self.models.get(name) {
            return Ok(candidate);
        }
        let plain = crate::names::plain(name);
        let alike: Vec<&Candidate> =
            self.models.values().filter(|known| crate::names::plain(&known.name) == plain).collect();
        let same = |other: &&Candidate| {
            let known = |candidate: &Candidate| Candidate { name: String::new(), ..candidate.clone() };
            known(alike[0]) == known(other)
        };
        match alike[..] {
            [] => Err("the table does not know it".to_owned()),
            [first, ..] if alike.iter().all(same) => Ok(first),
            _ => {
                let names: Vec<String> = alike.iter().map(|known| format!("{:?}", known.name)).collect();
                Err(format!("the table has several that differ: {}", names.join(", ")))
            }
        }
    }
}

/// What an entry says; nothing of a model that does not answer in text.
fn candidate(name: &str, entry: &Value, day: &str) -> Result<Option<Candidate>> {
    let Value::Object(entry) = entry else {
        return Err(Error::invalid_argument("expected an object"));
    };
    if let Some(mode) = entry.get("mode").and_then(Value::as_str)
        && !MODES.contains(&mode)
    {
        return Ok(None);
    }
    let price = |member: &str| match entry.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64() {
            Some(price) if price >= 0.0 => Ok(Some(per_million(price))),
            _ => Err(Error::invalid_argument(format!("{member} is {value}, expected a number from 0 on"))),
        },
    };
    let mut candidate = Candidate::new(name);
    if let (Some(input), Some(output)) = (price("input_cost_per_token")?, price("output_cost_per_token")?) {
        candidate = candidate.price(Price::new(input, output).dated(day));
    }
    candidate.context_length = entry.get("max_input_tokens").and_then(Value::as_u64).filter(|most| *most > 0);
    let can = |member: &str| entry.get(member).and_then(Value::as_bool) == Some(true);
    let more = CAPABILITIES.into_iter().filter(|(_, member)| can(member)).map(|(capability, _)| capability);
    Ok(Some(candidate.capabilities(["text"].into_iter().chain(more))))
}

/// USD per million tokens of USD per token, as a decimal number of [`DIGITS`] digits.
fn per_million(per_token: f64) -> f64 {
    let digits = format!("{:.*e}", DIGITS - 1, per_token * 1e6);
    digits.parse().unwrap_or(per_token * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"{
        "sample_spec": {"max_input_tokens": "a text that explains", "input_cost_per_token": 0.0, "mode": "one of"},
        "gpt-4o": {"mode": "chat", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05,
                   "max_input_tokens": 128000, "supports_vision": true, "supports_function_calling": true,
                   "supports_response_schema": true, "supports_audio_input": false, "litellm_provider": "openai"},
        "azure/gpt-4o": {"mode": "chat", "input_cost_per_token": 3e-06, "output_cost_per_token": 1e-05},
        "openai/mini": {"mode": "responses", "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07},
        "azure/mini": {"mode": "responses", "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07},
        "a/other": {"input_cost_per_token": 1e-06, "output_cost_per_token": 0},
        "b/other": {"input_cost_per_token": 2e-06, "output_cost_per_token": 0},
        "ada": {"mode": "embedding", "input_cost_per_token": 1e-07, "output_cost_per_token": 0.0},
        "free": {"mode": "chat", "supports_audio_input": true}
    }"#;

    #[test]
    fn models_are_found_with_and_without_their_provider() {
        let table = PriceTable::parse(TABLE, Some("2026-01-31")).unwrap();
        let imported = table.candidates(["gpt-4o", "GPT-4O", "mini", "x/Mini", "other", "ada", "free"]);
        let names: Vec<&str> = imported.found.iter().map(|candidate| candidate.name.as_str()).collect();
        assert_eq!(names, ["gpt-4o", "mini", "x/Mini", "free"]);
        let first = &imported.found[0];
        assert_eq!(first.price, Some(Price::new(2.5, 10.0).dated("2026-01-31")));
        assert_eq!(first.context_length, Some(128_000));
        assert_eq!(first.capabilities.as_deref().unwrap(), ["text", "vision", "tools", "json"]);
        assert_eq!(imported.found[1].price, Some(Price::new(0.15, 0.6).dated("2026-01-31")));
        assert_eq!(imported.found[3], Candidate::new("free").capabilities(["text", "audio"]));
        let why: Vec<&str> = imported.missing.iter().map(|(_, why)| why.as_str()).collect();
        assert!(why[0].contains("azure/gpt-4o") && why[1].contains("b/other"), "{why:?}");
        assert_eq!(why[2], "the table does not know it");
    }

    #[test]
    fn wrong_tables_are_refused() {
        for (json, part) in [
            ("[]", "expected an object of models"),
            (r#"{"m": 1}"#, "\"m\": expected an object"),
            (r#"{"m": {"input_cost_per_token": "1"}}"#, "input_cost_per_token is \"1\""),
            (r#"{"m": {"output_cost_per_token": -1}}"#, "output_cost_per_token is -1"),
        ] {
            let message = PriceTable::parse(json, None).unwrap_err().to_string();
            assert!(message.contains(part), "{json}: {message}");
        }
        assert!(PriceTable::parse("{}", Some("31.1.2026")).unwrap_err().to_string().contains("2026-01-31"));
        assert!(PriceTable::parse("{}", None).unwrap().is_empty());
    }
}

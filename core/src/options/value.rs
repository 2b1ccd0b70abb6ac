//! Values of options, from whatever language.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value as Json;

use super::ScoreToken;
use super::table::OptionInfo;
use crate::candidates::Candidate;
use crate::{Error, Result};

/// A value as languages without our types have it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OptionValue {
    /// True or false.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(String),
    /// A path that may be no text.
    Path(PathBuf),
    /// Some values.
    List(Vec<OptionValue>),
    /// Named values; one without a value is as good as absent.
    Object(Vec<(String, Option<OptionValue>)>),
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(value) => write!(f, "{value}"),
            Self::Whole(value) => write!(f, "{value}"),
            // A whole number as one: other languages know one kind of numbers only.
            Self::Number(value) if value.fract() == 0.0 && value.abs() < 1e15 => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value:?}"),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Path(value) => write!(f, "{:?}", value.display()),
            Self::List(_) => f.write_str("a list"),
            Self::Object(_) => f.write_str("an object"),
        }
    }
}

impl OptionValue {
    /// The error of a value that is none of this option's.
    fn wrong(&self, shown: &str, expected: &str) -> Error {
        Error::invalid_argument(format!("{shown} is {self}, expected {expected}"))
    }

    pub(super) fn text(&self, shown: &str, info: &OptionInfo) -> Result<String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            _ => Err(self.wrong(shown, info.expected)),
        }
    }

    pub(super) fn path(&self, shown: &str, info: &OptionInfo) -> Result<PathBuf> {
        match self {
            Self::Text(text) if !text.is_empty() && !text.contains('\0') => Ok(PathBuf::from(text)),
            Self::Path(path) => Ok(path.clone()),
            _ => Err(self.wrong(shown, info.expected)),
        }
    }

    pub(super) fn named<T: FromStr>(&self, shown: &str, info: &OptionInfo) -> Result<T> {
        match self {
            Self::Text(text) => text.parse().map_err(|_| self.wrong(shown, info.expected)),
            _ => Err(self.wrong(shown, info.expected)),
        }
    }

    pub(super) fn whole<T: TryFrom<i64>>(&self, shown: &str, info: &OptionInfo) -> Result<T> {
        match self {
            Self::Whole(number) => T::try_from(*number).map_err(|_| self.wrong(shown, info.expected)),
            _ => Err(self.wrong(shown, info.expected)),
        }
    }

    pub(super) fn number(&self, shown: &str, info: &OptionInfo) -> Result<f64> {
        match self {
            Self::Whole(number) => Ok(*number as f64),
            Self::Number(number) => Ok(*number),
            _ => Err(self.wrong(shown, info.expected)),
        }
    }

    pub(super) fn milliseconds(&self, shown: &str, info: &OptionInfo) -> Result<Duration> {
        let milliseconds = self.number(shown, info)?;
        duration(milliseconds).ok_or_else(|| self.wrong(shown, info.expected))
    }

    pub(super) fn flag(&self, shown: &str, info: &OptionInfo) -> Result<bool> {
        match self {
            Self::Flag(on) => Ok(*on),
            _ => Err(self.wrong(shown, info.expected)),
        }
    }

    pub(super) fn clusters(&self, shown: &str, info: &OptionInfo) -> Result<usize> {
        match self {
            Self::Text(text) if text == "all" => Ok(usize::MAX),
            _ => self.whole(shown, info),
        }
    }

    pub(super) fn labels(&self, shown: &str, info: &OptionInfo) -> Result<BTreeMap<String, String>> {
        let Self::Object(members) = self else { return Err(self.wrong(shown, info.expected)) };
        let label = |(name, value): &(String, Option<Self>)| match value {
            None => Ok(None),
            Some(Self::Text(text)) => Ok(Some((name.clone(), text.clone()))),
            Some(other) => Err(other.wrong(&format!("{shown}[{name:?}]"), "a string")),
        };
        members.iter().filter_map(|member| label(member).transpose()).collect()
    }

    pub(super) fn tokens(&self, shown: &str, info: &OptionInfo) -> Result<Vec<ScoreToken>> {
        let Self::List(tokens) = self else { return Err(self.wrong(shown, info.expected)) };
        let token = |(i, token): (usize, &Self)| {
            let wrong = || token.wrong(&format!("{shown}[{i}]"), "the text or the id of a token");
            match token {
                Self::Text(text) => Ok(ScoreToken::Text(text.clone())),
                Self::Whole(id) => u32::try_from(*id).map(ScoreToken::Id).map_err(|_| wrong()),
                _ => Err(wrong()),
            }
        };
        tokens.iter().enumerate().map(token).collect()
    }

    pub(super) fn texts(&self, shown: &str, info: &OptionInfo) -> Result<Vec<String>> {
        let Self::List(texts) = self else { return Err(self.wrong(shown, info.expected)) };
        let text = |(i, text): (usize, &Self)| match text {
            Self::Text(text) => Ok(text.clone()),
            other => Err(other.wrong(&format!("{shown}[{i}]"), "a string")),
        };
        texts.iter().enumerate().map(text).collect()
    }

    fn json(&self) -> Json {
        match self {
            Self::Flag(value) => Json::from(*value),
            Self::Whole(value) => Json::from(*value),
            Self::Number(value) => Json::from(*value),
            Self::Text(value) => Json::from(value.as_str()),
            Self::Path(value) => Json::from(value.to_string_lossy()),
            Self::List(values) => values.iter().map(Self::json).collect(),
            Self::Object(members) => {
                let given =
                    members.iter().filter_map(|(name, value)| Some((name.clone(), value.as_ref()?.json())));
                Json::Object(given.collect())
            }
        }
    }

    fn of_json(json: Json) -> Option<Self> {
        Some(match json {
            Json::Null => return None,
            Json::Bool(value) => Self::Flag(value),
            Json::Number(number) => {
                number.as_i64().map_or_else(|| Self::Number(number.as_f64().unwrap_or(f64::NAN)), Self::Whole)
            }
            Json::String(text) => Self::Text(text),
            // A list has no place for what is absent: it is no token and no name.
            Json::Array(values) => Self::List(
                values
                    .into_iter()
                    .map(|value| Self::of_json(value).unwrap_or(Self::Object(Vec::new())))
                    .collect(),
            ),
            Json::Object(members) => {
                Self::Object(members.into_iter().map(|(name, value)| (name, Self::of_json(value))).collect())
            }
        })
    }
}

/// The time that a number of milliseconds is, called `name` in errors: for languages without durations.
///
/// # Errors
/// `InvalidArgument` unless it is above 0.
pub fn milliseconds(name: &str, milliseconds: f64) -> Result<Duration> {
    duration(milliseconds).ok_or_else(|| {
        Error::invalid_argument(format!(
            "{name} is {milliseconds}, expected a positive number of milliseconds"
        ))
    })
}

/// A time of so many milliseconds: `None` unless it is longer than nothing. A time that no clock holds is as good as none,
/// and less than a nanosecond is not nothing.
fn duration(milliseconds: f64) -> Option<Duration> {
    let time = || Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or(Duration::MAX);
    (milliseconds > 0.0).then(|| time().max(Duration::from_nanos(1)))
}

/// A name or a text, or an object with `kind` and parameters.
pub(super) fn spec<T: FromStr<Err = Error>>(
    value: &OptionValue,
    shown: &str,
    info: &OptionInfo,
) -> Result<T> {
    match value {
        OptionValue::Text(text) => text.parse(),
        OptionValue::Object(members) => {
            for (name, member) in members {
                if let Some(OptionValue::Number(number)) = member
                    && !number.is_finite()
                {
                    let message = format!("{shown}.{name} is {number}, expected a finite number");
                    return Err(Error::invalid_argument(message));
                }
            }
            value.json().to_string().parse()
        }
        _ => Err(value.wrong(shown, info.expected)),
    }
}

/// Objects with what is known about candidates.
pub(super) fn candidates(value: &OptionValue, shown: &str, info: &OptionInfo) -> Result<Vec<Candidate>> {
    match value {
        OptionValue::List(_) => Candidate::read_list(&value.json().to_string()),
        _ => Err(value.wrong(shown, info.expected)),
    }
}

/// The members of a JSON object, in order.
///
/// # Errors
/// `InvalidArgument` if it is none, or has a name twice.
pub(super) fn object(json: &[u8]) -> Result<Vec<(String, Option<OptionValue>)>> {
    let members: Members = serde_json::from_slice(json)
        .map_err(|error| Error::invalid_argument(format!("options: {error}; expected a JSON object")))?;
    Ok(members.0)
}

/// The members of an object as they stand there; a map would keep one of two with one name.
struct Members(Vec<(String, Option<OptionValue>)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of options")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Members, A::Error> {
                let mut members: Vec<(String, Option<OptionValue>)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Json>()? {
                    if members.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom(format_args!("{name:?} is there twice")));
                    }
                    members.push((name, OptionValue::of_json(value)));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

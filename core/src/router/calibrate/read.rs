//! The sample that a calibration names, whatever its form.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::calibrate::{CalibrateSpec, groups_of, hash_of_prompts, numbered};
use crate::candidates::estimated_tokens;
use crate::data::{self, Json, Row, field};
use crate::files::{hex, sha256_hex};
use crate::names::Read;
use crate::{Error, Result};

/// What is asked about.
pub(super) enum Subjects {
    Texts(Vec<String>),
    Embeddings(Vec<Vec<f32>>),
    Rates(Vec<f64>),
}

impl Subjects {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Embeddings(rows) => rows.len(),
            Self::Rates(rates) => rates.len(),
        }
    }
}

/// A sample and what is known of its members.
pub(super) struct Sampled {
    pub(super) subjects: Subjects,
    pub(super) name: String,
    pub(super) sha256: String,
    /// The group of each.
    pub(super) groups: Vec<usize>,
    /// Tokens of each request, where they are known.
    pub(super) tokens: Option<Vec<f64>>,
    /// Qualities of the strong and of the weak model's answer.
    pub(super) labels: Option<Vec<(f64, f64)>>,
    /// Columns to slice by, with the value of each member.
    pub(super) columns: Vec<(String, Vec<String>)>,
}

/// Rows as they are collected.
#[derive(Default)]
struct Collected {
    texts: Vec<String>,
    embeddings: Vec<Vec<f32>>,
    rates: Vec<f64>,
    groups: Vec<String>,
    tokens: Vec<Option<f64>>,
    labels: Vec<Option<(f64, f64)>>,
    columns: Vec<Vec<String>>,
}

impl Sampled {
    /// Reads the sample; `read` says what of a chat counts, and the models are called by `strong` and `weak`.
    ///
    /// # Errors
    /// `NotFound` or `Io` for a file; `InvalidArgument` for another form, naming the place.
    pub(super) fn read(spec: &CalibrateSpec, read: Read, strong: &str, weak: &str) -> Result<Self> {
        if let Some(rows) = &spec.rows {
            let lines: Vec<String> = rows.iter().map(ToString::to_string).collect();
            let mut of = Rows::new(spec, read, strong, weak);
            data::each_of_jsonl(lines.join("\n").as_bytes(), "rows", &mut |row| of.add(row))?;
            return of.finish(format!("{} rows given in memory", rows.len()));
        }
        if let Some(path) = &spec.path {
            let mut of = Rows::new(spec, read, strong, weak);
            data::each_of_file(path, None, &[], &mut |row| of.add(row))?;
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let count = of.collected.tokens.len();
            return of.finish(format!("{count} rows of {file}"));
        }
        let (subjects, what) = in_memory(spec, read)?;
        let count = subjects.len();
        let as_many = |name: &str, length: Option<usize>| match length {
            Some(length) if length != count => Err(Error::invalid_argument(format!(
                "{name} has {length} values for {count} {what}: one each is needed"
            ))),
            _ => Ok(()),
        };
        as_many("strong_quality", spec.strong_quality.as_ref().map(Vec::len))?;
        as_many("weak_quality", spec.weak_quality.as_ref().map(Vec::len))?;
        as_many("input_tokens", spec.input_tokens.as_ref().map(Vec::len))?;
        as_many("groups", spec.groups.as_ref().map(Vec::len))?;
        let labels = spec.strong_quality.as_ref().zip(spec.weak_quality.as_ref());
        let labels = labels.map(|(strong, weak)| strong.iter().copied().zip(weak.iter().copied()).collect());
        Self::new(
            subjects,
            format!("{count} {what} given in memory"),
            spec.groups.as_ref().map(|groups| numbered(groups)),
            spec.input_tokens.as_ref().map(|tokens| tokens.iter().map(|tokens| *tokens as f64).collect()),
            labels,
            Vec::new(),
        )
    }

    fn new(
        subjects: Subjects,
        name: String,
        groups: Option<Vec<usize>>,
        tokens: Option<Vec<f64>>,
        labels: Option<Vec<(f64, f64)>>,
        columns: Vec<(String, Vec<String>)>,
    ) -> Result<Self> {
        for (i, (strong, weak)) in labels.iter().flatten().enumerate() {
            for quality in [strong, weak] {
                if !(0.0..=1.0).contains(quality) {
                    return Err(Error::invalid_argument(format!(
                        "label {i} is {quality}, expected a quality in [0, 1]"
                    )));
                }
            }
        }
        let sha256 = match &subjects {
            Subjects::Texts(texts) => hash_of_prompts(texts),
            Subjects::Embeddings(rows) => {
                let mut hasher = Sha256::new();
                rows.iter().flatten().for_each(|value| hasher.update(value.to_le_bytes()));
                hex(&hasher.finalize())
            }
            Subjects::Rates(rates) => {
                sha256_hex(&rates.iter().flat_map(|rate| rate.to_le_bytes()).collect::<Vec<u8>>())
            }
        };
        let groups = groups.unwrap_or_else(|| match &subjects {
            Subjects::Texts(texts) => groups_of(texts),
            _ => (0..subjects.len()).collect(),
        });
        let tokens = tokens.or_else(|| match &subjects {
            Subjects::Texts(texts) => {
                Some(texts.iter().map(|text| estimated_tokens(text.len()) as f64).collect())
            }
            _ => None,
        });
        Ok(Self { subjects, name, sha256, groups, tokens, labels, columns })
    }
}

fn in_memory(spec: &CalibrateSpec, read: Read) -> Result<(Subjects, &'static str)> {
    if let Some(prompts) = &spec.prompts {
        return Ok((Subjects::Texts(prompts.clone()), "prompts"));
    }
    if let Some(chats) = &spec.chats {
        let text = |(i, chat): (usize, &crate::files::Json)| {
            let json = chat.to_string();
            let text = read.prompt(json.as_bytes()).map_err(|error| error.context(format!("chat {i}")))?;
            Ok(text.into_owned())
        };
        return Ok((Subjects::Texts(chats.iter().enumerate().map(text).collect::<Result<_>>()?), "chats"));
    }
    Ok(match (&spec.embeddings, &spec.win_rates) {
        (Some(embeddings), _) => (Subjects::Embeddings(embeddings.clone()), "embeddings"),
        (None, rates) => (Subjects::Rates(rates.clone().unwrap_or_default()), "win rates"),
    })
}

struct Rows<'a> {
    spec: &'a CalibrateSpec,
    read: Read,
    strong: &'a str,
    weak: &'a str,
    collected: Collected,
}

impl<'a> Rows<'a> {
    fn new(spec: &'a CalibrateSpec, read: Read, strong: &'a str, weak: &'a str) -> Self {
        let collected = Collected { columns: vec![Vec::new(); spec.slice_by.len()], ..Collected::default() };
        Self { spec, read, strong, weak, collected }
    }

    /// The column that a name is read from.
    fn column<'b>(&'b self, name: &'b str) -> &'b str {
        self.spec.columns.get(name).map_or(name, String::as_str)
    }

    fn add(&mut self, row: &Row<'_>) -> Result<()> {
        let needed = |name: &str| {
            field(row.cells, name).ok_or_else(|| row.fault(data::missing(row.cells, &format!("{name:?}"))))
        };
        let group = self.spec.group_by.as_deref().map(|name| needed(name).map(shown)).transpose()?;
        let values =
            (self.spec.slice_by.iter()).map(|name| needed(name).map(shown)).collect::<Result<Vec<_>>>()?;
        let tokens = match field(row.cells, self.column("input_tokens")) {
            None | Some(Json::Null) => None,
            Some(value) => match number(value).filter(|tokens| *tokens >= 0.0 && tokens.is_finite()) {
                Some(tokens) => Some(tokens),
                None => {
                    return Err(
                        row.fault(format!("input_tokens is {}, expected a number from 0 on", shown(value)))
                    );
                }
            },
        };
        let label = |name: &str| match field(row.cells, self.column(name)) {
            None | Some(Json::Null) => Ok(None),
            Some(value) => match number(value).filter(|quality| (0.0..=1.0).contains(quality)) {
                Some(quality) => Ok(Some(quality)),
                None => Err(row.fault(format!("{name} is {}, expected a quality in [0, 1]", shown(value)))),
            },
        };
        let labels = label(self.strong)?.zip(label(self.weak)?);
        self.subject(row)?;
        let collected = &mut self.collected;
        collected.groups.extend(group);
        collected.tokens.push(tokens);
        collected.labels.push(labels);
        collected.columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        Ok(())
    }

    fn subject(&mut self, row: &Row<'_>) -> Result<()> {
        let one =
            |name: &str| field(row.cells, self.column(name)).filter(|value| !matches!(value, Json::Null));
        if let Some(value) = one("win_rate") {
            let rate = number(value).filter(|rate| (0.0..=1.0).contains(rate));
            let rate = rate.ok_or_else(|| {
                row.fault(format!("win_rate is {}, expected a number in [0, 1]", shown(value)))
            })?;
            self.collected.rates.push(rate);
            return Ok(());
        }
        if let Some(value) = one("embedding") {
            let parsed = match value {
                Json::Text(text) => {
                    data::parse(text).map_err(|what| row.fault(format!("embedding: {what}")))?
                }
                other => other.clone(),
            };
            let Json::List(values) = parsed else {
                return Err(row.fault("embedding is no list of numbers"));
            };
            let values: Option<Vec<f32>> =
                values.iter().map(|value| number(value).map(|value| value as f32)).collect();
            self.collected
                .embeddings
                .push(values.ok_or_else(|| row.fault("embedding is no list of numbers"))?);
            return Ok(());
        }
        for name in ["messages", "body", "request"] {
            if let Some(value) = one(name) {
                let json = match value {
                    Json::Text(text) => text.clone(),
                    other => strict(other).to_string(),
                };
                let text = self
                    .read
                    .prompt(json.as_bytes())
                    .map_err(|error| row.fault(error.message()))?
                    .into_owned();
                self.collected.texts.push(text);
                return Ok(());
            }
        }
        let renamed = self.spec.columns.get("prompt").and_then(|name| field(row.cells, name));
        let prompt = match renamed {
            Some(value) => data::prompt(&[("prompt".to_owned(), value.clone())], false),
            None => data::prompt(row.cells, false),
        };
        self.collected.texts.push(prompt.map_err(|what| {
            row.fault(format!("{what}; a row has a prompt, messages, body, embedding or win_rate"))
        })?);
        Ok(())
    }

    fn finish(self, name: String) -> Result<Sampled> {
        let Self { spec, strong, weak, collected, .. } = self;
        let count = collected.tokens.len();
        let mut forms = vec![
            Subjects::Texts(collected.texts),
            Subjects::Embeddings(collected.embeddings),
            Subjects::Rates(collected.rates),
        ];
        forms.retain(|subjects| subjects.len() > 0);
        if forms.len() > 1 {
            return Err(Error::invalid_argument(
                "the rows are of more than one form (texts, embeddings, win rates): calibrate on one of them at a time",
            ));
        }
        let subjects = forms.pop().unwrap_or(Subjects::Texts(Vec::new()));
        let needs_labels = spec.target()?.needs_labels();
        let labelled = collected.labels.iter().flatten().count();
        if labelled < count && (needs_labels || labelled > 0) && count > 0 {
            let place = collected.labels.iter().position(Option::is_none).unwrap_or(0) + 1;
            return Err(Error::invalid_argument(format!(
                "row {place} of {count} has no labels: every row needs the qualities of {strong:?} and {weak:?}, in columns of \
                 these names or of those that columns gives them"
            )));
        }
        let labels = (labelled > 0).then(|| collected.labels.into_iter().flatten().collect());
        // Tokens that only some rows have are estimated for all, so that all are of one kind.
        let tokens: Option<Vec<f64>> = collected.tokens.into_iter().collect();
        let groups = spec.group_by.is_some().then(|| numbered(&collected.groups));
        let columns = spec.slice_by.iter().cloned().zip(collected.columns).collect();
        Sampled::new(subjects, name, groups, tokens.filter(|tokens| !tokens.is_empty()), labels, columns)
    }
}

/// A number, a flag, or a text that is one of them, as CSV has it.
fn number(value: &Json) -> Option<f64> {
    match value {
        Json::Number(text) | Json::Text(text) => match text.trim() {
            "true" | "True" | "TRUE" => Some(1.0),
            "false" | "False" | "FALSE" => Some(0.0),
            text => text.parse().ok(),
        },
        Json::Flag(flag) => Some(f64::from(u8::from(*flag))),
        _ => None,
    }
}

/// A value as the name of a slice or group, and in messages.
fn shown(value: &Json) -> String {
    match value {
        Json::Text(text) | Json::HalfText(text) | Json::Number(text) => text.clone(),
        Json::Flag(flag) => flag.to_string(),
        Json::Null => "null".to_owned(),
        other => other.kind().to_owned(),
    }
}

/// The value in strict JSON.
fn strict(value: &Json) -> Value {
    match value {
        Json::Text(text) | Json::HalfText(text) => Value::from(text.as_str()),
        Json::Number(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        Json::Flag(flag) => Value::from(*flag),
        Json::Null => Value::Null,
        Json::List(items) => items.iter().map(strict).collect(),
        Json::Object(members) => members.iter().map(|(name, value)| (name.clone(), strict(value))).collect(),
    }
}

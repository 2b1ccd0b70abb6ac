//! A causal LM as a model: token ids and a key/value cache in, the next token's logits and a longer cache out.
//!
//! What an export is like is read from the model: which inputs it has and of which types, the shape of its cache, and
//! whether one graph does everything (`model.onnx`), chooses a branch (`use_cache_branch`), or is one of two files.

use std::ops::Range;

use crate::jobs::Slot;
use crate::onnx::graph::beside;
use crate::onnx::{Dim, Input, Opening, SessionOptions, SessionPool, TensorSpec, Value};
use crate::scorer::checkpoint::{Files, ModelConfig};
use crate::scorer::model_files::{DECODERS, WITH_PAST};
use crate::{CancelToken, Error, Result};

/// A causal LM. Safe to use from many threads.
#[derive(Debug)]
pub(super) struct Decoder {
    pool: SessionPool,
    /// Reads a sequence from its beginning.
    first: Model,
    /// Goes on from a cache, where another file does that.
    next: Option<Model>,
}

/// Keys and values of the tokens that were read. Runs only read it, so that many may go on from one cache.
#[derive(Debug)]
pub(super) struct Cache {
    values: Vec<Value>,
    tokens: usize,
}

/// What comes after the tokens that were read.
#[derive(Debug)]
pub(super) struct Step<T> {
    pub(super) picked: T,
    pub(super) cache: Option<Cache>,
}

impl Decoder {
    /// Opens the export in `files`.
    ///
    /// # Errors
    /// `InvalidModel` if there is no model, or it has an input that is not known; `RuntimeUnavailable`; `Io`.
    pub(super) fn open(
        files: &Files<'_>,
        file: Option<&str>,
        config: &ModelConfig,
        session: &SessionOptions,
    ) -> Result<Self> {
        let (name, path) = files.model(file, &DECODERS)?;
        let mut opening = Opening::new(&path, files.checksums(), session)?;
        let mut first = Model::new(&opening, 0, config).map_err(|error| error.context(path.display()))?;
        // Only a model that takes no cache itself may have a second file that does.
        let Some(path) = files.optional(&beside(&name, WITH_PAST)).filter(|_| first.past.is_empty()) else {
            return Ok(Self { pool: opening.finish(), first, next: None });
        };
        opening.add(&path, files.checksums())?;
        let second = || -> Result<_> {
            let next = Model::new(&opening, 1, config)?;
            // What the first one gives has to come in the order in which the second one takes it.
            let outputs = opening.outputs(0);
            let present = next.past.iter().map(|(spec, _)| continuation(&spec.name, outputs));
            Ok((present.collect::<Result<_>>()?, next))
        };
        let (present, next) = second().map_err(|error| error.context(path.display()))?;
        first.present = present;
        Ok(Self { pool: opening.finish(), first, next: Some(next) })
    }

    /// Whether it can go on from a cache.
    pub(super) fn caches(&self) -> bool {
        !self.second().past.is_empty() && !self.first.present.is_empty()
    }

    pub(super) fn pool(&self) -> &SessionPool {
        &self.pool
    }

    /// Number of logits of a position, if the model says.
    pub(super) fn logits(&self) -> Option<usize> {
        match self.pool.outputs(0).iter().find(|spec| spec.name == LOGITS)?.dims.last()? {
            Dim::Fixed(size) => Some(*size),
            Dim::Any(_) => None,
        }
    }

    fn second(&self) -> &Model {
        self.next.as_ref().unwrap_or(&self.first)
    }

    /// Reads `ids` after `past` and hands the logits of the next token to `pick`; keeps the cache if `keep`.
    ///
    /// # Errors
    /// `Inference`, `Cancelled`, `ResourceExhausted` at a deadline; what `pick` returns.
    pub(super) fn read<T>(
        &self,
        slot: &mut Slot,
        ids: &[i64],
        past: Option<&Cache>,
        keep: bool,
        cancel: Option<&CancelToken>,
        pick: impl FnOnce(&[f32]) -> Result<T>,
    ) -> Result<Step<T>> {
        let keep = keep && self.caches();
        let Some(past) = past else { return self.first.run(slot, ids, None, keep, cancel, pick) };
        let model = self.second();
        if model.one_by_one && ids.len() > 1 {
            let (last, head) = ids.split_last().unwrap_or((&0, &[]));
            let mut cache = None;
            for id in head {
                let before = cache.as_ref().unwrap_or(past);
                cache = model.run(slot, &[*id], Some(before), true, cancel, |_| Ok(()))?.cache;
            }
            return model.run(slot, &[*last], cache.as_ref().or(Some(past)), keep, cancel, pick);
        }
        model.run(slot, ids, Some(past), keep, cancel, pick)
    }
}

const LOGITS: &str = "logits";

/// One model file.
#[derive(Debug)]
struct Model {
    /// Its number in the pool.
    index: usize,
    inputs: Vec<(String, Role)>,
    /// Shape of a single number for the input that says how many logits are wanted: a scalar, or one element.
    scalar: &'static [usize],
    /// The cache's inputs with the shape of an empty one.
    past: Vec<(TensorSpec, Vec<usize>)>,
    /// The outputs that continue them, in their order.
    present: Vec<String>,
    /// Whether it reads a single token at a time.
    one_by_one: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Ids,
    AttentionMask,
    PositionIds,
    /// Positions in one dimension.
    CachePosition,
    /// Whether there is a cache to go on from.
    UseCache,
    /// Of how many of the last positions logits are wanted.
    LogitsToKeep,
}

impl Role {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "input_ids" => Self::Ids,
            "attention_mask" => Self::AttentionMask,
            "position_ids" => Self::PositionIds,
            "cache_position" => Self::CachePosition,
            "use_cache_branch" => Self::UseCache,
            "num_logits_to_keep" | "logits_to_keep" => Self::LogitsToKeep,
            _ => return None,
        })
    }
}

/// Where the logits of the last position are, of the shape `[1, tokens, vocabulary]`, or with fewer positions where the
/// export leaves them out.
fn last_position(shape: &[usize]) -> Range<usize> {
    let all: usize = shape.iter().product();
    all.saturating_sub(shape.last().copied().unwrap_or(0))..all
}

impl Model {
    fn new(opening: &Opening, index: usize, config: &ModelConfig) -> Result<Self> {
        let mut inputs = Vec::new();
        let mut past = Vec::new();
        let mut scalar: &'static [usize] = &[1];
        for spec in opening.inputs(index) {
            if let Some(role) = Role::of(&spec.name) {
                if role == Role::LogitsToKeep && spec.dims.is_empty() {
                    scalar = &[];
                }
                inputs.push((spec.name.clone(), role));
            } else if spec.name.starts_with("past") {
                past.push((spec.clone(), empty_shape(spec, config)?));
            } else {
                return Err(Error::invalid_model(format!(
                    "the model wants an input {:?} ({}); known ones are input_ids, attention_mask, position_ids, \
                     cache_position, use_cache_branch, num_logits_to_keep and past_key_values.*",
                    spec.name,
                    spec.describe()
                )));
            }
        }
        if !inputs.iter().any(|(_, role)| *role == Role::Ids) {
            return Err(Error::invalid_model("the model has no input \"input_ids\""));
        }
        let outputs = opening.outputs(index);
        if !outputs.iter().any(|spec| spec.name == LOGITS && spec.is_float()) {
            let names: Vec<&str> = outputs.iter().map(|spec| spec.name.as_str()).collect();
            return Err(Error::invalid_model(format!(
                "the model has the outputs {}; expected \"logits\" of floats, as a causal language model has",
                names.join(", ")
            )));
        }
        let present = if past.is_empty() {
            outputs.iter().map(|spec| spec.name.clone()).filter(|name| name.starts_with("present")).collect()
        } else {
            past.iter().map(|(spec, _)| continuation(&spec.name, outputs)).collect::<Result<_>>()?
        };
        let one_by_one = opening
            .inputs(index)
            .iter()
            .any(|spec| spec.name == "input_ids" && spec.dims.get(1) == Some(&Dim::Fixed(1)));
        Ok(Self { index, inputs, scalar, past, present, one_by_one })
    }

    fn empty_cache(&self) -> Result<Vec<Value>> {
        self.past.iter().map(|(spec, shape)| Value::empty(spec, shape)).collect()
    }

    fn run<T>(
        &self,
        slot: &mut Slot,
        ids: &[i64],
        past: Option<&Cache>,
        keep: bool,
        cancel: Option<&CancelToken>,
        pick: impl FnOnce(&[f32]) -> Result<T>,
    ) -> Result<Step<T>> {
        let before = past.map_or(0, |cache| cache.tokens);
        let total = before + ids.len();
        let mask = vec![1_i64; total];
        let positions: Vec<i64> = (before as i64..total as i64).collect();
        let (row, whole, line) = ([1, ids.len()], [1, total], [ids.len()]);
        let use_cache = [i64::from(past.is_some())];
        let nothing;
        let cached: &[Value] = if let Some(cache) = past {
            &cache.values
        } else {
            nothing = self.empty_cache()?;
            &nothing
        };
        let mut inputs: Vec<(&str, Input<'_>)> = Vec::with_capacity(self.inputs.len() + self.past.len());
        for (name, role) in &self.inputs {
            let input = match role {
                Role::Ids => Input::Integers(ids, &row),
                Role::AttentionMask => Input::Integers(&mask, &whole),
                Role::PositionIds => Input::Integers(&positions, &row),
                Role::CachePosition => Input::Integers(&positions, &line),
                Role::UseCache => Input::Integers(&use_cache, &[1]),
                Role::LogitsToKeep => Input::Integers(&[1], self.scalar),
            };
            inputs.push((name, input));
        }
        for ((spec, _), value) in self.past.iter().zip(cached) {
            inputs.push((&spec.name, Input::Value(value)));
        }
        let mut wanted = vec![LOGITS];
        if keep {
            wanted.extend(self.present.iter().map(String::as_str));
        }
        slot.run(self.index, &inputs, &wanted, cancel, |mut outputs| {
            let (_, logits) = outputs.floats(LOGITS, last_position)?;
            if logits.is_empty() {
                return Err(Error::invalid_model("the model gave no logits"));
            }
            let picked = pick(&logits)?;
            drop(logits);
            let cache = if keep {
                let values = self.present.iter().map(|name| outputs.take(name)).collect::<Result<_>>()?;
                Some(Cache { values, tokens: total })
            } else {
                None
            };
            Ok(Step { picked, cache })
        })
    }
}

/// Shape of the cache before the first token: a batch of one, no tokens, and the numbers that the model fixes; what it
/// leaves open comes from the configuration.
fn empty_shape(spec: &TensorSpec, config: &ModelConfig) -> Result<Vec<usize>> {
    let open = spec.dims.iter().skip(1).filter(|dim| matches!(dim, Dim::Any(_))).count();
    let is_tokens = |i: usize, symbol: &str| {
        // A single open dimension beside the batch is the tokens'. Among several, the name tells, or the usual place.
        open == 1 || symbol.contains("past") || symbol.contains("seq") || symbol.is_empty() && i == 2
    };
    let unknown = || {
        Error::invalid_model(format!(
            "the cache {:?} is {}, whose shape is not known: expected [batch, heads, tokens, head size] with heads and \
             head size fixed in the model or given in config.json",
            spec.name,
            spec.describe()
        ))
    };
    let mut tokens = 0;
    let shape = spec
        .dims
        .iter()
        .enumerate()
        .map(|(i, dim)| match dim {
            Dim::Fixed(size) => Ok(*size),
            Dim::Any(_) if i == 0 => Ok(1),
            Dim::Any(symbol) if is_tokens(i, symbol) => {
                tokens += 1;
                Ok(0)
            }
            Dim::Any(_) if i == 1 => config.key_value_heads.ok_or_else(unknown),
            Dim::Any(_) => config.head_dim.ok_or_else(unknown),
        })
        .collect::<Result<Vec<_>>>()?;
    if tokens == 1 && spec.dims.len() >= 3 { Ok(shape) } else { Err(unknown()) }
}

/// The output that continues the cache's input `name`: `present.3.key` for `past_key_values.3.key`.
fn continuation(name: &str, outputs: &[TensorSpec]) -> Result<String> {
    let rest = name.strip_prefix("past_key_values").or_else(|| name.strip_prefix("past")).unwrap_or(name);
    ["present", "present_key_values"]
        .iter()
        .map(|prefix| format!("{prefix}{rest}"))
        .find(|candidate| outputs.iter().any(|spec| spec.name == *candidate))
        .ok_or_else(|| {
            Error::invalid_model(format!(
                "the model takes a cache {name:?} and gives no \"present{rest}\" back"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(dims: &[Option<usize>], symbols: &[&str]) -> TensorSpec {
        let dims = dims
            .iter()
            .zip(symbols)
            .map(|(size, symbol)| size.map_or_else(|| Dim::Any((*symbol).to_owned()), Dim::Fixed))
            .collect();
        TensorSpec::named("past_key_values.0.key", dims)
    }

    #[test]
    fn the_empty_cache_is_derived() {
        let config = ModelConfig { key_value_heads: Some(4), head_dim: Some(8), ..ModelConfig::default() };
        let none = ModelConfig::default();
        let shape =
            |dims: &[Option<usize>], symbols: &[&str], config| empty_shape(&spec(dims, symbols), config);
        let usual = ["batch", "", "past_sequence_length", ""];
        assert_eq!(shape(&[None, Some(2), None, Some(16)], &usual, &none).unwrap(), [1, 2, 0, 16]);
        assert_eq!(
            shape(&[Some(1), Some(2), None, Some(16)], &["", "", "x", ""], &none).unwrap(),
            [1, 2, 0, 16]
        );
        // Another layout, with the tokens before the heads.
        assert_eq!(shape(&[None, None, Some(64)], &["b", "p", ""], &none).unwrap(), [1, 0, 64]);
        let open = ["batch", "heads", "past_len", "dim"];
        assert_eq!(shape(&[None; 4], &open, &config).unwrap(), [1, 4, 0, 8]);
        assert!(shape(&[None; 4], &open, &none).is_err());
        assert!(shape(&[None, Some(2), Some(3), Some(4)], &usual, &config).is_err());
    }
}

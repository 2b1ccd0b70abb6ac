//! An encoder ready for use.

use std::path::Path;

use super::{OnnxSpec, Pooling};
use crate::cancel::CancelToken;
use crate::features::{TextCap, TextEncoder};
use crate::files::Checksums;
use crate::jobs::{Pool, Slot};
use crate::numeric;
use crate::onnx::{Input as Tensor, Outputs, RuntimeUse, SessionOptions, SessionPool};
use crate::tokenize::TextTokenizer;
use crate::{ControlTokens, Error, ErrorKind, Result};

/// Usual names of the output with the token vectors.
const TOKEN_OUTPUTS: [&str; 2] = ["last_hidden_state", "token_embeddings"];

/// Usual name of the output with the vector of the whole text.
const POOLED_OUTPUT: &str = "sentence_embedding";

/// A sentence encoder ready for use. Safe to use from many threads.
///
/// Every prompt runs by itself, also in a batch: kernels choose another order of summation for other
/// shapes, and dynamically quantised models let a row depend on its neighbours. So a prompt has the same
/// bits alone and in any batch.
#[derive(Debug)]
pub struct OnnxEncoder {
    spec: OnnxSpec,
    tokenizer: TextTokenizer,
    pool: SessionPool,
    /// Which of the usual inputs the model has, in the model's order.
    inputs: Vec<Input>,
    /// The output that is read.
    output: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Ids,
    AttentionMask,
    TokenTypeIds,
    PositionIds,
}

impl Input {
    fn name(self) -> &'static str {
        match self {
            Self::Ids => "input_ids",
            Self::AttentionMask => "attention_mask",
            Self::TokenTypeIds => "token_type_ids",
            Self::PositionIds => "position_ids",
        }
    }
}

impl OnnxEncoder {
    /// Opens model and tokenizer of `spec` in the folder `directory`.
    ///
    /// # Errors
    /// `RuntimeUnavailable` without ONNX Runtime; `InvalidModel` if a file is malformed, or the model has an
    /// input that is none of `input_ids`, `attention_mask`, `token_type_ids` and `position_ids`, or lacks the output
    /// that `spec` names.
    pub fn open(spec: OnnxSpec, directory: &Path, options: &SessionOptions) -> Result<Self> {
        let (model, tokenizer) = (directory.join(&spec.model), directory.join(&spec.tokenizer));
        Self::open_files(spec, &model, &tokenizer, None, options)
    }

    /// As [`open`](Self::open), for files at these paths, which may have other names than in `spec`; their
    /// contents have to be what `listed` says, if that is given.
    pub(crate) fn open_files(
        spec: OnnxSpec,
        path: &Path,
        tokenizer_path: &Path,
        listed: Option<&dyn Checksums>,
        options: &SessionOptions,
    ) -> Result<Self> {
        let mut tokenizer = TextTokenizer::open(tokenizer_path)?;
        if spec.control_tokens == ControlTokens::Text {
            tokenizer
                .controls_as_text(Some(&*spec.prefix).filter(|prefix| !prefix.is_empty()))
                .map_err(|error| error.context(tokenizer_path.display()))?;
        }
        tokenizer
            .truncate(spec.max_tokens, spec.cap.side, None)
            .map_err(|error| error.context(tokenizer_path.display()))?;
        let pool = SessionPool::open(path, listed, options)?;
        let known = [Input::Ids, Input::AttentionMask, Input::TokenTypeIds, Input::PositionIds];
        let inputs = pool
            .inputs(0)
            .iter()
            .map(|spec| {
                known.into_iter().find(|input| input.name() == spec.name).ok_or_else(|| {
                    Error::invalid_model(format!(
                        "{}: the model wants an input {:?}; an encoder has input_ids, attention_mask, \
                         token_type_ids and position_ids",
                        path.display(),
                        spec.name
                    ))
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let mut encoder = Self { spec, tokenizer, pool, inputs, output: String::new() };
        // A wrong dimension or output is found now, not on the first request.
        encoder
            .find_output()
            .and_then(|output| {
                encoder.output = output;
                encoder.embed("a", None)
            })
            .map_err(|error| error.context(path.display()))?;
        Ok(encoder)
    }

    /// The output to read: the one that the parameters name; else the token vectors, wherever they stand among the outputs, or else the only vector that the
    /// model pooled itself.
    fn find_output(&self) -> Result<String> {
        let outputs = self.pool.outputs(0);
        if let Some(name) = &self.spec.output {
            if outputs.iter().any(|spec| spec.name == *name) {
                return Ok(name.clone());
            }
            let all: Vec<&str> = outputs.iter().map(|spec| spec.name.as_str()).collect();
            return Err(Error::invalid_model(format!(
                "the encoder has no output {name:?}; its outputs are {}",
                all.join(", ")
            )));
        }
        if let [only] = outputs {
            return Ok(only.name.clone());
        }
        // What a model declares may lack dimensions: what it gives does not.
        let names: Vec<&str> =
            outputs.iter().filter(|spec| spec.is_float()).map(|spec| spec.name.as_str()).collect();
        let (ids, _) = self.token_ids("a")?;
        let shapes = self.run(self.pool.slots().lease()?.slot(), &ids, &names, None, |outputs| {
            names.iter().map(|name| Ok(outputs.floats(name, |_| 0..0)?.0)).collect::<Result<Vec<_>>>()
        })?;
        let dimension = self.spec.dimension;
        let fitting = |rank: usize| -> Vec<&str> {
            let found = names.iter().zip(&shapes);
            let fits = |shape: &[usize]| shape.len() == rank && shape.last() == Some(&dimension);
            found.filter(|(_, shape)| fits(shape)).map(|(name, _)| *name).collect()
        };
        let named = |list: &[&str], usual: &[&str]| {
            usual.iter().find(|name| list.contains(name)).map(|name| (*name).to_owned())
        };
        // Hidden states of every layer may stand beside the last ones.
        let tokens = fitting(3);
        if let Some(first) = tokens.first() {
            return Ok(named(&tokens, &TOKEN_OUTPUTS).unwrap_or_else(|| (*first).to_owned()));
        }
        let pooled = fitting(2);
        if let [only] = pooled[..] {
            return Ok(only.to_owned());
        }
        named(&pooled, &[POOLED_OUTPUT]).ok_or_else(|| {
            let all: Vec<String> =
                names.iter().zip(&shapes).map(|(name, shape)| format!("{name} {shape:?}")).collect();
            Error::invalid_model(format!(
                "the encoder's outputs are {}; expected one [1, tokens, {dimension}], or a single one [1, \
                 {dimension}]",
                all.join(", ")
            ))
        })
    }

    /// Runs the model on token ids.
    fn run<T>(
        &self,
        slot: &mut Slot,
        ids: &[i64],
        names: &[&str],
        stop: Option<&CancelToken>,
        read: impl FnOnce(Outputs<'_, '_>) -> Result<T>,
    ) -> Result<T> {
        let ones = vec![1_i64; ids.len()];
        let zeros = vec![0_i64; ids.len()];
        let positions: Vec<i64> = (0..ids.len() as i64).collect();
        let shape = [1, ids.len()];
        let inputs: Vec<(&str, Tensor<'_>)> = self
            .inputs
            .iter()
            .map(|input| {
                let data = match input {
                    Input::Ids => ids,
                    Input::AttentionMask => &ones,
                    Input::TokenTypeIds => &zeros,
                    Input::PositionIds => &positions,
                };
                (input.name(), Tensor::Integers(data, &shape))
            })
            .collect();
        slot.run(0, &inputs, names, stop, read)
    }

    /// The parameters.
    pub fn spec(&self) -> &OnnxSpec {
        &self.spec
    }

    /// The token ids of `prompt` with prefix and special tokens, and whether the prompt was cut.
    ///
    /// # Errors
    /// `Tokenize`.
    pub fn token_ids(&self, prompt: &str) -> Result<(Vec<i64>, bool)> {
        let (text, cut) = self.spec.cap.apply(prompt);
        let mut windows = if self.spec.prefix.is_empty() {
            self.tokenizer.windows(text)?
        } else {
            let whole = format!("{}{}", self.spec.prefix, self.tokenizer.hide(text)?);
            let prompt = self.spec.prefix.len()..whole.len();
            self.tokenizer.windows(&self.tokenizer.reveal(whole, Some(prompt)).0)?
        };
        let truncated = cut || windows.len() > 1;
        Ok((windows.swap_remove(0).ids, truncated))
    }

    /// The embedding of token vectors `[1, tokens, dimension]`, or of a vector that the model pooled itself
    /// `[1, dimension]`.
    fn pool_tokens(&self, shape: &[usize], hidden: &[f32]) -> Result<Vec<f32>> {
        let dimension = self.spec.dimension;
        let fits = matches!(shape, [1, _, d] | [1, d] if *d == dimension);
        if !fits || hidden.is_empty() {
            return Err(Error::invalid_model(format!(
                "the encoder's output has shape {shape:?}, expected [1, tokens, {dimension}]"
            )));
        }
        let tokens = hidden.len() / dimension;
        let mut embedding = match self.spec.pooling {
            Pooling::Cls => hidden[..dimension].to_vec(),
            // There is one text and no padding: the mask keeps every token.
            Pooling::Last => hidden[hidden.len() - dimension..].to_vec(),
            Pooling::Mean => {
                // Token after token into each dimension: one order, whatever the width of the registers.
                let mut sums = hidden[..dimension].to_vec();
                for row in hidden[dimension..].chunks_exact(dimension) {
                    for (sum, value) in sums.iter_mut().zip(row) {
                        *sum += value;
                    }
                }
                for sum in &mut sums {
                    *sum /= tokens as f32;
                }
                sums
            }
        };
        if let Some(i) = embedding.iter().position(|value| !value.is_finite()) {
            return Err(Error::new(
                ErrorKind::Inference,
                format!("the encoder's embedding has {} as its element {i}", embedding[i]),
            ));
        }
        if self.spec.normalize {
            numeric::normalize(&mut embedding);
        }
        Ok(embedding)
    }
}

impl TextEncoder for OnnxEncoder {
    fn id(&self) -> &str {
        &self.spec.id
    }

    fn dimension(&self) -> usize {
        self.spec.dimension
    }

    fn cap(&self) -> TextCap {
        self.spec.cap
    }

    fn max_tokens(&self) -> Option<usize> {
        Some(self.spec.max_tokens)
    }

    fn slots(&self) -> &Pool {
        self.pool.slots()
    }

    fn runtime(&self) -> Option<RuntimeUse> {
        self.pool.runtime()
    }

    fn embed_in(&self, slot: &mut Slot, text: &str, stop: Option<&CancelToken>) -> Result<(Vec<f32>, bool)> {
        stop.map_or(Ok(()), CancelToken::check)?;
        let (ids, truncated) = self.token_ids(text)?;
        let embedding = self.run(slot, &ids, &[&self.output], stop, |outputs| {
            let (shape, hidden) = outputs.floats(&self.output, |shape| 0..shape.iter().product())?;
            self.pool_tokens(&shape, &hidden)
        })?;
        Ok((embedding, truncated))
    }
}

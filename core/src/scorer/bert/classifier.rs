//! A sequence classifier as a model: token ids in, logits out, alone or in batches.

use std::sync::Arc;

use once_cell::sync::OnceCell;

use crate::runtime::{BatchLimits, Input, SessionPool, TensorSpec, plan, spread_all};
use crate::tokenize::Tokens;
use crate::{CancelToken, Error, Result};

/// Batches of the processor: short rows gain up to 45 % from sharing a run, and nothing beyond about a thousand
/// tokens.
const CPU: BatchLimits = BatchLimits { rows: 16, padded_tokens: 1024 };
/// Batches of a GPU.
const GPU: BatchLimits = BatchLimits { rows: 256, padded_tokens: 16_384 };
/// Every row alone.
const ALONE: BatchLimits = BatchLimits { rows: 1, padded_tokens: usize::MAX };

/// Lengths of the rows by which is tried whether rows have the same bits in a batch as alone.
const PROBE: [usize; 6] = [3, 4, 9, 18, 18, 33];

/// The outputs of one row, or the error of its batch.
type RowOutput = Result<Vec<f32>, Arc<Error>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Ids,
    AttentionMask,
    TokenTypeIds,
}

/// The model behind a classifier.
#[derive(Debug)]
pub(super) struct Classifier {
    pool: SessionPool,
    inputs: Vec<(String, Role)>,
    output: String,
    pad_id: i64,
    batches: OnceCell<bool>,
}

impl Classifier {
    /// # Errors
    /// `InvalidModel` if the model has an input that a classifier does not have, or no floating-point output
    /// `[batch, outputs]`.
    pub(super) fn new(pool: SessionPool, pad_id: i64) -> Result<Self> {
        let inputs = pool
            .inputs()
            .iter()
            .map(|spec| {
                let role = match spec.name.as_str() {
                    "input_ids" => Role::Ids,
                    "attention_mask" => Role::AttentionMask,
                    "token_type_ids" => Role::TokenTypeIds,
                    other => {
                        return Err(Error::invalid_model(format!(
                            "the model wants an input {other:?} ({}); a sequence classifier has input_ids, \
                             attention_mask and token_type_ids",
                            spec.describe()
                        )));
                    }
                };
                Ok((spec.name.clone(), role))
            })
            .collect::<Result<Vec<_>>>()?;
        if !inputs.iter().any(|(_, role)| *role == Role::Ids) {
            return Err(Error::invalid_model("the model has no input \"input_ids\""));
        }
        let output = output(pool.outputs())?;
        Ok(Self { pool, inputs, output, pad_id, batches: OnceCell::new() })
    }

    pub(super) fn pool(&self) -> &SessionPool {
        &self.pool
    }

    /// Whether rows may share a batch: only if a row has the same bits in one as alone. It is tried once, on the
    /// first batch.
    pub(super) fn batches(&self) -> bool {
        *self.batches.get_or_init(|| {
            !self.pool.dynamically_quantized() && self.rows_are_independent().unwrap_or(false)
        })
    }

    fn rows_are_independent(&self) -> Result<bool> {
        // Any ids do: what matters is the order in which kernels sum. Small ones are in every vocabulary.
        let rows: Vec<Tokens> = PROBE
            .iter()
            .map(|&length| Tokens {
                ids: (0..length as i64).map(|i| 1 + (i * 7 + length as i64) % 90).collect(),
                type_ids: vec![0; length],
            })
            .collect();
        let all: Vec<usize> = (0..rows.len()).collect();
        let together = self.run(&rows, &all, None)?;
        let pair = self.run(&rows, &[3, 4], None)?;
        for row in 0..rows.len() {
            let alone = self.run(&rows, &[row], None)?.swap_remove(0);
            if together[row] != alone || (3..5).contains(&row) && pair[row - 3] != alone {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The outputs of each row, which are the same alone and in any batch.
    pub(super) fn run_all(&self, rows: &[Tokens], cancel: Option<&CancelToken>) -> Vec<RowOutput> {
        let limits = match rows {
            [] => return Vec::new(),
            [_] => ALONE,
            _ if !self.batches() => ALONE,
            _ if self.pool.provider() == "cpu" => CPU,
            _ => GPU,
        };
        let lengths: Vec<usize> = rows.iter().map(|row| row.ids.len()).collect();
        let batches = plan(&lengths, limits, self.pool.size());
        // A batch that fails must not keep others from their results: its rows carry the error. After a cancellation
        // or a deadline the rest fails at once, each at its own look at the token.
        let results = spread_all(batches.len(), self.pool.size(), |i| {
            cancel.map_or(Ok(()), CancelToken::check)?;
            self.run(rows, &batches[i], cancel)
        });
        let mut outputs: Vec<(usize, RowOutput)> = Vec::with_capacity(rows.len());
        for (batch, result) in batches.into_iter().zip(results) {
            match result {
                Ok(rows) => outputs.extend(batch.into_iter().zip(rows.into_iter().map(Ok))),
                Err(error) => {
                    let error = Arc::new(error);
                    outputs.extend(batch.into_iter().map(|row| (row, Err(Arc::clone(&error)))));
                }
            }
        }
        // Every row is in one batch.
        outputs.sort_unstable_by_key(|(row, _)| *row);
        outputs.into_iter().map(|(_, output)| output).collect()
    }

    /// The outputs of the rows with these indices, run as one batch, padded at the end.
    pub(super) fn run(
        &self,
        rows: &[Tokens],
        batch: &[usize],
        cancel: Option<&CancelToken>,
    ) -> Result<Vec<Vec<f32>>> {
        let width = batch.iter().map(|&row| rows[row].ids.len()).max().unwrap_or(0);
        let padded = |values: fn(&Tokens) -> &[i64], pad: i64| -> Vec<i64> {
            let mut all = Vec::with_capacity(batch.len() * width);
            for &row in batch {
                let values = values(&rows[row]);
                all.extend_from_slice(values);
                all.resize(all.len() + width - values.len(), pad);
            }
            all
        };
        let ids = padded(|row| &row.ids, self.pad_id);
        let types = padded(|row| &row.type_ids, 0);
        let mut mask = vec![0_i64; ids.len()];
        for (line, &row) in mask.chunks_mut(width.max(1)).zip(batch) {
            line[..rows[row].ids.len()].fill(1);
        }
        let shape = [batch.len(), width];
        let inputs: Vec<(&str, Input<'_>)> = self
            .inputs
            .iter()
            .map(|(name, role)| {
                let data = match role {
                    Role::Ids => &ids,
                    Role::AttentionMask => &mask,
                    Role::TokenTypeIds => &types,
                };
                (name.as_str(), Input::Integers(data, &shape))
            })
            .collect();
        self.pool.run(&inputs, &[&self.output], cancel, |outputs| {
            let (shape, logits) = outputs.floats(&self.output, |shape| 0..shape.iter().product())?;
            match shape[..] {
                [count, columns] if count == batch.len() && columns > 0 => {
                    Ok(logits.chunks(columns).map(<[f32]>::to_vec).collect())
                }
                _ => Err(Error::invalid_model(format!(
                    "the output {:?} has shape {shape:?} for {} rows, expected [rows, outputs]",
                    self.output,
                    batch.len()
                ))),
            }
        })
    }
}

/// The output with the logits: the one of that name, else the only one of two dimensions.
fn output(outputs: &[TensorSpec]) -> Result<String> {
    let fits = |spec: &&TensorSpec| spec.is_float() && spec.dims.len() == 2;
    let named = outputs.iter().find(|spec| spec.name == "logits").filter(fits);
    let mut others = outputs.iter().filter(fits);
    let ((Some(spec), ..) | (None, Some(spec), None)) = (named, others.next(), others.next()) else {
        let all: Vec<String> =
            outputs.iter().map(|spec| format!("{} {}", spec.name, spec.describe())).collect();
        return Err(Error::invalid_model(format!(
            "the model has the outputs {}; expected logits[rows, outputs] of floats, as a sequence classifier has",
            all.join(", ")
        )));
    };
    Ok(spec.name.clone())
}

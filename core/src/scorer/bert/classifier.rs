//! A sequence classifier as a model: token ids in, logits out, alone or in batches.

use once_cell::sync::OnceCell;

use crate::jobs::Slot;
use crate::onnx::graph::Probabilities;
use crate::onnx::{BatchLimits, Input, SessionPool, TensorSpec, plan};
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Ids,
    AttentionMask,
    TokenTypeIds,
    PositionIds,
}

/// The model behind a classifier.
#[derive(Debug)]
pub(super) struct Classifier {
    pool: SessionPool,
    inputs: Vec<(String, Role)>,
    output: String,
    pad_id: i64,
    /// Position of the first token.
    first_position: i64,
    batches: OnceCell<bool>,
}

impl Classifier {
    /// # Errors
    /// `InvalidModel` if the model has an input that a classifier does not have, or no floating-point output
    /// `[batch, outputs]` or `[batch]`.
    pub(super) fn new(pool: SessionPool, pad_id: i64, first_position: i64) -> Result<Self> {
        let inputs = pool
            .inputs(0)
            .iter()
            .map(|spec| {
                let role = match spec.name.as_str() {
                    "input_ids" => Role::Ids,
                    "attention_mask" => Role::AttentionMask,
                    "token_type_ids" => Role::TokenTypeIds,
                    "position_ids" => Role::PositionIds,
                    other => {
                        return Err(Error::invalid_model(format!(
                            "the model wants an input {other:?} ({}); a sequence classifier has input_ids, \
                             attention_mask, token_type_ids and position_ids",
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
        let output = output(pool.outputs(0))?;
        Ok(Self { pool, inputs, output, pad_id, first_position, batches: OnceCell::new() })
    }

    pub(super) fn pool(&self) -> &SessionPool {
        &self.pool
    }

    /// How its outputs come to be probabilities, if the model's graph tells that they do.
    pub(super) fn probabilities(&self) -> Option<Probabilities> {
        self.pool.probabilities(&self.output)
    }

    /// Whether rows may share a batch: only if a row has the same bits in one as alone. It is tried once, on the
    /// first batch.
    pub(super) fn batches(&self, slot: &mut Slot) -> bool {
        *self.batches.get_or_init(|| {
            !self.pool.dynamically_quantized() && self.rows_are_independent(slot).unwrap_or(false)
        })
    }

    fn rows_are_independent(&self, slot: &mut Slot) -> Result<bool> {
        // Any ids do: what matters is the order in which kernels sum. Small ones are in every vocabulary.
        let rows: Vec<Tokens> = PROBE
            .iter()
            .map(|&length| Tokens {
                ids: (0..length as i64).map(|i| 1 + (i * 7 + length as i64) % 90).collect(),
                type_ids: vec![0; length],
            })
            .collect();
        let all: Vec<usize> = (0..rows.len()).collect();
        let together = self.run(slot, &rows, &all, None)?;
        let pair = self.run(slot, &rows, &[3, 4], None)?;
        for row in 0..rows.len() {
            let alone = self.run(slot, &rows, &[row], None)?.swap_remove(0);
            if together[row] != alone || (3..5).contains(&row) && pair[row - 3] != alone {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Which rows run together, so that each has the same outputs as alone.
    pub(super) fn plan(&self, slot: &mut Slot, rows: &[Tokens]) -> Vec<Vec<usize>> {
        let limits = match rows {
            [] => return Vec::new(),
            [_] => ALONE,
            _ if !self.batches(slot) => ALONE,
            _ if self.pool.provider() == "cpu" => CPU,
            _ => GPU,
        };
        let lengths: Vec<usize> = rows.iter().map(|row| row.ids.len()).collect();
        plan(&lengths, limits, self.pool.size())
    }

    /// The outputs of the rows with these indices, run as one batch, padded at the end.
    pub(super) fn run(
        &self,
        slot: &mut Slot,
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
        // A padded row goes on counting: what is there is masked.
        let first = self.first_position;
        let positions: Vec<i64> = batch.iter().flat_map(|_| first..first + width as i64).collect();
        let shape = [batch.len(), width];
        let inputs: Vec<(&str, Input<'_>)> = self
            .inputs
            .iter()
            .map(|(name, role)| {
                let data = match role {
                    Role::Ids => &ids,
                    Role::AttentionMask => &mask,
                    Role::TokenTypeIds => &types,
                    Role::PositionIds => &positions,
                };
                (name.as_str(), Input::Integers(data, &shape))
            })
            .collect();
        slot.run(0, &inputs, &[&self.output], cancel, |outputs| {
            let (shape, logits) = outputs.floats(&self.output, |shape| 0..shape.iter().product())?;
            match shape[..] {
                [count, columns] if count == batch.len() && columns > 0 => {
                    Ok(logits.chunks(columns).map(<[f32]>::to_vec).collect())
                }
                // One logit for each row, without an axis of its own.
                [count] if count == batch.len() => Ok(logits.chunks(1).map(<[f32]>::to_vec).collect()),
                _ => Err(Error::invalid_model(format!(
                    "the output {:?} has shape {shape:?} for {} rows, expected [rows, outputs] or [rows]",
                    self.output,
                    batch.len()
                ))),
            }
        })
    }
}

/// The output with the logits: the one of that name, else the only one of two dimensions, else the only one with one
/// number for each row.
fn output(outputs: &[TensorSpec]) -> Result<String> {
    let of_rank = |rank: usize| outputs.iter().filter(move |spec| spec.is_float() && spec.dims.len() == rank);
    let only = |rank: usize| {
        let mut found = of_rank(rank);
        found.next().filter(|_| found.next().is_none())
    };
    let named = of_rank(2).chain(of_rank(1)).find(|spec| spec.name == "logits");
    let one_dimension = || only(1).filter(|_| of_rank(2).next().is_none());
    let Some(spec) = named.or_else(|| only(2)).or_else(one_dimension) else {
        let all: Vec<String> =
            outputs.iter().map(|spec| format!("{} {}", spec.name, spec.describe())).collect();
        return Err(Error::invalid_model(format!(
            "the model has the outputs {}; expected logits[rows, outputs] or logits[rows] of floats, as a sequence \
             classifier has",
            all.join(", ")
        )));
    };
    Ok(spec.name.clone())
}

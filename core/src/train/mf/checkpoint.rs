//! Where a fit stands after an epoch, in memory and in a file, from which a killed training goes on.

use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest, Sha256};

use super::comparison::Comparison;
use super::options::FitOptions;
use super::parameters::{Blocks, Shape, State};
use crate::artifact::staging::replace_file;
use crate::files::{Tensors, sha256_hex};
use crate::preference::EmbeddedVotes;
use crate::{Error, Result};

/// Where a fit stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Checkpoint {
    pub(super) state: State,
    pub(super) best: Blocks,
    pub(super) best_epoch: usize,
    pub(super) train_losses: Vec<f64>,
    pub(super) held_out_losses: Vec<f64>,
}

/// What a file of it belongs to, in its metadata.
const OF: &str = "routellm.fit";

/// What tells a fit from every other one: its options, its data and its start.
pub(super) fn fingerprint(
    votes: &EmbeddedVotes<'_>,
    options: &FitOptions,
    start: &State,
    train: &[Comparison],
    held_out: &[Comparison],
) -> Result<String> {
    // The number of threads changes nothing, and more epochs go on from fewer.
    let mut options = FitOptions { threads: None, epochs: 1, ..options.clone() };
    options.patience = None;
    let json = serde_json::to_string(&options).map_err(|error| Error::invalid_argument(error.to_string()))?;
    let mut hash = Sha256::new();
    hash.update(format!("1 {json} {} {:?}\n", options.seed, start.shape));
    for one in train.iter().chain(held_out) {
        for number in [one.first, one.second, one.prompt] {
            hash.update((number as u64).to_le_bytes());
        }
        hash.update(one.target.to_le_bytes());
        hash.update(one.weight.to_le_bytes());
    }
    hash.update((train.len() as u64).to_le_bytes());
    let floats = [votes.embeddings, &start.values.p, &start.values.w, &start.values.c];
    for values in floats {
        for chunk in values.chunks(4096) {
            hash.update(bytes(chunk, |x| x.to_le_bytes()));
        }
    }
    Ok(sha256_hex(&hash.finalize()))
}

fn bytes<T: Copy, const N: usize>(values: &[T], to: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| to(*value)).collect()
}

impl Checkpoint {
    /// The beginning.
    pub(super) fn new(state: State) -> Self {
        let best = state.values.clone();
        Self { state, best, best_epoch: 0, train_losses: Vec::new(), held_out_losses: Vec::new() }
    }

    /// How many epochs were made.
    pub(super) fn epochs(&self) -> usize {
        self.train_losses.len()
    }

    /// Whether the held-out loss has not fallen for as many epochs as `patience` says.
    pub(super) fn is_over(&self, patience: Option<usize>) -> bool {
        patience.is_some_and(|patience| {
            !self.held_out_losses.is_empty() && self.epochs() - 1 - self.best_epoch >= patience
        })
    }

    /// Another epoch. Without held-out comparisons there is nothing to choose by, and the last one is kept.
    pub(super) fn add(&mut self, state: State, train_loss: f64, held_out_loss: Option<f64>) {
        let epoch = self.epochs();
        let before = self.held_out_losses.get(self.best_epoch);
        if held_out_loss.is_none_or(|loss| before.is_none_or(|before| loss < *before)) {
            self.best = state.values.clone();
            self.best_epoch = epoch;
        }
        self.state = state;
        self.train_losses.push(train_loss);
        self.held_out_losses.extend(held_out_loss);
    }

    fn blocks(&self) -> [(&'static str, &Blocks); 4] {
        [
            ("values", &self.state.values),
            ("first", &self.state.first),
            ("second", &self.state.second),
            ("best", &self.best),
        ]
    }

    /// Writes it; a file that is there is replaced when the new one is whole.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn write(&self, path: &Path, of: &str) -> Result<()> {
        let failed = |error| Error::tensors(path, error);
        let numbers = [self.state.steps, self.best_epoch as u64];
        let mut tensors = vec![
            ("numbers".to_owned(), Dtype::U64, bytes(&numbers, u64::to_le_bytes)),
            ("train_losses".to_owned(), Dtype::F64, bytes(&self.train_losses, f64::to_le_bytes)),
            ("held_out_losses".to_owned(), Dtype::F64, bytes(&self.held_out_losses, f64::to_le_bytes)),
        ];
        for (name, blocks) in self.blocks() {
            for (part, values) in [("p", &blocks.p), ("w", &blocks.w), ("c", &blocks.c)] {
                tensors.push((format!("{name}.{part}"), Dtype::F32, bytes(values, f32::to_le_bytes)));
            }
        }
        let views = tensors
            .iter()
            .map(|(name, dtype, bytes)| {
                let size = if *dtype == Dtype::F32 { 4 } else { 8 };
                let view = TensorView::new(*dtype, vec![bytes.len() / size], bytes).map_err(failed)?;
                Ok((name.as_str(), view))
            })
            .collect::<Result<Vec<_>>>()?;
        let info = [(OF.to_owned(), of.to_owned())].into();
        replace_file(path, |path| safetensors::serialize_to_file(views, Some(info), path).map_err(failed))
    }

    /// Reads the file of this fit. `None` if there is none, or what is there belongs to another fit, or is no such file:
    /// it then begins anew.
    pub(super) fn read(path: &Path, of: &str, shape: Shape) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).ok()?;
        if header.metadata().as_ref()?.get(OF)? != of {
            return None;
        }
        let file = Tensors::new(bytes, "checkpoint").ok()?;
        let floats = |name: &str| file.f64(name, &file.shape(name).ok()?).ok();
        let (train_losses, held_out_losses) = (floats("train_losses")?, floats("held_out_losses")?);
        let numbers = file.u64("numbers", &[2]).ok()?;
        let Shape { models, dim, text_dim } = shape;
        let blocks = |name: &str| {
            let block = |part: &str, length: usize| file.f32(&format!("{name}.{part}"), &[length]).ok();
            Some(Blocks { p: block("p", models * dim)?, w: block("w", dim * text_dim)?, c: block("c", dim)? })
        };
        let best_epoch = usize::try_from(numbers[1]).ok()?;
        let state = State {
            shape,
            values: blocks("values")?,
            first: blocks("first")?,
            second: blocks("second")?,
            steps: numbers[0],
        };
        let whole = best_epoch < train_losses.len();
        whole.then_some(Self { state, best: blocks("best")?, best_epoch, train_losses, held_out_losses })
    }
}

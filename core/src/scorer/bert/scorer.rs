//! A classifier as a scorer.

use std::sync::Arc;

use super::classifier::Classifier;
use super::labels::strong_output;
use super::{BertSpec, Head, LongPrompts, WindowPooling};
use crate::features::{CapSide, TextCap};
use crate::jobs::{Pool, Slot};
use crate::onnx::graph::Probabilities;
use crate::onnx::{RuntimeUse, SessionOptions, SessionPool};
use crate::scorer::checkpoint::Files;
use crate::scorer::model_files::CLASSIFIERS;
use crate::scorer::{Group, Pair, Parameters, PromptScorer, Score};
use crate::tokenize::{TextTokenizer, Tokens};
use crate::{CancelToken, ControlTokens, Error, Mode, Result};

/// Tokens that a classifier reads where nothing says how many.
const DEFAULT_MAX_TOKENS: usize = 512;

/// Bytes of text for each token that is read: a text above it is cut before it is tokenised, so that ten megabytes
/// cost no more than a few full windows.
const BYTES_PER_TOKEN: usize = 32;

/// A classifier bound to a pair. Safe to use from many threads.
#[derive(Debug)]
pub struct BertScorer {
    spec: BertSpec,
    max_tokens: usize,
    cap: TextCap,
    pair: Pair,
    mode: Mode,
    tokenizer: TextTokenizer,
    classifier: Classifier,
    /// The head of `spec`, which reads probabilities if the model gives some.
    head: Head,
    /// Of three labels, which one says that the strong model wins.
    strong_output: usize,
}

/// A prompt as the model reads it.
#[derive(Debug)]
struct Prepared {
    windows: Vec<Tokens>,
    truncated: bool,
}

impl BertScorer {
    /// Opens the export in `files`, for a router with `candidates` candidates.
    ///
    /// # Errors
    /// `InvalidModel` if a file is missing, malformed or does not fit the others, or the head does not fit the model's
    /// outputs; `RuntimeUnavailable`; `NotFound`; `Io`.
    pub fn open(
        files: &Files<'_>,
        spec: &BertSpec,
        candidates: usize,
        pair: Pair,
        mode: Mode,
        session: &SessionOptions,
    ) -> Result<Self> {
        let config = files.config()?;
        let (mut tokenizer, settings) = files.tokenizer()?;
        let folder = files.directory().display();
        let saved = tokenizer.saved_truncation();
        let positions = config.max_positions.unwrap_or(usize::MAX);
        if let Some(asked) = spec.max_tokens.filter(|asked| *asked > positions) {
            return Err(Error::invalid_model(format!(
                "{folder}: max_tokens is {asked}, the model has {positions} positions"
            )));
        }
        // Tokenizers are often saved with more than their model has.
        let told = settings.model_max_length.or(saved.map(|(length, _)| length)).or(config.max_positions);
        let max_tokens = spec.max_tokens.or(told).unwrap_or(DEFAULT_MAX_TOKENS).min(positions);
        let side = settings.truncation_side.or(saved.map(|(_, side)| side)).unwrap_or(CapSide::Head);
        let (overlap, windows) = match spec.long_prompts {
            LongPrompts::Truncate => (None, 1),
            LongPrompts::Windows { overlap, max_windows, .. } => (Some(overlap), max_windows),
        };
        if spec.control_tokens == ControlTokens::Text {
            tokenizer.controls_as_text(None).map_err(|error| error.context(folder.to_string()))?;
        }
        tokenizer.truncate(max_tokens, side, overlap).map_err(|error| error.context(folder))?;
        let cap = TextCap { max_bytes: windows.max(1) * max_tokens * BYTES_PER_TOKEN, side };
        let (_, path) = files.model(spec.file.as_deref(), &CLASSIFIERS)?;
        let pad_id = config.pad_token_id.or(tokenizer.pad_id()).unwrap_or(0);
        let pool = SessionPool::open(&path, files.checksums(), session)?;
        let classifier = Classifier::new(pool, i64::from(pad_id), config.first_position as i64)
            .map_err(|error| error.context(path.display()))?;
        let head = spec.head;
        let mut scorer = Self {
            spec: spec.clone(),
            max_tokens,
            cap,
            pair,
            mode,
            tokenizer,
            classifier,
            head,
            strong_output: 0,
        };
        scorer.check_outputs(candidates).map_err(|error| error.context(path.display()))?;
        Ok(scorer)
    }

    /// Reads the outputs as their names `labels` say, where they name the sides of a pair.
    ///
    /// # Errors
    /// `InvalidModel` if they name them in a way that the head cannot follow.
    pub(crate) fn with_labels(mut self, labels: &[String], strong: &str, weak: &str) -> Result<Self> {
        self.strong_output = strong_output(self.spec.head, labels, strong, weak)?;
        Ok(self)
    }

    /// A wrong head or a model that cannot run is found now, not on the first request.
    fn check_outputs(&mut self, candidates: usize) -> Result<()> {
        let windows = self.tokenizer.windows("a")?;
        let outputs = self.classifier.run(self.pool().lease()?.slot(), &windows, &[0], None)?;
        let found = outputs[0].len();
        if !self.spec.head.reads(found, candidates) {
            return Err(Error::invalid_model(format!(
                "the head {:?} reads {} outputs, the model has {found}",
                self.spec.head.name(),
                self.spec.head.outputs(candidates)
            )));
        }
        // A model that ends in the softmax must not get a second one.
        let made = match self.classifier.probabilities() {
            Some(Probabilities::Softmax) => true,
            Some(Probabilities::Sigmoid) => found == 1,
            None => false,
        };
        if made {
            self.head = self.head.of_probabilities();
        } else if self.head.reads_probabilities() {
            self.head.win_rate(&outputs[0], self.pair, self.mode)?;
        }
        Ok(())
    }

    /// The score of one prompt, on an idle session; it waits for none.
    ///
    /// # Errors
    /// `Tokenize`, `Inference`, `Cancelled`, `ResourceExhausted` at a deadline or if every session is in use.
    pub fn score(&self, prompt: &str, cancel: Option<&CancelToken>) -> Result<Score> {
        self.score_in(self.pool().lease()?.slot(), prompt, cancel)
    }

    /// The scores of prompts that run together: one with all its windows, or several of one window.
    fn score_group(
        &self,
        slot: &mut Slot,
        prompts: &[Prepared],
        stop: Option<&CancelToken>,
    ) -> Vec<Result<Score>> {
        if let [prompt] = prompts {
            return vec![self.score_windows(slot, prompt, stop)];
        }
        let windows: Vec<Tokens> = prompts.iter().flat_map(|prompt| prompt.windows.iter().cloned()).collect();
        let all: Vec<usize> = (0..windows.len()).collect();
        match self.classifier.run(slot, &windows, &all, stop) {
            // A batch that fails must not keep others from their results: its rows carry the error.
            Err(error) => prompts.iter().map(|_| Err(error.copy())).collect(),
            Ok(outputs) => prompts
                .iter()
                .zip(&outputs)
                .map(|(prompt, row)| self.win_rate(&[row.as_slice()], prompt.truncated))
                .collect(),
        }
    }

    fn score_windows(
        &self,
        slot: &mut Slot,
        prepared: &Prepared,
        stop: Option<&CancelToken>,
    ) -> Result<Score> {
        let outputs = self.outputs(slot, prepared, stop)?;
        let rows: Vec<&[f32]> = outputs.iter().map(Vec::as_slice).collect();
        self.win_rate(&rows, prepared.truncated)
    }

    fn outputs(
        &self,
        slot: &mut Slot,
        prepared: &Prepared,
        stop: Option<&CancelToken>,
    ) -> Result<Vec<Vec<f32>>> {
        let windows = &prepared.windows;
        let mut outputs = vec![Vec::new(); windows.len()];
        for batch in self.classifier.plan(slot, windows) {
            for (row, output) in batch.iter().zip(self.classifier.run(slot, windows, &batch, stop)?) {
                outputs[*row] = output;
            }
        }
        Ok(outputs)
    }

    fn win_rate(&self, rows: &[&[f32]], truncated: bool) -> Result<Score> {
        let rates = rows
            .iter()
            .map(|row| {
                if self.strong_output == 0 {
                    return self.head.win_rate(row, self.pair, self.mode);
                }
                let mut row = row.to_vec();
                row.swap(0, self.strong_output);
                self.head.win_rate(&row, self.pair, self.mode)
            })
            .collect::<Result<Vec<f64>>>()?;
        let win_rate = match self.spec.long_prompts {
            LongPrompts::Windows { pooling: WindowPooling::Max, .. } => {
                rates.iter().copied().fold(0.0, f64::max)
            }
            _ => rates.iter().sum::<f64>() / rates.len() as f64,
        };
        Ok(Score { truncated, ..Score::of(win_rate) })
    }

    fn prepare(&self, prompt: &str) -> Result<Prepared> {
        let (text, cut) = self.cap.apply(prompt);
        let mut windows = self.tokenizer.windows(text)?;
        let kept = match self.spec.long_prompts {
            LongPrompts::Truncate => 1,
            LongPrompts::Windows { max_windows, .. } => max_windows,
        };
        let truncated = cut || windows.len() > kept;
        windows.truncate(kept);
        Ok(Prepared { windows, truncated })
    }

    /// The token ids of the part of `prompt` that the model reads first, special tokens included.
    ///
    /// # Errors
    /// `Tokenize`.
    pub fn token_ids(&self, prompt: &str) -> Result<Vec<i64>> {
        Ok(self.prepare(prompt)?.windows.swap_remove(0).ids)
    }

    /// The outputs of the model for the part of `prompt` that it reads first.
    ///
    /// # Errors
    /// As [`score`](Self::score).
    pub fn logits(&self, prompt: &str) -> Result<Vec<f32>> {
        let windows = self.prepare(prompt)?.windows;
        Ok(self.classifier.run(self.pool().lease()?.slot(), &windows, &[0], None)?.swap_remove(0))
    }

    /// The parameters.
    pub fn spec(&self) -> &BertSpec {
        &self.spec
    }

    /// The sessions behind this scorer.
    pub(crate) fn pool(&self) -> &SessionPool {
        self.classifier.pool()
    }

    /// Whether rows share a batch: only if a row has the same bits in it as alone.
    ///
    /// # Errors
    /// `ResourceExhausted` if every session is in use.
    pub fn batches(&self) -> Result<bool> {
        Ok(self.classifier.batches(self.pool().lease()?.slot()))
    }
}

impl PromptScorer for BertScorer {
    fn parameters(&self) -> Parameters<'_> {
        Parameters::Bert(&self.spec)
    }

    fn cap(&self) -> TextCap {
        self.cap
    }

    /// Of each window.
    fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    fn slots(&self) -> &Pool {
        self.pool().slots()
    }

    fn runtime(&self) -> Option<RuntimeUse> {
        self.pool().runtime()
    }

    fn dynamically_quantized(&self) -> bool {
        self.pool().dynamically_quantized()
    }

    /// Not where a long prompt is read in windows, whose win rates are combined.
    fn scores_tell_pairs(&self) -> bool {
        matches!(self.head, Head::Candidates { .. }) && self.spec.long_prompts == LongPrompts::Truncate
    }

    fn score_in(&self, slot: &mut Slot, prompt: &str, stop: Option<&CancelToken>) -> Result<Score> {
        self.score_windows(slot, &self.prepare(prompt)?, stop)
    }

    fn knows_candidates(&self) -> bool {
        matches!(self.head, Head::Candidates { .. })
    }

    /// One logit for each candidate, the mean over the windows of a long prompt.
    fn candidate_scores_in(
        &self,
        slot: &mut Slot,
        prompt: &str,
        stop: Option<&CancelToken>,
    ) -> Result<Vec<f64>> {
        Ok(self.rate_in(slot, prompt, stop)?.0)
    }

    fn rate_in(&self, slot: &mut Slot, prompt: &str, stop: Option<&CancelToken>) -> Result<(Vec<f64>, bool)> {
        if !matches!(self.head, Head::Candidates { .. }) {
            return Err(Error::unsupported(format!(
                "this router scores its pair only (head {:?}): there is no score for each candidate",
                self.spec.head.name()
            )));
        }
        let prepared = self.prepare(prompt)?;
        let outputs = self.outputs(slot, &prepared, stop)?;
        if self.head.reads_probabilities() {
            for row in &outputs {
                self.head.win_rate(row, self.pair, self.mode)?;
            }
        }
        let mean = |column: usize| {
            outputs.iter().map(|row| self.head.candidate(row[column])).sum::<f64>() / outputs.len() as f64
        };
        Ok(((0..outputs[0].len()).map(mean).collect(), prepared.truncated))
    }

    fn plan(self: Arc<Self>, slot: &mut Slot, prompts: Vec<(usize, String)>) -> Vec<Group> {
        let group = |rows: Vec<usize>, prepared: Vec<Prepared>| {
            let scorer = Arc::clone(&self);
            Group { rows, work: Box::new(move |slot, stop| scorer.score_group(slot, &prepared, stop)) }
        };
        let mut groups = Vec::new();
        let (mut rows, mut single) = (Vec::new(), Vec::new());
        for (row, prompt) in prompts {
            match self.prepare(&prompt) {
                Err(error) => {
                    groups.push(Group { rows: vec![row], work: Box::new(move |_, _| vec![Err(error)]) });
                }
                // The windows of one prompt run one after the other.
                Ok(prepared) if prepared.windows.len() > 1 => groups.push(group(vec![row], vec![prepared])),
                Ok(prepared) => {
                    rows.push(row);
                    single.push(prepared);
                }
            }
        }
        let windows: Vec<Tokens> = single.iter().map(|prepared| prepared.windows[0].clone()).collect();
        let mut single: Vec<Option<Prepared>> = single.into_iter().map(Some).collect();
        for batch in self.classifier.plan(slot, &windows) {
            groups.push(group(
                batch.iter().map(|&i| rows[i]).collect(),
                batch.iter().filter_map(|&i| single[i].take()).collect(),
            ));
        }
        groups
    }
}

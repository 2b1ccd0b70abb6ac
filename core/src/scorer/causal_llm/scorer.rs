//! A causal LM as a scorer.

use std::sync::Arc;

use super::decoder::{Cache, Decoder, Step};
use super::scores::{Picked, Scores, add_published_tokens};
use super::template::Rendered;
use super::{CausalLlmSpec, Template, TemplateSpec};
use crate::features::{CapSide, TextCap};
use crate::jobs::{Pool, Slot};
use crate::onnx::{RuntimeUse, SessionOptions, SessionPool};
use crate::process::PerProcess;
use crate::scorer::checkpoint::Files;
use crate::scorer::{Group, Parameters, PromptScorer, Score};
use crate::tokenize::TextTokenizer;
use crate::{CancelToken, ControlTokens, Error, Mode, Result};

/// Tokens that a model reads where nothing says how many.
const DEFAULT_MAX_TOKENS: usize = 2048;

/// Bytes of text for each token that is read: a longer text is cut before it is tokenised.
const BYTES_PER_TOKEN: usize = 32;

/// Questions whose texts begin differently: what their token ids have in common is the instruction's.
const DIFFERENT: [&str; 5] = ["a", " b", "\nc", "1", "\u{e9}"];

/// A causal LM as a scorer. Safe to use from many threads.
#[derive(Debug)]
pub struct CausalLlmScorer {
    spec: CausalLlmSpec,
    scores: Scores,
    template: Template,
    tokenizer: TextTokenizer,
    eos_ids: Vec<i64>,
    /// Tokens of a prompt that are read, those to be generated left out.
    max_tokens: usize,
    cap: TextCap,
    /// In the sessions' memory, and so of each process its own.
    instruction: PerProcess<Option<Instruction>>,
    cached_tokens: usize,
    decoder: Decoder,
}

/// What every prompt begins with.
#[derive(Debug)]
struct Instruction {
    ids: Vec<i64>,
    cache: Cache,
}

impl CausalLlmScorer {
    /// Opens the export in `files`.
    ///
    /// # Errors
    /// `InvalidModel` if a file is missing, malformed or does not fit the others, a score token is missing, or the
    /// instruction leaves no room for a question; `RuntimeUnavailable`; `NotFound`; `Io`.
    pub fn open(
        files: &Files<'_>,
        spec: CausalLlmSpec,
        mode: Mode,
        session: &SessionOptions,
    ) -> Result<Self> {
        spec.check()?;
        let folder = files.directory().display().to_string();
        let config = files.config()?;
        let (mut tokenizer, settings) = files.tokenizer()?;
        let template = Template::open(&spec.template, files, &settings, spec.date.as_deref())?;
        if spec.template == TemplateSpec::Routellm {
            add_published_tokens(&mut tokenizer, &spec.score_tokens)?;
        }
        if spec.control_tokens == ControlTokens::Text {
            tokenizer.controls_as_text(Some(&template.spelled())).map_err(|error| error.context(&folder))?;
        }
        let scores = Scores::new(&tokenizer, &spec, config, mode).map_err(|error| error.context(&folder))?;
        let positions = settings
            .model_max_length
            .into_iter()
            .chain(config.max_positions)
            .min()
            .unwrap_or(DEFAULT_MAX_TOKENS);
        let asked = spec.max_tokens.unwrap_or(positions);
        if asked > positions {
            return Err(Error::invalid_model(format!(
                "{folder}: max_tokens is {asked}, the model has {positions} positions"
            )));
        }
        let max_tokens = asked.saturating_sub(spec.max_new_tokens);
        let decoder = Decoder::open(files, spec.file.as_deref(), config, session)?;
        if let Some(size) = decoder.logits()
            && scores.ids().iter().any(|&id| id >= size)
        {
            return Err(Error::invalid_model(format!(
                "{folder}: a score token has an id above the model's {size} logits"
            )));
        }
        let mut scorer = Self {
            cap: TextCap { max_bytes: max_tokens * BYTES_PER_TOKEN, side: CapSide::Tail },
            spec,
            scores,
            template,
            tokenizer,
            eos_ids: config.eos_token_ids.clone(),
            max_tokens,
            instruction: PerProcess::new(),
            cached_tokens: 0,
            decoder,
        };
        let mut lease = scorer.pool().lease()?;
        let cached = scorer.instruction(lease.slot()).map_err(|error| error.context(&folder))?;
        scorer.cached_tokens = cached.map_or(0, |instruction| instruction.ids.len());
        Ok(scorer)
    }

    /// The instruction's tokens and cache; `None` for an export that takes no cache, or if there is no instruction.
    fn instruction(&self, slot: &mut Slot) -> Result<Option<&Instruction>> {
        Ok(self.instruction.get_or_try_init(|| self.read_instruction(slot))?.as_ref())
    }

    fn read_instruction(&self, slot: &mut Slot) -> Result<Option<Instruction>> {
        let texts = DIFFERENT.iter().map(|question| self.ids_of(question)).collect::<Result<Vec<_>>>()?;
        let longest = texts.iter().map(Vec::len).max().unwrap_or(0);
        if longest > self.max_tokens {
            return Err(Error::invalid_model(format!(
                "the instruction with the shortest question is {longest} tokens long, and the model reads {} (its \
                 positions without the {} to be generated)",
                self.max_tokens, self.spec.max_new_tokens
            )));
        }
        let (first, others) = texts.split_first().expect("there are several questions");
        let common = others.iter().fold(first.len(), |common, other| {
            first[..common].iter().zip(other).take_while(|(a, b)| a == b).count()
        });
        // The last token is read with the question, so that something is left to read.
        let ids = first[..common.min(first.len() - 1)].to_vec();
        if ids.is_empty() || !self.decoder.caches() {
            // A model that cannot run is found now all the same.
            self.decoder.read(slot, first, None, false, None, |_| Ok(()))?;
            return Ok(None);
        }
        let cache = self.decoder.read(slot, &ids, None, true, None, |_| Ok(()))?.cache;
        Ok(cache.map(|cache| Instruction { ids, cache }))
    }

    /// The score of one prompt, on an idle session; it waits for none.
    ///
    /// # Errors
    /// `Tokenize`, `Inference`, `Cancelled`, `ResourceExhausted` at a deadline or if every session is in use;
    /// `InvalidArgument` if a chat template refuses the prompt.
    pub fn score(&self, prompt: &str, cancel: Option<&CancelToken>) -> Result<Score> {
        self.score_in(self.pool().lease()?.slot(), prompt, cancel)
    }

    /// Greedy steps until the most likely token is a score, and the scores' logits there; `None` if none is, as in the
    /// reference.
    fn predict(
        &self,
        slot: &mut Slot,
        ids: &[i64],
        cancel: Option<&CancelToken>,
    ) -> Result<Option<Vec<f32>>> {
        let steps = self.spec.max_new_tokens;
        let mut all = ids.to_vec();
        let pick = |logits: &[f32]| self.scores.pick(logits);
        let mut step = self.read(slot, ids, steps > 1, cancel, pick)?;
        for generated in 1.. {
            let Picked { best, logits } = step.picked;
            if steps == 0 || self.scores.is_score(best) {
                return Ok(Some(logits));
            }
            if generated >= steps || self.eos_ids.contains(&best) {
                break;
            }
            step = if let Some(cache) = &step.cache {
                self.decoder.read(slot, &[best], Some(cache), generated + 1 < steps, cancel, pick)?
            } else {
                // Without a cache everything is read again.
                all.push(best);
                self.decoder.read(slot, &all, None, false, cancel, pick)?
            };
        }
        Ok(None)
    }

    /// Reads `ids`, going on from the instruction where they begin with it.
    fn read<T>(
        &self,
        slot: &mut Slot,
        ids: &[i64],
        keep: bool,
        cancel: Option<&CancelToken>,
        pick: impl FnOnce(&[f32]) -> Result<T>,
    ) -> Result<Step<T>> {
        match self.instruction(slot)? {
            Some(instruction) if ids.len() > instruction.ids.len() && ids.starts_with(&instruction.ids) => {
                let rest = &ids[instruction.ids.len()..];
                self.decoder.read(slot, rest, Some(&instruction.cache), keep, cancel, pick)
            }
            _ => self.decoder.read(slot, ids, None, keep, cancel, pick),
        }
    }

    /// The win rate for the logits of the scores, in [0, 1].
    ///
    /// `reference` computes in single precision, `1 - P(score >= threshold)`; `exact` sums the probabilities of the
    /// scores below the threshold, in double precision.
    ///
    /// # Errors
    /// `Inference` if a logit is not finite.
    pub fn win_rate(&self, logits: &[f32]) -> Result<f64> {
        self.scores.win_rate(logits)
    }

    /// The token ids that the model reads for `prompt`, and whether the question was cut: from its left, and never the
    /// instruction.
    ///
    /// # Errors
    /// `Tokenize`; `InvalidArgument` if a chat template refuses the prompt.
    pub fn prepare(&self, prompt: &str) -> Result<(Vec<i64>, bool)> {
        let (text, cut) = self.cap.apply(prompt);
        let rendered = self.render(text)?;
        let special = self.template.special_tokens();
        let ids = self.tokenizer.ids(&rendered.text, special)?;
        if ids.len() <= self.max_tokens {
            return Ok((ids, cut));
        }
        let (ids, offsets) = self.tokenizer.with_offsets(&rendered.text, special)?;
        let excess = ids.len() - self.max_tokens;
        let question = rendered.question.unwrap_or(0..0);
        let inside =
            |&(start, end): &(usize, usize)| start >= question.start && end <= question.end && start < end;
        let first = offsets.iter().position(inside).unwrap_or(0);
        let count = offsets[first..].iter().take_while(|offset| inside(offset)).count();
        if count < excess {
            return Err(Error::invalid_argument(format!(
                "the prompt comes to {} tokens with its instruction, {excess} more than the model reads, and only \
                 {count} of them are the question's own",
                ids.len()
            )));
        }
        Ok(([&ids[..first], &ids[first + excess..]].concat(), true))
    }

    /// The text for `question`, as the tokenizer wants it.
    fn render(&self, question: &str) -> Result<Rendered> {
        let Rendered { text, question } = self.template.render(&self.tokenizer.hide(question)?)?;
        let (text, question) = self.tokenizer.reveal(text, question);
        Ok(Rendered { text, question })
    }

    fn ids_of(&self, question: &str) -> Result<Vec<i64>> {
        let rendered = self.render(question)?;
        self.tokenizer.ids(&rendered.text, self.template.special_tokens())
    }

    /// All logits of the token after `ids`: going on from the instruction's cache (`cached`), or in one full pass.
    ///
    /// # Errors
    /// As [`score`](Self::score).
    pub fn logits(&self, ids: &[i64], cached: bool) -> Result<Vec<f32>> {
        let mut lease = self.pool().lease()?;
        let slot = lease.slot();
        let all = |logits: &[f32]| Ok(logits.to_vec());
        let step = if cached {
            self.read(slot, ids, false, None, all)
        } else {
            self.decoder.read(slot, ids, None, false, None, all)
        };
        Ok(step?.picked)
    }

    /// Ids of the score tokens, ascending by score.
    pub fn score_ids(&self) -> &[usize] {
        self.scores.ids()
    }

    /// The parameters.
    pub fn spec(&self) -> &CausalLlmSpec {
        &self.spec
    }

    /// The sessions behind this scorer.
    pub(crate) fn pool(&self) -> &SessionPool {
        self.decoder.pool()
    }
}

impl PromptScorer for CausalLlmScorer {
    fn parameters(&self) -> Parameters<'_> {
        Parameters::CausalLlm(&self.spec)
    }

    fn cap(&self) -> TextCap {
        self.cap
    }

    /// The instruction included.
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

    /// 0 if the export takes no cache.
    fn cached_tokens(&self) -> Option<usize> {
        Some(self.cached_tokens)
    }

    fn score_in(&self, slot: &mut Slot, prompt: &str, stop: Option<&CancelToken>) -> Result<Score> {
        stop.map_or(Ok(()), CancelToken::check)?;
        let (ids, truncated) = self.prepare(prompt)?;
        let prediction = self.predict(slot, &ids, stop)?;
        let win_rate = prediction.as_ref().map_or(Ok(1.0), |logits| self.win_rate(logits))?;
        Ok(Score { truncated, no_score: prediction.is_none(), ..Score::of(win_rate) })
    }

    fn candidate_scores_in(&self, _: &mut Slot, _: &str, _: Option<&CancelToken>) -> Result<Vec<f64>> {
        Err(Error::unsupported(
            "this router (causal_llm) scores its pair only: there is no score for each candidate",
        ))
    }

    /// One by one, the longest first.
    fn plan(self: Arc<Self>, _: &mut Slot, mut prompts: Vec<(usize, String)>) -> Vec<Group> {
        prompts.sort_by_key(|(row, prompt)| (std::cmp::Reverse(prompt.len()), *row));
        let group = |(row, prompt): (usize, String)| {
            let scorer = Arc::clone(&self);
            Group {
                rows: vec![row],
                work: Box::new(move |slot, stop| vec![scorer.score_in(slot, &prompt, stop)]),
            }
        };
        prompts.into_iter().map(group).collect()
    }
}

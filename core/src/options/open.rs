// Written by tools/faces/generate.py from core/options.toml: change that.

//! The options of opening a router.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::table::{OptionInfo, OptionType};
use super::value::{OptionValue, candidates, spec};
use super::{
    CalibrationFile, ControlTokens, Head, LongPrompts, MapStore, Mode, OutOfDistribution, Preset, Provider,
    Read, ScoreToken, SessionOptions, Spelling, TemplateSpec,
};
use crate::Result;
use crate::candidates::Candidate;
use crate::names::range::{number, whole};

/// How a router is opened.
///
/// ```no_run
/// use routellm_core::OpenOptions;
/// let router = OpenOptions::new()
///     .strong("gpt-4-1106-preview")
///     .weak("mixtral-8x7b-instruct-v0.1")
///     .open("artifacts/mf-minilm")?;
/// # Ok::<(), routellm_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    pub(crate) strong: Option<String>,
    pub(crate) weak: Option<String>,
    pub(crate) mode: Option<Mode>,
    pub(crate) read: Option<Read>,
    pub(crate) ids: Option<bool>,
    pub(crate) names: Option<BTreeMap<String, String>>,
    pub(crate) candidates: Option<Vec<Candidate>>,
    pub(crate) mean_output_tokens: Option<f64>,
    pub(crate) calibration: Option<CalibrationFile>,
    pub(crate) kind: Option<String>,
    pub(crate) session: SessionOptions,
    pub(crate) votes: VoteOptions,
    pub(crate) export: ExportOptions,
    /// How errors spell the names of options.
    pub(crate) spelling: Spelling,
}

impl OpenOptions {
    /// The strong model, one of the router's candidates. An exported model knows no names, and needs it.
    #[must_use]
    pub fn strong(mut self, model: impl Into<String>) -> Self {
        self.strong = Some(model.into());
        self
    }

    /// The weak model, likewise. A router with votes refuses two models of one tier, which would get one half on every
    /// prompt, unless [`mode`](OpenOptions::mode) is `reference`.
    #[must_use]
    pub fn weak(mut self, model: impl Into<String>) -> Self {
        self.weak = Some(model.into());
        self
    }

    /// The mathematics: `exact` (the default), or `reference` to do as lm-sys/RouteLLM does. Routers that know one mode
    /// take either.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// What of a chat is read, unless a call says otherwise: `last_user`, `all_user` or `conversation`; by default what
    /// the artifact says. Routers of prompts only.
    #[must_use]
    pub fn read(mut self, read: Read) -> Self {
        self.read = Some(read);
        self
    }

    /// Whether every decision has an id: 128 bits, sortable by time, unlike that of any other decision. Without it a
    /// decision has one only if a hook or an adapter asks for it.
    #[must_use]
    pub fn ids(mut self, on: bool) -> Self {
        self.ids = Some(on);
        self
    }

    /// Names of one's own: of `strong`, `weak` or any of the router's candidates, to the name that decisions, scores,
    /// explanations, hooks and the router's information give it. Candidates go on being chosen by the router's names.
    #[must_use]
    pub fn names(mut self, names: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        self.names = Some(names.into_iter().map(|(of, name)| (of.into(), name.into())).collect());
        self
    }

    /// What is known about candidates, instead of what the artifact says: a list (JSON where the language has texts
    /// only) of objects with the `name` of a candidate and, if known, `price` (`{"input": 2.5, "output": 10, "date":
    /// "2026-01-31"}`, in USD per million tokens), `context_length` in tokens and `capabilities` (`["text",
    /// "vision"]`). Members that are absent leave what the artifact says, and so do candidates that are not named.
    #[must_use]
    pub fn candidates(mut self, candidates: impl IntoIterator<Item = Candidate>) -> Self {
        self.candidates = Some(candidates.into_iter().collect());
        self
    }

    /// The number of tokens that an answer has on average, for expected costs; by default what the artifact says, or
    /// 256.
    #[must_use]
    pub fn mean_output_tokens(mut self, tokens: f64) -> Self {
        self.mean_output_tokens = Some(tokens);
        self
    }

    /// A calibration instead of the artifact's: the path of the file that calibrating this router wrote, or what stands
    /// in it. One of another router or pair is refused.
    #[must_use]
    pub fn calibration(mut self, calibration: CalibrationFile) -> Self {
        self.calibration = Some(calibration);
        self
    }

    /// What a folder without `router.json` is: `bert` (any sequence classifier), `causal_llm` or `mf`; by default what
    /// the model's `config.json` tells. For an artifact, the kind that it has to be.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// The path of `libonnxruntime`. Without it, `ROUTELLM_ORT_PATH`, `ORT_DYLIB_PATH`, a library that the process has
    /// loaded, the language's own package of ONNX Runtime and the system are looked at. Only routers with a model to
    /// run need it.
    #[must_use]
    pub fn onnxruntime(mut self, library: impl Into<PathBuf>) -> Self {
        self.session.onnxruntime = Some(library.into());
        self
    }

    /// Where ONNX models run: `cpu` (the default); `cuda`, an NVIDIA GPU, which is `RuntimeUnavailable` if it cannot be
    /// had; or `auto`, a GPU if it can be had and else the processor, and the router's information tells which. A GPU
    /// needs the `libonnxruntime` that was built for it.
    #[must_use]
    pub fn provider(mut self, provider: Provider) -> Self {
        self.session.provider = Some(provider);
        self
    }

    /// Which GPU, from 0; 0 by default. Providers `cuda` and `auto` only.
    #[must_use]
    pub fn device_id(mut self, device: u32) -> Self {
        self.session.device_id = Some(device);
        self
    }

    /// The bytes of GPU memory that the sessions' arena may take; no limit of its own by default. Providers `cuda` and
    /// `auto` only.
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.session.memory_limit = Some(bytes);
        self
    }

    /// Whether a GPU may compute float32 in TF32: faster, with 10 bits of mantissa, so that win rates differ from those
    /// of the processor by about 1e-3. It does not by default. Providers `cuda` and `auto` only.
    #[must_use]
    pub fn tf32(mut self, on: bool) -> Self {
        self.session.tf32 = Some(on);
        self
    }

    /// The numbers of sessions and threads by name: `latency`, one session with a thread for each core, four at most,
    /// or `throughput`, one single-threaded session for each core. It excludes [`sessions`](OpenOptions::sessions) and
    /// [`intra_threads`](OpenOptions::intra_threads).
    #[must_use]
    pub fn preset(mut self, preset: Preset) -> Self {
        self.session.preset = Some(preset);
        self
    }

    /// The number of ONNX sessions, which run side by side: 1 to 256, 1 by default.
    #[must_use]
    pub fn sessions(mut self, count: usize) -> Self {
        self.session.sessions = Some(count);
        self
    }

    /// The number of threads inside one ONNX session: 1 to 256, by default the smaller of the number of cores and 4. A
    /// router with votes reads them with as many, by default with one.
    #[must_use]
    pub fn intra_threads(mut self, count: usize) -> Self {
        self.session.intra_threads = Some(count);
        self
    }

    /// How many calls may wait for a session, a batch counting once; any number by default. Beyond it a call is
    /// `ResourceExhausted` at once, or a fallback if `on_error` says so. Routers with sessions only.
    #[must_use]
    pub fn max_waiting(mut self, calls: usize) -> Self {
        self.session.max_waiting = Some(calls);
        self
    }

    /// What is decided for a prompt that no vote resembles: `ignore` (the default) leaves it to the win rate, as for
    /// any prompt; or `strong`, or `weak`. A strong share of 0 or 1 and a threshold above 1 still send nothing,
    /// everything and nothing to the strong model. Routers with votes only.
    #[must_use]
    pub fn out_of_distribution(mut self, decision: OutOfDistribution) -> Self {
        self.votes.out_of_distribution = Some(decision);
        self
    }

    /// The least similarity, in [-1, 1]: a prompt whose largest cosine similarity to any vote is below it is out of
    /// distribution. Without it, only a prompt is whose every similarity is 0 or less. Routers with votes only.
    #[must_use]
    pub fn min_similarity(mut self, similarity: f64) -> Self {
        self.votes.min_similarity = Some(similarity);
        self
    }

    /// Whether the store of votes is read into memory when opening (`never`) or mapped (`always`); `auto`, the default,
    /// reads stores of up to 256 MB and maps larger ones. A mapped store is shared between processes, and its file must
    /// not change while the router lives: replace it by a rename, never overwrite or truncate it, which can end the
    /// process with `SIGBUS`. Routers with votes only.
    #[must_use]
    pub fn mmap(mut self, map: MapStore) -> Self {
        self.votes.mmap = Some(map);
        self
    }

    /// How many of the nearest clusters have their votes read one by one, at least 1; `all` gives the exact answer. It
    /// excludes [`error_target`](OpenOptions::error_target). Clustered stores of routers with votes only. `usize::MAX` is `all`.
    #[must_use]
    pub fn open_clusters(mut self, count: usize) -> Self {
        self.votes.open_clusters = Some(count);
        self
    }

    /// The largest estimated error of a win rate, in (0, 1]: clusters are read until it is reached. It excludes
    /// [`open_clusters`](OpenOptions::open_clusters), of which `all` is exact. Clustered stores of routers with votes
    /// only.
    #[must_use]
    pub fn error_target(mut self, error: f64) -> Self {
        self.votes.error_target = Some(error);
        self
    }

    /// What the outputs of an exported classifier mean, by name or, with parameters, as an object (JSON where the
    /// language has texts only):
    ///
    /// - `three_labels`: strong wins, tie, weak wins, as in the paper. The default for a model with three outputs;
    ///   there is none for others.
    /// - `binary`: two labels. `{"kind": "binary", "strong_label": 0}` says which label is that of the strong model, 1
    ///   by default. A single output is the logit of label 1.
    /// - `regression`: one score `x`. `{"kind": "regression", "link": "sigmoid", "scale": 1, "offset": 0}` is the win
    ///   rate `link(scale * x + offset)`; the default link is `identity`, which holds it within [0, 1].
    /// - `candidates`: one logit for each model. Then the strong and the weak model are two of the labels in
    ///   `config.json`.
    ///
    /// A model that ends in the softmax is seen to give probabilities, which are taken as they are. Where its graph
    /// does not tell, `{"kind": "three_labels", "probabilities": true}` does, and likewise for `binary` and
    /// `candidates`. A head that does not fit the model's outputs is an error when opening.
    #[must_use]
    pub fn head(mut self, head: Head) -> Self {
        self.export.head = Some(head);
        self
    }

    /// What an exported classifier does with prompts that are longer than it reads, by name or, with parameters, as an
    /// object: `truncate` (the default) cuts them, `windows` reads them piece by piece: `{"kind": "windows", "overlap":
    /// 32, "pooling": "mean", "max_windows": 8}` are its defaults, and `pooling` may be `max`. A prompt that was cut
    /// has `truncated` in its decision.
    #[must_use]
    pub fn long_prompts(mut self, long_prompts: LongPrompts) -> Self {
        self.export.long_prompts = Some(long_prompts);
        self
    }

    /// How a question becomes the text that an exported causal LM reads:
    ///
    /// - a text with `{question}` (or `{prompt}`) in it; braces that are meant are doubled;
    /// - `chat`, the model's own chat template, or with parameters `{"kind": "chat", "system": "...", "user":
    ///   "{question}", "add_generation_prompt": true}`, and `"name"` where the model has several, in
    ///   `tokenizer_config.json` or as files in `additional_chat_templates`;
    /// - `routellm`, the published router's prompt, whose two files are beside its model. Then it is the default; there
    ///   is none for other models.
    #[must_use]
    pub fn template(mut self, template: TemplateSpec) -> Self {
        self.export.template = Some(template);
        self
    }

    /// The tokens of an exported causal LM that stand for the scores 1, 2, 3 ..., each by its text, which has to be one
    /// token of the vocabulary, or by its id; `[[1]]` to `[[5]]` by default.
    #[must_use]
    pub fn score_tokens(mut self, tokens: impl IntoIterator<Item = ScoreToken>) -> Self {
        self.export.score_tokens = Some(tokens.into_iter().collect());
        self
    }

    /// The score from which on the weak model is good enough, 2 to the number of scores, 4 by default: the win rate of
    /// an exported causal LM is 1 - P(score >= this).
    #[must_use]
    pub fn score_threshold(mut self, threshold: usize) -> Self {
        self.export.score_threshold = Some(threshold);
        self
    }

    /// How many tokens an exported causal LM generates at most until one is a score, 0 to 64, 6 by default. 0 takes the
    /// scores' probabilities as the next token, whatever the most likely one is. If none is a score, the win rate is 1,
    /// and the decision has `no_score`.
    #[must_use]
    pub fn max_new_tokens(mut self, count: usize) -> Self {
        self.export.max_new_tokens = Some(count);
        self
    }

    /// The day that a chat template gets where it asks for today's date (`strftime_now`), of the form `2026-01-31`. The
    /// clock is never read, so that a router decides alike on every day, and such a template is refused without it. The
    /// template `chat` of exported models without an artifact only: an artifact keeps what it was written with.
    #[must_use]
    pub fn date(mut self, day: impl Into<String>) -> Self {
        self.export.date = Some(day.into());
        self
    }

    /// What becomes of control tokens that a prompt spells out, `[SEP]` or `<|im_end|>` for example: `as_written` makes
    /// them control tokens, as the reference does, and `text` reads them as text, those of the template excepted. They
    /// are the added tokens that `tokenizer.json` marks as special and, with a template or a prefix, those in brackets
    /// that it spells out, `<think>` for example; what a model reads as common text, as many do `[INST]`, is text
    /// either way. By default `as_written`, but `text` where [`template`](OpenOptions::template) is `chat`. Exported
    /// models without an artifact only: an artifact keeps what it was written with.
    #[must_use]
    pub fn control_tokens(mut self, meaning: ControlTokens) -> Self {
        self.export.control_tokens = Some(meaning);
        self
    }

    /// Which model in the folder is read, by its path in it, `onnx/model_fp16.onnx` for example; by default the first
    /// of the usual names, in the folder itself and then in its `onnx`. Exported models without an artifact only: an
    /// artifact has one model.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>) -> Self {
        self.export.file = Some(path.into());
        self
    }

    /// The number of tokens that an exported model reads of a prompt, special ones and an instruction included; by
    /// default what its files say.
    #[must_use]
    pub fn max_tokens(mut self, count: usize) -> Self {
        self.export.max_tokens = Some(count);
        self
    }

    /// Sets the option that is called `name`, as errors show it, to a value of whatever language.
    pub(super) fn assign(&mut self, info: &OptionInfo, shown: &str, value: &OptionValue) -> Result<()> {
        match info.name {
            "strong" => self.strong = Some(value.text(shown, info)?),
            "weak" => self.weak = Some(value.text(shown, info)?),
            "mode" => self.mode = Some(value.named(shown, info)?),
            "read" => self.read = Some(value.named(shown, info)?),
            "ids" => self.ids = Some(value.flag(shown, info)?),
            "names" => self.names = Some(value.labels(shown, info)?),
            "candidates" => self.candidates = Some(candidates(value, shown, info)?),
            "mean_output_tokens" => self.mean_output_tokens = Some(value.number(shown, info)?),
            "calibration" => self.calibration = Some(spec(value, shown, info)?),
            "kind" => self.kind = Some(value.text(shown, info)?),
            "onnxruntime" => self.session.onnxruntime = Some(value.path(shown, info)?),
            "provider" => self.session.provider = Some(value.named(shown, info)?),
            "device_id" => self.session.device_id = Some(value.whole(shown, info)?),
            "memory_limit" => self.session.memory_limit = Some(value.whole(shown, info)?),
            "tf32" => self.session.tf32 = Some(value.flag(shown, info)?),
            "preset" => self.session.preset = Some(value.named(shown, info)?),
            "sessions" => self.session.sessions = Some(value.whole(shown, info)?),
            "intra_threads" => self.session.intra_threads = Some(value.whole(shown, info)?),
            "max_waiting" => self.session.max_waiting = Some(value.whole(shown, info)?),
            "out_of_distribution" => self.votes.out_of_distribution = Some(value.named(shown, info)?),
            "min_similarity" => self.votes.min_similarity = Some(value.number(shown, info)?),
            "mmap" => self.votes.mmap = Some(value.named(shown, info)?),
            "open_clusters" => self.votes.open_clusters = Some(value.clusters(shown, info)?),
            "error_target" => self.votes.error_target = Some(value.number(shown, info)?),
            "head" => self.export.head = Some(spec(value, shown, info)?),
            "long_prompts" => self.export.long_prompts = Some(spec(value, shown, info)?),
            "template" => self.export.template = Some(spec(value, shown, info)?),
            "score_tokens" => self.export.score_tokens = Some(value.tokens(shown, info)?),
            "score_threshold" => self.export.score_threshold = Some(value.whole(shown, info)?),
            "max_new_tokens" => self.export.max_new_tokens = Some(value.whole(shown, info)?),
            "date" => self.export.date = Some(value.text(shown, info)?),
            "control_tokens" => self.export.control_tokens = Some(value.named(shown, info)?),
            "file" => self.export.file = Some(value.text(shown, info)?),
            "max_tokens" => self.export.max_tokens = Some(value.whole(shown, info)?),
            other => unreachable!("{other} is a row of the table"),
        }
        Ok(())
    }

    /// Names of the options that are given and belong to no group.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let mut given = Vec::new();
        if self.strong.is_some() {
            given.push("strong");
        }
        if self.weak.is_some() {
            given.push("weak");
        }
        if self.mode.is_some() {
            given.push("mode");
        }
        if self.read.is_some() {
            given.push("read");
        }
        if self.ids.is_some() {
            given.push("ids");
        }
        if self.names.is_some() {
            given.push("names");
        }
        if self.candidates.is_some() {
            given.push("candidates");
        }
        if self.mean_output_tokens.is_some() {
            given.push("mean_output_tokens");
        }
        if self.calibration.is_some() {
            given.push("calibration");
        }
        if self.kind.is_some() {
            given.push("kind");
        }
        given
    }

    /// # Errors
    /// `InvalidArgument` for a number out of its range.
    pub(crate) fn check_ranges(&self) -> Result<()> {
        number(
            self.spelling.of("mean_output_tokens"),
            self.mean_output_tokens,
            (0.0, f64::MAX, false),
            "a number from 0 on",
        )?;
        self.session.check_ranges(self.spelling)?;
        self.votes.check_ranges(self.spelling)?;
        self.export.check_ranges(self.spelling)
    }
}

/// Options of routers with votes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct VoteOptions {
    /// What is decided for a prompt that no vote resembles: `ignore` (the default) leaves it to the win rate, as for
    /// any prompt; or `strong`, or `weak`. A strong share of 0 or 1 and a threshold above 1 still send nothing,
    /// everything and nothing to the strong model. Routers with votes only.
    pub(crate) out_of_distribution: Option<OutOfDistribution>,
    /// The least similarity, in [-1, 1]: a prompt whose largest cosine similarity to any vote is below it is out of
    /// distribution. Without it, only a prompt is whose every similarity is 0 or less. Routers with votes only.
    pub(crate) min_similarity: Option<f64>,
    /// Whether the store of votes is read into memory when opening (`never`) or mapped (`always`); `auto`, the default,
    /// reads stores of up to 256 MB and maps larger ones. A mapped store is shared between processes, and its file must
    /// not change while the router lives: replace it by a rename, never overwrite or truncate it, which can end the
    /// process with `SIGBUS`. Routers with votes only.
    pub(crate) mmap: Option<MapStore>,
    /// How many of the nearest clusters have their votes read one by one, at least 1; `all` gives the exact answer. It
    /// excludes `error_target`. Clustered stores of routers with votes only.
    pub(crate) open_clusters: Option<usize>,
    /// The largest estimated error of a win rate, in (0, 1]: clusters are read until it is reached. It excludes
    /// `open_clusters`, of which `all` is exact. Clustered stores of routers with votes only.
    pub(crate) error_target: Option<f64>,
}

impl VoteOptions {
    /// Names of the options that are given.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let mut given = Vec::new();
        if self.out_of_distribution.is_some_and(|value| value != OutOfDistribution::default()) {
            given.push("out_of_distribution");
        }
        if self.min_similarity.is_some() {
            given.push("min_similarity");
        }
        if self.mmap.is_some() {
            given.push("mmap");
        }
        if self.open_clusters.is_some() {
            given.push("open_clusters");
        }
        if self.error_target.is_some() {
            given.push("error_target");
        }
        given
    }

    /// # Errors
    /// `InvalidArgument` for a number out of its range.
    pub(crate) fn check_ranges(&self, spelling: Spelling) -> Result<()> {
        number(
            spelling.of("min_similarity"),
            self.min_similarity,
            (-1.0, 1.0, false),
            "a number in [-1, 1]",
        )?;
        whole(
            spelling.of("open_clusters"),
            self.open_clusters,
            (1, None),
            "a whole number from 1 on, or \"all\"",
        )?;
        number(spelling.of("error_target"), self.error_target, (0.0, 1.0, true), "a number in (0, 1]")?;
        Ok(())
    }
}

/// Options of exported models without an artifact around them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ExportOptions {
    /// What the outputs of an exported classifier mean, by name or, with parameters, as an object (JSON where the
    /// language has texts only):
    pub(crate) head: Option<Head>,
    /// What an exported classifier does with prompts that are longer than it reads, by name or, with parameters, as an
    /// object: `truncate` (the default) cuts them, `windows` reads them piece by piece: `{"kind": "windows", "overlap":
    /// 32, "pooling": "mean", "max_windows": 8}` are its defaults, and `pooling` may be `max`. A prompt that was cut
    /// has `truncated` in its decision.
    pub(crate) long_prompts: Option<LongPrompts>,
    /// How a question becomes the text that an exported causal LM reads:
    pub(crate) template: Option<TemplateSpec>,
    /// The tokens of an exported causal LM that stand for the scores 1, 2, 3 ..., each by its text, which has to be one
    /// token of the vocabulary, or by its id; `[[1]]` to `[[5]]` by default.
    pub(crate) score_tokens: Option<Vec<ScoreToken>>,
    /// The score from which on the weak model is good enough, 2 to the number of scores, 4 by default: the win rate of
    /// an exported causal LM is 1 - P(score >= this).
    pub(crate) score_threshold: Option<usize>,
    /// How many tokens an exported causal LM generates at most until one is a score, 0 to 64, 6 by default. 0 takes the
    /// scores' probabilities as the next token, whatever the most likely one is. If none is a score, the win rate is 1,
    /// and the decision has `no_score`.
    pub(crate) max_new_tokens: Option<usize>,
    /// The day that a chat template gets where it asks for today's date (`strftime_now`), of the form `2026-01-31`. The
    /// clock is never read, so that a router decides alike on every day, and such a template is refused without it. The
    /// template `chat` of exported models without an artifact only: an artifact keeps what it was written with.
    pub(crate) date: Option<String>,
    /// What becomes of control tokens that a prompt spells out, `[SEP]` or `<|im_end|>` for example: `as_written` makes
    /// them control tokens, as the reference does, and `text` reads them as text, those of the template excepted. They
    /// are the added tokens that `tokenizer.json` marks as special and, with a template or a prefix, those in brackets
    /// that it spells out, `<think>` for example; what a model reads as common text, as many do `[INST]`, is text
    /// either way. By default `as_written`, but `text` where `template` is `chat`. Exported models without an artifact
    /// only: an artifact keeps what it was written with.
    pub(crate) control_tokens: Option<ControlTokens>,
    /// Which model in the folder is read, by its path in it, `onnx/model_fp16.onnx` for example; by default the first
    /// of the usual names, in the folder itself and then in its `onnx`. Exported models without an artifact only: an
    /// artifact has one model.
    pub(crate) file: Option<String>,
    /// The number of tokens that an exported model reads of a prompt, special ones and an instruction included; by
    /// default what its files say.
    pub(crate) max_tokens: Option<usize>,
}

impl ExportOptions {
    /// Names of the options that are given.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let mut given = Vec::new();
        if self.head.is_some() {
            given.push("head");
        }
        if self.long_prompts.is_some() {
            given.push("long_prompts");
        }
        if self.template.is_some() {
            given.push("template");
        }
        if self.score_tokens.is_some() {
            given.push("score_tokens");
        }
        if self.score_threshold.is_some() {
            given.push("score_threshold");
        }
        if self.max_new_tokens.is_some() {
            given.push("max_new_tokens");
        }
        if self.date.is_some() {
            given.push("date");
        }
        if self.control_tokens.is_some() {
            given.push("control_tokens");
        }
        if self.file.is_some() {
            given.push("file");
        }
        if self.max_tokens.is_some() {
            given.push("max_tokens");
        }
        given
    }

    /// # Errors
    /// `InvalidArgument` for a number out of its range.
    pub(crate) fn check_ranges(&self, spelling: Spelling) -> Result<()> {
        whole(
            spelling.of("max_new_tokens"),
            self.max_new_tokens,
            (0, Some(64)),
            "a whole number from 0 to 64",
        )?;
        Ok(())
    }
}

/// Every option of opening, in the order of the documentation.
pub static OPEN: &[OptionInfo] = &[
    OptionInfo {
        name: "strong",
        group: "router",
        value: OptionType::Text,
        names: &[],
        expected: "a string",
        default: "the router's own",
        since: "0.1.0",
        doc: "The strong model, one of the router's candidates. An exported model knows no names, and needs it.",
    },
    OptionInfo {
        name: "weak",
        group: "router",
        value: OptionType::Text,
        names: &[],
        expected: "a string",
        default: "the router's own",
        since: "0.1.0",
        doc: "The weak model, likewise. A router with votes refuses two models of one tier, which would get one half on every prompt, unless `mode` is `reference`.",
    },
    OptionInfo {
        name: "mode",
        group: "router",
        value: OptionType::Name,
        names: &["exact", "reference"],
        expected: "\"exact\" or \"reference\"",
        default: "exact",
        since: "0.1.0",
        doc: "The mathematics: `exact` (the default), or `reference` to do as lm-sys/RouteLLM does. Routers that know one mode take either.",
    },
    OptionInfo {
        name: "read",
        group: "router",
        value: OptionType::Name,
        names: &["last_user", "all_user", "conversation"],
        expected: "\"last_user\", \"all_user\" or \"conversation\"",
        default: "what the artifact says",
        since: "0.1.0",
        doc: "What of a chat is read, unless a call says otherwise: `last_user`, `all_user` or `conversation`; by default what the artifact says. Routers of prompts only.",
    },
    OptionInfo {
        name: "ids",
        group: "router",
        value: OptionType::Flag,
        names: &[],
        expected: "true or false",
        default: "false",
        since: "0.1.0",
        doc: "Whether every decision has an id: 128 bits, sortable by time, unlike that of any other decision. Without it a decision has one only if a hook or an adapter asks for it.",
    },
    OptionInfo {
        name: "names",
        group: "router",
        value: OptionType::Labels,
        names: &[],
        expected: "an object of names",
        default: "the router's own",
        since: "0.1.0",
        doc: "Names of one's own: of `strong`, `weak` or any of the router's candidates, to the name that decisions, scores, explanations, hooks and the router's information give it. Candidates go on being chosen by the router's names.",
    },
    OptionInfo {
        name: "candidates",
        group: "router",
        value: OptionType::Candidates,
        names: &[],
        expected: "a list of objects with the name of a candidate and what is known of it",
        default: "what the artifact says",
        since: "0.1.0",
        doc: "What is known about candidates, instead of what the artifact says: a list (JSON where the language has texts only) of objects with the `name` of a candidate and, if known, `price` (`{\"input\": 2.5, \"output\": 10, \"date\": \"2026-01-31\"}`, in USD per million tokens), `context_length` in tokens and `capabilities` (`[\"text\", \"vision\"]`). Members that are absent leave what the artifact says, and so do candidates that are not named.",
    },
    OptionInfo {
        name: "mean_output_tokens",
        group: "router",
        value: OptionType::Number,
        names: &[],
        expected: "a number from 0 on",
        default: "what the artifact says, or 256",
        since: "0.1.0",
        doc: "The number of tokens that an answer has on average, for expected costs; by default what the artifact says, or 256.",
    },
    OptionInfo {
        name: "calibration",
        group: "router",
        value: OptionType::Spec,
        names: &[],
        expected: "a string or an object with kind",
        default: "what the artifact says",
        since: "0.1.0",
        doc: "A calibration instead of the artifact's: the path of the file that calibrating this router wrote, or what stands in it. One of another router or pair is refused.",
    },
    OptionInfo {
        name: "kind",
        group: "router",
        value: OptionType::Text,
        names: &[],
        expected: "a string",
        default: "what the files say",
        since: "0.1.0",
        doc: "What a folder without `router.json` is: `bert` (any sequence classifier), `causal_llm` or `mf`; by default what the model's `config.json` tells. For an artifact, the kind that it has to be.",
    },
    OptionInfo {
        name: "onnxruntime",
        group: "session",
        value: OptionType::Path,
        names: &[],
        expected: "a path",
        default: "looked for",
        since: "0.1.0",
        doc: "The path of `libonnxruntime`. Without it, `ROUTELLM_ORT_PATH`, `ORT_DYLIB_PATH`, a library that the process has loaded, the language's own package of ONNX Runtime and the system are looked at. Only routers with a model to run need it.",
    },
    OptionInfo {
        name: "provider",
        group: "session",
        value: OptionType::Name,
        names: &["cpu", "cuda", "auto"],
        expected: "\"cpu\", \"cuda\" or \"auto\"",
        default: "cpu",
        since: "0.1.0",
        doc: "Where ONNX models run: `cpu` (the default); `cuda`, an NVIDIA GPU, which is `RuntimeUnavailable` if it cannot be had; or `auto`, a GPU if it can be had and else the processor, and the router's information tells which. A GPU needs the `libonnxruntime` that was built for it.",
    },
    OptionInfo {
        name: "device_id",
        group: "session",
        value: OptionType::Index,
        names: &[],
        expected: "a whole number from 0 on",
        default: "0",
        since: "0.1.0",
        doc: "Which GPU, from 0; 0 by default. Providers `cuda` and `auto` only.",
    },
    OptionInfo {
        name: "memory_limit",
        group: "session",
        value: OptionType::Bytes,
        names: &[],
        expected: "a whole number from 1 on",
        default: "none",
        since: "0.1.0",
        doc: "The bytes of GPU memory that the sessions' arena may take; no limit of its own by default. Providers `cuda` and `auto` only.",
    },
    OptionInfo {
        name: "tf32",
        group: "session",
        value: OptionType::Flag,
        names: &[],
        expected: "true or false",
        default: "false",
        since: "0.1.0",
        doc: "Whether a GPU may compute float32 in TF32: faster, with 10 bits of mantissa, so that win rates differ from those of the processor by about 1e-3. It does not by default. Providers `cuda` and `auto` only.",
    },
    OptionInfo {
        name: "preset",
        group: "session",
        value: OptionType::Name,
        names: &["latency", "throughput"],
        expected: "\"latency\" or \"throughput\"",
        default: "none",
        since: "0.1.0",
        doc: "The numbers of sessions and threads by name: `latency`, one session with a thread for each core, four at most, or `throughput`, one single-threaded session for each core. It excludes `sessions` and `intra_threads`.",
    },
    OptionInfo {
        name: "sessions",
        group: "session",
        value: OptionType::Count,
        names: &[],
        expected: "a whole number from 1 to 256",
        default: "1",
        since: "0.1.0",
        doc: "The number of ONNX sessions, which run side by side: 1 to 256, 1 by default.",
    },
    OptionInfo {
        name: "intra_threads",
        group: "session",
        value: OptionType::Count,
        names: &[],
        expected: "a whole number from 1 to 256",
        default: "the smaller of the number of cores and 4",
        since: "0.1.0",
        doc: "The number of threads inside one ONNX session: 1 to 256, by default the smaller of the number of cores and 4. A router with votes reads them with as many, by default with one.",
    },
    OptionInfo {
        name: "max_waiting",
        group: "session",
        value: OptionType::Count,
        names: &[],
        expected: "a whole number from 0 on",
        default: "any number",
        since: "0.1.0",
        doc: "How many calls may wait for a session, a batch counting once; any number by default. Beyond it a call is `ResourceExhausted` at once, or a fallback if `on_error` says so. Routers with sessions only.",
    },
    OptionInfo {
        name: "out_of_distribution",
        group: "votes",
        value: OptionType::Name,
        names: &["ignore", "strong", "weak"],
        expected: "\"ignore\", \"strong\" or \"weak\"",
        default: "ignore",
        since: "0.1.0",
        doc: "What is decided for a prompt that no vote resembles: `ignore` (the default) leaves it to the win rate, as for any prompt; or `strong`, or `weak`. A strong share of 0 or 1 and a threshold above 1 still send nothing, everything and nothing to the strong model. Routers with votes only.",
    },
    OptionInfo {
        name: "min_similarity",
        group: "votes",
        value: OptionType::Number,
        names: &[],
        expected: "a number in [-1, 1]",
        default: "none",
        since: "0.1.0",
        doc: "The least similarity, in [-1, 1]: a prompt whose largest cosine similarity to any vote is below it is out of distribution. Without it, only a prompt is whose every similarity is 0 or less. Routers with votes only.",
    },
    OptionInfo {
        name: "mmap",
        group: "votes",
        value: OptionType::Name,
        names: &["auto", "always", "never"],
        expected: "\"auto\", \"always\" or \"never\"",
        default: "auto",
        since: "0.1.0",
        doc: "Whether the store of votes is read into memory when opening (`never`) or mapped (`always`); `auto`, the default, reads stores of up to 256 MB and maps larger ones. A mapped store is shared between processes, and its file must not change while the router lives: replace it by a rename, never overwrite or truncate it, which can end the process with `SIGBUS`. Routers with votes only.",
    },
    OptionInfo {
        name: "open_clusters",
        group: "votes",
        value: OptionType::Clusters,
        names: &[],
        expected: "a whole number from 1 on, or \"all\"",
        default: "what the store says",
        since: "0.1.0",
        doc: "How many of the nearest clusters have their votes read one by one, at least 1; `all` gives the exact answer. It excludes `error_target`. Clustered stores of routers with votes only.",
    },
    OptionInfo {
        name: "error_target",
        group: "votes",
        value: OptionType::Number,
        names: &[],
        expected: "a number in (0, 1]",
        default: "none",
        since: "0.1.0",
        doc: "The largest estimated error of a win rate, in (0, 1]: clusters are read until it is reached. It excludes `open_clusters`, of which `all` is exact. Clustered stores of routers with votes only.",
    },
    OptionInfo {
        name: "head",
        group: "export",
        value: OptionType::Spec,
        names: &[],
        expected: "a string or an object with kind",
        default: "three_labels, for a model with three outputs",
        since: "0.1.0",
        doc: "What the outputs of an exported classifier mean, by name or, with parameters, as an object (JSON where the language has texts only):\n\n- `three_labels`: strong wins, tie, weak wins, as in the paper. The default for a model with three outputs; there is none for others.\n- `binary`: two labels. `{\"kind\": \"binary\", \"strong_label\": 0}` says which label is that of the strong model, 1 by default. A single output is the logit of label 1.\n- `regression`: one score `x`. `{\"kind\": \"regression\", \"link\": \"sigmoid\", \"scale\": 1, \"offset\": 0}` is the win rate `link(scale * x + offset)`; the default link is `identity`, which holds it within [0, 1].\n- `candidates`: one logit for each model. Then the strong and the weak model are two of the labels in `config.json`.\n\nA model that ends in the softmax is seen to give probabilities, which are taken as they are. Where its graph does not tell, `{\"kind\": \"three_labels\", \"probabilities\": true}` does, and likewise for `binary` and `candidates`. A head that does not fit the model's outputs is an error when opening.",
    },
    OptionInfo {
        name: "long_prompts",
        group: "export",
        value: OptionType::Spec,
        names: &[],
        expected: "a string or an object with kind",
        default: "truncate",
        since: "0.1.0",
        doc: "What an exported classifier does with prompts that are longer than it reads, by name or, with parameters, as an object: `truncate` (the default) cuts them, `windows` reads them piece by piece: `{\"kind\": \"windows\", \"overlap\": 32, \"pooling\": \"mean\", \"max_windows\": 8}` are its defaults, and `pooling` may be `max`. A prompt that was cut has `truncated` in its decision.",
    },
    OptionInfo {
        name: "template",
        group: "export",
        value: OptionType::Spec,
        names: &[],
        expected: "a string or an object with kind",
        default: "routellm, where its files are beside the model",
        since: "0.1.0",
        doc: "How a question becomes the text that an exported causal LM reads:\n\n- a text with `{question}` (or `{prompt}`) in it; braces that are meant are doubled;\n- `chat`, the model's own chat template, or with parameters `{\"kind\": \"chat\", \"system\": \"...\", \"user\": \"{question}\", \"add_generation_prompt\": true}`, and `\"name\"` where the model has several, in `tokenizer_config.json` or as files in `additional_chat_templates`;\n- `routellm`, the published router's prompt, whose two files are beside its model. Then it is the default; there is none for other models.",
    },
    OptionInfo {
        name: "score_tokens",
        group: "export",
        value: OptionType::Tokens,
        names: &[],
        expected: "a list of strings and ids of tokens",
        default: "[[1]] to [[5]]",
        since: "0.1.0",
        doc: "The tokens of an exported causal LM that stand for the scores 1, 2, 3 ..., each by its text, which has to be one token of the vocabulary, or by its id; `[[1]]` to `[[5]]` by default.",
    },
    OptionInfo {
        name: "score_threshold",
        group: "export",
        value: OptionType::Count,
        names: &[],
        expected: "a whole number from 0 on",
        default: "4",
        since: "0.1.0",
        doc: "The score from which on the weak model is good enough, 2 to the number of scores, 4 by default: the win rate of an exported causal LM is 1 - P(score >= this).",
    },
    OptionInfo {
        name: "max_new_tokens",
        group: "export",
        value: OptionType::Count,
        names: &[],
        expected: "a whole number from 0 to 64",
        default: "6",
        since: "0.1.0",
        doc: "How many tokens an exported causal LM generates at most until one is a score, 0 to 64, 6 by default. 0 takes the scores' probabilities as the next token, whatever the most likely one is. If none is a score, the win rate is 1, and the decision has `no_score`.",
    },
    OptionInfo {
        name: "date",
        group: "export",
        value: OptionType::Text,
        names: &[],
        expected: "a string",
        default: "none",
        since: "0.1.0",
        doc: "The day that a chat template gets where it asks for today's date (`strftime_now`), of the form `2026-01-31`. The clock is never read, so that a router decides alike on every day, and such a template is refused without it. The template `chat` of exported models without an artifact only: an artifact keeps what it was written with.",
    },
    OptionInfo {
        name: "control_tokens",
        group: "export",
        value: OptionType::Name,
        names: &["as_written", "text"],
        expected: "\"as_written\" or \"text\"",
        default: "as_written, but text for the template chat",
        since: "0.1.0",
        doc: "What becomes of control tokens that a prompt spells out, `[SEP]` or `<|im_end|>` for example: `as_written` makes them control tokens, as the reference does, and `text` reads them as text, those of the template excepted. They are the added tokens that `tokenizer.json` marks as special and, with a template or a prefix, those in brackets that it spells out, `<think>` for example; what a model reads as common text, as many do `[INST]`, is text either way. By default `as_written`, but `text` where `template` is `chat`. Exported models without an artifact only: an artifact keeps what it was written with.",
    },
    OptionInfo {
        name: "file",
        group: "export",
        value: OptionType::Text,
        names: &[],
        expected: "a string",
        default: "looked for",
        since: "0.1.0",
        doc: "Which model in the folder is read, by its path in it, `onnx/model_fp16.onnx` for example; by default the first of the usual names, in the folder itself and then in its `onnx`. Exported models without an artifact only: an artifact has one model.",
    },
    OptionInfo {
        name: "max_tokens",
        group: "export",
        value: OptionType::Count,
        names: &[],
        expected: "a whole number from 0 on",
        default: "what the model's files say",
        since: "0.1.0",
        doc: "The number of tokens that an exported model reads of a prompt, special ones and an instruction included; by default what its files say.",
    },
];

//! The options of opening a router.

use std::path::PathBuf;

use crate::Mode;
use crate::input::Read;
use crate::policy::OutOfDistribution;
use crate::runtime::{Preset, Provider, SessionOptions};
use crate::scorer::bert::{Head, LongPrompts};
use crate::scorer::causal_llm::{ScoreToken, TemplateSpec};
use crate::scorer::sw_ranking::{MapStore, Open};

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
    pub(super) kind: Option<String>,
    pub(super) strong: Option<String>,
    pub(super) weak: Option<String>,
    pub(super) mode: Mode,
    pub(super) read: Option<Read>,
    pub(super) session: SessionOptions,
    pub(super) votes: VoteOptions,
    pub(super) export: ExportOptions,
}

/// Options of exported models without an artifact around them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ExportOptions {
    pub(super) head: Option<Head>,
    pub(super) long_prompts: Option<LongPrompts>,
    pub(super) template: Option<TemplateSpec>,
    pub(super) score_tokens: Option<Vec<ScoreToken>>,
    pub(super) score_threshold: Option<usize>,
    pub(super) max_new_tokens: Option<usize>,
    pub(super) max_tokens: Option<usize>,
}

/// Options of routers with votes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct VoteOptions {
    pub(super) out_of_distribution: OutOfDistribution,
    pub(super) min_similarity: Option<f64>,
    pub(super) open_clusters: Option<usize>,
    pub(super) error_target: Option<f64>,
    pub(super) mmap: Option<MapStore>,
}

impl VoteOptions {
    pub(super) fn open(&self) -> Open {
        match (self.open_clusters, self.error_target) {
            (Some(usize::MAX), _) => Open::All,
            (Some(count), _) => Open::Clusters(count),
            (None, Some(error)) => Open::Error(error),
            (None, None) => Open::Default,
        }
    }
}

impl OpenOptions {
    /// Options with every default.
    pub fn new() -> Self {
        Self::default()
    }

    /// The strong model, one of the artifact's candidates.
    #[must_use]
    pub fn strong(mut self, name: impl Into<String>) -> Self {
        self.strong = Some(name.into());
        self
    }

    /// The weak model, one of the artifact's candidates. A router with votes refuses two models of one tier, which would
    /// get one half on every prompt, unless its mode is `reference`; then [`Info::constant`](crate::Info::constant)
    /// says it.
    #[must_use]
    pub fn weak(mut self, name: impl Into<String>) -> Self {
        self.weak = Some(name.into());
        self
    }

    /// `exact` (default) or `reference`.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// What of a chat is read, unless a call says otherwise; what the artifact says by default.
    #[must_use]
    pub fn read(mut self, read: Read) -> Self {
        self.read = Some(read);
        self
    }

    /// Path of `libonnxruntime`; without it, it is looked for.
    #[must_use]
    pub fn onnxruntime(mut self, path: impl Into<PathBuf>) -> Self {
        self.session.library = Some(path.into());
        self
    }

    /// Number of ONNX sessions, which run side by side; 1 by default.
    #[must_use]
    pub fn sessions(mut self, count: usize) -> Self {
        self.session.sessions = Some(count);
        self
    }

    /// Threads inside one ONNX session; the smaller of the number of cores and 4 by default.
    #[must_use]
    pub fn intra_threads(mut self, count: usize) -> Self {
        self.session.intra_threads = Some(count);
        self
    }

    /// How many calls may wait for a session, a batch counting once; any number by default. Beyond it a call is
    /// `ResourceExhausted` at once, which `on_error` may turn into a fallback.
    #[must_use]
    pub fn max_waiting(mut self, calls: usize) -> Self {
        self.session.max_waiting = Some(calls);
        self
    }

    /// What is decided for a prompt that no vote resembles (similarity-weighted ranking only). A strong share of 0
    /// or 1 and a threshold above 1 still send nothing, everything and nothing to strong.
    #[must_use]
    pub fn out_of_distribution(mut self, decision: OutOfDistribution) -> Self {
        self.votes.out_of_distribution = decision;
        self
    }

    /// A prompt whose largest cosine similarity to any vote is below this is out of distribution, in [-1, 1]
    /// (similarity-weighted ranking only). Without it, only a prompt is whose every similarity is 0 or less.
    #[must_use]
    pub fn min_similarity(mut self, similarity: f64) -> Self {
        self.votes.min_similarity = Some(similarity);
        self
    }

    /// Reads the votes of this many of the nearest clusters one by one (clustered stores only); `usize::MAX` reads
    /// all of them, which gives the exact answer.
    #[must_use]
    pub fn open_clusters(mut self, count: usize) -> Self {
        self.votes.open_clusters = Some(count);
        self
    }

    /// Reads clusters until the estimated error of every win rate is at most this (clustered stores only).
    #[must_use]
    pub fn error_target(mut self, error: f64) -> Self {
        self.votes.error_target = Some(error);
        self
    }

    /// Whether the store of votes is read into memory or mapped, whose file must then be replaced and never be
    /// overwritten; without it as [`MapStore::Auto`] says
    /// (similarity-weighted ranking only).
    #[must_use]
    pub fn mmap(mut self, map: MapStore) -> Self {
        self.votes.mmap = Some(map);
        self
    }

    /// One single-threaded session for each core: most requests a second for many callers.
    #[must_use]
    pub fn throughput(self) -> Self {
        self.preset(Preset::Throughput)
    }

    /// Numbers of sessions and threads by name, instead of one by one.
    #[must_use]
    pub fn preset(mut self, preset: Preset) -> Self {
        self.session.preset = Some(preset);
        self
    }

    /// Where ONNX models run; the processor by default.
    #[must_use]
    pub fn provider(mut self, provider: Provider) -> Self {
        self.session.provider = Some(provider);
        self
    }

    /// Which GPU, from 0 (providers `cuda` and `auto`).
    #[must_use]
    pub fn device_id(mut self, device: u32) -> Self {
        self.session.device_id = Some(device);
        self
    }

    /// Bytes of GPU memory that the model's arena may take (providers `cuda` and `auto`).
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.session.memory_limit = Some(bytes);
        self
    }

    /// Whether a GPU may compute float32 in TF32, which is faster and has 10 bits of mantissa: win rates then differ from
    /// those of the processor by about 1e-3. Without it, it does not (providers `cuda` and `auto`).
    #[must_use]
    pub fn tf32(mut self, on: bool) -> Self {
        self.session.tf32 = Some(on);
        self
    }

    /// What a folder without `router.json` is: `bert`, `causal_llm` or `mf`. Without it, the model's `config.json`
    /// tells. For an artifact, the kind that it has to be.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// What the outputs of an exported classifier mean; the paper's three labels by default, if it has three.
    #[must_use]
    pub fn head(mut self, head: Head) -> Self {
        self.export.head = Some(head);
        self
    }

    /// What an exported classifier does with prompts that are longer than it reads; by default they are truncated.
    #[must_use]
    pub fn long_prompts(mut self, long_prompts: LongPrompts) -> Self {
        self.export.long_prompts = Some(long_prompts);
        self
    }

    /// How a question becomes the text that an exported causal LM reads; the published router's by default, if its
    /// files are beside the model.
    #[must_use]
    pub fn template(mut self, template: TemplateSpec) -> Self {
        self.export.template = Some(template);
        self
    }

    /// The tokens of an exported causal LM that stand for the scores 1, 2, 3 ...; `[[1]]` to `[[5]]` by default.
    #[must_use]
    pub fn score_tokens(mut self, tokens: impl IntoIterator<Item = ScoreToken>) -> Self {
        self.export.score_tokens = Some(tokens.into_iter().collect());
        self
    }

    /// The win rate of an exported causal LM is 1 - P(score >= this); 4 by default.
    #[must_use]
    pub fn score_threshold(mut self, threshold: usize) -> Self {
        self.export.score_threshold = Some(threshold);
        self
    }

    /// How many tokens an exported causal LM generates at most until one is a score, 6 by default; 0 takes the
    /// scores' probabilities as the next token, whatever the most likely one is.
    #[must_use]
    pub fn max_new_tokens(mut self, count: usize) -> Self {
        self.export.max_new_tokens = Some(count);
        self
    }

    /// Tokens that an exported model reads; what its files say by default.
    #[must_use]
    pub fn max_tokens(mut self, count: usize) -> Self {
        self.export.max_tokens = Some(count);
        self
    }
}

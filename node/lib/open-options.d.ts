/** The kinds of routers. */
export type RouterKind = 'bert' | 'causal_llm' | 'linear' | 'mf' | 'sw_ranking';

/** What the outputs of a classifier mean. */
export type HeadName = 'three_labels' | 'binary' | 'regression' | 'candidates';

/** What the outputs of a classifier mean, with parameters. */
export type Head =
  /** Three labels (strong wins, tie, weak wins), or one output for each candidate, named as `config.json` does. */
  | { kind: 'three_labels' | 'candidates' }
  /** Two labels, one of which says that the strong model is needed: 1 by default. */
  | { kind: 'binary'; strongLabel?: 0 | 1 }
  /** One number x; the win rate is link(scale * x + offset). */
  | { kind: 'regression'; link?: 'identity' | 'sigmoid'; scale?: number; offset?: number };

/** What a classifier does with prompts that are longer than it reads, with parameters. */
export type LongPrompts =
  /** One end is kept, the one that the tokenizer says; the decision is `truncated`. */
  | { kind: 'truncate' }
  /** The prompt is read in windows, whose win rates become one. */
  | { kind: 'windows'; overlap?: number; pooling?: 'mean' | 'max'; maxWindows?: number };

/** A text with `{question}` or `{prompt}` in it. */
export interface PlainTemplate {
  kind: 'plain';
  text: string;
}

/** The model's own chat template. */
export interface ChatTemplate {
  kind: 'chat';
  /** The system message, if there is one. */
  system?: string;
  /** The user's message, with `{question}` or `{prompt}` in it; nothing else by default. */
  user?: string;
  /** Whether the assistant's header comes at the end, as by default. */
  addGenerationPrompt?: boolean;
}

/** How a prompt becomes the text that a causal LM reads, with parameters. */
export type Template = { kind: 'routellm' } | PlainTemplate | ChatTemplate;

/** How a router is opened. */
export interface OpenOptions {
  /** The strong model, one of the router's candidates. An exported model knows no names and needs it. */
  strong?: string;
  /**
   * The weak model, likewise. A router with votes refuses two models of one tier, which would get one half on every
   * prompt, unless its mode is `reference`.
   */
  weak?: string;
  /** `exact` (default), or `reference`: as lm-sys/RouteLLM computes. Routers that know one mode take either. */
  mode?: 'exact' | 'reference';
  /** What of a chat is read, unless a call says otherwise; what the artifact says by default. Routers of prompts only. */
  read?: 'last_user' | 'all_user' | 'conversation';
  /** Path of `libonnxruntime`. Without it, it is looked for, also in the package `onnxruntime-node`. */
  onnxruntime?: string | URL;
  /**
   * Where ONNX models run: `cpu` (default); `cuda`, which is an error if it cannot be had; or `auto`, which falls
   * back to the processor, and `info().runtime.provider` tells.
   */
  provider?: 'cpu' | 'cuda' | 'auto';
  /** Which GPU, from 0 (providers `cuda` and `auto`). */
  deviceId?: number;
  /** Bytes of GPU memory that the model's arena may take (providers `cuda` and `auto`). */
  memoryLimit?: number;
  /**
   * Whether a GPU may compute float32 in TF32: faster, with 10 bits of mantissa, so that win rates differ from those of
   * the processor by about 1e-3. It does not by default (providers `cuda` and `auto`).
   */
  tf32?: boolean;
  /** Numbers of sessions and threads by name: `latency` for one caller, `throughput` for many. */
  preset?: 'latency' | 'throughput';
  /** ONNX sessions that run side by side, 1 to 256; 1 by default. */
  sessions?: number;
  /**
   * Threads inside one ONNX session, 1 to 256; the smaller of the number of cores and 4 by default. In a router
   * with votes also the threads that read them; there it is 1 by default.
   */
  intraThreads?: number;
  /**
   * How many calls may wait for a session, a batch counting once; any number by default. Beyond it a call is a
   * `ResourceExhausted` error at once, or a fallback if `onError` says so. Routers with ONNX sessions only.
   */
  maxWaiting?: number;
  /**
   * What is decided for a prompt that is out of distribution: no vote resembles it. `ignore` (default) leaves the
   * decision to the win rate. A `strongShare` of 0 or 1 and a threshold above 1 still send nothing, everything and
   * nothing to strong. This and the four options below are for routers with votes (kind
   * `sw_ranking`) alone.
   */
  outOfDistribution?: 'strong' | 'weak' | 'ignore';
  /**
   * A prompt is out of distribution if its largest cosine similarity to any vote is below this, in [-1, 1].
   * Without it, only a prompt is whose every similarity is 0 or less.
   */
  minSimilarity?: number;
  /**
   * Whether the store of votes is read into memory (`never`) or mapped (`always`); `auto` (default) maps stores of more
   * than 256 MB. The file of a mapped store must be replaced, never overwritten or truncated: that can end the
   * process.
   */
  mmap?: 'auto' | 'always' | 'never';
  /**
   * How many of the nearest clusters are read vote by vote; `all` gives the exact answer. For a clustered store,
   * and not together with `errorTarget`.
   */
  openClusters?: number | 'all';
  /** Clusters are read until the estimated error of the win rate is at most this, above 0 and up to 1. */
  errorTarget?: number;
  /**
   * What a folder that is no artifact holds: `bert` (any sequence classifier), `causal_llm` or `mf`; its
   * `config.json` tells by default. For an artifact, the kind that it has to be. The options below are for exported
   * models alone.
   */
  kind?: RouterKind;
  /** What the outputs of a classifier mean; `three_labels` by default, if it has three. */
  head?: HeadName | Head;
  /** What a classifier does with prompts that are longer than it reads; `truncate` by default. */
  longPrompts?: 'truncate' | 'windows' | LongPrompts;
  /**
   * How a prompt becomes the text that a causal LM reads: a text with `{question}` or `{prompt}` in it (braces that
   * are meant are doubled), `chat` for the model's own chat template, or `routellm` for the published router's
   * prompt, the default where its files are.
   */
  template?: string | Template;
  /** The tokens of a causal LM for the scores 1, 2, 3 ..., by text or by id; `[[1]]` to `[[5]]` by default. */
  scoreTokens?: ReadonlyArray<string | number>;
  /** The win rate is 1 - P(score >= this); 4 by default. */
  scoreThreshold?: number;
  /**
   * How many tokens a causal LM generates at most until one is a score, 6 by default; 0 takes the scores'
   * probabilities as the next token, whatever the most likely one is.
   */
  maxNewTokens?: number;
  /** Tokens that the model reads; what its files say by default. */
  maxTokens?: number;
}

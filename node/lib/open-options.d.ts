/** The kinds of routers. */
// <faces:kinds>
export type RouterKind = 'linear' | 'mf' | 'sw_ranking' | 'knn' | 'bert' | 'causal_llm';
// </faces:kinds>

/** What the outputs of a classifier mean. */
export type HeadName = 'three_labels' | 'binary' | 'regression' | 'candidates';

/** What the outputs of a classifier mean, with parameters. */
export type Head =
  /** Three labels (strong wins, tie, weak wins), or one output for each candidate, named as `config.json` does. */
  | { kind: 'three_labels' | 'candidates'; probabilities?: boolean }
  /** Two labels, one of which says that the strong model is needed: 1 by default. */
  | { kind: 'binary'; strongLabel?: 0 | 1; probabilities?: boolean }
  /** One number x; the win rate is link(scale * x + offset). */
  | { kind: 'regression'; link?: 'identity' | 'sigmoid'; scale?: number; offset?: number };

/** What is known about a candidate. Members that are absent leave what the artifact says. */
export interface Candidate {
  /** Its name, as the artifact has it. */
  name: string;
  /** USD per million tokens of the request and of the answer, and the day of the price, `2026-01-31`. */
  price?: { input: number; output: number; date?: string };
  /** The tokens that a request may have. */
  contextLength?: number;
  /** What it can do: `text`, `vision`, `tools`, `json`, `audio` and whatever else you tell apart. */
  capabilities?: readonly string[];
}

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
  /** Which of several templates, by its name in `tokenizer_config.json`; the one named `default` otherwise. */
  name?: string;
}

/** How a prompt becomes the text that a causal LM reads, with parameters. */
export type Template = { kind: 'routellm' } | PlainTemplate | ChatTemplate;

/** How a router is opened. */
export interface OpenOptions {
  // <faces:open>
  /**
   * The strong model, one of the router's candidates. An exported model knows no names, and needs it.
   */
  strong?: string;
  /**
   * The weak model, likewise. A router with votes refuses two models of one tier, which would get one half on every
   * prompt, unless `mode` is `reference`.
   */
  weak?: string;
  /**
   * The mathematics: `exact` (the default), or `reference` to do as lm-sys/RouteLLM does. Routers that know one mode
   * take either.
   */
  mode?: 'exact' | 'reference';
  /**
   * What of a chat is read, unless a call says otherwise: `last_user`, `all_user` or `conversation`; by default what
   * the artifact says. Routers of prompts only.
   */
  read?: 'last_user' | 'all_user' | 'conversation';
  /**
   * Whether every decision has an id: 128 bits, sortable by time, unlike that of any other decision. Without it a
   * decision has one only if a hook or an adapter asks for it.
   */
  ids?: boolean;
  /**
   * Names of one's own: of `strong`, `weak` or any of the router's candidates, to the name that decisions, scores,
   * explanations, hooks and the router's information give it. Candidates go on being chosen by the router's names.
   */
  names?: Readonly<Record<string, string>>;
  /**
   * What is known about candidates, instead of what the artifact says: a list (JSON where the language has texts only)
   * of objects with the `name` of a candidate and, if known, `price` (`{input: 2.5, output: 10, date: "2026-01-31"}`,
   * in USD per million tokens), `context_length` in tokens and `capabilities` (`["text", "vision"]`). Members that are
   * absent leave what the artifact says, and so do candidates that are not named.
   */
  candidates?: readonly Candidate[];
  /**
   * The number of tokens that an answer has on average, for expected costs; by default what the artifact says, or 256.
   */
  meanOutputTokens?: number;
  /**
   * A calibration instead of the artifact's: the path of the file that calibrating this router wrote, or what stands in
   * it. One of another router or pair is refused.
   */
  calibration?: string | Record<string, unknown>;
  /**
   * What a folder without `router.json` is: `bert` (any sequence classifier), `causal_llm` or `mf`; by default what the
   * model's `config.json` tells. For an artifact, the kind that it has to be.
   */
  kind?: RouterKind;
  /**
   * The path of `libonnxruntime`. Without it, `ROUTELLM_ORT_PATH`, `ORT_DYLIB_PATH`, a library that the process has
   * loaded, the language's own package of ONNX Runtime and the system are looked at. Only routers with a model to run
   * need it.
   */
  onnxruntime?: string | URL;
  /**
   * Where ONNX models run: `cpu` (the default); `cuda`, an NVIDIA GPU, which is `RuntimeUnavailable` if it cannot be
   * had; or `auto`, a GPU if it can be had and else the processor, and the router's information tells which. A GPU
   * needs the `libonnxruntime` that was built for it.
   */
  provider?: 'cpu' | 'cuda' | 'auto';
  /**
   * Which GPU, from 0; 0 by default. Providers `cuda` and `auto` only.
   */
  deviceId?: number;
  /**
   * The bytes of GPU memory that the sessions' arena may take; no limit of its own by default. Providers `cuda` and
   * `auto` only.
   */
  memoryLimit?: number;
  /**
   * Whether a GPU may compute float32 in TF32: faster, with 10 bits of mantissa, so that win rates differ from those of
   * the processor by about 1e-3. It does not by default. Providers `cuda` and `auto` only.
   */
  tf32?: boolean;
  /**
   * The numbers of sessions and threads by name: `latency`, one session with a thread for each core, four at most, or
   * `throughput`, one single-threaded session for each core. It excludes `sessions` and `intraThreads`.
   */
  preset?: 'latency' | 'throughput';
  /**
   * The number of ONNX sessions, which run side by side: 1 to 256, 1 by default.
   */
  sessions?: number;
  /**
   * The number of threads inside one ONNX session: 1 to 256, by default the smaller of the number of cores and 4. A
   * router with votes reads them with as many, by default with one.
   */
  intraThreads?: number;
  /**
   * How many calls may wait for a session, a batch counting once; any number by default. Beyond it a call is
   * `ResourceExhausted` at once, or a fallback if `onError` says so. Routers with sessions only.
   */
  maxWaiting?: number;
  /**
   * What is decided for a prompt that no vote resembles: `ignore` (the default) leaves it to the win rate, as for any
   * prompt; or `strong`, or `weak`. A strong share of 0 or 1 and a threshold above 1 still send nothing, everything and
   * nothing to the strong model. Routers with votes only.
   */
  outOfDistribution?: 'ignore' | 'strong' | 'weak';
  /**
   * The least similarity, in [-1, 1]: a prompt whose largest cosine similarity to any vote is below it is out of
   * distribution. Without it, only a prompt is whose every similarity is 0 or less. Routers with votes only.
   */
  minSimilarity?: number;
  /**
   * Whether the store of votes is read into memory when opening (`never`) or mapped (`always`); `auto`, the default,
   * reads stores of up to 256 MB and maps larger ones. A mapped store is shared between processes, and its file must
   * not change while the router lives: replace it by a rename, never overwrite or truncate it, which can end the
   * process with `SIGBUS`. Routers with votes only.
   */
  mmap?: 'auto' | 'always' | 'never';
  /**
   * How many of the nearest clusters have their votes read one by one, at least 1; `all` gives the exact answer. It
   * excludes `errorTarget`. Clustered stores of routers with votes only.
   */
  openClusters?: number | 'all';
  /**
   * The largest estimated error of a win rate, in (0, 1]: clusters are read until it is reached. It excludes
   * `openClusters`, of which `all` is exact. Clustered stores of routers with votes only.
   */
  errorTarget?: number;
  /**
   * What the outputs of an exported classifier mean, by name or, with parameters, as an object (JSON where the language
   * has texts only):
   *
   * - `three_labels`: strong wins, tie, weak wins, as in the paper. The default for a model with three outputs; there
   *   is none for others.
   * - `binary`: two labels. `{kind: "binary", strongLabel: 0}` says which label is that of the strong model, 1 by
   *   default. A single output is the logit of label 1.
   * - `regression`: one score `x`. `{kind: "regression", link: "sigmoid", scale: 1, offset: 0}` is the win rate
   *   `link(scale * x + offset)`; the default link is `identity`, which holds it within [0, 1].
   * - `candidates`: one logit for each model. Then the strong and the weak model are two of the labels in
   *   `config.json`.
   *
   * A model that ends in the softmax is seen to give probabilities, which are taken as they are. Where its graph does
   * not tell, `{kind: "three_labels", probabilities: true}` does, and likewise for `binary` and `candidates`. A head
   * that does not fit the model's outputs is an error when opening.
   */
  head?: HeadName | Head;
  /**
   * What an exported classifier does with prompts that are longer than it reads, by name or, with parameters, as an
   * object: `truncate` (the default) cuts them, `windows` reads them piece by piece: `{kind: "windows", overlap: 32,
   * pooling: "mean", maxWindows: 8}` are its defaults, and `pooling` may be `max`. A prompt that was cut has
   * `truncated` in its decision.
   */
  longPrompts?: 'truncate' | 'windows' | LongPrompts;
  /**
   * How a question becomes the text that an exported causal LM reads:
   *
   * - a text with `{question}` (or `{prompt}`) in it; braces that are meant are doubled;
   * - `chat`, the model's own chat template, or with parameters `{kind: "chat", system: "...", user: "{question}",
   *   addGenerationPrompt: true}`, and `"name"` where the model has several, in `tokenizer_config.json` or as files in
   *   `additional_chat_templates`;
   * - `routellm`, the published router's prompt, whose two files are beside its model. Then it is the default; there is
   *   none for other models.
   */
  template?: string | Template;
  /**
   * The tokens of an exported causal LM that stand for the scores 1, 2, 3 ..., each by its text, which has to be one
   * token of the vocabulary, or by its id; `[[1]]` to `[[5]]` by default.
   */
  scoreTokens?: ReadonlyArray<string | number>;
  /**
   * The score from which on the weak model is good enough, 2 to the number of scores, 4 by default: the win rate of an
   * exported causal LM is 1 - P(score >= this).
   */
  scoreThreshold?: number;
  /**
   * How many tokens an exported causal LM generates at most until one is a score, 0 to 64, 6 by default. 0 takes the
   * scores' probabilities as the next token, whatever the most likely one is. If none is a score, the win rate is 1,
   * and the decision has `noScore`.
   */
  maxNewTokens?: number;
  /**
   * The day that a chat template gets where it asks for today's date (`strftime_now`), of the form `2026-01-31`. The
   * clock is never read, so that a router decides alike on every day, and such a template is refused without it. The
   * template `chat` of exported models without an artifact only: an artifact keeps what it was written with.
   */
  date?: string;
  /**
   * What becomes of control tokens that a prompt spells out, `[SEP]` or `<|im_end|>` for example: `as_written` makes
   * them control tokens, as the reference does, and `text` reads them as text, those of the template excepted. They are
   * the added tokens that `tokenizer.json` marks as special and, with a template or a prefix, those in brackets that it
   * spells out, `<think>` for example; what a model reads as common text, as many do `[INST]`, is text either way. By
   * default `as_written`, but `text` where `template` is `chat`. Exported models without an artifact only: an artifact
   * keeps what it was written with.
   */
  controlTokens?: 'as_written' | 'text';
  /**
   * Which model in the folder is read, by its path in it, `onnx/model_fp16.onnx` for example; by default the first of
   * the usual names, in the folder itself and then in its `onnx`. Exported models without an artifact only: an artifact
   * has one model.
   */
  file?: string;
  /**
   * The number of tokens that an exported model reads of a prompt, special ones and an instruction included; by default
   * what its files say.
   */
  maxTokens?: number;
  // </faces:open>
}

/**
 * Decides per prompt, before any LLM is called, whether a strong or a weak model should answer.
 *
 * ```js
 * const { Router } = require('routellm');
 * const { model } = Router.default().routeSync('What is the capital of France?');
 * ```
 *
 * Methods that read a prompt come twice: `route()` returns a promise and computes off the event loop, `routeSync()`
 * computes in place. Threads of this library do the work, never those of libuv, which `fs` and `dns` share; what
 * takes less than about 50 microseconds, such as a short prompt for the default router, is done in place by
 * `route()` too. A router is immutable; any number of calls may run on it at once, and a `worker_thread` opens its own.
 */

import type { OpenOptions, RouterKind } from './lib/open-options.js';

export type {
  Candidate, ChatTemplate, Head, HeadName, LongPrompts, OpenOptions, PlainTemplate, RouterKind, Template,
} from './lib/open-options.js';

declare global {
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
}

/** Version of this package and of the library in it. */
export const version: string;

/**
 * A message of a chat, as any client has it: with a `role` (or LangChain's `type`), and its texts in `content`, `parts`
 * or `blocks`. A part counts if it has a string `text` and its `type` is absent or ends in `text`.
 */
export type ChatMessage = object | readonly [role: string, content: unknown] | string;

/** A chat: its messages, a whole request body around them (`{ model, messages }`), or a single message. */
export type Chat = ReadonlyArray<ChatMessage> | object;

/**
 * What can be scored: a text, its UTF-8 bytes, or a chat, whose prompt is {@link promptFromMessages} of it.
 * Text that is not Unicode (a lone surrogate, invalid UTF-8) is refused.
 */
export type Prompt = string | Uint8Array | Chat;

/**
 * What of a chat is read: the newest user message that has text, every user message that has text, or every message
 * that has text, whatever its role. Several are joined by newlines, oldest first.
 */
export type Read = 'last_user' | 'all_user' | 'conversation';

/**
 * The prompt of a chat: by default the text of its newest user message that has text (blanks are none); of a list of
 * parts the texts, one a line. So chats of OpenAI (both APIs), Anthropic, Gemini, the AI SDK and LangChain are read as
 * they are, and nothing but what counts is looked at or can be refused.
 *
 * @throws {RouteLLMError} `InvalidArgument` if no message that counts has text, that text is not Unicode, or this is no
 * chat.
 */
export function promptFromMessages(messages: Chat, options?: ReadOptions): string;

/**
 * Rewrites `router.json` of an artifact in the form of this release; its other files stay as they are. Older artifacts
 * open without this; older releases cannot open what it writes.
 *
 * @returns Whether there was anything to do.
 * @throws {RouteLLMError} As `Router.open()`; `Io` if the file cannot be replaced, which then is the old one.
 */
export function upgradeArtifact(path: string | URL): boolean;

/**
 * Trains a router as a specification says and writes its artifact, which `Router.open()` opens. It runs on a thread of its
 * own. The same specification, data and seed give the same files; the day of the calibration is today unless it is given.
 *
 * ```js
 * const report = await train({
 *   trainer: { kind: 'linear', folds: 5 },
 *   sources: [{ kind: 'gold', path: 'gold.jsonl' }],
 *   strong: 'big', weak: 'small',
 *   out: 'my-router',
 * });
 * ```
 *
 * An artifact that is there already is replaced at once, at the end: a training that fails or is stopped leaves it as it was.
 *
 * @throws {RouteLLMError} `InvalidArgument` for a wrong specification, unknown models, or rows that are malformed (naming
 * file and line) or too few; `NotFound` or `Io` for files; `ResourceExhausted` after `timeout_ms`; `Cancelled` if the
 * signal was aborted or `onProgress` returned false. What `onProgress` throws stops the training and rejects the promise.
 */
export function train(spec: TrainSpec, options?: TrainOptions): Promise<TrainReport>;

/** A calibration: one sample and one target. */
export interface CalibrateSpec {
  /** Sample: prompts. */
  prompts?: readonly string[];
  /** Sample: chats, lists of messages or requests around them. */
  chats?: readonly unknown[];
  /** Sample: embeddings. */
  embeddings?: readonly (readonly number[] | Float32Array)[];
  /** Sample: win rates that this router gave. */
  winRates?: readonly number[] | Float64Array;
  /** Sample: rows with `prompt`, `messages`, `body` (a request of OpenAI's API), `embedding` or `win_rate`. */
  rows?: readonly Record<string, unknown>[];
  /** Sample: a file of such rows. */
  path?: string | URL;
  /** What columns are called, by the name that they are read by. */
  columns?: Record<string, string>;
  /** Target: the share of the requests that goes to the strong model. */
  strongShare?: number;
  /** Target: USD per 1,000 requests, at most. */
  cost?: number;
  /** Target, with labels: the part of the gap in quality that is recovered, at least. */
  pgr?: number;
  /** Target, with labels: the mean quality, at least. */
  quality?: number;
  /** Target, with labels: the calibrated chance that the chosen model succeeds, at least. */
  pSuccess?: number;
  /** What is calibrated: the threshold, or the policy that compares all candidates. */
  policy?: 'threshold' | 'cost_weight';
  /** Labels of a sample that is no rows; those of rows are columns of the models' names. */
  strongQuality?: readonly number[] | Float64Array;
  weakQuality?: readonly number[] | Float64Array;
  /** Tokens of each request of a sample that is no rows. */
  inputTokens?: readonly number[];
  /** Which members of a sample that is no rows belong together. */
  groups?: readonly number[];
  /** A column of rows whose equal values belong together. */
  groupBy?: string;
  /** Columns of rows to slice by. */
  sliceBy?: readonly string[];
  /** For how many requests the prediction interval is; as many as the sample has by default. */
  furtherRequests?: number;
  /** How the sample is called. */
  name?: string;
  /** Its day, `2026-01-31`. */
  date?: string;
  /** Seed of the bootstrap intervals. */
  seed?: number;
  /** Draws of the bootstrap. */
  draws?: number;
}

/** A 95 % interval. */
export interface Bounds {
  low: number;
  high: number;
}

/** What a calibration found. It is the same in every language, so that its members are spelled in snake_case. */
export interface CalibrationReport {
  target: 'strong_share' | 'cost' | 'pgr' | 'quality' | 'p_success';
  value: number;
  strong: string;
  weak: string;
  policy: Record<string, number> | null;
  threshold: number | null;
  strong_share: number;
  /** Of the share of all requests. */
  confidence_interval: Bounds;
  further_requests: number;
  /** Of the share of so many further requests. */
  prediction_interval: Bounds;
  /** USD per 1,000 requests; `null` where prices or tokens are not known. */
  expected_cost: number | null;
  cost_of_strong: number | null;
  cost_of_weak: number | null;
  quality: {
    mean: number;
    interval: Bounds;
    strong: number;
    weak: number;
    pgr: number | null;
    p_success: number | null;
  } | null;
  sample: {
    name: string;
    count: number;
    groups: number;
    design_effect: number;
    distinct_win_rates: number;
    sha256: string | null;
    date: string | null;
  };
  /** How unlike the sample before it is. */
  shift: { from: string; ks: number; p_value: number; psi: number } | null;
  slices: { by: string; value: string; count: number; strong_share: number; interval: Bounds; quality: number | null }[];
  warnings: { kind: string; message: string }[];
  seed: number;
}

/** How a training is watched and stopped. */
export interface TrainOptions {
  /** Hears how far the training has come, on the event loop. Returning false stops it. */
  onProgress?: ((progress: TrainProgress) => boolean | void) | undefined;
  /** Stops the training. */
  signal?: AbortSignal | undefined;
}

/** How far a training has come. */
export interface TrainProgress {
  /** What is being done: `features`, `cross-validation`, `embedding`, `epoch`, `calibration` and others. */
  readonly stage: string;
  /** Steps of this stage that are done. */
  readonly done: number;
  /** Steps of this stage. */
  readonly total: number;
  /** Loss of the step, where there is one. */
  readonly loss?: number;
  /** Steps of this stage a second, since its first report, which has none. */
  readonly rate?: number;
}

/**
 * A training as data. It is the same in every language, so that its members are spelled in snake_case. Paths are relative
 * to the working directory.
 */
export interface TrainSpec {
  /** Which trainer; its hyperparameters have defaults. */
  trainer: LinearTrainer | KnnTrainer | LogisticTrainer | MfTrainer | SwRankingTrainer;
  /** What it learns from. Sources of one kind are read one after the other, as if they were one. */
  sources: readonly TrainSource[];
  /** The folder to write. */
  out: string;
  /** Name of the artifact; the kind by default. */
  name?: string;
  /** The strong model. Where gold rows know just two models, the better one by default. */
  strong?: string;
  /** The weak model, likewise the other one. */
  weak?: string;
  /** Other names for models of the gold rows. */
  rename?: Readonly<Record<string, string>>;
  /**
   * The models that requests may be sent to, as names or with what is known of each, which the artifact keeps. What sources
   * say of other models is left out and counted. Of more than two, `linear` and `logistic` learn each.
   */
  candidates?: readonly (string | TrainCandidate)[];
  /** The tokens that an answer has on average, which the artifact keeps. */
  mean_output_tokens?: number;
  /** A share of the prompts that nothing is learned from; every row of a prompt is on one side. */
  split?: number | { share: number; seed?: number };
  /** How the held-out rows are evaluated afterwards: what an evaluation takes, but `routers` and data; `{}` will do. */
  evaluation?: Omit<EvalSpec, 'routers' | 'data' | 'benchmarks' | 'folder'>;
  /** Seed of everything that is left to chance. The split has its own. */
  seed?: number;
  /** What turns prompts into vectors, for trainers on vectors: the folder of an artifact with an encoder, or more. */
  encoder?: string | TrainEncoder;
  /** Prompts as the router will meet them, from which strong shares are resolved; those it learned from by default. */
  calibration?: { path?: string; prompts?: readonly string[]; name?: string; date?: string };
  /** What of a chat the router reads, unless it is told otherwise. */
  read?: Read;
  /** The columns of gold rows that are models; by default all whose values are scores. */
  models?: readonly string[];
  /** What a tie says: nothing, half a win for each, or a win of the weaker model; the trainer's own by default. */
  ties?: 'drop' | 'half' | 'weak_not_worse';
  /** What becomes of a prompt that cannot be embedded; `raise` by default. */
  on_error?: 'raise' | 'leave_out';
  /** Longest time of the training, in milliseconds. */
  timeout_ms?: number;
  /** Put into the artifact's provenance, over what is noted anyway. */
  provenance?: Readonly<Record<string, unknown>>;
}

/** A candidate and what is known of it. */
export interface TrainCandidate {
  name: string;
  /** USD per million tokens of the request and of the answer, and the day of the price, `2026-01-31`. */
  price?: { input: number; output: number; date?: string };
  /** The tokens that a request may have. */
  context_length?: number;
  /** What it can do: `text`, `vision`, `tools`, `json`, `audio` and others. */
  capabilities?: readonly string[];
}

/** Ridge regression on hashed features, from gold rows and, per candidate, logs. */
export interface LinearTrainer {
  kind: 'linear';
  /** Binary logarithm of the number of hash buckets, 8 to 20; 16 by default. */
  bits?: number;
  /** Strengths of the ridge to choose from. */
  lambdas?: readonly number[];
  /** Scales of the lexical features to choose from. */
  lexical_scales?: readonly number[];
  /** Number of folds; 10 by default. */
  folds?: number;
  /** How much of a prompt is read. */
  cap?: { max_bytes: number; side: 'head' | 'tail' };
  /** Dimensions of a dense projection of the features; sparse by default. */
  projection?: number;
  /** Weights for each model, so that any pair can be scored. */
  per_candidate?: boolean;
  /** Rules of the canonical text, as they stand in an artifact. */
  canonical?: Readonly<Record<string, unknown>>;
  /** Most inverse propensity of a log; 20 by default. */
  clip?: number;
}

/** Nearest neighbours on hashed words, or on the vectors of an encoder. */
export interface KnnTrainer {
  kind: 'knn';
  /** Numbers of neighbours to choose from. */
  neighbours?: readonly number[];
  /** Temperatures to choose from. */
  temperatures?: readonly number[];
  /** Most inverse propensity of a log; 20 by default. */
  clip?: number;
  /** Binary logarithm of the number of hash buckets, where words are hashed; 16 by default. */
  bits?: number;
  /** Whether the texts of the prompts go into the artifact, for explanations. They may be private. */
  texts?: boolean;
}

/** Logistic regression on dense vectors; the router is of kind `linear`. */
export interface LogisticTrainer {
  kind: 'logistic';
  /** Strengths of the L2 penalty to choose from. */
  penalties?: readonly number[];
  /** Share of the prompts that is held out for the choice; 0.2 by default. */
  held_out?: number;
  /** Weights for each model, so that any pair can be scored. */
  per_candidate?: boolean;
  /** Most inverse propensity of a log; 20 by default. */
  clip?: number;
}

/** Matrix factorization on dense vectors. */
export interface MfTrainer {
  kind: 'mf';
  /** Dimension of the latent space; 128 by default. */
  dim?: number;
  /** Passes over the comparisons; 100 by default. */
  epochs?: number;
  /** Comparisons in one step; 64 by default. */
  batch?: number;
  /** Adam's step; 3e-4 by default. */
  learning_rate?: number;
  /** L2 penalty; 1e-5 by default. */
  weight_decay?: number;
  /** Standard deviation of the noise on the embeddings; 0.1 by default. */
  noise?: number;
  /** Share of the prompts whose comparisons choose the epoch, in [0, 1); 0.05 by default. */
  held_out?: number;
  /** Ends the training once the held-out loss has not fallen for so many epochs. */
  patience?: number;
  /** Most threads that it runs on, which changes no bit of the result. */
  threads?: number;
  /** Whether each epoch goes over them in a new order; true by default. */
  shuffle?: boolean;
}

/** Similarity-weighted ranking on dense vectors. */
export interface SwRankingTrainer {
  kind: 'sw_ranking';
  /** Number of tiers; 10 by default. */
  tiers?: number;
  /** How embeddings are stored; `int8` by default. */
  store?: 'f32' | 'f16' | 'int8' | 'int4' | 'int2' | 'clustered';
  /** Exponent of the weights; 1 by default. */
  weight_exponent?: number;
  /** Whether the texts of the votes' prompts go into the artifact, for explanations. They may be private. */
  texts?: boolean;
}

/** Rows to learn from: a file (`.jsonl`, `.csv`), or the rows themselves. */
export type TrainSource = {
  kind: 'votes' | 'gold' | 'judge' | 'log';
  /** What its columns are called, by the name that they are read by. */
  columns?: Readonly<Record<string, string>>;
  /** How much each row counts; 1 by default. */
  weight?: number;
} & ({ path: string } | { rows: readonly object[] });

/** An encoder with more than its path. */
export interface TrainEncoder {
  /**
   * The folder of an artifact, or, with `parameters`, of an ONNX model and its tokenizer; with `id`, a file with a
   * `prompt` and its `embedding` in each row.
   */
  path?: string;
  /** Such rows, instead of a file. */
  rows?: readonly object[];
  /** The model of embeddings that are given. */
  id?: string;
  /** Parameters of a model that is in no artifact. */
  parameters?: Readonly<Record<string, unknown>>;
  /** Options of opening that say how it runs, in snake_case: `{ sessions: 2 }`. */
  session?: Readonly<Record<string, unknown>>;
  /** A file of embeddings that were computed before: read if it exists, and written. */
  cache?: string;
}

/** Numbers of rows that a training did not learn from, by kind. */
export interface TrainedRows {
  readonly votes: number;
  readonly gold: number;
  readonly logs: number;
}

/** What a training made. */
export interface TrainReport {
  /** The trainer, which is the kind of the router, but for `logistic`, which makes one of kind `linear`. */
  readonly kind: 'linear' | 'knn' | 'logistic' | 'mf' | 'sw_ranking';
  /** The folder of the artifact. */
  readonly out: string;
  /** Name of the artifact. */
  readonly name: string;
  /** Its candidates, and the pair. */
  readonly models: { readonly names: readonly string[]; readonly strong: string; readonly weak: string };
  /** What it learned from: name, label kind, rows and SHA-256 of each source. */
  readonly sources: readonly {
    readonly name: string;
    readonly label_kind: string;
    readonly rows: number;
    readonly sha256?: string;
    readonly weight?: number;
  }[];
  /** Rows of models that are no candidates. */
  readonly left_out_rows: TrainedRows;
  /** What the split held out. */
  readonly held_out: (TrainedRows & { readonly share: number; readonly seed: number }) | null;
  /** How many prompts it is calibrated on. */
  readonly calibration_prompts: number;
  /** What the trainer found. */
  readonly trained: Readonly<Record<string, unknown>>;
  /** Of the held-out rows; null if none was asked for. */
  readonly evaluation: EvalReport | null;
  /** Sources that could not be evaluated on, each with the reason. */
  readonly not_evaluated: readonly string[];
}

/**
 * Evaluates routers as a specification says: quality against cost with intervals, baselines, slices, other clothes and
 * attacks. It runs on a thread of its own. The same specification and data give the same report.
 *
 * ```js
 * const report = await evaluate({ routers: ['default', 'my-router'], data: ['gold.csv'] });
 * for (const { name, pair } of report.tables[0].results) console.log(name, pair?.router.apgr?.value);
 * ```
 *
 * @throws {RouteLLMError} `InvalidArgument` for a wrong specification, unknown models, or malformed rows (naming file and
 * line); `NotFound` or `Io` for files; as opening a router; `ResourceExhausted` after `timeout_ms`; `Cancelled` if the signal
 * was aborted or `onProgress` returned false. What `onProgress` throws stops the evaluation and rejects the promise.
 */
export function evaluate(spec: EvalSpec, options?: EvalOptions): Promise<EvalReport>;

/**
 * Has a model judge the answers of two others, as votes to train on (the paper's D_judge). `ask` sends the requests: any async
 * function of the body of a chat completion. When which is asked, what it may cost and what is tried again is the library's to
 * decide: let the client try nothing by itself.
 *
 * ```js
 * const client = new OpenAI({ maxRetries: 0 });
 * const votes = await judge({
 *   rows: ['What is 2 + 2?', 'Prove that there is no largest prime.'],
 *   models: ['gpt-4o', 'gpt-4o-mini'],
 *   judge: { model: 'gpt-4o' },
 *   endpoints: { 'gpt-4o': { input: 2.5, output: 10 }, 'gpt-4o-mini': { input: 0.15, output: 0.6 } },
 *   requests: { budget: 1 },
 * }, { ask: (body) => client.chat.completions.create(body) });
 * ```
 *
 * The budget is never exceeded. Every answer is kept in the folder `cache`, as the command `routellm judge` keeps it: nothing
 * is paid for twice, and a program that was killed goes on where it was.
 *
 * @throws {RouteLLMError} `InvalidArgument` for a wrong specification, a missing price or budget, malformed rows; `Io` for the
 * journal, after which nothing more is sent; `ResourceExhausted` while another program uses the folder; `Cancelled` if the
 * signal was aborted, after what was in flight has come. What `ask` throws that is no error of a request rejects the promise.
 */
export function judge(spec: JudgeSpec, options: JudgeOptions): Promise<JudgedVotes>;

/**
 * Makes gold rows of questions with known answers (the paper's D_gold), and of what two or more models answer. Grades by a
 * `form` in the specification, or by the function `grade`.
 *
 * @throws {RouteLLMError} As `judge()`.
 */
export function gold(spec: GoldSpec, options?: GoldOptions): Promise<GoldRows>;

/** What sends a request: the body of a chat completion in, the text of the answer or the completion out. */
export type Ask = (body: ChatBody) => unknown | Promise<unknown>;

/** The body of a request for a chat completion. */
export interface ChatBody {
  model: string;
  messages: { role: 'system' | 'user'; content: string }[];
  max_tokens?: number;
  max_completion_tokens?: number;
  temperature?: number;
}

/** Where a model answers, and what that costs. */
export interface LabelEndpoint {
  /** USD per million tokens of the request. */
  input: number;
  /** USD per million tokens of the answer. */
  output: number;
  /** What tells it from others: answers are kept under it. `callable` by default. */
  address?: string;
  /** The most requests in any minute. */
  requests_per_minute?: number;
  /** The most tokens in any minute. */
  tokens_per_minute?: number;
  /** Whether an answer counts that says it is of another model. */
  any_model?: boolean;
}

/** How requests are sent. */
export interface RequestOptions {
  /** The most that the job may cost in USD, earlier runs of it included. Only an estimate needs none. */
  budget?: number | string;
  /** How many requests are in flight at once; 8 by default. */
  concurrency?: number;
  /** How often a request is tried; 6 by default. */
  tries?: number;
  /** The first wait before a request is tried again, in milliseconds; it doubles each time. */
  first_wait_ms?: number;
  /** The longest wait that is not asked for by `Retry-After`, in milliseconds. */
  longest_wait_ms?: number;
  /** After how many failures in a row an endpoint counts as dead. */
  dead_after?: number;
  /** Seed of the waits. */
  seed?: number;
}

/** What every job has. */
export interface LabelSpec {
  /** The file of the rows. */
  path?: string;
  /** The models that answer now, where `answers` has nothing of them. */
  models?: readonly string[];
  /** Answers that are there: `model`, `answer`, and the `id` or the `prompt`. */
  answers?: readonly object[];
  /** Files of such. */
  answer_files?: readonly string[];
  /** Where each model answers that is asked, and what that costs. */
  endpoints?: Readonly<Record<string, LabelEndpoint>>;
  /** How requests are sent. */
  requests?: RequestOptions;
  /** The most tokens of an answer. */
  max_tokens?: number;
  /** The folder that keeps every answer; `.routellm-requests` by default. One program at a time uses it. */
  cache?: string;
  /** Only say what it will cost; nothing is sent. */
  estimate?: boolean;
}

/** What a judge is to judge. */
export interface JudgeSpec extends LabelSpec {
  /** Pairs: `prompt`, `model_a`, `model_b`, `answer_a`, `answer_b`, perhaps `winner`; with `models` prompts, texts or objects. */
  rows?: readonly (string | object)[];
  /** How the judge is asked. */
  judge: {
    /** The model that judges. */
    model: string;
    /** `pairwise`, in both orders, or `score`, 1 to 10. */
    mode?: 'pairwise' | 'score';
    /** How often it is asked the same. */
    samples?: number;
    /** The most tokens of a verdict. */
    max_tokens?: number;
    /** How freely models answer; null leaves that to the endpoint. */
    temperature?: number | null;
    /** `max_completion_tokens` for models that think. */
    max_tokens_name?: string;
    /** Instructions in place of those of Zheng et al.; they have to ask for the same brackets. */
    system?: string | null;
  };
}

/** Questions, and how their answers are found. */
export interface GoldSpec extends LabelSpec {
  /** Questions: `prompt`, the right `answer`, and `choices` where there are options. */
  rows?: readonly object[];
  /** How an answer is found; instead of it `grade`. */
  form?: 'letter' | 'number' | 'exact' | 'regex';
  /** The expression of the form `regex`. */
  pattern?: string;
  /** How answers are to be written, said to models before each question. */
  system?: string;
  /** `max_completion_tokens` for models that think. */
  max_tokens_name?: string;
}

/** What drives a job. */
export interface JudgeOptions {
  /** Sends the requests of all models, or of each. Not needed for an estimate. */
  ask?: Ask | Readonly<Record<string, Ask>>;
  /** Hears how far the job has come. Returning false sends nothing more. */
  onProgress?: (step: { stage: string; done: number; total: number }) => unknown;
  /** Sends nothing more when it is aborted. */
  signal?: AbortSignal;
}

/** What drives a job of gold rows. */
export interface GoldOptions extends JudgeOptions {
  /** Grades an answer: a score in [0, 1], or null for one that cannot be read. */
  grade?: (row: { id: string; prompt: string; right: string; model: string; answer: string }) => Grade | Promise<Grade>;
}

/** A grade. */
export type Grade = number | boolean | null;

/** What a job costs, before anything is sent. Amounts are texts, in USD. */
export interface LabelEstimate {
  readonly requests: number;
  readonly cached: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly usd: string;
  readonly most_usd: string;
}

/** What a job has cost. Amounts are texts, in USD. */
export interface LabelBill {
  readonly requests: number;
  readonly answered: number;
  readonly cached: number;
  readonly failed: number;
  readonly over_budget: number;
  readonly stopped: number;
  readonly sent: number;
  readonly retries: number;
  readonly interrupted: number;
  readonly ignored: number;
  readonly spent_usd: string;
  readonly uncertain_usd: string;
  readonly overrun_usd: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
}

/** Votes of a judge. An estimate has nothing but `estimate`. */
export interface JudgedVotes {
  /** The rows, as `train` takes them in a source of kind `judge`. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** How far to trust the judge. */
  readonly report: Readonly<Record<string, unknown>>;
  readonly bill: LabelBill;
  readonly estimate: LabelEstimate;
  /** Why the first request that failed has no answer. */
  readonly failure: string | null;
}

/** Gold rows. An estimate has nothing but `estimate`. */
export interface GoldRows {
  /** The rows, as `train` takes them in a source of kind `gold`. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** What each model got right. */
  readonly models: readonly { readonly model: string; readonly accuracy: number; readonly unparsed: number }[];
  /** Answers that no rule could read; they count as wrong. */
  readonly unparsed: readonly { readonly id: string; readonly model: string; readonly text: string }[];
  /** Questions without an answer of some model: the id and the model. */
  readonly missing: readonly (readonly [string, string])[];
  readonly bill: LabelBill;
  readonly estimate: LabelEstimate;
  /** Why the first request that failed has no answer. */
  readonly failure: string | null;
}

/** How an evaluation is watched and stopped. */
export interface EvalOptions {
  /** Hears how far the evaluation has come, on the event loop. Returning false stops it. */
  onProgress?: ((progress: TrainProgress) => boolean | void) | undefined;
  /** Stops the evaluation. */
  signal?: AbortSignal | undefined;
}

/**
 * An evaluation as data. It is the same in every language, so that its members are spelled in snake_case. Paths are relative
 * to the working directory. Either `benchmarks` with `folder` or `data` is needed.
 */
export interface EvalSpec {
  /** `default`, folders of artifacts or of models, or objects. */
  routers: readonly (string | EvalRouter)[];
  /** Benchmarks of the paper, which `folder` has. */
  benchmarks?: readonly ('mmlu' | 'gsm8k' | 'mt-bench')[];
  /** A folder in the layout of RouteLLM's `routellm/evals`. */
  folder?: string;
  /** Rows of your own: files, or objects. */
  data?: readonly (string | EvalData)[];
  /** The strong model of the pair, in tables of more than two; with `weak`. */
  strong?: string;
  /** The weak model. */
  weak?: string;
  /** USD per 1,000 requests by model, where rows say none. */
  costs?: Readonly<Record<string, number>>;
  /** Draws of the bootstrap; 1,000 by default. */
  draws?: number;
  /** Seed of everything that is left to chance; 1 by default. */
  seed?: number;
  /** Level of the intervals; .95 by default. */
  confidence?: number;
  /** The levels of CPT; .2, .5 and .8 by default. */
  levels?: readonly number[];
  /** The definitions of the figures; `reference` is RouteLLM's own. */
  definition?: 'exact' | 'reference';
  /** `length`, `code`, `script`, or columns of the rows; all that say something by default. */
  slices?: readonly string[];
  /** Rows that are scored again in other clothes and under attack; 500 by default, 0 for none. */
  robustness?: number;
  /** Rows to train the baselines `linear` and `knn` on. */
  baselines?: readonly TrainSource[];
  /** How many of the most wrong prompts are told of each router; 20 by default. */
  wrong?: number;
  /** Whether their texts are told, which may be private. */
  with_prompts?: boolean;
  /** A folder that keeps scores, so that nothing is scored twice. */
  cache?: string;
  /** What becomes of a row that a router cannot score. */
  on_error?: 'raise' | 'leave_out';
  /** Longest time of the evaluation, in milliseconds. */
  timeout_ms?: number;
}

/** A router that is evaluated. */
export interface EvalRouter {
  /** `default`, or a folder. */
  path: string;
  /** How the report calls it; the last part of the path by default. */
  name?: string;
  /** Options of opening, in snake_case. */
  options?: Readonly<Record<string, unknown>>;
}

/** Rows that are evaluated on: a file, or the rows themselves. */
export interface EvalData {
  /** The file: .jsonl or .csv. */
  path?: string;
  /** The rows: a prompt and the score of each model in [0, 1], votes, or logs of one model. */
  rows?: readonly Readonly<Record<string, unknown>>[];
  /** What the rows are; what their columns say by default. */
  kind?: 'gold' | 'votes' | 'log';
  /** The columns that are models; all whose values are scores by default. */
  models?: readonly string[];
  /** What columns are called, by the name that they are read by: `{ prompt: 'question' }`. */
  columns?: Readonly<Record<string, string>>;
  /** How the report calls it. */
  name?: string;
  /** A file of prompts that resemble training data: they are left out and counted. */
  contaminated?: string;
  /** Other names for its models, by the name that they have there. */
  rename?: Readonly<Record<string, string>>;
  /** Only the rows that a training with this `split` holds out. */
  held_out?: number | { share: number; seed?: number };
}

/** A figure with its bootstrap interval; an end that the data leave open is null. */
export interface EvalEstimate {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** What a threshold does; costs are in USD per 1,000 requests. */
export interface EvalThreshold {
  readonly threshold: number;
  readonly strong_share: number;
  readonly quality: number;
  readonly cost_per_1000: number | null;
}

/** A model of a table; what is not known is null. */
export interface EvalModel {
  readonly name: string;
  readonly rows: number;
  readonly quality: number | null;
  readonly cost_per_1000: number | null;
}

/** A router or a baseline on one table. */
export interface EvalResult {
  readonly name: string;
  readonly role: 'router' | 'baseline';
  /** What a baseline does. */
  readonly about: string;
  /** The figures of the pair. */
  readonly pair: (Readonly<Record<string, unknown>> & { readonly router: { readonly apgr: EvalEstimate | null } }) | null;
  /** The figures of N models. */
  readonly models: Readonly<Record<string, unknown>> | null;
  /** Why figures are missing. */
  readonly why: string | null;
  readonly thresholds: readonly EvalThreshold[];
  readonly at_default: EvalThreshold | null;
  /** Other clothes and attacks. */
  readonly robustness: Readonly<Record<string, unknown>> | null;
  readonly most_wrong: readonly Readonly<Record<string, unknown>>[];
  readonly single: EvalModel | null;
}

/** Routers and baselines on one benchmark or file. */
export interface EvalTable {
  readonly name: string;
  readonly path: string | null;
  readonly kind: 'gold' | 'votes' | 'log';
  readonly strong: string;
  readonly weak: string;
  readonly pair_choice: string;
  readonly rows: number;
  readonly prompts: number;
  readonly missing: number;
  readonly weighted: boolean;
  readonly contaminated: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly left_out: Readonly<Record<string, string>>;
  readonly models: readonly EvalModel[];
  readonly alike: readonly (readonly string[])[];
  readonly complete_rows: number | null;
  readonly results: readonly EvalResult[];
  readonly comparisons: readonly Readonly<Record<string, unknown>>[];
  readonly slices: readonly Readonly<Record<string, unknown>>[];
  readonly baseline_overlap: number | null;
}

/** What an evaluation found; the core says what each member is. */
export interface EvalReport {
  readonly form: number;
  readonly version: string;
  readonly seed: number;
  readonly draws: number;
  readonly confidence: number;
  readonly levels: readonly number[];
  readonly definition: 'exact' | 'reference';
  readonly routers: readonly Readonly<Record<string, unknown>>[];
  readonly tables: readonly EvalTable[];
}

/**
 * Looks around, as a report of a defect needs it: what was found of the runtime, the GPU, the artifact and the settings.
 * What is missing or broken is what it tells, and no failure. No router is opened, no model loaded.
 *
 * @param artifact The folder of an artifact or of a model; without it, the report is about the router that is compiled in.
 * @throws {RouteLLMError} `InvalidArgument` if `artifact` is no path.
 */
export function doctor(artifact?: string | URL): Diagnosis;

/** Where the line between strong and weak is drawn. Without either, the router's own default. */
export interface ThresholdOptions {
  // <faces:deciding>
  /**
   * The threshold, in [0, 1]: strong if and only if the win rate is at least that. The next number above 1 is taken
   * too, and sends nothing to strong, whatever the prompt and whatever `outOfDistribution` says. Without any policy the
   * router's own default counts; two of them together are an error.
   */
  threshold?: number;
  /**
   * The strong share, in [0, 1]: the threshold at which this share of the calibration sample goes to strong, or the
   * nearest that some threshold reaches. 0 sends nothing to strong and 1 everything, whatever the prompt and whatever
   * `outOfDistribution` says; only `onError` may decide otherwise. It excludes `threshold`.
   */
  strongShare?: number;
  // </faces:deciding>
}

/** Which candidate is chosen by quality and cost, who may be chosen, and what a request costs. */
export interface ChoiceOptions {
  // <faces:choosing>
  /**
   * The cost weight, 0 or more: the candidate with the most `quality - cost_weight x cost` is chosen, where `cost` is
   * the expected cost in USD per 1,000 requests. So a weight of 0.1 gives up 0.1 of quality to save one dollar on 1,000
   * requests. Of equal ones the cheaper is chosen, then the one that the artifact names first. Every candidate that is
   * left needs a price. It excludes the other policies.
   */
  costWeight?: number;
  /**
   * The least quality, in [0, 1]: the cheapest candidate whose quality is at least that is chosen, of equally cheap
   * ones the one that the artifact names first, and if none reaches it the best, of equally good ones the cheaper.
   * Every candidate that is left needs a price. It excludes the other policies.
   */
  minQuality?: number;
  /**
   * The budget in USD per 1,000 requests: it decides as the smallest `costWeight` does with which the calibration
   * sample costs no more than that on average, among the same candidates and with the same output tokens. The weight is
   * looked for once and kept. A budget that even the cheapest candidates exceed is an error that says what they cost.
   * It excludes the other policies.
   */
  budget?: number;
  /**
   * The candidates that may be chosen, by name; by default all of them. With `threshold` and `strongShare`, a prompt
   * whose side is left out goes to the other side; it is an error if neither is left.
   */
  candidates?: readonly string[];
  /**
   * The capabilities that the chosen candidate has to have, `text`, `vision`, `tools`, `json` and `audio` for example,
   * as the artifact or `candidates` says. Other candidates are left out as by `candidates`. If nobody is left, the
   * error says what each of them lacks.
   */
  requires?: readonly string[];
  /**
   * The number of tokens that the request has, each one of a batch. Without it they are estimated from the prompt that
   * is scored, before it is cut: its bytes of UTF-8 divided by 4 and rounded up, at least 1. Candidates whose context
   * is shorter than that are left out as by `candidates`. An embedding has no bytes, so that its cost is known with
   * this option only.
   */
  inputTokens?: number;
  /**
   * The number of tokens that the answer is expected to have; by default `meanOutputTokens`.
   */
  outputTokens?: number;
  // </faces:choosing>
}

/** Options of every call, also of those for an embedding. */
export interface AnyCallOptions {
  // <faces:any>
  /**
   * What happens when a prompt cannot be scored, a chat has no text or a text is not Unicode. `raise` (the default) is
   * an error. `strong` and `weak` decide for that side, and the name of a candidate for that one, with a fallback in
   * the decision, which is counted; in calls that decide nothing, what could not be computed is NaN then. A side that
   * is left out of the call gives way to the other one; a candidate that is left out is an error. Wrong options, and
   * what is no prompt at all (a number, a list of texts), are errors all the same, and so is cancellation.
   */
  onError?: 'raise' | 'strong' | 'weak' | (string & {});
  /**
   * The longest time of the whole call in milliseconds, above 0, waiting for a session included. What is not scored by
   * then is `ResourceExhausted`, or what `onError` says.
   */
  timeoutMs?: number;
  // </faces:any>
}

/** Options of calls that read a prompt. */
export interface ReadOptions {
  // <faces:read>
  /**
   * What of a chat is read, instead of what the artifact says: `last_user`, `all_user` or `conversation`. Of a text all
   * of it is; an embedding has nothing to read, which is an error.
   */
  read?: Read;
  // </faces:read>
}

/** Options of a call that can be aborted. */
export interface SignalOptions {
  /** Aborts the call: it rejects with an `AbortError`, and its work stops, or its place in the queue is given up. */
  signal?: AbortSignal;
}

/** Options of one synchronous decision for an embedding. */
export interface EmbeddingSyncOptions extends ThresholdOptions, ChoiceOptions, AnyCallOptions {}

/** Options of one decision for an embedding that returns a promise. */
export interface EmbeddingOptions extends EmbeddingSyncOptions, SignalOptions {}

/** Options of one synchronous decision. */
export interface RouteSyncOptions extends EmbeddingSyncOptions, ReadOptions {}

/** Options of one decision that returns a promise. */
export interface RouteOptions extends RouteSyncOptions, SignalOptions {}

/** Options of a call that decides nothing, for an embedding. */
export interface EmbeddingScoreOptions extends AnyCallOptions {}

/** Options of a synchronous call that decides nothing. */
export interface ScoreSyncOptions extends AnyCallOptions, ReadOptions {}

/** Options of a call that decides nothing and returns a promise. */
export interface ScoreOptions extends ScoreSyncOptions, SignalOptions {}

/** Options of a call that decides between the two sides of the pair, whatever happens. */
export type OfPair<Options> = Omit<Options, 'costWeight' | 'minQuality' | 'budget' | 'onError'> & {
  costWeight?: undefined;
  minQuality?: undefined;
  budget?: undefined;
  onError?: 'raise' | 'strong' | 'weak';
};

/** A decision between the two sides of the pair. */
export interface PairDecision extends Decision {
  side: 'strong' | 'weak';
  threshold: number;
}

/** Which model should answer, and why. */
export interface Decision {
  /** Name of the model. */
  model: string;
  /** Which of the two it is; `null` outside the policies of the pair, and for a candidate that is on neither side. */
  side: 'strong' | 'weak' | null;
  // <faces:decision>
  /**
   * P(strong model's answer is preferred or needed), in [0, 1]; `null` in a fallback and outside the policies of the
   * pair, `threshold` and `strongShare`.
   */
  winRate: number | null;
  /**
   * The threshold that the win rate was compared with: in [0, 1], or the next number above 1; `null` outside the
   * policies of the pair.
   */
  threshold: number | null;
  /**
   * Whether the prompt was longer than the router reads, and was cut.
   */
  truncated: boolean;
  /**
   * The largest cosine similarity to any vote that was read, in [-1, 1]: a clustered store reads the votes of some
   * clusters, the router's own similarity reads all. It is `null` in a fallback and for routers without votes.
   */
  similarity: number | null;
  /**
   * Whether the prompt is farther from every vote than the router was told to trust. Then `outOfDistribution` may have
   * decided instead of the win rate.
   */
  outOfDistribution: boolean;
  /**
   * Whether a causal LM gave no score token, so that the win rate is 1, as in the reference.
   */
  noScore: boolean;
  /**
   * The probability that the side had of being chosen, in (0, 1]. It is 1 unless a policy leaves something to chance.
   */
  propensity: number;
  /**
   * The decision's id, which sorts by time and is unlike that of any other decision: 36 characters, a UUID of version
   * 7. It is `null` unless a hook, an adapter or `ids` asks for it.
   */
  id: string | null;
  /**
   * The number of the chosen candidate, from 0, in the order of the router's models.
   */
  candidate: number;
  /**
   * The quality that the chosen candidate is expected to have on this prompt, in [0, 1]; `null` in a fallback, and for
   * `threshold` and `strongShare`, which compute none.
   */
  quality: number | null;
  /**
   * What the request is expected to cost in USD: the chosen candidate's price for the input tokens and the output
   * tokens; `null` without a price, and for an embedding without input tokens.
   */
  expectedCost: number | null;
  // </faces:decision>
  /** Whether the prompt could not be scored, and `onError` decided. */
  fallback: boolean;
  /** The kind of the error behind a fallback, such as `InvalidArgument`. */
  fallbackKind: ErrorKind | null;
  /** Its message. */
  fallbackReason: string | null;
}

/** What {@link Router.onDecision} tells of a decision. The prompt is not in it. */
export interface DecisionEvent {
  /**
   * The decision's id: a UUID of version 7 in lower case, which sorts by time. No two decisions have the same one, also
   * not in several processes.
   */
  id: string;
  /** Name of the chosen model. */
  model: string;
  /** The chosen side; `null` outside the policies of the pair. */
  side: 'strong' | 'weak' | null;
  /** P(the strong model's answer is preferred or needed), in [0, 1]; `null` in a fallback and outside the policies of the pair. */
  winRate: number | null;
  /** The threshold that the win rate was compared with; `null` outside the policies of the pair. */
  threshold: number | null;
  /** The number of the chosen candidate, from 0, in the order of `models`. */
  candidate: number;
  /** The quality that the chosen candidate is expected to have, in [0, 1]; `null` in a fallback and for the policies of the pair. */
  quality: number | null;
  /** What the request is expected to cost in USD; `null` if that is not known. */
  expectedCost: number | null;
  /** The probability that the side had of being chosen, in (0, 1]: 1, as none is left to chance. */
  propensity: number;
  /** The kind of the error behind a fallback, such as `InvalidArgument`; else `null`. */
  fallbackKind: ErrorKind | null;
  /**
   * Nanoseconds from the beginning of the call until the prompt's turn: the wait for a session, and for prompts of the
   * same batch that came before. All of the time, if the turn never came.
   */
  queueNs: number;
  /** Nanoseconds for features and score together. Prompts that a model reads in one run have the time of that run each. */
  scoreNs: number;
  /** Nanoseconds from the beginning of the call until all of its decisions were made. */
  totalNs: number;
  /** The prompt's place in its batch, from 0; 0 for a prompt alone. */
  index: number;
  /** How many prompts the call had; 1 for a prompt alone. */
  batchSize: number;
}

/** Rating of a candidate on one prompt. */
export interface ModelRating {
  // <faces:record-model_rating>
  /**
   * Its name.
   */
  model: string;
  /**
   * Its tier; 0 is the best.
   */
  tier: number;
  /**
   * The rating of its tier on the Elo scale; `null` if no vote compares it.
   */
  rating: number | null;
  /**
   * The standard error of the rating; `null` with the rating.
   */
  standardError: number | null;
  // </faces:record-model_rating>
}

/** A vote that weighed in a score. */
export interface ExplainedVote {
  // <faces:record-explained_vote>
  /**
   * The row of the vote in the data that the router was built from.
   */
  row: number;
  /**
   * Its id; `null` if the artifact has no ids.
   */
  id: string | null;
  /**
   * Its prompt; `null` unless the artifact's owner stored the texts.
   */
  text: string | null;
  /**
   * Its cosine similarity to the prompt.
   */
  similarity: number;
  /**
   * Its weight on the paper's scale: 100 for the most similar one at exponent 1.
   */
  weight: number;
  /**
   * The name of the first model.
   */
  modelA: string;
  /**
   * The name of the second model.
   */
  modelB: string;
  /**
   * `model_a`, `model_b` or `tie`.
   */
  winner: 'model_a' | 'model_b' | 'tie';
  // </faces:record-explained_vote>
}

/** How far a clustered store was read. */
export interface Reach {
  // <faces:record-reach>
  /**
   * How many clusters had their votes read one by one.
   */
  openedClusters: number;
  /**
   * How many votes were read one by one.
   */
  openedVotes: number;
  /**
   * The estimated error, in win rate, that reading every vote would remove; `null` if it is not known.
   */
  error: number | null;
  // </faces:record-reach>
}

/** Why there is no explanation, where `onError` covers that. */
export interface ExplanationFallback {
  // <faces:record-explanation_fallback>
  /**
   * The kind of the error.
   */
  kind: ErrorKind;
  /**
   * Its message.
   */
  reason: string;
  // </faces:record-explanation_fallback>
}

/** Why a prompt got its score. Where it has a `fallback`, its numbers are NaN and its lists empty. */
export interface Explanation {
  // <faces:record-explanation>
  /**
   * P(strong model's answer is preferred or needed), in [0, 1].
   */
  winRate: number;
  /**
   * The standard error of the win rate, from the weighted votes; `null` if they do not determine it.
   */
  winRateError: number | null;
  /**
   * The largest cosine similarity to any vote, all of which are read for an explanation.
   */
  similarity: number;
  /**
   * Whether the prompt is farther from every vote than the router was told to trust.
   */
  outOfDistribution: boolean;
  /**
   * The rating of each candidate on this prompt, in the order of the artifact.
   */
  ratings: ModelRating[];
  /**
   * The votes that weighed most, heaviest first.
   */
  votes: ExplainedVote[];
  /**
   * How far a clustered store was read; `null` for the others, which always read every vote.
   */
  reach: Reach | null;
  /**
   * Why there is no explanation, if `on_error` covers that: then the numbers are NaN, and the lists are empty.
   */
  fallback?: ExplanationFallback;
  // </faces:record-explanation>
}

/** A candidate, as a router knows it. */
export interface CandidateInfo {
  // <faces:record-candidate_info>
  /**
   * Its name.
   */
  name: string;
  /**
   * What its tokens cost; `null` if that is not known.
   */
  price: Price | null;
  /**
   * The tokens that a request may have; `null` if that is not known.
   */
  contextLength: number | null;
  /**
   * The names of what it can do, `text` or `vision` for example; `null` if that is not known.
   */
  capabilities: string[] | null;
  /**
   * What its quality is: `isotonic` or `platt`, the expected score, by a fit of that kind on rows with gold scores that
   * were held out; or `win_rate`, the expected win rate against the other candidates. `null` if the router knows its
   * pair only.
   */
  quality: 'win_rate' | 'isotonic' | 'platt' | null;
  // </faces:record-candidate_info>
}

/** What tokens cost. */
export interface Price {
  // <faces:record-price>
  /**
   * USD per million tokens of the request.
   */
  input: number;
  /**
   * USD per million tokens of the answer.
   */
  output: number;
  /**
   * The day of the price, `2026-01-31`.
   */
  date?: string;
  // </faces:record-price>
}

/** What turns a prompt into numbers. */
export interface FeaturizerInfo {
  // <faces:record-featurizer_info>
  /**
   * `hashed`, `onnx`, `caller`, or `none` if the scorer reads the prompt itself.
   */
  kind: 'hashed' | 'onnx' | 'caller' | 'none';
  /**
   * Its name.
   */
  id: string;
  /**
   * The number of dimensions.
   */
  dimension: number;
  /**
   * The bytes of a prompt that are looked at; `null` if it reads no prompts.
   */
  maxBytes: number | null;
  /**
   * The tokens of a prompt that are looked at; `null` without a tokenizer.
   */
  maxTokens: number | null;
  // </faces:record-featurizer_info>
}

/** The table behind `strongShare`. */
export interface CalibrationInfo {
  // <faces:record-calibration_info>
  /**
   * Which prompts.
   */
  sample: string;
  /**
   * How many prompts.
   */
  count: number;
  /**
   * The SHA-256 of the sample; `null` of an artifact of version 1.
   */
  sha256: string | null;
  /**
   * The day of the sample, `2026-01-31`; `null` of an artifact of version 1.
   */
  date: string | null;
  /**
   * How many distinct win rates the table has.
   */
  points: number;
  /**
   * How much worse a share may be met than by the whole sample; 0 unless win rates were merged.
   */
  shareError: number;
  /**
   * The strong share of the default threshold.
   */
  defaultStrongShare: number;
  /**
   * The threshold of a call that names none.
   */
  defaultThreshold: number;
  // </faces:record-calibration_info>
}

/** The ONNX Runtime in use. */
export interface RuntimeInfo {
  // <faces:record-runtime_info>
  /**
   * The path of the library.
   */
  library: string;
  /**
   * Its version.
   */
  version: string;
  /**
   * What it says of its build.
   */
  build: string;
  /**
   * Where the model runs, whatever was asked for: `cpu` or `cuda`.
   */
  provider: 'cpu' | 'cuda';
  /**
   * The number of sessions.
   */
  sessions: number;
  /**
   * The number of threads inside each.
   */
  intraThreads: number;
  // </faces:record-runtime_info>
}

/** The votes of similarity-weighted ranking. */
export interface VotesInfo {
  // <faces:record-votes_info>
  /**
   * How many votes there are.
   */
  count: number;
  /**
   * How their embeddings are stored: `f32`, `f16`, `int8`, `int4` or `int2`.
   */
  store: 'f32' | 'f16' | 'int8' | 'int4' | 'int2';
  /**
   * The number of clusters of a clustered store; `null` for others.
   */
  clusters: number | null;
  /**
   * The number of tiers.
   */
  tiers: number;
  /**
   * How steeply similarity weighs; 1 is the paper's.
   */
  weightExponent: number;
  // </faces:record-votes_info>
}

/** The model of a router whose scorer reads prompts. */
export interface ModelInfo {
  // <faces:record-model_info>
  /**
   * Its parameters, as the options of opening call them: `head` and `long_prompts`, or `template`, `score_tokens`,
   * `score_threshold` and `max_new_tokens`.
   */
  parameters: Record<string, unknown>;
  /**
   * The tokens of a prompt that are read.
   */
  maxTokens: number;
  /**
   * Whether activations are quantised at run time; then every prompt runs alone.
   */
  dynamicallyQuantized: boolean;
  /**
   * The tokens of the instruction whose keys and values are kept (kind `causal_llm`); `null` for a classifier.
   */
  cachedTokens: number | null;
  // </faces:record-model_info>
}

/** What is known about a router. */
export interface RouterInfo {
  // <faces:record-router_info>
  /**
   * The name of the artifact.
   */
  name: string;
  /**
   * The kind of scorer.
   */
  kind: RouterKind;
  /**
   * The names of the candidates.
   */
  models: string[];
  /**
   * The strong model.
   */
  strong: string;
  /**
   * The weak model.
   */
  weak: string;
  /**
   * The candidates with what is known about them, in the same order.
   */
  candidates: CandidateInfo[];
  /**
   * The number of tokens that an answer has on average, for expected costs.
   */
  meanOutputTokens: number;
  /**
   * The candidates that have names of one's own: the router's name, and that one. Empty unless the option `names` gives
   * some.
   */
  names: Record<string, string>;
  /**
   * Which mathematics it follows.
   */
  mode: 'exact' | 'reference';
  /**
   * What of a chat is read, unless a call says otherwise.
   */
  read: 'last_user' | 'all_user' | 'conversation';
  /**
   * What turns a prompt into numbers.
   */
  featurizer: FeaturizerInfo;
  /**
   * The table behind strong shares; `null` if there is none for this pair.
   */
  calibration: CalibrationInfo | null;
  /**
   * Why every prompt has the same win rate, if that is so for this pair: both models are in one tier of the votes,
   * which only the mode `reference` lets pass, or are one.
   */
  constant: string | null;
  /**
   * The ONNX Runtime in use; `null` if none is.
   */
  runtime: RuntimeInfo | null;
  /**
   * The votes of a router that has them (kind `sw_ranking`).
   */
  votes: VotesInfo | null;
  /**
   * The model of a router whose scorer reads prompts (kinds `bert` and `causal_llm`).
   */
  model: ModelInfo | null;
  /**
   * The folder of the artifact; `null` for the router that is compiled in.
   */
  path: string | null;
  /**
   * Data sources, seed, tool version, as the artifact states them: an object.
   */
  provenance: Record<string, unknown>;
  /**
   * The version of this library.
   */
  version: string;
  // </faces:record-router_info>
}

/** How busy a router is, and what it has done since it was opened. */
export interface RouterStats {
  // <faces:record-router_stats>
  /**
   * The number of ONNX sessions, each of which runs one call at a time; 0 for a router without any.
   */
  sessions: number;
  /**
   * How many of them are in use.
   */
  busy: number;
  /**
   * How many calls wait for a session; a batch counts once.
   */
  waiting: number;
  /**
   * How many decisions were made, fallbacks included.
   */
  decisions: number;
  /**
   * How many of them were fallbacks, by the kind of error; kinds that did not occur are left out.
   */
  fallbacks: Partial<Record<ErrorKind, number>>;
  /**
   * What was noticed about calls, each once: thresholds above or below every win rate of the calibration sample.
   */
  notices: string[];
  // </faces:record-router_stats>
}

/** What was found on this machine. No prompt is in it; paths and the values of some variables are. */
export interface Diagnosis {
  // <faces:record-diagnosis>
  /**
   * What runs.
   */
  versions: DiagnosisVersions;
  /**
   * The ONNX Runtime that a router would use.
   */
  runtime: DiagnosisRuntime;
  /**
   * Whether a model could run on a GPU.
   */
  gpu: DiagnosisGpu;
  /**
   * What the rest runs on.
   */
  cpu: DiagnosisCpu;
  /**
   * The artifact that was asked about, or the one that is compiled in.
   */
  artifact: DiagnosisArtifact;
  /**
   * What the environment sets.
   */
  settings: DiagnosisSettings;
  // </faces:record-diagnosis>
}

/** What runs: this library, its parts, the system. */
export interface DiagnosisVersions {
  // <faces:record-diagnosis_versions>
  /**
   * The version of this library.
   */
  routellm: string;
  /**
   * The number of the binary interface of C.
   */
  cAbi: number;
  /**
   * The version of artifacts that this library writes.
   */
  format: number;
  /**
   * The target that it was compiled for, `x86_64-unknown-linux-gnu`.
   */
  target: string;
  /**
   * Whether it was compiled for speed; a development build is many times slower.
   */
  optimized: boolean;
  /**
   * The version of the crate that calls ONNX Runtime; `null` if it was built without.
   */
  ort: string | null;
  /**
   * The version of the crate that reads `tokenizer.json`; `null` if it was built without.
   */
  tokenizers: string | null;
  /**
   * The operating system, its kernel and its C library.
   */
  system: string;
  /**
   * The language that calls, with its version; `null` in Rust, C and C++.
   */
  language: string | null;
  // </faces:record-diagnosis_versions>
}

/** The ONNX Runtime that a router would use, or where one was looked for. */
export interface DiagnosisRuntime {
  // <faces:record-diagnosis_runtime>
  /**
   * Whether there is one that can be used.
   */
  found: boolean;
  /**
   * Whether this process uses it already.
   */
  inUse: boolean;
  /**
   * The path of the library; `null` without one.
   */
  library: string | null;
  /**
   * How it was found: the variable, the package or the system's own path; `null` without one.
   */
  located: string | null;
  /**
   * Its version; `null` without one.
   */
  version: string | null;
  /**
   * What it says of its build; `null` without one.
   */
  build: string | null;
  /**
   * The names of the providers that it was built with, as it spells them.
   */
  providers: string[];
  /**
   * The oldest version that works.
   */
  needed: string;
  /**
   * The places that were looked at before it, with what the system said of each.
   */
  lookedAt: string[];
  // </faces:record-diagnosis_runtime>
}

/** What is told of a GPU without setting it up. */
export interface DiagnosisGpu {
  // <faces:record-diagnosis_gpu>
  /**
   * Whether the runtime has the provider `cuda`, and a driver is there.
   */
  cuda: boolean;
  /**
   * The version of the driver in the kernel; `null` if none tells.
   */
  driver: string | null;
  /**
   * The newest CUDA that the driver knows; `null` without a driver.
   */
  cudaVersion: string | null;
  /**
   * The names of the devices, as the driver in the kernel lists them.
   */
  devices: string[];
  /**
   * Why a model cannot run on one; `null` if nothing is known to be in the way.
   */
  problem: string | null;
  // </faces:record-diagnosis_gpu>
}

/** The processor. */
export interface DiagnosisCpu {
  // <faces:record-diagnosis_cpu>
  /**
   * Its architecture, `x86_64` or `aarch64`.
   */
  architecture: string;
  /**
   * Its name; `null` if the system does not tell.
   */
  model: string | null;
  /**
   * How many cores this process may use, after affinity and control groups.
   */
  cores: number;
  /**
   * The names of its instruction sets that matter here.
   */
  features: string[];
  /**
   * Which copy of the arithmetic runs; all give the same bits.
   */
  kernel: 'avx512' | 'avx2' | 'baseline';
  // </faces:record-diagnosis_cpu>
}

/** An artifact, or the folder of a model, and whether it is whole. */
export interface DiagnosisArtifact {
  // <faces:record-diagnosis_artifact>
  /**
   * The folder that was asked about; `null` for the router that is compiled in.
   */
  path: string | null;
  /**
   * What it is: `compiled_in`, `artifact`, `folder` (of a model, without `router.json`) or `missing`.
   */
  form: 'compiled_in' | 'artifact' | 'folder' | 'missing';
  /**
   * The name that it has; `null` if it has none, or it cannot be read.
   */
  name: string | null;
  /**
   * The kind of scorer; `null` if that cannot be told.
   */
  kind: RouterKind | null;
  /**
   * The version of its form; `null` without `router.json`.
   */
  version: number | null;
  /**
   * The names of the candidates.
   */
  candidates: string[];
  /**
   * How many files it has.
   */
  files: number;
  /**
   * How large they are together.
   */
  bytes: number;
  /**
   * Whether every file is as it was written; `null` where there are no checksums.
   */
  checksums: boolean | null;
  /**
   * What is wrong with it; `null` if nothing is.
   */
  problem: string | null;
  // </faces:record-diagnosis_artifact>
}

/** What the environment sets, of what is read. */
export interface DiagnosisSettings {
  // <faces:record-diagnosis_settings>
  /**
   * The variables that are set, of those that this library, ONNX Runtime or their parts read, with their values.
   */
  environment: Record<string, string>;
  /**
   * The names of the others.
   */
  unset: string[];
  // </faces:record-diagnosis_settings>
}

/** Decides which model should answer a prompt. */
export class Router {
  private constructor();

  /** The router that ships with this package; it needs nothing else. Opens in milliseconds. */
  static default(options?: OpenOptions): Router;

  /**
   * Opens the folder of an artifact, of a checkpoint in the published RouteLLM layout, or of a model exported to
   * ONNX: a sequence classifier or a causal LM with its `config.json` and `tokenizer.json`.
   */
  static open(path: string | URL, options?: OpenOptions): Router;

  /** As {@link Router.open}, off the event loop: a router with an encoder takes some hundred milliseconds. */
  static openAsync(path: string | URL, options?: OpenOptions): Promise<Router>;

  /** Opens a router that is a package of its own: `mf-minilm` is the package `routellm-mf-minilm`. */
  static bundled(name: 'default' | 'mf-minilm', options?: OpenOptions): Router;

  /** As {@link Router.bundled}, off the event loop. */
  static bundledAsync(name: 'default' | 'mf-minilm', options?: OpenOptions): Promise<Router>;

  /** Decides for one prompt, off the event loop. */
  route(prompt: Prompt, options?: OfPair<RouteOptions>): Promise<PairDecision>;
  route(prompt: Prompt, options?: RouteOptions): Promise<Decision>;

  /** Decides for one prompt, in place: the way for the default router, which takes microseconds. */
  routeSync(prompt: Prompt, options?: OfPair<RouteSyncOptions>): PairDecision;
  routeSync(prompt: Prompt, options?: RouteSyncOptions): Decision;

  /**
   * Decides for many prompts, each as it would be alone, off the event loop. A message by itself is none: then the batch
   * is one chat, which `route()` takes.
   */
  routeBatch(prompts: ReadonlyArray<Prompt>, options?: OfPair<RouteOptions>): Promise<PairDecision[]>;
  routeBatch(prompts: ReadonlyArray<Prompt>, options?: RouteOptions): Promise<Decision[]>;

  /** Decides for many prompts, each as it would be alone, in place. */
  routeBatchSync(prompts: ReadonlyArray<Prompt>, options?: OfPair<RouteSyncOptions>): PairDecision[];
  routeBatchSync(prompts: ReadonlyArray<Prompt>, options?: RouteSyncOptions): Decision[];

  /** Decides for an embedding of `embeddingDimension` numbers, copied, off the event loop. */
  routeEmbedding(embedding: Float32Array, options?: OfPair<EmbeddingOptions>): Promise<PairDecision>;
  routeEmbedding(embedding: Float32Array, options?: EmbeddingOptions): Promise<Decision>;

  /** Decides for an embedding of `embeddingDimension` numbers, in place. */
  routeEmbeddingSync(embedding: Float32Array, options?: OfPair<EmbeddingSyncOptions>): PairDecision;
  routeEmbeddingSync(embedding: Float32Array, options?: EmbeddingSyncOptions): Decision;

  /** P(the strong model's answer is preferred or needed), in [0, 1], off the event loop. */
  winRate(prompt: Prompt, options?: ScoreOptions): Promise<number>;

  /** P(the strong model's answer is preferred or needed), in [0, 1], in place. */
  winRateSync(prompt: Prompt, options?: ScoreSyncOptions): number;

  /** Win rates of many prompts, off the event loop. */
  winRates(prompts: ReadonlyArray<Prompt>, options?: ScoreOptions): Promise<Float64Array>;

  /** Win rates of many prompts, in place. */
  winRatesSync(prompts: ReadonlyArray<Prompt>, options?: ScoreSyncOptions): Float64Array;

  /**
   * Win rates of `n` embeddings that lie row after row in one array (`n * embeddingDimension` numbers; `n` is
   * checked if given), in place and without a copy. There is no promise of it: another thread would need one.
   */
  winRatesFromEmbeddings(embeddings: Float32Array, n?: number, options?: EmbeddingScoreOptions): Float64Array;

  /** One score for each of `models`, higher is better, off the event loop. */
  candidateScores(prompt: Prompt, options?: ScoreOptions): Promise<Float64Array>;

  /** One score for each of `models`, higher is better, in place. */
  candidateScoresSync(prompt: Prompt, options?: ScoreSyncOptions): Float64Array;

  /** One score for each of `models`, for an embedding of `embeddingDimension` numbers, in place. */
  candidateScoresFromEmbedding(embedding: Float32Array, options?: EmbeddingScoreOptions): Float64Array;

  /**
   * The quality of each of `models` on a prompt, in [0, 1], off the event loop: the score that a gold answer would give it, as
   * expected from rows that the training held out, or its expected win rate against the others; `info().candidates` says
   * which. NaN for a candidate that the votes compare with no other.
   *
   * @throws {RouteLLMError} `Unsupported` if the router knows its pair only.
   */
  qualities(prompt: Prompt, options?: ScoreOptions): Promise<Float64Array>;

  /** As `qualities`, in place. */
  qualitiesSync(prompt: Prompt, options?: ScoreSyncOptions): Float64Array;

  /** As `qualities`, for many prompts: an array for each. */
  qualitiesBatch(prompts: ReadonlyArray<Prompt>, options?: ScoreOptions): Promise<Float64Array[]>;

  /** As `qualitiesBatch`, in place. */
  qualitiesBatchSync(prompts: ReadonlyArray<Prompt>, options?: ScoreSyncOptions): Float64Array[];

  /** As `qualities`, for an embedding of `embeddingDimension` numbers, in place. */
  qualitiesFromEmbedding(embedding: Float32Array, options?: EmbeddingScoreOptions): Float64Array;

  /**
   * Largest cosine similarity of a prompt to any vote, in [-1, 1], off the event loop: how near the prompt is to
   * what the router was built from.
   *
   * @throws {RouteLLMError} `Unsupported` if the router has no votes.
   */
  similarity(prompt: Prompt, options?: ScoreOptions): Promise<number>;

  /** Largest cosine similarity of a prompt to any vote, in [-1, 1], in place. */
  similaritySync(prompt: Prompt, options?: ScoreSyncOptions): number;

  /** Largest cosine similarity of an embedding of `embeddingDimension` numbers to any vote, in place. */
  similarityFromEmbedding(embedding: Float32Array, options?: EmbeddingScoreOptions): number;

  /**
   * Why a prompt gets its score, with the `k` votes that weighed most, off the event loop. Reads every vote, also
   * of a clustered store.
   *
   * @throws {RouteLLMError} `Unsupported` if the router has no votes.
   */
  explain(prompt: Prompt, k: number, options?: ScoreOptions): Promise<Explanation>;

  /** Why a prompt gets its score, with the `k` votes that weighed most, in place. */
  explainSync(prompt: Prompt, k: number, options?: ScoreSyncOptions): Explanation;

  /** Why an embedding of `embeddingDimension` numbers gets its score, in place. */
  explainEmbedding(embedding: Float32Array, k: number, options?: EmbeddingScoreOptions): Explanation;

  /** The embedding of a prompt by this router's encoder, off the event loop. */
  embed(prompt: Prompt, options?: ScoreOptions): Promise<Float32Array>;

  /** The embedding of a prompt by this router's encoder, in place. */
  embedSync(prompt: Prompt, options?: ScoreSyncOptions): Float32Array;

  /**
   * Lets `callback` hear of every decision: of each prompt once, those of a batch in their order, fallbacks too. It takes
   * the place of the callback before; `null` takes that away, and then nothing is measured and no id is made. Calls that
   * fail decide nothing, and scores are no decisions.
   *
   * ```js
   * router.onDecision(({ id, model, winRate, totalNs }) => log({ id, model, winRate, ms: totalNs / 1e6 }));
   * ```
   *
   * It runs on the event loop, soon after the decision and in order. What it throws is an uncaught exception, as in any
   * callback of an event, and the decision stands. It keeps no program alive, but is told of what was decided before the
   * end. The router keeps it until another one is set: a callback that refers to the router keeps both.
   *
   * @throws {RouteLLMError} `InvalidArgument` if it is not a function or `null`.
   */
  onDecision(callback: ((event: DecisionEvent) => void) | null): void;

  /**
   * The threshold that a call with these options compares with: in [0, 1], or for a `strongShare` of 0 the next number
   * above 1. As `threshold` of a call it decides alike, but that 0, other than a `strongShare` of 1, leaves prompts that no
   * vote resembles to `outOfDistribution`.
   */
  threshold(options?: ThresholdOptions): number;

  /**
   * The threshold of a strong share in [0, 1], and the share of the calibration sample that it reaches: the nearest that
   * some threshold reaches, because equal win rates go to one side together. 0 and 1 are always reached, and need no
   * calibration. In the mode `reference` the threshold is numpy's interpolated quantile, for 0 and 1 too.
   *
   * @throws {RouteLLMError} `InvalidArgument` for a number outside [0, 1], or one between without calibration.
   */
  share(strongShare: number): { threshold: number; share: number };

  /** What is known about this router. */
  info(): RouterInfo;

  /** How busy this router is now, and how many decisions it has made. */
  stats(): RouterStats;
  /**
   * A router that is calibrated on requests of your own; this one stays as it is. Both share the models: nothing is loaded
   * again. {@link calibrationReport} of the new one says what was found, and {@link saveCalibration} keeps it.
   *
   * ```ts
   * const mine = await router.calibrate({ path: 'traffic.jsonl', strongShare: 0.2, furtherRequests: 10_000 });
   * console.log(mine.calibrationReport?.prediction_interval);
   * mine.saveCalibration('calibration.json');
   * ```
   */
  calibrate(spec: CalibrateSpec, options?: TrainOptions): Promise<Router>;
  /** What the calibration found; `null` unless the router was calibrated or opened with `calibration`. */
  readonly calibrationReport: CalibrationReport | null;
  /** Keeps the calibration in a file that ends in `.json`, or with the artifact in a folder. */
  saveCalibration(path: string | URL): void;

  /**
   * Refuses calls from now on: they are `InvalidArgument`. Calls that wait for a session end as `Cancelled`, those that
   * run go on, and the memory of the sessions is given back when the last of them has ended, rather than when the
   * garbage collector finds the router. Closing twice does nothing. `using` closes too.
   */
  close(): void;

  /** As {@link Router.close}, for `using`. */
  [Symbol.dispose](): void;

  /** Whether {@link Router.close} was called. */
  get closed(): boolean;

  /** Name of the strong model. */
  get strong(): string;
  /** Name of the weak model. */
  get weak(): string;
  /** Names of the candidates. */
  get models(): string[];
  /** Length of the embeddings that this router takes; `null` if it reads hashed features. */
  get embeddingDimension(): number | null;
  /** How many decisions of this router were fallbacks. */
  get fallbacks(): number;
}

/** Has all that a router has, on whichever is in use. */
export interface ReloadableRouter extends Router {}

/**
 * A router that can be exchanged while calls run.
 *
 * ```js
 * const router = new ReloadableRouter(await Router.openAsync(path));
 * await router.route(prompt);
 * router.replace(await Router.openAsync(path)); // opened in full before it takes over
 * ```
 *
 * It has every method of a router. Each call is made on one router from beginning to end: those that run or wait
 * during a replacement finish on the old one, and none fails. It belongs to the thread that made it.
 */
export class ReloadableRouter {
  /** @throws {RouteLLMError} `InvalidArgument` if the router is closed. */
  constructor(router: Router);

  /** The router that is in use now: for calls that belong together. */
  get current(): Router;

  /**
   * Lets `router` take over, and returns the one before it. That one is freed by the garbage collector when its last
   * call has ended; do not close it before, which ends the calls that wait on it. Who hears of its decisions
   * ({@link Router.onDecision}) hears of those of `router`, too, unless that has a callback of its own.
   *
   * @throws {RouteLLMError} `InvalidArgument` if the router is closed; then nothing is replaced.
   */
  replace(router: Router): Router;
}

/** Names of the kinds of errors, the same in every language of this library. */
// <faces:errors>
export type ErrorKind =
  | 'InvalidArgument'
  | 'NotFound'
  | 'InvalidModel'
  | 'Unsupported'
  | 'RuntimeUnavailable'
  | 'Inference'
  | 'Tokenize'
  | 'Cancelled'
  | 'ResourceExhausted'
  | 'Internal'
  | 'Io'
  | 'Remote';
// </faces:errors>

/** The `code` of an error. */
// <faces:codes>
export type ErrorCode =
  | 'ERR_ROUTELLM_INVALID_ARGUMENT'
  | 'ERR_ROUTELLM_NOT_FOUND'
  | 'ERR_ROUTELLM_INVALID_MODEL'
  | 'ERR_ROUTELLM_UNSUPPORTED'
  | 'ERR_ROUTELLM_RUNTIME_UNAVAILABLE'
  | 'ERR_ROUTELLM_INFERENCE'
  | 'ERR_ROUTELLM_TOKENIZE'
  | 'ERR_ROUTELLM_CANCELLED'
  | 'ERR_ROUTELLM_RESOURCE_EXHAUSTED'
  | 'ERR_ROUTELLM_INTERNAL'
  | 'ERR_ROUTELLM_IO'
  | 'ERR_ROUTELLM_REMOTE';
// </faces:codes>

/**
 * Every error of this package. The name of an aborted call's error is `AbortError`, its kind `Cancelled`,
 * and its `cause` the signal's reason.
 */
export class RouteLLMError extends Error {
  private constructor();
  /** What went wrong, for programs. */
  readonly code: ErrorCode;
  /** The same, as the other languages name it. */
  readonly kind: ErrorKind;
  /** The same, as a stable number. */
  readonly errno: number;
  /** What caused it, if something did. */
  readonly cause?: unknown;
}

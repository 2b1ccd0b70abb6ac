'use strict';

const { inspect } = require('node:util');
const native = require('../native.js');
const { abortable, inPlace } = require('./abort.js');
const { bundledPath } = require('./bundled.js');
const { describe, fromNative, invalid, snake, spelled } = require('./errors.js');
const { explanationFromJson, infoFromJson } = require('./info.js');
const onnxruntime = require('./onnxruntime.js');
const { openOptions, pathText } = require('./open-options.js');
const { MORE, callOptions, checkNames, number, voteCount } = require('./options.js');
const { embeddingNumbers, promptText, promptTexts, withinCap } = require('./prompt.js');
const { json, watched } = require('./train.js');

const EMBEDDING_SYNC = ['threshold', 'strongShare', ...MORE, 'onError', 'timeoutMs'];
const EMBEDDING = [...EMBEDDING_SYNC, 'signal'];
const ROUTE_SYNC = [...EMBEDDING_SYNC, 'read'];
const ROUTE = [...ROUTE_SYNC, 'signal'];
const ASK_EMBEDDING = ['onError', 'timeoutMs'];
const ASK_SYNC = [...ASK_EMBEDDING, 'read'];
const ASK = [...ASK_SYNC, 'signal'];
const THRESHOLD = ['threshold', 'strongShare'];

/** How many numbers the native layer writes for one decision. */
// <faces:numbers>
const NUMBERS = 15;
const CANDIDATE = 12;
// </faces:numbers>
// Shared by all synchronous calls of this thread: each has read it before the next one can begin.
const out = new Float64Array(NUMBERS);

/** A number, or null for NaN. */
function present(number) {
  return Number.isNaN(number) ? null : number;
}

/** The id that four numbers are, the highest first; null for zeros. */
function idText(numbers, at) {
  if (numbers[at] === 0 && numbers[at + 1] === 0) return null;
  const digits = [0, 1, 2, 3].map((i) => numbers[at + i].toString(16).padStart(8, '0')).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Only the functions of this module construct routers. */
const INTERNAL = Symbol('internal');

/** Runs a synchronous call of the native layer. */
function sync(call) {
  try {
    return call();
  } catch (error) {
    throw fromNative(error);
  }
}

/** A fallback is never silent: of a kind of error, the first one a minute warns. */
function announce({ warning }) {
  if (warning) process.emitWarning(spelled(warning), { type: 'RouteLLMWarning', code: 'ROUTELLM_FALLBACK' });
}

/** The options as JSON; only a router with a model to run looks for ONNX Runtime. */
function nativeOptions(path, options, method) {
  const json = openOptions(options, method);
  if (path !== undefined && options?.onnxruntime === undefined) onnxruntime.announce();
  return json;
}

function open(path, options, method) {
  const json = nativeOptions(path, options, method);
  return new Router(INTERNAL, sync(() => native.open(path, json)));
}

async function openAsync(path, options, method) {
  const json = nativeOptions(path, options, method);
  return new Router(INTERNAL, await abortable(undefined, () => native.openAsync(path, json)));
}

/** Keeps the event loop going for one more turn, in which a hook hears of what was just decided. */
function oneMoreTurn() {}

/** Bytes of a prompt; what holds no text costs nothing. */
function byteLength(text) {
  return typeof text === 'string' || ArrayBuffer.isView(text) ? Buffer.byteLength(text) : 0;
}

/** Lets who hears of the decisions of a router hear of those of the one that takes its place. */
let inherit;

class Router {
  #native;
  #strong;
  #weak;
  #cap;
  #read;
  #watched = false;
  #models;

  static {
    inherit = (router, other) => {
      router.#native.inheritHook(other.#native);
      router.#watched ||= other.#watched;
    };
  }

  constructor(key, handle) {
    if (key !== INTERNAL) {
      throw invalid('a router comes from Router.default(), Router.open(path) or Router.bundled(name)');
    }
    this.#native = handle;
    this.#strong = handle.strong();
    this.#weak = handle.weak();
    // Where the length of a prompt makes a difference, it is not cut before it is told.
    this.#cap = handle.countsTokens() ? null : handle.cap();
    this.#read = handle.read();
  }

  static default(options) {
    return open(undefined, options, 'Router.default');
  }

  static open(path, options) {
    return open(pathText('path', path), options, 'Router.open');
  }

  static async openAsync(path, options) {
    return openAsync(pathText('path', path), options, 'Router.openAsync');
  }

  static bundled(name, options) {
    return open(bundledPath(name), options, 'Router.bundled');
  }

  static async bundledAsync(name, options) {
    return openAsync(bundledPath(name), options, 'Router.bundledAsync');
  }

  routeSync(prompt, options) {
    const call = callOptions(options, 'routeSync', ROUTE_SYNC);
    const text = this.#text(prompt, call.read);
    let reason;
    try {
      reason = this.#native.routeSync(text, call.threshold, call.strongShare, call.onError, call.timeoutMs, call.more, out);
    } catch (error) {
      throw fromNative(error);
    }
    this.#notice(call.threshold);
    return this.#decision(out, 0, reason);
  }

  async route(prompt, options) {
    const { threshold, strongShare, onError, timeoutMs, read, more, signal } = callOptions(options, 'route', ROUTE);
    const text = this.#text(prompt, read);
    if (this.#isQuick(text)) {
      const reason = inPlace(signal, () => this.#native.routeSync(text, threshold, strongShare, onError, timeoutMs, more, out));
      this.#notice(threshold);
      return this.#decision(out, 0, reason);
    }
    const decided = await abortable(signal, (cancel) =>
      this.#native.route(text, threshold, strongShare, onError, timeoutMs, more, cancel));
    this.#notice(threshold);
    return this.#decisions(decided.numbers, decided.fallbacks)[0];
  }

  routeEmbeddingSync(embedding, options) {
    const { threshold, strongShare, onError, timeoutMs, more } = callOptions(options, 'routeEmbeddingSync', EMBEDDING_SYNC);
    const numbers = embeddingNumbers(embedding, 'the embedding');
    const reason = sync(() => this.#native.routeEmbeddingSync(numbers, threshold, strongShare, onError, timeoutMs, more, out));
    this.#notice(threshold);
    return this.#decision(out, 0, reason);
  }

  async routeEmbedding(embedding, options) {
    const { threshold, strongShare, onError, timeoutMs, more, signal } = callOptions(options, 'routeEmbedding', EMBEDDING);
    const numbers = embeddingNumbers(embedding, 'the embedding');
    if (this.#native.isQuickForEmbedding()) {
      const reason = inPlace(signal, () =>
        this.#native.routeEmbeddingSync(numbers, threshold, strongShare, onError, timeoutMs, more, out));
      this.#notice(threshold);
      return this.#decision(out, 0, reason);
    }
    const decided = await abortable(signal, (cancel) =>
      this.#native.routeEmbedding(numbers, threshold, strongShare, onError, timeoutMs, more, cancel));
    this.#notice(threshold);
    return this.#decisions(decided.numbers, decided.fallbacks)[0];
  }

  routeBatchSync(prompts, options) {
    const { threshold, strongShare, onError, timeoutMs, read, more } = callOptions(options, 'routeBatchSync', ROUTE_SYNC);
    const texts = this.#texts(prompts, read);
    const numbers = new Float64Array(texts.length * NUMBERS);
    const fallbacks = sync(() => this.#native.routeBatchSync(texts, threshold, strongShare, onError, timeoutMs, more, numbers));
    this.#notice(threshold);
    return this.#decisions(numbers, fallbacks);
  }

  async routeBatch(prompts, options) {
    const { threshold, strongShare, onError, timeoutMs, read, more, signal } = callOptions(options, 'routeBatch', ROUTE);
    const texts = this.#texts(prompts, read);
    if (this.#areQuick(texts)) {
      const numbers = new Float64Array(texts.length * NUMBERS);
      const fallbacks = inPlace(signal, () =>
        this.#native.routeBatchSync(texts, threshold, strongShare, onError, timeoutMs, more, numbers));
      this.#notice(threshold);
      return this.#decisions(numbers, fallbacks);
    }
    const decided = await abortable(signal, (cancel) =>
      this.#native.routeBatch(texts, threshold, strongShare, onError, timeoutMs, more, cancel));
    this.#notice(threshold);
    return this.#decisions(decided.numbers, decided.fallbacks);
  }

  /** A notice comes with a threshold only, so that other calls ask for none. */
  #notice(threshold) {
    if (Number.isNaN(threshold)) return;
    const notice = this.#native.takeNotice();
    if (notice !== null) process.emitWarning(spelled(notice), { type: 'RouteLLMWarning', code: 'ROUTELLM_THRESHOLD' });
  }

  async calibrate(spec, options = {}) {
    checkNames(options, 'calibrate', ['onProgress', 'signal']);
    if (spec === null || typeof spec !== 'object' || Array.isArray(spec)) {
      throw invalid(`spec is ${describe(spec)}, expected an object`);
    }
    // Typed arrays are lists of numbers.
    const plain = (value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
    const members = Object.entries(spec).filter(([, value]) => value !== undefined).map(([name, value]) => {
      const list = name === 'embeddings' && Array.isArray(value) ? value.map(plain) : plain(value);
      return [snake(name), list instanceof URL ? pathText(name, list) : list];
    });
    const text = json(Object.fromEntries(members));
    return new Router(INTERNAL, await watched(text, options, (given, cancel, tell) => this.#native.calibrate(given, cancel, tell)));
  }

  get calibrationReport() {
    const report = this.#native.calibrationReport();
    return report === null ? null : JSON.parse(report);
  }

  saveCalibration(path) {
    const place = pathText('path', path);
    sync(() => this.#native.saveCalibration(place));
  }

  onDecision(callback) {
    if (callback === null) {
      this.#native.onDecision(null);
    } else if (typeof callback === 'function') {
      this.#native.onDecision((event) => {
        callback({
          id: event.id,
          model: event.model,
          side: event.side ?? null,
          winRate: event.winRate ?? null,
          threshold: present(event.threshold),
          candidate: event.candidate,
          quality: event.quality ?? null,
          expectedCost: event.expectedCost ?? null,
          propensity: event.propensity,
          fallbackKind: event.fallbackKind ?? null,
          queueNs: event.queueNs,
          scoreNs: event.scoreNs,
          totalNs: event.totalNs,
          index: event.index,
          batchSize: event.batchSize,
        });
      });
    } else {
      throw invalid(`callback is ${describe(callback)}, expected a function or null`);
    }
    this.#watched = callback !== null;
  }

  winRateSync(prompt, options) {
    const { onError, timeoutMs, read } = this.#asking(options, 'winRateSync', ASK_SYNC);
    const text = this.#text(prompt, read);
    return sync(() => this.#native.winRateSync(text, onError, timeoutMs));
  }

  async winRate(prompt, options) {
    const { onError, timeoutMs, read, signal } = this.#asking(options, 'winRate', ASK);
    const text = this.#text(prompt, read);
    if (this.#isQuick(text)) return inPlace(signal, () => this.#native.winRateSync(text, onError, timeoutMs));
    return abortable(signal, (cancel) => this.#native.winRate(text, onError, timeoutMs, cancel));
  }

  winRatesSync(prompts, options) {
    const { onError, timeoutMs, read } = this.#asking(options, 'winRatesSync', ASK_SYNC);
    const texts = this.#texts(prompts, read);
    const rates = new Float64Array(texts.length);
    sync(() => this.#native.winRatesSync(texts, onError, timeoutMs, rates));
    return rates;
  }

  async winRates(prompts, options) {
    const { onError, timeoutMs, read, signal } = this.#asking(options, 'winRates', ASK);
    const texts = this.#texts(prompts, read);
    if (this.#areQuick(texts)) {
      const rates = new Float64Array(texts.length);
      inPlace(signal, () => this.#native.winRatesSync(texts, onError, timeoutMs, rates));
      return rates;
    }
    return abortable(signal, (cancel) => this.#native.winRates(texts, onError, timeoutMs, cancel));
  }

  winRatesFromEmbeddings(embeddings, n, options) {
    const { onError, timeoutMs } = this.#asking(options, 'winRatesFromEmbeddings', ASK_EMBEDDING);
    const numbers = embeddingNumbers(embeddings, 'embeddings');
    if (n !== undefined && !(Number.isSafeInteger(n) && n >= 0)) {
      throw invalid(`n is ${describe(n)}, expected a number of rows`);
    }
    const dimension = this.embeddingDimension;
    // A router without one takes no embedding; it says so itself, given a row.
    const rows = dimension === null ? 1 : (n ?? numbers.length / dimension);
    if (dimension !== null && (!Number.isInteger(rows) || rows * dimension !== numbers.length)) {
      const expected = n === undefined ? `rows of ${dimension}` : `${n} rows of ${dimension}`;
      throw invalid(`embeddings holds ${numbers.length} numbers, expected ${expected}`);
    }
    const rates = new Float64Array(rows);
    sync(() => this.#native.winRatesFromEmbeddings(numbers, onError, timeoutMs, rates));
    return rates;
  }

  candidateScoresSync(prompt, options) {
    const { onError, timeoutMs, read } = this.#asking(options, 'candidateScoresSync', ASK_SYNC);
    const text = this.#text(prompt, read);
    return sync(() => this.#native.candidateScoresSync(text, onError, timeoutMs));
  }

  async candidateScores(prompt, options) {
    const { onError, timeoutMs, read, signal } = this.#asking(options, 'candidateScores', ASK);
    const text = this.#text(prompt, read);
    if (this.#isQuick(text)) return inPlace(signal, () => this.#native.candidateScoresSync(text, onError, timeoutMs));
    return abortable(signal, (cancel) => this.#native.candidateScores(text, onError, timeoutMs, cancel));
  }

  candidateScoresFromEmbedding(embedding, options) {
    const { onError, timeoutMs } = this.#asking(options, 'candidateScoresFromEmbedding', ASK_EMBEDDING);
    const numbers = embeddingNumbers(embedding, 'the embedding');
    return sync(() => this.#native.candidateScoresFromEmbedding(numbers, onError, timeoutMs));
  }

  qualitiesSync(prompt, options) {
    const { onError, timeoutMs, read } = this.#asking(options, 'qualitiesSync', ASK_SYNC);
    const text = this.#text(prompt, read);
    return sync(() => this.#native.qualitiesSync([text], onError, timeoutMs));
  }

  async qualities(prompt, options) {
    const { onError, timeoutMs, read, signal } = this.#asking(options, 'qualities', ASK);
    const text = this.#text(prompt, read);
    if (this.#isQuick(text)) return inPlace(signal, () => this.#native.qualitiesSync([text], onError, timeoutMs));
    return abortable(signal, (cancel) => this.#native.qualities([text], onError, timeoutMs, cancel));
  }

  qualitiesBatchSync(prompts, options) {
    const { onError, timeoutMs, read } = this.#asking(options, 'qualitiesBatchSync', ASK_SYNC);
    const texts = this.#texts(prompts, read);
    return this.#rows(sync(() => this.#native.qualitiesSync(texts, onError, timeoutMs)), texts.length);
  }

  async qualitiesBatch(prompts, options) {
    const { onError, timeoutMs, read, signal } = this.#asking(options, 'qualitiesBatch', ASK);
    const texts = this.#texts(prompts, read);
    const numbers = await abortable(signal, (cancel) => this.#native.qualities(texts, onError, timeoutMs, cancel));
    return this.#rows(numbers, texts.length);
  }

  qualitiesFromEmbedding(embedding, options) {
    const { onError, timeoutMs } = this.#asking(options, 'qualitiesFromEmbedding', ASK_EMBEDDING);
    const numbers = embeddingNumbers(embedding, 'the embedding');
    return sync(() => this.#native.qualitiesFromEmbedding(numbers, onError, timeoutMs));
  }

  similaritySync(prompt, options) {
    const { onError, timeoutMs, read } = this.#asking(options, 'similaritySync', ASK_SYNC);
    const text = this.#text(prompt, read);
    return sync(() => this.#native.similaritySync(text, onError, timeoutMs));
  }

  async similarity(prompt, options) {
    const { onError, timeoutMs, read, signal } = this.#asking(options, 'similarity', ASK);
    const text = this.#text(prompt, read);
    return abortable(signal, (cancel) => this.#native.similarity(text, onError, timeoutMs, cancel));
  }

  similarityFromEmbedding(embedding, options) {
    const { onError, timeoutMs } = this.#asking(options, 'similarityFromEmbedding', ASK_EMBEDDING);
    const numbers = embeddingNumbers(embedding, 'the embedding');
    return sync(() => this.#native.similarityFromEmbedding(numbers, onError, timeoutMs));
  }

  explainSync(prompt, k, options) {
    const count = voteCount(k);
    const { onError, timeoutMs, read } = this.#asking(options, 'explainSync', ASK_SYNC);
    const text = this.#text(prompt, read);
    return explanationFromJson(sync(() => this.#native.explainSync(text, count, onError, timeoutMs)));
  }

  async explain(prompt, k, options) {
    const count = voteCount(k);
    const { onError, timeoutMs, read, signal } = this.#asking(options, 'explain', ASK);
    const text = this.#text(prompt, read);
    return explanationFromJson(await abortable(signal, (cancel) => this.#native.explain(text, count, onError, timeoutMs, cancel)));
  }

  explainEmbedding(embedding, k, options) {
    const count = voteCount(k);
    const { onError, timeoutMs } = this.#asking(options, 'explainEmbedding', ASK_EMBEDDING);
    const numbers = embeddingNumbers(embedding, 'the embedding');
    return explanationFromJson(sync(() => this.#native.explainEmbedding(numbers, count, onError, timeoutMs)));
  }

  embedSync(prompt, options) {
    const { onError, timeoutMs, read } = this.#asking(options, 'embedSync', ASK_SYNC);
    const text = this.#text(prompt, read);
    return sync(() => this.#native.embedSync(text, onError, timeoutMs));
  }

  async embed(prompt, options) {
    const { onError, timeoutMs, read, signal } = this.#asking(options, 'embed', ASK);
    const text = this.#text(prompt, read);
    if (this.#isQuick(text)) return inPlace(signal, () => this.#native.embedSync(text, onError, timeoutMs));
    return abortable(signal, (cancel) => this.#native.embed(text, onError, timeoutMs, cancel));
  }

  threshold(options) {
    const { threshold, strongShare } = callOptions(options, 'threshold', THRESHOLD);
    return sync(() => this.#native.threshold(threshold, strongShare));
  }

  share(strongShare) {
    const [threshold, share] = sync(() => this.#native.share(number('strongShare', strongShare, 'a number in [0, 1]')));
    return { threshold, share };
  }

  close() {
    this.#native.close();
  }

  get closed() {
    return this.#native.closed();
  }

  stats() {
    return JSON.parse(sync(() => this.#native.stats()));
  }

  info() {
    return infoFromJson(sync(() => this.#native.info()));
  }

  get strong() {
    return this.#strong;
  }

  get weak() {
    return this.#weak;
  }

  get models() {
    return this.#native.models();
  }

  get embeddingDimension() {
    return this.#native.embeddingDimension();
  }

  get fallbacks() {
    return this.#native.fallbacks();
  }

  [inspect.custom](depth, options, inspectValue) {
    const { name, kind } = this.info();
    return `Router ${inspectValue({ name, kind, strong: this.#strong, weak: this.#weak }, options)}`;
  }

  /** The options of a call that decides nothing: a candidate's name in `onError` only has to be one. */
  #asking(options, method, known) {
    const call = callOptions(options, method, known);
    if (call.more === undefined) return call;
    sync(() => this.#native.checkOnError(JSON.parse(call.more).onError));
    return { ...call, onError: 1 };
  }

  /** Numbers that lie row after row, as an array for each row. */
  #rows(numbers, count) {
    const width = count === 0 ? 0 : numbers.length / count;
    return Array.from({ length: count }, (_, i) => numbers.slice(i * width, (i + 1) * width));
  }

  #text(prompt, read) {
    return withinCap(promptText(prompt, read ?? this.#read), this.#cap);
  }

  #texts(prompts, read) {
    return promptTexts(prompts, this.#cap, read ?? this.#read);
  }

  /** Whether a text takes less time than handing it to a thread of the library would. */
  #isQuick(text) {
    return this.#native.isQuick(1, byteLength(text));
  }

  #areQuick(texts) {
    return this.#native.isQuick(texts.length, texts.reduce((bytes, text) => bytes + byteLength(text), 0));
  }

  #decisions(numbers, fallbacks) {
    if (this.#watched) setImmediate(oneMoreTurn);
    const decisions = new Array(numbers.length / NUMBERS);
    for (let i = 0; i < decisions.length; i += 1) decisions[i] = this.#object(numbers, i * NUMBERS, null);
    for (const reason of fallbacks) {
      decisions[reason.index] = this.#object(numbers, reason.index * NUMBERS, reason);
    }
    return decisions;
  }

  #decision(numbers, at, reason) {
    if (this.#watched) setImmediate(oneMoreTurn);
    return this.#object(numbers, at, reason);
  }

  /** The name of a candidate. */
  #nameOf(candidate) {
    this.#models ??= this.#native.models();
    return this.#models[candidate];
  }

  /** Every decision has the same keys in the same order: one hidden class. */
  #object(numbers, at, reason) {
    const side = numbers[at];
    const fallback = reason !== null;
    if (fallback) announce(reason);
    const pair = side === 1 ? this.#strong : this.#weak;
    return {
      model: Number.isNaN(side) ? this.#nameOf(numbers[at + CANDIDATE]) : pair,
      side: Number.isNaN(side) ? null : side === 1 ? 'strong' : 'weak',
      // <faces:decision>
      winRate: present(numbers[at + 1]),
      threshold: present(numbers[at + 2]),
      truncated: numbers[at + 3] === 1,
      similarity: present(numbers[at + 4]),
      outOfDistribution: numbers[at + 5] === 1,
      noScore: numbers[at + 6] === 1,
      propensity: numbers[at + 7],
      id: idText(numbers, at + 8),
      candidate: numbers[at + 12],
      quality: present(numbers[at + 13]),
      expectedCost: present(numbers[at + 14]),
      // </faces:decision>
      fallback,
      fallbackKind: fallback ? reason.kind : null,
      fallbackReason: fallback ? spelled(reason.reason) : null,
    };
  }
}

// Not every Node 20 has it.
if (Symbol.dispose !== undefined) {
  Object.defineProperty(Router.prototype, Symbol.dispose, { value: Router.prototype.close, writable: true, configurable: true });
}

module.exports = { Router, inherit: (router, other) => inherit(router, other) };

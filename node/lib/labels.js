'use strict';

const native = require('../native.js');
const { listen, unlisten } = require('./abort.js');
const { RouteLLMError, aborted, describe, fromNative, invalid } = require('./errors.js');
const { checkNames, checkSignal } = require('./options.js');
const { json } = require('./train.js');

const asWritten = (message) => message;

function natively(call) {
  try {
    return call();
  } catch (error) {
    // A specification spells its members as every language does.
    throw error instanceof RouteLLMError ? error : fromNative(error, asWritten);
  }
}

/** The function that asks each model. */
function askers(ask, models) {
  if (typeof ask === 'function') return () => ask;
  if (ask === null || typeof ask !== 'object') {
    throw invalid(`ask is ${describe(ask)}, expected a function, or one for each model`);
  }
  for (const model of models) {
    if (typeof ask[model] !== 'function') throw invalid(`ask has no function for ${JSON.stringify(model)}`);
  }
  return (model) => ask[model];
}

/** An amount as it is written: the core takes no binary fractions. */
function usd(budget) {
  if (typeof budget !== 'number') return budget;
  if (!Number.isFinite(budget) || budget < 0) throw invalid(`budget is ${budget}, expected an amount in USD`);
  return budget.toLocaleString('en-US', { useGrouping: false, maximumFractionDigits: 12 });
}

function specified(kind, spec) {
  if (spec === null || typeof spec !== 'object' || Array.isArray(spec)) {
    throw invalid(`spec is ${describe(spec)}, expected an object`);
  }
  const endpoints = {};
  for (const [model, endpoint] of Object.entries(spec.endpoints ?? {})) {
    endpoints[model] = { address: 'callable', ...endpoint };
  }
  const requests = { ...spec.requests };
  if ('budget' in requests) requests.budget = usd(requests.budget);
  return { ...spec, kind, endpoints, requests };
}

/** What came back, as the body of a chat completion. */
function bodyOf(answer) {
  if (typeof answer === 'string') return JSON.stringify({ choices: [{ message: { content: answer } }] });
  if (answer === null || typeof answer !== 'object') {
    throw invalid(`the answer is ${describe(answer)}, expected a text or a chat completion`);
  }
  return JSON.stringify(answer);
}

const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);
const LOST = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);
// As openai and fetch call them.
const BROKEN = new Set(['APIConnectionError', 'APIConnectionTimeoutError', 'AbortError', 'TimeoutError']);

function retryAfter(headers) {
  const text = typeof headers?.get === 'function' ? headers.get('retry-after') : headers?.['retry-after'];
  if (text === null || text === undefined) return undefined;
  const seconds = Number(text);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(wait) ? Math.max(0, Math.min(wait, 1e12)) : undefined;
}

/** What an error of a client means; undefined for one that is none of a request. */
function failure(error) {
  const message = error instanceof Error ? error.message : String(error);
  const codes = [];
  for (let link = error, depth = 0; link instanceof Error && depth < 8; link = link.cause, depth += 1) codes.push(link.code);
  if (codes.some((code) => NOT_SENT.has(code))) return { body: message, sent: false };
  if (Number.isInteger(error?.status)) {
    const body = error.error === undefined ? message : JSON.stringify({ error: error.error });
    return { status: error.status, retryAfterMs: retryAfter(error.headers), body, sent: true };
  }
  const kinds = [error?.name, error?.constructor?.name];
  const broken = codes.some((code) => LOST.has(code)) || kinds.some((kind) => BROKEN.has(kind));
  // What fetch throws, and a body that broke off.
  const half = error instanceof SyntaxError || (error instanceof TypeError && /fetch failed|terminated/.test(message));
  return broken || half ? { body: message, sent: true } : undefined;
}

class Run {
  constructor(job, asker, onProgress) {
    Object.assign(this, { job, asker, onProgress, replies: [], wake: undefined, thrown: undefined });
  }

  now() {
    return Math.floor(performance.now());
  }

  /** Sends nothing more; what is in flight is waited for, and then this is thrown. */
  stop(error) {
    this.thrown ??= { error };
    this.job.stop();
    this.wake?.();
  }

  tell() {
    if (this.onProgress === undefined || this.thrown !== undefined) return;
    try {
      if (this.onProgress(this.job.progress()) === false) this.job.stop();
    } catch (error) {
      this.stop(error);
    }
  }

  async send({ attempt, model, body }) {
    let reply;
    try {
      reply = { status: 200, body: bodyOf(await this.asker(model)(JSON.parse(body))), sent: true };
    } catch (error) {
      reply = failure(error);
      if (reply === undefined) {
        // The program's own: it may have been sent.
        this.stop(error);
        reply = { body: String(error), sent: true };
      }
    }
    this.replies.push([attempt, reply]);
    this.wake?.();
  }

  /** Waits for a reply, but at most so long. */
  wait(ms) {
    if (this.replies.length > 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = ms === undefined || ms === null ? undefined : setTimeout(resolve, Math.min(ms, 2 ** 31 - 1));
      this.wake = () => {
        clearTimeout(timer);
        this.wake = undefined;
        resolve();
      };
    });
  }

  async drive() {
    for (;;) {
      this.tell();
      const step = natively(() => this.job.next(this.now()));
      if (step.finished) break;
      if (step.attempt !== undefined && step.attempt !== null) {
        void this.send(step);
        continue;
      }
      await this.wait(step.waitMs);
      for (const [attempt, { status, retryAfterMs, body, sent }] of this.replies.splice(0)) {
        natively(() => this.job.receive(attempt, this.now(), status, retryAfterMs, body, sent));
      }
    }
    if (this.thrown !== undefined) throw this.thrown.error;
  }
}

function graded(grade, rows) {
  return Promise.all(rows.map(async (row) => {
    const given = await grade(row);
    const score = typeof given === 'boolean' ? Number(given) : given;
    if (score !== null && !(typeof score === 'number' && score >= 0 && score <= 1)) {
      throw invalid(`question ${row.id}: the grade of the answer of ${row.model} is ${describe(score)}, expected one in [0, 1], or null`);
    }
    return { id: row.id, model: row.model, score };
  }));
}

async function made(kind, spec, options, names) {
  checkNames(options, kind, names);
  const { ask, grade, onProgress, signal } = options;
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw invalid(`onProgress is ${describe(onProgress)}, expected a function`);
  }
  if (grade !== undefined && typeof grade !== 'function') throw invalid(`grade is ${describe(grade)}, expected a function`);
  if (signal !== undefined) checkSignal(signal);
  if (signal?.aborted) throw aborted(signal);
  const whole = specified(kind, spec);
  const text = json(whole);
  const estimate = whole.estimate === true;
  const asks = kind === 'judge' || (whole.models ?? []).length > 0;
  if (kind === 'gold' && !estimate && (grade === undefined) === (whole.form === undefined)) {
    throw invalid('how is an answer found? Pass form, or grade; one of them');
  }
  const models = [...(whole.models ?? []), ...(kind === 'judge' && whole.judge?.model ? [whole.judge.model] : [])];
  const asker = asks && !estimate ? askers(ask, models) : undefined;
  const job = natively(() => native.openJob(text));
  try {
    if (!estimate) {
      const run = new Run(job, asker, onProgress);
      const stop = () => run.stop(aborted(signal));
      if (signal !== undefined) listen(signal, stop);
      try {
        await run.drive();
      } finally {
        if (signal !== undefined) unlisten(signal, stop);
      }
    }
    const rows = grade === undefined || estimate ? undefined : JSON.parse(natively(() => job.toGrade()));
    const grades = rows === undefined ? undefined : JSON.stringify(await graded(grade, rows));
    return JSON.parse(natively(() => job.result(grades)));
  } finally {
    // Whoever comes next need not wait until this object is collected.
    job.close();
  }
}

const judge = (spec, options = {}) => made('judge', spec, options, ['ask', 'onProgress', 'signal']);

const gold = (spec, options = {}) => made('gold', spec, options, ['ask', 'grade', 'onProgress', 'signal']);

module.exports = { gold, judge };

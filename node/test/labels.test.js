'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { existsSync, readFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { join } = require('node:path');
const { test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { OpenAI } = require('openai');

const { gold, judge } = require('..');
const { PACKAGE, temporary } = require('./helpers.js');

const pairs = (count) => Array.from({ length: count }, (_, i) => ({
  id: String(i), prompt: `question ${i}`, model_a: 'big', model_b: 'small', answer_a: i % 3 ? 'good' : 'poor',
  answer_b: i % 3 ? 'poor' : 'good', winner: i % 3 ? 'model_a' : 'model_b',
}));

const verdict = (body) => {
  const text = body.messages[1].content;
  return text.indexOf('good') < text.indexOf('poor') ? '[[A]]' : '[[B]]';
};

const endpoints = { j: { input: 2, output: 8 }, big: { input: 2, output: 8 }, small: { input: 2, output: 8 } };

const specOf = (t, more = {}) => ({
  rows: pairs(16), judge: { model: 'j', max_tokens: 20 }, endpoints, cache: join(temporary(t), 'kept'),
  requests: { budget: 1, ...more.requests }, ...Object.fromEntries(Object.entries(more).filter(([name]) => name !== 'requests')),
});

function right(votes, count) {
  assert.equal(votes.failure, null);
  assert.equal(votes.report.judged, count);
  assert.deepEqual(votes.rows.map((row) => row.winner), pairs(count).map((pair) => pair.winner));
}

/** A server that answers as `manner` says for the n-th time that a body comes. */
async function serve(t, manner) {
  const seen = { came: new Map(), billed: 0, now: 0, most: 0 };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    const body = JSON.parse(text);
    const nth = (seen.came.get(text) ?? 0) + 1;
    seen.came.set(text, nth);
    seen.now += 1;
    seen.most = Math.max(seen.most, seen.now);
    const deed = manner(body, nth);
    await sleep(1);
    seen.now -= 1;
    if (typeof deed === 'object') {
      response.writeHead(deed.status, deed.headers).end('{"error": {"message": "not now"}}');
      return;
    }
    const content = ['half', 'reset'].includes(deed) ? '[[A]]' : deed;
    const tokens = body.messages.reduce((sum, message) => sum + message.content.split(/\s+/).length, 0);
    seen.billed += tokens * 2e-6 + 8e-6;
    const answer = JSON.stringify({
      id: 'x', object: 'chat.completion', created: 0, model: body.model,
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }],
      usage: { prompt_tokens: tokens, completion_tokens: 1, total_tokens: tokens + 1 },
    });
    if (deed === 'reset') return void request.socket.destroy();
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
    if (deed === 'half') {
      response.write(answer.slice(0, answer.length / 2));
      setImmediate(() => request.socket.destroy());
      return;
    }
    response.end(answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.closeAllConnections(); server.close(); });
  const client = new OpenAI({ baseURL: `http://127.0.0.1:${server.address().port}/v1`, apiKey: 'sk-mine', maxRetries: 0 });
  return { seen, ask: (body) => client.chat.completions.create(body) };
}

test('a client of openai is asked until it answers, and nothing is paid twice', async (t) => {
  const numbers = new Map();
  const deeds = ['half', 'reset', { status: 500 }, { status: 429, headers: { 'retry-after': '0.2' } }];
  const { seen, ask } = await serve(t, (body, nth) => {
    const key = JSON.stringify(body);
    if (!numbers.has(key)) numbers.set(key, numbers.size);
    return (nth > 1 ? undefined : deeds[numbers.get(key) % 8]) ?? verdict(body);
  });
  const spec = specOf(t);
  const steps = [];
  const votes = await judge(spec, { ask, onProgress: (step) => void steps.push(step) });
  right(votes, 16);
  const [spent, maybe] = [Number(votes.bill.spent_usd), Number(votes.bill.uncertain_usd)];
  assert.ok(maybe > 0 && seen.billed <= spent + maybe && spent + maybe <= 1);
  assert.equal(votes.bill.retries, 16);
  assert.ok(seen.most <= 8);
  assert.deepEqual(steps.at(-1), { stage: 'verdicts', done: 32, total: 32 });
  const came = [...seen.came.values()].reduce((sum, count) => sum + count, 0);
  assert.equal(came, 48);
  const again = await judge(spec, { ask: () => assert.fail('it is paid already') });
  right(again, 16);
  assert.deepEqual([again.bill.sent, again.bill.spent_usd], [0, votes.bill.spent_usd]);
});

test('two models answer, each by a function of its own', async (t) => {
  const asked = [];
  const of = (model, answer) => async (body) => {
    asked.push(model);
    assert.equal(body.model, model);
    return answer(body);
  };
  const ask = {
    big: of('big', () => 'good'), small: of('small', () => 'poor'),
    j: of('j', (body) => ({ choices: [{ message: { content: verdict(body) } }] })),
  };
  const spec = specOf(t, { rows: ['question 1', 'question 2'], models: ['big', 'small'] });
  const { estimate, bill } = await judge({ ...spec, estimate: true }, {});
  assert.equal(estimate.requests, 8);
  assert.equal(bill, undefined);
  assert.equal(existsSync(spec.cache), false);
  const votes = await judge(spec, { ask });
  assert.deepEqual(votes.rows.map((row) => row.winner), ['model_a', 'model_a']);
  assert.deepEqual(asked.sort(), ['big', 'big', 'j', 'j', 'j', 'j', 'small', 'small']);
  await assert.rejects(judge(spec, { ask: { j: ask.j } }), /ask has no function for "big"/);
});

test('the budget and the concurrency hold', async (t) => {
  let [now, most] = [0, 0];
  const ask = async (body) => {
    now += 1;
    most = Math.max(most, now);
    await sleep(1);
    now -= 1;
    return verdict(body);
  };
  const spec = specOf(t, { requests: { budget: 0.02, concurrency: 3 } });
  const less = await judge(spec, { ask });
  assert.equal(most, 3);
  assert.ok(less.bill.over_budget > 0 && Number(less.bill.spent_usd) + Number(less.bill.uncertain_usd) <= 0.02);
  const more = await judge({ ...spec, requests: { budget: '5' } }, { ask });
  right(more, 16);
  assert.equal(more.bill.cached, less.bill.answered);
});

test('what stops a job leaves what was paid for', async (t) => {
  const spec = specOf(t, { requests: { concurrency: 2 } });
  let calls = 0;
  const broken = (body) => {
    calls += 1;
    if (calls === 4) throw new RangeError('a defect of the program');
    return verdict(body);
  };
  await assert.rejects(judge(spec, { ask: broken }), RangeError);
  const controller = new AbortController();
  const slow = async (body) => {
    controller.abort(new Error('enough'));
    await sleep(5);
    return verdict(body);
  };
  await assert.rejects(judge(spec, { ask: slow, signal: controller.signal }), { code: 'ERR_ROUTELLM_CANCELLED', name: 'AbortError' });
  const half = await judge(spec, { ask: verdict, onProgress: ({ done }) => done < 10 });
  assert.ok(half.bill.stopped > 0 && half.bill.cached >= 4);
  const votes = await judge(spec, { ask: verdict });
  right(votes, 16);
  assert.equal(votes.bill.interrupted, 0);
  assert.equal(votes.bill.cached, half.bill.answered);
});

test('a program that is killed goes on where it was', async (t) => {
  const spec = specOf(t, { requests: { concurrency: 2 } });
  const program = `
    const { judge } = require(${JSON.stringify(PACKAGE)});
    const ask = async () => { await new Promise((wake) => setTimeout(wake, 10)); console.log('answered'); return '[[A]]'; };
    judge(${JSON.stringify(spec)}, { ask }).then(({ bill }) => console.log(JSON.stringify(bill)));`;
  let answered = 0;
  const run = (most) => new Promise((resolve) => {
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part) => {
      text += part;
      if (text.split('answered').length > most) child.kill('SIGKILL');
    });
    child.on('close', () => {
      answered += text.split('answered\n').length - 1;
      resolve(text);
    });
  });
  await run(7);
  const bill = JSON.parse((await run(Infinity)).trim().split('\n').at(-1));
  assert.ok(bill.interrupted <= 2 && answered <= 32 + bill.interrupted, JSON.stringify({ ...bill, answers: answered }));
  assert.equal(bill.answered, 32);
});

test('gold rows are graded by a rule or by a function', async (t) => {
  const rows = Array.from({ length: 6 }, (_, i) => ({ id: String(i), prompt: `${i} + 1?`, answer: String(i + 1) }));
  const ask = async ({ model, messages }) => {
    const number = Number(messages.at(-1).content.split(' ')[0]);
    if (model === 'big') return `It is ${number + 1}.`;
    return number === 3 ? 'I do not know.' : `${number + 1 + number % 2}`;
  };
  const spec = {
    rows, models: ['big', 'small'], endpoints, requests: { budget: 1 }, cache: join(temporary(t), 'kept'),
  };
  const ruled = await gold({ ...spec, form: 'number' }, { ask });
  assert.deepEqual(ruled.rows.map((row) => row.small), [1, 0, 1, 0, 1, 0]);
  assert.deepEqual(ruled.models[1], { model: 'small', accuracy: 0.5, unparsed: 1 });
  assert.equal(ruled.unparsed[0].text, 'I do not know.');
  const grade = async ({ answer, right: wanted }) => (answer.includes('know') ? null : answer.includes(wanted));
  const graded = await gold(spec, { ask, grade });
  assert.deepEqual(graded.rows.map((row) => row.big), [1, 1, 1, 1, 1, 1]);
  assert.equal(graded.bill.sent, 0);
  await assert.rejects(gold(spec, { ask, grade: () => 2 }), /question 0: the grade of the answer of big is 2/);
  await assert.rejects(gold(spec, { ask }), /Pass form, or grade/);
});

test('what is wrong is said before anything is sent', async (t) => {
  const spec = specOf(t);
  const ask = () => assert.fail('nothing is sent');
  for (const [wrong, options, what] of [
    [{ requests: {} }, { ask }, /how much may it cost/],
    [{ endpoints: {} }, { ask }, /no price of "j"/],
    [{ requests: { budget: -1 } }, { ask }, /budget is -1/],
    [{ models: ['big'] }, { ask: { big: ask, j: ask } }, /two models are compared/],
    [{ rows: [{ prompt: 'x' }] }, { ask }, /pairs, line 1/],
    [{ row: [] }, { ask }, /row/],
    [{}, {}, /ask is undefined, expected a function/],
    [{}, { asks: ask }, /asks/],
  ]) {
    await assert.rejects(judge({ ...spec, ...wrong }, options), { code: 'ERR_ROUTELLM_INVALID_ARGUMENT', message: what });
  }
  assert.equal(existsSync(spec.cache), false);
  await judge(spec, { ask: verdict });
  const events = readFileSync(join(spec.cache, 'journal.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line).event);
  assert.deepEqual([events.length, new Set(events)], [64, new Set(['sent', 'done'])]);
});

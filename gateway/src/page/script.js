'use strict';

// What the page knows: routers as the gateway tells them, and the conversation.
const state = { routers: [], messages: [], abort: null, feedback: false };
// Tokens of a request for the cost that is shown.
const INPUT_TOKENS = 200;

const find = (selector) => document.querySelector(selector);
const show = (name, text) => { find(`[data-show="${name}"]`).textContent = text; };
const usd = (value) => `$${value < 0.01 && value > 0 ? value.toPrecision(2) : value.toFixed(2)}`;
const percent = (value) => `${(100 * value).toFixed(1)} %`;

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function headers() {
  const key = find('#key').value.trim();
  return { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) };
}

async function ask(path, body, signal) {
  const options = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const response = await fetch(path, { ...options, headers: headers(), signal });
  if (response.status === 401) find('#key-row').hidden = false;
  if (!response.ok) {
    const told = await response.json().catch(() => null);
    throw new Error(told?.error?.message ?? `the gateway answered ${response.status}`);
  }
  return response;
}

const router = () => state.routers.find((one) => one.name === find('#router').value);
const share = () => Number(find('#share').value) / 100;

// Counters and routers.
async function refresh() {
  const told = await (await ask('/v1/gateway')).json();
  const chosen = find('#router').value;
  const names = told.routers.map((one) => one.name);
  if (names.join() !== state.routers.map((one) => one.name).join()) {
    find('#router').replaceChildren(...names.map((name) => new Option(name)));
    if (names.includes(chosen)) find('#router').value = chosen;
  }
  state.routers = told.routers;
  state.feedback = told.feedback;
  find('#version').textContent = `routellm ${told.version}`;
  if (told.demo) find('#about').textContent = 'A demo: two models that only echo, and the router that is compiled in.';
  draw();
}

function draw() {
  const one = router();
  if (!one) return;
  const slider = find('#share');
  slider.disabled = one.shares.length === 0;
  const [reached, threshold] = one.shares[Number(slider.value)] ?? [NaN, NaN];
  show('share', Number.isNaN(reached) ? '–' : percent(reached));
  show('threshold', Number.isNaN(threshold) ? '–' : threshold.toFixed(4));
  slider.setAttribute('aria-valuetext', `${percent(reached)} to ${one.strong}`);
  const price = (of) => of && (of.input * INPUT_TOKENS + of.output * one.output_tokens) / 1000;
  const [strong, weak] = [price(one.strong_price), price(one.weak_price)];
  const priced = strong !== null && weak !== null && !Number.isNaN(reached);
  show('cost', priced ? usd(reached * strong + (1 - reached) * weak) : '–');
  find('#cost-note').textContent = priced
    ? `For ${INPUT_TOKENS} tokens in and ${Math.round(one.output_tokens)} out; ${usd(strong)} with ${one.strong} only.`
    : 'Models without a price cost nobody knows what.';
  show('decisions', one.decisions.toLocaleString('en'));
  show('live-share', one.decisions ? percent(one.strong_decisions / one.decisions) : '–');
  show('spent', usd(one.cost_usd));
  show('saved', usd(Math.max(0, one.strong_cost_usd - one.cost_usd)));
}

// Messages.
function add(who, text) {
  const message = element('div', 'message');
  message.append(element('div', 'who', who), element('div', 'text', text));
  find('#log').append(message);
  return message;
}

function follow() {
  const log = find('#log');
  log.scrollTop = log.scrollHeight;
}

function decided(message, response, asked) {
  const header = (name) => response.headers.get(`x-routellm-${name}`);
  const one = router();
  const model = header('model');
  message.querySelector('.who').textContent = model ?? 'Answer';
  if (model === one?.strong) message.querySelector('.who').classList.add('side-strong');
  if (model === one?.weak) message.querySelector('.who').classList.add('side-weak');
  const line = element('p', 'decision');
  const [rate, threshold] = [Number(header('win-rate') ?? NaN), Number(header('threshold') ?? NaN)];
  if (!Number.isNaN(rate)) {
    line.append('Win rate ', element('b', '', rate.toFixed(4)), rate >= threshold ? ' ≥ ' : ' < ',
      element('b', '', threshold.toFixed(4)), `, decided in ${header('decision-us')} µs`);
  } else {
    line.append('Not scored');
  }
  if (header('decided')) line.append(`; decided for ${header('decided')}`);
  message.append(line);
  if (one?.explains) message.append(votes(asked));
  if (state.feedback && header('id')) message.append(feedback(header('id')));
}

function votes(asked) {
  const details = element('details', 'votes');
  details.append(element('summary', '', 'Votes behind it'));
  details.addEventListener('toggle', async () => {
    if (!details.open || details.children.length > 1) return;
    try {
      const told = await (await ask('/v1/route', { ...asked, explain: 5 })).json();
      const table = element('table');
      const row = (cells, name) => {
        const made = element('tr');
        made.append(...cells.map((cell) => element(name, '', cell)));
        return made;
      };
      table.append(row(['Similarity', 'Weight', 'Winner', 'Prompt'], 'th'));
      for (const vote of told.explanation?.votes ?? []) {
        const winner = vote.winner === 'tie' ? 'tie' : vote[vote.winner];
        const cells = [vote.similarity.toFixed(3), vote.weight.toFixed(2), winner, vote.text ?? vote.id ?? `row ${vote.row}`];
        table.append(row(cells, 'td'));
      }
      const scroll = element('div', 'scroll');
      scroll.append(table);
      details.append(scroll);
    } catch (error) {
      details.append(element('p', 'soft', error.message));
    }
  });
  return details;
}

function feedback(id) {
  const group = element('div', 'feedback');
  group.setAttribute('role', 'group');
  group.setAttribute('aria-label', 'Feedback on this answer');
  for (const [text, quality] of [['Good answer', 1], ['Bad answer', 0]]) {
    const button = element('button', '', text);
    button.type = 'button';
    button.setAttribute('aria-pressed', 'false');
    button.addEventListener('click', async () => {
      try {
        await ask('/v1/feedback', { id, quality });
        for (const other of group.children) {
          other.disabled = true;
          other.setAttribute('aria-pressed', String(other === button));
        }
        find('#status').textContent = 'Feedback kept.';
      } catch (error) {
        find('#status').textContent = error.message;
      }
    });
    group.append(button);
  }
  return group;
}

// Events of a stream, each as its data.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    buffer += value;
    const parts = buffer.split(/\r?\n\r?\n/);
    buffer = parts.pop();
    for (const part of parts) {
      const data = part.split(/\r?\n/).filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trim());
      if (data.length) yield data.join('\n');
    }
  }
}

async function send(text) {
  const one = router();
  if (!one) throw new Error('this gateway has no router');
  state.messages.push({ role: 'user', content: text });
  add('You', text);
  const message = add('…', '');
  follow();
  const suffix = one.shares.length ? `-share-${share()}` : '';
  const asked = { model: `router-${one.name}${suffix}`, messages: state.messages };
  state.abort = new AbortController();
  find('#send').disabled = true;
  find('#stop').hidden = false;
  find('#status').textContent = 'Waiting for an answer…';
  let answer = '';
  try {
    const response = await ask('/v1/chat/completions', { ...asked, stream: true }, state.abort.signal);
    decided(message, response, { ...asked, messages: [...state.messages] });
    for await (const data of events(response)) {
      // The counters are right when the answer has ended.
      if (data === '[DONE]') continue;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new Error(chunk.error.message);
      answer += chunk.choices?.[0]?.delta?.content ?? '';
      message.querySelector('.text').textContent = answer;
      follow();
    }
    find('#status').textContent = 'Answered.';
  } catch (error) {
    const stopped = error.name === 'AbortError';
    if (!stopped) message.classList.add('wrong');
    if (!answer) message.querySelector('.text').textContent = stopped ? '(stopped)' : error.message;
    find('#status').textContent = stopped ? 'Stopped.' : error.message;
  } finally {
    // A conversation that goes on has no gap where an answer failed.
    if (answer) state.messages.push({ role: 'assistant', content: answer });
    else state.messages.pop();
    find('#send').disabled = false;
    find('#stop').hidden = true;
    await refresh().catch(() => {});
  }
}

find('#form').addEventListener('submit', (event) => {
  event.preventDefault();
  const prompt = find('#prompt');
  const text = prompt.value.trim();
  if (!text || find('#send').disabled) return;
  prompt.value = '';
  send(text).catch((error) => { find('#status').textContent = error.message; });
});
find('#prompt').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    find('#form').requestSubmit();
  }
});
find('#stop').addEventListener('click', () => state.abort?.abort());
find('#clear').addEventListener('click', () => {
  state.messages = [];
  find('#log').replaceChildren();
  find('#status').textContent = 'A new conversation.';
});
find('#share').addEventListener('input', draw);
find('#router').addEventListener('change', draw);
const look = () => refresh().catch((error) => { find('#status').textContent = error.message; });
find('#key-row').addEventListener('submit', (event) => {
  event.preventDefault();
  look();
});
setInterval(() => { if (!document.hidden) refresh().catch(() => {}); }, 5000);
look();

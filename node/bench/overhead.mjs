// What a call from Node costs beyond the work of the Rust library, in one run.
//
// The library is timed inside the same addon, on the same texts, once they are in Rust. What `routeSync` takes
// beyond it is the price of the call: the text on its way, the checks, the decision as an object. Medians of
// rounds in which the variants take turns, so that a change of the clock hits all of them.

import { createRequire } from 'node:module';

const native = createRequire(import.meta.url)('../native.js');
const { Router } = await import('../index.mjs');

const ROUNDS = Number(process.env.ROUNDS ?? 41);
const CALLS = 2000;

const words = 'explain the difference between a process and a thread in an operating system with examples'.split(' ');
const prompt = Array.from({ length: 100 }, (_, i) => words[(i * 7) % words.length]).join(' ');
// Each call gets a string of its own, as it comes from a request: no cache of V8 can help.
const prompts = Array.from({ length: CALLS }, (_, i) => `${prompt} ${i}`.split('').join(''));

const router = Router.default();
const inner = native.open(undefined, '{}');
const LIBRARY = 'the library itself';
const variants = {
  [LIBRARY]: () => native.timeRoute(inner, prompts),
  'winRatesSync, each': () => router.winRatesSync(prompts),
  'routeBatchSync, each': () => router.routeBatchSync(prompts),
  winRateSync: () => { for (const text of prompts) router.winRateSync(text); },
  routeSync: () => { for (const text of prompts) router.routeSync(text); },
  'routeSync, threshold': () => { for (const text of prompts) router.routeSync(text, { threshold: 0.2 }); },
  // Decided in place, as what takes so little time is.
  'route, awaited': async () => { for (const text of prompts) await router.route(text); },
};

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const times = Object.fromEntries(Object.keys(variants).map((name) => [name, []]));
for (let round = -5; round < ROUNDS; round += 1) {
  for (const [name, run] of Object.entries(variants)) {
    const begin = process.hrtime.bigint();
    const inside = await run();
    const outside = Number(process.hrtime.bigint() - begin) / CALLS;
    if (round >= 0) times[name].push(name === LIBRARY ? inside : outside);
  }
}

const cost = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
for (const [name, nanoseconds] of Object.entries(cost)) {
  console.log(`${name.padEnd(24)}${(nanoseconds / 1000).toFixed(2).padStart(8)} us`);
}

const added = cost.routeSync - cost[LIBRARY];
const waiting = cost['route, awaited'] - cost.routeSync;
console.log(`awaiting route adds ${(waiting / 1000).toFixed(2)} us to routeSync`);
console.log(`routeSync adds ${(added / 1000).toFixed(2)} us to a call of ${prompt.length} characters (at most 2 are allowed)`);

// What a chat costs more than its prompt: a history of 200 KB, and twenty megabytes of image parts.
const text = prompt.slice(0, 120);
const turns = Array.from({ length: 200 }, (_, i) => ({ role: i % 2 ? 'assistant' : 'user', content: `${prompt} ${i}`.repeat(2).slice(0, 1000) }));
const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(1_000_000)}` } };
const chats = {
  '201 messages, 200 KB': [[...turns, { role: 'user', content: text }], 2],
  '20 MB of images': [[{ role: 'user', content: [...Array(20).fill(image), { type: 'text', text }] }], 50],
};
for (const [name, [chat, limit]] of Object.entries(chats)) {
  const [alone, whole] = [text, chat].map(() => []);
  for (let round = -5; round < ROUNDS; round += 1) {
    for (const [input, out] of [[text, alone], [chat, whole]]) {
      const start = process.hrtime.bigint();
      for (let i = 0; i < CALLS; i += 1) router.routeSync(input);
      if (round >= 0) out.push(Number(process.hrtime.bigint() - start) / CALLS / 1000);
    }
  }
  console.log(`a chat of ${name} adds ${(median(whole) - median(alone)).toFixed(2)} us to its text (at most ${limit} are allowed)`);
}

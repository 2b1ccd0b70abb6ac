'use strict';

// What people have in hand with `openai` and `ai`: every form of message of those packages, and what of it is read.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { convertToModelMessages, modelMessageSchema, validateUIMessages } = require('ai');
const { Router, promptFromMessages } = require('..');

const PNG = 'data:image/png;base64,iVBORw0KGgo=';
const ASK = 'Prove it.';

/** The prompt, whole, of all users and of the conversation, also of a frozen chat and inside a body. */
function reads(messages, all, conversation) {
  const router = Router.default();
  for (const chat of [messages, Object.freeze([...messages]), { model: 'x', messages }]) {
    assert.equal(promptFromMessages(chat), ASK);
    assert.equal(promptFromMessages(chat, { read: 'all_user' }), all);
    assert.equal(promptFromMessages(chat, { read: 'conversation' }), conversation);
    assert.deepEqual(router.routeSync(chat), router.routeSync(ASK));
  }
  assert.deepEqual(router.routeBatchSync([messages, 'x'])[0], router.routeSync(ASK));
}

test('messages of openai', () => {
  reads([
    { role: 'developer', content: [{ type: 'text', text: 'dev' }] },
    { role: 'system', content: 'sys', name: 'n' },
    { role: 'user', content: 'first' },
    { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"text":"no"}' } }] },
    { role: 'tool', tool_call_id: 'c', content: [{ type: 'text', text: 'result' }] },
    { role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }], refusal: 'no' },
    { role: 'assistant', content: null, refusal: 'no', audio: { id: 'a' } },
    { role: 'user', content: [
      { type: 'text', text: ASK }, { type: 'image_url', image_url: { url: PNG, detail: 'low' } },
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }, { type: 'file', file: { file_data: PNG, filename: 'a.txt' } },
    ] },
    { role: 'user', content: [{ type: 'image_url', image_url: { url: PNG } }] },
  ], `first\n${ASK}`, `dev\nsys\nfirst\nresult\n${ASK}`);
});

const MODEL = [
  { role: 'system', content: 'sys' },
  { role: 'user', content: 'first' },
  { role: 'assistant', content: [
    { type: 'reasoning', text: 'no' }, { type: 'text', text: 'calling' },
    { type: 'tool-call', toolCallId: 'c', toolName: 'f', input: { text: 'no' } },
    { type: 'file', data: PNG, mediaType: 'image/png', filename: 'no' },
  ] },
  { role: 'tool', content: [
    { type: 'tool-result', toolCallId: 'c', toolName: 'f', output: { type: 'text', value: 'no' } },
    { type: 'tool-result', toolCallId: 'd', toolName: 'f', output: { type: 'json', value: { text: 'no' } } },
  ] },
  { role: 'user', content: [
    { type: 'text', text: ASK }, { type: 'image', image: new Uint8Array(4) }, { type: 'image', image: new URL(PNG) },
    { type: 'file', data: 'bm8=', mediaType: 'text/plain', filename: 'no.txt' },
  ] },
  { role: 'user', content: [{ type: 'file', data: new Uint8Array(4), mediaType: 'application/pdf' }] },
];

test('ModelMessage of ai, which takes them for its own', () => {
  for (const message of MODEL) modelMessageSchema.parse(message);
  reads(MODEL, `first\n${ASK}`, `sys\nfirst\ncalling\n${ASK}`);
});

test('UIMessage of ai, as it is and as it is converted', async () => {
  const messages = [
    { id: '1', role: 'system', parts: [{ type: 'text', text: 'sys' }] },
    { id: '2', role: 'user', metadata: { content: 'no' }, parts: [{ type: 'text', text: 'first', state: 'done' }] },
    { id: '3', role: 'assistant', parts: [
      { type: 'step-start' }, { type: 'reasoning', text: 'no', state: 'done' },
      { type: 'tool-f', toolCallId: 'c', state: 'output-available', input: { text: 'no' }, output: { text: 'no' } },
      { type: 'dynamic-tool', toolName: 'g', toolCallId: 'd', state: 'output-error', input: {}, errorText: 'no' },
      { type: 'source-url', sourceId: 's', url: 'https://example.org', title: 'no' },
      { type: 'text', text: 'answer' },
    ] },
    { id: '4', role: 'user', parts: [
      { type: 'file', mediaType: 'image/png', url: PNG, filename: 'no.png' }, { type: 'text', text: ASK },
      { type: 'data-note', data: { text: 'no' } },
    ] },
    { id: '5', role: 'user', parts: [{ type: 'file', mediaType: 'image/png', url: PNG }] },
  ];
  await validateUIMessages({ messages });
  reads(messages, `first\n${ASK}`, `sys\nfirst\nanswer\n${ASK}`);
  assert.equal(promptFromMessages(await convertToModelMessages(messages)), ASK);
});

test('a data part whose name ends in text is no text', () => {
  const messages = [{ id: '1', role: 'user', parts: [{ type: 'text', text: ASK }, { type: 'data-context', data: { text: 'no' } }] }];
  reads(messages, ASK, ASK);
});

'use strict';

const { types } = require('node:util');
const { readChat } = require('./chat.js');
const { describe, invalid } = require('./errors.js');
const { callOptions } = require('./options.js');

const EXPECTED = 'expected a list of {role, content}, a request body or a message';

/** The prompt of a chat: by default the text of its newest user message that has text. */
function promptFromMessages(messages, options) {
  const { read } = callOptions(options, 'promptFromMessages', ['read']);
  const chat = types.isUint8Array(messages) ? { wrong: undefined } : readChat(messages, read ?? 'last_user', false);
  if (chat.text !== undefined) return chat.text;
  throw invalid(chat.unreadable ?? chat.wrong ?? `messages is ${describe(messages)}, ${EXPECTED}`);
}

/**
 * A prompt as the native layer takes it: a well-formed string, or bytes that the core checks to be UTF-8, or
 * `{ unreadable }`, so that `onError` may decide. Strings with lone surrogates go as bytes too: as strings they would
 * come out with U+FFFD in their place.
 */
function promptText(prompt, read, index) {
  if (typeof prompt === 'string') return prompt.isWellFormed() ? prompt : withLoneSurrogate(prompt);
  if (types.isUint8Array(prompt)) return prompt;
  const chat = readChat(prompt, read, index !== undefined);
  if (chat.text !== undefined) return chat.text;
  if (chat.unreadable !== undefined) return chat;
  if (chat.wrong !== undefined) throw invalid(index === undefined ? chat.wrong : `prompt ${index}: ${chat.wrong}`);
  const name = index === undefined ? 'the prompt' : `prompt ${index}`;
  throw invalid(
    `${name} is ${describe(prompt)}, expected a string, a list of chat messages or a Uint8Array of UTF-8 (of a chat: `
      + 'also a request body or a message)',
  );
}

/** The bytes up to the first lone surrogate, and the surrogate as three bytes that no UTF-8 has. */
function withLoneSurrogate(prompt) {
  const at = prompt.search(/\p{Surrogate}/u);
  const code = prompt.charCodeAt(at);
  const surrogate = [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)];
  return Buffer.concat([Buffer.from(prompt.slice(0, at), 'utf8'), Buffer.from(surrogate)]);
}

const isHighSurrogate = (unit) => (unit & 0xfc00) === 0xd800;
const isLowSurrogate = (unit) => (unit & 0xfc00) === 0xdc00;

/**
 * The part of a well-formed text that a router reads, and one unit more, so that the core sees that there is
 * more and cuts by its own rule: the rest of a long prompt need not be copied. A unit of UTF-16 is at least
 * one byte of UTF-8. `cap` is `{ maxBytes, tail }`, or `null` for a router that reads no prompts.
 */
function withinCap(text, cap) {
  if (cap === null || typeof text !== 'string' || text.length <= cap.maxBytes + 1) return text;
  if (cap.tail) {
    const begin = text.length - cap.maxBytes - 1;
    return text.slice(isLowSurrogate(text.charCodeAt(begin)) ? begin - 1 : begin);
  }
  const end = cap.maxBytes + 1;
  return text.slice(0, isHighSurrogate(text.charCodeAt(end - 1)) ? end + 1 : end);
}

/** The prompts of a batch. */
function promptTexts(prompts, cap, read) {
  if (!Array.isArray(prompts)) throw invalid(`prompts is ${describe(prompts)}, expected an array`);
  // Not `map`: it would pass over holes.
  return Array.from(prompts, (prompt, i) => withinCap(promptText(prompt, read, i), cap));
}

/** Embeddings for the native layer: the caller's own memory, if no other thread can write to it meanwhile. */
function embeddingNumbers(embedding, name) {
  if (!types.isFloat32Array(embedding)) {
    throw invalid(`${name} is ${describe(embedding)}, expected a Float32Array`);
  }
  return types.isSharedArrayBuffer(embedding.buffer) ? new Float32Array(embedding) : embedding;
}

module.exports = { embeddingNumbers, promptFromMessages, promptText, promptTexts, withinCap };

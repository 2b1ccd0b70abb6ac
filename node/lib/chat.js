'use strict';

// From a chat to its prompt. The rules are those of the core's reading of JSON, and one file of cases tests both. A
// chat is walked from its newest message, so that what comes before the one that counts costs nothing, and nothing is
// serialised.

const native = require('../native.js');

const { noText: NO_TEXT, notUnicode: NOT_UNICODE, bareMessage: BARE_MESSAGE, listOfTexts: LIST_OF_TEXTS } = native.refusals();

/** The keys of a request body under which its chat stands, the surest first. */
const BODY_KEYS = ['messages', 'input', 'contents', 'prompt'];

/** The keys of a message under which its texts stand, the surest first. */
const CONTENT_KEYS = ['content', 'parts', 'blocks'];

const USER = 1;
const OTHER = 2;

const TYPES = new Map([
  ['user', USER], ['human', USER],
  ...['ai', 'assistant', 'system', 'developer', 'tool', 'function'].map((type) => [type, OTHER]),
]);

const SAYS_SOMETHING = /\P{White_Space}/u;

const isObject = (value) => typeof value === 'object' && value !== null;
const isPair = (value) => Array.isArray(value) && value.length === 2 && typeof value[0] === 'string';
const holds = (value) => typeof value === 'string' || isObject(value);

/** A field by its name; messages may be maps, too. */
const field = (object, name) => (object instanceof Map ? object.get(name) : object[name]);

const speakerOfRole = (role) => (role === 'user' || role === 'human' ? USER : OTHER);

/** Who speaks by a class of LangChain, as in `HumanMessage` and `AIMessageChunk`. */
function speakerOfClass(name) {
  const [, who] = /^(.*)Message(?:Chunk)?$/s.exec(name) ?? [];
  if (who === undefined) return undefined;
  return who === 'Human' ? USER : OTHER;
}

const speakerOfType = (type) => (typeof type === 'string' ? TYPES.get(type) ?? speakerOfClass(type) : undefined);

/** LangChain's message objects say their type by a method, those of its later releases also by a property. */
function typeOf(message) {
  const type = field(message, 'type');
  if (typeof type === 'string' || message instanceof Map) return type;
  const method = message.getType ?? message._getType;
  return typeof method === 'function' ? method.call(message) : undefined;
}

/** What LangChain's serialised forms hold the message in. */
function innerOf(message) {
  for (const name of ['kwargs', 'data']) {
    const inner = field(message, name);
    if (isObject(inner) && !Array.isArray(inner)) return inner;
  }
  return undefined;
}

/** Who speaks; nobody in what is no message. */
function speakerOf(message) {
  const role = field(message, 'role');
  if (typeof role === 'string') return speakerOfRole(role);
  const inner = innerOf(message);
  if (inner !== undefined) {
    const innerRole = field(inner, 'role');
    if (typeof innerRole === 'string') return speakerOfRole(innerRole);
    const id = field(message, 'id');
    const name = Array.isArray(id) ? id.at(-1) : undefined;
    const speaker = typeof name === 'string' ? speakerOfClass(name) : undefined;
    if (speaker !== undefined) return speaker;
  }
  const speaker = speakerOfType(typeOf(message)) ?? (inner && speakerOfType(field(inner, 'type')));
  if (speaker !== undefined) return speaker;
  // Gemini's content needs no role: then it is the user's.
  return holds(field(message, 'parts')) ? USER : undefined;
}

/** The text of a part, if it counts: it has a string `text`, and its type is absent or ends in `text`. */
function textOfPart(part) {
  if (typeof part === 'string') return part;
  if (!isObject(part) || Array.isArray(part)) return undefined;
  const text = field(part, 'text');
  if (typeof text !== 'string') return undefined;
  // LlamaIndex calls it `block_type`.
  const type = field(part, 'type') ?? field(part, 'block_type') ?? 'text';
  return typeof type === 'string' && type.endsWith('text') ? text : undefined;
}

/** The text of a content (a string, a part, or a list of both); nothing if it says nothing. */
function textOfContent(content) {
  let text;
  if (Array.isArray(content)) {
    for (let i = 0; i < content.length; i += 1) {
      const one = textOfPart(content[i]);
      if (one !== undefined) text = text === undefined ? one : `${text}\n${one}`;
    }
  } else {
    text = textOfPart(content);
  }
  return text !== undefined && SAYS_SOMETHING.test(text) ? text : undefined;
}

function textOf(message) {
  for (const fields of [message, innerOf(message)]) {
    if (fields === undefined) continue;
    for (const key of CONTENT_KEYS) {
      const text = textOfContent(field(fields, key));
      if (text !== undefined) return text;
    }
  }
  return undefined;
}

/** Whether this looks like a message, whoever speaks. */
const isMessage = (value) => speakerOf(value) !== undefined || field(value, 'content') !== undefined;

const isRecord = (value) => value instanceof Map || [Object.prototype, null].includes(Object.getPrototypeOf(value));

/** Whether an element of a list of messages is one. */
const isElement = (value) => isPair(value) || (isObject(value) && !Array.isArray(value) && (isRecord(value) || isMessage(value)));

/** The text of an element of a list of messages, if it counts and says something. */
function textOfElement(message, read) {
  // LangChain and Gemini take a text among messages for the user's.
  if (typeof message === 'string') return textOfContent(message);
  if (isPair(message)) {
    return read === 'conversation' || speakerOfRole(message[0]) === USER ? textOfContent(message[1]) : undefined;
  }
  if (!isObject(message) || Array.isArray(message)) return undefined;
  const speaker = speakerOf(message);
  return speaker === USER || (speaker === OTHER && read === 'conversation') ? textOf(message) : undefined;
}

function textOfList(messages, read) {
  if (read === 'last_user') {
    for (let i = messages.length - 1; i >= 0; i -= 1) {
      const text = textOfElement(messages[i], read);
      if (text !== undefined) return text;
    }
    return undefined;
  }
  let text;
  for (const message of messages) {
    const one = textOfElement(message, read);
    if (one !== undefined) text = text === undefined ? one : `${text}\n${one}`;
  }
  return text;
}

const NO_BODY = Symbol('no body');

/** The text of the chat in a request body; `NO_BODY` if there is none. */
function textOfBody(body, read, mayNest) {
  for (const key of BODY_KEYS) {
    const chat = field(body, key);
    if (typeof chat === 'string') return textOfContent(chat);
    if (Array.isArray(chat)) return textOfList(chat, read);
    if (isObject(chat)) {
      const nested = mayNest ? textOfBody(chat, read, false) : NO_BODY;
      return nested === NO_BODY ? textOfElement(chat, read) : nested;
    }
  }
  return NO_BODY;
}

/**
 * What a chat comes to: `{ text }`; `{ unreadable }`, a message, if there is no text in it that can be read, which
 * `onError` covers; `{ wrong }`, a message, or `{ wrong: undefined }` if it is no chat at all, which nothing covers.
 */
function readChat(chat, read, inBatch) {
  let text;
  if (Array.isArray(chat)) {
    text = textOfList(chat, read);
    if (chat.length > 0 && !chat.some(isElement)) return { wrong: LIST_OF_TEXTS };
  } else if (isObject(chat)) {
    text = textOfBody(chat, read, true);
    if (text === NO_BODY) {
      if (!isRecord(chat) && !isMessage(chat)) return { wrong: undefined };
      if (inBatch && isMessage(chat)) return { wrong: BARE_MESSAGE };
      text = textOfElement(chat, read);
    }
  } else {
    return { wrong: undefined };
  }
  if (text === undefined) return { unreadable: NO_TEXT };
  return text.isWellFormed() ? { text } : { unreadable: NOT_UNICODE };
}

module.exports = { readChat };

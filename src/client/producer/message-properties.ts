/*
 * The text of a message's properties as it goes on the wire, twice: plain, and as the inside of a JSON string. The second form is
 * for the hot path, which writes JSON without JSON.stringify; it exists only where nothing needs escaping but the separators.
 */

import { type Message, timerProperties } from '../../common/message/message.js';
import { KEY_SEPARATOR, MessageConst } from '../../common/message/properties.js';

const NAME_END = '\u0001';
const PAIR_END = '\u0002';

function pair(name: string, value: string): string {
  return name + NAME_END + value + PAIR_END;
}

/** Properties text of a message with its unique id; a UNIQ_KEY among the user's properties wins over the given one. */
export function propertiesText(message: Message, uniqKey: string): string {
  const user = message.properties;
  let text = '';
  if (message.keys !== undefined) {
    text += pair(MessageConst.KEYS, typeof message.keys === 'string' ? message.keys : message.keys.join(KEY_SEPARATOR));
  }
  if (uniqKey !== '') {
    text += pair(MessageConst.UNIQ_KEY, uniqKey);
  }
  text += pair(MessageConst.WAIT, message.waitStoreMsgOK === false ? 'false' : 'true');
  if (message.tags !== undefined) {
    text += pair(MessageConst.TAGS, message.tags);
  }
  if (message.delayTimeLevel !== undefined && message.delayTimeLevel !== 0) {
    text += pair(MessageConst.DELAY, String(message.delayTimeLevel));
  }
  for (const [name, value] of timerProperties(message)) {
    text += pair(name, value);
  }
  if (user !== undefined) {
    for (const [name, value] of user) {
      if (!isSetByField(message, name)) {
        text += pair(name, value);
      }
    }
  }
  return text;
}

const BARE_HEAD = Buffer.from(MessageConst.UNIQ_KEY + NAME_END);
const BARE_TAIL_TRUE = Buffer.from(`${PAIR_END}${MessageConst.WAIT}${NAME_END}true${PAIR_END}`);
const BARE_TAIL_FALSE = Buffer.from(`${PAIR_END}${MessageConst.WAIT}${NAME_END}false${PAIR_END}`);
/** Bytes of the properties of a bare message, at most. */
export const BARE_PROPERTIES_BYTES: number = 128;

/** Whether the message has no properties but those that every message gets: UNIQ_KEY and WAIT. */
export function isBare(message: Message): boolean {
  return (
    message.properties === undefined &&
    message.keys === undefined &&
    message.tags === undefined &&
    (message.delayTimeLevel ?? 0) === 0 &&
    timerProperties(message).length === 0
  );
}

/** Writes {@link propertiesText} of a bare message with an id that this client made; returns its end. */
export function writeBareProperties(target: Buffer, start: number, message: Message, uniqKey: string): number {
  let at = writeBytes(target, start, BARE_HEAD);
  const keyBytes = uniqKey.length;
  for (let i = 0; i < keyBytes; i++) {
    target[at + i] = uniqKey.charCodeAt(i);
  }
  at += keyBytes;
  return writeBytes(target, at, message.waitStoreMsgOK === false ? BARE_TAIL_FALSE : BARE_TAIL_TRUE);
}

// A call of `set` takes longer than a dozen bytes.
function writeBytes(target: Buffer, at: number, bytes: Buffer): number {
  for (let i = 0; i < bytes.length; i++) {
    target[at + i] = bytes[i]!;
  }
  return at + bytes.length;
}

/** A field of the message stands before a property of the same name. */
function isSetByField(message: Message, name: string): boolean {
  switch (name) {
    case MessageConst.KEYS:
      return message.keys !== undefined;
    case MessageConst.TAGS:
      return message.tags !== undefined;
    case MessageConst.DELAY:
      return message.delayTimeLevel !== undefined && message.delayTimeLevel !== 0;
    case MessageConst.TIMER_DELAY_SEC:
      return message.delayTimeSec !== undefined;
    case MessageConst.TIMER_DELAY_MS:
      return message.delayTimeMs !== undefined;
    case MessageConst.TIMER_DELIVER_MS:
      return message.deliverTimeMs !== undefined;
    case MessageConst.WAIT:
    case MessageConst.UNIQ_KEY:
      return true;
    default:
      return false;
  }
}

/** True when the text is printable ASCII without quote and backslash: JSON writes it as it is, one byte a character. */
export function isPlainJsonText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || c > 0x7e || c === 0x22 || c === 0x5c) {
      return false;
    }
  }
  return true;
}

const JSON_NAME_END = '\\u0001';
const JSON_PAIR_END = '\\u0002';
const JSON_KEYS = MessageConst.KEYS + JSON_NAME_END;
const JSON_UNIQ_KEY = MessageConst.UNIQ_KEY + JSON_NAME_END;
const JSON_WAIT_TRUE = `${JSON_PAIR_END}${MessageConst.WAIT}${JSON_NAME_END}true${JSON_PAIR_END}`;
const JSON_WAIT_FALSE = `${JSON_PAIR_END}${MessageConst.WAIT}${JSON_NAME_END}false${JSON_PAIR_END}`;
const JSON_TAGS = MessageConst.TAGS + JSON_NAME_END;
const JSON_DELAY = MessageConst.DELAY + JSON_NAME_END;

/**
 * The same text as {@link propertiesText}, escaped for JSON, of pure ASCII.
 * @returns null when a value needs more than that; the caller then takes the plain path.
 */
export function propertiesJsonText(message: Message, uniqKey: string): string | null {
  let text = '';
  const keys = message.keys;
  if (keys !== undefined) {
    if (typeof keys !== 'string' || !isPlainJsonText(keys)) {
      return null;
    }
    text = JSON_KEYS + keys + JSON_PAIR_END;
  }
  text += JSON_UNIQ_KEY + uniqKey + (message.waitStoreMsgOK === false ? JSON_WAIT_FALSE : JSON_WAIT_TRUE);
  const tags = message.tags;
  if (tags !== undefined) {
    if (!isPlainJsonText(tags)) {
      return null;
    }
    text += JSON_TAGS + tags + JSON_PAIR_END;
  }
  if (message.delayTimeLevel !== undefined && message.delayTimeLevel !== 0) {
    text += JSON_DELAY + String(message.delayTimeLevel) + JSON_PAIR_END;
  }
  const timer = timerProperties(message);
  for (let i = 0; i < timer.length; i++) {
    text += timer[i]![0] + JSON_NAME_END + timer[i]![1] + JSON_PAIR_END;
  }
  const user = message.properties;
  return user === undefined || user.size === 0 ? text : withUserProperties(text, message, user);
}

function withUserProperties(start: string, message: Message, user: ReadonlyMap<string, string>): string | null {
  let text = start;
  for (const [name, value] of user) {
    if (isSetByField(message, name)) {
      continue;
    }
    if (!isPlainJsonText(name) || !isPlainJsonText(value)) {
      return null;
    }
    text += name + JSON_NAME_END + value + JSON_PAIR_END;
  }
  return text;
}

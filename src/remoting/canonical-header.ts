/*
 * JSON headers in the one layout that Java and this project write: keys in alphabetical order, no white space, no escapes. Reading it
 * by position takes less than half the time of JSON.parse, and nearly every response has it. Anything else gives null, and the
 * general decoder reads it; the test compares the two.
 */
import { type RemotingCommand, SERIALIZE_JSON } from './command.js';

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const CLOSE = 0x7d;
const CODE = '{"code":';
const EXT_FIELDS = ',"extFields":{';
const FLAG = ',"flag":';
const LANGUAGE = ',"language":"';
const OPAQUE = '","opaque":';
const REMARK = ',"remark":"';
const SERIALIZE_TYPE = ',"serializeTypeCurrentRPC":"JSON","version":';

/** Where the reader stands; one for all, because reading never waits. */
let at = 0;

/** The int32 at `at`; NaN when there is none. */
function readInt(text: string): number {
  const negative = text.charCodeAt(at) === MINUS;
  if (negative) {
    at++;
  }
  const start = at;
  let value = 0;
  for (let digit = text.charCodeAt(at) - 48; digit >= 0 && digit <= 9; digit = text.charCodeAt(at) - 48) {
    value = value * 10 + digit;
    at++;
  }
  const digits = at - start;
  // A leading zero is no JSON; a longer number is no int32.
  if (digits === 0 || digits > 10 || (digits > 1 && text.charCodeAt(start) === 48) || value > 0x7fffffff) {
    return Number.NaN;
  }
  return negative ? -value : value;
}

/** The fields up to the closing brace; null when they are not text by text. `at` is behind the brace then. */
function readExtFields(text: string): Record<string, string> | null {
  const fields: Record<string, string> = {};
  if (text.charCodeAt(at) === CLOSE) {
    at++;
    return fields;
  }
  for (;;) {
    const keyEnd = text.indexOf('"', at + 1);
    if (text.charCodeAt(at) !== QUOTE || keyEnd < 0 || !text.startsWith(':"', keyEnd + 1)) {
      return null;
    }
    const valueEnd = text.indexOf('"', keyEnd + 3);
    const key = text.substring(at + 1, keyEnd);
    if (valueEnd < 0 || key === '__proto__') {
      return null;
    }
    fields[key] = text.substring(keyEnd + 3, valueEnd);
    const next = text.charCodeAt(valueEnd + 1);
    at = valueEnd + 2;
    if (next === CLOSE) {
      return fields;
    }
    if (next !== COMMA) {
      return null;
    }
  }
}

function skip(text: string, expected: string): boolean {
  if (!text.startsWith(expected, at)) {
    return false;
  }
  at += expected.length;
  return true;
}

/** Decodes a header in the canonical layout; null for any other text. */
export function decodeCanonicalHeader(text: string, body: Buffer | null): RemotingCommand | null {
  at = 0;
  if (!skip(text, CODE) || text.includes('\\')) {
    return null;
  }
  const code = readInt(text);
  let extFields: Record<string, string> | null = null;
  if (skip(text, EXT_FIELDS)) {
    extFields = readExtFields(text);
    if (extFields === null) {
      return null;
    }
  }
  const flag = skip(text, FLAG) ? readInt(text) : Number.NaN;
  if (!skip(text, LANGUAGE)) {
    return null;
  }
  const languageStart = at;
  at = text.indexOf('"', at);
  const language = text.substring(languageStart, at);
  const opaque = at >= 0 && skip(text, OPAQUE) ? readInt(text) : Number.NaN;
  let remark: string | null = null;
  if (skip(text, REMARK)) {
    const end = text.indexOf('"', at);
    if (end < 0) {
      return null;
    }
    remark = text.substring(at, end);
    at = end + 1;
  }
  const version = skip(text, SERIALIZE_TYPE) ? readInt(text) : Number.NaN;
  if (Number.isNaN(code + flag + opaque + version) || text.charCodeAt(at) !== CLOSE || at + 1 !== text.length) {
    return null;
  }
  return { code, language, version, opaque, flag, remark, extFields, serializeType: SERIALIZE_JSON, body };
}

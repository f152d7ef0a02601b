/*
 * Headers of a frame in both serializations. Mirrors RemotingSerializable and RocketMQSerializable.
 *
 * JSON: an object with the keys code, extFields, flag, language (name), opaque, remark, serializeTypeCurrentRPC, version in this
 * (alphabetical) order; extFields and remark are left out when null. Readers must not depend on the order.
 *
 * ROCKETMQ:
 * | code | language | version | opaque | flag | remark length | remark | ext length | ext: key length, key, value length, value … |
 * | 2    | 1        | 2       | 4      | 4    | 4             | n      | 4          | 2              n    4             n       |
 */
import { ProtocolError } from '../common/errors.js';
import { viewOf } from '../common/int64.js';
import { languageCode, languageName, restoreTruncatedCode } from './codes.js';
import { FLAG_RESPONSE, type RemotingCommand, SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from './command.js';
import { scanSendHeader } from './send-request-header.js';
import { learnSendResponse, scanSendResponse } from './send-response-header.js';

const BINARY_FIXED_BYTES = 21;

function malformed(what: string): ProtocolError {
  return new ProtocolError(`malformed frame header: ${what}`);
}

/** Java's readers take numbers written as text as well; anything else counts as missing. */
function toInt(value: unknown): number {
  if (typeof value === 'number') {
    return value | 0;
  }
  return typeof value === 'string' && /^[+-]?\d{1,10}$/.test(value) ? Number(value) | 0 : 0;
}

function toLanguage(value: unknown): string {
  if (typeof value === 'string') {
    return value;
  }
  return typeof value === 'number' ? languageName(value & 0xff) : 'JAVA';
}

/** Numbers and booleans become text, as in Java; nesting has no meaning here and is refused, however deep it is. */
function toExtFields(value: object): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [key, field] of Object.entries(value)) {
    if (field === null) {
      continue;
    }
    if (typeof field === 'object') {
      throw malformed(`field ${JSON.stringify(key.slice(0, 64))} is an object or array`);
    }
    fields[key] = String(field);
  }
  return fields;
}

function allStrings(value: object): value is Record<string, string> {
  for (const key in value) {
    if (typeof (value as Record<string, unknown>)[key] !== 'string') {
      return false;
    }
  }
  return true;
}

/** Shape of a parsed JSON header before it is checked. */
interface RawHeader {
  code?: unknown;
  extFields?: unknown;
  flag?: unknown;
  language?: unknown;
  opaque?: unknown;
  remark?: unknown;
  version?: unknown;
}

/** Decodes a JSON header at [start, end). */
export function decodeJsonHeader(buffer: Buffer, start: number, end: number, body: Buffer | null): RemotingCommand {
  const text = buffer.utf8Slice(start, end);
  const scanned = scanSendHeader(text, body) ?? scanSendResponse(text, body);
  if (scanned !== null) {
    return scanned;
  }
  const parsed = parseJsonHeader(text, body);
  learnSendResponse(text, parsed);
  return parsed;
}

/** Decodes any JSON header. */
export function parseJsonHeader(text: string, body: Buffer | null): RemotingCommand {
  let header: RawHeader | null;
  try {
    header = JSON.parse(text) as RawHeader | null;
  } catch (cause) {
    throw new ProtocolError(`malformed frame header: ${(cause as Error).message}`, { cause });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw malformed('it is not a JSON object');
  }
  const { code, extFields, flag, language, opaque, remark, version } = header;
  let fields: Record<string, string> | null = null;
  if (typeof extFields === 'object' && extFields !== null) {
    if (Array.isArray(extFields)) {
      throw malformed('extFields is an array');
    }
    fields = allStrings(extFields) ? extFields : toExtFields(extFields);
  } else if (extFields !== undefined && extFields !== null) {
    throw malformed(`extFields is a ${typeof extFields}`);
  }
  return {
    code: typeof code === 'number' ? code | 0 : toInt(code),
    language: toLanguage(language),
    version: toInt(version),
    opaque: toInt(opaque),
    flag: toInt(flag),
    remark: typeof remark === 'string' ? remark : typeof remark === 'number' || typeof remark === 'boolean' ? String(remark) : null,
    extFields: fields,
    serializeType: SERIALIZE_JSON,
    body,
  };
}

/** The header as JSON text, keys in Java's order. */
export function jsonHeaderText(command: RemotingCommand): string {
  let text = `{"code":${command.code},`;
  if (command.extFields !== null) {
    text += `"extFields":${JSON.stringify(command.extFields)},`;
  }
  text += `"flag":${command.flag},"language":${JSON.stringify(command.language)},"opaque":${command.opaque},`;
  if (command.remark !== null) {
    text += `"remark":${JSON.stringify(command.remark)},`;
  }
  return `${text}"serializeTypeCurrentRPC":"JSON","version":${command.version}}`;
}

/** Decodes a binary header at [start, end). */
export function decodeBinaryHeader(buffer: Buffer, start: number, end: number, body: Buffer | null): RemotingCommand {
  if (end - start < BINARY_FIXED_BYTES) {
    throw malformed(`${end - start} bytes, a binary header has at least ${BINARY_FIXED_BYTES}`);
  }
  const view = viewOf(buffer);
  const flag = view.getInt32(start + 9);
  const code = view.getInt16(start);
  const remarkBytes = view.getInt32(start + 13);
  const extLengthAt = start + 17 + remarkBytes;
  if (remarkBytes < 0 || extLengthAt + 4 > end) {
    throw malformed(`remark length is ${remarkBytes}`);
  }
  const extBytes = view.getInt32(extLengthAt);
  const extStart = extLengthAt + 4;
  if (extBytes < 0 || extStart + extBytes > end) {
    throw malformed(`length of the ext block is ${extBytes}`);
  }
  return {
    code: (flag & FLAG_RESPONSE) === 0 ? restoreTruncatedCode(code & 0xffff) : code,
    language: languageName(buffer[start + 2]!),
    version: view.getInt16(start + 3),
    opaque: view.getInt32(start + 5),
    flag,
    remark: remarkBytes === 0 ? null : buffer.utf8Slice(start + 17, extLengthAt),
    extFields: extBytes === 0 ? null : decodeExtBlock(buffer, view, extStart, extStart + extBytes),
    serializeType: SERIALIZE_ROCKETMQ,
    body,
  };
}

function decodeExtBlock(buffer: Buffer, view: DataView, start: number, end: number): Record<string, string> {
  const fields: Record<string, string> = {};
  // One slice of the whole block and substrings of it cost a third of a slice for each string. When the text has as many UTF-16
  // units as there are bytes, every sequence is one byte long and the positions agree.
  const text = buffer.utf8Slice(start, end);
  const aligned = text.length === end - start;
  let at = start;
  while (at < end) {
    const keyBytes = at + 2 <= end ? view.getInt16(at) : -1;
    const keyEnd = at + 2 + keyBytes;
    const valueBytes = keyBytes >= 0 && keyEnd + 4 <= end ? view.getInt32(keyEnd) : -1;
    const valueStart = keyEnd + 4;
    if (valueBytes < 0 || valueStart + valueBytes > end) {
      throw malformed(`an ext field has key length ${keyBytes} and value length ${valueBytes}, ${end - at} bytes are left`);
    }
    const valueEnd = valueStart + valueBytes;
    const key = aligned ? text.substring(at + 2 - start, keyEnd - start) : buffer.utf8Slice(at + 2, keyEnd);
    fields[key] = aligned ? text.substring(valueStart - start, valueEnd - start) : buffer.utf8Slice(valueStart, valueEnd);
    at = valueEnd;
  }
  return fields;
}

/** Upper bound of the bytes that `writeBinaryHeader` writes. */
export function maxBinaryHeaderBytes(command: RemotingCommand): number {
  let bytes = BINARY_FIXED_BYTES + (command.remark === null ? 0 : command.remark.length * 3);
  const fields = command.extFields;
  for (const key in fields) {
    bytes += 6 + (key.length + fields[key]!.length) * 3;
  }
  return bytes;
}

/** Longest text that is written by its characters: a call into the runtime costs as much as forty of them. */
const SHORT_TEXT_LENGTH = 40;

/** Writes a text as UTF-8 and returns its bytes. */
function writeText(target: Buffer, text: string, start: number): number {
  const length = text.length;
  if (length <= SHORT_TEXT_LENGTH) {
    let i = 0;
    for (; i < length; i++) {
      const c = text.charCodeAt(i);
      if (c > 127) {
        break;
      }
      target[start + i] = c;
    }
    if (i === length) {
      return length;
    }
  }
  return target.utf8Write(text, start);
}

/** Writes a binary header at `start` and returns its end. */
export function writeBinaryHeader(target: Buffer, start: number, command: RemotingCommand): number {
  const view = viewOf(target);
  view.setInt16(start, command.code & 0xffff);
  target[start + 2] = languageCode(command.language);
  view.setInt16(start + 3, command.version);
  view.setInt32(start + 5, command.opaque);
  view.setInt32(start + 9, command.flag);
  const remarkBytes = command.remark === null ? 0 : target.utf8Write(command.remark, start + 17);
  view.setInt32(start + 13, remarkBytes);
  const extLengthAt = start + 17 + remarkBytes;
  let at = extLengthAt + 4;
  const fields = command.extFields;
  for (const key in fields) {
    const keyBytes = writeText(target, key, at + 2);
    view.setInt16(at, keyBytes);
    at += 2 + keyBytes;
    const valueBytes = writeText(target, fields[key]!, at + 4);
    view.setInt32(at, valueBytes);
    at += 4 + valueBytes;
  }
  view.setInt32(extLengthAt, at - extLengthAt - 4);
  return at;
}

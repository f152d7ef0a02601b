/* Checked access to the fields of parsed bodies: an absent field gives the default, a field of the wrong type is an error. */
import { ProtocolError } from '../../common/errors.js';
import { asLong, type JsonObject, type JsonValue, parseFastjsonObject, stringifyFastjson } from '../../common/fastjson.js';

/** A long that a peer may fill freely. */
export type Long = number | bigint;

/** A message queue as bodies name it. */
export interface MessageQueue {
  topic: string;
  brokerName: string;
  queueId: number;
}

/** A map with message queues as keys, as a list, because two equal objects are not one key here. */
export type QueueTable<T> = [MessageQueue, T][];

/** Parses a body that must be a JSON object. */
export function parseBody(body: Uint8Array | string | null, what: string): JsonObject {
  if (body === null || body.length === 0) {
    throw new ProtocolError(`${what} has no body`, { code: 'BODY_MALFORMED' });
  }
  return parseFastjsonObject(body, what);
}

/** A body of JSON as Java writes it. */
export function writeBody(value: unknown): Buffer {
  return Buffer.from(stringifyFastjson(value));
}

function wrong(key: string, expected: string, value: JsonValue | undefined): ProtocolError {
  const found = value instanceof Map ? 'a map with object keys' : Array.isArray(value) ? 'an array' : typeof value;
  return new ProtocolError(`body field ${key} is ${found}, expected ${expected}`, { code: 'BODY_MALFORMED', context: { field: key } });
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map);
}

export function optionalText(object: JsonObject, key: string): string | undefined {
  const value = object[key];
  if (value === undefined || value === null) {
    return undefined;
  }
  if (typeof value === 'object') {
    throw wrong(key, 'text', value);
  }
  return String(value);
}

export function text(object: JsonObject, key: string, fallback = ''): string {
  return optionalText(object, key) ?? fallback;
}

export function long(object: JsonObject, key: string, fallback: Long = 0): Long {
  const value = object[key];
  if (value === undefined || value === null) {
    return fallback;
  }
  const parsed = asLong(value);
  if (parsed === undefined) {
    throw wrong(key, 'a long', value);
  }
  return parsed;
}

/** A long that is computed with: within 2^53. */
export function integer(object: JsonObject, key: string, fallback = 0): number {
  const value = long(object, key, fallback);
  if (typeof value === 'bigint') {
    throw wrong(key, 'an integer within 2^53', value);
  }
  return value;
}

export function optionalInteger(object: JsonObject, key: string): number | undefined {
  return object[key] === undefined || object[key] === null ? undefined : integer(object, key);
}

/** A double; text that is a number is taken as well. */
export function double(object: JsonObject, key: string, fallback = 0): number {
  const value = object[key];
  if (value === undefined || value === null) {
    return fallback;
  }
  const parsed = typeof value === 'object' ? Number.NaN : Number(value);
  if (Number.isNaN(parsed)) {
    throw wrong(key, 'a number', value);
  }
  return parsed;
}

export function flag(object: JsonObject, key: string, fallback = false): boolean {
  const value = object[key];
  if (value === undefined || value === null) {
    return fallback;
  }
  if (typeof value === 'boolean') {
    return value;
  }
  if (typeof value === 'string') {
    return value.toLowerCase() === 'true';
  }
  if (typeof value === 'number') {
    return value !== 0;
  }
  throw wrong(key, 'true or false', value);
}

/** An object field; absent gives undefined. */
export function optionalObject(object: JsonObject, key: string): JsonObject | undefined {
  const value = object[key];
  if (value === undefined || value === null) {
    return undefined;
  }
  if (!isObject(value)) {
    throw wrong(key, 'an object', value);
  }
  return value;
}

/** A list of objects, each decoded. */
export function objects<T>(object: JsonObject, key: string, decode: (item: JsonObject) => T): T[] {
  const value = object[key];
  if (value === undefined || value === null) {
    return [];
  }
  if (!Array.isArray(value)) {
    throw wrong(key, 'an array', value);
  }
  return value.map((item) => {
    if (!isObject(item)) {
      throw wrong(key, 'an array of objects', item);
    }
    return decode(item);
  });
}

/** A list of text. */
export function texts(object: JsonObject, key: string): string[] {
  const value = object[key];
  if (value === undefined || value === null) {
    return [];
  }
  if (!Array.isArray(value)) {
    throw wrong(key, 'an array', value);
  }
  return value.filter((item) => item !== null).map((item) => String(item));
}

/** A list of integers. */
export function integers(object: JsonObject, key: string): number[] {
  return texts(object, key).map((item) => {
    const value = Number(item);
    if (!Number.isSafeInteger(value)) {
      throw wrong(key, 'an array of integers', item);
    }
    return value;
  });
}

/** A map with text keys, in the order of the body. */
export function mapOf<T>(object: JsonObject, key: string, decode: (value: JsonValue, name: string) => T): Map<string, T> {
  const result = new Map<string, T>();
  const value = optionalObject(object, key);
  if (value !== undefined) {
    for (const [name, item] of Object.entries(value)) {
      if (item !== null) {
        result.set(name, decode(item, name));
      }
    }
  }
  return result;
}

/** A map with text keys and objects as values. */
export function objectMap<T>(object: JsonObject, key: string, decode: (value: JsonObject, name: string) => T): Map<string, T> {
  return mapOf(object, key, (value, name) => {
    if (!isObject(value)) {
      throw wrong(`${key}.${name}`, 'an object', value);
    }
    return decode(value, name);
  });
}

/** A map with text keys and text values. */
export function textMap(object: JsonObject, key: string): Map<string, string> {
  return mapOf(object, key, (value, name) => {
    if (typeof value === 'object') {
      throw wrong(`${key}.${name}`, 'text', value);
    }
    return String(value);
  });
}

/** A map with integer keys (raw or quoted). */
export function numberMap<T>(object: JsonObject, key: string, decode: (value: JsonValue) => T): Map<number, T> {
  const result = new Map<number, T>();
  for (const [name, value] of mapOf(object, key, (item) => item)) {
    const number = Number(name);
    if (!Number.isSafeInteger(number)) {
      throw wrong(key, 'a map with integer keys', name);
    }
    result.set(number, decode(value));
  }
  return result;
}

export function decodeMessageQueue(object: JsonObject): MessageQueue {
  return { topic: text(object, 'topic'), brokerName: text(object, 'brokerName'), queueId: integer(object, 'queueId') };
}

/** A map with message queues as keys. */
export function queueTable<T>(object: JsonObject, key: string, decode: (value: JsonValue) => T): QueueTable<T> {
  const value = object[key];
  if (value === undefined || value === null || (isObject(value) && Object.keys(value).length === 0)) {
    return [];
  }
  if (!(value instanceof Map)) {
    throw wrong(key, 'a map with message queues as keys', value);
  }
  return [...value].map(([queue, item]) => [decodeMessageQueue(queue), decode(item)]);
}

/** Decoder of values that must be objects, for `queueTable`. */
export function asObject<T>(what: string, decode: (value: JsonObject) => T): (value: JsonValue) => T {
  return (value) => {
    if (!isObject(value)) {
      throw wrong(what, 'an object', value);
    }
    return decode(value);
  };
}

/** Decoder of values that must be integers within 2^53, for maps. */
export function asInteger(what: string): (value: JsonValue) => number {
  return (value) => {
    const parsed = asLong(value);
    if (typeof parsed !== 'number') {
      throw wrong(what, 'an integer', value);
    }
    return parsed;
  };
}

/** Reads a long of any size as the item of a list or map. */
export function asAnyLong(what: string): (value: JsonValue) => Long {
  return (value) => {
    const parsed = asLong(value);
    if (parsed === undefined) {
      throw wrong(what, 'an integer', value);
    }
    return parsed;
  };
}

/** The queue with its keys in Java's order, for a map key. */
export function queueKey(queue: MessageQueue): MessageQueue {
  return { brokerName: queue.brokerName, queueId: queue.queueId, topic: queue.topic };
}

/** A queue table as `stringifyFastjson` wants it. */
export function queueMap<T, W>(table: QueueTable<T>, encode: (value: T) => W): Map<MessageQueue, W> {
  return new Map(table.map(([queue, value]) => [queueKey(queue), encode(value)]));
}

/** A map with text keys as `stringifyFastjson` wants it, its values encoded. */
export function encodeMap<T, W>(map: ReadonlyMap<string, T>, encode: (value: T) => W): Map<string, W> {
  return new Map([...map].map(([key, value]) => [key, encode(value)]));
}

/*
 * The JSON dialect of message bodies and config files: fastjson 1.x with default features. It differs from standard JSON in map
 * keys, which are written raw: numbers bare (`{0:"a"}`), objects as objects (`{{"queueId":0}:1}`), and in 64-bit integers.
 */
import { ProtocolError } from './errors.js';
import { parseDialect } from './fastjson-parser.js';

export type JsonPrimitive = string | number | bigint | boolean | null;
export type JsonObject = { [key: string]: JsonValue };
/** What `parseFastjson` gives: maps with object keys are `Map`s, maps with number keys are objects with the digits as keys. */
export type JsonValue = JsonPrimitive | JsonValue[] | JsonObject | Map<JsonObject, JsonValue>;

/** Marks a number as Java's double, which is written with a fraction: `0.0`. */
export class JavaDouble {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** Options of `stringifyFastjson`. */
export interface StringifyOptions {
  /** The layout of Java's config files: tabs, arrays and number-key maps on one line. */
  pretty?: boolean;
  /** Number keys in quotes, and everything beyond ASCII as `\uXXXX`: the route body for clients from 4.9.4. */
  browserCompatible?: boolean;
}

/**
 * Parses a body. Integers beyond 2^53 become bigints, everything else is as from `JSON.parse`.
 * @throws ProtocolError for anything that is not a value of the dialect, with the position.
 */
export function parseFastjson(text: string | Uint8Array): JsonValue {
  const source = typeof text === 'string' ? text : Buffer.from(text.buffer, text.byteOffset, text.byteLength).utf8Slice();
  // JSON.parse is several times faster, and right when there are neither raw keys nor long integers.
  if (!/\d{16}/.test(source)) {
    try {
      return JSON.parse(source) as JsonValue;
    } catch {
      // The dialect's parser tells what is wrong, if anything is.
    }
  }
  return parseDialect(source);
}

/** Parses a body that must be an object with string or number keys. */
export function parseFastjsonObject(text: string | Uint8Array, what: string): JsonObject {
  const value = parseFastjson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Map) {
    throw new ProtocolError(`${what} is not a JSON object`, { code: 'BODY_MALFORMED' });
  }
  return value;
}

/**
 * Writes a value as Java does: null and undefined fields are left out, keys of objects are alphabetical, entries of a `Map` keep
 * their order, bigints are digits, `JavaDouble` has a fraction.
 */
export function stringifyFastjson(value: unknown, options: StringifyOptions = {}): string {
  return new Writer(options).write(value, 0);
}

class Writer {
  readonly #pretty: boolean;
  readonly #browserCompatible: boolean;

  constructor(options: StringifyOptions) {
    this.#pretty = options.pretty ?? false;
    this.#browserCompatible = options.browserCompatible ?? false;
  }

  write(value: unknown, depth: number): string {
    switch (typeof value) {
      case 'string':
        return this.#string(value);
      case 'number':
        return Number.isFinite(value) ? String(value) : 'null';
      case 'bigint':
      case 'boolean':
        return String(value);
      case 'object':
        break;
      default:
        return 'null';
    }
    if (value === null) {
      return 'null';
    }
    if (value instanceof JavaDouble) {
      return javaDouble(value.value);
    }
    if (Array.isArray(value)) {
      return this.#list(value, depth);
    }
    if (value instanceof Set) {
      // fastjson breaks lines in lists, not in sets.
      return `[${[...value].map((item) => this.write(item, depth + 1)).join(',')}]`;
    }
    return value instanceof Map ? this.#map(value, depth) : this.#object(value as Record<string, unknown>, depth);
  }

  #list(value: readonly unknown[], depth: number): string {
    const items = value.map((item) => this.write(item, depth + 1));
    if (!this.#pretty || items.length === 0) {
      return `[${items.join(',')}]`;
    }
    const indent = `\n${'\t'.repeat(depth)}`;
    return `[${indent}\t${items.join(`,${indent}\t`)}${indent}]`;
  }

  #string(text: string): string {
    const quoted = JSON.stringify(text);
    if (!this.#browserCompatible) {
      return quoted;
    }
    return quoted.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`);
  }

  #object(value: Record<string, unknown>, depth: number): string {
    const parts: string[] = [];
    for (const key of Object.keys(value).sort()) {
      const field = value[key];
      if (field !== undefined && field !== null) {
        parts.push(`${this.#string(key)}:${this.write(field, depth + 1)}`);
      }
    }
    return this.#braces(parts, depth, true);
  }

  #map(map: Map<unknown, unknown>, depth: number): string {
    const parts: string[] = [];
    let rawKeys = false;
    for (const [key, field] of map) {
      if (field !== undefined && field !== null) {
        rawKeys ||= typeof key !== 'string';
        parts.push(`${this.#key(key, depth)}:${this.write(field, depth + 1)}`);
      }
    }
    // fastjson does not break lines between entries with raw keys, only before the closing brace.
    return this.#braces(parts, depth, !rawKeys);
  }

  #key(key: unknown, depth: number): string {
    if (typeof key === 'number' || typeof key === 'bigint') {
      return this.#browserCompatible ? `"${key}"` : String(key);
    }
    return this.write(key, depth + 1);
  }

  #braces(parts: readonly string[], depth: number, breakEntries: boolean): string {
    if (!this.#pretty || parts.length === 0) {
      return `{${parts.join(',')}}`;
    }
    const indent = `\n${'\t'.repeat(depth)}`;
    return breakEntries ? `{${indent}\t${parts.join(`,${indent}\t`)}${indent}}` : `{${parts.join(',')}${indent}}`;
  }
}

/** `Double.toString` of Java as far as bodies need it: at least one digit of fraction, exponent from 10^7 and below 10^-3. */
function javaDouble(value: number): string {
  if (!Number.isFinite(value)) {
    return 'null';
  }
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude >= 1e7 || magnitude < 1e-3)) {
    const [mantissa = '0', exponent = '0'] = value.toExponential().split('e');
    return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${exponent.replace('+', '')}`;
  }
  return Number.isInteger(value) ? `${Object.is(value, -0) ? '-0' : value}.0` : String(value);
}

/** A long that a peer may fill freely: number when exact, else bigint. Undefined when the field is absent or no integer. */
export function asLong(value: JsonValue | undefined): number | bigint | undefined {
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))) {
    return value;
  }
  if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : BigInt(value);
  }
  return undefined;
}

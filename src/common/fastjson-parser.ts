import { ProtocolError } from './errors.js';
import type { JsonObject, JsonValue } from './fastjson.js';
import { MAX_JSON_DEPTH } from './limits.js';

const NUMBER = /-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?/y;
const NAME = /[A-Za-z_$][\w$]*/y;
/** Characters of a string up to the next quote or backslash. */
const PLAIN_DOUBLE = /[^"\\]*/y;
const PLAIN_SINGLE = /[^'\\]*/y;
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '0': '\0' };

/** Parses the dialect of fastjson.ts: raw number and object keys, unquoted and single-quoted names, exact integers. */
export function parseDialect(source: string): JsonValue {
  return new Parser(source).document();
}

class Parser {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  document(): JsonValue {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#source.length) {
      throw this.#error('the end');
    }
    return value;
  }

  #error(expected: string): ProtocolError {
    const found = this.#at < this.#source.length ? JSON.stringify(this.#source.slice(this.#at, this.#at + 12)) : 'the end';
    return new ProtocolError(`malformed JSON at character ${this.#at}: expected ${expected}, found ${found}`, { code: 'BODY_MALFORMED' });
  }

  #space(): void {
    for (;;) {
      const c = this.#source.charCodeAt(this.#at);
      if (c !== 32 && c !== 9 && c !== 10 && c !== 13) {
        return;
      }
      this.#at++;
    }
  }

  #peek(): string {
    this.#space();
    return this.#source[this.#at] ?? '';
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) {
      return false;
    }
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    if (found === null) {
      return null;
    }
    this.#at = pattern.lastIndex;
    return found[0];
  }

  #value(depth: number): JsonValue {
    if (depth > MAX_JSON_DEPTH) {
      throw this.#error(`at most ${MAX_JSON_DEPTH} levels`);
    }
    const c = this.#peek();
    if (c === '{') {
      return this.#object(depth);
    }
    if (c === '[') {
      return this.#array(depth);
    }
    if (c === '"' || c === "'") {
      return this.#string(c);
    }
    if (c === '-' || (c >= '0' && c <= '9')) {
      return this.#number();
    }
    return this.#word();
  }

  #word(): JsonValue {
    const start = this.#at;
    switch (this.#match(NAME)) {
      case 'true':
        return true;
      case 'false':
        return false;
      case 'null':
      case 'NaN':
        return null;
      default:
        this.#at = start;
        throw this.#error('a value');
    }
  }

  #number(): number | bigint {
    const text = this.#match(NUMBER);
    if (text === null) {
      throw this.#error('a number');
    }
    const number = Number(text);
    if (Number.isSafeInteger(number) || /[.eE]/.test(text)) {
      return number;
    }
    return BigInt(text);
  }

  #string(quote: string): string {
    this.#at++;
    const plain = quote === '"' ? PLAIN_DOUBLE : PLAIN_SINGLE;
    let text = '';
    for (;;) {
      text += this.#match(plain) ?? '';
      const c = this.#source[this.#at];
      if (c === quote) {
        this.#at++;
        return text;
      }
      if (c === undefined) {
        throw this.#error(`a closing ${quote}`);
      }
      this.#at++;
      // fastjson takes control characters in strings as they are.
      text += c === '\\' ? this.#escape() : c;
    }
  }

  #escape(): string {
    const c = this.#source[this.#at++];
    if (c === undefined) {
      throw this.#error('an escape');
    }
    if (c === 'u' || c === 'x') {
      const digits = c === 'u' ? 4 : 2;
      const hex = this.#source.slice(this.#at, this.#at + digits);
      if (hex.length !== digits || !/^[0-9a-fA-F]+$/.test(hex)) {
        throw this.#error(`${digits} hex digits`);
      }
      this.#at += digits;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    return ESCAPES[c] ?? c;
  }

  #array(depth: number): JsonValue[] {
    this.#at++;
    const items: JsonValue[] = [];
    if (this.#take(']')) {
      return items;
    }
    do {
      items.push(this.#value(depth + 1));
    } while (this.#take(','));
    if (!this.#take(']')) {
      throw this.#error('"," or "]"');
    }
    return items;
  }

  #object(depth: number): JsonObject | Map<JsonObject, JsonValue> {
    this.#at++;
    if (this.#peek() === '{') {
      return this.#objectKeys(depth);
    }
    const object: JsonObject = {};
    if (this.#take('}')) {
      return object;
    }
    do {
      const key = this.#key();
      this.#colon();
      const value = this.#value(depth + 1);
      if (key === '__proto__') {
        Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
      } else {
        object[key] = value;
      }
    } while (this.#take(','));
    this.#closeObject();
    return object;
  }

  #key(): string {
    const c = this.#peek();
    if (c === '"' || c === "'") {
      return this.#string(c);
    }
    const key = c === '-' || (c >= '0' && c <= '9') ? this.#match(NUMBER) : this.#match(NAME);
    if (key === null) {
      throw this.#error('a key');
    }
    return key;
  }

  #objectKeys(depth: number): Map<JsonObject, JsonValue> {
    const map = new Map<JsonObject, JsonValue>();
    do {
      if (this.#peek() !== '{') {
        throw this.#error('an object as key');
      }
      const key = this.#value(depth + 1);
      if (key instanceof Map) {
        throw this.#error('a plain object as key');
      }
      this.#colon();
      map.set(key as JsonObject, this.#value(depth + 1));
    } while (this.#take(','));
    this.#closeObject();
    return map;
  }

  #colon(): void {
    if (!this.#take(':')) {
      throw this.#error('":"');
    }
  }

  #closeObject(): void {
    if (!this.#take('}')) {
      throw this.#error('"," or "}"');
    }
  }
}

import type { Random } from '../../../src/common/clock.js';

/** A selector and messages (their properties) to try it on. */
export interface SelectorCase {
  selector: string;
  messages: Record<string, string>[];
}

const NAMES = ['a', 'b', 'c', 'TAGS', 'price', '_x', '$y9', 'between1'];
const TEXTS = ['', 'x', 'abc', 'a', "it's", 'true', 'TRUE', 'false', '5', '中', 'xyz%'];
const NUMBERS = ['0', '1', '5', '05', '10', '2147483647', '2147483648', '9223372036854775807', '9223372036854775808', '7L', '3l', '0l'];
const FLOATS = ['5.5', '5.', '.5', '5E10', '5.5e-3', '0.0', '1e400', '1e-400', '5e', '9007199254740993.0', '1.5e+2'];
/** What properties hold: also what Java reads as a number and we might not. */
const VALUES = [
  ...[
    '5',
    '6',
    '-5',
    '+5',
    '05',
    '5.0',
    '5.5',
    ' 5 ',
    '5 ',
    '5f',
    '5d',
    '5L',
    '0x1p3',
    '0x5',
    '1e3',
    'NaN',
    'Infinity',
    '-Infinity',
    '-0.0',
    '0',
  ],
  ...[
    '2147483647',
    '2147483648',
    '9223372036854775807',
    '9223372036854775808',
    '1e400',
    '٥',
    '५',
    '１',
    '𝟓',
    '--5',
    '',
    ' ',
    '.',
    'e5',
    '1_0',
  ],
  ...['x', 'abc', 'a', "it's", 'true', 'TRUE', 'tRuE', 'false', 'no', '中', 'xyz%', 'abcabc'],
];
const ORDER = ['>', '>=', '<', '<=', '=', '<>'];
const NOISE = [
  'xyz',
  ')',
  '(',
  '#',
  '+ 1',
  '!= 2',
  '.',
  ',',
  "'",
  "'open",
  '--tail',
  '-- c\n',
  '/* c */',
  '/* open',
  '== 5',
  'LIKE',
  '@',
  '"',
  '5',
  ';',
  '。',
];

/** Selectors of all forms of the language, and of forms that are nearly in it. */
export class SelectorGenerator {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): SelectorCase {
    let selector = this.#or(3);
    // Every fifth is damaged somewhere.
    if (this.#random.nextInt(5) === 0) {
      const at = this.#random.nextInt(selector.length + 1);
      selector = `${selector.slice(0, at)}${this.#blank()}${this.#one(NOISE)}${this.#blank()}${selector.slice(at)}`;
    }
    if (this.#random.nextInt(20) === 0) selector = selector.slice(0, this.#random.nextInt(selector.length + 1));
    return { selector, messages: Array.from({ length: 6 }, () => this.#message()) };
  }

  #message(): Record<string, string> {
    const message: Record<string, string> = {};
    for (const name of NAMES) if (this.#random.nextInt(3) > 0) message[name] = this.#one(VALUES);
    return message;
  }

  #or(depth: number): string {
    return this.#joined('or', () => this.#joined('And', () => this.#equality(depth)));
  }

  #joined(operator: string, part: () => string): string {
    const parts = [part()];
    while (this.#random.nextInt(4) === 0 && parts.length < 4) parts.push(part());
    return parts.join(` ${this.#case(operator)} `);
  }

  #equality(depth: number): string {
    const left = this.#comparison(depth);
    switch (this.#random.nextInt(8)) {
      case 0:
        return `${left}${this.#blank()}=${this.#blank()}${this.#comparison(depth)}`;
      case 1:
        return `${left} ${this.#case('is')} ${this.#case('null')}`;
      case 2:
        return `${left} IS NOT NULL`;
      default:
        return left;
    }
  }

  #comparison(depth: number): string {
    const left = this.#random.nextInt(3) > 0 ? this.#one(NAMES) : this.#unary(depth);
    const not = this.#random.nextInt(3) === 0 ? `${this.#case('not')} ` : '';
    switch (this.#random.nextInt(9)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return `${left}${this.#blank()}${this.#one(ORDER)}${this.#blank()}${this.#unary(depth)}`;
      case 4:
        return `${left} ${not}${this.#case(this.#one(['contains', 'StartsWith', 'ENDSWITH']))} ${this.#text()}`;
      case 5:
        return `${left} ${not}BETWEEN ${this.#unary(depth)} AND ${this.#unary(depth)}`;
      case 6: {
        const list = Array.from({ length: this.#random.nextInt(7) }, () => (this.#random.nextInt(12) === 0 ? '5' : this.#text()));
        return `${left} ${not}${this.#case('in')} (${list.join(this.#one([',', ', ']))})`;
      }
      default:
        return left;
    }
  }

  #unary(depth: number): string {
    switch (this.#random.nextInt(12)) {
      case 0:
        return `-${this.#unary(depth)}`;
      case 1:
        return `+${this.#blank()}${this.#unary(depth)}`;
      case 2:
        return `${this.#case('not')} ${this.#unary(depth)}`;
      case 3:
        return depth > 0 ? `(${this.#blank()}${this.#or(depth - 1)})` : this.#one(NAMES);
      default:
        return this.#primary();
    }
  }

  #primary(): string {
    switch (this.#random.nextInt(8)) {
      case 0:
        return this.#text();
      case 1:
        return this.#one(FLOATS);
      case 2:
        return this.#case(this.#one(['true', 'false', 'null']));
      case 3:
      case 4:
        return this.#one(NUMBERS);
      default:
        return this.#one(NAMES);
    }
  }

  #text(): string {
    return `'${this.#one(TEXTS).replaceAll("'", "''")}'`;
  }

  #blank(): string {
    return this.#one(['', '', ' ', '  ', '\t', '\n', '/**/', ' /* a*b */ ', '--c\n']);
  }

  #case(word: string): string {
    return this.#one([word, word.toUpperCase(), word.toLowerCase()]);
  }

  #one<T>(values: readonly T[]): T {
    return values[this.#random.nextInt(values.length)]!;
  }
}

/**
 * The values of a selector and their order, as Java's `Comparable`s of Apache's ComparisonExpression have it: texts, booleans, and constants of
 * the classes Integer, Long and Double, between which a text is read as the other side's class.
 */

/** What has no value because its evaluation failed: in Apache's an exception, which ends the whole selector. */
export const FAILED = Symbol('evaluation failed');

/** A numeric constant. A Long is a bigint, the others are numbers. */
export type NumberValue =
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'long'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number };

/** Null is SQL's unknown. */
export type Value = string | boolean | NumberValue | null | typeof FAILED;

const MIN_INT = -(2 ** 31);
const MAX_INT = 2 ** 31 - 1;
const MIN_LONG = -(2n ** 63n);
const MAX_LONG = 2n ** 63n - 1n;

/** Order of two values that are both there: negative, 0 or positive; NaN when one cannot be read as the other's class. */
export function compareValues(left: string | boolean | NumberValue, right: string | boolean | NumberValue): number {
  if (typeof left === 'string') {
    if (typeof right === 'string') return left < right ? -1 : left === right ? 0 : 1;
    if (typeof right === 'boolean') return compareBooleans(left.toLowerCase() === 'true', right);
    const parsed = parseAs(right.type, left);
    return parsed === null ? Number.NaN : compareNumbers(parsed, right);
  }
  if (typeof left === 'boolean') {
    if (typeof right === 'boolean') return compareBooleans(left, right);
    return typeof right === 'string' ? Number.NaN : -1;
  }
  if (typeof right === 'boolean') return -1;
  if (typeof right !== 'string') return compareNumbers(left, right);
  const parsed = parseAs(left.type, right);
  return parsed === null ? Number.NaN : compareNumbers(left, parsed);
}

/** Order of two texts as numbers; NaN when one is none. */
export function compareAsDoubles(left: string, right: string): number {
  const leftValue = parseDouble(left);
  const rightValue = parseDouble(right);
  return leftValue === null || rightValue === null ? Number.NaN : compareDoubles(leftValue, rightValue);
}

function compareBooleans(left: boolean, right: boolean): number {
  return Number(left) - Number(right);
}

function compareNumbers(left: NumberValue, right: NumberValue): number {
  if (left.type === 'double' || right.type === 'double') return compareDoubles(Number(left.value), Number(right.value));
  return left.value < right.value ? -1 : left.value > right.value ? 1 : 0;
}

/** Double.compareTo: -0.0 is below 0.0, and NaN above everything and equal to itself. */
function compareDoubles(left: number, right: number): number {
  if (left < right) return -1;
  if (left > right) return 1;
  if (left === right) return left === 0 ? Number(Object.is(right, -0)) - Number(Object.is(left, -0)) : 0;
  return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
}

function parseAs(type: NumberValue['type'], text: string): NumberValue | null {
  if (type === 'double') {
    const value = parseDouble(text);
    return value === null ? null : { type, value };
  }
  const digits = asciiDigits(text);
  if (!/^[+-]?\d+$/.test(digits)) return null;
  if (type === 'int') {
    const value = Number(digits);
    return value >= MIN_INT && value <= MAX_INT ? { type, value } : null;
  }
  return parseLong(digits);
}

/** A Long of decimal digits with an optional sign; null when it does not fit. */
export function parseLong(digits: string): { type: 'long'; value: bigint } | null {
  const value = BigInt(digits.replace(/^\+/, ''));
  return value >= MIN_LONG && value <= MAX_LONG ? { type: 'long', value } : null;
}

/** A constant in decimal digits: an Integer where it fits, as ConstantExpression.createFromDecimal makes it. */
export function parseDecimal(digits: string): NumberValue | null {
  const long = parseLong(digits);
  if (long === null) return null;
  const value = Number(long.value);
  return value <= MAX_INT ? { type: 'int', value } : long;
}

/** Character.digit knows the decimal digits of all scripts. */
function asciiDigits(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, (character) => {
    if (!/\p{Nd}/u.test(character)) return character;
    let digit = 0;
    // Digits of a script lie together, from 0 to 9.
    while (digit < 9 && /\p{Nd}/u.test(String.fromCharCode(character.charCodeAt(0) - digit - 1))) digit++;
    return String(digit);
  });
}

const DECIMAL_FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?[fd]?$/i;
const HEX_FLOAT = /^([+-]?)0x([\da-f]*)\.?([\da-f]*)p([+-]?\d+)[fd]?$/i;
const NAMED = /^([+-]?)(NaN|Infinity)$/;

/** Double.valueOf: blanks around it, a type suffix, hexadecimal floats, NaN and Infinity. */
function parseDouble(text: string): number | null {
  const trimmed = javaTrim(text);
  if (DECIMAL_FLOAT.test(trimmed)) return Number(trimmed.replace(/[fd]$/i, ''));
  const named = NAMED.exec(trimmed);
  if (named !== null) return named[2] === 'NaN' ? Number.NaN : named[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const hex = HEX_FLOAT.exec(trimmed);
  if (hex === null) return null;
  const [, sign, whole = '', fraction = '', exponent] = hex;
  if (whole === '' && fraction === '') return null;
  const mantissa = Number(BigInt(`0x${whole}${fraction}`));
  const value = mantissa * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === '-' ? -value : value;
}

/** String.trim: takes all characters up to the blank. */
function javaTrim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text.charCodeAt(start) <= 0x20) start++;
  while (end > start && text.charCodeAt(end - 1) <= 0x20) end--;
  return text.slice(start, end);
}

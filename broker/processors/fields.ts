import { ProtocolError } from '../../src/common/errors.js';

export type ExtFields = Readonly<Record<string, string>>;

/** Extension fields of a request without any. */
export const NO_FIELDS: ExtFields = Object.freeze(Object.create(null) as Record<string, string>);

/** A decimal number of at most 53 bits; NaN when the text is missing or anything else. Made for the hot paths: no throw, no regex. */
export function parseDecimal(text: string | undefined): number {
  if (text === undefined) return Number.NaN;
  const length = text.length;
  let at = 0;
  const isNegative = length > 0 && text.charCodeAt(0) === 45;
  if (isNegative) at = 1;
  if (at === length || length > 17) return Number.NaN;
  let value = 0;
  for (; at < length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return isNegative ? -value : value;
}

/** A required text field; throws ProtocolError naming it. */
export function textField(fields: ExtFields, name: string): string {
  const value = fields[name];
  if (value === undefined || value === '') throw missing(name, value);
  return value;
}

/** A required int32. */
export function intField(fields: ExtFields, name: string): number {
  const value = parseDecimal(fields[name]);
  if ((value | 0) !== value) throw missing(name, fields[name]);
  return value;
}

/** An int32 that may be missing. */
export function optionalInt(fields: ExtFields, name: string, fallback: number): number {
  const text = fields[name];
  return text === undefined || text === '' ? fallback : intField(fields, name);
}

/** A required long that we compute with: an offset, a size, a time. */
export function longField(fields: ExtFields, name: string): number {
  const value = parseDecimal(fields[name]);
  if (Number.isNaN(value)) throw missing(name, fields[name]);
  return value;
}

export function optionalLong(fields: ExtFields, name: string, fallback: number): number {
  const text = fields[name];
  return text === undefined || text === '' ? fallback : longField(fields, name);
}

/** A required long that a peer may fill freely (time bounds); exact at any size. */
export function bigField(fields: ExtFields, name: string): bigint {
  const text = fields[name];
  if (text === undefined || !/^-?\d{1,19}$/.test(text)) throw missing(name, text);
  return BigInt(text);
}

/** True for `true` in any case, as Java reads booleans. */
export function booleanField(fields: ExtFields, name: string, fallback = false): boolean {
  const text = fields[name];
  return text === undefined ? fallback : text.toLowerCase() === 'true';
}

/** The error for a field that is missing or cannot be read. */
export function missing(name: string, value: string | undefined): ProtocolError {
  return value === undefined || value === ''
    ? new ProtocolError(`the request lacks the field ${name}`)
    : new ProtocolError(`the request's field ${name}=${value.slice(0, 100)} is not a number of its range`);
}

/*
 * Typed views of extFields. All values travel as text; a definition says which fields a header has, of which Java type, and which
 * must be there. Java logs a missing or malformed field and goes on with null; here it is an error that names the field.
 */
import { ProtocolError } from '../../common/errors.js';

/**
 * `int` is int32; `long` must be a safe integer; `bigLong` is any int64, a bigint beyond 2^53; `bool` is true for "true" in any case.
 */
export type FieldType = 'string' | 'int' | 'long' | 'bigLong' | 'bool';

interface TypeMap {
  string: string;
  int: number;
  long: number;
  bigLong: number | bigint;
  bool: boolean;
}

/** One field: its type, with `!` when it must be there. */
export type FieldSpec = FieldType | `${FieldType}!`;
export type FieldSpecs = Readonly<Record<string, FieldSpec>>;

type RequiredKeys<F extends FieldSpecs> = { [K in keyof F]: F[K] extends `${string}!` ? K : never }[keyof F];
type ValueOf<S extends FieldSpec> = S extends `${infer T extends FieldType}!` ? TypeMap[T] : S extends FieldType ? TypeMap[S] : never;

/** The object a definition describes. */
export type HeaderValues<F extends FieldSpecs> = { [K in RequiredKeys<F>]: ValueOf<F[K]> } & {
  [K in Exclude<keyof F, RequiredKeys<F>>]?: ValueOf<F[K]> | undefined;
};

/** A header: Java's class name (for messages) and its fields. */
export interface HeaderDef<F extends FieldSpecs = FieldSpecs> {
  readonly name: string;
  readonly fields: F;
  readonly list: readonly FieldEntry[];
}

interface FieldEntry {
  readonly key: string;
  readonly type: FieldType;
  readonly required: boolean;
}

/** Values of a definition's header. */
export type HeaderOf<D> = D extends HeaderDef<infer F> ? HeaderValues<F> : never;

export function defineHeader<const F extends FieldSpecs>(name: string, fields: F): HeaderDef<F> {
  const list = Object.entries(fields).map(([key, spec]) => ({
    key,
    type: (spec.endsWith('!') ? spec.slice(0, -1) : spec) as FieldType,
    required: spec.endsWith('!'),
  }));
  return { name, fields, list };
}

/** Fields that any request may carry (remoting.md, section 4); only the ones that somebody reads. */
export const RPC_FIELDS = { bname: 'string', lo: 'bool' } as const satisfies FieldSpecs;

const NO_FIELDS: Readonly<Record<string, string>> = {};

/** Strict decimal integer within the safe range; NaN for anything else. Digits only, with a sign, as `Integer.parseInt`. */
export function parseInteger(text: string): number {
  const length = text.length;
  const first = text.charCodeAt(0);
  const signed = first === 45 || first === 43;
  let i = signed ? 1 : 0;
  // 15 digits cannot leave the safe range; 16 are checked.
  if (length === i || length - i > 16) {
    return Number.NaN;
  }
  let value = 0;
  for (; i < length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) {
      return Number.NaN;
    }
    value = value * 10 + digit;
  }
  if (value > Number.MAX_SAFE_INTEGER) {
    return Number.NaN;
  }
  return first === 45 && value !== 0 ? -value : value;
}

const MIN_LONG = -(2n ** 63n);
const MAX_LONG = 2n ** 63n - 1n;

function parseBigLong(text: string): number | bigint {
  const small = parseInteger(text);
  if (!Number.isNaN(small)) {
    return small;
  }
  if (!/^[+-]?\d{1,19}$/.test(text)) {
    return Number.NaN;
  }
  const big = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return big < MIN_LONG || big > MAX_LONG ? Number.NaN : big;
}

/** The error for a header field that is missing or malformed. */
export function fieldError(header: string, key: string, type: FieldType, text: string | undefined): ProtocolError {
  const wanted = type === 'int' ? 'an int' : type === 'bigLong' || type === 'long' ? 'a long' : `a ${type}`;
  const message =
    text === undefined
      ? `header field ${key} of ${header} is missing`
      : `header field ${key} of ${header} is ${JSON.stringify(text.slice(0, 64))}, expected ${wanted}`;
  return new ProtocolError(message, { code: 'HEADER_FIELD', context: { header, field: key } });
}

function convert(header: string, entry: FieldEntry, text: string): string | number | bigint | boolean {
  let value: number | bigint;
  switch (entry.type) {
    case 'string':
      return text;
    case 'bool':
      return text.toLowerCase() === 'true';
    case 'bigLong':
      value = parseBigLong(text);
      break;
    case 'long':
      value = parseInteger(text);
      break;
    case 'int':
      value = parseInteger(text);
      if ((value | 0) !== value) {
        value = Number.NaN;
      }
      break;
  }
  if (Number.isNaN(value)) {
    throw fieldError(header, entry.key, entry.type, text);
  }
  return value;
}

/**
 * Reads a header; an empty text counts as absent for all types but strings.
 * @throws ProtocolError naming the field that is missing or malformed.
 */
export function readHeader<F extends FieldSpecs>(
  def: HeaderDef<F>,
  extFields: Readonly<Record<string, string>> | null | undefined,
): HeaderValues<F> {
  const fields = extFields ?? NO_FIELDS;
  const header: Record<string, unknown> = {};
  for (const entry of def.list) {
    const text = fields[entry.key];
    if (text !== undefined && (text !== '' || entry.type === 'string')) {
      header[entry.key] = convert(def.name, entry, text);
    } else if (entry.required) {
      throw fieldError(def.name, entry.key, entry.type, undefined);
    }
  }
  return header as HeaderValues<F>;
}

/** The extFields of a header; undefined fields are left out. */
export function writeHeader<F extends FieldSpecs>(def: HeaderDef<F>, header: HeaderValues<F>): Record<string, string> {
  const extFields: Record<string, string> = {};
  const values = header as Record<string, unknown>;
  for (const entry of def.list) {
    const value = values[entry.key];
    if (value !== undefined && value !== null) {
      extFields[entry.key] = String(value);
    } else if (entry.required) {
      throw fieldError(def.name, entry.key, entry.type, undefined);
    }
  }
  return extFields;
}

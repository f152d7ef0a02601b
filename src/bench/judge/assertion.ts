import { UsageError } from '../../common/errors.js';

/** `<` and its like. */
export type Operator = '<' | '<=' | '>' | '>=' | '==' | '!=';

/** What must hold of a result: `send.latencyMs.p99<20`. */
export interface Assertion {
  /** As it was written. */
  readonly expression: string;
  /** Names from the result's root; `*` stands for every element. */
  readonly path: readonly string[];
  readonly operator: Operator;
  /** In the unit of the field. */
  readonly limit: number;
}

const SYNTAX = /^([^\s<>=!]+)\s*(<=|>=|==|!=|<|>)\s*([^\s<>=!]+)$/;
const NUMBER = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(.*)$/;
const EXAMPLE = "write it as --assert 'send.latencyMs.p99<20'; operators are < <= > >= == !=";

/** What a field counts in, by the name that ends in it. */
type Quantity = 'time in ms' | 'time in s' | 'number of bytes' | 'share in %' | 'number';

/** Factors from a written unit to that of the field. */
const UNITS: Readonly<Record<Quantity, Readonly<Record<string, number>>>> = {
  'time in ms': { us: 1e-3, µs: 1e-3, ms: 1, s: 1e3, min: 60e3 },
  'time in s': { us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600 },
  'number of bytes': { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 },
  'share in %': { '%': 1 },
  number: { k: 1e3, M: 1e6 },
};

/** Reads one expression; a fault says what is wrong and how it is written. */
export function parseAssertion(expression: string): Assertion {
  const match = SYNTAX.exec(expression.trim());
  if (match === null) {
    throw new UsageError(`--assert "${expression}" is no comparison of a field with a number`, { hint: EXAMPLE });
  }
  const [, name = '', operator = '', literal = ''] = match;
  const path = name.split('.');
  if (path.includes('')) {
    throw new UsageError(`--assert "${expression}": ${name} has an empty name between its dots`, { hint: EXAMPLE });
  }
  return { expression: expression.trim(), path, operator: operator as Operator, limit: readLimit({ expression, name, literal, path }) };
}

function readLimit({ expression, name, literal, path }: { expression: string; name: string; literal: string; path: string[] }): number {
  const [, digits = '', unit = ''] = NUMBER.exec(literal) ?? [];
  const value = Number(digits);
  if (digits === '' || !Number.isFinite(value)) {
    throw new UsageError(`--assert "${expression}": ${literal} is no number`, { hint: EXAMPLE });
  }
  if (unit === '') {
    return value;
  }
  const quantity = quantityOf(path);
  const factor = UNITS[quantity][unit];
  if (factor === undefined) {
    const known = Object.keys(UNITS[quantity]).join(', ');
    throw new UsageError(`--assert "${expression}": ${name} is a ${quantity}, which has no unit ${unit}`, { hint: `it may be ${known}` });
  }
  return value * factor;
}

/** The unit of a field: the last of its names that carries one, as names end in their unit throughout a result. */
export function quantityOf(path: readonly string[]): Quantity {
  for (const name of path.toReversed()) {
    if (/Ms$/.test(name)) {
      return 'time in ms';
    }
    if (/PerSecond$/.test(name)) {
      return /bytes/i.test(name) ? 'number of bytes' : 'number';
    }
    if (/seconds$/i.test(name)) {
      return 'time in s';
    }
    if (/bytes$/i.test(name)) {
      return 'number of bytes';
    }
    if (/percent$/i.test(name)) {
      return 'share in %';
    }
  }
  return 'number';
}

/** Whether the comparison holds. */
export function holds(actual: number, operator: Operator, limit: number): boolean {
  switch (operator) {
    case '<':
      return actual < limit;
    case '<=':
      return actual <= limit;
    case '>':
      return actual > limit;
    case '>=':
      return actual >= limit;
    case '==':
      return actual === limit;
    case '!=':
      return actual !== limit;
  }
}

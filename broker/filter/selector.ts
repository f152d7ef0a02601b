import { parse } from './generated/selector-parser.js';
import { compareAsDoubles, compareValues, FAILED, type NumberValue, parseDecimal, type Value } from './java-values.js';
import type { OrderOperator, SelectorNode } from './selector-node.js';

/** Longest selector that is compiled, in characters: a group's expression is kept for as long as the group is online. */
export const MAX_SELECTOR_CHARS = 64 * 1024;

/** Gives the text of a message property; null when the message has none of that name. */
export type PropertyReader = (name: string) => string | null;

type Evaluate = (property: PropertyReader) => Value;

/** A selector that cannot be compiled; the message says what is wrong and where. */
export class SelectorError extends Error {}

/** A part of a compiled selector with what its use is checked by. */
interface Term {
  readonly evaluate: Evaluate;
  /** Gives true, false or null whatever the properties are. */
  readonly isBoolean: boolean;
  readonly constant?: Exclude<Value, typeof FAILED>;
  readonly property?: string;
}

/** A compiled SQL92 selector. */
export interface Selector {
  /** Names of the properties it reads. */
  readonly properties: readonly string[];
  /** Whether the message is delivered: true only when the selector is true, not when it is unknown or fails. */
  matches(property: PropertyReader): boolean;
}

/**
 * Compiles a selector to closures over a property reader. Accepts and means what SelectorParser and the expressions of Apache RocketMQ 5.3.3
 * accept and mean; see README.md for the corners.
 * @throws SelectorError
 */
export function compileSelector(text: string): Selector {
  if (text.length > MAX_SELECTOR_CHARS)
    throw new SelectorError(`the selector has ${text.length} characters; ${MAX_SELECTOR_CHARS} are allowed`);
  const properties = new Set<string>();
  let term: Term;
  try {
    term = asBoolean(compile(parse(text), properties));
  } catch (error) {
    if (error instanceof SelectorError) throw new SelectorError(`${error.message} in "${text}"`);
    // Parentheses within parentheses, tens of thousands deep.
    if (error instanceof RangeError) throw new SelectorError('the selector is nested too deep');
    const { message, location } = error as SyntaxError & { location?: { start: { column: number } } };
    if (location === undefined) throw error;
    throw new SelectorError(`${message} at column ${location.start.column} of "${text}"`);
  }
  const { evaluate } = term;
  return { properties: [...properties], matches: (property) => evaluate(property) === true };
}

function compile(node: SelectorNode, properties: Set<string>): Term {
  switch (node.kind) {
    case 'or':
    case 'and':
      return logic(node.kind, asBoolean(compile(node.left, properties)), asBoolean(compile(node.right, properties)));
    case 'equal':
    case 'notEqual': {
      const equal = equality(compile(node.left, properties), compile(node.right, properties));
      return node.kind === 'equal' ? equal : not(equal);
    }
    case 'isNull':
    case 'isNotNull': {
      const isNull = equals(compile(node.left, properties).evaluate, () => null);
      return node.kind === 'isNull' ? isNull : not(isNull);
    }
    case 'order':
      return order(node.operator, compile(node.left, properties), compile(node.right, properties));
    case 'search':
      return search(node, compile(node.left, properties).evaluate);
    case 'between':
      return between(node.isNegated, {
        value: compile(node.left, properties),
        low: compile(node.low, properties),
        high: compile(node.high, properties),
      });
    case 'in':
      return inList(node.isNegated, new Set(node.values), compile(node.left, properties));
    case 'negate':
      return negate(compile(node.operand, properties));
    case 'not':
      return not(asBoolean(compile(node.operand, properties)));
    case 'property': {
      const { name } = node;
      properties.add(name);
      return { evaluate: (property) => property(name), isBoolean: false, property: name };
    }
    default:
      return constant(node);
  }
}

function constant(node: Extract<SelectorNode, { kind: 'text' | 'float' | 'decimal' | 'boolean' | 'null' }>): Term {
  const value = constantValue(node);
  return { evaluate: () => value, isBoolean: node.kind === 'boolean' || node.kind === 'null', constant: value };
}

function constantValue(node: Parameters<typeof constant>[0]): string | boolean | NumberValue | null {
  switch (node.kind) {
    case 'null':
      return null;
    case 'decimal': {
      const value = parseDecimal(node.text);
      if (value === null) throw new SelectorError(`${node.text} is no 64-bit integer`);
      return value;
    }
    case 'float': {
      const value = Number(node.text);
      // 0.0 as well: Apache's lower limit is the least positive double.
      if (!Number.isFinite(value) || value === 0) throw new SelectorError(`${node.text} is out of the range of a double`);
      return { type: 'double', value };
    }
    default:
      return node.value;
  }
}

/** A term as the operand of AND, OR and NOT, or as the whole selector: a bare property is unknown when missing, else false. */
function asBoolean(term: Term): Term {
  if (term.isBoolean) return term;
  if (term.property === undefined) throw new SelectorError('a value stands where a condition is needed');
  const { evaluate } = term;
  return boolean((property) => (evaluate(property) === null ? null : false));
}

function boolean(evaluate: Evaluate): Term {
  return { evaluate, isBoolean: true };
}

function logic(kind: 'or' | 'and', left: Term, right: Term): Term {
  const decisive = kind === 'or';
  return boolean((property) => {
    const leftValue = left.evaluate(property);
    if (leftValue === decisive || leftValue === FAILED) return leftValue;
    const rightValue = right.evaluate(property);
    if (rightValue === decisive || rightValue === FAILED) return rightValue;
    return leftValue === null || rightValue === null ? null : !decisive;
  });
}

function not({ evaluate }: Term): Term {
  return boolean((property) => {
    const value = evaluate(property);
    return typeof value === 'boolean' ? !value : value;
  });
}

function negate({ evaluate }: Term): Term {
  return {
    isBoolean: false,
    evaluate: (property) => {
      const value = evaluate(property);
      if (value === FAILED) return FAILED;
      if (value === null || typeof value !== 'object') return null;
      if (value.type === 'long') return { type: 'long', value: BigInt.asIntN(64, -value.value) };
      return value.type === 'int' ? { type: 'int', value: (0 - value.value) | 0 } : { type: 'double', value: -value.value };
    },
  };
}

function equality(left: Term, right: Term): Term {
  if (left.constant === null || right.constant === null) throw new SelectorError('NULL cannot be compared; use IS NULL');
  if (typeof left.constant === 'boolean' && right.constant !== undefined && typeof right.constant !== 'boolean') {
    throw new SelectorError('a boolean cannot be compared with another constant');
  }
  return equals(left.evaluate, right.evaluate);
}

/** Unknown when the left side is missing, false when only the right one is, true when both are. */
function equals(left: Evaluate, right: Evaluate): Term {
  return boolean((property) => {
    const leftValue = left(property);
    if (leftValue === FAILED) return FAILED;
    const rightValue = right(property);
    if (rightValue === FAILED) return FAILED;
    if (leftValue === null) return rightValue === null ? true : null;
    if (rightValue === null) return false;
    const comparison = compareValues(leftValue, rightValue);
    return Number.isNaN(comparison) ? FAILED : comparison === 0;
  });
}

const ORDER: Record<OrderOperator, (comparison: number) => boolean> = {
  '>': (comparison) => comparison > 0,
  '>=': (comparison) => comparison >= 0,
  '<': (comparison) => comparison < 0,
  '<=': (comparison) => comparison <= 0,
};

function order(operator: OrderOperator, left: Term, right: Term): Term {
  for (const { constant, isBoolean } of [left, right]) {
    if (isBoolean || typeof constant === 'string') {
      throw new SelectorError(`only numbers and properties can be compared by ${operator}`);
    }
  }
  const isMatch = ORDER[operator];
  return boolean((property) => {
    const leftValue = left.evaluate(property);
    if (leftValue === null || leftValue === FAILED) return leftValue;
    const rightValue = right.evaluate(property);
    if (rightValue === null || rightValue === FAILED) return rightValue;
    const comparison =
      typeof leftValue === 'string' && typeof rightValue === 'string'
        ? compareAsDoubles(leftValue, rightValue)
        : compareValues(leftValue, rightValue);
    return Number.isNaN(comparison) ? FAILED : isMatch(comparison);
  });
}

/** The limits are checked where both are constants, but not behind NOT. */
function between(isNegated: boolean, { value, low, high }: { value: Term; low: Term; high: Term }): Term {
  if (isNegated) return logic('or', order('<', value, low), order('>', value, high));
  if (low.constant !== undefined && high.constant !== undefined) {
    if (low.constant === null || high.constant === null) throw new SelectorError('NULL cannot be a limit of BETWEEN');
    if (compareValues(high.constant, low.constant) < 0) throw new SelectorError('the limits of BETWEEN are in the wrong order');
  }
  return logic('and', order('>=', value, low), order('<=', value, high));
}

/** False for everything that is no text, and for an empty search text, also when negated. */
function search({ where, search: text, isNegated }: Extract<SelectorNode, { kind: 'search' }>, evaluate: Evaluate): Term {
  const isFound = {
    contains: (value: string) => value.includes(text),
    startsWith: (value: string) => value.startsWith(text),
    endsWith: (value: string) => value.endsWith(text),
  }[where];
  if (text === '') return boolean(() => false);
  return boolean((property) => {
    const value = evaluate(property);
    if (value === FAILED) return FAILED;
    return typeof value === 'string' && isFound(value) !== isNegated;
  });
}

function inList(isNegated: boolean, values: ReadonlySet<string>, { property: name, evaluate }: Term): Term {
  if (name === undefined) throw new SelectorError('only a property can be looked up in a list');
  return boolean((property) => {
    const value = evaluate(property);
    return value === null ? null : values.has(value as string) !== isNegated;
  });
}

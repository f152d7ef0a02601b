import { parse } from './generated/selector-parser.js';
import { compareAsDoubles, compareValues, FAILED, type NumberValue, parseDecimal, type Value } from './java-values.js';
import type { RecordProperties } from './record-properties.js';
import { compareInRecord, type EvaluateInRecord, inListInRecord, isTextInRecord } from './record-terms.js';
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
  /** Of a property: its place among those of the selector. */
  readonly slot?: number;
  /** Of a number constant or its negation. */
  readonly number?: NumberValue;
  /** The same value from the bytes of a record, where that is faster than from texts. */
  readonly inRecord?: EvaluateInRecord;
}

/** A compiled SQL92 selector. */
export interface Selector {
  /** Names of the properties it reads. */
  readonly properties: readonly string[];
  /** Whether the message is delivered: true only when the selector is true, not when it is unknown or fails. */
  matches(property: PropertyReader): boolean;
  /** The same for a stored record, whose properties are told in the order of `properties`. */
  matchesRecord(record: RecordProperties): boolean;
}

/**
 * Compiles a selector to closures over a property reader. Accepts and means what SelectorParser and the expressions of Apache RocketMQ 5.3.3
 * accept and mean; see README.md for the corners.
 * @throws SelectorError
 */
export function compileSelector(text: string): Selector {
  if (text.length > MAX_SELECTOR_CHARS)
    throw new SelectorError(`the selector has ${text.length} characters; ${MAX_SELECTOR_CHARS} are allowed`);
  const properties = new Map<string, number>();
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
  const evaluateInRecord = inRecordOf(term);
  return {
    properties: [...properties.keys()],
    matches: (property) => evaluate(property) === true,
    matchesRecord: (record) => evaluateInRecord(record) === true,
  };
}

function inRecordOf({ evaluate, inRecord }: Term): EvaluateInRecord {
  return inRecord ?? ((record) => evaluate(record.read));
}

function compile(node: SelectorNode, properties: Map<string, number>): Term {
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
      const isNull = isMissing(compile(node.left, properties));
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
      const slot = properties.get(name) ?? properties.size;
      properties.set(name, slot);
      return { evaluate: (property) => property(name), isBoolean: false, slot };
    }
    default:
      return constant(node);
  }
}

function constant(node: Extract<SelectorNode, { kind: 'text' | 'float' | 'decimal' | 'boolean' | 'null' }>): Term {
  const value = constantValue(node);
  const term = { evaluate: () => value, isBoolean: node.kind === 'boolean' || node.kind === 'null', constant: value };
  return value !== null && typeof value === 'object' ? { ...term, number: value } : term;
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
  if (term.slot === undefined) throw new SelectorError('a value stands where a condition is needed');
  const { evaluate } = term;
  return boolean((property) => (evaluate(property) === null ? null : false));
}

function boolean(evaluate: Evaluate, inRecord?: EvaluateInRecord): Term {
  return { evaluate, isBoolean: true, ...(inRecord === undefined ? {} : { inRecord }) };
}

function logic(kind: 'or' | 'and', left: Term, right: Term): Term {
  const isDecisive = kind === 'or';
  return boolean(
    combine(isDecisive, left.evaluate, right.evaluate),
    left.inRecord === undefined && right.inRecord === undefined ? undefined : combine(isDecisive, inRecordOf(left), inRecordOf(right)),
  );
}

/** The right side is asked only where the left one does not decide. */
function combine<Source>(
  isDecisive: boolean,
  left: (source: Source) => Value,
  right: (source: Source) => Value,
): (source: Source) => Value {
  return (source) => {
    const leftValue = left(source);
    if (leftValue === isDecisive || leftValue === FAILED) return leftValue;
    const rightValue = right(source);
    if (rightValue === isDecisive || rightValue === FAILED) return rightValue;
    return leftValue === null || rightValue === null ? null : !isDecisive;
  };
}

function not({ evaluate, inRecord }: Term): Term {
  return boolean((property) => negated(evaluate(property)), inRecord === undefined ? undefined : (record) => negated(inRecord(record)));
}

function negated(value: Value): Value {
  return typeof value === 'boolean' ? !value : value;
}

function negate({ evaluate, number }: Term): Term {
  return {
    isBoolean: false,
    evaluate: (property) => {
      const value = evaluate(property);
      if (value === FAILED) return FAILED;
      return value === null || typeof value !== 'object' ? null : negativeOf(value);
    },
    ...(number === undefined ? {} : { number: negativeOf(number) }),
  };
}

function negativeOf(number: NumberValue): NumberValue {
  if (number.type === 'long') return { type: 'long', value: BigInt.asIntN(64, -number.value) };
  return number.type === 'int' ? { type: 'int', value: (0 - number.value) | 0 } : { type: 'double', value: -number.value };
}

function equality(left: Term, right: Term): Term {
  if (left.constant === null || right.constant === null) throw new SelectorError('NULL cannot be compared; use IS NULL');
  if (typeof left.constant === 'boolean' && right.constant !== undefined && typeof right.constant !== 'boolean') {
    throw new SelectorError('a boolean cannot be compared with another constant');
  }
  return equals(left, right);
}

/** Unknown when the left side is missing, false when only the right one is, true when both are. */
function equals(left: Term, right: Term): Term {
  const evaluate: Evaluate = (property) => {
    const leftValue = left.evaluate(property);
    if (leftValue === FAILED) return FAILED;
    const rightValue = right.evaluate(property);
    if (rightValue === FAILED) return FAILED;
    if (leftValue === null) return rightValue === null ? true : null;
    if (rightValue === null) return false;
    const comparison = compareValues(leftValue, rightValue);
    return Number.isNaN(comparison) ? FAILED : comparison === 0;
  };
  return boolean(evaluate, equalsInRecord(left, right) ?? comparesInRecord('=', { left, right, evaluate }));
}

/** A property and a text. */
function equalsInRecord(left: Term, right: Term): EvaluateInRecord | undefined {
  if (left.slot !== undefined && typeof right.constant === 'string') return isTextInRecord(left.slot, right.constant, null);
  if (right.slot !== undefined && typeof left.constant === 'string') return isTextInRecord(right.slot, left.constant, false);
  return undefined;
}

/** A property and a number. */
function comparesInRecord(
  operator: OrderOperator | '=',
  { left, right, evaluate }: { left: Term; right: Term; evaluate: Evaluate },
): EvaluateInRecord | undefined {
  const otherwise: EvaluateInRecord = (record) => evaluate(record.read);
  if (left.slot !== undefined && right.number !== undefined) {
    return compareInRecord(left.slot, right.number, { operator, isNumberLeft: false, whenMissing: null, otherwise });
  }
  if (right.slot !== undefined && left.number !== undefined) {
    const whenMissing = operator === '=' ? false : null;
    return compareInRecord(right.slot, left.number, { operator, isNumberLeft: true, whenMissing, otherwise });
  }
  return undefined;
}

function isMissing({ evaluate, slot }: Term): Term {
  return boolean(
    (property) => {
      const value = evaluate(property);
      return value === FAILED ? FAILED : value === null;
    },
    slot === undefined ? undefined : (record) => !record.has(slot),
  );
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
  const evaluate: Evaluate = (property) => {
    const leftValue = left.evaluate(property);
    if (leftValue === null || leftValue === FAILED) return leftValue;
    const rightValue = right.evaluate(property);
    if (rightValue === null || rightValue === FAILED) return rightValue;
    const comparison =
      typeof leftValue === 'string' && typeof rightValue === 'string'
        ? compareAsDoubles(leftValue, rightValue)
        : compareValues(leftValue, rightValue);
    return Number.isNaN(comparison) ? FAILED : isMatch(comparison);
  };
  return boolean(evaluate, comparesInRecord(operator, { left, right, evaluate }));
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

function inList(isNegated: boolean, values: ReadonlySet<string>, { slot, evaluate }: Term): Term {
  if (slot === undefined) throw new SelectorError('only a property can be looked up in a list');
  return boolean(
    (property) => {
      const value = evaluate(property);
      return value === null ? null : values.has(value as string) !== isNegated;
    },
    inListInRecord(slot, [...values], isNegated),
  );
}

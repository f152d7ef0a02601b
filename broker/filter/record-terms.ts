/**
 * Terms of a selector that are decided from the bytes of a stored record. Each means what the term over texts in selector.ts means; where the
 * bytes are not as plain as most are, it asks that one.
 */
import { FAILED, type NumberValue, type Value } from './java-values.js';
import type { RecordProperties } from './record-properties.js';
import type { OrderOperator } from './selector-node.js';

export type EvaluateInRecord = (record: RecordProperties) => Value;

const LESS = 1;
const EQUAL = 2;
const GREATER = 4;
const ACCEPTED = { '<': LESS, '<=': LESS | EQUAL, '=': EQUAL, '>=': GREATER | EQUAL, '>': GREATER } as const;
/** The operator when the sides change places. */
const MIRRORED = { '<': '>', '<=': '>=', '=': '=', '>=': '<=', '>': '<' } as const;

const MIN_INT = -(2 ** 31);
const MAX_INT = 2 ** 31 - 1;
/** Longer lists are looked up as a set of texts. */
const MAX_LIST = 16;

/** A property beside a number constant. Undefined when the constant is no safe integer. */
export function compareInRecord(
  slot: number,
  number: NumberValue,
  options: { operator: OrderOperator | '='; isNumberLeft: boolean; whenMissing: null | false; otherwise: EvaluateInRecord },
): EvaluateInRecord | undefined {
  const constant = Number(number.value);
  if (number.type === 'long' && !Number.isSafeInteger(constant)) return undefined;
  const { operator, isNumberLeft, whenMissing, otherwise } = options;
  const accepted: number = ACCEPTED[isNumberLeft ? MIRRORED[operator] : operator];
  const isInt = number.type === 'int';
  const mayHavePoint = number.type === 'double';
  return (record) => {
    if (!record.has(slot)) return whenMissing;
    const value = record.plainNumber(slot, mayHavePoint);
    if (Number.isNaN(value)) return otherwise(record);
    if (isInt && (value > MAX_INT || value < MIN_INT)) return FAILED;
    return (accepted & (value < constant ? LESS : value > constant ? GREATER : EQUAL)) !== 0;
  };
}

/** A property that must be a text. Undefined when other bytes than the text's may be read as it. */
export function isTextInRecord(slot: number, text: string, whenMissing: null | false): EvaluateInRecord | undefined {
  const bytes = bytesOf(text);
  if (bytes === null) return undefined;
  return (record) => (record.has(slot) ? record.isText(slot, bytes) : whenMissing);
}

/** A property that must be, or must not be, one of some texts. */
export function inListInRecord(slot: number, texts: readonly string[], isNegated: boolean): EvaluateInRecord | undefined {
  const list = texts.length <= MAX_LIST ? texts.map(bytesOf) : [];
  if (list.length === 0 || list.includes(null)) return undefined;
  return (record) => {
    if (!record.has(slot)) return null;
    for (const bytes of list) if (record.isText(slot, bytes!)) return !isNegated;
    return isNegated;
  };
}

/** The only bytes that are read as this text; null when there are others: what is no UTF-8 is read as U+FFFD. */
function bytesOf(text: string): Uint8Array | null {
  const bytes = Uint8Array.from(Buffer.from(text, 'utf8'));
  return text.includes('\ufffd') || Buffer.from(bytes).toString('utf8') !== text ? null : bytes;
}

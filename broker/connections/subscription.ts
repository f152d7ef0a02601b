import { stringHashCode } from '../../src/common/java.js';
import { asArray, asBoolean, asLong, asObject, asText } from '../json.js';
import type { MessageFilter } from '../store/index.js';

export const SUB_ALL = '*';
export const TAG = 'TAG';
export const SQL92 = 'SQL92';

/** What a group wants of a topic, in the form of the heartbeat. */
export interface SubscriptionData {
  classFilterMode: boolean;
  topic: string;
  subString: string;
  tagsSet: string[];
  codeSet: number[];
  /** ms from Java, ns from Go: compared as 64 bits, never as a time. */
  subVersion: number | bigint;
  expressionType: string;
}

export function isTagType(expressionType: string | null | undefined): boolean {
  return expressionType === undefined || expressionType === null || expressionType === '' || expressionType === TAG;
}

/**
 * Tag filter of the broker: the 32-bit hash only. A false positive is the client's to drop; a message without a known tags code passes.
 */
export class TagFilter implements MessageFilter {
  readonly #codes: ReadonlySet<number>;
  /** The only code, which spares the set's lookup. */
  readonly #single: number | null;

  constructor(codes: Iterable<number>) {
    this.#codes = new Set(codes);
    this.#single = this.#codes.size === 1 ? [...this.#codes][0]! : null;
  }

  isMatchedByConsumeQueue(tagsCode: number | bigint): boolean {
    const code = typeof tagsCode === 'number' ? tagsCode | 0 : Number(BigInt.asIntN(32, tagsCode));
    return this.#single === null ? this.#codes.has(code) : this.#single === code;
  }
}

/** A subscription with its filter worked out. */
export class Subscription {
  readonly data: SubscriptionData;
  /** Null: everything passes. */
  readonly filter: TagFilter | null;

  constructor(data: SubscriptionData) {
    this.data = data;
    this.filter =
      data.subString === SUB_ALL || data.classFilterMode || !isTagType(data.expressionType) ? null : new TagFilter(data.codeSet);
  }
}

/**
 * Parses a tag expression (`A || B`).
 * @returns null when it has separators only.
 */
export function parseTagExpression(
  topic: string,
  expression: string | null | undefined,
  subVersion: number | bigint = 0,
): SubscriptionData | null {
  const data: SubscriptionData = {
    classFilterMode: false,
    topic,
    subString: expression ?? SUB_ALL,
    tagsSet: [],
    codeSet: [],
    subVersion,
    expressionType: TAG,
  };
  if (expression === undefined || expression === null || expression === '' || expression === SUB_ALL) {
    data.subString = SUB_ALL;
    return data;
  }
  for (const part of expression.split('||')) {
    const tag = part.trim();
    if (tag === '' || data.tagsSet.includes(tag)) continue;
    data.tagsSet.push(tag);
    data.codeSet.push(stringHashCode(tag));
  }
  return data.tagsSet.length === 0 ? null : data;
}

/** Reads a subscription of a heartbeat; codes may be text (Go), and the rest may be missing. */
export function readSubscriptionData(value: unknown): SubscriptionData | null {
  const fields = asObject(value);
  const topic = asText(fields?.topic, '');
  if (fields === null || topic === '') return null;
  const tagsSet = asArray(fields.tagsSet).filter((tag): tag is string => typeof tag === 'string');
  const codes = asArray(fields.codeSet)
    .map((code) => Number(asLong(code, Number.NaN)))
    .filter(Number.isFinite)
    .map((code) => code | 0);
  return {
    classFilterMode: asBoolean(fields.classFilterMode, false),
    topic,
    subString: asText(fields.subString, SUB_ALL),
    tagsSet,
    codeSet: codes.length > 0 ? codes : tagsSet.map(stringHashCode),
    subVersion: asLong(fields.subVersion, 0),
    expressionType: asText(fields.expressionType, TAG),
  };
}

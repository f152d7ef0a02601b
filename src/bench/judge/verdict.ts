import { round } from '../environment.js';
import type { BenchResult } from '../result.js';
import { type Assertion, holds, quantityOf } from './assertion.js';
import { nearPaths, numberPaths, numbersAt } from './paths.js';

/** How an assertion went; part of the result. */
export interface Verdict {
  readonly expression: string;
  /** What the result has; of several the one furthest from the limit. Null where the result has no such number. */
  readonly actual: number | null;
  readonly limit: number;
  readonly passed: boolean;
  /** In a sentence: by how much it failed, or why it could not pass. */
  readonly reason?: string;
}

/** A result with its verdicts. */
export type Judged<R> = R & { readonly assertions?: readonly Verdict[] };

/** Judges each assertion. Nothing passes on a result that is only a part of its run. */
export function judge(result: unknown, assertions: readonly Assertion[]): Verdict[] {
  const partial = partialReason(result);
  return assertions.map((assertion) => {
    const verdict = verdictOf(result, assertion);
    return verdict.passed && partial !== undefined ? { ...verdict, passed: false, reason: `holds so far, but ${partial}` } : verdict;
  });
}

/** Why a result is not that of its whole run; undefined when it is. */
export function partialReason(result: unknown): string | undefined {
  const { interrupted, partial, failure } = (result ?? {}) as Partial<BenchResult> & { partial?: unknown; failure?: unknown };
  if (partial === true) {
    return `the run is partial${typeof failure === 'string' ? `: ${failure}` : ''}`;
  }
  return interrupted === true ? 'the run was interrupted' : undefined;
}

function verdictOf(result: unknown, { expression, path, operator, limit }: Assertion): Verdict {
  const numbers = numbersAt(result, path);
  const [first] = numbers;
  if (first === undefined) {
    const near = nearPaths(path.join('.'), numberPaths(result));
    const hint = near.length === 0 ? '' : `; near: ${near.join(', ')}`;
    return { expression, limit, actual: null, passed: false, reason: `the result has no number ${path.join('.')}${hint}` };
  }
  const failed = numbers.filter((number) => !holds(number, operator, limit));
  const shown = failed.length === 0 ? numbers : failed;
  const actual = shown.reduce((worst, number) => (Math.abs(number - limit) > Math.abs(worst - limit) ? number : worst));
  if (failed.length === 0) {
    return { expression, limit, actual, passed: true };
  }
  const of = numbers.length > 1 ? ` (${failed.length} of ${numbers.length} fail)` : '';
  return { expression, limit, actual, passed: false, reason: `${missText({ actual, limit, unit: unitOf(path) })}${of}` };
}

/** `was 23.4 ms, 3.4 ms (17 %) above 20 ms`. */
function missText({ actual, limit, unit }: { actual: number; limit: number; unit: string }): string {
  const distance = Math.abs(actual - limit);
  if (distance === 0) {
    return `was exactly ${numberText(actual)}${unit}`;
  }
  const share = limit === 0 ? '' : ` (${numberText((100 * distance) / Math.abs(limit))} %)`;
  const side = actual > limit ? 'above' : 'below';
  return `was ${numberText(actual)}${unit}, ${numberText(distance)}${unit}${share} ${side} ${numberText(limit)}${unit}`;
}

function unitOf(path: readonly string[]): string {
  return { 'time in ms': ' ms', 'time in s': ' s', 'number of bytes': ' B', 'share in %': ' %', number: '' }[quantityOf(path)];
}

/** Four digits that count, and every whole number whole. */
function numberText(value: number): string {
  const digits = Math.abs(value) >= 1000 ? 0 : Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return String(Number.isInteger(value) ? value : round(value, digits));
}

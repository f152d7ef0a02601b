import { UsageError } from '../../../common/errors.js';

/** A range in which a value is well, as monitoring plug-ins write it. */
export interface CheckRange {
  readonly text: string;
  readonly from: number;
  readonly to: number;
  /** Values within are the bad ones. */
  readonly isInverted: boolean;
}

const RANGE = /^(@?)(?:(~|-?\d+(?:\.\d+)?)?(:))?(-?\d+(?:\.\d+)?)?$/;

/**
 * Reads `10` (0 to 10 is well), `10:` (10 and more), `~:10` (10 and less), `10:20`, and `@10:20` (all but 10 to 20).
 * @throws UsageError
 */
export function parseRange(text: string, label: string): CheckRange {
  const parts = RANGE.exec(text);
  const [, at = '', start, colon, end] = parts ?? [];
  const from = colon === undefined ? 0 : start === '~' ? Number.NEGATIVE_INFINITY : Number(start ?? 0);
  const to = end === undefined ? Number.POSITIVE_INFINITY : Number(end);
  if (parts === null || (start === undefined && end === undefined) || from > to) {
    throw new UsageError(`${label} ${text}: expected a number, or a range such as 10:, ~:10, 10:20 or @10:20`);
  }
  return { text, from, to, isInverted: at !== '' };
}

/** Whether a value is outside of what is well. */
export function isAlert({ from, to, isInverted }: CheckRange, value: number): boolean {
  const isInside = value >= from && value <= to;
  return isInside === isInverted;
}

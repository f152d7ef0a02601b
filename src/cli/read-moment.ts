import { UsageError } from '../common/errors.js';
import { timeIn } from './read-time.js';

/**
 * Reads a point in time: `now`, or what `readTime` reads.
 * @returns milliseconds since 1970
 */
export function readMoment(text: string, label: string, nowMs: number): number {
  const ms = text === 'now' ? nowMs : timeIn(text);
  if (ms === null) {
    throw new UsageError(`${label} expects a time, got "${text}"`, {
      hint: 'examples: now, 1700000000000, 2026-11-21T08:30:00+08:00, 2026-11-21T00:30:00Z, 2026-11-21#08:30:00:000 in the local zone',
    });
  }
  return ms;
}

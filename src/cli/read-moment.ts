import { UsageError } from '../common/errors.js';
import { readTime } from './read-time.js';

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,3}))?)?)?(Z|[+-]\d{2}:?\d{2})?$/i;

/**
 * Reads a point in time: `now`, what `readTime` reads, or `2026-11-21T08:30:00` with a zone (`Z`, `+08:00`) or in the local one; what is left
 * out of the time is zero.
 * @returns milliseconds since 1970
 */
export function readMoment(text: string, label: string, nowMs: number): number {
  if (text === 'now') {
    return nowMs;
  }
  const parts = ISO.exec(text);
  if (parts === null) {
    return text.includes('#') || /^-?\d+$/.test(text) ? readTime(text, label) : fail(text, label);
  }
  const [year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = parts.slice(1, 7).map((part) => Number(part ?? 0));
  const millis = Number((parts[7] ?? '').padEnd(3, '0'));
  // A day that no month has would become one of the next month.
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hours > 23 || minutes > 59 || seconds > 59) {
    return fail(text, label);
  }
  const zone = parts[8]?.toUpperCase();
  return zone === undefined
    ? new Date(year, month - 1, day, hours, minutes, seconds, millis).getTime()
    : Date.UTC(year, month - 1, day, hours, minutes, seconds, millis) - zoneMs(zone);
}

function zoneMs(zone: string): number {
  if (zone === 'Z') {
    return 0;
  }
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}

function fail(text: string, label: string): never {
  throw new UsageError(`${label} expects a time, got "${text}"`, {
    hint: 'examples: now, 1700000000000, 2026-11-21T08:30:00+08:00, 2026-11-21T00:30:00Z, 2026-11-21#08:30:00:000 in the local zone',
  });
}

import { UsageError } from '../common/errors.js';

const DATE = /^(\d{4})-(\d{2})-(\d{2})#(\d{2}):(\d{2}):(\d{2}):(\d{3})$/;
const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,3}))?)?)?(Z|[+-]\d{2}:?\d{2})?$/i;

/**
 * Reads a point in time as Apache's tool does: milliseconds since 1970 or `yyyy-MM-dd#HH:mm:ss:SSS` in the local time zone. ISO 8601 is read
 * too: `2026-11-21T08:30:00` with a zone (`Z`, `+08:00`) or in the local one; what is left out of the time is zero.
 * @returns milliseconds
 */
export function readTime(text: string, label: string): number {
  const ms = timeIn(text);
  if (ms === null) {
    throw new UsageError(`${label} expects milliseconds or yyyy-MM-dd#HH:mm:ss:SSS, got "${text}"`, {
      hint: 'examples: 2026-11-21#08:30:00:000 in the local zone, 2026-11-21T08:30:00+08:00, 1700000000000',
    });
  }
  return ms;
}

/** Null for what is no time. */
export function timeIn(text: string): number | null {
  if (/^-?\d{1,16}$/.test(text)) {
    return Number(text);
  }
  const parts = (DATE.exec(text) ?? ISO.exec(text))?.slice(1);
  if (parts === undefined) {
    return null;
  }
  const [year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = parts.slice(0, 6).map((part) => Number(part ?? 0));
  const millis = Number((parts[6] ?? '').padEnd(3, '0'));
  // A day that no month has would become one of the next month.
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hours > 23 || minutes > 59 || seconds > 59) {
    return null;
  }
  const zone = parts[7]?.toUpperCase();
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

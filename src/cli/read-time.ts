import { UsageError } from '../common/errors.js';

const DATE = /^(\d{4})-(\d{2})-(\d{2})#(\d{2}):(\d{2}):(\d{2}):(\d{3})$/;

/**
 * Reads a point in time as Apache's tool does: milliseconds since 1970 or `yyyy-MM-dd#HH:mm:ss:SSS` in the local time zone.
 * @returns milliseconds
 */
export function readTime(text: string, label: string): number {
  if (/^-?\d{1,16}$/.test(text)) {
    return Number(text);
  }
  const parts = DATE.exec(text)?.slice(1).map(Number);
  if (parts !== undefined) {
    const [year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0, millis = 0] = parts;
    const date = new Date(year, month - 1, day, hours, minutes, seconds, millis);
    if (date.getMonth() === month - 1 && date.getDate() === day && hours < 24 && minutes < 60 && seconds < 60) {
      return date.getTime();
    }
  }
  throw new UsageError(`${label} expects milliseconds or yyyy-MM-dd#HH:mm:ss:SSS, got "${text}"`, {
    hint: 'example: 2026-11-21#08:30:00:000',
  });
}

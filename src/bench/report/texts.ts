/** Numbers as the report writes them. */
import { asNumber } from './json-value.js';

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `12,345`; a dash where there is no number. */
export function countText(value: unknown): string {
  const number = asNumber(value);
  return number === undefined ? '–' : WHOLE.format(number);
}

/** Messages a second: whole from 10 on. */
export function rateText(value: unknown): string {
  const number = asNumber(value);
  return number === undefined ? '–' : number >= 10 ? WHOLE.format(number) : String(Number(number.toFixed(2)));
}

/** Milliseconds with the digits that are worth reading, without their unit. */
export function msText(value: unknown): string {
  const number = asNumber(value);
  if (number === undefined) {
    return '–';
  }
  return number < 1 ? number.toFixed(3) : number < 10 ? number.toFixed(2) : number < 1000 ? number.toFixed(1) : WHOLE.format(number);
}

/** `7.7 MB`. */
export function bytesText(value: unknown): string {
  const number = asNumber(value);
  if (number === undefined) {
    return '–';
  }
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = number < 1 ? 0 : Math.min(Math.floor(Math.log10(number) / 3), units.length - 1);
  return `${Number((number / 1000 ** power).toPrecision(3))} ${units[power]}`;
}

/** `+12 %`, `-0.4 %`, `×12` from three times on; empty where there is nothing to compare. */
export function deltaText(value: number, base: number): string {
  if (base === 0 || !Number.isFinite(value / base)) {
    return '';
  }
  const ratio = value / base;
  if (ratio >= 3) {
    return `×${ratio < 10 ? ratio.toFixed(1) : WHOLE.format(ratio)}`;
  }
  const percent = 100 * (value / base - 1);
  const digits = Math.abs(percent) < 10 ? 1 : 0;
  const text = percent.toFixed(digits);
  return Number(text) === 0 ? '±0 %' : `${percent > 0 ? '+' : ''}${text} %`;
}

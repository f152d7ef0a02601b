import type { Unit } from '../model.js';

/** Writes a value of an axis or of a read-out; `span` is what the axis shows, as far as it matters. */
export function formatValue(value: number, unit: Unit, span = 0): string {
  switch (unit) {
    case 'seconds':
      return clock(value, span);
    case 'rate':
    case 'count':
      return short(value);
    case 'ms':
      return latency(value);
    case 'percent':
      return `${trim(value, 1)} %`;
    case 'bytes':
      return bytes(value);
    case 'percentile':
      return percentile(value);
    case 'category':
      return String(value);
  }
}

function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

/** Three digits are what an eye compares: `12.3k`, `1.25M`. */
function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) {
    return `${Number((value / 1e6).toPrecision(3))}M`;
  }
  return size >= 1e4 ? `${Number((value / 1e3).toPrecision(3))}k` : size >= 100 ? value.toFixed(0) : trim(value, 1);
}

function latency(ms: number): string {
  if (ms >= 1000) {
    return `${Number((ms / 1000).toPrecision(3))} s`;
  }
  return ms >= 1 || ms === 0 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms * 1000).toPrecision(3))} µs`;
}

function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = value < 1 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), units.length - 1);
  return `${Number((value / 1000 ** power).toPrecision(3))} ${units[power]}`;
}

/** 1 / (1 - p) as p: 2 is 50 %, 1000 is 99.9 %. */
function percentile(inverse: number): string {
  if (inverse < 10) {
    return `${trim(100 * (1 - 1 / inverse), 0)} %`;
  }
  const power = Math.log10(inverse);
  const isWhole = Math.abs(power - Math.round(power)) < 1e-9;
  const nines = Math.max(0, Math.ceil(power - 1e-9) - (isWhole ? 2 : 1));
  return `${trim(100 * (1 - 1 / inverse), nines)} %`;
}

/** `5 s` in a short window, `1:05` in a longer one, `2:05 h` in one of hours. */
function clock(seconds: number, span: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  if (span >= 7200) {
    return `${Math.floor(seconds / 3600)}:${two((seconds % 3600) / 60)} h`;
  }
  return span > 120 ? `${Math.floor(seconds / 60)}:${two(seconds % 60)}` : `${trim(seconds, 1)} s`;
}

import { UsageError } from '../common/errors.js';
import { longName, type OptionSpec, type OptionTable, type OptionValues } from './options.js';

/** Turns raw option texts into typed values; environment and defaults fill what is absent. Values are trimmed, as Apache's tool does. */
export function readValues<T extends OptionTable>(table: T, raw: ReadonlyMap<string, string>, env: NodeJS.ProcessEnv): OptionValues<T> {
  const values: Record<string, unknown> = {};
  for (const [key, spec] of Object.entries(table)) {
    const text = raw.get(key) ?? (spec.env === undefined ? undefined : env[spec.env] || undefined);
    if (text !== undefined) {
      values[key] = readValue(key, spec, text.trim());
    } else if (spec.default !== undefined) {
      values[key] = spec.default;
    } else {
      values[key] = spec.kind === 'flag' ? false : spec.kind === 'texts' ? [] : undefined;
    }
  }
  return values as OptionValues<T>;
}

/** How an option is called in a message: `-t, --topic`. */
export function optionLabel(key: string, spec: OptionSpec): string {
  const long = `--${longName(key, spec).trim()}`;
  return spec.short === undefined ? long : `-${spec.short}, ${long}`;
}

function readValue(key: string, spec: OptionSpec, text: string): string | number | bigint | boolean | readonly string[] {
  const expects = (what: string): UsageError => new UsageError(`${optionLabel(key, spec)} expects ${what}, got "${text}"`);
  switch (spec.kind ?? 'text') {
    case 'flag':
      return text === 'true';
    case 'boolean': {
      const word = text.toLowerCase();
      if (word !== 'true' && word !== 'false') {
        throw expects('true or false');
      }
      return word === 'true';
    }
    case 'int':
      return readInt(spec, text, expects);
    case 'long':
      if (!/^[+-]?\d{1,19}$/.test(text)) {
        throw expects('a whole number');
      }
      return BigInt(text.replace(/^\+/, ''));
    case 'decimal': {
      const value = Number(text);
      if (text === '' || !Number.isFinite(value) || value < (spec.min ?? Number.NEGATIVE_INFINITY)) {
        throw expects(spec.min === undefined ? 'a number' : `a number of at least ${spec.min}`);
      }
      return value;
    }
    case 'texts':
      return text.split(/\s*\n\s*/);
    case 'duration':
      return readDuration(spec, text, expects);
    default:
      return text;
  }
}

function readInt(spec: OptionSpec, text: string, expects: (what: string) => UsageError): number {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  const { min, max } = spec;
  if (!Number.isSafeInteger(value) || (min !== undefined && value < min) || (max !== undefined && value > max)) {
    const range =
      min !== undefined && max !== undefined
        ? ` from ${min} to ${max}`
        : min !== undefined
          ? ` of at least ${min}`
          : max !== undefined
            ? ` of at most ${max}`
            : '';
    throw expects(`a whole number${range}`);
  }
  return value;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, '': 1000 };

/** The longest time that a timer takes, about 24 days: it would end at once with a longer one. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Reads `10s`, `500ms`, `2m`, `1h`, or bare seconds; the result is in milliseconds. */
function readDuration({ max = MAX_TIMER_MS }: OptionSpec, text: string, expects: (what: string) => UsageError): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|)$/.exec(text);
  const ms = match === null ? Number.NaN : Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? Number.NaN);
  if (!(ms > 0)) {
    throw expects('a time such as 10s or 500ms');
  }
  if (ms > max) {
    throw expects(`a time of at most ${max} ms (${Math.floor(max / 86_400_000)} days)`);
  }
  return ms;
}

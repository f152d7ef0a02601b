/* Reading of parsed JSON of unknown shape: a wrong type reads as the default, as in fastjson. */

export function asObject(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map)
    ? (value as Record<string, unknown>)
    : null;
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A whole number; text with one is accepted, as fastjson does. */
export function asNumber(value: unknown, fallback: number): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return Number(value);
  return fallback;
}

/** A long of any size: exact, as number while that is exact. */
export function asLong(value: unknown, fallback: number | bigint): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'string' && /^-?\d+$/.test(value)) {
    const long = BigInt(value);
    return Number.isSafeInteger(Number(long)) ? Number(long) : long;
  }
  return fallback;
}

export function asBoolean(value: unknown, fallback: boolean): boolean {
  if (typeof value === 'boolean') return value;
  return value === 'true' ? true : value === 'false' ? false : fallback;
}

export function asText(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}

/** Text values of an object; others are left out. */
export function asTextRecord(value: unknown): Record<string, string> {
  const entries = Object.entries(asObject(value) ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** Entries of a map with whole-number keys (`{0:3,1:5}`), whatever form the reader gave it. */
export function numberMapEntries(value: unknown): [number, number][] {
  const pairs: [unknown, unknown][] = value instanceof Map ? [...value.entries()] : Object.entries(asObject(value) ?? {});
  const entries: [number, number][] = [];
  for (const [key, item] of pairs) {
    const number = asNumber(key, Number.NaN);
    const amount = asNumber(item, Number.NaN);
    if (Number.isSafeInteger(number) && Number.isSafeInteger(amount)) entries.push([number, amount]);
  }
  return entries;
}

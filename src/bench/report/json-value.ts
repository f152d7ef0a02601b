/** Reads of parsed JSON that nobody vouches for: what has another type than expected is absent. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** More elements than a plan can have runs, or a series points, are not looked at. */
const LONGEST_LIST = 100_000;

/** The objects of a list, without everything else in it. */
export function asObjects(value: unknown): readonly JsonObject[] {
  return asList(value)
    .slice(0, LONGEST_LIST)
    .flatMap((one) => {
      const object = asObject(one);
      return object === undefined ? [] : [object];
    });
}

export function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Own fields only: a key like `constructor` is not found in what every object inherits. */
export function fieldOf(object: JsonObject | undefined, key: string): unknown {
  return object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A value of a table: text as it is, everything else as JSON. */
export function cellText(value: unknown): string {
  if (typeof value === 'string' || value === undefined) {
    return value ?? '';
  }
  try {
    return JSON.stringify(value);
  } catch {
    // Nested deeper than anything that was measured.
    return '…';
  }
}

/** Objects within objects are looked into so deep. */
const DEEPEST = 6;

/** Objects inside objects as one flat list: `generator.cpuPercent`. */
export function flatEntries(object: JsonObject | undefined, prefix = '', depth = 0): [string, unknown][] {
  return Object.entries(object ?? {}).flatMap(([key, value]): [string, unknown][] => {
    const inner = depth < DEEPEST ? asObject(value) : undefined;
    return inner === undefined ? [[prefix + key, value]] : flatEntries(inner, `${prefix}${key}.`, depth + 1);
  });
}

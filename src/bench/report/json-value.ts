/** Reads of parsed JSON that nobody vouches for: what has another type than expected is absent. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The objects of a list, without everything else in it. */
export function asObjects(value: unknown): readonly JsonObject[] {
  return asList(value).flatMap((one) => {
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
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}

/** Objects inside objects as one flat list: `generator.cpuPercent`. */
export function flatEntries(object: JsonObject | undefined, prefix = ''): [string, unknown][] {
  return Object.entries(object ?? {}).flatMap(([key, value]): [string, unknown][] => {
    const inner = asObject(value);
    return inner === undefined ? [[prefix + key, value]] : flatEntries(inner, `${prefix}${key}.`);
  });
}

import { suggest } from '../../common/suggest.js';

/** The numbers of a result by their dotted paths, outside of lists. */
export function numberPaths(value: unknown, prefix = ''): string[] {
  if (typeof value === 'number') {
    return [prefix];
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [];
  }
  return Object.entries(value).flatMap(([key, child]) => numberPaths(child, prefix === '' ? key : `${prefix}.${key}`));
}

/** What stands at a path: its numbers, several where `*` stands for every element; none where there is no such number. */
export function numbersAt(value: unknown, path: readonly string[]): number[] {
  const [name, ...rest] = path;
  if (name === undefined) {
    return typeof value === 'number' ? [value] : [];
  }
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  if (name === '*') {
    const each = Object.values(value).map((child) => numbersAt(child, rest));
    // An element without the field is no element that holds.
    return each.some((numbers) => numbers.length === 0) ? [] : each.flat();
  }
  return Object.hasOwn(value, name) ? numbersAt((value as Record<string, unknown>)[name], rest) : [];
}

/** Paths near a wrong one: those that end as it does, those that end in the same name, and those that look like it. */
export function nearPaths(wrong: string, paths: readonly string[]): string[] {
  const last = wrong.slice(wrong.lastIndexOf('.') + 1);
  const endingIn = (end: string): string[] => paths.filter((path) => path.endsWith(`.${end}`));
  return [...new Set([...endingIn(wrong), ...suggest(wrong, paths), ...endingIn(last)])].slice(0, 3);
}

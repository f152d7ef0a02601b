import { suggest } from '../../common/suggest.js';

/** The numbers of a result by their dotted paths. */
export function numberPaths(value: unknown, prefix = ''): string[] {
  if (typeof value === 'number') {
    return [prefix];
  }
  if (typeof value !== 'object' || value === null) {
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

/** `did you mean …`: paths near a wrong one, else those that end in the same name. */
export function nearPaths(wrong: string, paths: readonly string[]): string[] {
  const last = wrong.slice(wrong.lastIndexOf('.') + 1);
  const near = suggest(wrong, paths);
  const sameEnd = paths.filter((path) => path.endsWith(`.${last}`) || path === last);
  return [...new Set([...sameEnd, ...near])].slice(0, 3);
}

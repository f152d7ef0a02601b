/** Values over one x; all columns are as long as x. */
export interface Columns {
  readonly x: readonly number[];
  readonly columns: readonly (readonly (number | null)[])[];
}

/** More rows than a wide screen has pixels show nothing more. */
export const MOST_ROWS = 1600;

/**
 * At most `mostRows` rows: a long series is cut into equal pieces, and of each piece every column keeps its least and its greatest value,
 * in the order in which they came. No extreme is lost; it moves by less than a piece along x.
 */
export function thin({ x, columns }: Columns, mostRows = MOST_ROWS): Columns {
  if (x.length <= mostRows) {
    return { x, columns };
  }
  const pieces = Math.floor(mostRows / 2);
  const bounds = Array.from({ length: pieces + 1 }, (_, piece) => Math.floor((piece * x.length) / pieces));
  const thinX: number[] = [];
  const thinColumns: (number | null)[][] = columns.map(() => []);
  for (let piece = 0; piece < pieces; piece++) {
    const from = bounds[piece] ?? 0;
    const to = bounds[piece + 1] ?? x.length;
    thinX.push(x[from] ?? 0, x[Math.floor((from + to) / 2)] ?? 0);
    columns.forEach((column, index) => {
      const [first, second] = extremes(column, from, to);
      thinColumns[index]?.push(first, second);
    });
  }
  return { x: thinX, columns: thinColumns };
}

/** Least and greatest value of a piece in the order of their places; two nulls where it has none. */
function extremes(column: readonly (number | null)[], from: number, to: number): [number | null, number | null] {
  let least: number | null = null;
  let greatest: number | null = null;
  let leastAt = from;
  let greatestAt = from;
  for (let at = from; at < to; at++) {
    const value = column[at] ?? null;
    if (value !== null && (least === null || value < least)) {
      least = value;
      leastAt = at;
    }
    if (value !== null && (greatest === null || value > greatest)) {
      greatest = value;
      greatestAt = at;
    }
  }
  return leastAt <= greatestAt ? [least, greatest] : [greatest, least];
}

type Column = readonly (number | null)[];

/** Values over one x; all columns are as long as x. */
export interface Columns {
  readonly x: readonly number[];
  readonly columns: readonly Column[];
}

/** A column of a long series: means of its pieces, and what they would hide. */
interface ThinColumn {
  readonly y: Column;
  readonly range?: { readonly low: Column; readonly high: Column };
}

interface ThinColumns {
  readonly x: readonly number[];
  readonly columns: readonly ThinColumn[];
}

/** More rows than a wide screen has room for show nothing more. */
export const MOST_ROWS = 1000;

/**
 * At most `mostRows` rows: a long series is cut into equal pieces, and of each piece every column keeps its mean, its least and its greatest
 * value. No extreme is lost; it moves by less than a piece along x.
 */
export function thin({ x, columns }: Columns, mostRows = MOST_ROWS): ThinColumns {
  if (x.length <= mostRows) {
    return { x, columns: columns.map((y) => ({ y })) };
  }
  const bounds = Array.from({ length: mostRows + 1 }, (_, piece) => Math.floor((piece * x.length) / mostRows));
  const starts = bounds.slice(0, -1);
  return { x: starts.map((from) => x[from] ?? 0), columns: columns.map((column) => thinColumn(column, bounds)) };
}

function thinColumn(column: Column, bounds: readonly number[]): ThinColumn {
  const y: (number | null)[] = [];
  const low: (number | null)[] = [];
  const high: (number | null)[] = [];
  for (let piece = 0; piece + 1 < bounds.length; piece++) {
    const { mean, least, greatest } = pieceOf(column, bounds[piece] ?? 0, bounds[piece + 1] ?? 0);
    y.push(mean);
    low.push(least);
    high.push(greatest);
  }
  return { y, range: { low, high } };
}

/** Nulls where the piece has no value. */
function pieceOf(column: Column, from: number, to: number): Record<'mean' | 'least' | 'greatest', number | null> {
  let sum = 0;
  let count = 0;
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let at = from; at < to; at++) {
    const value = column[at] ?? null;
    if (value !== null) {
      sum += value;
      count++;
      least = Math.min(least, value);
      greatest = Math.max(greatest, value);
    }
  }
  // Rounding must not carry a mean over what it is the mean of.
  return count === 0
    ? { mean: null, least: null, greatest: null }
    : { mean: Math.min(Math.max(sum / count, least), greatest), least, greatest };
}

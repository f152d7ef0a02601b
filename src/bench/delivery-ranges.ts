/** First and last of a run of whole numbers. */
export type Range = readonly [from: number, to: number];

/** Whole numbers as ranges that neither touch nor overlap, in rising order. */
export class RangeSet {
  readonly #ends: [number, number][] = [];

  constructor(ranges: readonly Range[] = []) {
    for (const [from, to] of ranges) {
      this.add(from, to);
    }
  }

  /** The ranges, in rising order. */
  ranges(): readonly Range[] {
    return this.#ends;
  }

  /** How many numbers there are. */
  get size(): number {
    return this.#ends.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  }

  has(value: number): boolean {
    return this.rangeOf(value) !== undefined;
  }

  /** The range that a number lies in. */
  rangeOf(value: number): Range | undefined {
    const range = this.#ends[this.#firstEndingAt(value)];
    return range !== undefined && range[0] <= value ? range : undefined;
  }

  /** Adds a number, or all from one to another. */
  add(from: number, to: number = from): void {
    // Ranges that touch the new one on either side become one with it.
    const start = this.#firstEndingAt(from - 1);
    let end = start;
    let [low, high] = [from, to];
    for (let range = this.#ends[end]; range !== undefined && range[0] <= to + 1; range = this.#ends[++end]) {
      low = Math.min(low, range[0]);
      high = Math.max(high, range[1]);
    }
    this.#ends.splice(start, end - start, [low, high]);
  }

  /** Index of the first range that ends at or behind a value. */
  #firstEndingAt(value: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ends[middle] as [number, number])[1] < value) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}

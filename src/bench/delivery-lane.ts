import { type Range, RangeSet } from './delivery-ranges.js';

/** Sequence numbers of one page: half a kilobyte. */
const PAGE_SEQUENCES = 4096;
const PAGE_WORDS = PAGE_SEQUENCES / 32;

interface Page {
  readonly bits: Uint32Array;
  count: number;
}

/** Pages that all lanes of a check may hold at once. */
export interface PageBudget {
  left: number;
}

/** What a lane knows, as JSON: for another process. */
export interface LaneState {
  readonly lane: number;
  readonly lowest: number;
  readonly highest: number;
  readonly duplicates: number;
  readonly disordered: number;
  /** Pages received without a gap. */
  readonly full: readonly Range[];
  /** Pages with gaps: index and bits, base64. */
  readonly pages: readonly (readonly [index: number, bits: string])[];
  /** Pages that had to be forgotten, and what had arrived in them. */
  readonly closed: readonly Range[];
  readonly closedCount: number;
}

/**
 * The sequence numbers that arrived of one lane. Memory is a bit for each number of a page that has gaps, and nothing for pages that
 * are complete; a lane whose check has no more pages to give counts what arrives in its oldest page from then on without a look at it.
 */
export class LaneLog {
  readonly #budget: PageBudget;
  readonly #pages = new Map<number, Page>();
  readonly #full = new RangeSet();
  readonly #closed = new RangeSet();
  #closedCount = 0;
  #lastIndex = -1;
  #last: Page | undefined;
  lowest = Number.POSITIVE_INFINITY;
  highest = -1;
  duplicates = 0;
  /** Arrived behind a later one of the lane, for the first time. */
  disordered = 0;

  constructor(budget: PageBudget) {
    this.#budget = budget;
  }

  /** Notes an arrival; false when the number had arrived before. */
  add(sequence: number): boolean {
    const index = Math.floor(sequence / PAGE_SEQUENCES);
    const page = index === this.#lastIndex ? this.#last : this.#page(index);
    if (page === undefined) {
      return this.#addWithoutPage(index, sequence);
    }
    const bit = sequence % PAGE_SEQUENCES;
    const word = page.bits[bit >>> 5] as number;
    const mask = 1 << (bit & 31);
    if ((word & mask) !== 0) {
      this.duplicates++;
      return false;
    }
    page.bits[bit >>> 5] = word | mask;
    this.#note(sequence);
    if (++page.count === PAGE_SEQUENCES) {
      this.#complete(index);
    }
    return true;
  }

  /** Different numbers that arrived. */
  get received(): number {
    let count = this.#full.size * PAGE_SEQUENCES + this.#closedCount;
    for (const page of this.#pages.values()) {
      count += page.count;
    }
    return count;
  }

  /** Whether the number arrived; of a page that was forgotten everything did. */
  has(sequence: number): boolean {
    const index = Math.floor(sequence / PAGE_SEQUENCES);
    const page = this.#pages.get(index);
    return page === undefined ? this.#full.has(index) || this.#closed.has(index) : hasBit(page, sequence % PAGE_SEQUENCES);
  }

  /**
   * Calls back for each run of numbers between two bounds (both included) that did not arrive.
   * @returns how many numbers that were; {@link forgotten} ones are not among them.
   */
  missing(from: number, to: number, onRange: (from: number, to: number) => void): number {
    let missing = 0;
    let gapStart = -1;
    const end = (behind: number): void => {
      if (gapStart >= 0) {
        missing += behind - gapStart;
        onRange(gapStart, behind - 1);
        gapStart = -1;
      }
    };
    const known = [...this.#pages.keys(), ...[...this.#full.ranges(), ...this.#closed.ranges()].map(([first]) => first)].sort(
      (a, b) => a - b,
    );
    let next = 0;
    for (let at = from; at <= to; ) {
      const index = Math.floor(at / PAGE_SEQUENCES);
      const page = this.#pages.get(index);
      if (page !== undefined) {
        const pageEnd = Math.min(to, (index + 1) * PAGE_SEQUENCES - 1);
        while (at <= pageEnd) {
          const bit = at % PAGE_SEQUENCES;
          const word = page.bits[bit >>> 5] as number;
          // Most words are all there or all missing.
          const step = (bit & 31) === 0 && at + 31 <= pageEnd && (word === 0 || word === 0xffffffff) ? 32 : 1;
          if ((word & (1 << (bit & 31))) !== 0) {
            end(at);
          } else if (gapStart < 0) {
            gapStart = at;
          }
          at += step;
        }
        continue;
      }
      const whole = this.#full.rangeOf(index) ?? this.#closed.rangeOf(index);
      if (whole !== undefined) {
        end(at);
        at = (whole[1] + 1) * PAGE_SEQUENCES;
        continue;
      }
      gapStart = gapStart < 0 ? at : gapStart;
      while (next < known.length && (known[next] as number) <= index) {
        next++;
      }
      at = (known[next] ?? Number.POSITIVE_INFINITY) * PAGE_SEQUENCES;
    }
    end(to + 1);
    return missing;
  }

  /** Numbers that did not arrive of pages that had to be forgotten. */
  get forgotten(): number {
    return Math.max(0, this.#closed.size * PAGE_SEQUENCES - this.#closedCount);
  }

  state(lane: number): LaneState {
    return {
      lane,
      lowest: this.lowest,
      highest: this.highest,
      duplicates: this.duplicates,
      disordered: this.disordered,
      full: [...this.#full.ranges()],
      pages: [...this.#pages].map(([index, { bits }]) => [index, Buffer.from(bits.buffer).toString('base64')] as const),
      closed: [...this.#closed.ranges()],
      closedCount: this.#closedCount,
    };
  }

  /** Adds what another process saw of the same lane; what both saw came twice. */
  merge(state: LaneState): void {
    this.duplicates += state.duplicates;
    this.disordered += state.disordered;
    for (const [index, text] of state.pages) {
      const bytes = Buffer.from(text, 'base64');
      this.#mergePage(index, new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + PAGE_WORDS * 4)));
    }
    for (const [from, to] of state.full) {
      for (let index = from; index <= to; index++) {
        this.#mergePage(index, ALL);
      }
    }
    for (const [from, to] of state.closed) {
      this.#closed.add(from, to);
    }
    this.#closedCount += state.closedCount;
    this.lowest = Math.min(this.lowest, state.lowest);
    this.highest = Math.max(this.highest, state.highest);
  }

  #mergePage(index: number, bits: Uint32Array): void {
    const incoming = countBits(bits);
    const page = this.#page(index);
    if (page === undefined) {
      if (this.#closed.has(index)) {
        this.#closedCount += incoming;
      } else {
        this.duplicates += incoming;
      }
      return;
    }
    for (let i = 0; i < PAGE_WORDS; i++) {
      page.bits[i] = (page.bits[i] as number) | (bits[i] as number);
    }
    const count = countBits(page.bits);
    this.duplicates += page.count + incoming - count;
    page.count = count;
    if (count === PAGE_SEQUENCES) {
      this.#complete(index);
    }
  }

  /** The page of an index; undefined when it is complete or forgotten. */
  #page(index: number): Page | undefined {
    let page = this.#pages.get(index);
    if (page === undefined && !this.#full.has(index) && !this.#closed.has(index)) {
      if (this.#budget.left > 0) {
        this.#budget.left--;
      } else {
        this.#forgetOldest();
      }
      page = { bits: new Uint32Array(PAGE_WORDS), count: 0 };
      this.#pages.set(index, page);
    }
    this.#lastIndex = index;
    this.#last = page;
    return page;
  }

  #addWithoutPage(index: number, sequence: number): boolean {
    if (this.#closed.has(index)) {
      this.#closedCount++;
      this.#note(sequence);
      return true;
    }
    this.duplicates++;
    return false;
  }

  #note(sequence: number): void {
    if (sequence < this.lowest) {
      this.lowest = sequence;
    }
    if (sequence > this.highest) {
      this.highest = sequence;
    } else {
      this.disordered++;
    }
  }

  #complete(index: number): void {
    this.#full.add(index);
    this.#release(index);
  }

  /** Makes room in a lane that has pages; one without may exceed the budget by its first. */
  #forgetOldest(): void {
    for (const [index, page] of this.#pages) {
      this.#closed.add(index);
      this.#closedCount += page.count;
      this.#release(index);
      this.#budget.left--;
      return;
    }
  }

  #release(index: number): void {
    this.#pages.delete(index);
    this.#budget.left++;
    this.#lastIndex = -1;
    this.#last = undefined;
  }
}

const ALL = new Uint32Array(PAGE_WORDS).fill(0xffffffff);

function hasBit(page: Page, bit: number): boolean {
  return ((page.bits[bit >>> 5] as number) & (1 << (bit & 31))) !== 0;
}

function countBits(bits: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < PAGE_WORDS; i++) {
    for (let word = bits[i] as number; word !== 0; word &= word - 1) {
      count++;
    }
  }
  return count;
}

const PAGE_OFFSETS = 65_536;
const PAGE_WORDS = PAGE_OFFSETS / 32;
const ALL = 0xffffffff;

/** Queue offsets as bits in pages of 8 KiB: a million neighbouring offsets take 128 KiB. */
export class OffsetSet {
  readonly #pages = new Map<number, Uint32Array>();
  readonly #maxPages: number;
  // The page of the last access: transactions end in about the order in which they began.
  #lastIndex = -1;
  #lastPage: Uint32Array | undefined;

  constructor(maxPages: number) {
    this.#maxPages = maxPages;
  }

  get pageCount(): number {
    return this.#pages.size;
  }

  has(offset: number): boolean {
    const index = Math.floor(offset / PAGE_OFFSETS);
    const page = this.#page(index);
    const bit = offset - index * PAGE_OFFSETS;
    return page !== undefined && (page[bit >>> 5]! & (1 << (bit & 31))) !== 0;
  }

  /** False when the offset needs one page too many. */
  add(offset: number): boolean {
    const index = Math.floor(offset / PAGE_OFFSETS);
    let page = this.#page(index);
    if (page === undefined) {
      if (this.#pages.size >= this.#maxPages) return false;
      page = new Uint32Array(PAGE_WORDS);
      this.#pages.set(index, page);
      this.#lastIndex = index;
      this.#lastPage = page;
    }
    const bit = offset - index * PAGE_OFFSETS;
    page[bit >>> 5] = (page[bit >>> 5]! | (1 << (bit & 31))) >>> 0;
    return true;
  }

  delete(offset: number): void {
    const index = Math.floor(offset / PAGE_OFFSETS);
    const page = this.#page(index);
    if (page === undefined) return;
    const bit = offset - index * PAGE_OFFSETS;
    page[bit >>> 5] = (page[bit >>> 5]! & ~(1 << (bit & 31))) >>> 0;
  }

  /** The first offset in [from, end) that is not in the set; `end` when all are. */
  nextAbsent(from: number, end: number): number {
    let at = from;
    while (at < end) {
      const index = Math.floor(at / PAGE_OFFSETS);
      const page = this.#page(index);
      if (page === undefined) return at;
      const pageEnd = Math.min(end, (index + 1) * PAGE_OFFSETS);
      while (at < pageEnd) {
        const bit = at - index * PAGE_OFFSETS;
        const word = page[bit >>> 5]!;
        if (word === ALL) at += 32 - (bit & 31);
        else if ((word & (1 << (bit & 31))) === 0) return at;
        else at++;
      }
    }
    return end;
  }

  /** Gives the memory of offsets below back, whole pages at a time: some of them stay. */
  dropBelow(offset: number): void {
    const first = Math.floor(offset / PAGE_OFFSETS);
    for (const index of this.#pages.keys()) {
      if (index < first) this.#pages.delete(index);
    }
    if (this.#lastIndex < first) {
      this.#lastIndex = -1;
      this.#lastPage = undefined;
    }
  }

  #page(index: number): Uint32Array | undefined {
    if (index === this.#lastIndex) return this.#lastPage;
    const page = this.#pages.get(index);
    if (page !== undefined) {
      this.#lastIndex = index;
      this.#lastPage = page;
    }
    return page;
  }
}

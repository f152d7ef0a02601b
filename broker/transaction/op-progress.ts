interface OpMark {
  /** Op queue offset behind the message. */
  end: number;
  /** The largest half offset that the message, or one before it, names. */
  maxHalfOffset: number;
}

/**
 * How far the op queue need not be read any more: an op message is done with when all half messages it names lie below the progress of the
 * half queue.
 */
export class OpProgress {
  #offset: number;
  readonly #marks: OpMark[] = [];
  #head = 0;
  readonly #maxMarks: number;

  constructor(offset: number, maxMarks: number) {
    this.#offset = offset;
    this.#maxMarks = maxMarks;
  }

  /** First op offset that a restart must read. */
  get offset(): number {
    return this.#offset;
  }

  /** Notes an op message in the order of the queue. */
  add(end: number, maxHalfOffset: number): void {
    const last = this.#marks.at(-1);
    if (last !== undefined && this.#marks.length - this.#head >= this.#maxMarks) {
      last.end = end;
      last.maxHalfOffset = Math.max(last.maxHalfOffset, maxHalfOffset);
      return;
    }
    this.#marks.push({ end, maxHalfOffset });
  }

  /** Passes the op messages that name only half messages below `halfOffset`. */
  advance(halfOffset: number): void {
    while (this.#head < this.#marks.length && this.#marks[this.#head]!.maxHalfOffset < halfOffset) {
      this.#offset = this.#marks[this.#head]!.end;
      this.#head++;
    }
    if (this.#head * 2 >= this.#marks.length) {
      this.#marks.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

import { MAX_RESOLVED_PAGES, MAX_TRACKED_OPS } from './limits.js';
import { OffsetSet } from './offset-set.js';
import type { OpBody } from './op-messages.js';
import { OpProgress } from './op-progress.js';

/** One queue of half messages, and which of them have ended. */
export class HalfQueue {
  readonly queueId: number;
  /** Half messages below were stored before this start: what is known of them comes from op messages and look-ups. */
  readonly earlierEnd: number;
  /** Offsets that have ended (committed, rolled back, given up, or copied further behind), or are just about to. */
  readonly resolved = new OffsetSet(MAX_RESOLVED_PAGES);
  readonly #ops: OpProgress;
  /** Op messages of earlier runs that are still to be read: from here to `opEnd`. */
  opRead: number;
  readonly opEnd: number;
  /** Names that are not in the op queue yet. */
  openOps: OpBody | null = null;
  /** All offsets that op messages of earlier runs name; null once no half message of an earlier run is left. */
  earlierEnds: OffsetSet | null = new OffsetSet(MAX_RESOLVED_PAGES);
  #progress: number;
  /** Op messages of this run that were stored before those of earlier runs were read. */
  #laterOps: { end: number; maxHalfOffset: number }[] = [];

  constructor(options: { queueId: number; progress: number; earlierEnd: number; opProgress: number; opEnd: number }) {
    this.queueId = options.queueId;
    this.#progress = options.progress;
    this.earlierEnd = options.earlierEnd;
    this.opRead = options.opProgress;
    this.opEnd = options.opEnd;
    this.#ops = new OpProgress(options.opProgress, MAX_TRACKED_OPS);
  }

  /** First offset that is not known to have ended; what a restart begins with. */
  get progress(): number {
    return this.#progress;
  }

  /** What earlier runs wrote about ends is not all read yet. */
  get isLoading(): boolean {
    return this.opRead < this.opEnd;
  }

  /** First op offset that a restart must read. */
  get opProgress(): number {
    return this.#ops.offset;
  }

  isOpen(offset: number): boolean {
    return offset >= this.#progress && !this.resolved.has(offset);
  }

  /** Moves over everything that has ended below `end`. */
  advance(end: number): void {
    this.#progress = Math.max(this.#progress, this.resolved.nextAbsent(this.#progress, end));
    this.resolved.dropBelow(this.#progress);
    if (this.#progress >= this.earlierEnd) this.earlierEnds = null;
    if (!this.isLoading) this.#ops.advance(this.#progress);
  }

  /** Takes an op message of an earlier run. */
  addEarlierOps(halfOffsets: readonly number[]): void {
    let maxHalfOffset = -1;
    for (const offset of halfOffsets) {
      if (offset >= this.#progress) this.resolved.add(offset);
      this.earlierEnds?.add(offset);
      maxHalfOffset = Math.max(maxHalfOffset, offset);
    }
    this.opRead++;
    this.#ops.add(this.opRead, maxHalfOffset);
    if (!this.isLoading) this.#addLaterOps();
  }

  /** Op messages up to here are gone from the store. */
  skipOpsTo(offset: number): void {
    this.opRead = Math.min(Math.max(this.opRead, offset), this.opEnd);
    if (!this.isLoading) this.#addLaterOps();
  }

  /** Takes an op message that this run has stored. */
  addOwnOps(end: number, maxHalfOffset: number): void {
    if (this.isLoading) this.#laterOps.push({ end, maxHalfOffset });
    else this.#ops.add(end, maxHalfOffset);
  }

  #addLaterOps(): void {
    for (const { end, maxHalfOffset } of this.#laterOps) this.#ops.add(end, maxHalfOffset);
    this.#laterOps = [];
  }

  /** The queue begins later: files of the store were deleted. */
  skipTo(offset: number): void {
    this.#progress = Math.max(this.#progress, offset);
  }
}

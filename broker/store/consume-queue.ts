/*
 * A consume queue: for each message of one queue a unit of 20 bytes; queue offset q is at byte q × 20. Mirrors ConsumeQueue.
 *
 * | 0  | commit log offset of the record     | 8 |
 * | 8  | size of the record                  | 4 |
 * | 12 | tags code, signed (or deliver time) | 8 |
 *
 * A filler unit (0, 0x7FFFFFFF, 0) stands before the first real unit of a queue that does not begin at a file's start.
 * New units stay in memory and are written many at once; the commit log is the truth, so a killed process loses none.
 */
import { setInt64 } from '../../src/common/int64.js';
import type { FileSeries } from './file-series.js';
import { QUEUE_PAGE_UNITS, QUEUE_TAIL_FIRST_UNITS, QUEUE_TAIL_UNITS } from './limits.js';

export const CQ_UNIT_BYTES = 20;
const FILLER_SIZE = 0x7fffffff;
const TWO_32 = 4294967296;

/** Where a read found units: they lie at `position` of `view`, `count` of them. */
export interface UnitRun {
  view: DataView;
  position: number;
  count: number;
}

export class ConsumeQueue {
  readonly topic: string;
  readonly queueId: number;
  readonly files: FileSeries;
  /** Queue offset the next put gets; ahead of `maxOffset` while messages wait for write or flush. */
  nextOffset = 0;
  /** First readable queue offset. */
  minOffset = 0;
  /** Commit log offset just after the last unit's record. */
  maxPhysicOffset = 0;
  /** Units were written since the files were last put on the device. */
  readonly unsyncedFiles = new Set<number>();
  /** Whether the list of queues with unwritten units holds this one. */
  isListedDirty = false;
  /** The topic is gone; messages that were under way do not bring its files back. */
  isDeleted = false;
  /** Called when the disk does not take units; they stay in memory. */
  onWriteError: (error: unknown) => void = () => {};

  #tail: Buffer;
  #tailView: DataView;
  /** Queue offset of the tail's first unit. */
  #tailStart = 0;
  /** End of the queue. */
  #max = 0;
  /** Units below are in the files. */
  #written = 0;

  #page: Buffer | null = null;
  #pageView: DataView | null = null;
  #pageStart = 0;
  #pageCount = 0;

  constructor(topic: string, queueId: number, files: FileSeries) {
    this.topic = topic;
    this.queueId = queueId;
    this.files = files;
    this.#tail = Buffer.allocUnsafeSlow(QUEUE_TAIL_FIRST_UNITS * CQ_UNIT_BYTES);
    this.#tailView = new DataView(this.#tail.buffer);
  }

  get maxOffset(): number {
    return this.#max;
  }

  /** Adds a unit at the end. The caller has checked that it belongs there. */
  append(commitLogOffset: number, size: number, tagsCode: number | bigint): void {
    let index = this.#max - this.#tailStart;
    if (index * CQ_UNIT_BYTES === this.#tail.length) {
      this.#makeRoom();
      index = this.#max - this.#tailStart;
    }
    const at = index * CQ_UNIT_BYTES;
    const view = this.#tailView;
    setInt64(view, at, commitLogOffset);
    view.setInt32(at + 8, size);
    if (typeof tagsCode === 'number') {
      setInt64(view, at + 12, tagsCode);
    } else {
      view.setBigInt64(at + 12, tagsCode);
    }
    this.#max++;
    this.maxPhysicOffset = commitLogOffset + size;
  }

  /** Goes to `offset` with filler units when messages before it are gone. */
  fillTo(offset: number): void {
    if (this.#max === 0) {
      const fileUnits = this.files.fileSize / CQ_UNIT_BYTES;
      this.#resetTail(offset - (offset % fileUnits));
      this.minOffset = offset;
    }
    const last = this.maxPhysicOffset;
    while (this.#max < offset) {
      this.append(0, FILLER_SIZE, 0);
    }
    this.maxPhysicOffset = last;
  }

  #makeRoom(): void {
    const units = this.#tail.length / CQ_UNIT_BYTES;
    if (units < QUEUE_TAIL_UNITS) {
      this.#growTail(units * 4);
      return;
    }
    try {
      this.writeOut();
    } catch (error) {
      // The store refuses messages until the disk takes units again, so this stays small.
      this.onWriteError(error);
      this.#growTail(units * 2);
      return;
    }
    // The newer half stays: consumers that keep up read it.
    const kept = units >> 1;
    this.#tail.copyWithin(0, (units - kept) * CQ_UNIT_BYTES);
    this.#tailStart += units - kept;
  }

  #growTail(units: number): void {
    const larger = Buffer.allocUnsafeSlow(units * CQ_UNIT_BYTES);
    this.#tail.copy(larger);
    this.#tail = larger;
    this.#tailView = new DataView(larger.buffer);
  }

  /** Puts all units into the files (not yet on the device). */
  writeOut(): void {
    if (this.#written === this.#max) {
      return;
    }
    const from = this.#written * CQ_UNIT_BYTES;
    const bytes = this.#max * CQ_UNIT_BYTES - from;
    this.files.writeAll(from, this.#tail, from - this.#tailStart * CQ_UNIT_BYTES, bytes);
    for (let start = this.files.startOf(from); start < from + bytes; start += this.files.fileSize) {
      this.unsyncedFiles.add(start);
    }
    this.#written = this.#max;
  }

  /**
   * Units from `offset` on (at most `wanted`), as many as lie in one piece of memory. Null when the files do not hold them.
   * The run is valid until the next call of this object.
   */
  units(offset: number, wanted: number, run: UnitRun): boolean {
    if (offset >= this.#tailStart) {
      run.view = this.#tailView;
      run.position = (offset - this.#tailStart) * CQ_UNIT_BYTES;
      run.count = Math.min(wanted, this.#max - offset);
      return run.count > 0;
    }
    if (this.#page === null || offset < this.#pageStart || offset >= this.#pageStart + this.#pageCount) {
      this.#readPage(offset);
    }
    run.view = this.#pageView!;
    run.position = (offset - this.#pageStart) * CQ_UNIT_BYTES;
    run.count = Math.min(wanted, this.#pageStart + this.#pageCount - offset);
    return run.count > 0;
  }

  #readPage(offset: number): void {
    this.#page ??= Buffer.allocUnsafeSlow(QUEUE_PAGE_UNITS * CQ_UNIT_BYTES);
    this.#pageView ??= new DataView(this.#page.buffer);
    // Aligned, so that consumers at different places of it share it.
    let start = offset - (offset % QUEUE_PAGE_UNITS);
    start = Math.max(start, this.files.minOffset / CQ_UNIT_BYTES);
    const count = Math.min(QUEUE_PAGE_UNITS, this.#tailStart - start);
    const bytes = start > offset ? 0 : this.files.read(start * CQ_UNIT_BYTES, this.#page, 0, count * CQ_UNIT_BYTES);
    this.#pageStart = start;
    this.#pageCount = Math.floor(bytes / CQ_UNIT_BYTES);
  }

  dropPage(): void {
    this.#page = null;
    this.#pageView = null;
    this.#pageCount = 0;
  }

  #resetTail(max: number): void {
    this.#tailStart = max;
    this.#max = max;
    this.#written = max;
    this.dropPage();
  }

  /** Sets the end after loading or cutting; what lies behind it in the files is cleared. */
  truncateTo(max: number, maxPhysicOffset: number): void {
    const end = max * CQ_UNIT_BYTES;
    this.files.deleteFrom(end === 0 ? 0 : this.files.startOf(end - 1) + this.files.fileSize);
    if (end % this.files.fileSize !== 0) {
      this.files.zeroFrom(end);
    }
    this.#resetTail(max);
    this.maxPhysicOffset = maxPhysicOffset;
    this.nextOffset = max;
  }

  /** Takes the end found in the files without touching them. */
  adopt(max: number, maxPhysicOffset: number): void {
    this.#resetTail(max);
    this.maxPhysicOffset = maxPhysicOffset;
    this.nextOffset = max;
  }
}

/** Commit log offset of a unit. */
export function unitOffset(view: DataView, position: number): number {
  return view.getInt32(position) * TWO_32 + view.getUint32(position + 4);
}

export function unitSize(view: DataView, position: number): number {
  return view.getInt32(position + 8);
}

/** Tags code: a number while that is exact, else a bigint. */
export function unitTagsCode(view: DataView, position: number): number | bigint {
  const high = view.getInt32(position + 12);
  const low = view.getUint32(position + 16);
  const value = high * TWO_32 + low;
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low);
}

export function isFiller(view: DataView, position: number): boolean {
  return unitSize(view, position) === FILLER_SIZE && unitOffset(view, position) === 0;
}

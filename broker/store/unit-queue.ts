/*
 * What consume queues of both kinds have in common: a file series of units of one size, in the order of the commit log, each with
 *
 * | 0 | commit log offset of the record | 8 |
 * | 8 | size of the record              | 4 |
 *
 * at its start. Units are counted from byte 0 of the series: unit u is at byte u × unitBytes, also when the first files are gone. In a
 * simple queue the number of a unit is its queue offset; in a batch queue a unit stands for several offsets.
 * New units stay in memory and are written many at once; the commit log is the truth, so a killed process loses none.
 */
import type { FileSeries } from './file-series.js';
import { QUEUE_PAGE_UNITS, QUEUE_TAIL_FIRST_UNITS, QUEUE_TAIL_UNITS } from './limits.js';
import { UnsyncedBytes } from './unsynced-bytes.js';

const TWO_32 = 4294967296;
/** Size in a unit that only fills the place before a queue's first message. */
export const FILLER_SIZE = 0x7fffffff;

/** Room for one unit of either kind. */
const PROBE = Buffer.alloc(64);
const PROBE_VIEW = new DataView(PROBE.buffer, PROBE.byteOffset, PROBE.length);

/** Value of the topic attribute `queue.type`. */
export type QueueType = 'SimpleCQ' | 'BatchCQ';

/** Where a read found units: they lie at `position` of `view`, `count` of them. */
export interface UnitRun {
  view: DataView;
  position: number;
  count: number;
}

export function newUnitRun(): UnitRun {
  return { view: new DataView(new ArrayBuffer(0)), position: 0, count: 0 };
}

/** A consume queue of either kind, as recovery, retention, flushing and rebuilding see it. */
export abstract class UnitQueue {
  abstract readonly type: QueueType;
  readonly topic: string;
  readonly queueId: number;
  readonly files: FileSeries;
  readonly unitBytes: number;
  /** Queue offset the next put gets; ahead of `maxOffset` while messages wait for write or flush. */
  nextOffset = 0;
  /** First readable queue offset. */
  minOffset = 0;
  /** First offset of the commit log that `minOffset` was found for; −1 when it must be found anew. */
  minFoundFor = -1;
  /** Commit log offset just after the last unit's record. */
  maxPhysicOffset = 0;
  /** Units were written since the files were last put on the device. */
  readonly unsyncedFiles = new Set<number>();
  /** A flush of a file failed: `rewriteUnsynced` comes before the next. */
  isRewriteNeeded = false;
  /** Whether the list of queues with unwritten units holds this one. */
  isListedDirty = false;
  /** The topic is gone; messages that were under way do not bring its files back. */
  isDeleted = false;
  /** Where recovery expects the first unit of a queue that it emptied. */
  expectedStart = 0;
  /** Called when the disk does not take units; they stay in memory. */
  onWriteError: (error: unknown) => void = () => {};
  /** Called before a page is read into new memory, which stays until `dropPage`. */
  onPage: () => void = () => {};

  /** Holds the units that are not in the files yet, and the newest of the others. */
  protected tailView: DataView;
  #tail: Buffer;
  /** The tail's first unit. */
  #tailStart = 0;
  /** End of the queue. */
  #end = 0;
  /** Units below are in the files. */
  #written = 0;
  #unsynced = new UnsyncedBytes();

  #page: Buffer | null = null;
  #pageView: DataView | null = null;
  #pageStart = 0;
  #pageCount = 0;

  constructor(options: { topic: string; queueId: number; files: FileSeries; unitBytes: number }) {
    this.topic = options.topic;
    this.queueId = options.queueId;
    this.files = options.files;
    this.unitBytes = options.unitBytes;
    this.#tail = Buffer.allocUnsafeSlow(QUEUE_TAIL_FIRST_UNITS * this.unitBytes);
    this.tailView = new DataView(this.#tail.buffer);
  }

  /** End of the queue: the offset after its last message. */
  abstract get maxOffset(): number;

  /** Queue offset of the first message of a unit that is in the queue. */
  abstract offsetOfUnit(unit: number): number;

  /** Whether a unit's bytes can be one. Bytes that were never written cannot. */
  abstract isUnit(view: DataView, position: number): boolean;

  /** The end was set to a unit, without an append. */
  protected abstract endMoved(): void;

  /** Number of the unit that will come next. */
  get endUnit(): number {
    return this.#end;
  }

  /** First unit that the files can hold. */
  get firstUnit(): number {
    return this.files.minOffset / this.unitBytes;
  }

  /** Units were added that are in memory only. */
  get hasUnwritten(): boolean {
    return this.#written < this.#end;
  }

  /** First unit of the tail: from here on reads make no system call. */
  protected get tailStart(): number {
    return this.#tailStart;
  }

  /** Makes `unit` the first readable one; the end of the queue when there is no such unit. */
  setMinUnit(unit: number): void {
    this.minOffset = unit < this.#end ? this.offsetOfUnit(unit) : this.maxOffset;
  }

  /** Place for one more unit at the end; returns its position in `tailView`. */
  protected claimUnit(): number {
    let at = (this.#end - this.#tailStart) * this.unitBytes;
    if (at === this.#tail.length) {
      this.#makeRoom();
      at = (this.#end - this.#tailStart) * this.unitBytes;
    }
    this.#end++;
    return at;
  }

  #makeRoom(): void {
    const units = this.#tail.length / this.unitBytes;
    // A queue whose tail is written out before it is half full needs no larger one: there may be thousands like it.
    if (units < QUEUE_TAIL_UNITS && this.#end - this.#written > units >> 1) {
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
    this.#tail.copyWithin(0, (units - kept) * this.unitBytes);
    this.#tailStart += units - kept;
  }

  #growTail(units: number): void {
    const larger = Buffer.allocUnsafeSlow(units * this.unitBytes);
    this.#tail.copy(larger);
    this.#tail = larger;
    this.tailView = new DataView(larger.buffer);
  }

  /** Puts all units into the files (not yet on the device). */
  writeOut(): void {
    if (this.#written === this.#end) {
      return;
    }
    const from = this.#written * this.unitBytes;
    const bytes = this.#end * this.unitBytes - from;
    this.files.writeAll(from, this.#tail, from - this.#tailStart * this.unitBytes, bytes);
    for (let start = this.files.startOf(from); start < from + bytes; start += this.files.fileSize) {
      this.unsyncedFiles.add(start);
      const first = Math.max(start, from);
      const end = Math.min(start + this.files.fileSize, from + bytes);
      this.#unsynced.note(first, this.#tail, first - this.#tailStart * this.unitBytes, end - first, first === start);
    }
    this.#written = this.#end;
  }

  /** A flush of all `unsyncedFiles` begins; returns its number for `endFlush`. */
  beginFlush(): number {
    return this.#unsynced.beginFlush();
  }

  /** All files of the flush are on the device. */
  endFlush(flush: number): void {
    this.#unsynced.endFlush(flush);
  }

  /** Writes the units since the last good flush into the files again; false when they are no longer there. Throws when the disk refuses. */
  rewriteUnsynced(): boolean {
    const { files } = this;
    const access = {
      read: (position: number, target: Buffer, bytes: number) => files.read(position, target, 0, bytes),
      write: (position: number, source: Buffer, bytes: number) => {
        files.writeAll(position, source, 0, bytes);
        this.unsyncedFiles.add(files.startOf(position));
      },
    };
    const isThere = this.#unsynced.rewrite(access, (position) => files.has(files.startOf(position)));
    this.isRewriteNeeded = false;
    return isThere;
  }

  /**
   * Units from `unit` on (at most `wanted`), as many as lie in one piece of memory. False when the files do not hold them.
   * The run is valid until the next call of this object.
   */
  units(unit: number, wanted: number, run: UnitRun): boolean {
    if (unit >= this.#tailStart) {
      run.view = this.tailView;
      run.position = (unit - this.#tailStart) * this.unitBytes;
      run.count = Math.min(wanted, this.#end - unit);
      return run.count > 0;
    }
    if (this.#page === null || unit < this.#pageStart || unit >= this.#pageStart + this.#pageCount) {
      this.#readPage(unit);
    }
    run.view = this.#pageView!;
    run.position = (unit - this.#pageStart) * this.unitBytes;
    // A page begins behind a unit whose file is gone.
    run.count = unit < this.#pageStart ? 0 : Math.min(wanted, this.#pageStart + this.#pageCount - unit);
    return run.count > 0;
  }

  /** One unit, without reading a page of its neighbours. The run is valid until the next call of any queue's `unit`. */
  unit(unit: number, run: UnitRun): boolean {
    if (unit >= this.#tailStart || (unit >= this.#pageStart && unit < this.#pageStart + this.#pageCount)) {
      return this.units(unit, 1, run);
    }
    run.view = PROBE_VIEW;
    run.position = 0;
    run.count = 1;
    return this.files.read(unit * this.unitBytes, PROBE, 0, this.unitBytes) === this.unitBytes;
  }

  #readPage(unit: number): void {
    if (this.#page === null) {
      this.onPage();
      this.#page = Buffer.allocUnsafeSlow(QUEUE_PAGE_UNITS * this.unitBytes);
      this.#pageView = new DataView(this.#page.buffer);
    }
    // Aligned, so that consumers at different places of it share it.
    let start = unit - (unit % QUEUE_PAGE_UNITS);
    start = Math.max(start, this.firstUnit);
    const count = Math.min(QUEUE_PAGE_UNITS, this.#tailStart - start);
    const bytes = start > unit ? 0 : this.files.read(start * this.unitBytes, this.#page, 0, count * this.unitBytes);
    this.#pageStart = start;
    this.#pageCount = Math.floor(bytes / this.unitBytes);
  }

  dropPage(): void {
    this.#page = null;
    this.#pageView = null;
    this.#pageCount = 0;
  }

  /** Goes on at `unit`, without anything in memory. */
  protected resetTail(unit: number): void {
    this.#tailStart = unit;
    this.#end = unit;
    this.#written = unit;
    this.dropPage();
  }

  /** Sets the end after loading or cutting; what lies behind it in the files is cleared. */
  truncateTo(unit: number, maxPhysicOffset: number): void {
    const end = unit * this.unitBytes;
    this.files.deleteFrom(end === 0 ? 0 : this.files.startOf(end - 1) + this.files.fileSize);
    this.#unsynced = new UnsyncedBytes();
    if (end % this.files.fileSize !== 0) {
      this.files.zeroDenseFrom(end);
      // Old units that a power cut brings back behind the end would count as new ones later.
      this.unsyncedFiles.add(this.files.startOf(end));
      this.#unsynced.noteUnrepeatable();
    }
    this.adopt(unit, maxPhysicOffset);
  }

  /** Takes the end found in the files without touching them. */
  adopt(unit: number, maxPhysicOffset: number): void {
    this.resetTail(unit);
    this.minFoundFor = -1;
    this.maxPhysicOffset = maxPhysicOffset;
    this.endMoved();
    this.nextOffset = this.maxOffset;
  }
}

/** Commit log offset of a unit. */
export function unitOffset(view: DataView, position: number): number {
  return view.getInt32(position) * TWO_32 + view.getUint32(position + 4);
}

export function unitSize(view: DataView, position: number): number {
  return view.getInt32(position + 8);
}

/** Tags code of a unit, which both kinds have at the same place: a number while that is exact, else a bigint. */
export function unitTagsCode(view: DataView, position: number): number | bigint {
  const high = view.getInt32(position + 12);
  const low = view.getUint32(position + 16);
  const value = high * TWO_32 + low;
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low);
}

export function isFiller(view: DataView, position: number): boolean {
  return unitSize(view, position) === FILLER_SIZE && unitOffset(view, position) === 0;
}

import { FdCache } from '../store/fd-cache.js';
import { FileSeries } from '../store/file-series.js';
import type { Disk } from '../store/index.js';
import { LOG_READ_BYTES, MAX_OPEN_TIMER_FILES } from './limits.js';
import { BLANK_BYTES, encodeBlank, isBlank, TimerUnit, UNIT_BYTES } from './timer-unit.js';

const FIRST_TAIL_BYTES = 64 * 1024;

/**
 * `timerlog/`: a unit for each message that was put on the wheel, in order. Units stay in memory until they are on the device, so that a
 * flush that failed can be repeated; a killed process loses those that were never written, and recovery takes them from the timer topic again.
 */
export class TimerLog {
  readonly #files: FileSeries;
  readonly #fds: FdCache;
  /** Bytes that are not known to be on the device. */
  #tail = Buffer.allocUnsafeSlow(FIRST_TAIL_BYTES);
  #tailView = new DataView(this.#tail.buffer);
  /** Position of the tail's first byte: everything before it is on the device. */
  #syncedEnd = 0;
  #writtenEnd = 0;
  #end = 0;
  readonly #page = Buffer.allocUnsafeSlow(LOG_READ_BYTES + UNIT_BYTES);
  readonly #pageView = new DataView(this.#page.buffer);
  #pageStart = -1;
  #pageEnd = -1;

  /** @param options.fileSize mappedFileSizeTimerLog */
  constructor(options: { directory: string; fileSize: number; disk: Disk }) {
    this.#fds = new FdCache(options.disk, MAX_OPEN_TIMER_FILES);
    this.#files = new FileSeries({ directory: options.directory, fileSize: options.fileSize, disk: options.disk, fds: this.#fds });
  }

  /** Finds the files. Throws StoreError when they have another size than the configuration says. */
  load(): void {
    // The kill may have come in an earlier run: since then the broker may have run without the timer, and stopped in order.
    this.#files.load('mappedFileSizeTimerLog', true);
    this.#files.checkSize(false);
    this.#files.mend();
  }

  get fileSize(): number {
    return this.#files.fileSize;
  }

  /** Start of the oldest file. */
  get minPos(): number {
    return this.#files.minOffset;
  }

  /** End of the newest file; 0 without files. */
  get filesEnd(): number {
    return this.#files.isEmpty ? 0 : this.#files.lastStart + this.fileSize;
  }

  /** Where the next unit goes. */
  get end(): number {
    return this.#end;
  }

  /** Bytes that the device does not have yet. */
  get unflushedBytes(): number {
    return this.#end - this.#syncedEnd;
  }

  /** Recovery found the end: nothing valid lies behind it. What is behind is cleared, or it could be taken for units later. */
  setEnd(position: number): void {
    this.#files.deleteFrom(position);
    if (position < this.filesEnd) this.#files.zeroFrom(position);
    this.#end = position;
    this.#writtenEnd = position;
    this.#syncedEnd = position;
    this.#pageStart = -1;
  }

  /** Removes everything. */
  clear(): void {
    this.#files.deleteFrom(0);
    this.setEnd(0);
  }

  /** Adds a unit; returns its position. */
  append(unit: TimerUnit): number {
    const inFile = this.#end % this.fileSize;
    const room = this.fileSize - inFile;
    if (room < UNIT_BYTES + BLANK_BYTES) {
      const at = this.#claim(room);
      encodeBlank(this.#tailView, at, room);
    }
    const position = this.#end;
    const at = this.#claim(UNIT_BYTES);
    unit.encode(this.#tailView, at);
    return position;
  }

  /** Room for bytes at the end, zeroed; returns its place in the tail. */
  #claim(bytes: number): number {
    const at = this.#end - this.#syncedEnd;
    if (at + bytes > this.#tail.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#tail.length * 2, at + bytes));
      this.#tail.copy(larger, 0, 0, at);
      this.#tail = larger;
      this.#tailView = new DataView(larger.buffer);
    }
    this.#tail.fill(0, at, at + bytes);
    this.#end += bytes;
    return at;
  }

  /** Reads the unit at a position; false when there is none. */
  read(position: number, unit: TimerUnit): boolean {
    if (position < 0 || position + UNIT_BYTES > this.#end) return false;
    if (position >= this.#syncedEnd) return unit.decode(this.#tailView, position - this.#syncedEnd, position);
    return this.#loadPage(position, this.#syncedEnd) && unit.decode(this.#pageView, position - this.#pageStart, position);
  }

  /** For recovery, which does not know the end yet: the unit at a position, `blank`, or `none`. */
  probe(position: number, unit: TimerUnit): 'unit' | 'blank' | 'none' {
    // What is behind a known end changes later, and must not stay in the page.
    if (!this.#loadPage(position, this.#end > 0 ? this.#end : this.filesEnd)) return 'none';
    const at = position - this.#pageStart;
    if (isBlank(this.#pageView, at)) return 'blank';
    return unit.decode(this.#pageView, at, position) ? 'unit' : 'none';
  }

  /** Start of the file behind the one that holds a position. */
  nextFileOf(position: number): number {
    return position - (position % this.fileSize) + this.fileSize;
  }

  #loadPage(position: number, end: number): boolean {
    if (position < this.minPos) return false;
    const wanted = Math.min(position + UNIT_BYTES, end);
    if (this.#pageStart < 0 || position < this.#pageStart || wanted > this.#pageEnd) {
      // Files before the oldest are gone, and a read would stop there.
      this.#pageStart = Math.max(position - (position % LOG_READ_BYTES), this.minPos);
      const bytes = Math.min(this.#page.length, end - this.#pageStart);
      this.#pageEnd = this.#pageStart + this.#files.read(this.#pageStart, this.#page, 0, bytes);
      this.#page.fill(0, this.#pageEnd - this.#pageStart);
    }
    return position + BLANK_BYTES <= this.#pageEnd;
  }

  /** Writes what is not written yet. Throws what the disk throws; the next call repeats it. */
  write(): void {
    if (this.#writtenEnd === this.#end) return;
    this.#files.writeAll(this.#writtenEnd, this.#tail, this.#writtenEnd - this.#syncedEnd, this.#end - this.#writtenEnd);
    this.#writtenEnd = this.#end;
  }

  /** Puts everything written on the device. After a failure all of it is written again, because the kernel may have dropped the pages. */
  sync(callback: (error: Error | null) => void): void {
    const end = this.#writtenEnd;
    const starts = this.#files.startsBetween(this.#syncedEnd, end);
    let left = starts.length + 1;
    let failure: Error | null = null;
    const done = (error: Error | null): void => {
      failure ??= error;
      if (--left > 0) return;
      if (failure === null) this.#synced(end);
      else this.#writtenEnd = this.#syncedEnd;
      callback(failure);
    };
    for (const start of starts) this.#files.fdatasync(start, done);
    if (starts.length === 0) done(null);
    else this.#files.syncDirectory(done);
  }

  /** The same before it returns, for a stop. */
  syncNow(): void {
    this.write();
    for (const start of this.#files.startsBetween(this.#syncedEnd, this.#writtenEnd)) this.#files.fdatasyncSync(start);
    this.#synced(this.#writtenEnd);
  }

  #synced(end: number): void {
    this.#tail.copyWithin(0, end - this.#syncedEnd, this.#end - this.#syncedEnd);
    this.#syncedEnd = end;
  }

  /** Deletes leading files whose messages are gone from the commit log: their last unit points below its start. Never the newest file. */
  deleteExpired(commitLogMinOffset: number): number {
    const unit = new TimerUnit();
    // The last unit of a full file stands before its blank.
    const lastUnit = this.fileSize - ((this.fileSize - BLANK_BYTES) % UNIT_BYTES) - BLANK_BYTES - UNIT_BYTES;
    let deleted = 0;
    while (this.#files.starts.length > 1 && this.#files.minOffset + this.fileSize <= this.#syncedEnd) {
      const start = this.#files.minOffset;
      if (!this.read(start + lastUnit, unit) || unit.commitLogOffset >= commitLogMinOffset) break;
      this.#files.delete(start);
      deleted++;
    }
    if (deleted > 0) this.#pageStart = -1;
    return deleted;
  }

  close(): void {
    this.#fds.closeAll();
  }
}

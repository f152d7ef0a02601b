/*
 * One index file: a hash table from `topic#key` to commit log offsets. Mirrors IndexFile.
 *
 * header, 40 bytes                        | then `maxHashSlotNum` slots, 4 bytes each: newest entry of the slot, 0 = none
 * | 0  | beginTimestamp              | 8 | | then `maxIndexNum` entries, 20 bytes each; entry 0 is never used
 * | 8  | endTimestamp                | 8 | | | 0  | key hash                                | 4 |
 * | 16 | beginPhyOffset              | 8 | | | 4  | commit log offset                       | 8 |
 * | 24 | endPhyOffset                | 8 | | | 12 | seconds since beginTimestamp            | 4 |
 * | 32 | hashSlotCount (used slots)  | 4 | | | 16 | previous entry of the same slot, 0 ends | 4 |
 * | 36 | indexCount (next entry)     | 4 |
 *
 * Entries are written in order, many at once. The slots of the file that grows live in memory and are written when it is full or
 * the store stops: the entries say all they say, and after a kill they are computed again.
 */
import { endianness } from 'node:os';
import { getInt64, setInt64 } from '../../src/common/int64.js';
import { type FdCache, FlushNotBegunError } from './fd-cache.js';
import { INDEX_WRITE_BYTES } from './limits.js';
import type { Disk } from './types.js';
import { UnsyncedBytes } from './unsynced-bytes.js';

const HEADER_BYTES = 40;
const SLOT_BYTES = 4;
const ENTRY_BYTES = 20;
const SCAN_ENTRIES = 50_000;
const SWAP = endianness() === 'LE';

/** One entry as a reader sees it. */
export interface IndexEntry {
  keyHash: number;
  commitLogOffset: number;
  timeDiffSeconds: number;
  previous: number;
}

export class IndexFile {
  readonly path: string;
  beginTimestamp = 0;
  endTimestamp = 0;
  beginPhyOffset = 0;
  endPhyOffset = 0;
  hashSlotCount = 0;
  /** Number of the next entry. */
  indexCount = 1;

  readonly #slotNum: number;
  readonly #indexNum: number;
  readonly #disk: Disk;
  readonly #fds: FdCache;
  /** Slots in memory, in the machine's byte order; null once they are in the file. */
  #slots: Int32Array | null = null;
  #pending: Buffer | null = null;
  #pendingView: DataView | null = null;
  /** Entries below are in the file. */
  #written = 1;
  /** Slots below are in the file; used while a full file is written piece by piece. */
  #slotsWritten = 0;
  /** The file's slots may hold numbers that no longer mean anything: empty stretches are written too. */
  #areSlotsStale = false;
  #isNew = false;
  readonly #unsynced = new UnsyncedBytes();
  /** Flushes that failed. */
  #flushFailures = 0;
  #isRewriteNeeded = false;

  constructor(options: { path: string; maxHashSlotNum: number; maxIndexNum: number; disk: Disk; fds: FdCache }) {
    this.path = options.path;
    this.#slotNum = options.maxHashSlotNum;
    this.#indexNum = options.maxIndexNum;
    this.#disk = options.disk;
    this.#fds = options.fds;
  }

  get fileBytes(): number {
    return HEADER_BYTES + this.#slotNum * SLOT_BYTES + this.#indexNum * ENTRY_BYTES;
  }

  get isFull(): boolean {
    return this.indexCount >= this.#indexNum;
  }

  /** Nothing of it was written yet: there is no such file. */
  get isNew(): boolean {
    return this.#isNew;
  }

  /** A flush failed: `rewriteUnsynced` comes before the next. */
  get isRewriteNeeded(): boolean {
    return this.#isRewriteNeeded;
  }

  get hasSlotsInMemory(): boolean {
    return this.#slots !== null;
  }

  /** Begins a new file; it is made, sparse and at full length, with the first write. */
  begin(): void {
    this.#slots = new Int32Array(this.#slotNum);
    this.#isNew = true;
  }

  #openForWrite(): number {
    const fd = this.#fds.open(this.path, { create: this.#isNew });
    if (this.#isNew) {
      this.#disk.ftruncateSync(fd, this.fileBytes);
      this.#isNew = false;
    }
    return fd;
  }

  /** Reads the header. */
  loadHeader(): void {
    const header = Buffer.alloc(HEADER_BYTES);
    const fd = this.#fds.open(this.path);
    this.#disk.readSync(fd, header, 0, HEADER_BYTES, 0);
    const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
    this.beginTimestamp = getInt64(view, 0);
    this.endTimestamp = getInt64(view, 8);
    this.beginPhyOffset = getInt64(view, 16);
    this.endPhyOffset = getInt64(view, 24);
    this.hashSlotCount = view.getInt32(32);
    this.indexCount = Math.min(Math.max(1, view.getInt32(36)), this.#indexNum);
    this.#written = this.indexCount;
  }

  /** Reads the slots of a file that was closed in order and grows again. */
  loadSlots(): void {
    const buffer = Buffer.from(new ArrayBuffer(this.#slotNum * SLOT_BYTES));
    this.#disk.readSync(this.#fds.open(this.path), buffer, 0, buffer.length, HEADER_BYTES);
    if (SWAP) {
      buffer.swap32();
    }
    this.#slots = new Int32Array(buffer.buffer, 0, this.#slotNum);
    this.#slotsWritten = 0;
  }

  /**
   * Computes the slots and the header from the entries, for a file that a crash left: takes entries while their offsets grow, are before
   * `endOffset`, and their links fit. With `isLastInDoubt` the last record's entries go too: some of them may be missing.
   */
  rebuild(endOffset: number, isLastInDoubt: boolean): void {
    const slots = new Int32Array(this.#slotNum);
    const block = Buffer.allocUnsafe(Math.min(SCAN_ENTRIES, this.#indexNum) * ENTRY_BYTES);
    const view = new DataView(block.buffer, block.byteOffset, block.length);
    const fd = this.#fds.open(this.path);
    let last = -1;
    let lastFirst = 1;
    let timeDiff = 0;
    let previousDiff = 0;
    let count = 1;
    scan: while (count < this.#indexNum) {
      const wanted = Math.min(SCAN_ENTRIES, this.#indexNum - count);
      this.#disk.readSync(fd, block, 0, wanted * ENTRY_BYTES, this.#entryPosition(count));
      for (let i = 0; i < wanted; i++) {
        const at = i * ENTRY_BYTES;
        const keyHash = view.getInt32(at);
        const offset = getInt64(view, at + 4);
        const previous = view.getInt32(at + 16);
        if (offset < last || offset >= endOffset || keyHash < 0 || (keyHash === 0 && offset === 0)) {
          break scan;
        }
        const slot = keyHash % this.#slotNum;
        if (previous !== slots[slot]) {
          break scan;
        }
        if (offset > last) {
          last = offset;
          lastFirst = count;
          previousDiff = timeDiff;
        }
        timeDiff = view.getInt32(at + 12);
        slots[slot] = count++;
      }
    }
    this.#slots = slots;
    this.indexCount = count;
    this.#cutEntriesFrom(isLastInDoubt ? lastFirst : count);
    // Entries know the second only; a file's end may be stated late, never early.
    this.endTimestamp = this.beginTimestamp + (isLastInDoubt ? previousDiff : timeDiff) * 1000 + 999;
    this.hashSlotCount = slots.reduce((used, entry) => used + (entry === 0 ? 0 : 1), 0);
    this.#slotsWritten = 0;
    this.#areSlotsStale = true;
    this.#writeHeader();
  }

  /** Drops entries at and behind number `from`, and clears their bytes. */
  #cutEntriesFrom(from: number): void {
    const fd = this.#fds.open(this.path);
    for (let k = this.indexCount - 1; k >= from; k--) {
      const entry = this.entry(k)!;
      this.#slots![entry.keyHash % this.#slotNum] = entry.previous;
    }
    this.indexCount = from;
    this.#written = from;
    if (from < this.#indexNum) {
      this.#disk.ftruncateSync(fd, this.#entryPosition(from));
      this.#disk.ftruncateSync(fd, this.fileBytes);
      this.#unsynced.noteUnrepeatable();
    }
    this.endPhyOffset = from > 1 ? this.entry(from - 1)!.commitLogOffset : this.beginPhyOffset;
  }

  #entryPosition(k: number): number {
    return HEADER_BYTES + this.#slotNum * SLOT_BYTES + k * ENTRY_BYTES;
  }

  /** Adds an entry; the file is not full and its slots are in memory. */
  put(keyHash: number, commitLogOffset: number, storeTimestamp: number): void {
    const slots = this.#slots!;
    const slot = keyHash % this.#slotNum;
    const k = this.indexCount;
    const previous = slots[slot]!;
    if (k === 1) {
      this.beginTimestamp = storeTimestamp;
      this.beginPhyOffset = commitLogOffset;
    }
    if (this.#pending === null) {
      this.#pending = Buffer.allocUnsafeSlow(INDEX_WRITE_BYTES - (INDEX_WRITE_BYTES % ENTRY_BYTES));
      this.#pendingView = new DataView(this.#pending.buffer);
    }
    const at = (k - this.#written) * ENTRY_BYTES;
    const view = this.#pendingView!;
    const seconds = Math.floor((storeTimestamp - this.beginTimestamp) / 1000);
    view.setInt32(at, keyHash);
    setInt64(view, at + 4, commitLogOffset);
    view.setInt32(at + 12, Math.min(Math.max(seconds, 0), 0x7fffffff));
    view.setInt32(at + 16, previous);
    slots[slot] = k;
    if (previous === 0) {
      this.hashSlotCount++;
    }
    this.indexCount = k + 1;
    this.endTimestamp = storeTimestamp;
    this.endPhyOffset = commitLogOffset;
  }

  /** Whether the next `put` needs `writeEntries` or `growPending` first. */
  get isPendingFull(): boolean {
    return this.#pending !== null && (this.indexCount - this.#written + 1) * ENTRY_BYTES > this.#pending.length;
  }

  /** Makes room in memory when the disk does not take entries; the store refuses puts meanwhile, so it stays small. */
  growPending(): void {
    const larger = Buffer.allocUnsafeSlow(this.#pending!.length * 2);
    this.#pending!.copy(larger);
    this.#pending = larger;
    this.#pendingView = new DataView(larger.buffer);
  }

  /** Writes new entries, then the header. */
  writeEntries(): void {
    const count = this.indexCount - this.#written;
    if (count === 0 || this.#pending === null) {
      return;
    }
    this.#writeFully(this.#pending, count * ENTRY_BYTES, this.#entryPosition(this.#written));
    this.#unsynced.note(this.#entryPosition(this.#written), this.#pending, 0, count * ENTRY_BYTES);
    this.#written = this.indexCount;
    this.#writeHeader();
  }

  #writeHeader(): void {
    const header = Buffer.alloc(HEADER_BYTES);
    const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
    setInt64(view, 0, this.beginTimestamp);
    setInt64(view, 8, this.endTimestamp);
    setInt64(view, 16, this.beginPhyOffset);
    setInt64(view, 24, this.endPhyOffset);
    view.setInt32(32, this.hashSlotCount);
    view.setInt32(36, this.indexCount);
    this.#writeFully(header, HEADER_BYTES, 0);
  }

  #writeFully(buffer: Buffer, length: number, position: number): void {
    const fd = this.#openForWrite();
    let done = 0;
    while (done < length) {
      const count = this.#disk.writeSync(fd, buffer, done, length - done, position + done);
      if (count === 0) {
        throw new Error(`${this.path}: the disk took ${done} of ${length} bytes`);
      }
      done += count;
    }
  }

  /** Writes up to `maxBytes` of the slots; true when all are in the file. Unused stretches stay holes. */
  writeSlots(maxBytes: number): boolean {
    const slots = this.#slots;
    if (slots === null) {
      return true;
    }
    const end = Math.min(this.#slotNum, this.#slotsWritten + Math.floor(maxBytes / SLOT_BYTES));
    const PIECE = 1024;
    for (let from = this.#slotsWritten; from < end; from += PIECE) {
      const piece = slots.subarray(from, Math.min(end, from + PIECE));
      if (this.#areSlotsStale || piece.some((entry) => entry !== 0)) {
        const bytes = Buffer.from(piece.slice().buffer);
        if (SWAP) {
          bytes.swap32();
        }
        this.#writeFully(bytes, bytes.length, HEADER_BYTES + from * SLOT_BYTES);
      }
    }
    this.#slotsWritten = end;
    return end === this.#slotNum;
  }

  /** Begins to write the slots again from the first. */
  restartSlots(): void {
    this.#slotsWritten = 0;
  }

  /** Lets the memory go once everything is in the file. */
  release(): void {
    this.#slots = null;
    this.#pending = null;
    this.#pendingView = null;
  }

  fdatasync(callback: (error: Error | null) => void): void {
    if (this.#isNew) {
      callback(null);
      return;
    }
    const flush = this.#unsynced.beginFlush();
    const failures = this.#flushFailures;
    this.#fds.fdatasync(this.path, (error) => {
      if (error === null && failures === this.#flushFailures) {
        this.#unsynced.endFlush(flush);
        callback(null);
        return;
      }
      if (error !== null && !(error instanceof FlushNotBegunError)) {
        this.#flushFailures++;
        this.#isRewriteNeeded = true;
      }
      callback(error ?? new Error('another flush of the file failed'));
    });
  }

  /**
   * After a flush that failed: writes the entries since the last good one again, and the slots from the first. False when the entries are no
   * longer there. Throws when the disk refuses.
   */
  rewriteUnsynced(): boolean {
    this.writeEntries();
    const isThere = this.#unsynced.rewrite({
      read: (position, target, bytes) => this.#disk.readSync(this.#fds.open(this.path), target, 0, bytes, position),
      write: (position, source, bytes) => this.#writeFully(source, bytes, position),
    });
    this.#writeHeader();
    this.restartSlots();
    this.#isRewriteNeeded = false;
    return isThere;
  }

  /** Newest entry of the hash's slot; 0 when there is none. */
  head(keyHash: number): number {
    const slot = keyHash % this.#slotNum;
    let value: number;
    if (this.#slots !== null) {
      value = this.#slots[slot]!;
    } else {
      const buffer = Buffer.alloc(SLOT_BYTES);
      this.#disk.readSync(this.#fds.open(this.path), buffer, 0, SLOT_BYTES, HEADER_BYTES + slot * SLOT_BYTES);
      value = buffer.readInt32BE(0);
    }
    return value > 0 && value < this.indexCount ? value : 0;
  }

  entry(k: number): IndexEntry | null {
    if (k <= 0 || k >= this.indexCount) {
      return null;
    }
    let buffer = this.#pending;
    let at = (k - this.#written) * ENTRY_BYTES;
    if (buffer === null || k < this.#written) {
      buffer = Buffer.alloc(ENTRY_BYTES);
      at = 0;
      this.#disk.readSync(this.#fds.open(this.path), buffer, 0, ENTRY_BYTES, this.#entryPosition(k));
    }
    return {
      keyHash: buffer.readInt32BE(at),
      commitLogOffset: Number(buffer.readBigInt64BE(at + 4)),
      timeDiffSeconds: buffer.readInt32BE(at + 12),
      previous: buffer.readInt32BE(at + 16),
    };
  }
}

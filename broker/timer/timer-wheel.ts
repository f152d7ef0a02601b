/*
 * `timerwheel`: 7 × 86400 × 2 slots of 32 bytes, whatever the precision. Slot index = (time / precision) mod slot count. Mirrors TimerWheel
 * and Slot.
 *
 * | 0  | time / precision: the slot counts only for this time              | 8 |
 * | 8  | position of its first unit in the timer log                       | 8 |
 * | 16 | position of its last unit                                         | 8 |
 * | 24 | messages in it; a unit that cancels counts −1                     | 4 |
 * | 28 | magic, 0                                                          | 4 |
 */
import { join } from 'node:path';
import { getInt64, setInt64, viewOf } from '../../src/common/int64.js';
import { FdCache } from '../store/fd-cache.js';
import type { Disk } from '../store/index.js';

/** Slots that may be ahead of the present; the file holds twice as many. */
export const WHEEL_SLOTS = 7 * 86_400;
const TOTAL_SLOTS = WHEEL_SLOTS * 2;
const SLOT_BYTES = 32;
const WHEEL_BYTES = TOTAL_SLOTS * SLOT_BYTES;
const PAGE_SLOTS = 128;
const PAGE_BYTES = PAGE_SLOTS * SLOT_BYTES;
const SCAN_BYTES = PAGE_BYTES * 256;

/** A slot as it was when it was looked at; one object is used for all looks. */
export class Slot {
  /** Multiple of the precision; −1 for a slot without messages. */
  timeMs = -1;
  firstPos = -1;
  lastPos = -1;
  /** Messages in it; may be wrong where a cancellation met no message. */
  num = 0;
}

/** A page on its way to the disk. */
interface PageCopy {
  index: number;
  bytes: Buffer;
}

/** The timer wheel. Pages of slots are in memory from their first use until all their times are past; the file is written by flushes. */
export class TimerWheel {
  readonly precisionMs: number;
  readonly path: string;
  readonly #disk: Disk;
  readonly #fds: FdCache;
  readonly #pages = new Map<number, Buffer>();
  readonly #dirty = new Set<number>();
  readonly #slot = new Slot();
  /** The file has pages that are not known to be on the device. */
  #isUnsynced = false;

  constructor(options: { root: string; precisionMs: number; disk: Disk }) {
    this.precisionMs = options.precisionMs;
    this.path = join(options.root, 'timerwheel');
    this.#disk = options.disk;
    this.#fds = new FdCache(options.disk, 1);
  }

  /** Whether the file is there at its full length. */
  get isComplete(): boolean {
    return this.#disk.statSync(this.path)?.size === WHEEL_BYTES;
  }

  /** Makes the file at full length, sparse; `reset` also forgets what is in it. */
  create(options: { reset: boolean }): void {
    if (this.isComplete && !options.reset) return;
    const fd = this.#fds.open(this.path, { create: true });
    if (options.reset) this.#disk.ftruncateSync(fd, 0);
    this.#disk.ftruncateSync(fd, WHEEL_BYTES);
    this.#pages.clear();
    this.#dirty.clear();
  }

  /** The slot of a time, rounded down to the precision; its `timeMs` is −1 when it holds nothing for that time. */
  slotAt(timeMs: number): Slot {
    const slotTime = Math.floor(timeMs / this.precisionMs);
    const index = slotTime % TOTAL_SLOTS;
    const view = viewOf(this.#page(Math.floor(index / PAGE_SLOTS)));
    const at = (index % PAGE_SLOTS) * SLOT_BYTES;
    const slot = this.#slot;
    if (getInt64(view, at) !== slotTime) {
      slot.timeMs = -1;
      slot.firstPos = -1;
      slot.lastPos = -1;
      slot.num = 0;
      return slot;
    }
    return readSlot(view, at, slot, this.precisionMs);
  }

  put(timeMs: number, firstPos: number, lastPos: number, num: number): void {
    const slotTime = Math.floor(timeMs / this.precisionMs);
    const index = slotTime % TOTAL_SLOTS;
    const pageIndex = Math.floor(index / PAGE_SLOTS);
    const view = viewOf(this.#page(pageIndex));
    const at = (index % PAGE_SLOTS) * SLOT_BYTES;
    setInt64(view, at, slotTime);
    setInt64(view, at + 8, firstPos);
    setInt64(view, at + 16, lastPos);
    view.setInt32(at + 24, num);
    view.setInt32(at + 28, 0);
    this.#dirty.add(pageIndex);
  }

  #page(index: number): Buffer {
    const known = this.#pages.get(index);
    if (known !== undefined) return known;
    const page = Buffer.alloc(PAGE_BYTES);
    this.#disk.readSync(this.#fds.open(this.path), page, 0, PAGE_BYTES, index * PAGE_BYTES);
    this.#pages.set(index, page);
    return page;
  }

  /** Every slot of the file that holds something, as the file has it. For the start, before anything is put. */
  *slots(): Generator<Slot> {
    if (this.#disk.statSync(this.path)?.allocatedBytes === 0) return;
    const fd = this.#fds.open(this.path);
    const chunk = Buffer.allocUnsafe(SCAN_BYTES);
    const view = new DataView(chunk.buffer, chunk.byteOffset);
    const slot = new Slot();
    for (let from = 0; from < WHEEL_BYTES; from += SCAN_BYTES) {
      const count = this.#disk.readSync(fd, chunk, 0, Math.min(SCAN_BYTES, WHEEL_BYTES - from), from);
      for (let at = 0; at < count; at += SLOT_BYTES) {
        if (view.getInt32(at + 4) !== 0 && getInt64(view, at) > 0) yield readSlot(view, at, slot, this.precisionMs);
      }
    }
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** Copies of the pages that changed since the last call. */
  takeDirty(): PageCopy[] {
    const copies = [...this.#dirty].map((index) => ({ index, bytes: Buffer.from(this.#pages.get(index)!) }));
    this.#dirty.clear();
    return copies;
  }

  /** These pages did not reach the device. */
  markDirty(pages: readonly PageCopy[]): void {
    for (const { index } of pages) this.#dirty.add(index);
  }

  write(pages: readonly PageCopy[]): void {
    if (pages.length === 0) return;
    this.#isUnsynced = true;
    const fd = this.#fds.open(this.path);
    for (const { index, bytes } of pages) {
      for (let done = 0; done < PAGE_BYTES; ) {
        done += this.#disk.writeSync(fd, bytes, done, PAGE_BYTES - done, index * PAGE_BYTES + done);
      }
    }
  }

  /** Puts on the device what was written. */
  sync(callback: (error: Error | null) => void): void {
    if (!this.#isUnsynced) {
      callback(null);
      return;
    }
    this.#isUnsynced = false;
    this.#fds.fdatasync(this.path, (error) => {
      if (error !== null) this.#isUnsynced = true;
      callback(error);
    });
  }

  syncNow(): void {
    this.#disk.fdatasyncSync(this.#fds.open(this.path));
  }

  /** Gives the memory of pages free that hold only times before this one. Not while a flush is under way. */
  forgetBefore(timeMs: number): void {
    const before = Math.floor(timeMs / this.precisionMs);
    for (const [index, page] of this.#pages) {
      if (this.#dirty.has(index)) continue;
      const view = viewOf(page);
      let at = 0;
      while (at < PAGE_BYTES && getInt64(view, at) < before) at += SLOT_BYTES;
      if (at === PAGE_BYTES) this.#pages.delete(index);
    }
  }

  /** Pages in memory. */
  get pageCount(): number {
    return this.#pages.size;
  }

  close(): void {
    this.#fds.closeAll();
  }
}

function readSlot(view: DataView, at: number, slot: Slot, precisionMs: number): Slot {
  slot.timeMs = getInt64(view, at) * precisionMs;
  slot.firstPos = getInt64(view, at + 8);
  slot.lastPos = getInt64(view, at + 16);
  slot.num = view.getInt32(at + 24);
  return slot;
}

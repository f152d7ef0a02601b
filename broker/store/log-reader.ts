import { getInt64 } from '../../src/common/int64.js';
import {
  MAGIC_CODE_POS,
  MESSAGE_MAGIC_CODE_V1,
  MESSAGE_MAGIC_CODE_V2,
  RECORD_OVERHEAD_BYTES,
  SYS_FLAG_POS,
  storeTimestampPos,
} from '../../src/common/message/record.js';
import type { CommitLog } from './commit-log.js';
import { READ_CHUNK_BYTES, READ_CHUNKS, READ_FIRST_BYTES } from './limits.js';
import type { RecordGuard } from './record-guard.js';

/** Reads begin at a multiple of this. */
const PAGE_BYTES = 4096;
/** Few records: they stay in the processor's cache while a filter looks at them. */
const NEAR_BYTES = 64 * 1024;
/** Places of a chunk that are read apart before all of it is. */
const MAX_PLACES = 3;

/** Where a record lies. */
export interface RecordPlace {
  buffer: Buffer;
  position: number;
}

interface ReadChunk {
  buffer: Buffer;
  start: number;
  /** The buffer holds [validStart, validEnd). */
  validStart: number;
  validEnd: number;
  /** Bytes that the next read takes: doubled each time, so that who reads on makes few reads and who reads here and there small ones. */
  window: number;
  /** How often a read began somewhere else. */
  places: number;
}

/** Reads the commit log: new records from the tail in memory, others from cached pieces of the files. */
export class LogReader {
  readonly #log: CommitLog;
  readonly #guard: RecordGuard;
  /** By start, the least recently used first. */
  readonly #chunks = new Map<number, ReadChunk>();
  #last: ReadChunk | null = null;
  /** Records that a filter looks at once, read apart from the cached pieces. */
  readonly #near = Buffer.allocUnsafeSlow(NEAR_BYTES);
  #nearStart = 0;
  #nearEnd = 0;
  /** Holds the record that was located last, where it had to be copied and is not too large. */
  readonly #apart = Buffer.allocUnsafeSlow(READ_FIRST_BYTES);
  readonly #small = Buffer.alloc(RECORD_OVERHEAD_BYTES);
  readonly #place: RecordPlace = { buffer: this.#small, position: 0 };
  readonly #smallView = new DataView(this.#small.buffer, this.#small.byteOffset, this.#small.length);

  constructor(log: CommitLog, guard: RecordGuard) {
    this.#log = log;
    this.#guard = guard;
  }

  /** Copies a whole record; false when the log does not hold it, or not as it was stored. */
  copyRecord(offset: number, size: number, target: Buffer, position: number): boolean {
    if (!this.copy(offset, size, target, position)) {
      return false;
    }
    // What is in memory never was on a disk.
    return offset >= this.#log.tailStart || this.#guard.isIntact(target, position, size, offset);
  }

  /**
   * Finds a whole record without copying it where that is possible; null when the log does not hold it. The place is valid until the next call
   * of anything here. What lies there is not checked: `copyLocated` does that.
   * @param wantedEnd records up to here are asked for next, so that they are read with this one
   */
  locate(offset: number, size: number, wantedEnd: number): RecordPlace | null {
    if (offset < this.#log.minOffset || offset + size > this.#log.writtenWhere) {
      return null;
    }
    const place = this.#place;
    const chunkEnd = offset - (offset % READ_CHUNK_BYTES) + READ_CHUNK_BYTES;
    if (offset < this.#log.tailStart && this.#isNear(offset, offset + size, wantedEnd)) {
      place.buffer = this.#near;
      place.position = offset - this.#nearStart;
    } else if (offset >= this.#log.tailStart || offset + size > chunkEnd) {
      place.buffer = size <= this.#apart.length ? this.#apart : Buffer.allocUnsafeSlow(size);
      place.position = 0;
      if (!this.copy(offset, size, place.buffer, 0, wantedEnd)) {
        return null;
      }
    } else {
      const chunk = this.#chunkAt(offset, offset + size, wantedEnd);
      if (chunk.validEnd < offset + size) {
        return null;
      }
      place.buffer = chunk.buffer;
      place.position = offset - chunk.start;
    }
    return place;
  }

  /** Copies the record that was located last; false when it is not as it was stored. */
  copyLocated(offset: number, size: number, target: Buffer, position: number): boolean {
    const { buffer, position: from } = this.#place;
    if (offset < this.#log.tailStart && !this.#guard.isIntact(buffer, from, size, offset)) {
      return false;
    }
    buffer.copy(target, position, from, from + size);
    return true;
  }

  /** Whether the small piece holds a record, perhaps because it was read now: one that no cached piece holds, with few behind it. */
  #isNear(offset: number, end: number, wantedEnd: number): boolean {
    if (offset >= this.#nearStart && end <= this.#nearEnd) {
      return true;
    }
    const chunk = this.#chunks.get(offset - (offset % READ_CHUNK_BYTES));
    if (Math.max(end, wantedEnd) - offset > NEAR_BYTES || (chunk !== undefined && offset >= chunk.validStart && end <= chunk.validEnd)) {
      return false;
    }
    const until = Math.min(Math.max(end, wantedEnd), this.#log.writtenWhere);
    this.#nearStart = offset;
    this.#nearEnd = offset + this.#log.files.read(offset, this.#near, 0, until - offset);
    return end <= this.#nearEnd;
  }

  /** Copies [offset, offset + length) to `target`; false when the log does not hold all of it. For `wantedEnd` see `locate`. */
  copy(offset: number, length: number, target: Buffer, position: number, wantedEnd = 0): boolean {
    if (offset < this.#log.minOffset || offset + length > this.#log.writtenWhere) {
      return false;
    }
    if (offset >= this.#log.tailStart && this.#log.copyFromTail(offset, length, target, position)) {
      return true;
    }
    if (offset >= this.#nearStart && offset + length <= this.#nearEnd) {
      this.#near.copy(target, position, offset - this.#nearStart, offset - this.#nearStart + length);
      return true;
    }
    let done = 0;
    while (done < length) {
      const at = offset + done;
      const chunk = this.#chunkAt(at, Math.min(offset + length, at - (at % READ_CHUNK_BYTES) + READ_CHUNK_BYTES), wantedEnd);
      const count = Math.min(length - done, chunk.validEnd - at);
      if (count <= 0) {
        return false;
      }
      const from = at - chunk.start;
      chunk.buffer.copy(target, position + done, from, from + count);
      done += count;
    }
    return true;
  }

  /** The cached piece that holds `at`, valid to `until` if the log reaches so far. `wantedEnd` is where the reader stops, if it says so. */
  #chunkAt(at: number, until: number, wantedEnd = 0): ReadChunk {
    const last = this.#last;
    if (last !== null && at >= last.validStart && until <= last.validEnd) {
      return last;
    }
    const start = at - (at % READ_CHUNK_BYTES);
    let chunk = this.#chunks.get(start);
    if (chunk !== undefined) {
      this.#chunks.delete(start);
    } else {
      chunk = { buffer: this.#buffer(), start, validStart: start, validEnd: start, window: READ_FIRST_BYTES, places: 0 };
    }
    this.#chunks.set(start, chunk);
    if (at < chunk.validStart || until > chunk.validEnd) {
      if (wantedEnd === 0) this.#extend(chunk, at, until);
      else this.#extendTo(chunk, at, Math.max(until, wantedEnd));
    }
    this.#last = chunk;
    return chunk;
  }

  /** Reads so much that `chunk` holds [at, until), and more when its reader seems to go on. */
  #extend(chunk: ReadChunk, at: number, until: number): void {
    const min = Math.max(chunk.start, this.#log.minOffset);
    if (at < chunk.validStart || at > chunk.validEnd || chunk.validEnd === chunk.start) {
      const isReadOn = at - chunk.start < READ_FIRST_BYTES && this.#isRead(chunk.start - READ_CHUNK_BYTES);
      const isWhole = isReadOn || ++chunk.places > MAX_PLACES;
      chunk.window = isWhole ? READ_CHUNK_BYTES : READ_FIRST_BYTES;
      chunk.validStart = Math.max(min, isWhole ? chunk.start : at - (at % PAGE_BYTES));
      chunk.validEnd = chunk.validStart;
    }
    const chunkEnd = Math.min(chunk.start + READ_CHUNK_BYTES, this.#log.writtenWhere);
    const end = Math.min(chunkEnd, Math.max(until, chunk.validEnd + chunk.window));
    chunk.window *= 2;
    this.#readTo(chunk, end);
  }

  /** Reads so much that `chunk` holds [at, end) as far as it goes. */
  #extendTo(chunk: ReadChunk, at: number, end: number): void {
    if (at < chunk.validStart || at > chunk.validEnd) {
      chunk.validStart = at;
      chunk.validEnd = at;
    }
    this.#readTo(chunk, Math.min(end, chunk.start + READ_CHUNK_BYTES, this.#log.writtenWhere));
  }

  #readTo(chunk: ReadChunk, end: number): void {
    const from = chunk.validEnd;
    chunk.validEnd += this.#log.files.read(from, chunk.buffer, from - chunk.start, end - from);
  }

  /** Whether the piece at `start` was read to its end. */
  #isRead(start: number): boolean {
    return this.#chunks.get(start)?.validEnd === start + READ_CHUNK_BYTES;
  }

  #buffer(): Buffer {
    if (this.#chunks.size < READ_CHUNKS) {
      return Buffer.allocUnsafeSlow(READ_CHUNK_BYTES);
    }
    const oldest = this.#chunks.values().next().value!;
    this.#chunks.delete(oldest.start);
    if (this.#last === oldest) {
      this.#last = null;
    }
    return oldest.buffer;
  }

  /**
   * A copy of the record at `offset`, by the size it states; null when no record is there.
   * @param knownSize for who reads here and there: no more than that is read from the file
   */
  record(offset: number, knownSize = 0): Buffer | null {
    const wantedEnd = knownSize > 0 ? offset + knownSize : 0;
    if (!Number.isSafeInteger(offset) || offset < 0 || !this.copy(offset, RECORD_OVERHEAD_BYTES, this.#small, 0, wantedEnd)) {
      return null;
    }
    const magic = this.#smallView.getInt32(MAGIC_CODE_POS);
    const size = this.#smallView.getInt32(0);
    if ((magic !== MESSAGE_MAGIC_CODE_V1 && magic !== MESSAGE_MAGIC_CODE_V2) || size < RECORD_OVERHEAD_BYTES) {
      return null;
    }
    if (offset + size > this.#log.writtenWhere) {
      return null;
    }
    const record = Buffer.allocUnsafe(size);
    return this.copyRecord(offset, size, record, 0) ? record : null;
  }

  /** Store time of the record at `offset`; −1 when none is there. */
  storeTimestamp(offset: number): number {
    if (offset < 0 || !this.copy(offset, RECORD_OVERHEAD_BYTES, this.#small, 0)) {
      return -1;
    }
    return getInt64(this.#smallView, storeTimestampPos(this.#smallView.getInt32(SYS_FLAG_POS)));
  }

  /** Forgets what was cached. */
  clear(): void {
    this.#chunks.clear();
    this.#last = null;
    this.#nearEnd = 0;
  }
}

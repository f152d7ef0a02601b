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
import { READ_CHUNK_BYTES, READ_CHUNKS } from './limits.js';

interface ReadChunk {
  buffer: Buffer;
  start: number;
  /** The buffer holds [start, validEnd). */
  validEnd: number;
}

/** Reads the commit log: new records from the tail in memory, others from large cached pieces of the files. */
export class LogReader {
  readonly #log: CommitLog;
  /** By start, the least recently used first. */
  readonly #chunks = new Map<number, ReadChunk>();
  #last: ReadChunk | null = null;
  readonly #small = Buffer.alloc(RECORD_OVERHEAD_BYTES);
  readonly #smallView = new DataView(this.#small.buffer, this.#small.byteOffset, this.#small.length);

  constructor(log: CommitLog) {
    this.#log = log;
  }

  /** Copies [offset, offset + length) to `target`; false when the log does not hold all of it. */
  copy(offset: number, length: number, target: Buffer, position: number): boolean {
    if (offset < this.#log.minOffset || offset + length > this.#log.writtenWhere) {
      return false;
    }
    if (offset >= this.#log.tailStart && this.#log.copyFromTail(offset, length, target, position)) {
      return true;
    }
    let done = 0;
    while (done < length) {
      const at = offset + done;
      const chunk = this.#chunkAt(at, Math.min(offset + length, at - (at % READ_CHUNK_BYTES) + READ_CHUNK_BYTES));
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

  /** The cached piece that holds `at`, valid to `until` if the log reaches so far. */
  #chunkAt(at: number, until: number): ReadChunk {
    const last = this.#last;
    if (last !== null && at >= last.start && until <= last.validEnd) {
      return last;
    }
    const start = at - (at % READ_CHUNK_BYTES);
    let chunk = this.#chunks.get(start);
    if (chunk !== undefined) {
      this.#chunks.delete(start);
    } else {
      chunk = { buffer: this.#buffer(), start, validEnd: start };
    }
    this.#chunks.set(start, chunk);
    if (chunk.validEnd < until) {
      const end = Math.min(start + READ_CHUNK_BYTES, this.#log.writtenWhere);
      chunk.validEnd += this.#read(chunk, Math.max(chunk.validEnd, this.#log.minOffset), end);
    }
    this.#last = chunk;
    return chunk;
  }

  #read(chunk: ReadChunk, from: number, end: number): number {
    return from - chunk.validEnd + this.#log.files.read(from, chunk.buffer, from - chunk.start, end - from);
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

  /** A copy of the record at `offset`, by the size it states; null when no record is there. */
  record(offset: number): Buffer | null {
    if (!Number.isSafeInteger(offset) || offset < 0 || !this.copy(offset, RECORD_OVERHEAD_BYTES, this.#small, 0)) {
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
    return this.copy(offset, size, record, 0) ? record : null;
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
  }
}

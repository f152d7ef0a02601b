/*
 * The commit log: one byte range over files of one size, appended by one writer. Mirrors CommitLog.
 *
 * End of a file: a record that would leave less than 8 bytes goes to the next file, and a marker takes its place:
 * | 0 | bytes left in the file, marker included | 4 |
 * | 4 | 0xCBD43194                              | 4 |
 *
 * `append` encodes straight into the in-memory tail, which is also what readers of new messages read; `write` puts
 * everything new into the kernel with one positioned write.
 */
import { ProtocolError } from '../../src/common/errors.js';
import { setInt64, viewOf } from '../../src/common/int64.js';
import { encodeRecord, PHYSICAL_OFFSET_POS, type RecordFields } from '../../src/common/message/record.js';
import type { FileSeries } from './file-series.js';
import { TAIL_CHUNK_BYTES, TAIL_CHUNKS } from './limits.js';
import { rewriteRecords } from './log-rewrite.js';
import { addPropertyCrc, CRC_ADDED_BYTES, writePropertyCrc } from './property-crc.js';
import { BLANK_MAGIC_CODE, END_MARKER_BYTES } from './record-header.js';

/** A piece of the tail: the bytes [start, end) of the log. */
interface TailChunk {
  buffer: Buffer;
  start: number;
  end: number;
  /** Bytes up to here are in the file. */
  written: number;
}

/** A new commit log file could not be made. */
export class CreateFileError extends Error {}

export class CommitLog {
  readonly files: FileSeries;
  /** A file was made: its name must reach the device before anything in it counts as flushed. */
  isDirectoryDirty = false;
  /**
   * A flush failed, and the kernel may take bytes for flushed that are not: nothing may be flushed before `rewrite` wrote all that is not
   * on the device once more.
   */
  isRewriteNeeded = false;
  /** Oldest first; the last one is appended to. */
  readonly #chunks: TailChunk[] = [];
  readonly #spare: Buffer[] = [];
  #end = 0;
  #writtenWhere = 0;
  /** Index into `#chunks` of the first chunk with bytes that are not written. */
  #firstUnwritten = 0;
  /** The current file got its marker: the next record starts a chunk, because a chunk lies in one file. */
  #isFileEnded = false;
  /** Bytes of a failed write lie behind `#writtenWhere` and must go before the next one. */
  #isTailDirty = false;

  readonly #appendsPropertyCrc: boolean;

  /** `appendsPropertyCrc`: each record gets a `__CRC32#` property over all of it. */
  constructor(files: FileSeries, options: { appendsPropertyCrc?: boolean } = {}) {
    this.files = files;
    this.#appendsPropertyCrc = options.appendsPropertyCrc ?? false;
  }

  /** Offset of the next record. */
  get end(): number {
    return this.#end;
  }

  /** Everything below is in the kernel. */
  get writtenWhere(): number {
    return this.#writtenWhere;
  }

  get unwrittenBytes(): number {
    return this.#end - this.#writtenWhere;
  }

  get minOffset(): number {
    return this.files.minOffset;
  }

  /** Sets the end after recovery. */
  reset(end: number): void {
    this.#chunks.length = 0;
    this.#firstUnwritten = 0;
    this.#isFileEnded = false;
    this.#end = end;
    this.#writtenWhere = end;
  }

  /**
   * Appends one record and returns its offset; `fields.commitLogOffset` is set. `boundBytes` is at least its length.
   * @throws CreateFileError when the next file cannot be made, ProtocolError when the record is beyond a limit; nothing is appended then.
   */
  append(fields: RecordFields, boundBytes: number): number {
    const chunk = this.#chunkFor(this.#appendsPropertyCrc ? boundBytes + CRC_ADDED_BYTES : boundBytes);
    const at = chunk.end - chunk.start;
    fields.commitLogOffset = this.#end;
    let end = encodeRecord(chunk.buffer, at, fields);
    if (this.#appendsPropertyCrc) {
      end = addPropertyCrc(chunk.buffer, at, end);
    }
    const length = end - at;
    const fileEnd = this.files.startOf(this.#end) + this.files.fileSize;
    if (length + END_MARKER_BYTES > fileEnd - this.#end) {
      return this.#appendInNextFile(chunk, at, length, fileEnd);
    }
    chunk.end += length;
    this.#end += length;
    return this.#end - length;
  }

  /**
   * Room for `bytes` of records that belong together, in one piece of memory and in one file: the current one, or the next. A batch never
   * crosses files and is written or refused as a whole. The records begin at offset `end`; `advance` makes them part of the log. Behind them
   * lie `spareBytes` more, for whatever the caller likes.
   * @throws CreateFileError when the next file cannot be made, ProtocolError when they do not fit into a file.
   */
  reserve(bytes: number, spareBytes: number): { buffer: Buffer; position: number } {
    const fileEnd = this.files.startOf(this.#end) + this.files.fileSize;
    if (bytes + END_MARKER_BYTES > this.files.fileSize) {
      throw tooLong(bytes, this.files.fileSize);
    }
    if (bytes + END_MARKER_BYTES > fileEnd - this.#end) {
      this.#chunkFor(END_MARKER_BYTES);
      this.#roll(fileEnd);
    }
    const chunk = this.#chunkFor(bytes + spareBytes);
    return { buffer: chunk.buffer, position: chunk.end - chunk.start };
  }

  /** Appends what was written to the reserved room. */
  advance(bytes: number): void {
    this.#chunks.at(-1)!.end += bytes;
    this.#end += bytes;
  }

  /** The file that is appended to, made if need be. */
  ensureFile(): void {
    this.#ensure(this.files.startOf(this.#end));
  }

  /** Makes the file after the current one, so that no put waits for it. */
  prepareNextFile(): void {
    const start = this.files.startOf(this.#end) + this.files.fileSize;
    if (!this.files.isEmpty && !this.files.has(start)) {
      this.files.ensure(start);
      this.isDirectoryDirty = true;
    }
  }

  /** Deletes files made in advance. */
  removeUnusedFiles(): void {
    // The log may end where a file begins: the file is kept, so its length must outlast a power cut.
    this.files.fdatasyncSync(this.#end);
    this.files.deleteFrom(this.#end + 1);
  }

  #ensure(start: number): void {
    if (this.files.has(start)) {
      return;
    }
    try {
      this.files.ensure(start);
      this.isDirectoryDirty = true;
    } catch (error) {
      throw new CreateFileError(`${this.files.pathOf(start)} cannot be made: ${(error as Error).message}`, { cause: error });
    }
  }

  #appendInNextFile(chunk: TailChunk, at: number, length: number, fileEnd: number): number {
    if (length + END_MARKER_BYTES > this.files.fileSize) {
      throw tooLong(length, this.files.fileSize);
    }
    const record = Buffer.from(chunk.buffer.subarray(at, at + length));
    this.#roll(fileEnd);
    const next = this.#chunkFor(length);
    next.buffer.set(record, next.end - next.start);
    const start = next.end - next.start;
    setInt64(viewOf(next.buffer), start + PHYSICAL_OFFSET_POS, this.#end);
    if (this.#appendsPropertyCrc) {
      writePropertyCrc(next.buffer, start, start + length);
    }
    next.end += length;
    this.#end += length;
    return this.#end - length;
  }

  /** Ends the current file with a marker; the last chunk has room for it. */
  #roll(fileEnd: number): void {
    // The log's first file comes with the first write: the one behind it may not be there alone.
    this.#ensure(fileEnd - this.files.fileSize);
    this.#ensure(fileEnd);
    const chunk = this.#chunks.at(-1)!;
    const view = viewOf(chunk.buffer);
    const at = chunk.end - chunk.start;
    view.setInt32(at, fileEnd - this.#end);
    view.setInt32(at + 4, BLANK_MAGIC_CODE);
    chunk.end += END_MARKER_BYTES;
    this.#end = fileEnd;
    this.#isFileEnded = true;
  }

  #chunkFor(bytes: number): TailChunk {
    const last = this.#chunks.at(-1);
    if (last !== undefined && !this.#isFileEnded && last.buffer.length - (last.end - last.start) >= bytes + END_MARKER_BYTES) {
      return last;
    }
    this.#isFileEnded = false;
    if (last !== undefined && last.start === last.end) {
      this.#chunks.pop();
      this.#recycle(last.buffer);
      this.#firstUnwritten = Math.min(this.#firstUnwritten, this.#chunks.length);
    }
    while (this.#chunks.length >= TAIL_CHUNKS && this.#firstUnwritten > 0) {
      this.#recycle(this.#chunks.shift()!.buffer);
      this.#firstUnwritten--;
    }
    const wanted = bytes + END_MARKER_BYTES;
    const spare = wanted <= TAIL_CHUNK_BYTES ? this.#spare.pop() : undefined;
    const buffer = spare ?? Buffer.allocUnsafeSlow(Math.max(TAIL_CHUNK_BYTES, wanted));
    const chunk = { buffer, start: this.#end, end: this.#end, written: this.#end };
    this.#chunks.push(chunk);
    return chunk;
  }

  #recycle(buffer: Buffer): void {
    if (buffer.length === TAIL_CHUNK_BYTES && this.#spare.length < 2) {
      this.#spare.push(buffer);
    }
  }

  /**
   * Writes what was appended since the last call: one positioned write, one more for each further chunk or file. On a
   * failure everything that is not written is given up, the file is cut there, and the error is thrown: `end` and `writtenWhere` tell
   * what is left.
   */
  write(): void {
    if (this.#isTailDirty) {
      this.#cutTail();
    }
    while (this.#firstUnwritten < this.#chunks.length) {
      const chunk = this.#chunks[this.#firstUnwritten]!;
      const from = chunk.written;
      let done = 0;
      const length = chunk.end - from;
      try {
        if (length > 0) {
          this.#ensure(this.files.startOf(from));
        }
        while (done < length) {
          const count = this.files.write(from + done, chunk.buffer, from + done - chunk.start, length - done);
          if (count === 0) {
            throw new Error(`the disk took ${done} of ${length} bytes`);
          }
          done += count;
        }
      } catch (error) {
        this.#giveUp(chunk, from);
        throw error;
      }
      chunk.written = chunk.end;
      this.#writtenWhere = this.#end;
      if (this.#firstUnwritten === this.#chunks.length - 1) {
        return;
      }
      this.#firstUnwritten++;
      this.#writtenWhere = this.#chunks[this.#firstUnwritten]!.start;
    }
  }

  #giveUp(chunk: TailChunk, from: number): void {
    chunk.end = from;
    this.#chunks.length = this.#firstUnwritten + 1;
    this.#end = from;
    this.#writtenWhere = from;
    this.#isFileEnded = false;
    this.#isTailDirty = true;
    try {
      this.#cutTail();
    } catch {
      // The disk refuses this too: the flag makes the next write begin with it.
    }
  }

  /**
   * Whole records of a refused batch may be in the file; behind a later, shorter record recovery would take them for real. The cut is on the
   * device before anything is written there: a power cut must not mix the two.
   */
  #cutTail(): void {
    this.files.zeroFrom(this.#writtenWhere);
    try {
      this.files.fdatasyncSync(this.files.startOf(this.#writtenWhere));
    } catch (error) {
      this.isRewriteNeeded = true;
      throw error;
    }
    this.#isTailDirty = false;
  }

  /** Tries again to remove what a refused write left in the file. Throws when the disk still refuses. */
  cutRefused(): void {
    if (this.#isTailDirty) {
      this.#cutTail();
    }
  }

  /**
   * Writes [from, written) once more, for a disk whose flush failed: from memory, and what is no longer there from the page cache. False when
   * that has lost some of it.
   */
  rewrite(from: number): boolean {
    const memoryFrom = Math.min(this.#chunks[0]?.start ?? this.#writtenWhere, this.#writtenWhere);
    const checks = { checkCrc: true, checkPropertyCrc: false, maxRecordBytes: this.files.fileSize };
    if (from < memoryFrom && !rewriteRecords(this.files, from, memoryFrom, checks)) {
      return false;
    }
    for (const chunk of this.#chunks) {
      const start = Math.max(chunk.start, from);
      if (chunk.written > start) {
        this.files.writeAll(start, chunk.buffer, start - chunk.start, chunk.written - start);
      }
    }
    this.isRewriteNeeded = false;
    return true;
  }

  /**
   * Copies [offset, offset + length) to `target` when the tail holds it; false otherwise. Unwritten bytes are not given.
   * A record never crosses chunks.
   */
  copyFromTail(offset: number, length: number, target: Buffer, targetPosition: number): boolean {
    const chunks = this.#chunks;
    for (let i = chunks.length - 1; i >= 0; i--) {
      const chunk = chunks[i]!;
      if (offset >= chunk.start) {
        if (offset + length > chunk.written) {
          return false;
        }
        const from = offset - chunk.start;
        chunk.buffer.copy(target, targetPosition, from, from + length);
        return true;
      }
    }
    return false;
  }

  /** First offset that the tail holds; the end when it is empty. */
  get tailStart(): number {
    return this.#chunks[0]?.start ?? this.#end;
  }
}

function tooLong(bytes: number, fileSize: number): ProtocolError {
  return new ProtocolError(`${bytes} bytes do not fit into a commit log file of ${fileSize}`, { code: 'RECORD_TOO_LONG' });
}

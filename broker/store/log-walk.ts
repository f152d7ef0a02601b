import type { FileSeries } from './file-series.js';
import { WALK_BYTES } from './limits.js';
import { type HeaderKind, RecordHeader } from './record-header.js';

/** How a walk checks records. */
export interface WalkChecks {
  checkCrc: boolean;
  /** Check the CRC of the whole record where it has one (`__CRC32#`), instead of that of the body. */
  checkPropertyCrc: boolean;
  /** Largest record that is believed. */
  maxRecordBytes: number;
}

/** Where and why a walk ended. */
export interface WalkEnd {
  /** End of the last intact record. */
  end: number;
  reason: string;
}

/** Reads the records of the commit log one after the other, in large pieces. */
export class LogWalk {
  readonly header = new RecordHeader();
  readonly #files: FileSeries;
  readonly #checks: WalkChecks;
  #buffer = Buffer.alloc(0);
  #view = new DataView(this.#buffer.buffer);
  /** The buffer holds [#bufferStart, #bufferStart + #bufferBytes). */
  #bufferStart = 0;
  #bufferBytes = 0;

  constructor(files: FileSeries, checks: WalkChecks) {
    this.#files = files;
    this.#checks = checks;
  }

  /** The intact record at `offset`, or why there is none. `visit` may read `header`. */
  walk(start: number, visit: (buffer: Buffer, header: RecordHeader) => void): WalkEnd {
    let offset = start;
    for (;;) {
      const fileStart = this.#files.startOf(offset);
      if (!this.#files.has(fileStart)) {
        return { end: offset, reason: 'no further file' };
      }
      const fileEnd = fileStart + this.#files.fileSize;
      const kind = this.#recordAt(offset, fileEnd);
      if (kind === 'marker') {
        if (!this.#files.has(fileEnd)) {
          return { end: offset, reason: 'no further file' };
        }
        offset = fileEnd;
        continue;
      }
      if (kind !== 'record') {
        return {
          end: offset,
          reason: kind === 'short' ? `a record of ${this.header.totalSize} bytes crosses the end of the file` : this.header.reason,
        };
      }
      const problem = this.#problem(offset);
      if (problem !== null) {
        return { end: offset, reason: problem };
      }
      visit(this.#buffer, this.header);
      offset += this.header.totalSize;
    }
  }

  /** Whether an intact record that knows its place starts at `offset`. */
  isRecordAt(offset: number): boolean {
    const fileStart = this.#files.startOf(offset);
    return (
      this.#files.has(fileStart) && this.#recordAt(offset, fileStart + this.#files.fileSize) === 'record' && this.#problem(offset) === null
    );
  }

  /** Why the record just read cannot be believed; null when it can. */
  #problem(offset: number): string | null {
    const header = this.header;
    const at = offset - this.#bufferStart;
    if (header.commitLogOffset !== offset) {
      return `the record says that it lies at ${header.commitLogOffset}`;
    }
    if (header.isTextTorn(this.#buffer, at, offset - this.#files.startOf(offset))) {
      return 'topic or properties are not complete';
    }
    if (this.#checks.checkPropertyCrc && header.hasPropertyCrc(this.#buffer, at)) {
      return header.isPropertyCrcIntact(this.#buffer, at) ? null : 'record CRC mismatch';
    }
    if (this.#checks.checkCrc && !header.isBodyIntact(this.#buffer, this.#view, at)) {
      return 'body CRC mismatch';
    }
    return null;
  }

  #recordAt(offset: number, fileEnd: number): HeaderKind {
    const header = this.header;
    let limit = Math.min(this.#bufferBytes, fileEnd - this.#bufferStart);
    let kind: HeaderKind = 'short';
    header.totalSize = 0;
    if (offset >= this.#bufferStart && offset < this.#bufferStart + limit) {
      kind = header.read(this.#view, offset - this.#bufferStart, limit);
    }
    if (kind !== 'short') {
      return kind;
    }
    const room = fileEnd - offset;
    if (header.totalSize > Math.min(room, this.#checks.maxRecordBytes)) {
      return kind;
    }
    this.#fill(offset, Math.min(room, Math.max(WALK_BYTES, header.totalSize)));
    limit = this.#bufferBytes;
    kind = header.read(this.#view, 0, limit);
    if (kind === 'short' && header.totalSize > limit && header.totalSize <= Math.min(room, this.#checks.maxRecordBytes)) {
      this.#fill(offset, header.totalSize);
      kind = header.read(this.#view, 0, this.#bufferBytes);
    }
    return kind;
  }

  #fill(offset: number, bytes: number): void {
    if (this.#buffer.length < bytes) {
      this.#buffer = Buffer.allocUnsafeSlow(bytes);
      this.#view = new DataView(this.#buffer.buffer);
    }
    this.#bufferStart = offset;
    this.#bufferBytes = this.#files.read(offset, this.#buffer, 0, bytes);
  }
}

/*
 * After a flush that failed, the kernel takes the pages it could not write for clean: a later flush writes nothing of them and says that all is
 * well, and the page cache shows the new bytes or, once it has let them go, the old ones. So what was written since the last good flush is known
 * by its checksums: bytes that still have theirs are written once more, which makes them count as new.
 */
import { crc32 } from 'node:zlib';
import { UNSYNCED_BYTES, UNSYNCED_PIECE_BYTES } from './limits.js';

interface Piece {
  position: number;
  bytes: number;
  crc: number;
  /** Of the flush that takes it to the device. */
  flush: number;
}

/** Reads or writes `bytes` at a position; a read returns how many there are. */
export interface ByteAccess {
  read(position: number, target: Buffer, bytes: number): number;
  write(position: number, source: Buffer, bytes: number): void;
}

/** What was written of files since they were last put on the device. */
export class UnsyncedBytes {
  #pieces: Piece[] = [];
  #bytes = 0;
  /** Number of the next flush. */
  #flush = 1;
  /** The flush that takes a change to the device which cannot be made again; 0 when there is none. */
  #unrepeatable = 0;

  /** Notes a write; `isNewFile` when a file begins here. */
  note(position: number, source: Buffer, at: number, bytes: number, isNewFile = false): void {
    if (this.#bytes + bytes > UNSYNCED_BYTES) {
      this.noteUnrepeatable();
      return;
    }
    const data = source.subarray(at, at + bytes);
    this.#bytes += bytes;
    const last = this.#pieces.at(-1);
    const follows = last !== undefined && !isNewFile && last.flush === this.#flush && last.position + last.bytes === position;
    if (follows && last.bytes + bytes <= UNSYNCED_PIECE_BYTES) {
      last.crc = crc32(data, last.crc);
      last.bytes += bytes;
    } else {
      this.#pieces.push({ position, bytes, crc: crc32(data), flush: this.#flush });
    }
  }

  /** Notes a change that `rewrite` cannot make again. */
  noteUnrepeatable(): void {
    this.#pieces = [];
    this.#bytes = 0;
    this.#unrepeatable = this.#flush;
  }

  /** A flush begins: returns its number. */
  beginFlush(): number {
    return this.#flush++;
  }

  /** The flush succeeded, and none has failed since it began: what was noted before is on the device. */
  endFlush(flush: number): void {
    if (this.#unrepeatable <= flush) {
      this.#unrepeatable = 0;
    }
    if (this.#pieces.length > 0) {
      this.#pieces = this.#pieces.filter((piece) => piece.flush > flush);
      this.#bytes = this.#pieces.reduce((sum, piece) => sum + piece.bytes, 0);
    }
  }

  /** Writes all of it again; false when it is no longer there. Throws when the disk refuses. */
  rewrite(access: ByteAccess, isNeeded: (position: number) => boolean = () => true): boolean {
    const pieces = this.#pieces.filter((piece) => isNeeded(piece.position));
    if (this.#unrepeatable > 0) {
      return false;
    }
    for (const piece of pieces) {
      const buffer = Buffer.allocUnsafe(piece.bytes);
      if (access.read(piece.position, buffer, piece.bytes) < piece.bytes || crc32(buffer) !== piece.crc) {
        return false;
      }
      access.write(piece.position, buffer, piece.bytes);
      piece.flush = this.#flush;
    }
    return true;
  }
}

import type { CommitLog } from './commit-log.js';
import { WARM_PIECE_BYTES, WARM_PIECES } from './limits.js';

const ZEROS = new Uint8Array(WARM_PIECE_BYTES);

/**
 * warmMapedFileEnable: writes zeros over the commit log file that was made in advance, so that its blocks are allocated before messages need
 * them. It goes in pieces, twice as fast as the log grows, and leaves a file alone once the log has reached it.
 */
export class FileWarmer {
  readonly #log: CommitLog;
  #start = -1;
  #at = 0;
  #lastEnd = 0;

  constructor(log: CommitLog) {
    this.#log = log;
    this.#lastEnd = log.end;
  }

  /** Writes a piece or a few. Throws when the disk refuses; the file is then left as it is. */
  step(): void {
    const { files, end } = this.#log;
    const pieces = Math.min(WARM_PIECES, 1 + Math.ceil(((end - this.#lastEnd) * 2) / WARM_PIECE_BYTES));
    this.#lastEnd = end;
    const start = files.startOf(end) + files.fileSize;
    if (!files.has(start)) {
      return;
    }
    if (start !== this.#start) {
      this.#start = start;
      this.#at = start;
    }
    const fileEnd = start + files.fileSize;
    for (let piece = 0; piece < pieces && this.#at < fileEnd; piece++) {
      const from = this.#at;
      this.#at = fileEnd;
      const count = Math.min(ZEROS.length, fileEnd - from);
      files.writeAll(from, ZEROS, 0, count);
      this.#at = from + count;
    }
  }
}

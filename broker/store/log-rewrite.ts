/*
 * After a flush that failed, Linux takes the pages it could not write for clean: a later flush says that all is well and writes nothing of
 * them. What the page cache still holds is therefore written once more, byte for byte, which makes it count as new.
 */
import type { FileSeries } from './file-series.js';
import { LogWalk, type WalkChecks } from './log-walk.js';

const PIECE_BYTES = 1024 * 1024;

/** Writes [from, to) of the log over itself. */
export function rewriteRange(files: FileSeries, from: number, to: number): void {
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, Math.max(0, to - from)));
  for (let at = from; at < to; ) {
    const bytes = files.read(at, piece, 0, Math.min(piece.length, to - at));
    if (bytes === 0) {
      return;
    }
    files.writeAll(at, piece, 0, bytes);
    at += bytes;
  }
}

/** The same, but only when whole records lie there: what the page cache has lost cannot be written again. `from` begins a record. */
export function rewriteRecords(files: FileSeries, from: number, to: number, checks: WalkChecks): boolean {
  if (new LogWalk(files, checks).walk(from, () => {}).end < to) {
    return false;
  }
  rewriteRange(files, from, to);
  return true;
}

import { join } from 'node:path';
import { getInt64 } from '../../src/common/int64.js';
import { MAGIC_CODE_POS, MESSAGE_MAGIC_CODE_V1, MESSAGE_MAGIC_CODE_V2, PHYSICAL_OFFSET_POS } from '../../src/common/message/record.js';
import { type FileSeries, offsetFileName } from './file-series.js';
import type { LogWalk } from './log-walk.js';
import type { Disk } from './types.js';

/** Read at once. Most of what is read are holes, and larger reads of those take several times as long. */
const BLOCK = 256 * 1024;
const PAGE = 64 * 1024;
/** Room that a file system may have given to a file beyond its data. */
const ALLOCATION_SLACK = 1024 * 1024;
/** What should be unused is looked at in so many bytes each so many. */
const PROBE = 4096;
const PROBE_STEP = 256 * 1024;

/** What lies behind the end that recovery found. */
export interface Leftover {
  /** End of the last byte that is not zero; the end itself when there is none. */
  lastByteEnd: number;
  /** First intact record behind the end, −1 when there is none. */
  intactOffset: number;
  intactStoreTimestamp: number;
}

export function noLeftover(end: number): Leftover {
  return { lastByteEnd: end, intactOffset: -1, intactStoreTimestamp: 0 };
}

/**
 * Looks at everything behind `end`: for bytes that a cut would lose, and for intact records that a mere torn write cannot explain.
 */
export function findLeftover(files: FileSeries, walk: LogWalk, end: number): Leftover {
  const found = noLeftover(end);
  for (const start of files.startsBetween(end, Number.MAX_SAFE_INTEGER)) {
    const from = Math.max(start, end);
    scanFile(files, walk, from, usedEnd(files, start, from), found);
  }
  return found;
}

/**
 * Up to where bytes can lie in a file. Only some file systems tell: what a file occupies says nothing where they compress, or count later than
 * they write. To read the rest of a large file to its end can take seconds.
 */
function usedEnd(files: FileSeries, start: number, from: number): number {
  const end = start + files.fileSize;
  const allocated = files.exactAllocatedBytes(start);
  if (allocated === null || allocated < from - start) {
    return end;
  }
  const to = start + allocated + ALLOCATION_SLACK;
  const page = Buffer.alloc(PROBE);
  const zeros = Buffer.alloc(PROBE);
  for (let at = to; at < end; at += PROBE_STEP) {
    const bytes = files.read(at, page, 0, Math.min(PROBE, end - at));
    // The file was copied, and has holes where messages are zero.
    if (page.compare(zeros, 0, bytes, 0, bytes) !== 0) {
      return end;
    }
  }
  return Math.min(to, end);
}

function scanFile(files: FileSeries, walk: LogWalk, from: number, to: number, found: Leftover): void {
  const buffer = Buffer.allocUnsafe(Math.min(BLOCK + PHYSICAL_OFFSET_POS + 8, to - from));
  const zeros = Buffer.alloc(buffer.length);
  for (let at = from; at < to; at += BLOCK) {
    const bytes = files.read(at, buffer, 0, Math.min(buffer.length, to - at));
    if (bytes === 0) {
      return;
    }
    if (buffer.compare(zeros, 0, bytes, 0, bytes) === 0) {
      continue;
    }
    found.lastByteEnd = at + lastNonZero(buffer, Math.min(bytes, BLOCK)) + 1;
    if (found.intactOffset < 0) {
      findIntact(walk, buffer, bytes, at, found);
    }
  }
}

function lastNonZero(buffer: Buffer, bytes: number): number {
  let at = bytes - 1;
  while (at > 0 && buffer[at] === 0) {
    at--;
  }
  return at;
}

const MAGICS = [MESSAGE_MAGIC_CODE_V1, MESSAGE_MAGIC_CODE_V2].map((magic) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(magic);
  return bytes;
});

function findIntact(walk: LogWalk, buffer: Buffer, bytes: number, base: number, found: Leftover): void {
  const view = new DataView(buffer.buffer, buffer.byteOffset, bytes);
  for (const magic of MAGICS) {
    for (let at = buffer.indexOf(magic); at >= 0 && at + 32 <= bytes; at = buffer.indexOf(magic, at + 1)) {
      const start = at - MAGIC_CODE_POS;
      const isCandidate = start >= 0 && getInt64(view, start + PHYSICAL_OFFSET_POS) === base + start;
      if (isCandidate && walk.isRecordAt(base + start) && (found.intactOffset < 0 || base + start < found.intactOffset)) {
        found.intactOffset = base + start;
        found.intactStoreTimestamp = walk.header.storeTimestamp;
        break;
      }
    }
  }
}

function removeQuietly(disk: Disk, path: string): void {
  try {
    disk.unlinkSync(path);
  } catch {
    // The error that led here says more.
  }
}

/** Copies [from, to) of the log to a file of the same layout: byte n of the copy is byte from + n; zero stretches stay holes. */
export function copyLeftover(options: { files: FileSeries; disk: Disk; root: string; from: number; to: number; nowMs: number }): string {
  const { files, disk, from, to } = options;
  const directory = join(options.root, 'recovered');
  disk.mkdirSync(directory);
  const name = `commitlog-${offsetFileName(from)}-${options.nowMs}`;
  let path = join(directory, name);
  for (let n = 1; disk.statSync(path) !== null; n++) {
    path = join(directory, `${name}-${n}`);
  }
  const fd = disk.openSync(path, { create: true });
  try {
    disk.ftruncateSync(fd, to - from);
    const buffer = Buffer.allocUnsafe(PAGE);
    const zeros = Buffer.alloc(PAGE);
    for (let at = from; at < to; ) {
      // A file may be missing between others.
      const next = Math.min(to, at - (at % PAGE) + PAGE, files.startOf(at) + files.fileSize);
      const bytes = files.read(at, buffer, 0, next - at);
      for (let done = 0; done < bytes && buffer.compare(zeros, 0, bytes, 0, bytes) !== 0; ) {
        done += disk.writeSync(fd, buffer, done, bytes - done, at - from + done);
      }
      at = next;
    }
    disk.fdatasyncSync(fd);
  } catch (error) {
    disk.closeSync(fd);
    // Half a copy says nothing, and on a full disk every start would leave one more.
    removeQuietly(disk, path);
    throw error;
  }
  disk.closeSync(fd);
  return path;
}

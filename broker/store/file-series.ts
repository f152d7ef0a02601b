import { join } from 'node:path';
import { StoreError } from '../../src/common/errors.js';
import type { FdCache } from './fd-cache.js';
import type { Disk } from './types.js';

const NAME = /^\d{20}$/;
/** Smallest block of a file system; with larger ones files only seem to hold more. */
const BLOCK_BYTES = 4096;
const BLOCK = Buffer.alloc(BLOCK_BYTES);
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** File name of the file that starts at `offset`: 20 digits. */
export function offsetFileName(offset: number): string {
  return String(offset).padStart(20, '0');
}

/** A file of a series, as its directory and its inode say. */
interface FoundFile {
  path: string;
  start: number;
  size: number;
  allocatedBytes: number;
}

/** Files are made at full length at once, and sizes of files are even: an odd length is what `zeroFrom` leaves when the process dies in it. */
function isCutLength(bytes: number): boolean {
  return bytes % 2 === 1;
}

/** Whether a file can belong to a series of this size; after a kill it may lack its length. */
function fits({ start, size }: FoundFile, { fileSize, isAfterKill }: { fileSize: number; isAfterKill: boolean }): boolean {
  return start % fileSize === 0 && (size === fileSize || (isAfterKill && size < fileSize));
}

function wrongSize(file: FoundFile, all: readonly FoundFile[], { sizeKey, fileSize }: { sizeKey: string; fileSize: number }): StoreError {
  const { path, size } = file;
  const right = sizeOf(all) ?? size;
  return new StoreError(`${path} has ${size} bytes, ${sizeKey} says ${fileSize}`, {
    code: 'STORE_FILE_SIZE',
    hint:
      right === fileSize
        ? `the names of the files fit ${sizeKey}=${fileSize}: copy ${path}, then give it that length (truncate -s ${fileSize})`
        : `start with ${sizeKey}=${right}, the size this store was made with`,
    context: { path, size, expected: fileSize },
  });
}

/** The size that files were made with: what most of them have, of those lengths that their names allow. Null when there is none. */
function sizeOf(files: readonly FoundFile[]): number | null {
  const counts = new Map<number, number>();
  for (const { size } of files) {
    if (size > 0 && files.every(({ start }) => start % size === 0)) {
      counts.set(size, (counts.get(size) ?? 0) + 1);
    }
  }
  const [best] = [...counts].sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || b - a);
  return best?.[0] ?? null;
}

/**
 * Files of one size that together are one long byte range; each file's name is the offset of its first byte
 * (commit log, consume queue). Files are made at full length and sparse. Mirrors MappedFileQueue.
 */
export class FileSeries {
  readonly directory: string;
  readonly fileSize: number;
  readonly #disk: Disk;
  readonly #fds: FdCache;
  /** Bytes that the newest file occupied when the directory was read: nothing was written far behind them. */
  loadedNewestBytes = 0;
  /** Start offsets, ascending. */
  #starts: number[] = [];
  /** From here on a file that was too short when it was loaded gets zeros. */
  shortAt = Number.POSITIVE_INFINITY;
  /** Files that `mend` will lengthen. */
  #short: FoundFile[] = [];
  /** A file has the full length, or two names follow one another: the size that is configured is right. */
  isSizeProven = false;
  #doubt: StoreError | null = null;
  /** Path that `mend` will remove. */
  #empty = '';
  #hasRemovedNames = false;
  /** The path that was asked for last. */
  #path = '';
  #pathStart = -1;

  constructor(options: { directory: string; fileSize: number; disk: Disk; fds: FdCache }) {
    this.directory = options.directory;
    this.fileSize = options.fileSize;
    this.#disk = options.disk;
    this.#fds = options.fds;
  }

  /**
   * Reads the directory and checks names and lengths; `checkSize` and then `mend` must follow.
   * @param sizeKey what the configuration calls `fileSize`
   * @param isAfterKill a file may lack its length
   * @throws StoreError STORE_FILE_SIZE, with the size that the files were made with
   */
  load(sizeKey: string, isAfterKill: boolean): void {
    const { fileSize } = this;
    const found: FoundFile[] = [];
    for (const name of this.#disk.readdirSync(this.directory).filter((each) => NAME.test(each))) {
      const path = join(this.directory, name);
      const stat = this.#disk.statSync(path);
      if (stat !== null && !stat.isDirectory) {
        found.push({ path, start: Number(name), size: stat.size, allocatedBytes: stat.allocatedBytes });
      }
    }
    this.#empty = found.at(-1)?.size === 0 ? found.pop()!.path : '';
    const wrong = found.find((file) => !fits(file, { fileSize, isAfterKill }));
    if (wrong !== undefined) {
      throw wrongSize(wrong, found, { sizeKey, fileSize });
    }
    this.isSizeProven = found.some(({ size, start }, i) => size === fileSize || (i > 0 && start === found[i - 1]!.start + fileSize));
    this.#short = found.filter(({ size }) => size < fileSize);
    const doubtful = this.#short.find(({ size }) => size > 0 && !isCutLength(size));
    this.#doubt = doubtful === undefined ? null : wrongSize(doubtful, found, { sizeKey, fileSize });
    this.shortAt = Math.min(...this.#short.map(({ start, size }) => start + size));
    this.#starts = found.map(({ start }) => start);
    this.loadedNewestBytes = found.at(-1)?.allocatedBytes ?? 0;
  }

  /**
   * Throws when a file that is too short may be a whole one of a smaller size, and nothing tells: neither another file, nor one of another
   * series with the same size (`isProven`).
   */
  checkSize(isProven: boolean): void {
    if (this.#doubt !== null && !isProven && !this.isSizeProven) {
      throw this.#doubt;
    }
  }

  /** Gives files that are too short their length back, and removes an empty last one (made, but the process died before it got its length). */
  mend(): void {
    for (const { path } of this.#short) {
      this.#disk.ftruncateSync(this.#fds.open(path), this.fileSize);
    }
    this.#short = [];
    if (this.#empty !== '') {
      this.#disk.unlinkSync(this.#empty);
      this.#hasRemovedNames = true;
      this.#empty = '';
    }
  }

  get starts(): readonly number[] {
    return this.#starts;
  }

  get isEmpty(): boolean {
    return this.#starts.length === 0;
  }

  /** Start of the oldest file; 0 when there is none. */
  get minOffset(): number {
    return this.#starts[0] ?? 0;
  }

  /** Start of the newest file; −1 when there is none. */
  get lastStart(): number {
    return this.#starts.at(-1) ?? -1;
  }

  /** A file between others is missing. */
  get hasGap(): boolean {
    return this.#starts.some((start, i) => i > 0 && start !== this.#starts[i - 1]! + this.fileSize);
  }

  startOf(offset: number): number {
    return offset - (offset % this.fileSize);
  }

  pathOf(start: number): string {
    // Nearly every question is about the file that grows.
    if (start !== this.#pathStart) {
      this.#pathStart = start;
      this.#path = join(this.directory, offsetFileName(start));
    }
    return this.#path;
  }

  has(start: number): boolean {
    // Nearly every question is about the newest files.
    for (let i = this.#starts.length - 1; i >= 0; i--) {
      const known = this.#starts[i]!;
      if (known <= start) {
        return known === start;
      }
    }
    return false;
  }

  /** Makes the file at full length when it is missing. */
  ensure(start: number): void {
    if (this.has(start)) {
      return;
    }
    if (this.#starts.length === 0) {
      this.#disk.mkdirSync(this.directory);
    }
    const path = this.pathOf(start);
    const fd = this.#fds.open(path, { create: true });
    try {
      this.#disk.ftruncateSync(fd, this.fileSize);
    } catch (error) {
      this.#fds.close(path);
      this.#disk.unlinkSync(path);
      throw error;
    }
    let at = this.#starts.length;
    while (at > 0 && this.#starts[at - 1]! > start) {
      at--;
    }
    this.#starts.splice(at, 0, start);
  }

  /** Puts the names of new files on the device. */
  syncDirectory(callback: (error: Error | null) => void): void {
    this.#disk.syncDirectory(this.directory, callback);
  }

  /** Writes a range that lies in one file that exists; returns the bytes written, fewer when the disk took fewer before it failed. */
  write(offset: number, buffer: Uint8Array, from: number, length: number): number {
    const start = this.startOf(offset);
    const fd = this.#fds.open(this.pathOf(start));
    return this.#disk.writeSync(fd, buffer, from, length, offset - start);
  }

  /** Writes a range that may cross files; makes the files. Throws when not everything could be written. */
  writeAll(offset: number, buffer: Uint8Array, from: number, length: number): void {
    let done = 0;
    while (done < length) {
      const start = this.startOf(offset + done);
      this.ensure(start);
      const room = start + this.fileSize - (offset + done);
      const count = this.write(offset + done, buffer, from + done, Math.min(room, length - done));
      if (count === 0) {
        throw new StoreError(`${this.pathOf(start)}: the disk took nothing at ${offset + done}`, { code: 'STORE_WRITE_FAILED' });
      }
      done += count;
    }
  }

  /** Reads up to `length` bytes, across files; stops at a missing file. Returns the bytes read. */
  read(offset: number, buffer: Uint8Array, at: number, length: number): number {
    let done = 0;
    while (done < length) {
      const start = this.startOf(offset + done);
      if (!this.has(start)) {
        break;
      }
      const fd = this.#fds.open(this.pathOf(start));
      const room = start + this.fileSize - (offset + done);
      const wanted = Math.min(room, length - done);
      const count = this.#disk.readSync(fd, buffer, at + done, wanted, offset + done - start);
      done += count;
      if (count === 0) {
        break;
      }
    }
    return done;
  }

  /** Makes the rest of the file that holds `offset` zero (a hole), so that no old bytes lie behind the end. */
  zeroFrom(offset: number): void {
    const start = this.startOf(offset);
    if (!this.has(start)) {
      return;
    }
    const fd = this.#fds.open(this.pathOf(start));
    let kept = offset - start;
    if (kept > 0 && !isCutLength(kept)) {
      // A kill may come between: the length tells the next start that the file is no whole one of another size.
      if (this.read(offset, BLOCK, 0, 1) === 1 && BLOCK[0] !== 0) {
        this.writeAll(offset, ZEROS, 0, 1);
      }
      kept++;
    }
    this.#disk.ftruncateSync(fd, kept);
    this.#disk.ftruncateSync(fd, this.fileSize);
  }

  /**
   * Like `zeroFrom` for a file without holes before `offset`: where nothing is allocated behind the block of `offset`, only the rest of that
   * block can hold old bytes, and looking at it costs less than giving up the file's end and making it again. A file system that compresses
   * says another number than that of the blocks.
   */
  zeroDenseFrom(offset: number): void {
    const start = this.startOf(offset);
    if (!this.has(start)) {
      return;
    }
    const blocksEnd = start + Math.ceil((offset - start) / BLOCK_BYTES) * BLOCK_BYTES;
    const rest = Math.min(blocksEnd, start + this.fileSize) - offset;
    if (start + this.allocatedBytes(start) !== blocksEnd || this.read(offset, BLOCK, 0, rest) < rest) {
      this.zeroFrom(offset);
      return;
    }
    if (!BLOCK.subarray(0, rest).equals(ZEROS.subarray(0, rest))) {
      this.writeAll(offset, ZEROS, 0, rest);
    }
  }

  /** Bytes that the file really occupies. */
  allocatedBytes(start: number): number {
    return this.#disk.statSync(this.pathOf(start))?.allocatedBytes ?? 0;
  }

  /** The same, never less than what was written into the file; null where the file system does not promise that. */
  exactAllocatedBytes(start: number): number | null {
    try {
      return this.#disk.statfsSync(this.directory).isAllocationExact === true ? this.allocatedBytes(start) : null;
    } catch {
      return null;
    }
  }

  /** Puts it on the device that names are gone: those that this object removed, or with `isSure` whoever did. */
  syncNames(isSure: boolean): void {
    // A queue whose first units found no room has no folder yet.
    if (this.#hasRemovedNames || (isSure && this.#disk.statSync(this.directory) !== null)) {
      this.#disk.syncDirectorySync(this.directory);
      this.#hasRemovedNames = false;
    }
  }

  delete(start: number): void {
    const at = this.#starts.indexOf(start);
    if (at >= 0) {
      const path = this.pathOf(start);
      this.#fds.close(path);
      this.#disk.unlinkSync(path);
      this.#hasRemovedNames = true;
      this.#starts.splice(at, 1);
    }
  }

  /** Forgets the oldest file and removes it in the background; the callback hears when its name is gone. */
  removeOldest(callback: (error: Error | null) => void): void {
    const path = this.pathOf(this.#starts.shift()!);
    this.#fds.close(path);
    this.#disk.unlink(path, callback);
  }

  /** Deletes the files that start at or after `offset`. */
  deleteFrom(offset: number): void {
    for (const start of [...this.#starts].reverse()) {
      if (start >= offset) {
        this.delete(start);
      }
    }
  }

  /** Starts of the files that hold bytes of [from, to). */
  startsBetween(from: number, to: number): number[] {
    return this.#starts.filter((start) => start + this.fileSize > from && start < to);
  }

  fdatasync(start: number, callback: (error: Error | null) => void): void {
    this.#fds.fdatasync(this.pathOf(start), callback);
  }

  fdatasyncSync(start: number): void {
    if (this.has(start)) {
      this.#disk.fdatasyncSync(this.#fds.open(this.pathOf(start)));
    }
  }

  close(): void {
    for (const start of this.#starts) {
      this.#fds.close(this.pathOf(start));
    }
  }
}

import { dirname } from 'node:path';
import type { Disk, DiskSpace, DiskStat } from '../../broker/store/index.js';
import type { Random } from '../../src/common/clock.js';

const PAGE = 4096;
const SECTOR = 512;

/** The process died in the middle of a call; every later call throws it too. */
export class Died extends Error {}

function diskError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, syscall: 'write' });
}

interface MemoryFile {
  path: string;
  /** What the page cache holds, by page. A missing page is zero. */
  pages: Map<number, Buffer>;
  size: number;
  /** What the device holds. */
  durablePages: Map<number, Buffer>;
  durableSize: number;
  /** The name survives a power cut. */
  isNameDurable: boolean;
}

const ZERO_PAGE = Buffer.alloc(PAGE);

/**
 * A disk in memory that knows what is only in the page cache and what is on the device. It can die at a chosen call, lose power (every page
 * that was not flushed is old, new or torn at a sector), be full, or fail. A flush of a new file makes its name durable too, as on ext4.
 */
export class FaultDisk implements Disk {
  readonly #random: Random;
  readonly #files = new Map<string, MemoryFile>();
  readonly #directories = new Set<string>();
  readonly #open = new Map<number, MemoryFile>();
  #nextFd = 3;
  #pendingSyncs: (() => void)[] = [];
  /** Changing calls until the process dies; −1 never. */
  dieAfter = -1;
  isDead = false;
  /** Pages the disk can hold; beyond it ENOSPC. */
  maxPages = Number.MAX_SAFE_INTEGER;
  /** Writes that fail with EIO. */
  failWrites = 0;
  /** Flushes that fail with EIO, dropping what they should have written from the dirty pages, as Linux does. */
  failSyncs = 0;
  usedRatio = 0.1;
  /** Changing calls so far. */
  calls = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** What a new process finds after this one was killed: all that reached the page cache. */
  afterKill(): FaultDisk {
    return this.#copy((file) => ({ ...file, pages: copyPages(file.pages), durablePages: copyPages(file.durablePages) }));
  }

  /** What is left after a power cut. */
  afterPowerLoss(): FaultDisk {
    return this.#copy((file) => {
      if (!file.isNameDurable && this.#random.nextInt(2) === 0) {
        return null;
      }
      const size = this.#random.nextInt(2) === 0 ? file.size : file.durableSize;
      const pages = new Map<number, Buffer>();
      for (const number of new Set([...file.pages.keys(), ...file.durablePages.keys()])) {
        const page = this.#surviving(file, number);
        if (page !== null && number * PAGE < size) {
          pages.set(number, page);
        }
      }
      return { path: file.path, pages, size, durablePages: copyPages(pages), durableSize: size, isNameDurable: true };
    });
  }

  #surviving(file: MemoryFile, number: number): Buffer | null {
    const fresh = file.pages.get(number);
    const old = file.durablePages.get(number);
    if (fresh === old || (fresh !== undefined && old !== undefined && fresh.equals(old))) {
      return fresh === undefined ? null : Buffer.from(fresh);
    }
    const luck = this.#random.nextInt(4);
    if (luck === 0) {
      return old === undefined ? null : Buffer.from(old);
    }
    if (luck < 3) {
      return fresh === undefined ? null : Buffer.from(fresh);
    }
    // Torn: sectors before the cut are new.
    const torn = Buffer.from(old ?? ZERO_PAGE);
    (fresh ?? ZERO_PAGE).copy(torn, 0, 0, (1 + this.#random.nextInt(PAGE / SECTOR - 1)) * SECTOR);
    return torn;
  }

  #copy(change: (file: MemoryFile) => MemoryFile | null): FaultDisk {
    const copy = new FaultDisk(this.#random);
    for (const directory of this.#directories) {
      copy.#directories.add(directory);
    }
    for (const [path, file] of this.#files) {
      const changed = change(file);
      if (changed !== null) {
        copy.#files.set(path, changed);
      }
    }
    return copy;
  }

  /** Ends the flushes that are under way. */
  completeSyncs(): void {
    for (const complete of this.#pendingSyncs.splice(0)) {
      complete();
    }
  }

  /** Pages in use, for tests that fill the disk. */
  get usedPages(): number {
    let used = 0;
    for (const file of this.#files.values()) {
      used += file.pages.size;
    }
    return used;
  }

  /** Changes bytes of a file behind everybody's back. */
  damage(path: string, position: number, bytes: Buffer): void {
    const file = this.#files.get(path)!;
    this.#write(file, bytes, 0, bytes.length, position);
  }

  #step(): void {
    if (this.isDead) {
      throw new Died('dead');
    }
    this.calls++;
    if (this.dieAfter >= 0 && this.calls > this.dieAfter) {
      this.isDead = true;
    }
  }

  #dieIfDue(): void {
    if (this.isDead) {
      throw new Died('died');
    }
  }

  openSync(path: string, options?: { create?: boolean }): number {
    let file = this.#files.get(path);
    if (file === undefined) {
      if (options?.create !== true || !this.#directories.has(dirname(path))) {
        throw diskError('ENOENT', path);
      }
      this.#step();
      this.#dieIfDue();
      file = { path, pages: new Map(), size: 0, durablePages: new Map(), durableSize: 0, isNameDurable: false };
      this.#files.set(path, file);
    }
    const fd = this.#nextFd++;
    this.#open.set(fd, file);
    return fd;
  }

  closeSync(fd: number): void {
    this.#open.delete(fd);
  }

  get openFiles(): number {
    return this.#open.size;
  }

  #file(fd: number): MemoryFile {
    const file = this.#open.get(fd);
    if (file === undefined) {
      throw new Error(`fd ${fd} is not open`);
    }
    return file;
  }

  readSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number {
    const file = this.#file(fd);
    const count = Math.max(0, Math.min(length, file.size - position));
    for (let done = 0; done < count; ) {
      const at = position + done;
      const inPage = at % PAGE;
      const part = Math.min(count - done, PAGE - inPage);
      const page = file.pages.get(Math.floor(at / PAGE)) ?? ZERO_PAGE;
      buffer.set(page.subarray(inPage, inPage + part), offset + done);
      done += part;
    }
    return count;
  }

  writeSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number {
    const file = this.#file(fd);
    this.#step();
    if (this.isDead) {
      // A killed process may have written a part.
      this.#write(file, buffer, offset, this.#random.nextInt(length + 1), position);
      throw new Died('died while writing');
    }
    if (this.failWrites > 0) {
      this.failWrites--;
      throw diskError('EIO', file.path);
    }
    const count = this.#write(file, buffer, offset, length, position);
    if (count === 0 && length > 0) {
      throw diskError('ENOSPC', file.path);
    }
    return count;
  }

  #write(file: MemoryFile, buffer: Uint8Array, offset: number, length: number, position: number): number {
    let done = 0;
    while (done < length) {
      const at = position + done;
      const number = Math.floor(at / PAGE);
      const inPage = at % PAGE;
      const part = Math.min(length - done, PAGE - inPage);
      let page = file.pages.get(number);
      if (page === undefined) {
        if (this.usedPages >= this.maxPages) {
          break;
        }
        page = Buffer.alloc(PAGE);
      } else {
        // The device's copy and a flush under way keep their own.
        page = Buffer.from(page);
      }
      file.pages.set(number, page);
      page.set(buffer.subarray(offset + done, offset + done + part), inPage);
      done += part;
    }
    file.size = Math.max(file.size, position + done);
    return done;
  }

  ftruncateSync(fd: number, length: number): void {
    const file = this.#file(fd);
    this.#step();
    this.#dieIfDue();
    for (const [number, page] of [...file.pages]) {
      if (number * PAGE >= length) {
        file.pages.delete(number);
      } else if ((number + 1) * PAGE > length) {
        file.pages.set(number, Buffer.concat([page.subarray(0, length - number * PAGE)], PAGE));
      }
    }
    file.size = length;
  }

  fdatasync(fd: number, callback: (error: Error | null) => void): void {
    const file = this.#file(fd);
    if (!this.isDead) {
      this.#step();
    }
    if (this.isDead) {
      return;
    }
    const pages = new Map(file.pages);
    const size = file.size;
    this.#pendingSyncs.push(() => {
      if (this.isDead) {
        return;
      }
      if (this.failSyncs > 0) {
        this.failSyncs--;
        callback(diskError('EIO', file.path));
        return;
      }
      file.durablePages = pages;
      file.durableSize = size;
      file.isNameDurable = true;
      callback(null);
    });
  }

  fdatasyncSync(fd: number): void {
    const file = this.#file(fd);
    this.#step();
    this.#dieIfDue();
    file.durablePages = new Map(file.pages);
    file.durableSize = file.size;
    file.isNameDurable = true;
  }

  syncDirectory(path: string, callback: (error: Error | null) => void): void {
    this.#pendingSyncs.push(() => {
      for (const file of this.#files.values()) {
        file.isNameDurable ||= dirname(file.path) === path;
      }
      callback(null);
    });
  }

  statSync(path: string): DiskStat | null {
    const file = this.#files.get(path);
    if (file === undefined) {
      return this.#directories.has(path) ? { size: 0, isDirectory: true, mtimeMs: 0, allocatedBytes: 0 } : null;
    }
    return { size: file.size, isDirectory: false, mtimeMs: 0, allocatedBytes: file.pages.size * PAGE };
  }

  readdirSync(path: string): string[] {
    const names = new Set<string>();
    for (const known of [...this.#files.keys(), ...this.#directories]) {
      if (known.startsWith(`${path}/`)) {
        names.add(known.slice(path.length + 1).split('/', 1)[0]!);
      }
    }
    return [...names].sort();
  }

  mkdirSync(path: string): void {
    for (let at = path; at !== '/' && at !== '.'; at = dirname(at)) {
      this.#directories.add(at);
    }
  }

  unlinkSync(path: string): void {
    this.#step();
    this.#dieIfDue();
    if (!this.#files.delete(path)) {
      throw diskError('ENOENT', path);
    }
  }

  renameSync(from: string, to: string): void {
    this.#step();
    this.#dieIfDue();
    const file = this.#files.get(from);
    if (file === undefined) {
      throw diskError('ENOENT', from);
    }
    this.#files.delete(from);
    file.path = to;
    this.#files.set(to, file);
  }

  removeDirectorySync(path: string): void {
    for (const known of [...this.#files.keys()]) {
      if (known.startsWith(`${path}/`)) {
        this.#files.delete(known);
      }
    }
    for (const known of [...this.#directories]) {
      if (known === path || known.startsWith(`${path}/`)) {
        this.#directories.delete(known);
      }
    }
  }

  statfsSync(): DiskSpace {
    return { totalBytes: 1000, usedBytes: this.usedRatio * 1000, availableBytes: (1 - this.usedRatio) * 1000 };
  }
}

function copyPages(pages: Map<number, Buffer>): Map<number, Buffer> {
  return new Map([...pages].map(([number, page]) => [number, Buffer.from(page)]));
}

import { dirname } from 'node:path';
import type { Disk, DiskSpace, DiskStat } from '../../broker/store/index.js';
import type { Random } from '../../src/common/clock.js';
import { FaultDevice, type Flush, type Inode, PAGE, pageBytes } from './store-fault-device.js';

/** The process died in the middle of a call; every later call throws it too. */
export class Died extends Error {}

/** Calls that a fault can meet. */
export type DiskCall =
  | 'open'
  | 'read'
  | 'write'
  | 'truncate'
  | 'fdatasync'
  | 'syncnames'
  | 'rename'
  | 'unlink'
  | 'mkdir'
  | 'stat'
  | 'statfs';
export const DISK_CALLS: readonly DiskCall[] = [
  'open',
  'read',
  'write',
  'truncate',
  'fdatasync',
  'syncnames',
  'rename',
  'unlink',
  'mkdir',
  'stat',
  'statfs',
];

/** `times` calls of one kind fail, beginning with the `at`-th from now (0 is the next one). */
export interface Fault {
  call: DiskCall;
  at: number;
  times: number;
  code: 'EIO' | 'ENOSPC';
}

function diskError(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${call} ${path}`), { code, syscall: call });
}

/**
 * One process's view of a `FaultDevice`. It can die at a chosen call, be full, or fail; calls that change nothing never kill, because
 * dying there is dying at the next one that does.
 */
export class FaultDisk implements Disk {
  readonly #random: Random;
  readonly #device: FaultDevice;
  readonly #open = new Map<number, { path: string; inode: Inode }>();
  #nextFd = 3;
  #pendingSyncs: (() => void)[] = [];
  #faults: Fault[] = [];
  /** Changing calls until the process dies; −1 never. */
  dieAfter = -1;
  isDead = false;
  /** Pages the disk can hold; beyond it ENOSPC. */
  maxPages = Number.MAX_SAFE_INTEGER;
  /** Writes that fail with EIO. */
  failWrites = 0;
  /** Flushes that fail with EIO; the kernel takes what they should have written for clean, as Linux does. */
  failSyncs = 0;
  /** Flushes of these paths fail in the same way. */
  failSyncsOf: (path: string) => boolean = () => false;
  /** After a failed flush of a commit log file the page cache shows what the device holds. */
  isEvicting = false;
  /** The same for queues and index. */
  isEvictingDerived = false;
  /** One write of this many takes fewer bytes than it was given; 0 none. */
  shortWriteOneIn = 0;
  /** Before one changing call of this many the kernel writes dirty pages on its own; 0 never. */
  writeBackOneIn = 0;
  /** Such a flush has failed. */
  hasEvicted = false;
  usedRatio = 0.1;
  /** Changing calls so far. */
  calls = 0;
  /** Calls that failed as asked. */
  faultsSeen = 0;

  constructor(random: Random, device = new FaultDevice()) {
    this.#random = random;
    this.#device = device;
  }

  /** What a file that is changed from now on says when it was, ms since 1970. */
  set fileTimeMs(nowMs: number) {
    this.#device.nowMs = nowMs;
  }

  set isJournalOrdered(isOrdered: boolean) {
    this.#device.isJournalOrdered = isOrdered;
  }

  /** Time that changed files get. */
  set nowMs(ms: number) {
    this.#device.nowMs = ms;
  }

  /** A new process after this one was killed: it finds all that reached the page cache. */
  afterKill(random = this.#random): FaultDisk {
    this.isDead = true;
    return new FaultDisk(random, this.#device);
  }

  /** A new process after a power cut. */
  afterPowerLoss(random = this.#random): FaultDisk {
    this.isDead = true;
    this.#device.losePower(random);
    return new FaultDisk(random, this.#device);
  }

  /** A disk of its own with the same content, to be looked at or used in this one's place. */
  copy(): FaultDisk {
    return new FaultDisk(this.#random, this.#device.copy());
  }

  /** Makes calls fail. */
  inject(...faults: Fault[]): void {
    this.#faults.push(...faults.map((fault) => ({ ...fault })));
  }

  clearFaults(): void {
    this.#faults = [];
    this.maxPages = Number.MAX_SAFE_INTEGER;
    this.shortWriteOneIn = 0;
  }

  /** Ends the flushes that are under way, or the oldest `count` of them. */
  completeSyncs(count = Number.MAX_SAFE_INTEGER): void {
    for (const complete of this.#pendingSyncs.splice(0, count)) {
      complete();
    }
  }

  get usedPages(): number {
    return this.#device.usedPages;
  }

  get openFiles(): number {
    return this.#open.size;
  }

  /** Paths of all files. */
  paths(): string[] {
    return [...this.#device.names.keys()].sort();
  }

  /** Whole content of a file; null when it does not exist. */
  content(path: string): Buffer | null {
    const inode = this.#device.names.get(path);
    if (inode === undefined) {
      return null;
    }
    const bytes = Buffer.alloc(inode.size);
    for (const [number, page] of inode.pages) {
      page.bytes?.copy(bytes, number * PAGE);
    }
    return bytes;
  }

  /** Changes bytes of a file behind everybody's back, on the device too. */
  damage(path: string, position: number, bytes: Buffer): void {
    const inode = this.#device.names.get(path)!;
    this.#device.write(inode, bytes, { offset: 0, length: bytes.length, position, maxPages: Number.MAX_SAFE_INTEGER });
    this.#device.endFlush(this.#device.beginFlush(inode));
  }

  /** Makes a file with this content, or replaces it, on the device too. */
  replace(path: string, bytes: Buffer): void {
    this.mkdirSync(dirname(path));
    const inode = this.#device.names.get(path) ?? this.#device.create(path);
    this.#device.truncate(inode, 0);
    this.#device.write(inode, bytes, { offset: 0, length: bytes.length, position: 0, maxPages: Number.MAX_SAFE_INTEGER });
    this.#device.endFlush(this.#device.beginFlush(inode));
  }

  /** Removes a file, or a folder with all it holds, on the device too. */
  remove(path: string): void {
    for (const known of [...this.#device.names.keys()]) {
      if (known === path || known.startsWith(`${path}/`)) {
        this.#device.forget(known);
      }
    }
    for (const directory of [...this.#device.directories]) {
      if (directory === path || directory.startsWith(`${path}/`)) {
        this.#device.directories.delete(directory);
      }
    }
  }

  #step(): void {
    if (this.isDead) {
      throw new Died('dead');
    }
    this.calls++;
    if (this.writeBackOneIn > 0 && this.#random.nextInt(this.writeBackOneIn) === 0) {
      this.#device.writeBack(this.#random);
    }
    if (this.dieAfter >= 0 && this.calls > this.dieAfter) {
      this.isDead = true;
    }
  }

  #dieIfDue(): void {
    if (this.isDead) {
      throw new Died('died');
    }
  }

  /** The error that a call of this kind meets now. */
  #fault(call: DiskCall, path: string): Error | null {
    let found: Error | null = null;
    for (const fault of this.#faults) {
      if (fault.call !== call || fault.times === 0) {
        continue;
      }
      if (fault.at > 0) {
        fault.at--;
      } else {
        fault.times--;
        found ??= diskError(fault.code, call, path);
      }
    }
    if (found !== null) {
      this.faultsSeen++;
    }
    return found;
  }

  #throwFault(call: DiskCall, path: string): void {
    if (this.isDead) {
      throw new Died('dead');
    }
    const error = this.#faults.length === 0 ? null : this.#fault(call, path);
    if (error !== null) {
      throw error;
    }
  }

  openSync(path: string, options?: { create?: boolean }): number {
    this.#throwFault('open', path);
    let inode = this.#device.names.get(path);
    if (inode === undefined) {
      if (options?.create !== true || !this.#device.directories.has(dirname(path))) {
        throw diskError('ENOENT', 'open', path);
      }
      this.#step();
      this.#dieIfDue();
      inode = this.#device.create(path);
    }
    const fd = this.#nextFd++;
    this.#open.set(fd, { path, inode });
    return fd;
  }

  closeSync(fd: number): void {
    this.#open.delete(fd);
  }

  #file(fd: number): { path: string; inode: Inode } {
    const file = this.#open.get(fd);
    if (file === undefined) {
      throw new Error(`fd ${fd} is not open`);
    }
    return file;
  }

  readSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number {
    const { path, inode } = this.#file(fd);
    this.#throwFault('read', path);
    const count = Math.max(0, Math.min(length, inode.size - position));
    for (let done = 0; done < count; ) {
      const at = position + done;
      const inPage = at % PAGE;
      const part = Math.min(count - done, PAGE - inPage);
      buffer.set(pageBytes(inode, Math.floor(at / PAGE)).subarray(inPage, inPage + part), offset + done);
      done += part;
    }
    return count;
  }

  writeSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number {
    const { path, inode } = this.#file(fd);
    this.#step();
    const from = { offset, length, position, maxPages: this.maxPages };
    if (this.isDead) {
      // A killed process may have written a part; of the commit log any, of other files whole pages as kernels do.
      const isAny = path.includes('/commitlog/') || Math.floor(position / PAGE) !== Math.floor((position + length - 1) / PAGE);
      const part = isAny ? this.#random.nextInt(length + 1) : this.#random.nextInt(2) * length;
      this.#device.write(inode, buffer, { ...from, length: part });
      throw new Died('died while writing');
    }
    const error = this.#fault('write', path);
    if (error !== null || this.failWrites > 0) {
      this.failWrites -= error === null ? 1 : 0;
      const part = error === null ? 0 : this.#random.nextInt(length);
      if (part > 0 && this.#random.nextInt(2) === 0) {
        // Bytes of a write that failed may be in the file all the same.
        this.#device.write(inode, buffer, { ...from, length: part });
      }
      throw error ?? diskError('EIO', 'write', path);
    }
    const isShort = this.shortWriteOneIn > 0 && length > 1 && this.#random.nextInt(this.shortWriteOneIn) === 0;
    const count = this.#device.write(inode, buffer, isShort ? { ...from, length: 1 + this.#random.nextInt(length - 1) } : from);
    if (count === 0 && length > 0) {
      this.faultsSeen++;
      throw diskError('ENOSPC', 'write', path);
    }
    return count;
  }

  ftruncateSync(fd: number, length: number): void {
    const { path, inode } = this.#file(fd);
    this.#step();
    this.#dieIfDue();
    this.#throwFault('truncate', path);
    this.#device.truncate(inode, length);
  }

  fdatasync(fd: number, callback: (error: Error | null) => void): void {
    const { path, inode } = this.#file(fd);
    if (!this.isDead) {
      this.#step();
    }
    if (this.isDead) {
      return;
    }
    const flush = this.#device.beginFlush(inode);
    this.#pendingSyncs.push(() => {
      if (!this.isDead) {
        callback(this.#endFlush(flush, path));
      }
    });
  }

  #endFlush(flush: Flush, path: string): Error | null {
    let error = this.#fault('fdatasync', path);
    if (error === null && this.failSyncs > 0) {
      this.failSyncs--;
      error = diskError('EIO', 'fdatasync', path);
    }
    if (error === null && this.failSyncsOf(path)) {
      error = diskError('EIO', 'fdatasync', path);
    }
    if (error === null) {
      this.#device.endFlush(flush);
    } else {
      const isLog = path.includes('/commitlog/');
      this.hasEvicted ||= this.isEvicting && isLog;
      this.#device.failFlush(flush, this.#random, isLog ? this.isEvicting : this.isEvictingDerived);
    }
    return error;
  }

  fdatasyncSync(fd: number): void {
    const { path, inode } = this.#file(fd);
    this.#step();
    this.#dieIfDue();
    const error = this.#endFlush(this.#device.beginFlush(inode), path);
    if (error !== null) {
      throw error;
    }
  }

  syncDirectory(path: string, callback: (error: Error | null) => void): void {
    const before = this.#device.pendingNames;
    this.#pendingSyncs.push(() => {
      if (this.isDead) {
        return;
      }
      const error = this.#fault('syncnames', path);
      if (error === null) {
        this.#device.syncNames(path, before);
      }
      callback(error);
    });
  }

  #checkDirectory(path: string): void {
    if (!this.#device.directories.has(path)) {
      throw diskError('ENOENT', 'open', path);
    }
  }

  syncDirectorySync(path: string): void {
    this.#step();
    this.#dieIfDue();
    this.#throwFault('syncnames', path);
    this.#checkDirectory(path);
    this.#device.syncNames(path, this.#device.pendingNames);
  }

  statSync(path: string): DiskStat | null {
    this.#throwFault('stat', path);
    const inode = this.#device.names.get(path);
    if (inode === undefined) {
      return this.#device.directories.has(path) ? { size: 0, isDirectory: true, mtimeMs: 0, allocatedBytes: 0 } : null;
    }
    return { size: inode.size, isDirectory: false, mtimeMs: inode.mtimeMs, allocatedBytes: inode.pages.size * PAGE };
  }

  readdirSync(path: string): string[] {
    this.#throwFault('stat', path);
    const names = new Set<string>();
    for (const known of [...this.#device.names.keys(), ...this.#device.directories]) {
      if (known.startsWith(`${path}/`)) {
        names.add(known.slice(path.length + 1).split('/', 1)[0]!);
      }
    }
    return [...names].sort();
  }

  mkdirSync(path: string): void {
    if (this.#device.directories.has(path)) {
      return;
    }
    this.#throwFault('mkdir', path);
    for (let at = path; at !== '/' && at !== '.'; at = dirname(at)) {
      this.#device.directories.add(at);
    }
  }

  unlinkSync(path: string): void {
    this.#step();
    this.#dieIfDue();
    this.#throwFault('unlink', path);
    const inode = this.#device.names.get(path);
    if (inode === undefined) {
      throw diskError('ENOENT', 'unlink', path);
    }
    this.#device.unlink(path, inode);
  }

  unlink(path: string, callback: (error: Error | null) => void): void {
    this.#pendingSyncs.push(() => {
      if (this.isDead) {
        return;
      }
      try {
        this.unlinkSync(path);
      } catch (error) {
        if (!(error instanceof Died)) {
          callback(error as Error);
        }
        return;
      }
      callback(null);
    });
  }

  renameSync(from: string, to: string): void {
    this.#step();
    this.#dieIfDue();
    this.#throwFault('rename', from);
    const inode = this.#device.names.get(from);
    if (inode === undefined) {
      throw diskError('ENOENT', 'rename', from);
    }
    this.#device.rename(from, to, inode);
  }

  removeDirectorySync(path: string): void {
    this.#step();
    this.#dieIfDue();
    this.#throwFault('unlink', path);
    this.remove(path);
  }

  statfsSync(path: string): DiskSpace {
    this.#throwFault('statfs', path);
    return { totalBytes: 1000, usedBytes: this.usedRatio * 1000, availableBytes: (1 - this.usedRatio) * 1000 };
  }
}

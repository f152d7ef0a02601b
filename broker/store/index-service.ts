import { join } from 'node:path';
import type { Clock } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import type { DerivedSummary } from './checkpoint.js';
import type { FdCache } from './fd-cache.js';
import { IndexFile } from './index-file.js';
import { forEachKeyHash } from './index-keys.js';
import type { PutBatch } from './put-batch.js';
import type { Disk, StoreConfig } from './types.js';

const NAME = /^\d{17}$/;
/** Bytes of slots written in one go when a file is full, so that no turn waits long. */
const SLOT_PIECE_BYTES = 512 * 1024;

/** The index: its files in order of time, and which records are in it. Mirrors IndexService. */
export class IndexService {
  readonly #directory: string;
  readonly #config: StoreConfig;
  readonly #disk: Disk;
  readonly #fds: FdCache;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #files: IndexFile[] = [];
  /** Full files whose slots are not in the file yet. */
  #sealing: IndexFile[] = [];
  /** What `takeExpired` was asked for last. */
  #expiredTo = 0;
  #isSyncing = false;
  /** Entries that a flush failed to put on the device are no longer there: only the next recovery makes them again. */
  isFlushLost = false;
  #hasRemovedNames = false;
  /** Files that were too short when they were loaded, and got zeros. */
  readonly #short = new Set<IndexFile>();
  /** One of them had been put on the device whole. */
  hasLost = false;
  /** Called with the end time of a full file once it is on the device. */
  onSealed: (endTimestamp: number) => void = () => {};
  /** Called when the disk does not take entries. */
  onError: (error: unknown) => void = () => {};
  /** Called when a full file could not be put on the device; it is tried again. */
  onFlushFailed: (error: unknown) => void = () => {};

  constructor(options: { config: StoreConfig; disk: Disk; fds: FdCache; clock: Clock; logger: Logger }) {
    this.#directory = join(options.config.storePathRootDir, 'index');
    this.#config = options.config;
    this.#disk = options.disk;
    this.#fds = options.fds;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  #fileAt(path: string): IndexFile {
    const { maxHashSlotNum, maxIndexNum } = this.#config;
    return new IndexFile({ path, maxHashSlotNum, maxIndexNum, disk: this.#disk, fds: this.#fds });
  }

  /** Finds the files. */
  load(isAfterKill: boolean): void {
    this.#disk.mkdirSync(this.#directory);
    this.#files = [];
    for (const name of this.#disk.readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      if (!NAME.test(name)) {
        continue;
      }
      const file = this.#fileAt(path);
      const size = this.#disk.statSync(path)?.size ?? 0;
      if (isAfterKill && size < file.fileBytes) {
        this.#short.add(file);
        this.#disk.ftruncateSync(this.#fds.open(path), file.fileBytes);
      } else if (size !== file.fileBytes) {
        this.#logger.warn(`index file ${path} has another size than maxHashSlotNum and maxIndexNum say; it is not used`);
        continue;
      }
      file.loadHeader();
      this.#files.push(file);
    }
  }

  /** Goes on after an orderly stop. Returns the offset from which records are not indexed. */
  resume(): number {
    const last = this.#files.at(-1);
    if (last !== undefined && !last.isFull) {
      last.loadSlots();
    }
    return (last?.endPhyOffset ?? -1) + 1;
  }

  /**
   * Goes on after a kill of our own: everything before `walkFrom` is on the device, everything from there on is indexed again.
   * `sealedTimestamp` is the end time of the last file that was put on the device whole, slots too.
   */
  resumeAt(walkFrom: number, sealedTimestamp: number): void {
    const files = this.#files;
    // A whole file may hold records that will be indexed again.
    const firstAgain = files.findIndex((file) => file.endPhyOffset >= walkFrom);
    const firstOpen = this.#firstOpen(sealedTimestamp);
    const first = firstAgain < 0 ? firstOpen : Math.min(firstAgain, firstOpen);
    this.hasLost = files.slice(0, first).some((file) => this.#short.has(file));
    for (let i = first; i < files.length; i++) {
      const file = files[i]!;
      if (file.beginTimestamp > 0) {
        file.rebuild(walkFrom, false);
      }
      if (file.beginTimestamp === 0 || file.indexCount === 1) {
        this.#dropFrom(i);
        return;
      }
      if (!file.isFull) {
        this.#dropFrom(i + 1);
        return;
      }
      if (i < files.length - 1) {
        this.#sealing.push(file);
      }
    }
  }

  /**
   * Goes on after another broker's kill, whose checkpoint says nothing about entries: checks the first file that was not put on the device
   * whole entry by entry and drops later ones. Returns the offset from which records must be indexed; −1 when nothing is indexed.
   */
  resumeChecked(sealedTimestamp: number): number {
    const firstOpen = this.#firstOpen(sealedTimestamp);
    this.#dropFrom(firstOpen + 1);
    if (firstOpen === this.#files.length) {
      return (this.#files.at(-1)?.endPhyOffset ?? -1) + 1;
    }
    return this.#checkLast(Number.MAX_SAFE_INTEGER);
  }

  #firstOpen(sealedTimestamp: number): number {
    const found = this.#files.findIndex(
      (file, i) =>
        file.beginTimestamp === 0 ||
        !file.isFull ||
        file.endTimestamp > sealedTimestamp ||
        (file.endTimestamp === sealedTimestamp && this.#files[i - 1]?.endTimestamp === sealedTimestamp),
    );
    return found < 0 ? this.#files.length : found;
  }

  #dropFrom(index: number): void {
    for (const file of this.#files.slice(index)) {
      this.#drop(file);
    }
  }

  /** Checks the last file, drops it when it says nothing, and goes on with the one before. */
  #checkLast(endOffset: number): number {
    for (let last = this.#files.at(-1); last !== undefined; last = this.#files.at(-1)) {
      if (last.beginTimestamp > 0) {
        last.rebuild(endOffset, true);
      }
      if (last.beginTimestamp > 0 && last.indexCount > 1) {
        // The last record in it may have had more keys: it was dropped with the rest of its entries.
        return last.endPhyOffset + 1;
      }
      this.#drop(last);
    }
    return -1;
  }

  #drop(file: IndexFile): void {
    this.#files = this.#files.filter((other) => other !== file);
    this.#sealing = this.#sealing.filter((other) => other !== file);
    this.#fds.close(file.path);
    if (!file.isNew) {
      this.#disk.unlinkSync(file.path);
      this.#hasRemovedNames = true;
    }
  }

  /** Puts it on the device that names are gone: those that this object removed, or with `isSure` whoever did. */
  syncNames(isSure: boolean): void {
    if (this.#hasRemovedNames || isSure) {
      this.#disk.syncDirectorySync(this.#directory);
      this.#hasRemovedNames = false;
    }
  }

  /** Forgets the oldest files while all their records lie before `minOffset`, never the newest; the caller removes them. Returns their paths. */
  takeExpired(minOffset: number): string[] {
    this.#expiredTo = minOffset;
    const paths: string[] = [];
    while (this.#files.length > 1 && this.#files[0]!.endPhyOffset < minOffset && !this.#sealing.includes(this.#files[0]!)) {
      const { path } = this.#files.shift()!;
      this.#fds.close(path);
      paths.push(path);
    }
    return paths;
  }

  /** Drops entries of records at or behind the end of the log. */
  cutFrom(endOffset: number): void {
    const last = this.#files.at(-1);
    if (last !== undefined && last.endPhyOffset >= endOffset) {
      this.writeOut();
      this.#checkLast(endOffset);
    }
  }

  /** Files a record under all its keys. */
  put(topicKeyHash: number, properties: string, commitLogOffset: number, storeTimestamp: number): void {
    this.#offset = commitLogOffset;
    this.#timestamp = storeTimestamp;
    forEachKeyHash(topicKeyHash, properties, this.#add);
  }

  /** Files the records of a batch, the first of which lies at `commitLogOffset`. */
  putBatch(batch: PutBatch, commitLogOffset: number, storeTimestamp: number): void {
    this.#offset = commitLogOffset;
    this.#timestamp = storeTimestamp;
    let key = 0;
    for (let i = 0; i < batch.count; i++) {
      for (const end = batch.keyEnds[i]!; key < end; key++) {
        this.#add(batch.keyHashes[key]!);
      }
      this.#offset += batch.sizes[i]!;
    }
  }

  #offset = 0;
  #timestamp = 0;
  // One function for all messages: a closure for each would cost more than the hash.
  readonly #add = (keyHash: number): void => {
    let file = this.#files.at(-1);
    if (file === undefined || file.isFull) {
      file = this.#nextFile(file);
    }
    if (file.isPendingFull) {
      try {
        file.writeEntries();
      } catch (error) {
        this.onError(error);
        file.growPending();
      }
    }
    file.put(keyHash, this.#offset, this.#timestamp);
  };

  #nextFile(full: IndexFile | undefined): IndexFile {
    const now = timestampName(this.#clock.nowMs());
    const lastName = full === undefined ? '' : full.path.slice(-17);
    const name = now > lastName ? now : nameAfter(lastName);
    const file = this.#fileAt(join(this.#directory, name));
    file.begin();
    if (full !== undefined) {
      file.beginTimestamp = full.endTimestamp;
      file.endTimestamp = full.endTimestamp;
      file.beginPhyOffset = full.endPhyOffset;
      file.endPhyOffset = full.endPhyOffset;
      this.#sealing.push(full);
    }
    this.#files.push(file);
    return file;
  }

  /** Writes what is only in memory of entries (not the slots of the growing file). Throws when the disk refuses. */
  writeOut(): void {
    for (const file of this.#sealing) {
      file.writeEntries();
    }
    this.#files.at(-1)?.writeEntries();
  }

  /** A step of putting full files on the device; call it now and then. */
  sealStep(): void {
    const file = this.#sealing[0];
    // `fdatasync` brings a file into order whose flush failed.
    if (file === undefined || this.#isSyncing || file.isRewriteNeeded) {
      return;
    }
    file.writeEntries();
    if (!file.writeSlots(SLOT_PIECE_BYTES)) {
      return;
    }
    this.#isSyncing = true;
    file.fdatasync((error) => {
      this.#isSyncing = false;
      if (error !== null) {
        this.onFlushFailed(error);
        return;
      }
      file.release();
      this.#sealing = this.#sealing.filter((other) => other !== file);
      if (!this.isFlushLost) {
        this.onSealed(file.endTimestamp);
      }
    });
  }

  /**
   * Flushes what was written of files that are not on the device whole, in the background; where a flush failed before, writes it again first.
   */
  fdatasync(callback: (error: Error | null) => void): void {
    const files = [...this.#sealing, ...this.#files.slice(-1)];
    const next = (error: Error | null): void => {
      const file = files.shift();
      if (error !== null || file === undefined) {
        callback(error);
        return;
      }
      try {
        if (file.isRewriteNeeded && !file.rewriteUnsynced()) {
          this.isFlushLost = true;
        }
      } catch (caught) {
        callback(caught as Error);
        return;
      }
      file.fdatasync(next);
    };
    next(null);
  }

  /** Writes everything, slots too. */
  close(): void {
    for (const file of this.#files) {
      if (file.hasSlotsInMemory) {
        file.writeEntries();
        file.restartSlots();
        file.writeSlots(Number.MAX_SAFE_INTEGER);
      }
    }
  }

  /**
   * Commit log offsets filed under a hash between two times (ms), newest first, at most `maxNum` of those that `accept` takes (hashes
   * collide: it compares the record).
   */
  query(keyHash: number, maxNum: number, beginMs: number, endMs: number, accept: (offset: number) => boolean): number[] {
    const offsets: number[] = [];
    const query = { keyHash, maxNum, beginMs, endMs, accept };
    for (let i = this.#files.length - 1; i >= 0 && offsets.length < maxNum; i--) {
      const file = this.#files[i]!;
      const overlaps = beginMs <= file.endTimestamp + 1000 && endMs >= file.beginTimestamp;
      if (overlaps && file.indexCount > 1) {
        queryFile(file, query, offsets);
      }
      if (file.beginTimestamp < beginMs) {
        break;
      }
    }
    return offsets;
  }

  /** Entries of all files, and the sum of the commit log offsets where they begin and end. */
  summary(): Pick<DerivedSummary, 'indexEntries' | 'indexOffsets' | 'expiredTo'> {
    let indexEntries = 0;
    let indexOffsets = 0;
    for (const file of this.#files) {
      indexEntries += file.indexCount - 1;
      // Any garbage may be in a header.
      indexOffsets = (indexOffsets + file.beginPhyOffset + file.endPhyOffset) % Number.MAX_SAFE_INTEGER;
    }
    return { indexEntries, indexOffsets, expiredTo: this.#expiredTo };
  }

  /** Removes every file, for entries that are all made anew. */
  dropAll(): void {
    this.#dropFrom(0);
  }

  get lastUpdateTimestamp(): number {
    return this.#files.at(-1)?.endTimestamp ?? 0;
  }

  get lastUpdatePhyOffset(): number {
    return this.#files.at(-1)?.endPhyOffset ?? 0;
  }
}

interface IndexQuery {
  keyHash: number;
  maxNum: number;
  beginMs: number;
  endMs: number;
  accept: (offset: number) => boolean;
}

function queryFile(file: IndexFile, query: IndexQuery, offsets: number[]): void {
  let k = file.head(query.keyHash);
  while (k > 0 && offsets.length < query.maxNum) {
    const entry = file.entry(k);
    if (entry === null) {
      return;
    }
    // An entry's time is exact to the second, rounded down.
    const time = file.beginTimestamp + entry.timeDiffSeconds * 1000;
    if (time + 999 < query.beginMs) {
      return;
    }
    const offset = entry.commitLogOffset;
    if (entry.keyHash === query.keyHash && time <= query.endMs && !offsets.includes(offset) && query.accept(offset)) {
      offsets.push(offset);
    }
    if (entry.previous >= k) {
      return;
    }
    k = entry.previous;
  }
}

/** Local time as `yyyyMMddHHmmssSSS`. */
export function timestampName(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  return (
    String(date.getFullYear()).padStart(4, '0') +
    two(date.getMonth() + 1) +
    two(date.getDate()) +
    two(date.getHours()) +
    two(date.getMinutes()) +
    two(date.getSeconds()) +
    String(date.getMilliseconds()).padStart(3, '0')
  );
}

/**
 * The name of the millisecond after a name. Files are in the order of their names, and local time goes back at the end of summer, with another
 * time zone, and when the clock is set.
 */
export function nameAfter(name: string): string {
  const part = (from: number, to: number): number => Number(name.slice(from, to));
  // Fields of UTC count on through hours that local time skips or has twice.
  const date = new Date(0);
  date.setUTCFullYear(part(0, 4), part(4, 6) - 1, part(6, 8));
  date.setUTCHours(part(8, 10), part(10, 12), part(12, 14), part(14, 17) + 1);
  const next = date.toISOString().replace(/\D/g, '');
  // A name that is no time at all.
  return next.length === name.length && next > name ? next : String(BigInt(name) + 1n).padStart(name.length, '0');
}

import { dirname } from 'node:path';
import type { Random } from '../../src/common/clock.js';

export const PAGE = 4096;
const SECTOR = 512;
const ZERO_PAGE = Buffer.alloc(PAGE);

/** A page of a file in one of its versions; `bytes` is null for a hole. */
export interface Page {
  bytes: Buffer | null;
  /** Grows with every change of any page; two pages of one place are the same if their versions are. */
  version: number;
  /** More than one holder knows this object: it is copied before it changes. */
  isShared: boolean;
}

const HOLE: Page = { bytes: null, version: 0, isShared: true };

/** A file: what the page cache holds and what the device holds. Names point at it. */
export interface Inode {
  pages: Map<number, Page>;
  size: number;
  /** Pages that the next write-back takes to the device. A failed flush takes them off this list although the device never got them. */
  dirty: Set<number>;
  devicePages: Map<number, Page>;
  deviceSize: number;
  /** Flushes under way: each page may be on the device already. */
  inFlight: Map<number, Page>[];
  mtimeMs: number;
}

/** A change of names that is in the journal's memory only. */
interface NameChange {
  kind: 'create' | 'unlink' | 'rename';
  path: string;
  /** Of a rename. */
  to: string;
  inode: Inode;
}

/** Pages and size that a flush takes to the device. */
export interface Flush {
  inode: Inode;
  pages: Map<number, Page>;
  size: number;
  /** Changes of names that were made before it began. */
  changes: Set<NameChange>;
}

/**
 * Files in memory, twice: as the kernel shows them and as they are on the device. A power cut leaves of each sector that was not flushed an
 * old or a new version, and of names any subset of the changes, or with `isJournalOrdered` those up to some moment.
 */
export class FaultDevice {
  readonly names = new Map<string, Inode>();
  readonly directories = new Set<string>();
  /** Names as a power cut would find them but for `#changes`. */
  #deviceNames = new Map<string, Inode>();
  #changes: NameChange[] = [];
  #version = 0;
  isJournalOrdered = false;
  /** Pages in use, as far as a full disk counts them. */
  usedPages = 0;
  /** Time of a change of a file, ms since 1970; far away, so that none expires unless a test wants it. */
  nowMs = Number.MAX_SAFE_INTEGER;

  /** All of it once more; pages are copied when one side changes them. */
  copy(): FaultDevice {
    const copy = new FaultDevice();
    const inodes = new Map<Inode, Inode>();
    const copyOf = (inode: Inode): Inode => {
      let known = inodes.get(inode);
      if (known === undefined) {
        known = {
          ...inode,
          pages: sharedPages(inode.pages),
          devicePages: sharedPages(inode.devicePages),
          dirty: new Set(inode.dirty),
          inFlight: inode.inFlight.map(sharedPages),
        };
        inodes.set(inode, known);
      }
      return known;
    };
    for (const [path, inode] of this.names) copy.names.set(path, copyOf(inode));
    for (const [path, inode] of this.#deviceNames) copy.#deviceNames.set(path, copyOf(inode));
    copy.#changes = this.#changes.map((change) => ({ ...change, inode: copyOf(change.inode) }));
    for (const directory of this.directories) copy.directories.add(directory);
    copy.#version = this.#version;
    copy.isJournalOrdered = this.isJournalOrdered;
    copy.usedPages = this.usedPages;
    copy.nowMs = this.nowMs;
    return copy;
  }

  create(path: string): Inode {
    const inode: Inode = {
      pages: new Map(),
      size: 0,
      dirty: new Set(),
      devicePages: new Map(),
      deviceSize: 0,
      inFlight: [],
      mtimeMs: this.nowMs,
    };
    this.names.set(path, inode);
    this.#changes.push({ kind: 'create', path, to: '', inode });
    return inode;
  }

  unlink(path: string, inode: Inode): void {
    this.names.delete(path);
    this.usedPages -= inode.pages.size;
    this.#changes.push({ kind: 'unlink', path, to: '', inode });
  }

  rename(from: string, to: string, inode: Inode): void {
    this.usedPages -= this.names.get(to)?.pages.size ?? 0;
    this.names.delete(from);
    this.names.set(to, inode);
    this.#changes.push({ kind: 'rename', path: from, to, inode });
  }

  /** Writes up to `length` bytes; fewer when a new page would be one more than `maxPages`. */
  write(inode: Inode, buffer: Uint8Array, from: { offset: number; length: number; position: number; maxPages: number }): number {
    const { offset, length, position, maxPages } = from;
    let done = 0;
    while (done < length) {
      const at = position + done;
      const number = Math.floor(at / PAGE);
      const inPage = at % PAGE;
      const part = Math.min(length - done, PAGE - inPage);
      const page = inode.pages.get(number);
      if (page?.bytes === undefined || page.bytes === null) {
        if (this.usedPages >= maxPages) break;
        if (page === undefined) this.usedPages++;
        inode.pages.set(number, { bytes: Buffer.alloc(PAGE), version: ++this.#version, isShared: false });
      } else if (page.isShared) {
        inode.pages.set(number, { bytes: Buffer.from(page.bytes), version: ++this.#version, isShared: false });
      } else {
        page.version = ++this.#version;
      }
      inode.pages.get(number)!.bytes!.set(buffer.subarray(offset + done, offset + done + part), inPage);
      inode.dirty.add(number);
      done += part;
    }
    inode.size = Math.max(inode.size, position + done);
    inode.mtimeMs = this.nowMs;
    return done;
  }

  truncate(inode: Inode, length: number): void {
    for (const [number, page] of inode.pages) {
      const start = number * PAGE;
      if (start + PAGE <= length || page.bytes === null) continue;
      const bytes = start >= length ? null : Buffer.concat([page.bytes.subarray(0, length - start)], PAGE);
      inode.pages.set(number, { bytes, version: ++this.#version, isShared: false });
      inode.dirty.add(number);
    }
    inode.size = length;
    inode.mtimeMs = this.nowMs;
  }

  /** Begins a flush: what is dirty now is no longer, and may be on the device from here on. */
  beginFlush(inode: Inode): Flush {
    const pages = new Map<number, Page>();
    for (const number of inode.dirty) {
      const page = inode.pages.get(number) ?? HOLE;
      page.isShared = true;
      pages.set(number, page);
    }
    inode.dirty.clear();
    inode.inFlight.push(pages);
    return { inode, pages, size: inode.size, changes: new Set(this.#changes) };
  }

  /** The flush succeeded: all of it is on the device, and so is the file's name. */
  endFlush(flush: Flush): void {
    const { inode, pages } = flush;
    for (const [number, page] of pages) this.#settle(inode, number, page);
    inode.deviceSize = flush.size;
    inode.inFlight = inode.inFlight.filter((other) => other !== pages);
    if (this.isJournalOrdered) {
      this.#commit((change) => flush.changes.has(change));
    } else {
      const paths = new Set([...flush.changes].filter((change) => change.inode === inode).flatMap(({ path, to }) => [path, to || path]));
      this.#commit((change) => flush.changes.has(change) && (paths.has(change.path) || paths.has(change.to)));
    }
  }

  /**
   * The flush failed: some pages reached the device, and the kernel forgets that the others did not. With `isEvicting` it shows the
   * device's old content from here on, else the new content until the power is cut.
   */
  failFlush(flush: Flush, random: Random, isEvicting: boolean): void {
    const { inode, pages } = flush;
    for (const [number, page] of pages) {
      if (random.nextInt(3) === 0) {
        this.#settle(inode, number, page);
      } else if (isEvicting && !inode.dirty.has(number)) {
        inode.pages.set(number, share(inode.devicePages.get(number) ?? HOLE));
      }
    }
    inode.inFlight = inode.inFlight.filter((other) => other !== pages);
  }

  #settle(inode: Inode, number: number, page: Page): void {
    if ((inode.devicePages.get(number)?.version ?? 0) < page.version) {
      inode.devicePages.set(number, share(page));
    }
  }

  /** The kernel writes some dirty pages on its own. */
  writeBack(random: Random): void {
    for (const inode of this.names.values()) {
      for (const number of inode.dirty) {
        if (random.nextInt(3) === 0) {
          this.#settle(inode, number, inode.pages.get(number) ?? HOLE);
          inode.dirty.delete(number);
        }
      }
      if (random.nextInt(3) === 0) inode.deviceSize = inode.size;
    }
  }

  /** Puts the names of a directory on the device. */
  syncNames(directory: string, before: ReadonlySet<unknown>): void {
    this.#commit((change) => before.has(change) && (this.isJournalOrdered || dirname(change.path) === directory));
  }

  /** Removes a name as if it had never been. */
  forget(path: string): void {
    this.usedPages -= this.names.get(path)?.pages.size ?? 0;
    this.names.delete(path);
    this.#deviceNames.delete(path);
    this.#changes = this.#changes.filter((change) => change.path !== path && change.to !== path);
  }

  /** Changes of names that are not on the device. */
  get pendingNames(): ReadonlySet<unknown> {
    return new Set(this.#changes);
  }

  #commit(isDue: (change: NameChange) => boolean): void {
    const rest: NameChange[] = [];
    for (const change of this.#changes) {
      if (isDue(change)) apply(this.#deviceNames, change);
      else rest.push(change);
    }
    this.#changes = rest;
  }

  /** The kernel's memory is gone. */
  losePower(random: Random): void {
    const names = this.#deviceNames;
    const kept = this.isJournalOrdered ? random.nextInt(this.#changes.length + 1) : 0;
    this.#changes.forEach((change, i) => {
      if (this.isJournalOrdered ? i < kept : random.nextInt(2) === 0) apply(names, change);
    });
    this.#changes = [];
    this.names.clear();
    this.usedPages = 0;
    for (const [path, inode] of names) {
      this.names.set(path, inode);
      // With a name that comes back its folder does.
      for (let folder = dirname(path); folder !== '/' && folder !== '.'; folder = dirname(folder)) this.directories.add(folder);
      this.#loseCache(inode, random);
      this.usedPages += inode.pages.size;
    }
  }

  #loseCache(inode: Inode, random: Random): void {
    if (inode.deviceSize !== inode.size) inode.size = random.nextInt(2) === 0 ? inode.size : inode.deviceSize;
    const pages = new Map<number, Page>();
    const numbers = new Set([...inode.devicePages.keys(), ...inode.dirty, ...inode.inFlight.flatMap((flight) => [...flight.keys()])]);
    for (const number of numbers) {
      const page = this.#surviving(inode, number, random);
      const end = inode.size - number * PAGE;
      if (page.bytes === null || end <= 0) continue;
      const bytes = end < PAGE ? Buffer.concat([page.bytes.subarray(0, end)], PAGE) : page.bytes;
      pages.set(number, { bytes, version: ++this.#version, isShared: true });
    }
    inode.pages = pages;
    inode.devicePages = new Map(pages);
    inode.deviceSize = inode.size;
    inode.dirty.clear();
    inode.inFlight = [];
  }

  #surviving(inode: Inode, number: number, random: Random): Page {
    const versions = [inode.devicePages.get(number) ?? HOLE];
    for (const flight of inode.inFlight) {
      const page = flight.get(number);
      if (page !== undefined) versions.push(page);
    }
    if (inode.dirty.has(number)) versions.push(inode.pages.get(number) ?? HOLE);
    const oldest = versions[0]!;
    const fresh = versions.filter((page) => page.version > oldest.version);
    if (fresh.length === 0) return oldest;
    const luck = random.nextInt(4);
    const chosen = fresh[random.nextInt(fresh.length)]!;
    if (luck === 0) return oldest;
    if (luck < 3) return chosen;
    // Torn: each sector is old or new.
    const torn = Buffer.from(oldest.bytes ?? ZERO_PAGE);
    for (let at = 0; at < PAGE; at += SECTOR) {
      if (random.nextInt(2) === 0) (chosen.bytes ?? ZERO_PAGE).copy(torn, at, at, at + SECTOR);
    }
    return { bytes: torn, version: ++this.#version, isShared: true };
  }
}

function share(page: Page): Page {
  page.isShared = true;
  return page;
}

function sharedPages(pages: Map<number, Page>): Map<number, Page> {
  for (const page of pages.values()) page.isShared = true;
  return new Map(pages);
}

function apply(names: Map<string, Inode>, change: NameChange): void {
  if (change.kind === 'create') {
    names.set(change.path, change.inode);
  } else {
    if (names.get(change.path) === change.inode) names.delete(change.path);
    if (change.kind === 'rename') names.set(change.to, change.inode);
  }
}

/** Bytes of a page; zero for a hole. */
export function pageBytes(inode: Inode, number: number): Buffer {
  return inode.pages.get(number)?.bytes ?? ZERO_PAGE;
}

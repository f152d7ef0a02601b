import { join } from 'node:path';
import { StoreError } from '../../src/common/errors.js';
import type { Logger } from '../../src/common/logger.js';
import { nodeDisk } from './disk.js';
import type { Disk } from './types.js';

interface NativeLock {
  tryLock(fd: number, offset: number, length: number): boolean;
  unlock(fd: number, offset: number, length: number): void;
}

/** Loads the native part; null where it is missing. */
async function loadNative(): Promise<NativeLock | null> {
  try {
    const loaded = (await import('fs-native-extensions')) as { default?: NativeLock } & NativeLock;
    return loaded.default ?? loaded;
  } catch {
    return null;
  }
}

function lockedError(root: string, by: string): StoreError {
  return new StoreError(`store folder ${root} is in use by ${by}`, {
    code: 'STORE_LOCKED',
    hint: 'stop that broker, or set another storePathRootDir',
    context: { root },
  });
}

/**
 * Holds the store folder: an exclusive lock on byte 0 of `lock`, which Java's broker takes too, so that each refuses the other's folder.
 * Without the native part a pid file guards against our own brokers only.
 */
export class StoreLock {
  readonly #release: () => void;

  private constructor(release: () => void) {
    this.#release = release;
  }

  /** @throws StoreError when another process holds the folder. */
  static async acquire(root: string, options: { disk: Disk; logger: Logger; native?: 'auto' | 'none' }): Promise<StoreLock> {
    if (options.disk !== nodeDisk) {
      // A disk that exists only in a test has nobody to guard against.
      return new StoreLock(() => {});
    }
    const native = options.native === 'none' ? null : await loadNative();
    return native === null ? StoreLock.#byPid(root, options.disk, options.logger) : StoreLock.#byLock(root, options.disk, native);
  }

  static #byLock(root: string, disk: Disk, native: NativeLock): StoreLock {
    const fd = disk.openSync(join(root, 'lock'), { create: true });
    if (!native.tryLock(fd, 0, 1)) {
      disk.closeSync(fd);
      throw lockedError(root, 'another broker');
    }
    disk.writeSync(fd, Buffer.from('lock'), 0, 4, 0);
    return new StoreLock(() => {
      native.unlock(fd, 0, 1);
      disk.closeSync(fd);
    });
  }

  static #byPid(root: string, disk: Disk, logger: Logger): StoreLock {
    const path = join(root, 'lock.pid');
    logger.warn(
      `the native file lock is not available on this platform: ${path} keeps a second mqkit broker out of ${root}, but not an Apache broker`,
    );
    const holder = readPid(disk, path);
    if (holder !== null && holder !== process.pid && isAlive(holder)) {
      throw lockedError(root, `process ${holder}`);
    }
    const fd = disk.openSync(path, { create: true });
    const text = Buffer.from(`${process.pid}\n`);
    disk.ftruncateSync(fd, 0);
    disk.writeSync(fd, text, 0, text.length, 0);
    disk.closeSync(fd);
    return new StoreLock(() => {
      if (readPid(disk, path) === process.pid) {
        disk.unlinkSync(path);
      }
    });
  }

  release(): void {
    this.#release();
  }
}

function readPid(disk: Disk, path: string): number | null {
  const stat = disk.statSync(path);
  if (stat === null) {
    return null;
  }
  const buffer = Buffer.alloc(Math.min(stat.size, 32));
  const fd = disk.openSync(path);
  disk.readSync(fd, buffer, 0, buffer.length, 0);
  disk.closeSync(fd);
  const pid = Number.parseInt(buffer.toString('latin1'), 10);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

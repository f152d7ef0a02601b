import { diskErrorCode } from './disk.js';
import type { Disk } from './types.js';

/** A flush did not begin, because its file could not be opened: nothing is lost, and a later one will do. */
export class FlushNotBegunError extends Error {
  readonly code: string;

  constructor(cause: unknown) {
    super('the file cannot be opened for its flush', { cause });
    this.code = diskErrorCode(cause);
  }
}

interface OpenFile {
  fd: number;
  /** Asynchronous calls that use the descriptor now. */
  pins: number;
  closeWhenUnpinned: boolean;
}

/** Open files by path, bounded: the least recently used one that nothing waits for is closed first. */
export class FdCache {
  readonly #disk: Disk;
  readonly #limit: number;
  /** In order of use, the oldest first. */
  readonly #files = new Map<string, OpenFile>();

  constructor(disk: Disk, limit: number) {
    this.#disk = disk;
    this.#limit = limit;
  }

  /** Descriptor for reading and writing; valid until the next call of this object, longer only while pinned. */
  open(path: string, options?: { create?: boolean }): number {
    const known = this.#files.get(path);
    if (known !== undefined) {
      this.#files.delete(path);
      this.#files.set(path, known);
      return known.fd;
    }
    if (this.#files.size >= this.#limit) {
      this.#evict();
    }
    const fd = this.#disk.openSync(path, options);
    this.#files.set(path, { fd, pins: 0, closeWhenUnpinned: false });
    return fd;
  }

  /** Flushes a file in the background; the error is a `FlushNotBegunError` when it cannot be opened. */
  fdatasync(path: string, callback: (error: Error | null) => void): void {
    let fd: number;
    try {
      fd = this.open(path);
    } catch (error) {
      callback(new FlushNotBegunError(error));
      return;
    }
    const file = this.#files.get(path)!;
    file.pins++;
    this.#disk.fdatasync(fd, (error) => {
      file.pins--;
      if (file.pins === 0 && file.closeWhenUnpinned) {
        this.#disk.closeSync(file.fd);
      }
      callback(error);
    });
  }

  close(path: string): void {
    const file = this.#files.get(path);
    if (file !== undefined) {
      this.#files.delete(path);
      this.#release(file);
    }
  }

  closeAll(): void {
    for (const file of this.#files.values()) {
      this.#release(file);
    }
    this.#files.clear();
  }

  #release(file: OpenFile): void {
    if (file.pins > 0) {
      file.closeWhenUnpinned = true;
    } else {
      this.#disk.closeSync(file.fd);
    }
  }

  #evict(): void {
    for (const [path, file] of this.#files) {
      if (file.pins === 0) {
        this.#files.delete(path);
        this.#disk.closeSync(file.fd);
        return;
      }
    }
  }
}

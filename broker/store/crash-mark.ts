import { join } from 'node:path';
import { diskErrorCode, isOutOfSpace } from './disk.js';
import type { Disk } from './types.js';

/** Second line of `abort`: whose checkpoint it is. An Apache broker writes its own text, and recovers by existence only. */
const OWN_MARK = 'mqkit';
const ABORT_BYTES = 64;

/**
 * The file `abort`: while it exists, the store was not stopped in order. It must be there before anything is written; a store whose disk has no
 * room for it can be read.
 */
export class CrashMark {
  /** A kill or a power cut ended the last run. */
  readonly isLeft: boolean;
  /** That run was ours. */
  readonly isLeftByUs: boolean;
  readonly #path: string;
  readonly #disk: Disk;
  #isThere: boolean;

  constructor(root: string, disk: Disk) {
    this.#path = join(root, 'abort');
    this.#disk = disk;
    const text = this.#read();
    this.isLeft = text !== null;
    this.isLeftByUs = text?.includes(OWN_MARK) ?? false;
    this.#isThere = this.isLeft;
  }

  /** The next start will see a kill as one. */
  get isThere(): boolean {
    return this.#isThere;
  }

  #read(): string | null {
    const stat = this.#disk.statSync(this.#path);
    if (stat === null) {
      return null;
    }
    const buffer = Buffer.alloc(Math.min(stat.size, 256));
    this.#open(false, (fd) => this.#disk.readSync(fd, buffer, 0, buffer.length, 0));
    return buffer.toString('latin1');
  }

  #open(create: boolean, use: (fd: number) => void): void {
    const fd = this.#disk.openSync(this.#path, { create });
    try {
      use(fd);
    } finally {
      this.#disk.closeSync(fd);
    }
  }

  /** Makes sure that the mark of the last run is on the device: its writer may have died before that. */
  sync(): void {
    this.#open(false, (fd) => this.#disk.fdatasyncSync(fd));
  }

  /** Writes our mark; false when the disk is full. The first line is the process id, as in Apache's. */
  write(): boolean {
    try {
      this.#open(true, (fd) => {
        // One write of one length: a kill leaves the old text or the new one.
        const text = Buffer.from(`${process.pid}\n${OWN_MARK}\n`.padEnd(ABORT_BYTES - 1).concat('\n'));
        if (this.#disk.writeSync(fd, text, 0, text.length, 0) < text.length) {
          throw Object.assign(new Error(`${this.#path} was written in part`), { code: 'ENOSPC' });
        }
        // Were it lost with the power, the next start would believe the queues.
        this.#disk.fdatasyncSync(fd);
      });
      this.#isThere = true;
      return true;
    } catch (error) {
      if (!isOutOfSpace(error)) {
        throw error;
      }
      if (!this.#isThere) {
        this.#removeEmpty();
      }
      return false;
    }
  }

  /** An empty file that is not on the device would say one thing after a kill and another after a power cut. */
  #removeEmpty(): void {
    try {
      this.#disk.unlinkSync(this.#path);
    } catch (error) {
      if (diskErrorCode(error) !== 'ENOENT') {
        throw error;
      }
    }
  }

  /** The store was stopped in order. */
  remove(): void {
    if (this.#isThere) {
      this.#disk.unlinkSync(this.#path);
      this.#isThere = false;
    }
  }
}

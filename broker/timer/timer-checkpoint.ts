/*
 * `config/timercheck`: 4096 bytes, longs, the rest zero; its first 56 bytes are the answer to GET_TIMER_CHECK_POINT. Mirrors TimerCheckpoint.
 *
 * | 0  | lastReadTimeMs: every slot before this time is delivered                      |
 * | 8  | lastTimerLogFlushPos: the timer log before it is on the device                 |
 * | 16 | lastTimerQueueOffset: messages of the timer topic before it are in the log     |
 * | 24 | masterTimerQueueOffset: the same of the master; a master's own                 |
 * | 32 | dataVersion.stateVersion |
 * | 40 | dataVersion.timestamp    |
 * | 48 | dataVersion.counter      |
 */
import { dirname, join } from 'node:path';
import { getInt64, setInt64, viewOf } from '../../src/common/int64.js';
import type { Disk } from '../store/index.js';

const FILE_BYTES = 4096;
const CHECKPOINT_BYTES = 56;

/** What a checkpoint says. */
export interface TimerProgress {
  readTimeMs: number;
  logFlushPos: number;
  queueOffset: number;
}

export class TimerCheckpoint {
  readonly #path: string;
  readonly #disk: Disk;
  /** The last progress that was written; zeros before the first. */
  progress: TimerProgress = { readTimeMs: 0, logFlushPos: 0, queueOffset: 0 };
  #stateVersion = 0;
  #timestamp = 0;
  #counter = 0;

  constructor(root: string, disk: Disk) {
    this.#path = join(root, 'config', 'timercheck');
    this.#disk = disk;
  }

  /** Reads the file; false when there is none. */
  load(): boolean {
    const stat = this.#disk.statSync(this.#path);
    if (stat === null || stat.size < CHECKPOINT_BYTES) return false;
    const buffer = Buffer.alloc(CHECKPOINT_BYTES);
    const fd = this.#disk.openSync(this.#path);
    try {
      this.#disk.readSync(fd, buffer, 0, CHECKPOINT_BYTES, 0);
    } finally {
      this.#disk.closeSync(fd);
    }
    const view = viewOf(buffer);
    const long = (at: number): number => Math.max(0, getInt64(view, at));
    this.progress = { readTimeMs: long(0), logFlushPos: long(8), queueOffset: Math.min(long(16), long(24)) };
    this.#stateVersion = long(32);
    this.#timestamp = long(40);
    this.#counter = long(48);
    return this.progress.readTimeMs > 0;
  }

  /** The checkpoint as GET_TIMER_CHECK_POINT (60) sends it. */
  encode(): Buffer {
    return this.#encode(this.progress, CHECKPOINT_BYTES);
  }

  #encode(progress: TimerProgress, bytes: number): Buffer {
    const buffer = Buffer.alloc(bytes);
    const view = viewOf(buffer);
    setInt64(view, 0, progress.readTimeMs);
    setInt64(view, 8, progress.logFlushPos);
    setInt64(view, 16, progress.queueOffset);
    setInt64(view, 24, progress.queueOffset);
    setInt64(view, 32, this.#stateVersion);
    setInt64(view, 40, this.#timestamp);
    setInt64(view, 48, this.#counter);
    return buffer;
  }

  /** Writes the file; it is on the device when `callback` is called, or (without one) when this returns. Throws what the disk throws. */
  save(progress: TimerProgress, nowMs: number, callback?: (error: Error | null) => void): void {
    this.#timestamp = nowMs;
    this.#counter++;
    this.#disk.mkdirSync(dirname(this.#path));
    const fd = this.#disk.openSync(this.#path, { create: true });
    let isPending = false;
    try {
      const bytes = this.#encode(progress, FILE_BYTES);
      for (let done = 0; done < FILE_BYTES; ) done += this.#disk.writeSync(fd, bytes, done, FILE_BYTES - done, done);
      if (callback === undefined) {
        this.#disk.fdatasyncSync(fd);
        this.progress = progress;
        return;
      }
      isPending = true;
      this.#disk.fdatasync(fd, (error) => {
        this.#disk.closeSync(fd);
        if (error === null) this.progress = progress;
        callback(error);
      });
    } finally {
      if (!isPending) this.#disk.closeSync(fd);
    }
  }
}

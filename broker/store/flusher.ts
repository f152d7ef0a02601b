import type { CommitLog } from './commit-log.js';

/** Unit of the keys that count pages. */
const PAGE_BYTES = 4096;

/** What a flush that succeeded covers. */
export type FlushedListener = (flushedWhere: number, storeTimestamp: number) => void;

/**
 * Puts the commit log on the device: one fdatasync at a time, in the thread pool. It covers everything that was written when it
 * began, so that it serves all who wait; the next one begins at once when more was asked for meanwhile (group commit).
 */
export class Flusher {
  /** Everything below is on the device. */
  flushedWhere = 0;
  flushes = 0;
  failures = 0;
  /** Called after each flush that covered something new. */
  onFlushed: FlushedListener = () => {};
  /** Called when the device refused; nothing of that flush counts. */
  onFailed: (error: Error) => void = () => {};

  readonly #log: CommitLog;
  readonly #storeTimestampOfEnd: () => number;
  #isRunning = false;
  #isWanted = false;
  #thoroughMs = 0;
  #idleWaiters: (() => void)[] = [];

  constructor(log: CommitLog, storeTimestampOfEnd: () => number) {
    this.#log = log;
    this.#storeTimestampOfEnd = storeTimestampOfEnd;
  }

  /** Asks for a flush when it is worth one: enough pages or the end of a file are new, or the last look at everything is long ago. */
  poll(nowMs: number, { leastPages, thoroughMs }: { leastPages: number; thoroughMs: number }): void {
    const { files, writtenWhere } = this.#log;
    const pages = Math.floor(writtenWhere / PAGE_BYTES) - Math.floor(this.flushedWhere / PAGE_BYTES);
    const isFileFull = files.startOf(writtenWhere) > this.flushedWhere;
    if (nowMs >= this.#thoroughMs + thoroughMs) {
      this.#thoroughMs = nowMs;
    } else if (pages < leastPages && !isFileFull) {
      return;
    }
    this.request();
  }

  /** Asks for a flush of everything written until now. */
  request(): void {
    if (this.#log.writtenWhere <= this.flushedWhere || this.#log.isRewriteNeeded) {
      return;
    }
    if (this.#isRunning) {
      this.#isWanted = true;
      return;
    }
    this.#isRunning = true;
    this.#isWanted = false;
    const target = this.#log.writtenWhere;
    const storeTimestamp = this.#storeTimestampOfEnd();
    const starts = this.#log.files.startsBetween(this.flushedWhere, target);
    const isDirectoryDirty = this.#log.isDirectoryDirty;
    this.#log.isDirectoryDirty = false;
    this.#syncFiles(starts, 0, (error) => {
      if (error !== null || !isDirectoryDirty) {
        this.#done(error, target, storeTimestamp, isDirectoryDirty);
      } else {
        this.#log.files.syncDirectory((directoryError) => this.#done(directoryError, target, storeTimestamp, true));
      }
    });
  }

  /** Resolves when no flush is under way. */
  idle(): Promise<void> {
    return this.#isRunning ? new Promise((resolve) => this.#idleWaiters.push(resolve)) : Promise.resolve();
  }

  #syncFiles(starts: readonly number[], at: number, callback: (error: Error | null) => void): void {
    const start = starts[at];
    if (start === undefined) {
      callback(null);
      return;
    }
    this.#log.files.fdatasync(start, (error) => {
      if (error !== null) {
        callback(error);
      } else {
        this.#syncFiles(starts, at + 1, callback);
      }
    });
  }

  #done(error: Error | null, target: number, storeTimestamp: number, wasDirectoryDirty: boolean): void {
    this.#isRunning = false;
    if (error !== null || this.#log.isRewriteNeeded) {
      this.failures++;
      this.#log.isDirectoryDirty ||= wasDirectoryDirty;
      // The kernel may have dropped the pages it could not write: asking again would succeed without them.
      this.#log.isRewriteNeeded = true;
      this.onFailed(error ?? new Error('another flush of the file failed'));
    } else {
      this.flushes++;
      this.flushedWhere = target;
      this.onFlushed(target, storeTimestamp);
      if (this.#isWanted) {
        this.request();
      }
    }
    if (!this.#isRunning) {
      for (const resolve of this.#idleWaiters.splice(0)) {
        resolve();
      }
    }
  }
}

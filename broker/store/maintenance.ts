import { dirname } from 'node:path';
import type { Logger } from '../../src/common/logger.js';
import type { Checkpoint } from './checkpoint.js';
import { diskErrorCode } from './disk.js';
import type { IndexService } from './index-service.js';
import { CHECKPOINT_INTERVAL_MS, CHECKPOINT_PAUSE_FACTOR, DISK_CHECK_MS } from './limits.js';
import type { TopicTable } from './topic-table.js';
import type { Disk, StoreConfig } from './types.js';

/** What the background work asks of the store. */
export interface MaintenanceHost {
  readonly config: StoreConfig;
  /** Monotonic, ms. */
  nowMs(): number;
  /** Store time of the last dispatched message; 0 when nothing is. */
  lastDispatchedTimestamp(): number;
  /** Called when queues or index cannot be written, and with null when they can again. */
  onDerivedError(error: unknown): void;
  /** Called with the used part of the disk, 0..1, or −1. */
  onDiskUsed(ratio: number): void;
  flushCommitLog(): void;
  prepareNextFile(): void;
}

/**
 * Work that is due now and then: writing queues and index out, flushing, the checkpoint, the look at free space. Driven by one timer; each
 * job keeps its own due time.
 */
export class Maintenance {
  readonly #host: MaintenanceHost;
  readonly #topics: TopicTable;
  readonly #index: IndexService | null;
  readonly #checkpoint: Checkpoint;
  readonly #disk: Disk;
  readonly #logPath: string;
  readonly #logger: Logger;
  #nextFlushMs = 0;
  #nextQueueMs = 0;
  #nextCheckpointMs = 0;
  #nextDiskMs = 0;
  #isPassRunning = false;
  /** Start of the pass that runs, and how long the last one took. */
  #passStartMs = 0;
  #passMs = 0;
  #isDerivedBroken = false;

  constructor(options: {
    host: MaintenanceHost;
    topics: TopicTable;
    index: IndexService | null;
    checkpoint: Checkpoint;
    disk: Disk;
    logPath: string;
    logger: Logger;
  }) {
    this.#host = options.host;
    this.#topics = options.topics;
    this.#index = options.index;
    this.#checkpoint = options.checkpoint;
    this.#disk = options.disk;
    this.#logPath = options.logPath;
    this.#logger = options.logger;
  }

  /** Does what is due. */
  tick(nowMs: number): void {
    const config = this.#host.config;
    if (nowMs >= this.#nextFlushMs) {
      this.#nextFlushMs = nowMs + config.flushIntervalCommitLog;
      this.#host.prepareNextFile();
      this.#host.flushCommitLog();
    }
    if (nowMs >= this.#nextQueueMs) {
      this.#nextQueueMs = nowMs + config.flushIntervalConsumeQueue;
      this.writeDerived();
    }
    this.#sealIndex();
    if (nowMs >= this.#nextCheckpointMs) {
      const pauseMs = Math.max(CHECKPOINT_INTERVAL_MS, this.#passMs * CHECKPOINT_PAUSE_FACTOR);
      this.#nextCheckpointMs = nowMs + Math.min(config.flushConsumeQueueThoroughInterval, pauseMs);
      this.#checkpointPass(nowMs);
    }
    if (nowMs >= this.#nextDiskMs) {
      this.#nextDiskMs = nowMs + DISK_CHECK_MS;
      this.checkDisk();
    }
  }

  /** Puts queues and index into the kernel. True when all could be written. */
  writeDerived(): boolean {
    try {
      this.#topics.writeOut();
      this.#index?.writeOut();
    } catch (error) {
      this.derivedError(error);
      return false;
    }
    if (this.#isDerivedBroken) {
      this.#isDerivedBroken = false;
      this.#logger.info('consume queues and index can be written again');
      this.#host.onDerivedError(null);
    }
    return true;
  }

  derivedError(error: unknown): void {
    if (!this.#isDerivedBroken) {
      this.#isDerivedBroken = true;
      this.#logger.error(`consume queues or index cannot be written (${diskErrorCode(error)}); sends are refused until they can`);
    }
    this.#host.onDerivedError(error);
  }

  #sealIndex(): void {
    try {
      this.#index?.sealStep();
    } catch (error) {
      this.derivedError(error);
    }
  }

  /** Puts queues and index on the device, one file after the other in the thread pool, then says so in the checkpoint. */
  #checkpointPass(nowMs: number): void {
    if (this.#isPassRunning) {
      return;
    }
    this.#passStartMs = nowMs;
    // Every message up to this time is in the queues' memory now, so it is on the device when the pass is over.
    const timestamp = this.#host.lastDispatchedTimestamp();
    if (!this.writeDerived()) {
      return;
    }
    this.#isPassRunning = true;
    const files = this.#topics.takeUnsynced();
    let at = 0;
    const next = (error: Error | null): void => {
      if (error !== null) {
        for (const rest of files.slice(Math.max(0, at - 1))) {
          rest.queue.unsyncedFiles.add(rest.start);
        }
        this.#isPassRunning = false;
        this.#logger.warn(`consume queues could not be flushed (${diskErrorCode(error)}); the next pass tries again`);
        return;
      }
      const file = files[at++];
      if (file === undefined) {
        this.#indexPass(timestamp);
      } else if (file.files.has(file.start)) {
        file.files.fdatasync(file.start, next);
      } else {
        next(null);
      }
    };
    next(null);
  }

  #indexPass(timestamp: number): void {
    const done = (error: Error | null): void => {
      this.#isPassRunning = false;
      this.#passMs = this.#host.nowMs() - this.#passStartMs;
      if (error === null && timestamp > 0) {
        this.#checkpoint.logicsMsgTimestamp = timestamp;
      }
      this.saveCheckpoint();
    };
    if (this.#index === null) {
      done(null);
    } else {
      this.#index.fdatasync(done);
    }
  }

  /** Writes and flushes everything for an orderly stop; false when something could not be. */
  async close(): Promise<boolean> {
    while (this.#isPassRunning) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!this.writeDerived()) {
      return false;
    }
    try {
      this.#index?.close();
    } catch (error) {
      this.derivedError(error);
      return false;
    }
    const timestamp = this.#host.lastDispatchedTimestamp();
    for (const file of this.#topics.takeUnsynced()) {
      if (file.files.has(file.start) && (await flushed((callback) => file.files.fdatasync(file.start, callback))) !== null) {
        return false;
      }
    }
    const index = this.#index;
    if (index !== null && (await flushed((callback) => index.fdatasync(callback))) !== null) {
      return false;
    }
    if (timestamp > 0) {
      this.#checkpoint.physicMsgTimestamp = timestamp;
      this.#checkpoint.logicsMsgTimestamp = timestamp;
    }
    this.saveCheckpoint();
    return true;
  }

  saveCheckpoint(): void {
    try {
      this.#checkpoint.save();
    } catch (error) {
      this.#logger.warn(`the checkpoint could not be written (${diskErrorCode(error)}); a later one will do`);
    }
  }

  /** Looks at the free space. */
  checkDisk(): void {
    let ratio = -1;
    try {
      const space = spaceOf(this.#disk, this.#logPath);
      const total = space.usedBytes + space.availableBytes;
      ratio = total > 0 ? space.usedBytes / total : -1;
    } catch (error) {
      this.#logger.warn(`the free space of ${this.#logPath} cannot be read (${diskErrorCode(error)})`);
    }
    this.#host.onDiskUsed(ratio);
  }
}

/** Space of the file system a path lies on, or will lie on: the folder of a new commit log is made with its first file. */
function spaceOf(disk: Disk, path: string): ReturnType<Disk['statfsSync']> {
  for (let at = path; ; at = dirname(at)) {
    try {
      return disk.statfsSync(at);
    } catch (error) {
      if (diskErrorCode(error) !== 'ENOENT' || at === dirname(at)) {
        throw error;
      }
    }
  }
}

function flushed(start: (callback: (error: Error | null) => void) => void): Promise<Error | null> {
  return new Promise((resolve) => start(resolve));
}

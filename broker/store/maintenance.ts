import type { Clock } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import type { Checkpoint, DerivedSummary } from './checkpoint.js';
import { diskErrorCode } from './disk.js';
import { FlushNotBegunError } from './fd-cache.js';
import type { IndexService } from './index-service.js';
import { CHECKPOINT_INTERVAL_MS, CHECKPOINT_PAUSE_FACTOR, CLEAN_SLICE_MS, DISK_CHECK_MS, QUEUE_FLUSHES } from './limits.js';
import type { AnyQueue, TopicTable } from './topic-table.js';
import type { StoreConfig } from './types.js';

/** What the background work asks of the store. */
export interface MaintenanceHost {
  readonly config: StoreConfig;
  /** Store time of the last dispatched message; 0 when nothing is. */
  lastDispatchedTimestamp(): number;
  /** End of the last dispatched record. */
  dispatchedTo(): number;
  /** Called when queues or index cannot be written, and with null when they can again. */
  onDerivedError(error: unknown): void;
  /** Called when queues or index could not be put on the device. */
  onDerivedFlushFailed(): void;
  checkDisk(): void;
  flushCommitLog(nowMs: number): void;
  prepareNextFile(): void;
}

/**
 * Work that is due now and then: writing queues and index out, flushing, the checkpoint, the look at free space. Driven by one timer; each
 * job keeps its own due time. A store has thousands of queues, so what passes over them goes in steps of a few milliseconds.
 */
export class Maintenance {
  readonly #host: MaintenanceHost;
  readonly #topics: TopicTable;
  readonly #index: IndexService | null;
  readonly #checkpoint: Checkpoint;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #nextFlushMs = 0;
  #nextQueueMs = 0;
  #nextCheckpointMs = 0;
  #nextDiskMs = 0;
  #isWritingQueues = false;
  #isPassRunning = false;
  /** Start of the pass that runs, and how long the last one took. */
  #passStartMs = 0;
  #passMs = 0;
  #isDerivedBroken = false;
  /** A flush of queues or index failed since all of them last succeeded. */
  #isFlushFailing = false;
  /** Units that a flush failed to put on the device are no longer there: only the next recovery makes them again. */
  #isFlushLost = false;
  #isLossLogged = false;

  constructor(options: {
    host: MaintenanceHost;
    topics: TopicTable;
    index: IndexService | null;
    checkpoint: Checkpoint;
    clock: Clock;
    logger: Logger;
  }) {
    this.#host = options.host;
    this.#topics = options.topics;
    this.#index = options.index;
    if (options.index !== null) {
      options.index.onFlushFailed = (error) => this.#flushFailed(error);
    }
    this.#checkpoint = options.checkpoint;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Does what is due. */
  tick(nowMs: number): void {
    const config = this.#host.config;
    if (nowMs >= this.#nextFlushMs) {
      this.#nextFlushMs = nowMs + config.flushIntervalCommitLog;
      this.#host.prepareNextFile();
      this.#host.flushCommitLog(nowMs);
    }
    if (nowMs >= this.#nextQueueMs) {
      this.#nextQueueMs = nowMs + config.flushIntervalConsumeQueue;
      this.#isWritingQueues = true;
    }
    if (this.#isWritingQueues) {
      this.#isWritingQueues = !this.#writeSlice();
    }
    this.#sealIndex();
    if (nowMs >= this.#nextCheckpointMs) {
      const pauseMs = Math.max(CHECKPOINT_INTERVAL_MS, this.#passMs * CHECKPOINT_PAUSE_FACTOR);
      this.#nextCheckpointMs = nowMs + Math.min(config.flushConsumeQueueThoroughInterval, pauseMs);
      this.#checkpointPass(nowMs);
    }
    if (nowMs >= this.#nextDiskMs) {
      this.#nextDiskMs = nowMs + DISK_CHECK_MS;
      this.#host.checkDisk();
    }
  }

  /** Puts index and some of the queues into the kernel; true when none is left, or the disk refuses. */
  #writeSlice(): boolean {
    if (this.#isDerivedBroken) {
      this.writeDerived();
      return true;
    }
    const untilMs = this.#clock.monotonicMs() + CLEAN_SLICE_MS;
    try {
      this.#index?.writeOut();
      return this.#topics.writeSome(() => this.#clock.monotonicMs() <= untilMs);
    } catch (error) {
      this.derivedError(error);
      return true;
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

  /** Puts queues and index on the device, in the thread pool, then says so in the checkpoint. */
  #checkpointPass(nowMs: number): void {
    if (this.#isPassRunning) {
      return;
    }
    this.#passStartMs = nowMs;
    // Every message up to this time is in the queues' memory now, so it is on the device when the pass is over.
    const timestamp = this.#host.lastDispatchedTimestamp();
    const { era } = this.#checkpoint;
    const summary = this.#summary();
    const { removals } = this.#topics;
    this.#isPassRunning = true;
    this.#flushQueues(this.#topics.takeToFlush(), (error) => {
      if (error === null) {
        this.#indexPass({ timestamp, era, summary, removals });
        return;
      }
      this.#isPassRunning = false;
      this.saveCheckpoint();
    });
  }

  /** Writes and flushes queues, a few at a time; those that fail are listed again. */
  #flushQueues(queues: readonly AnyQueue[], callback: (error: unknown) => void): void {
    let at = 0;
    let failure: unknown = null;
    // Under SYNC_FLUSH sends wait for the same device.
    const isShared = this.#host.config.flushDiskType === 'SYNC_FLUSH' && this.#isPassRunning;
    let lanes = Math.max(1, Math.min(isShared ? 1 : QUEUE_FLUSHES, queues.length));
    const step = (): void => {
      while (queues[at]?.isDeleted === true) {
        at++;
      }
      const queue = failure === null ? queues[at++] : undefined;
      if (queue !== undefined) {
        this.#flushQueue(queue, (error) => {
          if (error !== null) {
            failure ??= error;
            this.#topics.markDirty(queue);
          }
          step();
        });
        return;
      }
      if (--lanes === 0) {
        for (const rest of failure === null ? [] : queues.slice(at)) {
          this.#topics.markDirty(rest);
        }
        callback(failure);
      }
    };
    for (let lane = lanes; lane > 0; lane--) {
      step();
    }
  }

  #flushQueue(queue: AnyQueue, callback: (error: unknown) => void): void {
    try {
      queue.writeOut();
    } catch (error) {
      this.derivedError(error);
      callback(error);
      return;
    }
    try {
      if (queue.isRewriteNeeded && !queue.rewriteUnsynced()) {
        this.#isFlushLost = true;
      }
    } catch (error) {
      this.#flushFailed(error);
      callback(error);
      return;
    }
    const flush = queue.beginFlush();
    const starts = [...queue.unsyncedFiles];
    queue.unsyncedFiles.clear();
    const next = (): void => {
      const start = starts.pop();
      if (start === undefined) {
        queue.endFlush(flush);
        callback(null);
      } else if (queue.isDeleted || !queue.files.has(start)) {
        next();
      } else {
        queue.files.fdatasync(start, (error) => {
          if (error === null) {
            next();
            return;
          }
          for (const again of [start, ...starts]) {
            queue.unsyncedFiles.add(again);
          }
          queue.isRewriteNeeded ||= !(error instanceof FlushNotBegunError);
          this.#flushFailed(error);
          callback(error);
        });
      }
    };
    next();
  }

  #summary(): DerivedSummary {
    const index = this.#index?.summary() ?? { indexEntries: -1, indexOffsets: 0, expiredTo: 0 };
    return { where: this.#host.dispatchedTo(), ...this.#topics.unitSums(), ...index };
  }

  #indexPass(pass: { timestamp: number; era: number; summary: DerivedSummary; removals: number }): void {
    const { timestamp, era, summary, removals } = pass;
    const done = (error: Error | null): void => {
      this.#isPassRunning = false;
      this.#passMs = this.#clock.monotonicMs() - this.#passStartMs;
      if (error !== null) {
        this.#flushFailed(error);
      } else if (this.#noteFlushed() && timestamp > 0 && era === this.#checkpoint.era) {
        this.#checkpoint.logicsMsgTimestamp = timestamp;
        this.#checkpoint.summary = removals === this.#topics.removals ? summary : null;
        this.#checkpoint.walkFrom = -1;
      }
      this.saveCheckpoint();
    };
    if (this.#index === null) {
      done(null);
      return;
    }
    try {
      this.#index.writeOut();
    } catch (error) {
      this.#isPassRunning = false;
      this.derivedError(error);
      return;
    }
    this.#index.fdatasync(done);
  }

  #flushFailed(error: unknown): void {
    this.#host.onDerivedFlushFailed();
    if (!this.#isFlushFailing) {
      this.#isFlushFailing = true;
      this.#logger.error(
        `consume queues or index could not be flushed (${diskErrorCode(error)}); trying again, and until it works no commit log file is removed`,
      );
    }
  }

  /** The flushes of a pass all succeeded; false when what one before should have put on the device is gone. */
  #noteFlushed(): boolean {
    const isLost = this.#isFlushLost || this.#index?.isFlushLost === true;
    if (isLost && !this.#isLossLogged) {
      this.#isLossLogged = true;
      this.#logger.error(
        'the disk has lost parts of consume queues or index: no commit log file is removed any more; restart the broker when the disk is well, it makes them anew',
      );
    } else if (!isLost && this.#isFlushFailing) {
      this.#isFlushFailing = false;
      this.#logger.info('consume queues and index can be flushed again');
    }
    return !isLost;
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
    const queues = this.#topics.takeToFlush();
    if ((await flushed((callback) => this.#flushQueues(queues, callback))) !== null) {
      return false;
    }
    const index = this.#index;
    if (index !== null && (await flushed((callback) => index.fdatasync(callback))) !== null) {
      return false;
    }
    if (!this.#noteFlushed()) {
      return false;
    }
    if (timestamp > 0) {
      this.#checkpoint.physicMsgTimestamp = timestamp;
      this.#checkpoint.logicsMsgTimestamp = timestamp;
    }
    this.#checkpoint.summary = this.#summary();
    this.#checkpoint.walkFrom = -1;
    // On the device: the next start compares it with what it finds.
    return this.saveCheckpoint(true);
  }

  saveCheckpoint(isDurable = false): boolean {
    try {
      this.#checkpoint.save(isDurable);
      return true;
    } catch (error) {
      this.#logger.warn(`the checkpoint could not be written (${diskErrorCode(error)}); a later one will do`);
      return false;
    }
  }
}

function flushed(start: (callback: (error: unknown) => void) => void): Promise<unknown> {
  return new Promise((resolve) => start(resolve));
}

import type { Clock } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import { diskErrorCode } from './disk.js';
import type { FileSeries } from './file-series.js';
import type { IndexService } from './index-service.js';
import { CLEAN_CLOSE_MS, CLEAN_SLICE_MS } from './limits.js';
import { correctMinOffset } from './queue-bounds.js';
import type { TopicTable } from './topic-table.js';
import type { Disk, StoreConfig } from './types.js';
import { newUnitRun, type UnitQueue, unitOffset } from './unit-queue.js';

/**
 * Follows the commit log when its first files go: removes index and queue files that only speak of removed records. Passes over all queues
 * in small steps, one pass each time the log's first offset moved, and one after the start, as a kill may have interrupted the last.
 */
export class DerivedCleaner {
  /** Files removed since the store was opened. */
  removedQueueFiles = 0;
  removedIndexFiles = 0;
  readonly #config: StoreConfig;
  readonly #log: FileSeries;
  readonly #topics: TopicTable;
  readonly #index: IndexService | null;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #safeWhere: () => number;
  readonly #removedWhere: () => number;
  readonly #run = newUnitRun();
  /** `removedWhere` of the last finished pass. */
  #doneFor = -1;
  #passFor = -1;
  #queues: Iterator<UnitQueue> | null = null;
  #nextMs = 0;

  constructor(options: {
    config: StoreConfig;
    log: FileSeries;
    topics: TopicTable;
    index: IndexService | null;
    disk: Disk;
    clock: Clock;
    logger: Logger;
    /** The commit log and its queues are on the device up to this commit log offset. */
    safeWhere: () => number;
    /** See `Retention.removedWhere`. */
    removedWhere: () => number;
  }) {
    this.#config = options.config;
    this.#log = options.log;
    this.#topics = options.topics;
    this.#index = options.index;
    this.#disk = options.disk;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#safeWhere = options.safeWhere;
    this.#removedWhere = options.removedWhere;
  }

  /** Goes on for a few milliseconds. */
  tick(nowMs: number): void {
    if (this.#queues === null) {
      const removedWhere = this.#removedWhere();
      if (removedWhere === this.#doneFor) {
        return;
      }
      this.#passFor = removedWhere;
      this.#queues = this.#topics.all();
      this.#cleanIndex();
    }
    const untilMs = this.#clock.monotonicMs() + CLEAN_SLICE_MS;
    while (nowMs >= this.#nextMs && this.#clock.monotonicMs() <= untilMs) {
      const next = this.#queues.next();
      if (next.done === true) {
        this.endPass();
        return;
      }
      if (this.#clean(next.value)) {
        this.#nextMs = nowMs + this.#config.deleteConsumeQueueFilesInterval;
      }
    }
  }

  /** Goes on to the end, without pauses: another broker that opens the store may look at a queue's first file only. */
  finish(): void {
    this.#nextMs = Number.NEGATIVE_INFINITY;
    const untilMs = this.#clock.monotonicMs() + CLEAN_CLOSE_MS;
    while (this.#removedWhere() !== this.#doneFor && this.#clock.monotonicMs() <= untilMs) {
      this.tick(Number.MAX_SAFE_INTEGER);
      this.#nextMs = Number.NEGATIVE_INFINITY;
    }
  }

  /** Leaves the rest of a pass to the one after the next removal. */
  endPass(): void {
    this.#queues = null;
    this.#doneFor = this.#passFor;
  }

  /** Removes what a queue no longer needs; true when that was something. */
  #clean(queue: UnitQueue): boolean {
    const { files } = queue;
    correctMinOffset(queue, this.#log.minOffset);
    let isCleaned = false;
    while (files.starts.length > 1 && this.#isBehind(queue, files.minOffset) && this.#isOnDevice(queue, files.starts[1]!)) {
      const path = files.pathOf(files.minOffset);
      queue.unsyncedFiles.delete(files.minOffset);
      files.removeOldest((error) => this.#noteFailure(path, error));
      this.removedQueueFiles++;
      isCleaned = true;
    }
    return isCleaned;
  }

  /** Whether even the last unit of the file that starts at byte `start` points before the log's first file. */
  #isBehind(queue: UnitQueue, start: number): boolean {
    const last = (start + queue.files.fileSize) / queue.unitBytes - 1;
    return queue.unit(last, this.#run) && queue.isUnit(this.#run.view, this.#run.position) && this.#offset() < this.#passFor;
  }

  /** Whether the file that starts at byte `start` has a unit that no crash takes: without any the queue would forget where it ends. */
  #isOnDevice(queue: UnitQueue, start: number): boolean {
    const isThere = queue.unit(start / queue.unitBytes, this.#run) && queue.isUnit(this.#run.view, this.#run.position);
    return isThere && this.#offset() < this.#safeWhere();
  }

  #offset(): number {
    return unitOffset(this.#run.view, this.#run.position);
  }

  #cleanIndex(): void {
    for (const path of this.#index?.takeExpired(this.#passFor) ?? []) {
      this.removedIndexFiles++;
      this.#disk.unlink(path, (error) => this.#noteFailure(path, error));
    }
  }

  /** A file that stays is found again by the next start. */
  #noteFailure(path: string, error: Error | null): void {
    if (error !== null && diskErrorCode(error) !== 'ENOENT') {
      this.#logger.warn(`${path} cannot be deleted (${diskErrorCode(error)}); the next start tries again`);
    }
  }
}

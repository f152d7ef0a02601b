import { join } from 'node:path';
import type { CommitLog } from './commit-log.js';
import { DerivedCleaner } from './derived-cleaner.js';
import { diskErrorCode } from './disk.js';
import { DiskWatch } from './disk-watch.js';
import { FileWarmer } from './file-warmer.js';
import { WRITE_RETRY_MS } from './limits.js';
import { Retention } from './retention.js';
import { logDirectory, type StoreParts } from './store-open.js';
import { Block, type WritePath } from './write-path.js';

/** Time after a file went in which a write that was refused before says nothing. */
const ROOM_PAUSE_MS = 2 * WRITE_RETRY_MS;

/** The store's files as a whole: room on the disk, files made in advance, files that may go. */
export class Housekeeping {
  readonly disk: DiskWatch;
  readonly #parts: StoreParts;
  readonly #log: CommitLog;
  readonly #write: WritePath;
  readonly #retention: Retention;
  readonly #cleaner: DerivedCleaner;
  readonly #warmer: FileWarmer;
  #nextMarkMs = 0;
  /** When a file went last. */
  #roomMs = Number.NEGATIVE_INFINITY;
  #canWarm = true;

  constructor(parts: StoreParts, log: CommitLog, write: WritePath) {
    const { config, disk, clock, logger, files, topics, index } = parts;
    this.#parts = parts;
    this.#log = log;
    this.#write = write;
    this.disk = new DiskWatch({
      config,
      disk,
      paths: [logDirectory(config), join(config.storePathRootDir, 'consumequeue')],
      onUnreadable: (path, code) => logger.warn(`the free space of ${path} cannot be read (${code})`),
    });
    const host = {
      config,
      safeWhere: () => this.#safeWhere,
      secureDerived: () => this.#secureDerived(),
      // A quota can end what the file system seems to have left; a file that went may be enough.
      diskLevel: () => (this.#isOutOfSpace && clock.monotonicMs() > this.#roomMs + ROOM_PAUSE_MS ? 'full' : this.disk.level),
      diskPercent: () => this.disk.percent,
      checkDisk: () => {
        this.#roomMs = clock.monotonicMs();
        this.checkDisk();
      },
    } as const;
    this.#retention = new Retention({ host, files, disk, clock, logger });
    const safeWhere = (): number => this.#safeWhere;
    const removedWhere = (): number => this.#retention.removedWhere;
    this.#cleaner = new DerivedCleaner({ config, log: files, topics, index, disk, clock, logger, safeWhere, removedWhere });
    this.#warmer = new FileWarmer(log);
    if (!parts.mark.isThere) {
      write.blocks |= Block.NOT_MARKED;
      logger.error(`the disk of ${config.storePathRootDir} is full: sends are refused until there is room, messages can be consumed`);
    }
  }

  /** Everything below is on the device, in the queues and in the index too. */
  get #safeWhere(): number {
    const { flusher, dispatchedTo } = this.#write;
    return Math.min(flusher.flushedWhere, dispatchedTo, this.#derivedWhere);
  }

  /**
   * Queues and index are on the device up to here: a queue whose messages are all gone has its end nowhere else. While flushes of them fail
   * the checkpoint stays where it is, and nothing is removed.
   */
  get #derivedWhere(): number {
    const { summary, walkFrom } = this.#parts.checkpoint;
    // What a recovery cut back and made anew is not there before the first checkpoint.
    return walkFrom >= 0 ? walkFrom : (summary?.where ?? 0);
  }

  /** An older checkpoint, which a power cut could bring back, would speak of records that are gone: queues and index would be made anew. */
  #secureDerived(): void {
    try {
      this.#parts.checkpoint.save(true);
    } catch (error) {
      this.#parts.logger.warn(`the checkpoint could not be written (${diskErrorCode(error)}); a later one will do`);
    }
  }

  get #isOutOfSpace(): boolean {
    const { blocks, lastErrorCode } = this.#write;
    const isFailing = (blocks & (Block.WRITE_ERROR | Block.DERIVED_ERROR)) !== 0;
    return (blocks & Block.NOT_MARKED) !== 0 || (isFailing && (lastErrorCode === 'ENOSPC' || lastErrorCode === 'EDQUOT'));
  }

  /** Looks at the free space, and takes or refuses sends accordingly. */
  checkDisk(): void {
    const { disk } = this;
    disk.check();
    const isFull = disk.level === 'full';
    const wasFull = (this.#write.blocks & Block.DISK_FULL) !== 0;
    if (isFull === wasFull) {
      return;
    }
    if (isFull) {
      this.#write.blocks |= Block.DISK_FULL;
      this.#parts.logger.error(`the disk is ${disk.percent} % full, sends are refused above ${disk.warningPercent} %`);
    } else {
      this.#write.blocks &= ~Block.DISK_FULL;
      this.#parts.logger.info(`the disk is ${disk.percent} % full again, sends are taken`);
    }
  }

  /** Does what is due. */
  tick(nowMs: number): void {
    this.#clean(nowMs);
    if ((this.#write.blocks & Block.NOT_MARKED) !== 0 && nowMs >= this.#nextMarkMs) {
      this.#nextMarkMs = nowMs + WRITE_RETRY_MS;
      this.#markAgain();
    }
    if (this.#parts.config.warmMapedFileEnable && this.#canWarm && this.#write.blocks === 0) {
      this.#warm();
    }
  }

  /** A disk that cannot be read keeps its files a little longer. */
  #clean(nowMs: number): void {
    try {
      this.#retention.tick(nowMs);
      this.#parts.topics.commitLogMin = this.#log.minOffset;
      this.#cleaner.tick(nowMs);
    } catch (error) {
      this.#retention.endRound();
      this.#cleaner.endPass();
      this.#parts.logger.warn(`the clean-up of the store stopped (${diskErrorCode(error)}); the next round goes on`);
    }
  }

  /** The store opened on a full disk: it is written to once `abort` says so. */
  #markAgain(): void {
    const { mark, logger, config } = this.#parts;
    try {
      if (mark.write()) {
        this.#write.blocks &= ~Block.NOT_MARKED;
        logger.info(`the disk of ${config.storePathRootDir} has room again, sends are taken`);
      }
    } catch (error) {
      logger.warn(`${config.storePathRootDir} cannot be written (${diskErrorCode(error)}); sends stay refused`);
    }
  }

  #warm(): void {
    try {
      this.#warmer.step();
    } catch (error) {
      this.#canWarm = false;
      this.#parts.logger.warn(`commit log files are no longer warmed up (${diskErrorCode(error)})`);
    }
  }

  /** Makes the file after the current one. */
  prepareNextFile(): void {
    if ((this.#write.blocks & Block.NOT_MARKED) !== 0) {
      return;
    }
    try {
      this.#log.prepareNextFile();
    } catch (error) {
      this.#parts.logger.warn(`the next commit log file cannot be made yet (${diskErrorCode(error)})`);
    }
  }

  /** See `MessageStore.deleteExpiredFiles`. */
  deleteExpiredFiles(): void {
    this.#retention.requestRounds();
  }

  /** See `MessageStore.cleanExpiredQueues`. */
  cleanExpiredQueues(isKept: (topic: string) => boolean): number {
    const { topics, logger } = this.#parts;
    let count = 0;
    for (const queue of [...topics.all()]) {
      // A queue with messages under way is none whose messages are all gone.
      const isIdle = queue.endUnit > 0 && queue.nextOffset === queue.maxOffset;
      if (isIdle && queue.maxPhysicOffset <= this.#log.minOffset && !isKept(queue.topic)) {
        topics.deleteQueue(queue);
        logger.info(`queue ${queue.queueId} of ${queue.topic} is removed: all its messages are gone`);
        count++;
      }
    }
    return count;
  }

  /** See `MessageStore.cleanUnusedTopics`. */
  cleanUnusedTopics(isKept: (topic: string) => boolean): string[] {
    const { topics, logger } = this.#parts;
    const unused = topics.topics().filter((topic) => !isKept(topic));
    for (const topic of unused) {
      topics.deleteTopic(topic);
      logger.info(`the queues of ${topic} are removed: there is no such topic`);
    }
    return unused;
  }

  /** Ends with the removal that is under way, and lets queues and index follow. */
  async close(): Promise<void> {
    await this.#retention.close();
    this.#parts.topics.commitLogMin = this.#log.minOffset;
    try {
      this.#cleaner.finish();
    } catch (error) {
      this.#parts.logger.warn(`the clean-up of the store stopped (${diskErrorCode(error)}); the next start goes on`);
    }
  }
}

import { join } from 'node:path';
import { type Clock, systemClock, systemTimers, type Timers } from '../../src/common/clock.js';
import { StoreError } from '../../src/common/errors.js';
import type { Logger } from '../../src/common/logger.js';
import { Checkpoint } from './checkpoint.js';
import { CrashMark } from './crash-mark.js';
import { parseDelayLevels } from './delay-levels.js';
import { diskErrorCode, isOutOfSpace, nodeDisk } from './disk.js';
import { FdCache } from './fd-cache.js';
import { FileSeries } from './file-series.js';
import { IndexService } from './index-service.js';
import { MAX_OPEN_FILES } from './limits.js';
import { type RecoveryResult, recover } from './recovery.js';
import { StoreLock } from './store-lock.js';
import { TopicTable } from './topic-table.js';
import type { Disk, StoreConfig } from './types.js';
import type { QueueType } from './unit-queue.js';

/** What `MessageStore.open` needs. */
export interface MessageStoreOptions {
  config: StoreConfig;
  logger: Logger;
  disk?: Disk;
  clock?: Clock;
  timers?: Timers;
  /** Cut damage although the store was flushed past it (what follows it is copied to `<root>/recovered` first). */
  acceptDamage?: boolean;
  /**
   * The topic attribute `queue.type`; undefined for a topic that is not configured: what its queues on disk, or its first record in the log,
   * are counts then. Asked under the store's lock.
   */
  queueTypeOf?: (topic: string) => QueueType | undefined;
}

/** A store that is locked, loaded and recovered. */
export interface StoreParts {
  config: StoreConfig;
  logger: Logger;
  disk: Disk;
  clock: Clock;
  timers: Timers;
  lock: StoreLock;
  fds: FdCache;
  files: FileSeries;
  topics: TopicTable;
  /** Null with messageIndexEnable=false. */
  index: IndexService | null;
  checkpoint: Checkpoint;
  recovery: RecoveryResult;
  mark: CrashMark;
}

/** Locks the folder, loads what is there and recovers it. */
export async function openParts(options: MessageStoreOptions): Promise<StoreParts> {
  const { config, logger } = options;
  const disk = options.disk ?? nodeDisk;
  const root = config.storePathRootDir;
  try {
    disk.mkdirSync(root);
  } catch (error) {
    throw new StoreError(`store folder ${root} cannot be made: ${diskErrorCode(error)}`, { code: 'STORE_FOLDER', cause: error });
  }
  const lock = await StoreLock.acquire(root, { disk, logger });
  const fds = new FdCache(disk, MAX_OPEN_FILES);
  try {
    return load(options, disk, lock, fds);
  } catch (error) {
    fds.closeAll();
    lock.release();
    if (error instanceof Error && 'syscall' in error) {
      throw new StoreError(`the store in ${root} cannot be opened: ${error.message}`, { code: 'STORE_OPEN', cause: error });
    }
    throw error;
  }
}

function load(options: MessageStoreOptions, disk: Disk, lock: StoreLock, fds: FdCache): StoreParts {
  const { config, logger } = options;
  const root = config.storePathRootDir;
  const clock = options.clock ?? systemClock;
  const delayLevels = parseDelayLevels(config.messageDelayLevel);
  const files = new FileSeries({ directory: logDirectory(config), fileSize: config.mappedFileSizeCommitLog, disk, fds });
  const mark = new CrashMark(root, disk);
  files.load('mappedFileSizeCommitLog', mark.isLeft);
  files.checkSize(false);
  const topics = new TopicTable({
    config,
    disk,
    fds,
    logger,
    ...(options.queueTypeOf === undefined ? {} : { queueTypeOf: options.queueTypeOf }),
  });
  topics.load(mark.isLeft);
  // All of them were checked: a start with a wrong size is refused before it changes one.
  files.mend();
  topics.mend();
  const checkpoint = new Checkpoint(join(root, 'checkpoint'), disk);
  checkpoint.load();
  const index = config.messageIndexEnable ? new IndexService({ config, disk, fds, clock, logger }) : null;
  if (mark.isLeft) {
    // A power cut during this recovery must not make the next start believe what is half cut.
    mark.sync();
  } else {
    // A kill during recovery must be seen as one by the next start. An older mark stays until its checkpoint no longer counts.
    mark.write();
  }
  try {
    const recovery = recover({
      config,
      files,
      topics,
      index,
      checkpoint,
      disk,
      logger,
      nowMs: clock.nowMs(),
      isAfterKill: mark.isLeft,
      isOwnCheckpoint: mark.isLeftByUs,
      acceptDamage: options.acceptDamage ?? false,
      delayLevels,
    });
    if (mark.isLeft && saveCheckpoint(checkpoint)) {
      mark.write();
    }
    const timers = options.timers ?? systemTimers;
    return { config, logger, disk, clock, timers, lock, fds, files, topics, index, checkpoint, recovery, mark };
  } catch (error) {
    // A start that was refused changed nothing; after any other failure the next start must not believe what this one left.
    if (!mark.isLeft && error instanceof StoreError && error.code === 'STORE_DAMAGED') {
      mark.remove();
    }
    throw error;
  }
}

/** False when the disk is full: then the checkpoint of before stays, and with it the mark of before. */
function saveCheckpoint(checkpoint: Checkpoint): boolean {
  try {
    checkpoint.save(true);
    return true;
  } catch (error) {
    if (!isOutOfSpace(error)) {
      throw error;
    }
    return false;
  }
}

export function logDirectory(config: StoreConfig): string {
  return config.storePathCommitLog === '' ? join(config.storePathRootDir, 'commitlog') : config.storePathCommitLog;
}

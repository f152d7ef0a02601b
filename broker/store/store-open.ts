import { join } from 'node:path';
import { type Clock, systemClock, systemTimers, type Timers } from '../../src/common/clock.js';
import { StoreError } from '../../src/common/errors.js';
import type { Logger } from '../../src/common/logger.js';
import { Checkpoint } from './checkpoint.js';
import { parseDelayLevels } from './delay-levels.js';
import { diskErrorCode, nodeDisk } from './disk.js';
import { FdCache } from './fd-cache.js';
import { FileSeries } from './file-series.js';
import { IndexService } from './index-service.js';
import { MAX_OPEN_FILES } from './limits.js';
import { type RecoveryResult, recover } from './recovery.js';
import { StoreLock } from './store-lock.js';
import { TopicTable } from './topic-table.js';
import type { Disk, StoreConfig } from './types.js';

/** What `MessageStore.open` needs. */
export interface MessageStoreOptions {
  config: StoreConfig;
  logger: Logger;
  disk?: Disk;
  clock?: Clock;
  timers?: Timers;
  /** Cut damage although the store was flushed past it (what follows it is copied to `<root>/recovered` first). */
  acceptDamage?: boolean;
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
}

/** Second line of `abort`: whose checkpoint it is. An Apache broker writes its own text, and recovers by existence only. */
const OWN_MARK = 'mqkit';
const ABORT_BYTES = 64;

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
  const abort = readAbort(disk, root);
  files.load('mappedFileSizeCommitLog', abort !== null);
  const topics = new TopicTable({ config, disk, fds, logger });
  topics.load(abort !== null);
  const checkpoint = new Checkpoint(join(root, 'checkpoint'), disk);
  checkpoint.load();
  const index = config.messageIndexEnable ? new IndexService({ config, disk, fds, clock, logger }) : null;
  if (abort === null) {
    // A kill during recovery must be seen as one by the next start. An older mark stays until its checkpoint no longer counts.
    writeAbort(disk, root);
  } else {
    // Its writer may have died before it was on the device: a power cut during this recovery must not make the next start believe what is half cut.
    syncAbort(disk, root);
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
      isAfterKill: abort !== null,
      isOwnCheckpoint: abort?.includes(OWN_MARK) ?? false,
      acceptDamage: options.acceptDamage ?? false,
      delayLevels,
    });
    if (abort !== null) {
      checkpoint.save(true);
      writeAbort(disk, root);
    }
    return { config, logger, disk, clock, timers: options.timers ?? systemTimers, lock, fds, files, topics, index, checkpoint, recovery };
  } catch (error) {
    if (abort === null) {
      removeAbort(disk, root);
    }
    throw error;
  }
}

export function logDirectory(config: StoreConfig): string {
  return config.storePathCommitLog === '' ? join(config.storePathRootDir, 'commitlog') : config.storePathCommitLog;
}

/** Text of the `abort` file, null when the last stop was orderly. */
function readAbort(disk: Disk, root: string): string | null {
  const path = join(root, 'abort');
  const stat = disk.statSync(path);
  if (stat === null) {
    return null;
  }
  const buffer = Buffer.alloc(Math.min(stat.size, 256));
  const fd = disk.openSync(path);
  try {
    disk.readSync(fd, buffer, 0, buffer.length, 0);
  } finally {
    disk.closeSync(fd);
  }
  return buffer.toString('latin1');
}

function syncAbort(disk: Disk, root: string): void {
  const fd = disk.openSync(join(root, 'abort'));
  try {
    disk.fdatasyncSync(fd);
  } finally {
    disk.closeSync(fd);
  }
}

/** `abort` says "not stopped in order" while it exists; its first line is the process id, as in Apache's. */
function writeAbort(disk: Disk, root: string): void {
  const fd = disk.openSync(join(root, 'abort'), { create: true });
  try {
    // One write of one length: a kill leaves the old text or the new one.
    const text = Buffer.from(`${process.pid}\n${OWN_MARK}\n`.padEnd(ABORT_BYTES - 1).concat('\n'));
    disk.writeSync(fd, text, 0, text.length, 0);
    // Were it lost with the power, the next start would believe the queues.
    disk.fdatasyncSync(fd);
  } finally {
    disk.closeSync(fd);
  }
}

export function removeAbort(disk: Disk, root: string): void {
  disk.unlinkSync(join(root, 'abort'));
}

/*
 * What a start does before the store is used: finds the end of the commit log, cuts what no promise covers, and brings the
 * consume queues and the index up to that end.
 */
import { StoreError } from '../../src/common/errors.js';
import { getInt64 } from '../../src/common/int64.js';
import type { Logger } from '../../src/common/logger.js';
import { RECORD_OVERHEAD_BYTES, SYS_FLAG_POS, storeTimestampPos } from '../../src/common/message/record.js';
import type { Checkpoint } from './checkpoint.js';
import { type ConsumeQueue, CQ_UNIT_BYTES, isFiller, type UnitRun, unitOffset, unitSize } from './consume-queue.js';
import { copyLeftover, findLeftover } from './damage.js';
import { RecoveryDispatcher } from './dispatcher.js';
import type { FileSeries } from './file-series.js';
import type { IndexService } from './index-service.js';
import { QUEUE_PAGE_UNITS } from './limits.js';
import { LogWalk } from './log-walk.js';
import type { TopicTable } from './topic-table.js';
import type { Disk, StoreConfig } from './types.js';

/** Queues whose units are used to find a record to start from. */
const MAX_PROBED_QUEUES = 64;
/** Queue files looked at from the end, as Apache's recovery does. */
const CHECKED_QUEUE_FILES = 3;

export interface RecoveryOptions {
  config: StoreConfig;
  files: FileSeries;
  topics: TopicTable;
  index: IndexService | null;
  checkpoint: Checkpoint;
  disk: Disk;
  logger: Logger;
  nowMs: number;
  /** `abort` was there. */
  isAfterKill: boolean;
  /** The process that was killed was ours: its checkpoint is exact to the record, not only to the file. */
  isOwnCheckpoint: boolean;
  acceptDamage: boolean;
  delayLevels: readonly number[];
}

export interface RecoveryResult {
  /** End of the commit log. */
  end: number;
  /** Store time of the last record that was walked; 0 when there was none. */
  lastStoreTimestamp: number;
  walkedRecords: number;
  walkedFrom: number;
  dispatched: number;
  /** Up to here the commit log is known to be on the device. */
  flushedWhere: number;
}

/** Recovers the store. Throws `StoreError` when a cut would lose flushed records. */
export function recover(options: RecoveryOptions): RecoveryResult {
  const { files, topics, index, logger } = options;
  for (const queue of topics.all()) {
    findQueueEnd(queue);
  }
  index?.load(options.isAfterKill);
  if (files.isEmpty) {
    // Without a log there is nothing that the queues could point at.
    topics.deleteAll();
    index?.cutFrom(0);
    return { end: 0, lastStoreTimestamp: 0, walkedRecords: 0, walkedFrom: 0, dispatched: 0, flushedWhere: 0 };
  }
  const walk = new LogWalk(files, {
    checkCrc: options.config.checkCRCOnRecover,
    checkPropertyCrc: options.config.forceVerifyPropCRC,
    maxRecordBytes: files.fileSize,
  });
  const { from, indexFrom } = startOffset(options, walk);
  if (options.isAfterKill) {
    for (const queue of topics.all()) {
      cutQueueBefore(queue, from);
    }
  }
  const dispatcher = new RecoveryDispatcher({ topics, index, indexFrom, delayLevels: options.delayLevels, logger });
  const result: RecoveryResult = { end: 0, lastStoreTimestamp: 0, walkedRecords: 0, walkedFrom: from, dispatched: 0, flushedWhere: 0 };
  const stopped = walk.walk(from, (buffer, header) => {
    result.walkedRecords++;
    result.lastStoreTimestamp = header.storeTimestamp;
    dispatcher.dispatch(buffer, header);
  });
  result.end = stopped.end;
  result.dispatched = dispatcher.dispatched;
  cutLog(options, walk, stopped.end, stopped.reason);
  topics.writeOut();
  for (const queue of topics.all()) {
    cutQueue(queue, stopped.end);
    correctMinOffset(queue, files.minOffset);
    queue.nextOffset = queue.maxOffset;
  }
  index?.cutFrom(stopped.end);
  if (options.isAfterKill && options.config.flushDiskType === 'SYNC_FLUSH') {
    // A killed process left records in the page cache; consumers will see them now, and under SYNC_FLUSH they see flushed ones only.
    for (const start of files.startsBetween(from, stopped.end)) {
      files.fdatasyncSync(start);
    }
  }
  const isFlushed = !options.isAfterKill || options.config.flushDiskType === 'SYNC_FLUSH';
  result.flushedWhere = isFlushed ? stopped.end : Math.min(from, stopped.end);
  return result;
}

/** Finds the end of a queue: from the third file from the end on, the first unit that is none. */
function findQueueEnd(queue: ConsumeQueue): void {
  const starts = queue.files.starts;
  if (starts.length === 0) {
    return;
  }
  const block = Buffer.allocUnsafe(QUEUE_PAGE_UNITS * CQ_UNIT_BYTES);
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const first = starts[Math.max(0, starts.length - CHECKED_QUEUE_FILES)]!;
  let at = first;
  let maxPhysicOffset = 0;
  scan: for (;;) {
    const bytes = queue.files.read(at, block, 0, block.length);
    for (let i = 0; i + CQ_UNIT_BYTES <= bytes; i += CQ_UNIT_BYTES) {
      const offset = unitOffset(view, i);
      const size = unitSize(view, i);
      if (offset < 0 || size <= 0) {
        at += i;
        break scan;
      }
      if (!isFiller(view, i)) {
        maxPhysicOffset = offset + size;
      }
    }
    at += bytes - (bytes % CQ_UNIT_BYTES);
    if (bytes < block.length) {
      break;
    }
  }
  queue.adopt(at / CQ_UNIT_BYTES, maxPhysicOffset);
}

/** Where the walk begins, a record before which everything is in order; and from where on records must be indexed. */
function startOffset(options: RecoveryOptions, walk: LogWalk): { from: number; indexFrom: number } {
  const { files, topics, index } = options;
  let maxPhy = 0;
  let lastUnit = -1;
  for (const queue of topics.all()) {
    if (queue.maxPhysicOffset > maxPhy) {
      maxPhy = queue.maxPhysicOffset;
      lastUnit = lastUnitOffset(queue);
    }
  }
  const { indexMsgTimestamp } = options.checkpoint;
  if (options.isAfterKill && options.isOwnCheckpoint) {
    const from = maxPhy === 0 ? files.minOffset : startAfterKill(options, walk);
    lowerCheckpoint(options, from);
    index?.resumeAt(from, indexMsgTimestamp);
    return { from, indexFrom: from };
  }
  if (options.isAfterKill) {
    const from = maxPhy === 0 ? files.minOffset : startAfterKill(options, walk);
    lowerCheckpoint(options, from);
    const indexFrom = index?.resumeChecked(indexMsgTimestamp) ?? 0;
    if (index === null || indexFrom < 0 || indexFrom > from) {
      return { from, indexFrom };
    }
    const record = Math.max(indexFrom - 1, files.minOffset);
    const earlier = walk.isRecordAt(record) ? record : Math.max(files.startOf(record), files.minOffset);
    lowerCheckpoint(options, earlier);
    return { from: earlier, indexFrom };
  }
  const indexFrom = index?.resume() ?? 0;
  if (maxPhy === 0) {
    return { from: files.minOffset, indexFrom };
  }
  const file = [...files.starts].reverse().find((start) => start <= maxPhy) ?? files.minOffset;
  return { from: lastUnit >= file && walk.isRecordAt(lastUnit) ? lastUnit : file, indexFrom };
}

/** Queues and index are about to be cut back to `from`: should this recovery die, the next one must not start behind it. */
function lowerCheckpoint(options: RecoveryOptions, from: number): void {
  const { checkpoint, files } = options;
  checkpoint.logicsMsgTimestamp = Math.min(checkpoint.logicsMsgTimestamp, storeTimestampOf(files, from));
  checkpoint.save(true);
}

/**
 * Drops the units of records from `from` on: the walk makes them again. Pages of them may be missing anywhere (power cut), but all
 * before are intact, so that "a real unit of a record before" is true up to one place and false behind it.
 */
function cutQueueBefore(queue: ConsumeQueue, from: number): void {
  const { files } = queue;
  if (files.isEmpty) {
    return;
  }
  const run: UnitRun = { view: new DataView(new ArrayBuffer(0)), position: 0, count: 0 };
  const first = files.minOffset / CQ_UNIT_BYTES;
  let low = first;
  let high = (files.lastStart + files.fileSize) / CQ_UNIT_BYTES;
  queue.adopt(high, 0);
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const isBefore = queue.units(middle, 1, run) && unitSize(run.view, run.position) > 0 && unitOffset(run.view, run.position) < from;
    if (isBefore) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low === first) {
    // Nothing is left, perhaps because the first file is missing: the walk starts the queue where its first record says.
    queue.truncateTo(0, 0);
    return;
  }
  const isReal = queue.units(low - 1, 1, run) && !isFiller(run.view, run.position);
  queue.truncateTo(low, isReal ? unitOffset(run.view, run.position) + unitSize(run.view, run.position) : 0);
}

function lastUnitOffset(queue: ConsumeQueue): number {
  const run: UnitRun = { view: new DataView(new ArrayBuffer(0)), position: 0, count: 0 };
  return queue.units(queue.maxOffset - 1, 1, run) ? unitOffset(run.view, run.position) : -1;
}

/** The newest file whose first record is older than the checkpoint; after our own kill, the newest such record that a queue knows. */
function startAfterKill(options: RecoveryOptions, walk: LogWalk): number {
  const { files } = options;
  const until = options.checkpoint.minTimestamp(options.config.messageIndexSafe);
  const file = [...files.starts].reverse().find((start) => {
    const time = storeTimestampOf(files, start);
    return time > 0 && time <= until && walk.isRecordAt(start);
  });
  if (file === undefined) {
    return files.minOffset;
  }
  if (!options.isOwnCheckpoint) {
    return file;
  }
  const queues = [...options.topics.all()].sort((a, b) => b.maxPhysicOffset - a.maxPhysicOffset).slice(0, MAX_PROBED_QUEUES);
  const known = Math.max(file, ...queues.map((queue) => newestUnitUntil(files, queue, until)));
  return known > file && walk.isRecordAt(known) && walk.header.storeTimestamp <= until ? known : file;
}

/** Commit log offset of the queue's newest message with a store time up to `until`; −1 when there is none. */
function newestUnitUntil(files: FileSeries, queue: ConsumeQueue, until: number): number {
  const run: UnitRun = { view: new DataView(new ArrayBuffer(0)), position: 0, count: 0 };
  const offsetOf = (index: number): number =>
    queue.units(index, 1, run) && !isFiller(run.view, run.position) ? unitOffset(run.view, run.position) : -1;
  let low = queue.files.minOffset / CQ_UNIT_BYTES;
  let high = queue.maxOffset - 1;
  let best = -1;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const offset = offsetOf(middle);
    const time = offset < files.minOffset ? 0 : storeTimestampOf(files, offset);
    if (time <= until) {
      best = time > 0 ? offset : best;
      low = middle + 1;
    } else {
      high = middle - 1;
    }
  }
  return best;
}

const probe = Buffer.alloc(RECORD_OVERHEAD_BYTES);

/** Store time of the record at `offset`; 0 when nothing like a record is there. */
export function storeTimestampOf(files: FileSeries, offset: number): number {
  if (files.read(offset, probe, 0, probe.length) < probe.length) {
    return 0;
  }
  const view = new DataView(probe.buffer, probe.byteOffset, probe.length);
  return getInt64(view, storeTimestampPos(view.getInt32(SYS_FLAG_POS)));
}

/** Makes `end` the end of the log: saves what lies behind it, then removes it. */
function cutLog(options: RecoveryOptions, walk: LogWalk, end: number, reason: string): void {
  const { files, logger, checkpoint } = options;
  const leftover = findLeftover(files, walk, end);
  // Messages of the checkpoint's own millisecond may have come after the flush it speaks of.
  const isFlushed = leftover.intactOffset >= 0 && leftover.intactStoreTimestamp < checkpoint.physicMsgTimestamp;
  if (isFlushed && !options.acceptDamage) {
    throw new StoreError(
      `the commit log is damaged at ${end} (${reason}), and intact messages that were on the device follow at ${leftover.intactOffset}`,
      {
        code: 'STORE_DAMAGED',
        hint: `copy the store folder, then repair it with mqbroker --accept-damage and the options of before: it cuts the log there and keeps what follows in ${options.config.storePathRootDir}/recovered`,
        context: { offset: end, reason, intactOffset: leftover.intactOffset },
      },
    );
  }
  if (leftover.lastByteEnd > end) {
    const bytes = leftover.lastByteEnd - end;
    const path = copyLeftover({
      files,
      disk: options.disk,
      root: options.config.storePathRootDir,
      from: end,
      to: leftover.lastByteEnd,
      nowMs: options.nowMs,
    });
    logger.warn(`cut ${bytes} bytes behind the end of the commit log at ${end} (${reason}); they are in ${path}`, {
      offset: end,
      bytes,
      reason,
      path,
    });
    files.zeroFrom(end);
    // What was cut may not come back with the next power cut, behind or between new records.
    files.fdatasyncSync(files.startOf(end));
  }
  files.deleteFrom(end + 1);
}

/** Drops the units of records at or behind the end of the log. */
function cutQueue(queue: ConsumeQueue, end: number): void {
  if (queue.maxPhysicOffset <= end) {
    return;
  }
  queue.writeOut();
  const run: UnitRun = { view: new DataView(new ArrayBuffer(0)), position: 0, count: 0 };
  let max = queue.maxOffset;
  let maxPhysicOffset = 0;
  const min = queue.files.minOffset / CQ_UNIT_BYTES;
  while (max > min && queue.units(max - 1, 1, run)) {
    const unitEnd = unitOffset(run.view, run.position) + unitSize(run.view, run.position);
    if (isFiller(run.view, run.position) || unitEnd <= end) {
      maxPhysicOffset = isFiller(run.view, run.position) ? 0 : unitEnd;
      break;
    }
    max--;
  }
  queue.truncateTo(max, maxPhysicOffset);
}

/** Sets the first readable offset: units of records before the log's first file do not count, nor do fillers. */
export function correctMinOffset(queue: ConsumeQueue, commitLogMin: number): void {
  const run: UnitRun = { view: new DataView(new ArrayBuffer(0)), position: 0, count: 0 };
  let low = Math.max(queue.files.minOffset / CQ_UNIT_BYTES, 0);
  let high = queue.maxOffset;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const isGone = queue.units(middle, 1, run) && (isFiller(run.view, run.position) || unitOffset(run.view, run.position) < commitLogMin);
    if (isGone) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  queue.minOffset = low;
}

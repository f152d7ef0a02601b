/*
 * What a start does before the store is used: finds the end of the commit log, cuts what no promise covers, and brings the
 * consume queues and the index up to that end.
 */
import { getInt64 } from '../../src/common/int64.js';
import type { Logger } from '../../src/common/logger.js';
import {
  PHYSICAL_OFFSET_POS,
  RECORD_OVERHEAD_BYTES,
  SYS_FLAG_POS,
  storeTimestampPos,
  TOTAL_SIZE_POS,
} from '../../src/common/message/record.js';
import type { Checkpoint, DerivedSummary } from './checkpoint.js';
import { isOutOfSpace } from './disk.js';
import { RecoveryDispatcher } from './dispatcher.js';
import type { FileSeries } from './file-series.js';
import type { IndexService } from './index-service.js';
import { checkEnd, cutLog } from './log-end.js';
import { rewriteRange } from './log-rewrite.js';
import { LogWalk, type WalkEnd } from './log-walk.js';
import { adoptEnd } from './queue-bounds.js';
import type { TopicTable } from './topic-table.js';
import type { Disk, StoreConfig } from './types.js';
import { isFiller, newUnitRun, type UnitQueue, type UnitRun, unitOffset, unitSize } from './unit-queue.js';

/** Bytes before the end of the log that are written again after a kill: more than a process writes before a flush fails. */
const MAX_REWRITTEN_BYTES = 256 * 1024 * 1024;
/** Queues whose units are used to find a record to start from. */
const MAX_PROBED_QUEUES = 64;

/** Room for the fixed fields of a record. */
const probe = Buffer.alloc(RECORD_OVERHEAD_BYTES);
const probeView = new DataView(probe.buffer, probe.byteOffset, probe.length);

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
  const { files, topics, index } = options;
  // What a recovery which died cut or removed may still be on the device. On a full disk it leaves no checkpoint that says so.
  const isRepeated = options.isAfterKill && (options.checkpoint.walkFrom >= 0 || options.checkpoint.writer !== 'own');
  for (const queue of topics.all()) {
    adoptEnd(queue);
  }
  index?.load(options.isAfterKill);
  if (files.isEmpty) {
    checkEnd(options, { end: 0, reason: 'it has no file' });
    // Without a log there is nothing that the queues could point at.
    topics.deleteAll();
    index?.dropAll();
    files.syncNames(options.isAfterKill);
    index?.syncNames(options.isAfterKill);
    forgetCutSummary(options.checkpoint, 0);
    return { end: 0, lastStoreTimestamp: 0, walkedRecords: 0, walkedFrom: 0, dispatched: 0, flushedWhere: 0 };
  }
  const walk = new LogWalk(files, {
    checkCrc: options.config.checkCRCOnRecover,
    checkPropertyCrc: options.config.forceVerifyPropCRC,
    maxRecordBytes: files.fileSize,
  });
  const { filed, from } = fileRecords(options, walk);
  const { result, unflushedFrom } = filed;
  const stopped = filed.end;
  cutLog(options, walk, stopped);
  forgetCutSummary(options.checkpoint, stopped.end);
  topics.commitLogMin = files.minOffset;
  writeQueues(topics);
  for (const queue of topics.all()) {
    cutQueue(queue, stopped.end);
    queue.nextOffset = queue.maxOffset;
  }
  index?.cutFrom(stopped.end);
  if (options.isAfterKill && unflushedFrom >= 0) {
    // The killed process may have met a flush that failed: what it left counts as flushed, but only writing it again makes that true.
    rewriteRange(files, Math.max(unflushedFrom, stopped.end - MAX_REWRITTEN_BYTES), stopped.end);
  }
  // A name that comes back with the next power cut would bring what was cut back; the killed process may have been a recovery too.
  files.syncNames(options.isAfterKill);
  index?.syncNames(options.isAfterKill);
  for (const queue of topics.all()) {
    queue.files.syncNames(isRepeated);
  }
  if (isRepeated) {
    files.fdatasyncSync(files.startOf(stopped.end));
  }
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

/** What a walk through the log did. */
interface Filed {
  end: WalkEnd;
  result: RecoveryResult;
  /** First record that may not be on the device; −1 when there is none. */
  unflushedFrom: number;
  /** Queues and index hold what the checkpoint's summary says. */
  isComplete: boolean;
}

/** Files the records from where the walk begins; all records, when queues or index turn out to have lost something. */
function fileRecords(options: RecoveryOptions, walk: LogWalk): { filed: Filed; from: number } {
  const { files, topics, index, checkpoint, logger } = options;
  for (const queue of topics.all()) {
    dropReturned(queue, files.minOffset);
  }
  if (topics.removals > 0) {
    checkpoint.summary = null;
  }
  const isUnknown = checkpoint.writer === 'damaged' || (checkpoint.writer === 'nobody' && !options.isAfterKill);
  if (isUnknown || (options.isAfterKill && options.isOwnCheckpoint && checkpoint.writer !== 'own')) {
    checkpoint.forget();
  }
  if (!isUnknown) {
    const start = startOffset(options, walk);
    let isWhole = true;
    if (options.isAfterKill) {
      for (const queue of topics.all()) {
        cutQueueBefore(queue, files, start.from);
        // Whatever comes before was on the device, and the length of its file too.
        isWhole &&= !options.isOwnCheckpoint || queue.files.shortAt >= queue.endUnit * queue.unitBytes;
      }
    }
    const filed = isWhole ? fileFrom(options, walk, start) : null;
    if (filed?.isComplete === true) {
      return { filed, from: start.from };
    }
  }
  logger.warn('consume queues, index or checkpoint are not as the store left them; queues and index are made anew from the commit log');
  checkpoint.summary = null;
  const from = files.minOffset;
  lowerCheckpoint(options, from);
  for (const queue of topics.all()) {
    cutQueueBefore(queue, files, from);
  }
  index?.dropAll();
  return { filed: fileFrom(options, walk, { from, indexFrom: from }), from };
}

/** A power cut may bring back a queue file that retention removed, although a later one is gone: nothing that can be read lies before that gap. */
function dropReturned(queue: UnitQueue, commitLogMin: number): void {
  const { files, unitBytes } = queue;
  while (files.hasGap) {
    const next = files.starts.findIndex((start, i) => i > 0 && start !== files.starts[i - 1]! + files.fileSize);
    const end = files.starts[next - 1]! + files.fileSize;
    const run = newUnitRun();
    const isThere = queue.unit(end / unitBytes - 1, run) && queue.isUnit(run.view, run.position);
    if (!isThere || unitOffset(run.view, run.position) >= commitLogMin) {
      return;
    }
    for (const start of files.starts.slice(0, next)) {
      files.delete(start);
    }
    queue.minFoundFor = -1;
  }
}

function fileFrom(options: RecoveryOptions, walk: LogWalk, { from, indexFrom }: { from: number; indexFrom: number }): Filed {
  const { topics, index, checkpoint, delayLevels, logger } = options;
  const { summary } = checkpoint;
  const dispatcher = new RecoveryDispatcher({ topics, index, indexFrom, delayLevels, logger });
  const result: RecoveryResult = { end: 0, lastStoreTimestamp: 0, walkedRecords: 0, walkedFrom: from, dispatched: 0, flushedWhere: 0 };
  let unflushedFrom = -1;
  let isComplete: boolean | null = summary === null ? true : null;
  const end = walk.walk(from, (buffer, header) => {
    if (isComplete === null && header.commitLogOffset >= summary!.where) {
      isComplete = hasAll(options, summary!);
    }
    result.walkedRecords++;
    if (unflushedFrom < 0 && header.storeTimestamp >= checkpoint.physicMsgTimestamp) {
      unflushedFrom = header.commitLogOffset;
    }
    result.lastStoreTimestamp = header.storeTimestamp;
    dispatcher.dispatch(buffer, header);
  });
  if (isComplete === null && end.end === summary!.where) {
    isComplete = hasAll(options, summary!);
  }
  result.end = end.end;
  result.dispatched = dispatcher.dispatched;
  // A walk over the whole log files all there is; queues that a recovery which died had emptied begin where their first record says.
  const mustBeWhole = options.isAfterKill && options.isOwnCheckpoint && summary !== null && from > options.files.minOffset;
  return { end, result, unflushedFrom, isComplete: (isComplete ?? true) && !(mustBeWhole && dispatcher.hasGap) };
}

/** Whether queues and index hold as much as they did when the log ended at the summary's offset. */
function hasAll({ files, topics, index, isAfterKill }: RecoveryOptions, summary: DerivedSummary): boolean {
  const { queueUnits, firstUnits } = topics.unitSums();
  if (queueUnits !== summary.queueUnits || (!isAfterKill && firstUnits !== summary.firstUnits)) {
    return false;
  }
  if ([...topics.all()].some((queue) => queue.files.hasGap)) {
    return false;
  }
  if (index === null || summary.indexEntries < 0) {
    return true;
  }
  if (index.hasLost) {
    return false;
  }
  const { indexEntries, indexOffsets } = index.summary();
  const isSame = indexEntries === summary.indexEntries && indexOffsets === summary.indexOffsets;
  // Retention may have removed the oldest files since.
  return isSame || (files.minOffset !== summary.expiredTo && indexEntries < summary.indexEntries);
}

/** New records will lie where the summary's offset was. */
function forgetCutSummary(checkpoint: Checkpoint, end: number): void {
  if (checkpoint.summary !== null && checkpoint.summary.where > end) {
    checkpoint.summary = null;
    checkpoint.save(true);
  }
}

/** On a full disk the units stay in memory: the store tries again, and takes no messages before that. */
function writeQueues(topics: TopicTable): void {
  try {
    topics.writeOut();
  } catch (error) {
    if (!isOutOfSpace(error)) {
      throw error;
    }
  }
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
    const safe = maxPhy === 0 ? files.minOffset : startAfterKill(options, walk);
    const { walkFrom } = options.checkpoint;
    const from = walkFrom < 0 ? safe : Math.max(files.minOffset, Math.min(walkFrom, safe));
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
  const isIndexGone = index !== null && indexFrom === 0 && options.checkpoint.writer !== 'own';
  if (maxPhy === 0 || isIndexGone) {
    return { from: files.minOffset, indexFrom };
  }
  const file = [...files.starts].reverse().find((start) => start <= maxPhy) ?? files.minOffset;
  return { from: lastUnit >= file && walk.isRecordAt(lastUnit) ? lastUnit : file, indexFrom };
}

/** Queues and index are about to be cut back to `from`: should this recovery die, the next one must not start behind it. */
function lowerCheckpoint(options: RecoveryOptions, from: number): void {
  options.checkpoint.lowerLogics(storeTimestampOf(options.files, from), from);
}

/**
 * Drops the units of records from `from` on: the walk makes them again. Pages of them may be missing anywhere, and single units be torn (power
 * cut, disk that fails), but all before are intact, so that "a real unit of a record before" is true up to one place and false behind it.
 */
function cutQueueBefore(queue: UnitQueue, log: FileSeries, from: number): void {
  const { files } = queue;
  if (files.isEmpty) {
    // It may have units in memory.
    queue.truncateTo(0, 0);
    return;
  }
  const run = newUnitRun();
  const first = queue.firstUnit;
  let low = first;
  let high = (files.lastStart + files.fileSize) / queue.unitBytes;
  queue.adopt(high, 0);
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isUnitBefore(queue, middle, from)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low > first && !pointsAtRecord(log, queue, low - 1)) {
    low--;
  }
  if (low === first) {
    // Nothing is left, perhaps because the first file is missing: the walk starts the queue where its first record says.
    queue.truncateTo(0, 0);
    queue.expectedStart = first;
    return;
  }
  queue.truncateTo(low, queue.unit(low - 1, run) ? unitEnd(run) : 0);
}

/**
 * Whether the unit is one of a record before `from`. One whose first bytes are missing has the offset of an older record; units are in the order
 * of the log, so it is told by the unit in front of it.
 */
function isUnitBefore(queue: UnitQueue, unit: number, from: number): boolean {
  const run = newUnitRun();
  let previousEnd = 0;
  if (unit > queue.firstUnit) {
    if (!queue.unit(unit - 1, run) || !queue.isUnit(run.view, run.position)) {
      return false;
    }
    previousEnd = unitEnd(run);
  }
  if (!queue.unit(unit, run) || !queue.isUnit(run.view, run.position)) {
    return false;
  }
  const offset = unitOffset(run.view, run.position);
  return offset >= previousEnd && offset < from;
}

/** Whether the log has a record of the unit's size where the unit says, as far as it can still be there. */
function pointsAtRecord(log: FileSeries, queue: UnitQueue, unit: number): boolean {
  const run = newUnitRun();
  queue.unit(unit, run);
  const offset = unitOffset(run.view, run.position);
  if (isFiller(run.view, run.position) || offset < log.minOffset) {
    return true;
  }
  const isThere = log.read(offset, probe, 0, probe.length) === probe.length;
  return (
    isThere &&
    probeView.getInt32(TOTAL_SIZE_POS) === unitSize(run.view, run.position) &&
    getInt64(probeView, PHYSICAL_OFFSET_POS) === offset
  );
}

/** Commit log offset behind the unit's record; 0 for a filler. */
function unitEnd(run: UnitRun): number {
  return isFiller(run.view, run.position) ? 0 : unitOffset(run.view, run.position) + unitSize(run.view, run.position);
}

function lastUnitOffset(queue: UnitQueue): number {
  const run = newUnitRun();
  return queue.unit(queue.endUnit - 1, run) ? unitOffset(run.view, run.position) : -1;
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
function newestUnitUntil(files: FileSeries, queue: UnitQueue, until: number): number {
  const run = newUnitRun();
  const offsetOf = (index: number): number =>
    queue.unit(index, run) && !isFiller(run.view, run.position) ? unitOffset(run.view, run.position) : -1;
  let low = queue.firstUnit;
  let high = queue.endUnit - 1;
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

/** Store time of the record at `offset`; 0 when nothing like a record is there. */
export function storeTimestampOf(files: FileSeries, offset: number): number {
  if (files.read(offset, probe, 0, probe.length) < probe.length) {
    return 0;
  }
  return getInt64(probeView, storeTimestampPos(probeView.getInt32(SYS_FLAG_POS)));
}

/** Drops the units of records at or behind the end of the log. */
function cutQueue(queue: UnitQueue, end: number): void {
  if (queue.maxPhysicOffset <= end) {
    return;
  }
  queue.writeOut();
  const run = newUnitRun();
  let max = queue.endUnit;
  let maxPhysicOffset = 0;
  const min = queue.firstUnit;
  while (max > min && queue.units(max - 1, 1, run)) {
    if (unitEnd(run) <= end) {
      maxPhysicOffset = unitEnd(run);
      break;
    }
    max--;
  }
  queue.truncateTo(max, maxPhysicOffset);
}

import { decodeRecords, type MessageRecord } from '../../src/common/message/record.js';
import { RMQ_SYS_WHEEL_TIMER_TOPIC } from '../../src/common/topic-names.js';
import type { MessageStore } from '../store/index.js';
import type { TimerProgress } from './timer-checkpoint.js';
import { recordOf, type TimerContext } from './timer-context.js';
import type { EnqueueFilter } from './timer-enqueue.js';
import { realTopicOf, rollTimesOf, slotTimeOf, uniqKeyOf } from './timer-record.js';
import { TimerUnit, UNIT_BYTES } from './timer-unit.js';
import { type TimerWheel, WHEEL_SLOTS } from './timer-wheel.js';

/** Slots that a timer without a checkpoint leaves out of the last week; Apache's. */
const BLANK_SLOTS = 60;
/** A slot time that is wrong by a factor of this was written with another precision. */
const PRECISION_FACTOR = 1.5;
const READ_MESSAGES = 256;

/** Where the timer goes on. */
export interface TimerStart {
  readTimeMs: number;
  queueOffset: number;
  liveSlots: number;
  pending: number;
  /** Nothing that is still to be delivered, as far as wheel and checkpoint know, was due before it; infinite when nothing is. */
  firstDueMs: number;
  /** Null when every message from `queueOffset` on is new. */
  filter: EnqueueFilter | null;
  /** The wheel is made again from the timer topic; until that is done the checkpoint stays what it was. */
  isRebuild: boolean;
}

/**
 * Finds the end of the timer log and brings the wheel up to it. Units behind the checkpoint are believed when the commit log has the
 * message they point at. Where wheel and log do not fit the checkpoint, both are made again from the timer topic, which is the truth.
 */
export function recoverTimer(context: TimerContext, saved: TimerProgress | null, nowMs: number): TimerStart {
  const { log, wheel, logger } = context;
  const present = nowMs - (nowMs % context.precisionMs);
  const progress = saved ?? { readTimeMs: present - (WHEEL_SLOTS - BLANK_SLOTS) * context.precisionMs, logFlushPos: 0, queueOffset: 0 };
  const damage = damageOf(context, saved, nowMs);
  if (damage !== null) {
    logger.warn(`the timer wheel is made again from ${RMQ_SYS_WHEEL_TIMER_TOPIC}: ${damage}`);
    return rebuild(context, progress);
  }
  wheel.create({ reset: false });
  const queueOffset = clampToQueue(context, progress.queueOffset);
  const end = findEnd(context, progress, firstNewOffset(context.store, queueOffset));
  if (typeof end === 'string') {
    logger.warn(`the timer wheel is made again from ${RMQ_SYS_WHEEL_TIMER_TOPIC}: ${end}`);
    return rebuild(context, progress);
  }
  log.setEnd(end.position);
  reviseWheel(context, end, progress.readTimeMs);
  const { liveSlots, pending, firstSlotMs, isBeyondLog } = surveyWheel(context, progress.readTimeMs);
  if (isBeyondLog) {
    logger.warn(`the timer wheel is made again from ${RMQ_SYS_WHEEL_TIMER_TOPIC}: it points behind the end of the timer log, ${log.end}`);
    return rebuild(context, progress);
  }
  const filter = unitsFilter(context, end);
  const isFresh = saved === null && log.end === 0 && context.store.maxOffset(RMQ_SYS_WHEEL_TIMER_TOPIC, 0) === 0;
  const firstDueMs = Math.min(firstSlotMs, arrivalTime(context.store, queueOffset));
  return { readTimeMs: isFresh ? present : progress.readTimeMs, queueOffset, liveSlots, pending, firstDueMs, filter, isRebuild: false };
}

/** When the first message arrived that is not on the wheel: it, and what follows it, left later. */
function arrivalTime(store: MessageStore, queueOffset: number): number {
  const isEnd = queueOffset >= store.maxOffset(RMQ_SYS_WHEEL_TIMER_TOPIC, 0);
  return isEnd ? Number.POSITIVE_INFINITY : store.storeTimestampAt(RMQ_SYS_WHEEL_TIMER_TOPIC, 0, queueOffset);
}

/** Why wheel and log cannot be what the checkpoint speaks of; null when they may be. */
function damageOf(context: TimerContext, saved: TimerProgress | null, nowMs: number): string | null {
  const { log, wheel } = context;
  if (saved === null) return log.filesEnd === 0 ? null : 'config/timercheck is missing';
  if (saved.logFlushPos > log.filesEnd) return `the timer log ends before ${saved.logFlushPos}`;
  if (saved.logFlushPos === 0 && log.filesEnd === 0) return null;
  if (!wheel.isComplete) return `${wheel.path} is missing or has another length`;
  return hasOtherPrecision(wheel, nowMs) ? `it was written with another timerPrecisionMs than ${wheel.precisionMs}` : null;
}

function hasOtherPrecision(wheel: TimerWheel, nowMs: number): boolean {
  for (const slot of wheel.slots()) {
    return slot.timeMs > nowMs * PRECISION_FACTOR || slot.timeMs < nowMs / PRECISION_FACTOR;
  }
  return false;
}

/** The end of the log, and what was found on the way there. */
interface LogEnd {
  position: number;
  /** Where the walk began. */
  from: number;
  /** Commit log offsets of messages that have a unit although the checkpoint's queue offset is before them. */
  known: Set<number>;
}

/** Commit log offset of the first message that the checkpoint does not count; infinite when it counts all. */
function firstNewOffset(store: MessageStore, queueOffset: number): number {
  const isEnd = queueOffset >= store.maxOffset(RMQ_SYS_WHEEL_TIMER_TOPIC, 0);
  return isEnd ? Number.POSITIVE_INFINITY : store.commitLogOffsetAt(RMQ_SYS_WHEEL_TIMER_TOPIC, 0, queueOffset);
}

/** Walks the log from the start of the checkpoint's file. */
function findEnd(context: TimerContext, progress: TimerProgress, firstNew: number): LogEnd | string {
  const { log, store } = context;
  const unit = new TimerUnit();
  const from = Math.max(log.minPos, progress.logFlushPos - (progress.logFlushPos % log.fileSize));
  const known = new Set<number>();
  let position = from;
  while (position < log.filesEnd) {
    const kind = log.probe(position, unit);
    if (kind === 'none') break;
    if (kind === 'blank') {
      position = log.nextFileOf(position);
      continue;
    }
    if (position >= progress.logFlushPos) {
      const record = recordOf(store, unit);
      if (record === null || !(slotTimeOf(record) >= unit.slotTimeMs)) break;
    }
    if (unit.commitLogOffset >= firstNew) known.add(unit.commitLogOffset);
    position += UNIT_BYTES;
  }
  if (position < progress.logFlushPos) return `the timer log is damaged at ${position}, before ${progress.logFlushPos}`;
  return { position, from, known };
}

/** Puts units into their slots that a flush of the wheel missed. */
function reviseWheel(context: TimerContext, end: LogEnd, readTimeMs: number): void {
  const { log, wheel } = context;
  const unit = new TimerUnit();
  for (let position = end.from; position < end.position; ) {
    if (log.probe(position, unit) !== 'unit') {
      position = log.nextFileOf(position);
      continue;
    }
    if (unit.slotTimeMs >= readTimeMs) {
      const slot = wheel.slotAt(unit.slotTimeMs);
      const change = unit.isDelete ? -1 : 1;
      if (slot.timeMs === -1) wheel.put(unit.slotTimeMs, position, position, change);
      else if (slot.lastPos < position) wheel.put(unit.slotTimeMs, slot.firstPos, position, slot.num + change);
    }
    position += UNIT_BYTES;
  }
}

interface Survey {
  liveSlots: number;
  pending: number;
  firstSlotMs: number;
  isBeyondLog: boolean;
}

function surveyWheel({ wheel, log }: TimerContext, readTimeMs: number): Survey {
  // What was revised is in memory only; the first flush writes it once more, and puts it on the device.
  const revised = wheel.takeDirty();
  wheel.write(revised);
  wheel.markDirty(revised);
  let liveSlots = 0;
  let pending = 0;
  let firstSlotMs = Number.POSITIVE_INFINITY;
  for (const slot of wheel.slots()) {
    if (slot.timeMs < readTimeMs) continue;
    if (slot.lastPos >= log.end) return { liveSlots, pending, firstSlotMs, isBeyondLog: true };
    liveSlots++;
    pending += slot.num;
    firstSlotMs = Math.min(firstSlotMs, slot.timeMs);
  }
  return { liveSlots, pending, firstSlotMs, isBeyondLog: false };
}

function clampToQueue({ store, logger }: TimerContext, queueOffset: number): number {
  const min = Math.max(0, store.minOffset(RMQ_SYS_WHEEL_TIMER_TOPIC, 0));
  const max = store.maxOffset(RMQ_SYS_WHEEL_TIMER_TOPIC, 0);
  const clamped = Math.min(Math.max(queueOffset, min), max);
  if (clamped !== queueOffset) logger.warn(`the timer goes on at offset ${clamped} of ${RMQ_SYS_WHEEL_TIMER_TOPIC}, not at ${queueOffset}`);
  return clamped;
}

/** Leaves out messages whose units reached the log after the checkpoint. */
function unitsFilter({ store }: TimerContext, { known }: LogEnd): EnqueueFilter | null {
  if (known.size === 0) return null;
  return { isWanted: (record) => !known.has(record.commitLogOffset), endOffset: store.maxOffset(RMQ_SYS_WHEEL_TIMER_TOPIC, 0) };
}

/** Empties wheel and log; every message of the topic that is not delivered is put there again. */
function rebuild(context: TimerContext, progress: TimerProgress): TimerStart {
  const { store, log, wheel, precisionMs } = context;
  log.clear();
  wheel.create({ reset: true });
  const end = Math.min(progress.queueOffset, store.maxOffset(RMQ_SYS_WHEEL_TIMER_TOPIC, 0));
  const rolled = rolledMessages(store, end);
  const readTimeMs = progress.readTimeMs - (progress.readTimeMs % precisionMs);
  const filter: EnqueueFilter = {
    isWanted: (record, slotTimeMs) => slotTimeMs >= readTimeMs && !rolled.has(rollKey(record, rollTimesOf(record) + 1)),
    endOffset: end,
  };
  const queueOffset = Math.max(0, store.minOffset(RMQ_SYS_WHEEL_TIMER_TOPIC, 0));
  const firstDueMs = arrivalTime(store, queueOffset);
  return { readTimeMs, queueOffset, liveSlots: 0, pending: 0, firstDueMs, filter, isRebuild: true };
}

/** Messages that were put on the timer topic again, by the turn; each takes the place of the one before. */
function rolledMessages(store: MessageStore, endOffset: number): Set<string> {
  const rolled = new Set<string>();
  for (let offset = Math.max(0, store.minOffset(RMQ_SYS_WHEEL_TIMER_TOPIC, 0)); offset < endOffset; ) {
    const result = store.getMessage(RMQ_SYS_WHEEL_TIMER_TOPIC, 0, offset, READ_MESSAGES);
    for (const buffer of result.buffers) {
      for (const record of decodeRecords(buffer)) {
        const turn = rollTimesOf(record);
        if (turn > 0) rolled.add(rollKey(record, turn));
      }
    }
    if (result.nextBeginOffset <= offset) break;
    offset = result.nextBeginOffset;
  }
  return rolled;
}

function rollKey(record: MessageRecord, turn: number): string {
  return `${turn} ${realTopicOf(record)}+${uniqKeyOf(record)}`;
}

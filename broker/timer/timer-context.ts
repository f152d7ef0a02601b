import type { Clock } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import { decodeRecord, type MessageRecord } from '../../src/common/message/record.js';
import { RMQ_SYS_WHEEL_TIMER_TOPIC } from '../../src/common/topic-names.js';
import type { DeliveredSince, Delivery } from '../delay/index.js';
import type { MessageStore } from '../store/index.js';
import type { TimerLog } from './timer-log.js';
import type { TimerMetrics } from './timer-metrics.js';
import { realTopicOf, rollTimesOf } from './timer-record.js';
import type { TimerUnit } from './timer-unit.js';
import type { TimerWheel } from './timer-wheel.js';

/** What the parts of the timer share. */
export interface TimerContext {
  readonly store: MessageStore;
  readonly wheel: TimerWheel;
  readonly log: TimerLog;
  readonly metrics: TimerMetrics;
  readonly delivery: Delivery;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly precisionMs: number;
  /** After a crash: what of slots before `startMs` had left already; null when nothing can have. */
  delivered: DeliveredSince | null;
  readonly startMs: number;
}

/**
 * The record that a unit points at; null when the commit log holds it no more, or holds something else there.
 * @param options.isAlone records near it are not asked for next
 */
export function recordOf(store: MessageStore, unit: TimerUnit, options?: { isAlone: boolean }): MessageRecord | null {
  const bytes = store.lookMessageByOffset(unit.commitLogOffset, options?.isAlone === true ? unit.recordBytes : 0);
  if (bytes === null) return null;
  const record = decodeRecord(bytes, 0);
  return record.topic === RMQ_SYS_WHEEL_TIMER_TOPIC && record.totalSize === unit.recordBytes ? record : null;
}

/** Whether a message left the wheel before the crash that the start recovers from. */
export function hadLeft(context: TimerContext, record: MessageRecord, isRoll: boolean): boolean {
  const { delivered } = context;
  if (delivered === null) return false;
  if (isRoll) return delivered.take(record, record, String(rollTimesOf(record) + 1));
  const queueId = Number(getProperty(record.properties, MessageConst.REAL_QID));
  return delivered.take(record, { topic: realTopicOf(record), queueId });
}

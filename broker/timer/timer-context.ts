import type { Clock } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import { decodeRecord, type MessageRecord } from '../../src/common/message/record.js';
import { RMQ_SYS_WHEEL_TIMER_TOPIC } from '../../src/common/topic-names.js';
import type { Delivery } from '../delay/index.js';
import type { MessageStore } from '../store/index.js';
import type { TimerLog } from './timer-log.js';
import type { TimerMetrics } from './timer-metrics.js';
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
}

/** The record that a unit points at; null when the commit log holds it no more, or holds something else there. */
export function recordOf(store: MessageStore, unit: TimerUnit): MessageRecord | null {
  const bytes = store.lookMessageByOffset(unit.commitLogOffset);
  if (bytes === null) return null;
  const record = decodeRecord(bytes, 0);
  return record.topic === RMQ_SYS_WHEEL_TIMER_TOPIC && record.totalSize === unit.recordBytes ? record : null;
}

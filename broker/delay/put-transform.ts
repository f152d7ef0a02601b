import type { Clock, Random } from '../../src/common/clock.js';
import { getProperty, MessageConst, removeProperty } from '../../src/common/message/properties.js';
import { RMQ_SYS_SCHEDULE_TOPIC, RMQ_SYS_WHEEL_TIMER_TOPIC } from '../../src/common/topic-names.js';
import { ResponseCode } from '../../src/remoting/codes.js';
import type { PutMessage } from '../store/index.js';
import type { SendRefusal } from '../topics/index.js';
import type { DelayLevels } from './delay-levels.js';

/** What decides where a delayed message waits. */
export interface ParkParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly delayLevels: DelayLevels;
  readonly config: {
    readonly store: {
      readonly timerWheelEnable: boolean;
      readonly timerMaxDelaySec: number;
      readonly timerPrecisionMs: number;
      readonly timerCongestNumEachSlot: number;
    };
  };
  /** The timer wheel; null when the broker runs without it. */
  readonly timer: { countInSlot(deliverMs: number): number } | null;
}

/** The part of a properties scan that says whether a message is delayed. */
export interface DelayScan {
  /** DELAY; 0 when there is none. */
  readonly delayLevel: number;
  /** There is a TIMER_DELAY_SEC, TIMER_DELAY_MS or TIMER_DELIVER_MS. */
  readonly hasTimer: boolean;
}

/** Steps of the timer wheel that Apache's broker knows, ms. */
const PRECISIONS_MS = [1000, 500, 200, 100];
const LONG = /^[+-]?\d{1,19}$/;

/** The step of the timer wheel: the largest allowed one that is not above `timerPrecisionMs`, at least 100 ms. */
export function timerPrecision(timerPrecisionMs: number): number {
  return PRECISIONS_MS.find((step) => step <= timerPrecisionMs) ?? 100;
}

/**
 * Parks a delayed message, in place: topic, queue and properties become those of the queue of its delay level, or of the timer topic. A
 * delay level wins over timer properties. A message that is not delayed, or whose time is over, stays what it is. Not for half messages:
 * their delay counts when they are committed.
 * @returns why the message cannot be taken; null when it can
 */
export function parkDelayed(parts: ParkParts, put: PutMessage, scan: DelayScan): SendRefusal | null {
  if (scan.delayLevel > 0) {
    parkAtLevel(parts, put, { level: scan.delayLevel, hasTimer: scan.hasTimer });
    return null;
  }
  return isForWheel(put, scan) ? parkOnWheel(parts, put) : null;
}

function parkAtLevel(parts: ParkParts, put: PutMessage, asked: { level: number; hasTimer: boolean }): void {
  const levels = parts.delayLevels;
  const level = levels.cap(asked.level);
  let { properties } = put;
  if (asked.hasTimer) {
    properties = removeProperty(properties, MessageConst.TIMER_DELIVER_MS);
    properties = removeProperty(properties, MessageConst.TIMER_DELAY_SEC);
    properties = removeProperty(properties, MessageConst.TIMER_DELAY_MS);
  }
  if (level !== asked.level) properties = `${removeProperty(properties, MessageConst.DELAY)}DELAY\u0001${level}\u0002`;
  put.properties = withRealTarget(properties, put);
  put.topic = RMQ_SYS_SCHEDULE_TOPIC;
  put.queueId = level - 1;
  put.tagsCode = parts.clock.nowMs() + levels.delayMs(level);
}

function parkOnWheel(parts: ParkParts, put: PutMessage): SendRefusal | null {
  const nowMs = parts.clock.nowMs();
  const askedMs = deliverTimeOf(put.properties, nowMs);
  const fault = faultOfTime(parts, put.properties, { nowMs, askedMs });
  if (fault !== null || askedMs <= nowMs) return fault;
  const step = timerPrecision(parts.config.store.timerPrecisionMs);
  // The slot before the time: a slot is over, and its messages are due, one step after its own time.
  const slotMs = askedMs % step === 0 ? askedMs - step : askedMs - (askedMs % step);
  const refusal = congestion(parts, slotMs);
  if (refusal !== null) return refusal;
  put.properties = `${withRealTarget(put.properties, put)}TIMER_OUT_MS\u0001${slotMs}\u0002`;
  put.topic = RMQ_SYS_WHEEL_TIMER_TOPIC;
  put.queueId = 0;
  return null;
}

/** Why a half message can never be parked when it is committed; null when it can be, or is not delayed by a timer. */
export function timerFault(parts: ParkParts, put: PutMessage, scan: DelayScan): SendRefusal | null {
  if (!isForWheel(put, scan)) return null;
  const nowMs = parts.clock.nowMs();
  return faultOfTime(parts, put.properties, { nowMs, askedMs: deliverTimeOf(put.properties, nowMs) });
}

function isForWheel(put: PutMessage, scan: DelayScan): boolean {
  if (!scan.hasTimer || scan.delayLevel > 0 || put.topic === RMQ_SYS_WHEEL_TIMER_TOPIC) return false;
  // A message that comes from the wheel, sent again by a consumer, is not delayed once more.
  return getProperty(put.properties, MessageConst.TIMER_OUT_MS) === undefined;
}

function faultOfTime(parts: ParkParts, properties: string, times: { nowMs: number; askedMs: number }): SendRefusal | null {
  const { timerWheelEnable, timerMaxDelaySec } = parts.config.store;
  if (!timerWheelEnable || parts.timer === null) {
    return { code: ResponseCode.SYSTEM_ERROR, remark: 'accurate timer message is not enabled, timerWheelEnable is false' };
  }
  const { nowMs, askedMs } = times;
  if (Number.isNaN(askedMs) || askedMs - nowMs > timerMaxDelaySec * 1000) return illegalTimer(timerMaxDelaySec);
  // A cancellation that comes too late would be delivered like a message.
  const isLateCancellation = askedMs <= nowMs && getProperty(properties, MessageConst.TIMER_DEL_UNIQKEY) !== undefined;
  return isLateCancellation ? illegalTimer(timerMaxDelaySec) : null;
}

/** When the sender wants the message delivered, ms; NaN when the property is not a number. */
function deliverTimeOf(properties: string, nowMs: number): number {
  const seconds = getProperty(properties, MessageConst.TIMER_DELAY_SEC);
  if (seconds !== undefined) return nowMs + longOf(seconds) * 1000;
  const delayMs = getProperty(properties, MessageConst.TIMER_DELAY_MS);
  if (delayMs !== undefined) return nowMs + longOf(delayMs);
  return longOf(getProperty(properties, MessageConst.TIMER_DELIVER_MS) ?? '');
}

function longOf(text: string): number {
  return LONG.test(text) ? Number(text) : Number.NaN;
}

function withRealTarget(properties: string, put: PutMessage): string {
  const rest = removeProperty(removeProperty(properties, MessageConst.REAL_TOPIC), MessageConst.REAL_QID);
  return `${rest}REAL_TOPIC\u0001${put.topic}\u0002REAL_QID\u0001${put.queueId}\u0002`;
}

/** Between timerCongestNumEachSlot messages in a slot and twice as many, chance decides as in Apache's broker; beyond that none is taken. */
function congestion(parts: ParkParts, slotMs: number): SendRefusal | null {
  const limit = parts.config.store.timerCongestNumEachSlot;
  const count = parts.timer!.countInSlot(slotMs);
  if (count <= limit) return null;
  if (count < limit * 2 && parts.random.nextInt(1000) <= (1000 * (count - limit)) / (limit + 0.1)) return null;
  return {
    code: ResponseCode.SYSTEM_ERROR,
    remark: `timer message is under flow control, max num limit is ${limit * 2} or the current value is greater than ${limit} and less than ${limit * 2}, trigger random flow control`,
  };
}

function illegalTimer(maxDelaySec: number): SendRefusal {
  return {
    code: ResponseCode.MESSAGE_ILLEGAL,
    remark: `timer message illegal, the delay time should not be bigger than the max delay ${maxDelaySec * 1000}ms; or if set del msg, the delay time should be bigger than the current time`,
  };
}

import { getProperty, MessageConst, removeProperty } from '../../src/common/message/properties.js';
import type { MessageRecord } from '../../src/common/message/record.js';
import { RMQ_SYS_WHEEL_TIMER_TOPIC } from '../../src/common/topic-names.js';
import { fitsRecord, fittedToRecord } from '../properties-room.js';

/** TIMER_ENQUEUE_MS of a message whose time was over before it came to the wheel: Java's Long.MAX_VALUE. */
const NEVER_ENQUEUED = '9223372036854775807';

/** TIMER_OUT_MS, the time of the record's slot; NaN for a record that is no timer message. */
export function slotTimeOf(record: MessageRecord): number {
  if (record.topic !== RMQ_SYS_WHEEL_TIMER_TOPIC) return Number.NaN;
  const text = getProperty(record.properties, MessageConst.TIMER_OUT_MS);
  return text === undefined ? Number.NaN : Number(text);
}

export function realTopicOf(record: MessageRecord): string {
  return getProperty(record.properties, MessageConst.REAL_TOPIC) ?? '';
}

/** What a cancellation names: `<real topic>+<UNIQ_KEY>`; undefined for an ordinary message. */
export function cancelledKeyOf(record: MessageRecord): string | undefined {
  return getProperty(record.properties, MessageConst.TIMER_DEL_UNIQKEY);
}

export function uniqKeyOf(record: MessageRecord): string | undefined {
  return getProperty(record.properties, MessageConst.UNIQ_KEY);
}

/**
 * When the sender wants the message, ms, as far as the record tells: never before it, never after the end of its slot. The slot alone says
 * it to a step of the precision only.
 */
export function dueTimeOf(record: MessageRecord, slotTimeMs: number, precisionMs: number): number {
  const endMs = slotTimeMs + precisionMs;
  const { properties } = record;
  let dueMs: number;
  const seconds = getProperty(properties, MessageConst.TIMER_DELAY_SEC);
  const delayMs = seconds === undefined ? getProperty(properties, MessageConst.TIMER_DELAY_MS) : undefined;
  if (seconds !== undefined || delayMs !== undefined) {
    // The record of a rolled message has a later store time.
    if (getProperty(properties, MessageConst.TIMER_ROLL_TIMES) !== undefined) return endMs;
    dueMs = record.storeTimestamp + (seconds === undefined ? Number(delayMs) : Number(seconds) * 1000);
  } else {
    dueMs = Number(getProperty(properties, MessageConst.TIMER_DELIVER_MS));
  }
  return dueMs > slotTimeMs && dueMs < endMs ? dueMs : endMs;
}

/**
 * The properties with which a record leaves the wheel; `enqueueMs` is null when it was never on it. The times are left out where a record
 * cannot hold them: its sender was told that it is stored.
 */
export function leavingProperties(record: MessageRecord, times: { enqueueMs: number | null; dequeueMs: number; isRoll: boolean }): string {
  let { properties } = record;
  if (times.isRoll) {
    // Others make room for it: a wheel that is made again knows by it which of two records counts.
    const rolled = fittedToRecord(withProperty(properties, MessageConst.TIMER_ROLL_TIMES, String(rollTimesOf(record) + 1)));
    if (fitsRecord(rolled)) properties = rolled;
  }
  const enqueueMs = times.enqueueMs === null ? NEVER_ENQUEUED : String(times.enqueueMs);
  const dated = withProperty(
    withProperty(properties, MessageConst.TIMER_ENQUEUE_MS, enqueueMs),
    MessageConst.TIMER_DEQUEUE_MS,
    String(times.dequeueMs),
  );
  return fitsRecord(dated) ? dated : properties;
}

function withProperty(properties: string, name: string, value: string): string {
  return `${removeProperty(properties, name)}${name}\u0001${value}\u0002`;
}

/** How often the message was put on the wheel again because its time lay beyond it. */
export function rollTimesOf(record: MessageRecord): number {
  return Number(getProperty(record.properties, MessageConst.TIMER_ROLL_TIMES) ?? 0) || 0;
}

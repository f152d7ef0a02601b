/*
 * What names a timer message that may be recalled: base64url, with padding, of `v1 <topic> <brokerName> <time> <UNIQ_KEY>`, separated by
 * single blanks. The time is TIMER_OUT_MS + 1. Mirrors RecallMessageHandle.HandleV1.
 */

const VERSION_1 = 'v1';
const SEPARATOR = ' ';
const BASE64_URL = /^[A-Za-z0-9_-]*={0,2}$/;

/** The parts of a handle. */
export interface RecallHandle {
  topic: string;
  brokerName: string;
  /** A time in the slot of the timer wheel that holds the message, ms; NaN when the handle has no number there. */
  timestampMs: number;
  /** The message's UNIQ_KEY. */
  msgId: string;
}

export function encodeRecallHandle(handle: RecallHandle): string {
  const { topic, brokerName, timestampMs, msgId } = handle;
  const text = Buffer.from([VERSION_1, topic, brokerName, timestampMs, msgId].join(SEPARATOR)).toString('base64url');
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/** Null for a text that is no handle. */
export function decodeRecallHandle(text: string): RecallHandle | null {
  if (!BASE64_URL.test(text)) return null;
  const [version, topic, brokerName, time, msgId] = Buffer.from(text, 'base64url').toString().split(SEPARATOR);
  if (version !== VERSION_1 || topic === undefined || brokerName === undefined || time === undefined || !msgId) return null;
  return { topic, brokerName, timestampMs: /^\d{1,16}$/.test(time) ? Number(time) : Number.NaN, msgId };
}

/*
 * Messages of the revive topic `rmq_sys_REVIVE_LOG_<cluster>`: JSON bodies, told apart by their tag. Mirrors PopCheckPoint, AckMsg, BatchAckMsg.
 *
 * | tag  | body                                                                                                                            |
 * | ck   | bm bits of acknowledged messages, bn broker, c group, d offsets − so, it invisible ms, n messages, pt pop time, q, ro, so, t, rp |
 * | ack  | ao offset, bn, c, pt, q, so, t                                                                                                   |
 * | bAck | as ack, with aol offsets                                                                                                         |
 */
import { parseFastjson, stringifyFastjson } from '../../src/common/fastjson.js';
import { asArray, asNumber, asObject, asText } from '../json.js';

/** Bits of a check point; no pop hands out more messages of one queue. */
export const MAX_CHECK_POINT_MESSAGES = 32;

export const CHECK_POINT_TAG = 'ck';
export const ACK_TAG = 'ack';
export const BATCH_ACK_TAG = 'bAck';

/** The messages of one queue that one pop handed out. */
export interface CheckPoint {
  topic: string;
  group: string;
  queueId: number;
  startOffset: number;
  popTime: number;
  invisibleTime: number;
  brokerName: string;
  /** Queue offsets of the messages. */
  offsets: number[];
  /** Bit i: the message at `offsets[i]` is acknowledged. */
  acked: number;
}

/** Acknowledged messages of one check point. */
export interface Ack {
  topic: string;
  group: string;
  queueId: number;
  startOffset: number;
  popTime: number;
  brokerName: string;
  offsets: readonly number[];
}

/** A message for the revive topic. */
export interface ReviveMessage {
  tag: string;
  uniqKey: string;
  body: Buffer;
  /** When the reviving service is to see it, ms. */
  deliverMs: number;
}

/** Seen so long before the messages become visible again, so that acknowledgements of the last moment come behind it. */
const CHECK_POINT_AHEAD_MS = 1000;

/** What a check point and its acknowledgements have in common. */
export function checkPointKey({ topic, group, queueId, startOffset, popTime, brokerName }: Omit<Ack, 'offsets'>): string {
  return `${topic}\u0000${group}\u0000${queueId}\u0000${startOffset}\u0000${popTime}\u0000${brokerName}`;
}

export function encodeCheckPoint(point: CheckPoint): ReviveMessage {
  const { topic, group, queueId, startOffset, popTime, invisibleTime, brokerName, offsets, acked } = point;
  const body = {
    bm: acked,
    bn: brokerName,
    c: group,
    d: offsets.map((offset) => offset - startOffset),
    it: invisibleTime,
    n: offsets.length,
    pt: popTime,
    q: queueId,
    ro: 0,
    so: startOffset,
    t: topic,
  };
  return {
    tag: CHECK_POINT_TAG,
    uniqKey: `${topic}@${queueId}@${startOffset}@${group}@${popTime}@${brokerName}@${CHECK_POINT_TAG}`,
    body: Buffer.from(stringifyFastjson(body)),
    deliverMs: popTime + invisibleTime - CHECK_POINT_AHEAD_MS,
  };
}

/** @param kind a batch says which offsets it holds, a single acknowledgement has one */
export function encodeAck(ack: Ack, invisibleTime: number, kind: 'single' | 'batch'): ReviveMessage {
  const { topic, group, queueId, startOffset, popTime, brokerName, offsets } = ack;
  const ackOffset = kind === 'single' ? offsets[0]! : -1;
  const tag = kind === 'single' ? ACK_TAG : BATCH_ACK_TAG;
  const body = {
    ao: ackOffset,
    ...(kind === 'single' ? {} : { aol: offsets }),
    bn: brokerName,
    c: group,
    pt: popTime,
    q: queueId,
    so: startOffset,
    t: topic,
  };
  return {
    tag,
    uniqKey: `${topic}@${queueId}@${ackOffset}@${group}@${popTime}@${brokerName}@${ACK_TAG}`,
    body: Buffer.from(stringifyFastjson(body)),
    deliverMs: popTime + invisibleTime,
  };
}

/** Null for a body that is no check point. */
export function decodeCheckPoint(body: Buffer): CheckPoint | null {
  const fields = parse(body);
  const common = fields === null ? null : readCommon(fields);
  if (fields === null || common === null) return null;
  const count = asNumber(fields.n, 0);
  const diffs = asArray(fields.d).map((diff) => asNumber(diff, 0));
  // Brokers before 5.1 leave the differences out: the messages lie side by side.
  const steps = diffs.length > 0 ? diffs : Array.from({ length: Math.min(Math.max(0, count), MAX_CHECK_POINT_MESSAGES) }, (_, i) => i);
  const offsets = steps.slice(0, MAX_CHECK_POINT_MESSAGES).map((diff) => common.startOffset + diff);
  return { ...common, invisibleTime: asNumber(fields.it, 0), offsets, acked: asNumber(fields.bm, 0) | 0 };
}

/** Null for a body that is no acknowledgement. */
export function decodeAck(body: Buffer): Ack | null {
  const fields = parse(body);
  const common = fields === null ? null : readCommon(fields);
  if (fields === null || common === null) return null;
  const list = asArray(fields.aol).map((offset) => asNumber(offset, -1));
  return { ...common, offsets: list.length > 0 ? list : [asNumber(fields.ao, -1)] };
}

function readCommon(fields: Record<string, unknown>): Omit<Ack, 'offsets'> | null {
  const topic = asText(fields.t, '');
  const group = asText(fields.c, '');
  if (topic === '' || group === '') return null;
  return {
    topic,
    group,
    queueId: asNumber(fields.q, 0),
    startOffset: asNumber(fields.so, 0),
    popTime: asNumber(fields.pt, 0),
    brokerName: asText(fields.bn, ''),
  };
}

function parse(body: Buffer): Record<string, unknown> | null {
  try {
    return asObject(parseFastjson(body));
  } catch {
    return null;
  }
}

/** The bit of a message of a check point; −1 when it is not among them. */
export function ackIndex(point: CheckPoint, offset: number): number {
  return point.offsets.indexOf(offset);
}

export function isAcked(point: CheckPoint, index: number): boolean {
  return (point.acked & (1 << index)) !== 0;
}

export function isSettled(point: CheckPoint): boolean {
  for (let i = 0; i < point.offsets.length; i++) if (!isAcked(point, i)) return false;
  return true;
}

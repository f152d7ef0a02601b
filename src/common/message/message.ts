import { decompressBody } from '../compression.js';
import { clearCompressed } from '../sys-flag.js';
import { encodeOffsetMsgId } from './message-id.js';
import { decodeProperties, KEY_SEPARATOR, MessageConst } from './properties.js';
import type { MessageRecord } from './record.js';

/** A message as a sender gives it. */
export interface Message {
  topic: string;
  body: Buffer;
  tags?: string;
  /** One key, or several. */
  keys?: string | readonly string[];
  /** Application flag; the system does not read it. */
  flag?: number;
  /** 1 to 18 with the default levels; 0 or absent sends at once. */
  delayTimeLevel?: number;
  /** Delivered so many seconds after the send, at the earliest; for brokers of 5.x. A delay level wins. */
  delayTimeSec?: number;
  /** The same in ms; delayTimeSec wins. */
  delayTimeMs?: number;
  /** Delivered at this time (ms since 1970), at the earliest; delayTimeSec and delayTimeMs win. */
  deliverTimeMs?: number;
  /** False: the answer need not wait for flush and replicas. */
  waitStoreMsgOK?: boolean;
  /** User properties. */
  properties?: Map<string, string>;
}

/** A message as a consumer or a query gets it. */
export interface MessageExt extends Omit<MessageRecord, 'properties'> {
  /** The client's unique id (UNIQ_KEY), or the offsetMsgId when the message has none. */
  msgId: string;
  offsetMsgId: string;
  properties: Map<string, string>;
  tags?: string | undefined;
  /** Single keys, split at spaces. */
  keys: string[];
  /** Bytes of the record in the commit log. */
  storeSize: number;
  /** Name of the broker it was read from, where known. */
  brokerName?: string;
}

/**
 * Turns a stored record into what consumers see: properties decoded, body inflated and copied out of the received buffer.
 * @throws ProtocolError when the body cannot be inflated.
 */
export function toMessageExt(record: MessageRecord, options: { brokerName?: string; copyBody?: boolean } = {}): MessageExt {
  const properties = decodeProperties(record.properties);
  const offsetMsgId = encodeOffsetMsgId(record.storeHost, record.commitLogOffset);
  const tags = properties.get(MessageConst.TAGS);
  const inflated = decompressBody(record.body, record.sysFlag);
  const body = inflated === record.body && options.copyBody === true ? Buffer.from(inflated) : inflated;
  return {
    ...record,
    sysFlag: inflated === record.body ? record.sysFlag : clearCompressed(record.sysFlag),
    body,
    properties,
    msgId: properties.get(MessageConst.UNIQ_KEY) ?? offsetMsgId,
    offsetMsgId,
    ...(tags === undefined ? {} : { tags }),
    keys: splitKeys(properties.get(MessageConst.KEYS)),
    storeSize: record.totalSize,
    ...(options.brokerName === undefined ? {} : { brokerName: options.brokerName }),
  };
}

/** Single keys of a KEYS property. */
export function splitKeys(keys: string | undefined): string[] {
  return keys === undefined ? [] : keys.split(KEY_SEPARATOR).filter((key) => key !== '');
}

/** The properties that the delay fields of a message stand for; most messages have none. */
export function timerProperties(message: Message): readonly (readonly [string, string])[] {
  const { delayTimeSec, delayTimeMs, deliverTimeMs } = message;
  if (delayTimeSec === undefined && delayTimeMs === undefined && deliverTimeMs === undefined) {
    return NO_TIMER_PROPERTIES;
  }
  const properties: [string, string][] = [];
  if (delayTimeSec !== undefined) {
    properties.push([MessageConst.TIMER_DELAY_SEC, String(delayTimeSec)]);
  }
  if (delayTimeMs !== undefined) {
    properties.push([MessageConst.TIMER_DELAY_MS, String(delayTimeMs)]);
  }
  if (deliverTimeMs !== undefined) {
    properties.push([MessageConst.TIMER_DELIVER_MS, String(deliverTimeMs)]);
  }
  return properties;
}

const NO_TIMER_PROPERTIES: readonly (readonly [string, string])[] = [];

/** System properties that the fields of a message stand for, followed by its user properties. */
export function messageProperties(message: Message): Map<string, string> {
  const properties = new Map(message.properties ?? []);
  if (message.keys !== undefined) {
    properties.set(MessageConst.KEYS, typeof message.keys === 'string' ? message.keys : message.keys.join(KEY_SEPARATOR));
  }
  if (message.tags !== undefined) {
    properties.set(MessageConst.TAGS, message.tags);
  }
  if (message.delayTimeLevel !== undefined && message.delayTimeLevel !== 0) {
    properties.set(MessageConst.DELAY, String(message.delayTimeLevel));
  }
  for (const [name, value] of timerProperties(message)) properties.set(name, value);
  properties.set(MessageConst.WAIT, String(message.waitStoreMsgOK ?? true));
  return properties;
}

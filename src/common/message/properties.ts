/*
 * Properties text of a message: name 0x01 value 0x02, repeated. Mirrors MessageDecoder.messageProperties2String.
 */

const NAME_VALUE_SEPARATOR = '\u0001';
const PROPERTY_SEPARATOR = '\u0002';
const NAME_VALUE_SEPARATOR_CODE = 1;
const PROPERTY_SEPARATOR_CODE = 2;

/** Names of the properties that have a meaning to the system. */
export const MessageConst = {
  KEYS: 'KEYS',
  TAGS: 'TAGS',
  WAIT: 'WAIT',
  DELAY: 'DELAY',
  RETRY_TOPIC: 'RETRY_TOPIC',
  REAL_TOPIC: 'REAL_TOPIC',
  REAL_QID: 'REAL_QID',
  TRAN_MSG: 'TRAN_MSG',
  PGROUP: 'PGROUP',
  MIN_OFFSET: 'MIN_OFFSET',
  MAX_OFFSET: 'MAX_OFFSET',
  BUYER_ID: 'BUYER_ID',
  ORIGIN_MESSAGE_ID: 'ORIGIN_MESSAGE_ID',
  TRANSFER_FLAG: 'TRANSFER_FLAG',
  CORRECTION_FLAG: 'CORRECTION_FLAG',
  MQ2_FLAG: 'MQ2_FLAG',
  RECONSUME_TIME: 'RECONSUME_TIME',
  MSG_REGION: 'MSG_REGION',
  TRACE_ON: 'TRACE_ON',
  UNIQ_KEY: 'UNIQ_KEY',
  EXTEND_UNIQ_INFO: 'EXTEND_UNIQ_INFO',
  MAX_RECONSUME_TIMES: 'MAX_RECONSUME_TIMES',
  CONSUME_START_TIME: 'CONSUME_START_TIME',
  INNER_NUM: 'INNER_NUM',
  INNER_BASE: 'INNER_BASE',
  DUP_INFO: 'DUP_INFO',
  CHECK_IMMUNITY_TIME_IN_SECONDS: 'CHECK_IMMUNITY_TIME_IN_SECONDS',
  TRAN_PREPARED_QUEUE_OFFSET: 'TRAN_PREPARED_QUEUE_OFFSET',
  TRANSACTION_ID: '__transactionId__',
  TRANSACTION_CHECK_TIMES: 'TRANSACTION_CHECK_TIMES',
  INSTANCE_ID: 'INSTANCE_ID',
  CORRELATION_ID: 'CORRELATION_ID',
  REPLY_TO_CLIENT: 'REPLY_TO_CLIENT',
  TTL: 'TTL',
  ARRIVE_TIME: 'ARRIVE_TIME',
  PUSH_REPLY_TIME: 'PUSH_REPLY_TIME',
  CLUSTER: 'CLUSTER',
  MSG_TYPE: 'MSG_TYPE',
  POP_CK: 'POP_CK',
  POP_CK_OFFSET: 'POP_CK_OFFSET',
  FIRST_POP_TIME: '1ST_POP_TIME',
  SHARDING_KEY: '__SHARDINGKEY',
  FORWARD_QUEUE_ID: 'PROPERTY_FORWARD_QUEUE_ID',
  REDIRECT: 'REDIRECT',
  INNER_MULTI_DISPATCH: 'INNER_MULTI_DISPATCH',
  INNER_MULTI_QUEUE_OFFSET: 'INNER_MULTI_QUEUE_OFFSET',
  TRACE_CONTEXT: 'TRACE_CONTEXT',
  TIMER_DELAY_SEC: 'TIMER_DELAY_SEC',
  TIMER_DELAY_MS: 'TIMER_DELAY_MS',
  TIMER_DELIVER_MS: 'TIMER_DELIVER_MS',
  TIMER_ENQUEUE_MS: 'TIMER_ENQUEUE_MS',
  TIMER_DEQUEUE_MS: 'TIMER_DEQUEUE_MS',
  TIMER_ROLL_TIMES: 'TIMER_ROLL_TIMES',
  TIMER_OUT_MS: 'TIMER_OUT_MS',
  TIMER_DEL_UNIQKEY: 'TIMER_DEL_UNIQKEY',
  TIMER_DELAY_LEVEL: 'TIMER_DELAY_LEVEL',
  BORN_HOST: '__BORNHOST',
  BORN_TIMESTAMP: 'BORN_TIMESTAMP',
  DLQ_ORIGIN_TOPIC: 'DLQ_ORIGIN_TOPIC',
  DLQ_ORIGIN_MESSAGE_ID: 'DLQ_ORIGIN_MESSAGE_ID',
  CRC32: '__CRC32#',
} as const;

/** Words of the KEYS property are separated by this. */
export const KEY_SEPARATOR = ' ';

const M = MessageConst;

/** Names that belong to the system: a user may not set them as a user property. */
export const SYSTEM_PROPERTIES: ReadonlySet<string> = new Set([
  M.KEYS,
  M.TAGS,
  M.WAIT,
  M.DELAY,
  M.RETRY_TOPIC,
  M.REAL_TOPIC,
  M.REAL_QID,
  M.TRAN_MSG,
  M.PGROUP,
  M.MIN_OFFSET,
  M.MAX_OFFSET,
  M.BUYER_ID,
  M.ORIGIN_MESSAGE_ID,
  M.TRANSFER_FLAG,
  M.CORRECTION_FLAG,
  M.MQ2_FLAG,
  M.RECONSUME_TIME,
  M.MSG_REGION,
  M.TRACE_ON,
  M.UNIQ_KEY,
  M.EXTEND_UNIQ_INFO,
  M.MAX_RECONSUME_TIMES,
  M.CONSUME_START_TIME,
  M.DUP_INFO,
  M.TRAN_PREPARED_QUEUE_OFFSET,
  M.INSTANCE_ID,
  M.CORRELATION_ID,
  M.REPLY_TO_CLIENT,
  M.TTL,
  M.ARRIVE_TIME,
  M.PUSH_REPLY_TIME,
  M.CLUSTER,
  M.MSG_TYPE,
  M.POP_CK,
  M.POP_CK_OFFSET,
  M.FIRST_POP_TIME,
  M.INNER_MULTI_QUEUE_OFFSET,
  M.TIMER_DELAY_SEC,
  M.TIMER_DELAY_MS,
  M.TIMER_DELIVER_MS,
  M.TIMER_ENQUEUE_MS,
  M.TIMER_DEQUEUE_MS,
  M.TIMER_ROLL_TIMES,
  M.TIMER_OUT_MS,
  M.TIMER_DEL_UNIQKEY,
  M.TIMER_DELAY_LEVEL,
  M.BORN_HOST,
  M.BORN_TIMESTAMP,
  M.DLQ_ORIGIN_TOPIC,
  M.DLQ_ORIGIN_MESSAGE_ID,
  M.CRC32,
]);

/** Encodes properties in the order given; every pair ends in 0x02. */
export function encodeProperties(properties: Iterable<readonly [string, string]> | Readonly<Record<string, string>>): string {
  const entries =
    Symbol.iterator in properties
      ? (properties as Iterable<readonly [string, string]>)
      : Object.entries(properties as Record<string, string>);
  let text = '';
  for (const [name, value] of entries) {
    text += name + NAME_VALUE_SEPARATOR + value + PROPERTY_SEPARATOR;
  }
  return text;
}

/**
 * Decodes properties. As Java does: the last 0x02 may be missing, a pair without name or without value is dropped,
 * a later duplicate wins.
 */
export function decodeProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  let start = 0;
  while (start < text.length) {
    let end = text.indexOf(PROPERTY_SEPARATOR, start);
    if (end < 0) {
      end = text.length;
    }
    const separator = text.indexOf(NAME_VALUE_SEPARATOR, start);
    if (separator > start && separator < end - 1) {
      properties.set(text.slice(start, separator), text.slice(separator + 1, end));
    }
    start = end + 1;
  }
  return properties;
}

/** One property without decoding the others; the last of duplicates, undefined when absent or empty. */
export function getProperty(text: string, name: string): string | undefined {
  const nameLength = name.length;
  let from = text.length;
  while (from >= 0) {
    const at = text.lastIndexOf(name, from);
    if (at < 0) {
      return undefined;
    }
    const isName =
      (at === 0 || text.charCodeAt(at - 1) === PROPERTY_SEPARATOR_CODE) && text.charCodeAt(at + nameLength) === NAME_VALUE_SEPARATOR_CODE;
    if (isName) {
      const valueStart = at + nameLength + 1;
      const end = text.indexOf(PROPERTY_SEPARATOR, valueStart);
      const value = end < 0 ? text.slice(valueStart) : text.slice(valueStart, end);
      if (value !== '') {
        return value;
      }
    }
    from = at - 1;
  }
  return undefined;
}

/** Adds one pair to an encoded text; a missing last 0x02 is added first. */
export function appendProperty(text: string, name: string, value: string): string {
  return withFinalSeparator(text) + name + NAME_VALUE_SEPARATOR + value + PROPERTY_SEPARATOR;
}

/** The text with the 0x02 at its end that old clients leave out; an empty text stays empty. */
export function withFinalSeparator(text: string): string {
  return text === '' || text.charCodeAt(text.length - 1) === PROPERTY_SEPARATOR_CODE ? text : text + PROPERTY_SEPARATOR;
}

/** Removes a property from an encoded text without decoding the others. */
export function removeProperty(text: string, name: string): string {
  let result = text;
  let at = result.indexOf(name + NAME_VALUE_SEPARATOR);
  while (at >= 0) {
    if (at === 0 || result.charCodeAt(at - 1) === PROPERTY_SEPARATOR_CODE) {
      const end = result.indexOf(PROPERTY_SEPARATOR, at);
      result = result.slice(0, at) + (end < 0 ? '' : result.slice(end + 1));
      at = result.indexOf(name + NAME_VALUE_SEPARATOR, at);
    } else {
      at = result.indexOf(name + NAME_VALUE_SEPARATOR, at + 1);
    }
  }
  return result;
}

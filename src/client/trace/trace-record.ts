/*
 * The records in the body of a message of the trace topic: UTF-8 text, each field but the last of a record followed by 0x01, each record by
 * 0x02. A value that is missing is the text `null`. Mirrors TraceDataEncoder.
 *
 * | Pub         | SubBefore  | SubAfter    | EndTransaction       | Recall    |
 * | ----------- | ---------- | ----------- | -------------------- | --------- |
 * | timestamp   | timestamp  | requestId   | timestamp            | timestamp |
 * | regionId    | regionId   | msgId       | regionId             | regionId  |
 * | groupName   | groupName  | costTime    | groupName            | groupName |
 * | topic       | requestId  | success     | topic                | topic     |
 * | msgId       | msgId      | keys        | msgId                | msgId     |
 * | tags        | retryTimes | contextCode | tags                 | success   |
 * | keys        | keys       | timestamp   | keys                 |           |
 * | storeHost   |            | groupName   | storeHost            |           |
 * | bodyLength  |            |             | msgType              |           |
 * | costTime    |            |             | transactionId        |           |
 * | msgType     |            |             | transactionState     |           |
 * | offsetMsgId |            |             | fromTransactionCheck |           |
 * | success     |            |             |                      |           |
 *
 * Clients of clouds leave the last two fields of SubAfter out, old ones the offsetMsgId of Pub, others put a clientHost behind its success.
 */

const FIELD_END = '\u0001';
const RECORD_END = '\u0002';
const NULL = 'null';

/** `msgType`: the ordinals of Java's MessageType. */
export const TraceMessageType = { NORMAL: 0, TRANS_HALF: 1, TRANS_COMMIT: 2, DELAY: 3, ORDER: 4 } as const;

/** A message was stored. */
export interface PubTrace {
  readonly traceType: 'Pub';
  /** When the attempt that stored it began, ms. */
  readonly timestamp: number;
  readonly regionId: string;
  readonly groupName: string;
  readonly topic: string;
  readonly msgId: string;
  readonly tags: string | null;
  /** Separated by blanks. */
  readonly keys: string | null;
  /** Address of the broker. */
  readonly storeHost: string;
  /** As sent: compressed where it was. */
  readonly bodyLength: number;
  /** ms. */
  readonly costTime: number;
  readonly msgType: number;
  readonly offsetMsgId: string | null;
  /** False for a status other than SEND_OK. */
  readonly success: boolean;
}

/** A listener gets a message. */
export interface SubBeforeTrace {
  readonly traceType: 'SubBefore';
  readonly timestamp: number;
  readonly regionId: string;
  readonly groupName: string;
  /** The same in the SubAfter of the call. */
  readonly requestId: string;
  readonly msgId: string;
  readonly retryTimes: number;
  readonly keys: string | null;
}

/** A listener is done with a message. */
export interface SubAfterTrace {
  readonly traceType: 'SubAfter';
  readonly requestId: string;
  readonly msgId: string;
  /** The call's time divided by its messages, ms. */
  readonly costTime: number;
  readonly success: boolean;
  readonly keys: string | null;
  /** Ordinal of Java's ConsumeReturnType: 0 success, 1 time-out, 2 exception, 3 no answer, 4 failed. */
  readonly contextCode: number;
  /** Null where the client is one of a cloud. */
  readonly timestamp: number | null;
  readonly groupName: string | null;
}

/** A producer said how a transaction ended. */
export interface EndTransactionTrace {
  readonly traceType: 'EndTransaction';
  readonly timestamp: number;
  readonly regionId: string;
  readonly groupName: string;
  readonly topic: string;
  readonly msgId: string;
  readonly tags: string | null;
  readonly keys: string | null;
  readonly storeHost: string;
  readonly msgType: number;
  readonly transactionId: string;
  /** COMMIT_MESSAGE, ROLLBACK_MESSAGE or UNKNOW. */
  readonly transactionState: string;
  readonly fromTransactionCheck: boolean;
}

/** A timer message was taken back. */
export interface RecallTrace {
  readonly traceType: 'Recall';
  readonly timestamp: number;
  readonly regionId: string;
  readonly groupName: string;
  readonly topic: string;
  readonly msgId: string;
  readonly success: boolean;
}

export type TraceRecord = PubTrace | SubBeforeTrace | SubAfterTrace | EndTransactionTrace | RecallTrace;

/** The text of one record, its end included. */
export function encodeTraceRecord(record: TraceRecord): string {
  return fieldsOf(record).join(FIELD_END) + RECORD_END;
}

/** `join` writes nothing for null, so that such fields say it themselves. */
function fieldsOf(record: TraceRecord): readonly (string | number | boolean)[] {
  const { traceType, msgId } = record;
  switch (traceType) {
    case 'Pub': {
      const { timestamp, regionId, groupName, topic, storeHost, bodyLength, costTime, msgType, success } = record;
      const texts = [record.tags ?? NULL, record.keys ?? NULL, storeHost];
      const rest = [bodyLength, costTime, msgType, record.offsetMsgId ?? NULL, success];
      return [traceType, timestamp, regionId, groupName, topic, msgId, ...texts, ...rest];
    }
    case 'SubBefore': {
      const { timestamp, regionId, groupName, requestId, retryTimes } = record;
      return [traceType, timestamp, regionId, groupName, requestId, msgId, retryTimes, record.keys ?? NULL];
    }
    case 'SubAfter': {
      const { requestId, costTime, success, contextCode, timestamp, groupName } = record;
      const fields = [traceType, requestId, msgId, costTime, success, record.keys ?? NULL, contextCode];
      return timestamp === null || groupName === null ? [...fields, ''] : [...fields, timestamp, groupName];
    }
    case 'EndTransaction': {
      const { timestamp, regionId, groupName, topic, storeHost, msgType, transactionId, transactionState, fromTransactionCheck } = record;
      const texts = [record.tags ?? NULL, record.keys ?? NULL, storeHost];
      return [
        traceType,
        timestamp,
        regionId,
        groupName,
        topic,
        msgId,
        ...texts,
        msgType,
        transactionId,
        transactionState,
        fromTransactionCheck,
      ];
    }
    case 'Recall': {
      const { timestamp, regionId, groupName, topic, success } = record;
      return [traceType, timestamp, regionId, groupName, topic, msgId, success];
    }
  }
}

/** The records in the body of a message of the trace topic. What is no record is left out. */
export function decodeTraceRecords(text: string): TraceRecord[] {
  const records: TraceRecord[] = [];
  for (const line of text.split(RECORD_END)) {
    const record = line === '' ? null : decodeRecord(line.split(FIELD_END));
    if (record !== null) {
      records.push(record);
    }
  }
  return records;
}

function decodeRecord(fields: readonly string[]): TraceRecord | null {
  switch (fields[0]) {
    case 'Pub':
      return decodePub(fields);
    case 'SubBefore':
      return decodeSubBefore(fields);
    case 'SubAfter':
      return decodeSubAfter(fields);
    case 'EndTransaction':
      return decodeEndTransaction(fields);
    case 'Recall':
      return decodeRecall(fields);
    default:
      return null;
  }
}

function decodePub(fields: readonly string[]): PubTrace | null {
  const [, time, regionId = '', groupName = '', topic = '', msgId = '', tags, keys, storeHost = '', length, cost, type] = fields;
  const numbers = [time, length, cost, type].map(Number);
  if (fields.length < 13 || !numbers.every(Number.isFinite)) {
    return null;
  }
  const [timestamp = 0, bodyLength = 0, costTime = 0, msgType = 0] = numbers;
  const hasOffsetMsgId = fields.length > 13;
  return {
    traceType: 'Pub',
    timestamp,
    regionId,
    groupName,
    topic,
    msgId,
    tags: orNull(tags),
    keys: orNull(keys),
    storeHost,
    bodyLength,
    costTime,
    msgType,
    offsetMsgId: hasOffsetMsgId ? orNull(fields[12]) : null,
    success: isTrue(fields[hasOffsetMsgId ? 13 : 12]),
  };
}

function decodeSubBefore(fields: readonly string[]): SubBeforeTrace | null {
  const [, time, regionId = '', groupName = '', requestId = '', msgId = '', retries, keys] = fields;
  const [timestamp, retryTimes] = [Number(time), Number(retries)];
  if (fields.length < 7 || !Number.isFinite(timestamp) || !Number.isFinite(retryTimes)) {
    return null;
  }
  return { traceType: 'SubBefore', timestamp, regionId, groupName, requestId, msgId, retryTimes, keys: orNull(keys) };
}

function decodeSubAfter(fields: readonly string[]): SubAfterTrace | null {
  const [, requestId = '', msgId = '', cost, success, keys, code = '0', time, groupName] = fields;
  const [costTime, contextCode] = [Number(cost), Number(code)];
  if (fields.length < 5 || !Number.isFinite(costTime)) {
    return null;
  }
  const timestamp = time === undefined || groupName === undefined || !Number.isFinite(Number(time)) ? null : Number(time);
  return {
    traceType: 'SubAfter',
    requestId,
    msgId,
    costTime,
    success: isTrue(success),
    keys: orNull(keys),
    contextCode: Number.isFinite(contextCode) ? contextCode : 0,
    timestamp,
    groupName: timestamp === null || groupName === undefined ? null : groupName,
  };
}

function decodeEndTransaction(fields: readonly string[]): EndTransactionTrace | null {
  const [, time, regionId = '', groupName = '', topic = '', msgId = '', tags, keys, storeHost = '', type, transactionId = ''] = fields;
  const [timestamp, msgType] = [Number(time), Number(type)];
  if (fields.length < 13 || !Number.isFinite(timestamp) || !Number.isFinite(msgType)) {
    return null;
  }
  return {
    traceType: 'EndTransaction',
    timestamp,
    regionId,
    groupName,
    topic,
    msgId,
    tags: orNull(tags),
    keys: orNull(keys),
    storeHost,
    msgType,
    transactionId,
    transactionState: fields[11] ?? '',
    fromTransactionCheck: isTrue(fields[12]),
  };
}

function decodeRecall(fields: readonly string[]): RecallTrace | null {
  const [, time, regionId = '', groupName = '', topic = '', msgId = '', success] = fields;
  const timestamp = Number(time);
  if (fields.length < 7 || !Number.isFinite(timestamp)) {
    return null;
  }
  return { traceType: 'Recall', timestamp, regionId, groupName, topic, msgId, success: isTrue(success) };
}

/** Absent and empty values of senders come back as the text `null` or as nothing. */
function orNull(text: string | undefined): string | null {
  return text === undefined || text === '' || text === NULL ? null : text;
}

function isTrue(text: string | undefined): boolean {
  return text?.toLowerCase() === 'true';
}

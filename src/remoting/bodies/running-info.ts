/* The answer of GET_CONSUMER_RUNNING_INFO: what a consumer knows of itself. */
import { JavaDouble, type JsonObject, type JsonValue } from '../../common/fastjson.js';
import {
  asObject,
  double,
  encodeMap,
  flag,
  integer,
  objectMap,
  objects,
  optionalText,
  parseBody,
  type QueueTable,
  queueMap,
  queueTable,
  textMap,
  writeBody,
} from './reader.js';
import { type SubscriptionData, toSubscriptionData } from './subscription.js';

/** State of one queue; names as Java spells them (`droped`). */
export interface ProcessQueueInfo {
  commitOffset: number;
  cachedMsgMinOffset: number;
  cachedMsgMaxOffset: number;
  cachedMsgCount: number;
  cachedMsgSizeInMiB: number;
  transactionMsgMinOffset: number;
  transactionMsgMaxOffset: number;
  transactionMsgCount: number;
  locked: boolean;
  tryUnlockTimes: number;
  lastLockTimestamp: number;
  droped: boolean;
  lastPullTimestamp: number;
  lastConsumeTimestamp: number;
}

export interface ConsumeStatus {
  pullRT: number;
  pullTPS: number;
  consumeRT: number;
  consumeOKTPS: number;
  consumeFailedTPS: number;
  consumeFailedMsgs: number;
}

export interface ConsumerRunningInfo {
  /** PROP_CONSUMER_START_TIMESTAMP, PROP_CONSUME_TYPE, PROP_CLIENT_VERSION, … */
  properties: Map<string, string>;
  subscriptionSet: SubscriptionData[];
  mqTable: QueueTable<ProcessQueueInfo>;
  /** Pop consumption; kept as it came. */
  mqPopTable: QueueTable<JsonValue>;
  /** By topic. */
  statusTable: Map<string, ConsumeStatus>;
  userConsumerInfo: Map<string, string>;
  jstack?: string;
}

const INTEGER_FIELDS = [
  'commitOffset',
  'cachedMsgMinOffset',
  'cachedMsgMaxOffset',
  'cachedMsgCount',
  'cachedMsgSizeInMiB',
  'transactionMsgMinOffset',
  'transactionMsgMaxOffset',
  'transactionMsgCount',
  'tryUnlockTimes',
  'lastLockTimestamp',
  'lastPullTimestamp',
  'lastConsumeTimestamp',
] as const;

function toProcessQueueInfo(object: JsonObject): ProcessQueueInfo {
  const integers = Object.fromEntries(INTEGER_FIELDS.map((key) => [key, integer(object, key)])) as Record<
    (typeof INTEGER_FIELDS)[number],
    number
  >;
  return { ...integers, locked: flag(object, 'locked'), droped: flag(object, 'droped') };
}

function toConsumeStatus(object: JsonObject): ConsumeStatus {
  return {
    pullRT: double(object, 'pullRT'),
    pullTPS: double(object, 'pullTPS'),
    consumeRT: double(object, 'consumeRT'),
    consumeOKTPS: double(object, 'consumeOKTPS'),
    consumeFailedTPS: double(object, 'consumeFailedTPS'),
    consumeFailedMsgs: integer(object, 'consumeFailedMsgs'),
  };
}

function fromConsumeStatus(status: ConsumeStatus): Record<string, unknown> {
  return {
    pullRT: new JavaDouble(status.pullRT),
    pullTPS: new JavaDouble(status.pullTPS),
    consumeRT: new JavaDouble(status.consumeRT),
    consumeOKTPS: new JavaDouble(status.consumeOKTPS),
    consumeFailedTPS: new JavaDouble(status.consumeFailedTPS),
    consumeFailedMsgs: status.consumeFailedMsgs,
  };
}

export function decodeConsumerRunningInfo(body: Uint8Array | null): ConsumerRunningInfo {
  const object = parseBody(body, 'ConsumerRunningInfo');
  const jstack = optionalText(object, 'jstack');
  return {
    properties: textMap(object, 'properties'),
    subscriptionSet: objects(object, 'subscriptionSet', toSubscriptionData),
    mqTable: queueTable(object, 'mqTable', asObject('mqTable', toProcessQueueInfo)),
    mqPopTable: queueTable(object, 'mqPopTable', (value) => value),
    statusTable: objectMap(object, 'statusTable', toConsumeStatus),
    userConsumerInfo: textMap(object, 'userConsumerInfo'),
    ...(jstack === undefined ? {} : { jstack }),
  };
}

export function encodeConsumerRunningInfo(info: ConsumerRunningInfo): Buffer {
  return writeBody({
    ...info,
    mqTable: queueMap(info.mqTable, (value) => value),
    mqPopTable: queueMap(info.mqPopTable, (value) => value),
    statusTable: encodeMap(info.statusTable, fromConsumeStatus),
  });
}

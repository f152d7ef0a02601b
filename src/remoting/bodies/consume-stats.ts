/* Offsets and rates of consumption. */
import { JavaDouble, type JsonObject } from '../../common/fastjson.js';
import { type DataVersion, toDataVersion } from './data-version.js';
import {
  asAnyLong,
  asInteger,
  asObject,
  decodeMessageQueue,
  double,
  encodeMap,
  flag,
  integer,
  type Long,
  long,
  type MessageQueue,
  numberMap,
  objects,
  optionalInteger,
  optionalObject,
  parseBody,
  type QueueTable,
  queueKey,
  queueMap,
  queueTable,
  text,
  texts,
  writeBody,
} from './reader.js';

export interface OffsetWrapper {
  brokerOffset: number;
  consumerOffset: number;
  /** 5.x. */
  pullOffset?: number;
  /** Store time of the last consumed message; 0 when there is none. */
  lastTimestamp: number;
}

/** The answer of GET_CONSUME_STATS. */
export interface ConsumeStats {
  offsetTable: QueueTable<OffsetWrapper>;
  consumeTps: number;
}

const toOffsetWrapper = asObject<OffsetWrapper>('offsetTable', (value) => {
  const pullOffset = optionalInteger(value, 'pullOffset');
  return {
    brokerOffset: integer(value, 'brokerOffset'),
    consumerOffset: integer(value, 'consumerOffset'),
    ...(pullOffset === undefined ? {} : { pullOffset }),
    lastTimestamp: integer(value, 'lastTimestamp'),
  };
});

function toConsumeStats(object: JsonObject): ConsumeStats {
  return { offsetTable: queueTable(object, 'offsetTable', toOffsetWrapper), consumeTps: double(object, 'consumeTps') };
}

function fromConsumeStats(stats: ConsumeStats): Record<string, unknown> {
  return { consumeTps: new JavaDouble(stats.consumeTps), offsetTable: queueMap(stats.offsetTable, (value) => value) };
}

export function decodeConsumeStats(body: Uint8Array | null): ConsumeStats {
  return toConsumeStats(parseBody(body, 'ConsumeStats'));
}

export function encodeConsumeStats(stats: ConsumeStats): Buffer {
  return writeBody(fromConsumeStats(stats));
}

/** The answer of GET_BROKER_CONSUME_STATS. */
export interface ConsumeStatsList {
  brokerAddr: string;
  /** One map a group. */
  consumeStatsList: Map<string, ConsumeStats[]>[];
  totalDiff: number;
  totalInflightDiff?: number;
}

export function decodeConsumeStatsList(body: Uint8Array | null): ConsumeStatsList {
  const object = parseBody(body, 'ConsumeStatsList');
  const totalInflightDiff = optionalInteger(object, 'totalInflightDiff');
  return {
    brokerAddr: text(object, 'brokerAddr'),
    consumeStatsList: objects(
      object,
      'consumeStatsList',
      (item) => new Map(Object.keys(item).map((group) => [group, objects(item, group, toConsumeStats)])),
    ),
    totalDiff: integer(object, 'totalDiff'),
    ...(totalInflightDiff === undefined ? {} : { totalInflightDiff }),
  };
}

export function encodeConsumeStatsList(list: ConsumeStatsList): Buffer {
  return writeBody({
    ...list,
    consumeStatsList: list.consumeStatsList.map((groups) => encodeMap(groups, (stats) => stats.map(fromConsumeStats))),
  });
}

/** Times of one queue, ms: of its first and last message, of the last one consumed, and how old the first unconsumed one is. */
export interface QueueTimeSpan {
  messageQueue: MessageQueue;
  minTimeStamp: number;
  maxTimeStamp: number;
  consumeTimeStamp: number;
  delayTime: number;
}

/** The answer of QUERY_CONSUME_TIME_SPAN. */
export function decodeConsumeTimeSpans(body: Uint8Array | null): QueueTimeSpan[] {
  return objects(parseBody(body, 'QueryConsumeTimeSpanBody'), 'consumeTimeSpanSet', (item) => ({
    messageQueue: decodeMessageQueue(optionalObject(item, 'messageQueue') ?? {}),
    minTimeStamp: integer(item, 'minTimeStamp', -1),
    maxTimeStamp: integer(item, 'maxTimeStamp', -1),
    consumeTimeStamp: integer(item, 'consumeTimeStamp', -1),
    delayTime: integer(item, 'delayTime', -1),
  }));
}

/** New offsets by queue: the answer of INVOKE_BROKER_TO_RESET_OFFSET and the body of RESET_CONSUMER_CLIENT_OFFSET. */
export type ResetOffsetTable = QueueTable<number>;

/** Both forms: the map, and the list that C++ clients get. */
export function decodeResetOffsetBody(body: Uint8Array | null): ResetOffsetTable {
  const object = parseBody(body, 'ResetOffsetBody');
  if (Array.isArray(object.offsetTable)) {
    return objects(object, 'offsetTable', (item) => [decodeMessageQueue(item), integer(item, 'offset')]);
  }
  return queueTable(object, 'offsetTable', asInteger('offsetTable'));
}

export function encodeResetOffsetBody(offsetTable: ResetOffsetTable): Buffer {
  return writeBody({ offsetTable: queueMap(offsetTable, (value) => value) });
}

/** The form for C++ clients. */
export function encodeResetOffsetBodyForC(offsetTable: ResetOffsetTable): Buffer {
  return writeBody({ offsetTable: offsetTable.map(([queue, offset]) => ({ ...queue, offset })) });
}

/** The answers of 221 (a client's own table) and 223 (the tables of several clients). */
export interface ConsumerStatusBody {
  messageQueueTable: QueueTable<number>;
  consumerTable: Map<string, QueueTable<number>>;
}

export function decodeConsumerStatusBody(body: Uint8Array | null): ConsumerStatusBody {
  const object = parseBody(body, 'GetConsumerStatusBody');
  const consumers = optionalObject(object, 'consumerTable') ?? {};
  return {
    messageQueueTable: queueTable(object, 'messageQueueTable', asInteger('messageQueueTable')),
    consumerTable: new Map(Object.keys(consumers).map((clientId) => [clientId, queueTable(consumers, clientId, asInteger(clientId))])),
  };
}

export function encodeConsumerStatusBody(status: ConsumerStatusBody): Buffer {
  return writeBody({
    messageQueueTable: queueMap(status.messageQueueTable, (value) => value),
    consumerTable: encodeMap(status.consumerTable, (table) => queueMap(table, (value) => value)),
  });
}

/** Requests and answers of LOCK_BATCH_MQ and UNLOCK_BATCH_MQ. */
export interface LockBatchRequestBody {
  consumerGroup: string;
  clientId: string;
  mqSet: MessageQueue[];
  onlyThisBroker: boolean;
}

export function decodeLockBatchRequestBody(body: Uint8Array | null): LockBatchRequestBody {
  const object = parseBody(body, 'LockBatchRequestBody');
  return {
    consumerGroup: text(object, 'consumerGroup'),
    clientId: text(object, 'clientId'),
    mqSet: objects(object, 'mqSet', decodeMessageQueue),
    onlyThisBroker: flag(object, 'onlyThisBroker'),
  };
}

export function encodeLockBatchRequestBody(body: LockBatchRequestBody): Buffer {
  return writeBody({ ...body, mqSet: body.mqSet.map(queueKey) });
}

export function decodeLockOKMQSet(body: Uint8Array | null): MessageQueue[] {
  return objects(parseBody(body, 'LockBatchResponseBody'), 'lockOKMQSet', decodeMessageQueue);
}

export function encodeLockOKMQSet(lockOKMQSet: readonly MessageQueue[]): Buffer {
  return writeBody({ lockOKMQSet: lockOKMQSet.map(queueKey) });
}

/** Offsets of all groups of a broker: the answer of GET_ALL_CONSUMER_OFFSET, and consumerOffset.json. */
export interface ConsumerOffsetWrapper {
  /** By `topic@group`, by queue id. */
  offsetTable: Map<string, Map<number, number>>;
  dataVersion: DataVersion;
  groupTopicMap: Map<string, string[]>;
}

export function decodeConsumerOffsetWrapper(body: Uint8Array | string | null): ConsumerOffsetWrapper {
  const object = parseBody(body, 'ConsumerOffsetSerializeWrapper');
  const offsets = optionalObject(object, 'offsetTable') ?? {};
  const groups = optionalObject(object, 'groupTopicMap') ?? {};
  return {
    offsetTable: new Map(Object.keys(offsets).map((key) => [key, numberMap(offsets, key, asInteger(key))])),
    dataVersion: toDataVersion(optionalObject(object, 'dataVersion')),
    groupTopicMap: new Map(Object.keys(groups).map((group) => [group, texts(groups, group)])),
  };
}

export function encodeConsumerOffsetWrapper(wrapper: ConsumerOffsetWrapper): Buffer {
  return writeBody(wrapper);
}

/** Rates of one counter. */
export interface BrokerStatsItem {
  sum: Long;
  tps: number;
  avgpt: number;
}

/** The answer of VIEW_BROKER_STATS_DATA. */
export interface BrokerStatsData {
  statsMinute: BrokerStatsItem;
  statsHour: BrokerStatsItem;
  statsDay: BrokerStatsItem;
}

function toStatsItem(object: JsonObject, key: string): BrokerStatsItem {
  const item = optionalObject(object, key) ?? {};
  return { sum: long(item, 'sum'), tps: double(item, 'tps'), avgpt: double(item, 'avgpt') };
}

function fromStatsItem(item: BrokerStatsItem): Record<string, unknown> {
  return { avgpt: new JavaDouble(item.avgpt), sum: item.sum, tps: new JavaDouble(item.tps) };
}

export function decodeBrokerStatsData(body: Uint8Array | null): BrokerStatsData {
  const object = parseBody(body, 'BrokerStatsData');
  return {
    statsMinute: toStatsItem(object, 'statsMinute'),
    statsHour: toStatsItem(object, 'statsHour'),
    statsDay: toStatsItem(object, 'statsDay'),
  };
}

export function encodeBrokerStatsData(data: BrokerStatsData): Buffer {
  return writeBody({
    statsMinute: fromStatsItem(data.statsMinute),
    statsHour: fromStatsItem(data.statsHour),
    statsDay: fromStatsItem(data.statsDay),
  });
}

/** The answer of QUERY_CORRECTION_OFFSET: offsets by queue id; the largest long where the compared group is behind what the queue still has. */
export function decodeCorrectionOffsets(body: Uint8Array | null): Map<number, Long> {
  return numberMap(parseBody(body, 'QueryCorrectionOffsetBody'), 'correctionOffsets', asAnyLong('correctionOffsets'));
}

export function encodeCorrectionOffsets(correctionOffsets: ReadonlyMap<number, Long>): Buffer {
  return writeBody({ correctionOffsets });
}

/** The answer of CONSUME_MESSAGE_DIRECTLY. */
export interface ConsumeMessageDirectlyResult {
  order: boolean;
  autoCommit: boolean;
  consumeResult: string;
  remark?: string;
  spentTimeMills: number;
}

export function decodeConsumeMessageDirectlyResult(body: Uint8Array | null): ConsumeMessageDirectlyResult {
  const object = parseBody(body, 'ConsumeMessageDirectlyResult');
  const remark = object.remark;
  return {
    order: flag(object, 'order'),
    autoCommit: flag(object, 'autoCommit', true),
    consumeResult: text(object, 'consumeResult'),
    ...(typeof remark === 'string' ? { remark } : {}),
    spentTimeMills: integer(object, 'spentTimeMills'),
  };
}

export function encodeConsumeMessageDirectlyResult(result: ConsumeMessageDirectlyResult): Buffer {
  return writeBody(result);
}

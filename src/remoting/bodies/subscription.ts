/* What clients tell brokers about themselves, and what brokers tell about clients. */
import type { JsonObject } from '../../common/fastjson.js';
import type { SubscriptionDifference } from '../../common/subscription-differences.js';
import {
  encodeMap,
  flag,
  integer,
  integers,
  type Long,
  long,
  objectMap,
  objects,
  optionalObject,
  optionalText,
  parseBody,
  text,
  texts,
  writeBody,
} from './reader.js';

export type ConsumeType = 'CONSUME_ACTIVELY' | 'CONSUME_PASSIVELY' | 'CONSUME_POP';
export type MessageModel = 'CLUSTERING' | 'BROADCASTING';
export type ConsumeFromWhere =
  | 'CONSUME_FROM_LAST_OFFSET'
  | 'CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST'
  | 'CONSUME_FROM_MIN_OFFSET'
  | 'CONSUME_FROM_MAX_OFFSET'
  | 'CONSUME_FROM_FIRST_OFFSET'
  | 'CONSUME_FROM_TIMESTAMP';

export interface SubscriptionData {
  topic: string;
  /** The expression: `*`, `TagA || TagB`, or SQL. */
  subString: string;
  tagsSet: string[];
  /** Java hash codes of the tags. */
  codeSet: number[];
  /** Compared and echoed only; Go sends values beyond 2^53. */
  subVersion: Long;
  expressionType: string;
  classFilterMode: boolean;
}

export function toSubscriptionData(object: JsonObject): SubscriptionData {
  return {
    topic: text(object, 'topic'),
    subString: text(object, 'subString'),
    tagsSet: texts(object, 'tagsSet'),
    codeSet: integers(object, 'codeSet'),
    subVersion: long(object, 'subVersion'),
    expressionType: text(object, 'expressionType', 'TAG'),
    classFilterMode: flag(object, 'classFilterMode'),
  };
}

export interface ConsumerData {
  groupName: string;
  consumeType: ConsumeType;
  messageModel: MessageModel;
  consumeFromWhere: ConsumeFromWhere;
  subscriptionDataSet: SubscriptionData[];
  unitMode: boolean;
}

/** Body of HEART_BEAT; the last two fields come from 5.1 on. */
export interface HeartbeatData {
  clientID: string;
  producerDataSet: { groupName: string }[];
  consumerDataSet: ConsumerData[];
  heartbeatFingerprint: number;
  withoutSub: boolean;
}

function toConsumerData(object: JsonObject): ConsumerData {
  return {
    groupName: text(object, 'groupName'),
    consumeType: text(object, 'consumeType', 'CONSUME_PASSIVELY') as ConsumeType,
    messageModel: text(object, 'messageModel', 'CLUSTERING') as MessageModel,
    consumeFromWhere: text(object, 'consumeFromWhere', 'CONSUME_FROM_LAST_OFFSET') as ConsumeFromWhere,
    subscriptionDataSet: objects(object, 'subscriptionDataSet', toSubscriptionData),
    unitMode: flag(object, 'unitMode'),
  };
}

export function decodeHeartbeatData(body: Uint8Array | null): HeartbeatData {
  const object = parseBody(body, 'HeartbeatData');
  return {
    clientID: text(object, 'clientID'),
    producerDataSet: objects(object, 'producerDataSet', (item) => ({ groupName: text(item, 'groupName') })),
    consumerDataSet: objects(object, 'consumerDataSet', toConsumerData),
    heartbeatFingerprint: integer(object, 'heartbeatFingerprint'),
    withoutSub: flag(object, 'withoutSub'),
  };
}

export function encodeHeartbeatData(data: HeartbeatData): Buffer {
  return writeBody(data);
}

/** Body of CHECK_CLIENT_CONFIG. */
export interface CheckClientRequestBody {
  clientId: string;
  group: string;
  namespace?: string;
  subscriptionData: SubscriptionData;
}

export function decodeCheckClientRequestBody(body: Uint8Array | null): CheckClientRequestBody {
  const object = parseBody(body, 'CheckClientRequestBody');
  const namespace = optionalText(object, 'namespace');
  return {
    clientId: text(object, 'clientId'),
    group: text(object, 'group'),
    ...(namespace === undefined ? {} : { namespace }),
    subscriptionData: toSubscriptionData(optionalObject(object, 'subscriptionData') ?? {}),
  };
}

export function encodeCheckClientRequestBody(body: CheckClientRequestBody): Buffer {
  return writeBody(body);
}

/** One client of a group. */
export interface ClientConnectionInfo {
  clientId: string;
  /** `ip:port`. */
  clientAddr: string;
  language: string;
  version: number;
}

function toClientConnection(object: JsonObject): ClientConnectionInfo {
  return {
    clientId: text(object, 'clientId'),
    clientAddr: text(object, 'clientAddr'),
    language: text(object, 'language'),
    version: integer(object, 'version'),
  };
}

/** The answer of GET_CONSUMER_CONNECTION_LIST. */
export interface ConsumerConnection {
  connectionSet: ClientConnectionInfo[];
  subscriptionTable: Map<string, SubscriptionData>;
  consumeType: ConsumeType;
  messageModel: MessageModel;
  consumeFromWhere: ConsumeFromWhere;
  /** Where members do not subscribe alike; only brokers of this project say so. */
  subscriptionDifferences?: SubscriptionDifference[];
}

export function decodeConsumerConnection(body: Uint8Array | null): ConsumerConnection {
  const object = parseBody(body, 'ConsumerConnection');
  return {
    connectionSet: objects(object, 'connectionSet', toClientConnection),
    subscriptionTable: objectMap(object, 'subscriptionTable', toSubscriptionData),
    consumeType: text(object, 'consumeType') as ConsumeType,
    messageModel: text(object, 'messageModel') as MessageModel,
    consumeFromWhere: text(object, 'consumeFromWhere') as ConsumeFromWhere,
    ...(object.subscriptionDifferences === undefined
      ? {}
      : { subscriptionDifferences: objects(object, 'subscriptionDifferences', toSubscriptionDifference) }),
  };
}

function toSubscriptionDifference(object: JsonObject): SubscriptionDifference {
  const subscribers = objects(object, 'subscribers', (item) => ({
    expression: optionalText(item, 'expression') ?? null,
    clientIds: texts(item, 'clientIds'),
  }));
  return { topic: text(object, 'topic'), subscribers };
}

export function encodeConsumerConnection(connection: ConsumerConnection): Buffer {
  return writeBody(connection);
}

/** The answer of GET_PRODUCER_CONNECTION_LIST. */
export interface ProducerConnection {
  connectionSet: ClientConnectionInfo[];
}

export function decodeProducerConnection(body: Uint8Array | null): ProducerConnection {
  return { connectionSet: objects(parseBody(body, 'ProducerConnection'), 'connectionSet', toClientConnection) };
}

export function encodeProducerConnection(connection: ProducerConnection): Buffer {
  return writeBody(connection);
}

/** The answer of GET_CONSUMER_LIST_BY_GROUP: client ids. */
export function decodeConsumerIdList(body: Uint8Array | null): string[] {
  return texts(parseBody(body, 'GetConsumerListByGroupResponseBody'), 'consumerIdList');
}

export function encodeConsumerIdList(consumerIdList: readonly string[]): Buffer {
  return writeBody({ consumerIdList });
}

/** One producer in the answer of GET_ALL_PRODUCER_INFO. */
export interface ProducerInfo {
  clientId: string;
  /** `/ip:port`, with the slash. */
  remoteIP: string;
  language: string;
  version: number;
  lastUpdateTimestamp: number;
}

export function decodeProducerTableInfo(body: Uint8Array | null): Map<string, ProducerInfo[]> {
  const data = optionalObject(parseBody(body, 'ProducerTableInfo'), 'data') ?? {};
  const result = new Map<string, ProducerInfo[]>();
  for (const group of Object.keys(data)) {
    const decoded = objects(data, group, (item) => ({
      clientId: text(item, 'clientId'),
      remoteIP: text(item, 'remoteIP'),
      language: text(item, 'language'),
      version: integer(item, 'version'),
      lastUpdateTimestamp: integer(item, 'lastUpdateTimestamp'),
    }));
    result.set(group, decoded);
  }
  return result;
}

export function encodeProducerTableInfo(data: ReadonlyMap<string, readonly ProducerInfo[]>): Buffer {
  return writeBody({ data: encodeMap(data, (value) => value) });
}

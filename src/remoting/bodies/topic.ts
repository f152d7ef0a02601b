/* Topics: configurations, lists, offsets. */
import { JavaDouble, type JsonObject } from '../../common/fastjson.js';
import { PERM_READ_WRITE } from '../../common/perm-name.js';
import { type DataVersion, toDataVersion } from './data-version.js';
import {
  asObject,
  double,
  encodeMap,
  flag,
  integer,
  objectMap,
  objects,
  optionalObject,
  optionalText,
  parseBody,
  type QueueTable,
  queueMap,
  queueTable,
  text,
  textMap,
  texts,
  writeBody,
} from './reader.js';

export interface TopicConfig {
  topicName: string;
  readQueueNums: number;
  writeQueueNums: number;
  perm: number;
  topicFilterType: string;
  topicSysFlag: number;
  order: boolean;
  /** 5.x; names as in updateTopic: `message.type`, `queue.type`. */
  attributes: Map<string, string>;
}

/** Java's defaults for what is not given. */
export function newTopicConfig(topicName: string, fields: Partial<Omit<TopicConfig, 'topicName'>> = {}): TopicConfig {
  return {
    topicName,
    readQueueNums: fields.readQueueNums ?? 16,
    writeQueueNums: fields.writeQueueNums ?? 16,
    perm: fields.perm ?? PERM_READ_WRITE,
    topicFilterType: fields.topicFilterType ?? 'SINGLE_TAG',
    topicSysFlag: fields.topicSysFlag ?? 0,
    order: fields.order ?? false,
    attributes: fields.attributes ?? new Map(),
  };
}

export function toTopicConfig(object: JsonObject): TopicConfig {
  return {
    topicName: text(object, 'topicName'),
    readQueueNums: integer(object, 'readQueueNums', 16),
    writeQueueNums: integer(object, 'writeQueueNums', 16),
    perm: integer(object, 'perm', PERM_READ_WRITE),
    topicFilterType: text(object, 'topicFilterType', 'SINGLE_TAG'),
    topicSysFlag: integer(object, 'topicSysFlag'),
    order: flag(object, 'order'),
    attributes: textMap(object, 'attributes'),
  };
}

/** Body of GET_TOPIC_CONFIG's answer; a static topic's `mappingDetail` is not read. */
export function decodeTopicConfig(body: Uint8Array | null): TopicConfig {
  return toTopicConfig(parseBody(body, 'TopicConfig'));
}

export function encodeTopicConfig(config: TopicConfig): Buffer {
  return writeBody(config);
}

/** All topics of a broker: the answer of GET_ALL_TOPIC_CONFIG, the main part of a registration, and topics.json. */
export interface TopicConfigSerializeWrapper {
  topicConfigTable: Map<string, TopicConfig>;
  dataVersion: DataVersion;
  /** Static topics (5.x): kept and echoed as they are. */
  mappingDataVersion?: JsonObject;
  topicQueueMappingInfoMap?: JsonObject;
  topicQueueMappingDetailMap?: JsonObject;
}

export function toTopicConfigWrapper(object: JsonObject): TopicConfigSerializeWrapper {
  const mappingDataVersion = optionalObject(object, 'mappingDataVersion');
  const infoMap = optionalObject(object, 'topicQueueMappingInfoMap');
  const detailMap = optionalObject(object, 'topicQueueMappingDetailMap');
  return {
    topicConfigTable: objectMap(object, 'topicConfigTable', (value, name) => {
      const config = toTopicConfig(value);
      return config.topicName === '' ? { ...config, topicName: name } : config;
    }),
    dataVersion: toDataVersion(optionalObject(object, 'dataVersion')),
    ...(mappingDataVersion === undefined ? {} : { mappingDataVersion }),
    ...(infoMap === undefined ? {} : { topicQueueMappingInfoMap: infoMap }),
    ...(detailMap === undefined ? {} : { topicQueueMappingDetailMap: detailMap }),
  };
}

export function decodeTopicConfigWrapper(body: Uint8Array | null): TopicConfigSerializeWrapper {
  return toTopicConfigWrapper(parseBody(body, 'TopicConfigSerializeWrapper'));
}

export function encodeTopicConfigWrapper(wrapper: TopicConfigSerializeWrapper): Buffer {
  return writeBody(wrapper);
}

/** Topic names; some answers name a broker beside them. */
export interface TopicList {
  topicList: string[];
  brokerAddr?: string;
}

export function decodeTopicList(body: Uint8Array | null): TopicList {
  const object = parseBody(body, 'TopicList');
  const brokerAddr = optionalText(object, 'brokerAddr');
  return { topicList: texts(object, 'topicList'), ...(brokerAddr === undefined ? {} : { brokerAddr }) };
}

export function encodeTopicList(list: TopicList): Buffer {
  return writeBody(list);
}

/** Consumer groups of a topic: the answer of QUERY_TOPIC_CONSUME_BY_WHO. */
export interface GroupList {
  groupList: string[];
}

export function decodeGroupList(body: Uint8Array | null): GroupList {
  return { groupList: texts(parseBody(body, 'GroupList'), 'groupList') };
}

export function encodeGroupList(list: GroupList): Buffer {
  return writeBody(list);
}

export interface TopicOffset {
  minOffset: number;
  maxOffset: number;
  lastUpdateTimestamp: number;
}

/** Offsets of a topic's queues: the answer of GET_TOPIC_STATS_INFO. */
export interface TopicStatsTable {
  offsetTable: QueueTable<TopicOffset>;
  /** 5.x. */
  topicPutTps?: number;
}

const toTopicOffset = asObject<TopicOffset>('offsetTable', (value) => ({
  minOffset: integer(value, 'minOffset'),
  maxOffset: integer(value, 'maxOffset'),
  lastUpdateTimestamp: integer(value, 'lastUpdateTimestamp'),
}));

export function decodeTopicStatsTable(body: Uint8Array | null): TopicStatsTable {
  const object = parseBody(body, 'TopicStatsTable');
  const offsetTable = queueTable(object, 'offsetTable', toTopicOffset);
  return object.topicPutTps === undefined ? { offsetTable } : { offsetTable, topicPutTps: double(object, 'topicPutTps') };
}

export function encodeTopicStatsTable(table: TopicStatsTable): Buffer {
  return writeBody({
    offsetTable: queueMap(table.offsetTable, (value) => value),
    topicPutTps: table.topicPutTps === undefined ? undefined : new JavaDouble(table.topicPutTps),
  });
}

/** Several topics at once: the body of UPDATE_AND_CREATE_TOPIC_LIST. */
export function decodeTopicConfigList(body: Uint8Array | null): TopicConfig[] {
  return objects(parseBody(body, 'CreateTopicListRequestBody'), 'topicConfigList', toTopicConfig);
}

export function encodeTopicConfigList(topicConfigList: readonly TopicConfig[]): Buffer {
  return writeBody({ topicConfigList });
}

/** A table of text: runtime information, KV namespaces, order configurations. */
export interface KVTable {
  table: Map<string, string>;
}

export function decodeKVTable(body: Uint8Array | null): KVTable {
  return { table: textMap(parseBody(body, 'KVTable'), 'table') };
}

export function encodeKVTable(kvTable: KVTable): Buffer {
  return writeBody({ table: encodeMap(kvTable.table, (value) => value) });
}

/* Routes: who has which queues of a topic. */
import type { JsonObject } from '../../common/fastjson.js';
import { stringifyFastjson } from '../../common/fastjson.js';
import { V4_9_4 } from '../../common/mq-version.js';
import {
  encodeMap,
  flag,
  integer,
  mapOf,
  numberMap,
  objectMap,
  objects,
  optionalObject,
  optionalText,
  parseBody,
  text,
  writeBody,
} from './reader.js';

export interface QueueData {
  brokerName: string;
  readQueueNums: number;
  writeQueueNums: number;
  perm: number;
  topicSysFlag: number;
}

export interface BrokerData {
  cluster: string;
  brokerName: string;
  /** Address by broker id; 0 is the master. */
  brokerAddrs: Map<number, string>;
  enableActingMaster: boolean;
  zoneName?: string;
}

export interface TopicRouteData {
  /** `broker-a:4;broker-b:4` for ordered topics. */
  orderTopicConf?: string;
  queueDatas: QueueData[];
  brokerDatas: BrokerData[];
  filterServerTable: Map<string, string[]>;
  /** Static topics, as it came. */
  topicQueueMappingByBroker?: JsonObject;
}

export function toQueueData(object: JsonObject): QueueData {
  return {
    brokerName: text(object, 'brokerName'),
    readQueueNums: integer(object, 'readQueueNums'),
    writeQueueNums: integer(object, 'writeQueueNums'),
    perm: integer(object, 'perm'),
    // Very old servers spell it topicSynFlag.
    topicSysFlag: integer(object, 'topicSysFlag', integer(object, 'topicSynFlag')),
  };
}

export function toBrokerData(object: JsonObject): BrokerData {
  const zoneName = optionalText(object, 'zoneName');
  return {
    cluster: text(object, 'cluster'),
    brokerName: text(object, 'brokerName'),
    brokerAddrs: numberMap(object, 'brokerAddrs', (value) => String(value)),
    enableActingMaster: flag(object, 'enableActingMaster'),
    ...(zoneName === undefined ? {} : { zoneName }),
  };
}

function toStrings(value: unknown): string[] {
  return Array.isArray(value) ? value.map((item) => String(item)) : [];
}

/** The answer of GET_ROUTEINFO_BY_TOPIC, in either form, and the body of REGISTER_TOPIC_IN_NAMESRV. */
export function decodeTopicRouteData(body: Uint8Array | null): TopicRouteData {
  const object = parseBody(body, 'TopicRouteData');
  const orderTopicConf = optionalText(object, 'orderTopicConf');
  const mapping = optionalObject(object, 'topicQueueMappingByBroker');
  return {
    ...(orderTopicConf === undefined ? {} : { orderTopicConf }),
    queueDatas: objects(object, 'queueDatas', toQueueData),
    brokerDatas: objects(object, 'brokerDatas', toBrokerData),
    filterServerTable: mapOf(object, 'filterServerTable', toStrings),
    ...(mapping === undefined ? {} : { topicQueueMappingByBroker: mapping }),
  };
}

/** True when the asker wants the route with quoted keys: from 4.9.4, or when it says so. */
export function wantsStandardJson(version: number, acceptStandardJsonOnly: boolean | undefined): boolean {
  return version >= V4_9_4 || acceptStandardJsonOnly === true;
}

export function encodeTopicRouteData(route: TopicRouteData, options: { standardJson: boolean }): Buffer {
  return Buffer.from(
    stringifyFastjson(
      { ...route, filterServerTable: encodeMap(route.filterServerTable, (value) => value) },
      { browserCompatible: options.standardJson },
    ),
  );
}

/** The answer of GET_BROKER_CLUSTER_INFO; always with raw keys. */
export interface ClusterInfo {
  brokerAddrTable: Map<string, BrokerData>;
  /** Broker names by cluster. */
  clusterAddrTable: Map<string, string[]>;
}

export function decodeClusterInfo(body: Uint8Array | null): ClusterInfo {
  const object = parseBody(body, 'ClusterInfo');
  return {
    brokerAddrTable: objectMap(object, 'brokerAddrTable', toBrokerData),
    clusterAddrTable: mapOf(object, 'clusterAddrTable', toStrings),
  };
}

export function encodeClusterInfo(info: ClusterInfo): Buffer {
  return writeBody(info);
}

export interface BrokerMemberGroup {
  cluster: string;
  brokerName: string;
  brokerAddrs: Map<number, string>;
}

/** The answer of GET_BROKER_MEMBER_GROUP. */
export function decodeBrokerMemberGroup(body: Uint8Array | null): BrokerMemberGroup {
  const group = optionalObject(parseBody(body, 'GetBrokerMemberGroupResponseBody'), 'brokerMemberGroup') ?? {};
  return {
    cluster: text(group, 'cluster'),
    brokerName: text(group, 'brokerName'),
    brokerAddrs: numberMap(group, 'brokerAddrs', (value) => String(value)),
  };
}

export function encodeBrokerMemberGroup(brokerMemberGroup: BrokerMemberGroup): Buffer {
  return writeBody({ brokerMemberGroup });
}

/* Configurations of consumer groups. */
import type { JsonObject } from '../../common/fastjson.js';
import { type DataVersion, toDataVersion } from './data-version.js';
import { flag, integer, objectMap, objects, optionalObject, parseBody, text, textMap, writeBody } from './reader.js';

export interface SubscriptionGroupConfig {
  groupName: string;
  consumeEnable: boolean;
  consumeFromMinEnable: boolean;
  consumeBroadcastEnable: boolean;
  consumeMessageOrderly: boolean;
  retryQueueNums: number;
  retryMaxTimes: number;
  /** 5.x; kept as it is. */
  groupRetryPolicy: JsonObject;
  brokerId: number;
  whichBrokerWhenConsumeSlowly: number;
  notifyConsumerIdsChangedEnable: boolean;
  groupSysFlag: number;
  consumeTimeoutMinute: number;
  /** 5.x; kept as it is. */
  subscriptionDataSet?: JsonObject[];
  attributes: Map<string, string>;
}

/** Java's defaults for what is not given. */
export function newSubscriptionGroupConfig(
  groupName: string,
  fields: Partial<Omit<SubscriptionGroupConfig, 'groupName'>> = {},
): SubscriptionGroupConfig {
  return {
    groupName,
    consumeEnable: true,
    consumeFromMinEnable: true,
    consumeBroadcastEnable: true,
    consumeMessageOrderly: false,
    retryQueueNums: 1,
    retryMaxTimes: 16,
    groupRetryPolicy: { type: 'CUSTOMIZED' },
    brokerId: 0,
    whichBrokerWhenConsumeSlowly: 1,
    notifyConsumerIdsChangedEnable: true,
    groupSysFlag: 0,
    consumeTimeoutMinute: 15,
    attributes: new Map(),
    ...fields,
  };
}

export function toSubscriptionGroupConfig(object: JsonObject): SubscriptionGroupConfig {
  const defaults = newSubscriptionGroupConfig(text(object, 'groupName'));
  return {
    groupName: defaults.groupName,
    consumeEnable: flag(object, 'consumeEnable', defaults.consumeEnable),
    consumeFromMinEnable: flag(object, 'consumeFromMinEnable', defaults.consumeFromMinEnable),
    consumeBroadcastEnable: flag(object, 'consumeBroadcastEnable', defaults.consumeBroadcastEnable),
    consumeMessageOrderly: flag(object, 'consumeMessageOrderly', defaults.consumeMessageOrderly),
    retryQueueNums: integer(object, 'retryQueueNums', defaults.retryQueueNums),
    retryMaxTimes: integer(object, 'retryMaxTimes', defaults.retryMaxTimes),
    groupRetryPolicy: optionalObject(object, 'groupRetryPolicy') ?? defaults.groupRetryPolicy,
    brokerId: integer(object, 'brokerId', defaults.brokerId),
    whichBrokerWhenConsumeSlowly: integer(object, 'whichBrokerWhenConsumeSlowly', defaults.whichBrokerWhenConsumeSlowly),
    notifyConsumerIdsChangedEnable: flag(object, 'notifyConsumerIdsChangedEnable', defaults.notifyConsumerIdsChangedEnable),
    groupSysFlag: integer(object, 'groupSysFlag', defaults.groupSysFlag),
    consumeTimeoutMinute: integer(object, 'consumeTimeoutMinute', defaults.consumeTimeoutMinute),
    ...(object.subscriptionDataSet === undefined || object.subscriptionDataSet === null
      ? {}
      : { subscriptionDataSet: objects(object, 'subscriptionDataSet', (item) => item) }),
    attributes: textMap(object, 'attributes'),
  };
}

/** Body of UPDATE_AND_CREATE_SUBSCRIPTIONGROUP and of the answer of GET_SUBSCRIPTIONGROUP_CONFIG. */
export function decodeSubscriptionGroupConfig(body: Uint8Array | null): SubscriptionGroupConfig {
  return toSubscriptionGroupConfig(parseBody(body, 'SubscriptionGroupConfig'));
}

export function encodeSubscriptionGroupConfig(config: SubscriptionGroupConfig): Buffer {
  return writeBody(config);
}

/** Body of UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST. */
export function decodeSubscriptionGroupList(body: Uint8Array | null): SubscriptionGroupConfig[] {
  return objects(parseBody(body, 'SubscriptionGroupList'), 'groupConfigList', toSubscriptionGroupConfig);
}

export function encodeSubscriptionGroupList(groupConfigList: readonly SubscriptionGroupConfig[]): Buffer {
  return writeBody({ groupConfigList });
}

/** All groups of a broker: the answer of GET_ALL_SUBSCRIPTIONGROUP_CONFIG, and subscriptionGroup.json. */
export interface SubscriptionGroupWrapper {
  subscriptionGroupTable: Map<string, SubscriptionGroupConfig>;
  /** Bit sets by topic, by group; kept as they are. */
  forbiddenTable: JsonObject;
  dataVersion: DataVersion;
}

export function decodeSubscriptionGroupWrapper(body: Uint8Array | null): SubscriptionGroupWrapper {
  const object = parseBody(body, 'SubscriptionGroupWrapper');
  return {
    subscriptionGroupTable: objectMap(object, 'subscriptionGroupTable', (value, name) => {
      const config = toSubscriptionGroupConfig(value);
      return config.groupName === '' ? { ...config, groupName: name } : config;
    }),
    forbiddenTable: optionalObject(object, 'forbiddenTable') ?? {},
    dataVersion: toDataVersion(optionalObject(object, 'dataVersion')),
  };
}

export function encodeSubscriptionGroupWrapper(wrapper: SubscriptionGroupWrapper): Buffer {
  return writeBody(wrapper);
}

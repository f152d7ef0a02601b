import { asBoolean, asNumber, asObject, asText, asTextRecord } from '../json.js';

/** A consumer group's settings, named as in subscriptionGroup.json. */
export interface SubscriptionGroupConfig {
  groupName: string;
  consumeEnable: boolean;
  consumeFromMinEnable: boolean;
  consumeBroadcastEnable: boolean;
  consumeMessageOrderly: boolean;
  retryQueueNums: number;
  retryMaxTimes: number;
  groupRetryPolicy: object;
  brokerId: number;
  whichBrokerWhenConsumeSlowly: number;
  notifyConsumerIdsChangedEnable: boolean;
  groupSysFlag: number;
  consumeTimeoutMinute: number;
  /** Static subscriptions; kept, without effect here. */
  subscriptionDataSet?: unknown;
  attributes: Record<string, string>;
}

/** A group with Apache's defaults. */
export function subscriptionGroup(groupName: string): SubscriptionGroupConfig {
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
    attributes: {},
  };
}

/** Reads a group of the file or of a request body; what is missing keeps its default. */
export function readSubscriptionGroup(groupName: string, fields: Record<string, unknown>): SubscriptionGroupConfig {
  const defaults = subscriptionGroup(groupName);
  const group: SubscriptionGroupConfig = {
    groupName: asText(fields.groupName, groupName),
    consumeEnable: asBoolean(fields.consumeEnable, defaults.consumeEnable),
    consumeFromMinEnable: asBoolean(fields.consumeFromMinEnable, defaults.consumeFromMinEnable),
    consumeBroadcastEnable: asBoolean(fields.consumeBroadcastEnable, defaults.consumeBroadcastEnable),
    consumeMessageOrderly: asBoolean(fields.consumeMessageOrderly, defaults.consumeMessageOrderly),
    retryQueueNums: asNumber(fields.retryQueueNums, defaults.retryQueueNums),
    retryMaxTimes: asNumber(fields.retryMaxTimes, defaults.retryMaxTimes),
    groupRetryPolicy: asObject(fields.groupRetryPolicy) ?? defaults.groupRetryPolicy,
    brokerId: asNumber(fields.brokerId, defaults.brokerId),
    whichBrokerWhenConsumeSlowly: asNumber(fields.whichBrokerWhenConsumeSlowly, defaults.whichBrokerWhenConsumeSlowly),
    notifyConsumerIdsChangedEnable: asBoolean(fields.notifyConsumerIdsChangedEnable, defaults.notifyConsumerIdsChangedEnable),
    groupSysFlag: asNumber(fields.groupSysFlag, defaults.groupSysFlag),
    consumeTimeoutMinute: asNumber(fields.consumeTimeoutMinute, defaults.consumeTimeoutMinute),
    attributes: asTextRecord(fields.attributes),
  };
  if (fields.subscriptionDataSet !== undefined && fields.subscriptionDataSet !== null)
    group.subscriptionDataSet = fields.subscriptionDataSet;
  return group;
}

import { PullSysFlag } from '../../src/common/sys-flag.js';
import { ResponseCode } from '../../src/remoting/codes.js';
import type { Connection } from '../../src/remoting/server.js';
import { BROADCASTING, isTagType, SQL92, type SubscriptionData } from '../connections/index.js';
import { MAX_GROUPS } from '../limits.js';
import type { BrokerParts } from '../parts.js';
import type { MessageFilter } from '../store/index.js';
import type { SubscriptionGroupConfig } from '../subscriptions/index.js';
import type { TopicEntry } from '../topics/index.js';
import { FAQ, topicNotExist } from './auto-create.js';
import { type ExtFields, missing, parseDecimal } from './fields.js';
import { parseTagExpressionCached } from './subscription-cache.js';

const PERM_READ = 4;

/** Why a pull is forbidden, in the answer's field forbiddenType. */
const ForbiddenType = { BROKER: 1, GROUP: 2, TOPIC: 3, BROADCASTING_DISABLED: 4, SUBSCRIPTION: 5 } as const;

/** A pull's header and what the checks found for it; one object is reused, so nothing may keep it. */
export interface CheckedPull {
  topic: string;
  group: string;
  queueId: number;
  queueOffset: number;
  maxMsgNums: number;
  sysFlag: number;
  commitOffset: number;
  suspendTimeoutMillis: number;
  entry: TopicEntry;
  groupConfig: SubscriptionGroupConfig;
  filter: MessageFilter | null;
  /** Set for the read of the store. */
  isTransient: boolean;
}

export interface PullFault {
  code: number;
  remark: string;
  forbiddenType?: number;
}

function int32(fields: ExtFields, name: string): number {
  const value = parseDecimal(fields[name]);
  if ((value | 0) !== value) throw missing(name, fields[name]);
  return value;
}

function long(fields: ExtFields, name: string): number {
  const value = parseDecimal(fields[name]);
  if (Number.isNaN(value)) throw missing(name, fields[name]);
  return value;
}

/** The checks of PULL_MESSAGE and LITE_PULL_MESSAGE in Apache's order; fills `out` and returns null when all pass. */
export function checkPull(
  parts: BrokerParts,
  connection: Connection,
  fields: ExtFields,
  isLite: boolean,
  out: CheckedPull,
): PullFault | null {
  const topic = fields.topic;
  const group = fields.consumerGroup;
  if (topic === undefined) throw missing('topic', topic);
  if (group === undefined) throw missing('consumerGroup', group);
  out.topic = topic;
  out.group = group;
  out.queueId = int32(fields, 'queueId');
  out.queueOffset = long(fields, 'queueOffset');
  out.maxMsgNums = int32(fields, 'maxMsgNums');
  out.sysFlag = int32(fields, 'sysFlag');
  out.commitOffset = fields.commitOffset === undefined ? 0 : long(fields, 'commitOffset');
  out.suspendTimeoutMillis = fields.suspendTimeoutMillis === undefined ? 0 : long(fields, 'suspendTimeoutMillis');

  const config = parts.config.broker;
  if ((config.brokerPermission & PERM_READ) === 0) {
    return {
      code: ResponseCode.NO_PERMISSION,
      remark: `the broker[${config.brokerIP1}] pulling message is forbidden`,
      forbiddenType: ForbiddenType.BROKER,
    };
  }
  if (isLite && !config.litePullMessageEnable) {
    return {
      code: ResponseCode.NO_PERMISSION,
      remark: `the broker[${config.brokerIP1}] for lite pull consumer is forbidden`,
      forbiddenType: ForbiddenType.BROKER,
    };
  }
  const groupConfig = parts.groups.peek(group) ?? createGroup(parts, group);
  if (groupConfig === null) {
    return { code: ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark: `subscription group [${group}] does not exist, ${FAQ}` };
  }
  out.groupConfig = groupConfig;
  if (!groupConfig.consumeEnable) {
    return { code: ResponseCode.NO_PERMISSION, remark: `subscription group no permission, ${group}`, forbiddenType: ForbiddenType.GROUP };
  }
  const entry = parts.topics.entry(topic);
  if (entry === undefined) return { code: ResponseCode.TOPIC_NOT_EXIST, remark: topicNotExist(topic) };
  out.entry = entry;
  if ((entry.config.perm & PERM_READ) === 0) {
    return {
      code: ResponseCode.NO_PERMISSION,
      remark: `the topic[${topic}] pulling message is forbidden`,
      forbiddenType: ForbiddenType.TOPIC,
    };
  }
  if (out.queueId < 0 || out.queueId >= entry.readQueueNums) {
    return {
      code: ResponseCode.INVALID_PARAMETER,
      remark: `queueId[${out.queueId}] is illegal, topic:[${topic}] topicConfig.readQueueNums:[${entry.readQueueNums}] consumer:[/${connection.remoteAddr}]`,
    };
  }
  return checkSubscription(parts, fields, out);
}

/** A group made by its first use; null when that is not allowed. */
export function createGroup(parts: BrokerParts, group: string): SubscriptionGroupConfig | null {
  return parts.groups.size >= MAX_GROUPS ? (parts.groups.peek(group) ?? null) : parts.groups.find(group);
}

function checkSubscription(parts: BrokerParts, fields: ExtFields, out: CheckedPull): PullFault | null {
  const config = parts.config.broker;
  if ((out.sysFlag & PullSysFlag.SUBSCRIPTION) !== 0) {
    if (!isTagType(fields.expressionType)) return useOwnSelector(parts, fields, out);
    const subscription = parseTagExpressionCached(out.topic, fields.subscription);
    if (subscription === null) return { code: ResponseCode.SUBSCRIPTION_PARSE_FAILED, remark: "parse the consumer's subscription failed" };
    out.filter = (out.sysFlag & PullSysFlag.CLASS_FILTER) !== 0 ? null : subscription.filter;
    return null;
  }
  const info = parts.consumers.group(out.group);
  if (info === undefined) {
    return { code: ResponseCode.SUBSCRIPTION_NOT_EXIST, remark: `the consumer's group info not exist\n${FAQ}` };
  }
  if (info.messageModel === BROADCASTING && !out.groupConfig.consumeBroadcastEnable) {
    const remark = `the consumer group[${out.group}] can not consume by broadcast way`;
    return { code: ResponseCode.NO_PERMISSION, remark, forbiddenType: ForbiddenType.BROADCASTING_DISABLED };
  }
  if (parts.groups.isReadForbidden(out.group, out.topic)) {
    const remark = `the consumer group[${out.group}] is forbidden for topic[${out.topic}]`;
    return { code: ResponseCode.NO_PERMISSION, remark, forbiddenType: ForbiddenType.SUBSCRIPTION };
  }
  const subscription = info.subscriptions.get(out.topic);
  if (subscription === undefined) {
    return { code: ResponseCode.SUBSCRIPTION_NOT_EXIST, remark: `the consumer's subscription not exist\n${FAQ}` };
  }
  if (isNewer(fields.subVersion, subscription.data.subVersion)) {
    return { code: ResponseCode.SUBSCRIPTION_NOT_LATEST, remark: "the consumer's subscription not latest" };
  }
  if (config.rejectPullConsumerEnable && info.consumeType === 'CONSUME_ACTIVELY') {
    return {
      code: ResponseCode.SUBSCRIPTION_NOT_EXIST,
      remark: `the consumer group[${out.group}] pulls actively, which rejectPullConsumerEnable forbids`,
    };
  }
  if (!isTagType(subscription.data.expressionType)) return useGroupSelector(parts, subscription.data, fields.subVersion, out);
  out.filter = (out.sysFlag & PullSysFlag.CLASS_FILTER) !== 0 ? null : subscription.filter;
  return null;
}

/** A pull that brings its selector along: one that does not compile filters nothing. */
function useOwnSelector(parts: BrokerParts, fields: ExtFields, out: CheckedPull): PullFault | null {
  const { subscription = '', expressionType } = fields;
  if (subscription === '') {
    return { code: ResponseCode.SUBSCRIPTION_PARSE_FAILED, remark: `the consumer's subscription has no ${expressionType} expression` };
  }
  const fault = expressionFault(parts, expressionType);
  if (fault === null) out.filter = parts.filters.filterOf(subscription);
  return fault;
}

/** A pull of a group whose heartbeat brought the selector. */
function useGroupSelector(
  parts: BrokerParts,
  { topic, expressionType }: SubscriptionData,
  subVersion: string | undefined,
  out: CheckedPull,
): PullFault | null {
  const data = parts.filters.get(topic, out.group);
  if (data === undefined) {
    const remark = `the broker has no filter data of group ${out.group} on topic ${topic}: its expression may be wrong`;
    return { code: ResponseCode.FILTER_DATA_NOT_EXIST, remark };
  }
  if (isNewer(subVersion, data.clientVersion)) {
    return { code: ResponseCode.FILTER_DATA_NOT_LATEST, remark: "the consumer's filter data is not the latest" };
  }
  const fault = expressionFault(parts, expressionType);
  const byOrigin = out.entry.isRetry && parts.config.broker.filterSupportRetry;
  if (fault === null) out.filter = byOrigin ? parts.filters.retryFilter(out.group) : (data?.filter ?? null);
  return fault;
}

/** Whether a pull's subVersion, a long of any size, is above the registered one. */
function isNewer(asked: string | undefined, registered: number | bigint): boolean {
  if (asked === undefined || asked === '0') return false;
  const version = parseDecimal(asked);
  if (Number.isSafeInteger(version)) return version > registered;
  return /^-?\d{1,19}$/.test(asked) && BigInt(asked) > registered;
}

/** Where filters are allowed Apache's broker delivers everything to a pull that brings a type of its own. */
function expressionFault(parts: BrokerParts, expressionType: string | undefined): PullFault | null {
  if (!parts.config.broker.enablePropertyFilter) {
    return { code: ResponseCode.SYSTEM_ERROR, remark: `The broker does not support consumer to filter message by ${expressionType}` };
  }
  if (expressionType === SQL92) return null;
  return { code: ResponseCode.SUBSCRIPTION_PARSE_FAILED, remark: `expression type ${expressionType} is not known; TAG and SQL92 are` };
}

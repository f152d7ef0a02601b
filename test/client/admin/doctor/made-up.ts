/* Facts of clusters that are not there. */
import type {
  BrokerFact,
  DoctorFacts,
  GroupFact,
  MemberAnswer,
  NamesrvFact,
  ProgressFact,
  Unknown,
} from '../../../../src/client/admin/doctor/facts.js';
import type { Finding } from '../../../../src/client/admin/doctor/finding.js';
import { DEFAULT_LIMITS, type DoctorLimits, type RuleContext } from '../../../../src/client/admin/doctor/limits.js';
import { MQError } from '../../../../src/common/errors.js';
import { MQ_VERSION } from '../../../../src/common/mq-version.js';
import type { TopicRouteData } from '../../../../src/remoting/bodies/route.js';
import type { ProcessQueueInfo } from '../../../../src/remoting/bodies/running-info.js';
import type { ConsumerConnection } from '../../../../src/remoting/bodies/subscription.js';
import { newSubscriptionGroupConfig, type SubscriptionGroupConfig } from '../../../../src/remoting/bodies/subscription-group.js';
import { newTopicConfig } from '../../../../src/remoting/bodies/topic.js';

export const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

export function contextWith(limits: Partial<DoctorLimits> = {}, namesrvAddrs: readonly string[] = ['10.0.0.1:9876']): RuleContext {
  return { limits: { ...DEFAULT_LIMITS, ...limits }, namesrvAddrs, mqadmin: (...words) => ['mqadmin', ...words].join(' ') };
}

export function unknown(category: Unknown['category'], message = 'it is so'): { error: Unknown } {
  const cause = new MQError(category, message, { defaultCode: category.toUpperCase() });
  return { error: { code: cause.code, category, message, isUnsupported: false, cause } };
}

/** A broker that is well; runtime figures and other parts on top. */
export function broker(brokerName: string, change: Partial<BrokerFact> & { readonly info?: Record<string, string> } = {}): BrokerFact {
  const { info = {}, ...fields } = change;
  const runtime = {
    bootTimestamp: String(NOW_MS - 2 * HOUR_MS),
    runtime: '[ 0 days, 2 hours, 0 minutes, 0 seconds ]',
    brokerActive: 'true',
    brokerVersionDesc: 'V5_3_3',
    commitLogDiskRatio: '0.4',
    consumeQueueDiskRatio: '0.4',
    pageCacheLockTimeMills: '0',
    sendThreadPoolQueueSize: '0',
    sendThreadPoolQueueCapacity: '10000',
    sendThreadPoolQueueHeadWaitTimeMills: '0',
    ...info,
  };
  return {
    clusterName: 'C',
    brokerName,
    brokerId: 0,
    brokerAddr: `10.0.1.${brokerName.length}:10911`,
    runtime: { value: runtime },
    askTime: { sentMs: NOW_MS + 100, receivedMs: NOW_MS + 110 },
    config: { value: {} },
    ...fields,
  };
}

export function namesrv(addr: string, brokers: readonly BrokerFact[], topics: readonly string[] = []): NamesrvFact {
  const brokerAddrTable = new Map(
    brokers.map(({ brokerName, clusterName, brokerId, brokerAddr }) => [
      brokerName,
      { cluster: clusterName, brokerName, brokerAddrs: new Map([[brokerId, brokerAddr]]), enableActingMaster: false },
    ]),
  );
  const clusterAddrTable = new Map([['C', brokers.map(({ brokerName }) => brokerName)]]);
  return { addr, clusterInfo: { value: { brokerAddrTable, clusterAddrTable } }, topics: { value: topics } };
}

export function facts(change: Partial<DoctorFacts> = {}): DoctorFacts {
  return { nowMs: NOW_MS, namesrvs: [], brokers: [], topics: [], groups: [], producers: [], gaps: [], leftOut: [], ...change };
}

export function route(queues: readonly { brokerName: string; perm?: number; read?: number; write?: number }[]): TopicRouteData {
  return {
    queueDatas: queues.map(({ brokerName, perm = 6, read = 4, write = 4 }) => ({
      brokerName,
      perm,
      readQueueNums: read,
      writeQueueNums: write,
      topicSysFlag: 0,
    })),
    brokerDatas: queues.map(({ brokerName }) => ({
      cluster: 'C',
      brokerName,
      brokerAddrs: new Map([[0, 'x:1']]),
      enableActingMaster: false,
    })),
    filterServerTable: new Map(),
  };
}

export function topicTable(...topics: string[]): NonNullable<BrokerFact['topics']> {
  return { value: new Map(topics.map((topic) => [topic, newTopicConfig(topic)])) };
}

export function groupTable(...groups: (Partial<SubscriptionGroupConfig> & { groupName: string })[]): NonNullable<BrokerFact['groups']> {
  return { value: new Map(groups.map((group) => [group.groupName, newSubscriptionGroupConfig(group.groupName, group)])) };
}

export function row(change: Partial<ProgressFact> = {}): ProgressFact {
  const queue = { topic: 'T', brokerName: 'a', queueId: 0 };
  return { consumerGroup: 'G', ...queue, brokerOffset: 5_000, consumerOffset: 0, lastTimestamp: NOW_MS - HOUR_MS, ...change };
}

export function connection(clientIds: readonly string[], change: Partial<ConsumerConnection> = {}): ConsumerConnection {
  const subscription = {
    topic: 'T',
    subString: '*',
    tagsSet: [],
    codeSet: [],
    subVersion: 1,
    expressionType: 'TAG',
    classFilterMode: false,
  };
  return {
    connectionSet: clientIds.map((clientId, i) => ({ clientId, clientAddr: `10.0.2.${i}:4000`, language: 'JAVA', version: MQ_VERSION })),
    subscriptionTable: new Map([['T', subscription]]),
    consumeType: 'CONSUME_PASSIVELY',
    messageModel: 'CLUSTERING',
    consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
    ...change,
  };
}

export function group(change: Partial<GroupFact> & { readonly online?: readonly ConsumerConnection[] } = {}): GroupFact {
  const { online = [], ...fields } = change;
  const connections = { value: online.map((entry) => ({ brokerAddr: '10.0.1.1:10911', connection: entry })) };
  return { group: 'G', connections, running: null, later: null, deadLetters: null, ...fields };
}

/** What a member says that has these queues of topic T on broker a. */
export function member(
  queues: readonly (Partial<ProcessQueueInfo> & { queueId: number })[],
  subString = '*',
): MemberAnswer & { readonly error?: undefined } {
  const subscription = { topic: 'T', subString, tagsSet: [], codeSet: [], subVersion: 1, expressionType: 'TAG', classFilterMode: false };
  const state = (change: Partial<ProcessQueueInfo>): ProcessQueueInfo => ({
    commitOffset: 0,
    cachedMsgMinOffset: 0,
    cachedMsgMaxOffset: 0,
    cachedMsgCount: 0,
    cachedMsgSizeInMiB: 0,
    transactionMsgMinOffset: 0,
    transactionMsgMaxOffset: 0,
    transactionMsgCount: 0,
    locked: false,
    tryUnlockTimes: 0,
    lastLockTimestamp: 0,
    droped: false,
    lastPullTimestamp: NOW_MS,
    lastConsumeTimestamp: NOW_MS,
    ...change,
  });
  return {
    value: {
      properties: new Map(),
      subscriptionSet: [subscription],
      mqTable: queues.map(({ queueId, ...change }) => [{ topic: 'T', brokerName: 'a', queueId }, state(change)]),
      mqPopTable: [],
      statusTable: new Map(),
      userConsumerInfo: new Map(),
    },
    atMs: NOW_MS,
  };
}

/** `severity id name` of each finding, for short expectations. */
export function short(findings: readonly Finding[]): string[] {
  return findings.map(({ severity, id, name }) => `${severity} ${id} ${name}`);
}

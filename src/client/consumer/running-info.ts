import { MQ_VERSION, versionDesc } from '../../common/mq-version.js';
import type { ConsumerRunningInfo, ProcessQueueInfo } from '../../remoting/bodies/running-info.js';
import type { SubscriptionData } from '../../remoting/bodies/subscription.js';
import type { MQClient } from '../mq-client.js';
import { ConsumeType } from '../types.js';
import type { ConsumerParts } from './parts.js';
import type { ProcessQueue } from './process-queue.js';
import type { UnreadableMessages } from './unreadable-messages.js';

const MiB = 1024 * 1024;

/** The running info of a client that owns no queues. */
export function emptyRunningInfo(client: MQClient, consumeType: ConsumeType, startTimestamp = 0): ConsumerRunningInfo {
  return {
    properties: new Map([
      ['PROP_CONSUMER_START_TIMESTAMP', String(startTimestamp)],
      ['PROP_NAMESERVER_ADDR', client.namesrv.addresses.map((addr) => `${addr};`).join('')],
      ['PROP_CONSUME_TYPE', consumeType],
      ['PROP_CONSUMEORDERLY', 'false'],
      ['PROP_THREADPOOL_CORE_SIZE', '0'],
      ['PROP_CLIENT_VERSION', versionDesc(MQ_VERSION)],
    ]),
    subscriptionSet: [],
    mqTable: [],
    mqPopTable: [],
    statusTable: new Map(),
    userConsumerInfo: new Map(),
  };
}

/** Said only when there is something to say: the other properties are those of Apache's client. */
function withUnreadable(info: ConsumerRunningInfo, { count }: UnreadableMessages): ConsumerRunningInfo {
  if (count > 0) {
    info.properties.set('unreadableMsgCount', String(count));
  }
  return info;
}

/** What a push consumer knows of itself, for GET_CONSUMER_RUNNING_INFO. */
export function buildRunningInfo(
  parts: ConsumerParts,
  state: { processQueues: readonly ProcessQueue[]; startTimestamp: number; jstackEnable: boolean },
): ConsumerRunningInfo {
  const { client, settings, subscriptions, stats } = parts;
  const info = withUnreadable(emptyRunningInfo(client, ConsumeType.CONSUME_PASSIVELY, state.startTimestamp), parts.unreadable);
  const properties: Record<string, string> = {
    PROP_CONSUMEORDERLY: String(settings.isOrdered),
    PROP_THREADPOOL_CORE_SIZE: String(settings.consumeThreadMax),
    allocateMessageQueueStrategy: settings.allocateMessageQueueStrategy.name,
    consumeConcurrentlyMaxSpan: String(settings.consumeConcurrentlyMaxSpan),
    consumeFromWhere: settings.consumeFromWhere,
    consumeMessageBatchMaxSize: String(settings.consumeMessageBatchMaxSize),
    consumeThreadMax: String(settings.consumeThreadMax),
    consumeTimeout: String(settings.consumeTimeoutMinutes),
    consumerGroup: settings.consumerGroup,
    maxReconsumeTimes: String(settings.maxReconsumeTimes),
    messageModel: settings.messageModel,
    pullBatchSize: String(settings.pullBatchSize),
    pullInterval: String(settings.pullIntervalMs),
    pullThresholdForQueue: String(settings.pullThresholdForQueue),
    pullThresholdSizeForQueue: String(settings.pullThresholdSizeForQueueMiB),
  };
  for (const [name, value] of Object.entries(properties)) {
    info.properties.set(name, value);
  }
  info.subscriptionSet = [...subscriptions.values()];
  info.mqTable = state.processQueues.map((processQueue) => [processQueue.queue, queueInfo(parts, processQueue)]);
  for (const topic of subscriptions.keys()) {
    info.statusTable.set(topic, stats.status(topic));
  }
  return state.jstackEnable ? { ...info, jstack: new Error('one thread runs everything').stack ?? '' } : info;
}

/** The same of a lite-pull consumer. */
export function buildLiteRunningInfo(
  parts: Pick<ConsumerParts, 'client' | 'offsets' | 'unreadable'>,
  state: { subscriptions: Iterable<SubscriptionData>; processQueues: readonly ProcessQueue[]; startTimestamp: number },
): ConsumerRunningInfo {
  const info = withUnreadable(emptyRunningInfo(parts.client, ConsumeType.CONSUME_ACTIVELY, state.startTimestamp), parts.unreadable);
  info.subscriptionSet = [...state.subscriptions];
  info.mqTable = state.processQueues.map((processQueue) => [processQueue.queue, queueInfo(parts, processQueue)]);
  return info;
}

function queueInfo(parts: Pick<ConsumerParts, 'client' | 'offsets'>, processQueue: ProcessQueue): ProcessQueueInfo {
  return {
    commitOffset: parts.offsets.get(processQueue.queue) ?? 0,
    cachedMsgMinOffset: processQueue.minCachedOffset,
    cachedMsgMaxOffset: processQueue.maxCachedOffset,
    cachedMsgCount: processQueue.msgCount,
    cachedMsgSizeInMiB: Math.floor(processQueue.msgBytes / MiB),
    transactionMsgMinOffset: 0,
    transactionMsgMaxOffset: 0,
    transactionMsgCount: 0,
    locked: processQueue.lockedMs !== Number.NEGATIVE_INFINITY,
    tryUnlockTimes: 0,
    lastLockTimestamp: lastLockTimestamp(parts, processQueue),
    droped: processQueue.dropped,
    lastPullTimestamp: processQueue.lastPullTimestamp,
    lastConsumeTimestamp: processQueue.lastConsumeTimestamp,
  };
}

function lastLockTimestamp({ client: { clock } }: Pick<ConsumerParts, 'client'>, { lockedMs }: ProcessQueue): number {
  return lockedMs === Number.NEGATIVE_INFINITY ? 0 : Math.round(clock.nowMs() - (clock.monotonicMs() - lockedMs));
}

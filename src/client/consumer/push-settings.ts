import type { Clock } from '../../common/clock.js';
import { UsageError } from '../../common/errors.js';
import type { MQClient } from '../mq-client.js';
import { type ClientOptions, ConsumeFromWhere, MessageModel } from '../types.js';
import type { AllocateMessageQueueStrategy } from './allocate.js';
import type { PushSettings } from './parts.js';
import { parseConsumeTimestamp } from './start-offset.js';

export interface PushConsumerOptions extends ClientOptions {
  consumerGroup: string;
  /** CLUSTERING: each message goes to one member (default). BROADCASTING: to every member, without retries. */
  messageModel?: MessageModel;
  /** Where a group without a stored offset starts. Default CONSUME_FROM_LAST_OFFSET; see PushConsumer. */
  consumeFromWhere?: ConsumeFromWhere;
  /** For CONSUME_FROM_TIMESTAMP: `yyyyMMddHHmmss`, local time. Default half an hour ago. */
  consumeTimestamp?: string;
  /** All members of a group must use the same. Default AVG. */
  allocateMessageQueueStrategy?: AllocateMessageQueueStrategy;
  /** Calls of an asynchronous listener at the same time. Default 20. */
  consumeThreadMax?: number;
  /** Messages a listener call gets at most. Default 1. */
  consumeMessageBatchMaxSize?: number;
  /** Pulls of a queue pause when its cached messages span more offsets. Default 2000. */
  consumeConcurrentlyMaxSpan?: number;
  /** Pulls of a queue pause above so many cached messages. Default 1000. */
  pullThresholdForQueue?: number;
  /** Pulls of a queue pause above so many MiB of cached bodies. Default 100. */
  pullThresholdSizeForQueue?: number;
  /** Cached messages of all queues together: each queue's share, at least 1, takes the place of `pullThresholdForQueue`. Default −1: none. */
  pullThresholdForTopic?: number;
  /** The same in MiB of bodies, in place of `pullThresholdSizeForQueue`. Default −1: none. */
  pullThresholdSizeForTopic?: number;
  /** Messages of one pull at most. Default 32. */
  pullBatchSize?: number;
  /** Bytes of one pull, which brokers of 5.x look at. Default 256 KiB. */
  pullBatchSizeInBytes?: number;
  /** Every pull says the subscription, so that brokers that do not know this member yet still filter by it. Default false. */
  postSubscriptionWhenPull?: boolean;
  /** Pause after a pull that failed, ms. Default 1000. */
  pullTimeDelayMsWhenException?: number;
  /** Pause between pulls of a queue, ms. Default 0. */
  pullIntervalMs?: number;
  /** How often a message may fail before it goes to the dead letter queue. Default −1: 16, or without end with an ordered listener. */
  maxReconsumeTimes?: number;
  /** A message that the listener holds for longer is given back, minutes. Default 15. */
  consumeTimeoutMinutes?: number;
  /** How long an ordered queue rests after a failed call, 10 to 30,000 ms. Default 1000. */
  suspendCurrentQueueTimeMs?: number;
  /** How often an ordered consumer renews the locks of its queues, ms. Default 20000. */
  lockIntervalMs?: number;
  /** For how long a lock is relied on after its last renewal, ms; half of what brokers keep it for. Default 30000. */
  lockMaxLiveMs?: number;
  /**
   * False: a broker assigns the queues, and says whether they are pulled or popped (see `mqadmin setConsumeMode`). Default true. An ordered listener
   * and a broadcasting group always divide by themselves.
   */
  clientRebalance?: boolean;
  /** A popped message that is not done with comes to another member after this time, 5000 to 300,000 ms. Default 60000. */
  popInvisibleTimeMs?: number;
  /** Messages of one pop at most, 1 to 32. Default 32. */
  popBatchNums?: number;
  /** Pops pause above so many messages that are not done with. Default 96. */
  popThresholdForQueue?: number;
  /** How long `shutdown` waits for listener calls, ms. Default 10000. */
  awaitTerminationMs?: number;
  /** Time between divisions of the queues without any event, ms. Default 20000. */
  rebalanceIntervalMs?: number;
  /** Folder of a broadcasting consumer's offsets. Default `~/.rocketmq_offsets`. */
  localOffsetStoreDir?: string;
  client?: MQClient;
}

const MAX_INT = 2_147_483_647;
const HALF_HOUR_MS = 30 * 60_000;

/** @throws UsageError that names the setting, its value and its range. */
export function inRange(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new UsageError(`${name} ${value} is out of range [${min}, ${max}]`);
  }
  return value;
}

/** A threshold that −1, the default, switches off. */
function inRangeOrNone(name: string, value: number | undefined, max: number): number {
  return value === undefined || value === -1 ? -1 : inRange(name, value, 1, max);
}

/**
 * Reads `yyyyMMddHHmmss`; half an hour ago when not given.
 * @throws UsageError when it is not such a time.
 */
export function consumeTimestampOf(text: string | undefined, clock: Clock): number {
  if (text === undefined) {
    return clock.nowMs() - HALF_HOUR_MS;
  }
  const consumeTimestampMs = parseConsumeTimestamp(text);
  if (consumeTimestampMs === null) {
    throw new UsageError(`consumeTimestamp ${JSON.stringify(text)} is not yyyyMMddHHmmss`, { hint: 'write it like 20131223171201' });
  }
  return consumeTimestampMs;
}

/**
 * Fills in defaults and checks ranges, as Apache's client does at start.
 * @throws UsageError that names the setting, its value and its range.
 */
export function resolvePushSettings(
  options: PushConsumerOptions,
  clock: Clock,
  defaultStrategy: AllocateMessageQueueStrategy,
): PushSettings {
  return {
    consumerGroup: options.consumerGroup,
    messageModel: options.messageModel ?? MessageModel.CLUSTERING,
    consumeFromWhere: options.consumeFromWhere ?? ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET,
    consumeTimestampMs: consumeTimestampOf(options.consumeTimestamp, clock),
    allocateMessageQueueStrategy: options.allocateMessageQueueStrategy ?? defaultStrategy,
    consumeThreadMax: inRange('consumeThreadMax', options.consumeThreadMax ?? 20, 1, 1000),
    consumeMessageBatchMaxSize: inRange('consumeMessageBatchMaxSize', options.consumeMessageBatchMaxSize ?? 1, 1, 1024),
    consumeConcurrentlyMaxSpan: inRange('consumeConcurrentlyMaxSpan', options.consumeConcurrentlyMaxSpan ?? 2000, 1, 65535),
    pullThresholdForQueue: inRange('pullThresholdForQueue', options.pullThresholdForQueue ?? 1000, 1, 65535),
    pullThresholdSizeForQueueMiB: inRange('pullThresholdSizeForQueue', options.pullThresholdSizeForQueue ?? 100, 1, 1024),
    pullThresholdForTopic: inRangeOrNone('pullThresholdForTopic', options.pullThresholdForTopic, 6_553_500),
    pullThresholdSizeForTopicMiB: inRangeOrNone('pullThresholdSizeForTopic', options.pullThresholdSizeForTopic, 102_400),
    pullTimeDelayMsWhenException: inRange('pullTimeDelayMsWhenException', options.pullTimeDelayMsWhenException ?? 1_000, 0, MAX_INT),
    postSubscriptionWhenPull: options.postSubscriptionWhenPull ?? false,
    pullBatchSize: inRange('pullBatchSize', options.pullBatchSize ?? 32, 1, 1024),
    pullBatchSizeInBytes: inRange('pullBatchSizeInBytes', options.pullBatchSizeInBytes ?? 256 * 1024, 1, MAX_INT),
    pullIntervalMs: inRange('pullIntervalMs', options.pullIntervalMs ?? 0, 0, 65535),
    maxReconsumeTimes: inRange('maxReconsumeTimes', options.maxReconsumeTimes ?? -1, -1, MAX_INT),
    consumeTimeoutMinutes: options.consumeTimeoutMinutes ?? 15,
    suspendCurrentQueueTimeMs: inRange('suspendCurrentQueueTimeMs', options.suspendCurrentQueueTimeMs ?? 1000, 10, 30_000),
    lockIntervalMs: options.lockIntervalMs ?? 20_000,
    lockMaxLiveMs: options.lockMaxLiveMs ?? 30_000,
    isOrdered: false,
    clientRebalance: options.clientRebalance ?? true,
    popInvisibleTimeMs: inRange('popInvisibleTimeMs', options.popInvisibleTimeMs ?? 60_000, 5_000, 300_000),
    popBatchNums: inRange('popBatchNums', options.popBatchNums ?? 32, 1, 32),
    popThresholdForQueue: inRange('popThresholdForQueue', options.popThresholdForQueue ?? 96, 1, 1000),
    rebalanceIntervalMs: options.rebalanceIntervalMs ?? 20_000,
    rebalanceMinIntervalMs: 100,
    suspendTimeoutMs: 15_000,
    pullTimeoutMs: 30_000,
    awaitTerminationMs: options.awaitTerminationMs ?? 10_000,
  };
}

/** Gives each owned queue its share of the thresholds for the topic, where they are set. */
export function shareTopicThresholds(settings: PushSettings, queueCount: number): void {
  const share = (total: number): number => Math.max(1, Math.floor(total / queueCount));
  if (queueCount > 0 && settings.pullThresholdForTopic !== -1) {
    settings.pullThresholdForQueue = share(settings.pullThresholdForTopic);
  }
  if (queueCount > 0 && settings.pullThresholdSizeForTopicMiB !== -1) {
    settings.pullThresholdSizeForQueueMiB = share(settings.pullThresholdSizeForTopicMiB);
  }
}

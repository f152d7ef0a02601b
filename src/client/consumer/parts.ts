import type { SubscriptionData } from '../../remoting/bodies/subscription.js';
import type { MessageQueue } from '../message-queue.js';
import type { MQClient } from '../mq-client.js';
import type { ConsumeFromWhere, ConsumeStatus, MessageModel } from '../types.js';
import type { AllocateMessageQueueStrategy } from './allocate.js';
import type { ConsumerStats } from './consumer-stats.js';
import type { OffsetStore } from './offset-store.js';
import type { PulledMessage } from './pulled-message.js';

/** What a listener may set besides its answer. */
export interface ConsumeConcurrentlyContext {
  readonly messageQueue: MessageQueue;
  /** For RECONSUME_LATER: −1 straight to the dead letter queue, 0 the broker's next delay, more: that delay level. */
  delayLevelWhenNextConsume: number;
  /** With CONSUME_SUCCESS: messages behind this index of a batch failed. Default: none. */
  ackIndex: number;
}

/** What a listener may answer; nothing counts as RECONSUME_LATER. */
export type ConsumeAnswer = ConsumeStatus | undefined | null;

/**
 * Gets messages of one queue, as many as `consumeMessageBatchMaxSize`, and says whether they are done. A thrown error, a rejected
 * promise and a missing or unknown answer count as RECONSUME_LATER. An asynchronous listener is typed to answer any text, because
 * TypeScript widens the literal of `async () => 'CONSUME_SUCCESS'`; it must still be one of `ConsumeStatus`.
 */
export type MessageListener = (
  messages: PulledMessage[],
  context: ConsumeConcurrentlyContext,
) => ConsumeAnswer | Promise<string | undefined | null>;

/** Settings of a push consumer with their defaults filled in. */
export interface PushSettings {
  consumerGroup: string;
  messageModel: MessageModel;
  consumeFromWhere: ConsumeFromWhere;
  consumeTimestampMs: number;
  allocateMessageQueueStrategy: AllocateMessageQueueStrategy;
  consumeThreadMax: number;
  consumeMessageBatchMaxSize: number;
  consumeConcurrentlyMaxSpan: number;
  pullThresholdForQueue: number;
  pullThresholdSizeForQueueMiB: number;
  pullBatchSize: number;
  pullBatchSizeInBytes: number;
  pullIntervalMs: number;
  maxReconsumeTimes: number;
  consumeTimeoutMinutes: number;
  rebalanceIntervalMs: number;
  rebalanceMinIntervalMs: number;
  suspendTimeoutMs: number;
  pullTimeoutMs: number;
  awaitTerminationMs: number;
}

/** What the parts of one push consumer share. */
export interface ConsumerParts {
  readonly client: MQClient;
  readonly settings: PushSettings;
  readonly subscriptions: Map<string, SubscriptionData>;
  readonly offsets: OffsetStore;
  readonly stats: ConsumerStats;
  /** Between start and shutdown. */
  isRunning(): boolean;
  /** Pulls wait. */
  isSuspended(): boolean;
}

/** How often a message may fail before it goes to the dead letter queue; −1 in the settings means 16. */
export function maxReconsumeTimesOf(settings: PushSettings): number {
  return settings.maxReconsumeTimes === -1 ? 16 : settings.maxReconsumeTimes;
}

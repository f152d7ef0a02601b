import type { SubscriptionData } from '../../remoting/bodies/subscription.js';
import type { MessageQueue } from '../message-queue.js';
import type { MQClient } from '../mq-client.js';
import type { ConsumeTrace } from '../trace/consume-trace.js';
import type { ConsumeFromWhere, ConsumeOrderlyStatus, ConsumeStatus, MessageModel } from '../types.js';
import type { AllocateMessageQueueStrategy } from './allocate.js';
import type { ConsumerStats } from './consumer-stats.js';
import type { OffsetStore } from './offset-store.js';
import type { CachedMessage, ProcessQueue } from './process-queue.js';
import type { PulledMessage } from './pulled-message.js';
import type { UnreadableMessages } from './unreadable-messages.js';

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

/** What an ordered listener may set besides its answer. */
export interface ConsumeOrderlyContext {
  readonly messageQueue: MessageQueue;
  /** Default true: SUCCESS commits. False: only COMMIT does. */
  autoCommit: boolean;
  /** How long the queue rests after SUSPEND_CURRENT_QUEUE_A_MOMENT or ROLLBACK, 10 to 30,000 ms; −1 for the consumer's setting. */
  suspendCurrentQueueTimeMillis: number;
}

/**
 * Gets messages of one queue in their order, and the next ones only after its answer. A thrown error, a rejected promise and a missing or unknown
 * answer count as SUSPEND_CURRENT_QUEUE_A_MOMENT: the same messages come again.
 */
export type OrderlyMessageListener = (
  messages: PulledMessage[],
  context: ConsumeOrderlyContext,
) => ConsumeOrderlyStatus | undefined | null | Promise<string | undefined | null>;

/** Outcome of one message that an administrator had consumed; the words are ConsumeMessageDirectlyResult's. */
export interface DirectResult {
  readonly order: boolean;
  readonly autoCommit: boolean;
  readonly consumeResult: string;
}

/** What becomes of pulled messages: the concurrent and the ordered way to call the listener. */
export interface QueueConsumer {
  /** Takes messages of one queue; the listener runs later in this turn or after it. */
  submit(messages: readonly CachedMessage[], processQueue: ProcessQueue): void;
  /** Brings the committable offset of a queue into the offset store. */
  syncOffset(processQueue: ProcessQueue): void;
  /** Starts no more calls. @returns when those running are finished, or the time is up. */
  stop(timeoutMs: number): Promise<void>;
  /** Waits until nothing is being consumed, at most `timeoutMs`. */
  idle(timeoutMs: number): Promise<void>;
  /** Gives back messages that the listener has held for longer than the consume time-out. */
  cleanExpired(processQueue: ProcessQueue): Promise<void>;
  /** Runs the listener for one message, outside of consumption; errors are the caller's. */
  consumeDirectly(message: PulledMessage): Promise<DirectResult>;
}

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
  pullThresholdForTopic: number;
  pullThresholdSizeForTopicMiB: number;
  pullTimeDelayMsWhenException: number;
  postSubscriptionWhenPull: boolean;
  maxReconsumeTimes: number;
  consumeTimeoutMinutes: number;
  suspendCurrentQueueTimeMs: number;
  lockIntervalMs: number;
  lockMaxLiveMs: number;
  /** The listener is an ordered one. */
  isOrdered: boolean;
  /** Members divide the queues among themselves; false: a broker does. */
  clientRebalance: boolean;
  popInvisibleTimeMs: number;
  popBatchNums: number;
  popThresholdForQueue: number;
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
  /** Undefined without `enableMsgTrace`. */
  readonly trace: ConsumeTrace | undefined;
  readonly unreadable: UnreadableMessages;
  /** Between start and shutdown. */
  isRunning(): boolean;
  /** Pulls wait. */
  isSuspended(): boolean;
}

/** How often a message may fail before it goes to the dead letter queue; −1 in the settings means 16, or without end when ordered. */
export function maxReconsumeTimesOf(settings: Readonly<Pick<PushSettings, 'maxReconsumeTimes' | 'isOrdered'>>): number {
  if (settings.maxReconsumeTimes !== -1) {
    return settings.maxReconsumeTimes;
  }
  return settings.isOrdered ? 2_147_483_647 : 16;
}

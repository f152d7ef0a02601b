import type { Clock } from '../../common/clock.js';
import { UsageError } from '../../common/errors.js';
import { validateClientGroup } from '../producer/validate.js';
import { type ClientOptions, ConsumeFromWhere, MessageModel } from '../types.js';
import { type AllocateMessageQueueStrategy, allocateAveragely } from './allocate.js';
import { consumeTimestampOf, inRange } from './push-settings.js';

/** Options of a LitePullConsumer. */
export interface LitePullConsumerOptions extends ClientOptions {
  consumerGroup: string;
  /** CLUSTERING: members share the queues (default). BROADCASTING: each reads all, with offsets in a local file. */
  messageModel?: MessageModel;
  /** Where a group without a stored offset starts. Default CONSUME_FROM_LAST_OFFSET. */
  consumeFromWhere?: ConsumeFromWhere;
  /** For CONSUME_FROM_TIMESTAMP: `yyyyMMddHHmmss`, local time. Default half an hour ago. */
  consumeTimestamp?: string;
  /** All members of a group must use the same. Default AVG. */
  allocateMessageQueueStrategy?: AllocateMessageQueueStrategy;
  /** `poll` commits what the polls before it gave. Default true. */
  autoCommit?: boolean;
  /** Time between automatic commits, at least 1000 ms. Default 5000. */
  autoCommitIntervalMs?: number;
  /** How long `poll` waits, ms. Default 5000. */
  pollTimeoutMs?: number;
  /** Messages of one pull, and so of one poll, at most. Default 10. */
  pullBatchSize?: number;
  /** Pulls pause above so many cached messages of all queues. Default 10000. */
  pullThresholdForAll?: number;
  /** Pulls of a queue pause above so many cached messages. Default 1000. */
  pullThresholdForQueue?: number;
  /** Pulls of a queue pause above so many MiB of cached bodies. Default 100. */
  pullThresholdSizeForQueue?: number;
  /** Pulls of a queue pause when its cached messages span more offsets. Default 2000. */
  consumeMaxSpan?: number;
  /** How often the queues of watched topics are compared, ms. Default 30000. */
  topicMetadataCheckIntervalMs?: number;
  /** How long a broker may hold a pull, ms. Default 20000. */
  brokerSuspendMaxTimeMs?: number;
  /** Time-out of a pull, ms; longer than the hold. Default 30000. */
  consumerTimeoutMsWhenSuspend?: number;
  /** Time between divisions of the queues without any event, ms. Default 20000. */
  rebalanceIntervalMs?: number;
  /** Folder of a broadcasting consumer's offsets. Default `~/.rocketmq_offsets`. */
  localOffsetStoreDir?: string;
}

/** The same with defaults filled in. */
export interface LitePullSettings {
  readonly consumerGroup: string;
  readonly messageModel: MessageModel;
  readonly consumeFromWhere: ConsumeFromWhere;
  readonly consumeTimestampMs: number;
  readonly allocateMessageQueueStrategy: AllocateMessageQueueStrategy;
  readonly autoCommit: boolean;
  readonly autoCommitIntervalMs: number;
  readonly pollTimeoutMs: number;
  readonly pullBatchSize: number;
  readonly pullThresholdForAll: number;
  readonly pullThresholdForQueue: number;
  readonly pullThresholdSizeForQueueMiB: number;
  readonly consumeMaxSpan: number;
  readonly topicMetadataCheckIntervalMs: number;
  readonly suspendTimeoutMs: number;
  readonly pullTimeoutMs: number;
  readonly rebalanceIntervalMs: number;
  readonly rebalanceMinIntervalMs: number;
}

const MAX_INT = 2_147_483_647;

/**
 * Fills in defaults and checks ranges.
 * @throws UsageError that names the setting and its value.
 */
export function resolveLitePullSettings(options: LitePullConsumerOptions, clock: Clock): LitePullSettings {
  validateClientGroup('consumerGroup', options.consumerGroup);
  const suspendTimeoutMs = options.brokerSuspendMaxTimeMs ?? 20_000;
  const pullTimeoutMs = options.consumerTimeoutMsWhenSuspend ?? 30_000;
  if (pullTimeoutMs < suspendTimeoutMs) {
    throw new UsageError(
      'Long polling mode, the consumer consumerTimeoutMillisWhenSuspend must greater than brokerSuspendMaxTimeMillis: ' +
        `${pullTimeoutMs} is less than ${suspendTimeoutMs}`,
    );
  }
  return {
    consumerGroup: options.consumerGroup,
    messageModel: options.messageModel ?? MessageModel.CLUSTERING,
    consumeFromWhere: options.consumeFromWhere ?? ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET,
    consumeTimestampMs: consumeTimestampOf(options.consumeTimestamp, clock),
    allocateMessageQueueStrategy: options.allocateMessageQueueStrategy ?? allocateAveragely,
    autoCommit: options.autoCommit ?? true,
    autoCommitIntervalMs: inRange('autoCommitIntervalMs', options.autoCommitIntervalMs ?? 5_000, 1_000, MAX_INT),
    pollTimeoutMs: inRange('pollTimeoutMs', options.pollTimeoutMs ?? 5_000, 0, MAX_INT),
    pullBatchSize: inRange('pullBatchSize', options.pullBatchSize ?? 10, 1, 1024),
    pullThresholdForAll: inRange('pullThresholdForAll', options.pullThresholdForAll ?? 10_000, 1, 6_553_500),
    pullThresholdForQueue: inRange('pullThresholdForQueue', options.pullThresholdForQueue ?? 1_000, 1, 65_535),
    pullThresholdSizeForQueueMiB: inRange('pullThresholdSizeForQueue', options.pullThresholdSizeForQueue ?? 100, 1, 1024),
    consumeMaxSpan: inRange('consumeMaxSpan', options.consumeMaxSpan ?? 2_000, 1, 65_535),
    topicMetadataCheckIntervalMs: inRange('topicMetadataCheckIntervalMs', options.topicMetadataCheckIntervalMs ?? 30_000, 1, MAX_INT),
    suspendTimeoutMs,
    pullTimeoutMs,
    rebalanceIntervalMs: options.rebalanceIntervalMs ?? 20_000,
    rebalanceMinIntervalMs: 100,
  };
}

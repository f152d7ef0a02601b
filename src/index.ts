/** The library: producers and consumers for Apache RocketMQ. */

/** Administration of clusters: an `AdminClient`, and a typed function for each use case. */
export * as admin from './client/admin/index.js';
export {
  type AllocateInput,
  type AllocateMessageQueueStrategy,
  allocateAveragely,
  allocateAveragelyByCircle,
  allocateByConfig,
  allocateByConsistentHash,
  allocateByMachineRoom,
  allocateMachineRoomNearby,
  type MachineRoomResolver,
} from './client/consumer/allocate.js';
export { LitePullConsumer, type MessageQueueListener } from './client/consumer/lite-pull-consumer.js';
export type { LitePullConsumerOptions } from './client/consumer/lite-pull-settings.js';
export type {
  ConsumeAnswer,
  ConsumeConcurrentlyContext,
  ConsumeOrderlyContext,
  MessageListener,
  OrderlyMessageListener,
} from './client/consumer/parts.js';
export { PullConsumer, type PullConsumerOptions, type PullHandler, type PullOptions } from './client/consumer/pull-consumer.js';
export { PullResult } from './client/consumer/pull-result.js';
export { PulledMessage } from './client/consumer/pulled-message.js';
export { PushConsumer, type PushConsumerOptions } from './client/consumer/push-consumer.js';
export type { MessageQueue } from './client/message-queue.js';
export { MQClient } from './client/mq-client.js';
export { splitBatch } from './client/producer/batch.js';
export type { SendHandler } from './client/producer/pending-send.js';
export { Producer, type ProducerOptions, type SendOptions } from './client/producer/producer.js';
export { type RepliableMessage, replyTo } from './client/producer/reply.js';
export { type MessageQueueSelector, selectByHash, selectByRandom, selectByShardingKey } from './client/producer/selectors.js';
export type { ProducerStats } from './client/producer/send-stats.js';
export {
  LocalTransactionState,
  type TransactionHandler,
  type TransactionListener,
  type TransactionSendResult,
} from './client/producer/transaction-listener.js';
export { TransactionProducer, type TransactionProducerOptions } from './client/producer/transaction-producer.js';
export { putUserProperty } from './client/producer/validate.js';
export type { ReplyMessage } from './client/reply-table.js';
export type { SqlExpression } from './client/subscription.js';
export {
  type ClientOptions,
  ConsumeFromWhere,
  ConsumeOrderlyStatus,
  ConsumeStatus,
  type Credentials,
  MessageModel,
  PullStatus,
  type SendResult,
  SendStatus,
} from './client/types.js';
export * from './common/errors.js';
export { type Logger, noopLogger } from './common/logger.js';
export type { Message, MessageExt } from './common/message/message.js';

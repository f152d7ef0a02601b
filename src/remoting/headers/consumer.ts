/* Offsets, group membership, and what brokers ask of clients. */
import { defineHeader, RPC_FIELDS } from './definition.js';

const QUEUE = { topic: 'string!', queueId: 'int!', ...RPC_FIELDS } as const;

export const QueryConsumerOffsetRequestHeader = defineHeader('QueryConsumerOffsetRequestHeader', {
  consumerGroup: 'string!',
  ...QUEUE,
  setZeroIfNotFound: 'bool',
});
export const QueryConsumerOffsetResponseHeader = defineHeader('QueryConsumerOffsetResponseHeader', { offset: 'long!' });
export const UpdateConsumerOffsetRequestHeader = defineHeader('UpdateConsumerOffsetRequestHeader', {
  consumerGroup: 'string!',
  ...QUEUE,
  commitOffset: 'long!',
});
export const SearchOffsetRequestHeader = defineHeader('SearchOffsetRequestHeader', {
  ...QUEUE,
  timestamp: 'bigLong!',
  boundaryType: 'string',
});
export const SearchOffsetResponseHeader = defineHeader('SearchOffsetResponseHeader', { offset: 'long!' });
export const GetMaxOffsetRequestHeader = defineHeader('GetMaxOffsetRequestHeader', { ...QUEUE, committed: 'bool' });
export const GetMaxOffsetResponseHeader = defineHeader('GetMaxOffsetResponseHeader', { offset: 'long!' });
export const GetMinOffsetRequestHeader = defineHeader('GetMinOffsetRequestHeader', QUEUE);
export const GetMinOffsetResponseHeader = defineHeader('GetMinOffsetResponseHeader', { offset: 'long!' });
export const GetEarliestMsgStoretimeRequestHeader = defineHeader('GetEarliestMsgStoretimeRequestHeader', QUEUE);
export const GetEarliestMsgStoretimeResponseHeader = defineHeader('GetEarliestMsgStoretimeResponseHeader', { timestamp: 'long!' });

export const GetConsumerListByGroupRequestHeader = defineHeader('GetConsumerListByGroupRequestHeader', {
  consumerGroup: 'string!',
  ...RPC_FIELDS,
});
export const UnregisterClientRequestHeader = defineHeader('UnregisterClientRequestHeader', {
  clientID: 'string!',
  producerGroup: 'string',
  consumerGroup: 'string',
  ...RPC_FIELDS,
});
export const HeartbeatResponseHeader = defineHeader('HeartbeatResponseHeader', {
  IS_SUPPORT_HEART_BEAT_V2: 'bool',
  IS_SUB_CHANGE: 'bool',
});

export const NotifyConsumerIdsChangedRequestHeader = defineHeader('NotifyConsumerIdsChangedRequestHeader', { consumerGroup: 'string!' });
export const CheckTransactionStateRequestHeader = defineHeader('CheckTransactionStateRequestHeader', {
  topic: 'string',
  tranStateTableOffset: 'long!',
  commitLogOffset: 'long!',
  msgId: 'string',
  transactionId: 'string',
  offsetMsgId: 'string',
  ...RPC_FIELDS,
});
export const ResetOffsetRequestHeader = defineHeader('ResetOffsetRequestHeader', {
  topic: 'string!',
  group: 'string!',
  timestamp: 'bigLong!',
  isForce: 'bool!',
  queueId: 'int',
  offset: 'long',
});
export const GetConsumerStatusRequestHeader = defineHeader('GetConsumerStatusRequestHeader', {
  topic: 'string!',
  group: 'string!',
  clientAddr: 'string',
});
export const GetConsumerRunningInfoRequestHeader = defineHeader('GetConsumerRunningInfoRequestHeader', {
  consumerGroup: 'string!',
  clientId: 'string!',
  jstackEnable: 'bool',
});
export const ConsumeMessageDirectlyResultRequestHeader = defineHeader('ConsumeMessageDirectlyResultRequestHeader', {
  consumerGroup: 'string!',
  clientId: 'string',
  msgId: 'string',
  brokerName: 'string',
  topic: 'string',
  topicSysFlag: 'int',
  groupSysFlag: 'int',
});

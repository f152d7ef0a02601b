/* Administration of brokers. */
import { defineHeader } from './definition.js';

export const CreateTopicRequestHeader = defineHeader('CreateTopicRequestHeader', {
  topic: 'string!',
  defaultTopic: 'string!',
  readQueueNums: 'int!',
  writeQueueNums: 'int!',
  perm: 'int!',
  topicFilterType: 'string!',
  topicSysFlag: 'int',
  order: 'bool',
  attributes: 'string',
  force: 'bool',
});
export const DeleteTopicRequestHeader = defineHeader('DeleteTopicRequestHeader', { topic: 'string!' });
export const GetTopicConfigRequestHeader = defineHeader('GetTopicConfigRequestHeader', { topic: 'string!', lo: 'bool' });
export const GetTopicStatsInfoRequestHeader = defineHeader('GetTopicStatsInfoRequestHeader', { topic: 'string!' });
/** `cleanOffset` is sent by 5.x tools, `removeOffset` by 4.9; both mean the same. */
export const DeleteSubscriptionGroupRequestHeader = defineHeader('DeleteSubscriptionGroupRequestHeader', {
  groupName: 'string!',
  cleanOffset: 'bool',
  removeOffset: 'bool',
});
export const GetSubscriptionGroupConfigRequestHeader = defineHeader('GetSubscriptionGroupConfigRequestHeader', { group: 'string!' });
export const GetConsumerConnectionListRequestHeader = defineHeader('GetConsumerConnectionListRequestHeader', { consumerGroup: 'string!' });
export const GetProducerConnectionListRequestHeader = defineHeader('GetProducerConnectionListRequestHeader', { producerGroup: 'string!' });
export const GetConsumeStatsRequestHeader = defineHeader('GetConsumeStatsRequestHeader', {
  consumerGroup: 'string!',
  topic: 'string',
  topicList: 'string',
});
export const GetConsumeStatsInBrokerHeader = defineHeader('GetConsumeStatsInBrokerHeader', { isOrder: 'bool!' });
export const QueryTopicConsumeByWhoRequestHeader = defineHeader('QueryTopicConsumeByWhoRequestHeader', { topic: 'string!' });
export const QueryTopicsByConsumerRequestHeader = defineHeader('QueryTopicsByConsumerRequestHeader', { group: 'string!' });
export const QuerySubscriptionByConsumerRequestHeader = defineHeader('QuerySubscriptionByConsumerRequestHeader', {
  group: 'string!',
  topic: 'string',
});
export const QueryConsumeTimeSpanRequestHeader = defineHeader('QueryConsumeTimeSpanRequestHeader', { topic: 'string!', group: 'string!' });
export const CloneGroupOffsetRequestHeader = defineHeader('CloneGroupOffsetRequestHeader', {
  srcGroup: 'string!',
  destGroup: 'string!',
  topic: 'string',
  offline: 'bool',
});
export const ViewBrokerStatsDataRequestHeader = defineHeader('ViewBrokerStatsDataRequestHeader', {
  statsName: 'string!',
  statsKey: 'string!',
});
export const QueryConsumeQueueRequestHeader = defineHeader('QueryConsumeQueueRequestHeader', {
  topic: 'string',
  queueId: 'int',
  index: 'long',
  count: 'int',
  consumerGroup: 'string',
});
export const GetBrokerConfigResponseHeader = defineHeader('GetBrokerConfigResponseHeader', { version: 'string!' });

import {
  AUTO_CREATE_TOPIC_KEY_TOPIC,
  RMQ_SYS_BENCHMARK_TOPIC,
  RMQ_SYS_OFFSET_MOVED_EVENT,
  RMQ_SYS_REVIVE_LOG_PREFIX,
  RMQ_SYS_SCHEDULE_TOPIC,
  RMQ_SYS_SELF_TEST_TOPIC,
  RMQ_SYS_SYNC_BROKER_MEMBER_PREFIX,
  RMQ_SYS_TRANS_HALF_TOPIC,
  RMQ_SYS_TRANS_OP_HALF_TOPIC,
  RMQ_SYS_WHEEL_TIMER_TOPIC,
  replyTopic,
} from '../../src/common/topic-names.js';
import { type TopicConfig, topicConfig, topicWithQueues } from './topic-config.js';

/** What decides which topics a fresh broker creates. */
export interface SystemTopicOptions {
  brokerClusterName: string;
  brokerName: string;
  autoCreateTopicEnable: boolean;
  clusterTopicEnable: boolean;
  brokerTopicEnable: boolean;
  traceTopicEnable: boolean;
  msgTraceTopicName: string;
  defaultTopicQueueNums: number;
  reviveQueueNum: number;
}

/** Queues of SCHEDULE_TOPIC_XXXX, whatever the length of the level table. */
export const SCHEDULE_QUEUE_NUMS = 18;
const BENCHMARK_QUEUE_NUMS = 1024;
const RW = 6;
const RW_INHERIT = 7;
const INHERIT_ONLY = 1;

/** The topics a fresh broker creates, in Apache's order. */
export function systemTopics(options: SystemTopicOptions): TopicConfig[] {
  const { brokerClusterName, brokerName } = options;
  const topics = [topicWithQueues(RMQ_SYS_SELF_TEST_TOPIC, 1)];
  if (options.autoCreateTopicEnable) {
    topics.push(topicWithQueues(AUTO_CREATE_TOPIC_KEY_TOPIC, options.defaultTopicQueueNums, RW_INHERIT));
  }
  topics.push(
    topicWithQueues(RMQ_SYS_BENCHMARK_TOPIC, BENCHMARK_QUEUE_NUMS),
    topicConfig(brokerClusterName, { perm: options.clusterTopicEnable ? RW_INHERIT : INHERIT_ONLY }),
    topicWithQueues(brokerName, 1, options.brokerTopicEnable ? RW_INHERIT : INHERIT_ONLY),
    topicWithQueues(RMQ_SYS_OFFSET_MOVED_EVENT, 1),
    topicWithQueues(RMQ_SYS_SCHEDULE_TOPIC, SCHEDULE_QUEUE_NUMS),
  );
  if (options.traceTopicEnable) topics.push(topicWithQueues(options.msgTraceTopicName, 1));
  topics.push(
    topicWithQueues(replyTopic(brokerClusterName), 1),
    topicWithQueues(`${RMQ_SYS_REVIVE_LOG_PREFIX}${brokerClusterName}`, options.reviveQueueNum),
    topicWithQueues(`${RMQ_SYS_SYNC_BROKER_MEMBER_PREFIX}${brokerName}`, 1, INHERIT_ONLY),
    topicWithQueues(RMQ_SYS_TRANS_HALF_TOPIC, 1, RW),
    topicWithQueues(RMQ_SYS_TRANS_OP_HALF_TOPIC, 1, RW),
    topicWithQueues(RMQ_SYS_WHEEL_TIMER_TOPIC, 1),
  );
  return topics;
}

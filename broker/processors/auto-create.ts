import { PERM_INHERIT } from '../../src/common/perm-name.js';
import { AUTO_CREATE_TOPIC_KEY_TOPIC, isRetryTopic } from '../../src/common/topic-names.js';
import { ResponseCode } from '../../src/remoting/codes.js';
import { MAX_TOPICS } from '../limits.js';
import type { BrokerParts } from '../parts.js';
import { type TopicEntry, topicConfig, topicWithQueues } from '../topics/index.js';

/** What Apache's remarks about missing topics and groups end with. */
export const FAQ = 'See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';

/** The remark for a topic that does not exist. */
export function topicNotExist(topic: string): string {
  return `topic[${topic}] not exist, apply first please!\n${FAQ}`;
}

/**
 * The topic of a send that names an unknown one: a copy of its default topic when that may be inherited, a retry topic in any case, else an
 * error. The new topic is saved and on its way to the name servers when this returns.
 */
export function createTopicForSend(
  parts: BrokerParts,
  send: { topic: string; defaultTopic: string; defaultTopicQueueNums: number; clientAddr: string },
): TopicEntry | { code: number; remark: string } {
  const { topics } = parts;
  const { topic } = send;
  if (topics.size >= MAX_TOPICS) {
    return {
      code: ResponseCode.SYSTEM_ERROR,
      remark: `topic[${topic}] is not created: this broker has ${topics.size} topics, no more than ${MAX_TOPICS} are allowed`,
    };
  }
  const pattern = topics.config(send.defaultTopic);
  const mayInherit =
    pattern !== null &&
    (pattern.perm & PERM_INHERIT) !== 0 &&
    (send.defaultTopic !== AUTO_CREATE_TOPIC_KEY_TOPIC || parts.config.broker.autoCreateTopicEnable);
  if (mayInherit) {
    const queueNums = Math.max(0, Math.min(send.defaultTopicQueueNums, pattern.writeQueueNums));
    topics.update(
      topicConfig(topic, {
        readQueueNums: queueNums,
        writeQueueNums: queueNums,
        perm: pattern.perm & ~PERM_INHERIT,
        topicFilterType: pattern.topicFilterType,
      }),
    );
    parts.logger.info(`created topic ${topic} with ${queueNums} queues for a send of ${send.clientAddr}`);
  } else if (isRetryTopic(topic)) {
    topics.update(topicWithQueues(topic, 1));
  }
  return topics.entry(topic) ?? { code: ResponseCode.TOPIC_NOT_EXIST, remark: topicNotExist(topic) };
}

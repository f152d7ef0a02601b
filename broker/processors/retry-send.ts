import { MessageConst, removeProperty } from '../../src/common/message/properties.js';
import { V3_4_9 } from '../../src/common/mq-version.js';
import { dlqTopic, RETRY_GROUP_TOPIC_PREFIX } from '../../src/common/topic-names.js';
import { ResponseCode } from '../../src/remoting/codes.js';
import type { BrokerParts } from '../parts.js';
import { topicWithQueues } from '../topics/index.js';
import { FAQ } from './auto-create.js';
import { parseDecimal } from './fields.js';
import type { PutContext } from './put-message.js';

/** Reads a client's maxReconsumeTimes, which only clients from 3.4.9 on mean. */
export function maxReconsumeTimesOf(sent: string | undefined, version: number, groupMax: number): number {
  if (version < V3_4_9 || sent === undefined) return groupMax;
  const value = parseDecimal(sent);
  return (value | 0) === value ? value : groupMax;
}

/**
 * A plain send to `%RETRY%group`: beyond the group's retries, or while the group holds queue locks, it goes to the dead-letter queue instead (in place: topic, queue, properties).
 * @returns what is wrong, or null
 */
export function routeRetrySend(
  parts: BrokerParts,
  put: PutContext,
  header: { maxReconsumeTimes: string | undefined; version: number },
): { code: number; remark: string } | null {
  const group = put.topic.slice(RETRY_GROUP_TOPIC_PREFIX.length);
  const config = parts.groups.find(group);
  if (config === null) {
    return { code: ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark: `subscription group not exist, ${group}\n${FAQ}` };
  }
  const max = maxReconsumeTimesOf(header.maxReconsumeTimes, header.version, config.retryMaxTimes);
  // A group with living locks consumes in order, and its consumers send here only what they gave up.
  if (put.reconsumeTimes <= max && !parts.locks.isGroupLocked(group)) return null;
  const dlq = dlqTopic(group);
  parts.topics.ensure(dlq, () => topicWithQueues(dlq, 1));
  put.topic = dlq;
  put.queueId = 0;
  put.answerQueueId = 0;
  put.properties = `${removeProperty(put.properties, MessageConst.DELAY)}DELAY\u0001-1\u0002`;
  parts.stats.count('DLQ_PUT_NUMS', `${dlq}@${group}`, 1);
  return null;
}

import { MAX_RETRY_TOPIC_LENGTH } from '../../src/common/limits.js';
import { popRetryTopic } from '../../src/common/pop.js';
import { isRetryTopic } from '../../src/common/topic-names.js';
import { ResponseCode } from '../../src/remoting/codes.js';
import type { Connection } from '../../src/remoting/server.js';
import type { BrokerParts } from '../parts.js';
import type { HeldPop, PopResult } from '../pop/index.js';
import { FAQ, topicNotExist } from './auto-create.js';
import { createGroup } from './pull-checks.js';

const PERM_READ = 4;
/** Messages that one request gets, at most. */
export const MAX_POP_MESSAGES = 32;

/** A held request is answered so long before its client gives up, ms. */
export const ANSWER_AHEAD_MS = 50;

/** The fields of a request with the time when it was made, which is now where the client does not say it. */
export function withBornTime(fields: Readonly<Record<string, string>>, nowMs: number): Readonly<Record<string, string>> {
  const { bornTime } = fields;
  return bornTime === undefined || bornTime === '' || bornTime === '0' ? { ...fields, bornTime: String(nowMs) } : fields;
}

/** What a request is refused with. */
export interface PopFault {
  code: number;
  remark: string;
}

/** Where a request wants messages from. */
interface PopPlace {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly queueId: number;
}

/** @param what the broker names it in its refusal */
export function checkBrokerReadable({ config }: BrokerParts, what: 'pop message' | 'peeking message'): PopFault | null {
  const { brokerIP1, brokerPermission } = config.broker;
  if ((brokerPermission & PERM_READ) !== 0) return null;
  return { code: ResponseCode.NO_PERMISSION, remark: `the broker[${brokerIP1}] ${what} is forbidden` };
}

/** Topic, queue and group, in Apache's order; null when they may be read. */
export function checkPopPlace(parts: BrokerParts, connection: Connection, { topic, consumerGroup, queueId }: PopPlace): PopFault | null {
  const entry = parts.topics.entry(topic);
  if (entry === undefined) return { code: ResponseCode.TOPIC_NOT_EXIST, remark: topicNotExist(topic) };
  if ((entry.config.perm & PERM_READ) === 0) {
    return { code: ResponseCode.NO_PERMISSION, remark: `the topic[${topic}] peeking message is forbidden` };
  }
  if (queueId >= entry.readQueueNums) {
    return {
      code: ResponseCode.INVALID_PARAMETER,
      remark: `queueId[${queueId}] is illegal, topic:[${topic}] topicConfig.readQueueNums:[${entry.readQueueNums}] consumer:[/${connection.remoteAddr}]`,
    };
  }
  const group = parts.groups.peek(consumerGroup) ?? createGroup(parts, consumerGroup);
  if (group === null) {
    return { code: ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark: `subscription group [${consumerGroup}] does not exist, ${FAQ}` };
  }
  if (!group.consumeEnable) return { code: ResponseCode.NO_PERMISSION, remark: `subscription group no permission, ${consumerGroup}` };
  return null;
}

/** Null when messages that are not acknowledged have a way back: popped in order they stay where they are, else their retry topic needs a name. */
export function checkRetryName({
  topic,
  consumerGroup,
  order,
}: {
  topic: string;
  consumerGroup: string;
  order?: boolean | undefined;
}): PopFault | null {
  if (order === true || isRetryTopic(topic)) return null;
  const { length } = popRetryTopic(topic, consumerGroup, 'v1');
  if (length <= MAX_RETRY_TOPIC_LENGTH) return null;
  return {
    code: ResponseCode.INVALID_PARAMETER,
    remark: `the names of topic ${topic} and group ${consumerGroup} are too long for a pop: their retry topic would have ${length} characters, ${MAX_RETRY_TOPIC_LENGTH} are allowed`,
  };
}

/** Answers a request that waited and cannot be looked at again. */
export function answerFailed(
  { logger }: BrokerParts,
  { connection, request, query }: Pick<HeldPop, 'connection' | 'request' | 'query'>,
  error: Error,
): void {
  const { topic, group } = query;
  logger.error(`a held request of ${connection.remoteAddr} for ${topic} and group ${group} failed: ${error.message}`, { error });
  connection.respond(request, ResponseCode.SYSTEM_ERROR, error.message);
}

/** Counts what a group is given. @returns how many messages that are */
export function countGiven({ stats, topics, runtime }: BrokerParts, group: string, runs: PopResult['runs'], latencyMs: number): number {
  let messageCount = 0;
  for (const run of runs) {
    messageCount += run.messageCount;
    const entry = topics.entry(run.topic);
    if (entry === undefined) continue;
    const groupStats = entry.stats.groups.get(group) ?? stats.group(entry.stats, run.topic, group);
    stats.countGetOfQueue(entry.stats, groupStats, run.queueId, run.messageCount, run.bytes, latencyMs);
  }
  runtime.countFound(messageCount, latencyMs);
  return messageCount;
}

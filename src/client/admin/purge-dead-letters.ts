import { PartialError } from '../../common/errors.js';
import { RequestCode } from '../../remoting/codes.js';
import type { AdminClient } from './admin-client.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';
import { lettersTopic, noLetters } from './group-letters.js';
import { topicStatus } from './topic-status.js';
import { sendTopicConfig } from './update-topic.js';

export interface PurgeResult {
  readonly dryRun: boolean;
  readonly group: string;
  readonly topic: string;
  /** Dead letters that the brokers had when they were counted. */
  readonly count: number;
  readonly brokers: readonly NodeOutcome[];
}

/**
 * Takes all dead letters of a group away: its dead-letter topic is deleted on every broker that has it, and made again with the same queues and
 * permissions. Brokers have no request that deletes single messages. Offsets of groups that consume the dead letters go with the topic.
 * @throws NotFoundError when there is no such topic
 * @throws PartialError when some brokers did it and some did not
 */
export async function purgeDeadLetters(admin: AdminClient, request: { group: string; dryRun?: boolean }): Promise<PurgeResult> {
  const { group, dryRun = false } = request;
  const topic = lettersTopic('dlq', group);
  const route = await admin.findRoute(topic);
  if (route === null) {
    throw noLetters('dlq', group);
  }
  const without = route.brokerDatas.filter(({ brokerAddrs }) => !brokerAddrs.has(0)).map(({ brokerName }) => brokerName);
  if (without.length > 0) {
    throw new PartialError(`nothing was purged: ${without.join(', ')} of topic ${topic} has no master`, {
      code: 'NO_MASTER',
      hint: 'repeat the command when the master is back',
      context: { brokerNames: without },
    });
  }
  const { queues } = await topicStatus(admin, topic);
  const count = queues.reduce((sum, { minOffset, maxOffset }) => sum + maxOffset - minOffset, 0);
  const nameAt = new Map(route.brokerDatas.map(({ brokerName, brokerAddrs }) => [brokerAddrs.get(0) ?? '', brokerName]));
  const addrs = [...nameAt.keys()];
  if (dryRun) {
    return { dryRun, group, topic, count, brokers: planned(addrs) };
  }
  const results = await askAll(addrs, async (addr) => {
    const { readQueueNums, writeQueueNums, perm, topicSysFlag } = route.queueDatas.find(
      ({ brokerName }) => brokerName === nameAt.get(addr),
    )!;
    await admin.ask(addr, { code: RequestCode.DELETE_TOPIC_IN_BROKER, extFields: { topic } });
    const settings = { topicName: topic, readQueueNums, writeQueueNums, perm, topicSysFlag };
    await sendTopicConfig(admin, addr, { ...settings, topicFilterType: 'SINGLE_TAG', order: false, attributes: {} });
  });
  const result: PurgeResult = { dryRun, group, topic, count, brokers: outcomes(results) };
  requireAll(results, `purge of ${topic}`, result);
  return result;
}

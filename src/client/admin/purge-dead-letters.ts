import { MQError, PartialError } from '../../common/errors.js';
import type { TopicRouteData } from '../../remoting/bodies/route.js';
import { decodeTopicConfig, decodeTopicStatsTable } from '../../remoting/bodies/topic.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { attributesText } from './attributes.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';
import { lettersTopic, noLetters } from './group-letters.js';
import type { TopicSettings } from './topic-config.js';
import { withoutMaster } from './topic-list.js';
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
 * Takes all dead letters of a group away: its dead-letter topic is deleted on every broker that has it, and made again with the same queues,
 * permissions and attributes. Brokers have no request that deletes single messages. Offsets of groups that consume the dead letters go with the topic.
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
  const without = withoutMaster(route);
  if (without.length > 0) {
    throw new PartialError(`nothing was purged: ${without.join(', ')} of topic ${topic} has no master`, {
      code: 'NO_MASTER',
      hint: 'repeat the command when the master is back',
      context: { brokerNames: without },
    });
  }
  const nameAt = new Map(route.brokerDatas.map(({ brokerName, brokerAddrs }) => [brokerAddrs.get(0) ?? '', brokerName]));
  const addrs = [...nameAt.keys()];
  const count = await countLetters(admin, topic, addrs);
  if (dryRun) {
    return { dryRun, group, topic, count, brokers: planned(addrs) };
  }
  const results = await askAll(addrs, async (addr) => {
    const settings = await settingsAt(admin, addr, { topic, brokerName: nameAt.get(addr) ?? '', route });
    await admin.ask(addr, { code: RequestCode.DELETE_TOPIC_IN_BROKER, extFields: { topic } }, [ResponseCode.TOPIC_NOT_EXIST]);
    await makeAgain(admin, addr, settings);
  });
  const result: PurgeResult = { dryRun, group, topic, count, brokers: outcomes(results) };
  requireAll(results, `purge of ${topic}`, result);
  return result;
}

/** How many there are. A broker that does not have the topic, because a purge before ended half-way, has none. */
async function countLetters(admin: AdminClient, topic: string, addrs: readonly string[]): Promise<number> {
  const results = await askAll(addrs, async (addr): Promise<number> => {
    const request = { code: RequestCode.GET_TOPIC_STATS_INFO, extFields: { topic } };
    const response = await admin.ask(addr, request, [ResponseCode.TOPIC_NOT_EXIST]);
    const offsets = response.code === ResponseCode.SUCCESS ? decodeTopicStatsTable(bodyOf(response)).offsetTable : [];
    return offsets.reduce((sum, [, { minOffset, maxOffset }]) => sum + maxOffset - minOffset, 0);
  });
  requireAll(results, `nothing was purged: letters of ${topic}`, undefined);
  return results.reduce((sum, { value = 0 }) => sum + value, 0);
}

/** What the topic is on a broker; one of 4.9 cannot be asked, and one that does not have it any more gets what the route says. */
async function settingsAt(
  admin: AdminClient,
  addr: string,
  { topic, brokerName, route }: { topic: string; brokerName: string; route: TopicRouteData },
): Promise<TopicSettings> {
  const response = await admin.ask(addr, { code: RequestCode.GET_TOPIC_CONFIG, extFields: { topic } }, [
    ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
    ResponseCode.TOPIC_NOT_EXIST,
  ]);
  const common = { topicName: topic, topicFilterType: 'SINGLE_TAG' } as const;
  if (response.code === ResponseCode.SUCCESS) {
    const { readQueueNums, writeQueueNums, perm, topicSysFlag, order, attributes: had } = decodeTopicConfig(bodyOf(response));
    const attributes = Object.fromEntries([...had].map(([name, value]) => [`+${name}`, value]));
    return { ...common, readQueueNums, writeQueueNums, perm, topicSysFlag, order, attributes };
  }
  const queues = route.queueDatas.find((entry) => entry.brokerName === brokerName);
  const { readQueueNums = 1, writeQueueNums = 1, perm = 6, topicSysFlag = 0 } = queues ?? {};
  return { ...common, readQueueNums, writeQueueNums, perm, topicSysFlag, order: (route.orderTopicConf ?? '') !== '', attributes: {} };
}

/**
 * Tried twice: a connection may have ended.
 * @throws PartialError with the command that makes the topic when it could not be made
 */
async function makeAgain(admin: AdminClient, addr: string, settings: TopicSettings): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await sendTopicConfig(admin, addr, settings);
      return;
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      if (attempt === 2) {
        const { topicName, readQueueNums, writeQueueNums, perm, order, attributes } = settings;
        const more = `${order ? ' -o true' : ''}${Object.keys(attributes).length === 0 ? '' : ` -a ${attributesText(attributes)}`}`;
        const command = `mqadmin updateTopic -b ${addr} -t ${topicName} -r ${readQueueNums} -w ${writeQueueNums} -p ${perm}${more}`;
        throw new PartialError(`${topicName} was deleted and not made again (${error.message}); make it so: ${command}`, {
          code: 'TOPIC_NOT_MADE',
          cause: error,
          context: { command },
        });
      }
    }
  }
}

import { decodeTopicStatsTable } from '../../remoting/bodies/topic.js';
import { RequestCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { askAll, requireAll } from './fan-out.js';
import { masterAddrs } from './topic-list.js';

export interface TopicStatusRow {
  readonly brokerName: string;
  readonly queueId: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  /** Store time of the last message, ms; 0 when the queue has none. */
  readonly lastUpdateTimestamp: number;
}

export interface TopicStatusResult {
  readonly topic: string;
  /** By broker name and queue id. */
  readonly queues: readonly TopicStatusRow[];
  /** Messages put a second, over all brokers that say it. */
  readonly topicPutTps: number;
}

/**
 * Offsets and last store time of every queue of a topic.
 * @param routeTopic name whose route is used instead, `-c` of the command
 */
export async function topicStatus(admin: AdminClient, topic: string, routeTopic: string = topic): Promise<TopicStatusResult> {
  const route = await admin.route(routeTopic);
  const results = await askAll(masterAddrs(route), async (addr) =>
    decodeTopicStatsTable(bodyOf(await admin.ask(addr, { code: RequestCode.GET_TOPIC_STATS_INFO, extFields: { topic } }))),
  );
  const queues: TopicStatusRow[] = [];
  let topicPutTps = 0;
  for (const { value } of results) {
    topicPutTps += value?.topicPutTps ?? 0;
    for (const [queue, offset] of value?.offsetTable ?? []) {
      queues.push({
        brokerName: queue.brokerName,
        queueId: queue.queueId,
        minOffset: offset.minOffset,
        maxOffset: offset.maxOffset,
        lastUpdateTimestamp: offset.lastUpdateTimestamp,
      });
    }
  }
  queues.sort((a, b) => (a.brokerName < b.brokerName ? -1 : a.brokerName > b.brokerName ? 1 : a.queueId - b.queueId));
  const result = { topic, queues, topicPutTps };
  requireAll(results, `topicStatus ${topic}`, queues.length === 0 ? undefined : result);
  return result;
}

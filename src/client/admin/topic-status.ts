import type { TopicRouteData } from '../../remoting/bodies/route.js';
import { decodeTopicStatsTable } from '../../remoting/bodies/topic.js';
import { RequestCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { askAll, requireAll } from './fan-out.js';
import type { QueuePlace } from './static-topic.js';
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
  /** By broker name and queue id; of a static topic its logical queues too, below `__syslo__` and their scope. */
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
  if (Object.keys(route.topicQueueMappingByBroker ?? {}).length > 0) {
    queues.push(...(await logicalQueues(admin, { topic, route, queues })));
  }
  queues.sort((a, b) => (a.brokerName < b.brokerName ? -1 : a.brokerName > b.brokerName ? 1 : a.queueId - b.queueId));
  const result = { topic, queues, topicPutTps };
  requireAll(results, `topicStatus ${topic}`, queues.length === 0 ? undefined : result);
  return result;
}

/** The logical queues of a static topic: each begins where its oldest place does, and ends where its last one does. */
async function logicalQueues(
  admin: AdminClient,
  known: { topic: string; route: TopicRouteData; queues: readonly TopicStatusRow[] },
): Promise<TopicStatusRow[]> {
  const [{ configsOf }, { logicalBrokerName, logicalOffset }] = await Promise.all([
    import('./static-topic-change.js'),
    import('./static-topic.js'),
  ]);
  const masters = known.route.brokerDatas.flatMap(({ brokerName, brokerAddrs }): [string, string][] => {
    const addr = brokerAddrs.get(0);
    return addr === undefined ? [] : [[brokerName, addr]];
  });
  const configs = await configsOf(admin, known.topic, new Map(masters), `topicStatus ${known.topic}`);
  const brokerName = logicalBrokerName([...configs.values()][0]?.scope ?? '');
  const at = (place: QueuePlace | undefined): TopicStatusRow | undefined =>
    known.queues.find((queue) => queue.brokerName === place?.bname && queue.queueId === place.queueId);
  const led = [...configs].flatMap(([name, { hostedQueues }]) => [...hostedQueues].filter(([, places]) => places.at(-1)?.bname === name));
  return led.flatMap(([queueId, places]) => {
    const [first, last] = [places[0], places.at(-1)];
    const [oldest, newest] = [at(first), at(last)];
    if (first === undefined || last === undefined || oldest === undefined || newest === undefined) {
      return [];
    }
    const minOffset = logicalOffset(first, oldest.minOffset);
    const maxOffset = logicalOffset(last, newest.maxOffset);
    return [{ brokerName, queueId, minOffset, maxOffset, lastUpdateTimestamp: newest.lastUpdateTimestamp }];
  });
}

import { MQError } from '../../common/errors.js';
import { isDlqTopic, isRetryTopic } from '../../common/topic-names.js';
import type { TopicRouteData } from '../../remoting/bodies/route.js';
import { decodeGroupList } from '../../remoting/bodies/topic.js';
import { RequestCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { mapLimited } from './map-limited.js';

export interface TopicListResult {
  /** Sorted by name. */
  readonly topics: readonly string[];
  /** Only when asked for: one row a cluster, topic and group; the group is empty for a topic that nobody consumes. */
  readonly rows?: readonly TopicListRow[];
}

export interface TopicListRow {
  readonly clusterName: string;
  readonly topic: string;
  readonly consumerGroup: string;
}

/** All topics the name server knows. */
export async function topicList(admin: AdminClient): Promise<TopicListResult> {
  return { topics: (await admin.topicNames()).sort() };
}

/** All topics but retry and dead-letter ones, with their clusters and the groups that consume them. */
export async function topicListWithGroups(admin: AdminClient): Promise<TopicListResult> {
  const { topics } = await topicList(admin);
  const wanted = topics.filter((topic) => !isRetryTopic(topic) && !isDlqTopic(topic));
  const rows = await mapLimited(wanted, (topic) => rowsOf(admin, topic));
  return { topics: wanted, rows: rows.flat() };
}

async function rowsOf(admin: AdminClient, topic: string): Promise<TopicListRow[]> {
  const route = await admin.findRoute(topic);
  if (route === null) {
    return [{ clusterName: '', topic, consumerGroup: '' }];
  }
  const clusterName = route.brokerDatas[0]?.cluster ?? '';
  const groups = await groupsOf(admin, topic, route);
  return (groups.length === 0 ? [''] : groups).map((consumerGroup) => ({ clusterName, topic, consumerGroup }));
}

/** The groups that consume a topic, of all its brokers; a broker that refuses is skipped while another answers. */
export async function groupsOf(admin: AdminClient, topic: string, route: TopicRouteData): Promise<string[]> {
  const groups = new Set<string>();
  let failure: MQError | null = null;
  let answers = 0;
  await Promise.all(
    masterAddrs(route).map(async (addr) => {
      try {
        const response = await admin.ask(addr, { code: RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, extFields: { topic } });
        answers++;
        for (const group of decodeGroupList(bodyOf(response)).groupList) {
          groups.add(group);
        }
      } catch (error) {
        if (!(error instanceof MQError)) {
          throw error;
        }
        failure = error;
      }
    }),
  );
  if (answers === 0 && failure !== null) {
    throw failure;
  }
  return [...groups].sort();
}

/** The names of the brokers of a route that have no master now. */
export function withoutMaster(route: TopicRouteData): string[] {
  return route.brokerDatas.filter(({ brokerAddrs }) => !brokerAddrs.has(0)).map(({ brokerName }) => brokerName);
}

/** The address to ask of each broker of a route: the master, or a slave where there is no master. */
export function masterAddrs(route: TopicRouteData): string[] {
  const addrs = route.brokerDatas.map((broker) => broker.brokerAddrs.get(0) ?? [...broker.brokerAddrs.values()][0]);
  return addrs.filter((addr) => addr !== undefined);
}

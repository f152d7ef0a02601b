import { RETRY_GROUP_TOPIC_PREFIX } from '../../common/topic-names.js';
import type { AdminClient } from './admin-client.js';

/** Names of a cluster, for people who type them. */
export interface ClusterNames {
  readonly topics: readonly string[];
  /** Those that have a retry topic: every consumer group that ever came. */
  readonly groups: readonly string[];
  readonly clusters: readonly string[];
  readonly brokerNames: readonly string[];
  /** Masters first. */
  readonly brokerAddrs: readonly string[];
}

/** What the name server knows, by two requests. */
export async function clusterNames(admin: AdminClient): Promise<ClusterNames> {
  const [topics, info] = await Promise.all([admin.topicNames(), admin.clusterInfo()]);
  const brokers = [...info.brokerAddrTable.values()];
  const groups = topics.filter((topic) => topic.startsWith(RETRY_GROUP_TOPIC_PREFIX));
  return {
    topics,
    groups: groups.map((topic) => topic.slice(RETRY_GROUP_TOPIC_PREFIX.length)),
    clusters: [...info.clusterAddrTable.keys()],
    brokerNames: [...info.brokerAddrTable.keys()],
    brokerAddrs: brokers.flatMap(({ brokerAddrs }) => [...brokerAddrs].sort(([a], [b]) => a - b).map(([, addr]) => addr)),
  };
}

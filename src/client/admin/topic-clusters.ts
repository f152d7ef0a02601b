import type { AdminClient } from './admin-client.js';

export interface TopicClustersResult {
  readonly topic: string;
  /** Sorted by name. */
  readonly clusters: readonly string[];
}

/** The clusters whose brokers serve a topic. */
export async function topicClusters(admin: AdminClient, topic: string): Promise<TopicClustersResult> {
  const route = await admin.route(topic);
  const { clusterAddrTable } = await admin.clusterInfo();
  const brokers = new Set(route.brokerDatas.map((broker) => broker.brokerName));
  const clusters = [...clusterAddrTable].filter(([, names]) => [...names].some((name) => brokers.has(name))).map(([cluster]) => cluster);
  return { topic, clusters: clusters.sort() };
}

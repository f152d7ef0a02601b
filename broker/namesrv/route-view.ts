import { isWriteable } from '../../src/common/perm-name.js';
import type { BrokerData, ClusterInfo, QueueData, TopicList, TopicRouteData } from '../../src/remoting/bodies/index.js';
import { type BrokerGroup, minId, type RouteInfo } from './route-info.js';

const MASTER_ID = 0;
/** Bits of topicSysFlag. */
const FLAG_UNIT = 1;
const FLAG_UNIT_SUB = 2;

/** Where a topic is; undefined when no live broker has it. */
export function routeOf(info: RouteInfo, topic: string, options: { supportActingMaster: boolean }): TopicRouteData | undefined {
  const queues = info.topics.get(topic);
  if (queues === undefined) return undefined;
  const groups = [...queues.keys()].flatMap((name) => info.groups.get(name) ?? []);
  if (groups.length === 0) return undefined;
  const view: TopicRouteData = {
    brokerDatas: groups.map((group) => viewOf(group)),
    queueDatas: [...queues.values()],
    filterServerTable: new Map(),
  };
  if (options.supportActingMaster) {
    view.brokerDatas = groups.map((group) => actingMasterView(group, queues.get(group.brokerName)));
  }
  const mappings = info.mappings.get(topic);
  if (mappings !== undefined) view.topicQueueMappingByBroker = Object.fromEntries(mappings);
  return view;
}

/** Leaves out groups of another zone that have a master, with their queues; a group without a zone is of another zone. */
export function filterZone(view: TopicRouteData, zoneName: string): void {
  const wanted = zoneName.toLowerCase();
  const removed = new Set<string>();
  view.brokerDatas = view.brokerDatas.filter((group) => {
    const stays = group.zoneName?.toLowerCase() === wanted || !group.brokerAddrs.has(MASTER_ID);
    if (!stays) removed.add(group.brokerName);
    return stays;
  });
  view.queueDatas = view.queueDatas.filter((queue) => !removed.has(queue.brokerName));
}

/** Answer of GET_BROKER_CLUSTER_INFO. */
export function clusterInfoOf(info: RouteInfo): ClusterInfo {
  return {
    brokerAddrTable: new Map([...info.groups].map(([name, group]) => [name, viewOf(group)])),
    clusterAddrTable: new Map([...info.clusters].map(([cluster, names]) => [cluster, [...names]])),
  };
}

/** Topics that a cluster's brokers have; none for an unknown cluster. */
export function topicsOfCluster(info: RouteInfo, cluster: string): string[] {
  const names = info.clusters.get(cluster) ?? new Set<string>();
  return [...info.topics].filter(([, queues]) => [...queues.keys()].some((name) => names.has(name))).map(([topic]) => topic);
}

/** Names of clusters and brokers, which are topics too, and one broker to ask for the rest. */
export function systemTopics(info: RouteInfo): TopicList {
  const topicList = new Set<string>();
  for (const [cluster, names] of info.clusters) {
    topicList.add(cluster);
    for (const name of names) topicList.add(name);
  }
  const brokerAddr = info.groups.values().next().value?.brokerAddrs.values().next().value;
  return { topicList: [...topicList], ...(brokerAddr === undefined ? {} : { brokerAddr }) };
}

/** Topics by their unit flags. */
export function unitTopics(info: RouteInfo, which: 'unit' | 'unitSub' | 'unitSubUnunit'): string[] {
  const topics: string[] = [];
  for (const [topic, queues] of info.topics) {
    const flag = queues.values().next().value?.topicSysFlag ?? 0;
    const isUnit = (flag & FLAG_UNIT) !== 0;
    const hasUnitSub = (flag & FLAG_UNIT_SUB) !== 0;
    if (which === 'unit' ? isUnit : hasUnitSub && (which === 'unitSub' || !isUnit)) topics.push(topic);
  }
  return topics;
}

/** A group as answers show it. */
function viewOf(group: BrokerGroup): BrokerData {
  return {
    brokerAddrs: group.brokerAddrs,
    brokerName: group.brokerName,
    cluster: group.cluster,
    enableActingMaster: group.enableActingMaster,
    ...(group.zoneName === null ? {} : { zoneName: group.zoneName }),
  };
}

/** With no master the slave with the lowest id is shown in its place, for topics that nobody may write. */
function actingMasterView(group: BrokerGroup, queue: QueueData | undefined): BrokerData {
  const view = viewOf(group);
  const lowest = minId(group);
  if (!group.enableActingMaster || lowest === undefined || lowest === MASTER_ID || queue === undefined || isWriteable(queue.perm))
    return view;
  const brokerAddrs = new Map(group.brokerAddrs);
  brokerAddrs.delete(lowest);
  brokerAddrs.set(MASTER_ID, group.brokerAddrs.get(lowest) as string);
  return { ...view, brokerAddrs };
}

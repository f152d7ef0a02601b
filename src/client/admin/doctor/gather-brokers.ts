import type { Clock } from '../../../common/clock.js';
import { popRetryTopic } from '../../../common/pop.js';
import { parseProperties } from '../../../common/properties-file.js';
import { decodeConsumeStatsList } from '../../../remoting/bodies/consume-stats.js';
import { decodeHARuntimeInfo } from '../../../remoting/bodies/replication.js';
import { type ClusterInfo, decodeClusterInfo } from '../../../remoting/bodies/route.js';
import { decodeProducerTableInfo } from '../../../remoting/bodies/subscription.js';
import { decodeSubscriptionGroupWrapper } from '../../../remoting/bodies/subscription-group.js';
import { decodeKVTable, decodeTopicConfigWrapper, decodeTopicList } from '../../../remoting/bodies/topic.js';
import { RequestCode, ResponseCode } from '../../../remoting/codes.js';
import { type AdminClient, bodyOf, type ClusterBroker } from '../admin-client.js';
import { consumeStatsAt, progressRows } from '../consumer-progress.js';
import { mapLimited } from '../map-limited.js';
import { runtimeInfo } from '../runtime-info.js';
import {
  type Answer,
  answerOf,
  type BrokerFact,
  type ClientFact,
  isSilent,
  type NamesrvFact,
  type ProgressFact,
  type ProgressReading,
} from './facts.js';

/** Brokers asked at once; each gets one request at a time. */
const BROKERS_AT_ONCE = 32;
/** A broker with many groups takes its time for the progress of all. */
const PROGRESS_TIMEOUT_MS = 30_000;

/** Asks every name server by itself; none is asked in place of another. */
export function gatherNamesrvs(admin: AdminClient): Promise<NamesrvFact[]> {
  return mapLimited(admin.namesrv.addresses, async (addr) => {
    const clusterInfo = await answerOf(async () =>
      decodeClusterInfo(bodyOf(await admin.ask(addr, { code: RequestCode.GET_BROKER_CLUSTER_INFO }))),
    );
    const topics: Answer<readonly string[]> =
      clusterInfo.error !== undefined
        ? { error: clusterInfo.error }
        : await answerOf(
            async () => decodeTopicList(bodyOf(await admin.ask(addr, { code: RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER }))).topicList,
          );
    return { addr, clusterInfo, topics };
  });
}

/**
 * What name servers say of one cluster. Their lists of topics do not say whose a topic is: they are compared only where there is no other cluster.
 */
export function ofCluster(namesrvs: readonly NamesrvFact[], clusterName: string): NamesrvFact[] {
  const isAlone = namesrvs.every(({ clusterInfo }) =>
    [
      ...(clusterInfo.value?.clusterAddrTable.keys() ?? []),
      ...[...(clusterInfo.value?.brokerAddrTable.values() ?? [])].map(({ cluster }) => cluster),
    ].every((name) => name === clusterName),
  );
  return namesrvs.map((namesrv) => {
    const info = namesrv.clusterInfo.value;
    if (info === undefined) {
      return namesrv;
    }
    const members = info.clusterAddrTable.get(clusterName) ?? [];
    const brokers = [...info.brokerAddrTable].filter(([name, { cluster }]) => cluster === clusterName || members.includes(name));
    return {
      ...namesrv,
      clusterInfo: { value: { brokerAddrTable: new Map(brokers), clusterAddrTable: new Map([[clusterName, members]]) } },
      topics: isAlone || namesrv.topics.error !== undefined ? namesrv.topics : { value: [] },
    };
  });
}

export type KnownBroker = ClusterBroker & { readonly clusterName: string };

/** All brokers that a name server knows, by cluster, name and id. */
export function knownBrokers(namesrvs: readonly NamesrvFact[]): KnownBroker[] {
  const brokers = new Map<string, KnownBroker>();
  for (const { clusterInfo } of namesrvs) {
    for (const broker of clusterInfo.value === undefined ? [] : brokersIn(clusterInfo.value)) {
      brokers.set(`${broker.clusterName}\u0000${broker.brokerName}\u0000${broker.brokerId}\u0000${broker.brokerAddr}`, broker);
    }
  }
  return [...brokers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, broker]) => broker);
}

function brokersIn({ brokerAddrTable }: ClusterInfo): KnownBroker[] {
  return [...brokerAddrTable].flatMap(([brokerName, { cluster, brokerAddrs }]) =>
    [...brokerAddrs].map(([brokerId, brokerAddr]) => ({ clusterName: cluster, brokerName, brokerId, brokerAddr })),
  );
}

/** Brokers with the progress on one topic alone, and on what comes back of it by POP. */
export function ofTopic(brokers: readonly BrokerFact[], topic: string): BrokerFact[] {
  const isIts = (row: ProgressFact): boolean =>
    row.topic === topic || (['v1', 'v2'] as const).some((naming) => row.topic === popRetryTopic(topic, row.consumerGroup, naming));
  return brokers.map((broker) => {
    const reading = broker.progress?.value;
    return reading === undefined ? broker : { ...broker, progress: { value: { ...reading, rows: reading.rows.filter(isIts) } } };
  });
}

/** Which parts of a broker are wanted beside its runtime figures. */
export interface BrokerParts {
  readonly config?: boolean;
  readonly topics?: boolean;
  readonly groups?: boolean;
  readonly progress?: boolean;
  /** Progress of this group alone: a broker with many has much to do for that of all. */
  readonly group?: string | undefined;
  readonly replication?: boolean;
}

/** Asks brokers, each one thing after the other; of one that does not answer nothing more is asked. */
export function gatherBrokers(
  admin: AdminClient,
  brokers: readonly KnownBroker[],
  { parts, clock, onBroker }: { parts: BrokerParts; clock: Clock; onBroker?: (() => void) | undefined },
): Promise<BrokerFact[]> {
  const withSlaves = new Set(brokers.filter(({ brokerId }) => brokerId !== 0).map(({ brokerName }) => brokerName));
  return mapLimited(
    brokers,
    async (broker) => {
      // The first request opens the connection, which is no part of the way that a clock is compared over.
      const config = parts.config === true ? await answerOf(() => readConfig(admin, broker.brokerAddr)) : undefined;
      const sentMs = clock.nowMs();
      const runtime =
        config?.error !== undefined && isSilent(config.error)
          ? { error: config.error }
          : await answerOf(() => runtimeInfo(admin, broker.brokerAddr));
      const receivedMs = clock.nowMs();
      const isMaster = broker.brokerId === 0;
      const fact: BrokerFact = { ...broker, runtime, askTime: runtime.error === undefined ? { sentMs, receivedMs } : null };
      const answers =
        runtime.error !== undefined
          ? {}
          : await readParts(admin, broker.brokerAddr, { parts, clock, isMaster, hasSlaves: withSlaves.has(broker.brokerName) });
      onBroker?.();
      return { ...fact, ...(config === undefined ? {} : { config }), ...answers };
    },
    BROKERS_AT_ONCE,
  );
}

async function readParts(
  admin: AdminClient,
  addr: string,
  { parts, clock, isMaster, hasSlaves }: { parts: BrokerParts; clock: Clock; isMaster: boolean; hasSlaves: boolean },
): Promise<Pick<BrokerFact, 'topics' | 'groups' | 'progress' | 'replication'>> {
  const read = async <V>(isWanted: boolean | undefined, work: () => Promise<V>): Promise<Answer<V> | undefined> =>
    isWanted === true && isMaster ? answerOf(work) : undefined;
  const topics = await read(
    parts.topics,
    async () => decodeTopicConfigWrapper(bodyOf(await admin.ask(addr, { code: RequestCode.GET_ALL_TOPIC_CONFIG }))).topicConfigTable,
  );
  const groups = await read(
    parts.groups,
    async () =>
      decodeSubscriptionGroupWrapper(bodyOf(await admin.ask(addr, { code: RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG })))
        .subscriptionGroupTable,
  );
  const progress = await read(parts.progress, () => progressAt(admin, addr, { clock, group: parts.group }));
  const replication = await read(parts.replication === true && hasSlaves, async () =>
    decodeHARuntimeInfo(bodyOf(await admin.ask(addr, { code: RequestCode.GET_BROKER_HA_STATUS }))),
  );
  return {
    ...(topics === undefined ? {} : { topics }),
    ...(groups === undefined ? {} : { groups }),
    ...(progress === undefined ? {} : { progress }),
    ...(replication === undefined ? {} : { replication }),
  };
}

async function readConfig(admin: AdminClient, addr: string): Promise<Readonly<Record<string, string>>> {
  const { entries } = parseProperties(bodyOf(await admin.ask(addr, { code: RequestCode.GET_BROKER_CONFIG })).toString('utf8'));
  return Object.fromEntries(Array.from(entries, ([key, { value }]): [string, string] => [key, value]));
}

/** Progress of one group, or of all groups, on one broker; in one request. */
export async function progressAt(
  admin: AdminClient,
  addr: string,
  { clock, group }: { clock: Clock; group?: string | undefined },
): Promise<ProgressReading> {
  if (group !== undefined) {
    const stats = await consumeStatsAt(admin, addr, group);
    const atMs = clock.monotonicMs();
    return { atMs, rows: progressRows(stats).map((row) => ({ ...row, consumerGroup: group })) };
  }
  const request = { code: RequestCode.GET_BROKER_CONSUME_STATS, extFields: { isOrder: 'false' } };
  const response = await admin.ask(addr, request, [], PROGRESS_TIMEOUT_MS);
  const atMs = clock.monotonicMs();
  const rows: ProgressFact[] = [];
  for (const groups of decodeConsumeStatsList(bodyOf(response)).consumeStatsList) {
    for (const [consumerGroup, list] of groups) {
      for (const { offsetTable } of list) {
        for (const [{ topic, brokerName, queueId }, { brokerOffset, consumerOffset, lastTimestamp }] of offsetTable) {
          rows.push({ consumerGroup, topic, brokerName, queueId, brokerOffset, consumerOffset, lastTimestamp });
        }
      }
    }
  }
  return { atMs, rows };
}

/** Producers that are connected to one broker. */
export async function producersAt(admin: AdminClient, brokerAddr: string): Promise<ClientFact[]> {
  const response = await admin.ask(brokerAddr, { code: RequestCode.GET_ALL_PRODUCER_INFO });
  return [...decodeProducerTableInfo(bodyOf(response))].flatMap(([group, producers]) =>
    producers.map(({ clientId, remoteIP, language, version }) => ({
      clientId,
      clientAddr: remoteIP.replace(/^\//, ''),
      language,
      version,
      brokerAddr,
      group,
      role: 'producer' as const,
    })),
  );
}

/** The order configurations of all topics. */
export async function orderConfs(admin: AdminClient): Promise<ReadonlyMap<string, string>> {
  const request = { code: RequestCode.GET_KVLIST_BY_NAMESPACE, extFields: { namespace: 'ORDER_TOPIC_CONFIG' } };
  const response = await admin.askNamesrv(request, [ResponseCode.QUERY_NOT_FOUND]);
  return response.code === ResponseCode.SUCCESS ? decodeKVTable(bodyOf(response)).table : new Map();
}

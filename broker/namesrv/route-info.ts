import type { JsonValue } from '../../src/common/fastjson.js';
import { MAX_NAMESRV_BROKERS, MAX_NAMESRV_TOPICS } from '../../src/common/limits.js';
import { PERM_READ, PERM_WRITE } from '../../src/common/perm-name.js';
import { type DataVersion, type QueueData, sameDataVersion } from '../../src/remoting/bodies/index.js';
import type { RegisteredBroker } from './registration.js';

const MASTER_ID = 0;
const NO_CHANGE: MinBrokerIdChange | null = null;

/** Brokers of one name: a master and its slaves. */
export interface BrokerGroup {
  readonly brokerName: string;
  cluster: string;
  readonly brokerAddrs: Map<number, string>;
  enableActingMaster: boolean;
  zoneName: string | null;
}

/** One registered address. */
export interface LiveBroker {
  readonly cluster: string;
  readonly brokerAddr: string;
  readonly brokerName: string;
  readonly brokerId: number;
  lastUpdateMs: number;
  readonly timeoutMs: number;
  readonly dataVersion: DataVersion;
  readonly haServerAddr: string;
  /** The connection that registered it; its end is the broker's end. */
  readonly connection: unknown;
}

/** The lowest broker id of a group became another one. */
export interface MinBrokerIdChange {
  readonly group: BrokerGroup;
  readonly offlineBrokerAddr: string | null;
  readonly offlineHaServerAddr: string | null;
}

export interface RegisterResult {
  readonly status: 'registered' | 'ignored' | 'refused';
  readonly haServerAddr?: string;
  readonly masterAddr?: string;
  readonly minIdChange: MinBrokerIdChange | null;
}

/**
 * What brokers told this name server: groups, clusters, live addresses, and the queues of each topic on each group.
 * Nothing here survives a restart; brokers register again.
 */
export class RouteInfo {
  /** brokerName → group. A group has at least one address. */
  readonly groups = new Map<string, BrokerGroup>();
  /** cluster → broker names. */
  readonly clusters = new Map<string, Set<string>>();
  /** topic → brokerName → queues. */
  readonly topics = new Map<string, Map<string, QueueData>>();
  /** topic → brokerName → TopicQueueMappingInfo of static topics. */
  readonly mappings = new Map<string, Map<string, JsonValue>>();
  readonly #live = new Map<string, LiveBroker>();

  liveBrokers(): Iterable<LiveBroker> {
    return this.#live.values();
  }

  live(cluster: string, brokerAddr: string): LiveBroker | undefined {
    return this.#live.get(liveKey(cluster, brokerAddr));
  }

  /**
   * Takes a registration. Refused: a group member we do not know that registers exactly one topic (an incremental registration that
   * came after its broker was dropped), or one more broker or topic than the limits allow. Ignored: an address older than the one that has the id.
   */
  register(broker: RegisteredBroker, nowMs: number): RegisterResult {
    const known = this.groups.get(broker.brokerName);
    const oldAddr = known?.brokerAddrs.get(broker.brokerId);
    if (oldAddr === undefined && (broker.topics.size === 1 || this.#live.size >= MAX_NAMESRV_BROKERS)) {
      return { status: 'refused', minIdChange: NO_CHANGE };
    }
    if (oldAddr !== undefined && oldAddr !== broker.brokerAddr) {
      const holder = this.live(broker.cluster, oldAddr);
      if (holder !== undefined && Number(holder.dataVersion.stateVersion) > Number(broker.dataVersion.stateVersion)) {
        this.#live.delete(liveKey(broker.cluster, broker.brokerAddr));
        return { status: 'ignored', minIdChange: NO_CHANGE };
      }
    }
    const group = this.#enter(broker, known);
    const minBefore = known === undefined ? undefined : minId(group);
    for (const [id, addr] of group.brokerAddrs) {
      if (addr === broker.brokerAddr && id !== broker.brokerId) group.brokerAddrs.delete(id);
    }
    group.brokerAddrs.set(broker.brokerId, broker.brokerAddr);
    this.#takeTopics(broker, group, oldAddr === undefined);
    this.#live.set(liveKey(broker.cluster, broker.brokerAddr), {
      cluster: broker.cluster,
      brokerAddr: broker.brokerAddr,
      brokerName: broker.brokerName,
      brokerId: broker.brokerId,
      lastUpdateMs: nowMs,
      timeoutMs: broker.timeoutMs,
      dataVersion: broker.dataVersion,
      haServerAddr: broker.haServerAddr,
      connection: broker.connection,
    });
    const minIdChange =
      minBefore !== undefined && minBefore !== minId(group) ? { group, offlineBrokerAddr: null, offlineHaServerAddr: null } : NO_CHANGE;
    return { status: 'registered', minIdChange, ...this.#masterOf(broker, group) };
  }

  /** Whether the broker's topics differ from what it registered last; an unknown broker's do. */
  isChanged(cluster: string, brokerAddr: string, version: DataVersion): boolean {
    const live = this.live(cluster, brokerAddr);
    return live === undefined || !sameDataVersion(live.dataVersion, version);
  }

  /** A sign of life; an unknown address is none of ours. */
  touch(cluster: string, brokerAddr: string, nowMs: number): void {
    const live = this.live(cluster, brokerAddr);
    if (live !== undefined) live.lastUpdateMs = nowMs;
  }

  /** Removes one address, its group when it was the last one, and the group's topics. Nothing happens for an unknown address. */
  unregister(broker: { cluster: string; brokerAddr: string; brokerName: string; brokerId: number }): MinBrokerIdChange | null {
    const live = this.live(broker.cluster, broker.brokerAddr);
    this.#live.delete(liveKey(broker.cluster, broker.brokerAddr));
    const group = this.groups.get(broker.brokerName);
    if (group === undefined) return NO_CHANGE;
    const minBefore = minId(group);
    for (const [id, addr] of group.brokerAddrs) if (addr === broker.brokerAddr) group.brokerAddrs.delete(id);
    if (group.brokerAddrs.size === 0) {
      this.#dropGroup(group);
      return NO_CHANGE;
    }
    if (group.enableActingMaster && !group.brokerAddrs.has(MASTER_ID)) this.wipeWritePerm(group.brokerName);
    if (minId(group) === minBefore) return NO_CHANGE;
    return { group, offlineBrokerAddr: broker.brokerAddr, offlineHaServerAddr: live?.haServerAddr ?? null };
  }

  /** Live entries that have not been heard of for their time-out. */
  expired(nowMs: number): LiveBroker[] {
    return [...this.#live.values()].filter((live) => nowMs - live.lastUpdateMs > live.timeoutMs);
  }

  /** Live entries that a connection registered. */
  registeredBy(connection: unknown): LiveBroker[] {
    return [...this.#live.values()].filter((live) => live.connection === connection);
  }

  /** REGISTER_TOPIC_IN_NAMESRV: queues of one topic on groups that are known; others are passed over. */
  putTopic(topic: string, queues: readonly QueueData[]): void {
    for (const queue of queues) if (this.groups.has(queue.brokerName)) this.#putQueue(topic, queue);
  }

  /** Removes a topic, or only the part of it that one cluster has. */
  deleteTopic(topic: string, cluster: string | null): void {
    const brokers = this.topics.get(topic);
    if (brokers === undefined) return;
    for (const brokerName of cluster === null ? [...brokers.keys()] : (this.clusters.get(cluster) ?? [])) {
      this.#dropQueue(topic, brokers, brokerName);
    }
  }

  /** Takes the write permission away from all topics of a group, until it registers changed topics; returns how many topics it has. */
  wipeWritePerm(brokerName: string): number {
    return this.#eachQueueOf(brokerName, (queue) => {
      queue.perm &= ~PERM_WRITE;
    });
  }

  /** Gives all topics of a group read and write permission (exactly 6, as Apache's does); returns how many topics it has. */
  addWritePerm(brokerName: string): number {
    return this.#eachQueueOf(brokerName, (queue) => {
      queue.perm = PERM_READ | PERM_WRITE;
    });
  }

  /** Removes topics of a group that a full registration no longer names. */
  dropTopicsExcept(brokerName: string, topics: ReadonlySet<string>): void {
    for (const [topic, brokers] of this.topics) if (!topics.has(topic)) this.#dropQueue(topic, brokers, brokerName);
  }

  #enter(broker: RegisteredBroker, known: BrokerGroup | undefined): BrokerGroup {
    const group = known ?? {
      brokerName: broker.brokerName,
      cluster: broker.cluster,
      brokerAddrs: new Map<number, string>(),
      enableActingMaster: false,
      zoneName: null,
    };
    group.enableActingMaster = broker.enableActingMaster;
    group.zoneName = broker.zoneName;
    this.groups.set(broker.brokerName, group);
    const names = this.clusters.get(broker.cluster) ?? new Set<string>();
    this.clusters.set(broker.cluster, names.add(broker.brokerName));
    return group;
  }

  #takeTopics(broker: RegisteredBroker, group: BrokerGroup, isNew: boolean): void {
    const isMaster = broker.brokerId === MASTER_ID;
    const isActingMaster = !isMaster && broker.enableActingMaster && !group.brokerAddrs.has(MASTER_ID) && minId(group) === broker.brokerId;
    if (!isMaster && !isActingMaster) return;
    const isChanged = isNew || this.isChanged(broker.cluster, broker.brokerAddr, broker.dataVersion);
    for (const topic of broker.topics.values()) {
      if (!isChanged && this.topics.get(topic.topicName)?.has(broker.brokerName)) continue;
      this.#putQueue(topic.topicName, {
        brokerName: broker.brokerName,
        readQueueNums: topic.readQueueNums,
        writeQueueNums: topic.writeQueueNums,
        perm: isActingMaster ? topic.perm & ~PERM_WRITE : topic.perm,
        topicSysFlag: topic.topicSysFlag,
      });
    }
    if (!isChanged) return;
    for (const [topic, mapping] of broker.mappings) {
      const brokers = this.mappings.get(topic) ?? new Map<string, JsonValue>();
      this.mappings.set(topic, brokers.set(broker.brokerName, mapping));
    }
  }

  #putQueue(topic: string, queue: QueueData): void {
    let brokers = this.topics.get(topic);
    if (brokers === undefined) {
      if (this.topics.size >= MAX_NAMESRV_TOPICS) return;
      brokers = new Map();
      this.topics.set(topic, brokers);
    }
    brokers.set(queue.brokerName, queue);
  }

  #dropQueue(topic: string, brokers: Map<string, QueueData>, brokerName: string): void {
    if (brokers.delete(brokerName) && brokers.size === 0) this.topics.delete(topic);
    const mapped = this.mappings.get(topic);
    if (mapped?.delete(brokerName) && mapped.size === 0) this.mappings.delete(topic);
  }

  #dropGroup(group: BrokerGroup): void {
    this.groups.delete(group.brokerName);
    for (const [cluster, names] of this.clusters) {
      if (names.delete(group.brokerName) && names.size === 0) this.clusters.delete(cluster);
    }
    for (const [topic, brokers] of this.topics) this.#dropQueue(topic, brokers, group.brokerName);
  }

  #eachQueueOf(brokerName: string, change: (queue: QueueData) => void): number {
    let count = 0;
    for (const brokers of this.topics.values()) {
      const queue = brokers.get(brokerName);
      if (queue === undefined) continue;
      change(queue);
      count++;
    }
    return count;
  }

  #masterOf(broker: RegisteredBroker, group: BrokerGroup): { haServerAddr?: string; masterAddr?: string } {
    const masterAddr = group.brokerAddrs.get(MASTER_ID);
    if (broker.brokerId === MASTER_ID || masterAddr === undefined) return {};
    const master = this.live(broker.cluster, masterAddr);
    return master === undefined ? {} : { haServerAddr: master.haServerAddr, masterAddr };
  }
}

/** Lowest broker id of a group that has one. */
export function minId(group: BrokerGroup): number | undefined {
  return group.brokerAddrs.size === 0 ? undefined : Math.min(...group.brokerAddrs.keys());
}

function liveKey(cluster: string, brokerAddr: string): string {
  return `${cluster}\n${brokerAddr}`;
}

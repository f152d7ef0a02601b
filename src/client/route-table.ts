import { AUTO_CREATE_TOPIC_KEY_TOPIC } from '../common/topic-names.js';
import type { BrokerData, QueueData, TopicRouteData } from '../remoting/bodies/route.js';
import { compareQueues, compareText, type MessageQueue } from './message-queue.js';
import type { NamesrvClient } from './namesrv-client.js';

const PERM_READ = 4;
const PERM_WRITE = 2;
export const MASTER_ID = 0;

/** What a client keeps of one topic's route. The object is replaced only when the route changed. */
export interface TopicRoute {
  readonly topic: string;
  readonly data: TopicRouteData;
  /** Queues a producer may send to: writeable, on a broker that has a master. By broker name, then queue id. */
  readonly publishQueues: readonly MessageQueue[];
  /** Queues a consumer may read: sorted by topic, broker name, queue id. */
  readonly subscribeQueues: readonly MessageQueue[];
  /** True for the route of the auto-create topic, under the name of a topic that no broker has yet. */
  readonly isDefault: boolean;
}

/** Where to read a queue. */
export interface BrokerTarget {
  addr: string;
  brokerId: number;
  isSlave: boolean;
}

/** One broker address of the routes in use. */
export interface KnownBroker {
  brokerName: string;
  brokerId: number;
  addr: string;
}

/**
 * Routes of topics, asked from the name servers and kept. Concurrent questions for one topic share one request.
 * Nothing here expires by itself: the owner calls {@link refreshAll} on a timer, or {@link refresh} when a send fails.
 */
export class RouteTable {
  readonly #namesrv: NamesrvClient;
  readonly #routes = new Map<string, TopicRoute>();
  readonly #pending = new Map<string, Promise<TopicRoute | null>>();
  /** brokerName → brokerId → address, of all routes in use. */
  #brokers = new Map<string, Map<number, string>>();
  #version = 0;

  constructor(options: { namesrv: NamesrvClient }) {
    this.#namesrv = options.namesrv;
  }

  /** Grows with every change of any route; what is derived from routes is good while it stays. */
  get version(): number {
    return this.#version;
  }

  /** The cached route. */
  get(topic: string): TopicRoute | undefined {
    return this.#routes.get(topic);
  }

  /** Topics with a cached route. */
  topics(): Iterable<string> {
    return this.#routes.keys();
  }

  /** Forgets a topic. */
  remove(topic: string): void {
    this.#routes.delete(topic);
    this.#rebuildBrokers();
  }

  /** The cached route, or the name server's; null when it knows none. */
  async resolve(topic: string, timeoutMs?: number): Promise<TopicRoute | null> {
    return this.#routes.get(topic) ?? (await this.refresh(topic, timeoutMs));
  }

  /**
   * Asks the name server again.
   * @returns the route (the same object when nothing changed); null when the name server has none: the cached one is then kept,
   * because brokers that just restart leave the name server for a moment.
   */
  refresh(topic: string, timeoutMs?: number): Promise<TopicRoute | null> {
    return this.#once(topic, async () => {
      const data = await this.#namesrv.getTopicRoute(topic, timeoutMs);
      return data === null ? null : this.#store(topic, data, false);
    });
  }

  /**
   * Gives a topic that no broker has the route of the auto-create topic (always `TBW102`), with at most `queueCount` queues a broker,
   * so that the first send can create it there.
   * @returns null when there is no auto-create topic.
   */
  adoptDefault(topic: string, queueCount: number, timeoutMs?: number): Promise<TopicRoute | null> {
    return this.#once(`default ${topic}`, async () => {
      const data = await this.#namesrv.getTopicRoute(AUTO_CREATE_TOPIC_KEY_TOPIC, timeoutMs);
      if (data === null) {
        return null;
      }
      const queueDatas = data.queueDatas.map((queueData) => {
        const count = Math.min(queueCount, queueData.readQueueNums);
        return { ...queueData, readQueueNums: count, writeQueueNums: count };
      });
      return this.#store(topic, { ...data, queueDatas }, true);
    });
  }

  /** Asks again for each of the topics; errors go to the callback, the old routes stay. */
  async refreshAll(topics: Iterable<string>, onError: (topic: string, error: unknown) => void): Promise<void> {
    for (const topic of topics) {
      try {
        await this.refresh(topic);
      } catch (error) {
        onError(topic, error);
      }
    }
  }

  /** Address of the master of a broker, from any route in use. */
  masterAddr(brokerName: string): string | undefined {
    return this.#brokers.get(brokerName)?.get(MASTER_ID);
  }

  /**
   * Where to read from a broker: the wanted member, else (for a slave) the next id, else any member.
   * With `onlyThisBroker` there is no last resort.
   */
  readAddr(brokerName: string, brokerId: number = MASTER_ID, onlyThisBroker = false): BrokerTarget | undefined {
    const members = this.#brokers.get(brokerName);
    if (members === undefined) {
      return undefined;
    }
    for (const id of brokerId === MASTER_ID ? [brokerId] : [brokerId, brokerId + 1]) {
      const addr = members.get(id);
      if (addr !== undefined) {
        return { addr, brokerId: id, isSlave: id !== MASTER_ID };
      }
    }
    if (!onlyThisBroker) {
      for (const [id, addr] of members) {
        return { addr, brokerId: id, isSlave: id !== MASTER_ID };
      }
    }
    return undefined;
  }

  /** Every broker address of the routes in use. */
  *brokers(): Iterable<KnownBroker> {
    for (const [brokerName, members] of this.#brokers) {
      for (const [brokerId, addr] of members) {
        yield { brokerName, brokerId, addr };
      }
    }
  }

  /** One address of a topic's brokers for a question any of them can answer: a random broker's master, else a member of it. */
  anyAddrOf(topic: string, pick: (count: number) => number): string | undefined {
    const brokerDatas = this.#routes.get(topic)?.data.brokerDatas ?? [];
    const brokerData = brokerDatas[brokerDatas.length > 1 ? pick(brokerDatas.length) : 0];
    if (brokerData === undefined) {
      return undefined;
    }
    return brokerData.brokerAddrs.get(MASTER_ID) ?? [...brokerData.brokerAddrs.values()][0];
  }

  #store(topic: string, data: TopicRouteData, isDefault: boolean): TopicRoute {
    const old = this.#routes.get(topic);
    if (old !== undefined && old.isDefault === isDefault && routeFingerprint(old.data) === routeFingerprint(data)) {
      return old;
    }
    const route: TopicRoute = {
      topic,
      data,
      publishQueues: publishQueuesOf(topic, data),
      subscribeQueues: subscribeQueuesOf(topic, data),
      isDefault,
    };
    this.#routes.delete(topic); // so that it comes last in #rebuildBrokers
    this.#routes.set(topic, route);
    this.#rebuildBrokers();
    return route;
  }

  #rebuildBrokers(): void {
    const brokers = new Map<string, Map<number, string>>();
    for (const route of this.#routes.values()) {
      for (const brokerData of route.data.brokerDatas) {
        // Routes of different ages may disagree; the one refreshed last comes last and wins as a whole.
        brokers.set(brokerData.brokerName, new Map(brokerData.brokerAddrs));
      }
    }
    this.#brokers = brokers;
    this.#version++;
  }

  #once(key: string, ask: () => Promise<TopicRoute | null>): Promise<TopicRoute | null> {
    const running = this.#pending.get(key);
    if (running !== undefined) {
      return running;
    }
    const promise = ask().finally(() => this.#pending.delete(key));
    this.#pending.set(key, promise);
    return promise;
  }
}

/** Text that is equal exactly for routes a client treats alike. */
function routeFingerprint(data: TopicRouteData): string {
  const brokers = [...data.brokerDatas]
    .sort((a, b) => compareText(a.brokerName, b.brokerName))
    .map((brokerData) => [brokerData.brokerName, brokerData.cluster, [...brokerData.brokerAddrs].sort((a, b) => a[0] - b[0])]);
  const queues = [...data.queueDatas]
    .sort((a, b) => compareText(a.brokerName, b.brokerName))
    .map((queueData) => [queueData.brokerName, queueData.readQueueNums, queueData.writeQueueNums, queueData.perm, queueData.topicSysFlag]);
  return JSON.stringify([brokers, queues, data.orderTopicConf ?? '']);
}

/** Queues for sending: those of `orderTopicConf` (`broker-a:4;broker-b:4`) when there is one, else the writeable ones of brokers with a master. */
export function publishQueuesOf(topic: string, data: TopicRouteData): MessageQueue[] {
  if (data.orderTopicConf !== undefined && data.orderTopicConf !== '') {
    return orderedQueues(topic, data.orderTopicConf);
  }
  const hasMaster = (brokerName: string): boolean =>
    data.brokerDatas.some((brokerData: BrokerData) => brokerData.brokerName === brokerName && brokerData.brokerAddrs.has(MASTER_ID));
  return [...data.queueDatas]
    .sort((a, b) => compareText(a.brokerName, b.brokerName))
    .filter((queueData: QueueData) => (queueData.perm & PERM_WRITE) !== 0 && hasMaster(queueData.brokerName))
    .flatMap((queueData: QueueData) => queueRange(topic, queueData.brokerName, queueData.writeQueueNums));
}

/** Queues for reading; a master is not needed. */
export function subscribeQueuesOf(topic: string, data: TopicRouteData): MessageQueue[] {
  return data.queueDatas
    .filter((queueData: QueueData) => (queueData.perm & PERM_READ) !== 0)
    .flatMap((queueData: QueueData) => queueRange(topic, queueData.brokerName, queueData.readQueueNums))
    .sort(compareQueues);
}

function orderedQueues(topic: string, orderTopicConf: string): MessageQueue[] {
  const queues: MessageQueue[] = [];
  for (const part of orderTopicConf.split(';')) {
    const colon = part.lastIndexOf(':');
    const count = Number(part.slice(colon + 1));
    if (colon > 0 && Number.isInteger(count)) {
      queues.push(...queueRange(topic, part.slice(0, colon), count));
    }
  }
  return queues;
}

function queueRange(topic: string, brokerName: string, count: number): MessageQueue[] {
  return Array.from({ length: Math.max(0, count) }, (_, queueId) => ({ topic, brokerName, queueId }));
}

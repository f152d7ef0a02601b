import type { Clock } from '../../src/common/clock.js';
import { isReadable } from '../../src/common/perm-name.js';
import type { MessageQueue } from '../../src/remoting/bodies/index.js';
import { decodeTopicRouteData } from '../../src/remoting/bodies/route.js';
import type { RemotingClient } from '../../src/remoting/client.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { TopicConfigManager } from '../topics/index.js';

/** A route that was read this long ago is read again. */
const REFRESH_MS = 30_000;
const ROUTE_TIMEOUT_MS = 3_000;
/** Topics whose routes are kept; the oldest goes. */
const MAX_ROUTES = 10_000;

interface CachedRoute {
  queues: readonly MessageQueue[] | null;
  readAtMs: number;
  /** A reading that is under way. */
  reading: Promise<void> | null;
}

/** All readable queues of a topic in its cluster: the name server knows those of the other brokers. */
export class TopicQueues {
  readonly #client: RemotingClient;
  readonly #topics: TopicConfigManager;
  readonly #clock: Clock;
  readonly #brokerName: string;
  readonly #namesrvAddrs: readonly string[];
  readonly #routes = new Map<string, CachedRoute>();

  constructor(options: {
    client: RemotingClient;
    topics: TopicConfigManager;
    clock: Clock;
    config: { readonly brokerName: string; readonly namesrvAddr: string };
  }) {
    const { client, topics, clock, config } = options;
    this.#client = client;
    this.#topics = topics;
    this.#clock = clock;
    this.#brokerName = config.brokerName;
    this.#namesrvAddrs = config.namesrvAddr
      .split(';')
      .map((addr) => addr.trim())
      .filter((addr) => addr !== '');
  }

  /** The queues, sorted as all members sort them; null when nobody knows the topic. Waits only for the first route of a topic. */
  async of(topic: string): Promise<readonly MessageQueue[] | null> {
    if (this.#namesrvAddrs.length === 0) return this.#ownQueues(topic);
    const route = this.#route(topic);
    if (this.#clock.monotonicMs() - route.readAtMs >= REFRESH_MS || route.queues === null) {
      route.reading ??= this.#read(topic, route);
      if (route.queues === null) await route.reading;
    }
    // What this broker has now is right whatever the name server says: a topic may have grown since.
    const own = this.#ownQueues(topic);
    if (route.queues === null || route.queues.every((queue) => queue.brokerName === this.#brokerName)) return own ?? route.queues;
    return sorted([...route.queues.filter((queue) => queue.brokerName !== this.#brokerName), ...(own ?? [])]);
  }

  #route(topic: string): CachedRoute {
    let route = this.#routes.get(topic);
    if (route === undefined) {
      route = { queues: null, readAtMs: Number.NEGATIVE_INFINITY, reading: null };
      if (this.#routes.size >= MAX_ROUTES) this.#routes.delete(this.#routes.keys().next().value!);
      this.#routes.set(topic, route);
    }
    return route;
  }

  async #read(topic: string, route: CachedRoute): Promise<void> {
    for (const addr of this.#namesrvAddrs) {
      try {
        const request = { code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields: { topic } };
        const answer = await this.#client.invoke(addr, request, ROUTE_TIMEOUT_MS);
        if (answer.code !== ResponseCode.SUCCESS && answer.code !== ResponseCode.TOPIC_NOT_EXIST) continue;
        const { queueDatas } = answer.code === ResponseCode.SUCCESS ? decodeTopicRouteData(answer.body) : { queueDatas: [] };
        const queues = queueDatas
          .filter((data) => isReadable(data.perm))
          .flatMap((data) => queuesOf(topic, data.brokerName, data.readQueueNums));
        route.queues = queueDatas.length === 0 ? null : sorted(queues);
        break;
      } catch {
        // The next name server; what is known of the topic stays when none answers.
      }
    }
    route.readAtMs = this.#clock.monotonicMs();
    route.reading = null;
  }

  #ownQueues(topic: string): readonly MessageQueue[] | null {
    const config = this.#topics.config(topic);
    if (config === null) return null;
    return isReadable(config.perm) ? queuesOf(topic, this.#brokerName, config.readQueueNums) : [];
  }
}

function queuesOf(topic: string, brokerName: string, count: number): MessageQueue[] {
  return Array.from({ length: Math.max(0, count) }, (_, queueId) => ({ topic, brokerName, queueId }));
}

function sorted(queues: MessageQueue[]): MessageQueue[] {
  return queues.sort((a, b) => compareNames(a.brokerName, b.brokerName) || a.queueId - b.queueId);
}

/** By UTF-16 units, as Java compares strings. */
function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

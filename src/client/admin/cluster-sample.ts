import { type Clock, systemClock } from '../../common/clock.js';
import { MQError } from '../../common/errors.js';
import { decodeClusterInfo } from '../../remoting/bodies/route.js';
import { RequestCode } from '../../remoting/codes.js';
import { NAMESRV_TIMEOUT_MS } from '../namesrv-client.js';
import { type AdminClient, bodyOf, type ClusterBroker } from './admin-client.js';
import { type BrokerFacts, BrokerQuestions, type SampleWants } from './broker-sample.js';
import { askAll } from './fan-out.js';

export type { BrokerFacts, ClientCount, GroupSample, GroupTopicSample, SampleWants, TopicSample } from './broker-sample.js';

/** One broker in a sample. A broker without facts did not answer, or not all of it in time; `reason` says which. */
export interface BrokerSample extends ClusterBroker {
  readonly clusterName: string;
  readonly tookMs: number;
  readonly facts: BrokerFacts | null;
  readonly reason?: string;
}

/** All brokers at one moment. */
export interface ClusterSample {
  /** Wall clock, ms. */
  readonly time: number;
  /** Monotonic clock, ms, for rates between two samples. */
  readonly atMs: number;
  readonly tookMs: number;
  readonly namesrvs: readonly { readonly addr: string; readonly isUp: boolean; readonly reason?: string }[];
  /** By cluster, broker name and id. */
  readonly brokers: readonly BrokerSample[];
}

export interface SamplerOptions {
  readonly wants: SampleWants;
  /** Only this cluster. */
  readonly clusterName?: string | undefined;
  /** Longest time for all answers of a broker, and for a name server where it is below 3 s, ms. */
  readonly limitMs: number;
  /** Longest time for the first answer of a broker that did not answer the round before, ms; `limitMs` when absent. */
  readonly againMs?: number;
  readonly clock?: Clock;
}

/** Brokers that are asked about their topics and groups at the same time. */
const BROKERS_AT_ONCE = 32;

type Target = ClusterBroker & { readonly clusterName: string };

/**
 * Asks all brokers of the clusters for their load, topics and groups, again and again. Brokers are asked at the same time, each with at most
 * 16 requests under way; one that is slow or gone holds up nobody and has no values. Whoever answers the first question gets its turn with the others,
 * so that a large cluster takes longer, and is not down because of this side.
 */
export class ClusterSampler {
  readonly #admin: AdminClient;
  readonly #options: SamplerOptions;
  readonly #clock: Clock;
  /** Addresses of brokers that did not answer the last round. */
  readonly #silent = new Set<string>();
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];
  /** Of the last round in which a name server answered. */
  #targets: readonly Target[] | null = null;

  constructor(admin: AdminClient, options: SamplerOptions) {
    this.#admin = admin;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * One round. When no name server answers, the brokers known before are asked.
   * @param wants what is asked this time, where that changes
   * @throws ConnectError or TimeoutError when none has answered yet; NotFoundError for an unknown cluster in the first round.
   */
  async sample(wants: SampleWants = this.#options.wants): Promise<ClusterSample> {
    const atMs = this.#clock.monotonicMs();
    const time = this.#clock.nowMs();
    const namesrvs = await this.#askNamesrvs();
    const brokers = await Promise.all((this.#targets ?? []).map((target) => this.#broker(target, wants)));
    return { time, atMs, tookMs: this.#clock.monotonicMs() - atMs, namesrvs, brokers };
  }

  /**
   * Finds the brokers, and asks them nothing.
   * @throws as `sample` in its first round
   */
  async begin(): Promise<void> {
    await this.#askNamesrvs();
  }

  async #askNamesrvs(): Promise<ClusterSample['namesrvs']> {
    const { limitMs, clusterName } = this.#options;
    const isFirst = this.#targets === null;
    if (isFirst) {
      // Says what is wrong with the name servers, or the cluster's name, in the words of the other commands.
      await (clusterName === undefined ? this.#admin.clusterInfo() : this.#admin.clusterBrokers(clusterName));
    }
    const request = { code: RequestCode.GET_BROKER_CLUSTER_INFO };
    const results = await askAll([...this.#admin.namesrv.addresses], async (addr) =>
      decodeClusterInfo(bodyOf(await this.#admin.ask(addr, request, [], Math.min(limitMs, NAMESRV_TIMEOUT_MS)))),
    );
    const targets = new Map<string, Target>();
    for (const { value } of results) {
      for (const [cluster, names] of value?.clusterAddrTable ?? []) {
        for (const brokerName of clusterName === undefined || cluster === clusterName ? names : []) {
          for (const [brokerId, brokerAddr] of value?.brokerAddrTable.get(brokerName)?.brokerAddrs ?? []) {
            targets.set(`${cluster} ${brokerName} ${brokerId}`, { clusterName: cluster, brokerName, brokerId, brokerAddr });
          }
        }
      }
    }
    if (results.some(({ value }) => value !== undefined)) {
      this.#targets = [...targets.values()].sort(compareTargets);
    }
    return results.map(({ addr, value, error }) =>
      value === undefined ? { addr, isUp: false, reason: error?.message ?? '' } : { addr, isUp: true },
    );
  }

  /** Does it when there are not too many others under way. */
  async #turn<V>(work: () => Promise<V>): Promise<V> {
    if (this.#underWay >= BROKERS_AT_ONCE) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#underWay++;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) {
        this.#underWay--;
      } else {
        next();
      }
    }
  }

  async #broker(target: Target, wants: SampleWants): Promise<BrokerSample> {
    const { limitMs, againMs = limitMs } = this.#options;
    const begunMs = this.#clock.monotonicMs();
    const questions = new BrokerQuestions(this.#admin, target, { limitMs, clock: this.#clock });
    try {
      const runtimeInfo = await questions.runtimeInfo(this.#silent.has(target.brokerAddr) ? againMs : limitMs);
      this.#silent.delete(target.brokerAddr);
      const facts = await this.#turn(() => questions.facts(runtimeInfo, wants));
      return { ...target, tookMs: this.#clock.monotonicMs() - begunMs, facts };
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      this.#silent.add(target.brokerAddr);
      return { ...target, tookMs: this.#clock.monotonicMs() - begunMs, facts: null, reason: error.message };
    }
  }
}

function compareTargets(a: Target, b: Target): number {
  return compare(a.clusterName, b.clusterName) || compare(a.brokerName, b.brokerName) || a.brokerId - b.brokerId;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Of these brokers say -1 while they do not know them: without a file in the store, or when a path is missing. */
const UNKNOWN_BELOW_ZERO: ReadonlySet<string> = new Set([
  'commitLogDiskRatio',
  'consumeQueueDiskRatio',
  'commitLogMinOffset',
  'commitLogMaxOffset',
]);

/** The number that the first of these texts of the runtime information begins with; null without one, and where the broker does not know it. */
export function runtimeNumber({ runtimeInfo }: BrokerFacts, ...keys: readonly string[]): number | null {
  const key = keys.find((its) => runtimeInfo[its] !== undefined) ?? '';
  const word = runtimeInfo[key]?.trim().split(/\s+/)[0] ?? '';
  const number = Number(word);
  return word === '' || !Number.isFinite(number) || (number < 0 && UNKNOWN_BELOW_ZERO.has(key)) ? null : number;
}

/** Bytes that a slave's commit log is behind its master's; null of masters, and while one of the two does not answer. */
export function behindMaster(slave: BrokerSample, { brokers }: ClusterSample): number | null {
  const isMaster = (its: BrokerSample): boolean =>
    its.brokerId === 0 && its.brokerName === slave.brokerName && its.clusterName === slave.clusterName;
  const master = brokers.find((its) => isMaster(its));
  if (slave.brokerId === 0 || slave.facts === null || master === undefined || master.facts === null) {
    return null;
  }
  const [end, its] = [runtimeNumber(master.facts, 'commitLogMaxOffset'), runtimeNumber(slave.facts, 'commitLogMaxOffset')];
  return end === null || its === null ? null : Math.max(0, end - its);
}

import { isDlqTopic, isRetryTopic } from '../../common/topic-names.js';
import {
  type BrokerSample,
  behindMaster,
  type ClusterSample,
  type GroupSample,
  runtimeNumber,
  type SampleWants,
} from './cluster-sample.js';

/** Rates are messages a second; null is unknown. */
export interface TopBroker {
  readonly clusterName: string;
  readonly brokerName: string;
  readonly brokerId: number;
  readonly brokerAddr: string;
  readonly isUp: boolean;
  /** Why it has no values. */
  readonly reason?: string;
  readonly version: string;
  readonly inTps: number | null;
  readonly outTps: number | null;
  readonly sendQueueSize: number | null;
  readonly pullQueueSize: number | null;
  /** How long the put in progress holds its lock. */
  readonly putLockMs: number | null;
  /** Used share of the disk with the commit log. */
  readonly diskRatio: number | null;
  /** Of a slave, bytes behind its master; of a master, bytes not yet dispatched. */
  readonly behindBytes: number | null;
  /** Age of the oldest message; null without one. */
  readonly oldestMs: number | null;
  readonly topicCount: number | null;
  readonly groupCount: number | null;
}

/** A topic on all its brokers. */
export interface TopTopic {
  readonly topic: string;
  readonly brokerCount: number;
  readonly queueCount: number;
  readonly inTps: number | null;
  /** Of all groups together. */
  readonly outTps: number | null;
  readonly messages: number;
  readonly groupCount: number;
  /** Of the group that is furthest behind. */
  readonly lag: number;
  /** Since the last message was stored; null without one. */
  readonly idleMs: number | null;
}

/** A group on all brokers. */
export interface TopGroup {
  readonly consumerGroup: string;
  /** Connected clients; null when no broker said it. */
  readonly clients: number | null;
  readonly consumeType: string;
  readonly topicCount: number;
  readonly inTps: number | null;
  readonly outTps: number | null;
  readonly lag: number;
  /** What of the lag is in retry topics. */
  readonly retryLag: number;
  /** Age of the first message not consumed; null when it was not asked or not said. */
  readonly delayMs: number | null;
  /** Until the lag is gone at these rates; null when it does not shrink. */
  readonly timeToDrainMs: number | null;
}

export interface TopTotals {
  readonly brokers: number;
  readonly brokersDown: number;
  readonly namesrvsDown: number;
  readonly inTps: number;
  readonly outTps: number;
  /** Of the groups that were looked at; null without one. */
  readonly lag: number | null;
  /** Null where they were not looked at. */
  readonly topics: number | null;
  readonly groups: number | null;
  /** The fullest disk. */
  readonly diskRatio: number | null;
}

/** What all brokers do at one moment. */
export interface TopRound {
  /** Wall clock, ms. */
  readonly time: number;
  readonly tookMs: number;
  readonly clusterNames: readonly string[];
  readonly totals: TopTotals;
  readonly brokers: readonly TopBroker[];
  readonly topics: readonly TopTopic[];
  readonly groups: readonly TopGroup[];
}

/** Counters that were not seen for so long are forgotten. */
const FORGET_MS = 300_000;

/** Turns samples into rounds. Remembers counters, for the rates between a round and the one before. */
export class TopRounds {
  readonly #counters = new Map<string, { value: number; atMs: number }>();

  /**
   * Rates come from differences of offsets and totals. In the first round, and after a counter went back, they are the broker's own:
   * of the last 10 s for a broker, of the last minute for topics and groups.
   * @param wants what the sample was asked for
   */
  round(sample: ClusterSample, wants: Pick<SampleWants, 'topics' | 'groups'>): TopRound {
    const brokers = sample.brokers.map((broker) => this.#broker(broker, sample));
    const groups = this.#groups(sample);
    const topics = this.#topics(sample);
    for (const [key, { atMs }] of this.#counters) {
      if (sample.atMs - atMs > FORGET_MS) {
        this.#counters.delete(key);
      }
    }
    return {
      time: sample.time,
      tookMs: sample.tookMs,
      clusterNames: [...new Set(brokers.map(({ clusterName }) => clusterName))],
      totals: {
        ...totalsOf(sample, { brokers, groups }),
        topics: wants.topics ? topics.length : null,
        groups: wants.groups ? groups.length : null,
      },
      brokers,
      topics,
      groups,
    };
  }

  /** A counter's change a second since it was seen last; what the broker says itself when it is new or went back. */
  #rate(key: string, value: number | null, atMs: number, said: number | null): number | null {
    if (value === null) {
      return said;
    }
    const before = this.#counters.get(key);
    this.#counters.set(key, { value, atMs });
    return before === undefined || before.value > value || atMs <= before.atMs
      ? said
      : (value - before.value) / ((atMs - before.atMs) / 1000);
  }

  #broker(broker: BrokerSample, sample: ClusterSample): TopBroker {
    const { clusterName, brokerName, brokerId, brokerAddr, facts, reason } = broker;
    const at = { clusterName, brokerName, brokerId, brokerAddr };
    if (facts === null) {
      return { ...at, ...NOTHING, ...(reason === undefined ? {} : { reason }) };
    }
    const number = (...keys: string[]): number | null => runtimeNumber(facts, ...keys);
    const [put, got] = [number('msgPutTotalTodayNow'), number('msgGetTotalTodayNow')];
    const oldest = number('earliestMessageTimeStamp');
    return {
      ...at,
      isUp: true,
      version: facts.runtimeInfo.brokerVersionDesc ?? '',
      inTps: this.#rate(`put ${brokerAddr}`, put, sample.atMs, number('putTps')),
      outTps: this.#rate(`got ${brokerAddr}`, got, sample.atMs, number('getTransferredTps', 'getTransferedTps')),
      sendQueueSize: number('sendThreadPoolQueueSize'),
      pullQueueSize: number('pullThreadPoolQueueSize'),
      putLockMs: number('pageCacheLockTimeMills'),
      diskRatio: number('commitLogDiskRatio'),
      behindBytes: brokerId === 0 ? number('dispatchBehindBytes') : behindMaster(broker, sample),
      oldestMs: oldest === null || oldest <= 0 ? null : Math.max(0, sample.time - oldest),
      topicCount: facts.topicCount,
      groupCount: facts.groupCount,
    };
  }

  #topics(sample: ClusterSample): TopTopic[] {
    const groups = lagsByTopic(sample);
    const rows = new Map<string, { -readonly [K in keyof TopTopic]: TopTopic[K] }>();
    for (const { brokerAddr, facts } of sample.brokers) {
      for (const { topic, queueCount, minOffset, maxOffset, lastUpdateTimestamp, putTps } of facts?.topics ?? []) {
        const row = rows.get(topic) ?? { ...NO_TOPIC, topic };
        row.brokerCount++;
        row.queueCount += queueCount;
        row.inTps = plus(row.inTps, this.#rate(`in ${topic} ${brokerAddr}`, maxOffset, sample.atMs, putTps));
        row.messages += Math.max(0, maxOffset - minOffset);
        if (lastUpdateTimestamp > 0) {
          const idleMs = Math.max(0, sample.time - lastUpdateTimestamp);
          row.idleMs = row.idleMs === null ? idleMs : Math.min(row.idleMs, idleMs);
        }
        rows.set(topic, row);
      }
    }
    for (const row of rows.values()) {
      const its = groups.get(row.topic);
      row.groupCount = its?.lags.size ?? 0;
      row.lag = Math.max(0, ...(its?.lags.values() ?? []));
      row.outTps = [...(its?.consumed ?? [])].reduce<number | null>(
        (total, [addr, consumed]) => plus(total, this.#rate(`out ${row.topic} ${addr}`, consumed, sample.atMs, null)),
        0,
      );
    }
    // Retry and dead-letter topics are there of every group; they are worth a look when something is in them.
    return [...rows.values()].filter(({ topic, messages }) => messages > 0 || !(isRetryTopic(topic) || isDlqTopic(topic)));
  }

  #groups(sample: ClusterSample): TopGroup[] {
    const parts = new Map<string, { brokerAddr: string; group: GroupSample }[]>();
    for (const { brokerAddr, facts } of sample.brokers) {
      for (const group of facts?.groups ?? []) {
        const its = parts.get(group.consumerGroup) ?? [];
        its.push({ brokerAddr, group });
        parts.set(group.consumerGroup, its);
      }
    }
    return [...parts].map(([consumerGroup, its]) => this.#group(consumerGroup, its, sample));
  }

  #group(consumerGroup: string, parts: readonly { brokerAddr: string; group: GroupSample }[], { atMs }: ClusterSample): TopGroup {
    let [inTps, outTps]: [number | null, number | null] = [0, 0];
    for (const { brokerAddr, group } of parts) {
      const sums = { put: 0, consumed: 0 };
      for (const { brokerOffset, consumerOffset } of group.topics) {
        sums.put += brokerOffset;
        sums.consumed += consumerOffset;
      }
      inTps = plus(inTps, this.#rate(`to ${consumerGroup} ${brokerAddr}`, sums.put, atMs, null));
      outTps = plus(outTps, this.#rate(`by ${consumerGroup} ${brokerAddr}`, sums.consumed, atMs, group.consumeTps));
    }
    const entries = parts.flatMap(({ group }) => group.topics);
    const lagOf = (wanted: typeof entries): number => wanted.reduce((total, its) => total + its.lag, 0);
    const lag = lagOf(entries);
    const gain = inTps === null || outTps === null ? null : outTps - inTps;
    return {
      consumerGroup,
      clients: parts.every(({ group }) => group.clients === null) ? null : new Set(parts.flatMap(({ group }) => group.clientIds)).size,
      consumeType: parts.find(({ group }) => group.consumeType !== '')?.group.consumeType ?? '',
      topicCount: new Set(entries.map(({ topic }) => topic).filter((topic) => !isRetryTopic(topic))).size,
      inTps,
      outTps,
      lag,
      retryLag: lagOf(entries.filter(({ topic }) => isRetryTopic(topic))),
      delayMs: entries.reduce<number | null>((most, { lagMs }) => (most === null || lagMs === null ? null : Math.max(most, lagMs)), 0),
      timeToDrainMs: lag === 0 ? 0 : gain === null || gain <= 0 ? null : Math.round((lag / gain) * 1000),
    };
  }
}

const NOTHING = {
  isUp: false,
  version: '',
  inTps: null,
  outTps: null,
  sendQueueSize: null,
  pullQueueSize: null,
  putLockMs: null,
  diskRatio: null,
  behindBytes: null,
  oldestMs: null,
  topicCount: null,
  groupCount: null,
};

const NO_TOPIC = { topic: '', brokerCount: 0, queueCount: 0, inTps: 0, outTps: 0, messages: 0, groupCount: 0, lag: 0, idleMs: null };

/** Unknown as soon as one part is. */
function plus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

interface TopicGroups {
  /** By group. */
  readonly lags: Map<string, number>;
  /** What all groups consumed, by broker. */
  readonly consumed: Map<string, number>;
}

function lagsByTopic(sample: ClusterSample): Map<string, TopicGroups> {
  const topics = new Map<string, TopicGroups>();
  for (const { brokerAddr, facts } of sample.brokers) {
    for (const { consumerGroup, topics: entries } of facts?.groups ?? []) {
      for (const { topic, consumerOffset, lag } of entries) {
        const { lags, consumed } = topics.get(topic) ?? { lags: new Map<string, number>(), consumed: new Map<string, number>() };
        lags.set(consumerGroup, (lags.get(consumerGroup) ?? 0) + lag);
        consumed.set(brokerAddr, (consumed.get(brokerAddr) ?? 0) + consumerOffset);
        topics.set(topic, { lags, consumed });
      }
    }
  }
  return topics;
}

function totalsOf(sample: ClusterSample, { brokers, groups }: Pick<TopRound, 'brokers' | 'groups'>): Omit<TopTotals, 'topics' | 'groups'> {
  const ratios = brokers.flatMap(({ diskRatio }) => diskRatio ?? []);
  const masters = brokers.filter(({ brokerId }) => brokerId === 0);
  return {
    brokers: brokers.length,
    brokersDown: brokers.filter(({ isUp }) => !isUp).length,
    namesrvsDown: sample.namesrvs.filter(({ isUp }) => !isUp).length,
    inTps: masters.reduce((total, { inTps }) => total + (inTps ?? 0), 0),
    outTps: brokers.reduce((total, { outTps }) => total + (outTps ?? 0), 0),
    lag: groups.length === 0 ? null : groups.reduce((total, { lag }) => total + lag, 0),
    diskRatio: ratios.length === 0 ? null : Math.max(...ratios),
  };
}

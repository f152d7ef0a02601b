import { isDlqTopic, isRetryTopic } from '../../common/topic-names.js';
import {
  type BrokerSample,
  behindMaster,
  type ClusterSample,
  type GroupSample,
  type GroupTopicSample,
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
   * Rates come from differences of offsets and totals. In the first round, and after a counter went back, they are the broker's own where it has
   * one: of the last 10 s for a broker, of the last minute for what comes into a topic and what a group consumes.
   * @param wants what the sample was asked for
   */
  round(sample: ClusterSample, wants: Pick<SampleWants, 'topics' | 'groups'>): TopRound {
    const brokers = sample.brokers.map((broker) => this.#broker(broker, sample));
    const seats = this.#seats(sample);
    const groups = [...byKey(seats, ({ group }) => group.consumerGroup).values()].map(groupOf);
    const topics = this.#topics(sample, seats);
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

  /**
   * The groups on each of their brokers. Each topic there has counters of its own: a group or topic that comes or goes would move a sum by
   * all that it ever consumed.
   */
  #seats({ brokers, atMs }: ClusterSample): Seat[] {
    return brokers.flatMap(({ brokerAddr, facts }) =>
      (facts?.groups ?? []).map((group): Seat => {
        const { consumerGroup } = group;
        const parts = group.topics.map((its): Part => {
          const key = `${consumerGroup} ${its.topic} ${brokerAddr}`;
          const inTps = this.#rate(`to ${key}`, its.brokerOffset, atMs, null);
          return { ...its, consumerGroup, inTps, outTps: this.#rate(`by ${key}`, its.consumerOffset, atMs, null) };
        });
        return { group, parts };
      }),
    );
  }

  #topics(sample: ClusterSample, seats: readonly Seat[]): TopTopic[] {
    const consumed = byKey(
      seats.flatMap(({ parts }) => parts),
      ({ topic }) => topic,
    );
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
      const its = consumed.get(row.topic) ?? [];
      const groups = [...byKey(its, ({ consumerGroup }) => consumerGroup).values()];
      row.groupCount = groups.length;
      row.lag = Math.max(0, ...groups.map(lagOf));
      row.outTps = sumOf(its, ({ outTps }) => outTps);
    }
    // Retry and dead-letter topics are there of every group; they are worth a look when something is in them.
    return [...rows.values()].filter(({ topic, messages }) => messages > 0 || !(isRetryTopic(topic) || isDlqTopic(topic)));
  }
}

/** What a group does on a topic of one broker. */
interface Part extends GroupTopicSample {
  readonly consumerGroup: string;
  readonly inTps: number | null;
  readonly outTps: number | null;
}

/** A group on one broker. */
interface Seat {
  readonly group: GroupSample;
  readonly parts: readonly Part[];
}

/** @param seats all of the group */
function groupOf(seats: readonly Seat[]): TopGroup {
  const parts = seats.flatMap((seat) => seat.parts);
  const inTps = sumOf(parts, (part) => part.inTps);
  const outTps = sumOf(seats, (seat) => sumOf(seat.parts, (part) => part.outTps) ?? seat.group.consumeTps);
  const lag = lagOf(parts);
  const gain = inTps === null || outTps === null ? null : outTps - inTps;
  return {
    consumerGroup: seats[0]?.group.consumerGroup ?? '',
    clients: seats.every(({ group }) => group.clients === null) ? null : new Set(seats.flatMap(({ group }) => group.clientIds)).size,
    consumeType: seats.find(({ group }) => group.consumeType !== '')?.group.consumeType ?? '',
    topicCount: new Set(parts.map(({ topic }) => topic).filter((topic) => !isRetryTopic(topic))).size,
    inTps,
    outTps,
    lag,
    retryLag: lagOf(parts.filter(({ topic }) => isRetryTopic(topic))),
    delayMs: parts.reduce<number | null>((most, { lagMs }) => (most === null || lagMs === null ? null : Math.max(most, lagMs)), 0),
    timeToDrainMs: lag === 0 ? 0 : gain === null || gain <= 0 ? null : Math.round((lag / gain) * 1000),
  };
}

function lagOf(parts: readonly GroupTopicSample[]): number {
  return parts.reduce((total, { lag }) => total + lag, 0);
}

/** Unknown as soon as one is. */
function sumOf<V>(values: readonly V[], read: (value: V) => number | null): number | null {
  return values.reduce<number | null>((total, value) => plus(total, read(value)), 0);
}

function byKey<V>(values: readonly V[], keyOf: (value: V) => string): Map<string, V[]> {
  const lists = new Map<string, V[]>();
  for (const value of values) {
    const list = lists.get(keyOf(value));
    if (list === undefined) {
      lists.set(keyOf(value), [value]);
    } else {
      list.push(value);
    }
  }
  return lists;
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

import type { Clock, TimerHandle, Timers } from '../../src/common/clock.js';
import { StatsItem } from './stats-item.js';
import type { StatsView } from './types.js';

/** Counters of one queue: of what is put there, or of what one group gets from there. */
interface QueueStats {
  readonly nums: StatsItem;
  readonly size: StatsItem;
  /** Milliseconds that a put, or a get, took. */
  readonly latency: StatsItem;
}

/** Counters of one consumer group on one topic. */
export interface GroupStats {
  /** `topic@group` */
  readonly key: string;
  readonly topic: string;
  readonly group: string;
  readonly getNums: StatsItem;
  readonly getSize: StatsItem;
  readonly queues: QueueStats[];
}

/** Counters of one topic, which the send path holds on to. */
export interface TopicStats {
  readonly topic: string;
  readonly putNums: StatsItem;
  readonly putSize: StatsItem;
  readonly isSystem: boolean;
  readonly queues: QueueStats[];
  readonly groups: Map<string, GroupStats>;
}

const SAMPLE_MS = 10_000;
const TICKS_PER_HOUR_SAMPLE = 60;
const TICKS_PER_DAY_SAMPLE = 360;
/** Counters in all; beyond it new ones count but cannot be asked for. A counter is about 1 KiB. */
const MAX_ITEMS = 200_000;
/** Counters of a group on a topic that are made when something is counted; they go with it. */
const GROUP_STATS = ['GROUP_GET_NUMS', 'GROUP_GET_SIZE', 'GROUP_ACK_NUMS', 'GROUP_CK_NUMS', 'SNDBCK_PUT_NUMS', 'DLQ_PUT_NUMS'];

/** Configuration keys of the statistics. */
interface StatsPolicy {
  /** Read once: whether each queue is counted too. */
  readonly enableDetailStat: boolean;
  /** Read at each use: whether counters go with their topic or group. */
  readonly autoDeleteUnusedStats: boolean;
}

/** All counters that VIEW_BROKER_STATS_DATA (315) shows, by name and key. */
export class BrokerStats {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #items = new Map<string, Map<string, StatsItem>>();
  readonly #topics = new Map<string, TopicStats>();
  readonly #clusterName: string;
  readonly #isDetailed: boolean;
  readonly #policy: StatsPolicy;
  readonly putNums: StatsItem;
  readonly getNums: StatsItem;
  readonly putNumsWithoutSystemTopic: StatsItem;
  readonly getNumsWithoutSystemTopic: StatsItem;
  #timer: TimerHandle | null = null;
  #ticks = 0;
  #count = 0;

  constructor(options: { clock: Clock; timers: Timers; clusterName: string; policy?: StatsPolicy }) {
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#policy = options.policy ?? { enableDetailStat: true, autoDeleteUnusedStats: true };
    this.#isDetailed = this.#policy.enableDetailStat;
    this.#clusterName = options.clusterName;
    this.putNums = this.item('BROKER_PUT_NUMS', this.#clusterName);
    this.getNums = this.item('BROKER_GET_NUMS', this.#clusterName);
    this.putNumsWithoutSystemTopic = this.item('BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC', this.#clusterName);
    this.getNumsWithoutSystemTopic = this.item('BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC', this.#clusterName);
  }

  start(): void {
    this.#timer = this.#timers.setInterval(() => this.sample(), SAMPLE_MS);
  }

  stop(): void {
    if (this.#timer !== null) this.#timers.clearInterval(this.#timer);
    this.#timer = null;
  }

  /** The counter of a name and key; made when there is none. */
  item(statsName: string, statsKey: string): StatsItem {
    let byKey = this.#items.get(statsName);
    if (byKey === undefined) {
      byKey = new Map();
      this.#items.set(statsName, byKey);
    }
    let item = byKey.get(statsKey);
    if (item === undefined) {
      item = new StatsItem(statsName, statsKey);
      if (this.#count < MAX_ITEMS) {
        byKey.set(statsKey, item);
        this.#count++;
      }
    }
    return item;
  }

  topic(topic: string, isSystem: boolean): TopicStats {
    let stats = this.#topics.get(topic);
    if (stats === undefined) {
      const [putNums, putSize] = [this.item('TOPIC_PUT_NUMS', topic), this.item('TOPIC_PUT_SIZE', topic)];
      stats = { topic, putNums, putSize, isSystem, queues: [], groups: new Map() };
      this.#topics.set(topic, stats);
    }
    return stats;
  }

  group(topicStats: TopicStats, topic: string, group: string): GroupStats {
    let stats = topicStats.groups.get(group);
    if (stats === undefined) {
      const key = `${topic}@${group}`;
      const [getNums, getSize] = [this.item('GROUP_GET_NUMS', key), this.item('GROUP_GET_SIZE', key)];
      stats = { key, topic, group, getNums, getSize, queues: [] };
      topicStats.groups.set(group, stats);
    }
    return stats;
  }

  /** Counts messages stored by one request. */
  countPut(stats: TopicStats, messageCount: number, bytes: number): void {
    if (stats.putNums.times === 0) this.#begin(stats.putNums, stats.putSize);
    if (this.putNums.times === 0) this.#begin(this.putNums, this.putNums);
    stats.putNums.value += messageCount;
    stats.putNums.times++;
    stats.putSize.value += bytes;
    stats.putSize.times++;
    this.putNums.value += messageCount;
    this.putNums.times++;
    if (!stats.isSystem) {
      if (this.putNumsWithoutSystemTopic.times === 0) this.#begin(this.putNumsWithoutSystemTopic, this.putNumsWithoutSystemTopic);
      this.putNumsWithoutSystemTopic.value += messageCount;
      this.putNumsWithoutSystemTopic.times++;
    }
  }

  /** Counts messages stored by one request in one queue, and how long the request took. */
  countPutOfQueue(stats: TopicStats, queueId: number, messageCount: number, bytes: number, latencyMs: number): void {
    this.countPut(stats, messageCount, bytes);
    this.#countQueue(stats.queues[queueId] ?? this.#queueOfTopic(stats, queueId), messageCount, bytes, latencyMs);
  }

  /** Counts messages that one pull got from one queue, and how long the pull took. */
  countGetOfQueue(
    topicStats: TopicStats,
    groupStats: GroupStats,
    queueId: number,
    messageCount: number,
    bytes: number,
    latencyMs: number,
  ): void {
    this.countGet(topicStats, groupStats, messageCount, bytes);
    this.#countQueue(groupStats.queues[queueId] ?? this.#queueOfGroup(groupStats, queueId), messageCount, bytes, latencyMs);
  }

  /** Counts messages that one pull answered. */
  countGet(topicStats: TopicStats, groupStats: GroupStats, messageCount: number, bytes: number): void {
    if (groupStats.getNums.times === 0) this.#begin(groupStats.getNums, groupStats.getSize);
    if (this.getNums.times === 0) this.#begin(this.getNums, this.getNums);
    groupStats.getNums.value += messageCount;
    groupStats.getNums.times++;
    groupStats.getSize.value += bytes;
    groupStats.getSize.times++;
    this.getNums.value += messageCount;
    this.getNums.times++;
    if (!topicStats.isSystem) {
      if (this.getNumsWithoutSystemTopic.times === 0) this.#begin(this.getNumsWithoutSystemTopic, this.getNumsWithoutSystemTopic);
      this.getNumsWithoutSystemTopic.value += messageCount;
      this.getNumsWithoutSystemTopic.times++;
    }
  }

  /** Counts something rare: a send-back, a message for the DLQ. */
  count(statsName: string, statsKey: string, value: number): void {
    this.item(statsName, statsKey).add(value, this.#clock.monotonicMs());
  }

  /** Counts messages that a group acknowledged after a pop. */
  countAcks(topic: string, group: string, messageCount: number): void {
    this.count('BROKER_ACK_NUMS', this.#clusterName, messageCount);
    this.count('GROUP_ACK_NUMS', `${topic}@${group}`, messageCount);
  }

  /** Counts a check point: what one pop, or one change of the invisible time, took of one queue. */
  countCheckPoint(topic: string, group: string): void {
    this.count('BROKER_CK_NUMS', this.#clusterName, 1);
    this.count('GROUP_CK_NUMS', `${topic}@${group}`, 1);
  }

  /** Minute, hour and day of a counter; null when nothing was ever counted under that name and key. */
  view(statsName: string, statsKey: string): StatsView | null {
    const item = this.#items.get(statsName)?.get(statsKey);
    if (item === undefined || !item.isUsed) return null;
    const now = this.#clock.monotonicMs();
    return { statsMinute: item.minute(now), statsHour: item.hour(now), statsDay: item.day(now) };
  }

  /** Messages a second over the last minute; 0 for an unknown counter. */
  tpsOf(statsName: string, statsKey: string): number {
    const item = this.#items.get(statsName)?.get(statsKey);
    return item === undefined || !item.isUsed ? 0 : item.minute(this.#clock.monotonicMs()).tps;
  }

  /** Forgets a topic's counters and those of its groups. */
  removeTopic(topic: string): void {
    const stats = this.#topics.get(topic);
    if (stats === undefined || !this.#policy.autoDeleteUnusedStats) return;
    this.#topics.delete(topic);
    this.#drop('TOPIC_PUT_NUMS', topic);
    this.#drop('TOPIC_PUT_SIZE', topic);
    for (const queue of stats.queues) this.#dropQueue(queue);
    for (const group of stats.groups.values()) this.#dropGroup(group);
  }

  removeGroup(group: string): void {
    if (!this.#policy.autoDeleteUnusedStats) return;
    for (const stats of this.#topics.values()) {
      const groupStats = stats.groups.get(group);
      if (groupStats === undefined) continue;
      stats.groups.delete(group);
      this.#dropGroup(groupStats);
    }
  }

  /** Takes the samples of this tick; called each 10 s. */
  sample(): void {
    const now = this.#clock.monotonicMs();
    this.#ticks++;
    const isHourTick = this.#ticks % TICKS_PER_HOUR_SAMPLE === 0;
    const isDayTick = this.#ticks % TICKS_PER_DAY_SAMPLE === 0;
    for (const byKey of this.#items.values()) {
      for (const item of byKey.values()) {
        if (!item.isUsed) continue;
        item.sampleMinute(now);
        if (isHourTick) item.sampleHour(now);
        if (isDayTick) item.sampleDay(now);
      }
    }
  }

  #begin(first: StatsItem, second: StatsItem): void {
    const now = this.#clock.monotonicMs();
    first.begin(now);
    if (second !== first) second.begin(now);
  }

  #countQueue(queue: QueueStats, messageCount: number, bytes: number, latencyMs: number): void {
    if (queue.latency.times === 0) queue.latency.begin(this.#clock.monotonicMs());
    if (queue.nums.times === 0) this.#begin(queue.nums, queue.size);
    queue.nums.value += messageCount;
    queue.nums.times++;
    queue.size.value += bytes;
    queue.size.times++;
    queue.latency.value += latencyMs;
    queue.latency.times++;
  }

  #queueOfTopic(stats: TopicStats, queueId: number): QueueStats {
    const key = `${stats.topic}@${queueId}`;
    const latency = this.item('TOPIC_PUT_LATENCY', `${queueId}@${stats.topic}`);
    const queue = { nums: this.#detail('QUEUE_PUT_NUMS', key), size: this.#detail('QUEUE_PUT_SIZE', key), latency };
    return keepQueue(stats.queues, queueId, queue);
  }

  #queueOfGroup(stats: GroupStats, queueId: number): QueueStats {
    const key = `${stats.topic}@${queueId}@${stats.group}`;
    const latency = this.item('GROUP_GET_LATENCY', this.#isDetailed ? `${queueId}@${stats.key}` : stats.key);
    const queue = { nums: this.#detail('QUEUE_GET_NUMS', key), size: this.#detail('QUEUE_GET_SIZE', key), latency };
    return keepQueue(stats.queues, queueId, queue);
  }

  /** A counter that nobody can ask for unless details are counted. */
  #detail(statsName: string, statsKey: string): StatsItem {
    return this.#isDetailed ? this.item(statsName, statsKey) : new StatsItem(statsName, statsKey);
  }

  #dropGroup(group: GroupStats): void {
    for (const name of GROUP_STATS) this.#drop(name, group.key);
    this.#drop('SNDBCK2DLQ_TIMES', deadLetterKey(group.topic, group.group));
    for (const queue of group.queues) this.#dropQueue(queue);
  }

  /** Queues that nothing was counted for are holes. */
  #dropQueue(queue: QueueStats | undefined): void {
    for (const item of queue === undefined ? [] : [queue.nums, queue.size, queue.latency]) this.#drop(item.statsName, item.statsKey);
  }

  #drop(statsName: string, statsKey: string): void {
    if (this.#items.get(statsName)?.delete(statsKey) === true) this.#count--;
  }
}

/** Key of SNDBCK2DLQ_TIMES, in the form that Apache's commercial edition gave it: owner, topic, group and what happened. */
export function deadLetterKey(topic: string, group: string): string {
  return `null@${topic}@${group}@SEND_BACK_TO_DLQ`;
}

function keepQueue(queues: QueueStats[], queueId: number, queue: QueueStats): QueueStats {
  queues[queueId] = queue;
  return queue;
}

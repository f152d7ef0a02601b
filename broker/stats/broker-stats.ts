import type { Clock, TimerHandle, Timers } from '../../src/common/clock.js';
import { StatsItem } from './stats-item.js';
import type { StatsSnapshot } from './types.js';

/** Counters of one consumer group on one topic. */
export interface GroupStats {
  /** `topic@group` */
  readonly key: string;
  readonly getNums: StatsItem;
  readonly getSize: StatsItem;
}

/** Counters of one topic, which the send path holds on to. */
export interface TopicStats {
  readonly putNums: StatsItem;
  readonly putSize: StatsItem;
  readonly isSystem: boolean;
  readonly groups: Map<string, GroupStats>;
}

const SAMPLE_MS = 10_000;
const TICKS_PER_HOUR_SAMPLE = 60;
const TICKS_PER_DAY_SAMPLE = 360;
/** Counters in all; beyond it new ones count but cannot be asked for. A counter is about 2 KiB. */
const MAX_ITEMS = 200_000;

/** All counters that VIEW_BROKER_STATS_DATA (315) shows, by name and key. */
export class BrokerStats {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #items = new Map<string, Map<string, StatsItem>>();
  readonly #topics = new Map<string, TopicStats>();
  readonly #clusterName: string;
  readonly putNums: StatsItem;
  readonly getNums: StatsItem;
  readonly putNumsWithoutSystemTopic: StatsItem;
  readonly getNumsWithoutSystemTopic: StatsItem;
  #timer: TimerHandle | null = null;
  #ticks = 0;
  #count = 0;

  constructor(options: { clock: Clock; timers: Timers; clusterName: string }) {
    this.#clock = options.clock;
    this.#timers = options.timers;
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
      stats = { putNums: this.item('TOPIC_PUT_NUMS', topic), putSize: this.item('TOPIC_PUT_SIZE', topic), isSystem, groups: new Map() };
      this.#topics.set(topic, stats);
    }
    return stats;
  }

  group(topicStats: TopicStats, topic: string, group: string): GroupStats {
    let stats = topicStats.groups.get(group);
    if (stats === undefined) {
      const key = `${topic}@${group}`;
      stats = { key, getNums: this.item('GROUP_GET_NUMS', key), getSize: this.item('GROUP_GET_SIZE', key) };
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

  /** Minute, hour and day of a counter; null when nothing was ever counted under that name and key. */
  view(statsName: string, statsKey: string): { statsMinute: StatsSnapshot; statsHour: StatsSnapshot; statsDay: StatsSnapshot } | null {
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
    if (stats === undefined) return;
    this.#topics.delete(topic);
    this.#drop('TOPIC_PUT_NUMS', topic);
    this.#drop('TOPIC_PUT_SIZE', topic);
    for (const group of stats.groups.values()) this.#dropGroup(group);
  }

  removeGroup(group: string): void {
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

  #dropGroup(group: GroupStats): void {
    this.#drop('GROUP_GET_NUMS', group.key);
    this.#drop('GROUP_GET_SIZE', group.key);
    this.#drop('SNDBCK_PUT_NUMS', group.key);
    this.#drop('DLQ_PUT_NUMS', group.key);
  }

  #drop(statsName: string, statsKey: string): void {
    if (this.#items.get(statsName)?.delete(statsKey) === true) this.#count--;
  }
}

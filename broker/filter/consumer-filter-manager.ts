import type { Clock } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import { isTagType, SQL92, type SubscriptionData } from '../connections/index.js';
import { asArray, asLong, asNumber, asObject, asText } from '../json.js';
import type { TableFile } from '../topics/index.js';
import { type BloomFilterSize, bloomBitCount, bloomBits } from './bloom-filter.js';
import { RetryFilter } from './retry-filter.js';
import { compileSelector, type Selector, SelectorError } from './selector.js';
import { SelectorFilter } from './selector-filter.js';

/** Selectors that pulls carry themselves, kept compiled. Apache keeps 100. */
const MAX_CACHED_SELECTORS = 100;
/** Groups and topics with a selector that are kept: each may have 64 KiB of text. */
const MAX_FILTERS = 10_000;
/** When the broker comes back, groups count as gone since this long before. */
const DEAD_BEFORE_LOAD_MS = 30_000;

/** What is known of a group's selector on a topic. Mirrors ConsumerFilterData. */
export interface ConsumerFilterData {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly expression: string;
  readonly expressionType: string;
  /** Wall clock, ms. Dead while deadTime is not before bornTime. */
  readonly bornTime: number;
  deadTime: number;
  /** The subVersion it was registered with. */
  clientVersion: number | bigint;
  readonly bloomFilterData: { readonly bitNum: number; readonly bitPos: readonly number[] };
  /** Null when the file held an expression that does not compile. */
  readonly filter: SelectorFilter | null;
}

/** Configuration keys that are read at each use. */
interface FilterPolicy {
  readonly filterDataCleanTimeSpan: number;
  readonly maxErrorRateOfBloomFilter: number;
  readonly expectConsumerNumUseFilter: number;
}

/**
 * The SQL92 selectors of consumer groups. Owns config/consumerFilter.json in Apache's form, so that a store that moves to an Apache broker
 * keeps them; nothing depends on it after a restart, since heartbeats bring the selectors again.
 */
export class ConsumerFilterManager {
  readonly #file: TableFile;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #policy: FilterPolicy;
  readonly #byTopic = new Map<string, Map<string, ConsumerFilterData>>();
  readonly #cached = new Map<string, SelectorFilter | null>();
  #count = 0;
  #isDirty = false;

  constructor(options: { file: TableFile; clock: Clock; logger: Logger; policy: FilterPolicy }) {
    this.#file = options.file;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#policy = options.policy;
  }

  get(topic: string, group: string): ConsumerFilterData | undefined {
    return this.#byTopic.get(topic)?.get(group);
  }

  /** The filter of a group's retry topic: by its selectors on the topics that the messages come from. */
  retryFilter(group: string): RetryFilter {
    return new RetryFilter((topic) => this.get(topic, group)?.filter ?? null);
  }

  /** Takes the subscriptions of a heartbeat: selectors are registered, those of topics that are not among them die. */
  register(group: string, subscriptions: readonly SubscriptionData[]): void {
    for (const subscription of subscriptions) {
      if (subscription.expressionType === SQL92 && subscription.subString !== '') this.#registerOne(group, subscription);
    }
    if (this.#count === 0) return;
    for (const [topic, groups] of this.#byTopic) {
      const data = groups.get(group);
      if (data !== undefined && !subscriptions.some((subscription) => subscription.topic === topic)) this.#kill(data);
    }
  }

  /** The last member of a group is gone. */
  unregister(group: string): void {
    if (this.#count === 0) return;
    for (const groups of this.#byTopic.values()) {
      const data = groups.get(group);
      if (data !== undefined) this.#kill(data);
    }
  }

  /**
   * The filter of a selector that a pull carries itself. One that does not compile filters nothing, as on Apache's broker; the log says so once
   * for as long as it is cached.
   */
  filterOf(expression: string): SelectorFilter | null {
    const cached = this.#cached.get(expression);
    if (cached !== undefined) return cached;
    let filter: SelectorFilter | null = null;
    try {
      filter = new SelectorFilter(compileSelector(expression));
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
      this.#logger.warn(`a pull's SQL92 selector filters nothing, since it does not compile: ${error.message}`);
    }
    if (this.#cached.size >= MAX_CACHED_SELECTORS) this.#cached.clear();
    this.#cached.set(expression, filter);
    return filter;
  }

  load(): void {
    for (const [topic, value] of Object.entries(asObject(asObject(this.#file.load())?.filterDataByTopic) ?? {})) {
      for (const [group, fields] of Object.entries(asObject(asObject(value)?.groupFilterData) ?? {})) {
        const data = this.#read(topic, group, asObject(fields));
        if (data !== null) this.#set(data);
      }
    }
  }

  /** Saves when something changed since the last save that succeeded, without what has been dead for too long. */
  flush(options: { background?: boolean } = {}): void {
    this.#clean();
    const { problem, isSaving } = this.#file;
    if (isSaving ? options.background === true : !this.#isDirty && problem === null) return;
    const table = this.toTable();
    this.#isDirty = false;
    this.#file.save(table, options);
  }

  /** The table in the form of consumerFilter.json. */
  toTable(): unknown {
    const topics = [...this.#byTopic].map(([topic, groups]) => {
      const saved = [...groups].map(([group, { filter: _, ...data }]) => [group, { ...data, dead: isDead(data) }]);
      return [topic, { groupFilterData: Object.fromEntries(saved), topic }];
    });
    return { filterDataByTopic: Object.fromEntries(topics) };
  }

  #registerOne(group: string, { topic, subString, expressionType, subVersion }: SubscriptionData): void {
    const old = this.get(topic, group);
    if (old !== undefined && subVersion <= old.clientVersion) {
      if (subVersion === old.clientVersion && isDead(old)) this.#revive(old);
      return;
    }
    const bloomFilterData = this.#bloomFilterData(group, topic);
    if (old !== undefined && old.expression === subString && sameBits(old, bloomFilterData)) {
      old.clientVersion = subVersion;
      if (isDead(old)) this.#revive(old);
      this.#isDirty = true;
      return;
    }
    const compiled = this.#compile(group, topic, subString);
    if (compiled === null) {
      // Its pulls get FILTER_DATA_NOT_EXIST from now on, which is how the client learns of it.
      if (old !== undefined) this.#delete(old);
      return;
    }
    if (old === undefined && this.#count >= MAX_FILTERS) {
      this.#logger.warn(`group ${group} gets no filter on topic ${topic}: ${MAX_FILTERS} groups and topics have one already`);
      return;
    }
    this.#set({
      ...{ topic, consumerGroup: group, expression: subString, expressionType, clientVersion: subVersion, bloomFilterData },
      ...{ bornTime: this.#clock.nowMs(), deadTime: 0, filter: new SelectorFilter(compiled) },
    });
  }

  #compile(group: string, topic: string, expression: string): Selector | null {
    try {
      return compileSelector(expression);
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
      this.#logger.warn(`the SQL92 selector of group ${group} on topic ${topic} does not compile: ${error.message}`);
      return null;
    }
  }

  #read(topic: string, consumerGroup: string, fields: Record<string, unknown> | null): ConsumerFilterData | null {
    const expression = asText(fields?.expression, '');
    const expressionType = asText(fields?.expressionType, SQL92);
    if (fields === null || expression === '' || isTagType(expressionType)) return null;
    const bornTime = asNumber(fields.bornTime, 0);
    const deadTime = asNumber(fields.deadTime, 0);
    const bits = asObject(fields.bloomFilterData);
    const compiled = this.#compile(consumerGroup, topic, expression);
    return {
      ...{ topic, consumerGroup, expression, expressionType, bornTime },
      clientVersion: asLong(fields.clientVersion, 0),
      // Whoever is online will say so.
      deadTime: deadTime === 0 ? Math.max(bornTime, this.#clock.nowMs() - DEAD_BEFORE_LOAD_MS) : deadTime,
      bloomFilterData: { bitNum: asNumber(bits?.bitNum, 0), bitPos: asArray(bits?.bitPos).map((bit) => asNumber(bit, 0)) },
      filter: compiled === null ? null : new SelectorFilter(compiled),
    };
  }

  #bloomFilterData(group: string, topic: string): ConsumerFilterData['bloomFilterData'] {
    const { maxErrorRateOfBloomFilter, expectConsumerNumUseFilter } = this.#policy;
    const size: BloomFilterSize = { errorRatePercent: maxErrorRateOfBloomFilter, expectedCount: expectConsumerNumUseFilter };
    return { bitNum: bloomBitCount(size), bitPos: bloomBits(`${group}#${topic}`, size) };
  }

  #set(data: ConsumerFilterData): void {
    let groups = this.#byTopic.get(data.topic);
    if (groups === undefined) {
      groups = new Map();
      this.#byTopic.set(data.topic, groups);
    }
    if (!groups.has(data.consumerGroup)) this.#count++;
    groups.set(data.consumerGroup, data);
    this.#isDirty = true;
  }

  #delete({ topic, consumerGroup }: ConsumerFilterData): void {
    const groups = this.#byTopic.get(topic)!;
    if (groups.delete(consumerGroup)) this.#count--;
    if (groups.size === 0) this.#byTopic.delete(topic);
    this.#isDirty = true;
  }

  #kill(data: ConsumerFilterData): void {
    if (isDead(data)) return;
    data.deadTime = this.#clock.nowMs();
    this.#isDirty = true;
  }

  #revive(data: ConsumerFilterData): void {
    data.deadTime = 0;
    this.#isDirty = true;
  }

  #clean(): void {
    const before = this.#clock.nowMs() - this.#policy.filterDataCleanTimeSpan;
    for (const groups of [...this.#byTopic.values()]) {
      for (const data of [...groups.values()]) if (isDead(data) && data.deadTime <= before) this.#delete(data);
    }
  }
}

function isDead({ deadTime, bornTime }: { deadTime: number; bornTime: number }): boolean {
  return deadTime >= bornTime;
}

function sameBits({ bloomFilterData: { bitNum, bitPos } }: ConsumerFilterData, other: ConsumerFilterData['bloomFilterData']): boolean {
  return bitNum === other.bitNum && bitPos.join() === other.bitPos.join();
}

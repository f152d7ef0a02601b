import type { Clock } from '../../src/common/clock.js';
import { isSystemTopic } from '../../src/common/topic-names.js';
import { type DataVersion, newDataVersion, nextDataVersion, readDataVersion } from '../data-version.js';
import { asBoolean, asNumber, asObject, asText, asTextRecord } from '../json.js';
import type { BrokerStats } from '../stats/index.js';
import type { QueueType } from '../store/index.js';
import { sameTopicConfig, type TopicConfig, topicConfig } from './topic-config.js';
import { TopicEntry } from './topic-entry.js';

/** The file that holds a table; `ConfigFile` of the store is one. */
export interface TableFile {
  /** The parsed content, or null when there is none yet. */
  load(): unknown;
  /** @param options.background does not wait for the device */
  save(value: unknown, options?: { background?: boolean }): void;
  /** What kept the last save from the disk; null when the file holds what was saved. */
  readonly problem: string | null;
  /** A save in the background is not on the device yet. */
  readonly isSaving: boolean;
}

/** Told of changed and of deleted topics. */
export interface TopicListener {
  onTopicsChanged(changed: readonly TopicConfig[]): void;
  onTopicDeleted(topic: string): void;
}

export interface TopicManagerOptions {
  file: TableFile;
  clock: Clock;
  stats: BrokerStats;
  brokerName: string;
  brokerClusterName: string;
}

/** The topics of a broker. Owns config/topics.json, which is saved at each change. */
export class TopicConfigManager {
  readonly #file: TableFile;
  readonly #clock: Clock;
  readonly #stats: BrokerStats;
  readonly #ownNames: ReadonlySet<string>;
  readonly #systemTopics: Set<string>;
  readonly #entries = new Map<string, TopicEntry>();
  #dataVersion: DataVersion;
  #listener: TopicListener | null = null;
  #isLoaded = false;

  constructor(options: TopicManagerOptions) {
    this.#file = options.file;
    this.#clock = options.clock;
    this.#stats = options.stats;
    this.#ownNames = new Set([options.brokerName, options.brokerClusterName, `${options.brokerClusterName}_REPLY_TOPIC`]);
    this.#systemTopics = new Set();
    this.#dataVersion = newDataVersion(options.clock);
  }

  /** Reads topics.json. A topic that cannot be read is an error of the file, not of the broker: it keeps its defaults. */
  load(): void {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    const content = asObject(this.#file.load());
    if (content === null) return;
    this.#dataVersion = readDataVersion(content.dataVersion, this.#clock);
    for (const [name, value] of Object.entries(asObject(content.topicConfigTable) ?? {})) {
      const fields = asObject(value);
      if (fields !== null) this.#set(readTopicConfig(name, fields));
    }
  }

  /** Attribute `queue.type` of a topic; undefined when there is no such topic. The store asks before anything else does, so this may load the file. */
  queueType(topic: string): QueueType | undefined {
    this.load();
    const entry = this.#entries.get(topic);
    if (entry === undefined) return undefined;
    return entry.isBatchQueue ? 'BatchCQ' : 'SimpleCQ';
  }

  setListener(listener: TopicListener): void {
    this.#listener = listener;
  }

  /** Makes sure that the topics of the system exist; called before the first registration. */
  addSystemTopics(configs: readonly TopicConfig[]): void {
    let changed = false;
    for (const config of configs) {
      this.#systemTopics.add(config.topicName);
      if (!this.#entries.has(config.topicName)) {
        this.#set(config);
        changed = true;
      }
    }
    if (changed) this.#save();
  }

  get dataVersion(): DataVersion {
    return this.#dataVersion;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The hot path's lookup. */
  entry(topic: string): TopicEntry | undefined {
    return this.#entries.get(topic);
  }

  config(topic: string): TopicConfig | null {
    return this.#entries.get(topic)?.config ?? null;
  }

  /** All topics in the order of their creation. */
  configs(): TopicConfig[] {
    return [...this.#entries.values()].map((entry) => entry.config);
  }

  /** Whether the topic belongs to the system: by name, or because it is this cluster's or broker's own. */
  isSystem(topic: string): boolean {
    return isSystemTopic(topic) || this.#ownNames.has(topic) || this.#systemTopics.has(topic);
  }

  systemTopics(): string[] {
    return [...this.#systemTopics];
  }

  /** Creates or changes a topic, saves the table and tells the listener; false when nothing was different. */
  update(config: TopicConfig): boolean {
    return this.updateAll([config]);
  }

  updateAll(configs: readonly TopicConfig[]): boolean {
    const changed = configs.filter((config) => {
      const present = this.#entries.get(config.topicName);
      return present === undefined || !sameTopicConfig(present.config, config);
    });
    if (changed.length === 0) return false;
    for (const config of changed) this.#set(config);
    this.#bump();
    this.#save();
    this.#listener?.onTopicsChanged(changed);
    return true;
  }

  /** The topic, created with `make` when there is none. */
  ensure(topic: string, make: () => TopicConfig): TopicEntry {
    const present = this.#entries.get(topic);
    if (present !== undefined) return present;
    this.update(make());
    return this.#entries.get(topic)!;
  }

  /** False when there was no such topic. */
  delete(topic: string): boolean {
    if (!this.#entries.delete(topic)) return false;
    this.#stats.removeTopic(topic);
    this.#bump();
    this.#save();
    this.#listener?.onTopicDeleted(topic);
    return true;
  }

  /** What topics.json and GET_ALL_TOPIC_CONFIG (21) hold. */
  toTable(): { dataVersion: DataVersion; topicConfigTable: Record<string, TopicConfig> } {
    // Entries, not assignments: a topic may be called __proto__.
    const entries = [...this.#entries].map(([name, entry]): [string, TopicConfig] => [name, entry.config]);
    return { dataVersion: this.#dataVersion, topicConfigTable: Object.fromEntries(entries) };
  }

  /** Why the table is in memory only: a restart would lose its last changes. Null when the file holds them. */
  get saveProblem(): string | null {
    return this.#file.problem;
  }

  /** Tries again to save a table that could not be saved. */
  saveAgain(): void {
    if (this.#file.problem !== null) this.#save();
  }

  /** What name servers are told of the topics changed although no topic did; they take only a newer version. */
  markChanged(): void {
    this.#bump();
    this.#save();
  }

  #set(config: TopicConfig): void {
    const entry = this.#entries.get(config.topicName);
    if (entry === undefined) {
      this.#entries.set(config.topicName, new TopicEntry(config, this.isSystem(config.topicName), this.#stats));
    } else {
      entry.config = config;
    }
  }

  #bump(): void {
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#clock);
  }

  #save(): void {
    this.#file.save(this.toTable());
  }
}

/** Reads a topic of topics.json or of a request body; missing fields have Apache's defaults. */
export function readTopicConfig(name: string, fields: Record<string, unknown>): TopicConfig {
  const defaults = topicConfig(name);
  return topicConfig(name, {
    readQueueNums: asNumber(fields.readQueueNums, defaults.readQueueNums),
    writeQueueNums: asNumber(fields.writeQueueNums, defaults.writeQueueNums),
    perm: asNumber(fields.perm, defaults.perm),
    topicFilterType: asText(fields.topicFilterType, defaults.topicFilterType),
    topicSysFlag: asNumber(fields.topicSysFlag, 0),
    order: asBoolean(fields.order, false),
    attributes: asTextRecord(fields.attributes),
  });
}

import type { Clock } from '../../src/common/clock.js';
import { isSystemGroup, validateGroup } from '../../src/common/topic-names.js';
import { newSubscriptionGroupConfig } from '../../src/remoting/bodies/subscription-group.js';
import { type DataVersion, newDataVersion, nextDataVersion, readDataVersion } from '../data-version.js';
import { asNumber, asObject } from '../json.js';
import type { TableFile } from '../topics/index.js';
import { readSubscriptionGroup, type SubscriptionGroupConfig } from './subscription-group-config.js';

/** Groups of a fresh broker. */
const PRE_MADE_GROUPS = [
  'TOOLS_CONSUMER',
  'FILTERSRV_CONSUMER',
  'SELF_TEST_C_GROUP',
  'CID_ONS-HTTP-PROXY',
  'CID_ONSAPI_PULL',
  'CID_ONSAPI_PERMISSION',
  'CID_ONSAPI_OWNER',
  'CID_RMQ_SYS_TRANS',
];

const FORBIDDEN_READ_BIT = 1 << 2;

/** What decides whether a group is created by its first use. */
export interface GroupPolicy {
  autoCreateSubscriptionGroup: boolean;
  enableCreateSysGroup: boolean;
}

/** The consumer groups of a broker. Owns config/subscriptionGroup.json, which is saved at each change. */
export class SubscriptionGroupManager {
  readonly #file: TableFile;
  readonly #clock: Clock;
  readonly #policy: GroupPolicy;
  readonly #groups = new Map<string, SubscriptionGroupConfig>();
  /** group → topic → bits: 4 reading is forbidden, 2 writing. */
  readonly #forbidden = new Map<string, Map<string, number>>();
  #dataVersion: DataVersion;

  /** @param policy read at each use, so a changed configuration counts at once */
  constructor(options: { file: TableFile; clock: Clock; policy: GroupPolicy }) {
    this.#file = options.file;
    this.#clock = options.clock;
    this.#policy = options.policy;
    this.#dataVersion = newDataVersion(options.clock);
  }

  load(): void {
    const content = asObject(this.#file.load());
    if (content !== null) {
      this.#dataVersion = readDataVersion(content.dataVersion, this.#clock);
      for (const [name, fields] of Object.entries(asObject(content.subscriptionGroupTable) ?? {})) {
        const object = asObject(fields);
        if (object !== null) this.#groups.set(name, readSubscriptionGroup(name, object));
      }
      for (const [group, topics] of Object.entries(asObject(content.forbiddenTable) ?? {})) {
        for (const [topic, bits] of Object.entries(asObject(topics) ?? {})) this.#setForbidden(group, topic, asNumber(bits, 0));
      }
    }
    const missing = PRE_MADE_GROUPS.filter((name) => !this.#groups.has(name));
    for (const name of missing) this.#groups.set(name, newSubscriptionGroupConfig(name));
    if (missing.length > 0) this.#save();
  }

  get dataVersion(): DataVersion {
    return this.#dataVersion;
  }

  /** The group if it exists; never creates one. */
  peek(group: string): SubscriptionGroupConfig | undefined {
    return this.#groups.get(group);
  }

  has(group: string): boolean {
    return this.#groups.has(group);
  }

  /** The group, created when the configuration allows it and the name is legal. */
  find(group: string): SubscriptionGroupConfig | null {
    return this.#groups.get(group) ?? this.#autoCreate(group);
  }

  get size(): number {
    return this.#groups.size;
  }

  names(): string[] {
    return [...this.#groups.keys()];
  }

  update(group: SubscriptionGroupConfig): void {
    this.updateAll([group]);
  }

  updateAll(groups: readonly SubscriptionGroupConfig[]): void {
    for (const group of groups) this.#groups.set(group.groupName, group);
    this.#changed();
  }

  /** False when there was no such group. */
  delete(group: string): boolean {
    this.#forbidden.delete(group);
    if (!this.#groups.delete(group)) return false;
    this.#changed();
    return true;
  }

  isReadForbidden(group: string, topic: string): boolean {
    if (this.#forbidden.size === 0) return false;
    return ((this.#forbidden.get(group)?.get(topic) ?? 0) & FORBIDDEN_READ_BIT) !== 0;
  }

  /** UPDATE_AND_GET_GROUP_FORBIDDEN (353). */
  setReadForbidden(group: string, topic: string, isForbidden: boolean): void {
    const bits = this.#forbidden.get(group)?.get(topic) ?? 0;
    this.#setForbidden(group, topic, isForbidden ? bits | FORBIDDEN_READ_BIT : bits & ~FORBIDDEN_READ_BIT);
    this.#changed();
  }

  /** What subscriptionGroup.json and request 201 hold. */
  toTable(): {
    dataVersion: DataVersion;
    forbiddenTable: Record<string, Record<string, number>>;
    subscriptionGroupTable: Record<string, SubscriptionGroupConfig>;
  } {
    return {
      dataVersion: this.#dataVersion,
      forbiddenTable: Object.fromEntries([...this.#forbidden].map(([group, topics]) => [group, Object.fromEntries(topics)])),
      subscriptionGroupTable: Object.fromEntries(this.#groups),
    };
  }

  /** Why the table is in memory only: a restart would lose its last changes. Null when the file holds them. */
  get saveProblem(): string | null {
    return this.#file.problem;
  }

  /** Tries again to save a table that could not be saved. */
  saveAgain(): void {
    if (this.#file.problem !== null) this.#save();
  }

  #autoCreate(group: string): SubscriptionGroupConfig | null {
    const isAllowed = this.#policy.autoCreateSubscriptionGroup || (this.#policy.enableCreateSysGroup && isSystemGroup(group));
    if (!isAllowed || validateGroup(group) !== null) return null;
    const created = newSubscriptionGroupConfig(group);
    this.update(created);
    return created;
  }

  #setForbidden(group: string, topic: string, bits: number): void {
    let topics = this.#forbidden.get(group);
    if (bits === 0) {
      topics?.delete(topic);
      if (topics?.size === 0) this.#forbidden.delete(group);
      return;
    }
    if (topics === undefined) {
      topics = new Map();
      this.#forbidden.set(group, topics);
    }
    topics.set(topic, bits);
  }

  #changed(): void {
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#clock);
    this.#save();
  }

  #save(): void {
    this.#file.save(this.toTable());
  }
}

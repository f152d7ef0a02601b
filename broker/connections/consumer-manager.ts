import type { Clock } from '../../src/common/clock.js';
import { type Logger, noopLogger } from '../../src/common/logger.js';
import type { SubscriptionDifference } from '../../src/common/subscription-differences.js';
import { RequestCode } from '../../src/remoting/codes.js';
import type { Connection } from '../../src/remoting/server.js';
import { type ClientChannel, type ConsumerChannel, GroupsByConnection } from './client-channels.js';
import { GroupWatch } from './group-watch.js';
import { Subscription, type SubscriptionData } from './subscription.js';

/** One group of a heartbeat. */
export interface ConsumerData {
  groupName: string;
  consumeType: string;
  messageModel: string;
  consumeFromWhere: string;
  subscriptions: readonly SubscriptionData[];
}

/** What the broker knows of a group that is online. */
export interface ConsumerGroupInfo {
  readonly groupName: string;
  /** Of the last heartbeat, whoever sent it. */
  consumeType: string;
  messageModel: string;
  consumeFromWhere: string;
  readonly subscriptions: Map<string, Subscription>;
  readonly channels: Map<Connection, ConsumerChannel>;
}

/** Who a heartbeat came from. */
export interface Beat {
  connection: Connection;
  clientId: string;
  language: string;
  version: number;
}

export const BROADCASTING = 'BROADCASTING';

/** Consumers that are online, by group. Nothing of it is on disk: heartbeats build it anew after a restart. */
export class ConsumerManager {
  readonly #clock: Clock;
  readonly #groups = new Map<string, ConsumerGroupInfo>();
  readonly #byConnection = new GroupsByConnection();
  readonly #onGroupGone: (group: string) => void;
  readonly #watch: GroupWatch;

  /** @param options.onGroupGone told when the last member of a group left */
  constructor(options: { clock: Clock; logger?: Logger; onGroupGone?: (group: string) => void }) {
    this.#clock = options.clock;
    this.#watch = new GroupWatch(options.logger ?? noopLogger);
    this.#onGroupGone = options.onGroupGone ?? (() => {});
  }

  group(group: string): ConsumerGroupInfo | undefined {
    return this.#groups.get(group);
  }

  groups(): Iterable<ConsumerGroupInfo> {
    return this.#groups.values();
  }

  subscription(group: string, topic: string): Subscription | undefined {
    return this.#groups.get(group)?.subscriptions.get(topic);
  }

  /** Groups that subscribe to a topic now. */
  groupsOfTopic(topic: string): string[] {
    const groups: string[] = [];
    for (const info of this.#groups.values()) if (info.subscriptions.has(topic)) groups.push(info.groupName);
    return groups;
  }

  /** Where the members of a group subscribe differently now. */
  differences(group: string): SubscriptionDifference[] {
    const info = this.#groups.get(group);
    return info === undefined ? [] : this.#watch.differences(info);
  }

  /** The connection a client of a group came by. */
  findClient(group: string, clientId: string): ClientChannel | undefined {
    for (const channel of this.#groups.get(group)?.channels.values() ?? []) {
      if (channel.clientId === clientId) return channel;
    }
    return undefined;
  }

  /**
   * Takes one group of a heartbeat.
   * @returns whether a member joined or a topic came or went: then all members are to be told by `notifyMembers`
   */
  register(data: ConsumerData, beat: Beat): boolean {
    const info = this.#info(data.groupName);
    info.consumeType = data.consumeType;
    info.messageModel = data.messageModel;
    info.consumeFromWhere = data.consumeFromWhere;
    const joined = this.#touch(info, beat);
    const changed = updateSubscriptions(info, data.subscriptions);
    this.#watchMember(info, beat.connection, data.subscriptions);
    return joined || changed;
  }

  /** Tells all members of a group that it changed. */
  notifyMembers(group: string): void {
    const info = this.#groups.get(group);
    if (info !== undefined) this.#notify(info);
  }

  /** A heartbeat that left its subscriptions out. False when the member is unknown: then it must send them. */
  refresh(group: string, beat: Beat): boolean {
    const info = this.#groups.get(group);
    if (info === undefined || !info.channels.has(beat.connection)) return false;
    this.#touch(info, beat);
    return true;
  }

  unregister(group: string, connection: Connection, notify: boolean): void {
    this.#byConnection.remove(connection, group);
    this.#leave(group, connection, notify);
  }

  /** A connection is gone: its members leave at once. */
  onConnectionClosed(connection: Connection, notify: (group: string) => boolean): void {
    for (const group of this.#byConnection.take(connection)) this.#leave(group, connection, notify(group));
  }

  /** Removes members without a heartbeat for too long and closes their connections. */
  expire(expiredMs: number, notify: (group: string) => boolean): void {
    const now = this.#clock.monotonicMs();
    const silent: [string, ClientChannel][] = [];
    for (const info of this.#groups.values()) {
      for (const channel of info.channels.values()) if (now - channel.lastBeatMs > expiredMs) silent.push([info.groupName, channel]);
    }
    for (const [group, channel] of silent) {
      this.unregister(group, channel.connection, notify(group));
      channel.connection.close(`no heartbeat of consumer ${channel.clientId} of group ${group} for ${expiredMs} ms`);
    }
  }

  #info(group: string): ConsumerGroupInfo {
    let info = this.#groups.get(group);
    if (info === undefined) {
      info = { groupName: group, consumeType: '', messageModel: '', consumeFromWhere: '', subscriptions: new Map(), channels: new Map() };
      this.#groups.set(group, info);
    }
    return info;
  }

  /** True when the connection is new to the group. */
  #touch(info: ConsumerGroupInfo, beat: Beat): boolean {
    const lastUpdateMs = this.#clock.nowMs();
    const lastBeatMs = this.#clock.monotonicMs();
    const channel = info.channels.get(beat.connection);
    if (channel !== undefined) {
      Object.assign(channel, { clientId: beat.clientId, language: beat.language, version: beat.version, lastUpdateMs, lastBeatMs });
      return false;
    }
    const isNew = { subscriptions: [], subscriptionText: '', isTwinTold: false };
    info.channels.set(beat.connection, { ...beat, lastUpdateMs, lastBeatMs, ...isNew });
    this.#byConnection.add(beat.connection, info.groupName);
    return true;
  }

  #leave(group: string, connection: Connection, notify: boolean): void {
    const info = this.#groups.get(group);
    if (info === undefined || !info.channels.delete(connection)) return;
    if (info.channels.size === 0) {
      this.#groups.delete(group);
      this.#watch.forget(group);
      this.#onGroupGone(group);
      return;
    }
    this.#watch.onChange(info);
    if (notify) this.#notify(info);
  }

  #watchMember(info: ConsumerGroupInfo, connection: Connection, subscriptions: readonly SubscriptionData[]): void {
    const channel = info.channels.get(connection);
    if (channel === undefined) return;
    const text = subscriptionText(subscriptions);
    if (text !== channel.subscriptionText) {
      // Members that subscribe alike, nearly always all of a group, share what is kept of it.
      const [first] = info.channels.values();
      const same = first?.subscriptionText === text ? first : { subscriptions, subscriptionText: text };
      channel.subscriptions = same.subscriptions;
      channel.subscriptionText = same.subscriptionText;
      this.#watch.onChange(info);
    }
    this.#watch.onBeat(info, channel);
  }

  /** NOTIFY_CONSUMER_IDS_CHANGED to all members, the one that just joined included. */
  #notify(info: ConsumerGroupInfo): void {
    if (info.messageModel === BROADCASTING) return;
    const request = { code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, extFields: { consumerGroup: info.groupName } };
    for (const connection of info.channels.keys()) connection.invokeOneway(request);
  }
}

/** The same for members that subscribe alike in the same order; others are compared topic by topic. */
function subscriptionText(subscriptions: readonly SubscriptionData[]): string {
  return subscriptions.map(({ topic, subString, expressionType }) => `${topic} ${expressionType} ${subString}`).join('\n');
}

/**
 * A new topic is added, a larger subVersion replaces, an equal or smaller one is kept, topics that are not in the set go.
 * @returns whether a topic came or went
 */
function updateSubscriptions(info: ConsumerGroupInfo, subscriptions: readonly SubscriptionData[]): boolean {
  let changed = false;
  const topics = new Set<string>();
  for (const data of subscriptions) {
    topics.add(data.topic);
    const present = info.subscriptions.get(data.topic);
    if (present === undefined) changed = true;
    if (present === undefined || data.subVersion > present.data.subVersion) info.subscriptions.set(data.topic, new Subscription(data));
  }
  for (const topic of info.subscriptions.keys()) {
    if (topics.has(topic)) continue;
    info.subscriptions.delete(topic);
    changed = true;
  }
  return changed;
}

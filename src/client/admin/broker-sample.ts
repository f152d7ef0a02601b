import type { Clock } from '../../common/clock.js';
import { MQError, TimeoutError } from '../../common/errors.js';
import { versionDesc } from '../../common/mq-version.js';
import { parseProperties } from '../../common/properties-file.js';
import { isRetryTopic } from '../../common/topic-names.js';
import {
  type ConsumeStats,
  decodeConsumeStats,
  decodeConsumeStatsList,
  decodeConsumeTimeSpans,
} from '../../remoting/bodies/consume-stats.js';
import { decodeConsumerConnection, decodeProducerTableInfo } from '../../remoting/bodies/subscription.js';
import { decodeSubscriptionGroupWrapper } from '../../remoting/bodies/subscription-group.js';
import { decodeKVTable, decodeTopicConfigWrapper, decodeTopicStatsTable, type TopicConfig } from '../../remoting/bodies/topic.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { RemotingCommand, RequestInit } from '../../remoting/command.js';
import { type AdminClient, bodyOf, type ClusterBroker } from './admin-client.js';
import { lagTimeOf } from './lag-time.js';
import { mapLimited } from './map-limited.js';
import type { RuntimeInfo } from './runtime-info.js';

/** A topic on one broker, all its queues together. */
export interface TopicSample {
  readonly topic: string;
  readonly perm: number;
  readonly queueCount: number;
  /** Sums over the queues. */
  readonly minOffset: number;
  readonly maxOffset: number;
  /** Store time of the last message, ms; 0 without one. */
  readonly lastUpdateTimestamp: number;
  /** Messages put a second as the broker counts them; null of a broker before 5.0. */
  readonly putTps: number | null;
}

/** A group's progress on one topic of a broker, all queues together. */
export interface GroupTopicSample {
  readonly topic: string;
  /** Sums over the queues. */
  readonly brokerOffset: number;
  readonly consumerOffset: number;
  /** Null of a broker before 5.0, and where it was not asked. */
  readonly pullOffset: number | null;
  /** Messages not consumed: a queue that begins anew, and ends before the group's offset, takes nothing from what the others have. */
  readonly lag: number;
  /** What of the lag is not pulled; null where the pull offset is. */
  readonly unpulled: number | null;
  /** Age of the first message not consumed; 0 without a backlog, null when the broker does not say it. */
  readonly lagMs: number | null;
}

/** Connected clients that have language and version in common. */
export interface ClientCount {
  readonly language: string;
  readonly version: string;
  readonly count: number;
}

/** A group on one broker. */
export interface GroupSample {
  readonly consumerGroup: string;
  /** Messages a second as the broker counts them. */
  readonly consumeTps: number;
  /** Empty when the group never consumed here. */
  readonly topics: readonly GroupTopicSample[];
  /** Empty when nobody is connected; null when the broker did not say it. */
  readonly clients: readonly ClientCount[] | null;
  /** Ids of the connected clients: one client is connected to several brokers. */
  readonly clientIds: readonly string[];
  /** CONSUME_ACTIVELY, CONSUME_PASSIVELY or CONSUME_POP; empty when nobody is connected. */
  readonly consumeType: string;
}

/** What a broker that answered said. */
export interface BrokerFacts {
  readonly runtimeInfo: RuntimeInfo;
  /** `brokerPermission` of its configuration; null when it did not say it. */
  readonly permission: number | null;
  /** Of masters, what the filters left; empty of slaves. */
  readonly topics: readonly TopicSample[];
  readonly groups: readonly GroupSample[];
  /** How many there are without filters; null of slaves. */
  readonly topicCount: number | null;
  readonly groupCount: number | null;
  /** Null of a broker that does not know the request, and of slaves. */
  readonly producers: readonly ClientCount[] | null;
  /** Single questions that it refused. */
  readonly failures: readonly { readonly what: string; readonly reason: string }[];
}

/** What is asked of each broker. */
export interface SampleWants {
  /** Which topics and groups. */
  readonly isTopic: (topic: string, at: ClusterBroker & { readonly clusterName: string }) => boolean;
  readonly isGroup: (group: string) => boolean;
  readonly topics: boolean;
  readonly groups: boolean;
  readonly clients: boolean;
  /** The age of the backlog, one more request for each group and topic that has one. */
  readonly lagTimes: boolean;
  /** Pull offsets, which cost a request for each group; without them one request says how far all groups are. */
  readonly pullOffsets: boolean;
}

/** Requests that one broker gets at once. */
const IN_FLIGHT = 16;

/** Asks one broker everything, within a deadline of all questions together. */
export class BrokerQuestions {
  readonly #admin: AdminClient;
  readonly #target: ClusterBroker & { readonly clusterName: string };
  readonly #limitMs: number;
  #deadlineMs = 0;
  /** What the first answer took. */
  #spentMs = 0;
  readonly #clock: Clock;
  readonly #failures: { what: string; reason: string }[] = [];

  constructor(admin: AdminClient, target: ClusterBroker & { clusterName: string }, { limitMs, clock }: { limitMs: number; clock: Clock }) {
    this.#admin = admin;
    this.#target = target;
    this.#limitMs = limitMs;
    this.#clock = clock;
  }

  /** The first question, which shows whether the broker is there. */
  async runtimeInfo(limitMs: number): Promise<RuntimeInfo> {
    const begunMs = this.#clock.monotonicMs();
    this.#deadlineMs = begunMs + limitMs;
    const response = await this.#ask({ code: RequestCode.GET_BROKER_RUNTIME_INFO });
    this.#spentMs = this.#clock.monotonicMs() - begunMs;
    return Object.fromEntries(decodeKVTable(bodyOf(response)).table);
  }

  /**
   * The other questions, which have what is left of the time; a wait before them does not count.
   * @throws ConnectError, TimeoutError when the broker does not answer all of it in time; BrokerError when it refuses what every broker answers.
   */
  async facts(runtimeInfo: RuntimeInfo, wants: SampleWants): Promise<BrokerFacts> {
    this.#deadlineMs = this.#clock.monotonicMs() + this.#limitMs - this.#spentMs;
    return this.#target.brokerId === 0 ? this.#master(runtimeInfo, wants) : this.#slave(runtimeInfo);
  }

  async #master(runtimeInfo: RuntimeInfo, wants: SampleWants): Promise<BrokerFacts> {
    const [permission, configs, groupNames, producers] = await Promise.all([
      this.#permission(),
      this.#topicConfigs(),
      this.#groupNames(),
      wants.clients ? this.#producers() : null,
    ]);
    const topicsAsked = wants.topics ? configs.filter(({ topicName }) => wants.isTopic(topicName, this.#target)) : [];
    const groupsAsked = wants.groups ? groupNames.filter((group) => wants.isGroup(group)) : [];
    const topics = await mapLimited(topicsAsked, (config) => this.#topic(config), IN_FLIGHT);
    const progress = wants.pullOffsets || groupsAsked.length === 0 ? null : await this.#allProgress();
    const groups = await mapLimited(groupsAsked, (group) => this.#group(group, progress, wants), IN_FLIGHT);
    return {
      runtimeInfo,
      permission,
      topics: topics.filter((topic) => topic !== null),
      groups: groups.filter((group) => group !== null),
      topicCount: configs.length,
      groupCount: groupNames.length,
      producers,
      failures: this.#failures,
    };
  }

  /** Topics and groups are their master's. */
  async #slave(runtimeInfo: RuntimeInfo): Promise<BrokerFacts> {
    const permission = await this.#permission();
    return {
      runtimeInfo,
      permission,
      topics: [],
      groups: [],
      topicCount: null,
      groupCount: null,
      producers: null,
      failures: this.#failures,
    };
  }

  async #ask(request: RequestInit, accept: readonly number[] = []): Promise<RemotingCommand> {
    const restMs = this.#deadlineMs - this.#clock.monotonicMs();
    if (restMs <= 0) {
      throw new TimeoutError(`${this.#target.brokerAddr} did not answer everything within ${this.#limitMs} ms`, { code: 'SAMPLE_TIMEOUT' });
    }
    return this.#admin.ask(this.#target.brokerAddr, request, accept, Math.ceil(restMs));
  }

  /** Null, with a note, when the broker refuses; it is up all the same. */
  async #tryTo<V>(what: string, work: Promise<V>): Promise<V | null> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof MQError) || error.category === 'connect' || error.category === 'timeout') {
        throw error;
      }
      this.#failures.push({ what, reason: error.message });
      return null;
    }
  }

  async #permission(): Promise<number | null> {
    const response = await this.#tryTo('configuration', this.#ask({ code: RequestCode.GET_BROKER_CONFIG }));
    const text = response === null ? undefined : parseProperties(bodyOf(response).toString('utf8')).entries.get('brokerPermission')?.value;
    return text === undefined ? null : Number(text);
  }

  async #topicConfigs(): Promise<TopicConfig[]> {
    const response = await this.#ask({ code: RequestCode.GET_ALL_TOPIC_CONFIG });
    return [...decodeTopicConfigWrapper(bodyOf(response)).topicConfigTable.values()].sort((a, b) => (a.topicName < b.topicName ? -1 : 1));
  }

  async #groupNames(): Promise<string[]> {
    const response = await this.#ask({ code: RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG });
    return [...decodeSubscriptionGroupWrapper(bodyOf(response)).subscriptionGroupTable.keys()].sort();
  }

  async #producers(): Promise<ClientCount[] | null> {
    const request = { code: RequestCode.GET_ALL_PRODUCER_INFO };
    const response = await this.#tryTo('producers', this.#ask(request, [ResponseCode.REQUEST_CODE_NOT_SUPPORTED]));
    return response === null || response.code !== ResponseCode.SUCCESS
      ? null
      : countClients([...decodeProducerTableInfo(bodyOf(response)).values()].flat());
  }

  async #topic({ topicName, perm, writeQueueNums }: TopicConfig): Promise<TopicSample | null> {
    const request = { code: RequestCode.GET_TOPIC_STATS_INFO, extFields: { topic: topicName } };
    const response = await this.#tryTo(`topic ${topicName}`, this.#ask(request));
    if (response === null) {
      return null;
    }
    const { offsetTable, topicPutTps } = decodeTopicStatsTable(bodyOf(response));
    const sample = { minOffset: 0, maxOffset: 0, lastUpdateTimestamp: 0 };
    for (const [, { minOffset, maxOffset, lastUpdateTimestamp }] of offsetTable) {
      sample.minOffset += Math.max(0, minOffset);
      sample.maxOffset += Math.max(0, maxOffset);
      sample.lastUpdateTimestamp = Math.max(sample.lastUpdateTimestamp, lastUpdateTimestamp);
    }
    return { topic: topicName, perm, queueCount: writeQueueNums, ...sample, putTps: topicPutTps ?? null };
  }

  /** How far all groups are; null when the broker refuses it. Pull offsets in it are no ones. */
  async #allProgress(): Promise<Map<string, ConsumeStats> | null> {
    const request = { code: RequestCode.GET_BROKER_CONSUME_STATS, extFields: { isOrder: 'false' } };
    const response = await this.#tryTo('progress of all groups', this.#ask(request));
    if (response === null) {
      return null;
    }
    const groups = new Map<string, ConsumeStats>();
    for (const [group, list] of decodeConsumeStatsList(bodyOf(response)).consumeStatsList.flatMap((entry) => [...entry])) {
      const offsetTable = list.flatMap((stats) => [...stats.offsetTable]);
      for (const [, offset] of offsetTable) {
        delete offset.pullOffset;
      }
      groups.set(group, { offsetTable, consumeTps: list.reduce((total, { consumeTps }) => total + consumeTps, 0) });
    }
    return groups;
  }

  async #progress(consumerGroup: string): Promise<ConsumeStats | null> {
    const request = { code: RequestCode.GET_CONSUME_STATS, extFields: { consumerGroup } };
    const response = await this.#tryTo(`group ${consumerGroup}`, this.#ask(request));
    return response === null ? null : decodeConsumeStats(bodyOf(response));
  }

  async #group(consumerGroup: string, all: ReadonlyMap<string, ConsumeStats> | null, wants: SampleWants): Promise<GroupSample | null> {
    const progress = all?.get(consumerGroup) ?? (await this.#progress(consumerGroup));
    if (progress === null) {
      return null;
    }
    const { offsetTable, consumeTps } = progress;
    const sums = new Map<string, { -readonly [K in keyof Omit<GroupTopicSample, 'topic' | 'lagMs'>]: GroupTopicSample[K] }>();
    for (const [{ topic }, { brokerOffset, consumerOffset, pullOffset }] of offsetTable) {
      if (!isRetryTopic(topic) && !wants.isTopic(topic, this.#target)) {
        continue;
      }
      const sum = sums.get(topic) ?? { brokerOffset: 0, consumerOffset: 0, pullOffset: 0, lag: 0, unpulled: 0 };
      sum.brokerOffset += brokerOffset;
      sum.consumerOffset += consumerOffset;
      sum.lag += Math.max(0, brokerOffset - consumerOffset);
      // A queue whose pull offset is behind has nothing in flight.
      const pulled = pullOffset === undefined ? null : Math.max(pullOffset, consumerOffset);
      sum.pullOffset = sum.pullOffset === null || pulled === null ? null : sum.pullOffset + pulled;
      sum.unpulled = sum.unpulled === null || pulled === null ? null : sum.unpulled + Math.max(0, brokerOffset - pulled);
      sums.set(topic, sum);
    }
    const topics: GroupTopicSample[] = [];
    for (const [topic, sum] of [...sums].sort(([a], [b]) => (a < b ? -1 : 1))) {
      topics.push({ topic, ...sum, lagMs: sum.lag > 0 ? (wants.lagTimes ? await this.#lagMs(consumerGroup, topic) : null) : 0 });
    }
    return { consumerGroup, consumeTps, topics, ...(wants.clients ? await this.#clients(consumerGroup) : NO_CLIENTS) };
  }

  async #lagMs(group: string, topic: string): Promise<number | null> {
    const request = { code: RequestCode.QUERY_CONSUME_TIME_SPAN, extFields: { topic, group } };
    const response = await this.#tryTo(`consume time span of ${group} on ${topic}`, this.#ask(request));
    if (response === null) {
      return null;
    }
    const lags = decodeConsumeTimeSpans(bodyOf(response)).map((span) => lagTimeOf(span, this.#clock.nowMs()));
    return lags.reduce<number | null>((most, lag) => (most === null || typeof lag === 'string' ? null : Math.max(most, lag)), 0);
  }

  async #clients(consumerGroup: string): Promise<Pick<GroupSample, 'clients' | 'clientIds' | 'consumeType'>> {
    const request = { code: RequestCode.GET_CONSUMER_CONNECTION_LIST, extFields: { consumerGroup } };
    const response = await this.#tryTo(`clients of ${consumerGroup}`, this.#ask(request, [ResponseCode.CONSUMER_NOT_ONLINE]));
    if (response === null) {
      return NO_CLIENTS;
    }
    if (response.code !== ResponseCode.SUCCESS) {
      return { ...NO_CLIENTS, clients: [] };
    }
    const { connectionSet, consumeType } = decodeConsumerConnection(bodyOf(response));
    return { clients: countClients(connectionSet), clientIds: connectionSet.map(({ clientId }) => clientId), consumeType };
  }
}

const NO_CLIENTS: Pick<GroupSample, 'clients' | 'clientIds' | 'consumeType'> = { clients: null, clientIds: [], consumeType: '' };

function countClients(clients: readonly { language: string; version: number }[]): ClientCount[] {
  const counts = new Map<string, { language: string; version: string; count: number }>();
  for (const client of clients) {
    const [language, version] = [client.language, versionDesc(client.version)];
    const entry = counts.get(`${language} ${version}`) ?? { language, version, count: 0 };
    entry.count++;
    counts.set(`${language} ${version}`, entry);
  }
  return [...counts.values()];
}

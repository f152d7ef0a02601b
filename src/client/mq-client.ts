import { type Clock, type Random, systemClock, systemRandom, systemTimers, type TimerHandle, type Timers } from '../common/clock.js';
import { UsageError } from '../common/errors.js';
import { type Logger, noopLogger } from '../common/logger.js';
import { localAddress, UniqKeyGenerator } from '../common/message/message-id.js';
import { CLIENT_INNER_PRODUCER_GROUP } from '../common/topic-names.js';
import { encodeHeartbeatData, type HeartbeatData } from '../remoting/bodies/subscription.js';
import { RemotingClient, responseError } from '../remoting/client.js';
import { RequestCode, ResponseCode } from '../remoting/codes.js';
import { registerClientProcessors } from './client-processors.js';
import type { ConsumerMember, ProducerMember } from './members.js';
import { NamesrvClient } from './namesrv-client.js';
import type { TransactionChecker, TransactionCheckers } from './producer/transaction-checker.js';
import { ReplyTable } from './reply-table.js';
import { MASTER_ID, RouteTable } from './route-table.js';
import type { ClientOptions } from './types.js';

const FIRST_HEARTBEAT_DELAY_MS = 1_000;
const DEFAULT_API_TIMEOUT_MS = 3_000;
const DEFAULT_INTERVAL_MS = 30_000;
const DEFAULT_PERSIST_INTERVAL_MS = 5_000;
/** After a broker connection closed: how soon, and how often, the broker gets a heartbeat again. */
const RECONNECT_HEARTBEAT_MS = 1_000;
const UNREGISTER_TIMEOUT_MS = 3_000;

let instanceCount = 0;

/**
 * What producers and consumers of one client id share: connections, name servers, routes, heartbeats, and the answers to requests
 * that brokers send. Each producer and consumer makes its own unless it is given one; a shared one is closed by its last user.
 */
export class MQClient {
  readonly clientId: string;
  readonly namesrv: NamesrvClient;
  readonly routes: RouteTable;
  readonly remoting: RemotingClient;
  readonly uniqKeys: UniqKeyGenerator;
  /** Requests of this client that wait for a reply of a consumer. */
  readonly replies: ReplyTable;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  /** Time-out of requests without one of their own, ms. */
  readonly apiTimeoutMs: number;
  readonly options: Readonly<ClientOptions>;

  readonly #producers = new Map<string, ProducerMember>();
  readonly #consumers = new Map<string, ConsumerMember>();
  readonly #checkers = new Map<string, TransactionChecker>();
  /** Broker address → version of its last heartbeat answer. */
  readonly #brokerVersions = new Map<string, number>();
  readonly #reconnecting = new Map<string, TimerHandle>();
  #intervals: TimerHandle[] = [];
  #firstBeat: TimerHandle | undefined;
  #beat: Promise<void> | undefined;
  #beatAgain = false;
  #running = false;

  constructor(options: ClientOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.timers = options.timers ?? systemTimers;
    this.random = options.random ?? systemRandom;
    this.logger = options.logger ?? noopLogger;
    this.apiTimeoutMs = options.mqClientApiTimeoutMs ?? DEFAULT_API_TIMEOUT_MS;
    const ip = options.clientIP ?? localAddress();
    this.clientId = `${ip}@${options.instanceName ?? `${process.pid}#${this.clock.monotonicNs()}${instanceCount++}`}`;
    this.uniqKeys = new UniqKeyGenerator({ ip, clock: this.clock });
    this.remoting = new RemotingClient({
      serializeType: options.serializeType ?? 0,
      clock: this.clock,
      timers: this.timers,
      logger: this.logger,
      ...(options.connectTimeoutMs === undefined ? {} : { connectTimeoutMs: options.connectTimeoutMs }),
      ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
      observe: options.observe,
      reachedAt: options.addresses === undefined ? undefined : (addr) => options.addresses?.[addr] ?? addr,
      ...(options.namespaceV2 === undefined ? {} : { extFields: { nsd: 'true', ns: options.namespaceV2 } }),
    });
    this.remoting.onConnectionClosed = (addr) => this.#onConnectionClosed(addr);
    this.namesrv = new NamesrvClient({
      namesrvAddr: options.namesrvAddr,
      remoting: this.remoting,
      timeoutMs: this.apiTimeoutMs,
      random: this.random,
    });
    this.routes = new RouteTable({ namesrv: this.namesrv });
    this.replies = new ReplyTable({ clock: this.clock, timers: this.timers });
    registerClientProcessors(this);
  }

  get isRunning(): boolean {
    return this.#running;
  }

  /** The consumer of a group on this client. */
  consumer(group: string): ConsumerMember | undefined {
    return this.#consumers.get(group);
  }

  /** Version a broker named in its last heartbeat answer; undefined before the first. */
  brokerVersion(addr: string): number | undefined {
    return this.#brokerVersions.get(addr);
  }

  /** Whether a broker has a heartbeat of this client on a connection that stands. */
  isKnownTo(addr: string): boolean {
    return this.#brokerVersions.has(addr) && !this.#reconnecting.has(addr);
  }

  /** Adds a producer and starts the client with the first user. */
  registerProducer(producer: ProducerMember): void {
    if (this.#producers.has(producer.group)) {
      throw new UsageError(`the producer group ${producer.group} has been created before on client ${this.clientId}`);
    }
    this.#producers.set(producer.group, producer);
    this.#start();
  }

  /**
   * Says who answers when brokers ask about transactions of a producer group.
   * @throws UsageError when the group has somebody already.
   */
  registerTransactionChecker(group: string, checker: TransactionChecker): void {
    if (this.#checkers.has(group)) {
      throw new UsageError(`the transaction producer group ${group} has been created before on client ${this.clientId}`);
    }
    this.#checkers.set(group, checker);
  }

  unregisterTransactionChecker(group: string): void {
    this.#checkers.delete(group);
  }

  /** Who answers when brokers ask about transactions, by producer group. */
  get transactionCheckers(): TransactionCheckers {
    return this.#checkers;
  }

  /** Adds a consumer and starts the client with the first user. */
  registerConsumer(consumer: ConsumerMember): void {
    if (this.#consumers.has(consumer.group)) {
      throw new UsageError(`the consumer group ${consumer.group} has been created before on client ${this.clientId}`);
    }
    this.#consumers.set(consumer.group, consumer);
    this.#start();
  }

  /** Takes a producer out, says so to every broker, and closes the client after its last user. */
  async unregisterProducer(group: string): Promise<void> {
    if (this.#producers.delete(group)) {
      await this.#unregister({ producerGroup: group });
      await this.#closeWhenUnused();
    }
  }

  /** Takes a consumer out, says so to every broker, and closes the client after its last user. */
  async unregisterConsumer(group: string): Promise<void> {
    if (this.#consumers.delete(group)) {
      await this.#unregister({ consumerGroup: group });
      await this.#closeWhenUnused();
    }
  }

  /** Address a producer sends to: the master's, or its VIP port where that is switched on. */
  sendAddr(brokerName: string): string | undefined {
    const addr = this.routes.masterAddr(brokerName);
    return addr === undefined || this.options.vipChannelEnabled !== true ? addr : vipAddr(addr);
  }

  /**
   * Sends a heartbeat to every known broker: to slaves only where there are consumers. A call during a running round makes one more
   * round, so that whatever the caller changed is in a heartbeat when the promise resolves. Brokers that fail are logged, not thrown.
   */
  heartbeat(): Promise<void> {
    if (this.#beat !== undefined) {
      this.#beatAgain = true;
      return this.#beat;
    }
    if (this.#producers.size === 0 && this.#consumers.size === 0) {
      return Promise.resolve();
    }
    this.#beat = this.#heartbeatRounds();
    return this.#beat;
  }

  /** Sends a heartbeat to those of the addresses that may not know this client; those that fail are logged, not thrown. */
  async introduceTo(addrs: Iterable<string>): Promise<void> {
    const strangers = [...new Set(addrs)].filter((addr) => !this.isKnownTo(addr));
    if (strangers.length > 0) {
      const body = encodeHeartbeatData(this.#heartbeatData());
      await Promise.all(strangers.map((addr) => this.#heartbeatTo(addr, body)));
    }
  }

  async #heartbeatRounds(): Promise<void> {
    do {
      this.#beatAgain = false;
      const body = encodeHeartbeatData(this.#heartbeatData());
      const beats: Promise<boolean>[] = [];
      for (const broker of this.routes.brokers()) {
        if (broker.brokerId === MASTER_ID || this.#consumers.size > 0) {
          beats.push(this.#heartbeatTo(broker.addr, body));
        }
      }
      await Promise.all(beats);
    } while (this.#beatAgain && this.#running);
    // In the same turn as the test above, so that no call falls between them.
    this.#beat = undefined;
  }

  async #heartbeatTo(addr: string, body: Buffer): Promise<boolean> {
    try {
      const response = await this.remoting.invoke(addr, { code: RequestCode.HEART_BEAT, extFields: {}, body }, this.apiTimeoutMs);
      if (response.code !== ResponseCode.SUCCESS) {
        throw responseError(response, addr);
      }
      this.#brokerVersions.set(addr, response.version);
      return true;
    } catch (error) {
      this.logger.warn(`heartbeat to broker ${addr} failed: ${String(error)}`, { addr });
      return false;
    }
  }

  #heartbeatData(): HeartbeatData {
    return {
      clientID: this.clientId,
      producerDataSet: [...this.#producers.keys(), CLIENT_INNER_PRODUCER_GROUP].map((groupName) => ({ groupName })),
      consumerDataSet: [...this.#consumers.values()].map((consumer) => consumer.heartbeatData()),
      heartbeatFingerprint: 0,
      withoutSub: false,
    };
  }

  #start(): void {
    if (this.#running) {
      return;
    }
    this.#running = true;
    const { options, timers } = this;
    this.#intervals = [
      timers.setInterval(() => void this.#refreshRoutes(), options.pollNameServerIntervalMs ?? DEFAULT_INTERVAL_MS),
      timers.setInterval(() => void this.heartbeat(), options.heartbeatBrokerIntervalMs ?? DEFAULT_INTERVAL_MS),
      timers.setInterval(() => this.#persistOffsets(), options.persistConsumerOffsetIntervalMs ?? DEFAULT_PERSIST_INTERVAL_MS),
    ];
    this.#firstBeat = timers.setTimeout(() => void this.heartbeat(), FIRST_HEARTBEAT_DELAY_MS);
  }

  async #refreshRoutes(): Promise<void> {
    const before = this.routes.version;
    const topics = new Set<string>();
    for (const member of [...this.#producers.values(), ...this.#consumers.values()]) {
      for (const topic of member.topics()) {
        topics.add(topic);
      }
    }
    await this.routes.refreshAll(topics, (topic, error) => {
      this.logger.warn(`route of topic ${topic} could not be refreshed: ${String(error)}`, { topic });
    });
    this.#forgetOfflineBrokers();
    if (this.routes.version !== before) {
      // New brokers must know the members before these divide new queues.
      await this.heartbeat();
      for (const consumer of this.#consumers.values()) {
        consumer.rebalanceImmediately();
      }
    }
  }

  #forgetOfflineBrokers(): void {
    const known = new Set([...this.routes.brokers()].map((broker) => broker.addr));
    for (const addr of this.#brokerVersions.keys()) {
      if (!known.has(addr)) {
        this.#brokerVersions.delete(addr);
      }
    }
  }

  #persistOffsets(): void {
    for (const consumer of this.#consumers.values()) {
      consumer.persistOffsets();
    }
  }

  /** A broker forgets a client whose connection closes: it gets a heartbeat as soon as it can be reached again. */
  #onConnectionClosed(addr: string): void {
    if (!this.#running || this.#reconnecting.has(addr) || !this.#brokerVersions.has(addr)) {
      return;
    }
    const beat = async (): Promise<void> => {
      const known = [...this.routes.brokers()].some((broker) => broker.addr === addr);
      const done = !this.#running || !known || (await this.#heartbeatTo(addr, encodeHeartbeatData(this.#heartbeatData())));
      if (done || !this.#running) {
        this.#reconnecting.delete(addr);
      } else {
        this.#reconnecting.set(
          addr,
          this.timers.setTimeout(() => void beat(), RECONNECT_HEARTBEAT_MS),
        );
      }
    };
    this.#reconnecting.set(
      addr,
      this.timers.setTimeout(() => void beat(), RECONNECT_HEARTBEAT_MS),
    );
  }

  async #unregister(groups: { producerGroup?: string; consumerGroup?: string }): Promise<void> {
    const addrs = [...this.routes.brokers()].map((broker) => broker.addr).filter((addr) => this.#brokerVersions.has(addr));
    const extFields: Record<string, string> = { clientID: this.clientId, ...groups };
    await Promise.all(
      addrs.map(async (addr) => {
        try {
          await this.remoting.invoke(addr, { code: RequestCode.UNREGISTER_CLIENT, extFields }, UNREGISTER_TIMEOUT_MS);
        } catch (error) {
          this.logger.warn(`broker ${addr} could not be told that the client leaves: ${String(error)}`, { addr });
        }
      }),
    );
  }

  async #closeWhenUnused(): Promise<void> {
    if (this.#producers.size > 0 || this.#consumers.size > 0 || !this.#running) {
      return;
    }
    this.#running = false;
    for (const interval of this.#intervals) {
      this.timers.clearInterval(interval);
    }
    this.#intervals = [];
    if (this.#firstBeat !== undefined) {
      this.timers.clearTimeout(this.#firstBeat);
    }
    for (const timer of this.#reconnecting.values()) {
      this.timers.clearTimeout(timer);
    }
    this.#reconnecting.clear();
    this.replies.close();
    await this.remoting.close();
  }
}

/** The "fast" port of a broker: its listen port − 2. */
export function vipAddr(addr: string): string {
  const colon = addr.lastIndexOf(':');
  return `${addr.slice(0, colon)}:${Number(addr.slice(colon + 1)) - 2}`;
}

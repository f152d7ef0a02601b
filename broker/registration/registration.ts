import type { Clock, TimerHandle, Timers } from '../../src/common/clock.js';
import { stringifyFastjson } from '../../src/common/fastjson.js';
import { MAX_FRAME_BYTES } from '../../src/common/limits.js';
import type { Logger } from '../../src/common/logger.js';
import { PERM_READ_WRITE } from '../../src/common/perm-name.js';
import type { RemotingClient } from '../../src/remoting/client.js';
import { RequestCode, ResponseCode, responseCodeName } from '../../src/remoting/codes.js';
import type { BrokerConfigValues } from '../config/index.js';
import type { TopicConfig, TopicConfigManager, TopicListener } from '../topics/index.js';
import { type RegisterBody, registerBody } from './register-body.js';

const MIN_PERIOD_MS = 10_000;
const MAX_PERIOD_MS = 60_000;
const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 5_000;
/** Longest that an answer waits for name servers to know of a new topic. */
const SETTLE_MS = 1_000;
const UNREGISTER_TIMEOUT_MS = 3_000;
/** Room in a frame for the header of a registration. */
const HEADER_ROOM_BYTES = 64 * 1024;

/** What a name server was last heard to think of us. */
interface NameServer {
  readonly addr: string;
  isRegistered: boolean;
  /** The last complaint that was logged, so that a name server that stays away fills no log. */
  lastProblem: string | null;
  retryMs: number;
  retryTimer: TimerHandle | null;
}

export interface RegistrationOptions {
  config: BrokerConfigValues;
  topics: TopicConfigManager;
  client: RemotingClient;
  brokerAddr: string;
  haServerAddr: string;
  clock: Clock;
  timers: Timers;
  logger: Logger;
  /** Of a registration's body; what a frame has room for when absent. */
  maxBodyBytes?: number;
}

/**
 * Keeps this broker registered with all its name servers: at start, at once with each changed topic, and every registerNameServerPeriod, on
 * one connection kept open to each (its closing would unregister the broker at once).
 */
export class Registration implements TopicListener {
  readonly #options: RegistrationOptions;
  readonly #servers: readonly NameServer[];
  readonly #pending = new Set<Promise<void>>();
  #timer: TimerHandle | null = null;
  #isStopped = false;
  /** Topics that the last registration of all had no room for. */
  #leftOut = 0;
  #onDeleted: ((topic: string) => void) | null = null;

  constructor(options: RegistrationOptions) {
    this.#options = options;
    const addrs = options.config.namesrvAddr
      .split(';')
      .map((addr) => addr.trim())
      .filter((addr) => addr !== '');
    this.#servers = [...new Set(addrs)].map((addr) => ({
      addr,
      isRegistered: false,
      lastProblem: null,
      retryMs: RETRY_MIN_MS,
      retryTimer: null,
    }));
    options.client.onConnectionClosed = (addr) => this.#onConnectionClosed(addr);
  }

  /** Called when a topic is deleted, before the name servers hear of it. */
  setDeletedListener(listener: (topic: string) => void): void {
    this.#onDeleted = listener;
  }

  /** Name servers that took the last registration. */
  get registeredCount(): number {
    return this.#servers.filter((server) => server.isRegistered).length;
  }

  /** Registers with all for the first time; resolves when each answered or failed, or after a second. */
  async start(): Promise<void> {
    if (this.#servers.length === 0) this.#options.logger.warn('namesrvAddr is not set: clients can reach this broker by its address only');
    this.registerAll();
    this.#scheduleNext();
    await this.settled();
  }

  /** Registers all topics with all name servers. */
  registerAll(): void {
    for (const server of this.#servers) this.#track(this.#register(server, null));
  }

  onTopicsChanged(changed: readonly TopicConfig[]): void {
    if (this.#isStopped) return;
    // A name server that does not know this broker yet gets everything: it refuses a first registration of one topic.
    for (const server of this.#servers) this.#track(this.#register(server, server.isRegistered ? changed : null));
  }

  onTopicDeleted(topic: string): void {
    this.#onDeleted?.(topic);
    if (!this.#isStopped) this.registerAll();
  }

  /** Resolves when the registrations under way were answered or failed, after a second at the latest. */
  async settled(): Promise<void> {
    if (this.#pending.size === 0) return;
    let timer: TimerHandle | null = null;
    const late = new Promise<void>((resolve) => {
      timer = this.#options.timers.setTimeout(resolve, SETTLE_MS);
    });
    await Promise.race([Promise.all(this.#pending), late]);
    if (timer !== null) this.#options.timers.clearTimeout(timer);
  }

  /** Whether an answer should wait for `settled`. */
  get isPending(): boolean {
    return this.#pending.size > 0;
  }

  /** Unregisters everywhere; a name server that does not answer is not waited for long. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const { timers, client, config, brokerAddr, logger } = this.#options;
    if (this.#timer !== null) timers.clearTimeout(this.#timer);
    for (const server of this.#servers) if (server.retryTimer !== null) timers.clearTimeout(server.retryTimer);
    const extFields = {
      brokerName: config.brokerName,
      brokerAddr,
      clusterName: config.brokerClusterName,
      brokerId: String(config.brokerId),
    };
    await Promise.all(
      this.#servers
        .filter((server) => server.isRegistered)
        .map(async ({ addr }) => {
          try {
            await client.invoke(addr, { code: RequestCode.UNREGISTER_BROKER, extFields }, UNREGISTER_TIMEOUT_MS);
            logger.info(`unregistered from the name server ${addr}`);
          } catch (error) {
            logger.warn(`could not unregister from the name server ${addr}: ${(error as Error).message}`);
          }
        }),
    );
  }

  #track(work: Promise<void>): void {
    this.#pending.add(work);
    void work.finally(() => this.#pending.delete(work));
  }

  #scheduleNext(): void {
    const periodMs = Math.max(MIN_PERIOD_MS, Math.min(MAX_PERIOD_MS, this.#options.config.registerNameServerPeriod));
    this.#timer = this.#options.timers.setTimeout(() => {
      if (this.#isStopped) return;
      for (const server of this.#servers) this.#track(this.#registerWhenNeeded(server));
      this.#scheduleNext();
    }, periodMs);
  }

  /** Without forceRegister a name server is asked first whether it misses something. */
  async #registerWhenNeeded(server: NameServer): Promise<void> {
    const { config, client, brokerAddr, topics } = this.#options;
    if (!config.forceRegister && server.isRegistered) {
      const extFields = { ...this.#identity(), brokerAddr };
      const body = Buffer.from(stringifyFastjson(topics.dataVersion));
      try {
        const answer = await client.invoke(
          server.addr,
          { code: RequestCode.QUERY_DATA_VERSION, extFields, body },
          config.registerBrokerTimeoutMills,
        );
        if (answer.code === ResponseCode.SUCCESS && answer.extFields?.changed === 'false') return;
      } catch {
        // The registration that follows reports what is wrong with the name server.
      }
    }
    await this.#register(server, null);
  }

  #identity(): Record<string, string> {
    const { config, brokerAddr } = this.#options;
    return { brokerName: config.brokerName, brokerAddr, clusterName: config.brokerClusterName, brokerId: String(config.brokerId) };
  }

  /** @param changed the topics that changed, or null for all */
  async #register(server: NameServer, changed: readonly TopicConfig[] | null): Promise<void> {
    const { config, client, haServerAddr, logger } = this.#options;
    const { body, crc32, isCompressed } = changed === null ? this.#bodyOfAll() : this.#bodyOf(changed);
    const extFields = {
      ...this.#identity(),
      haServerAddr,
      compressed: String(isCompressed),
      bodyCrc32: String(crc32),
      enableActingMaster: 'false',
    };
    try {
      const answer = await client.invoke(
        server.addr,
        { code: RequestCode.REGISTER_BROKER, extFields, body },
        config.registerBrokerTimeoutMills,
      );
      if (answer.code !== ResponseCode.SUCCESS) throw new Error(`it answered ${responseCodeName(answer.code)}: ${answer.remark ?? ''}`);
      if (!server.isRegistered) logger.info(`registered with the name server ${server.addr}`);
      server.isRegistered = true;
      server.lastProblem = null;
      server.retryMs = RETRY_MIN_MS;
    } catch (error) {
      server.isRegistered = false;
      this.#failed(server, (error as Error).message);
    }
  }

  #bodyOf(configs: readonly TopicConfig[]): RegisterBody {
    const { config, topics, maxBodyBytes = MAX_FRAME_BYTES - HEADER_ROOM_BYTES } = this.#options;
    const shown = configs.map((topic) => withBrokerPermission(topic, config.brokerPermission));
    return registerBody(topics.dataVersion, shown, { isCompressed: config.compressedRegister, maxBytes: maxBodyBytes });
  }

  /** With more topics than a frame has room for, the broker stays registered with those that it has: name servers keep what they were told. */
  #bodyOfAll(): RegisterBody {
    const { topics, logger } = this.#options;
    const all = topics.configs();
    let made = this.#bodyOf(all);
    if (made.topicCount < all.length) {
      const isOwn = ({ topicName }: TopicConfig): boolean => topics.isSystem(topicName);
      made = this.#bodyOf([...all.filter(isOwn), ...all.filter((topic) => !isOwn(topic))]);
    }
    const leftOut = all.length - made.topicCount;
    if (leftOut > 0 && leftOut !== this.#leftOut) {
      logger.error(
        `this broker has too many topics: a registration has room for ${made.topicCount} of ${all.length}, and name servers that start or lose the connection do not learn of the last ${leftOut}; delete topics, or put some on another broker`,
      );
    }
    if (leftOut === 0 && this.#leftOut > 0) logger.info('a registration has room for all topics again');
    this.#leftOut = leftOut;
    return made;
  }

  #failed(server: NameServer, problem: string): void {
    if (this.#isStopped) return;
    if (server.lastProblem !== problem) {
      server.lastProblem = problem;
      this.#options.logger.warn(`not registered with the name server ${server.addr}, trying again: ${problem}`);
    }
    this.#retryLater(server);
  }

  #retryLater(server: NameServer): void {
    if (server.retryTimer !== null || this.#isStopped) return;
    server.retryTimer = this.#options.timers.setTimeout(() => {
      server.retryTimer = null;
      if (!this.#isStopped) this.#track(this.#register(server, null));
    }, server.retryMs);
    server.retryMs = Math.min(RETRY_MAX_MS, server.retryMs * 2);
  }

  /** The name server forgot us with the connection. */
  #onConnectionClosed(addr: string): void {
    const server = this.#servers.find((candidate) => candidate.addr === addr);
    if (server === undefined || !server.isRegistered || this.#isStopped) return;
    server.isRegistered = false;
    this.#failed(server, 'the connection was closed');
  }
}

/** Perm bits that the whole broker lacks are taken from its topics. */
function withBrokerPermission(topic: TopicConfig, brokerPermission: number): TopicConfig {
  return (brokerPermission & PERM_READ_WRITE) === PERM_READ_WRITE ? topic : { ...topic, perm: topic.perm & brokerPermission };
}

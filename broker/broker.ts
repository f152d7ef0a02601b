import { join } from 'node:path';
import { type Clock, type Random, systemClock, systemRandom, systemTimers, type Timers } from '../src/common/clock.js';
import { ConfigError } from '../src/common/errors.js';
import { formatHostPort, type HostAddress, ipToBytes } from '../src/common/host.js';
import { type Logger, noopLogger } from '../src/common/logger.js';
import { UniqKeyGenerator } from '../src/common/message/message-id.js';
import { AUTO_CREATE_TOPIC_KEY_TOPIC } from '../src/common/topic-names.js';
import { RemotingClient } from '../src/remoting/client.js';
import { type Connection, RemotingServer } from '../src/remoting/server.js';
import { RequestModeManager, TopicQueues } from './assignment/index.js';
import { BrokerTimers } from './broker-timers.js';
import type { LoadedConfig } from './config/index.js';
import { ConsumerManager, ProducerManager } from './connections/index.js';
import { DelayLevels, Delivery, ScheduleMessageService } from './delay/index.js';
import { ConsumerFilterManager } from './filter/index.js';
import { MAX_TURN_REQUESTS } from './limits.js';
import { RebalanceLockManager } from './locks/index.js';
import { PullHoldService } from './longpolling/index.js';
import { mayNotifyMembers } from './member-notices.js';
import { ConsumerOffsetManager, lowerLostProgress } from './offsets/index.js';
import type { BrokerParts } from './parts.js';
import { createPop } from './pop/index.js';
import { registerProcessors, type SendProcessor } from './processors/index.js';
import { Registration } from './registration/index.js';
import { BrokerStats } from './stats/index.js';
import { RuntimeInfo } from './stats/runtime-info.js';
import { SendCounters } from './stats/send-counters.js';
import { type Disk, MessageStore, nodeDisk } from './store/index.js';
import { SubscriptionGroupManager } from './subscriptions/index.js';
import { JsonTableFile } from './table-file.js';
import { TimerMessageService } from './timer/index.js';
import { systemTopics, TopicConfigManager } from './topics/index.js';
import { TransactionService } from './transaction/index.js';

/** Longest wait for acknowledgements that are on their way when the broker stops. */
const STOP_GRACE_MS = 2_000;
const STOP_POLL_MS = 5;
/** Distance of the VIP port from listenPort. */
const VIP_PORT_DISTANCE = 2;
/** Counters of connections. */
const CHANNEL_ACTIVITY = 'CHANNEL_ACTIVITY';

/** The seams of a broker; each has the real thing as default. */
export interface BrokerDeps {
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly random?: Random;
  readonly disk?: Disk;
  readonly logger?: Logger;
  /** See `MessageStoreOptions.acceptDamage`. */
  acceptDamage?: boolean;
}

/** A running broker. */
export class BrokerNode {
  /** `ip:port` that clients are told. */
  readonly address: string;
  readonly store: MessageStore;
  /** The parts, for tests that look inside. */
  readonly parts: BrokerParts;
  readonly #server: RemotingServer;
  readonly #client: RemotingClient;
  readonly #send: SendProcessor;
  readonly #timers: BrokerTimers;
  #shutdown: Promise<void> | null = null;

  private constructor(options: { parts: BrokerParts; server: RemotingServer; client: RemotingClient; send: SendProcessor }) {
    this.parts = options.parts;
    this.store = options.parts.store;
    this.address = options.parts.brokerAddr;
    this.#server = options.server;
    this.#client = options.client;
    this.#send = options.send;
    this.#timers = new BrokerTimers(options.parts);
  }

  /**
   * Opens the store, listens, and registers with the name servers (a name server that is absent is tried again in the background).
   * @throws ConfigError when a setting cannot be had or a port is taken, StoreError when the store cannot be opened
   */
  static async start(config: LoadedConfig, deps: BrokerDeps = {}): Promise<BrokerNode> {
    const {
      clock = systemClock,
      timers = systemTimers,
      random = systemRandom,
      disk = nodeDisk,
      logger = noopLogger,
      acceptDamage = false,
    } = deps;
    const storeHost = storeHostOf(config);
    const { brokerName, brokerClusterName } = config.broker;
    const stats = new BrokerStats({ clock, timers, clusterName: brokerClusterName, policy: config.broker });
    const topicsFile = tableFile('topics.json', { config, disk, logger });
    const topics = new TopicConfigManager({ file: topicsFile, clock, stats, brokerName, brokerClusterName });
    const queueTypeOf = (topic: string) => topics.queueType(topic);
    // A crash leaves this file: the delay levels and the timer then look for what had left already.
    const isAfterKill = disk.statSync(join(config.store.storePathRootDir, 'abort')) !== null;
    const store = await MessageStore.open({ config: config.store, disk, clock, timers, logger, acceptDamage, queueTypeOf });
    const client = new RemotingClient({ clock, timers, logger });
    let node: BrokerNode | null = null;
    try {
      const parts = createParts({ config, store, isAfterKill, topics, stats, client, storeHost, clock, timers, random, disk, logger });
      const server = createServer(parts);
      const send = registerProcessors(server, parts);
      node = new BrokerNode({ parts, server, client, send });
      await node.#start(isAfterKill);
      return node;
    } catch (error) {
      await client.close();
      await store.shutdown();
      throw error;
    }
  }

  /** Open connections of clients and tools. */
  get connectionCount(): number {
    return this.#server.connectionCount;
  }

  /**
   * Stops cleanly: unregisters, finishes what is under way, saves all tables, closes the store. Idempotent. Rejects with the first error
   * after everything else was done.
   */
  shutdown(): Promise<void> {
    this.#shutdown ??= this.#stop();
    return this.#shutdown;
  }

  async #start(isAfterKill: boolean): Promise<void> {
    const { parts } = this;
    const { config, store, holds, delay, transactions, topics, registration, logger } = parts;
    parts.topics.load();
    parts.groups.load();
    parts.offsets.load();
    parts.filters.load();
    parts.requestModes.load();
    const endOf = queueEnds(store, isAfterKill);
    parts.popOrders.load(endOf);
    parts.revive.load();
    lowerLostProgress({ offsets: parts.offsets, endOf, isAfterKill, logger });
    topics.addSystemTopics(systemTopics(config.broker));
    followDefaultQueueNums(parts);
    topics.setListener({
      onTopicsChanged: (changed) => {
        for (const { topicName } of changed) store.topicConfigured(topicName);
        registration.onTopicsChanged(changed);
      },
      onTopicDeleted: (topic) => registration.onTopicDeleted(topic),
    });
    registration.setDeletedListener((topic) => {
      parts.offsets.removeTopic(topic);
      store.deleteTopic(topic);
      holds.wakeTopic(topic);
    });
    store.addArrivalListener(holds.onArrival);
    store.addArrivalListener(delay.onArrival);
    if (parts.timer !== null) store.addArrivalListener(parts.timer.onArrival);
    store.addArrivalListener(parts.popHolds.onArrival);
    store.addArrivalListener(parts.popNotices.onArrival);
    store.addArrivalListener(parts.revive.onArrival);
    delay.load();
    transactions.load();
    config.onChange((keys) => this.#onConfigChanged(keys));
    const { listenPort, vipPort } = await this.#server.listen();
    delay.start();
    parts.timer?.start();
    parts.revive.start();
    transactions.start();
    parts.stats.start();
    parts.runtime.start();
    this.#timers.start();
    const bind = config.server.bindAddress;
    logger.info(
      `broker ${config.broker.brokerName} listens on ${formatHostPort(bind, listenPort)} (VIP port ${vipPort}), advertises ${parts.brokerAddr}, store ${config.store.storePathRootDir}`,
    );
    await registration.start();
  }

  /** Pushes changed values to the parts that do not read them at each use. */
  #onConfigChanged(keys: readonly string[]): void {
    const { config, registration } = this.parts;
    this.#send.configure();
    this.store.updateConfig(config.store);
    followDefaultQueueNums(this.parts);
    if (keys.includes('brokerPermission')) {
      this.parts.topics.markChanged();
      registration.registerAll();
    }
  }

  /** A step that fails keeps no other from its turn: the tables that can be saved are saved, and the store is closed. Throws the first error. */
  async #stop(): Promise<void> {
    const { logger, config } = this.parts;
    const failures: unknown[] = [];
    for (const [what, step] of this.#stopSteps()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
        logger.error(`stopping goes on although this failed: ${what}`, { error: error instanceof Error ? error.stack : String(error) });
      }
    }
    if (failures.length > 0) throw failures[0];
    logger.info(`broker ${config.broker.brokerName} stopped`);
  }

  #stopSteps(): readonly [what: string, step: () => Promise<void> | void][] {
    const { parts } = this;
    return [
      ['unregistering', () => parts.registration.stop()],
      ['stopping the timer', () => parts.timer?.stop()],
      ['stopping the revival of popped messages', () => parts.revive.stop()],
      ['stopping the delay levels', () => parts.delay.stop()],
      ['stopping transaction checks', () => parts.transactions.stop()],
      ['stopping the saving of tables', () => this.#timers.stop()],
      ['stopping statistics', () => parts.stats.stop()],
      ['stopping runtime figures', () => parts.runtime.stop()],
      ['handing over what was sent', () => parts.flushTurn()],
      // Sends that wait for the disk get their answer; held pulls have nothing to wait for.
      ['waiting for sends', () => this.#sendsAnswered()],
      ['ending held pulls', () => parts.holds.stop()],
      ['ending held pops', () => parts.popHolds.stop()],
      ['ending notices of pops', () => parts.popNotices.stop()],
      ['ending orders of pops', () => parts.popOrders.stop()],
      ['closing the server', () => this.#server.close(0)],
      ['saving transactions', () => parts.transactions.flush()],
      ['handing over what is left', () => parts.flushTurn()],
      ['saving consumer offsets', () => parts.offsets.flush()],
      ['saving filters', () => parts.filters.flush()],
      ['saving orders of pops', () => parts.popOrders.flush()],
      ['saving topics', () => parts.topics.saveAgain()],
      ['saving groups', () => parts.groups.saveAgain()],
      ['saving request modes', () => parts.requestModes.saveAgain()],
      ['closing connections to name servers', () => this.#client.close()],
      ['closing the store', () => this.store.shutdown()],
    ];
  }

  async #sendsAnswered(): Promise<void> {
    const { sends, clock, timers } = this.parts;
    const untilMs = clock.monotonicMs() + STOP_GRACE_MS;
    while (sends.inFlight > 0 && clock.monotonicMs() < untilMs) {
      await new Promise<void>((resolve) => timers.setTimeout(resolve, STOP_POLL_MS));
    }
  }
}

/** The offset that the next message of a queue gets; beyond every other where tables were put beside a log that is still to come. */
function queueEnds(store: MessageStore, isAfterKill: boolean): (topic: string, queueId: number) => number {
  const isEmpty = !isAfterKill && store.commitLogMaxOffset() === 0;
  return (topic, queueId) => (isEmpty ? Number.POSITIVE_INFINITY : Math.max(0, store.maxOffset(topic, queueId)));
}

interface PartOptions {
  config: LoadedConfig;
  store: MessageStore;
  /** The last stop was not in order. */
  isAfterKill: boolean;
  topics: TopicConfigManager;
  stats: BrokerStats;
  client: RemotingClient;
  storeHost: HostAddress;
  clock: Clock;
  timers: Timers;
  random: Random;
  disk: Disk;
  logger: Logger;
}

function createParts(options: PartOptions): BrokerParts {
  const { config, store, isAfterKill, topics, stats, client, storeHost, clock, timers, random, disk, logger } = options;
  const { brokerIP1, brokerIP2 } = config.broker;
  const file = (name: string): JsonTableFile => tableFile(name, { config, disk, logger });
  const holds = new PullHoldService({ clock, timers, logger });
  const flushTurn = (): void => {
    store.flushTurn();
    holds.wakeArrived();
  };
  const delayLevels = new DelayLevels(config.store.messageDelayLevel);
  const newDelivery = (): Delivery => new Delivery({ store, topics, stats, logger, flush: flushTurn });
  const delivery = newDelivery();
  const timer = config.store.timerWheelEnable
    ? new TimerMessageService({ config: config.store, store, delivery: newDelivery(), disk, clock, timers, logger, isAfterKill })
    : null;
  const delayFile = file('delayOffset.json');
  const delay = new ScheduleMessageService({ store, file: delayFile, levels: delayLevels, clock, timers, logger, delivery, isAfterKill });
  const offsets = new ConsumerOffsetManager({ file: file('consumerOffset.json'), clock, policy: config.broker });
  const producers = new ProducerManager({ clock });
  const tables = { store, topics, offsets, producers };
  const transactions = new TransactionService({ ...tables, settings: config.broker, storeHost, clock, timers, logger, flush: flushTurn });
  const sends = new SendCounters();
  const filters = new ConsumerFilterManager({ file: file('consumerFilter.json'), clock, logger, policy: config.broker });
  const groups = new SubscriptionGroupManager({ file: file('subscriptionGroup.json'), clock, policy: config.broker });
  const orderFile = file('consumerOrderInfo.json');
  const pop = createPop({ ...options, orderFile, groups, offsets, sends, delayLevels, timer, flush: flushTurn });
  const brokerAddr = formatHostPort(brokerIP1, config.server.listenPort);
  const haServerAddr = formatHostPort(brokerIP2, config.store.haListenPort);
  return {
    config,
    clock,
    timers,
    random,
    logger,
    brokerAddr,
    storeHost,
    uniqKeys: new UniqKeyGenerator(),
    store,
    topics,
    groups,
    offsets,
    consumers: new ConsumerManager({ clock, logger, onGroupGone: (group) => filters.unregister(group) }),
    filters,
    locks: new RebalanceLockManager({ clock }),
    producers,
    stats,
    sends,
    runtime: new RuntimeInfo({ config, clock, timers, stats, sends, store, delay, timer, disk }),
    holds,
    delayLevels,
    delay,
    transactions,
    timer,
    ...pop,
    requestModes: new RequestModeManager({ file: file('messageRequestMode.json'), policy: config.broker }),
    topicQueues: new TopicQueues({ client, topics, clock, config: config.broker }),
    registration: new Registration({ config: config.broker, topics, client, brokerAddr, haServerAddr, clock, timers, logger }),
    flushTurn,
  };
}

function tableFile(name: string, { config, disk, logger }: { config: LoadedConfig; disk: Disk; logger: Logger }): JsonTableFile {
  const { storePathRootDir, flushDiskType } = config.store;
  // A topic must outlive a power cut as its messages do.
  return new JsonTableFile({ storePathRootDir, name, isDurable: flushDiskType === 'SYNC_FLUSH', disk, logger });
}

function createServer(parts: BrokerParts): RemotingServer {
  const { config, clock, timers, logger } = parts;
  const { bindAddress, listenPort, serverChannelMaxIdleTimeSeconds } = config.server;
  return new RemotingServer({
    bindAddress,
    listenPort,
    vipPort: listenPort - VIP_PORT_DISTANCE,
    idleMs: serverChannelMaxIdleTimeSeconds * 1000,
    clock,
    timers,
    logger,
    onTurnEnd: parts.flushTurn,
    // With an fdatasync behind each answer, larger groups are what counts.
    ...(config.store.flushDiskType === 'SYNC_FLUSH' ? {} : { maxTurnRequests: MAX_TURN_REQUESTS }),
    onConnect: () => parts.stats.count(CHANNEL_ACTIVITY, 'CONNECT', 1),
    onClose: (connection: Connection, reason: string) => {
      countClose(parts, reason);
      parts.holds.onConnectionClosed(connection);
      parts.popHolds.onConnectionClosed(connection);
      parts.popNotices.onConnectionClosed(connection);
      parts.consumers.onConnectionClosed(connection, (group) => mayNotifyMembers(parts, group));
      parts.producers.onConnectionClosed(connection);
    },
  });
}

/** A connection that ends is counted, and what ended it unless it was one of the two sides. */
function countClose({ stats }: BrokerParts, reason: string): void {
  stats.count(CHANNEL_ACTIVITY, 'CLOSE', 1);
  if (reason.startsWith('idle ')) stats.count(CHANNEL_ACTIVITY, 'IDLE', 1);
  if (reason.startsWith('socket error')) stats.count(CHANNEL_ACTIVITY, 'EXCEPTION', 1);
}

/** TBW102, which auto-created topics copy, has as many queues as defaultTopicQueueNums says, also in a store that was made with another number. */
function followDefaultQueueNums({ topics, config }: BrokerParts): void {
  const pattern = topics.config(AUTO_CREATE_TOPIC_KEY_TOPIC);
  const queueNums = config.broker.defaultTopicQueueNums;
  if (pattern !== null) topics.update({ ...pattern, readQueueNums: queueNums, writeQueueNums: queueNums });
}

function storeHostOf(config: LoadedConfig): HostAddress {
  const { brokerIP1 } = config.broker;
  const ip = ipToBytes(brokerIP1);
  if (ip === null) {
    throw new ConfigError(`brokerIP1=${brokerIP1} is not an IP address`, {
      hint: 'message ids and store hosts hold its bytes; a host name cannot be used',
    });
  }
  return { ip, port: config.server.listenPort };
}

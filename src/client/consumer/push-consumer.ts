import { homedir } from 'node:os';
import { join } from 'node:path';
import type { TimerHandle } from '../../common/clock.js';
import { UsageError } from '../../common/errors.js';
import { retryTopic } from '../../common/topic-names.js';
import type { ConsumeMessageDirectlyResult } from '../../remoting/bodies/consume-stats.js';
import { type ConsumerData, encodeCheckClientRequestBody, type SubscriptionData } from '../../remoting/bodies/subscription.js';
import { responseError } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { ConsumerMember } from '../members.js';
import { type MessageQueue, queueKey } from '../message-queue.js';
import { MQClient } from '../mq-client.js';
import { validateClientGroup } from '../producer/validate.js';
import { buildSubscription, ExpressionType, type SqlExpression } from '../subscription.js';
import { ConsumeStatus, ConsumeType, MessageModel } from '../types.js';
import { allocateAveragely } from './allocate.js';
import { ConsumeService } from './consume-service.js';
import { ConsumerStats } from './consumer-stats.js';
import { LocalFileOffsetStore, type OffsetStore, RemoteOffsetStore } from './offset-store.js';
import type { ConsumerParts, MessageListener, PushSettings } from './parts.js';
import type { PulledMessage } from './pulled-message.js';
import { type PushConsumerOptions, resolvePushSettings } from './push-settings.js';

export type { PushConsumerOptions } from './push-settings.js';

import { Rebalancer } from './rebalancer.js';
import { buildRunningInfo } from './running-info.js';
import { SendBack } from './send-back.js';

const MISSING_ROUTE_FIRST_MS = 100;
const MISSING_ROUTE_MAX_MS = 5_000;
const RESET_WAIT_MS = 10_000;

/**
 * Consumes topics as a member of a group: owns a share of the queues, pulls them, gives messages to a listener, gives failed ones
 * back for later, and commits what is done.
 *
 * A message may come twice (a member that leaves, a crash): listeners must bear it. A new group starts where `consumeFromWhere` says
 * only on queues whose first message is no longer in the broker's memory; on young queues brokers answer 0, so it reads everything.
 *
 * @example
 * ```ts
 * const consumer = new PushConsumer({ namesrvAddr: '127.0.0.1:9876', consumerGroup: 'CG_mail' });
 * await consumer.subscribe('OrderPaid', 'eu || us');
 * consumer.onMessage(async (messages) => {
 *   for (const message of messages) await sendMail(message.body);
 *   return 'CONSUME_SUCCESS';
 * });
 * await consumer.start();
 * ```
 */
export class PushConsumer {
  readonly #client: MQClient;
  readonly #settings: PushSettings;
  readonly #subscriptions = new Map<string, SubscriptionData>();
  readonly #stats: ConsumerStats;
  readonly #offsets: OffsetStore;
  readonly #parts: ConsumerParts;
  readonly #retryTopic: string;
  #listener: MessageListener | undefined;
  #consume: ConsumeService | undefined;
  #rebalancer: Rebalancer | undefined;
  #missingRoutes: TimerHandle | undefined;
  #cleanExpired: TimerHandle | undefined;
  #state: 'created' | 'running' | 'stopping' | 'stopped' = 'created';
  #suspended = false;
  #startTimestamp = 0;
  /** Called with a topic and its owned queues after they changed. */
  onQueuesChanged: ((topic: string, queues: readonly MessageQueue[]) => void) | undefined;

  constructor(options: PushConsumerOptions) {
    validateClientGroup('consumerGroup', options.consumerGroup);
    const broadcasting = options.messageModel === MessageModel.BROADCASTING;
    // The name of a broadcasting consumer's offset file contains the client id, so it must be the same after a restart.
    const instanceName = options.instanceName ?? (broadcasting ? 'DEFAULT' : undefined);
    this.#client = options.client ?? new MQClient({ ...options, ...(instanceName === undefined ? {} : { instanceName }) });
    this.#settings = resolvePushSettings(options, this.#client.clock, allocateAveragely);
    this.#retryTopic = retryTopic(options.consumerGroup);
    this.#stats = new ConsumerStats(this.#client.clock);
    this.#offsets = broadcasting
      ? new LocalFileOffsetStore(this.#client, offsetFile(options, this.#client.clientId))
      : new RemoteOffsetStore(this.#client, options.consumerGroup);
    this.#parts = {
      client: this.#client,
      settings: this.#settings,
      subscriptions: this.#subscriptions,
      offsets: this.#offsets,
      stats: this.#stats,
      isRunning: () => this.#state === 'running',
      isSuspended: () => this.#suspended,
    };
  }

  get consumerGroup(): string {
    return this.#settings.consumerGroup;
  }

  get clientId(): string {
    return this.#client.clientId;
  }

  /** The queues this member owns now. */
  get assignedQueues(): MessageQueue[] {
    return this.#rebalancer?.queues ?? [];
  }

  /**
   * Subscribes to a topic, before or after `start`.
   * @param expression tags separated by `||`, `*` for all (default), or `{ sql }`, which the broker must allow.
   */
  async subscribe(topic: string, expression: string | SqlExpression = '*'): Promise<void> {
    this.#subscriptions.set(topic, buildSubscription(topic, expression, this.#client.clock.nowMs()));
    if (this.#state === 'running') {
      await this.#client.routes.resolve(topic);
      await this.#checkExpressions();
      await this.#client.heartbeat();
      await this.#rebalancer?.rebalance();
      this.#watchMissingRoutes();
    }
  }

  /** Ends the subscription of a topic; its queues are given up. */
  async unsubscribe(topic: string): Promise<void> {
    this.#subscriptions.delete(topic);
    if (this.#state === 'running') {
      await this.#client.heartbeat();
      await this.#rebalancer?.rebalance();
    }
  }

  /** Sets the listener; must be called before `start`. */
  onMessage(listener: MessageListener): this {
    if (this.#state !== 'created') {
      throw new UsageError('set the listener before start()');
    }
    this.#listener = listener;
    return this;
  }

  /**
   * Joins the group; resolves after the first division of the queues.
   * @throws ConnectError when no name server answers; BrokerError when a broker refuses an expression.
   */
  async start(): Promise<void> {
    if (this.#state !== 'created') {
      throw new UsageError(`consumer ${this.#settings.consumerGroup} was started before`);
    }
    if (this.#listener === undefined) {
      throw new UsageError(`consumer ${this.#settings.consumerGroup} has no listener`, { hint: 'call onMessage() before start()' });
    }
    if (this.#settings.messageModel === MessageModel.CLUSTERING) {
      this.#subscriptions.set(this.#retryTopic, buildSubscription(this.#retryTopic, '*', this.#client.clock.nowMs()));
    }
    this.#consume = new ConsumeService(this.#parts, {
      sendBack: new SendBack(this.#parts),
      listener: this.#listener,
      onRemoved: (processQueue) => this.#rebalancer?.puller(processQueue.queue)?.wake(),
    });
    this.#rebalancer = new Rebalancer(this.#parts, this.#consume);
    this.#rebalancer.onQueuesChanged = (topic, queues) => this.onQueuesChanged?.(topic, queues);
    await this.#offsets.load();
    this.#client.registerConsumer(this.#member());
    this.#state = 'running';
    this.#startTimestamp = this.#client.clock.nowMs();
    try {
      for (const topic of this.#subscriptions.keys()) {
        await this.#client.routes.refresh(topic);
      }
      await this.#checkExpressions();
      await this.#client.heartbeat();
    } catch (error) {
      await this.shutdown();
      throw error;
    }
    await this.#rebalancer.rebalance();
    this.#watchMissingRoutes();
    this.#scheduleCleanExpired();
  }

  /**
   * Leaves the group without losing anything: takes no more messages, lets running listener calls end, commits what is done and
   * waits for the brokers' answers, and unregisters, so that other members take over at once.
   */
  async shutdown(): Promise<void> {
    if (this.#state !== 'running') {
      return;
    }
    this.#state = 'stopping';
    for (const timer of [this.#missingRoutes, this.#cleanExpired]) {
      if (timer !== undefined) {
        this.#client.timers.clearTimeout(timer);
      }
    }
    await this.#rebalancer?.stop();
    await this.#consume?.stop(this.#settings.awaitTerminationMs);
    const processQueues = this.#rebalancer?.processQueues ?? [];
    for (const processQueue of processQueues) {
      this.#consume?.syncOffset(processQueue);
    }
    await this.#offsets.persistAll(
      processQueues.map((processQueue) => processQueue.queue),
      { wait: true },
    );
    for (const processQueue of processQueues) {
      processQueue.dropped = true;
    }
    await this.#client.unregisterConsumer(this.#settings.consumerGroup);
    this.#state = 'stopped';
  }

  /** Pulls pause; messages that are here already still reach the listener. */
  suspend(): void {
    this.#suspended = true;
  }

  resume(): void {
    this.#suspended = false;
  }

  #member(): ConsumerMember {
    return {
      group: this.#settings.consumerGroup,
      topics: () => this.#subscriptions.keys(),
      heartbeatData: () => this.#heartbeatData(),
      persistOffsets: () => void this.#persistOffsets(),
      rebalanceImmediately: () => this.#rebalancer?.wake(),
      resetOffsets: (topic, offsets) => this.#resetOffsets(topic, offsets),
      consumerStatus: (topic) => {
        this.#syncOffsets();
        return this.#offsets.offsetsOf(topic);
      },
      runningInfo: (jstackEnable) => {
        this.#syncOffsets();
        return buildRunningInfo(this.#parts, {
          processQueues: this.#rebalancer?.processQueues ?? [],
          startTimestamp: this.#startTimestamp,
          jstackEnable,
        });
      },
      consumeDirectly: (message) => this.#consumeDirectly(message),
    };
  }

  #heartbeatData(): ConsumerData {
    return {
      groupName: this.#settings.consumerGroup,
      consumeType: ConsumeType.CONSUME_PASSIVELY,
      messageModel: this.#settings.messageModel,
      consumeFromWhere: this.#settings.consumeFromWhere,
      subscriptionDataSet: [...this.#subscriptions.values()],
      unitMode: false,
    };
  }

  #syncOffsets(): void {
    for (const processQueue of this.#rebalancer?.processQueues ?? []) {
      this.#consume?.syncOffset(processQueue);
    }
  }

  async #persistOffsets(): Promise<void> {
    if (this.#state === 'running' && this.#rebalancer !== undefined) {
      this.#syncOffsets();
      await this.#offsets.persistAll(this.#rebalancer.queues, { wait: false });
    }
  }

  /** Brokers compile SQL expressions when asked; a bad one stops the start instead of filtering nothing. */
  async #checkExpressions(): Promise<void> {
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.expressionType === ExpressionType.TAG) {
        continue;
      }
      const addr = this.#client.routes.anyAddrOf(subscription.topic, (count) => this.#client.random.nextInt(count));
      if (addr === undefined) {
        continue;
      }
      const body = encodeCheckClientRequestBody({ clientId: this.clientId, group: this.consumerGroup, subscriptionData: subscription });
      const response = await this.#client.remoting.invoke(addr, { code: RequestCode.CHECK_CLIENT_CONFIG, body }, this.#client.apiTimeoutMs);
      if (response.code !== ResponseCode.SUCCESS) {
        throw responseError(response, addr, `subscription of topic ${subscription.topic}`);
      }
    }
  }

  /**
   * A topic without a route is looked for again soon: the retry topic of a new group exists only after the first heartbeat, and
   * nobody wants to wait for the next regular look.
   */
  #watchMissingRoutes(delayMs: number = MISSING_ROUTE_FIRST_MS): void {
    const missing = [...this.#subscriptions.keys()].filter((topic) => this.#client.routes.get(topic) === undefined);
    if (missing.length === 0 || this.#state !== 'running' || this.#missingRoutes !== undefined) {
      return;
    }
    this.#missingRoutes = this.#client.timers.setTimeout(() => void this.#findMissingRoutes(missing, delayMs), delayMs);
  }

  async #findMissingRoutes(missing: readonly string[], delayMs: number): Promise<void> {
    const before = this.#client.routes.version;
    await this.#client.routes.refreshAll(missing, (topic, error) => {
      this.#client.logger.warn(`route of topic ${topic} could not be found: ${String(error)}`);
    });
    this.#missingRoutes = undefined;
    if (this.#client.routes.version !== before && this.#state === 'running') {
      await this.#client.heartbeat();
      await this.#rebalancer?.rebalance();
    }
    this.#watchMissingRoutes(Math.min(MISSING_ROUTE_MAX_MS, delayMs * 2));
  }

  #scheduleCleanExpired(): void {
    const periodMs = this.#settings.consumeTimeoutMinutes * 60_000;
    this.#cleanExpired = this.#client.timers.setTimeout(() => {
      void this.#cleanAllExpired().then(() => {
        if (this.#state === 'running') {
          this.#scheduleCleanExpired();
        }
      });
    }, periodMs);
  }

  async #cleanAllExpired(): Promise<void> {
    if (this.#settings.messageModel === MessageModel.CLUSTERING) {
      for (const processQueue of this.#rebalancer?.processQueues ?? []) {
        await this.#consume?.cleanExpired(processQueue);
      }
    }
  }

  /** Goes on elsewhere: gives the queues up, waits until nothing of them is being consumed, notes the offsets, takes them again. */
  async #resetOffsets(topic: string, targets: ReadonlyMap<MessageQueue, number>): Promise<void> {
    const byKey = new Map([...targets].map(([queue, offset]) => [queueKey(queue), offset]));
    const affected = (this.#rebalancer?.processQueues ?? []).filter(
      (processQueue) => processQueue.queue.topic === topic && byKey.has(queueKey(processQueue.queue)),
    );
    this.suspend();
    try {
      for (const processQueue of affected) {
        this.#rebalancer?.drop(processQueue);
        processQueue.clear();
      }
      await this.#consume?.idle(RESET_WAIT_MS);
      for (const { queue } of affected) {
        this.#offsets.update(queue, byKey.get(queueKey(queue)) ?? 0, { increaseOnly: false });
        await this.#offsets.persist(queue, { wait: true });
        this.#offsets.remove(queue);
      }
    } finally {
      this.resume();
    }
    await this.#rebalancer?.rebalance();
  }

  async #consumeDirectly(message: PulledMessage): Promise<ConsumeMessageDirectlyResult> {
    const startMs = this.#client.clock.monotonicMs();
    const queue = { topic: message.storedTopic, brokerName: message.brokerName, queueId: message.queueId };
    let consumeResult: string;
    let remark: string | undefined;
    try {
      const status = await this.#consume?.callListener(message, { messageQueue: queue, delayLevelWhenNextConsume: 0, ackIndex: 0 });
      consumeResult =
        status === ConsumeStatus.CONSUME_SUCCESS ? 'CR_SUCCESS' : status === ConsumeStatus.RECONSUME_LATER ? 'CR_LATER' : 'CR_RETURN_NULL';
    } catch (error) {
      consumeResult = 'CR_THROW_EXCEPTION';
      remark = String(error);
    }
    const spentTimeMills = Math.round(this.#client.clock.monotonicMs() - startMs);
    return { order: false, autoCommit: true, consumeResult, spentTimeMills, ...(remark === undefined ? {} : { remark }) };
  }
}

function offsetFile(options: PushConsumerOptions, clientId: string): string {
  return join(options.localOffsetStoreDir ?? join(homedir(), '.rocketmq_offsets'), clientId, options.consumerGroup, 'offsets.json');
}

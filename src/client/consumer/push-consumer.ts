import type { TimerHandle } from '../../common/clock.js';
import { UsageError } from '../../common/errors.js';
import { retryTopic } from '../../common/topic-names.js';
import type { ConsumeMessageDirectlyResult } from '../../remoting/bodies/consume-stats.js';
import type { ConsumerData, SubscriptionData } from '../../remoting/bodies/subscription.js';
import type { ConsumerMember } from '../members.js';
import { type MessageQueue, queueKey } from '../message-queue.js';
import { MQClient } from '../mq-client.js';
import { validateClientGroup } from '../producer/validate.js';
import { buildSubscription, type SqlExpression } from '../subscription.js';
import { ConsumeTrace } from '../trace/consume-trace.js';
import { TraceDispatcher } from '../trace/trace-dispatcher.js';
import { ConsumeType, MessageModel } from '../types.js';
import { allocateAveragely } from './allocate.js';
import { checkExpressions } from './check-expressions.js';
import { ConsumeOrderlyService } from './consume-orderly-service.js';
import { ConsumeService } from './consume-service.js';
import { ConsumerStats } from './consumer-stats.js';
import { createOffsetStore, type OffsetStore } from './offset-store.js';
import type { ConsumerParts, DirectResult, MessageListener, OrderlyMessageListener, PushSettings, QueueConsumer } from './parts.js';
import { PopConsumption } from './pop-consumption.js';
import type { ProcessQueue } from './process-queue.js';
import type { PulledMessage } from './pulled-message.js';
import { type PushConsumerOptions, resolvePushSettings, shareTopicThresholds } from './push-settings.js';

export type { PushConsumerOptions } from './push-settings.js';

import { QueueLocks } from './queue-locks.js';
import { QueuePuller } from './queue-puller.js';
import { Rebalancer } from './rebalancer.js';
import { buildRunningInfo } from './running-info.js';
import { SendBack } from './send-back.js';
import { UnreadableMessages } from './unreadable-messages.js';

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
  readonly #traces: TraceDispatcher | undefined;
  #listener: MessageListener | undefined;
  #orderlyListener: OrderlyMessageListener | undefined;
  #consume: QueueConsumer | undefined;
  #locks: QueueLocks | undefined;
  #pop: PopConsumption | undefined;
  #rebalancer: Rebalancer<QueuePuller> | undefined;
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
    this.#offsets = createOffsetStore(this.#client, options);
    this.#traces = TraceDispatcher.of(this.#client, options, { group: options.consumerGroup, kind: 'CONSUME' });
    this.#parts = {
      client: this.#client,
      settings: this.#settings,
      subscriptions: this.#subscriptions,
      offsets: this.#offsets,
      stats: this.#stats,
      trace: ConsumeTrace.of(this.#traces, this.#client, options.consumerGroup),
      unreadable: new UnreadableMessages(this.#client.logger),
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
    return [...(this.#rebalancer?.queues ?? []), ...(this.#pop?.queues ?? [])];
  }

  /**
   * Subscribes to a topic, before or after `start`.
   * @param expression tags separated by `||`, `*` for all (default), or `{ sql }`, which the broker must allow.
   * @throws UsageError for a tag expression without tags; of a running consumer what `start` throws: then nothing has changed.
   */
  async subscribe(topic: string, expression: string | SqlExpression = '*'): Promise<void> {
    const subscription = buildSubscription(topic, expression, this.#client.clock.nowMs());
    if (this.#state === 'running') {
      // Before it is among those of the next heartbeat.
      await this.#client.routes.resolve(topic);
      await checkExpressions(this.#client, this.consumerGroup, [subscription]);
    }
    this.#subscriptions.set(topic, subscription);
    if (this.#state === 'running') {
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
    this.#orderlyListener = undefined;
    this.#settings.isOrdered = false;
    return this;
  }

  /**
   * Sets an ordered listener; must be called before `start`. The messages of each queue reach it one call after the other, and a queue has one
   * owner in the group at a time: it is locked at its broker. A message that fails stops its queue until it succeeds or `maxReconsumeTimes` is used up.
   */
  onMessageOrderly(listener: OrderlyMessageListener): this {
    if (this.#state !== 'created') {
      throw new UsageError('set the listener before start()');
    }
    this.#orderlyListener = listener;
    this.#listener = undefined;
    this.#settings.isOrdered = true;
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
    if (this.#listener === undefined && this.#orderlyListener === undefined) {
      throw new UsageError(`consumer ${this.#settings.consumerGroup} has no listener`, {
        hint: 'call onMessage() or onMessageOrderly() before start()',
      });
    }
    if (this.#settings.messageModel === MessageModel.CLUSTERING) {
      this.#subscriptions.set(this.#retryTopic, buildSubscription(this.#retryTopic, '*', this.#client.clock.nowMs()));
    }
    this.#rebalancer = this.#createRebalancer();
    this.#rebalancer.onQueuesChanged = (topic, queues) => {
      shareTopicThresholds(this.#settings, this.assignedQueues.length);
      this.onQueuesChanged?.(topic, queues);
    };
    await this.#offsets.load();
    this.#client.registerConsumer(this.#member());
    this.#traces?.start();
    this.#state = 'running';
    this.#startTimestamp = this.#client.clock.nowMs();
    try {
      for (const topic of this.#subscriptions.keys()) {
        await this.#client.routes.refresh(topic);
      }
      await checkExpressions(this.#client, this.consumerGroup, this.#subscriptions.values());
      await this.#client.heartbeat();
    } catch (error) {
      await this.shutdown();
      throw error;
    }
    await this.#rebalancer.rebalance();
    this.#locks?.start();
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
    this.#locks?.stop();
    await this.#rebalancer?.stop();
    const { awaitTerminationMs } = this.#settings;
    await Promise.all([this.#consume?.stop(awaitTerminationMs), this.#pop?.finish(awaitTerminationMs)]);
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
    await this.#locks?.unlock(
      processQueues.map((processQueue) => processQueue.queue),
      { wait: true },
    );
    await this.#client.unregisterConsumer(this.#settings.consumerGroup);
    // The others have the queues already: nobody waits for the trace.
    await this.#traces?.close();
    this.#state = 'stopped';
  }

  /** Pulls pause; messages that are here already still reach the listener. */
  suspend(): void {
    this.#suspended = true;
  }

  resume(): void {
    this.#suspended = false;
  }

  #createRebalancer(): Rebalancer<QueuePuller> {
    const init = {
      sendBack: new SendBack(this.#parts),
      onRemoved: (processQueue: ProcessQueue) => this.#rebalancer?.puller(processQueue.queue)?.wake(),
    };
    if (this.#orderlyListener === undefined) {
      const listener = this.#listener!;
      this.#consume = new ConsumeService(this.#parts, { ...init, listener });
      const dividing = this.#rebalancerFor(this.#consume);
      if (!this.#settings.clientRebalance && this.#settings.messageModel === MessageModel.CLUSTERING) {
        this.#pop = new PopConsumption(this.#parts, { sendBack: init.sendBack, listener });
        dividing.assigner = this.#pop;
      }
      return dividing;
    }
    const orderly = new ConsumeOrderlyService(this.#parts, { ...init, listener: this.#orderlyListener });
    this.#consume = orderly;
    const rebalancer = this.#rebalancerFor(orderly);
    if (this.#settings.messageModel === MessageModel.CLUSTERING) {
      const locks = new QueueLocks(this.#parts, {
        owned: () => rebalancer.processQueues,
        onLost: (processQueue) => this.#lost(processQueue),
      });
      orderly.locks = locks;
      rebalancer.ordered = { locks, finish: (processQueue) => orderly.finish(processQueue) };
      this.#locks = locks;
    }
    return rebalancer;
  }

  #rebalancerFor(consume: QueueConsumer): Rebalancer<QueuePuller> {
    return new Rebalancer(this.#parts, {
      createTask: (processQueue, rebalancer) => new QueuePuller(this.#parts, processQueue, consume, rebalancer),
      syncOffset: (processQueue) => consume.syncOffset(processQueue),
    });
  }

  /** Another member has, or may have had, the queue: starts again from what is committed, once the lock is granted. */
  #lost(processQueue: ProcessQueue): void {
    const { topic, brokerName, queueId } = processQueue.queue;
    this.#client.logger.warn(`the lock of ${topic}/${brokerName}/${queueId} is lost; it is asked for again`);
    this.#rebalancer?.drop(processQueue);
    this.#offsets.remove(processQueue.queue);
    this.#rebalancer?.wake();
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
        const info = buildRunningInfo(this.#parts, {
          processQueues: this.#rebalancer?.processQueues ?? [],
          startTimestamp: this.#startTimestamp,
          jstackEnable,
        });
        return this.#pop === undefined ? info : { ...info, mqPopTable: this.#pop.infos };
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
    let result: DirectResult & { remark?: string };
    try {
      result = await this.#consume!.consumeDirectly(message);
    } catch (error) {
      const isOrdered = this.#settings.isOrdered;
      result = { order: isOrdered, autoCommit: true, consumeResult: 'CR_THROW_EXCEPTION', remark: String(error) };
    }
    return { ...result, spentTimeMills: Math.round(this.#client.clock.monotonicMs() - startMs) };
  }
}

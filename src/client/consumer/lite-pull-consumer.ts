import { UsageError } from '../../common/errors.js';
import type { SubscriptionData } from '../../remoting/bodies/subscription.js';
import { type BrokerCall, getMaxOffset, getMinOffset, searchOffset, updateConsumerOffset } from '../broker-requests.js';
import type { ConsumerMember } from '../members.js';
import { type MessageQueue, queueKey, queueText } from '../message-queue.js';
import { MQClient } from '../mq-client.js';
import { noRouteError } from '../producer/send-errors.js';
import { buildSubscription, type SqlExpression, SUB_ALL } from '../subscription.js';
import { ConsumeTrace } from '../trace/consume-trace.js';
import { TraceDispatcher } from '../trace/trace-dispatcher.js';
import { ConsumeType, MessageModel } from '../types.js';
import { callToMaster } from './broker-call.js';
import { checkExpressions } from './check-expressions.js';
import { LiteCache } from './lite-cache.js';
import { type LitePullConsumerOptions, type LitePullSettings, resolveLitePullSettings } from './lite-pull-settings.js';
import { LitePuller, type LitePullerParts } from './lite-puller.js';
import { createOffsetStore, type OffsetStore } from './offset-store.js';
import { ProcessQueue } from './process-queue.js';
import type { PulledMessage } from './pulled-message.js';
import { Rebalancer } from './rebalancer.js';
import { buildLiteRunningInfo } from './running-info.js';
import { type TopicQueuesListener, TopicWatch } from './topic-watch.js';
import { UnreadableMessages } from './unreadable-messages.js';

/** Told when the queues of a topic are divided anew: all of them, and those of this member. */
export type MessageQueueListener = (topic: string, all: readonly MessageQueue[], divided: readonly MessageQueue[]) => void;

/**
 * Pulls in the background and gives what came to `poll`. Either it subscribes to topics, whose queues the members of the group share, or it is
 * assigned the queues that the application chooses; never both.
 *
 * With `autoCommit` a poll commits the messages of the polls before it, so that what is being worked on comes again after a crash.
 *
 * @example
 * ```ts
 * const consumer = new LitePullConsumer({ namesrvAddr: '127.0.0.1:9876', consumerGroup: 'CG_audit' });
 * await consumer.subscribe('OrderPaid');
 * await consumer.start();
 * while (isWanted()) {
 *   for (const message of await consumer.poll()) console.log(message.msgId, message.body.toString());
 * }
 * await consumer.shutdown();
 * ```
 */
export class LitePullConsumer {
  readonly #client: MQClient;
  readonly #settings: LitePullSettings;
  readonly #offsets: OffsetStore;
  readonly #cache: LiteCache<LitePuller>;
  readonly #pullerParts: LitePullerParts;
  readonly #traces: TraceDispatcher | undefined;
  readonly #rebalancer: Rebalancer<LitePuller>;
  readonly #watch: TopicWatch;
  readonly #subscriptions = new Map<string, SubscriptionData>();
  /** Expressions of assigned topics. */
  readonly #expressions = new Map<string, SubscriptionData>();
  /** Pullers of assigned queues. */
  readonly #assigned = new Map<string, LitePuller>();
  #mode: 'subscribe' | 'assign' | null = null;
  #listener: MessageQueueListener | undefined;
  #state: 'created' | 'running' | 'stopped' = 'created';
  /** The queue of the last poll: its messages count as processed with the next one. */
  #polled: LitePuller | null = null;
  #nextCommitMs = 0;
  #startTimestamp = 0;

  constructor(options: LitePullConsumerOptions & { client?: MQClient }) {
    const isBroadcasting = options.messageModel === MessageModel.BROADCASTING;
    // The name of a broadcasting consumer's offset file contains the client id, so it must be the same after a restart.
    const instanceName = options.instanceName ?? (isBroadcasting ? 'DEFAULT' : undefined);
    const client = options.client ?? new MQClient({ ...options, ...(instanceName === undefined ? {} : { instanceName }) });
    this.#client = client;
    this.#settings = resolveLitePullSettings(options, client.clock);
    this.#offsets = createOffsetStore(this.#client, options);
    this.#cache = new LiteCache(client.timers);
    this.#watch = new TopicWatch(client, {
      intervalMs: this.#settings.topicMetadataCheckIntervalMs,
      fetch: (topic) => this.fetchMessageQueues(topic),
    });
    this.#rebalancer = new Rebalancer(
      { client, settings: this.#settings, subscriptions: this.#subscriptions, offsets: this.#offsets },
      {
        createTask: (processQueue) => new LitePuller(this.#pullerParts, processQueue),
        syncOffset: (processQueue) => this.#syncOffset(processQueue),
      },
    );
    this.#rebalancer.onQueuesChanged = (topic, queues) => this.#listener?.(topic, client.routes.get(topic)?.subscribeQueues ?? [], queues);
    this.#traces = TraceDispatcher.of(client, options, { group: options.consumerGroup, kind: 'CONSUME' });
    this.#pullerParts = {
      client,
      settings: this.#settings,
      cache: this.#cache,
      trace: ConsumeTrace.of(this.#traces, client, options.consumerGroup),
      unreadable: new UnreadableMessages(client.logger),
      oldBrokers: new Set(),
      subscriptionOf: (topic) => this.#subscriptionOf(topic),
      startOffset: async (processQueue) => this.#offsets.get(processQueue.queue) ?? this.#rebalancer.startOffset(processQueue),
    };
  }

  get consumerGroup(): string {
    return this.#settings.consumerGroup;
  }

  get clientId(): string {
    return this.#client.clientId;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  /**
   * Shares the queues of a topic with the other members of the group; before or after `start`.
   * @param expression tags separated by `||`, `*` for all (default), or `{ sql }`.
   * @param listener told when the queues of any subscribed topic were divided.
   * @throws UsageError when queues were assigned before.
   */
  async subscribe(topic: string, expression: string | SqlExpression = SUB_ALL, listener?: MessageQueueListener): Promise<void> {
    if (topic === '') {
      throw new UsageError('Topic can not be null or empty.');
    }
    this.#setMode('subscribe');
    const subscription = buildSubscription(topic, expression, this.#client.clock.nowMs());
    if (this.isRunning) {
      await this.#client.routes.resolve(topic);
      await checkExpressions(this.#client, this.consumerGroup, [subscription]);
    }
    this.#subscriptions.set(topic, subscription);
    this.#listener = listener;
    if (this.isRunning) {
      await this.#client.heartbeat();
      await this.#rebalancer.rebalance();
    }
  }

  /** Ends the subscription of a topic; its queues are given up. */
  async unsubscribe(topic: string): Promise<void> {
    this.#subscriptions.delete(topic);
    if (this.isRunning) {
      await this.#client.heartbeat();
      await this.#rebalancer.rebalance();
    }
  }

  /**
   * Reads these queues and no others, whoever else reads them; before or after `start`.
   * @throws UsageError when topics were subscribed before.
   */
  async assign(queues: readonly MessageQueue[]): Promise<void> {
    if (queues.length === 0) {
      throw new UsageError('Message queues can not be null or empty.');
    }
    this.#setMode('assign');
    const wanted = new Set(queues.map(queueKey));
    for (const [key, puller] of [...this.#assigned]) {
      if (!wanted.has(key)) {
        puller.stop();
        this.#syncOffset(puller.processQueue);
        puller.processQueue.dropped = true;
        this.#assigned.delete(key);
        await this.#offsets.persist(puller.processQueue.queue, { wait: false });
        this.#offsets.remove(puller.processQueue.queue);
      }
    }
    const begun: Promise<void>[] = [];
    for (const queue of queues) {
      const key = queueKey(queue);
      if (!this.#assigned.has(key)) {
        const puller = new LitePuller(this.#pullerParts, new ProcessQueue(queue, this.#client.clock.nowMs()));
        this.#assigned.set(key, puller);
        begun.push(this.isRunning ? this.#begin(puller) : Promise.resolve());
      }
    }
    await Promise.all(begun);
  }

  /**
   * The expression for assigned queues of a topic; `*` where none is set. Only before `start`.
   * @throws UsageError after the start, for an empty expression, and when topics were subscribed before.
   */
  setSubExpressionForAssign(topic: string, expression: string): void {
    if (expression.trim() === '') {
      throw new UsageError('subExpression can not be null or empty.');
    }
    if (this.#state !== 'created') {
      throw new UsageError('setAssignTag only can be called before start.');
    }
    this.#setMode('assign');
    this.#expressions.set(topic, buildSubscription(topic, expression, 0));
  }

  /**
   * Joins the group and begins to pull.
   * @throws ConnectError when no name server answers; BrokerError when a broker refuses an expression.
   */
  async start(): Promise<void> {
    if (this.#state !== 'created') {
      throw new UsageError(`consumer ${this.consumerGroup} was started before`);
    }
    await this.#offsets.load();
    this.#client.registerConsumer(this.#member());
    this.#traces?.start();
    this.#state = 'running';
    this.#startTimestamp = this.#client.clock.nowMs();
    this.#nextCommitMs = this.#startTimestamp + this.#settings.autoCommitIntervalMs;
    try {
      for (const topic of this.#topics()) {
        await this.#client.routes.refresh(topic);
      }
      await checkExpressions(this.#client, this.consumerGroup, this.#subscriptions.values());
      await this.#client.heartbeat();
      await this.#watch.start();
    } catch (error) {
      await this.shutdown();
      throw error;
    }
    if (this.#mode === 'subscribe') {
      await this.#rebalancer.rebalance();
    }
    for (const puller of this.#assigned.values()) {
      puller.start(0);
    }
  }

  /**
   * Stops pulling, commits, and leaves the group. With `autoCommit` that is everything but the messages of the last poll, which may not be
   * done: `commitSync` before commits those too.
   */
  async shutdown(): Promise<void> {
    if (this.#state !== 'running') {
      return;
    }
    this.#watch.stop();
    await this.#rebalancer.stop();
    const pullers = this.#pullers();
    for (const puller of pullers) {
      puller.stop();
      this.#syncOffset(puller.processQueue);
    }
    this.#state = 'stopped';
    this.#cache.close();
    await this.#offsets.persistAll(
      pullers.map(({ processQueue }) => processQueue.queue),
      { wait: true },
    );
    for (const { processQueue } of pullers) {
      processQueue.dropped = true;
    }
    await this.#client.unregisterConsumer(this.consumerGroup);
    await this.#traces?.close();
  }

  /**
   * Messages of one queue, at most `pullBatchSize`; none when nothing came in the time.
   * @throws UsageError when the consumer does not run.
   */
  async poll(timeoutMs: number = this.#settings.pollTimeoutMs): Promise<PulledMessage[]> {
    this.#checkRunning();
    if (timeoutMs < 0) {
      throw new UsageError('Timeout must not be negative');
    }
    const { clock } = this.#client;
    this.#settlePolled();
    if (this.#settings.autoCommit && clock.nowMs() >= this.#nextCommitMs) {
      this.#noteOffsets(this.#pullers());
      this.#nextCommitMs = clock.nowMs() + this.#settings.autoCommitIntervalMs;
    }
    const endMs = clock.monotonicMs() + timeoutMs;
    for (;;) {
      const chunk = await this.#cache.take(endMs - clock.monotonicMs());
      if (chunk === null) {
        return [];
      }
      if (chunk.queue.consume(chunk)) {
        this.#polled = chunk.queue;
        return chunk.messages;
      }
    }
  }

  /** The queues that are read now. */
  assignment(): MessageQueue[] {
    return this.#pullers().map(({ processQueue }) => processQueue.queue);
  }

  /** No pulls of these queues until `resume`; what was pulled before is still polled. */
  pause(queues: Iterable<MessageQueue>): void {
    for (const queue of queues) {
      this.#puller(queue)?.pause();
    }
  }

  resume(queues: Iterable<MessageQueue>): void {
    for (const queue of queues) {
      this.#puller(queue)?.resume();
    }
  }

  /**
   * Goes on at an offset of an assigned queue.
   * @throws UsageError for a queue that is not assigned, and an offset outside of the queue.
   */
  async seek(queue: MessageQueue, offset: number): Promise<void> {
    this.#assignedPuller(queue);
    const call = await this.#master(queue);
    const [minOffset, maxOffset] = [await getMinOffset(call, queue), await getMaxOffset(call, queue)];
    if (!(offset >= minOffset && offset <= maxOffset)) {
      throw new UsageError(`Seek offset illegal, seek offset = ${offset}, min offset = ${minOffset}, max offset = ${maxOffset}`);
    }
    this.#assignedPuller(queue).seek(offset);
  }

  async seekToBegin(queue: MessageQueue): Promise<void> {
    await this.seek(queue, await getMinOffset(await this.#master(queue), queue));
  }

  async seekToEnd(queue: MessageQueue): Promise<void> {
    await this.seek(queue, await getMaxOffset(await this.#master(queue), queue));
  }

  /** Commits everything that polls gave: noted now, and sent within `persistConsumerOffsetIntervalMs`. */
  commit(): void {
    this.#checkRunning();
    this.#settlePolled();
    this.#noteOffsets(this.#pullers());
  }

  /**
   * Commits and waits for the answers of the brokers.
   * @param what queues, whose polled messages are done, or the offsets to commit by queue; everything that polls gave when absent. Queues that
   * are not assigned are left out.
   * @throws what a broker answers, or the connection says.
   */
  async commitSync(what: ReadonlyMap<MessageQueue, number> | Iterable<MessageQueue> = this.assignment()): Promise<void> {
    this.#checkRunning();
    this.#settlePolled();
    const offsets = what instanceof Map ? what : new Map([...(what as Iterable<MessageQueue>)].map((queue) => [queue, null]));
    const commits: Promise<void>[] = [];
    for (const [queue, given] of offsets) {
      const puller = this.#puller(queue);
      const offset = given ?? puller?.consumeOffset ?? -1;
      if (puller !== undefined && offset >= 0) {
        this.#offsets.update(queue, offset, { increaseOnly: false });
        commits.push(this.#store(queue, offset));
      }
    }
    await Promise.all(commits);
  }

  /** The committed offset of the group; null when there is none. */
  async committed(queue: MessageQueue): Promise<number | null> {
    this.#checkRunning();
    return this.#offsets.get(queue) ?? this.#offsets.read(queue);
  }

  /** Offset of the first message stored at or after the time. */
  async offsetForTimestamp(queue: MessageQueue, timestampMs: number): Promise<number> {
    return searchOffset(await this.#master(queue), queue, { timestampMs });
  }

  /**
   * The readable queues of a topic, asked from the name server.
   * @throws NotFoundError when the topic has no route.
   */
  async fetchMessageQueues(topic: string): Promise<MessageQueue[]> {
    this.#checkRunning();
    const route = await this.#client.routes.refresh(topic);
    if (route === null) {
      throw noRouteError(topic, this.#client.namesrv.addresses);
    }
    return [...route.subscribeQueues];
  }

  /** Has a listener told when a topic gets or loses queues. A topic has one listener. */
  async registerTopicMessageQueueChangeListener(topic: string, listener: TopicQueuesListener): Promise<void> {
    await this.#watch.add(topic, listener, { isRunning: this.isRunning });
  }

  #setMode(mode: 'subscribe' | 'assign'): void {
    if (this.#mode !== null && this.#mode !== mode) {
      throw new UsageError('Subscribe and assign are mutually exclusive.');
    }
    this.#mode = mode;
  }

  #checkRunning(): void {
    if (!this.isRunning) {
      throw new UsageError('The consumer not running, please start it first.');
    }
  }

  #pullers(): LitePuller[] {
    return this.#mode === 'assign' ? [...this.#assigned.values()] : this.#rebalancer.pullers;
  }

  #puller(queue: MessageQueue): LitePuller | undefined {
    return this.#mode === 'assign' ? this.#assigned.get(queueKey(queue)) : this.#rebalancer.puller(queue);
  }

  #assignedPuller(queue: MessageQueue): LitePuller {
    this.#checkRunning();
    const puller = this.#puller(queue);
    if (puller === undefined) {
      const why = this.#mode === 'subscribe' ? ', may be rebalancing' : '';
      throw new UsageError(`The message queue is not in assigned list${why}, message queue: ${queueText(queue)}`);
    }
    return puller;
  }

  /** Begins to pull an assigned queue. */
  async #begin(puller: LitePuller): Promise<void> {
    const { topic } = puller.processQueue.queue;
    try {
      await this.#client.routes.resolve(topic);
      await this.#client.heartbeat();
    } finally {
      // Without a route the puller goes on looking for it: the queue is assigned.
      puller.start(0);
    }
  }

  #subscriptionOf(topic: string): SubscriptionData | undefined {
    return this.#mode === 'subscribe'
      ? this.#subscriptions.get(topic)
      : (this.#expressions.get(topic) ?? buildSubscription(topic, SUB_ALL, 0));
  }

  /** What the last poll gave counts as done. */
  #settlePolled(): void {
    if (this.#polled !== null) {
      this.#polled.processedOffset = this.#polled.consumeOffset;
      this.#polled = null;
    }
  }

  #noteOffsets(pullers: readonly LitePuller[]): void {
    for (const { processQueue, consumeOffset } of pullers) {
      if (consumeOffset >= 0 && !processQueue.dropped) {
        this.#offsets.update(processQueue.queue, consumeOffset, { increaseOnly: false });
      }
    }
  }

  /** A queue is given up: what is done of it for certain is committed with it. */
  #syncOffset(processQueue: ProcessQueue): void {
    const offset = this.#puller(processQueue.queue)?.processedOffset ?? -1;
    if (this.#settings.autoCommit && offset >= 0) {
      this.#offsets.update(processQueue.queue, offset, { increaseOnly: false });
    }
  }

  async #store(queue: MessageQueue, offset: number): Promise<void> {
    if (this.#settings.messageModel === MessageModel.BROADCASTING) {
      await this.#offsets.persist(queue, { wait: true });
    } else {
      await updateConsumerOffset(await this.#master(queue), queue, this.consumerGroup, offset);
    }
  }

  async #master(queue: MessageQueue): Promise<BrokerCall> {
    this.#checkRunning();
    return callToMaster(this.#client, queue);
  }

  /** Topics whose routes are needed. */
  #topics(): Set<string> {
    return new Set([...this.#subscriptions.keys(), ...[...this.#assigned.values()].map(({ processQueue }) => processQueue.queue.topic)]);
  }

  #member(): ConsumerMember {
    return {
      group: this.consumerGroup,
      topics: () => this.#topics(),
      heartbeatData: () => ({
        groupName: this.consumerGroup,
        consumeType: ConsumeType.CONSUME_ACTIVELY,
        messageModel: this.#settings.messageModel,
        consumeFromWhere: this.#settings.consumeFromWhere,
        subscriptionDataSet: [...this.#subscriptions.values()],
        unitMode: false,
      }),
      persistOffsets: () => void this.#offsets.persistAll(this.assignment(), { wait: false }),
      rebalanceImmediately: () => this.#rebalancer.wake(),
      resetOffsets: async () => {},
      consumerStatus: (topic) => this.#offsets.offsetsOf(topic),
      runningInfo: () =>
        buildLiteRunningInfo(
          { client: this.#client, offsets: this.#offsets, unreadable: this.#pullerParts.unreadable },
          {
            subscriptions: this.#subscriptions.values(),
            processQueues: this.#pullers().map(({ processQueue }) => processQueue),
            startTimestamp: this.#startTimestamp,
          },
        ),
      consumeDirectly: () => Promise.reject(new UsageError(`consumer ${this.consumerGroup} pulls: it has no listener`)),
    };
  }
}

import { ConnectError, MQError, UsageError } from '../../common/errors.js';
import { buildPullSysFlag } from '../../common/sys-flag.js';
import type { ResponseHandler } from '../../remoting/client.js';
import { RequestCode } from '../../remoting/codes.js';
import type { RemotingCommand } from '../../remoting/command.js';
import {
  type BrokerCall,
  getConsumerIdList,
  getEarliestMessageStoreTime,
  getMaxOffset,
  getMinOffset,
  queryConsumerOffset,
  searchOffset,
  updateConsumerOffset,
} from '../broker-requests.js';
import { throwLater } from '../callback.js';
import { compareText, type MessageQueue, queueKey } from '../message-queue.js';
import { MQClient } from '../mq-client.js';
import { brokerAddressUnknownError, noRouteError, notRunningError } from '../producer/send-errors.js';
import { validateClientGroup } from '../producer/validate.js';
import type { BrokerTarget } from '../route-table.js';
import { buildSubscription, type SqlExpression } from '../subscription.js';
import { type ClientOptions, ConsumeFromWhere, ConsumeType, MessageModel } from '../types.js';
import { type AllocateMessageQueueStrategy, allocateAveragely } from './allocate.js';
import { createOffsetStore, type OffsetStore } from './offset-store.js';
import { type PullContext, type PullResult, readPullResult } from './pull-result.js';
import type { PulledMessage } from './pulled-message.js';
import { inRange } from './push-settings.js';
import { emptyRunningInfo } from './running-info.js';
import { SendBack } from './send-back.js';
import { UnreadableMessages } from './unreadable-messages.js';

const MAX_INT = 2_147_483_647;

export interface PullConsumerOptions extends ClientOptions {
  consumerGroup: string;
  /** CLUSTERING: offsets live at the brokers (default). BROADCASTING: in a local file. */
  messageModel?: MessageModel;
  /** Folder of a broadcasting consumer's offsets. Default `~/.rocketmq_offsets`. */
  localOffsetStoreDir?: string;
  /** How often a message may be sent back before it goes to the dead letter queue. Default 16. */
  maxReconsumeTimes?: number;
  /** Divides the queues in `fetchMessageQueuesInBalance`. Default AVG. */
  allocateMessageQueueStrategy?: AllocateMessageQueueStrategy;
  /** Time-out of a pull that does not wait, ms. Default 10000. */
  consumerPullTimeoutMs?: number;
  /** How long a broker may hold a waiting pull, ms. Default 20000. */
  brokerSuspendMaxTimeMs?: number;
  /** Time-out of a waiting pull, ms; longer than the hold. Default 30000. */
  consumerTimeoutMsWhenSuspend?: number;
  client?: MQClient;
}

export interface PullOptions {
  /** Waits at the broker for a message when there is none. Default false. */
  blockIfNotFound?: boolean;
  timeoutMs?: number;
}

/** Gets the answer to {@link PullConsumer.pullAsync}: exactly one of the two is called, once a pull. */
export interface PullHandler {
  onPull(result: PullResult, context: unknown): void;
  onException(error: MQError, context: unknown): void;
}

/** One pull on its way. */
interface PendingPull extends PullContext {
  handler: PullHandler;
  context: unknown;
}

/**
 * Reads queues at offsets that the caller keeps.
 *
 * @example
 * ```ts
 * const consumer = new PullConsumer({ namesrvAddr: '127.0.0.1:9876', consumerGroup: 'CG_audit' });
 * await consumer.start();
 * for (const queue of await consumer.fetchMessageQueues('OrderPaid')) {
 *   const result = await consumer.pull(queue, '*', await consumer.minOffset(queue), 32);
 *   for (const message of result.messages) console.log(message.msgId, message.body.toString());
 * }
 * await consumer.shutdown();
 * ```
 */
export class PullConsumer {
  readonly #client: MQClient;
  readonly #group: string;
  readonly #pullTimeoutMs: number;
  readonly #suspendMs: number;
  readonly #suspendTimeoutMs: number;
  readonly #messageModel: MessageModel;
  readonly #strategy: AllocateMessageQueueStrategy;
  readonly #offsets: OffsetStore;
  readonly #sendBack: SendBack;
  readonly #topics = new Set<string>();
  /** Member that a broker suggested for a queue's next pull. */
  readonly #pullFromWhich = new Map<string, number>();
  readonly #responses: ResponseHandler;
  readonly #unreadable: UnreadableMessages;
  #running = false;

  constructor(options: PullConsumerOptions) {
    validateClientGroup('consumerGroup', options.consumerGroup);
    this.#group = options.consumerGroup;
    this.#pullTimeoutMs = options.consumerPullTimeoutMs ?? 10_000;
    this.#suspendMs = options.brokerSuspendMaxTimeMs ?? 20_000;
    this.#suspendTimeoutMs = options.consumerTimeoutMsWhenSuspend ?? 30_000;
    if (this.#suspendTimeoutMs < this.#suspendMs) {
      throw new UsageError(
        `consumerTimeoutMsWhenSuspend ${this.#suspendTimeoutMs} is shorter than brokerSuspendMaxTimeMs ${this.#suspendMs}`,
      );
    }
    this.#messageModel = options.messageModel ?? MessageModel.CLUSTERING;
    // The name of a broadcasting consumer's offset file contains the client id, so it must be the same after a restart.
    const instanceName = options.instanceName ?? (this.#messageModel === MessageModel.BROADCASTING ? 'DEFAULT' : undefined);
    this.#client = options.client ?? new MQClient({ ...options, ...(instanceName === undefined ? {} : { instanceName }) });
    this.#strategy = options.allocateMessageQueueStrategy ?? allocateAveragely;
    this.#offsets = createOffsetStore(this.#client, options);
    this.#unreadable = new UnreadableMessages(this.#client.logger);
    const maxReconsumeTimes = inRange('maxReconsumeTimes', options.maxReconsumeTimes ?? 16, -1, MAX_INT);
    const settings = { consumerGroup: this.#group, maxReconsumeTimes, isOrdered: false };
    this.#sendBack = new SendBack({ client: this.#client, settings });
    this.#responses = {
      onResponse: (response, context) => this.#onResponse(response, context as PendingPull),
      onError: (error, context) => this.#call(() => (context as PendingPull).handler.onException(error, (context as PendingPull).context)),
    };
  }

  get consumerGroup(): string {
    return this.#group;
  }

  get clientId(): string {
    return this.#client.clientId;
  }

  /** Registers the consumer; brokers learn of it with the next heartbeat. */
  async start(): Promise<void> {
    if (this.#running) {
      throw new UsageError(`consumer ${this.#group} is already started`);
    }
    await this.#offsets.load();
    this.#client.registerConsumer({
      group: this.#group,
      topics: () => this.#topics,
      heartbeatData: () => ({
        groupName: this.#group,
        consumeType: ConsumeType.CONSUME_ACTIVELY,
        messageModel: this.#messageModel,
        consumeFromWhere: ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET,
        subscriptionDataSet: [...this.#topics].map((topic) => buildSubscription(topic, '*', 0)),
        unitMode: false,
      }),
      persistOffsets: () => void (this.#messageModel === MessageModel.BROADCASTING && this.#offsets.persistAll([], { wait: false })),
      rebalanceImmediately: () => {},
      resetOffsets: async () => {},
      consumerStatus: () => new Map(),
      runningInfo: () => emptyRunningInfo(this.#client, ConsumeType.CONSUME_ACTIVELY),
      consumeDirectly: () => Promise.reject(new UsageError(`consumer ${this.#group} pulls: it has no listener`)),
    });
    this.#running = true;
  }

  /** Unregisters. Pulls on their way end with a connection error. */
  async shutdown(): Promise<void> {
    if (!this.#running) {
      return;
    }
    this.#running = false;
    await this.#client.unregisterConsumer(this.#group);
  }

  /**
   * The readable queues of a topic, asked from the name server.
   * @throws NotFoundError when the topic has no route.
   */
  async fetchMessageQueues(topic: string): Promise<MessageQueue[]> {
    const route = await this.#client.routes.refresh(topic);
    if (route === null) {
      throw noRouteError(topic, this.#client.namesrv.addresses);
    }
    this.#use(topic);
    return [...route.subscribeQueues];
  }

  /** The same as `fetchMessageQueues`, by the name it has elsewhere. */
  fetchSubscribeMessageQueues(topic: string): Promise<MessageQueue[]> {
    return this.fetchMessageQueues(topic);
  }

  /**
   * This member's share of a topic's queues, if the members of the group that use the topic now divide them; all when it broadcasts.
   * @throws NotFoundError when the topic has no route; ConnectError when no broker of it says who the members are.
   */
  async fetchMessageQueuesInBalance(topic: string): Promise<MessageQueue[]> {
    const queues = await this.fetchMessageQueues(topic);
    if (this.#messageModel === MessageModel.BROADCASTING) {
      return queues;
    }
    // The brokers must know this member before they are asked.
    await this.#client.heartbeat();
    const [first] = queues;
    const clientIds = (first === undefined ? null : await getConsumerIdList(await this.#master(first), this.#group)) ?? [this.clientId];
    return this.#strategy.allocate({
      consumerGroup: this.#group,
      clientId: this.clientId,
      queues,
      clientIds: [...new Set(clientIds)].sort(compareText),
    });
  }

  /**
   * Pulls at most `maxNums` messages from an offset.
   * @param expression tags separated by `||`, `*` for all, or `{ sql }`.
   * @returns the status FOUND with messages; NO_NEW_MSG, NO_MATCHED_MSG and OFFSET_ILLEGAL without: go on at `nextBeginOffset`.
   * @throws BrokerError and its like for other codes.
   */
  async pull(
    queue: MessageQueue,
    expression: string | SqlExpression | null,
    offset: number,
    maxNums: number,
    options: PullOptions = {},
  ): Promise<PullResult> {
    await this.#target(queue);
    return new Promise((resolve, reject) => {
      this.pullAsync(queue, expression, offset, maxNums, { onPull: resolve, onException: reject }, null, options);
    });
  }

  /** A pull that waits at the broker for a message when there is none. */
  pullBlockIfNotFound(
    queue: MessageQueue,
    expression: string | SqlExpression | null,
    offset: number,
    maxNums: number,
  ): Promise<PullResult> {
    return this.pull(queue, expression, offset, maxNums, { blockIfNotFound: true });
  }

  /** The same for callers that keep many pulls going: no promise. The route of the topic must be known (`fetchMessageQueues`). */
  pullAsync(
    queue: MessageQueue,
    expression: string | SqlExpression | null,
    offset: number,
    maxNums: number,
    handler: PullHandler,
    context: unknown,
    options: PullOptions = {},
  ): void {
    const target = this.#cachedTarget(queue);
    if (target === undefined || !this.#running) {
      handler.onException(this.#running ? brokerAddressUnknownError(queue) : notRunningError('consumer'), context);
      return;
    }
    const block = options.blockIfNotFound ?? false;
    const subscription = buildSubscription(queue.topic, expression, 0);
    const extFields: Record<string, string> = {
      consumerGroup: this.#group,
      topic: queue.topic,
      queueId: String(queue.queueId),
      queueOffset: String(offset),
      maxMsgNums: String(maxNums),
      sysFlag: String(buildPullSysFlag({ suspend: block, subscription: true })),
      commitOffset: '0',
      suspendTimeoutMillis: String(this.#suspendMs),
      subscription: subscription.subString,
      subVersion: '0',
      expressionType: subscription.expressionType,
      maxMsgBytes: String(MAX_INT),
      bname: queue.brokerName,
    };
    const pending: PendingPull = {
      queue,
      handler,
      context,
      addr: target.addr,
      tagsSet: subscription.tagsSet,
      queueOffset: offset,
      unreadable: this.#unreadable,
    };
    const timeoutMs = options.timeoutMs ?? (block ? this.#suspendTimeoutMs : this.#pullTimeoutMs);
    this.#client.remoting.send(target.addr, { code: RequestCode.PULL_MESSAGE, extFields }, timeoutMs, this.#responses, pending);
  }

  /** Offset behind the last message. */
  async maxOffset(queue: MessageQueue): Promise<number> {
    return getMaxOffset(await this.#master(queue), queue);
  }

  /** Offset of the first message that is still there. */
  async minOffset(queue: MessageQueue): Promise<number> {
    return getMinOffset(await this.#master(queue), queue);
  }

  /** Offset of the first message stored at or after the time (UPPER: the last one at or before it). */
  async searchOffset(queue: MessageQueue, timestampMs: number, boundaryType: 'LOWER' | 'UPPER' = 'LOWER'): Promise<number> {
    return searchOffset(await this.#master(queue), queue, { timestampMs, boundaryType });
  }

  /** Store time of the first message, ms; −1 when there is none. */
  async earliestMessageStoreTime(queue: MessageQueue): Promise<number> {
    return getEarliestMessageStoreTime(await this.#master(queue), queue);
  }

  /** Committed offset of this consumer's group; null when there is none. A young queue answers 0 (see PushConsumer). */
  async fetchConsumeOffset(queue: MessageQueue): Promise<number | null> {
    if (this.#messageModel === MessageModel.BROADCASTING) {
      return this.#offsets.read(queue);
    }
    return queryConsumerOffset(await this.#master(queue), queue, this.#group);
  }

  /** Commits an offset for this consumer's group. */
  async updateConsumeOffset(queue: MessageQueue, offset: number): Promise<void> {
    if (this.#messageModel === MessageModel.BROADCASTING) {
      this.#offsets.update(queue, offset, { increaseOnly: false });
      await this.#offsets.persist(queue, { wait: true });
      return;
    }
    await updateConsumerOffset(await this.#master(queue), queue, this.#group, offset);
  }

  /**
   * Gives a message that could not be worked on back: it comes again in the group's retry topic, or ends in its dead letter queue.
   * @param delayLevel −1 straight to the dead letter queue, 0 the broker's next delay, more: that delay level.
   * @throws ConnectError when no broker took it; why is in the log.
   */
  async sendMessageBack(message: PulledMessage, delayLevel: number): Promise<void> {
    if (!this.#running) {
      throw notRunningError('consumer');
    }
    if (!(await this.#sendBack.send(message, message, delayLevel))) {
      throw new ConnectError(`message ${message.msgId} could not be given back to broker ${message.brokerName}`, {
        code: 'SEND_BACK_FAILED',
      });
    }
  }

  #onResponse(response: RemotingCommand, pending: PendingPull): void {
    let result: PullResult;
    try {
      result = readPullResult(response, pending);
    } catch (error) {
      if (error instanceof MQError) {
        this.#call(() => pending.handler.onException(error, pending.context));
        return;
      }
      throw error;
    }
    if (result.suggestWhichBrokerId !== 0 || this.#pullFromWhich.size > 0) {
      this.#pullFromWhich.set(queueKey(pending.queue), result.suggestWhichBrokerId);
    }
    this.#call(() => pending.handler.onPull(result, pending.context));
  }

  #call(callback: () => void): void {
    try {
      callback();
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  #use(topic: string): void {
    if (!this.#topics.has(topic)) {
      this.#topics.add(topic);
      void this.#client.heartbeat();
    }
  }

  #cachedTarget(queue: MessageQueue): BrokerTarget | undefined {
    const brokerId = this.#pullFromWhich.size === 0 ? 0 : (this.#pullFromWhich.get(queueKey(queue)) ?? 0);
    return this.#client.routes.readAddr(queue.brokerName, brokerId);
  }

  async #target(queue: MessageQueue): Promise<BrokerTarget> {
    if (!this.#running) {
      throw notRunningError('consumer');
    }
    let target = this.#cachedTarget(queue);
    if (target === undefined) {
      await this.#client.routes.refresh(queue.topic);
      target = this.#cachedTarget(queue);
    }
    if (target === undefined) {
      throw brokerAddressUnknownError(queue);
    }
    this.#use(queue.topic);
    return target;
  }

  async #master(queue: MessageQueue): Promise<BrokerCall> {
    const target = await this.#target(queue);
    const addr = this.#client.routes.masterAddr(queue.brokerName) ?? target.addr;
    return { remoting: this.#client.remoting, addr, timeoutMs: this.#client.apiTimeoutMs };
  }
}

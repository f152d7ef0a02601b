import { compressBody, compressionSysFlag, loadCompression } from '../../common/compression.js';
import { type MQError, UsageError } from '../../common/errors.js';
import type { Message } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import { MessageSysFlag } from '../../common/sys-flag.js';
import type { MessageQueue } from '../message-queue.js';
import { MQClient } from '../mq-client.js';
import { withNamespace, withoutNamespace } from '../namespace.js';
import type { ReplyMessage } from '../reply-table.js';
import { SendTrace } from '../trace/send-trace.js';
import { TraceDispatcher } from '../trace/trace-dispatcher.js';
import type { SendResult } from '../types.js';
import { AsyncSender } from './async-sender.js';
import { AutoBatcher } from './auto-batch.js';
import { encodeMessages } from './batch.js';
import { BrokerDetector } from './broker-detector.js';
import { FaultStrategy } from './fault-strategy.js';
import { InFlight } from './in-flight.js';
import { propertiesText } from './message-properties.js';
import { type AttemptSink, PendingSend, type SendHandler } from './pending-send.js';
import { type ProducerOptions, type ProducerSettings, producerSettings, type SendOptions } from './producer-options.js';
import { recallMessage } from './recall.js';
import { isReply, type RepliableMessage, replyTo } from './reply.js';
import { sendRequest } from './request.js';
import { type MessageQueueSelector, selectByShardingKey } from './selectors.js';
import { asMQError, notRunningError } from './send-errors.js';
import { type ProducerStats, SendStats } from './send-stats.js';
import { newAttempt, type SendTarget, SyncSender } from './sync-sender.js';
import { SendTransmitter } from './transmitter.js';
import { validateClientGroup, validateMessage } from './validate.js';

export type { ProducerOptions, SendOptions } from './producer-options.js';

const SELECTOR_NULL = 'the queue selector returned no queue';

/**
 * Sends messages.
 *
 * @example
 * ```ts
 * const producer = new Producer({ namesrvAddr: '127.0.0.1:9876', producerGroup: 'PG_order' });
 * await producer.start();
 * const result = await producer.send({ topic: 'OrderPaid', body: Buffer.from('42'), tags: 'eu', keys: 'order-42' });
 * console.log(result.msgId, result.sendStatus);
 * await producer.shutdown();
 * ```
 */
export class Producer {
  readonly #client: MQClient;
  readonly #options: ProducerOptions;
  readonly #settings: ProducerSettings;
  readonly #stats = new SendStats();
  readonly #inFlight = new InFlight();
  readonly #transmitter: SendTransmitter;
  readonly #sync: SyncSender;
  readonly #async: AsyncSender;
  readonly #detector: BrokerDetector | null;
  readonly #batcher: AutoBatcher | null;
  readonly #traces: TraceDispatcher | undefined;
  /** What this producer does, for the trace topic; undefined without `enableMsgTrace`. @internal */
  readonly trace: SendTrace | undefined;
  #running = false;

  constructor(options: ProducerOptions) {
    validateClientGroup('producerGroup', options.producerGroup);
    const settings = producerSettings(options);
    const client = options.client ?? new MQClient(options);
    const stats = this.#stats;
    const faults = settings.sendLatencyFaultEnable ? new FaultStrategy(client.clock) : null;
    const transmitter = new SendTransmitter(
      client,
      {
        producerGroup: settings.producerGroup,
        createTopicKey: settings.createTopicKey,
        defaultTopicQueueNums: settings.defaultTopicQueueNums,
      },
      {
        stats,
        faults,
        detectsBrokers: settings.startDetectorEnable,
        sendMsgMaxTimeoutPerRequestMs: settings.sendMsgMaxTimeoutPerRequestMs,
      },
    );
    this.#options = options;
    this.#settings = settings;
    this.#client = client;
    this.#transmitter = transmitter;
    const { producerGroup: group, namespace } = settings;
    this.#traces = TraceDispatcher.of(client, options, { group, kind: 'PRODUCE' });
    this.trace = this.#traces === undefined ? undefined : new SendTrace(this.#traces, { clock: client.clock, group, namespace });
    const init = { client, transmitter, settings, stats, trace: this.trace };
    this.#sync = new SyncSender(init);
    this.#async = new AsyncSender({ ...init, inFlight: this.#inFlight });
    const { detectTimeoutMs: timeoutMs, detectIntervalMs: intervalMs } = settings;
    this.#detector =
      faults !== null && settings.startDetectorEnable
        ? new BrokerDetector({ client, faults, topics: () => transmitter.topics(), timeoutMs, intervalMs })
        : null;
    this.#batcher = settings.autoBatch ? this.#createBatcher() : null;
  }

  get producerGroup(): string {
    return this.#options.producerGroup;
  }

  get clientId(): string {
    return this.#client.clientId;
  }

  /** Sends without an answer yet. */
  get inFlight(): number {
    return this.#inFlight.count;
  }

  /** What happened so far, attempts and failures included. */
  stats(): ProducerStats {
    return this.#stats.snapshot({ waiting: this.#async.waiting, lateReplies: this.#client.replies.lateReplies });
  }

  /** Registers the producer. No broker is asked before the first send; `topics` are looked up at once, so that it is fast. */
  async start(topics: readonly string[] = []): Promise<void> {
    if (this.#running) {
      throw new UsageError(`producer ${this.producerGroup} is already started`);
    }
    if (this.#settings.compressType === 'ZSTD') {
      await loadCompression('ZSTD');
    }
    this.#client.registerProducer({ group: this.#settings.producerGroup, topics: () => this.#transmitter.topics() });
    this.#traces?.start();
    this.#running = true;
    this.#detector?.start();
    for (const topic of topics) {
      await this.#transmitter.resolve(this.#wrap(topic), this.#settings.sendMsgTimeoutMs);
    }
  }

  /** Refuses new sends, waits for those on their way (each ends within its time-out), and unregisters. */
  async shutdown(): Promise<void> {
    if (!this.#running) {
      return;
    }
    this.#running = false;
    this.#batcher?.flush();
    this.#detector?.stop();
    await this.#inFlight.idle();
    this.#async.close();
    await this.#traces?.close();
    await this.#client.unregisterProducer(this.#settings.producerGroup);
  }

  /** The queues of a topic that can be sent to. */
  async fetchPublishMessageQueues(topic: string): Promise<MessageQueue[]> {
    const publish = await this.#transmitter.resolve(this.#wrap(topic), this.#settings.sendMsgTimeoutMs);
    return this.#visibleQueues(publish.queues);
  }

  /**
   * Sends one message and waits for the broker's answer.
   *
   * Without a queue, transport errors and the broker codes 1, 2, 14, 16, 17, 204, 205 and 1500 are tried again on another broker,
   * while the time lasts. An earlier attempt may have stored the message: duplicates carry the same `msgId`.
   * @throws UsageError for a message that cannot be sent; NotFoundError without route; BrokerError, DeniedError, ConnectError,
   * TimeoutError for the last attempt, with all attempts in its context.
   */
  send(message: Message, options: SendOptions = {}): Promise<SendResult> {
    return this.#inFlight.track(async () => {
      const outgoing = this.#checked(message, options.queue);
      const queue = this.#wrapQueue(options.queue);
      if (this.#batcher !== null && options.timeoutMs === undefined) {
        const batched = this.#sendBatched(this.#batcher, outgoing, queue);
        if (batched !== null) {
          return batched;
        }
      }
      return this.#sendNow(outgoing, { queue }, options.timeoutMs);
    });
  }

  /**
   * Sends to the queue a selector picks from the topic's writeable queues; there is one attempt.
   * @throws UsageError when the selector picks none.
   * @example
   * ```ts
   * await producer.sendBySelector(message, selectByHash, order.id);
   * await producer.sendBySelector(message, (queues, _message, shop: number) => queues[shop % queues.length], 7);
   * ```
   */
  sendBySelector<Arg>(message: Message, selector: MessageQueueSelector<Arg>, arg: Arg, options: SendOptions = {}): Promise<SendResult> {
    return this.#inFlight.track(async () => {
      const outgoing = this.#checked(message);
      const queue = await this.#selectQueue(message, outgoing.topic, selector, arg, options.timeoutMs);
      return this.#sendNow(outgoing, { queue }, options.timeoutMs);
    });
  }

  /**
   * Sends a message of an ordered group (`__SHARDINGKEY`): messages of one group go to one queue, so consumers that keep the order of
   * queues get them in the order of sending. Send the next one when this one is answered.
   * @example
   * ```ts
   * await producer.sendOrderly({ topic: 'OrderSteps', body: Buffer.from('paid') }, 'order-42');
   * ```
   */
  sendOrderly(message: Message, messageGroup: string, options: SendOptions = {}): Promise<SendResult> {
    const properties = new Map(message.properties);
    properties.set(MessageConst.SHARDING_KEY, messageGroup);
    return this.sendBySelector({ ...message, properties }, selectByShardingKey, null, options);
  }

  /**
   * Sends several messages of one topic as one request; they are stored with consecutive offsets of one queue. There is no
   * compression and no splitting: the whole must fit into `maxMessageSize`, see {@link splitBatch}.
   * @throws UsageError when topics or `waitStoreMsgOK` differ, for delayed messages, for retry topics and for too many bytes.
   */
  sendBatch(messages: readonly Message[], options: SendOptions = {}): Promise<SendResult> {
    return this.#inFlight.track(async () => {
      const outgoing = messages.map((message) => this.#checked(message, options.queue));
      return this.#sendMessages(outgoing, this.#wrapQueue(options.queue), options.timeoutMs);
    });
  }

  /** {@link sendBatch} with a handler instead of a promise, and the retries of {@link sendAsync}. */
  sendBatchAsync(messages: readonly Message[], handler: SendHandler, context: unknown, queue?: MessageQueue): boolean {
    let pending: PendingSend;
    try {
      const outgoing = messages.map((message) => this.#checked(message, queue));
      const init = { sink: this.#async, handler, context, queue: this.#wrapQueue(queue) };
      pending = this.#pendingBatch(outgoing, init);
    } catch (error) {
      this.#refuse(handler, context, asMQError(error));
      return true;
    }
    return this.#async.send(pending);
  }

  /** Sends without an answer: the promise resolves when the bytes are handed to the connection, whatever becomes of them. */
  sendOneway(message: Message, options: SendOptions = {}): Promise<void> {
    return this.#inFlight.track(async () => {
      await this.#oneway(this.#checked(message, options.queue), this.#wrapQueue(options.queue), options.timeoutMs);
    });
  }

  /** Sends without an answer to the queue that a selector picks. */
  sendOnewayBySelector<Arg>(message: Message, selector: MessageQueueSelector<Arg>, arg: Arg, options: SendOptions = {}): Promise<void> {
    return this.#inFlight.track(async () => {
      const outgoing = this.#checked(message);
      const queue = await this.#selectQueue(message, outgoing.topic, selector, arg, options.timeoutMs);
      await this.#oneway(outgoing, queue, options.timeoutMs);
    });
  }

  /**
   * Hot path: sends without a promise. The handler gets exactly one call a message, never before this returns. Transport errors are
   * tried again on another broker; error codes of a broker are not. The body must not change until the handler was called.
   *
   * What is on its way is bounded by the caller, or with `enableBackpressureForAsyncMode` by permits: a message without one waits in
   * line within its time-out.
   * @returns false when the message waits for a permit; `ready()` tells when the next one would not.
   * @example
   * ```ts
   * for await (const line of lines) {
   *   if (!producer.sendAsync({ topic: 'Lines', body: Buffer.from(line) }, handler, line)) await producer.ready();
   * }
   * ```
   */
  sendAsync(message: Message, handler: SendHandler, context: unknown, queue?: MessageQueue): boolean {
    const outgoing = this.#settings.namespace === '' ? message : this.#outgoing(message);
    const refused = this.#running ? validateMessage(outgoing, this.#settings.maxMessageSize) : notRunningError('producer');
    if (refused !== null) {
      this.#refuse(handler, context, refused);
      return true;
    }
    const to = queue === undefined ? undefined : this.#wrapQueue(queue);
    if (this.#batcher?.add(outgoing, handler, context, to) === true) {
      return true;
    }
    const nowMs = this.#client.clock.monotonicMs();
    const pending = new PendingSend(outgoing, this.#async, handler, context, to, nowMs, this.#settings.sendMsgTimeoutMs);
    return this.#async.send(this.#prepare(pending));
  }

  /** Sends without a promise to the queue that a selector picks; the topic's route may have to be asked for first. */
  sendAsyncBySelector<Arg>(message: Message, selector: MessageQueueSelector<Arg>, arg: Arg, handler: SendHandler, context: unknown): void {
    const start = async (): Promise<void> => {
      const outgoing = this.#checked(message);
      const queue = await this.#selectQueue(message, outgoing.topic, selector, arg, undefined);
      this.#async.send(this.#pending(outgoing, { sink: this.#async, handler, context, queue }));
    };
    this.#inFlight.track(start).catch((error: unknown) => this.#refuse(handler, context, asMQError(error)));
  }

  /** Resolves when `sendAsync` would not have to wait for a permit. */
  ready(): Promise<void> {
    return this.#async.ready();
  }

  /**
   * Sends a message to a consumer and waits for its reply.
   * @param timeoutMs for the way there, the consumer's work and the way back.
   * @throws TimeoutError with code REPLY_TIMEOUT when the message was sent and no reply came; what `send` throws when it was not.
   * @example
   * ```ts
   * const reply = await producer.request({ topic: 'PriceOf', body: Buffer.from('apples') }, 3000);
   * console.log(reply.body.toString());
   * ```
   */
  async request(message: Message, timeoutMs: number = this.#settings.sendMsgTimeoutMs, queue?: MessageQueue): Promise<ReplyMessage> {
    const outgoing = this.#checked(message, queue);
    const parts = { client: this.#client, transmitter: this.#transmitter, sender: this.#async };
    return sendRequest(parts, {
      message: outgoing,
      timeoutMs,
      pend: (copy, handler, remainingMs) =>
        this.#pending(copy, { sink: this.#async, handler, timeoutMs: remainingMs, queue: this.#wrapQueue(queue) }),
    });
  }

  /**
   * Answers a request that a consumer got. The first attempt goes to the broker the request came from, which knows the requester.
   * @throws UsageError when the message is no request; BrokerError with code 1 when the requester is gone.
   */
  reply(request: RepliableMessage, body: Buffer, options: SendOptions = {}): Promise<SendResult> {
    return this.#inFlight.track(async () => {
      const target = { queue: options.queue, firstBroker: request.brokerName };
      return this.#sendNow(this.#checked(replyTo(request, body), options.queue), target, options.timeoutMs);
    });
  }

  /**
   * Takes back a message that waits for its delivery time (`delayTimeSec`, `delayTimeMs`, `deliverTimeMs`). The broker must allow it:
   * recallMessageEnable=true.
   * @param recallHandle of the send's result
   * @returns the message's msgId
   * @throws DeniedError where recalls are not allowed; BrokerError with code 604 when the time is over or the handle names another topic.
   */
  recallMessage(topic: string, recallHandle: string): Promise<string> {
    return this.#inFlight.track(async () => {
      if (!this.#running) {
        throw notRunningError('producer');
      }
      const { producerGroup, sendMsgTimeoutMs: timeoutMs } = this.#settings;
      const parts = { client: this.#client, transmitter: this.#transmitter, trace: this.trace };
      return recallMessage(parts, { producerGroup, topic: this.#wrap(topic), recallHandle, timeoutMs });
    });
  }

  #sendNow(message: Message, target: SendTarget, timeoutMs: number | undefined): Promise<SendResult> {
    return this.#sync.send(this.#pending(message, { sink: this.#sync, context: newAttempt(), timeoutMs }), target);
  }

  /** Several messages as a batch, one as itself. */
  #sendMessages(messages: readonly Message[], queue: MessageQueue | undefined, timeoutMs?: number): Promise<SendResult> {
    return this.#sync.send(this.#pendingBatch(messages, { sink: this.#sync, context: newAttempt(), timeoutMs }), { queue });
  }

  async #oneway(message: Message, queue: MessageQueue | undefined, timeoutMs: number | undefined): Promise<void> {
    const pending = this.#pending(message, { sink: this.#sync, timeoutMs, queue });
    try {
      const publish = await this.#transmitter.publishFor(pending, queue);
      if (publish !== null) {
        pending.queue = this.#transmitter.select(publish) ?? pending.queue;
      }
      await this.#transmitter.transmitOneway(pending);
      this.#stats.succeeded++;
    } catch (error) {
      this.#stats.failed++;
      throw error;
    }
  }

  #sendBatched(batcher: AutoBatcher, message: Message, queue: MessageQueue | undefined): Promise<SendResult> | null {
    let isTaken = false;
    const result = new Promise<SendResult>((resolve, reject) => {
      isTaken = batcher.add(message, { onSuccess: resolve, onException: reject }, null, queue);
    });
    return isTaken ? result : null;
  }

  async #selectQueue<Arg>(
    message: Message,
    topic: string,
    selector: MessageQueueSelector<Arg>,
    arg: Arg,
    timeoutMs: number | undefined,
  ): Promise<MessageQueue> {
    const publish = await this.#transmitter.resolve(topic, timeoutMs ?? this.#settings.sendMsgTimeoutMs);
    const queue = selector(this.#visibleQueues(publish.queues), message, arg);
    if (queue === null || queue === undefined) {
      throw new UsageError(`${SELECTOR_NULL} (topic ${message.topic}, ${publish.queues.length} queues)`);
    }
    return this.#wrapQueue(queue) as MessageQueue;
  }

  #pending(message: Message, init: PendingInit): PendingSend {
    return this.#prepare(this.#bare(message, init));
  }

  /** Gives the message its unique id and compresses its body; both stay the same over all attempts. */
  #prepare(pending: PendingSend): PendingSend {
    const { properties, body } = pending.message;
    pending.msgId = properties?.get(MessageConst.UNIQ_KEY) ?? this.#client.uniqKeys.create();
    if (body.length >= this.#settings.compressMsgBodyOverHowmuch) {
      const { compressType, compressLevel } = this.#settings;
      pending.body = compressBody(body, compressType, compressLevel);
      pending.sysFlag |= compressionSysFlag(compressType);
    }
    if (properties !== undefined && properties.get(MessageConst.TRAN_MSG) === 'true') {
      pending.sysFlag |= MessageSysFlag.TRANSACTION_PREPARED_TYPE;
    }
    return pending;
  }

  #pendingBatch(messages: readonly Message[], init: PendingInit): PendingSend {
    const { outer, msgIds } = encodeMessages(messages, this.#settings.maxMessageSize, () => this.#client.uniqKeys.create());
    const pending = this.#bare(outer, init);
    pending.messages = messages;
    // An id of the batch's own only where it is asked for: brokers append these properties to every message's, the last UNIQ_KEY counts.
    pending.properties = propertiesText(outer, this.#settings.innerBatch ? this.#client.uniqKeys.create() : '');
    pending.msgId = msgIds;
    return pending;
  }

  #bare(message: Message, init: PendingInit): PendingSend {
    const { sink, handler = null, context = null, queue, timeoutMs = this.#settings.sendMsgTimeoutMs } = init;
    return new PendingSend(message, sink, handler, context, queue, this.#client.clock.monotonicMs(), timeoutMs);
  }

  /** The message as brokers know it. */
  #checked(message: Message, queue?: MessageQueue): Message {
    if (!this.#running) {
      throw notRunningError('producer');
    }
    const outgoing = this.#outgoing(message);
    const problem = validateMessage(outgoing, this.#settings.maxMessageSize);
    if (problem !== null) {
      throw problem;
    }
    if (queue !== undefined && queue.topic !== message.topic) {
      throw new UsageError(`the message's topic ${message.topic} is not the queue's topic ${queue.topic}`);
    }
    return outgoing;
  }

  /** With the namespace in its topic. A reply goes to a topic of the cluster, which belongs to no namespace. */
  #outgoing(message: Message): Message {
    const { namespace } = this.#settings;
    if (namespace === '' || typeof message?.topic !== 'string' || isReply(message)) {
      return message;
    }
    const properties = new Map(message.properties).set(MessageConst.INSTANCE_ID, namespace);
    return { ...message, topic: withNamespace(namespace, message.topic), properties };
  }

  #wrap(topic: string): string {
    return withNamespace(this.#settings.namespace, topic);
  }

  #wrapQueue(queue: MessageQueue | undefined): MessageQueue | undefined {
    return queue === undefined || this.#settings.namespace === '' ? queue : { ...queue, topic: this.#wrap(queue.topic) };
  }

  #visibleQueues(queues: readonly MessageQueue[]): MessageQueue[] {
    const { namespace } = this.#settings;
    return namespace === '' ? [...queues] : queues.map((queue) => ({ ...queue, topic: withoutNamespace(namespace, queue.topic) }));
  }

  /** Tells a handler later, as its contract says. */
  #refuse(handler: SendHandler, context: unknown, error: MQError): void {
    this.#client.timers.setImmediate(() => handler.onException(error, context));
  }

  #createBatcher(): AutoBatcher {
    const { batchMaxDelayMs: maxDelayMs, batchMaxBytes: maxBytes, totalBatchMaxBytes: totalBytes } = this.#settings;
    return new AutoBatcher({
      maxDelayMs,
      maxBytes,
      totalBytes,
      clock: this.#client.clock,
      timers: this.#client.timers,
      send: (messages, queue) =>
        this.#inFlight.track(() => {
          const [only] = messages;
          return messages.length === 1 && only !== undefined
            ? this.#sendNow(only, { queue }, undefined)
            : this.#sendMessages(messages, queue);
        }),
    });
  }
}

interface PendingInit {
  sink: AttemptSink;
  handler?: SendHandler | null;
  context?: unknown;
  timeoutMs?: number | undefined;
  queue?: MessageQueue | undefined;
}

import { compressBody, compressionSysFlag } from '../../common/compression.js';
import { ConnectError, MQError, TimeoutError, UsageError } from '../../common/errors.js';
import { MAX_MESSAGE_BODY_BYTES } from '../../common/limits.js';
import { encodeBatch } from '../../common/message/batch.js';
import type { Message } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import { responseError } from '../../remoting/client.js';
import type { RemotingCommand } from '../../remoting/command.js';
import { throwLater } from '../callback.js';
import type { MessageQueue } from '../message-queue.js';
import { MQClient } from '../mq-client.js';
import { type ClientOptions, type SendResult, SendStatus } from '../types.js';
import { propertiesText } from './message-properties.js';
import { type AttemptSink, PendingSend, type SendHandler } from './pending-send.js';
import type { TopicPublishInfo } from './publish-info.js';
import type { MessageQueueSelector } from './selectors.js';
import { callTimeoutError, notRunningError, sendFailedError } from './send-errors.js';
import { DEFAULT_CREATE_TOPIC_KEY } from './send-request.js';
import { RETRY_RESPONSE_CODES, readSendResult, sendStatusOf } from './send-response.js';
import { SendTransmitter } from './transmitter.js';
import { batchTooLargeError, validateBatch, validateClientGroup, validateMessage } from './validate.js';

const SELECTOR_NULL = 'the queue selector returned no queue';

export interface ProducerOptions extends ClientOptions {
  producerGroup: string;
  /** Further attempts of `send` after the first. Default 2. */
  retryTimesWhenSendFailed?: number;
  /** Further attempts of `sendAsync` after the first. Default 2. */
  retryTimesWhenSendAsyncFailed?: number;
  /** Also a status other than SEND_OK makes `send` try another broker. Default false. */
  retryAnotherBrokerWhenNotStoreOK?: boolean;
  /** Budget of one send, all its attempts together, ms. Default 3000. */
  sendMsgTimeoutMs?: number;
  /** Bodies of at least so many bytes are compressed. Default 4096. */
  compressMsgBodyOverHowmuch?: number;
  /** zlib level, 0 to 9. Default 5. */
  compressLevel?: number;
  /** Largest body before compression, bytes. Default 4 MiB. */
  maxMessageSize?: number;
  /** Topic whose configuration a broker copies when it creates a topic. Default TBW102. */
  createTopicKey?: string;
  /** Queues a broker of a topic that a send creates, at most. Default 4. */
  defaultTopicQueueNums?: number;
  /** Shares connections and routes with others; it is then not closed by this producer alone. */
  client?: MQClient;
}

/** Options of one send. */
export interface SendOptions {
  /** Exactly this queue; then there is one attempt. */
  queue?: MessageQueue;
  /** Instead of sendMsgTimeoutMs. */
  timeoutMs?: number;
}

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
  readonly #options: Required<Omit<ProducerOptions, keyof ClientOptions | 'client'>>;
  readonly #transmitter: SendTransmitter;
  readonly #asyncSink: AttemptSink;
  readonly #syncSink: AttemptSink;
  #running = false;
  #inFlight = 0;
  #whenIdle: (() => void) | undefined;

  constructor(options: ProducerOptions) {
    validateClientGroup('producerGroup', options.producerGroup);
    this.#options = {
      producerGroup: options.producerGroup,
      retryTimesWhenSendFailed: options.retryTimesWhenSendFailed ?? 2,
      retryTimesWhenSendAsyncFailed: options.retryTimesWhenSendAsyncFailed ?? 2,
      retryAnotherBrokerWhenNotStoreOK: options.retryAnotherBrokerWhenNotStoreOK ?? false,
      sendMsgTimeoutMs: options.sendMsgTimeoutMs ?? 3_000,
      compressMsgBodyOverHowmuch: options.compressMsgBodyOverHowmuch ?? 4096,
      compressLevel: options.compressLevel ?? 5,
      maxMessageSize: options.maxMessageSize ?? MAX_MESSAGE_BODY_BYTES,
      createTopicKey: options.createTopicKey ?? DEFAULT_CREATE_TOPIC_KEY,
      defaultTopicQueueNums: options.defaultTopicQueueNums ?? 4,
    };
    this.#client = options.client ?? new MQClient(options);
    this.#transmitter = new SendTransmitter(this.#client, {
      producerGroup: this.#options.producerGroup,
      createTopicKey: this.#options.createTopicKey,
      defaultTopicQueueNums: this.#options.defaultTopicQueueNums,
    });
    this.#asyncSink = {
      onAnswer: (pending, response) => this.#onAsyncAnswer(pending, response),
      onFailure: (pending, error) => this.#onAsyncFailure(pending, error),
    };
    this.#syncSink = {
      onAnswer: (pending, response) => (pending.context as Attempt).resolve(response),
      onFailure: (pending, error) => (pending.context as Attempt).reject(error),
    };
  }

  get producerGroup(): string {
    return this.#options.producerGroup;
  }

  get clientId(): string {
    return this.#client.clientId;
  }

  /** Sends without an answer yet. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Registers the producer. No broker is asked before the first send; `topics` are looked up at once, so that it is fast. */
  async start(topics: readonly string[] = []): Promise<void> {
    if (this.#running) {
      throw new UsageError(`producer ${this.#options.producerGroup} is already started`);
    }
    this.#client.registerProducer({ group: this.#options.producerGroup, topics: () => this.#transmitter.topics() });
    this.#running = true;
    for (const topic of topics) {
      await this.#transmitter.resolve(topic, this.#options.sendMsgTimeoutMs);
    }
  }

  /** Refuses new sends, waits for those on their way (each ends within its time-out), and unregisters. */
  async shutdown(): Promise<void> {
    if (!this.#running) {
      return;
    }
    this.#running = false;
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    await this.#client.unregisterProducer(this.#options.producerGroup);
  }

  /** The queues of a topic that can be sent to. */
  async fetchPublishMessageQueues(topic: string): Promise<MessageQueue[]> {
    const publish = await this.#transmitter.resolve(topic, this.#options.sendMsgTimeoutMs);
    return [...publish.queues];
  }

  /**
   * Sends one message and waits for the broker's answer.
   *
   * Without a queue, transport errors and the broker codes 1, 2, 14, 16, 17, 204, 205 and 1500 are tried again on another broker,
   * while the time lasts. An earlier attempt may have stored the message: duplicates carry the same `msgId`.
   * @throws UsageError for a message that cannot be sent; NotFoundError without route; BrokerError, DeniedError, ConnectError,
   * TimeoutError for the last attempt.
   */
  send(message: Message, options: SendOptions = {}): Promise<SendResult> {
    return this.#tracked(async () => {
      this.#check(message, options.queue);
      const pending = this.#pending(message, { sink: this.#syncSink, timeoutMs: options.timeoutMs });
      this.#prepare(pending);
      return this.#sendWithRetries(pending, options.queue);
    });
  }

  /**
   * Sends to the queue a selector picks from the topic's writeable queues; there is one attempt.
   * @throws UsageError when the selector picks none.
   */
  sendBySelector<Arg>(message: Message, selector: MessageQueueSelector<Arg>, arg: Arg, options: SendOptions = {}): Promise<SendResult> {
    return this.#tracked(async () => {
      this.#check(message);
      const publish = await this.#transmitter.resolve(message.topic, options.timeoutMs ?? this.#options.sendMsgTimeoutMs);
      const queue = selector(publish.queues, message, arg);
      if (queue === null || queue === undefined) {
        throw new UsageError(`${SELECTOR_NULL} (topic ${message.topic}, ${publish.queues.length} queues)`);
      }
      return this.send(message, { ...options, queue });
    });
  }

  /**
   * Sends several messages of one topic as one request; they are stored with consecutive offsets of one queue. There is no
   * compression and no splitting: the whole must fit into `maxMessageSize`.
   * @throws UsageError when topics or `waitStoreMsgOK` differ, for delayed messages, for retry topics and for too many bytes.
   */
  sendBatch(messages: readonly Message[], options: SendOptions = {}): Promise<SendResult> {
    return this.#tracked(async () => {
      const first = this.#checkBatch(messages, options.queue);
      const msgIds: string[] = [];
      const body = encodeBatch(
        messages.map((message) => {
          const msgId = message.properties?.get(MessageConst.UNIQ_KEY) ?? this.#client.uniqKeys.create();
          msgIds.push(msgId);
          return { flag: message.flag ?? 0, body: message.body, properties: propertiesText(message, msgId) };
        }),
      );
      if (body.length > this.#options.maxMessageSize) {
        throw batchTooLargeError(first.topic, body.length, this.#options.maxMessageSize);
      }
      const outer: Message = { topic: first.topic, body };
      if (first.waitStoreMsgOK !== undefined) {
        outer.waitStoreMsgOK = first.waitStoreMsgOK;
      }
      const pending = this.#pending(outer, { sink: this.#syncSink, timeoutMs: options.timeoutMs });
      pending.batch = true;
      // No id of the batch's own: brokers append these properties to every message's, and the last UNIQ_KEY is the one that counts.
      pending.properties = propertiesText(outer, '');
      pending.msgId = msgIds.join(',');
      return this.#sendWithRetries(pending, options.queue);
    });
  }

  /** Sends without an answer: the promise resolves when the bytes are handed to the connection, whatever becomes of them. */
  sendOneway(message: Message, options: SendOptions = {}): Promise<void> {
    return this.#tracked(async () => {
      this.#check(message, options.queue);
      const pending = this.#pending(message, { sink: this.#syncSink, timeoutMs: options.timeoutMs });
      this.#prepare(pending);
      const publish = await this.#publishFor(pending, options.queue);
      pending.queue = options.queue ?? publish?.select() ?? pending.queue;
      await this.#transmitter.transmitOneway(pending);
    });
  }

  /**
   * Hot path: sends without a promise. The handler gets exactly one call a message, never before this returns. Transport errors are
   * tried again on another broker; error codes of a broker are not. There is no back-pressure of its own: the caller bounds what it
   * has in flight. The body must not change until the handler was called.
   */
  sendAsync(message: Message, handler: SendHandler, context: unknown, queue?: MessageQueue): void {
    const refused = this.#running ? validateMessage(message, this.#options.maxMessageSize) : notRunningError('producer');
    if (refused !== null) {
      this.#client.timers.setImmediate(() => handler.onException(refused, context));
      return;
    }
    const pending = new PendingSend({
      message,
      sink: this.#asyncSink,
      handler,
      context,
      startMs: this.#client.clock.monotonicMs(),
      timeoutMs: this.#options.sendMsgTimeoutMs,
      queue: queue ?? NO_QUEUE,
    });
    this.#prepare(pending);
    this.#inFlight++;
    if (queue !== undefined) {
      pending.fixedQueue = true;
      if (this.#transmitter.knowsBroker(queue)) {
        this.#transmitter.transmit(pending);
      } else {
        void this.#resolveThenTransmit(pending);
      }
      return;
    }
    const publish = this.#transmitter.cached(message.topic);
    const selected = publish?.select();
    if (selected === undefined) {
      void this.#resolveThenTransmit(pending);
      return;
    }
    pending.queue = selected;
    this.#transmitter.transmit(pending);
  }

  async #resolveThenTransmit(pending: PendingSend): Promise<void> {
    try {
      const publish = await this.#publishFor(pending, pending.fixedQueue ? pending.queue : undefined);
      pending.queue = publish?.select() ?? pending.queue;
    } catch (error) {
      this.#finishAsync(pending, null, asMQError(error));
      return;
    }
    this.#transmitter.transmit(pending);
  }

  #onAsyncAnswer(pending: PendingSend, response: RemotingCommand): void {
    const status = sendStatusOf(response.code);
    if (status === undefined) {
      this.#finishAsync(pending, null, responseError(response, pending.addr));
      return;
    }
    let result: SendResult | null = null;
    let problem: MQError | null = null;
    try {
      result = readSendResult(response, status, pending);
    } catch (error) {
      problem = asMQError(error);
    }
    this.#finishAsync(pending, result, problem);
  }

  #onAsyncFailure(pending: PendingSend, error: MQError): void {
    const again =
      (error instanceof ConnectError || error instanceof TimeoutError) &&
      error.code !== 'CONNECTION_OVERLOADED' &&
      error.code !== 'SEND_CALL_TIMEOUT' &&
      pending.attempts <= this.#options.retryTimesWhenSendAsyncFailed &&
      this.#remainingMs(pending) > 0;
    if (!again) {
      // Not in this call stack: a refused request fails within sendAsync, and the caller may well send again at once.
      this.#client.timers.setImmediate(() => this.#finishAsync(pending, null, error));
      return;
    }
    if (!pending.fixedQueue) {
      // The queue id stays, only the broker changes: what Apache's client does.
      const other = this.#transmitter.cached(pending.message.topic)?.select(pending.queue.brokerName);
      if (other !== undefined) {
        pending.queue = { topic: pending.queue.topic, brokerName: other.brokerName, queueId: pending.queue.queueId };
      }
    }
    this.#client.timers.setImmediate(() => this.#transmitter.transmit(pending));
  }

  #finishAsync(pending: PendingSend, result: SendResult | null, error: MQError | null): void {
    this.#leave();
    try {
      if (result !== null) {
        pending.handler?.onSuccess(result, pending.context);
      } else if (error !== null) {
        pending.handler?.onException(error, pending.context);
      }
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  async #sendWithRetries(pending: PendingSend, queue: MessageQueue | undefined): Promise<SendResult> {
    const publish = await this.#publishFor(pending, queue);
    const attempts = queue === undefined ? 1 + this.#options.retryTimesWhenSendFailed : 1;
    const brokerNames: string[] = [];
    let last: MQError | null = null;
    let notStoreOk: SendResult | null = null;
    while (brokerNames.length < attempts && (last === null || this.#remainingMs(pending) > 0)) {
      pending.queue = queue ?? publish?.select(brokerNames.at(-1)) ?? NO_QUEUE;
      brokerNames.push(pending.queue.brokerName);
      let response: RemotingCommand;
      try {
        response = await this.#attempt(pending);
      } catch (error) {
        last = asMQError(error);
        if (!(last instanceof ConnectError || last instanceof TimeoutError) || last.code === 'SEND_CALL_TIMEOUT') {
          break;
        }
        continue;
      }
      const status = sendStatusOf(response.code);
      if (status === undefined) {
        last = responseError(response, pending.addr);
        if (!RETRY_RESPONSE_CODES.has(response.code)) {
          throw last;
        }
        continue;
      }
      const result = readSendResult(response, status, pending);
      if (status === SendStatus.SEND_OK || !this.#options.retryAnotherBrokerWhenNotStoreOK) {
        return result;
      }
      notStoreOk = result;
    }
    if (notStoreOk !== null) {
      return notStoreOk;
    }
    const costMs = this.#client.clock.monotonicMs() - pending.startMs;
    throw sendFailedError(last ?? callTimeoutError(pending.message.topic, pending.timeoutMs), {
      topic: pending.message.topic,
      brokerNames,
      costMs,
    });
  }

  /** The queues to choose from; null when the caller chose one, of which only the broker must be known. */
  async #publishFor(pending: PendingSend, queue: MessageQueue | undefined): Promise<TopicPublishInfo | null> {
    if (queue !== undefined) {
      await this.#transmitter.findBroker(queue);
      return null;
    }
    return this.#transmitter.resolve(pending.message.topic, pending.timeoutMs);
  }

  #attempt(pending: PendingSend): Promise<RemotingCommand> {
    return new Promise((resolve, reject) => {
      (pending.context as Attempt).resolve = resolve;
      (pending.context as Attempt).reject = reject;
      this.#transmitter.transmit(pending);
    });
  }

  #pending(message: Message, init: { sink: AttemptSink; timeoutMs: number | undefined }): PendingSend {
    return new PendingSend({
      message,
      sink: init.sink,
      handler: null,
      context: { resolve: ignore, reject: ignore } satisfies Attempt,
      startMs: this.#client.clock.monotonicMs(),
      timeoutMs: init.timeoutMs ?? this.#options.sendMsgTimeoutMs,
      queue: NO_QUEUE,
    });
  }

  /** Gives the message its unique id and compresses its body; both stay the same over all attempts. */
  #prepare(pending: PendingSend): void {
    const message = pending.message;
    pending.msgId = message.properties?.get(MessageConst.UNIQ_KEY) ?? this.#client.uniqKeys.create();
    if (message.body.length >= this.#options.compressMsgBodyOverHowmuch) {
      pending.body = compressBody(message.body, 'ZLIB', this.#options.compressLevel);
      pending.sysFlag |= compressionSysFlag('ZLIB');
    }
  }

  #check(message: Message, queue?: MessageQueue): void {
    if (!this.#running) {
      throw notRunningError('producer');
    }
    const problem = validateMessage(message, this.#options.maxMessageSize);
    if (problem !== null) {
      throw problem;
    }
    if (queue !== undefined && queue.topic !== message.topic) {
      throw new UsageError(`the message's topic ${message.topic} is not the queue's topic ${queue.topic}`);
    }
  }

  #checkBatch(messages: readonly Message[], queue?: MessageQueue): Message {
    for (const message of messages) {
      this.#check(message, queue);
    }
    return validateBatch(messages);
  }

  #remainingMs(pending: PendingSend): number {
    return pending.timeoutMs - (this.#client.clock.monotonicMs() - pending.startMs);
  }

  async #tracked<T>(work: () => Promise<T>): Promise<T> {
    this.#inFlight++;
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #leave(): void {
    this.#inFlight--;
    if (this.#inFlight === 0 && this.#whenIdle !== undefined) {
      this.#whenIdle();
      this.#whenIdle = undefined;
    }
  }
}

interface Attempt {
  resolve(response: RemotingCommand): void;
  reject(error: MQError): void;
}

const ignore = (): void => {};

const NO_QUEUE: MessageQueue = Object.freeze({ topic: '', brokerName: '', queueId: -1 });

function asMQError(error: unknown): MQError {
  if (error instanceof MQError) {
    return error;
  }
  throw error;
}

import { type MQError, UsageError } from '../../common/errors.js';
import type { Message } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import { throwLater } from '../callback.js';
import { MQClient } from '../mq-client.js';
import { withNamespace } from '../namespace.js';
import { type SendResult, SendStatus } from '../types.js';
import { endTransaction, type LocalOutcome, stateOf } from './end-transaction.js';
import type { SendHandler } from './pending-send.js';
import { Producer, type ProducerOptions } from './producer.js';
import { notRunningError } from './send-errors.js';
import type { ProducerStats } from './send-stats.js';
import { TransactionChecker } from './transaction-checker.js';
import {
  LocalTransactionState,
  type TransactionHandler,
  type TransactionListener,
  type TransactionSendResult,
} from './transaction-listener.js';

const DEFAULT_CHECK_CONCURRENCY = 16;

/** Options of a transaction producer: those of a producer, and the application's part. */
export interface TransactionProducerOptions<Arg = unknown> extends ProducerOptions {
  listener: TransactionListener<Arg>;
  /** Checks that run at the same time. Default 16. */
  checkConcurrency?: number;
}

/** One transaction on its way. */
interface OpenTransaction<Arg> {
  readonly message: Message;
  readonly arg: Arg;
  readonly handler: TransactionHandler;
  readonly context: unknown;
}

/**
 * Sends messages that are delivered if, and only if, a local transaction commits. The message is stored first, where no consumer sees it; then
 * the listener executes the local transaction, and the broker is told how it ended. When that does not arrive, the broker asks a producer of
 * the group, so several processes may share one group, and all of them must be able to answer.
 *
 * @example
 * ```ts
 * const producer = new TransactionProducer<Order>({
 *   namesrvAddr: '127.0.0.1:9876',
 *   producerGroup: 'PG_order',
 *   listener: {
 *     async executeLocalTransaction(message, order, transactionId) {
 *       await db.saveOrder(order, transactionId);
 *       return LocalTransactionState.COMMIT_MESSAGE;
 *     },
 *     async checkLocalTransaction(message) {
 *       const isSaved = await db.hasOrder(message.msgId);
 *       return isSaved ? LocalTransactionState.COMMIT_MESSAGE : LocalTransactionState.UNKNOW;
 *     },
 *   },
 * });
 * await producer.start();
 * const result = await producer.sendInTransaction({ topic: 'OrderPaid', body: Buffer.from('42') }, order);
 * console.log(result.msgId, result.localTransactionState);
 * await producer.shutdown();
 * ```
 */
export class TransactionProducer<Arg = unknown> {
  readonly #client: MQClient;
  readonly #producer: Producer;
  readonly #listener: TransactionListener<Arg>;
  /** As brokers know it. */
  readonly #group: string;
  readonly #checker: TransactionChecker;
  /** What makes a message without properties of its own a half message. */
  readonly #halfProperties: Map<string, string>;
  readonly #halfSink: SendHandler;
  #running = false;
  #open = 0;
  #whenIdle: (() => void) | undefined;

  constructor(options: TransactionProducerOptions<Arg>) {
    const { listener, checkConcurrency = DEFAULT_CHECK_CONCURRENCY, ...producerOptions } = options;
    if (typeof listener?.executeLocalTransaction !== 'function' || typeof listener.checkLocalTransaction !== 'function') {
      throw new UsageError('a transaction producer needs a listener with executeLocalTransaction and checkLocalTransaction');
    }
    if (!Number.isInteger(checkConcurrency) || checkConcurrency < 1) {
      throw new UsageError(`checkConcurrency is ${checkConcurrency}, it must be a whole number from 1 on`);
    }
    this.#client = options.client ?? new MQClient(producerOptions);
    this.#producer = new Producer({ ...producerOptions, autoBatch: false, client: this.#client });
    this.#listener = listener;
    const { namespace = '' } = options;
    this.#group = withNamespace(namespace, options.producerGroup);
    this.#halfProperties = this.#markHalf(new Map());
    const { remoting, logger } = this.#client;
    const checks = { producerGroup: this.#group, namespace, listener, concurrency: checkConcurrency, trace: this.#producer.trace };
    this.#checker = new TransactionChecker({ ...checks, remoting, logger });
    this.#halfSink = {
      onSuccess: (result, context) => this.#onHalfStored(result, context as OpenTransaction<Arg>),
      onException: (error, context) => this.#fail(error, context as OpenTransaction<Arg>),
    };
  }

  get producerGroup(): string {
    return this.#producer.producerGroup;
  }

  get clientId(): string {
    return this.#client.clientId;
  }

  /** Transactions whose end the broker was not told yet. */
  get inFlight(): number {
    return this.#open;
  }

  /** What happened to the half messages so far, attempts and failures included. */
  stats(): ProducerStats {
    return this.#producer.stats();
  }

  /** Registers the producer; `topics` are looked up at once, and their brokers may ask about earlier transactions from then on. */
  async start(topics: readonly string[] = []): Promise<void> {
    if (this.#running) {
      throw new UsageError(`transaction producer ${this.producerGroup} is already started`);
    }
    this.#client.registerTransactionChecker(this.#group, this.#checker);
    try {
      await this.#producer.start(topics);
    } catch (error) {
      this.#client.unregisterTransactionChecker(this.#group);
      throw error;
    }
    this.#running = true;
  }

  /** Refuses new sends, waits for the transactions that are under way, local ones included, and unregisters. */
  async shutdown(): Promise<void> {
    if (!this.#running) {
      return;
    }
    this.#running = false;
    if (this.#open > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    this.#client.unregisterTransactionChecker(this.#group);
    await this.#producer.shutdown();
  }

  /**
   * Sends a message as part of a transaction: stores it with the retries of {@link Producer.send}, has the listener execute the local
   * transaction, and tells the broker how that ended. A delay level of the message is dropped, as by Apache's client; `delayTimeSec`, `delayTimeMs` and `deliverTimeMs` hold
   * it back once the transaction is committed.
   *
   * When the broker stored the message but missed a promise (a status other than SEND_OK), the local transaction is not executed and the message
   * is rolled back.
   * @throws what {@link Producer.send} throws; the local transaction was not executed then.
   */
  async sendInTransaction(message: Message, arg: Arg): Promise<TransactionSendResult> {
    if (!this.#running) {
      throw notRunningError('transaction producer');
    }
    this.#open++;
    try {
      const half = this.#half(message);
      const result = await this.#producer.send(half);
      if (result.sendStatus !== SendStatus.SEND_OK) {
        return this.#end(result, message, { state: LocalTransactionState.ROLLBACK_MESSAGE, error: undefined });
      }
      const outcome: LocalOutcome = { state: LocalTransactionState.UNKNOW, error: undefined };
      try {
        outcome.state = stateOf(await this.#listener.executeLocalTransaction(message, arg, result.msgId));
      } catch (error) {
        outcome.error = error;
      }
      return this.#end(result, message, outcome);
    } finally {
      this.#leave();
    }
  }

  /**
   * Hot path: the same without a promise, with the retries of {@link Producer.sendAsync}. A listener that answers at once costs none either. The
   * handler gets exactly one call a message, never before this returns; the caller bounds what it has in flight.
   * @returns false when the send waits for a permit of the back-pressure.
   */
  sendInTransactionAsync(message: Message, arg: Arg, handler: TransactionHandler, context: unknown): boolean {
    if (!this.#running) {
      this.#client.timers.setImmediate(() => handler.onException(notRunningError('transaction producer'), context));
      return true;
    }
    this.#open++;
    const transaction: OpenTransaction<Arg> = { message, arg, handler, context };
    return this.#producer.sendAsync(this.#half(message), this.#halfSink, transaction);
  }

  #onHalfStored(result: SendResult, transaction: OpenTransaction<Arg>): void {
    if (result.sendStatus !== SendStatus.SEND_OK) {
      this.#finish(result, transaction, { state: LocalTransactionState.ROLLBACK_MESSAGE, error: undefined });
      return;
    }
    let answer: LocalTransactionState | Promise<LocalTransactionState>;
    try {
      answer = this.#listener.executeLocalTransaction(transaction.message, transaction.arg, result.msgId);
    } catch (error) {
      this.#finish(result, transaction, { state: LocalTransactionState.UNKNOW, error });
      return;
    }
    if (typeof answer === 'string') {
      this.#finish(result, transaction, { state: stateOf(answer), error: undefined });
      return;
    }
    Promise.resolve(answer).then(
      (state) => this.#finish(result, transaction, { state: stateOf(state), error: undefined }),
      (error: unknown) => this.#finish(result, transaction, { state: LocalTransactionState.UNKNOW, error }),
    );
  }

  #finish(result: SendResult, transaction: OpenTransaction<Arg>, outcome: LocalOutcome): void {
    const ended = this.#end(result, transaction.message, outcome);
    this.#leave();
    try {
      transaction.handler.onSuccess(ended, transaction.context);
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  #fail(error: MQError, transaction: OpenTransaction<Arg>): void {
    this.#leave();
    try {
      transaction.handler.onException(error, transaction.context);
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  /** Tells the master that stored the half message how its transaction ended. */
  #end(result: SendResult, message: Message, outcome: LocalOutcome): TransactionSendResult {
    const { remoting, routes, logger } = this.#client;
    const { brokerName } = result.messageQueue;
    if (outcome.error !== undefined) {
      logger.warn(`the local transaction ${result.msgId} failed, its broker will ask about it: ${String(outcome.error)}`, {
        error: outcome.error,
      });
    }
    const addr = routes.masterAddr(brokerName);
    endTransaction(
      { remoting, logger, addr },
      {
        producerGroup: this.#group,
        brokerName,
        topic: message.topic,
        msgId: result.msgId,
        transactionId: result.transactionId ?? result.msgId,
        tranStateTableOffset: String(result.queueOffset),
        commitLogOffset: commitLogOffsetOf(result.offsetMsgId),
        fromTransactionCheck: false,
      },
      outcome,
    );
    if (this.#producer.trace !== undefined && result.traceOn) {
      const { topic, tags, keys } = message;
      const { msgId, regionId, transactionId = msgId } = result;
      const end = { transactionId, transactionState: outcome.state, fromTransactionCheck: false };
      this.#producer.trace.ended({ topic, tags, keys, msgId, regionId, storeHost: addr ?? '', ...end });
    }
    return {
      sendStatus: result.sendStatus,
      msgId: result.msgId,
      messageQueue: result.messageQueue,
      queueOffset: result.queueOffset,
      transactionId: result.transactionId,
      regionId: result.regionId,
      traceOn: result.traceOn,
      recallHandle: result.recallHandle,
      localTransactionState: outcome.state,
    };
  }

  /** The message as it is stored before the local transaction. */
  #half(message: Message): Message {
    const own = message.properties;
    const half: Message = {
      topic: message.topic,
      body: message.body,
      properties: own === undefined || own.size === 0 ? this.#halfProperties : this.#markHalf(new Map(own)),
    };
    if (message.tags !== undefined) {
      half.tags = message.tags;
    }
    if (message.keys !== undefined) {
      half.keys = message.keys;
    }
    if (message.flag !== undefined) {
      half.flag = message.flag;
    }
    if (message.waitStoreMsgOK !== undefined) {
      half.waitStoreMsgOK = message.waitStoreMsgOK;
    }
    if (message.delayTimeSec !== undefined) {
      half.delayTimeSec = message.delayTimeSec;
    }
    if (message.delayTimeMs !== undefined) {
      half.delayTimeMs = message.delayTimeMs;
    }
    if (message.deliverTimeMs !== undefined) {
      half.deliverTimeMs = message.deliverTimeMs;
    }
    return half;
  }

  #markHalf(properties: Map<string, string>): Map<string, string> {
    properties.delete(MessageConst.DELAY);
    properties.set(MessageConst.TRAN_MSG, 'true');
    properties.set(MessageConst.PGROUP, this.#group);
    return properties;
  }

  #leave(): void {
    this.#open--;
    if (this.#open === 0 && this.#whenIdle !== undefined) {
      this.#whenIdle();
      this.#whenIdle = undefined;
    }
  }
}

/** The commit log offset in an offsetMsgId: its last 16 hex digits. */
function commitLogOffsetOf(offsetMsgId: string): string {
  return String(Number.parseInt(offsetMsgId.slice(-16), 16));
}

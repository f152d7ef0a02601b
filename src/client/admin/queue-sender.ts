import { setTimeout as sleep } from 'node:timers/promises';
import { MQError, TimeoutError } from '../../common/errors.js';
import { type Message, timerProperties } from '../../common/message/message.js';
import { UniqKeyGenerator } from '../../common/message/message-id.js';
import { MessageConst } from '../../common/message/properties.js';
import { isRetryTopic } from '../../common/topic-names.js';
import { type MessageQueue, queueKey } from '../message-queue.js';
import type { Producer } from '../producer/producer.js';
import { selectByShardingKey } from '../producer/selectors.js';
import type { SendResult } from '../types.js';
import { mayRetry } from './send-message.js';

const MAX_BATCH_MESSAGES = 256;
const MAX_BATCH_BYTES = 256 * 1024;
/** Bodies of at least so many bytes go alone, which compresses them. */
const ALONE_BYTES = 4096;
/** Bodies that wait or are on their way. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
const DEFAULT_ATTEMPTS = 3;
const RETRY_PAUSE_MS = 200;
const MAX_RETRY_PAUSE_MS = 5_000;

/** Where a message was stored. */
export interface StoredAt {
  readonly messageQueue: MessageQueue;
  readonly queueOffset: number;
}

export interface QueueSenderInit<C> {
  readonly producer: Producer;
  /** Queues of one topic that messages may go to. */
  readonly queues: readonly MessageQueue[];
  /** Messages that wait or are on their way, at most. */
  readonly inFlight: number;
  /** How often a message is tried when what keeps it from being stored may pass. Default 3. */
  readonly attempts?: number;
  /** From then on nothing is tried more often than by default. */
  readonly signal?: AbortSignal | undefined;
  /** Is told of each request that is tried again. */
  onRetry?(queue: MessageQueue, error: MQError): void;
  onStored(context: C, at: StoredAt): void;
  onFailed(context: C, error: MQError): void;
}

interface Entry<C> {
  readonly message: Message;
  readonly context: C;
  /** Nobody chose its queue. */
  readonly isFree: boolean;
  attempts: number;
}

interface Lane<C> {
  readonly queue: MessageQueue;
  waiting: Entry<C>[];
  isSending: boolean;
}

/**
 * Sends many messages fast and keeps their order in each queue: a queue has one request on its way, and what comes meanwhile goes with the next
 * one as a batch. What may pass is tried again, messages whose queue nobody chose at another queue; a message that is stored twice by that has
 * the same msgId both times.
 */
export class QueueSender<C> {
  readonly #init: QueueSenderInit<C>;
  readonly #lanes: readonly Lane<C>[];
  readonly #byQueue: ReadonlyMap<string, Lane<C>>;
  readonly #ids = new UniqKeyGenerator();
  #next = 0;
  #count = 0;
  #bytes = 0;
  #waiters: (() => void)[] = [];

  constructor(init: QueueSenderInit<C>) {
    this.#init = init;
    this.#lanes = init.queues.map((queue) => ({ queue, waiting: [], isSending: false }));
    this.#byQueue = new Map(this.#lanes.map((lane) => [queueKey(lane.queue), lane]));
  }

  /** Messages that wait or are on their way. */
  get count(): number {
    return this.#count;
  }

  /** Takes a message; its queue is the one given, the one of its sharding key, or any. The outcome is told later. */
  send(message: Message, context: C, queue?: MessageQueue): void {
    const properties = new Map(message.properties);
    if (!properties.has(MessageConst.UNIQ_KEY)) {
      properties.set(MessageConst.UNIQ_KEY, this.#ids.create());
    }
    const complete = { ...message, properties };
    const chosen = queue ?? selectByShardingKey(this.#init.queues, complete, null);
    const lane = chosen === null || chosen === undefined ? this.#anyLane() : this.#byQueue.get(queueKey(chosen));
    if (lane === undefined) {
      throw new RangeError(`no queue ${JSON.stringify(queue)} among those to send to`);
    }
    this.#count++;
    this.#bytes += message.body.length;
    lane.waiting.push({ message: complete, context, isFree: chosen === null || chosen === undefined, attempts: 0 });
    this.#pump(lane);
  }

  /** Resolves when another message may be given. */
  async ready(): Promise<void> {
    while (this.#count >= this.#init.inFlight || this.#bytes >= MAX_WAITING_BYTES) {
      await this.#change();
    }
  }

  /** Resolves when the outcome of every message was told. */
  async idle(): Promise<void> {
    while (this.#count > 0) {
      await this.#change();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** In turn; a broker that failed is left out for a message that it did not take. */
  #anyLane(except?: Lane<C>): Lane<C> {
    for (let tries = 0; tries < this.#lanes.length; tries++) {
      const lane = this.#lanes[this.#next++ % this.#lanes.length] as Lane<C>;
      if (lane.queue.brokerName !== except?.queue.brokerName) {
        return lane;
      }
    }
    return except ?? (this.#lanes[0] as Lane<C>);
  }

  #pump(lane: Lane<C>): void {
    if (!lane.isSending && lane.waiting.length > 0) {
      lane.isSending = true;
      // What is given in this turn of the event loop goes together.
      setImmediate(() => void this.#sendNext(lane));
    }
  }

  async #sendNext(lane: Lane<C>): Promise<void> {
    const entries = takeBatch(lane);
    try {
      const result = await this.#request(entries, lane.queue);
      for (const [i, entry] of entries.entries()) {
        this.#leave(entry);
        this.#init.onStored(entry.context, { messageQueue: lane.queue, queueOffset: result.queueOffset + i });
      }
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      await this.#failed(lane, entries, error);
    }
    lane.isSending = false;
    this.#pump(lane);
    this.#wake();
  }

  #request(entries: readonly Entry<C>[], queue: MessageQueue): Promise<SendResult> {
    const { producer } = this.#init;
    const [first] = entries as [Entry<C>];
    return entries.length === 1
      ? producer.send(first.message, { queue })
      : producer.sendBatch(
          entries.map((entry) => entry.message),
          { queue },
        );
  }

  async #failed(lane: Lane<C>, entries: readonly Entry<C>[], error: MQError): Promise<void> {
    const { onRetry, signal } = this.#init;
    const attempts = signal?.aborted === true ? DEFAULT_ATTEMPTS : (this.#init.attempts ?? DEFAULT_ATTEMPTS);
    const again: Entry<C>[] = [];
    for (const entry of entries) {
      entry.attempts++;
      if (entry.attempts < attempts && (mayRetry(error) || error instanceof TimeoutError)) {
        again.push(entry);
      } else {
        this.#leave(entry);
        this.#init.onFailed(entry.context, error);
      }
    }
    if (again.length === 0) {
      return;
    }
    onRetry?.(lane.queue, error);
    await sleep(Math.min(MAX_RETRY_PAUSE_MS, RETRY_PAUSE_MS * (again[0]?.attempts ?? 1)));
    const other = this.#anyLane(lane);
    const free = other === lane ? [] : again.filter((entry) => entry.isFree);
    other.waiting.unshift(...free);
    lane.waiting.unshift(...again.filter((entry) => !free.includes(entry)));
    this.#pump(other);
  }

  #leave(entry: Entry<C>): void {
    this.#count--;
    this.#bytes -= entry.message.body.length;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) {
      wake();
    }
  }
}

/** As many from the front as may go together. */
function takeBatch<C>(lane: Lane<C>): Entry<C>[] {
  const { waiting } = lane;
  let count = 0;
  let bytes = 0;
  while (count < waiting.length && count < MAX_BATCH_MESSAGES) {
    const { message } = waiting[count] as Entry<C>;
    bytes += message.body.length;
    if (count > 0 && (bytes > MAX_BATCH_BYTES || goesAlone(message))) {
      break;
    }
    count++;
    if (goesAlone(message)) {
      break;
    }
  }
  const taken = waiting.slice(0, count);
  lane.waiting = waiting.slice(count);
  return taken;
}

function goesAlone(message: Message): boolean {
  return (
    message.body.length >= ALONE_BYTES ||
    (message.delayTimeLevel ?? 0) > 0 ||
    timerProperties(message).length > 0 ||
    message.waitStoreMsgOK === false ||
    isRetryTopic(message.topic)
  );
}

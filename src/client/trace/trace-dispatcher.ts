import type { TimerHandle } from '../../common/clock.js';
import type { MQError } from '../../common/errors.js';
import {
  MAX_GROUP_LENGTH,
  MAX_PROPERTIES_BYTES,
  MAX_TRACE_BODY_BYTES,
  MAX_TRACE_KEYS_BYTES,
  MAX_WAITING_TRACES,
} from '../../common/limits.js';
import { splitKeys } from '../../common/message/message.js';
import { RMQ_SYS_TRACE_TOPIC } from '../../common/topic-names.js';
import type { MQClient } from '../mq-client.js';
import { AsyncSender } from '../producer/async-sender.js';
import { InFlight } from '../producer/in-flight.js';
import { PendingSend } from '../producer/pending-send.js';
import { type ProducerSettings, producerSettings } from '../producer/producer-options.js';
import { SendStats } from '../producer/send-stats.js';
import { SendTransmitter } from '../producer/transmitter.js';
import type { ClientOptions } from '../types.js';
import { encodeTraceRecord, type TraceRecord } from './trace-record.js';

const GROUP_PREFIX = '_INNER_TRACE_PRODUCER';
/** So many wait until a message leaves at once. */
const FLUSH_COUNT = 10;
const FLUSH_INTERVAL_MS = 5_000;
const SEND_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 5_000;
/** Of the properties of a trace message, for those that are not its keys. */
const OTHER_PROPERTIES_BYTES = 1_024;
/** Trace messages without an answer yet. */
const MAX_IN_FLIGHT = 16;

let dispatcherCount = 0;

/** What became of the traces so far. */
export interface TraceStats {
  /** Records in messages that were stored. */
  readonly sent: number;
  /** Records that found the queue full. */
  readonly dropped: number;
  /** Records in messages that could not be stored. */
  readonly failed: number;
}

/**
 * Writes what one producer or consumer does to the trace topic, as messages of many records. Nothing waits for it and nothing fails because of
 * it: where the trace cannot be stored as fast as it is made, records are dropped and counted.
 */
export class TraceDispatcher {
  readonly traceTopic: string;
  readonly #client: MQClient;
  readonly #settings: ProducerSettings;
  readonly #transmitter: SendTransmitter;
  readonly #sender: AsyncSender;
  readonly #inFlight = new InFlight();
  /** Each entry is what one call makes: the records of a send or of a listener call. */
  #waiting: (readonly TraceRecord[])[] = [];
  #next = 0;
  #timer: TimerHandle | undefined;
  #isFlushSoon = false;
  #isOpen = false;
  #sent = 0;
  #dropped = 0;
  #failed = 0;
  /** Records in messages without an answer yet. */
  #unanswered = 0;

  /** @param options.traceTopic blank for RMQ_SYS_TRACE_TOPIC */
  constructor(client: MQClient, options: { group: string; kind: 'PRODUCE' | 'CONSUME'; traceTopic: string | undefined }) {
    const { group, kind, traceTopic = '' } = options;
    this.#client = client;
    this.traceTopic = traceTopic.trim() === '' ? RMQ_SYS_TRACE_TOPIC : traceTopic;
    const suffix = `-${kind}-${++dispatcherCount}`;
    const producerGroup = `${GROUP_PREFIX}-${group}`.slice(0, MAX_GROUP_LENGTH - suffix.length) + suffix;
    const { namesrvAddr } = client.options;
    this.#settings = producerSettings({ namesrvAddr, producerGroup, sendMsgTimeoutMs: SEND_TIMEOUT_MS });
    const stats = new SendStats();
    const { createTopicKey, defaultTopicQueueNums } = this.#settings;
    this.#transmitter = new SendTransmitter(client, { producerGroup, createTopicKey, defaultTopicQueueNums }, { stats });
    const init = { client, transmitter: this.#transmitter, settings: this.#settings, stats, inFlight: this.#inFlight };
    this.#sender = new AsyncSender(init);
  }

  /** The dispatcher of a client that wants its messages traced; undefined for one that does not. */
  static of(client: MQClient, options: ClientOptions, user: { group: string; kind: 'PRODUCE' | 'CONSUME' }): TraceDispatcher | undefined {
    return options.enableMsgTrace === true ? new TraceDispatcher(client, { ...user, traceTopic: options.traceTopic }) : undefined;
  }

  stats(): TraceStats {
    return { sent: this.#sent, dropped: this.#dropped, failed: this.#failed };
  }

  /** Whether messages of a topic leave no trace: those of the trace itself. */
  isUntraced(topic: string): boolean {
    return topic.startsWith(this.traceTopic);
  }

  start(): void {
    this.#client.registerProducer({ group: this.#settings.producerGroup, topics: () => this.#transmitter.topics() });
    this.#isOpen = true;
  }

  /** Takes what one call made; it leaves with others, later. */
  append(records: readonly TraceRecord[]): void {
    const waiting = this.#waiting.length - this.#next;
    if (!this.#isOpen || waiting >= MAX_WAITING_TRACES) {
      this.#drop(records.length);
      return;
    }
    this.#waiting.push(records);
    if (waiting + 1 >= FLUSH_COUNT) {
      this.#flushSoon();
    } else {
      this.#timer ??= this.#client.timers.setTimeout(this.#flush, FLUSH_INTERVAL_MS);
    }
  }

  /** Sends what waits and waits for the answers, 5 s at most. */
  async close(): Promise<void> {
    if (!this.#isOpen) {
      return;
    }
    const { timers, logger } = this.#client;
    let timer: TimerHandle | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = timers.setTimeout(resolve, CLOSE_TIMEOUT_MS);
    });
    await Promise.race([this.#drain(), timeout]);
    timers.clearTimeout(timer as TimerHandle);
    this.#isOpen = false;
    this.#stopTimer();
    for (let i = this.#next; i < this.#waiting.length; i++) {
      this.#failed += this.#waiting[i]?.length ?? 0;
    }
    this.#waiting = [];
    this.#next = 0;
    this.#sender.close();
    const lost = this.#dropped + this.#failed + this.#unanswered;
    if (lost > 0) {
      logger.warn(`${lost} trace records of ${this.#settings.producerGroup} were not stored, ${this.#sent} were`);
    }
    await this.#client.unregisterProducer(this.#settings.producerGroup);
  }

  async #drain(): Promise<void> {
    while (this.#isOpen && (this.#next < this.#waiting.length || this.#inFlight.count > 0)) {
      this.#flush();
      await this.#inFlight.idle();
    }
  }

  #flushSoon(): void {
    if (!this.#isFlushSoon) {
      this.#isFlushSoon = true;
      this.#client.timers.setImmediate(this.#flush);
    }
  }

  readonly #flush = (): void => {
    this.#isFlushSoon = false;
    this.#stopTimer();
    while (this.#next < this.#waiting.length && this.#inFlight.count < MAX_IN_FLIGHT) {
      this.#send();
    }
    if (this.#next >= this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    }
  };

  #stopTimer(): void {
    if (this.#timer !== undefined) {
      this.#client.timers.clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }

  /** One message of the records that wait, as many as one may hold. */
  #send(): void {
    const batch = new RecordBatch();
    while (this.#next < this.#waiting.length && !batch.isFull) {
      const records = this.#waiting[this.#next] as readonly TraceRecord[];
      const taken = batch.addAll(records);
      if (taken < records.length) {
        this.#waiting[this.#next] = records.slice(taken);
      } else {
        this.#next++;
      }
    }
    const message = { topic: this.traceTopic, body: Buffer.from(batch.text, 'utf8'), keys: [...batch.keys] };
    const { clock, uniqKeys } = this.#client;
    const pending = new PendingSend(message, this.#sender, this.#handler, batch.count, undefined, clock.monotonicMs(), SEND_TIMEOUT_MS);
    pending.msgId = uniqKeys.create();
    this.#unanswered += batch.count;
    this.#sender.send(pending);
  }

  readonly #handler = {
    onSuccess: (_result: unknown, context: unknown): void => {
      this.#sent += context as number;
      this.#unanswered -= context as number;
      this.#goOn();
    },
    onException: (error: MQError, context: unknown): void => {
      if (this.#failed === 0) {
        this.#client.logger.warn(`trace records could not be stored in topic ${this.traceTopic}: ${error.message}`, { error });
      }
      this.#failed += context as number;
      this.#unanswered -= context as number;
      this.#goOn();
    },
  };

  #goOn(): void {
    if (this.#waiting.length - this.#next >= FLUSH_COUNT) {
      this.#flushSoon();
    }
  }

  #drop(count: number): void {
    if (this.#dropped === 0 && this.#isOpen) {
      this.#client.logger.warn(`more than ${MAX_WAITING_TRACES} traces of ${this.#settings.producerGroup} wait; some are dropped`);
    }
    this.#dropped += count;
  }
}

/** The records of one message, and the keys by which its index finds them. */
class RecordBatch {
  readonly keys = new Set<string>();
  text = '';
  count = 0;
  #bodyBytes = 0;
  #keysBytes = 0;

  get isFull(): boolean {
    return this.#bodyBytes >= MAX_TRACE_BODY_BYTES || this.#keysBytes >= MAX_TRACE_KEYS_BYTES;
  }

  /** @returns how many found a place */
  addAll(records: readonly TraceRecord[]): number {
    let taken = 0;
    while (taken < records.length && !this.isFull) {
      this.#add(records[taken++] as TraceRecord);
    }
    return taken;
  }

  #add(record: TraceRecord): void {
    const text = encodeTraceRecord(record);
    this.text += text;
    this.#bodyBytes += Buffer.byteLength(text);
    this.count++;
    this.#addKey(record.msgId);
    if ('keys' in record && record.keys !== null) {
      for (const key of splitKeys(record.keys)) {
        this.#addKey(key);
      }
    }
  }

  /** A key that does not fit is left out: the message id of each record comes before its keys. */
  #addKey(key: string): void {
    const bytes = Buffer.byteLength(key) + 1;
    if (!this.keys.has(key) && this.#keysBytes + bytes <= MAX_PROPERTIES_BYTES - OTHER_PROPERTIES_BYTES) {
      this.keys.add(key);
      this.#keysBytes += bytes;
    }
  }
}

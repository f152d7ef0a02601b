/*
 * Op messages say which half messages have ended. Body: offsets of the half queue with the same queueId, each with a comma behind it
 * ("12,13,"); brokers before 5.0 wrote one message for each half message and no comma. Tag `d`.
 */
import type { Clock, TimerHandle, Timers } from '../../src/common/clock.js';
import type { HostAddress } from '../../src/common/host.js';
import { stringHashCode } from '../../src/common/java.js';
import type { Logger } from '../../src/common/logger.js';
import { RMQ_SYS_TRANS_OP_HALF_TOPIC } from '../../src/common/topic-names.js';
import { isStored } from '../processors/put-status.js';
import type { MessageStore, PutMessage, PutSink, PutStatus } from '../store/index.js';
import type { HalfQueue } from './half-queue.js';
import { MAX_UNSAVED_OP_CHARS, OP_RETRY_MS } from './limits.js';

const REMOVE_TAG = 'd';
const OP_PROPERTIES = `TAGS\u0001${REMOVE_TAG}\u0002WAIT\u0001true\u0002`;
const OP_TAGS_CODE = stringHashCode(REMOVE_TAG);
/** Room for one offset, whatever transactionOpMsgMaxSize says. */
const MIN_BODY_CHARS = 20;

/** The body of one op message. */
export interface OpBody {
  readonly queue: HalfQueue;
  text: string;
  maxHalfOffset: number;
}

/** Half offsets that the body of an op message names, in the form of 4.x or 5.x. */
export function parseOpBody(body: Buffer): number[] {
  const offsets: number[] = [];
  for (const word of body.toString('latin1').split(',')) {
    const offset = word === '' ? Number.NaN : Number(word);
    if (Number.isSafeInteger(offset) && offset >= 0) offsets.push(offset);
  }
  return offsets;
}

/** When op messages are written; the values may change while the broker runs. */
export interface OpSettings {
  readonly transactionOpMsgMaxSize: number;
  readonly transactionOpBatchInterval: number;
}

/** Collects ended half messages and writes them to the op queue, many in one message. */
export class OpWriter implements PutSink {
  readonly #store: MessageStore;
  readonly #settings: OpSettings;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #storeHost: HostAddress;
  readonly #logger: Logger;
  readonly #flushTurn: () => void;
  readonly #open = new Set<HalfQueue>();
  /** Bodies that the store refused. */
  #refused: OpBody[] = [];
  /** Characters that are in no op queue yet. */
  #unsavedChars = 0;
  #timer: TimerHandle | null = null;
  #isFlushDue = false;
  #isFailing = false;
  #isStopped = false;

  /** @param options.flush writes and acknowledges what was put */
  constructor(options: {
    store: MessageStore;
    settings: OpSettings;
    clock: Clock;
    timers: Timers;
    storeHost: HostAddress;
    logger: Logger;
    flush: () => void;
  }) {
    this.#store = options.store;
    this.#settings = options.settings;
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#storeHost = options.storeHost;
    this.#logger = options.logger;
    this.#flushTurn = options.flush;
  }

  /** The store has refused op messages for so long that no more can be remembered. */
  get isFull(): boolean {
    return this.#unsavedChars > MAX_UNSAVED_OP_CHARS;
  }

  /** Says that a half message has ended. */
  add(queue: HalfQueue, halfOffset: number): void {
    const word = `${halfOffset},`;
    let body = queue.openOps;
    if (body !== null && body.text.length + word.length > Math.max(MIN_BODY_CHARS, this.#settings.transactionOpMsgMaxSize)) {
      this.#close(body);
      this.#flushSoon();
      body = null;
    }
    if (body === null) {
      body = { queue, text: '', maxHalfOffset: -1 };
      queue.openOps = body;
      this.#open.add(queue);
    }
    body.text += word;
    if (halfOffset > body.maxHalfOffset) body.maxHalfOffset = halfOffset;
    this.#unsavedChars += word.length;
    this.#arm(Math.max(1, this.#settings.transactionOpBatchInterval));
  }

  /** Puts everything that waits; the caller flushes the turn. */
  putAll(): void {
    const refused = this.#refused;
    this.#refused = [];
    for (const body of refused) this.#put(body);
    for (const queue of this.#open) {
      if (queue.openOps !== null) this.#close(queue.openOps);
    }
    this.#open.clear();
  }

  /** No more writes by time; `putAll` still works. */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) this.#timers.clearTimeout(this.#timer);
    this.#timer = null;
  }

  onPut(message: PutMessage, status: PutStatus): void {
    const body = message.context as OpBody;
    if (isStored(status)) {
      this.#unsavedChars -= body.text.length;
      this.#isFailing = false;
      body.queue.addOwnOps(message.queueOffset + 1, body.maxHalfOffset);
      return;
    }
    // The transactions have ended all the same: should the broker die before this is written, their half messages are looked at again.
    this.#refused.push(body);
    if (!this.#isFailing) this.#logger.warn(`ended transactions cannot be noted now, trying again: ${status}`);
    this.#isFailing = true;
    this.#arm(OP_RETRY_MS);
  }

  #arm(delayMs: number): void {
    if (!this.#isStopped) this.#timer ??= this.#timers.setTimeout(() => this.#onTimer(), delayMs);
  }

  #onTimer(): void {
    this.#timer = null;
    this.putAll();
    this.#flushTurn();
  }

  #close(body: OpBody): void {
    body.queue.openOps = null;
    this.#put(body);
  }

  #put(body: OpBody): void {
    const message: PutMessage = {
      topic: RMQ_SYS_TRANS_OP_HALF_TOPIC,
      queueId: body.queue.queueId,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: this.#clock.nowMs(),
      bornHost: this.#storeHost,
      storeHost: this.#storeHost,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: Buffer.from(body.text, 'latin1'),
      properties: OP_PROPERTIES,
      tagsCode: OP_TAGS_CODE,
      waitStoreMsgOK: true,
      queueOffset: 0,
      commitLogOffset: 0,
      storeTimestamp: 0,
      context: body,
    };
    this.#store.put(message, this);
  }

  /** An end may be noted while the store acknowledges: then nobody else flushes what is put here. */
  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#timers.setImmediate(() => {
      this.#isFlushDue = false;
      this.#flushTurn();
    });
  }
}

import type { Clock } from '../../src/common/clock.js';
import { viewOf } from '../../src/common/int64.js';
import type { Logger } from '../../src/common/logger.js';
import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import { decodeRecord, type MessageRecord, TOTAL_SIZE_POS } from '../../src/common/message/record.js';
import type { GetMessageResult, MessageStore } from '../store/index.js';
import {
  EARLY_ACK_MS,
  MAX_CHECK_POINT_AHEAD_MS,
  MAX_EARLY_ACKS,
  MAX_PENDING_CHECK_POINTS,
  REVIVE_GRACE_MS,
  REVIVE_READ_MESSAGES,
  REVIVE_RETRY_MS,
} from './limits.js';
import {
  ACK_TAG,
  type Ack,
  ackIndex,
  BATCH_ACK_TAG,
  CHECK_POINT_TAG,
  type CheckPoint,
  checkPointKey,
  decodeAck,
  decodeCheckPoint,
  isAcked,
  isSettled,
} from './revive-records.js';
import type { Reviver } from './reviver.js';

/** A check point that was read and is not done. */
interface Pending {
  readonly point: CheckPoint;
  readonly key: string;
  /** Its own place in the revive queue. */
  readonly reviveOffset: number;
  /** When its messages become visible, ms. */
  readonly dueMs: number;
  /** Messages on their way into the retry topic. */
  outstanding: number;
  /** Not tried again before, monotonic ms. */
  retryAtMs: number;
  /** The log tells of it: a bad disk says the same at each try. */
  isLogged: boolean;
}

/** One queue of the revive topic: check points in the order in which they fall due, and the acknowledgements that belong to them. */
export class ReviveQueue {
  readonly queueId: number;
  readonly #topic: string;
  readonly #store: MessageStore;
  readonly #reviver: Reviver;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #brokerName: string;
  #pending: Pending[] = [];
  readonly #byKey = new Map<string, Pending>();
  /** Acknowledgements that came before their check point. */
  readonly #early = new Map<string, { offsets: Set<number>; untilMs: number }>();
  #readOffset: number;
  /** Offset of the last check point that is done with all before it; −1 when there is none. */
  #progress: number;
  /** Latest deliver time that was read, ms. */
  #deliveredMs = 0;

  constructor(options: {
    queueId: number;
    topic: string;
    progress: number;
    store: MessageStore;
    reviver: Reviver;
    clock: Clock;
    logger: Logger;
    brokerName: string;
  }) {
    this.queueId = options.queueId;
    this.#topic = options.topic;
    this.#store = options.store;
    this.#reviver = options.reviver;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#brokerName = options.brokerName;
    this.#progress = options.progress;
    this.#readOffset = options.progress + 1;
  }

  get progress(): number {
    return this.#progress;
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  /** Nothing waits, and nothing is unread. */
  get isIdle(): boolean {
    return this.#pending.length === 0 && this.#readOffset >= this.#store.maxOffset(this.#topic, this.queueId);
  }

  /**
   * Reads what arrived, up to the limit of check points in memory.
   * @throws what the store throws at a message that cannot be read; those before it are taken
   */
  read(): void {
    while (this.#pending.length < MAX_PENDING_CHECK_POINTS) {
      const result = this.#readNext();
      for (const buffer of result.buffers) this.#takeAll(buffer);
      const next = result.nextBeginOffset;
      // An offset beyond the end is that of a queue which lost records: what is there now is not read yet.
      if (next === this.#readOffset || result.status === 'NO_MATCHED_LOGIC_QUEUE' || result.status === 'NO_MESSAGE_IN_QUEUE') return;
      this.#readOffset = next;
    }
  }

  #readNext(): GetMessageResult {
    try {
      return this.#store.getMessage(this.#topic, this.queueId, this.#readOffset, REVIVE_READ_MESSAGES);
    } catch {
      // Perhaps only a later one is bad.
      return this.#store.getMessage(this.#topic, this.queueId, this.#readOffset, 1);
    }
  }

  /**
   * Revives what is due.
   * @param deliveredMs everything that was to reach the revive topic by then has; null: judge by what was read
   * @param budget messages at most
   * @returns messages that were put
   */
  step(deliveredMs: number | null, budget: number): number {
    const untilMs = (deliveredMs ?? this.#deliveredMs) - REVIVE_GRACE_MS;
    const nowMs = this.#clock.monotonicMs();
    let count = 0;
    for (const pending of this.#pending) {
      const { point } = pending;
      if (count >= budget) break;
      if (pending.dueMs >= untilMs) continue;
      if (pending.outstanding > 0 || pending.retryAtMs > nowMs || isSettled(point)) continue;
      count += this.#revive(pending);
    }
    return count;
  }

  /** Drops what is done from the head; true when the progress moved. */
  settle(): boolean {
    let done = 0;
    for (const { point, outstanding } of this.#pending) {
      if (outstanding > 0 || !isSettled(point)) break;
      done++;
    }
    if (done === 0) return false;
    for (const pending of this.#pending.slice(0, done)) {
      this.#progress = pending.reviveOffset;
      if (this.#byKey.get(pending.key) === pending) this.#byKey.delete(pending.key);
    }
    this.#pending = this.#pending.slice(done);
    return true;
  }

  #revive(pending: Pending): number {
    const { point } = pending;
    if (!this.#reviver.isWanted(point)) {
      this.#logger.warn(`popped messages of ${point.topic} are not revived: the topic or group ${point.group} is gone`);
      point.offsets.length = 0;
      return 0;
    }
    let count = 0;
    for (let i = 0; i < point.offsets.length; i++) {
      if (isAcked(point, i)) continue;
      count++;
      pending.outstanding++;
      let isOpen = true;
      const done = (isDone: boolean): void => {
        if (!isOpen) return;
        isOpen = false;
        pending.outstanding--;
        if (isDone) point.acked |= 1 << i;
        else pending.retryAtMs = this.#clock.monotonicMs() + REVIVE_RETRY_MS;
      };
      try {
        this.#reviver.revive(point, point.offsets[i]!, done);
      } catch (error) {
        done(false);
        this.#failed(pending, point.offsets[i]!, error as Error);
      }
    }
    return count;
  }

  #failed(pending: Pending, offset: number, error: Error): void {
    if (pending.isLogged) return;
    pending.isLogged = true;
    const { queueId, topic, group } = pending.point;
    this.#logger.error(
      `message ${offset} of queue ${queueId} of ${topic} cannot be revived for group ${group}: ${error.message}; trying again`,
      { error },
    );
  }

  /** Records back to back. A damaged one is passed: those behind it are still wanted. */
  #takeAll(buffer: Buffer): void {
    const view = viewOf(buffer);
    for (let position = 0, size = 0; position < buffer.length; position += size) {
      size = view.getInt32(position + TOTAL_SIZE_POS);
      try {
        this.#take(decodeRecord(buffer, position));
      } catch (error) {
        this.#logger.error(`a record of queue ${this.queueId} of ${this.#topic} is damaged, and left out: ${(error as Error).message}`);
        if (size <= 0) return;
      }
    }
  }

  #take(record: MessageRecord): void {
    const { properties, body } = record;
    // Nothing is delivered before its time.
    const deliverMs = Math.min(record.storeTimestamp, Number(getProperty(properties, MessageConst.TIMER_DELIVER_MS) ?? 0));
    if (deliverMs > this.#deliveredMs) this.#deliveredMs = deliverMs;
    const tag = getProperty(properties, MessageConst.TAGS);
    if (tag === CHECK_POINT_TAG) {
      const point = decodeCheckPoint(body);
      if (point !== null) this.#takeCheckPoint(point, record);
    } else if (tag === ACK_TAG || tag === BATCH_ACK_TAG) {
      const ack = decodeAck(body);
      if (ack !== null) this.#takeAck(ack);
    }
  }

  #takeCheckPoint(point: CheckPoint, { queueOffset: reviveOffset, storeTimestamp }: MessageRecord): void {
    const key = checkPointKey({ ...point, brokerName: point.brokerName || this.#brokerName });
    // One that says otherwise is not from the wheel, and would hold up those behind it.
    const dueMs = Math.min(point.popTime + point.invisibleTime, storeTimestamp + MAX_CHECK_POINT_AHEAD_MS);
    const pending: Pending = { point, key, reviveOffset, dueMs, outstanding: 0, retryAtMs: 0, isLogged: false };
    this.#pending.push(pending);
    if (this.#byKey.has(key)) {
      // The timer brought it twice; the first one counts.
      point.offsets.length = 0;
      return;
    }
    this.#byKey.set(key, pending);
    const early = this.#early.get(key);
    if (early === undefined) return;
    this.#early.delete(key);
    for (const offset of early.offsets) acknowledge(point, offset);
  }

  #takeAck(ack: Ack): void {
    const key = checkPointKey({ ...ack, brokerName: ack.brokerName || this.#brokerName });
    const pending = this.#byKey.get(key);
    if (pending !== undefined) {
      for (const offset of ack.offsets) acknowledge(pending.point, offset);
      return;
    }
    this.#forgetEarly();
    let early = this.#early.get(key);
    if (early === undefined) {
      if (this.#early.size >= MAX_EARLY_ACKS) return;
      early = { offsets: new Set(), untilMs: this.#clock.monotonicMs() + EARLY_ACK_MS };
      this.#early.set(key, early);
    }
    for (const offset of ack.offsets) early.offsets.add(offset);
  }

  /** Most acknowledgements without a check point come too late or twice. */
  #forgetEarly(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [key, { untilMs }] of this.#early) {
      if (untilMs > nowMs) return;
      this.#early.delete(key);
    }
  }
}

function acknowledge(point: CheckPoint, offset: number): void {
  const index = ackIndex(point, offset);
  if (index >= 0) point.acked |= 1 << index;
}

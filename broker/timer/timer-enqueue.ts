import { stringHashCode } from '../../src/common/java.js';
import { decodeRecord, type MessageRecord } from '../../src/common/message/record.js';
import { RMQ_SYS_WHEEL_TIMER_TOPIC } from '../../src/common/topic-names.js';
import { ENQUEUE_BATCH, MAX_UNFLUSHED_BYTES } from './limits.js';
import { hadLeft, type TimerContext } from './timer-context.js';
import type { TimerDequeue } from './timer-dequeue.js';
import { cancelledKeyOf, leavingProperties, realTopicOf, slotTimeOf } from './timer-record.js';
import { TimerUnit, UnitMagic } from './timer-unit.js';

const QUEUE_ID = 0;

/** Chooses which messages of the timer topic belong on the wheel while it is made again, or caught up after a crash. */
export interface EnqueueFilter {
  /** False for a message that is on the wheel already, or was delivered. */
  isWanted(record: MessageRecord, slotTimeMs: number): boolean;
  /** From this queue offset on every message is wanted. */
  readonly endOffset: number;
}

/** Reads the timer topic, in order, and puts its messages on the wheel. */
export class TimerEnqueue {
  /** Messages before it are on the wheel, or were delivered because they came too late. */
  queueOffset = 0;
  filter: EnqueueFilter | null = null;
  /** Messages that were put on the wheel, or were late, since the start. */
  count = 0;
  readonly #context: TimerContext;
  readonly #dequeue: TimerDequeue;
  readonly #rollSlots: number;
  readonly #unit = new TimerUnit();
  #skipsLogged = 0;

  /** @param options.rollSlots slots ahead of the present beyond which a message is parked before its time */
  constructor(context: TimerContext, dequeue: TimerDequeue, options: { rollSlots: number }) {
    this.#context = context;
    this.#dequeue = dequeue;
    this.#rollSlots = options.rollSlots;
  }

  /** Messages of the timer topic that were not looked at yet. */
  get behind(): number {
    return Math.max(0, this.#context.store.maxOffset(RMQ_SYS_WHEEL_TIMER_TOPIC, QUEUE_ID) - this.queueOffset);
  }

  /** Takes a batch. @returns `idle` at the queue's end, `more` before it, `failed` when the store or the disk refused */
  step(nowMs: number, writeTimeMs: number): 'idle' | 'more' | 'failed' {
    if (this.filter !== null && this.queueOffset >= this.filter.endOffset) this.filter = null;
    if (this.behind === 0) return 'idle';
    const { log } = this.#context;
    // Two rounds of the wheel must not meet: first the old slots are delivered.
    if (this.#dequeue.isFarBehind(writeTimeMs)) return 'failed';
    if (log.unflushedBytes > MAX_UNFLUSHED_BYTES) return 'failed';
    try {
      return this.#takeBatch(nowMs, writeTimeMs);
    } finally {
      // Also what was put before an error is on its way: it counts now, or it would leave again.
      this.#commitLate();
    }
  }

  #takeBatch(nowMs: number, writeTimeMs: number): 'idle' | 'more' | 'failed' {
    const { store } = this.#context;
    for (let taken = 0; taken < ENQUEUE_BATCH; ) {
      const result = store.getMessage(RMQ_SYS_WHEEL_TIMER_TOPIC, QUEUE_ID, this.queueOffset, ENQUEUE_BATCH - taken);
      if (result.status !== 'FOUND') return this.#afterMiss(result);
      for (const buffer of result.buffers) {
        for (const record of recordsIn(buffer)) {
          if (!this.#take(record, nowMs, writeTimeMs)) return 'failed';
          taken++;
        }
      }
      if (!this.#commitLate()) return 'failed';
      this.queueOffset = Math.max(this.queueOffset, result.nextBeginOffset);
    }
    return 'more';
  }

  #afterMiss(result: { status: string; nextBeginOffset: number }): 'idle' | 'more' {
    if (result.nextBeginOffset <= this.queueOffset) return 'idle';
    this.#context.logger.warn(
      `the timer skips from offset ${this.queueOffset} to ${result.nextBeginOffset} of ${RMQ_SYS_WHEEL_TIMER_TOPIC}: ${result.status}`,
    );
    this.queueOffset = result.nextBeginOffset;
    return 'more';
  }

  /** Queue offsets of late messages that wait for `delivery.commit`. */
  #late: number[] = [];

  #take(record: MessageRecord, nowMs: number, writeTimeMs: number): boolean {
    const slotTime = slotTimeOf(record);
    if (!Number.isSafeInteger(slotTime)) {
      if (this.#skipsLogged++ < 10) {
        this.#context.logger.error(`offset ${record.queueOffset} of ${RMQ_SYS_WHEEL_TIMER_TOPIC} is skipped: it has no TIMER_OUT_MS`);
      }
      return true;
    }
    const { filter } = this;
    if (filter !== null && record.queueOffset < filter.endOffset && !filter.isWanted(record, slotTime)) return true;
    this.count++;
    // A slot that is over and not delivered yet still takes messages: a recall in it must meet what it recalls.
    if (slotTime < this.#dequeue.readTimeMs) {
      this.#deliverLate(record, nowMs);
      // What follows must not be on the wheel before this one is delivered.
      return this.#late.length < ENQUEUE_BATCH || this.#commitLate();
    }
    if (!this.#commitLate()) return false;
    this.#append(record, slotTime, writeTimeMs);
    this.queueOffset = record.queueOffset + 1;
    return true;
  }

  #deliverLate(record: MessageRecord, nowMs: number): void {
    const { delivery } = this.#context;
    // A cancellation whose time is over has nothing to cancel.
    if (cancelledKeyOf(record) !== undefined || hadLeft(this.#context, record, false)) delivery.skip();
    else delivery.put(record, leavingProperties(record, { enqueueMs: null, dequeueMs: nowMs, isRoll: false }));
    this.#late.push(record.queueOffset);
  }

  #commitLate(): boolean {
    const late = this.#late;
    if (late.length === 0) return true;
    this.#late = [];
    const { done, failed } = this.#context.delivery.commit();
    this.queueOffset = failed ? late[done]! : late.at(-1)! + 1;
    return !failed;
  }

  #append(record: MessageRecord, slotTime: number, writeTimeMs: number): void {
    const { wheel, log, metrics, precisionMs } = this.#context;
    const unit = this.#unit;
    const window = this.#rollSlots * precisionMs;
    const excess = slotTime - writeTimeMs - window;
    unit.magic = UnitMagic.DEFAULT;
    unit.slotTimeMs = slotTime;
    if (excess >= 0) {
      unit.magic |= UnitMagic.ROLL;
      // A short rest gets half a window, so that the last part of the way is not a few slots.
      const isShort = excess < Math.floor(this.#rollSlots / 3) * precisionMs;
      unit.slotTimeMs = writeTimeMs + (isShort ? Math.floor(this.#rollSlots / 2) * precisionMs : window);
    }
    const isCancellation = cancelledKeyOf(record) !== undefined;
    if (isCancellation) unit.magic |= UnitMagic.DELETE;
    const topic = realTopicOf(record);
    const slot = wheel.slotAt(unit.slotTimeMs);
    unit.prevPos = slot.lastPos;
    unit.writeTimeMs = writeTimeMs;
    unit.commitLogOffset = record.commitLogOffset;
    unit.recordBytes = record.totalSize;
    unit.topicHash = stringHashCode(topic);
    const pos = log.append(unit);
    const change = isCancellation ? -1 : 1;
    if (slot.timeMs === -1) this.#dequeue.liveSlots++;
    wheel.put(unit.slotTimeMs, slot.firstPos === -1 ? pos : slot.firstPos, pos, slot.num + change);
    this.#dequeue.pending += change;
    metrics.add(topic, change);
    this.#dequeue.appended(unit.slotTimeMs - (unit.slotTimeMs % precisionMs), pos, record);
  }
}

/** The records of a read, back to back. */
function* recordsIn(buffer: Buffer): Generator<MessageRecord> {
  for (let at = 0; at < buffer.length; ) {
    const record = decodeRecord(buffer, at);
    yield record;
    at += record.totalSize;
  }
}

import type { MessageRecord } from '../../src/common/message/record.js';
import { MAX_HELD_BYTES } from './limits.js';
import { hadLeft, recordOf, type TimerContext } from './timer-context.js';
import { cancelledKeyOf, dueTimeOf, leavingProperties, realTopicOf, uniqKeyOf } from './timer-record.js';
import { TimerUnit } from './timer-unit.js';

/** Messages of a slot that is over leave in the order of the log, those of the present one as they fall due. */
const NEXT_TO_ANOTHER = { isAlone: false };
const ALONE = { isAlone: true };

/** A message that was read when the slot began, so that it is not read again when it is due. */
interface Held {
  record: MessageRecord;
  /** When its unit was put on the wheel, ms. */
  writeTimeMs: number;
}

/**
 * The slot that is being delivered. Its units are read a part at a time, cancellations first. Messages of the present slot leave when their
 * own time comes, those of a slot that is over at once and in order. Holds a number for each message, and records of the present slot up to
 * `MAX_HELD_BYTES`.
 */
export class ActiveSlot {
  readonly timeMs: number;
  /** Something of it was delivered. */
  hasDelivered = false;
  /** Something of it was put on the timer topic again since somebody asked. */
  hasRolled = false;
  readonly #context: TimerContext;
  readonly #unit = new TimerUnit();
  readonly #isOver: boolean;
  /** Position of the next unit of the chain, which runs from the newest to the oldest; −1 at its end. */
  #chainPos: number;
  /** Units of the chain, the newest first, whose time is not known yet. */
  readonly #chain: number[] = [];
  readonly #cancelled = new Set<string>();
  /** Cancellations that met no message yet, with their topics. */
  readonly #unmatched = new Map<string, string>();
  /** Positions of units by ms after the slot's time. */
  readonly #buckets: (number[] | undefined)[] = [];
  #bucket = 0;
  #inBucket = 0;
  /** Units of a batch that the store did not take. */
  #retry: number[] = [];
  #waiting = 0;
  #delivered = 0;
  /** By position of the unit. */
  readonly #held = new Map<number, Held>();
  #heldBytes = 0;

  /** @param options.isOver the slot's time is over: everything in it is due */
  constructor(context: TimerContext, options: { timeMs: number; lastPos: number; isOver: boolean }) {
    this.#context = context;
    this.timeMs = options.timeMs;
    this.#chainPos = options.lastPos;
    this.#isOver = options.isOver;
  }

  /** Everything of it is delivered or dropped for good. */
  get isEmpty(): boolean {
    return this.#chainPos === -1 && this.#chain.length === 0 && this.#waiting === 0;
  }

  /** Reads on; true when all units are known. Throws when the disk does, and goes on at the same unit then. */
  load(budget: number): boolean {
    const { log, logger } = this.#context;
    const unit = this.#unit;
    let left = budget;
    while (this.#chainPos !== -1) {
      if (left-- === 0) return false;
      if (!log.read(this.#chainPos, unit) || this.#slotTime(unit) !== this.timeMs) {
        logger.error(`the timer log has no unit of slot ${this.timeMs} at ${this.#chainPos}: what was put there before is not delivered`);
        this.#chainPos = -1;
        break;
      }
      if (unit.isDelete && !unit.isRoll) {
        const record = recordOf(this.#context.store, unit);
        if (record !== null) this.#cancel(record);
      } else {
        this.#chain.push(this.#chainPos);
      }
      this.#chainPos = unit.prevPos;
    }
    while (this.#chain.length > 0) {
      if (left-- <= 0) return false;
      const pos = this.#chain.at(-1)!;
      this.#place(pos, this.#isOver ? this.#context.precisionMs : this.#dueOffset(pos));
      this.#chain.pop();
    }
    return true;
  }

  #slotTime(unit: TimerUnit): number {
    return unit.slotTimeMs - (unit.slotTimeMs % this.#context.precisionMs);
  }

  #dueOffset(pos: number): number {
    const { log, store, precisionMs } = this.#context;
    if (!log.read(pos, this.#unit)) return precisionMs;
    // A rolled message leaves for another slot, which is not urgent.
    const record = this.#unit.isRoll ? null : recordOf(store, this.#unit);
    if (record === null) return precisionMs;
    if (this.#heldBytes + record.totalSize <= MAX_HELD_BYTES) {
      this.#heldBytes += record.totalSize;
      this.#held.set(pos, { record, writeTimeMs: this.#unit.writeTimeMs });
    }
    return dueTimeOf(record, this.timeMs, precisionMs) - this.timeMs;
  }

  /** A unit that came while the slot is being delivered. */
  add(pos: number, record: MessageRecord): void {
    if (cancelledKeyOf(record) !== undefined) this.#cancel(record);
    else
      this.#place(pos, this.#isOver ? this.#context.precisionMs : dueTimeOf(record, this.timeMs, this.#context.precisionMs) - this.timeMs);
  }

  #cancel(record: MessageRecord): void {
    const key = cancelledKeyOf(record);
    if (key === undefined) return;
    this.#cancelled.add(key);
    this.#unmatched.set(key, realTopicOf(record));
  }

  #place(pos: number, dueOffset: number): void {
    const at = Math.max(dueOffset, this.#bucket);
    const bucket = this.#buckets[at];
    if (bucket === undefined) this.#buckets[at] = [pos];
    else bucket.push(pos);
    this.#waiting++;
  }

  /**
   * Delivers what is due, at most `budget` messages.
   * @returns `idle` when nothing more is due, `more` when something may be, `failed` when the store or the disk refused
   */
  deliver(nowMs: number, budget: number): 'idle' | 'more' | 'failed' {
    const { delivery, logger, precisionMs } = this.#context;
    const limit = this.#isOver ? precisionMs : Math.min(nowMs - this.timeMs, precisionMs);
    const batch: number[] = [];
    let unread = -1;
    while (batch.length < budget && !delivery.hasFailed) {
      const pos = this.#take(limit);
      if (pos < 0) break;
      try {
        this.#put(pos, nowMs);
        batch.push(pos);
      } catch (error) {
        logger.error(`a timer message cannot be read: ${(error as Error).message}; trying again`, { error });
        unread = pos;
        break;
      }
    }
    if (batch.length === 0 && unread < 0) return 'idle';
    const { done, failed } = delivery.commit();
    this.#waiting -= done;
    this.#delivered += done;
    if (done > 0) this.hasDelivered = true;
    if (!failed && unread < 0) return 'more';
    this.#retry = [...batch.slice(done), ...(unread < 0 ? [] : [unread]), ...this.#retry];
    return 'failed';
  }

  /** The next unit that is due; −1 when there is none. */
  #take(limit: number): number {
    const again = this.#retry.shift();
    if (again !== undefined) return again;
    for (;;) {
      const bucket = this.#buckets[this.#bucket];
      if (this.#bucket > limit) return -1;
      if (bucket !== undefined && this.#inBucket < bucket.length) return bucket[this.#inBucket++]!;
      if (this.#bucket >= limit) return -1;
      this.#buckets[this.#bucket] = undefined;
      this.#bucket++;
      this.#inBucket = 0;
    }
  }

  /** When the next message is due, ms; the slot's end when none is known. */
  get nextDueMs(): number {
    if (this.#retry.length > 0) return this.timeMs;
    for (let at = this.#bucket; at < this.#buckets.length; at++) {
      const count = this.#buckets[at]?.length ?? 0;
      if (count > (at === this.#bucket ? this.#inBucket : 0)) return this.timeMs + at;
    }
    return this.timeMs + this.#context.precisionMs;
  }

  #put(pos: number, nowMs: number): void {
    const held = this.#held.get(pos);
    if (held !== undefined) {
      this.#leave(held.record, { enqueueMs: held.writeTimeMs, dequeueMs: nowMs, isRoll: false });
      // After a failure it is read again.
      this.#held.delete(pos);
      this.#heldBytes -= held.record.totalSize;
      return;
    }
    const { log, store, delivery, logger } = this.#context;
    const unit = this.#unit;
    const record = log.read(pos, unit) ? recordOf(store, unit, this.#isOver ? NEXT_TO_ANOTHER : ALONE) : null;
    if (record === null) {
      const reason =
        unit.commitLogOffset < store.commitLogMinOffset() ? 'was deleted with its commit log file' : 'is not in the commit log';
      logger.error(`a timer message due at ${unit.slotTimeMs} cannot be delivered: its record at ${unit.commitLogOffset} ${reason}`);
      delivery.skip();
      return;
    }
    this.#leave(record, { enqueueMs: unit.writeTimeMs, dequeueMs: nowMs, isRoll: unit.isRoll });
  }

  #leave(record: MessageRecord, times: { enqueueMs: number; dequeueMs: number; isRoll: boolean }): void {
    const { delivery, metrics } = this.#context;
    const { isRoll } = times;
    const topic = realTopicOf(record);
    if (this.#isCancelled(record, topic, isRoll)) {
      delivery.skip();
      return;
    }
    if (this.timeMs <= this.#context.startMs && hadLeft(this.#context, record, isRoll)) {
      delivery.skip();
    } else if (isRoll) {
      delivery.park(record, leavingProperties(record, times));
      this.hasRolled = true;
    } else {
      delivery.put(record, leavingProperties(record, times));
    }
    metrics.add(topic, -1);
  }

  #isCancelled(record: MessageRecord, topic: string, isRoll: boolean): boolean {
    const isCancellation = cancelledKeyOf(record) !== undefined;
    // A cancellation that is not rolled cancels and is never delivered itself.
    if (isCancellation || this.#cancelled.size === 0) return isCancellation && !isRoll;
    const uniqKey = uniqKeyOf(record);
    if (uniqKey === undefined) return false;
    for (const key of [`${topic}+${uniqKey}`, uniqKey]) {
      if (!this.#cancelled.has(key)) continue;
      this.#unmatched.delete(key);
      return true;
    }
    return false;
  }

  /** Messages that left since the last call. */
  takeDelivered(): number {
    const count = this.#delivered;
    this.#delivered = 0;
    return count;
  }

  /** The slot is over: cancellations without a message were counted as one less. */
  finish(): void {
    for (const topic of this.#unmatched.values()) this.#context.metrics.add(topic, 1);
  }
}

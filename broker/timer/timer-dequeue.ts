import type { MessageRecord } from '../../src/common/message/record.js';
import { ActiveSlot } from './active-slot.js';
import { DEQUEUE_BATCH, LOAD_BATCH, PASS_SLOTS, RETRY_MS } from './limits.js';
import type { TimerContext } from './timer-context.js';
import { WHEEL_SLOTS } from './timer-wheel.js';

const NEVER = Number.POSITIVE_INFINITY;

/** Turns the wheel: goes from slot to slot up to the present, and delivers what is in them. */
export class TimerDequeue {
  /** Every slot before this time is delivered. */
  readTimeMs = 0;
  /** Slots from `readTimeMs` on that hold something. */
  liveSlots = 0;
  /** Messages in them, as the slots count. */
  pending = 0;
  /** Messages that left the wheel since the start. */
  count = 0;
  readonly #context: TimerContext;
  #active: ActiveSlot | null = null;
  /** Rolled messages lie before it in the commit log; −1 when all are on the wheel. */
  #rolledEnd = -1;

  constructor(context: TimerContext) {
    this.#context = context;
  }

  /** A part of the present slot is delivered, another is not. */
  get isInSlot(): boolean {
    return this.#active?.hasDelivered === true;
  }

  /** More than a round of the wheel lies between what is delivered and the present. */
  isFarBehind(writeTimeMs: number): boolean {
    return writeTimeMs - this.readTimeMs > WHEEL_SLOTS * this.#context.precisionMs;
  }

  /** A rolled message is not on the wheel again: after a pause its slot may be one of the next. */
  hasRolledOnTheWay(enqueueBehind: number): boolean {
    if (this.#rolledEnd < 0) return false;
    const { store } = this.#context;
    if (store.commitLogMaxOffset() - store.dispatchBehindBytes() >= this.#rolledEnd && enqueueBehind === 0) this.#rolledEnd = -1;
    return this.#rolledEnd >= 0;
  }

  /** A unit was put into a slot. */
  appended(slotTimeMs: number, pos: number, record: MessageRecord): void {
    if (this.#active?.timeMs === slotTimeMs) this.#active.add(pos, record);
  }

  /**
   * Delivers what is due, a batch of it.
   * @param writeTimeMs the present, rounded down to the precision; slots before it are over
   * @returns when to come again, ms: at once when there is more to do
   */
  run(nowMs: number, writeTimeMs: number): number {
    for (let passed = 0; ; ) {
      if (this.#active === null && !this.#open(writeTimeMs)) {
        if (this.readTimeMs >= writeTimeMs) return this.liveSlots > 0 ? this.readTimeMs + this.#context.precisionMs : NEVER;
        this.readTimeMs = this.liveSlots === 0 ? writeTimeMs : this.readTimeMs + this.#context.precisionMs;
        if (++passed > PASS_SLOTS) return nowMs;
        continue;
      }
      const active = this.#active!;
      if (!active.load(LOAD_BATCH)) return nowMs;
      const outcome = active.deliver(nowMs, DEQUEUE_BATCH);
      this.count += active.takeDelivered();
      if (active.hasRolled) {
        active.hasRolled = false;
        this.#rolledEnd = this.#context.store.commitLogMaxOffset();
      }
      if (outcome === 'failed') return nowMs + RETRY_MS;
      if (outcome === 'more') return nowMs;
      // A clock that was set back leaves messages that are not due in a slot that was over before.
      if (active.timeMs >= writeTimeMs || !active.isEmpty) return active.nextDueMs;
      this.#close(active);
    }
  }

  #open(writeTimeMs: number): boolean {
    if (this.readTimeMs > writeTimeMs) return false;
    const slot = this.#context.wheel.slotAt(this.readTimeMs);
    if (slot.timeMs === -1) return false;
    this.#active = new ActiveSlot(this.#context, {
      timeMs: slot.timeMs,
      lastPos: slot.lastPos,
      isOver: slot.timeMs < writeTimeMs,
    });
    return true;
  }

  #close(active: ActiveSlot): void {
    active.finish();
    this.pending -= this.#context.wheel.slotAt(active.timeMs).num;
    this.liveSlots--;
    this.#active = null;
    this.readTimeMs += this.#context.precisionMs;
  }

  /**
   * For a stop, while nothing new is put on the wheel: ends the present slot when all of it is delivered, and leaves it for the next start
   * when nothing is.
   * @returns false while a part is delivered and another is not
   */
  settle(): boolean {
    const active = this.#active;
    if (active === null) return true;
    if (!active.hasDelivered) this.#active = null;
    else if (active.isEmpty) this.#close(active);
    return this.#active === null;
  }
}

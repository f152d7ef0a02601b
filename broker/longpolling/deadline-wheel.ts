import type { Clock, TimerHandle, Timers } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';

/** Something with a deadline; the wheel links and unlinks it in constant time. */
export abstract class WheelEntry {
  /** Monotonic ms. */
  deadlineMs = 0;
  /** @internal */
  wheelNext: WheelEntry | null = null;
  /** @internal */
  wheelPrevious: WheelEntry | null = null;
  /** @internal Slot it stands in, −1 when in none. */
  wheelSlot = -1;
}

const TICK_MS = 50;
const SLOTS = 1024;

/** Deadlines of many entries on one timer, which runs only while there are entries. An entry is late by at most a tick. */
export class DeadlineWheel {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #onExpired: (entry: WheelEntry) => void;
  readonly #logger: Logger;
  readonly #slots: (WheelEntry | null)[] = new Array<WheelEntry | null>(SLOTS).fill(null);
  #timer: TimerHandle | null = null;
  #doneTick = 0;
  #count = 0;

  constructor(options: { clock: Clock; timers: Timers; logger: Logger; onExpired: (entry: WheelEntry) => void }) {
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#onExpired = options.onExpired;
    this.#logger = options.logger;
  }

  get size(): number {
    return this.#count;
  }

  add(entry: WheelEntry): void {
    if (this.#timer === null) {
      this.#doneTick = Math.floor(this.#clock.monotonicMs() / TICK_MS);
      this.#timer = this.#timers.setInterval(() => this.advance(), TICK_MS);
    }
    const tick = Math.max(Math.ceil(entry.deadlineMs / TICK_MS), this.#doneTick + 1);
    const slot = tick % SLOTS;
    entry.wheelSlot = slot;
    entry.wheelPrevious = null;
    entry.wheelNext = this.#slots[slot]!;
    if (entry.wheelNext !== null) entry.wheelNext.wheelPrevious = entry;
    this.#slots[slot] = entry;
    this.#count++;
  }

  remove(entry: WheelEntry): void {
    if (entry.wheelSlot < 0) return;
    if (entry.wheelPrevious === null) this.#slots[entry.wheelSlot] = entry.wheelNext;
    else entry.wheelPrevious.wheelNext = entry.wheelNext;
    if (entry.wheelNext !== null) entry.wheelNext.wheelPrevious = entry.wheelPrevious;
    entry.wheelNext = null;
    entry.wheelPrevious = null;
    entry.wheelSlot = -1;
    this.#count--;
  }

  stop(): void {
    if (this.#timer !== null) this.#timers.clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Expires what is due; the timer calls it, and a test that moves the clock. */
  advance(): void {
    const now = this.#clock.monotonicMs();
    const nowTick = Math.floor(now / TICK_MS);
    // After a long pause each slot is looked at once.
    const from = Math.max(this.#doneTick + 1, nowTick - SLOTS + 1);
    const due: WheelEntry[] = [];
    for (let tick = from; tick <= nowTick; tick++) {
      for (let entry: WheelEntry | null = this.#slots[tick % SLOTS] ?? null; entry !== null; entry = entry.wheelNext) {
        // An entry of a later round of the wheel stays.
        if (entry.deadlineMs <= now) due.push(entry);
      }
    }
    this.#doneTick = Math.max(this.#doneTick, nowTick);
    // Called when all are found: what one call does may take others off the wheel, or add some.
    for (const entry of due) {
      if (entry.wheelSlot < 0) continue;
      this.remove(entry);
      try {
        this.#onExpired(entry);
      } catch (error) {
        // The others are due all the same.
        this.#logger.error(`a waiting request failed at its deadline: ${(error as Error).message}`, { error });
      }
    }
    if (this.#count === 0) this.stop();
  }
}

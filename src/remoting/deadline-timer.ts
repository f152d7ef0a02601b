import type { Clock, TimerHandle, Timers } from '../common/clock.js';
import { DEADLINE_TICK_MS } from '../common/limits.js';

/** One timer for all deadlines of a transport. It wakes when the earliest is due, at most every `DEADLINE_TICK_MS`. */
export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #expire: () => number;
  #handle: TimerHandle | null = null;
  #wakeMs = Number.POSITIVE_INFINITY;

  /** `expire` fails what is due and returns the next deadline, Infinity for none. */
  constructor(clock: Clock, timers: Timers, expire: () => number) {
    this.#clock = clock;
    this.#timers = timers;
    this.#expire = expire;
  }

  /** Makes sure that the timer wakes for a deadline (monotonic ms). */
  arm(deadlineMs: number): void {
    if (deadlineMs >= this.#wakeMs) {
      return;
    }
    this.stop();
    this.#wakeMs = deadlineMs;
    const delayMs = Math.max(DEADLINE_TICK_MS / 10, Math.ceil(deadlineMs - this.#clock.monotonicMs()));
    const handle = this.#timers.setTimeout(this.#wake, delayMs);
    // A request that waits has an open socket, which keeps the process running; the timer alone must not.
    if (typeof handle === 'object') {
      handle.unref();
    }
    this.#handle = handle;
  }

  stop(): void {
    if (this.#handle !== null) {
      this.#timers.clearTimeout(this.#handle);
      this.#handle = null;
    }
    this.#wakeMs = Number.POSITIVE_INFINITY;
  }

  readonly #wake = (): void => {
    this.#handle = null;
    if (this.#clock.monotonicMs() - this.#wakeMs > DEADLINE_TICK_MS) {
      // This process stood still, and answers may wait in its sockets: they are read before anything is taken for missing.
      this.#timers.setImmediate(this.#check);
    } else {
      this.#check();
    }
  };

  readonly #check = (): void => {
    if (this.#handle !== null || this.#wakeMs === Number.POSITIVE_INFINITY) {
      // Armed anew or stopped meanwhile.
      return;
    }
    this.#wakeMs = Number.POSITIVE_INFINITY;
    const next = this.#expire();
    if (next !== Number.POSITIVE_INFINITY) {
      // Deadlines that lie close together share one wake-up.
      this.arm(Math.max(next, this.#clock.monotonicMs() + DEADLINE_TICK_MS));
    }
  };
}

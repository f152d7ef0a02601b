import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../../common/clock.js';

/** What may be caught up with after a wait that took too long, ms. */
const CREDIT_MS = 100;

/** Holds what is done back to so many times a second, at most: after a stall there is no burst of what was missed. */
export class Pace {
  readonly #rate: number | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #clock: Clock;
  readonly #startMs: number;
  #nextMs: number;

  constructor(options: { rate?: number | undefined; signal?: AbortSignal | undefined; clock?: Clock | undefined }) {
    this.#rate = options.rate;
    this.#signal = options.signal;
    this.#clock = options.clock ?? systemClock;
    this.#startMs = this.#clock.monotonicMs();
    this.#nextMs = this.#startMs;
  }

  get elapsedMs(): number {
    return Math.round(this.#clock.monotonicMs() - this.#startMs);
  }

  /** Resolves when it is time for the next, or with the signal. */
  async next(): Promise<void> {
    if (this.#rate === undefined) {
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    const waitMs = this.#nextMs - nowMs;
    this.#nextMs = Math.max(nowMs - CREDIT_MS, this.#nextMs) + 1000 / this.#rate;
    if (waitMs > 1) {
      await sleep(waitMs, undefined, this.#signal === undefined ? {} : { signal: this.#signal }).catch(() => undefined);
    }
  }
}

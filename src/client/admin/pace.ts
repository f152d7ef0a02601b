import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../../common/clock.js';

/** Holds what is done back to so many times a second. */
export class Pace {
  readonly #rate: number | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #clock: Clock;
  readonly #startMs: number;
  #count = 0;

  constructor(options: { rate?: number | undefined; signal?: AbortSignal | undefined; clock?: Clock | undefined }) {
    this.#rate = options.rate;
    this.#signal = options.signal;
    this.#clock = options.clock ?? systemClock;
    this.#startMs = this.#clock.monotonicMs();
  }

  get elapsedMs(): number {
    return Math.round(this.#clock.monotonicMs() - this.#startMs);
  }

  /** Resolves when it is time for the next, or with the signal. */
  async next(): Promise<void> {
    if (this.#rate === undefined) {
      return;
    }
    const waitMs = this.#startMs + (this.#count++ / this.#rate) * 1000 - this.#clock.monotonicMs();
    if (waitMs > 1) {
      await sleep(waitMs, undefined, this.#signal === undefined ? {} : { signal: this.#signal }).catch(() => undefined);
    }
  }
}

import type { TimerHandle, Timers } from '../../common/clock.js';

/** At most one thing to do later: the next one takes its place. */
export class OneTimer {
  readonly #timers: Timers;
  readonly #run: () => void;
  #timer: TimerHandle | undefined;

  constructor(timers: Timers, run: () => void) {
    this.#timers = timers;
    this.#run = run;
  }

  get isSet(): boolean {
    return this.#timer !== undefined;
  }

  set(delayMs: number): void {
    this.clear();
    this.#timer = this.#timers.setTimeout(() => {
      this.#timer = undefined;
      this.#run();
    }, delayMs);
  }

  clear(): void {
    if (this.#timer !== undefined) {
      this.#timers.clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }
}

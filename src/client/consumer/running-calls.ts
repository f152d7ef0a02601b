import type { Timers } from '../../common/clock.js';

/** Counts the listener calls that run, and tells who waits for the last of them. */
export class RunningCalls {
  readonly #timers: Timers;
  #count = 0;
  #whenIdle: Array<() => void> = [];

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get count(): number {
    return this.#count;
  }

  begin(): void {
    this.#count++;
  }

  end(): void {
    this.#count--;
    if (this.#count === 0) {
      for (const resolve of this.#whenIdle.splice(0)) {
        resolve();
      }
    }
  }

  /** Waits until nothing runs, at most `timeoutMs`. */
  async idle(timeoutMs: number): Promise<void> {
    if (this.#count === 0) {
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = this.#timers.setTimeout(resolve, timeoutMs);
      this.#whenIdle.push(() => {
        this.#timers.clearTimeout(timer);
        resolve();
      });
    });
  }
}

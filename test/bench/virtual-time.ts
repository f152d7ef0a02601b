import type { LoadPacer, LoadTime } from '../../src/bench/send-load.js';

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly work: () => void;
}

/** Time that passes when it is told to: timers run in their order, and nothing takes any time. */
export class VirtualTime implements LoadTime {
  readonly #timers: Timer[] = [];
  #nowMs = 0;
  #order = 0;

  now(): number {
    return this.#nowMs;
  }

  setTimeout(work: () => void, ms: number): unknown {
    const timer = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, work };
    let at = this.#timers.length;
    while (at > 0 && isLater(this.#timers[at - 1], timer)) at--;
    this.#timers.splice(at, 0, timer);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    const at = this.#timers.indexOf(timer as Timer);
    if (at >= 0) this.#timers.splice(at, 1);
  }

  createPacer(onBeat: () => void): LoadPacer {
    let next: unknown;
    const stop = (): void => this.clearTimeout(next);
    const beat = (firstInMs: number, everyMs: number): void => {
      stop();
      const firstMs = this.#nowMs + firstInMs;
      const sleep = (count: number): void => {
        next = this.setTimeout(
          () => {
            sleep(count + 1);
            onBeat();
          },
          firstMs + count * everyMs - this.#nowMs,
        );
      };
      sleep(0);
    };
    return { beat, again: () => this.setTimeout(onBeat, 0), close: stop };
  }

  /** Runs everything until nothing is left to do. */
  runAll(): void {
    for (let timer = this.#timers.shift(); timer !== undefined; timer = this.#timers.shift()) {
      this.#nowMs = timer.atMs;
      timer.work();
    }
  }
}

function isLater(one: Timer | undefined, other: Timer): boolean {
  return one !== undefined && (one.atMs > other.atMs || (one.atMs === other.atMs && one.order > other.order));
}

import type { Clock, Timers } from '../../src/common/clock.js';

/** A clock and timers that only the test moves. */
export class ManualTime implements Clock, Timers {
  #wallMs: number;
  #monotonicMs = 1000;
  #interval: (() => void) | null = null;

  constructor(wallMs: number) {
    this.#wallMs = wallMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }
  monotonicMs(): number {
    return this.#monotonicMs;
  }
  monotonicNs(): bigint {
    return BigInt(this.#monotonicMs) * 1_000_000n;
  }
  setTimeout(): number {
    throw new Error('the store uses one interval');
  }
  clearTimeout(): void {}
  setInterval(callback: () => void): number {
    this.#interval = callback;
    return 1;
  }
  clearInterval(): void {
    this.#interval = null;
  }
  setImmediate(callback: () => void): number {
    callback();
    return 1;
  }

  /** Time passes and the store's timer fires. */
  tick(elapsedMs: number): void {
    this.#wallMs += elapsedMs;
    this.#monotonicMs += elapsedMs;
    this.#interval?.();
  }

  /** Somebody sets the clock. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }
}

import type { Clock, ImmediateHandle, TimerHandle, Timers } from '../../src/common/clock.js';

interface Pending {
  id: number;
  dueMs: number;
  periodMs: number | null;
  callback: () => void;
}

/** Time that stands still until a test moves it. */
export class FakeTime implements Clock, Timers {
  #nowMs = 1_700_000_000_000;
  #nextId = 1;
  #pending: Pending[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - 1_690_000_000_000;
  }

  monotonicNs(): bigint {
    return BigInt(Math.round(this.monotonicMs() * 1e6));
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    return this.#add(callback, delayMs, null);
  }

  setInterval(callback: () => void, periodMs: number): TimerHandle {
    return this.#add(callback, periodMs, periodMs);
  }

  setImmediate(callback: () => void): ImmediateHandle {
    return this.#add(callback, 0, null);
  }

  clearTimeout(handle: TimerHandle): void {
    this.#pending = this.#pending.filter((pending) => pending.id !== handle);
  }

  clearInterval(handle: TimerHandle): void {
    this.clearTimeout(handle);
  }

  /** Timers that wait. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  /** Moves time on and runs what falls due, in order. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#pending.filter((pending) => pending.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs || a.id - b.id)[0];
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      if (next.periodMs === null) this.clearTimeout(next.id);
      else next.dueMs += next.periodMs;
      next.callback();
    }
    this.#nowMs = untilMs;
  }

  #add(callback: () => void, delayMs: number, periodMs: number | null): number {
    const id = this.#nextId++;
    this.#pending.push({ id, dueMs: this.#nowMs + delayMs, periodMs, callback });
    return id;
  }
}

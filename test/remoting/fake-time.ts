import type { Clock, Timers } from '../../src/common/clock.js';

interface Entry {
  id: number;
  atMs: number;
  periodMs: number | null;
  callback: () => void;
}

/** A clock that stands still until `advance`, with timers that fire in its time; immediates are real. */
export class FakeTime implements Clock, Timers {
  #nowMs = 1_000_000;
  #nextId = 1;
  readonly #entries = new Map<number, Entry>();

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  monotonicNs(): bigint {
    return BigInt(this.#nowMs) * 1_000_000n;
  }

  setTimeout(callback: () => void, delayMs: number): number {
    return this.#add(callback, delayMs, null);
  }

  setInterval(callback: () => void, periodMs: number): number {
    return this.#add(callback, periodMs, periodMs);
  }

  clearTimeout(handle: unknown): void {
    this.#entries.delete(handle as number);
  }

  clearInterval(handle: unknown): void {
    this.#entries.delete(handle as number);
  }

  setImmediate(callback: () => void): NodeJS.Immediate {
    return globalThis.setImmediate(callback);
  }

  /** Timers that wait. */
  get pendingTimers(): number {
    return this.#entries.size;
  }

  /** Moves time on and fires what is due, in order. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#entries.values()].filter((entry) => entry.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) {
        break;
      }
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      if (due.periodMs === null) {
        this.#entries.delete(due.id);
      } else {
        due.atMs += due.periodMs;
      }
      due.callback();
    }
    this.#nowMs = untilMs;
  }

  #add(callback: () => void, delayMs: number, periodMs: number | null): number {
    const id = this.#nextId++;
    this.#entries.set(id, { id, atMs: this.#nowMs + delayMs, periodMs, callback });
    return id;
  }
}

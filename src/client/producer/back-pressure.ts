/*
 * Permits of asynchronous sends: so many messages and so many body bytes may be on their way at once. A send without a permit waits in
 * line, within its own time-out, and whoever comes later stands behind it. Nothing is made for a send but its place in the line.
 */

import type { Clock, Timers } from '../../common/clock.js';
import { MAX_WAITING_SENDS } from '../../common/limits.js';
import { DeadlineTimer } from '../../remoting/deadline-timer.js';
import type { PendingSend } from './pending-send.js';

/** Apache's least values. */
const MIN_COUNT = 10;
const MIN_BYTES = 1024 * 1024;

export interface SendPermitsInit {
  count: number;
  bytes: number;
  clock: Clock;
  timers: Timers;
  /** A waiting send has its permit. */
  onGranted(pending: PendingSend): void;
  /** A send waited as long as its time-out. */
  onExpired(pending: PendingSend): void;
}

/** How asking for a permit went. */
export type PermitOutcome = 'granted' | 'waiting' | 'refused';

/** The permits of one producer. */
export class SendPermits {
  readonly #init: SendPermitsInit;
  readonly #bytesLimit: number;
  readonly #deadlines: DeadlineTimer;
  #free: number;
  #freeBytes: number;
  #line: PendingSend[] = [];
  /** Where the line begins in the array. */
  #head = 0;
  #whenReady: (() => void)[] = [];

  constructor(init: SendPermitsInit) {
    this.#init = init;
    this.#free = Math.max(MIN_COUNT, init.count);
    this.#bytesLimit = Math.max(MIN_BYTES, init.bytes);
    this.#freeBytes = this.#bytesLimit;
    this.#deadlines = new DeadlineTimer(init.clock, init.timers, () => this.#expire());
  }

  /** Sends in line. */
  get waiting(): number {
    return this.#line.length - this.#head;
  }

  /** Takes a permit, or a place in the line; `refused` when the line is full. */
  acquire(pending: PendingSend): PermitOutcome {
    if (this.waiting === 0 && this.#take(pending)) {
      return 'granted';
    }
    if (this.waiting >= MAX_WAITING_SENDS) {
      return 'refused';
    }
    this.#line.push(pending);
    this.#deadlines.arm(pending.startMs + pending.timeoutMs);
    return 'waiting';
  }

  /** Gives a send's permit back; those in line go on. */
  release(pending: PendingSend): void {
    if (pending.permitBytes < 0) {
      return;
    }
    this.#free++;
    this.#freeBytes += pending.permitBytes;
    pending.permitBytes = -1;
    this.#grant();
  }

  /** Resolves when a send would get its permit at once. */
  ready(): Promise<void> {
    if (this.waiting === 0 && this.#free > 0 && this.#freeBytes > 0) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#whenReady.push(resolve);
    });
  }

  close(): void {
    this.#deadlines.stop();
  }

  /** Lets those at the head of the line go as far as the permits reach. */
  #grant(): void {
    while (this.#head < this.#line.length) {
      const next = this.#line[this.#head] as PendingSend;
      if (!this.#take(next)) {
        return;
      }
      this.#advance();
      this.#init.onGranted(next);
    }
    this.#tellReady();
  }

  /** A body larger than all bytes there are needs all of them. */
  #take(pending: PendingSend): boolean {
    const bytes = Math.min(pending.message.body.length, this.#bytesLimit);
    if (this.#free === 0 || this.#freeBytes < bytes) {
      return false;
    }
    this.#free--;
    this.#freeBytes -= bytes;
    pending.permitBytes = bytes;
    return true;
  }

  #advance(): void {
    this.#head++;
    if (this.#head === this.#line.length) {
      this.#line = [];
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#line.length) {
      this.#line = this.#line.slice(this.#head);
      this.#head = 0;
    }
  }

  #tellReady(): void {
    const ready = this.#whenReady;
    if (ready.length > 0 && this.#free > 0 && this.#freeBytes > 0) {
      this.#whenReady = [];
      for (const resolve of ready) {
        resolve();
      }
    }
  }

  #expire(): number {
    const nowMs = this.#init.clock.monotonicMs();
    const line = this.#line.slice(this.#head);
    this.#head = 0;
    this.#line = [];
    let nextMs = Number.POSITIVE_INFINITY;
    const expired: PendingSend[] = [];
    for (const pending of line) {
      const deadlineMs = pending.startMs + pending.timeoutMs;
      if (deadlineMs <= nowMs) {
        expired.push(pending);
      } else {
        this.#line.push(pending);
        nextMs = Math.min(nextMs, deadlineMs);
      }
    }
    for (const pending of expired) {
      this.#init.onExpired(pending);
    }
    this.#grant();
    return nextMs;
  }
}

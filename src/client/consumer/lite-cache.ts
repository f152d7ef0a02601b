import type { Timers } from '../../common/clock.js';
import type { CachedMessage } from './process-queue.js';
import type { PulledMessage } from './pulled-message.js';

/** The messages of one pull, which one poll gets. */
export interface PolledChunk<Q> {
  readonly queue: Q;
  /** Seeks of the queue before the pull; a later one makes the chunk worthless. */
  readonly seeks: number;
  readonly cached: readonly CachedMessage[];
  readonly messages: PulledMessage[];
}

/** Pulled messages of all queues in the order of their arrival, and the polls that wait for more. */
export class LiteCache<Q> {
  readonly #timers: Timers;
  #chunks: PolledChunk<Q>[] = [];
  #head = 0;
  #messageCount = 0;
  readonly #waiting = new Set<(chunk: PolledChunk<Q> | null) => void>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Messages that no poll has got. */
  get messageCount(): number {
    return this.#messageCount;
  }

  /** Gives the chunk to the poll that waits longest, or keeps it. */
  put(chunk: PolledChunk<Q>): void {
    for (const wake of this.#waiting) {
      this.#waiting.delete(wake);
      wake(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#messageCount += chunk.messages.length;
  }

  /** The next chunk; null when none comes in the time, or the cache is closed. */
  async take(timeoutMs: number): Promise<PolledChunk<Q> | null> {
    const chunk = this.#chunks[this.#head];
    if (chunk !== undefined) {
      this.#head++;
      this.#messageCount -= chunk.messages.length;
      if (this.#head > 512 && this.#head * 2 > this.#chunks.length) {
        this.#chunks = this.#chunks.slice(this.#head);
        this.#head = 0;
      }
      return chunk;
    }
    if (timeoutMs <= 0) {
      return null;
    }
    return new Promise((resolve) => {
      const wake = (found: PolledChunk<Q> | null): void => {
        this.#timers.clearTimeout(timer);
        resolve(found);
      };
      const timer = this.#timers.setTimeout(() => {
        this.#waiting.delete(wake);
        resolve(null);
      }, timeoutMs);
      this.#waiting.add(wake);
    });
  }

  /** Forgets the chunks of a queue. */
  drop(queue: Q): void {
    this.#chunks = this.#chunks.slice(this.#head).filter((chunk) => chunk.queue !== queue);
    this.#head = 0;
    this.#messageCount = this.#chunks.reduce((sum, { messages }) => sum + messages.length, 0);
  }

  /** Forgets everything and ends the polls that wait. */
  close(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#messageCount = 0;
    for (const wake of this.#waiting) {
      wake(null);
    }
    this.#waiting.clear();
  }
}

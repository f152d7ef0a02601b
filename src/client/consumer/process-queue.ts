import type { MessageQueue } from '../message-queue.js';
import type { PulledMessage } from './pulled-message.js';

/** A message in the cache. */
export interface CachedMessage {
  readonly message: PulledMessage;
  /** Done with: consumed, or taken back by the broker. */
  done: boolean;
}

/**
 * The pulled messages of one owned queue, in order of their offsets. What may be committed is the offset of the first message that is
 * not done: one that is stuck holds it. Pulls of a queue follow each other, so messages arrive in order and the cache is a plain list.
 */
export class ProcessQueue {
  readonly queue: MessageQueue;
  /** Set when the queue belongs to somebody else now: results of messages still being consumed are thrown away. */
  dropped = false;
  /** Set while an ordered queue is being given up: nothing more is pulled or consumed, and the call that runs still counts. */
  isLeaving = false;
  /** When the broker last granted or renewed the lock of an ordered queue, monotonic ms. */
  lockedMs = Number.NEGATIVE_INFINITY;
  lastPullTimestamp: number;
  lastConsumeTimestamp: number;
  #cached: CachedMessage[] = [];
  /** Everything before this index is done. */
  #head = 0;
  #msgCount = 0;
  #msgBytes = 0;
  /** Offset behind the last message that was ever cached; −1 before the first. */
  #endOffset = -1;

  constructor(queue: MessageQueue, nowMs: number) {
    this.queue = queue;
    this.lastPullTimestamp = nowMs;
    this.lastConsumeTimestamp = nowMs;
  }

  /** Messages that are not done. */
  get msgCount(): number {
    return this.#msgCount;
  }

  /** Bytes of their bodies as stored. */
  get msgBytes(): number {
    return this.#msgBytes;
  }

  /** Distance between the first message that is not done and the last one. */
  get maxSpan(): number {
    const first = this.#cached[this.#head];
    return first === undefined ? 0 : this.#endOffset - 1 - first.message.queueOffset;
  }

  get minCachedOffset(): number {
    return this.#cached[this.#head]?.message.queueOffset ?? 0;
  }

  get maxCachedOffset(): number {
    return this.#msgCount === 0 ? 0 : this.#endOffset - 1;
  }

  /** Adds messages; those at or below what is cached already are left out. */
  put(messages: readonly PulledMessage[]): CachedMessage[] {
    const added: CachedMessage[] = [];
    for (const message of messages) {
      if (message.queueOffset < this.#endOffset) {
        continue;
      }
      const cached: CachedMessage = { message, done: false };
      this.#cached.push(cached);
      added.push(cached);
      this.#msgCount++;
      this.#msgBytes += message.bodyBytes;
      this.#endOffset = message.queueOffset + 1;
    }
    return added;
  }

  /**
   * Marks messages done.
   * @returns the offset that may be committed now; −1 when nothing was ever cached.
   */
  remove(messages: readonly CachedMessage[]): number {
    for (const cached of messages) {
      if (!cached.done) {
        cached.done = true;
        this.#msgCount--;
        this.#msgBytes -= cached.message.bodyBytes;
      }
    }
    while (this.#head < this.#cached.length && this.#cached[this.#head]?.done === true) {
      this.#head++;
    }
    if (this.#head > 512 && this.#head * 2 > this.#cached.length) {
      this.#cached = this.#cached.slice(this.#head);
      this.#head = 0;
    }
    return this.commitOffset;
  }

  /** Offset of the first message that is not done, or the one behind the last; −1 when nothing was ever cached. */
  get commitOffset(): number {
    return this.#cached[this.#head]?.message.queueOffset ?? this.#endOffset;
  }

  /** The first message that is not done. */
  get first(): CachedMessage | undefined {
    return this.#cached[this.#head];
  }

  /** Forgets all messages. */
  clear(): void {
    this.#cached = [];
    this.#head = 0;
    this.#msgCount = 0;
    this.#msgBytes = 0;
    this.#endOffset = -1;
  }
}

import type { MessageQueue } from '../message-queue.js';
import { type CachedMessage, ProcessQueue } from './process-queue.js';
import type { PulledMessage } from './pulled-message.js';

/**
 * Popped messages that are not done. They come from any queue of a broker, in no order, and each is acknowledged by itself: there is no offset
 * to commit.
 */
export class PopQueue extends ProcessQueue {
  readonly #onConsumed: (message: PulledMessage) => void;
  readonly #cached = new Set<CachedMessage>();
  /** Messages that are somebody else's: they leave without an acknowledgement. */
  readonly #released = new WeakSet<PulledMessage>();
  #bytes = 0;

  /** @param onConsumed told of each message that was consumed */
  constructor(queue: MessageQueue, nowMs: number, onConsumed: (message: PulledMessage) => void) {
    super(queue, nowMs);
    this.#onConsumed = onConsumed;
  }

  override get msgCount(): number {
    return this.#cached.size;
  }

  override get msgBytes(): number {
    return this.#bytes;
  }

  override get maxSpan(): number {
    return 0;
  }

  override get commitOffset(): number {
    return -1;
  }

  /** None: what the listener holds for too long comes back by itself. */
  override get first(): CachedMessage | undefined {
    return undefined;
  }

  override put(messages: readonly PulledMessage[]): CachedMessage[] {
    return messages.map((message) => {
      const cached: CachedMessage = { message, done: false };
      this.#cached.add(cached);
      this.#bytes += message.bodyBytes;
      return cached;
    });
  }

  /** The message must not be acknowledged: it will come again, here or elsewhere. */
  release(message: PulledMessage): void {
    this.#released.add(message);
  }

  override remove(messages: readonly CachedMessage[]): number {
    for (const cached of messages) {
      if (cached.done) continue;
      cached.done = true;
      this.#cached.delete(cached);
      this.#bytes -= cached.message.bodyBytes;
      if (!this.#released.has(cached.message)) this.#onConsumed(cached.message);
    }
    return -1;
  }

  override clear(): void {
    this.#cached.clear();
    this.#bytes = 0;
  }
}

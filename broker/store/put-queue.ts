import type { PutBatch } from './put-batch.js';
import type { AnyQueue, TopicEntry } from './topic-table.js';
import type { PutMessage, PutSink } from './types.js';

/** One record, or the records of one batch, on the way: appended, then written, then (SYNC_FLUSH) flushed, then dispatched. Objects are reused. */
export interface PendingPut {
  /** Null once it is answered. */
  message: PutMessage | null;
  sink: PutSink | null;
  entry: TopicEntry;
  /** Null for records that enter no queue (prepared and rolled back). */
  queue: AnyQueue | null;
  queueOffset: number;
  /** Queue offsets that it takes: 1, or the messages of a batch. */
  messageCount: number;
  commitLogOffset: number;
  size: number;
  storeTimestamp: number;
  tagsCode: number | bigint;
  properties: string;
  isIndexed: boolean;
  /** The records of a classic batch, which are written, answered and refused as a whole; null for a single record. */
  batch: PutBatch | null;
  /** When waiting for the disk ends, monotonic ms. */
  deadlineMs: number;
}

/** Puts in order of the log, first in first out, without garbage for each. */
export class PutQueue {
  readonly #items: PendingPut[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: PendingPut): void {
    this.#items.push(item);
  }

  /** The oldest; undefined when empty. */
  peek(): PendingPut | undefined {
    return this.#items[this.#head];
  }

  shift(): PendingPut | undefined {
    const item = this.#items[this.#head];
    if (item !== undefined) {
      this.#head++;
      if (this.#head === this.#items.length) {
        this.#items.length = 0;
        this.#head = 0;
      } else if (this.#head > 4096 && this.#head * 2 > this.#items.length) {
        this.#items.splice(0, this.#head);
        this.#head = 0;
      }
    }
    return item;
  }

  /** The n-th oldest. */
  at(index: number): PendingPut | undefined {
    return this.#items[this.#head + index];
  }
}

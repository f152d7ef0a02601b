import { decodeRecords, type MessageRecord } from '../src/common/message/record.js';
import type { MessageStore } from './store/index.js';

/** Messages that are looked at in all, so that going on after a crash stays quick; beyond it a message may come twice. */
const MAX_LOOKED_AT = 500_000;
const READ_MESSAGES = 32;

/** A queue that copies go to. */
export interface CopyTarget {
  readonly topic: string;
  readonly queueId: number;
}

/**
 * Messages whose copies left before a crash and after the last saved progress, so that no second copy is made: the copies lie in the commit
 * log, at the ends of the queues they went to. A queue is read when the first message for it comes up.
 */
export class CopiesSince {
  readonly #store: MessageStore;
  readonly #sinceMs: number;
  readonly #signatureOf: (copy: MessageRecord) => string | null;
  readonly #queues = new Map<string, Map<string, number>>();
  #left = MAX_LOOKED_AT;

  /**
   * @param sinceMs store time before which no copy can have left that the saved progress does not count
   * @param signatureOf what a copy has in common with its message and with no other one; null for what is no copy
   */
  constructor(store: MessageStore, sinceMs: number, signatureOf: (copy: MessageRecord) => string | null) {
    this.#store = store;
    this.#sinceMs = sinceMs;
    this.#signatureOf = signatureOf;
  }

  /** Whether a copy with this signature is in the queue already; each copy counts once. */
  take(signature: string, target: CopyTarget): boolean {
    const name = `${target.topic} ${target.queueId}`;
    let copies = this.#queues.get(name);
    if (copies === undefined) {
      copies = this.#read(target);
      this.#queues.set(name, copies);
    }
    const count = copies.get(signature) ?? 0;
    if (count === 0) return false;
    copies.set(signature, count - 1);
    return true;
  }

  #read({ topic, queueId }: CopyTarget): Map<string, number> {
    const copies = new Map<string, number>();
    const end = this.#store.maxOffset(topic, queueId);
    for (let offset = this.#store.offsetByTime(topic, queueId, this.#sinceMs); offset < end && this.#left > 0; ) {
      const result = this.#store.getMessage(topic, queueId, offset, READ_MESSAGES);
      for (const record of result.buffers.flatMap((buffer) => decodeRecords(buffer))) {
        this.#left--;
        const signature = this.#signatureOf(record);
        if (signature !== null) copies.set(signature, (copies.get(signature) ?? 0) + 1);
      }
      if (result.nextBeginOffset <= offset) break;
      offset = result.nextBeginOffset;
    }
    return copies;
  }
}

import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import { decodeRecords, type MessageRecord } from '../../src/common/message/record.js';
import type { MessageStore } from '../store/index.js';

/** Messages looked at in all, so that reviving after a crash stays quick; beyond it a message may come twice. */
const MAX_LOOKED_AT = 500_000;
const READ_MESSAGES = 32;

/**
 * What was revived before a crash and after the last saved progress: the copies lie at the ends of the retry topics. A topic is read when the first
 * message for it comes up.
 */
export class RetryCopies {
  readonly #store: MessageStore;
  readonly #sinceMs: number;
  readonly #topics = new Map<string, Map<string, number>>();
  #left = MAX_LOOKED_AT;

  /** @param sinceMs when the first check point that is looked at again was stored */
  constructor(store: MessageStore, sinceMs: number) {
    this.#store = store;
    this.#sinceMs = sinceMs;
  }

  /** Whether a copy of the message is in the topic already; each copy counts once. */
  take(record: MessageRecord, topic: string): boolean {
    let copies = this.#topics.get(topic);
    if (copies === undefined) {
      copies = this.#read(topic);
      this.#topics.set(topic, copies);
    }
    const signature = signatureOf(record, record.reconsumeTimes + 1);
    const count = copies.get(signature) ?? 0;
    if (count === 0) return false;
    copies.set(signature, count - 1);
    return true;
  }

  #read(topic: string): Map<string, number> {
    const copies = new Map<string, number>();
    const end = this.#store.maxOffset(topic, 0);
    for (let offset = this.#store.offsetByTime(topic, 0, this.#sinceMs); offset < end && this.#left > 0; ) {
      const result = this.#store.getMessage(topic, 0, offset, READ_MESSAGES);
      for (const record of result.buffers.flatMap((buffer) => decodeRecords(buffer))) {
        this.#left--;
        const signature = signatureOf(record, record.reconsumeTimes);
        copies.set(signature, (copies.get(signature) ?? 0) + 1);
      }
      if (result.nextBeginOffset <= offset) break;
      offset = result.nextBeginOffset;
    }
    return copies;
  }
}

/** What a message and its copy have in common, and no two other messages. */
function signatureOf(record: MessageRecord, reconsumeTimes: number): string {
  const { properties, bornTimestamp, body } = record;
  const id = getProperty(properties, MessageConst.UNIQ_KEY) ?? `${body.length} ${record.bodyCrc}`;
  return `${id} ${bornTimestamp} ${reconsumeTimes}`;
}

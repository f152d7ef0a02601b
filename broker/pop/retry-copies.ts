import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import type { MessageRecord } from '../../src/common/message/record.js';
import { CopiesSince } from '../copies-since.js';
import type { MessageStore } from '../store/index.js';

/** What was revived before a crash and after the last saved progress. */
export class RetryCopies {
  readonly #copies: CopiesSince;

  /** @param sinceMs when the first check point that is looked at again was stored */
  constructor(store: MessageStore, sinceMs: number) {
    this.#copies = new CopiesSince(store, sinceMs, (copy) => signatureOf(copy, copy.reconsumeTimes));
  }

  /** Whether a copy of the message is in the topic already; each copy counts once. */
  take(record: MessageRecord, topic: string): boolean {
    return this.#copies.take(signatureOf(record, record.reconsumeTimes + 1), { topic, queueId: 0 });
  }
}

/** What a message and its copy have in common, and no two other messages. */
function signatureOf(record: MessageRecord, reconsumeTimes: number): string {
  const { properties, bornTimestamp, body } = record;
  const id = getProperty(properties, MessageConst.UNIQ_KEY) ?? `${body.length} ${record.bodyCrc}`;
  return `${id} ${bornTimestamp} ${reconsumeTimes}`;
}

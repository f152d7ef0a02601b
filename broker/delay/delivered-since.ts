import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import type { MessageRecord } from '../../src/common/message/record.js';
import { CopiesSince, type CopyTarget } from '../copies-since.js';
import type { MessageStore } from '../store/index.js';

/** Delayed messages that were delivered before a crash and after the last saved progress. */
export class DeliveredSince {
  readonly #copies: CopiesSince;

  /** @param sinceMs before it no message can have left that the saved progress does not count */
  constructor(store: MessageStore, sinceMs: number) {
    this.#copies = new CopiesSince(store, sinceMs, (copy) =>
      copy.storeTimestamp < sinceMs || getProperty(copy.properties, MessageConst.REAL_TOPIC) === undefined
        ? null
        : signatureOf(copy, turnOf(copy)),
    );
  }

  /** Whether a copy of the record is in the queue already; each copy counts once. `turn` is the copy's TIMER_ROLL_TIMES. */
  take(record: MessageRecord, target: CopyTarget, turn: string = turnOf(record)): boolean {
    return this.#copies.take(signatureOf(record, turn), target);
  }
}

function turnOf(record: MessageRecord): string {
  return getProperty(record.properties, MessageConst.TIMER_ROLL_TIMES) ?? '';
}

/** What a message and its copy have in common, and no two other messages. */
function signatureOf(record: MessageRecord, turn: string): string {
  const { properties } = record;
  const of = (name: string): string => getProperty(properties, name) ?? '';
  // Not every sender gives an id; the properties of a copy from the timer wheel are others.
  const id = of(MessageConst.UNIQ_KEY) || `${record.bodyCrc} ${record.body.length} ${of(MessageConst.KEYS)} ${of(MessageConst.TAGS)}`;
  const kind = of(MessageConst.TIMER_DEL_UNIQKEY) === '' ? '' : 'recall';
  const delay = `${of(MessageConst.DELAY)} ${of(MessageConst.TIMER_OUT_MS)}`;
  return `${id} ${kind} ${delay} ${turn} ${record.bornTimestamp} ${record.reconsumeTimes}`;
}

import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import { decodeRecords, type MessageRecord } from '../../src/common/message/record.js';
import type { MessageStore } from '../store/index.js';

/** Messages that are looked at in all, so that a start after a crash stays short; beyond it a message may come twice. */
const MAX_LOOKED_AT = 500_000;
const READ_MESSAGES = 32;

/** A queue that delayed messages are delivered to. */
interface Target {
  topic: string;
  queueId: number;
}

/**
 * What was delivered before a crash and after the last saved progress, so that it is not delivered again: the copies lie in the commit log,
 * at the ends of the queues they went to. A queue is read when the first message for it comes up.
 */
export class DeliveredSince {
  readonly #store: MessageStore;
  readonly #sinceMs: number;
  readonly #queues = new Map<string, Map<string, number>>();
  #left = MAX_LOOKED_AT;

  /** @param sinceMs before it no message can have left that the saved progress does not count */
  constructor(store: MessageStore, sinceMs: number) {
    this.#store = store;
    this.#sinceMs = sinceMs;
  }

  /** Whether a copy of the record is in the queue already; each copy counts once. `turn` is the copy's TIMER_ROLL_TIMES. */
  take(record: MessageRecord, target: Target, turn = getProperty(record.properties, MessageConst.TIMER_ROLL_TIMES) ?? ''): boolean {
    const name = `${target.topic} ${target.queueId}`;
    let copies = this.#queues.get(name);
    if (copies === undefined) {
      copies = this.#read(target);
      this.#queues.set(name, copies);
    }
    const signature = signatureOf(record, turn);
    const count = copies.get(signature) ?? 0;
    if (count === 0) return false;
    copies.set(signature, count - 1);
    return true;
  }

  #read({ topic, queueId }: Target): Map<string, number> {
    const copies = new Map<string, number>();
    const end = this.#store.maxOffset(topic, queueId);
    for (let offset = this.#store.offsetByTime(topic, queueId, this.#sinceMs); offset < end && this.#left > 0; ) {
      const result = this.#store.getMessage(topic, queueId, offset, READ_MESSAGES);
      for (const record of result.buffers.flatMap((buffer) => decodeRecords(buffer))) {
        this.#left--;
        const { properties } = record;
        if (record.storeTimestamp < this.#sinceMs || getProperty(properties, MessageConst.REAL_TOPIC) === undefined) continue;
        const signature = signatureOf(record, getProperty(properties, MessageConst.TIMER_ROLL_TIMES) ?? '');
        copies.set(signature, (copies.get(signature) ?? 0) + 1);
      }
      if (result.nextBeginOffset <= offset) break;
      offset = result.nextBeginOffset;
    }
    return copies;
  }
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

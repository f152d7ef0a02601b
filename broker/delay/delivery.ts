import { stringHashCode } from '../../src/common/java.js';
import type { Logger } from '../../src/common/logger.js';
import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import { type MessageRecord, RECORD_OVERHEAD_BYTES } from '../../src/common/message/record.js';
import { NOT_SENDABLE } from '../../src/common/topic-names.js';
import { isStored } from '../processors/put-status.js';
import { BATCH_QUEUE_BYTES, fittedToRecord } from '../properties-room.js';
import type { BrokerStats } from '../stats/index.js';
import type { MessageStore, PutMessage, PutSink, PutStatus } from '../store/index.js';
import type { TopicConfigManager } from '../topics/index.js';

/** Outcome of one delivered message. */
interface Slot {
  /** Null until the store answered; true also for messages that can never be delivered. */
  ok: boolean | null;
}

/** Puts delayed messages into their real topics, a batch at a time, and tells how many of the batch made it in order. */
export class Delivery implements PutSink {
  readonly #store: MessageStore;
  readonly #topics: TopicConfigManager;
  readonly #stats: BrokerStats;
  readonly #logger: Logger;
  readonly #flush: () => void;
  #slots: Slot[] = [];
  #hasFailed = false;
  /** The last failure that was logged: a full disk fills no log. */
  #loggedStatus: PutStatus | null = null;

  /** @param flush writes and acknowledges what was put */
  constructor(options: { store: MessageStore; topics: TopicConfigManager; stats: BrokerStats; logger: Logger; flush: () => void }) {
    this.#store = options.store;
    this.#topics = options.topics;
    this.#stats = options.stats;
    this.#logger = options.logger;
    this.#flush = options.flush;
  }

  /** Queues a parked record for its real topic. */
  put(record: MessageRecord, properties = record.properties): void {
    const target = this.#realTarget(record);
    if (target === null) this.skip();
    else this.#add(record, target, fittedToRecord(properties, BATCH_QUEUE_BYTES));
  }

  /** Queues a record for the queue it lies in: its time is not over. */
  park(record: MessageRecord, properties: string): void {
    this.#add(record, record, properties);
  }

  #add(record: MessageRecord, target: { topic: string; queueId: number }, properties: string): void {
    const slot: Slot = { ok: null };
    this.#store.put(restore(record, target, { properties, slot }), this);
    // Only now: a put that throws is none of the batch.
    this.#slots.push(slot);
  }

  /** Counts a record of the batch that is not delivered, for good. */
  skip(): void {
    this.#slots.push({ ok: true });
  }

  /** The store refused a message of this batch: what follows it must wait, or it would come twice. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Writes the batch; `done` messages from its start are delivered (or dropped for good). */
  commit(): { done: number; failed: boolean } {
    const slots = this.#slots;
    if (slots.length === 0) return { done: 0, failed: false };
    this.#slots = [];
    this.#flush();
    this.#hasFailed = false;
    let done = 0;
    while (done < slots.length && slots[done]!.ok === true) done++;
    return { done, failed: done < slots.length };
  }

  onPut(message: PutMessage, status: PutStatus): void {
    const slot = message.context as Slot;
    if (isStored(status)) {
      slot.ok = true;
      this.#loggedStatus = null;
      this.#count(message);
      return;
    }
    // A message that can never be stored (maxMessageSize was lowered) must not stop its level for good.
    slot.ok = status === 'MESSAGE_ILLEGAL' || status === 'PROPERTIES_SIZE_EXCEEDED';
    if (slot.ok) {
      this.#logger.error(
        `dropped a delayed message for topic ${message.topic}: ${status}; properties ${JSON.stringify(message.properties)}`,
      );
      return;
    }
    this.#hasFailed = true;
    if (this.#loggedStatus !== status) this.#logger.warn(`delayed messages cannot be delivered now, trying again: ${status}`);
    this.#loggedStatus = status;
  }

  #count(message: PutMessage): void {
    const entry = this.#topics.entry(message.topic);
    if (entry === undefined) return;
    this.#stats.countPut(entry.stats, 1, message.body.length + message.properties.length + message.topic.length + RECORD_OVERHEAD_BYTES);
  }

  /** Where the sender meant the message to go; null for a record without a real topic, or whose topic nobody may send to. */
  #realTarget(record: MessageRecord): { topic: string; queueId: number } | null {
    const topic = getProperty(record.properties, MessageConst.REAL_TOPIC);
    const queueId = Number(getProperty(record.properties, MessageConst.REAL_QID));
    if (topic !== undefined && Number.isInteger(queueId) && !NOT_SENDABLE.has(topic)) return { topic, queueId };
    this.#logger.error(
      `dropped the delayed message at commit log offset ${record.commitLogOffset}: REAL_TOPIC is ${topic}, REAL_QID ${queueId}`,
    );
    return null;
  }
}

function restore(
  record: MessageRecord,
  target: { topic: string; queueId: number },
  changed: { properties: string; slot: Slot },
): PutMessage {
  const tags = getProperty(record.properties, MessageConst.TAGS);
  return {
    topic: target.topic,
    queueId: target.queueId,
    flag: record.flag,
    sysFlag: record.sysFlag,
    bornTimestamp: record.bornTimestamp,
    bornHost: record.bornHost,
    storeHost: record.storeHost,
    reconsumeTimes: record.reconsumeTimes,
    preparedTransactionOffset: record.preparedTransactionOffset,
    body: record.body,
    // DELAY, REAL_TOPIC and REAL_QID stay: the store delays nothing by itself, so the message does not go round again.
    properties: changed.properties,
    tagsCode: tags === undefined ? 0 : stringHashCode(tags),
    waitStoreMsgOK: false,
    queueOffset: 0,
    commitLogOffset: 0,
    storeTimestamp: 0,
    context: changed.slot,
  };
}

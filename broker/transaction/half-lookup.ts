import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import { decodeRecord, type MessageRecord } from '../../src/common/message/record.js';
import { MessageSysFlag, transactionType } from '../../src/common/sys-flag.js';
import {
  RMQ_SYS_SCHEDULE_TOPIC,
  RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC,
  RMQ_SYS_TRANS_HALF_TOPIC,
  RMQ_SYS_WHEEL_TIMER_TOPIC,
} from '../../src/common/topic-names.js';
import type { MessageStore } from '../store/index.js';
import type { HalfState } from './half-message.js';
import { MAX_LOOKUP_MESSAGES } from './limits.js';

/** Other records of the message are stored at or after the half message; a clock may have been set back a little. */
const TIME_SLACK_MS = 60_000;

/**
 * Finds out through the key index what became of a half message whose end was not noted: an op message is written up to three seconds after
 * the end, and a crash in between loses it.
 */
export class HalfLookup {
  readonly #store: MessageStore;

  constructor(store: MessageStore) {
    this.#store = store;
  }

  /** Without an index there is nothing to look in. */
  get isAvailable(): boolean {
    return this.#store.config.messageIndexEnable;
  }

  /** The copy of the half message that lies furthest behind it in the same queue; −1 when there is none. */
  latestCopy(half: MessageRecord, state: HalfState): number {
    let latest = -1;
    for (const record of this.#records(RMQ_SYS_TRANS_HALF_TOPIC, half, state)) {
      const isCopy =
        record.queueId === half.queueId &&
        record.queueOffset > half.queueOffset &&
        getProperty(record.properties, MessageConst.PGROUP) === state.group;
      if (isCopy && record.queueOffset > latest) latest = record.queueOffset;
    }
    return latest;
  }

  /** The message was delivered, or waits for its delivery time. */
  isCommitted(half: MessageRecord, state: HalfState): boolean {
    const topics = [state.realTopic];
    if (getProperty(half.properties, MessageConst.DELAY) !== undefined) topics.push(RMQ_SYS_SCHEDULE_TOPIC);
    if (half.properties.includes('TIMER_')) topics.push(RMQ_SYS_WHEEL_TIMER_TOPIC);
    for (const topic of topics) {
      const isThere = this.#records(topic, half, state).some(
        (record) => transactionType(record.sysFlag) === MessageSysFlag.TRANSACTION_COMMIT_TYPE,
      );
      if (isThere) return true;
    }
    return false;
  }

  isGivenUp(half: MessageRecord, state: HalfState): boolean {
    return this.#records(RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC, half, state).length > 0;
  }

  #records(topic: string, half: MessageRecord, state: HalfState): MessageRecord[] {
    if (state.uniqKey === '' || !this.isAvailable) return [];
    const beginMs = half.storeTimestamp - TIME_SLACK_MS;
    const found = this.#store.queryByKey(topic, state.uniqKey, MAX_LOOKUP_MESSAGES, beginMs, Number.MAX_SAFE_INTEGER);
    // A sender may use one message, and with it its id, for several transactions: all records of one of them were born at once.
    return found.records.map((record) => decodeRecord(record, 0)).filter((record) => record.bornTimestamp === half.bornTimestamp);
  }
}

import type { HostAddress } from '../../src/common/host.js';
import { MAX_RETRY_TOPIC_LENGTH } from '../../src/common/limits.js';
import type { Logger } from '../../src/common/logger.js';
import { appendProperty, getProperty, MessageConst } from '../../src/common/message/properties.js';
import { decodeRecord, type MessageRecord, RECORD_OVERHEAD_BYTES } from '../../src/common/message/record.js';
import { originalTopicOf, popRetryTopic } from '../../src/common/pop.js';
import { dlqTopic, isRetryTopic } from '../../src/common/topic-names.js';
import type { ConsumerOffsetManager } from '../offsets/index.js';
import { isStored } from '../processors/put-status.js';
import { fitsRecord, fittedToRecord } from '../properties-room.js';
import { deliveredAgain, withOrigin } from '../redelivery.js';
import type { BrokerStats } from '../stats/index.js';
import type { MessageStore, PutMessage, PutSink, PutStatus } from '../store/index.js';
import type { SubscriptionGroupManager } from '../subscriptions/index.js';
import { type TopicConfigManager, topicWithQueues } from '../topics/index.js';
import type { RetryCopies } from './retry-copies.js';
import type { CheckPoint } from './revive-records.js';

/** The parts that reviving needs. */
export interface ReviverParts {
  readonly store: MessageStore;
  readonly topics: TopicConfigManager;
  readonly groups: SubscriptionGroupManager;
  readonly offsets: ConsumerOffsetManager;
  readonly stats: BrokerStats;
  readonly policy: { readonly enableRetryTopicV2: boolean };
  readonly storeHost: HostAddress;
  readonly logger: Logger;
}

/** Outcome of one message: true when it is where it belongs, or can never be. */
type Done = (isDone: boolean) => void;

/** Puts messages that nobody acknowledged into the retry topic of their group, or, after its retries, into the dead-letter queue. */
export class Reviver implements PutSink {
  readonly #parts: ReviverParts;
  /** Set after a crash, until no check point of before it is left. */
  copies: RetryCopies | null = null;
  #loggedStatus: PutStatus | null = null;

  constructor(parts: ReviverParts) {
    this.#parts = parts;
  }

  /** Whether the messages of a check point have somewhere to go: its topic and its group still exist. */
  isWanted({ topic, group }: CheckPoint): boolean {
    const { topics, groups } = this.#parts;
    return topics.entry(originalTopicOf(topic, group)) !== undefined && groups.find(group) !== null;
  }

  /** Revives the message at a queue offset; `done` is called once, perhaps before this returns. */
  revive(point: CheckPoint, offset: number, done: Done): void {
    const { store, groups, logger } = this.#parts;
    const result = store.getMessage(point.topic, point.queueId, offset, 1);
    const record = result.status === 'FOUND' ? decodeRecord(result.buffers[0]!, 0) : null;
    if (record === null || record.queueOffset !== offset) {
      logger.warn(`message ${offset} of queue ${point.queueId} of ${point.topic} is gone: group ${point.group} does not get it again`);
      done(true);
      return;
    }
    const maxTimes = groups.find(point.group)?.retryMaxTimes ?? 0;
    const retryName = this.#retryName(point);
    // What was popped under names that are too long for a retry topic comes once: pops under such names are refused.
    const isLast = record.reconsumeTimes >= maxTimes || retryName.length > MAX_RETRY_TOPIC_LENGTH;
    const topic = isLast ? this.#deadLetterTopic(point) : this.#retryTopic(point.group, retryName);
    if (this.copies?.take(record, topic) === true) done(true);
    else store.put(this.#copy(record, topic, { popTime: point.popTime, done }), this);
  }

  onPut(message: PutMessage, status: PutStatus): void {
    const done = message.context as Done;
    if (isStored(status)) {
      this.#loggedStatus = null;
      const entry = this.#parts.topics.entry(message.topic);
      if (entry !== undefined) {
        const bytes = message.body.length + message.properties.length + message.topic.length + RECORD_OVERHEAD_BYTES;
        this.#parts.stats.countPut(entry.stats, 1, bytes);
      }
      done(true);
      return;
    }
    // One that can never be stored must not stop those behind it.
    if (status === 'MESSAGE_ILLEGAL' || status === 'PROPERTIES_SIZE_EXCEEDED') {
      const id = getProperty(message.properties, MessageConst.UNIQ_KEY) ?? 'without an id';
      this.#parts.logger.error(`popped message ${id} cannot be put into ${message.topic} (${status}): it is not popped again`);
      done(true);
      return;
    }
    if (this.#loggedStatus !== status) this.#parts.logger.warn(`popped messages cannot be put into ${message.topic}: ${status}`);
    this.#loggedStatus = status;
    done(false);
  }

  #retryName({ topic, group }: CheckPoint): string {
    return isRetryTopic(topic) ? topic : popRetryTopic(topic, group, this.#parts.policy.enableRetryTopicV2 ? 'v2' : 'v1');
  }

  #retryTopic(group: string, name: string): string {
    const { topics, offsets } = this.#parts;
    if (topics.entry(name) === undefined) {
      topics.ensure(name, () => topicWithQueues(name, 1));
      if (offsets.query(group, name, 0) < 0) offsets.commit(group, name, 0, 0);
    }
    return name;
  }

  #deadLetterTopic({ group }: CheckPoint): string {
    const name = dlqTopic(group);
    this.#parts.topics.ensure(name, () => topicWithQueues(name, 1));
    this.#parts.stats.count('DLQ_PUT_NUMS', `${name}@${group}`, 1);
    return name;
  }

  #copy(record: MessageRecord, topic: string, { popTime, done }: { popTime: number; done: Done }): PutMessage {
    let { properties } = record;
    if (record.reconsumeTimes === 0 || getProperty(properties, MessageConst.FIRST_POP_TIME) === undefined) {
      properties = appendProperty(properties, MessageConst.FIRST_POP_TIME, String(popTime));
    }
    properties = fittedToRecord(properties);
    if (!isRetryTopic(topic)) {
      const told = fittedToRecord(withOrigin(properties, record));
      // Better dead letters that do not say where they come from than none.
      if (fitsRecord(told)) properties = told;
    }
    // The check point counts as done when its messages are as safe as they were.
    return deliveredAgain(record, { topic, storeHost: this.#parts.storeHost, properties, waitStoreMsgOK: true, context: done });
  }
}

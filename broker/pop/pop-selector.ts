import type { Random } from '../../src/common/clock.js';
import { getInt64, viewOf } from '../../src/common/int64.js';
import type { Logger } from '../../src/common/logger.js';
import { appendProperty, getProperty, MessageConst } from '../../src/common/message/properties.js';
import { decodeRecord, encodeRecordBuffer, QUEUE_OFFSET_POS, recordVersionFor, TOTAL_SIZE_POS } from '../../src/common/message/record.js';
import { encodePopReceipt, popRetryTopic, retryFlagOf } from '../../src/common/pop.js';
import { fitsRecord, fittedToRecord } from '../properties-room.js';
import type { GetMessageResult, MessageFilter, MessageStore } from '../store/index.js';
import type { TopicConfigManager } from '../topics/index.js';
import type { PopOffsets, Taken } from './pop-offsets.js';

/** What a pop asks for. */
export interface PopQuery {
  topic: string;
  group: string;
  /** −1: any queue. */
  queueId: number;
  maxMsgNums: number;
  invisibleTime: number;
  initMode: number;
  filter: MessageFilter | null;
  /** Pops in order, with the id of this attempt, which may be empty; null: in no order. */
  order: { attemptId: string } | null;
}

/** When and under which check points messages are handed out. */
export interface PopMoment {
  popTime: number;
  reviveQid: number;
}

/** Messages of one queue for one pop. */
export interface PopRun {
  topic: string;
  queueId: number;
  startOffset: number;
  /** Queue offset of each record. */
  offsets: number[];
  /** Records back to back, as the consumer gets them. */
  buffers: Buffer[];
  messageCount: number;
  bytes: number;
  /** Null when popped in order. */
  taken: Taken | null;
}

export interface Selection {
  runs: PopRun[];
  /** Messages that the queues still hold for the group. */
  restNum: number;
  /** Messages that do not match the filter were passed, and there are more behind them. */
  hasSkipped: boolean;
  /** Why a queue could not be read, the last one of them. */
  failure?: unknown;
}

/** Keys of BrokerConfig that choose among queues; read at each use. */
export interface SelectorPolicy {
  readonly brokerName: string;
  readonly popFromRetryProbability: number;
  readonly enableRetryTopicV2: boolean;
  readonly retrieveMessageFromPopRetryTopicV1: boolean;
  readonly popResponseReturnActualRetryTopic: boolean;
}

/** Chooses the messages of a pop: from all queues of the topic beginning at a random one, and from the group's retry topic before or after them. */
export class PopSelector {
  readonly #store: MessageStore;
  readonly #topics: TopicConfigManager;
  readonly #offsets: PopOffsets;
  readonly #policy: SelectorPolicy;
  readonly #random: Random;
  readonly #logger: Logger;

  constructor(options: {
    store: MessageStore;
    topics: TopicConfigManager;
    offsets: PopOffsets;
    policy: SelectorPolicy;
    random: Random;
    logger: Logger;
  }) {
    this.#store = options.store;
    this.#topics = options.topics;
    this.#offsets = options.offsets;
    this.#policy = options.policy;
    this.#random = options.random;
    this.#logger = options.logger;
  }

  /**
   * Takes the messages of a pop. A queue that cannot be read is passed for this time: what was taken of the others must reach the consumer.
   * @throws what the store threw when nothing was taken
   */
  select(query: PopQuery, moment: PopMoment): Selection {
    const selection: Selection = { runs: [], restNum: 0, hasSkipped: false };
    const random = this.#random.nextInt(100);
    const isRetryFirst = random < this.#policy.popFromRetryProbability;
    if (isRetryFirst) this.#takeRetries(query, moment, random, selection);
    if (query.queueId < 0) this.#takeTopic(query, moment, { topic: query.topic, random }, selection);
    else this.#tryTake(query, moment, { topic: query.topic, queueId: query.queueId }, selection);
    if (!isRetryFirst && countOf(selection) < query.maxMsgNums) this.#takeRetries(query, moment, random, selection);
    if (selection.failure !== undefined && selection.runs.length === 0) throw selection.failure;
    return selection;
  }

  /** What a pop would get first, left where it is. Messages of retry topics come as they lie there. */
  peek(query: Pick<PopQuery, 'topic' | 'group' | 'queueId' | 'maxMsgNums'>): Selection {
    const selection: Selection = { runs: [], restNum: 0, hasSkipped: false };
    const random = this.#random.nextInt(100);
    const isRetryFirst = random < this.#policy.popFromRetryProbability;
    const retries = this.retryTopics(query.topic, query.group);
    for (const topic of isRetryFirst ? [...retries, query.topic] : [query.topic, ...retries]) {
      for (const queueId of this.#queuesOf(topic, topic === query.topic ? query.queueId : -1, random)) {
        this.#look(query, { topic, queueId }, selection);
      }
    }
    return selection;
  }

  /** Whether a queue, or a retry topic of the group, holds messages that were not popped yet. */
  hasMessages({ topic, group, queueId }: PopQuery, isBlocked: (topic: string, queueId: number) => boolean): boolean {
    return [topic, ...this.retryTopics(topic, group)].some((from) =>
      this.#queuesOf(from, from === topic ? queueId : -1, 0).some(
        (id) => !isBlocked(from, id) && this.#store.maxOffset(from, id) > this.#offsets.peek(group, from, id),
      ),
    );
  }

  /** Queues of a topic beginning at a random one, or the one that is asked for. */
  #queuesOf(topic: string, queueId: number, random: number): number[] {
    if (queueId >= 0) return [queueId];
    const queueCount = this.#topics.entry(topic)?.readQueueNums ?? 0;
    return Array.from({ length: queueCount }, (_, i) => (random + i) % queueCount);
  }

  #look(
    { group, maxMsgNums }: Pick<PopQuery, 'group' | 'maxMsgNums'>,
    from: { topic: string; queueId: number },
    selection: Selection,
  ): void {
    const { topic, queueId } = from;
    let startOffset = this.#offsets.peek(group, topic, queueId);
    const wanted = maxMsgNums - countOf(selection);
    selection.restNum += Math.max(0, this.#store.maxOffset(topic, queueId) - startOffset);
    if (wanted <= 0) return;
    let result = this.#store.getMessage(topic, queueId, startOffset, wanted, {});
    if (isOutside(result)) {
      startOffset = result.nextBeginOffset;
      result = this.#store.getMessage(topic, queueId, startOffset, wanted, {});
    }
    if (result.status !== 'FOUND') return;
    const { buffers, messageCount, bytes } = result;
    selection.runs.push({ ...from, startOffset, offsets: offsetsOf(buffers), buffers, messageCount, bytes, taken: null });
  }

  /** Topics by which the group's messages come back; in an answer may be messages of one of them only. */
  retryTopics(topic: string, group: string): string[] {
    const { enableRetryTopicV2, retrieveMessageFromPopRetryTopicV1 } = this.#policy;
    const v1 = popRetryTopic(topic, group, 'v1');
    if (!enableRetryTopicV2) return [v1];
    const v2 = popRetryTopic(topic, group, 'v2');
    return retrieveMessageFromPopRetryTopicV1 ? [v1, v2] : [v2];
  }

  #takeRetries(query: PopQuery, moment: PopMoment, random: number, selection: Selection): void {
    const topics = this.retryTopics(query.topic, query.group);
    if (random % 2 !== 0) topics.reverse();
    const before = selection.runs.length;
    for (const topic of topics) {
      this.#takeTopic(query, moment, { topic, random }, selection);
      if (selection.runs.length > before) return;
    }
  }

  #takeTopic(query: PopQuery, moment: PopMoment, from: { topic: string; random: number }, selection: Selection): void {
    for (const queueId of this.#queuesOf(from.topic, -1, from.random))
      this.#tryTake(query, moment, { topic: from.topic, queueId }, selection);
  }

  #tryTake(query: PopQuery, moment: PopMoment, from: { topic: string; queueId: number }, selection: Selection): void {
    try {
      this.#take(query, moment, from, selection);
    } catch (error) {
      selection.failure = error;
      const { topic, queueId } = from;
      this.#logger.error(`queue ${queueId} of ${topic} cannot be read for group ${query.group}: ${(error as Error).message}`, { error });
    }
  }

  /** Nothing counts as taken before all that may fail is done. */

  #take(query: PopQuery, moment: PopMoment, from: { topic: string; queueId: number }, selection: Selection): void {
    const { group, maxMsgNums, filter } = query;
    const { topic, queueId } = from;
    let startOffset = this.#offsets.next(group, topic, queueId, query.initMode);
    const wanted = maxMsgNums - countOf(selection);
    if (wanted <= 0) {
      selection.restNum += Math.max(0, this.#store.maxOffset(topic, queueId) - startOffset);
      return;
    }
    let result = this.#store.getMessage(topic, queueId, startOffset, wanted, { filter });
    if (isOutside(result)) {
      this.#pass(group, topic, queueId, { startOffset, nextOffset: result.nextBeginOffset });
      startOffset = result.nextBeginOffset;
      result = this.#store.getMessage(topic, queueId, startOffset, wanted, { filter });
    }
    const nextOffset = result.nextBeginOffset;
    selection.restNum += Math.max(0, result.maxOffset - nextOffset);
    if (result.status === 'FOUND') {
      const offsets = offsetsOf(result.buffers);
      const buffers = topic === query.topic ? result.buffers : this.#asOriginal(result.buffers, query, { ...moment, startOffset });
      const taken = this.#offsets.take(group, topic, queueId, { startOffset, nextOffset });
      selection.runs.push({ ...from, startOffset, offsets, buffers, messageCount: result.messageCount, bytes: result.bytes, taken });
    } else if (result.status === 'NO_MATCHED_MESSAGE' || result.status === 'MESSAGE_WAS_REMOVING' || isOutside(result)) {
      if (nextOffset <= startOffset) return;
      this.#pass(group, topic, queueId, { startOffset, nextOffset });
      if (nextOffset < result.maxOffset) selection.hasSkipped = true;
    }
  }

  #pass(group: string, topic: string, queueId: number, run: { startOffset: number; nextOffset: number }): void {
    this.#offsets.written(this.#offsets.take(group, topic, queueId, run));
  }

  /**
   * Messages of a retry topic as the consumer knows them: of their own topic, with the receipt that names where they lie. One that cannot hold
   * the receipt comes as it lies there: consumers make receipts of such messages themselves.
   */
  #asOriginal(buffers: readonly Buffer[], query: PopQuery, moment: PopMoment & { startOffset: number }): Buffer[] {
    const { popResponseReturnActualRetryTopic, brokerName } = this.#policy;
    if (popResponseReturnActualRetryTopic) return [...buffers];
    const changed: Buffer[] = [];
    forEachRecord(buffers, (buffer, position) => {
      const record = decodeRecord(buffer, position);
      const { queueId, queueOffset } = record;
      const { invisibleTime, topic } = query;
      const receipt = encodePopReceipt({
        ...moment,
        invisibleTime,
        retryFlag: retryFlagOf(record.topic),
        brokerName,
        queueId,
        queueOffset,
      });
      const properties =
        getProperty(record.properties, MessageConst.POP_CK) === undefined
          ? fittedToRecord(appendProperty(record.properties, MessageConst.POP_CK, receipt))
          : record.properties;
      changed.push(
        fitsRecord(properties)
          ? encodeRecordBuffer({ ...record, topic, magicVersion: recordVersionFor(topic), properties })
          : buffer.subarray(position, position + record.totalSize),
      );
    });
    return changed;
  }
}

/** Records chosen so far. */
function countOf({ runs }: Selection): number {
  let count = 0;
  for (const { offsets } of runs) count += offsets.length;
  return count;
}

/** The group's offset is not in the queue any more, or not yet: the result says where to go on. */
export function isOutside({ status }: GetMessageResult): boolean {
  return status === 'OFFSET_TOO_SMALL' || status === 'OFFSET_OVERFLOW_BADLY' || status === 'OFFSET_FOUND_NULL';
}

/** Queue offset of each record. */
export function offsetsOf(buffers: readonly Buffer[]): number[] {
  const offsets: number[] = [];
  forEachRecord(buffers, (buffer, position) => offsets.push(Number(getInt64(viewOf(buffer), position + QUEUE_OFFSET_POS))));
  return offsets;
}

function forEachRecord(buffers: readonly Buffer[], visit: (buffer: Buffer, position: number) => void): void {
  for (const buffer of buffers) {
    const view = viewOf(buffer);
    for (let position = 0; position < buffer.length; position += view.getInt32(position + TOTAL_SIZE_POS)) visit(buffer, position);
  }
}

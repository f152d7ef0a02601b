import type { Clock, Random } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import type { ConsumerOffsetManager } from '../offsets/index.js';
import type { GetMessageResult, MessageStore } from '../store/index.js';
import type { TopicConfigManager } from '../topics/index.js';
import type { OrderedQueue, OrderInfoManager } from './order-info.js';
import type { PopOffsets } from './pop-offsets.js';
import { isOutside, offsetsOf, type PopQuery, type PopRun } from './pop-selector.js';
import type { PopResult } from './pop-service.js';

/** `reviveQid` of messages that were popped in order: they have no check point. */
export const POP_ORDER_REVIVE_QUEUE = 999;

/**
 * Pops in order: a queue's messages are handed out again until they are acknowledged, and nothing behind them before. The group's offset is that of
 * the first message which is not acknowledged.
 */
export class OrderedPop {
  readonly #store: MessageStore;
  readonly #topics: TopicConfigManager;
  readonly #offsets: ConsumerOffsetManager;
  readonly #popOffsets: PopOffsets;
  readonly #orders: OrderInfoManager;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;

  constructor(options: {
    store: MessageStore;
    topics: TopicConfigManager;
    offsets: ConsumerOffsetManager;
    popOffsets: PopOffsets;
    orders: OrderInfoManager;
    clock: Clock;
    random: Random;
    logger: Logger;
  }) {
    this.#store = options.store;
    this.#topics = options.topics;
    this.#offsets = options.offsets;
    this.#popOffsets = options.popOffsets;
    this.#orders = options.orders;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#logger = options.logger;
    options.popOffsets.setResetListener((queue) => options.orders.clear(queue));
  }

  /**
   * A queue that cannot be read is passed for this time: messages of the others are blocked from now on, so they must reach the consumer.
   * @throws what the store threw when nothing was popped
   */
  pop(query: PopQuery, attemptId: string): PopResult {
    const result: PopResult = {
      ...{ popTime: this.#clock.nowMs(), reviveQid: POP_ORDER_REVIVE_QUEUE, runs: [], restNum: 0, hasSkipped: false },
      orderCountInfo: '',
    };
    const queueCount = this.#topics.entry(query.topic)?.readQueueNums ?? 0;
    const first = this.#random.nextInt(100);
    let failure: unknown;
    for (let i = 0; i < (query.queueId >= 0 ? 1 : queueCount); i++) {
      const queueId = query.queueId >= 0 ? query.queueId : (first + i) % queueCount;
      try {
        this.#take(query, queueId, attemptId, result);
      } catch (error) {
        failure = error;
        const { topic, group } = query;
        this.#logger.error(`queue ${queueId} of ${topic} cannot be read for group ${group}: ${(error as Error).message}`, { error });
      }
    }
    if (failure !== undefined && result.runs.length === 0) throw failure;
    return result;
  }

  /** Whether a pop must leave the queue alone. */
  isBlocked(queue: OrderedQueue, attemptId: string): boolean {
    return this.#orders.isBlocked(queue, attemptId);
  }

  /** @returns what is wrong, or null: an acknowledgement of a former pop changes nothing */
  acknowledge(queue: OrderedQueue, offset: number, popTime: number): string | null {
    const { topic, group, queueId } = queue;
    const committed = this.#offsets.query(group, topic, queueId);
    if (offset < committed) return null;
    const outcome = this.#orders.acknowledge(queue, offset, popTime);
    if (outcome === 'outdated') return null;
    if (outcome === 'unknown') return `offset is illegal, key:${topic}@${group}@${queueId}, old:${committed}, commit:${offset}, next:-1`;
    this.#offsets.commit(group, topic, queueId, outcome);
    return null;
  }

  /** @returns when the message becomes visible, ms; null when it is acknowledged already */
  changeInvisibleTime(queue: OrderedQueue, message: { offset: number; popTime: number; invisibleTime: number }): number | null {
    const { offset, popTime, invisibleTime } = message;
    if (offset < this.#offsets.query(queue.group, queue.topic, queue.queueId)) return null;
    const visibleAtMs = this.#clock.nowMs() + invisibleTime;
    this.#orders.setNextVisible(queue, { offset, popTime, visibleAtMs });
    return visibleAtMs;
  }

  #take(query: PopQuery, queueId: number, attemptId: string, result: PopResult): void {
    const { topic, group, filter, invisibleTime } = query;
    const queue: OrderedQueue = { topic, group, queueId };
    let startOffset = this.#popOffsets.next(group, topic, queueId, query.initMode);
    if (this.#orders.isBlocked(queue, attemptId)) return;
    const wanted = query.maxMsgNums - result.runs.reduce((sum, run) => sum + run.offsets.length, 0);
    if (wanted <= 0) {
      result.restNum += Math.max(0, this.#store.maxOffset(topic, queueId) - startOffset);
      return;
    }
    let read = this.#store.getMessage(topic, queueId, startOffset, wanted, { filter });
    if (isOutside(read)) {
      startOffset = read.nextBeginOffset;
      read = this.#store.getMessage(topic, queueId, startOffset, wanted, { filter });
    }
    result.restNum += Math.max(0, read.maxOffset - read.nextBeginOffset);
    if (read.status === 'FOUND') {
      const run = runOf(queue, startOffset, read);
      this.#offsets.commit(group, topic, queueId, startOffset);
      const pop = { popTime: result.popTime, invisibleTime, offsets: run.offsets, attemptId };
      result.orderCountInfo = [result.orderCountInfo, this.#orders.update(queue, pop)].filter((part) => part !== '').join(';');
      result.runs.push(run);
    } else if (read.status === 'NO_MATCHED_MESSAGE' || read.status === 'MESSAGE_WAS_REMOVING' || isOutside(read)) {
      this.#offsets.commit(group, topic, queueId, read.nextBeginOffset);
      if (read.nextBeginOffset < read.maxOffset) result.hasSkipped = true;
    }
  }
}

function runOf({ topic, queueId }: OrderedQueue, startOffset: number, read: GetMessageResult): PopRun {
  const { buffers, messageCount, bytes } = read;
  return { topic, queueId, startOffset, offsets: offsetsOf(buffers), buffers, messageCount, bytes, taken: null };
}

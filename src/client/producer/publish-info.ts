import type { Random } from '../../common/clock.js';
import { type MessageQueue, sameQueue } from '../message-queue.js';
import type { TopicRoute } from '../route-table.js';

/**
 * The queues of one topic and whose turn it is. The round starts at a random queue and is not reset by failures;
 * a changed route makes a new object, and with it a new start.
 */
export class TopicPublishInfo {
  readonly route: TopicRoute;
  readonly queues: readonly MessageQueue[];
  #index: number;

  constructor(route: TopicRoute, random: Random) {
    this.route = route;
    this.queues = route.publishQueues;
    this.#index = random.nextInt(0x7fffffff);
  }

  /** The same for a new route; the round goes on where it was when the queues are the same. */
  withRoute(route: TopicRoute, random: Random): TopicPublishInfo {
    const next = new TopicPublishInfo(route, random);
    const same =
      next.queues.length === this.queues.length && next.queues.every((queue, i) => sameQueue(queue, this.queues[i] as MessageQueue));
    if (same) {
      next.#index = this.#index;
    }
    return next;
  }

  /** Index of the next queue in turn. There must be at least one queue. */
  nextIndex(): number {
    this.#index = (this.#index + 1) & 0x7fffffff;
    return this.#index % this.queues.length;
  }

  /** The next queue in turn. */
  next(): MessageQueue | undefined {
    return this.queues.length === 0 ? undefined : this.queues[this.nextIndex()];
  }

  /** The next queue in turn on a broker; undefined when the topic has none there. */
  selectOn(brokerName: string): MessageQueue | undefined {
    for (let step = 0; step < this.queues.length; step++) {
      const queue = this.queues[this.nextIndex()];
      if (queue?.brokerName === brokerName) {
        return queue;
      }
    }
    return undefined;
  }

  /** Starts the round anew at a random queue. */
  resetIndex(random: Random): void {
    this.#index = random.nextInt(0x7fffffff);
  }

  /**
   * The next queue in turn; on a retry the next one of another broker than the one that failed.
   * When all queues are on the failed broker, plain turn.
   */
  select(lastBrokerName?: string): MessageQueue | undefined {
    const count = this.queues.length;
    if (count === 0) {
      return undefined;
    }
    if (lastBrokerName !== undefined) {
      for (let step = 0; step < count; step++) {
        const queue = this.queues[this.nextIndex()];
        if (queue !== undefined && queue.brokerName !== lastBrokerName) {
          return queue;
        }
      }
    }
    return this.queues[this.nextIndex()];
  }
}

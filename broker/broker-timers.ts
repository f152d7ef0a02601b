import type { TimerHandle } from '../src/common/clock.js';
import { mayNotifyMembers } from './member-notices.js';
import type { BrokerParts } from './parts.js';

const EXPIRY_SCAN_MS = 10_000;
const MIN_PERIOD_MS = 100;

/** The broker's slow clockwork: saving offsets, and dropping clients that went silent. */
export class BrokerTimers {
  readonly #parts: BrokerParts;
  readonly #handles = new Map<string, TimerHandle>();
  #isStopped = false;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  start(): void {
    const { config, offsets, delay, topics, groups, filters, popOrders } = this.#parts;
    this.#repeat(
      'offsets',
      () => config.broker.flushConsumerOffsetInterval,
      () => {
        offsets.flush({ background: true });
        popOrders.flush({ background: true });
        topics.saveAgain();
        groups.saveAgain();
        filters.flush({ background: true });
      },
    );
    this.#repeat(
      'delay',
      () => config.store.flushDelayOffsetInterval,
      () => delay.flush({ background: true }),
    );
    this.#repeat(
      'expiry',
      () => EXPIRY_SCAN_MS,
      () => this.expireClients(),
    );
  }

  stop(): void {
    this.#isStopped = true;
    for (const handle of this.#handles.values()) this.#parts.timers.clearTimeout(handle);
    this.#handles.clear();
  }

  /** Drops clients without a heartbeat for channelExpiredTimeout. */
  expireClients(): void {
    const { consumers, producers, config } = this.#parts;
    const expiredMs = config.broker.channelExpiredTimeout;
    consumers.expire(expiredMs, (group) => mayNotifyMembers(this.#parts, group));
    producers.expire(expiredMs);
  }

  /** The period is read anew each time: it may change while the broker runs. */
  #repeat(name: string, periodMs: () => number, work: () => void): void {
    const handle = this.#parts.timers.setTimeout(
      () => {
        if (this.#isStopped) return;
        work();
        this.#repeat(name, periodMs, work);
      },
      Math.max(MIN_PERIOD_MS, periodMs()),
    );
    this.#handles.set(name, handle);
  }
}

import type { TimerHandle } from '../src/common/clock.js';
import { mayNotifyMembers } from './member-notices.js';
import type { BrokerParts } from './parts.js';

const EXPIRY_SCAN_MS = 10_000;
const MIN_PERIOD_MS = 100;

/** The broker's slow clockwork: saving offsets, and dropping clients that went silent. */
export class BrokerTimers {
  readonly #parts: BrokerParts;
  readonly #handles = new Map<string, TimerHandle>();
  /** What was logged last of each step that fails. */
  readonly #problems = new Map<string, string>();
  #isStopped = false;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  start(): void {
    const { config, offsets, delay, topics, groups, filters, popOrders } = this.#parts;
    this.#repeat('offsets', () => config.broker.flushConsumerOffsetInterval, {
      'consumer offsets cannot be saved': () => offsets.flush({ background: true }),
      'orders of pops cannot be saved': () => popOrders.flush({ background: true }),
      'topics cannot be saved': () => topics.saveAgain(),
      'groups cannot be saved': () => groups.saveAgain(),
      'filters cannot be saved': () => filters.flush({ background: true }),
    });
    this.#repeat('delay', () => config.store.flushDelayOffsetInterval, {
      'offsets of the delay levels cannot be saved': () => delay.flush({ background: true }),
    });
    this.#repeat('expiry', () => EXPIRY_SCAN_MS, { 'silent clients cannot be dropped': () => this.expireClients() });
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

  /**
   * The period is read anew each time: it may change while the broker runs.
   * @param steps by what is to be said when one fails, which keeps none of the others from its turn
   */
  #repeat(name: string, periodMs: () => number, steps: Readonly<Record<string, () => void>>): void {
    const run = (): void => {
      if (this.#isStopped) return;
      for (const [problem, step] of Object.entries(steps)) this.#attempt(problem, step);
      this.#repeat(name, periodMs, steps);
    };
    this.#handles.set(name, this.#parts.timers.setTimeout(run, Math.max(MIN_PERIOD_MS, periodMs())));
  }

  #attempt(problem: string, step: () => void): void {
    try {
      step();
      this.#problems.delete(problem);
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      // What fails each time fills no log.
      if (this.#problems.get(problem) === message) return;
      this.#problems.set(problem, message);
      this.#parts.logger.error(`${problem}: ${message}; trying again`, { error: stack });
    }
  }
}

/*
 * Latency fault tolerance: a broker that answered slowly, refused, or could not be reached is left out for a while. Off by default.
 * Mirrors MQFaultStrategy and LatencyFaultToleranceImpl of 5.3.
 */

import type { Clock } from '../../common/clock.js';
import { MAX_FAULT_ITEMS } from '../../common/limits.js';
import type { MessageQueue } from '../message-queue.js';
import type { TopicPublishInfo } from './publish-info.js';

/** A broker with at least this latency (ms) … */
const LATENCY_MAX_MS: readonly number[] = [50, 100, 550, 1_800, 3_000, 5_000, 15_000];
/** … is left out for so long (ms). */
const NOT_AVAILABLE_MS: readonly number[] = [0, 0, 2_000, 5_000, 6_000, 10_000, 30_000];
/** An isolated broker counts as this slow. */
const ISOLATED_LATENCY_MS = 10_000;

/** What is known of one broker. */
export interface FaultItem {
  readonly brokerName: string;
  latencyMs: number;
  /** Monotonic ms; before it the broker is not available. */
  availableFromMs: number;
  isReachable: boolean;
  /** Monotonic ms of the detector's next look. */
  nextCheckMs: number;
}

/** How long a broker with this latency is left out, ms. */
export function notAvailableMs(latencyMs: number): number {
  for (let i = LATENCY_MAX_MS.length - 1; i >= 0; i--) {
    if (latencyMs >= (LATENCY_MAX_MS[i] as number)) {
      return NOT_AVAILABLE_MS[i] as number;
    }
  }
  return 0;
}

/** Remembers how brokers answered and chooses queues by it. */
export class FaultStrategy {
  readonly #clock: Clock;
  readonly #items = new Map<string, FaultItem>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  items(): Iterable<FaultItem> {
    return this.#items.values();
  }

  remove(brokerName: string): void {
    this.#items.delete(brokerName);
  }

  isAvailable(brokerName: string): boolean {
    const item = this.#items.get(brokerName);
    return item === undefined || this.#clock.monotonicMs() >= item.availableFromMs;
  }

  isReachable(brokerName: string): boolean {
    return this.#items.get(brokerName)?.isReachable ?? true;
  }

  /** Notes how an attempt ended. A shorter pause never ends a longer one that runs. */
  record(brokerName: string, latencyMs: number, outcome: { isolation: boolean; reachable: boolean }): void {
    let item = this.#items.get(brokerName);
    if (item === undefined) {
      this.#makeRoom();
      item = { brokerName, latencyMs: 0, availableFromMs: 0, isReachable: true, nextCheckMs: 0 };
      this.#items.set(brokerName, item);
    }
    item.latencyMs = latencyMs;
    item.isReachable = outcome.reachable;
    const pauseMs = notAvailableMs(outcome.isolation ? ISOLATED_LATENCY_MS : latencyMs);
    if (pauseMs > 0) {
      item.availableFromMs = Math.max(item.availableFromMs, this.#clock.monotonicMs() + pauseMs);
    }
  }

  /** An available queue of another broker than the last one, else a reachable one, else the next in turn. */
  select(publish: TopicPublishInfo, lastBrokerName: string | undefined): MessageQueue | undefined {
    const count = publish.queues.length;
    for (let step = 0; step < count; step++) {
      const queue = publish.next();
      if (queue !== undefined && queue.brokerName !== lastBrokerName && this.isAvailable(queue.brokerName)) {
        return queue;
      }
    }
    for (let step = 0; step < count; step++) {
      const queue = publish.next();
      if (queue !== undefined && queue.brokerName !== lastBrokerName && this.isReachable(queue.brokerName)) {
        return queue;
      }
    }
    return publish.next();
  }

  /** Brokers that are long gone leave through here when nobody detects. */
  #makeRoom(): void {
    if (this.#items.size >= MAX_FAULT_ITEMS) {
      const oldest = this.#items.keys().next();
      if (oldest.done !== true) {
        this.#items.delete(oldest.value);
      }
    }
  }
}

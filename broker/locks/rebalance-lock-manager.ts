import type { Clock } from '../../src/common/clock.js';
import { MAX_LOCKED_QUEUES } from '../limits.js';

/** A lock that its owner does not renew for this long may be taken by another client. Apache's `rocketmq.broker.rebalance.lockMaxLiveTime`. */
const LOCK_MAX_LIVE_MS = 60_000;

interface QueueLock {
  clientId: string;
  /** Monotonic, ms. */
  renewedMs: number;
}

/** A queue as clients name it. */
export interface LockedQueue {
  readonly topic: string;
  readonly brokerName: string;
  readonly queueId: number;
}

/**
 * Who consumes which queue in order. A client owns a queue of its group while it renews the lock; nothing of it is on disk: after a restart of the
 * broker the first client that asks gets the queue, as on Apache's broker.
 */
export class RebalanceLockManager {
  /** How long a lock lives without a renewal, ms. */
  maxLiveMs = LOCK_MAX_LIVE_MS;
  readonly #clock: Clock;
  readonly #groups = new Map<string, Map<string, QueueLock>>();
  readonly #maxLocks: number;
  #count = 0;

  constructor(options: { clock: Clock; maxLocks?: number }) {
    this.#clock = options.clock;
    this.#maxLocks = options.maxLocks ?? MAX_LOCKED_QUEUES;
  }

  /** Locks or renews each of the queues that is free, expired or the client's own; returns those it now holds. */
  lock<T extends LockedQueue>(group: string, clientId: string, queues: readonly T[]): T[] {
    const nowMs = this.#clock.monotonicMs();
    return queues.filter((queue) => this.#lockOne(group, clientId, keyOf(queue), nowMs));
  }

  /** Frees those of the queues that the client holds. */
  unlock(group: string, clientId: string, queues: readonly LockedQueue[]): void {
    const locks = this.#groups.get(group);
    if (locks === undefined) return;
    for (const queue of queues) {
      const key = keyOf(queue);
      if (locks.get(key)?.clientId === clientId && locks.delete(key)) this.#count--;
    }
    if (locks.size === 0) this.#groups.delete(group);
  }

  /** Whether any queue of the group has a lock that lives. */
  isGroupLocked(group: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    for (const lock of this.#groups.get(group)?.values() ?? []) if (!this.#isExpired(lock, nowMs)) return true;
    return false;
  }

  #lockOne(group: string, clientId: string, key: string, nowMs: number): boolean {
    const lock = this.#groups.get(group)?.get(key);
    if (lock !== undefined) {
      if (lock.clientId !== clientId && !this.#isExpired(lock, nowMs)) return false;
      lock.clientId = clientId;
      lock.renewedMs = nowMs;
      return true;
    }
    if (this.#count >= this.#maxLocks) this.#dropExpired(nowMs);
    if (this.#count >= this.#maxLocks) return false;
    let locks = this.#groups.get(group);
    if (locks === undefined) {
      locks = new Map();
      this.#groups.set(group, locks);
    }
    locks.set(key, { clientId, renewedMs: nowMs });
    this.#count++;
    return true;
  }

  #dropExpired(nowMs: number): void {
    for (const [group, locks] of this.#groups) {
      for (const [key, lock] of locks) if (this.#isExpired(lock, nowMs) && locks.delete(key)) this.#count--;
      if (locks.size === 0) this.#groups.delete(group);
    }
  }

  #isExpired(lock: QueueLock, nowMs: number): boolean {
    return nowMs - lock.renewedMs > this.maxLiveMs;
  }
}

function keyOf({ topic, brokerName, queueId }: LockedQueue): string {
  return `${queueId}@${brokerName}@${topic}`;
}

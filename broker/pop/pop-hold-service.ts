import type { Clock, Timers } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection } from '../../src/remoting/server.js';
import { ByConnection, DeadlineWheel, WheelEntry } from '../longpolling/index.js';
import type { PopQuery } from './pop-selector.js';

/** A pop that waits for messages. */
export class HeldPop extends WheelEntry {
  readonly connection: Connection;
  readonly request: RemotingCommand;
  readonly query: PopQuery;
  /** @internal Where it waits; null when it waits no more. */
  place: Set<HeldPop> | null = null;

  constructor(fields: { connection: Connection; request: RemotingCommand; query: PopQuery; deadlineMs: number }) {
    super();
    this.connection = fields.connection;
    this.request = fields.request;
    this.query = fields.query;
    this.deadlineMs = fields.deadlineMs;
  }
}

/** The waiting pops of a group on a topic, oldest first. */
interface Waiters {
  readonly topics: readonly string[];
  readonly group: string;
  /** By queueId; −1 waits for all queues. */
  readonly byQueue: Map<number, Set<HeldPop>>;
}

/** Keys of BrokerConfig that bound the waiting pops; read at each use. */
export interface PopHoldPolicy {
  readonly popPollingSize: number;
  readonly maxPopPollingSize: number;
}

/** Pops that one turn answers before the event loop goes on. */
const WAKE_BATCH = 64;

/**
 * Holds pops that found nothing. An arrival on the topic, or on a retry topic of the group, wakes the oldest pop of each group that may take the
 * message; when that one leaves messages behind it wakes the next (`wakeNext`), so a burst does not wake pops for nothing.
 */
export class PopHoldService {
  readonly #timers: Timers;
  readonly #policy: PopHoldPolicy;
  readonly #wheel: DeadlineWheel;
  /** By watched topic: the topic itself and the retry topics; then by group. */
  readonly #watched = new Map<string, Map<string, Waiters>>();
  readonly #byConnection = new ByConnection<HeldPop>();
  #arrived: HeldPop[] = [];
  /** Places whose oldest pop is among the arrived. */
  readonly #isWaking = new Set<Set<HeldPop>>();
  #wakeScheduled = false;
  #count = 0;
  #resume: (held: HeldPop, why: 'arrival' | 'deadline') => void = () => {};
  readonly #flush: () => void;
  readonly #logger: Logger;

  /** @param options.flush writes and acknowledges what the woken pops put */
  constructor(options: { clock: Clock; timers: Timers; policy: PopHoldPolicy; flush: () => void; logger: Logger }) {
    this.#timers = options.timers;
    this.#policy = options.policy;
    this.#flush = options.flush;
    this.#logger = options.logger;
    this.#wheel = new DeadlineWheel({
      clock: options.clock,
      timers: options.timers,
      logger: options.logger,
      onExpired: (entry) => {
        const held = entry as HeldPop;
        this.#unlink(held);
        this.#scheduleWake();
        this.#resume(held, 'deadline');
      },
    });
  }

  setResumer(resume: (held: HeldPop, why: 'arrival' | 'deadline') => void): void {
    this.#resume = resume;
  }

  /** Pops that wait. */
  get size(): number {
    return this.#count;
  }

  /** Pops that wait for a queue of a group; −1 for those that wait for any. */
  countOf(topic: string, group: string, queueId: number): number {
    return this.#watched.get(topic)?.get(group)?.byQueue.get(queueId)?.size ?? 0;
  }

  /** Parks a pop; false when too many wait already. */
  hold(held: HeldPop, retryTopics: readonly string[]): boolean {
    const { topic, group, queueId } = held.query;
    if (this.#count >= this.#policy.maxPopPollingSize) return false;
    const waiters = this.#watched.get(topic)?.get(group) ?? this.#watch([topic, ...retryTopics], group);
    let place = waiters.byQueue.get(queueId);
    if (place === undefined) {
      place = new Set();
      waiters.byQueue.set(queueId, place);
    }
    if (place.size >= this.#policy.popPollingSize) return false;
    place.add(held);
    held.place = place;
    this.#byConnection.add(held);
    this.#wheel.add(held);
    this.#count++;
    return true;
  }

  /** Arrival listener of the store: one comparison when nobody waits. */
  readonly onArrival = (
    topic: string,
    queueId: number,
    _maxOffsetAfter: number,
    tagsCode: number | bigint,
    _storeTimestamp = 0,
    isUntaggedBatch = false,
  ): void => {
    if (this.#count === 0) return;
    const groups = this.#watched.get(topic);
    if (groups === undefined) return;
    for (const waiters of groups.values()) {
      const isRetry = topic !== waiters.topics[0];
      for (const [waitsFor, place] of waiters.byQueue) {
        // Whoever pops a queue gets the retries of the group, too.
        if (!isRetry && waitsFor !== -1 && waitsFor !== queueId) continue;
        if (this.#mark(place, (held) => isUntaggedBatch || held.query.filter?.isMatchedByConsumeQueue?.(tagsCode) !== false)) break;
      }
    }
  };

  /** There are more messages than the last pop took, or it went away, or the group was moved: the next pop that waits like it is woken. */
  wakeNext({ topic, group, queueId }: Pick<PopQuery, 'topic' | 'group' | 'queueId'>): void {
    const place = this.#watched.get(topic)?.get(group)?.byQueue.get(queueId);
    if (place !== undefined) this.#mark(place, () => true);
  }

  /** Answers the pops that arrivals marked, some a turn. */
  wakeArrived(): void {
    const batch = this.#arrived.splice(0, WAKE_BATCH);
    this.#isWaking.clear();
    for (const held of batch) {
      try {
        this.#resume(held, 'arrival');
      } catch (error) {
        // What woke it is for somebody else, and the others of the batch wait for their answers.
        this.#logger.error(`a held pop of ${held.query.topic} failed: ${(error as Error).message}`, { error });
        this.wakeNext(held.query);
      }
    }
    if (this.#arrived.length > 0) this.#scheduleWake();
    if (batch.length > 0) this.#flush();
  }

  /** Forgets the pops of a connection that is gone. */
  onConnectionClosed(connection: Connection): void {
    for (const held of this.#byConnection.of(connection)) {
      this.#wheel.remove(held);
      this.#unlink(held);
    }
  }

  /** Runs the deadlines that are due; for tests that move the clock. */
  checkDeadlines(): void {
    this.#wheel.advance();
  }

  stop(): void {
    this.#wheel.stop();
    this.#watched.clear();
    this.#byConnection.clear();
    this.#arrived = [];
    this.#count = 0;
  }

  /** Marks the oldest pop of a place that fits; false when none does. One pop of a place is on its way at a time. */
  #mark(place: Set<HeldPop>, fits: (held: HeldPop) => boolean): boolean {
    if (this.#isWaking.has(place)) return true;
    for (const held of place) {
      if (!fits(held)) continue;
      this.#isWaking.add(place);
      this.#wheel.remove(held);
      this.#unlink(held);
      this.#arrived.push(held);
      this.#scheduleWake();
      return true;
    }
    return false;
  }

  #scheduleWake(): void {
    if (this.#wakeScheduled) return;
    this.#wakeScheduled = true;
    this.#timers.setImmediate(() => {
      this.#wakeScheduled = false;
      if (this.#arrived.length > 0) this.wakeArrived();
      else this.#flush();
    });
  }

  #watch(topics: readonly string[], group: string): Waiters {
    const waiters: Waiters = { topics, group, byQueue: new Map() };
    for (const topic of topics) {
      let groups = this.#watched.get(topic);
      if (groups === undefined) {
        groups = new Map();
        this.#watched.set(topic, groups);
      }
      groups.set(group, waiters);
    }
    return waiters;
  }

  #unlink(held: HeldPop): void {
    const { place, query } = held;
    if (place === null) return;
    held.place = null;
    place.delete(held);
    this.#count--;
    this.#byConnection.delete(held);
    if (place.size > 0) return;
    const waiters = this.#watched.get(query.topic)?.get(query.group);
    if (waiters === undefined) return;
    waiters.byQueue.delete(query.queueId);
    if (waiters.byQueue.size > 0) return;
    for (const topic of waiters.topics) {
      const groups = this.#watched.get(topic);
      groups?.delete(waiters.group);
      if (groups?.size === 0) this.#watched.delete(topic);
    }
  }
}

import type { Clock, TimerHandle, Timers } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import type { ConsumerOffsetManager } from '../offsets/index.js';
import type { MessageStore } from '../store/index.js';
import { REVIVE_BATCH } from './limits.js';
import { recoverPopOffsets } from './pop-recovery.js';
import { RetryCopies } from './retry-copies.js';
import { ReviveQueue } from './revive-queue.js';
import type { Reviver } from './reviver.js';

/** The group whose offsets say how far the revive topic has been dealt with: the last check point that is done. */
export const REVIVE_GROUP = 'CID_RMQ_SYS_REVIVE_GROUP';

const MIN_INTERVAL_MS = 10;

/** How far the timer wheel is, on which check points and acknowledgements wait. */
export interface TimerProgress {
  /** ms that the wheel is behind the present. */
  readonly readBehindMs: number;
  /** Messages that are not on the wheel yet. */
  readonly queueBehind: number;
}

/**
 * Reads the revive topic and puts messages that were popped and not acknowledged in time where their group finds them again. One timer runs while
 * something waits, none otherwise.
 */
export class ReviveService {
  /** `rmq_sys_REVIVE_LOG_<cluster>`. */
  readonly topic: string;
  readonly #store: MessageStore;
  readonly #offsets: ConsumerOffsetManager;
  readonly #reviver: Reviver;
  readonly #timerProgress: TimerProgress | null;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #logger: Logger;
  readonly #config: { readonly brokerName: string; readonly reviveInterval: number; readonly reviveQueueNum: number };
  readonly #flush: () => void;
  readonly #isAfterKill: boolean;
  #queues: ReviveQueue[] = [];
  /** Those that could not be read last time. */
  readonly #unread = new Set<ReviveQueue>();
  #timer: TimerHandle | null = null;
  #isRunning = false;
  /** What the timer has delivered, up to an end of the commit log that cannot be read yet. */
  #delivered: { atMs: number; logEnd: number } | null = null;
  #readableMs = 0;
  /** Ends of the queues when the service started: check points below may have been revived before. */
  #startEnds: number[] = [];

  /** @param options.flush writes and acknowledges what was put */
  constructor(options: {
    topic: string;
    store: MessageStore;
    offsets: ConsumerOffsetManager;
    reviver: Reviver;
    timerProgress: TimerProgress | null;
    clock: Clock;
    timers: Timers;
    logger: Logger;
    config: { readonly brokerName: string; readonly reviveInterval: number; readonly reviveQueueNum: number };
    /** The last stop was not in order. */
    isAfterKill: boolean;
    flush: () => void;
  }) {
    this.topic = options.topic;
    this.#store = options.store;
    this.#offsets = options.offsets;
    this.#reviver = options.reviver;
    this.#timerProgress = options.timerProgress;
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#logger = options.logger;
    this.#config = options.config;
    this.#flush = options.flush;
    this.#isAfterKill = options.isAfterKill;
  }

  /** After a crash, finds out what was popped last. Call it when the offsets are loaded, before the first request. */
  load(): void {
    if (this.#isAfterKill) recoverPopOffsets(this.#store, this.#offsets, this.topic);
    // After a power cut new check points get the offsets of those that are lost.
    for (const [queueId, progress] of this.#offsets.queues(REVIVE_GROUP, this.topic)) {
      const last = this.#store.maxOffset(this.topic, queueId) - 1;
      if (progress > last) this.#offsets.commit(REVIVE_GROUP, this.topic, queueId, last);
    }
  }

  start(): void {
    const store = this.#store;
    const queueIds = new Set([...Array(this.#config.reviveQueueNum).keys(), ...store.topicQueueIds(this.topic)]);
    this.#queues = [...queueIds].map((queueId) => this.#queue(queueId));
    this.#startEnds = this.#queues.map(({ queueId }) => store.maxOffset(this.topic, queueId));
    const unfinished = this.#queues
      .map(({ queueId, progress }) =>
        store.storeTimestampAt(this.topic, queueId, Math.max(progress + 1, store.minOffset(this.topic, queueId))),
      )
      .filter((storedMs) => storedMs >= 0);
    if (unfinished.length > 0) this.#reviver.copies = new RetryCopies(store, Math.min(...unfinished));
    this.#isRunning = true;
    if (!this.#isIdle()) this.#arm(0);
  }

  /** Check points that wait for acknowledgements of the last moment. */
  get pendingCount(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.pendingCount, 0);
  }

  /** Arrival listener of the store. */
  readonly onArrival = (topic: string): void => {
    if (this.#timer === null && topic === this.topic && this.#isRunning) this.#arm(this.#intervalMs());
  };

  /** One round over all queues. The timer calls it. */
  run(): void {
    this.#timer = null;
    if (!this.#isRunning) return;
    let isMore = false;
    try {
      const deliveredMs = this.#deliveredMs();
      for (const queue of this.#queues) {
        this.#read(queue);
        if (queue.step(deliveredMs, REVIVE_BATCH) >= REVIVE_BATCH) isMore = true;
      }
      this.#flush();
      this.#settle();
      this.#forgetCopies();
    } catch (error) {
      this.#logger.error(`reviving popped messages failed: ${(error as Error).message}; trying again`, { error });
    }
    if (isMore) this.#arm(0);
    else if (!this.#isIdle()) this.#arm(this.#intervalMs());
  }

  /** A queue that cannot be read must not stop the others, nor what was read of it before. */
  #read(queue: ReviveQueue): void {
    try {
      queue.read();
      this.#unread.delete(queue);
    } catch (error) {
      if (this.#unread.has(queue)) return;
      this.#unread.add(queue);
      this.#logger.error(`queue ${queue.queueId} of ${this.topic} cannot be read: ${(error as Error).message}; trying again`, { error });
    }
  }

  /** Notes what is done; what is on its way is looked for after the next start. */
  stop(): void {
    this.#isRunning = false;
    if (this.#timer !== null) this.#timers.clearTimeout(this.#timer);
    this.#timer = null;
    this.#settle();
  }

  #settle(): void {
    for (const queue of this.#queues) {
      if (queue.settle()) this.#offsets.commit(REVIVE_GROUP, this.topic, queue.queueId, queue.progress);
    }
  }

  /**
   * Everything that was to reach the revive topic by this time is there and can be read; with SYNC_FLUSH a slow disk may hold it back. Null while
   * the timer has a backlog: then only what was read tells how far it is.
   */
  #deliveredMs(): number | null {
    const nowMs = this.#clock.nowMs();
    const progress = this.#timerProgress;
    if (progress !== null && progress.queueBehind > 0) return null;
    const logEnd = this.#store.commitLogMaxOffset();
    const readableEnd = logEnd - this.#store.dispatchBehindBytes();
    this.#delivered ??= { atMs: nowMs - (progress?.readBehindMs ?? 0), logEnd };
    if (readableEnd >= this.#delivered.logEnd) {
      this.#readableMs = this.#delivered.atMs;
      this.#delivered = null;
    }
    return this.#readableMs;
  }

  #forgetCopies(): void {
    if (this.#reviver.copies === null) return;
    const isPast = this.#queues.every((queue, i) => queue.isIdle || queue.progress >= (this.#startEnds[i] ?? 0));
    if (isPast) this.#reviver.copies = null;
  }

  #isIdle(): boolean {
    return this.#queues.every((queue) => queue.isIdle);
  }

  #intervalMs(): number {
    return Math.max(MIN_INTERVAL_MS, this.#config.reviveInterval);
  }

  #arm(delayMs: number): void {
    if (!this.#isRunning || this.#timer !== null) return;
    this.#timer = this.#timers.setTimeout(() => this.run(), delayMs);
  }

  #queue(queueId: number): ReviveQueue {
    const max = this.#store.maxOffset(this.topic, queueId);
    return new ReviveQueue({
      queueId,
      topic: this.topic,
      progress: Math.min(this.#offsets.query(REVIVE_GROUP, this.topic, queueId), max - 1),
      store: this.#store,
      reviver: this.#reviver,
      clock: this.#clock,
      logger: this.#logger,
      brokerName: this.#config.brokerName,
    });
  }
}

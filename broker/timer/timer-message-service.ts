import { join } from 'node:path';
import type { Clock, TimerHandle, Timers } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import { RMQ_SYS_WHEEL_TIMER_TOPIC } from '../../src/common/topic-names.js';
import { DeliveredSince, type Delivery, timerPrecision, waitForFlush } from '../delay/index.js';
import type { Disk, MessageStore } from '../store/index.js';
import { CLEAN_INTERVAL_MS, MIN_WAIT_MS, RETRY_MS } from './limits.js';
import { TimerCheckpoint } from './timer-checkpoint.js';
import type { TimerContext } from './timer-context.js';
import { TimerDequeue } from './timer-dequeue.js';
import { TimerEnqueue } from './timer-enqueue.js';
import { TimerFlush } from './timer-flush.js';
import { TimerLog } from './timer-log.js';
import { TimerMetrics } from './timer-metrics.js';
import { recoverTimer } from './timer-recovery.js';
import { TimerWheel, WHEEL_SLOTS } from './timer-wheel.js';

const NEVER = Number.POSITIVE_INFINITY;
const MAX_TIMER_MS = 60_000;
/** Slots at the wheel's end that nothing is parked in; Apache's. */
const BLANK_SLOTS = 60;
const STOP_POLL_MS = 10;
const MIN_FLUSH_MS = 10;
/** Longest wait of a stop for the commit log's flush. */
const STOP_FLUSH_MS = 3_000;

/** The keys of MessageStoreConfig that the timer reads. */
export interface TimerConfig {
  readonly storePathRootDir: string;
  readonly mappedFileSizeTimerLog: number;
  readonly timerPrecisionMs: number;
  readonly timerRollWindowSlot: number;
  readonly timerFlushIntervalMs: number;
  readonly timerStopEnqueue: boolean;
  readonly timerStopDequeue: boolean;
}

/**
 * Delivers messages at arbitrary times. They wait on rmq_sys_wheel_timer; the service puts them on the timer wheel, turns it, and sends what
 * is due to its real topic. One timer runs while something waits, none otherwise.
 */
export class TimerMessageService {
  readonly #config: TimerConfig;
  readonly #context: TimerContext;
  readonly #timers: Timers;
  readonly #checkpoint: TimerCheckpoint;
  readonly #dequeue: TimerDequeue;
  readonly #enqueue: TimerEnqueue;
  readonly #flush: TimerFlush;
  /** The present, rounded down to the precision; never goes back. */
  #writeTimeMs = 0;
  #timer: TimerHandle | null = null;
  #timerDueMs = NEVER;
  #flushTimer: TimerHandle | null = null;
  #isRunning = false;
  #isStopping = false;
  #isRebuilding = false;
  /** End of the timer topic when the timer was opened. */
  #startOffset = 0;
  #cleanedAtMs = 0;

  /**
   * Opens the timer's files and recovers them.
   * @param options.isAfterKill the last stop was not in order
   * @throws StoreError when the files do not fit the configuration, or the disk's error
   */
  constructor(options: {
    config: TimerConfig;
    store: MessageStore;
    delivery: Delivery;
    disk: Disk;
    clock: Clock;
    timers: Timers;
    logger: Logger;
    isAfterKill: boolean;
  }) {
    const { config, store, delivery, disk, clock, timers, logger } = options;
    const root = config.storePathRootDir;
    const precisionMs = timerPrecision(config.timerPrecisionMs);
    this.#config = config;
    this.#timers = timers;
    this.#context = {
      store,
      wheel: new TimerWheel({ root, precisionMs, disk }),
      log: new TimerLog({ directory: join(root, 'timerlog'), fileSize: config.mappedFileSizeTimerLog, disk }),
      metrics: new TimerMetrics({ root, disk, clock, logger }),
      delivery,
      clock,
      logger,
      precisionMs,
      delivered: null,
      startMs: clock.nowMs(),
    };
    this.#checkpoint = new TimerCheckpoint(root, disk);
    this.#dequeue = new TimerDequeue(this.#context);
    this.#enqueue = new TimerEnqueue(this.#context, this.#dequeue, { rollSlots: rollSlots(config.timerRollWindowSlot) });
    this.#load(options.isAfterKill);
    this.#flush = new TimerFlush(this.#context, { checkpoint: this.#checkpoint, timers, progress: () => this.#progress() });
  }

  #load(isAfterKill: boolean): void {
    const { log, metrics, clock } = this.#context;
    const hasCheckpoint = this.#checkpoint.load();
    log.load();
    metrics.load();
    const start = recoverTimer(this.#context, hasCheckpoint ? this.#checkpoint.progress : null, clock.nowMs());
    this.#dequeue.readTimeMs = start.readTimeMs;
    this.#dequeue.liveSlots = start.liveSlots;
    this.#dequeue.pending = start.pending;
    this.#enqueue.queueOffset = start.queueOffset;
    this.#enqueue.filter = start.filter;
    this.#isRebuilding = start.isRebuild;
    this.#startOffset = this.#context.store.maxOffset(RMQ_SYS_WHEEL_TIMER_TOPIC, 0);
    if (isAfterKill) this.#context.delivered = new DeliveredSince(this.#context.store, Math.max(start.readTimeMs, start.firstDueMs));
  }

  start(): void {
    this.#isRunning = true;
    this.#wakeAt(this.#context.clock.nowMs());
    this.#armFlush();
  }

  /** Messages in the slot of a time, for flow control. */
  countInSlot(slotTimeMs: number): number {
    return this.#context.wheel.slotAt(slotTimeMs).num;
  }

  /** Messages that wait on the wheel, as its slots count them. */
  get pendingCount(): number {
    return Math.max(0, this.#dequeue.pending);
  }

  /** ms that the wheel is behind the present. */
  get readBehindMs(): number {
    return this.#dequeue.liveSlots === 0 ? 0 : Math.max(0, this.#context.clock.nowMs() - this.#dequeue.readTimeMs);
  }

  /** Messages of the timer topic that are not on the wheel yet. */
  get queueBehind(): number {
    return this.#enqueue.behind;
  }

  /** Messages that went through since the start. */
  get counts(): { enqueued: number; dequeued: number } {
    return { enqueued: this.#enqueue.count, dequeued: this.#dequeue.count };
  }

  get metrics(): TimerMetrics {
    return this.#context.metrics;
  }

  /** The answer to GET_TIMER_CHECK_POINT. */
  encodeCheckpoint(): Buffer {
    return this.#checkpoint.encode();
  }

  /** Arrival listener of the store. */
  readonly onArrival = (topic: string): void => {
    if (topic === RMQ_SYS_WHEEL_TIMER_TOPIC && this.#isRunning && !this.#isStopping) this.#wakeAt(this.#context.clock.nowMs());
  };

  /** One step of everything: puts a batch on the wheel, delivers a batch. The timer calls it. */
  run(): void {
    this.#timer = null;
    this.#timerDueMs = NEVER;
    if (!this.#isRunning) return;
    const { clock, logger, precisionMs } = this.#context;
    const nowMs = clock.nowMs();
    this.#writeTimeMs = Math.max(this.#writeTimeMs, nowMs - (nowMs % precisionMs));
    let nextMs = NEVER;
    try {
      nextMs = Math.min(this.#stepEnqueue(nowMs), this.#stepDequeue(nowMs));
    } catch (error) {
      logger.error(`the timer stopped at ${this.#dequeue.readTimeMs}: ${(error as Error).message}; trying again`, { error });
      nextMs = nowMs + RETRY_MS * 10;
    }
    this.#wakeAt(nextMs);
  }

  #stepEnqueue(nowMs: number): number {
    if (this.#config.timerStopEnqueue || this.#isStopping) return NEVER;
    const outcome = this.#enqueue.step(nowMs, this.#writeTimeMs);
    if (outcome === 'failed') return nowMs + RETRY_MS;
    if (this.#enqueue.queueOffset >= this.#startOffset) this.#isRebuilding = false;
    return outcome === 'more' ? nowMs : NEVER;
  }

  #stepDequeue(nowMs: number): number {
    if (this.#config.timerStopDequeue) return NEVER;
    // A slot that is not filled yet must not be passed: with what the topic held at the start, and all of it while the wheel is made again.
    const isFilled = !this.#isRebuilding && this.#enqueue.queueOffset >= this.#startOffset;
    if (!isFilled && !this.#dequeue.isFarBehind(this.#writeTimeMs) && !this.#config.timerStopEnqueue) return NEVER;
    if (this.#dequeue.hasRolledOnTheWay(this.#enqueue.behind)) return nowMs + MIN_WAIT_MS;
    const nextMs = this.#dequeue.run(nowMs, this.#writeTimeMs);
    if (this.#context.delivered !== null && this.#dequeue.readTimeMs > this.#context.startMs && this.#enqueue.behind === 0) {
      this.#context.delivered = null;
    }
    return nextMs > nowMs ? Math.max(nextMs, nowMs + MIN_WAIT_MS) : nextMs;
  }

  #wakeAt(dueMs: number): void {
    if (!this.#isRunning || dueMs === NEVER || dueMs >= this.#timerDueMs) return;
    if (this.#timer !== null) this.#timers.clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    const waitMs = Math.min(Math.max(0, dueMs - this.#context.clock.nowMs()), MAX_TIMER_MS);
    this.#timer = this.#timers.setTimeout(() => this.run(), waitMs);
  }

  #progress(): { readTimeMs: number; logFlushPos: number; queueOffset: number } | null {
    if (this.#isRebuilding || this.#enqueue.filter !== null) return null;
    // Without messages the wheel need not turn; whoever opens the store next begins at the present.
    return { readTimeMs: this.#dequeue.readTimeMs, logFlushPos: this.#context.log.end, queueOffset: this.#enqueue.queueOffset };
  }

  #armFlush(): void {
    this.#flushTimer = this.#timers.setTimeout(
      () => {
        this.#flush.start();
        this.#clean();
        this.#armFlush();
      },
      Math.max(MIN_FLUSH_MS, this.#config.timerFlushIntervalMs),
    );
  }

  /** Gives up files of the timer log and pages of the wheel that nothing needs. */
  #clean(): void {
    const { clock, log, wheel, store, logger } = this.#context;
    if (clock.monotonicMs() - this.#cleanedAtMs < CLEAN_INTERVAL_MS) return;
    this.#cleanedAtMs = clock.monotonicMs();
    try {
      const deleted = log.deleteExpired(store.commitLogMinOffset());
      if (deleted > 0) logger.info(`deleted ${deleted} timer log files`);
    } catch (error) {
      logger.warn(`old timer log files cannot be deleted: ${(error as Error).message}`);
    }
    if (this.#flush.isIdle) wheel.forgetBefore(this.#dequeue.readTimeMs);
  }

  /** After a crash, while slots of before may hold what had left: after an orderly stop the next start does not look for it. */
  get #isCatchingUp(): boolean {
    return this.#context.delivered !== null && (this.#enqueue.behind > 0 || this.#dequeue.liveSlots > 0);
  }

  /**
   * Stops. A slot of which a part is delivered is delivered to its end first (within one step of the precision), so that the next start
   * delivers nothing twice; then everything is put on the device.
   */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    const { clock, precisionMs, store } = this.#context;
    const caughtUpMs = clock.monotonicMs() + precisionMs + RETRY_MS * 5;
    while (this.#isCatchingUp && clock.monotonicMs() < caughtUpMs) await this.#pause();
    this.#isStopping = true;
    const untilMs = clock.monotonicMs() + precisionMs + RETRY_MS * 5;
    while (!this.#dequeue.settle() && clock.monotonicMs() < untilMs) await this.#pause();
    this.#isRunning = false;
    for (const timer of [this.#timer, this.#flushTimer]) {
      if (timer !== null) this.#timers.clearTimeout(timer);
    }
    const offset = store.commitLogMaxOffset();
    const isFlushed = await waitForFlush(store, { offset, timeoutMs: STOP_FLUSH_MS, clock, timers: this.#timers });
    while (!this.#flush.isIdle && clock.monotonicMs() < untilMs + STOP_FLUSH_MS) await this.#pause();
    if (isFlushed) this.#flush.finish();
    else
      this.#context.logger.warn('the commit log cannot be flushed: timer messages of the last seconds come once more after the next start');
    this.#context.log.close();
    this.#context.wheel.close();
  }

  #pause(): Promise<void> {
    return new Promise<void>((resolve) => this.#timers.setTimeout(resolve, STOP_POLL_MS));
  }
}

function rollSlots(configured: number): number {
  const most = WHEEL_SLOTS - BLANK_SLOTS;
  return configured > most || configured < 2 ? most : configured;
}

import type { Clock, TimerHandle, Timers } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import { RMQ_SYS_SCHEDULE_TOPIC } from '../../src/common/topic-names.js';
import { type DataVersion, newDataVersion, nextDataVersion, readDataVersion } from '../data-version.js';
import { asObject, numberMapEntries } from '../json.js';
import { DELAY_BATCH } from '../limits.js';
import type { MessageFilter, MessageStore } from '../store/index.js';
import type { TableFile } from '../topics/index.js';
import { SCHEDULE_QUEUE_NUMS } from '../topics/system-topics.js';
import type { DelayLevels } from './delay-levels.js';
import type { Delivery } from './delivery.js';

const RETRY_MS = 100;
/** Longest wait of one timer; setTimeout cannot wait longer than 2^31 ms. */
const MAX_TIMER_MS = 60_000;
const NEVER = Number.POSITIVE_INFINITY;

/** Takes every message and remembers the deliver time that its queue unit holds. */
class DeliverTimeProbe implements MessageFilter {
  deliverMs = 0;
  isMatchedByConsumeQueue(tagsCode: number | bigint): boolean {
    this.deliverMs = Number(tagsCode);
    return true;
  }
}

/** Progress of one delay level. */
interface Level {
  readonly level: number;
  readonly queueId: number;
  /** Next offset of SCHEDULE_TOPIC_XXXX to deliver. */
  offset: number;
  /** When to look next, wall ms; NEVER while the queue is empty. */
  dueMs: number;
}

/**
 * Delivers messages of the delay levels. Within one level messages fall due in the order of their queue, so the service waits for the
 * first of each level with one timer, and for nothing while all levels are empty: an arrival starts it again.
 *
 * Owns config/delayOffset.json, saved every flushDelayOffsetInterval and at a clean stop. After a crash, messages delivered since the last
 * save are delivered once more, as by Apache's broker.
 */
export class ScheduleMessageService {
  readonly #store: MessageStore;
  readonly #file: TableFile;
  readonly #levels: readonly Level[];
  readonly #table: DelayLevels;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #logger: Logger;
  readonly #delivery: Delivery;
  readonly #probe = new DeliverTimeProbe();
  #dataVersion: DataVersion;
  #timer: TimerHandle | null = null;
  #timerDueMs = NEVER;
  #isRunning = false;
  #isDirty = false;

  constructor(options: {
    store: MessageStore;
    file: TableFile;
    levels: DelayLevels;
    clock: Clock;
    timers: Timers;
    logger: Logger;
    delivery: Delivery;
  }) {
    this.#store = options.store;
    this.#file = options.file;
    this.#table = options.levels;
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#logger = options.logger;
    this.#delivery = options.delivery;
    this.#dataVersion = newDataVersion(options.clock);
    const count = Math.max(options.levels.maxLevel, SCHEDULE_QUEUE_NUMS);
    this.#levels = Array.from({ length: count }, (_, queueId) => ({ level: queueId + 1, queueId, offset: 0, dueMs: NEVER }));
  }

  /** Reads delayOffset.json; each offset is clamped into its queue. */
  load(): void {
    const content = asObject(this.#file.load());
    const offsets = new Map(numberMapEntries(content?.offsetTable));
    if (content !== null) this.#dataVersion = readDataVersion(content.dataVersion, this.#clock);
    for (const level of this.#levels) {
      const min = this.#store.minOffset(RMQ_SYS_SCHEDULE_TOPIC, level.queueId);
      const max = this.#store.maxOffset(RMQ_SYS_SCHEDULE_TOPIC, level.queueId);
      level.offset = Math.min(Math.max(offsets.get(level.level) ?? 0, Math.max(0, min)), Math.max(0, max));
    }
  }

  start(): void {
    this.#isRunning = true;
    const now = this.#clock.nowMs();
    for (const level of this.#levels) level.dueMs = now;
    this.#arm();
  }

  /** Stops delivering and saves the progress. */
  stop(): void {
    this.#isRunning = false;
    if (this.#timer !== null) this.#timers.clearTimeout(this.#timer);
    this.#timer = null;
    this.flush();
  }

  /** Saves when something was delivered since the last save that succeeded; in the background, one save at a time. */
  flush(options: { background?: boolean } = {}): void {
    const { problem, isSaving } = this.#file;
    if (isSaving ? options.background === true : !this.#isDirty && problem === null) return;
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#clock);
    this.#isDirty = false;
    this.#file.save(this.toTable(), options);
  }

  /** What delayOffset.json and GET_ALL_DELAY_OFFSET (45) hold. */
  toTable(): { dataVersion: DataVersion; offsetTable: Map<number, number> } {
    const offsetTable = new Map<number, number>();
    for (const { level, offset } of this.#levels) if (offset > 0) offsetTable.set(level, offset);
    return { dataVersion: this.#dataVersion, offsetTable };
  }

  /** Levels with progress, and where their queues end: `scheduleMessageOffset_<level>` of the runtime info. */
  progress(): { level: number; offset: number; maxOffset: number }[] {
    return this.#levels
      .filter(({ offset }) => offset > 0)
      .map(({ level, queueId, offset }) => ({ level, offset, maxOffset: this.#store.maxOffset(RMQ_SYS_SCHEDULE_TOPIC, queueId) }));
  }

  /** Arrival listener of the store. */
  readonly onArrival = (topic: string, queueId: number, _maxOffsetAfter: number, deliverTime: number | bigint): void => {
    if (topic !== RMQ_SYS_SCHEDULE_TOPIC || !this.#isRunning) return;
    const level = this.#levels[queueId];
    if (level === undefined || level.dueMs !== NEVER) return;
    level.dueMs = Number(deliverTime);
    this.#arm();
  };

  /** Delivers what is due; the timer calls it, and a test that moves the clock. */
  run(): void {
    this.#timer = null;
    this.#timerDueMs = NEVER;
    if (!this.#isRunning) return;
    for (const level of this.#levels) {
      if (level.dueMs > this.#clock.nowMs()) continue;
      try {
        this.#deliver(level);
      } catch (error) {
        this.#logger.error(`delivery of delay level ${level.level} stopped at offset ${level.offset}: ${(error as Error).message}`, {
          error,
        });
        level.dueMs = this.#clock.nowMs() + RETRY_MS * 100;
      }
    }
    this.#arm();
  }

  /** Delivers the due messages of a level, at most a batch; sets when to look again. */
  #deliver(level: Level): void {
    level.dueMs = NEVER;
    try {
      this.#putDue(level);
    } finally {
      // Also what was put before an error is on its way: it counts now, for this level.
      const { done, failed } = this.#delivery.commit();
      level.offset += done;
      if (done > 0) this.#isDirty = true;
      if (failed) level.dueMs = this.#clock.nowMs() + RETRY_MS;
    }
  }

  #putDue(level: Level): void {
    for (let n = 0; n < DELAY_BATCH; n++) {
      const result = this.#store.getMessage(RMQ_SYS_SCHEDULE_TOPIC, level.queueId, level.offset + n, 1, { filter: this.#probe });
      if (result.status !== 'FOUND') {
        level.dueMs = this.#afterMiss(level, n, result);
        break;
      }
      const now = this.#clock.nowMs();
      let dueMs = this.#probe.deliverMs;
      // A time further away than the level's delay means that the clock was set back: the message is due.
      if (dueMs > now + this.#table.delayMs(level.level)) dueMs = now;
      if (dueMs > now) {
        level.dueMs = dueMs;
        break;
      }
      this.#delivery.put(result.buffers[0]!);
      if (this.#delivery.hasFailed) break;
      if (n === DELAY_BATCH - 1) level.dueMs = now;
    }
  }

  /** The queue has nothing to read at `level.offset + n`: at its end wait for an arrival, past a hole go on. */
  #afterMiss(level: Level, n: number, result: { status: string; nextBeginOffset: number }): number {
    const isEnd =
      result.status === 'OFFSET_OVERFLOW_ONE' || result.status === 'NO_MESSAGE_IN_QUEUE' || result.status === 'NO_MATCHED_LOGIC_QUEUE';
    if (isEnd) return NEVER;
    if (n === 0) {
      this.#logger.warn(
        `delay level ${level.level} skips from offset ${level.offset} to ${result.nextBeginOffset} of ${RMQ_SYS_SCHEDULE_TOPIC}: ${result.status}`,
      );
      level.offset = result.nextBeginOffset;
      this.#isDirty = true;
    }
    return this.#clock.nowMs();
  }

  #arm(): void {
    if (!this.#isRunning) return;
    let dueMs = NEVER;
    for (const level of this.#levels) if (level.dueMs < dueMs) dueMs = level.dueMs;
    if (dueMs === NEVER || dueMs >= this.#timerDueMs) return;
    if (this.#timer !== null) this.#timers.clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    const waitMs = Math.min(Math.max(0, dueMs - this.#clock.nowMs()), MAX_TIMER_MS);
    this.#timer = this.#timers.setTimeout(() => this.run(), waitMs);
  }
}

import type { Clock, TimerHandle, Timers } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import { decodeRecord, type MessageRecord } from '../../src/common/message/record.js';
import { RMQ_SYS_SCHEDULE_TOPIC } from '../../src/common/topic-names.js';
import { type DataVersion, newDataVersion, nextDataVersion, readDataVersion } from '../data-version.js';
import { asObject, numberMapEntries } from '../json.js';
import { DELAY_BATCH } from '../limits.js';
import type { MessageFilter, MessageStore } from '../store/index.js';
import { MAX_QUEUE_ID } from '../store/limits.js';
import type { TableFile } from '../topics/index.js';
import { SCHEDULE_QUEUE_NUMS } from '../topics/system-topics.js';
import type { DelayLevels } from './delay-levels.js';
import { DeliveredSince } from './delivered-since.js';
import type { Delivery } from './delivery.js';
import { waitForFlush } from './wait-for-flush.js';

const RETRY_MS = 100;
/** Longest wait of one timer; setTimeout cannot wait longer than 2^31 ms. */
const MAX_TIMER_MS = 60_000;
const NEVER = Number.POSITIVE_INFINITY;
/** Most that may lie between the decision to delay a message and its store time. */
const STORE_SLACK_MS = 1_000;
/** Longest wait of a stop for the commit log's flush. */
const STOP_FLUSH_MS = 3_000;

/** Takes every message and remembers the deliver time that its queue unit holds. */
class DeliverTimeProbe implements MessageFilter {
  /** When the message is due by the table it was stored under. */
  deliverMs = 0;
  isMatchedByConsumeQueue(tagsCode: number | bigint): boolean {
    this.deliverMs = Number(tagsCode);
    return true;
  }
}

/** Content of delayOffset.json. */
interface DelayOffsets {
  dataVersion: DataVersion;
  offsetTable: Map<number, number>;
}

/** Progress of one delay level. */
interface Level {
  readonly level: number;
  readonly queueId: number;
  /** Next offset of SCHEDULE_TOPIC_XXXX to deliver. */
  offset: number;
  /** When to look next, wall ms; NEVER while the queue is empty. */
  dueMs: number;
  /** Messages before this offset may have left before a crash. */
  checkEnd: number;
  /** After a crash, until the first message is met that had not left: a level delivers in order, so none behind it had. */
  isCatchingUp: boolean;
}

/**
 * Delivers messages of the delay levels. Within one level messages fall due in the order of their queue, so the service waits for the
 * first of each level with one timer, and for nothing while all levels are empty: an arrival starts it again.
 *
 * Owns config/delayOffset.json, saved every flushDelayOffsetInterval and at a clean stop, and only when the delivered messages are on the
 * device. After a crash, what left since the last save is looked for, and does not leave again.
 */
export class ScheduleMessageService {
  readonly #store: MessageStore;
  readonly #file: TableFile;
  readonly #levels: Level[] = [];
  readonly #table: DelayLevels;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #logger: Logger;
  readonly #delivery: Delivery;
  readonly #isAfterKill: boolean;
  /** What left before the crash, for messages before `Level.checkEnd`. */
  #delivered: DeliveredSince | null = null;
  readonly #probe = new DeliverTimeProbe();
  #dataVersion: DataVersion;
  #timer: TimerHandle | null = null;
  #timerDueMs = NEVER;
  #isRunning = false;
  #isDirty = false;
  /** Progress that is saved when the messages before `logEnd` are on the device. */
  #waiting: { table: DelayOffsets; logEnd: number } | null = null;
  #saveTimer: TimerHandle | null = null;
  /** The messages that were delivered lie before it in the commit log. */
  #deliveredEnd = 0;
  /** Level that was looked at last. */
  #turn = -1;

  constructor(options: {
    store: MessageStore;
    file: TableFile;
    levels: DelayLevels;
    clock: Clock;
    timers: Timers;
    logger: Logger;
    delivery: Delivery;
    /** The last stop was not in order: what had left already is looked for. */
    isAfterKill?: boolean;
  }) {
    this.#store = options.store;
    this.#file = options.file;
    this.#table = options.levels;
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#logger = options.logger;
    this.#delivery = options.delivery;
    this.#isAfterKill = options.isAfterKill ?? false;
    this.#dataVersion = newDataVersion(options.clock);
    this.#growTo(Math.max(options.levels.maxLevel, SCHEDULE_QUEUE_NUMS));
  }

  #growTo(count: number): void {
    for (let queueId = this.#levels.length; queueId < count; queueId++) {
      this.#levels.push({ level: queueId + 1, queueId, offset: 0, dueMs: NEVER, checkEnd: 0, isCatchingUp: false });
    }
  }

  /** Reads delayOffset.json; each offset is clamped into its queue. */
  load(): void {
    const content = asObject(this.#file.load());
    const offsets = new Map(numberMapEntries(content?.offsetTable));
    if (content !== null) this.#dataVersion = readDataVersion(content.dataVersion, this.#clock);
    // Levels that the table had before keep their messages and their progress.
    const known = [...this.#store.topicQueueIds(RMQ_SYS_SCHEDULE_TOPIC).map((queueId) => queueId + 1), ...offsets.keys()];
    for (const level of known) if (level <= MAX_QUEUE_ID) this.#growTo(level);
    for (const level of this.#levels) {
      const min = this.#store.minOffset(RMQ_SYS_SCHEDULE_TOPIC, level.queueId);
      const max = this.#store.maxOffset(RMQ_SYS_SCHEDULE_TOPIC, level.queueId);
      level.offset = Math.min(Math.max(offsets.get(level.level) ?? 0, Math.max(0, min)), Math.max(0, max));
      if (this.#isAfterKill) level.checkEnd = max;
      level.isCatchingUp = level.offset < level.checkEnd;
    }
    if (this.#isAfterKill) {
      const savedMs = content === null ? 0 : this.#dataVersion.timestamp;
      this.#delivered = new DeliveredSince(this.#store, Math.max(savedMs, this.#firstDueMs()));
    }
  }

  /** When the earliest message that the progress does not count was due: the saves before a crash may be long ago. */
  #firstDueMs(): number {
    let firstMs = NEVER;
    for (const { level, queueId, offset, checkEnd } of this.#levels) {
      if (offset >= checkEnd) continue;
      const result = this.#store.getMessage(RMQ_SYS_SCHEDULE_TOPIC, queueId, offset, 1, { filter: this.#probe });
      if (result.status !== 'FOUND') return 0;
      const { storeTimestamp } = decodeRecord(result.buffers[0]!, 0);
      firstMs = Math.min(firstMs, this.#probe.deliverMs, storeTimestamp + this.#table.delayMs(level));
    }
    return firstMs;
  }

  start(): void {
    this.#isRunning = true;
    const now = this.#clock.nowMs();
    for (const level of this.#levels) level.dueMs = now;
    this.#arm();
  }

  /** Stops delivering, waits until what was delivered is on the device, and saves the progress. */
  async stop(): Promise<void> {
    // The next start looks for nothing that had left.
    while (this.#levels.some(({ isCatchingUp, dueMs }) => isCatchingUp && dueMs <= this.#clock.nowMs())) this.run();
    this.#isRunning = false;
    if (this.#timer !== null) this.#timers.clearTimeout(this.#timer);
    this.#timer = null;
    const isFlushed = await waitForFlush(this.#store, {
      offset: this.#deliveredEnd,
      timeoutMs: STOP_FLUSH_MS,
      clock: this.#clock,
      timers: this.#timers,
    });
    if (this.#saveTimer !== null) this.#timers.clearTimeout(this.#saveTimer);
    if (isFlushed) this.#waiting = null;
    else this.#logger.warn('the commit log cannot be flushed: delayed messages of the last seconds come once more after a start');
    this.flush();
  }

  /**
   * Saves when something was delivered since the last save that succeeded, and is on the device: a progress ahead of its messages would lose
   * them with the power. In the background, one save at a time.
   */
  flush(options: { background?: boolean } = {}): void {
    const { problem, isSaving } = this.#file;
    const isBackground = options.background === true;
    if (isSaving ? isBackground : !this.#isDirty && problem === null) return;
    // The time of a save is the time from which a start looks for copies: those of messages that are not passed yet must lie behind it.
    if (this.#isRunning && this.#isCatchingUp) return;
    // While messages leave without a pause, what was delivered up to now is on the device some time later.
    // The version's time tells a start after a crash from when on it must look for copies.
    this.#waiting ??= {
      table: { ...this.toTable(), dataVersion: nextDataVersion(this.#dataVersion, this.#clock) },
      logEnd: this.#deliveredEnd,
    };
    const { table, logEnd } = this.#waiting;
    if (this.#store.flushedWhere < logEnd) {
      this.#store.requestFlush();
      if (isBackground && this.#isRunning && this.#saveTimer === null) {
        this.#saveTimer = this.#timers.setTimeout(() => {
          this.#saveTimer = null;
          this.flush(options);
        }, RETRY_MS);
      }
      return;
    }
    this.#waiting = null;
    this.#dataVersion = table.dataVersion;
    this.#isDirty = logEnd !== this.#deliveredEnd;
    this.#file.save(table, options);
  }

  /** What delayOffset.json and GET_ALL_DELAY_OFFSET (45) hold. */
  toTable(): DelayOffsets {
    const offsetTable = new Map<number, number>();
    for (const { level, offset } of this.#levels) if (offset > 0) offsetTable.set(level, offset);
    return { dataVersion: this.#dataVersion, offsetTable };
  }

  /** Levels that were used, and where their queues end: `scheduleMessageOffset_<level>` of the runtime info. */
  progress(): { level: number; offset: number; maxOffset: number }[] {
    return this.#levels
      .map(({ level, queueId, offset }) => ({ level, offset, maxOffset: this.#store.maxOffset(RMQ_SYS_SCHEDULE_TOPIC, queueId) }))
      .filter(({ offset, maxOffset }) => offset > 0 || maxOffset > 0);
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
    const wasCatchingUp = this.#isCatchingUp;
    let budget = DELAY_BATCH;
    for (let i = 0; i < this.#levels.length && budget > 0; i++) {
      // The next step begins where this one ended: no level waits for all of another.
      this.#turn = (this.#turn + 1) % this.#levels.length;
      const level = this.#levels[this.#turn]!;
      if (level.dueMs > this.#clock.nowMs()) continue;
      try {
        budget -= this.#deliver(level, budget);
      } catch (error) {
        this.#logger.error(`delivery of delay level ${level.level} stopped at offset ${level.offset}: ${(error as Error).message}`, {
          error,
        });
        level.dueMs = this.#clock.nowMs() + RETRY_MS * 100;
      }
    }
    // The next crash need not look for what this start found, however soon it comes.
    if (wasCatchingUp && !this.#isCatchingUp) this.flush({ background: true });
    this.#arm();
  }

  get #isCatchingUp(): boolean {
    return this.#levels.some(({ isCatchingUp }) => isCatchingUp);
  }

  /** Delivers due messages of a level, at most `budget`; sets when to look again. Returns how many it delivered. */
  #deliver(level: Level, budget: number): number {
    const before = level.offset;
    level.dueMs = NEVER;
    try {
      this.#putDue(level, budget);
    } finally {
      // Also what was put before an error is on its way: it counts now, for this level.
      const { done, failed } = this.#delivery.commit();
      level.offset += done;
      if (done > 0) {
        this.#isDirty = true;
        this.#deliveredEnd = this.#store.commitLogMaxOffset();
      }
      if (failed) level.dueMs = this.#clock.nowMs() + RETRY_MS;
    }
    return level.offset - before;
  }

  #putDue(level: Level, budget: number): void {
    for (let n = 0; n < budget; n++) {
      const result = this.#store.getMessage(RMQ_SYS_SCHEDULE_TOPIC, level.queueId, level.offset + n, 1, { filter: this.#probe });
      if (result.status !== 'FOUND') {
        level.isCatchingUp = false;
        level.dueMs = this.#afterMiss(level, n, result);
        break;
      }
      const now = this.#clock.nowMs();
      const record = decodeRecord(result.buffers[0]!, 0);
      const dueMs = this.#dueTime(level, record, now);
      if (dueMs > now) {
        level.isCatchingUp = false;
        level.dueMs = dueMs;
        break;
      }
      if (record.queueOffset < level.checkEnd && this.#hadLeft(record)) {
        this.#delivery.skip();
      } else {
        level.isCatchingUp = false;
        this.#delivery.put(record);
      }
      if (this.#delivery.hasFailed) break;
      if (n === budget - 1) level.dueMs = now;
    }
  }

  #hadLeft(record: MessageRecord): boolean {
    const topic = getProperty(record.properties, MessageConst.REAL_TOPIC);
    const queueId = Number(getProperty(record.properties, MessageConst.REAL_QID));
    return topic !== undefined && this.#delivered?.take(record, { topic, queueId }) === true;
  }

  /** The time that was recorded, or an earlier one: the level has become shorter, or the clock was set back. */
  #dueTime(level: Level, record: MessageRecord, now: number): number {
    const recordedMs = this.#probe.deliverMs;
    if (level.level > this.#table.maxLevel) return record.storeTimestamp > now ? now : recordedMs;
    const delayMs = this.#table.delayMs(level.level);
    const byTableMs = record.storeTimestamp + delayMs;
    if (recordedMs <= now + delayMs) {
      // The recorded time was taken just before the store time, from which Apache's broker counts.
      return byTableMs > recordedMs && byTableMs - recordedMs < STORE_SLACK_MS ? byTableMs : recordedMs;
    }
    return byTableMs > now + delayMs ? now : Math.min(recordedMs, byTableMs);
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

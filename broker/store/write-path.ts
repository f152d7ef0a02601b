import type { Clock, Timers } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import { Appender } from './appender.js';
import type { Checkpoint } from './checkpoint.js';
import { type CommitLog, CreateFileError } from './commit-log.js';
import { notePutLatency } from './counters.js';
import { diskErrorCode } from './disk.js';
import { Flusher } from './flusher.js';
import type { IndexService } from './index-service.js';
import { TURN_WRITE_BYTES, WRITE_RETRY_MS } from './limits.js';
import type { PutBatch } from './put-batch.js';
import { type PendingPut, PutQueue } from './put-queue.js';
import type { AnyQueue, TopicTable } from './topic-table.js';
import type { ArrivalListener, PutMessage, PutSink, PutStatus, StoreConfig, StoreCounters } from './types.js';

/** Why the store takes no messages; several can hold at once. */
export const Block = {
  SHUTDOWN: 1,
  DISK_FULL: 2,
  WRITE_ERROR: 4,
  FLUSH_ERROR: 8,
  DERIVED_ERROR: 16,
  PAGE_CACHE_BUSY: 32,
  NOT_MARKED: 64,
} as const;

/** Bits of Apache's RunningFlags that have a counterpart here. */
const NOT_WRITEABLE = 2;
const LOGICS_QUEUE_ERROR = 4;
const WRITE_INDEX_ERROR = 8;
const DISK_FULL = 16;

/** Apache's running flags for bits of `Block`. */
export function runningFlagsOf(blocks: number): number {
  let flags = (blocks & (Block.SHUTDOWN | Block.WRITE_ERROR | Block.FLUSH_ERROR)) === 0 ? 0 : NOT_WRITEABLE;
  flags |= (blocks & Block.DERIVED_ERROR) === 0 ? 0 : LOGICS_QUEUE_ERROR | WRITE_INDEX_ERROR;
  flags |= (blocks & (Block.DISK_FULL | Block.NOT_MARKED)) === 0 ? 0 : DISK_FULL;
  return flags;
}

/** A store time this much before the last one means that the clock was set back. */
const CLOCK_STEP_MS = 1000;

/** From a message to its acknowledgement and its place in queues and index. */
export class WritePath {
  readonly flusher: Flusher;
  /** Bits of `Block`; 0 means that messages are taken. */
  blocks = 0;
  lastStoreTimestamp: number;
  lastDispatchedTimestamp: number;
  /** End of the last dispatched record. */
  dispatchedTo: number;
  /** When the last write into the commit log ended, monotonic ms. */
  lastWriteEndMs = 0;
  /** Why the disk refused last, for the remarks of refused puts. */
  lastErrorCode = '';

  readonly #config: StoreConfig;
  readonly #log: CommitLog;
  readonly #topics: TopicTable;
  readonly #index: IndexService | null;
  readonly #checkpoint: Checkpoint;
  readonly #counters: StoreCounters;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #logger: Logger;
  readonly #appender: Appender;
  readonly #isSyncFlush: boolean;
  /** SYNC_FLUSH: written, waiting for the device. */
  readonly #unflushed = new PutQueue();
  readonly #listeners: ArrivalListener[] = [];
  #listenerFailure = '';
  /** Store time of the last message that is in the kernel. */
  #writtenTimestamp: number;
  /** Where the log was when the clock was last set back: store times before are of no use for the checkpoint. */
  #eraStart: number;
  #isFlushingTurn = false;
  #turnStartMs = 0;
  #retryAtMs = 0;

  constructor(options: {
    config: StoreConfig;
    log: CommitLog;
    topics: TopicTable;
    index: IndexService | null;
    checkpoint: Checkpoint;
    counters: StoreCounters;
    clock: Clock;
    timers: Timers;
    logger: Logger;
    lastStoreTimestamp: number;
    /** Up to here the log is known to be on the device. */
    flushedWhere: number;
  }) {
    this.#config = options.config;
    this.#log = options.log;
    this.#topics = options.topics;
    this.#index = options.index;
    this.#checkpoint = options.checkpoint;
    this.#counters = options.counters;
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#logger = options.logger;
    this.#appender = new Appender({ config: options.config, log: options.log, topics: options.topics });
    this.#isSyncFlush = options.config.flushDiskType === 'SYNC_FLUSH';
    this.lastStoreTimestamp = options.lastStoreTimestamp;
    this.lastDispatchedTimestamp = options.lastStoreTimestamp;
    this.#writtenTimestamp = options.lastStoreTimestamp;
    this.dispatchedTo = options.log.end;
    this.#eraStart = options.log.minOffset;
    this.flusher = new Flusher(options.log, () => this.#writtenTimestamp);
    this.flusher.flushedWhere = options.flushedWhere;
    this.flusher.onFlushed = (flushedWhere, storeTimestamp) => this.#flushed(flushedWhere, storeTimestamp);
    this.flusher.onFailed = (error) => this.#flushFailed(error);
  }

  /** End of what may be read. */
  get confirmOffset(): number {
    return this.dispatchedTo;
  }

  addListener(listener: ArrivalListener): void {
    this.#listeners.push(listener);
  }

  put(message: PutMessage, sink: PutSink): void {
    if (this.blocks !== 0) {
      this.#refuse(message, sink, this.blocks === Block.PAGE_CACHE_BUSY ? 'OS_PAGE_CACHE_BUSY' : 'SERVICE_NOT_AVAILABLE');
      return;
    }
    let nowMs = this.#clock.nowMs();
    if (nowMs < this.lastStoreTimestamp) {
      if (nowMs >= this.lastStoreTimestamp - CLOCK_STEP_MS) {
        // Store times never fall along the log but for a step.
        nowMs = this.lastStoreTimestamp;
      } else if (!this.#clockWentBack(nowMs)) {
        this.#refuse(message, sink, 'SERVICE_NOT_AVAILABLE');
        return;
      }
    }
    if (this.#appender.pending.length === 0) {
      this.#turnStartMs = this.#clock.monotonicMs();
    }
    const status = this.#appender.append(message, sink, nowMs);
    if (status !== 'PUT_OK') {
      this.#refuse(message, sink, status);
      return;
    }
    this.lastStoreTimestamp = nowMs;
    if (this.#log.unwrittenBytes > TURN_WRITE_BYTES) {
      this.flushTurn();
    }
  }

  #refuse(message: PutMessage, sink: PutSink, status: PutStatus): void {
    this.#counters.putsRefused++;
    // Nothing of this message is on any disk.
    this.#tell(message, sink, status);
  }

  /** One sink that fails must not keep the others waiting, nor stop the store. */
  #tell(message: PutMessage, sink: PutSink, status: PutStatus): void {
    try {
      sink.onPut(message, status);
    } catch (error) {
      this.#logger.error(`the answer ${status} for a message of topic ${message.topic} failed: ${(error as Error).message}`, { error });
    }
  }

  /** The checkpoint must not speak of times that new messages have again, also not after a power cut. False when it cannot be written. */
  #clockWentBack(nowMs: number): boolean {
    try {
      this.#checkpoint.stepBack(nowMs);
    } catch (error) {
      this.#writeFailed(error);
      return false;
    }
    this.#logger.warn(`the clock went back by ${this.lastStoreTimestamp - nowMs} ms`);
    this.#eraStart = this.#log.end;
    this.lastDispatchedTimestamp = Math.min(this.lastDispatchedTimestamp, nowMs);
    this.lastStoreTimestamp = nowMs;
    return true;
  }

  flushTurn(): void {
    const pending = this.#appender.pending;
    const count = pending.length;
    if (count === 0 || this.#isFlushingTurn) {
      return;
    }
    this.#isFlushingTurn = true;
    try {
      let error: unknown = null;
      const writeStartMs = this.#clock.monotonicMs();
      try {
        this.#log.write();
      } catch (caught) {
        error = caught;
        this.#writeFailed(caught);
      }
      const nowMs = this.#clock.monotonicMs();
      this.lastWriteEndMs = nowMs;
      if (nowMs - writeStartMs >= this.#config.osPageCacheBusyTimeOutMills) {
        this.#wasBusy(nowMs - writeStartMs);
      }
      let written = count;
      if (error !== null) {
        written = this.#takeBack(count);
      }
      if (written > 0) {
        this.#writtenTimestamp = pending.at(written - 1)!.storeTimestamp;
      }
      this.#counters.turns++;
      notePutLatency(this.#counters, nowMs - this.#turnStartMs, written);
      if (this.#isSyncFlush) {
        this.#waitForDevice(written);
      } else {
        this.#acknowledge(written);
        if (!this.#config.flushCommitLogTimed && this.#config.wakeFlushWhenPutMessage) {
          this.flushWhenWorth(nowMs);
        }
      }
      for (let i = written; i < count; i++) {
        this.#refuseItem(pending.shift()!, error);
      }
    } finally {
      this.#isFlushingTurn = false;
    }
  }

  /**
   * The kernel held a write up (it throttles who dirties pages faster than the device takes them). Apache refuses puts while one holds the
   * lock for so long; here nothing can ask meanwhile, so what came in during the write is refused: until the event loop has read it.
   */
  #wasBusy(writeMs: number): void {
    if ((this.blocks & Block.PAGE_CACHE_BUSY) !== 0) {
      return;
    }
    this.blocks |= Block.PAGE_CACHE_BUSY;
    this.#logger.warn(`a write into the commit log took ${Math.round(writeMs)} ms; messages that came meanwhile are refused`);
    // A write at the end of a turn needs one round of the loop, one within a turn two.
    this.#timers.setImmediate(() =>
      this.#timers.setImmediate(() => {
        this.blocks &= ~Block.PAGE_CACHE_BUSY;
      }),
    );
  }

  /** After a failed write: gives the queue offsets of what is not in the file back. Returns how many of the pending puts are in it. */
  #takeBack(count: number): number {
    const pending = this.#appender.pending;
    let kept = count;
    while (kept > 0) {
      const item = pending.at(kept - 1)!;
      if (item.commitLogOffset + item.size <= this.#log.writtenWhere) {
        break;
      }
      if (item.queue !== null) {
        item.queue.nextOffset = item.queueOffset;
      }
      kept--;
    }
    return kept;
  }

  #refuseItem(item: PendingPut, error: unknown): void {
    const { message, sink } = item;
    this.#appender.recycle(item);
    if (message !== null && sink !== null) {
      this.#refuse(message, sink, error instanceof CreateFileError ? 'CREATE_MAPPED_FILE_FAILED' : 'SERVICE_NOT_AVAILABLE');
    }
  }

  /** ASYNC_FLUSH: answers first, then fills queues and index. */
  #acknowledge(count: number): void {
    const pending = this.#appender.pending;
    for (let i = 0; i < count; i++) {
      const item = pending.at(i)!;
      if (item.message !== null) {
        // ASYNC_FLUSH: the record is in the kernel's page cache: a killed process loses nothing, a power cut may.
        this.#tell(item.message, item.sink!, 'PUT_OK');
        item.message = null;
      }
    }
    for (let i = 0; i < count; i++) {
      this.#dispatch(pending.shift()!);
    }
  }

  /** SYNC_FLUSH: queues the puts behind the next flush. */
  #waitForDevice(count: number): void {
    const deadlineMs = this.#clock.monotonicMs() + this.#config.syncFlushTimeout;
    for (let i = 0; i < count; i++) {
      const item = this.#appender.pending.shift()!;
      if (item.message !== null && !item.message.waitStoreMsgOK) {
        // WAIT=false: the record is in the kernel's page cache, as under ASYNC_FLUSH.
        this.#tell(item.message, item.sink!, 'PUT_OK');
        item.message = null;
      }
      item.deadlineMs = deadlineMs;
      this.#unflushed.push(item);
    }
    this.flusher.request();
  }

  #flushed(flushedWhere: number, storeTimestamp: number): void {
    this.#counters.flushes++;
    this.#checkpoint.logWhere = flushedWhere;
    if (flushedWhere > this.#eraStart) {
      this.#checkpoint.physicMsgTimestamp = storeTimestamp;
    }
    if ((this.blocks & Block.FLUSH_ERROR) !== 0) {
      this.blocks &= ~Block.FLUSH_ERROR;
      this.#logger.info('the commit log can be flushed again');
    }
    for (let item = this.#unflushed.peek(); item !== undefined; item = this.#unflushed.peek()) {
      if (item.commitLogOffset + item.size > flushedWhere) {
        break;
      }
      this.#unflushed.shift();
      if (item.message !== null) {
        // SYNC_FLUSH: fdatasync returned for every byte of the record: it survives a power cut.
        this.#tell(item.message, item.sink!, 'PUT_OK');
        item.message = null;
      }
      this.#dispatch(item);
    }
  }

  #flushFailed(error: Error): void {
    this.#counters.flushFailures++;
    this.lastErrorCode = diskErrorCode(error);
    if ((this.blocks & Block.FLUSH_ERROR) === 0) {
      this.#logger.error(`the commit log cannot be flushed (${diskErrorCode(error)}); sends are refused until it can`);
    }
    this.blocks |= Block.FLUSH_ERROR;
    this.#retryAtMs = this.#clock.monotonicMs() + WRITE_RETRY_MS;
  }

  #writeFailed(error: unknown): void {
    this.lastErrorCode = diskErrorCode(error);
    if ((this.blocks & Block.WRITE_ERROR) === 0) {
      this.#logger.error(`the commit log cannot be written at ${this.#log.end} (${diskErrorCode(error)}); sends are refused, trying again`);
    }
    this.blocks |= this.#log.isRewriteNeeded ? Block.WRITE_ERROR | Block.FLUSH_ERROR : Block.WRITE_ERROR;
    this.#retryAtMs = this.#clock.monotonicMs() + WRITE_RETRY_MS;
  }

  /** Flushes when the policy says so; the answers of SYNC_FLUSH do not wait for this. */
  flushWhenWorth(nowMs: number): void {
    const { flushCommitLogLeastPages, flushCommitLogThoroughInterval } = this.#config;
    const leastPages = this.#isSyncFlush ? 0 : flushCommitLogLeastPages;
    this.flusher.poll(nowMs, { leastPages, thoroughMs: flushCommitLogThoroughInterval });
  }

  /** How long the oldest message that waits for the device has waited, ms; 0 when none does. */
  get oldestWaitMs(): number {
    const oldest = this.#unflushed.peek();
    return oldest === undefined ? 0 : Math.max(0, this.#clock.nowMs() - oldest.storeTimestamp);
  }

  /** Work that is due by time: answers that waited too long, and another try at a disk that refused. */
  tick(nowMs: number): void {
    for (let i = 0; ; i++) {
      const item = this.#unflushed.at(i);
      if (item === undefined || item.deadlineMs > nowMs) {
        break;
      }
      if (item.message !== null) {
        // Written, but the device has not said so in time: the message may survive a power cut or not.
        this.#tell(item.message, item.sink!, 'FLUSH_DISK_TIMEOUT');
        item.message = null;
      }
    }
    if ((this.blocks & (Block.WRITE_ERROR | Block.FLUSH_ERROR)) !== 0 && nowMs >= this.#retryAtMs) {
      this.#retry(nowMs);
    }
  }

  #retry(nowMs: number): void {
    this.#retryAtMs = nowMs + WRITE_RETRY_MS;
    if (!this.repair()) {
      return;
    }
    this.blocks &= ~Block.WRITE_ERROR;
    if (this.flusher.flushedWhere >= this.#log.writtenWhere) {
      this.blocks &= ~Block.FLUSH_ERROR;
    }
    this.flusher.request();
  }

  /** Brings the log's files into order after the disk refused something, so that they may be flushed; false when it still refuses. */
  repair(): boolean {
    try {
      this.#log.cutRefused();
      // A failed flush may have dropped the dirty pages: only what is written again can be flushed.
      if (!this.#log.isRewriteNeeded || this.#log.rewrite(this.flusher.flushedWhere)) {
        return true;
      }
      this.#logger.error('the disk has lost messages that it had taken; restart the broker when the disk is well');
    } catch (error) {
      this.#logger.warn(`the commit log still cannot be written (${diskErrorCode(error)})`);
    }
    return false;
  }

  #dispatch(item: PendingPut): void {
    const queue = item.queue?.isDeleted === true ? null : item.queue;
    const { batch } = item;
    if (queue !== null) {
      if (batch !== null) {
        appendBatch(queue, item, batch);
      } else if (queue.type === 'SimpleCQ') {
        queue.append(item.commitLogOffset, item.size, item.tagsCode);
      } else {
        queue.append(item);
      }
      this.#topics.markDirty(queue);
    }
    if (item.isIndexed && this.#index !== null) {
      if (batch !== null) {
        this.#index.putBatch(batch, item.commitLogOffset, item.storeTimestamp);
      } else {
        this.#index.put(item.entry.keyHash, item.properties, item.commitLogOffset, item.storeTimestamp);
      }
    }
    this.dispatchedTo = item.commitLogOffset + item.size;
    if (item.commitLogOffset >= this.#eraStart) {
      this.lastDispatchedTimestamp = item.storeTimestamp;
    }
    this.#counters.puts += item.messageCount;
    this.#counters.putBytes += item.size;
    this.#counters.dispatched += batch === null ? 1 : batch.count;
    if (queue !== null) {
      const end = item.queueOffset + item.messageCount;
      if (batch === null) {
        this.#announce(queue, end, item.tagsCode, item.storeTimestamp, item.messageCount > 1 && item.tagsCode === 0);
      } else {
        // Who waits for one of the messages may be told of the last with the same tag: all of them can be read by now.
        for (let i = 0; i < batch.count; i++) {
          const tagsCode = batch.tagsCodes[i]!;
          if (i === batch.count - 1 || batch.tagsCodes[i + 1] !== tagsCode) {
            this.#announce(queue, end, tagsCode, item.storeTimestamp, false);
          }
        }
      }
    }
    this.#appender.recycle(item);
  }

  #announce(queue: AnyQueue, maxOffset: number, tagsCode: number | bigint, storeTimestamp: number, isUntaggedBatch: boolean): void {
    for (const listener of this.#listeners) {
      try {
        listener(queue.topic, queue.queueId, maxOffset, tagsCode, storeTimestamp, isUntaggedBatch);
      } catch (error) {
        this.#listenerFailed(error as Error);
      }
    }
  }

  /** The message is stored, whoever fails to take notice of it. One that fails at each message is told of once. */
  #listenerFailed(error: Error): void {
    if (error.message === this.#listenerFailure) return;
    this.#listenerFailure = error.message;
    this.#logger.error(`what waits for messages could not be told of one: ${error.message}`, { error });
  }
}

/** Adds a unit for each record of the batch. */
function appendBatch(queue: AnyQueue, item: PendingPut, batch: PutBatch): void {
  let offset = item.commitLogOffset;
  for (let i = 0; i < batch.count; i++) {
    const size = batch.sizes[i]!;
    const tagsCode = batch.tagsCodes[i]!;
    if (queue.type === 'SimpleCQ') {
      queue.append(offset, size, tagsCode);
    } else {
      const { storeTimestamp } = item;
      queue.append({ commitLogOffset: offset, size, tagsCode, storeTimestamp, queueOffset: item.queueOffset + i, messageCount: 1 });
    }
    offset += size;
  }
}

import type { TimerHandle } from '../../src/common/clock.js';
import { stringHashCode } from '../../src/common/java.js';
import { decodeRecord } from '../../src/common/message/record.js';
import { CommitLog } from './commit-log.js';
import { ConsumeQueueExt } from './consume-queue-ext.js';
import { newCounters } from './counters.js';
import { diskErrorCode } from './disk.js';
import { Housekeeping } from './housekeeping.js';
import { hasKey, indexKeyHash } from './index-keys.js';
import { LogReader } from './log-reader.js';
import { Maintenance } from './maintenance.js';
import { MessageReader } from './message-reader.js';
import { RecordGuard } from './record-guard.js';
import type { RecoveryResult } from './recovery.js';
import { type MessageStoreOptions, openParts, type StoreParts } from './store-open.js';
import type {
  ArrivalListener,
  BoundaryType,
  GetMessageOptions,
  GetMessageResult,
  PutMessage,
  PutSink,
  QueryMessageResult,
  StoreConfig,
  StoreCounters,
} from './types.js';
import { Block, runningFlagsOf, WritePath } from './write-path.js';

/** The one timer looks this often for due work, unless flushIntervalCommitLog is shorter. */
const TICK_MS = 100;
const MIN_TICK_MS = 10;

/**
 * The message store: commit log, consume queues, index, flush and recovery, in Apache's formats.
 *
 * All `put`s of one turn of the event loop are written together by `flushTurn`; nobody hears of a message before it is where its
 * acknowledgement says.
 */
export class MessageStore {
  readonly config: StoreConfig;
  readonly counters: StoreCounters = newCounters();
  /** What the recovery at the start did. */
  readonly recovery: RecoveryResult;

  readonly #parts: StoreParts;
  readonly #log: CommitLog;
  readonly #write: WritePath;
  readonly #reader: LogReader;
  readonly #messages: MessageReader;
  readonly #maintenance: Maintenance;
  readonly #house: Housekeeping;
  #timer: TimerHandle | null = null;
  #shutdown: Promise<void> | null = null;

  private constructor(parts: StoreParts) {
    const { config, files, topics, index, checkpoint, clock, timers, logger, disk, fds } = parts;
    this.#parts = parts;
    this.config = config;
    this.recovery = parts.recovery;
    this.#log = new CommitLog(files, { appendsPropertyCrc: config.enabledAppendPropCRC });
    this.#log.reset(parts.recovery.end);
    this.#write = new WritePath({
      config,
      log: this.#log,
      topics,
      index,
      checkpoint,
      counters: this.counters,
      clock,
      timers,
      logger,
      lastStoreTimestamp: parts.recovery.lastStoreTimestamp,
      flushedWhere: parts.recovery.flushedWhere,
    });
    const guard = new RecordGuard({ counters: this.counters, logger, startedAt: parts.recovery.end });
    this.#reader = new LogReader(this.#log, guard);
    const ext = new ConsumeQueueExt({ config, disk, fds });
    const log = logView(this.#log, this.#write);
    this.#messages = new MessageReader({ config, topics, log, reader: this.#reader, ext, counters: this.counters, guard });
    this.#house = new Housekeeping(parts, this.#log, this.#write);
    this.#maintenance = new Maintenance({ host: this.#host(), topics, index, checkpoint, clock, logger });
    topics.onRemoved = () => {
      // These queues are not missing.
      checkpoint.summary = null;
      this.#maintenance.saveCheckpoint();
    };
    topics.onWriteError = (error) => this.#maintenance.derivedError(error);
    if (index !== null) {
      index.onError = (error) => this.#maintenance.derivedError(error);
      index.onSealed = (endTimestamp) => {
        checkpoint.indexMsgTimestamp = endTimestamp;
      };
    }
  }

  /** Locks the folder, loads and recovers. Throws `StoreError` or `ConfigError`. */
  static async open(options: MessageStoreOptions): Promise<MessageStore> {
    const parts = await openParts(options);
    const store = new MessageStore(parts);
    const tickMs = Math.max(MIN_TICK_MS, Math.min(TICK_MS, parts.config.flushIntervalCommitLog));
    store.#house.checkDisk();
    store.#timer = parts.timers.setInterval(() => store.#tick(), tickMs);
    return store;
  }

  #host() {
    return {
      config: this.config,
      lastDispatchedTimestamp: () => this.#write.lastDispatchedTimestamp,
      dispatchedTo: () => this.#write.dispatchedTo,
      onDerivedError: (error: unknown) => {
        if (error !== null) this.#write.lastErrorCode = diskErrorCode(error);
        this.#setBlock(Block.DERIVED_ERROR, error !== null);
      },
      onDerivedFlushFailed: () => {
        this.counters.flushFailures++;
      },
      checkDisk: () => this.#house.checkDisk(),
      flushCommitLog: (nowMs: number) => this.#write.flushWhenWorth(nowMs),
      prepareNextFile: () => this.#house.prepareNextFile(),
    };
  }

  #tick(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#write.tick(nowMs);
    this.#maintenance.tick(nowMs);
    this.#house.tick(nowMs);
  }

  #setBlock(bit: number, isSet: boolean): void {
    this.#write.blocks = isSet ? this.#write.blocks | bit : this.#write.blocks & ~bit;
  }

  /** Whether a put would be taken: not shut down, no write error, disk not full. */
  get isWriteable(): boolean {
    return (this.#write.blocks & ~Block.PAGE_CACHE_BUSY) === 0;
  }

  /** A write took osPageCacheBusyTimeOutMills or longer, and what came in meanwhile is being read. */
  get isOsPageCacheBusy(): boolean {
    return (this.#write.blocks & Block.PAGE_CACHE_BUSY) !== 0;
  }

  /** When the last write into the commit log ended, monotonic ms. */
  get lastWriteEndMs(): number {
    return this.#write.lastWriteEndMs;
  }

  /** How long the oldest message that waits for the device has waited, ms. */
  get oldestPutWaitMs(): number {
    return this.#write.oldestWaitMs;
  }

  /** Why puts are refused, in words; what was refused last when they are taken again. */
  get unavailableReason(): string {
    const { blocks, lastErrorCode } = this.#write;
    if ((blocks & Block.SHUTDOWN) !== 0) return 'the message store has been shut down';
    if ((blocks & Block.DISK_FULL) !== 0) {
      const { percent, warningPercent } = this.#house.disk;
      return `the broker's disk is full [${percent} % used, limit ${warningPercent} %]`;
    }
    if ((blocks & Block.NOT_MARKED) !== 0) return "the broker's disk is full [no room for the file abort]";
    if ((blocks & Block.DERIVED_ERROR) !== 0) return `consume queues or index cannot be written (${lastErrorCode})`;
    if ((blocks & Block.FLUSH_ERROR) !== 0) return `the commit log cannot be flushed (${lastErrorCode})`;
    return `the commit log cannot be written (${lastErrorCode})`;
  }

  get isDiskFull(): boolean {
    return (this.#write.blocks & Block.DISK_FULL) !== 0;
  }

  /** Everything below is on the device. */
  get flushedWhere(): number {
    return this.#write.flusher.flushedWhere;
  }

  /** Has the commit log flushed without waiting for its turn; `flushedWhere` tells when it is done. */
  requestFlush(): void {
    this.#write.flusher.request();
  }

  /**
   * Appends to the turn's batch; the bytes reach the file at `flushTurn`. The sink is called at once when the message is refused, at
   * `flushTurn` (ASYNC_FLUSH or waitStoreMsgOK=false), or after the flush (SYNC_FLUSH).
   */
  put(message: PutMessage, sink: PutSink): void {
    this.#write.put(message, sink);
  }

  /** One positioned write for all puts since the last call, then acknowledgements, then dispatch. */
  flushTurn(): void {
    this.#write.flushTurn();
  }

  /** Messages of a queue from an offset on; at most the configured bytes and count. */
  getMessage(topic: string, queueId: number, offset: number, maxMsgNums: number, options: GetMessageOptions = {}): GetMessageResult {
    return this.#messages.get(topic, queueId, offset, maxMsgNums, options);
  }

  maxOffset(topic: string, queueId: number): number {
    return this.#parts.topics.find(topic, queueId)?.maxOffset ?? 0;
  }

  minOffset(topic: string, queueId: number): number {
    return this.#parts.topics.find(topic, queueId)?.minOffset ?? 0;
  }

  /** Queue offset by store time; 0 for an unknown queue. LOWER: first at or after the time; UPPER: last at or before it. */
  offsetByTime(topic: string, queueId: number, timestampMs: number | bigint, boundary: BoundaryType = 'LOWER'): number {
    const queue = this.#parts.topics.find(topic, queueId);
    return queue === undefined ? 0 : this.#messages.offsetByTime(queue, timestampMs, boundary);
  }

  /** −1 when the queue is empty or unknown. */
  earliestMessageTime(topic: string, queueId: number): number {
    const queue = this.#parts.topics.find(topic, queueId);
    return queue === undefined ? -1 : this.#messages.storeTimestampAt(queue, queue.minOffset);
  }

  /** −1 when there is no such message. */
  storeTimestampAt(topic: string, queueId: number, offset: number): number {
    const queue = this.#parts.topics.find(topic, queueId);
    return queue === undefined ? -1 : this.#messages.storeTimestampAt(queue, offset);
  }

  /** Commit log offset of a queue's message; −1 when there is none. */
  commitLogOffsetAt(topic: string, queueId: number, offset: number): number {
    const queue = this.#parts.topics.find(topic, queueId);
    return queue === undefined ? -1 : this.#messages.commitLogOffsetAt(queue, offset);
  }

  /**
   * The stored record at a commit log offset; null when none is there that may be read.
   * @param knownSize its size, if the caller knows it and asks for nothing near it: then only the record is read
   */
  lookMessageByOffset(commitLogOffset: number, knownSize = 0): Buffer | null {
    return commitLogOffset < this.#write.confirmOffset ? this.#reader.record(commitLogOffset, knownSize) : null;
  }

  /** As `lookMessageByOffset`, but also a record that still waits for the device: for a decision about it that is stored behind it. */
  lookWrittenMessage(commitLogOffset: number): Buffer | null {
    return this.#reader.record(commitLogOffset);
  }

  /** Whether reads of this offset get the larger limits (within accessMessageInMemoryMaxRatio of the memory from the end). */
  isInMemory(commitLogOffset: number): boolean {
    return this.#messages.isInMemory(commitLogOffset);
  }

  /** Messages by a word of KEYS or by UNIQ_KEY, stored between two times (ms): the newest that fit into the limits, in the order of the log. */
  queryByKey(
    topic: string,
    key: string,
    maxNum: number,
    beginMs: bigint | number,
    endMs: bigint | number,
    maxBytes: number = Number.POSITIVE_INFINITY,
  ): QueryMessageResult {
    const { index, topics } = this.#parts;
    const result: QueryMessageResult = {
      indexLastUpdateTimestamp: index?.lastUpdateTimestamp ?? 0,
      indexLastUpdatePhyoffset: index?.lastUpdatePhyOffset ?? 0,
      commitLogOffsets: [],
      records: [],
    };
    if (index === null) {
      return result;
    }
    const prefix = topics.known(topic)?.keyHash ?? stringHashCode(`${topic}#`);
    const limit = Math.max(1, Math.min(maxNum, this.config.maxMsgsNumBatch));
    const records = new Map<number, Buffer>();
    let bytesLeft = maxBytes;
    index.query(indexKeyHash(prefix, key), limit, Number(beginMs), Number(endMs), (offset) => {
      const bytes = bytesLeft > 0 ? this.lookMessageByOffset(offset) : null;
      if (bytes === null) {
        return false;
      }
      const record = decodeRecord(bytes, 0);
      if (record.topic !== topic || !hasKey(record.properties, key)) {
        return false;
      }
      bytesLeft -= bytes.length;
      const fits = bytesLeft >= 0 || records.size === 0;
      if (fits) {
        records.set(offset, bytes);
      }
      return fits;
    });
    result.commitLogOffsets = [...records.keys()].sort((a, b) => a - b);
    result.records = result.commitLogOffsets.map((offset) => records.get(offset)!);
    return result;
  }

  /** `listener` hears of each message once it may be read. */
  addArrivalListener(listener: ArrivalListener): void {
    this.#write.addListener(listener);
  }

  /** Topics that have a consume queue. */
  topics(): string[] {
    return this.#parts.topics.topics();
  }

  topicQueueIds(topic: string): number[] {
    const queues = this.#parts.topics.known(topic)?.queues ?? [];
    return queues.flatMap((queue) => (queue === undefined ? [] : [queue.queueId]));
  }

  /** A topic was created: queues that an earlier topic of its name left are removed when they are of another kind. */
  topicConfigured(topic: string): void {
    this.#parts.topics.configured(topic);
  }

  /** Removes the topic's consume queues; its records stay in the commit log. */
  deleteTopic(topic: string): void {
    this.#parts.topics.deleteTopic(topic);
  }

  commitLogMinOffset(): number {
    return this.#log.minOffset;
  }

  /** End of what is in the kernel. */
  commitLogMaxOffset(): number {
    return this.#log.writtenWhere;
  }

  /** Used part of the file system, 0..1; −1 when it cannot be read. */
  diskUsedRatio(): number {
    return this.#house.disk.ratio;
  }

  /** Bytes of the commit log that are not dispatched yet. */
  dispatchBehindBytes(): number {
    return this.#log.writtenWhere - this.#write.dispatchedTo;
  }

  /**
   * Removes expired commit log files whatever the hour, in the next rounds of retention: those last written fileReservedTime ago, never the
   * newest one. Queues and index follow.
   */
  deleteExpiredFiles(): void {
    this.#house.deleteExpiredFiles();
  }

  /** Removes queues whose messages are all gone from the commit log, but for topics that are kept; each begins at offset 0 again. Returns how many. */
  cleanExpiredQueues(isKept: (topic: string) => boolean): number {
    return this.#house.cleanExpiredQueues(isKept);
  }

  /** Removes the queues of topics that are not kept; returns the topics. */
  cleanUnusedTopics(isKept: (topic: string) => boolean): string[] {
    return this.#house.cleanUnusedTopics(isKept);
  }

  /** Apache's running flags (store.md 8): 2 not writeable, 4 queues and 8 index cannot be written, 16 disk full. */
  get runningFlags(): number {
    return runningFlagsOf(this.#write.blocks);
  }

  /** Takes new values of keys that may change while running. */
  updateConfig(changes: Partial<StoreConfig>): void {
    Object.assign(this.config, changes);
    this.#house.checkDisk();
  }

  /** Flushes everything, writes the checkpoint, removes `abort`, gives the folder free. */
  shutdown(): Promise<void> {
    this.#shutdown ??= this.#close();
    return this.#shutdown;
  }

  async #close(): Promise<void> {
    const { fds, lock, timers, logger, mark } = this.#parts;
    this.flushTurn();
    this.#setBlock(Block.SHUTDOWN, true);
    if (this.#timer !== null) {
      timers.clearInterval(this.#timer);
    }
    await this.#house.close();
    const isFlushed = await this.#flushForClose();
    const isClean = isFlushed && this.dispatchBehindBytes() === 0 && (await this.#maintenance.close());
    if (isClean) {
      try {
        this.#log.removeUnusedFiles();
        mark.remove();
      } catch (error) {
        logger.warn(`the store could not be closed in order (${diskErrorCode(error)}); the next start recovers it`);
      }
    } else {
      logger.warn('not everything could be flushed; the abort file stays and the next start recovers');
    }
    fds.closeAll();
    lock.release();
  }

  async #flushForClose(): Promise<boolean> {
    const { flusher } = this.#write;
    await flusher.idle();
    if (!this.#write.repair()) {
      return false;
    }
    const before = flusher.failures;
    while (flusher.flushedWhere < this.#log.writtenWhere && flusher.failures === before) {
      flusher.request();
      await flusher.idle();
    }
    return flusher.flushedWhere >= this.#log.writtenWhere;
  }
}

function logView(log: CommitLog, write: WritePath) {
  return {
    get minOffset() {
      return log.minOffset;
    },
    get confirmOffset() {
      return write.confirmOffset;
    },
  };
}

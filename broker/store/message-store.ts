import type { TimerHandle } from '../../src/common/clock.js';
import { stringHashCode } from '../../src/common/java.js';
import { decodeRecord } from '../../src/common/message/record.js';
import { CommitLog } from './commit-log.js';
import { ConsumeQueueExt } from './consume-queue-ext.js';
import { newCounters } from './counters.js';
import { diskErrorCode } from './disk.js';
import { hasKey, indexKeyHash } from './index-keys.js';
import { LogReader } from './log-reader.js';
import { Maintenance } from './maintenance.js';
import { MessageReader } from './message-reader.js';
import type { RecoveryResult } from './recovery.js';
import { logDirectory, type MessageStoreOptions, openParts, removeAbort, type StoreParts } from './store-open.js';
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
import { Block, WritePath } from './write-path.js';

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
  #timer: TimerHandle | null = null;
  #diskUsedRatio = -1;
  #shutdown: Promise<void> | null = null;

  private constructor(parts: StoreParts) {
    const { config, files, topics, index, checkpoint, clock, logger, disk, fds } = parts;
    this.#parts = parts;
    this.config = config;
    this.recovery = parts.recovery;
    this.#log = new CommitLog(files);
    this.#log.reset(parts.recovery.end);
    this.#write = new WritePath({
      config,
      log: this.#log,
      topics,
      index,
      checkpoint,
      counters: this.counters,
      clock,
      logger,
      lastStoreTimestamp: parts.recovery.lastStoreTimestamp,
      flushedWhere: parts.recovery.flushedWhere,
    });
    this.#reader = new LogReader(this.#log);
    const ext = new ConsumeQueueExt({ config, disk, fds });
    const log = logView(this.#log, this.#write);
    this.#messages = new MessageReader({ config, topics, log, reader: this.#reader, ext, counters: this.counters });
    this.#maintenance = new Maintenance({ host: this.#host(), topics, index, checkpoint, disk, logPath: logDirectory(config), logger });
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
    store.#maintenance.checkDisk();
    store.#timer = parts.timers.setInterval(() => store.#tick(), tickMs);
    return store;
  }

  #host() {
    return {
      config: this.config,
      nowMs: () => this.#parts.clock.monotonicMs(),
      lastDispatchedTimestamp: () => this.#write.lastDispatchedTimestamp,
      onDerivedError: (error: unknown) => this.#setBlock(Block.DERIVED_ERROR, error !== null),
      onDiskUsed: (ratio: number) => this.#noteDiskUsed(ratio),
      flushCommitLog: () => this.#write.flusher.request(),
      prepareNextFile: () => this.#prepareNextFile(),
    };
  }

  #tick(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#write.tick(nowMs);
    this.#maintenance.tick(nowMs);
  }

  #setBlock(bit: number, isSet: boolean): void {
    this.#write.blocks = isSet ? this.#write.blocks | bit : this.#write.blocks & ~bit;
  }

  #noteDiskUsed(ratio: number): void {
    this.#diskUsedRatio = ratio;
    // Whole percents, rounded up, as Apache counts.
    const isFull = Math.ceil(ratio * 100) > this.config.diskSpaceWarningLevelRatio;
    const wasFull = (this.#write.blocks & Block.DISK_FULL) !== 0;
    if (isFull !== wasFull) {
      const percent = Math.ceil(ratio * 100);
      const level = this.config.diskSpaceWarningLevelRatio;
      if (isFull) {
        this.#parts.logger.error(`the disk is ${percent} % full, sends are refused above ${level} %`);
      } else {
        this.#parts.logger.info(`the disk is ${percent} % full again, sends are taken`);
      }
      this.#setBlock(Block.DISK_FULL, isFull);
    }
  }

  #prepareNextFile(): void {
    try {
      this.#log.prepareNextFile();
    } catch (error) {
      this.#parts.logger.warn(`the next commit log file cannot be made yet (${diskErrorCode(error)})`);
    }
  }

  /** Whether a put would be taken: not shut down, no write error, disk not full. */
  get isWriteable(): boolean {
    return this.#write.blocks === 0;
  }

  get isDiskFull(): boolean {
    return (this.#write.blocks & Block.DISK_FULL) !== 0;
  }

  /** Everything below is on the device. */
  get flushedWhere(): number {
    return this.#write.flusher.flushedWhere;
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

  /** The stored record at a commit log offset; null when none is there that may be read. */
  lookMessageByOffset(commitLogOffset: number): Buffer | null {
    return commitLogOffset < this.#write.confirmOffset ? this.#reader.record(commitLogOffset) : null;
  }

  /** Whether reads of this offset get the larger limits (within accessMessageInMemoryMaxRatio of the memory from the end). */
  isInMemory(commitLogOffset: number): boolean {
    return this.#messages.isInMemory(commitLogOffset);
  }

  /** Messages by a word of KEYS or by UNIQ_KEY, stored between two times (ms). */
  queryByKey(topic: string, key: string, maxNum: number, beginMs: bigint | number, endMs: bigint | number): QueryMessageResult {
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
    const offsets = index.query(indexKeyHash(prefix, key), limit, Number(beginMs), Number(endMs), (offset) => {
      const bytes = this.lookMessageByOffset(offset);
      if (bytes === null) {
        return false;
      }
      const record = decodeRecord(bytes, 0);
      return record.topic === topic && hasKey(record.properties, key);
    });
    result.commitLogOffsets = offsets.sort((a, b) => a - b);
    result.records = result.commitLogOffsets.map((offset) => this.lookMessageByOffset(offset)!);
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
    return this.#diskUsedRatio;
  }

  /** Bytes of the commit log that are not dispatched yet. */
  dispatchBehindBytes(): number {
    return this.#log.writtenWhere - this.#write.dispatchedTo;
  }

  /** Takes new values of keys that may change while running. */
  updateConfig(changes: Partial<StoreConfig>): void {
    Object.assign(this.config, changes);
    this.#maintenance.checkDisk();
  }

  /** Flushes everything, writes the checkpoint, removes `abort`, gives the folder free. */
  shutdown(): Promise<void> {
    this.#shutdown ??= this.#close();
    return this.#shutdown;
  }

  async #close(): Promise<void> {
    const { fds, lock, timers, logger, disk, config } = this.#parts;
    this.flushTurn();
    this.#setBlock(Block.SHUTDOWN, true);
    if (this.#timer !== null) {
      timers.clearInterval(this.#timer);
    }
    const isFlushed = await this.#flushForClose();
    const isClean = isFlushed && this.dispatchBehindBytes() === 0 && (await this.#maintenance.close());
    if (isClean) {
      try {
        this.#log.removeUnusedFiles();
        removeAbort(disk, config.storePathRootDir);
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
    const before = flusher.failures;
    await flusher.idle();
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

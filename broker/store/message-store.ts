import type { Clock, Timers } from '../../src/common/clock.js';
import type { Logger } from '../../src/common/logger.js';
import type {
  ArrivalListener,
  BoundaryType,
  Disk,
  GetMessageOptions,
  GetMessageResult,
  PutMessage,
  PutSink,
  QueryMessageResult,
  StoreConfig,
  StoreCounters,
} from './types.js';

/** What `MessageStore.open` needs. */
export interface MessageStoreOptions {
  config: StoreConfig;
  logger: Logger;
  disk?: Disk;
  clock?: Clock;
  timers?: Timers;
  /** Cut damage although the store was flushed past it (what follows it is copied to `<root>/recovered` first). */
  acceptDamage?: boolean;
}

const later = (): never => {
  throw new Error('not built yet');
};

/** The store: commit log, consume queues, index, flush and recovery. */
export class MessageStore {
  readonly config: StoreConfig;
  readonly counters!: StoreCounters;

  private constructor(options: MessageStoreOptions) {
    this.config = options.config;
  }

  /** Locks the folder, loads and recovers. Throws `StoreError` or `ConfigError`. */
  static open(options: MessageStoreOptions): Promise<MessageStore> {
    return Promise.resolve(new MessageStore(options));
  }

  /** Whether a put would be taken: not shut down, no write error, disk not full. */
  get isWriteable(): boolean {
    return later();
  }

  /** Everything below is on the device. */
  get flushedWhere(): number {
    return later();
  }

  put(_message: PutMessage, _sink: PutSink): void {
    later();
  }

  flushTurn(): void {
    later();
  }

  getMessage(_topic: string, _queueId: number, _offset: number, _maxMsgNums: number, _options?: GetMessageOptions): GetMessageResult {
    return later();
  }

  maxOffset(_topic: string, _queueId: number): number {
    return later();
  }

  minOffset(_topic: string, _queueId: number): number {
    return later();
  }

  offsetByTime(_topic: string, _queueId: number, _timestampMs: number | bigint, _boundary: BoundaryType = 'LOWER'): number {
    return later();
  }

  /** −1 when the queue is empty or unknown. */
  earliestMessageTime(_topic: string, _queueId: number): number {
    return later();
  }

  /** −1 when there is no such message. */
  storeTimestampAt(_topic: string, _queueId: number, _offset: number): number {
    return later();
  }

  lookMessageByOffset(_commitLogOffset: number): Buffer | null {
    return later();
  }

  isInMemory(_commitLogOffset: number): boolean {
    return later();
  }

  queryByKey(_topic: string, _key: string, _maxNum: number, _beginMs: bigint | number, _endMs: bigint | number): QueryMessageResult {
    return later();
  }

  addArrivalListener(_listener: ArrivalListener): void {
    later();
  }

  topics(): string[] {
    return later();
  }

  topicQueueIds(_topic: string): number[] {
    return later();
  }

  deleteTopic(_topic: string): void {
    later();
  }

  commitLogMinOffset(): number {
    return later();
  }

  commitLogMaxOffset(): number {
    return later();
  }

  /** Used part of the file system, 0..1; −1 when it cannot be read. */
  diskUsedRatio(): number {
    return later();
  }

  /** Bytes of the commit log that are not dispatched yet. */
  dispatchBehindBytes(): number {
    return later();
  }

  updateConfig(_changes: Partial<StoreConfig>): void {
    later();
  }

  /** Flushes everything, writes the checkpoint, removes `abort`. */
  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

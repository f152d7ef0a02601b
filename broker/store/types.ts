import type { HostAddress } from '../../src/common/host.js';
import type { IncomingBatch } from './incoming-batch.js';

/** What a file or a folder is, as far as the store asks. */
export interface DiskStat {
  size: number;
  isDirectory: boolean;
  /** Last modification, ms since 1970. */
  mtimeMs: number;
  /** Bytes that the file really occupies; less than `size` when it is sparse. */
  allocatedBytes: number;
}

/** Space of the file system that holds a path. */
export interface DiskSpace {
  totalBytes: number;
  /** Bytes that an ordinary user may still write. */
  availableBytes: number;
  usedBytes: number;
  /**
   * `allocatedBytes` of a file is never less than what was written into it: the file system does not compress, and counts at once. Absent when
   * that is not known.
   */
  isAllocationExact?: boolean;
}

/**
 * The small file interface that the store uses, so that a test can tear writes, fill the disk and lose power.
 * Calls are synchronous but for the flushes: a positioned write into the page cache costs less than a trip through the thread pool.
 */
export interface Disk {
  /** Opens for reading and writing; with `create` makes the file when it is missing. Throws ENOENT otherwise. */
  openSync(path: string, options?: { create?: boolean }): number;
  closeSync(fd: number): void;
  /** Bytes read; fewer than `length` only at the end of the file. */
  readSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  /** Bytes written; may be fewer than `length`. */
  writeSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  ftruncateSync(fd: number, length: number): void;
  /** Calls back when the file's data and length are on the device. */
  fdatasync(fd: number, callback: (error: Error | null) => void): void;
  fdatasyncSync(fd: number): void;
  /** Puts the names of a directory on the device; does nothing where a platform cannot. */
  syncDirectory(path: string, callback: (error: Error | null) => void): void;
  syncDirectorySync(path: string): void;
  /** Null when there is nothing at the path. */
  statSync(path: string): DiskStat | null;
  /** Names in a directory, sorted; empty when it does not exist. */
  readdirSync(path: string): string[];
  mkdirSync(path: string): void;
  unlinkSync(path: string): void;
  /** Removes a file while the event loop goes on: a file system takes long to give a large one's blocks free. */
  unlink(path: string, callback: (error: Error | null) => void): void;
  renameSync(from: string, to: string): void;
  /** Removes a directory with all it holds; fine when it does not exist. */
  removeDirectorySync(path: string): void;
  statfsSync(path: string): DiskSpace;
}

/** Outcome of a put, with RocketMQ's names. */
export type PutStatus =
  | 'PUT_OK'
  | 'FLUSH_DISK_TIMEOUT'
  | 'FLUSH_SLAVE_TIMEOUT'
  | 'SLAVE_NOT_AVAILABLE'
  | 'SERVICE_NOT_AVAILABLE'
  | 'CREATE_MAPPED_FILE_FAILED'
  | 'MESSAGE_ILLEGAL'
  | 'PROPERTIES_SIZE_EXCEEDED'
  | 'OS_PAGE_CACHE_BUSY'
  | 'UNKNOWN_ERROR';

/** One message, or one classic batch, to append. The object may be reused after `onPut`. */
export interface PutMessage {
  topic: string;
  queueId: number;
  flag: number;
  /** Without the IPv6 bits: the store sets them from the hosts. */
  sysFlag: number;
  bornTimestamp: number;
  bornHost: HostAddress;
  storeHost: HostAddress;
  reconsumeTimes: number;
  preparedTransactionOffset: number;
  /** As it came from the client; copied by `put`, so a view of a receive buffer is fine. */
  body: Buffer;
  /** Encoded text, `name 0x01 value 0x02 …`. */
  properties: string;
  /** What the consume queue unit holds: the tag's hash, or the deliver time on SCHEDULE_TOPIC_XXXX. Not used for a batch. */
  tagsCode: bigint | number;
  /** False: acknowledged after the write, without waiting for the disk. */
  waitStoreMsgOK: boolean;
  /** The body is the wire form of a batch and becomes one record for each message in it. */
  batch?: boolean;
  /** With `batch`: the body as it was read already, valid during `put`. */
  layout?: IncomingBatch;
  /** Filled by the store: offset of the (first) message in its queue. */
  queueOffset: number;
  /** Filled by the store. */
  commitLogOffset: number;
  /** Filled by the store, ms. */
  storeTimestamp: number;
  /** Filled by the store for a batch: the commit log offset of each record. */
  batchOffsets?: number[];
  /** Free for the caller. */
  context: unknown;
}

/** Who hears how a put ended; called exactly once for each message. */
export interface PutSink {
  onPut(message: PutMessage, status: PutStatus): void;
}

export type GetMessageStatus =
  | 'FOUND'
  | 'NO_MATCHED_MESSAGE'
  | 'MESSAGE_WAS_REMOVING'
  | 'OFFSET_FOUND_NULL'
  | 'OFFSET_OVERFLOW_BADLY'
  | 'OFFSET_OVERFLOW_ONE'
  | 'OFFSET_TOO_SMALL'
  | 'NO_MATCHED_LOGIC_QUEUE'
  | 'NO_MESSAGE_IN_QUEUE';

export interface GetMessageResult {
  status: GetMessageStatus;
  nextBeginOffset: number;
  minOffset: number;
  maxOffset: number;
  /** Records back to back; copies that stay valid. Empty unless FOUND. */
  buffers: Buffer[];
  messageCount: number;
  bytes: number;
  /** Whether the store counted the records as in memory (store.md 10): decides limits, nothing else. */
  fromMemory: boolean;
  /** Commit log offset just after the last record that was looked at; `logEnd − this` is how far the reader is behind. */
  maxPhyOffsetPulling: number;
}

/** Chooses messages during a read. */
export interface MessageFilter {
  /** Decides on the tags code alone; a false positive is allowed, a false negative is not. Absent when it says nothing. */
  isMatchedByConsumeQueue?(tagsCode: number | bigint): boolean;
  /**
   * Decides on the whole stored record, which is the `size` bytes at `position` during the call; absent when the tags code says it all. The
   * bytes may be damaged: what they say is checked only of records that are taken.
   */
  isMatchedByCommitLog?(buffer: Buffer, position: number, size: number): boolean;
}

export interface GetMessageOptions {
  /** Stop before more bytes than this (one message is always returned). */
  maxBytes?: number;
  filter?: MessageFilter | null;
  /** The caller copies the result at once: its buffers may hold other messages after the next call. Spares the collector 10 KiB a pull. */
  isTransient?: boolean;
}

/** Answer of a key lookup; records are sorted by offset and compared by topic and key. */
export interface QueryMessageResult {
  indexLastUpdateTimestamp: number;
  indexLastUpdatePhyoffset: number;
  commitLogOffsets: number[];
  records: Buffer[];
}

/** Told about each message once it may be read. Must be cheap: it runs in the dispatch loop. */
export type ArrivalListener = (
  topic: string,
  queueId: number,
  maxOffsetAfter: number,
  tagsCode: number | bigint,
  storeTimestamp: number,
  /** The record is an inner batch without a tag of its own: its messages may have any. */
  isUntaggedBatch: boolean,
) => void;

/** Which of a run of equal or missing store times an offset-by-time lookup means. */
export type BoundaryType = 'LOWER' | 'UPPER';

/** Counters since the store was opened. */
export interface StoreCounters {
  /** Messages appended (a batch counts each). */
  puts: number;
  putBytes: number;
  putsRefused: number;
  /** `flushTurn` calls that wrote, and bytes they wrote. */
  turns: number;
  gets: number;
  getsFound: number;
  getsMissed: number;
  messagesRead: number;
  bytesRead: number;
  /** Reads that left a damaged message out. */
  recordsDamaged: number;
  flushes: number;
  flushFailures: number;
  dispatched: number;
  /** Longest put, ms, from `put` to the end of its write. */
  putLatencyMsMax: number;
  /** Puts by latency bucket, see `PUT_LATENCY_BUCKETS`. */
  putLatencyBuckets: number[];
}

/** The keys of MessageStoreConfig that the store reads, spelled as in the .properties files. */
export interface StoreConfig {
  storePathRootDir: string;
  /** Empty: `<root>/commitlog`. */
  storePathCommitLog: string;
  mappedFileSizeCommitLog: number;
  mappedFileSizeConsumeQueue: number;
  mappedFileSizeConsumeQueueExt: number;
  mapperFileSizeBatchConsumeQueue: number;
  enableConsumeQueueExt: boolean;
  flushDiskType: string;
  flushIntervalCommitLog: number;
  flushCommitLogTimed: boolean;
  wakeFlushWhenPutMessage: boolean;
  flushCommitLogLeastPages: number;
  flushCommitLogThoroughInterval: number;
  warmMapedFileEnable: boolean;
  flushIntervalConsumeQueue: number;
  flushConsumeQueueThoroughInterval: number;
  syncFlushTimeout: number;
  osPageCacheBusyTimeOutMills: number;
  maxMessageSize: number;
  checkCRCOnRecover: boolean;
  enabledAppendPropCRC: boolean;
  forceVerifyPropCRC: boolean;
  maxTransferBytesOnMessageInMemory: number;
  maxTransferCountOnMessageInMemory: number;
  maxTransferBytesOnMessageInDisk: number;
  maxTransferCountOnMessageInDisk: number;
  accessMessageInMemoryMaxRatio: number;
  maxFilterMessageSize: number;
  messageIndexEnable: boolean;
  messageIndexSafe: boolean;
  maxHashSlotNum: number;
  maxIndexNum: number;
  maxMsgsNumBatch: number;
  messageDelayLevel: string;
  diskSpaceWarningLevelRatio: number;
  diskSpaceCleanForciblyRatio: number;
  diskMaxUsedSpaceRatio: number;
  cleanFileForciblyEnable: boolean;
  deleteWhen: string;
  /** Hours. */
  fileReservedTime: number;
  deleteFileBatchMax: number;
  cleanResourceInterval: number;
  deleteCommitLogFilesInterval: number;
  deleteConsumeQueueFilesInterval: number;
  redeleteHangedFileInterval: number;
}

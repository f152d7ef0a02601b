import { totalmem } from 'node:os';
import { type ConsumeQueue, CQ_UNIT_BYTES, isFiller, type UnitRun, unitOffset, unitSize, unitTagsCode } from './consume-queue.js';
import type { ConsumeQueueExt } from './consume-queue-ext.js';
import { MAX_PULL_MESSAGE_BYTES } from './limits.js';
import type { LogReader } from './log-reader.js';
import type { TopicTable } from './topic-table.js';
import type {
  BoundaryType,
  GetMessageOptions,
  GetMessageResult,
  GetMessageStatus,
  MessageFilter,
  StoreConfig,
  StoreCounters,
} from './types.js';

const SLAB_BYTES = 256 * 1024;
/** Results up to this size are cut from a slab; larger ones get a buffer of their own. */
const SLAB_RESULT_BYTES = 64 * 1024;
const MIN_SCANNED_CQ_BYTES = 16_000;

/** The commit log as a reader sees it. */
export interface ReadableLog {
  readonly minOffset: number;
  /** End of what may be read: written, and under SYNC_FLUSH flushed. */
  readonly confirmOffset: number;
}

/** State of one read; the object is used for all of them. */
interface Selection {
  queue: ConsumeQueue | null;
  filter: MessageFilter | null;
  maxMsgNums: number;
  maxBytes: number;
  status: GetMessageStatus;
  fromMemory: boolean;
  /** Next queue offset to look at. */
  next: number;
  count: number;
  bytes: number;
  maxPhy: number;
}

/** Reads of messages through a consume queue. */
export class MessageReader {
  readonly #config: StoreConfig;
  readonly #topics: TopicTable;
  readonly #log: ReadableLog;
  readonly #reader: LogReader;
  readonly #ext: ConsumeQueueExt;
  readonly #counters: StoreCounters;
  readonly #run: UnitRun = { view: new DataView(new ArrayBuffer(0)), position: 0, count: 0 };
  readonly #memoryBytes = totalmem();
  readonly #selection: Selection = {
    queue: null,
    filter: null,
    maxMsgNums: 0,
    maxBytes: 0,
    status: 'NO_MATCHED_MESSAGE',
    fromMemory: false,
    next: 0,
    count: 0,
    bytes: 0,
    maxPhy: 0,
  };
  #slab = Buffer.allocUnsafeSlow(0);
  #slabUsed = 0;
  /** Where transient results lie. */
  readonly #scratch = Buffer.allocUnsafeSlow(SLAB_RESULT_BYTES);
  // Offsets and sizes of the records one read chose; grown when needed, never shrunk.
  #offsets: number[] = [];
  #sizes: number[] = [];

  constructor(options: {
    config: StoreConfig;
    topics: TopicTable;
    log: ReadableLog;
    reader: LogReader;
    ext: ConsumeQueueExt;
    counters: StoreCounters;
  }) {
    this.#config = options.config;
    this.#topics = options.topics;
    this.#log = options.log;
    this.#reader = options.reader;
    this.#ext = options.ext;
    this.#counters = options.counters;
  }

  isInMemory(commitLogOffset: number): boolean {
    return this.#log.confirmOffset - commitLogOffset <= (this.#memoryBytes * this.#config.accessMessageInMemoryMaxRatio) / 100;
  }

  get(topic: string, queueId: number, offset: number, maxMsgNums: number, options: GetMessageOptions): GetMessageResult {
    this.#counters.gets++;
    const queue = this.#topics.find(topic, queueId);
    if (queue === undefined) {
      return this.#miss('NO_MATCHED_LOGIC_QUEUE', 0, 0, 0);
    }
    const min = queue.minOffset;
    const max = queue.maxOffset;
    if (max === 0) {
      return this.#miss('NO_MESSAGE_IN_QUEUE', 0, min, max);
    }
    if (offset < min) {
      return this.#miss('OFFSET_TOO_SMALL', min, min, max);
    }
    if (offset === max) {
      return this.#miss('OFFSET_OVERFLOW_ONE', offset, min, max);
    }
    if (offset > max) {
      return this.#miss('OFFSET_OVERFLOW_BADLY', max, min, max);
    }
    return this.#scan(queue, offset, Math.max(1, maxMsgNums), options);
  }

  #miss(
    status: GetMessageStatus,
    nextBeginOffset: number,
    minOffset: number,
    maxOffset: number,
    maxPhyOffsetPulling = 0,
  ): GetMessageResult {
    this.#counters.getsMissed++;
    return {
      status,
      nextBeginOffset,
      minOffset,
      maxOffset,
      buffers: [],
      messageCount: 0,
      bytes: 0,
      fromMemory: false,
      maxPhyOffsetPulling,
    };
  }

  #scan(queue: ConsumeQueue, offset: number, maxMsgNums: number, options: GetMessageOptions): GetMessageResult {
    const scan = this.#selection;
    const scanBytes = Math.max(this.#config.maxFilterMessageSize, MIN_SCANNED_CQ_BYTES, maxMsgNums * CQ_UNIT_BYTES);
    scan.queue = queue;
    scan.filter = options.filter ?? null;
    scan.maxMsgNums = maxMsgNums;
    scan.maxBytes = Math.min(options.maxBytes ?? MAX_PULL_MESSAGE_BYTES, MAX_PULL_MESSAGE_BYTES);
    scan.status = 'NO_MATCHED_MESSAGE';
    scan.fromMemory = false;
    scan.next = offset;
    scan.count = 0;
    scan.bytes = 0;
    scan.maxPhy = 0;
    const matched: Buffer[] = [];
    const scanEnd = Math.min(offset + Math.ceil(scanBytes / CQ_UNIT_BYTES), queue.maxOffset);
    while (scan.next < scanEnd) {
      if (!queue.units(scan.next, scanEnd - scan.next, this.#run)) {
        // The queue's file is missing: go on where the next one starts.
        scan.status = 'OFFSET_FOUND_NULL';
        scan.next = scan.count === 0 ? nextFileOffset(queue, scan.next) : scan.next;
        break;
      }
      this.#topics.notePage(queue);
      if (!this.#scanRun(scan, matched)) {
        break;
      }
    }
    if (scan.count === 0) {
      return this.#miss(scan.status, scan.next, queue.minOffset, queue.maxOffset, scan.maxPhy);
    }
    const buffers = matched.length > 0 ? matched : this.#collect(scan.count, scan.bytes, options.isTransient === true);
    if (buffers === null) {
      return this.#miss('MESSAGE_WAS_REMOVING', Math.max(queue.minOffset, offset + 1), queue.minOffset, queue.maxOffset);
    }
    this.#counters.getsFound++;
    this.#counters.messagesRead += scan.count;
    this.#counters.bytesRead += scan.bytes;
    return {
      status: 'FOUND',
      nextBeginOffset: scan.next,
      minOffset: queue.minOffset,
      maxOffset: queue.maxOffset,
      buffers,
      messageCount: scan.count,
      bytes: scan.bytes,
      fromMemory: scan.fromMemory,
      maxPhyOffsetPulling: scan.maxPhy,
    };
  }

  /** Chooses among the units of `#run`; false when the result is full. */
  #scanRun(scan: Selection, matched: Buffer[]): boolean {
    const { view, position, count } = this.#run;
    const minOffset = this.#log.minOffset;
    for (let at = position; at < position + count * CQ_UNIT_BYTES; at += CQ_UNIT_BYTES) {
      const phyOffset = unitOffset(view, at);
      const size = unitSize(view, at);
      if (phyOffset < minOffset || isFiller(view, at)) {
        scan.status = isFiller(view, at) ? scan.status : 'MESSAGE_WAS_REMOVING';
        scan.next++;
        continue;
      }
      scan.fromMemory = this.isInMemory(phyOffset);
      if (isFull(this.#config, scan, size)) {
        return false;
      }
      scan.next++;
      scan.maxPhy = phyOffset + size;
      const filter = scan.filter;
      if (filter !== null && !filter.isMatchedByConsumeQueue(this.#tagsCode(scan.queue!, view, at))) {
        continue;
      }
      if (filter?.isMatchedByCommitLog !== undefined) {
        const record = this.#matchedRecord(filter, phyOffset, size);
        if (record === null) {
          continue;
        }
        matched.push(record);
      }
      this.#offsets[scan.count] = phyOffset;
      this.#sizes[scan.count] = size;
      scan.count++;
      scan.bytes += size;
    }
    return true;
  }

  #tagsCode(queue: ConsumeQueue, view: DataView, at: number): number | bigint {
    const tagsCode = unitTagsCode(view, at);
    return typeof tagsCode === 'bigint' ? this.#ext.tagsCode(queue.topic, queue.queueId, tagsCode) : tagsCode;
  }

  #matchedRecord(filter: MessageFilter, phyOffset: number, size: number): Buffer | null {
    const record = Buffer.allocUnsafe(size);
    return this.#reader.copy(phyOffset, size, record, 0) && filter.isMatchedByCommitLog!(record) ? record : null;
  }

  /** Copies the chosen records into one buffer: a few large copies when they lie back to back. */
  #collect(count: number, bytes: number, isTransient: boolean): Buffer[] | null {
    const target = isTransient && bytes <= SLAB_RESULT_BYTES ? this.#scratch.subarray(0, bytes) : this.#allocate(bytes);
    const offsets = this.#offsets;
    const sizes = this.#sizes;
    let position = 0;
    for (let i = 0; i < count; i++) {
      const size = sizes[i]!;
      if (!this.#reader.copy(offsets[i]!, size, target, position)) {
        return null;
      }
      position += size;
    }
    return [target];
  }

  #allocate(bytes: number): Buffer {
    if (bytes > SLAB_RESULT_BYTES) {
      return Buffer.allocUnsafeSlow(bytes);
    }
    if (this.#slabUsed + bytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#slabUsed = 0;
    }
    const result = this.#slab.subarray(this.#slabUsed, this.#slabUsed + bytes);
    this.#slabUsed += bytes;
    return result;
  }

  /** Commit log offset of a queue's message; −1 when it has none there. */
  commitLogOffsetAt(queue: ConsumeQueue, offset: number): number {
    const isThere = offset >= queue.minOffset && offset < queue.maxOffset && queue.units(offset, 1, this.#run);
    return isThere && !isFiller(this.#run.view, this.#run.position) ? unitOffset(this.#run.view, this.#run.position) : -1;
  }

  /** Store time of a queue's message; −1 when there is none. */
  storeTimestampAt(queue: ConsumeQueue, offset: number): number {
    const phyOffset = this.commitLogOffsetAt(queue, offset);
    return phyOffset < 0 ? -1 : this.#reader.storeTimestamp(phyOffset);
  }

  /**
   * Queue offset by store time. LOWER: the first message stored at or after the time (the end when all are older). UPPER: the last one
   * stored at or before it (the first when all are younger).
   */
  offsetByTime(queue: ConsumeQueue, timestampMs: number | bigint, boundary: BoundaryType): number {
    let low = queue.minOffset;
    let high = queue.maxOffset;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const time = this.storeTimestampAt(queue, middle);
      if (boundary === 'LOWER' ? time < timestampMs : time <= timestampMs) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return boundary === 'LOWER' ? low : Math.max(low - 1, queue.minOffset);
  }
}

/** Whether a message of `size` bytes is one too many. The first one never is. */
function isFull(config: StoreConfig, scan: Selection, size: number): boolean {
  if (scan.count === 0) {
    return false;
  }
  const transferBytes = scan.fromMemory ? config.maxTransferBytesOnMessageInMemory : config.maxTransferBytesOnMessageInDisk;
  const transferCount = scan.fromMemory ? config.maxTransferCountOnMessageInMemory : config.maxTransferCountOnMessageInDisk;
  const bytes = scan.bytes + size;
  return scan.count >= scan.maxMsgNums || scan.count >= transferCount || bytes > scan.maxBytes || bytes > transferBytes;
}

function nextFileOffset(queue: ConsumeQueue, offset: number): number {
  const next = queue.files.starts.find((start) => start / CQ_UNIT_BYTES > offset);
  return next === undefined ? queue.maxOffset : next / CQ_UNIT_BYTES;
}

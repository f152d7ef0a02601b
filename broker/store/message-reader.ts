import { totalmem } from 'node:os';
import { stringHashCode } from '../../src/common/java.js';
import { getProperty, MessageConst } from '../../src/common/message/properties.js';
import { decodeRecord } from '../../src/common/message/record.js';
import { type BatchConsumeQueue, unitBaseOffset, unitMessageCount, unitStoreTimestamp } from './batch-consume-queue.js';
import { type ConsumeQueue, CQ_UNIT_BYTES } from './consume-queue.js';
import type { ConsumeQueueExt } from './consume-queue-ext.js';
import { MAX_PULL_MESSAGE_BYTES } from './limits.js';
import type { LogReader } from './log-reader.js';
import type { RecordGuard } from './record-guard.js';
import type { AnyQueue, TopicTable } from './topic-table.js';
import type {
  BoundaryType,
  GetMessageOptions,
  GetMessageResult,
  GetMessageStatus,
  MessageFilter,
  StoreConfig,
  StoreCounters,
} from './types.js';
import { isFiller, newUnitRun, type UnitQueue, type UnitRun, unitOffset, unitSize, unitTagsCode } from './unit-queue.js';

const SLAB_BYTES = 256 * 1024;
/** Results up to this size are cut from a slab; larger ones get a buffer of their own. */
const SLAB_RESULT_BYTES = 64 * 1024;
const MIN_SCANNED_CQ_BYTES = 16_000;
/** Records that a filter will look at are read together where no more than this lies between them: reading that costs no more than a read. */
const MAX_RUN_GAP_BYTES = 4096;
const MAX_RUN_BYTES = 256 * 1024;

/** The commit log as a reader sees it. */
export interface ReadableLog {
  readonly minOffset: number;
  /** End of what may be read: written, and under SYNC_FLUSH flushed. */
  readonly confirmOffset: number;
}

/** State of one read; the object is used for all of them. */
interface Selection {
  queue: AnyQueue | null;
  filter: MessageFilter | null;
  maxMsgNums: number;
  maxBytes: number;
  status: GetMessageStatus;
  fromMemory: boolean;
  /** Next queue offset to look at. */
  next: number;
  /** Records chosen, and the messages in them. */
  count: number;
  messages: number;
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
  readonly #guard: RecordGuard;
  readonly #run: UnitRun = newUnitRun();
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
    messages: 0,
    bytes: 0,
    maxPhy: 0,
  };
  #slab = Buffer.allocUnsafeSlow(0);
  #slabUsed = 0;
  /** Where transient results lie. */
  readonly #scratch = Buffer.allocUnsafeSlow(SLAB_RESULT_BYTES);
  /** Records of this read that a filter matched, one behind the other: the scratch buffer, or a larger one of their own. */
  #matched = this.#scratch;
  // Offsets and sizes of the records one read chose; grown when needed, never shrunk.
  #offsets: number[] = [];
  #sizes: number[] = [];
  /** Messages in each of them. */
  #messages: number[] = [];

  constructor(options: {
    config: StoreConfig;
    topics: TopicTable;
    log: ReadableLog;
    reader: LogReader;
    ext: ConsumeQueueExt;
    counters: StoreCounters;
    guard: RecordGuard;
  }) {
    this.#config = options.config;
    this.#topics = options.topics;
    this.#log = options.log;
    this.#reader = options.reader;
    this.#ext = options.ext;
    this.#counters = options.counters;
    this.#guard = options.guard;
  }

  isInMemory(commitLogOffset: number): boolean {
    return commitLogOffset >= this.#memoryStart();
  }

  /** Where the records begin that are taken to be in memory. */
  #memoryStart(): number {
    return this.#log.confirmOffset - (this.#memoryBytes * this.#config.accessMessageInMemoryMaxRatio) / 100;
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

  #scan(queue: AnyQueue, offset: number, maxMsgNums: number, options: GetMessageOptions): GetMessageResult {
    const scan = this.#selection;
    scan.queue = queue;
    scan.filter = options.filter ?? null;
    scan.maxMsgNums = maxMsgNums;
    scan.maxBytes = Math.min(options.maxBytes ?? MAX_PULL_MESSAGE_BYTES, MAX_PULL_MESSAGE_BYTES);
    scan.status = 'NO_MATCHED_MESSAGE';
    scan.fromMemory = false;
    scan.next = offset;
    scan.count = 0;
    scan.messages = 0;
    scan.bytes = 0;
    scan.maxPhy = 0;
    const scanBytes = Math.max(this.#config.maxFilterMessageSize, MIN_SCANNED_CQ_BYTES, maxMsgNums * queue.unitBytes);
    const scanUnits = Math.ceil(scanBytes / queue.unitBytes);
    if (queue.type === 'SimpleCQ') {
      this.#scanSimple(queue, Math.min(offset + scanUnits, queue.maxOffset));
    } else {
      this.#scanBatches(queue, offset, scanUnits);
    }
    if (scan.count === 0) {
      return this.#miss(scan.status, scan.next, queue.minOffset, queue.maxOffset, scan.maxPhy);
    }
    const isTransient = options.isTransient === true;
    const buffers =
      scan.filter?.isMatchedByCommitLog === undefined ? this.#collect(scan, isTransient) : [this.#takeMatched(scan.bytes, isTransient)];
    if (scan.count === 0) {
      return this.#miss('MESSAGE_WAS_REMOVING', Math.max(queue.minOffset, scan.next), queue.minOffset, queue.maxOffset);
    }
    this.#counters.getsFound++;
    this.#counters.messagesRead += scan.messages;
    this.#counters.bytesRead += scan.bytes;
    return {
      status: 'FOUND',
      nextBeginOffset: scan.next,
      minOffset: queue.minOffset,
      maxOffset: queue.maxOffset,
      buffers,
      messageCount: scan.messages,
      bytes: scan.bytes,
      fromMemory: scan.fromMemory,
      maxPhyOffsetPulling: scan.maxPhy,
    };
  }

  #scanSimple(queue: ConsumeQueue, scanEnd: number): void {
    const scan = this.#selection;
    while (scan.next < scanEnd) {
      if (!queue.units(scan.next, scanEnd - scan.next, this.#run)) {
        // The queue's file is missing: go on where the next one starts.
        scan.status = 'OFFSET_FOUND_NULL';
        scan.next = scan.count === 0 ? nextFileOffset(queue, scan.next) : scan.next;
        return;
      }
      if (!this.#scanRun(scan)) {
        return;
      }
    }
  }

  /** Whole records of a batch queue: the first one holds `offset`, perhaps behind other messages. */
  #scanBatches(queue: BatchConsumeQueue, offset: number, wanted: number): void {
    const scan = this.#selection;
    const first = queue.unitAt(offset);
    const end = Math.min(first + wanted, queue.endUnit);
    for (let unit = first; unit < end; unit++) {
      if (!queue.units(unit, 1, this.#run)) {
        scan.status = 'OFFSET_FOUND_NULL';
        scan.next = scan.count === 0 ? nextFileOffset(queue, unit) : scan.next;
        return;
      }
      const { view, position } = this.#run;
      const phyOffset = unitOffset(view, position);
      const messages = unitMessageCount(view, position);
      const next = unitBaseOffset(view, position) + messages;
      if (phyOffset < this.#log.minOffset) {
        scan.status = 'MESSAGE_WAS_REMOVING';
        scan.next = next;
        continue;
      }
      const size = unitSize(view, position);
      if (size <= 0 || messages <= 0 || phyOffset + size > this.#log.confirmOffset) {
        this.#guard.note(phyOffset, `unit ${unit} of batch queue ${queue.queueId} of ${queue.topic} says ${size} bytes`);
        scan.next = Math.max(next, scan.next + 1);
        continue;
      }
      scan.fromMemory = this.isInMemory(phyOffset);
      if (isFull(this.#config, scan, size, messages)) {
        return;
      }
      scan.next = next;
      scan.maxPhy = phyOffset + size;
      const tagsCode = unitTagsCode(view, position);
      // The messages of a batch without a tag of its own have tags that only the consumer sees.
      const isUntagged = messages > 1 && tagsCode === 0;
      if (isUntagged || scan.filter?.isMatchedByConsumeQueue?.(tagsCode) !== false) {
        this.#chooseBatch(scan, { phyOffset, size, messages });
      }
    }
  }

  #chooseBatch(scan: Selection, record: { phyOffset: number; size: number; messages: number }): void {
    if (
      scan.filter?.isMatchedByCommitLog !== undefined &&
      !this.#match(scan, record.phyOffset, record.size, record.phyOffset + record.size)
    ) {
      return;
    }
    this.#offsets[scan.count] = record.phyOffset;
    this.#sizes[scan.count] = record.size;
    this.#messages[scan.count] = record.messages;
    scan.count++;
    scan.messages += record.messages;
    scan.bytes += record.size;
  }

  /** Chooses among the units of `#run`; false when the result is full. */
  #scanRun(scan: Selection): boolean {
    const { view, position, count } = this.#run;
    const { minOffset, confirmOffset } = this.#log;
    const memoryStart = this.#memoryStart();
    const end = position + count * CQ_UNIT_BYTES;
    let wantedEnd = 0;
    for (let at = position; at < end; at += CQ_UNIT_BYTES) {
      const phyOffset = unitOffset(view, at);
      const size = unitSize(view, at);
      if (phyOffset < minOffset || isFiller(view, at)) {
        scan.status = isFiller(view, at) ? scan.status : 'MESSAGE_WAS_REMOVING';
        scan.next++;
        continue;
      }
      if (size <= 0 || phyOffset + size > confirmOffset) {
        this.#guard.note(phyOffset, `unit ${scan.next} of queue ${scan.queue!.queueId} of ${scan.queue!.topic} says ${size} bytes`);
        scan.next++;
        continue;
      }
      scan.fromMemory = phyOffset >= memoryStart;
      if (isFull(this.#config, scan, size, 1)) {
        return false;
      }
      scan.next++;
      scan.maxPhy = phyOffset + size;
      const filter = scan.filter;
      if (filter?.isMatchedByConsumeQueue !== undefined && !filter.isMatchedByConsumeQueue(this.#tagsCode(scan.queue!, view, at))) {
        continue;
      }
      if (filter?.isMatchedByCommitLog !== undefined) {
        if (phyOffset + size > wantedEnd) {
          wantedEnd = endOfRun(view, at, end);
        }
        if (!this.#match(scan, phyOffset, size, wantedEnd)) {
          continue;
        }
      }
      this.#offsets[scan.count] = phyOffset;
      this.#sizes[scan.count] = size;
      this.#messages[scan.count] = 1;
      scan.count++;
      scan.messages++;
      scan.bytes += size;
    }
    return true;
  }

  #tagsCode(queue: UnitQueue, view: DataView, at: number): number | bigint {
    const tagsCode = unitTagsCode(view, at);
    if (typeof tagsCode === 'number') {
      return tagsCode;
    }
    // The extension may be gone, or of a broker that died before it was written: the record knows its tag.
    return this.#ext.tagsCode(queue.topic, queue.queueId, tagsCode) ?? this.#storedTagsCode(unitOffset(view, at));
  }

  #storedTagsCode(phyOffset: number): number {
    const record = this.#reader.record(phyOffset);
    const tags = record === null ? undefined : getProperty(decodeRecord(record, 0).properties, MessageConst.TAGS);
    return tags === undefined ? 0 : stringHashCode(tags);
  }

  /** Whether a filter matches a record; it is copied behind those that it matched before. */
  #match(scan: Selection, phyOffset: number, size: number, wantedEnd: number): boolean {
    const place = this.#reader.locate(phyOffset, size, wantedEnd);
    if (place === null || !scan.filter!.isMatchedByCommitLog!(place.buffer, place.position, size)) {
      return false;
    }
    const bytes = scan.bytes + size;
    if (bytes > this.#matched.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#matched.length));
      this.#matched.copy(larger, 0, 0, scan.bytes);
      this.#matched = larger;
    }
    return this.#reader.copyLocated(phyOffset, size, this.#matched, scan.bytes);
  }

  #takeMatched(bytes: number, isTransient: boolean): Buffer {
    const matched = this.#matched.subarray(0, bytes);
    if (this.#matched !== this.#scratch) {
      this.#matched = this.#scratch;
      return matched;
    }
    if (isTransient) {
      return matched;
    }
    const result = this.#allocate(bytes);
    matched.copy(result);
    return result;
  }

  /** Copies the chosen records into one buffer. Those that are gone or damaged are left out of it, and of the selection. */
  #collect(scan: Selection, isTransient: boolean): Buffer[] {
    const { count, bytes } = scan;
    const target = isTransient && bytes <= SLAB_RESULT_BYTES ? this.#scratch.subarray(0, bytes) : this.#allocate(bytes);
    const offsets = this.#offsets;
    const sizes = this.#sizes;
    let position = 0;
    for (let i = 0; i < count; i++) {
      const size = sizes[i]!;
      if (this.#reader.copyRecord(offsets[i]!, size, target, position)) {
        position += size;
      } else {
        scan.count--;
        scan.bytes -= size;
        scan.messages -= this.#messages[i]!;
      }
    }
    return [position === bytes ? target : target.subarray(0, position)];
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

  /** Puts the unit of a queue's message into `#run`; false when the queue has none there. */
  #findUnit(queue: AnyQueue, offset: number): boolean {
    if (offset < queue.minOffset || offset >= queue.maxOffset) {
      return false;
    }
    const run = this.#run;
    if (queue.type === 'SimpleCQ') {
      return queue.unit(offset, run) && !isFiller(run.view, run.position);
    }
    return queue.unit(queue.unitAt(offset), run) && unitBaseOffset(run.view, run.position) <= offset;
  }

  /** Commit log offset of the record that holds a queue's message; −1 when the queue has none there. */
  commitLogOffsetAt(queue: AnyQueue, offset: number): number {
    return this.#findUnit(queue, offset) ? unitOffset(this.#run.view, this.#run.position) : -1;
  }

  /** Store time of a queue's message; −1 when there is none. */
  storeTimestampAt(queue: AnyQueue, offset: number): number {
    if (!this.#findUnit(queue, offset)) {
      return -1;
    }
    const { view, position } = this.#run;
    return queue.type === 'BatchCQ' ? unitStoreTimestamp(view, position) : this.#reader.storeTimestamp(unitOffset(view, position));
  }

  /**
   * Queue offset by store time. LOWER: the first message stored at or after the time (the end when all are older). UPPER: the last one
   * stored at or before it (the first when all are younger). In a batch queue the first message of such a record.
   */
  offsetByTime(queue: AnyQueue, timestampMs: number | bigint, boundary: BoundaryType): number {
    const isSimple = queue.type === 'SimpleCQ';
    const first = isSimple ? queue.minOffset : queue.unitAt(queue.minOffset);
    let low = first;
    let high = queue.endUnit;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const time = this.storeTimestampAt(queue, isSimple ? middle : queue.offsetOfUnit(middle));
      if (boundary === 'LOWER' ? time < timestampMs : time <= timestampMs) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const unit = boundary === 'LOWER' ? low : Math.max(low - 1, first);
    return unit < queue.endUnit ? Math.max(queue.offsetOfUnit(unit), queue.minOffset) : queue.maxOffset;
  }
}

/** Where the records end that follow the one of a unit so closely that they are best read with it. */
function endOfRun(view: DataView, firstAt: number, end: number): number {
  const start = unitOffset(view, firstAt);
  let runEnd = start + unitSize(view, firstAt);
  for (let at = firstAt + CQ_UNIT_BYTES; at < end && runEnd - start < MAX_RUN_BYTES; at += CQ_UNIT_BYTES) {
    const offset = unitOffset(view, at);
    const size = unitSize(view, at);
    if (offset < runEnd || offset - runEnd > MAX_RUN_GAP_BYTES || size <= 0) break;
    runEnd = offset + size;
  }
  return runEnd;
}

/** Whether a record of `size` bytes with so many messages is one too many. The first one never is. */
function isFull(config: StoreConfig, scan: Selection, size: number, messages: number): boolean {
  if (scan.count === 0) {
    return false;
  }
  const transferBytes = scan.fromMemory ? config.maxTransferBytesOnMessageInMemory : config.maxTransferBytesOnMessageInDisk;
  const transferCount = scan.fromMemory ? config.maxTransferCountOnMessageInMemory : config.maxTransferCountOnMessageInDisk;
  const bytes = scan.bytes + size;
  return scan.messages + messages > scan.maxMsgNums || scan.messages >= transferCount || bytes > scan.maxBytes || bytes > transferBytes;
}

/** Queue offset of the first unit of the file after the one that is missing at `unit`. */
function nextFileOffset(queue: AnyQueue, unit: number): number {
  const next = queue.files.starts.find((start) => start / queue.unitBytes > unit);
  return next === undefined ? queue.maxOffset : queue.offsetOfUnit(next / queue.unitBytes);
}

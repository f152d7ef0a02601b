import { join } from 'node:path';
import { stringHashCode } from '../../src/common/java.js';
import type { Logger } from '../../src/common/logger.js';
import { BATCH_CQ_UNIT_BYTES, BatchConsumeQueue } from './batch-consume-queue.js';
import { ConsumeQueue, CQ_UNIT_BYTES } from './consume-queue.js';
import type { FdCache } from './fd-cache.js';
import { FileSeries } from './file-series.js';
import { MAX_QUEUE_ID, QUEUE_PAGES } from './limits.js';
import { correctMinOffset } from './queue-bounds.js';
import type { Disk, StoreConfig } from './types.js';
import type { QueueType } from './unit-queue.js';

/** A consume queue of one of the two kinds; `type` tells which. */
export type AnyQueue = ConsumeQueue | BatchConsumeQueue;

/** Folder below the store's root for each kind. */
const FOLDERS: Readonly<Record<QueueType, string>> = { SimpleCQ: 'consumequeue', BatchCQ: 'batchconsumequeue' };
const SIZE_KEYS: Readonly<Record<QueueType, string>> = {
  SimpleCQ: 'mappedFileSizeConsumeQueue',
  BatchCQ: 'mapperFileSizeBatchConsumeQueue',
};

/** What the store keeps of a topic. */
export interface TopicEntry {
  readonly topic: string;
  /** Java hash of `topic#`, the start of every index key. */
  readonly keyHash: number;
  /** Bytes of the name. */
  readonly topicBytes: number;
  /** By queue id. */
  readonly queues: (AnyQueue | undefined)[];
  readonly queueType: QueueType;
}

/** All consume queues, and with them the topic-queue table: the next offset of each queue. */
export class TopicTable {
  /** Called when a queue's units cannot be written while messages come in. */
  onWriteError: (error: unknown) => void = () => {};
  /** Folders of queues that were removed: what is known of the sum of all queues is of no use then. */
  removals = 0;
  /** Called after each. */
  onRemoved: () => void = () => {};
  /** First offset of the commit log: units before it count no longer. */
  commitLogMin = 0;
  readonly #topics = new Map<string, TopicEntry>();
  readonly #root: string;
  readonly #fileSizes: Readonly<Record<QueueType, number>>;
  readonly #queueTypeOf: (topic: string) => QueueType | undefined;
  readonly #disk: Disk;
  readonly #fds: FdCache;
  readonly #logger: Logger;
  /** Queues with units that are not in the files: those whose turn to be written it is, and those that come after them. */
  #writing: AnyQueue[] = [];
  #dirty: AnyQueue[] = [];
  /** Queues that hold a page, the oldest first. */
  readonly #pages = new Set<AnyQueue>();

  /** `queueTypeOf` says what the topic's attribute `queue.type` asks for; undefined for a topic that is not configured. */
  constructor(options: {
    config: StoreConfig;
    disk: Disk;
    fds: FdCache;
    logger: Logger;
    queueTypeOf?: (topic: string) => QueueType | undefined;
  }) {
    const { config } = options;
    this.#root = config.storePathRootDir;
    this.#fileSizes = {
      SimpleCQ: wholeUnits(config.mappedFileSizeConsumeQueue, CQ_UNIT_BYTES),
      BatchCQ: wholeUnits(config.mapperFileSizeBatchConsumeQueue, BATCH_CQ_UNIT_BYTES),
    };
    this.#queueTypeOf = options.queueTypeOf ?? (() => undefined);
    this.#disk = options.disk;
    this.#fds = options.fds;
    this.#logger = options.logger;
  }

  /** Finds the queues on disk; their ends are found by recovery. */
  load(isAfterKill: boolean): void {
    for (const type of ['SimpleCQ', 'BatchCQ'] as const) {
      const base = join(this.#root, FOLDERS[type]);
      for (const topic of this.#disk.readdirSync(base)) {
        if (this.#disk.statSync(join(base, topic))?.isDirectory === true) {
          this.#loadTopic(topic, type, isAfterKill);
        }
      }
      const queues = [...this.all()].filter((queue) => queue.type === type);
      const isSizeProven = queues.some(({ files }) => files.isSizeProven);
      for (const { files } of queues) {
        files.checkSize(isSizeProven);
      }
    }
  }

  /** Sets right what a kill or a power cut left of the files that `load` found. */
  mend(): void {
    for (const queue of this.all()) {
      queue.files.mend();
    }
  }

  #loadTopic(topic: string, type: QueueType, isAfterKill: boolean): void {
    const folder = join(this.#root, FOLDERS[type], topic);
    const entry = this.topic(topic, type);
    if (entry.queueType !== type) {
      // Left by an earlier topic of this name: a kill came between the two topics' changes. Its records stay in the commit log.
      this.#logger.warn(`${folder} is removed: topic ${topic} has queue.type=${entry.queueType}`);
      this.removals++;
      this.#disk.removeDirectorySync(folder);
      return;
    }
    for (const name of this.#disk.readdirSync(folder)) {
      if (/^\d{1,5}$/.test(name) && Number(name) <= MAX_QUEUE_ID) {
        this.queue(entry, Number(name)).files.load(SIZE_KEYS[type], isAfterKill);
      }
    }
  }

  /** The entry of a topic, made when it is new. `found` is the kind of queue that was found for it, which counts when it is not configured. */
  topic(topic: string, found: QueueType = 'SimpleCQ'): TopicEntry {
    const known = this.#topics.get(topic);
    if (known !== undefined) {
      return known;
    }
    const entry: TopicEntry = {
      topic,
      keyHash: stringHashCode(`${topic}#`),
      topicBytes: Buffer.byteLength(topic),
      queues: [],
      queueType: this.#queueTypeOf(topic) ?? found,
    };
    this.#topics.set(topic, entry);
    return entry;
  }

  /** The entry of a topic that the store has seen. */
  known(topic: string): TopicEntry | undefined {
    return this.#topics.get(topic);
  }

  /** The queue for a reader, with a first offset that fits the commit log. */
  find(topic: string, queueId: number): AnyQueue | undefined {
    const queue = this.#topics.get(topic)?.queues[queueId];
    if (queue !== undefined && queue.minFoundFor !== this.commitLogMin) {
      correctMinOffset(queue, this.commitLogMin);
    }
    return queue;
  }

  /** The queue, made when it is new; its files come with its first units. */
  queue(entry: TopicEntry, queueId: number): AnyQueue {
    const known = entry.queues[queueId];
    if (known !== undefined) {
      return known;
    }
    const { topic, queueType } = entry;
    const directory = join(this.#root, FOLDERS[queueType], topic, String(queueId));
    const files = new FileSeries({ directory, fileSize: this.#fileSizes[queueType], disk: this.#disk, fds: this.#fds });
    const queue = queueType === 'BatchCQ' ? new BatchConsumeQueue(topic, queueId, files) : new ConsumeQueue(topic, queueId, files);
    queue.onWriteError = (error) => this.onWriteError(error);
    queue.onPage = () => this.#notePage(queue);
    entry.queues[queueId] = queue;
    return queue;
  }

  topics(): string[] {
    return [...this.#topics.values()].filter((entry) => entry.queues.some((queue) => queue !== undefined)).map((entry) => entry.topic);
  }

  /** Every queue. */
  *all(): Generator<AnyQueue> {
    for (const entry of this.#topics.values()) {
      for (const queue of entry.queues) {
        if (queue !== undefined) {
          yield queue;
        }
      }
    }
  }

  /** Sums over all queues: numbers of the next units, and of the first ones. */
  unitSums(): { queueUnits: number; firstUnits: number } {
    let queueUnits = 0;
    let firstUnits = 0;
    for (const queue of this.all()) {
      queueUnits += queue.endUnit;
      firstUnits += queue.firstUnit;
    }
    return { queueUnits, firstUnits };
  }

  /** Notes that a queue has units to write. */
  markDirty(queue: AnyQueue): void {
    if (!queue.isListedDirty) {
      queue.isListedDirty = true;
      this.#dirty.push(queue);
    }
  }

  /** Writes the units of all queues that have new ones. A queue that cannot be written stays listed, and the error is thrown. */
  writeOut(): void {
    while (this.#writing.length + this.#dirty.length > 0) {
      this.writeSome(() => true);
    }
  }

  /** Writes queues as long as there is time; true when all that were listed when the turn began are written. */
  writeSome(hasTime: () => boolean): boolean {
    if (this.#writing.length === 0) {
      this.#writing = this.#dirty;
      this.#dirty = [];
    }
    while (this.#writing.length > 0 && hasTime()) {
      const queue = this.#writing.at(-1)!;
      queue.writeOut();
      queue.isListedDirty = false;
      this.#writing.pop();
    }
    return this.#writing.length === 0;
  }

  /** Queues with units that are not on the device, for somebody who writes and flushes them; none is listed as unwritten any more. */
  takeToFlush(): AnyQueue[] {
    for (const queue of [...this.#writing, ...this.#dirty]) {
      queue.isListedDirty = false;
    }
    this.#writing = [];
    this.#dirty = [];
    const taken: AnyQueue[] = [];
    for (const queue of this.all()) {
      if (queue.hasUnwritten || queue.unsyncedFiles.size > 0) {
        taken.push(queue);
      }
    }
    return taken;
  }

  /** Forgets a topic and removes its files. */
  deleteTopic(topic: string): void {
    const entry = this.#topics.get(topic);
    if (entry === undefined) {
      return;
    }
    for (const queue of entry.queues) {
      if (queue !== undefined) {
        this.#forget(queue);
      }
    }
    this.#topics.delete(topic);
    this.removals++;
    this.onRemoved();
    for (const kind of [...Object.values(FOLDERS), 'consumequeue_ext']) {
      this.#disk.removeDirectorySync(join(this.#root, kind, topic));
    }
  }

  /** A topic was configured: queues of another kind under its name are those of an earlier topic. */
  configured(topic: string): void {
    const entry = this.#topics.get(topic);
    if (entry !== undefined && entry.queueType !== (this.#queueTypeOf(topic) ?? entry.queueType)) {
      this.deleteTopic(topic);
    }
  }

  /** Keeps the number of queues that hold a read page under a bound. */
  #notePage(queue: AnyQueue): void {
    this.#pages.add(queue);
    if (this.#pages.size > QUEUE_PAGES) {
      const oldest = this.#pages.values().next().value!;
      this.#pages.delete(oldest);
      oldest.dropPage();
    }
  }

  /** Forgets one queue and removes its files: a message that comes for it begins it anew. */
  deleteQueue(queue: AnyQueue): void {
    const entry = this.#topics.get(queue.topic);
    if (entry?.queues[queue.queueId] !== queue) {
      return;
    }
    this.#forget(queue);
    entry.queues[queue.queueId] = undefined;
    this.removals++;
    this.onRemoved();
    this.#disk.removeDirectorySync(queue.files.directory);
    this.#disk.removeDirectorySync(join(this.#root, 'consumequeue_ext', queue.topic, String(queue.queueId)));
  }

  #forget(queue: AnyQueue): void {
    queue.isDeleted = true;
    queue.files.close();
    this.#pages.delete(queue);
    if (queue.isListedDirty) {
      this.#writing = this.#writing.filter((listed) => listed !== queue);
      this.#dirty = this.#dirty.filter((listed) => listed !== queue);
    }
  }

  /** Deletes every queue: without a commit log there is nothing they could point at. */
  deleteAll(): void {
    for (const topic of [...this.#topics.keys()]) {
      this.deleteTopic(topic);
    }
  }
}

function wholeUnits(bytes: number, unitBytes: number): number {
  return Math.ceil(bytes / unitBytes) * unitBytes;
}

import { join } from 'node:path';
import { stringHashCode } from '../../src/common/java.js';
import type { Logger } from '../../src/common/logger.js';
import { ConsumeQueue, CQ_UNIT_BYTES } from './consume-queue.js';
import type { FdCache } from './fd-cache.js';
import { FileSeries } from './file-series.js';
import { MAX_QUEUE_ID, QUEUE_PAGES } from './limits.js';
import type { Disk, StoreConfig } from './types.js';

/** What the store keeps of a topic. */
export interface TopicEntry {
  readonly topic: string;
  /** Java hash of `topic#`, the start of every index key. */
  readonly keyHash: number;
  /** Bytes of the name. */
  readonly topicBytes: number;
  /** By queue id. */
  readonly queues: (ConsumeQueue | undefined)[];
  /** The topic's queues are batch consume queues, which this store keeps but neither reads nor extends. */
  readonly isBatchCq: boolean;
}

/** All consume queues, and with them the topic-queue table: the next offset of each queue. */
export class TopicTable {
  /** Called when a queue's units cannot be written while messages come in. */
  onWriteError: (error: unknown) => void = () => {};
  readonly #topics = new Map<string, TopicEntry>();
  readonly #root: string;
  readonly #batchTopics = new Set<string>();
  readonly #fileSize: number;
  readonly #disk: Disk;
  readonly #fds: FdCache;
  readonly #logger: Logger;
  #dirty: ConsumeQueue[] = [];
  /** Queues that hold a page, the oldest first. */
  readonly #pages = new Set<ConsumeQueue>();

  constructor(options: { config: StoreConfig; disk: Disk; fds: FdCache; logger: Logger }) {
    this.#root = options.config.storePathRootDir;
    this.#fileSize = Math.ceil(options.config.mappedFileSizeConsumeQueue / CQ_UNIT_BYTES) * CQ_UNIT_BYTES;
    this.#disk = options.disk;
    this.#fds = options.fds;
    this.#logger = options.logger;
  }

  /** Finds the queues on disk; their ends are found by recovery. */
  load(isAfterKill: boolean): void {
    for (const topic of this.#disk.readdirSync(join(this.#root, 'batchconsumequeue'))) {
      this.#batchTopics.add(topic);
      this.#logger.warn(`topic ${topic} has batch consume queues: they are kept as they are, its messages can be neither read nor sent`);
    }
    const base = join(this.#root, 'consumequeue');
    for (const topic of this.#disk.readdirSync(base)) {
      if (this.#disk.statSync(join(base, topic))?.isDirectory !== true) {
        continue;
      }
      for (const name of this.#disk.readdirSync(join(base, topic))) {
        if (/^\d{1,5}$/.test(name) && Number(name) <= MAX_QUEUE_ID) {
          this.queue(this.topic(topic), Number(name)).files.load('mappedFileSizeConsumeQueue', isAfterKill);
        }
      }
    }
  }

  /** The entry of a topic, made when it is new. */
  topic(topic: string): TopicEntry {
    const known = this.#topics.get(topic);
    if (known !== undefined) {
      return known;
    }
    const entry: TopicEntry = {
      topic,
      keyHash: stringHashCode(`${topic}#`),
      topicBytes: Buffer.byteLength(topic),
      queues: [],
      isBatchCq: this.#batchTopics.has(topic),
    };
    this.#topics.set(topic, entry);
    return entry;
  }

  /** The entry of a topic that the store has seen. */
  known(topic: string): TopicEntry | undefined {
    return this.#topics.get(topic);
  }

  find(topic: string, queueId: number): ConsumeQueue | undefined {
    return this.#topics.get(topic)?.queues[queueId];
  }

  /** The queue, made when it is new; its files come with its first units. */
  queue(entry: TopicEntry, queueId: number): ConsumeQueue {
    const known = entry.queues[queueId];
    if (known !== undefined) {
      return known;
    }
    const directory = join(this.#root, 'consumequeue', entry.topic, String(queueId));
    const queue = new ConsumeQueue(
      entry.topic,
      queueId,
      new FileSeries({ directory, fileSize: this.#fileSize, disk: this.#disk, fds: this.#fds }),
    );
    queue.onWriteError = (error) => this.onWriteError(error);
    entry.queues[queueId] = queue;
    return queue;
  }

  topics(): string[] {
    return [...this.#topics.values()].filter((entry) => entry.queues.some((queue) => queue !== undefined)).map((entry) => entry.topic);
  }

  /** Every queue. */
  *all(): Generator<ConsumeQueue> {
    for (const entry of this.#topics.values()) {
      for (const queue of entry.queues) {
        if (queue !== undefined) {
          yield queue;
        }
      }
    }
  }

  /** Notes that a queue has units to write. */
  markDirty(queue: ConsumeQueue): void {
    if (!queue.isListedDirty) {
      queue.isListedDirty = true;
      this.#dirty.push(queue);
    }
  }

  /** Writes the units of all queues that have new ones. A queue that cannot be written stays listed, and the error is thrown. */
  writeOut(): void {
    while (this.#dirty.length > 0) {
      const queue = this.#dirty.at(-1)!;
      queue.writeOut();
      queue.isListedDirty = false;
      this.#dirty.pop();
    }
  }

  /** Paths' files that were written and are not on the device; the lists are emptied. */
  takeUnsynced(): { files: FileSeries; start: number; queue: ConsumeQueue }[] {
    const taken: { files: FileSeries; start: number; queue: ConsumeQueue }[] = [];
    for (const queue of this.all()) {
      for (const start of queue.unsyncedFiles) {
        taken.push({ files: queue.files, start, queue });
      }
      queue.unsyncedFiles.clear();
    }
    return taken;
  }

  /** Keeps the number of queues that hold a read page under a bound. */
  notePage(queue: ConsumeQueue): void {
    if (this.#pages.has(queue)) {
      return;
    }
    this.#pages.add(queue);
    if (this.#pages.size > QUEUE_PAGES) {
      const oldest = this.#pages.values().next().value!;
      this.#pages.delete(oldest);
      oldest.dropPage();
    }
  }

  /** Forgets a topic and removes its files. */
  deleteTopic(topic: string): void {
    const entry = this.#topics.get(topic);
    if (entry === undefined) {
      return;
    }
    for (const queue of entry.queues) {
      if (queue !== undefined) {
        queue.isDeleted = true;
        queue.files.close();
        this.#pages.delete(queue);
        this.#dirty = this.#dirty.filter((dirty) => dirty !== queue);
      }
    }
    this.#topics.delete(topic);
    for (const kind of ['consumequeue', 'consumequeue_ext']) {
      this.#disk.removeDirectorySync(join(this.#root, kind, topic));
    }
  }

  /** Deletes every queue: without a commit log there is nothing they could point at. */
  deleteAll(): void {
    for (const topic of [...this.#topics.keys()]) {
      this.deleteTopic(topic);
    }
  }
}

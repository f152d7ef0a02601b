import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConnectError } from '../../common/errors.js';
import { type JsonValue, parseFastjson, stringifyFastjson } from '../../common/fastjson.js';
import { type BrokerCall, queryConsumerOffset, updateConsumerOffset, updateConsumerOffsetRequest } from '../broker-requests.js';
import { type MessageQueue, queueKey } from '../message-queue.js';
import type { MQClient } from '../mq-client.js';
import { MessageModel } from '../types.js';

const OFFSET_TIMEOUT_MS = 5_000;

/** How far a group has consumed each queue: in memory, and somewhere that outlives the process. */
export interface OffsetStore {
  /** Loads what the store needs before the first question. */
  load(): Promise<void>;
  /** The offset in memory; undefined when there is none. */
  get(queue: MessageQueue): number | undefined;
  /** The stored offset; null when there is none. Throws when it cannot be told. */
  read(queue: MessageQueue): Promise<number | null>;
  /** Notes an offset; `increaseOnly` ignores a smaller one. */
  update(queue: MessageQueue, offset: number, options: { increaseOnly: boolean }): void;
  /** Notes an offset that nothing but {@link remove} changes again. */
  updateAndFreeze(queue: MessageQueue, offset: number): void;
  /** Stores the offsets of these queues; others are forgotten. Errors are logged. With `wait`, only returns when they are stored. */
  persistAll(queues: readonly MessageQueue[], options: { wait: boolean }): Promise<void>;
  /** Stores the offset of one queue. */
  persist(queue: MessageQueue, options?: { wait: boolean }): Promise<void>;
  /** Forgets a queue in memory. */
  remove(queue: MessageQueue): void;
  /** Offsets in memory of a topic. */
  offsetsOf(topic: string): Map<MessageQueue, number>;
}

interface Entry {
  readonly queue: MessageQueue;
  offset: number;
  frozen: boolean;
}

/** The in-memory half, which both stores share. */
abstract class MemoryOffsets {
  protected readonly entries = new Map<string, Entry>();

  get(queue: MessageQueue): number | undefined {
    return this.entries.get(queueKey(queue))?.offset;
  }

  update(queue: MessageQueue, offset: number, options: { increaseOnly: boolean }): void {
    const entry = this.entries.get(queueKey(queue));
    if (entry === undefined) {
      this.entries.set(queueKey(queue), { queue, offset, frozen: false });
    } else if (!entry.frozen && (!options.increaseOnly || offset > entry.offset)) {
      entry.offset = offset;
    }
  }

  updateAndFreeze(queue: MessageQueue, offset: number): void {
    this.entries.set(queueKey(queue), { queue, offset, frozen: true });
  }

  remove(queue: MessageQueue): void {
    this.entries.delete(queueKey(queue));
  }

  offsetsOf(topic: string): Map<MessageQueue, number> {
    const offsets = new Map<MessageQueue, number>();
    for (const entry of this.entries.values()) {
      if (entry.queue.topic === topic) {
        offsets.set(entry.queue, entry.offset);
      }
    }
    return offsets;
  }

  /** Entries of the queues; all others are dropped. */
  protected keepOnly(queues: readonly MessageQueue[]): Entry[] {
    const keys = new Set(queues.map(queueKey));
    for (const key of this.entries.keys()) {
      if (!keys.has(key)) {
        this.entries.delete(key);
      }
    }
    return [...this.entries.values()];
  }
}

/** Offsets of a clustering group live at the broker. */
export class RemoteOffsetStore extends MemoryOffsets implements OffsetStore {
  readonly #client: MQClient;
  readonly #group: string;

  constructor(client: MQClient, group: string) {
    super();
    this.#client = client;
    this.#group = group;
  }

  async load(): Promise<void> {}

  async read(queue: MessageQueue): Promise<number | null> {
    const call = await this.#call(queue);
    const offset = await queryConsumerOffset(call, queue, this.#group);
    if (offset !== null) {
      this.update(queue, offset, { increaseOnly: false });
    }
    return offset;
  }

  async persistAll(queues: readonly MessageQueue[], options: { wait: boolean }): Promise<void> {
    await Promise.all(this.keepOnly(queues).map((entry) => this.#store(entry, options.wait)));
  }

  async persist(queue: MessageQueue, options: { wait: boolean } = { wait: false }): Promise<void> {
    const entry = this.entries.get(queueKey(queue));
    if (entry !== undefined) {
      await this.#store(entry, options.wait);
    }
  }

  async #store(entry: Entry, wait: boolean): Promise<void> {
    const { queue, offset } = entry;
    try {
      const call = await this.#call(queue);
      if (wait) {
        await updateConsumerOffset(call, queue, this.#group, offset);
      } else {
        await this.#client.remoting.invokeOneway(call.addr, updateConsumerOffsetRequest(queue, this.#group, offset));
      }
    } catch (error) {
      this.#client.logger.warn(
        `offset ${offset} of ${queue.topic}/${queue.brokerName}/${queue.queueId} could not be committed: ${String(error)}`,
      );
    }
  }

  /** The master, or any member while there is none. */
  async #call(queue: MessageQueue): Promise<BrokerCall> {
    let target = this.#client.routes.readAddr(queue.brokerName);
    if (target === undefined) {
      await this.#client.routes.refresh(queue.topic);
      target = this.#client.routes.readAddr(queue.brokerName);
    }
    if (target === undefined) {
      throw new ConnectError(`broker ${queue.brokerName} has no address in the routes of this client`, { code: 'BROKER_NOT_EXIST' });
    }
    return { remoting: this.#client.remoting, addr: target.addr, timeoutMs: OFFSET_TIMEOUT_MS };
  }
}

/** Where a group keeps its offsets: broadcasting ones in a file, `<dir>/<clientId>/<group>/offsets.json`, others at the brokers. */
export function createOffsetStore(
  client: MQClient,
  options: { consumerGroup: string; messageModel?: MessageModel; localOffsetStoreDir?: string },
): OffsetStore {
  if (options.messageModel !== MessageModel.BROADCASTING) {
    return new RemoteOffsetStore(client, options.consumerGroup);
  }
  const dir = options.localOffsetStoreDir ?? join(homedir(), '.rocketmq_offsets');
  return new LocalFileOffsetStore(client, join(dir, client.clientId, options.consumerGroup, 'offsets.json'));
}

/** Offsets of a broadcasting consumer live in a file of the client: `<dir>/<clientId>/<group>/offsets.json`, form as Apache's. */
export class LocalFileOffsetStore extends MemoryOffsets implements OffsetStore {
  readonly #path: string;
  readonly #client: MQClient;
  /** The file is not readable, and the copy of it is: that stays until there is a new file. */
  #isBroken = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(client: MQClient, path: string) {
    super();
    this.#client = client;
    this.#path = path;
  }

  async load(): Promise<void> {
    for (const path of [this.#path, `${this.#path}.bak`]) {
      const offsets = await readOffsets(path);
      if (offsets !== null) {
        this.#isBroken = path !== this.#path;
        for (const [queue, offset] of offsets) {
          this.update(queue, offset, { increaseOnly: false });
        }
        return;
      }
    }
  }

  async read(queue: MessageQueue): Promise<number | null> {
    return this.get(queue) ?? null;
  }

  /** Offsets stay in the file whether a queue is owned or not; only a freeze ends. */
  override remove(queue: MessageQueue): void {
    const entry = this.entries.get(queueKey(queue));
    if (entry !== undefined) {
      entry.frozen = false;
    }
  }

  async persistAll(_queues: readonly MessageQueue[]): Promise<void> {
    // Writers follow each other; the last one has the newest offsets.
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  async persist(): Promise<void> {
    await this.persistAll([]);
  }

  async #write(): Promise<void> {
    const table = new Map<object, number>();
    for (const { queue, offset } of this.entries.values()) {
      table.set({ brokerName: queue.brokerName, queueId: queue.queueId, topic: queue.topic }, offset);
    }
    if (table.size === 0) {
      return;
    }
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      const temporary = `${this.#path}.tmp`;
      await writeFile(temporary, stringifyFastjson({ offsetTable: table }, { pretty: true }));
      if (!this.#isBroken) {
        await rename(this.#path, `${this.#path}.bak`).catch(ignoreMissing);
      }
      await rename(temporary, this.#path);
      this.#isBroken = false;
    } catch (error) {
      this.#client.logger.warn(`offsets could not be written to ${this.#path}: ${String(error)}`);
    }
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') {
    throw error;
  }
}

/** Offsets in a file; null when it is not there or not readable as one. */
async function readOffsets(path: string): Promise<Array<[MessageQueue, number]> | null> {
  let root: JsonValue;
  try {
    root = parseFastjson(await readFile(path, 'utf8'));
  } catch {
    return null;
  }
  const table = typeof root === 'object' && root !== null && 'offsetTable' in root ? root.offsetTable : null;
  if (!(table instanceof Map)) {
    return null;
  }
  const offsets: Array<[MessageQueue, number]> = [];
  for (const [key, value] of table) {
    const { topic, brokerName, queueId } = key as Record<string, unknown>;
    if (typeof topic === 'string' && typeof brokerName === 'string' && typeof queueId === 'number' && typeof value === 'number') {
      offsets.push([{ topic, brokerName, queueId }, value]);
    }
  }
  return offsets;
}

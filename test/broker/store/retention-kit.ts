import { MessageStore, type PutMessage, type PutStatus, type StoreConfig } from '../../../broker/store/index.js';
import { seededRandom } from '../../../src/common/clock.js';
import type { Logger } from '../../../src/common/logger.js';
import { decodeRecords } from '../../../src/common/message/record.js';
import { FaultDisk } from '../../fault/store-fault-disk.js';
import { ManualTime } from '../../fault/store-life-time.js';
import { message, storeConfig } from './store-kit.js';

export const HOUR_MS = 3_600_000;
/** Noon, local time: no hour of deletion. */
export const NOON = new Date(2024, 0, 15, 12).getTime();

/** A dozen messages a commit log file, ten a queue file, a few files of the index. */
const SMALL_FILES: Partial<StoreConfig> = {
  mappedFileSizeCommitLog: 16_384,
  mappedFileSizeConsumeQueue: 200,
  maxHashSlotNum: 50,
  maxIndexNum: 40,
};

/** A store on a disk in memory, whose files are as old as the test says, and the time it lives in. */
export class AgingStore {
  readonly disk: FaultDisk;
  readonly time: ManualTime;
  readonly log: string[] = [];
  readonly config: StoreConfig;
  store!: MessageStore;
  #serial = 0;

  constructor(changes: Partial<StoreConfig> = {}, disk = new FaultDisk(seededRandom(1)), nowMs = NOON) {
    this.disk = disk;
    this.time = new ManualTime(nowMs);
    this.config = storeConfig('/store', { ...SMALL_FILES, ...changes });
  }

  async open(): Promise<this> {
    const note = (text: string): void => void this.log.push(text);
    const logger: Logger = { debug: () => {}, info: note, warn: note, error: note };
    const { config, disk, time } = this;
    this.store = await MessageStore.open({ config, logger, disk, clock: time, timers: time });
    return this;
  }

  /** The same store once more, after its process ended. */
  next(disk: FaultDisk): AgingStore {
    const next = new AgingStore(this.config, disk, this.time.nowMs());
    next.#serial = this.#serial;
    return next;
  }

  /** Sets the clock. */
  jumpTo(nowMs: number): void {
    this.time.jump(nowMs - this.time.nowMs());
  }

  /** Puts `count` messages of 1,000 bytes, of which one in three goes to queue 1; all are flushed and written. */
  fill(count: number, topic = 'T'): void {
    for (let i = 0; i < count; i++) {
      const serial = this.#serial++;
      this.put(topic, serial % 3 === 0 ? 1 : 0, `${topic} ${serial}`);
    }
    this.settle();
  }

  put(topic: string, queueId: number, text: string): PutStatus | null {
    let status: PutStatus | null = null;
    const body = Buffer.alloc(1000, ' ');
    body.write(text);
    const put = message(topic, queueId, body, { properties: `KEYS\u0001${text.replace(' ', '-')}\u0002` });
    this.store.put(put, { onPut: (_: PutMessage, answer: PutStatus) => (status = answer) });
    this.store.flushTurn();
    return status;
  }

  /** Lets everything that is under way end, a second at a time. */
  settle(seconds = 5): void {
    for (let i = 0; i < seconds; i++) {
      this.time.tick(1000);
      for (let k = 0; k < 10; k++) this.disk.completeSyncs();
    }
  }

  /** Names of the files in a folder of the store. */
  files(folder: string): string[] {
    return this.disk.readdirSync(`/store/${folder}`);
  }

  /** Commit log files in use: the one made in advance does not count. */
  get logFiles(): number {
    return this.files('commitlog').filter((name) => Number(name) <= this.store.commitLogMaxOffset()).length;
  }

  /** Texts of all readable messages of a queue, with their offsets; throws when one is not what was put there. */
  read(topic: string, queueId: number): { offset: number; text: string }[] {
    const found: { offset: number; text: string }[] = [];
    const max = this.store.maxOffset(topic, queueId);
    for (let offset = this.store.minOffset(topic, queueId); offset < max; ) {
      const result = this.store.getMessage(topic, queueId, offset, 32);
      if (result.status !== 'FOUND') throw new Error(`${topic}/${queueId} at ${offset} of ${max}: ${result.status}`);
      for (const record of result.buffers.flatMap((buffer) => decodeRecords(buffer, { checkCrc: true }))) {
        if (record.topic !== topic || record.queueId !== queueId) throw new Error(`a record of ${record.topic}/${record.queueId}`);
        found.push({ offset: record.queueOffset, text: record.body.toString().trimEnd() });
      }
      offset = result.nextBeginOffset;
    }
    return found;
  }
}

import type { MessageStore } from '../../broker/store/index.js';
import { type Random, seededRandom } from '../../src/common/clock.js';
import { decodeRecords, type MessageRecord } from '../../src/common/message/record.js';
import { FaultDisk } from '../fault/store-fault-disk.js';
import { FakeTime } from './fake-time.js';

const STEP_MS = 20;

/** Settings that worlds have in common. */
export interface StoreWorldOptions {
  seed?: number;
  flushDiskType?: 'ASYNC_FLUSH' | 'SYNC_FLUSH';
}

/** A store on a disk in memory, through several lives; time stands still until it is moved. */
export abstract class StoreWorld {
  readonly random: Random;
  readonly flushDiskType: 'ASYNC_FLUSH' | 'SYNC_FLUSH';
  disk: FaultDisk;
  time = new FakeTime();
  store!: MessageStore;
  /** Keys of messages whose sender got SEND_OK. */
  readonly acknowledged = new Set<string>();

  constructor(options: StoreWorldOptions = {}) {
    this.random = seededRandom(options.seed ?? 1);
    this.flushDiskType = options.flushDiskType ?? 'ASYNC_FLUSH';
    this.disk = new FaultDisk(this.random);
  }

  /** Moves time on in small steps; flushes end within a step. */
  advance(ms: number): void {
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.time.advance(Math.min(STEP_MS, left));
      this.disk.completeSyncs();
    }
  }

  /** What queue 0 of a topic holds, in order. */
  messages(topic: string): MessageRecord[] {
    const records: MessageRecord[] = [];
    for (let offset = this.store.minOffset(topic, 0); offset < this.store.maxOffset(topic, 0); ) {
      const result = this.store.getMessage(topic, 0, offset, 32);
      records.push(...result.buffers.flatMap((buffer) => decodeRecords(buffer)));
      offset = Math.max(offset + 1, result.nextBeginOffset);
    }
    return records;
  }

  /** An orderly stop. */
  async stop(): Promise<void> {
    await this.#drive(this.stopService());
    await this.#drive(this.store.shutdown());
    this.#nextLife(this.disk);
  }

  kill(): void {
    this.#nextLife(this.disk.afterKill());
  }

  losePower(): void {
    this.#nextLife(this.disk.afterPowerLoss());
  }

  /** Stops what runs on the store. */
  protected abstract stopService(): Promise<void>;

  #nextLife(disk: FaultDisk): void {
    const nowMs = this.time.nowMs();
    this.disk = disk;
    this.time = new FakeTime();
    this.time.advance(nowMs - this.time.nowMs());
  }

  async #drive(work: Promise<void>): Promise<void> {
    let isDone = false;
    const end = work.finally(() => {
      isDone = true;
    });
    while (!isDone) {
      this.advance(STEP_MS);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await end;
  }
}

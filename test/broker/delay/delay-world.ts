import { DelayLevels, Delivery, parkDelayed, ScheduleMessageService } from '../../../broker/delay/index.js';
import { BrokerStats } from '../../../broker/stats/index.js';
import { MessageStore } from '../../../broker/store/index.js';
import { JsonTableFile } from '../../../broker/table-file.js';
import type { TopicConfigManager } from '../../../broker/topics/index.js';
import { seededRandom } from '../../../src/common/clock.js';
import { noopLogger } from '../../../src/common/logger.js';
import { getProperty } from '../../../src/common/message/properties.js';
import { decodeRecords } from '../../../src/common/message/record.js';
import { FaultDisk } from '../../fault/store-fault-disk.js';
import { FakeTime } from '../fake-time.js';
import { message, storeConfig } from '../store/store-kit.js';

const ROOT = '/store';
const STEP_MS = 20;
const SAVE_MS = 1000;
const DEFAULT_TABLE = '1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h';

/** A store with delay levels on a disk in memory, through several lives; time stands still until it is moved. */
export class DelayWorld {
  readonly random;
  readonly flushDiskType: 'ASYNC_FLUSH' | 'SYNC_FLUSH';
  disk: FaultDisk;
  time = new FakeTime();
  store!: MessageStore;
  service!: ScheduleMessageService;
  readonly acknowledged = new Set<string>();
  #levels = new DelayLevels(DEFAULT_TABLE);

  constructor(options: { seed?: number; flushDiskType?: 'ASYNC_FLUSH' | 'SYNC_FLUSH' } = {}) {
    this.random = seededRandom(options.seed ?? 1);
    this.flushDiskType = options.flushDiskType ?? 'ASYNC_FLUSH';
    this.disk = new FaultDisk(this.random);
  }

  /** Opens everything with a table of levels. */
  async open(messageDelayLevel = DEFAULT_TABLE): Promise<void> {
    const { disk, time } = this;
    const isAfterKill = disk.statSync(`${ROOT}/abort`) !== null;
    const config = storeConfig(ROOT, {
      mappedFileSizeCommitLog: 65_536,
      mappedFileSizeConsumeQueue: 200,
      maxHashSlotNum: 50,
      maxIndexNum: 100,
      flushDiskType: this.flushDiskType,
      messageDelayLevel,
    });
    this.store = await MessageStore.open({ config, logger: noopLogger, disk, clock: time, timers: time });
    this.#levels = new DelayLevels(messageDelayLevel);
    const stats = new BrokerStats({ clock: time, timers: time, clusterName: 'C' });
    const topics = { entry: () => undefined } as unknown as TopicConfigManager;
    this.service = new ScheduleMessageService({
      store: this.store,
      file: new JsonTableFile({
        storePathRootDir: ROOT,
        name: 'delayOffset.json',
        isDurable: this.flushDiskType === 'SYNC_FLUSH',
        disk,
        logger: noopLogger,
      }),
      levels: this.#levels,
      clock: time,
      timers: time,
      logger: noopLogger,
      delivery: new Delivery({ store: this.store, topics, stats, logger: noopLogger, flush: () => this.store.flushTurn() }),
      isAfterKill,
    });
    this.store.addArrivalListener(this.service.onArrival);
    this.service.load();
    this.service.start();
    time.setInterval(() => this.service.flush({ background: true }), SAVE_MS);
  }

  send(key: string, level: number): void {
    const put = message('T', 0, `body of ${key}`, { properties: `UNIQ_KEY\u0001${key}\u0002DELAY\u0001${level}\u0002` });
    const store = { timerWheelEnable: false, timerMaxDelaySec: 0, timerPrecisionMs: 1000, timerCongestNumEachSlot: 0 };
    const parts = { clock: this.time, random: this.random, delayLevels: this.#levels, config: { store }, timer: null };
    parkDelayed(parts, put, { delayLevel: level, hasTimer: false });
    this.store.put(put, {
      onPut: (_message, status) => {
        if (status === 'PUT_OK' && !this.disk.isDead) this.acknowledged.add(key);
      },
    });
    this.store.flushTurn();
  }

  advance(ms: number): void {
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.time.advance(Math.min(STEP_MS, left));
      this.disk.completeSyncs();
    }
  }

  /** Keys and store times of what lies on the real topic. */
  delivered(): { key: string; atMs: number }[] {
    const found: { key: string; atMs: number }[] = [];
    for (let offset = this.store.minOffset('T', 0); offset < this.store.maxOffset('T', 0); ) {
      const result = this.store.getMessage('T', 0, offset, 32);
      for (const { properties, storeTimestamp } of result.buffers.flatMap((buffer) => decodeRecords(buffer))) {
        found.push({ key: getProperty(properties, 'UNIQ_KEY') ?? '', atMs: storeTimestamp });
      }
      offset = Math.max(offset + 1, result.nextBeginOffset);
    }
    return found;
  }

  async stop(): Promise<void> {
    await this.#drive(this.service.stop());
    await this.#drive(this.store.shutdown());
    this.#nextLife(this.disk);
  }

  kill(): void {
    this.#nextLife(this.disk.afterKill());
  }

  losePower(): void {
    this.#nextLife(this.disk.afterPowerLoss());
  }

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

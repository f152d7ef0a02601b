import { DelayLevels, Delivery, parkDelayed, ScheduleMessageService } from '../../../broker/delay/index.js';
import { BrokerStats } from '../../../broker/stats/index.js';
import { MessageStore } from '../../../broker/store/index.js';
import { JsonTableFile } from '../../../broker/table-file.js';
import type { TopicConfigManager } from '../../../broker/topics/index.js';
import { noopLogger } from '../../../src/common/logger.js';
import { getProperty } from '../../../src/common/message/properties.js';
import { message, storeConfig } from '../store/store-kit.js';
import { StoreWorld } from '../store-world.js';

const ROOT = '/store';
const SAVE_MS = 1000;
const DEFAULT_TABLE = '1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h';

/** A store with delay levels on a disk in memory, through several lives; time stands still until it is moved. */
export class DelayWorld extends StoreWorld {
  service!: ScheduleMessageService;
  #levels = new DelayLevels(DEFAULT_TABLE);

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

  /** Keys and store times of what lies on the real topic. */
  delivered(): { key: string; atMs: number }[] {
    return this.messages('T').map(({ properties, storeTimestamp }) => ({
      key: getProperty(properties, 'UNIQ_KEY') ?? '',
      atMs: storeTimestamp,
    }));
  }

  protected override stopService(): Promise<void> {
    return this.service.stop();
  }
}

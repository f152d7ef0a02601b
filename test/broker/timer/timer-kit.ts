import { DelayLevels, Delivery, parkDelayed } from '../../../broker/delay/index.js';
import { BrokerStats } from '../../../broker/stats/index.js';
import { MessageStore, type PutStatus } from '../../../broker/store/index.js';
import { TimerMessageService } from '../../../broker/timer/index.js';
import type { TopicConfigManager } from '../../../broker/topics/index.js';
import { type Logger, noopLogger } from '../../../src/common/logger.js';
import { getProperty } from '../../../src/common/message/properties.js';
import type { MessageRecord } from '../../../src/common/message/record.js';
import { message, storeConfig } from '../store/store-kit.js';
import { StoreWorld, type StoreWorldOptions } from '../store-world.js';

const ROOT = '/store';
/** The topic that timer messages of a world are for. */
export const TOPIC = 'T';

/** Keys of the timer, Apache's defaults but for small files. */
const TIMER_DEFAULTS = {
  mappedFileSizeTimerLog: 520,
  timerPrecisionMs: 1000,
  timerRollWindowSlot: 172_800,
  timerFlushIntervalMs: 1000,
  timerStopEnqueue: false,
  timerStopDequeue: false,
  timerWheelEnable: true,
  timerMaxDelaySec: 259_200,
  timerCongestNumEachSlot: 2_147_483_647,
};
type TimerKeys = { -readonly [Key in keyof typeof TIMER_DEFAULTS]: (typeof TIMER_DEFAULTS)[Key] };

/** A delivered message. */
export interface Delivered {
  key: string;
  /** Store time of the copy on the real topic, ms. */
  atMs: number;
  record: MessageRecord;
}

/** A store and its timer on a disk in memory, through several lives; time stands still until it is moved. */
export class TimerWorld extends StoreWorld {
  readonly config: TimerKeys;
  timer!: TimerMessageService;
  readonly log: string[] = [];

  constructor(options: StoreWorldOptions & { config?: Partial<TimerKeys> } = {}) {
    super(options);
    this.config = { ...TIMER_DEFAULTS, ...options.config };
  }

  get #logger(): Logger {
    const note = (text: string): void => void this.log.push(text);
    return { ...noopLogger, warn: note, error: note };
  }

  /** Opens store and timer, and starts the timer unless told otherwise. */
  async open(options: { isStarted?: boolean } = {}): Promise<void> {
    const { disk, time } = this;
    const config = storeConfig(ROOT, {
      mappedFileSizeCommitLog: 65_536,
      maxHashSlotNum: 50,
      maxIndexNum: 100,
      flushDiskType: this.flushDiskType,
    });
    const isAfterKill = disk.statSync(`${ROOT}/abort`) !== null;
    this.store = await MessageStore.open({ config, logger: noopLogger, disk, clock: time, timers: time });
    const stats = new BrokerStats({ clock: time, timers: time, clusterName: 'C' });
    const topics = { entry: () => undefined } as unknown as TopicConfigManager;
    const delivery = new Delivery({ store: this.store, topics, stats, logger: this.#logger, flush: () => this.store.flushTurn() });
    this.timer = new TimerMessageService({
      config: Object.assign(this.config, { storePathRootDir: ROOT }),
      store: this.store,
      delivery,
      disk,
      clock: time,
      timers: time,
      logger: this.#logger,
      isAfterKill,
    });
    this.store.addArrivalListener(this.timer.onArrival);
    if (options.isStarted !== false) this.timer.start();
  }

  /** Puts a message with these properties; null when the store took it, else why not. */
  send(key: string, properties: Record<string, string | number>): string | null {
    const text = Object.entries({ UNIQ_KEY: key, ...properties }).map(([name, value]) => `${name}\u0001${value}\u0002`);
    const put = message(TOPIC, 0, `body of ${key}`, { properties: text.join('') });
    const parts = {
      clock: this.time,
      random: this.random,
      delayLevels: new DelayLevels('1s 5s'),
      config: { store: this.config },
      timer: this.timer,
    };
    const hasTimer = Object.keys(properties).some((name) => name.startsWith('TIMER_DELAY_') || name === 'TIMER_DELIVER_MS');
    const refusal = parkDelayed(parts, put, { delayLevel: Number(properties.DELAY ?? 0), hasTimer });
    if (refusal !== null) return refusal.remark;
    const statuses: PutStatus[] = [];
    this.store.put(put, {
      onPut: (_message, status) => {
        statuses.push(status);
        // A dead process answers nobody.
        if (status === 'PUT_OK' && !this.disk.isDead) this.acknowledged.add(key);
      },
    });
    this.store.flushTurn();
    return statuses[0] === undefined || statuses[0] === 'PUT_OK' ? null : statuses[0];
  }

  /** What lies on the real topic, in order. */
  delivered(): Delivered[] {
    return this.messages(TOPIC).map((record) => ({
      key: getProperty(record.properties, 'UNIQ_KEY') ?? '',
      atMs: record.storeTimestamp,
      record,
    }));
  }

  keys(): string[] {
    return this.delivered().map(({ key }) => key);
  }

  /** Time passes while nothing runs. */
  pause(ms: number): void {
    this.time.advance(ms);
  }

  protected override stopService(): Promise<void> {
    return this.timer.stop();
  }
}

import type { Clock, TimerHandle, Timers } from '../../src/common/clock.js';
import { MQ_VERSION, versionDesc } from '../../src/common/mq-version.js';
import type { LoadedConfig } from '../config/index.js';
import type { ScheduleMessageService } from '../delay/index.js';
import type { Disk, MessageStore } from '../store/index.js';
import type { TimerMessageService } from '../timer/index.js';
import type { BrokerStats } from './broker-stats.js';
import { latencyDistribution, latencyPercentile } from './put-latency.js';
import type { SendCounters } from './send-counters.js';
import { javaDouble, type Totals, TpsSampler } from './tps-sampler.js';

const SAMPLE_MS = 1000;
const GIB = 1024 ** 3;
const UNLIMITED = 2147483647;

/** What the runtime information reads. */
export interface RuntimeSources {
  config: LoadedConfig;
  clock: Clock;
  timers: Timers;
  stats: BrokerStats;
  sends: SendCounters;
  store: MessageStore;
  delay: ScheduleMessageService;
  timer: TimerMessageService | null;
  disk: Disk;
}

/** Message totals at a local midnight. */
interface DayTotals {
  puts: number;
  gets: number;
}

/**
 * GET_BROKER_RUNTIME_INFO (28). Every number is a counter of this broker; what has no counterpart here because there are no thread pools
 * (queue sizes and wait times but those of sends) is truly zero. Keys that Apache's broker does not have: sendResponseTimes_….
 */
export class RuntimeInfo {
  readonly #sources: RuntimeSources;
  readonly #sampler = new TpsSampler();
  readonly #bootTimestamp: number;
  readonly #bootMonotonicMs: number;
  #getLatencyMsMax = 0;
  #found = 0;
  #missed = 0;
  #transferred = 0;
  #yesterdayMorning: DayTotals = { puts: 0, gets: 0 };
  #todayMorning: DayTotals = { puts: 0, gets: 0 };
  #day: string;
  #timer: TimerHandle | null = null;
  #timerCounts = { enqueued: 0, dequeued: 0 };
  #timerRates = { enqueued: 0, dequeued: 0 };

  constructor(sources: RuntimeSources) {
    this.#sources = sources;
    this.#bootTimestamp = sources.clock.nowMs();
    this.#bootMonotonicMs = sources.clock.monotonicMs();
    this.#day = localDay(this.#bootTimestamp);
  }

  start(): void {
    this.sample();
    this.#timer = this.#sources.timers.setInterval(() => this.sample(), SAMPLE_MS);
  }

  stop(): void {
    if (this.#timer !== null) this.#sources.timers.clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Counts a pull that was answered with messages, and how long it took. */
  countFound(messageCount: number, latencyMs: number): void {
    if (latencyMs > this.#getLatencyMsMax) this.#getLatencyMsMax = latencyMs;
    this.#found++;
    this.#transferred += messageCount;
  }

  /** Counts a pull that found nothing. */
  countMiss(): void {
    this.#missed++;
  }

  /** Takes the samples of this second, and the day's totals when a new day began. */
  sample(): void {
    const { clock, stats } = this.#sources;
    this.#sampler.sample(clock.monotonicMs(), this.#totals());
    this.#sampleTimer();
    const day = localDay(clock.nowMs());
    if (day === this.#day) return;
    this.#day = day;
    this.#yesterdayMorning = this.#todayMorning;
    this.#todayMorning = { puts: stats.putNumsWithoutSystemTopic.value, gets: stats.getNumsWithoutSystemTopic.value };
  }

  /** All keys; mqadmin of 4.9 and 5.x each read one spelling of getTransferredTps. */
  table(): Record<string, string> {
    const { clock, config, store } = this.#sources;
    const table: Record<string, string> = {};
    const set = (name: string, value: number | string | boolean): void => {
      table[name] = String(value);
    };
    set('bootTimestamp', this.#bootTimestamp);
    set('runtime', duration(clock.monotonicMs() - this.#bootMonotonicMs));
    set('brokerVersion', MQ_VERSION);
    set('brokerVersionDesc', versionDesc(MQ_VERSION));
    set('brokerActive', store.isWriteable);
    set('startAcceptSendRequestTimeStamp', config.broker.startAcceptSendRequestTimeStamp);
    this.#addRates(set);
    this.#addPuts(set);
    this.#addLog(set);
    this.#addDays(set);
    this.#addQueues(set);
    for (const { level, offset, maxOffset } of this.#sources.delay.progress())
      set(`scheduleMessageOffset_${level}`, `${offset},${maxOffset}`);
    this.#addTimer(set);
    return table;
  }

  #totals(): Totals {
    return {
      puts: this.#sources.store.counters.puts,
      getsFound: this.#found,
      getsMissed: this.#missed,
      messagesTransferred: this.#transferred,
    };
  }

  #addRates(set: (name: string, value: string) => void): void {
    const now = this.#sources.clock.monotonicMs();
    const totals = this.#totals();
    set('putTps', this.#sampler.rates(now, totals, ['puts']));
    set('getFoundTps', this.#sampler.rates(now, totals, ['getsFound']));
    set('getMissTps', this.#sampler.rates(now, totals, ['getsMissed']));
    set('getTotalTps', this.#sampler.rates(now, totals, ['getsFound', 'getsMissed']));
    const transferred = this.#sampler.rates(now, totals, ['messagesTransferred']);
    set('getTransferredTps', transferred);
    set('getTransferedTps', transferred);
  }

  #addTimer(set: (name: string, value: number | string) => void): void {
    const { timer } = this.#sources;
    set('timerReadBehind', Math.floor((timer?.readBehindMs ?? 0) / 1000));
    set('timerOffsetBehind', timer?.queueBehind ?? 0);
    set('timerCongestNum', timer?.pendingCount ?? 0);
    set('timerEnqueueTps', javaDouble(this.#timerRates.enqueued));
    set('timerDequeueTps', javaDouble(this.#timerRates.dequeued));
  }

  /** Timer messages of the last second. */
  #sampleTimer(): void {
    const counts = this.#sources.timer?.counts;
    if (counts === undefined) return;
    const { enqueued, dequeued } = this.#timerCounts;
    this.#timerRates = { enqueued: counts.enqueued - enqueued, dequeued: counts.dequeued - dequeued };
    this.#timerCounts = counts;
  }

  #addPuts(set: (name: string, value: number | string) => void): void {
    const { counters } = this.#sources.store;
    // Apache's never shows 0 here: its tools divide by it.
    set('putMessageTimesTotal', Math.max(1, counters.puts));
    set('putMessageFailedTimes', counters.putsRefused);
    set('putMessageSizeTotal', counters.putBytes);
    set('putMessageAverageSize', counters.puts === 0 ? '0.0' : String(counters.putBytes / counters.puts));
    set('putMessageEntireTimeMax', Math.round(counters.putLatencyMsMax));
    set('getMessageEntireTimeMax', Math.round(this.#getLatencyMsMax));
    for (const [name, times] of this.#sources.sends.entries()) set(`sendResponseTimes_${name}`, times);
    set('putMessageDistributeTime', latencyDistribution(counters.putLatencyBuckets));
    set('putLatency99', latencyPercentile(counters.putLatencyBuckets, 0.99).toFixed(2));
    set('putLatency999', latencyPercentile(counters.putLatencyBuckets, 0.999).toFixed(2));
  }

  #addLog(set: (name: string, value: number | string) => void): void {
    const { store, config, disk } = this.#sources;
    const path = config.store.storePathCommitLog === '' ? `${config.store.storePathRootDir}/commitlog` : config.store.storePathCommitLog;
    const ratio = store.diskUsedRatio();
    set('commitLogDiskRatio', ratio);
    set(`commitLogDiskRatio_${path}`, ratio);
    set('consumeQueueDiskRatio', ratio);
    set('commitLogMinOffset', store.commitLogMinOffset());
    set('commitLogMaxOffset', store.commitLogMaxOffset());
    set('commitLogDirCapacity', capacity(disk, config.store.storePathRootDir));
    set('dispatchMaxBuffer', 0);
    set('dispatchBehindBytes', store.dispatchBehindBytes());
    set('remainHowManyDataToFlush', humanBytes(Math.max(0, store.commitLogMaxOffset() - store.flushedWhere)));
    set('remainTransientStoreBufferNumbs', UNLIMITED);
    set('pageCacheLockTimeMills', 0);
    set('earliestMessageTimeStamp', this.#earliestMessageTime());
  }

  #addDays(set: (name: string, value: number) => void): void {
    const { stats } = this.#sources;
    set('msgPutTotalYesterdayMorning', this.#yesterdayMorning.puts);
    set('msgPutTotalTodayMorning', this.#todayMorning.puts);
    set('msgPutTotalTodayNow', stats.putNumsWithoutSystemTopic.value);
    set('msgGetTotalYesterdayMorning', this.#yesterdayMorning.gets);
    set('msgGetTotalTodayMorning', this.#todayMorning.gets);
    set('msgGetTotalTodayNow', stats.getNumsWithoutSystemTopic.value);
  }

  #addQueues(set: (name: string, value: number) => void): void {
    const { broker } = this.#sources.config;
    const capacities: Record<string, number> = {
      send: broker.sendThreadPoolQueueCapacity,
      pull: broker.pullThreadPoolQueueCapacity,
      litePull: broker.litePullThreadPoolQueueCapacity,
      query: broker.queryThreadPoolQueueCapacity,
      ack: broker.ackThreadPoolQueueCapacity,
    };
    for (const [name, queueCapacity] of Object.entries(capacities)) {
      set(`${name}ThreadPoolQueueSize`, 0);
      set(`${name}ThreadPoolQueueCapacity`, queueCapacity);
      set(`${name}ThreadPoolQueueHeadWaitTimeMills`, 0);
    }
    // What stands in the queue of Apache's send threads waits here for the device.
    set('sendThreadPoolQueueSize', this.#sources.sends.inFlight);
    set('sendThreadPoolQueueHeadWaitTimeMills', this.#sources.store.oldestPutWaitMs);
    set('EndTransactionQueueSize', 0);
    set('EndTransactionThreadPoolQueueCapacity', broker.endTransactionPoolQueueCapacity);
  }

  /** Store time of the log's first message; −1 in an empty store. */
  #earliestMessageTime(): number {
    const { store } = this.#sources;
    const record = store.commitLogMaxOffset() > store.commitLogMinOffset() ? store.lookMessageByOffset(store.commitLogMinOffset()) : null;
    return record === null ? -1 : storeTimestampOf(record);
  }
}

/** STORETIMESTAMP of a record. */
function storeTimestampOf(record: Buffer): number {
  const SYS_FLAG_POS = 36;
  const BORN_HOST_POS = 48;
  const bornHostBytes = (record.readInt32BE(SYS_FLAG_POS) & 0x10) === 0 ? 8 : 20;
  return Number(record.readBigInt64BE(BORN_HOST_POS + bornHostBytes));
}

function localDay(nowMs: number): string {
  return new Date(nowMs).toDateString();
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const part = (unit: number, wrap: number): number => Math.floor(seconds / unit) % wrap;
  return `[ ${Math.floor(seconds / 86_400)} days, ${part(3600, 24)} hours, ${part(60, 60)} minutes, ${part(1, 60)} seconds ]`;
}

function capacity(disk: Disk, path: string): string {
  try {
    const { totalBytes, availableBytes } = disk.statfsSync(path);
    return `Total : ${(totalBytes / GIB).toFixed(1)} GiB, Free : ${(availableBytes / GIB).toFixed(1)} GiB.`;
  } catch {
    return 'Total : 0 B, Free : 0 B.';
  }
}

function humanBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`;
}

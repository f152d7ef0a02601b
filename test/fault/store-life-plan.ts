import type { StoreConfig } from '../../broker/store/index.js';
import { type Random, seededRandom } from '../../src/common/clock.js';
import { DISK_CALLS, type Fault } from './store-fault-disk.js';

/** Shapes of messages; see `makePut`. */
export const PUT_KINDS = [
  'plain',
  'batch',
  'delayed',
  'half',
  'op',
  'timer',
  'commit',
  'prepared',
  'rollback',
  'v2',
  'ipv6',
  'large',
  'inner',
] as const;
export type PutKind = (typeof PUT_KINDS)[number];

/** One step of a life. */
export type Action =
  | { do: 'put'; kind: PutKind; topic: number; queueId: number; bodyBytes: number; waits: boolean }
  | { do: 'turn' }
  | { do: 'tick'; ms: number }
  | { do: 'sync'; count: number }
  | { do: 'faults'; faults: Fault[]; freePages: number; shortWriteOneIn: number; isEvicting: boolean }
  | { do: 'heal' }
  | { do: 'clock'; ms: number }
  | { do: 'clean'; usedRatio: number; isAsked: boolean; rounds: number }
  | { do: 'check' };

/** How a life ends. A store that is stopped may still die, or lose the power right after. */
export type End = 'kill' | 'power' | 'stop, kill' | 'stop, power';

/** One process: what it finds wrong while it starts, what it does, how it ends. */
export interface LifePlan {
  config: Partial<StoreConfig>;
  /** Changing disk calls until it dies; −1 never. */
  dieAfter: number;
  startFaults: Fault[];
  stopFaults: Fault[];
  writeBackOneIn: number;
  actions: Action[];
  end: End;
  /** Seed of the disk's choices. */
  diskSeed: number;
}

export interface Schedule {
  seed: number;
  isJournalOrdered: boolean;
  lives: LifePlan[];
}

export interface ScheduleOptions {
  flushDiskType?: 'SYNC_FLUSH' | 'ASYNC_FLUSH';
  /** Every crash is a power cut. */
  isPowerOnly?: boolean;
  /** Disk calls fail now and then. */
  hasFaults?: boolean;
  /** Old files are deleted in between: in its hours, when asked, and because the disk is full. */
  hasRetention?: boolean;
  /** Each life has other settings of flushing, index, CRC and warm-up. */
  isVaried?: boolean;
}

/** The schedule of a seed. */
export function planOf(seed: number, options: ScheduleOptions): Schedule {
  const random = seededRandom(seed);
  const lives: LifePlan[] = [];
  for (let count = 2 + random.nextInt(4); count > 0; count--) {
    lives.push(lifeOf(random, options));
  }
  return { seed, isJournalOrdered: random.nextInt(2) === 0, lives };
}

const oneIn = (random: Random, n: number): boolean => random.nextInt(n) === 0;

function lifeOf(random: Random, options: ScheduleOptions): LifePlan {
  const life = usualLife(random, options);
  // From numbers of their own, so that all else of a schedule is as without.
  return options.isVaried === true ? { ...life, config: { ...life.config, ...variedOf(seededRandom(life.diskSeed ^ 0x5eed)) } } : life;
}

function usualLife(random: Random, options: ScheduleOptions): LifePlan {
  const flushDiskType = options.flushDiskType ?? (oneIn(random, 2) ? 'SYNC_FLUSH' : 'ASYNC_FLUSH');
  const hasFaults = options.hasFaults === true;
  const actions: Action[] = [];
  for (let steps = 3 + random.nextInt(oneIn(random, 4) ? 40 : 12); steps > 0; steps--) {
    addStep(random, actions, hasFaults);
    if (options.hasRetention === true) addCleaning(random, actions);
  }
  const isPower = options.isPowerOnly === true || oneIn(random, 2);
  const isStopped = oneIn(random, 4);
  return {
    config: {
      flushDiskType,
      flushIntervalConsumeQueue: oneIn(random, 2) ? 200 : 1000,
      messageIndexSafe: oneIn(random, 4),
      syncFlushTimeout: oneIn(random, 4) ? 1000 : 5000,
      ...(options.hasRetention === true ? retentionOf(random) : {}),
    },
    dieAfter: oneIn(random, 5) ? -1 : random.nextInt(oneIn(random, 3) ? 15 : 150),
    startFaults: hasFaults && oneIn(random, 4) ? faultsOf(random, 60) : [],
    stopFaults: hasFaults && oneIn(random, 3) ? faultsOf(random, 20) : [],
    writeBackOneIn: oneIn(random, 2) ? 0 : 1 + random.nextInt(20),
    actions,
    end: `${isStopped ? 'stop, ' : ''}${isPower ? 'power' : 'kill'}`,
    diskSeed: random.nextInt(2 ** 31 - 1),
  };
}

/** Every hour is one of deletion; files expire at once, or only a full disk makes them go. */
function retentionOf(random: Random): Partial<StoreConfig> {
  return {
    deleteWhen: Array.from({ length: 24 }, (_, hour) => hour).join(';'),
    fileReservedTime: oneIn(random, 3) ? 72 : 0,
    cleanFileForciblyEnable: !oneIn(random, 4),
    cleanResourceInterval: 500,
    redeleteHangedFileInterval: 1000,
    deleteCommitLogFilesInterval: random.nextInt(2) * 100,
    deleteConsumeQueueFilesInterval: random.nextInt(2) * 100,
    deleteFileBatchMax: 1 + random.nextInt(10),
  };
}

function variedOf(random: Random): Partial<StoreConfig> {
  return {
    flushCommitLogTimed: oneIn(random, 2),
    wakeFlushWhenPutMessage: oneIn(random, 2),
    flushCommitLogLeastPages: random.nextInt(5),
    flushIntervalCommitLog: [10, 200, 500][random.nextInt(3)]!,
    flushCommitLogThoroughInterval: [100, 10_000][random.nextInt(2)]!,
    flushConsumeQueueThoroughInterval: [500, 60_000][random.nextInt(2)]!,
    enabledAppendPropCRC: oneIn(random, 2),
    forceVerifyPropCRC: oneIn(random, 2),
    warmMapedFileEnable: oneIn(random, 4),
    messageIndexEnable: !oneIn(random, 4),
  };
}

/** Enough for files to become old ones, and rounds that remove them. */
function addCleaning(random: Random, actions: Action[]): void {
  if (oneIn(random, 3)) {
    for (let puts = random.nextInt(5); puts > 0; puts--) {
      const place = { topic: random.nextInt(3), queueId: random.nextInt(2) };
      actions.push({ do: 'put', kind: 'large', ...place, bodyBytes: random.nextInt(4000), waits: true });
    }
    actions.push({ do: 'turn' });
  }
  if (!oneIn(random, 3)) return;
  const usedRatio = [0.1, 0.1, 0.78, 0.87, 0.93][random.nextInt(5)]!;
  actions.push({ do: 'clean', usedRatio, isAsked: oneIn(random, 2), rounds: 1 + random.nextInt(6) });
}

function addStep(random: Random, actions: Action[], hasFaults: boolean): void {
  for (let puts = random.nextInt(6); puts > 0; puts--) {
    const kind = oneIn(random, 2) ? 'plain' : PUT_KINDS[random.nextInt(PUT_KINDS.length)]!;
    const bodyBytes = random.nextInt(oneIn(random, 8) ? 5000 : 200);
    actions.push({ do: 'put', kind, topic: random.nextInt(3), queueId: random.nextInt(2), bodyBytes, waits: !oneIn(random, 10) });
  }
  actions.push({ do: 'turn' });
  if (oneIn(random, 3)) actions.push({ do: 'tick', ms: random.nextInt(oneIn(random, 8) ? 7000 : 1500) });
  if (oneIn(random, 2)) actions.push({ do: 'sync', count: oneIn(random, 3) ? 1 : 1000 });
  if (oneIn(random, 40)) actions.push({ do: 'clock', ms: (oneIn(random, 3) ? -1 : 1) * random.nextInt(oneIn(random, 2) ? 2000 : 20_000) });
  if (oneIn(random, 25)) actions.push({ do: 'check' });
  if (!hasFaults) return;
  if (oneIn(random, 12)) {
    const freePages = oneIn(random, 4) ? random.nextInt(6) : -1;
    const shortWriteOneIn = oneIn(random, 4) ? 1 + random.nextInt(4) : 0;
    actions.push({ do: 'faults', faults: faultsOf(random, 12), freePages, shortWriteOneIn, isEvicting: oneIn(random, 3) });
  }
  if (oneIn(random, 6)) actions.push({ do: 'heal' });
}

function faultsOf(random: Random, within: number): Fault[] {
  const faults: Fault[] = [];
  for (let count = 1 + random.nextInt(2); count > 0; count--) {
    const call = DISK_CALLS[random.nextInt(DISK_CALLS.length)]!;
    const times = oneIn(random, 3) ? 1 + random.nextInt(20) : 1;
    faults.push({ call, at: random.nextInt(within), times, code: oneIn(random, 2) ? 'EIO' : 'ENOSPC' });
  }
  return faults;
}

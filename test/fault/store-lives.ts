import { expect } from 'vitest';
import { MessageStore, type StoreConfig } from '../../broker/store/index.js';
import { freshSeed, seededRandom } from '../../src/common/clock.js';
import { type Logger, noopLogger } from '../../src/common/logger.js';
import { storeConfig } from '../broker/store/store-kit.js';
import { Died, type Fault, FaultDisk } from './store-fault-disk.js';
import { type Action, type LifePlan, planOf, type Schedule, type ScheduleOptions } from './store-life-plan.js';
import { ManualTime } from './store-life-time.js';
import { queueTypeOf, StoreModel } from './store-model.js';

const ROOT = '/store';
const SMALL_FILES: Partial<StoreConfig> = {
  mappedFileSizeCommitLog: 16_384,
  mappedFileSizeConsumeQueue: 200,
  maxHashSlotNum: 50,
  maxIndexNum: 100,
  cleanFileForciblyEnable: false,
};
const HEALTHY: LifePlan = {
  config: {},
  dieAfter: -1,
  startFaults: [],
  stopFaults: [],
  writeBackOneIn: 0,
  actions: [{ do: 'turn' }, { do: 'tick', ms: 1100 }, { do: 'sync', count: 1000 }, { do: 'check' }],
  end: 'stop, power',
  diskSeed: 1,
};

const LAST: LifePlan = { ...HEALTHY, actions: [] };

/** One store through all lives of a schedule; throws when it breaks a promise. */
export class StoreLives {
  readonly #schedule: Schedule;
  readonly #trace: ((line: string) => void) | null;
  readonly #model = new StoreModel();
  #disk: FaultDisk;
  #time = new ManualTime(1_700_000_000_000);
  #wallMs = 1_700_000_000_000;
  /** The power was cut since the last start that worked. */
  #hasLostPower = false;
  #hasSeenFaults = false;

  constructor(schedule: Schedule, trace: ((line: string) => void) | null = null) {
    this.#schedule = schedule;
    this.#trace = trace;
    this.#disk = new FaultDisk(seededRandom(schedule.seed));
    this.#disk.isJournalOrdered = schedule.isJournalOrdered;
  }

  async run(): Promise<void> {
    for (const [i, plan] of [...this.#schedule.lives, HEALTHY, LAST].entries()) {
      this.#trace?.(`life ${i}: ${JSON.stringify({ ...plan, actions: plan.actions.length })}`);
      await this.#live(plan);
    }
  }

  async #live(plan: LifePlan): Promise<void> {
    const disk = this.#disk;
    disk.dieAfter = plan.dieAfter < 0 ? -1 : disk.calls + plan.dieAfter;
    disk.writeBackOneIn = plan.writeBackOneIn;
    const store = await this.#start(plan);
    if (store === null) {
      this.#crash(plan, null);
      return;
    }
    const live = this.#disk;
    for (const action of plan.actions) {
      if (live.isDead) break;
      this.#act(store, action);
    }
    if (plan.end.startsWith('stop') && !live.isDead) {
      await this.#stop(store, plan.stopFaults);
    }
    this.#crash(plan, store);
  }

  /** Opens the store; null when the process died. A start that met a failing disk is tried again on a disk that is well. */
  async #start(plan: LifePlan): Promise<MessageStore | null> {
    const disk = this.#disk;
    this.#time = new ManualTime(this.#wallMs);
    disk.inject(...plan.startFaults);
    disk.nowMs = this.#wallMs;
    const before = disk.copy();
    const config = storeConfig(ROOT, { ...SMALL_FILES, ...plan.config });
    this.#model.hasFullIndex &&= config.messageIndexEnable;
    try {
      const store = await MessageStore.open({ config, logger: this.#logger(), disk, clock: this.#time, timers: this.#time, queueTypeOf });
      if (disk.isDead) return null;
      disk.clearFaults();
      this.#trace?.(`  started: ${JSON.stringify(store.recovery)}`);
      checkCut(before, disk, store.commitLogMaxOffset());
      this.#model.check(store, disk, {
        end: store.commitLogMaxOffset(),
        isStart: true,
        isAfterPowerLoss: this.#hasLostPower,
        isLast: plan === LAST,
      });
      this.#hasLostPower = false;
      return store;
    } catch (error) {
      if (disk.isDead || error instanceof Died) return null;
      if (disk.faultsSeen === 0 || plan.startFaults.length === 0) throw error;
      this.#hasSeenFaults = true;
      this.#trace?.(`  did not start: ${String(error)}`);
      this.#disk = disk.afterKill();
      return this.#start({ ...plan, startFaults: [] });
    }
  }

  #logger(): Logger {
    const note = (text: string): void => {
      this.#trace?.(`  logged: ${text}`);
      // Queues and index that have lost something are made anew, which would hide why. A disk that fails may tear the checkpoint, and an
      // index that was not always kept gets records that it did not have.
      const isOwed = this.#schedule.isJournalOrdered && !this.#hasSeenFaults && this.#model.hasFullIndex;
      if (text.includes('made anew from the commit log') && isOwed) throw new Error(text);
    };
    return { ...noopLogger, warn: note, error: note };
  }

  #act(store: MessageStore, action: Action): void {
    const disk = this.#disk;
    if (this.#trace !== null && action.do !== 'turn')
      this.#trace(`  ${JSON.stringify(action)} @${disk.calls} log ${store.commitLogMaxOffset()}`);
    try {
      this.#do(store, action);
    } catch (error) {
      if (!disk.isDead) throw error;
    }
    if (!disk.isDead && store.isWriteable) this.#model.noteWriteable();
  }

  #do(store: MessageStore, action: Action): void {
    const disk = this.#disk;
    switch (action.do) {
      case 'put':
        this.#model.put(store, disk, action);
        return;
      case 'turn':
        store.flushTurn();
        return;
      case 'tick':
        this.#time.tick(action.ms);
        disk.nowMs = this.#time.nowMs();
        return;
      case 'sync':
        disk.completeSyncs(action.count);
        return;
      case 'clock':
        this.#time.jump(action.ms);
        return;
      case 'clean':
        this.#clean(store, action);
        return;
      case 'faults':
        disk.isEvicting = action.isEvicting;
        disk.shortWriteOneIn = action.shortWriteOneIn;
        // A checkpoint that is written in two steps can be torn too.
        this.#hasSeenFaults ||= action.shortWriteOneIn > 0;
        disk.maxPages = action.freePages < 0 ? Number.MAX_SAFE_INTEGER : disk.usedPages + action.freePages;
        disk.inject(...action.faults);
        return;
      case 'heal':
        disk.clearFaults();
        return;
      case 'check':
        disk.clearFaults();
        store.flushTurn();
        if (!disk.hasEvicted) this.#model.check(store, disk, { end: visibleEnd(store), isStart: false, isAfterPowerLoss: false });
    }
  }

  /** Some rounds of retention, with the flushes and removals that end meanwhile. */
  #clean(store: MessageStore, { usedRatio, isAsked, rounds }: Action & { do: 'clean' }): void {
    const disk = this.#disk;
    disk.usedRatio = usedRatio;
    if (isAsked) store.deleteExpiredFiles();
    for (let round = 0; round < rounds; round++) {
      this.#time.tick(250);
      disk.nowMs = this.#time.nowMs();
      disk.completeSyncs();
      this.#model.noteRemoved(store);
    }
    disk.usedRatio = 0.1;
  }

  /** Stops in order; the disk may fail or die meanwhile. After a stop that was clean nothing may be lost, whatever the flush type. */
  async #stop(store: MessageStore, faults: readonly Fault[]): Promise<void> {
    const disk = this.#disk;
    const seen = disk.faultsSeen;
    disk.inject(...faults);
    let isStopped = false;
    let failure: unknown = null;
    store.shutdown().then(
      () => {
        isStopped = true;
      },
      (error: unknown) => {
        isStopped = true;
        failure = error;
      },
    );
    for (let i = 0; i < 2000 && !isStopped && !disk.isDead; i++) {
      disk.completeSyncs();
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (disk.isDead) return;
    expect(isStopped, 'the store stops').toBe(true);
    if (failure !== null) throw failure;
    const isClean = disk.content(`${ROOT}/abort`) === null;
    this.#trace?.(`  stopped, ${isClean ? 'clean' : 'not clean'}`);
    if (isClean) this.#model.noteStopped();
    else if (disk.faultsSeen === seen && seen === 0) throw new Error('a stop without faults left the abort file');
  }

  #crash(plan: LifePlan, store: MessageStore | null): void {
    if (store !== null) this.#model.noteFlushed(store.flushedWhere);
    const isPower = plan.end.endsWith('power');
    this.#model.hasLostCache = this.#disk.hasEvicted;
    this.#hasSeenFaults ||= this.#disk.faultsSeen > 0;
    this.#model.noteCrash(isPower);
    this.#hasLostPower ||= isPower;
    this.#trace?.(`  ${this.#disk.isDead ? 'died' : 'ended'} after ${this.#disk.calls} calls, ${isPower ? 'power lost' : 'killed'}`);
    this.#wallMs = this.#time.nowMs() + 1000;
    const random = seededRandom(plan.diskSeed);
    this.#disk = isPower ? this.#disk.afterPowerLoss(random) : this.#disk.afterKill(random);
  }
}

/** End of what a reader may see. */
function visibleEnd(store: MessageStore): number {
  return store.config.flushDiskType === 'SYNC_FLUSH' ? store.flushedWhere : store.commitLogMaxOffset();
}

/** What lay in the log behind its end was copied aside before it was cut. */
function checkCut(before: FaultDisk, after: FaultDisk, end: number): void {
  let bytes = Buffer.alloc(0);
  for (const path of before.paths().filter((each) => each.startsWith(`${ROOT}/commitlog/`))) {
    const start = Number(path.slice(-20));
    const content = before.content(path)!;
    const from = Math.max(end - start, 0);
    let last = content.length;
    while (last > from && content[last - 1] === 0) last--;
    if (last > from) {
      bytes = Buffer.concat([bytes], start + last - end);
      content.copy(bytes, start + from - end, from, last);
    }
  }
  if (bytes.length === 0) return;
  const prefix = `${ROOT}/recovered/commitlog-${String(end).padStart(20, '0')}-`;
  const copies = after.paths().filter((path) => path.startsWith(prefix));
  const isKept = copies.some((path) => after.content(path)!.equals(bytes));
  expect(isKept, `${bytes.length} bytes behind ${end} are in ${prefix}*`).toBe(true);
}

/** Runs the seeds one after the other; a failure names the seed, and the shortest schedule found that still fails. */
export async function runSeeds(first: number, count: number, options: ScheduleOptions): Promise<void> {
  for (let seed = first; seed < first + count; seed++) {
    const schedule = planOf(seed, options);
    const error = await failureOf(schedule);
    if (error !== null) {
      const lines: string[] = [];
      const short = await shrink(schedule);
      await failureOf(short, (line) => lines.push(line));
      const how = `MQKIT_SEED=${seed} MQKIT_FAULT_RUNS=1 repeats it`;
      throw new Error(`seed ${seed} (${how}): ${String(error)}\nshortened:\n${lines.join('\n')}`, { cause: error });
    }
  }
}

async function failureOf(schedule: Schedule, trace: ((line: string) => void) | null = null): Promise<unknown> {
  try {
    await new StoreLives(schedule, trace).run();
    return null;
  } catch (error) {
    trace?.(String(error));
    return error;
  }
}

/** Leaves out lives, faults and actions while it still fails. */
async function shrink(schedule: Schedule): Promise<Schedule> {
  let best = schedule;
  const attempt = async (lives: LifePlan[]): Promise<boolean> => {
    const candidate = { ...best, lives };
    const fails = (await failureOf(candidate)) !== null;
    if (fails) best = candidate;
    return fails;
  };
  for (let i = best.lives.length - 1; i >= 0; i--) {
    await attempt(best.lives.toSpliced(i, 1));
  }
  for (let i = 0; i < best.lives.length; i++) {
    for (let size = 16; size >= 1; size >>= 1) {
      for (let at = best.lives[i]!.actions.length - size; at >= 0; at -= size) {
        const life = best.lives[i]!;
        await attempt(best.lives.with(i, { ...life, actions: life.actions.toSpliced(at, size) }));
      }
    }
  }
  return best;
}

/** Seed and number of runs, as the environment says. */
export function runsWanted(fallback: number): { seed: number; runs: number } {
  return { seed: Number(process.env.MQKIT_SEED ?? freshSeed()), runs: Number(process.env.MQKIT_FAULT_RUNS ?? fallback) };
}

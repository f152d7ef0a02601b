import { ConnectError, MQError, TimeoutError } from '../../common/errors.js';
import type { ClusterTarget } from '../cluster-probe.js';
import { judgeMerged } from '../delivery-merge.js';
import type { ClockOffset } from '../environment.js';
import { loadHistograms } from '../latency-histogram.js';
import type { BenchHooks } from '../progress.js';
import type { IntervalSnapshot } from '../recorder.js';
import type { BenchResult } from '../result.js';
import { RunWatch } from '../run-watch.js';
import { ChildWorker } from './child-worker.js';
import type { WorkerRun } from './inbox.js';
import { hasBegun, mergeResults, type WorkerPart } from './merge-results.js';
import type { WorkerJob } from './protocol.js';
import { RemoteWorker } from './remote-worker.js';
import { SnapshotSum } from './snapshot-sum.js';
import type { WorkerTeam } from './worker-list.js';

export interface WorkersRun {
  readonly team: WorkerTeam;
  /** One for each worker, local ones first. */
  readonly jobs: readonly WorkerJob[];
  /** The options of the whole load, as the result shows them. */
  readonly whole: ClusterTarget & { readonly warmupMs: number };
  readonly hooks: BenchHooks;
  /** Ends the run when the workers counted so many messages together. */
  readonly enough?: number;
  /** Ends the run when no worker counted anything for so long. */
  readonly idleLimitMs?: number;
}

export interface WorkersOutcome<R extends BenchResult> {
  readonly result: R;
  /** Ended because nothing came for `idleLimitMs`. */
  readonly isIdle: boolean;
}

/** How long workers may take to connect. */
const READY_LIMIT_MS = 60_000;
/** A worker whose load runs and that says nothing for so long is given up; so is one that was told to end. */
const QUIET_LIMIT_MS = 30_000;
const LOOK_MS = 250;
const DEFAULT_INTERVAL_MS = 1000;

/**
 * Divides a load among workers: all connect, all begin together, and what they measured becomes one result.
 * @throws MQError when a worker could not begin; and when one failed later: the others end at once, and their merged result, marked
 * partial, is its `context.result`.
 */
export async function runOnWorkers<R extends BenchResult>(options: WorkersRun): Promise<WorkersOutcome<R>> {
  await loadHistograms();
  const team = new Team<R>(options);
  try {
    return await team.run();
  } finally {
    await team.close();
  }
}

interface Member {
  readonly name: string;
  readonly run: WorkerRun;
  /** Of a worker at an address. */
  readonly clock?: ClockOffset;
  lastHeardMs: number;
  ended: boolean;
}

type StopReason = 'interrupt' | 'enough' | 'idle' | 'failure';

class Team<R extends BenchResult> {
  readonly #options: WorkersRun;
  readonly #members: Member[] = [];
  readonly #sum: SnapshotSum;
  #failure: { readonly member: Member; readonly error: MQError } | null = null;
  #stoppedFor: StopReason | null = null;
  #watch: RunWatch | undefined;

  constructor(options: WorkersRun) {
    this.#options = options;
    this.#sum = new SnapshotSum(options.jobs.length);
  }

  async run(): Promise<WorkersOutcome<R>> {
    const { signal } = this.#options.hooks;
    const stop = (): void => this.#stop('interrupt');
    const watch = await RunWatch.begin(this.#options.whole);
    this.#watch = watch;
    await this.#open();
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted === true) {
      stop();
    }
    const timers: NodeJS.Timeout[] = [];
    try {
      await this.#allReady();
      for (const member of this.#members) {
        member.run.start();
        member.lastHeardMs = performance.now();
      }
      // A consumer's window begins with a message, so a little later; what the broker does until then is little too.
      timers.push(
        setTimeout(() => watch.start(), this.#options.whole.warmupMs),
        this.#tellProgress(),
        this.#look(),
      );
      return await this.#merge(await this.#parts());
    } finally {
      for (const timer of timers) {
        clearInterval(timer);
      }
      signal?.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {
    this.#watch?.stop();
    await Promise.all(this.#members.map(({ run }) => run.close()));
  }

  /** Opens all, and says why the first of those that cannot be opened cannot. */
  async #open(): Promise<void> {
    const { jobs, team } = this.#options;
    const opened = await Promise.allSettled(
      jobs.map(async (job, index): Promise<Member> => {
        const onProgress = (snapshot: IntervalSnapshot): void => this.#heard(index, snapshot);
        const address = team.remote[index - team.local];
        const lastHeardMs = performance.now();
        if (address === undefined) {
          const name = `local ${index + 1}`;
          return { name, run: new ChildWorker({ name, job, onProgress }), lastHeardMs, ended: false };
        }
        const run = await RemoteWorker.open({ address, token: team.token ?? '', job, onProgress });
        return { name: address, run, clock: run.clock, lastHeardMs, ended: false };
      }),
    );
    this.#members.push(...opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
    const refused = opened.find((one) => one.status === 'rejected');
    if (refused !== undefined) {
      throw refused.reason;
    }
  }

  #heard(index: number, snapshot: IntervalSnapshot): void {
    const member = this.#members[index];
    if (member !== undefined) {
      member.lastHeardMs = performance.now();
    }
    this.#sum.add(index, snapshot);
    this.#stopWhenEnough();
  }

  #stopWhenEnough(): void {
    if (this.#sum.count >= (this.#options.enough ?? Number.POSITIVE_INFINITY)) {
      this.#stop('enough');
    }
  }

  async #allReady(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new TimeoutError(`workers were not ready within ${READY_LIMIT_MS / 1000} s`, { code: 'WORKERS_NOT_READY' })),
        READY_LIMIT_MS,
      );
    });
    const ready = this.#members.map(({ name, run }) =>
      run.ready.catch((error: unknown) => {
        throw named(name, error);
      }),
    );
    try {
      await Promise.race([Promise.all(ready), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What each worker measured; the first failure ends the others. */
  async #parts(): Promise<WorkerPart<R>[]> {
    const parts = await Promise.all(
      this.#members.map(async (member, index) => {
        try {
          const { result, pointHistograms } = await member.run.result;
          const { name, clock } = member;
          // One that gave up says itself why.
          if (result.interrupted === true && result.partial !== true && hasBegun(result) && this.#stoppedFor === null) {
            this.#failure = { member, error: new ConnectError(`worker ${name} was ended by somebody else`, { code: 'WORKER_ENDED' }) };
            this.#stop('failure');
          }
          const measured = result.send ?? result.receive;
          if (measured !== undefined) {
            // One that had the whole quantity has told of the last of it with its result alone.
            this.#sum.end(index, measured);
            this.#stopWhenEnough();
          }
          return { name, result: result as R, pointHistograms, ...(clock === undefined ? {} : { clock }) };
        } catch (error) {
          this.#failure ??= { member, error: named(member.name, error) };
          this.#stop('failure');
          return null;
        } finally {
          member.ended = true;
        }
      }),
    );
    return parts.filter((part) => part !== null);
  }

  async #merge(parts: readonly WorkerPart<R>[]): Promise<WorkersOutcome<R>> {
    const failure = this.#failure;
    if (failure === null) {
      const merged = this.#merged(parts);
      const { interrupted: _, ...complete } = merged;
      return { result: this.#stoppedFor === 'enough' ? (complete as R) : merged, isIdle: this.#stoppedFor === 'idle' };
    }
    if (parts.length === 0) {
      throw failure.error;
    }
    const message = `${failure.error.message}; what ${parts.length} of ${this.#members.length} workers measured until then is kept`;
    const { interrupted: _, ...result } = await judgeMerged(this.#merged(parts), undefined);
    throw copyOf(failure.error, message, { result: { ...result, partial: true, failure: message } });
  }

  #merged(parts: readonly WorkerPart<R>[]): R {
    const { onPoint } = this.#options.hooks;
    const environment = this.#watch?.end();
    return mergeResults(parts, this.#options.whole, { ...(environment === undefined ? {} : { environment }), onPoint });
  }

  #stop(reason: StopReason): void {
    if (this.#stoppedFor === null) {
      this.#stoppedFor = reason;
      for (const member of this.#members) {
        member.lastHeardMs = performance.now();
        member.run.stop();
      }
    }
  }

  #tellProgress(): NodeJS.Timeout {
    const { onInterval, intervalMs } = this.#options.hooks;
    return setInterval(() => onInterval?.(this.#sum.take()), intervalMs ?? DEFAULT_INTERVAL_MS);
  }

  /** Looks for workers that say nothing any more, and for the end of what there is to receive. */
  #look(): NodeJS.Timeout {
    const { idleLimitMs = Number.POSITIVE_INFINITY } = this.#options;
    let seen = 0;
    let seenMs = performance.now();
    return setInterval(() => {
      const nowMs = performance.now();
      for (const { name, run, ended, lastHeardMs } of this.#members) {
        if (!ended && nowMs - lastHeardMs > QUIET_LIMIT_MS) {
          run.abandon(new TimeoutError(`worker ${name} said nothing for ${QUIET_LIMIT_MS / 1000} s`, { code: 'WORKER_SILENT' }));
        }
      }
      const { outcomes } = this.#sum;
      if (outcomes !== seen) {
        seen = outcomes;
        seenMs = nowMs;
      } else if (nowMs - seenMs > idleLimitMs) {
        this.#stop('idle');
      }
    }, LOOK_MS);
  }
}

/** The error with the worker's name in front, unless it says it already. */
function named(name: string, error: unknown): MQError {
  if (!(error instanceof MQError)) {
    return new MQError('broker', `worker ${name}: ${String(error)}`, { defaultCode: 'WORKER_FAILED', cause: error });
  }
  return error.message.includes(`worker ${name}`) ? error : copyOf(error, `worker ${name}: ${error.message}`, error.context);
}

function copyOf(error: MQError, message: string, context: Record<string, unknown>): MQError {
  return new MQError(error.category, message, {
    defaultCode: error.code,
    retriable: error.retriable,
    context,
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}

import type { ProducerStats } from '../client/producer/send-stats.js';
import type { MQError } from '../common/errors.js';
import type { ClusterTarget } from './cluster-probe.js';
import type { Environment } from './environment.js';
import { loadHistograms } from './latency-histogram.js';
import { type BenchHooks, reportProgress } from './progress.js';
import type { Recorder } from './recorder.js';
import type { SendMeasured } from './result.js';
import { RunWatch } from './run-watch.js';
import { SendLoad, type SendLoadOptions } from './send-load.js';
import { SuccessWatch } from './success-watch.js';

/** A load that has a number of messages and no time ends when nothing succeeds for so long. */
export const LOST_LIMIT_MS = 30_000;

/** A broker that answers, but takes nothing for so long before the end, is as good as gone; for a shorter time it may be busy. */
const REFUSED_LIMIT_MS = 5000;

/** Nobody answered. */
function isGone(error: MQError | null): boolean {
  return error?.category === 'connect' || error?.category === 'timeout';
}

/** Why a load went on no more when it had nothing but errors for so long; undefined when that says nothing. */
export function lossOf(what: 'send' | 'pull', lostMs: number, lastError: MQError | null): string | undefined {
  return lostMs > (isGone(lastError) ? 0 : REFUSED_LIMIT_MS)
    ? `no ${what} succeeded in the last ${(lostMs / 1000).toFixed(1)} s: ${lastError?.message ?? 'the broker did not take them'}`
    : undefined;
}

/**
 * Runs something that is measured, and describes what it ran on. The watch is started by whoever knows where the window begins.
 * @param target whose brokers are looked at; left out where somebody else does, as in one of several workers
 */
export async function inFrame<T>(
  run: (watch: RunWatch) => Promise<T>,
  target?: ClusterTarget,
): Promise<{ outcome: T; environment: Environment }> {
  await loadHistograms();
  const watch = await RunWatch.begin(target);
  try {
    const outcome = await run(watch);
    return { outcome, environment: watch.end() };
  } finally {
    watch.stop();
  }
}

/** One load of sends, and who is told about it. */
export interface SendRun {
  readonly load: Omit<SendLoadOptions, 'recorder' | 'onWindow'>;
  readonly recorder: Recorder;
  readonly stats: () => ProducerStats;
  readonly hooks: BenchHooks;
  /** The warm-up is over. */
  readonly onWindow?: () => void;
}

/** What a load of sends came to. */
export interface SendRunOutcome {
  readonly send: SendMeasured;
  readonly interrupted: boolean;
  /** Why it could not go on: nothing succeeded any more. */
  readonly failure?: string;
}

/** Sends a load and measures it. @throws the first error that came when nothing at all could be sent. */
export async function runSends({ load: options, recorder, stats, hooks, onWindow }: SendRun): Promise<SendRunOutcome> {
  let before = stats();
  const load = new SendLoad({
    ...options,
    recorder,
    onWindow: () => {
      before = stats();
      onWindow?.();
    },
  });
  await hooks.ready?.();
  const stop = (): void => load.stop();
  hooks.signal?.addEventListener('abort', stop, { once: true });
  const endProgress = reportProgress(recorder, hooks);
  let gaveUpMs = 0;
  const giveUp = (): void => {
    gaveUpMs = successes.lostMs;
    stop();
  };
  const successes = new SuccessWatch(recorder, options.durationMs === undefined ? LOST_LIMIT_MS : Number.POSITIVE_INFINITY, giveUp);
  const running = load.run();
  if (hooks.signal?.aborted === true) {
    stop();
  }
  const outcome = await running;
  // What was given up stays so, also when one of the last sends succeeds.
  const lostMs = Math.max(gaveUpMs, successes.lostMs);
  successes.end();
  endProgress();
  hooks.signal?.removeEventListener('abort', stop);
  if (recorder.count === 0 && outcome.firstError !== null) {
    throw outcome.firstError;
  }
  const isAborted = hooks.signal?.aborted === true;
  const failure = isAborted ? undefined : lossOf('send', lostMs, outcome.lastError);
  return {
    send: {
      ...recorder.measured(outcome.seconds),
      ...recorder.uncorrectedMeasured(),
      unsent: outcome.unsent,
      ...attemptsSince(before, stats()),
    },
    // A load that gave up was not ended by anybody.
    interrupted: outcome.interrupted && isAborted,
    ...(failure === undefined ? {} : { failure }),
  };
}

/** What the producer's counters say of the window. */
function attemptsSince(before: ProducerStats, after: ProducerStats): Pick<SendMeasured, 'attempts' | 'retries' | 'failedAttemptsByCode'> {
  const failed = Object.entries(after.failedAttemptsByCode)
    .map(([code, count]) => [code, count - (before.failedAttemptsByCode[code] ?? 0)] as const)
    .filter(([, count]) => count > 0);
  return {
    attempts: after.attempts - before.attempts,
    retries: after.retries - before.retries,
    failedAttemptsByCode: Object.fromEntries(failed),
  };
}

/** How a run ended, as its result says it; nothing for one that went to its end. */
export function endOf({ interrupted, failure }: { readonly interrupted: boolean; readonly failure?: string }): {
  readonly interrupted?: true;
  readonly partial?: true;
  readonly failure?: string;
} {
  return { ...(interrupted ? { interrupted } : {}), ...(failure === undefined ? {} : { partial: true, failure }) };
}

/** The same hooks for a load whose progress nobody is told about. */
export function quietly({ onInterval: _, ...rest }: BenchHooks): BenchHooks {
  return rest;
}

/** Options of a run as its result carries them: keys are never part of it, and times are in seconds. */
export function configOf(options: {
  readonly credentials?: unknown;
  readonly idleLimitMs?: number;
  readonly warmupMs?: number;
  readonly durationMs?: number;
}): Record<string, unknown> {
  const { credentials: _, idleLimitMs: __, warmupMs, durationMs, ...rest } = options;
  return {
    ...rest,
    ...(warmupMs === undefined ? {} : { warmupSeconds: warmupMs / 1000 }),
    ...(durationMs === undefined ? {} : { durationSeconds: durationMs / 1000 }),
  };
}

/** Looks at the condition every few milliseconds, until it holds (true) or the time is over. */
export function waitUntil(condition: () => boolean, limitMs: number): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  return new Promise((resolve) => {
    const look = (): void => {
      const leftMs = endMs - performance.now();
      const holds = condition();
      if (holds || leftMs <= 0) {
        resolve(holds);
      } else {
        setTimeout(look, Math.min(leftMs, 20));
      }
    };
    look();
  });
}

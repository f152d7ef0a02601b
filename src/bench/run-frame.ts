import os from 'node:os';
import type { ProducerStats } from '../client/producer/send-stats.js';
import { describeEnvironment, type Environment, GeneratorWatch } from './environment.js';
import { loadHistograms } from './latency-histogram.js';
import { attemptsSince } from './producer-bench.js';
import { type BenchHooks, reportProgress } from './progress.js';
import type { Recorder } from './recorder.js';
import type { SendMeasured } from './result.js';
import { SendLoad, type SendLoadOptions } from './send-load.js';

/** Runs something that is measured, and describes what it ran on. The watch is started by whoever knows where the window begins. */
export async function inFrame<T>(run: (watch: GeneratorWatch) => Promise<T>): Promise<{ outcome: T; environment: Environment }> {
  await loadHistograms();
  const startedAt = new Date();
  const loadAverage = os.loadavg()[0] ?? 0;
  const watch = new GeneratorWatch();
  const outcome = await run(watch);
  return { outcome, environment: describeEnvironment(startedAt, loadAverage, watch.stop()) };
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
  const stop = (): void => load.stop();
  hooks.signal?.addEventListener('abort', stop, { once: true });
  const endProgress = reportProgress(recorder, hooks);
  const outcome = await load.run();
  endProgress();
  hooks.signal?.removeEventListener('abort', stop);
  if (recorder.count === 0 && outcome.firstError !== null) {
    throw outcome.firstError;
  }
  return {
    send: {
      ...recorder.measured(outcome.seconds),
      ...recorder.uncorrectedMeasured(),
      unsent: outcome.unsent,
      ...attemptsSince(before, stats()),
    },
    interrupted: outcome.interrupted,
  };
}

/** Options of a run as its result carries them: keys are never part of it, and times are in seconds. */
export function configOf(options: {
  readonly credentials?: unknown;
  readonly warmupMs?: number;
  readonly durationMs?: number;
}): Record<string, unknown> {
  const { credentials: _, warmupMs, durationMs, ...rest } = options;
  return {
    ...rest,
    ...(warmupMs === undefined ? {} : { warmupSeconds: warmupMs / 1000 }),
    ...(durationMs === undefined ? {} : { durationSeconds: durationMs / 1000 }),
  };
}

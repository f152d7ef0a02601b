/** Measurements for programs: `import { runWorkload } from 'mqkit/bench'`. */
import { UsageError } from '../common/errors.js';
import type { BacklogBenchOptions } from './backlog-bench.js';
import type { BatchBenchOptions } from './batch-bench.js';
import { checkOptions } from './check-options.js';
import type { ConsumerBenchOptions } from './consumer-bench.js';
import type { FanoutBenchOptions } from './fanout-bench.js';
import type {
  BacklogResult,
  BatchResult,
  FanoutResult,
  LatencyResult,
  PingpongResult,
  TimerResult,
  TransactionResult,
} from './kind-results.js';
import type { LatencyBenchOptions } from './latency-bench.js';
import type { PingpongBenchOptions } from './pingpong-bench.js';
import type { ProducerBenchOptions } from './producer-bench.js';
import type { BenchHooks } from './progress.js';
import type { ConsumerResult, ProducerResult } from './result.js';
import type { TimerBenchOptions } from './timer-bench.js';
import type { TransactionBenchOptions } from './transaction-bench.js';
import { withWarnings } from './warnings.js';

export type { BacklogBenchOptions } from './backlog-bench.js';
export type { BatchBenchOptions } from './batch-bench.js';
export type { ConsumerBenchOptions } from './consumer-bench.js';
export type { BrokerLoad, Environment, GeneratorLoad } from './environment.js';
export type { FanoutBenchOptions } from './fanout-bench.js';
export type {
  BacklogResult,
  BatchResult,
  FanoutResult,
  LatencyResult,
  PingpongResult,
  TimerResult,
  TransactionResult,
} from './kind-results.js';
export type { LatencyBenchOptions } from './latency-bench.js';
export { LatencyHistogram, type LatencyMs, loadHistograms } from './latency-histogram.js';
export type { PingpongBenchOptions } from './pingpong-bench.js';
export type { ProducerBenchOptions } from './producer-bench.js';
export type { BenchHooks } from './progress.js';
export type { IntervalSnapshot, RecordedPoint } from './recorder.js';
export {
  type BenchResult,
  type ConsumerResult,
  type IntervalPoint,
  type Measured,
  type ProducerResult,
  RESULT_SCHEMA,
  type ReceiveMeasured,
  type SendMeasured,
} from './result.js';
export type { TimerBenchOptions } from './timer-bench.js';
export type { TransactionBenchOptions } from './transaction-bench.js';

/** Options and result of each kind of workload. */
export interface WorkloadKinds {
  producer: { options: ProducerBenchOptions; result: ProducerResult };
  consumer: { options: ConsumerBenchOptions; result: ConsumerResult };
  batch: { options: BatchBenchOptions; result: BatchResult };
  transaction: { options: TransactionBenchOptions; result: TransactionResult };
  timer: { options: Omit<TimerBenchOptions, 'kind'>; result: TimerResult };
  delay: { options: Omit<TimerBenchOptions, 'kind'>; result: TimerResult };
  latency: { options: LatencyBenchOptions; result: LatencyResult };
  pingpong: { options: PingpongBenchOptions; result: PingpongResult };
  fanout: { options: FanoutBenchOptions; result: FanoutResult };
  backlog: { options: BacklogBenchOptions; result: BacklogResult };
}

export type WorkloadKind = keyof WorkloadKinds;

/** What is to be run: the options of a kind, and its name. */
export type Workload<K extends WorkloadKind> = { readonly kind: K } & WorkloadKinds[K]['options'];

type Run<K extends WorkloadKind> = (options: WorkloadKinds[K]['options'], hooks: BenchHooks) => Promise<WorkloadKinds[K]['result']>;

const RUNNERS: { readonly [K in WorkloadKind]: () => Promise<Run<K>> } = {
  producer: async () => (await import('./producer-bench.js')).runProducerBench,
  consumer: async () => (await import('./consumer-bench.js')).runConsumerBench,
  batch: async () => (await import('./batch-bench.js')).runBatchBench,
  transaction: async () => (await import('./transaction-bench.js')).runTransactionBench,
  timer: () => timerRunner('timer'),
  delay: () => timerRunner('delay'),
  latency: async () => (await import('./latency-bench.js')).runLatencyBench,
  pingpong: async () => (await import('./pingpong-bench.js')).runPingpongBench,
  fanout: async () => (await import('./fanout-bench.js')).runFanoutBench,
  backlog: async () => (await import('./backlog-bench.js')).runBacklogBench,
};

async function timerRunner<K extends 'timer' | 'delay'>(kind: K): Promise<Run<K>> {
  const { runTimerBench } = await import('./timer-bench.js');
  return (options, hooks) => runTimerBench({ ...options, kind }, hooks);
}

/**
 * Runs a workload and measures it, as the command of the same name does.
 *
 * ```ts
 * const result = await runWorkload({
 *   kind: 'producer',
 *   namesrvAddr: '127.0.0.1:9876',
 *   topic: 'BenchmarkTest',
 *   producerGroup: 'benchmark_producer',
 *   bodyBytes: 128,
 *   inFlight: 64,
 *   warmupMs: 1000,
 *   durationMs: 5000,
 * });
 * console.log(result.send.rate, result.send.latencyMs.p99);
 * ```
 * @returns the result; `partial` when it could not go on, `interrupted` when the signal of `hooks` ended it
 * @throws UsageError for an impossible workload; MQError when nothing could be measured; a consumer's that ran dry has the result so far as its `context.result`
 */
export async function runWorkload<K extends WorkloadKind>(
  workload: Workload<K>,
  hooks: BenchHooks = {},
): Promise<WorkloadKinds[K]['result']> {
  const { kind, ...options } = workload;
  const run: Run<K> | undefined = await RUNNERS[kind as K]?.();
  if (run === undefined) {
    throw new UsageError(`no workload is called ${String(kind)}: expected one of ${Object.keys(RUNNERS).join(', ')}`);
  }
  checkOptions({ ...workload }, hooks);
  return withWarnings(await run(options as unknown as WorkloadKinds[K]['options'], hooks));
}

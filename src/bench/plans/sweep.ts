/** Runs every combination of a few settings, in an order that a seed chooses, and makes the table of them that users publish. */
import { seededRandom } from '../../common/clock.js';
import { MQError, UsageError } from '../../common/errors.js';
import type { BenchHooks } from '../progress.js';
import { type BenchResult, type ProducerResult, RESULT_SCHEMA } from '../result.js';

const MOST_RUNS = 10_000;

/** One combination. */
export interface SweepCell {
  readonly threads: number;
  readonly messageSize: number;
  /** On each broker; absent where the topic is used as it is. */
  readonly queues?: number;
  /** Absent where brokers flush as they do. */
  readonly flush?: 'ASYNC_FLUSH' | 'SYNC_FLUSH';
}

export interface SweepPlan {
  readonly cells: readonly SweepCell[];
  /** Runs of each cell. */
  readonly repeats: number;
  readonly seed: number;
}

export interface SweepAxes {
  readonly threads: readonly number[];
  readonly messageSize: readonly number[];
  /** Empty: the topic as it is. */
  readonly queues: readonly number[];
  /** Empty: brokers as they are. */
  readonly flush: readonly ('ASYNC_FLUSH' | 'SYNC_FLUSH')[];
}

/** All combinations, the last axis first to change. @throws UsageError for more runs than anybody waits for */
export function sweepCells(axes: SweepAxes, repeats: number): SweepCell[] {
  const cells = orNone(axes.flush).flatMap((flush) =>
    orNone(axes.queues).flatMap((queues) =>
      axes.messageSize.flatMap((messageSize) =>
        axes.threads.map((threads) => ({
          threads,
          messageSize,
          ...(queues === undefined ? {} : { queues }),
          ...(flush === undefined ? {} : { flush }),
        })),
      ),
    ),
  );
  if (cells.length * repeats > MOST_RUNS) {
    throw new UsageError(`a sweep of ${cells.length} cells with ${repeats} runs each is more than ${MOST_RUNS} runs`);
  }
  return cells;
}

function orNone<T>(values: readonly T[]): readonly (T | undefined)[] {
  return values.length === 0 ? [undefined] : values;
}

/**
 * Indexes of cells in the order they are run: every cell once, in random order, then every cell again. So a machine that gets slower meets
 * all of them alike.
 */
export function sweepOrder({ cells, repeats, seed }: SweepPlan): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: repeats }, () => {
    const round = cells.map((_, index) => index);
    for (let at = round.length - 1; at > 0; at--) {
      const other = random.nextInt(at + 1);
      [round[at], round[other]] = [round[other] as number, round[at] as number];
    }
    return round;
  }).flat();
}

/** What the runs of a cell came to; latencies are those of the fastest. */
export interface SweepRow extends SweepCell {
  readonly runs: number;
  /** Of the fastest run. */
  readonly bestRate: number;
  readonly medianRate: number;
  /** Of the slowest and the fastest run, in percent of the median. */
  readonly spreadPercent: number;
  readonly latencyMs: ProducerResult['send']['latencyMs'];
  /** Of all runs. */
  readonly maxMs: number;
  readonly errors: number;
}

export interface SweepResult extends BenchResult {
  readonly kind: 'sweep';
  /** A row for each cell that was run, in the order of the axes. */
  readonly rows: readonly SweepRow[];
}

/** Runs one cell. */
export type CellRunner = (cell: SweepCell, hooks: BenchHooks) => Promise<ProducerResult>;

/** Hears what a sweep does. */
export interface SweepHooks extends BenchHooks {
  onRun?(done: { readonly cell: SweepCell; readonly result: ProducerResult; readonly index: number; readonly count: number }): void;
  /** Goes into the result beside the plan. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/**
 * Runs a plan. A run that fails ends it; what was measured before comes back, marked as partial.
 * @throws the error of the first run, when that failed.
 */
export async function runSweep(plan: SweepPlan, run: CellRunner, hooks: SweepHooks = {}): Promise<SweepResult> {
  const byCell = new Map<number, ProducerResult[]>();
  const results: ProducerResult[] = [];
  const order = sweepOrder(plan);
  let failure: string | undefined;
  for (const [index, at] of order.entries()) {
    // The first run is always begun: it ends at once, and says what machine this is.
    if (hooks.signal?.aborted === true && results.length > 0) break;
    const cell = plan.cells[at] as SweepCell;
    try {
      const result = await run(cell, hooks);
      results.push(result);
      // A run that was cut short is kept; its figures are of another length, so it makes no row.
      if (result.interrupted === true) break;
      if (result.partial === true) {
        failure = `run ${index + 1} of ${order.length} (${cellText(cell)}) failed: ${result.failure ?? 'it could not go on'}`;
        break;
      }
      byCell.set(at, [...(byCell.get(at) ?? []), result]);
      hooks.onRun?.({ cell, result, index, count: order.length });
    } catch (error) {
      if (results.length === 0 || !(error instanceof MQError)) throw error;
      failure = `run ${index + 1} of ${order.length} (${cellText(cell)}) failed: ${error.message}`;
      break;
    }
  }
  return {
    schema: RESULT_SCHEMA,
    kind: 'sweep',
    config: { ...hooks.config, cells: plan.cells, repeats: plan.repeats },
    seed: plan.seed,
    environment: results.at(-1)?.environment as BenchResult['environment'],
    rows: plan.cells.flatMap((cell, at) => (byCell.has(at) ? [rowOf(cell, byCell.get(at) as ProducerResult[])] : [])),
    runs: results,
    ...(hooks.signal?.aborted === true ? { interrupted: true } : {}),
    ...(failure === undefined ? {} : { partial: true, failure }),
  };
}

/** `64 threads, 128 B, 8 queues, SYNC_FLUSH`. */
export function cellText({ threads, messageSize, queues, flush }: SweepCell): string {
  return [
    `${threads} threads`,
    `${messageSize} B`,
    ...(queues === undefined ? [] : [`${queues} queues`]),
    ...(flush === undefined ? [] : [flush]),
  ].join(', ');
}

function rowOf(cell: SweepCell, results: readonly ProducerResult[]): SweepRow {
  const byRate = [...results].sort((a, b) => a.send.rate - b.send.rate);
  const rates = byRate.map(({ send }) => send.rate);
  const best = byRate.at(-1) as ProducerResult;
  const middle = rates.length / 2;
  const medianRate = rates.length % 2 === 1 ? (rates[Math.floor(middle)] ?? 0) : ((rates[middle - 1] ?? 0) + (rates[middle] ?? 0)) / 2;
  return {
    ...cell,
    runs: results.length,
    bestRate: best.send.rate,
    medianRate,
    spreadPercent: medianRate === 0 ? 0 : Math.round((1000 * (best.send.rate - (rates[0] ?? 0))) / medianRate) / 10,
    latencyMs: best.send.latencyMs,
    maxMs: Math.max(...results.map(({ send }) => send.latencyMs.max)),
    errors: results.reduce((sum, { send }) => sum + send.errors, 0),
  };
}

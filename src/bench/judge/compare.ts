import { MQError, UsageError } from '../../common/errors.js';
import { type BenchResult, RESULT_SCHEMA } from '../result.js';
import { changeText, differencesLine } from './compare-text.js';
import { type Comparison, compareResults, type LossLimit, MIN_SERIES_SECONDS, tooFewRuns } from './comparison.js';
import { directionsOf, seriesOf } from './metrics.js';
import { checkComparable, type NamedResult } from './result-file.js';
import type { Method } from './samples.js';
import type { Verdict } from './verdict.js';

/** `mqbench compare`. */
export interface CompareResult extends BenchResult {
  readonly kind: 'compare';
  readonly comparison: Comparison;
  /** With --run: every result, in the order of the runs. */
  readonly runs?: readonly BenchResult[];
  /** With --run: whose each of `runs` is. */
  readonly sides?: readonly Side[];
  /** The limits of --fail-over. */
  readonly assertions?: readonly Verdict[];
}

/** An interval that reaches further from its ratio than this hides differences that matter. */
const NOISY = 0.1;

export type Side = 'base' | 'vs';

export interface CompareOptions {
  readonly alpha: number;
  readonly seed: number;
  readonly primary?: string;
  readonly limits: readonly LossLimit[];
}

/** Compares results that are there already: one a side by their series, several a side run by run. */
export function compareFiles(base: readonly NamedResult[], vs: readonly NamedResult[], options: CompareOptions): CompareResult {
  checkComparable([...base, ...vs]);
  const method = base.length === 1 && vs.length === 1 ? 'series' : 'groups';
  checkLimits(method, { base: base.length, vs: vs.length }, options);
  const config = { base: base.map(({ name }) => name), vs: vs.map(({ name }) => name) };
  return compareResult({ base: base.map(({ result }) => result), vs: vs.map(({ result }) => result), method }, config, options);
}

/** What a run of pairs tells while it goes on. */
export interface PairHooks {
  readonly signal: AbortSignal;
  readonly run: (side: Side) => Promise<NamedResult>;
  readonly onPair: (pair: number, base: BenchResult, vs: BenchResult) => void;
}

/**
 * Runs both sides in turn, the first of a pair being the second of the next (ABBA), so that what changes steadily favours neither.
 * Ended early, it compares the pairs that are whole; so it does when a run fails, and its error carries that result.
 */
export async function comparePairs(
  pairs: number,
  hooks: PairHooks,
  { config, ...options }: CompareOptions & { readonly config: Readonly<Record<string, unknown>> },
): Promise<CompareResult> {
  checkLimits('pairs', { base: pairs, vs: pairs }, options);
  const runs: NamedResult[] = [];
  const sides: Side[] = [];
  const soFar = (): CompareResult | undefined => {
    const whole = runs.length - (runs.length % 2);
    const of = (wanted: Side): BenchResult[] => runs.slice(0, whole).flatMap(({ result }, i) => (sides[i] === wanted ? [result] : []));
    const sample = { base: of('base'), vs: of('vs'), method: 'pairs' } as const;
    return whole === 0
      ? undefined
      : { ...compareResult(sample, { ...config, pairs }, options), runs: runs.map(({ result }) => result), sides };
  };
  try {
    while (runs.length < 2 * pairs && !hooks.signal.aborted) {
      const side: Side = [0, 3].includes(runs.length % 4) ? 'base' : 'vs';
      const run = await hooks.run(side);
      checkComparable([...runs.slice(0, 1), run]);
      runs.push(run);
      sides.push(side);
      if (runs.length % 2 === 0) {
        const [first, second] = [runs.at(-2)!.result, run.result];
        hooks.onPair(runs.length / 2, ...(side === 'vs' ? ([first, second] as const) : ([second, first] as const)));
      }
    }
  } catch (error) {
    if (!hooks.signal.aborted) {
      const result = soFar();
      if (error instanceof MQError && result !== undefined) {
        error.context.result = { ...result, partial: true, failure: error.message };
      }
      throw error;
    }
  }
  const result = soFar();
  if (result === undefined) {
    throw new UsageError('the comparison was ended before its first pair was whole');
  }
  return runs.length < 2 * pairs ? { ...result, interrupted: true } : result;
}

/** A gate that no loss could ever close is none. */
function checkLimits(method: Method, runs: { readonly base: number; readonly vs: number }, { limits, alpha }: CompareOptions): void {
  const tooFew = limits.length === 0 ? undefined : tooFewRuns(method, runs, alpha);
  if (tooFew !== undefined) {
    throw new UsageError(`--fail-over could never fail: ${tooFew}`);
  }
}

function compareResult(
  sample: { readonly base: readonly BenchResult[]; readonly vs: readonly BenchResult[]; readonly method: Method },
  config: Readonly<Record<string, unknown>>,
  options: CompareOptions,
): CompareResult {
  const comparison = compareResults({ ...sample, ...options });
  const { limits, alpha, seed } = options;
  if (limits.length > 0 && comparison.metrics.some(({ limit }) => limit?.p === null)) {
    throw new UsageError(`--fail-over could never fail: one run a side has to have a series of ${MIN_SERIES_SECONDS} s at least`, {
      hint: 'run longer, or compare several runs',
    });
  }
  return {
    schema: RESULT_SCHEMA,
    kind: 'compare',
    config: { ...config, alpha, ...(limits.length === 0 ? {} : { failOver: limits }) },
    seed,
    environment: sample.vs[0]!.environment,
    comparison,
    warnings: warningsOf(sample, comparison),
    ...(limits.length === 0 ? {} : { assertions: limitVerdicts(comparison) }),
  };
}

function warningsOf(
  { base, vs, method }: { readonly base: readonly BenchResult[]; readonly vs: readonly BenchResult[]; readonly method: Method },
  { differences, runsCompared, alpha, metrics, primary, verdict }: Comparison,
): string[] {
  const warnings: string[] = [];
  if (differences.length > 0) {
    warnings.push(differencesLine(differences));
  }
  const tooFew = tooFewRuns(method, runsCompared, alpha);
  if (tooFew !== undefined) {
    warnings.push(tooFew);
  }
  if (method === 'series') {
    const seconds = Math.min(...[...base, ...vs].map((result) => [...seriesOf(result).values()][0]?.length ?? 0));
    warnings.push(
      seconds < MIN_SERIES_SECONDS
        ? `one run a side of ${seconds} s each: nothing can be tested with less than ${MIN_SERIES_SECONDS} s; the ratios are shown as they are`
        : 'one run a side: a difference shown is one of these two runs, and another run of the same may differ as much; --run and --vs take several in turn',
    );
  }
  const main = metrics.find(({ name }) => name === primary);
  if (main !== undefined && main.p !== null && tooFew === undefined && verdict === 'no difference shown') {
    const unseen = Math.max(main.ratioHigh / main.ratio - 1, 1 - main.ratioLow / main.ratio);
    if (unseen > NOISY) {
      warnings.push(
        `${primary} varies so much that a difference of ${Math.round(100 * unseen)} % may not have been seen: take more pairs, longer runs, or a quieter machine`,
      );
    }
  }
  const withErrors = [...base, ...vs].filter((result) => directionsOf(result).some(([, { errors }]) => errors > 0)).length;
  if (withErrors > 0) {
    warnings.push(`${withErrors} of ${base.length + vs.length} runs had errors, which may make them faster or slower`);
  }
  return warnings;
}

/** One for each limit: it fails only where it is proven that more was lost. */
function limitVerdicts({ metrics }: Comparison): Verdict[] {
  return metrics.flatMap(({ name, ratio, better, limit, base, vs }): Verdict[] => {
    if (limit === undefined) {
      return [];
    }
    const lossPercent = 100 * (better === 'higher' ? 1 - ratio : ratio - 1);
    const verdict = {
      expression: `loss of ${name} <= ${limit.lossPercent} %`,
      actual: Number(lossPercent.toFixed(2)),
      limit: limit.lossPercent,
    };
    const change = `${base} to ${vs} is ${changeText(ratio)}`;
    return [
      limit.exceeded
        ? { ...verdict, passed: false, reason: `${change}, proven to exceed the limit (p ${limit.p?.toFixed(4)})` }
        : { ...verdict, passed: true, reason: `${change}, not proven to exceed the limit (p ${limit.p?.toFixed(4)})` },
    ];
  });
}

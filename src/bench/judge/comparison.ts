import { seededRandom } from '../../common/clock.js';
import { UsageError } from '../../common/errors.js';
import { suggest } from '../../common/suggest.js';
import type { BenchResult } from '../result.js';
import { median } from './bootstrap.js';
import { figuresOf, isPaced, type Metric, seriesOf } from './metrics.js';
import { compareSamples, type Method, type SampleComparison } from './samples.js';

export type Verdict = 'faster' | 'slower' | 'no difference shown';

/** How a figure of the second side stands to that of the first. */
export interface MetricComparison extends Metric {
  /** Medians of both sides. */
  readonly base: number;
  readonly vs: number;
  /** Of vs to base: the median of the ratios within pairs, or the ratio of medians. */
  readonly ratio: number;
  /** Bootstrap interval of the ratio at 1 - alpha. */
  readonly ratioLow: number;
  readonly ratioHigh: number;
  /** Of the rank test; null where the samples are too small for any test. */
  readonly p: number | null;
  readonly verdict: Verdict;
  /** With a limit: what was allowed, and whether it is proven that it was exceeded. */
  readonly limit?: { readonly lossPercent: number; readonly p: number | null; readonly exceeded: boolean };
}

/** What `compare` finds; the rest of its result says how it came to it. */
export interface Comparison {
  readonly method: Method;
  readonly test: string;
  readonly alpha: number;
  readonly runsCompared: { readonly base: number; readonly vs: number };
  /** The metric that the verdict is about. */
  readonly primary: string;
  readonly verdict: Verdict;
  readonly metrics: readonly MetricComparison[];
  readonly differences: readonly ConfigDifference[];
}

export interface ConfigDifference {
  readonly key: string;
  readonly base: unknown;
  readonly vs: unknown;
}

/** A loss that is still accepted, of one metric or of the usual ones. */
export interface LossLimit {
  readonly metric?: string;
  readonly lossPercent: number;
}

export interface CompareInput {
  readonly base: readonly BenchResult[];
  readonly vs: readonly BenchResult[];
  readonly method: Method;
  readonly alpha: number;
  readonly seed: number;
  readonly primary?: string;
  readonly limits: readonly LossLimit[];
}

/** Seconds that a series needs: blocks of shorter ones are so alike that a test of them would find differences where there are none. */
export const MIN_SERIES_SECONDS = 60;

const TESTS: Readonly<Record<Method, string>> = {
  pairs: "Wilcoxon's signed rank test of the ratios within pairs",
  groups: "Mann and Whitney's rank sum test of runs",
  series: "Mann and Whitney's rank sum test of blocks of seconds",
};

/** Compares results metric by metric. Tests are two-sided at `alpha`, those of limits one-sided at half of it. */
export function compareResults(input: CompareInput): Comparison {
  const { base, vs, method, alpha } = input;
  const samples = method === 'series' ? seriesSamples(base, vs) : runSamples(base, vs);
  if (samples.length === 0) {
    throw new UsageError('the results have no figure in common that could be compared');
  }
  const names = samples.map(({ metric }) => metric.name);
  const isRateFree = !isPaced(base[0]!) && !isPaced(vs[0]!);
  const primary = input.primary === undefined ? usualPrimary(names, isRateFree) : findMetric(input.primary, names);
  const limits = limitsOf(input.limits, names, isRateFree);
  const random = seededRandom(input.seed);
  const metrics = samples.map((sample) => {
    const comparison = compareSamples(method, sample, { level: 1 - alpha, random });
    const isEnough = method !== 'series' || Math.min(sample.base.length, sample.vs.length) >= MIN_SERIES_SECONDS;
    return metricComparison(sample, comparison, { alpha, isEnough, lossPercent: limits.get(sample.metric.name) });
  });
  return {
    method,
    test: TESTS[method],
    alpha,
    runsCompared: { base: base.length, vs: vs.length },
    primary,
    verdict: metrics.find(({ name }) => name === primary)?.verdict ?? 'no difference shown',
    metrics,
    differences: configDifferences(base[0]!, vs[0]!),
  };
}

/** What the smallest p of a comparison with so few runs is, when no difference could ever be shown. */
export function tooFewRuns(method: Method, runs: { readonly base: number; readonly vs: number }, alpha: number): string | undefined {
  const sample = (count: number): number[] => Array.from({ length: count }, (_, i) => 1 + i / count);
  if (method === 'series') {
    return undefined;
  }
  const options = { level: 1 - alpha, random: seededRandom(1) };
  const { smallestP } = compareSamples(method, { base: sample(runs.base), vs: sample(runs.vs) }, options);
  return smallestP <= alpha
    ? undefined
    : `${method === 'pairs' ? `${runs.base} pairs` : `${runs.base} runs against ${runs.vs}`} cannot show a difference: the smallest p that they can give is ${smallestP.toFixed(3)}, above ${alpha}; ${method === 'pairs' ? 'take 6 pairs or more' : 'take 4 runs a side or more'}`;
}

interface Sample {
  readonly metric: Metric;
  readonly base: readonly number[];
  readonly vs: readonly number[];
}

function runSamples(base: readonly BenchResult[], vs: readonly BenchResult[]): Sample[] {
  const of = (results: readonly BenchResult[]): Map<string, number>[] =>
    results.map((result) => new Map([...figuresOf(result)].map(([metric, value]) => [metric.name, value])));
  const [first, second] = [of(base), of(vs)];
  return [...figuresOf(base[0]!).keys()]
    .map((metric) => ({
      metric,
      base: first.map((figures) => figures.get(metric.name) ?? Number.NaN),
      vs: second.map((figures) => figures.get(metric.name) ?? Number.NaN),
    }))
    .filter(isComparable);
}

function seriesSamples(base: readonly BenchResult[], vs: readonly BenchResult[]): Sample[] {
  const second = new Map([...seriesOf(vs[0]!)].map(([metric, values]) => [metric.name, values]));
  return [...seriesOf(base[0]!)]
    .map(([metric, values]) => ({ metric, base: values, vs: second.get(metric.name) ?? [] }))
    .filter(isComparable);
}

/** A figure that is missing or 0 in a run has no ratio. */
function isComparable({ base, vs }: Sample): boolean {
  return base.length > 0 && vs.length > 0 && [...base, ...vs].every((value) => value > 0 && Number.isFinite(value));
}

function metricComparison(
  { metric, base, vs }: Sample,
  { ratio, low, high, p, tails }: SampleComparison,
  { alpha, isEnough, lossPercent }: { alpha: number; isEnough: boolean; lossPercent: number | undefined },
): MetricComparison {
  const isHigherBetter = metric.better === 'higher';
  // Ranks may point one way and medians the other; only both together are a direction.
  const isShown = isEnough && p <= alpha && ratio !== 1;
  const verdict: Verdict = !isShown ? 'no difference shown' : ratio > 1 === isHigherBetter ? 'faster' : 'slower';
  const compared = {
    ...metric,
    base: median(base),
    vs: median(vs),
    ratio,
    ratioLow: low,
    ratioHigh: high,
    p: isEnough ? p : null,
    verdict,
  };
  if (lossPercent === undefined) {
    return compared;
  }
  const worst = isHigherBetter ? 1 - lossPercent / 100 : 1 + lossPercent / 100;
  const tail = tails(worst);
  const limitP = isHigherBetter ? tail.lower : tail.upper;
  return { ...compared, limit: { lossPercent, p: isEnough ? limitP : null, exceeded: isEnough && limitP <= alpha / 2 } };
}

/** The rate where it is free, else the latency that most messages keep below. */
function usualPrimary(names: readonly string[], isRateFree: boolean): string {
  const wanted = isRateFree ? /\.rate$/ : /\.p99$/;
  return names.find((name) => wanted.test(name)) ?? names[0]!;
}

/** A metric by its name, or by the end of one. */
function findMetric(wanted: string, names: readonly string[]): string {
  const found = names.find((name) => name === wanted) ?? names.find((name) => name.endsWith(`.${wanted}`));
  if (found === undefined) {
    const near = suggest(wanted, [...names, ...names.map((name) => name.slice(name.lastIndexOf('.') + 1))]);
    throw new UsageError(`no metric ${wanted} is compared`, {
      hint: near.length > 0 ? `did you mean ${near.join(' or ')}?` : `there are ${names.join(', ')}`,
    });
  }
  return found;
}

function limitsOf(limits: readonly LossLimit[], names: readonly string[], isRateFree: boolean): Map<string, number> {
  const found = new Map<string, number>();
  for (const { metric, lossPercent } of limits) {
    if (lossPercent >= 100 && (metric === undefined || /(^|\.)rate$/.test(metric))) {
      throw new UsageError(`--fail-over ${lossPercent}%: nothing can lose as much of its rate`, {
        hint: 'a limit of a rate is below 100%',
      });
    }
    if (metric !== undefined) {
      found.set(findMetric(metric, names), lossPercent);
      continue;
    }
    for (const name of names.filter((one) => one.endsWith('.p99') || (isRateFree && one.endsWith('.rate')))) {
      found.set(name, found.get(name) ?? lossPercent);
    }
  }
  return found;
}

/** What was asked of the two runs and is not the same; ports of nodes on this machine are not worth a word. */
export function configDifferences(base: BenchResult, vs: BenchResult): ConfigDifference[] {
  const keys = [...new Set([...Object.keys(base.config), ...Object.keys(vs.config)])].sort();
  return keys
    .filter((key) => !(key === 'namesrvAddr' && [base, vs].every(({ config }) => /^127\.0\.0\.1:\d+$/.test(String(config[key])))))
    .filter((key) => JSON.stringify(base.config[key]) !== JSON.stringify(vs.config[key]))
    .map((key) => ({ key, base: base.config[key] ?? null, vs: vs.config[key] ?? null }));
}

/**
 * Whether one sample of a figure is larger than another, by the plan in which they were measured. Figures are compared as logarithms,
 * because noise of a machine is a share of what is measured, and what comes out is a ratio.
 *
 * pairs: runs of both sides in turn. Wilcoxon's signed rank test of the ratios within pairs, so that what changes slowly (other load, heat,
 * a disk that fills up) cancels out.
 * groups: several runs a side, measured whenever. The rank sum test.
 * series: one run a side, second by second. Neighbouring seconds are alike, and a test that took them for independent would cry wolf:
 * the rank sum test is of means of long blocks.
 */
import type { Random } from '../../common/clock.js';
import { bootstrapInterval, median, RESAMPLES, resample, resampleBlocks } from './bootstrap.js';
import { type RankTest, rankSumTest, signedRankTest, smallestGroupP, smallestPairedP } from './rank-tests.js';

export type Method = 'pairs' | 'groups' | 'series';

/** What two samples of a figure say. */
export interface SampleComparison {
  /** Of the second to the first: the median of the ratios within pairs, or the ratio of medians. */
  readonly ratio: number;
  /** Bootstrap interval of the ratio. */
  readonly low: number;
  readonly high: number;
  /** Chance of a difference as large as this one where there is none. */
  readonly p: number;
  /** The smallest p that samples of this size can give. */
  readonly smallestP: number;
  /** Chance of a ratio as low, or as high, as this one where the true one is `factor`. */
  tails(factor: number): RankTest;
}

/**
 * Blocks of each series. How much neighbouring seconds are alike cannot be told well from one series, so blocks are as long as they can be:
 * six of a side are the fewest that give a test close to 5 % (4.1 %), and more of them find hardly more (Schmeiser, "Batch size effects in
 * the analysis of simulation output", 1982).
 */
const BLOCKS = 6;
/** Share of a block that is left out at its beginning, so that neighbouring blocks do not touch. */
const GAP = 0.25;

/** Compares two samples of positive figures. */
export function compareSamples(
  method: Method,
  { base, vs }: { readonly base: readonly number[]; readonly vs: readonly number[] },
  { level, random, resamples = RESAMPLES }: { readonly level: number; readonly random: Random; readonly resamples?: number },
): SampleComparison {
  const [logBase, logVs] = [base.map(Math.log), vs.map(Math.log)];
  if (method === 'pairs') {
    const ratios = logVs.map((value, pair) => value - logBase[pair]!);
    return {
      ...asRatios(
        median(ratios),
        bootstrapInterval(() => median(resample(ratios, random)), { level, resamples }),
      ),
      p: signedRankTest(ratios).twoSided,
      smallestP: smallestPairedP(ratios.length),
      tails: (factor) => signedRankTest(ratios.map((ratio) => ratio - Math.log(factor))),
    };
  }
  const length = method === 'series' ? Math.max(1, Math.floor(Math.min(base.length, vs.length) / BLOCKS)) : 1;
  const [first, second] = [blockMeans(logVs, length), blockMeans(logBase, length)];
  const draw = (values: readonly number[]): number[] => (length === 1 ? resample(values, random) : resampleBlocks(values, length, random));
  return {
    ...asRatios(
      median(logVs) - median(logBase),
      bootstrapInterval(() => median(draw(logVs)) - median(draw(logBase)), { level, resamples }),
    ),
    p: rankSumTest(first, second).twoSided,
    smallestP: smallestGroupP(first.length, second.length),
    tails: (factor) =>
      rankSumTest(
        first.map((value) => value - Math.log(factor)),
        second,
      ),
  };
}

function asRatios(log: number, { low, high }: { low: number; high: number }): { ratio: number; low: number; high: number } {
  return { ratio: Math.exp(log), low: Math.exp(low), high: Math.exp(high) };
}

/** Means of blocks; what does not fill one is left out at the beginning of the series, where a run may still be warming up. */
function blockMeans(values: readonly number[], length: number): number[] {
  const count = Math.floor(values.length / length);
  const from = values.length - count * length;
  return Array.from({ length: count }, (_, block) => {
    const start = from + block * length;
    const its = values.slice(start + Math.floor(length * GAP), start + length);
    return its.reduce((sum, value) => sum + value, 0) / its.length;
  });
}

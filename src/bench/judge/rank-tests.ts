/**
 * Rank tests, exact where that can be counted. The distribution is counted over the ranks that are there, so that ties need no correction.
 * Wilcoxon, "Individual comparisons by ranking methods" (1945); Mann and Whitney, "On a test of whether one of two random variables is
 * stochastically larger than the other" (1947). Above the limits below: the normal approximation, with the variance of the ranks that are there.
 */

/** How far a rank sum lies in the tails of what chance gives. */
export interface RankTest {
  /** Chance of a sum as low as this or lower. */
  readonly lower: number;
  /** Chance of a sum as high as this or higher. */
  readonly upper: number;
  readonly twoSided: number;
}

const EXACT_PAIRS = 50;
const EXACT_VALUES = 60;

/** Wilcoxon's signed rank test of differences against 0; differences of 0 say nothing and are left out. */
export function signedRankTest(differences: readonly number[]): RankTest {
  const kept = differences.filter((difference) => difference !== 0);
  const ranks = doubledRanks(kept.map(Math.abs));
  const sum = total(ranks.filter((_, i) => kept[i]! > 0));
  if (kept.length > EXACT_PAIRS) {
    const variance = total(ranks.map((rank) => rank * rank)) / 4;
    return normalTails(sum, total(ranks) / 2, variance);
  }
  // ways[s]: choices of signs whose positive ranks add up to s.
  const ways = new Float64Array(total(ranks) + 1);
  ways[0] = 1;
  for (const rank of ranks) {
    for (let s = ways.length - 1; s >= rank; s--) {
      ways[s]! += ways[s - rank]!;
    }
  }
  return exactTails(ways, sum);
}

/** The rank sum test of two samples, by the ranks of the first. */
export function rankSumTest(first: readonly number[], second: readonly number[]): RankTest {
  const ranks = doubledRanks([...first, ...second]);
  const sum = total(ranks.slice(0, first.length));
  const [m, n] = [first.length, ranks.length];
  if (n > EXACT_VALUES) {
    const mean = total(ranks) / n;
    const spread = total(ranks.map((rank) => (rank - mean) ** 2));
    return normalTails(sum, m * mean, (m * (n - m) * spread) / (n * (n - 1)));
  }
  // ways[k][s]: choices of k ranks that add up to s.
  const size = total(ranks) + 1;
  const ways = Array.from({ length: m + 1 }, () => new Float64Array(size));
  ways[0]![0] = 1;
  for (const rank of ranks) {
    for (let k = m; k >= 1; k--) {
      const [from, to] = [ways[k - 1]!, ways[k]!];
      for (let s = size - 1; s >= rank; s--) {
        to[s]! += from[s - rank]!;
      }
    }
  }
  return exactTails(ways[m]!, sum);
}

/** The smallest two-sided p that so many pairs can give. */
export function smallestPairedP(pairs: number): number {
  return Math.min(1, 2 / 2 ** pairs);
}

/** The smallest two-sided p that two groups can give. */
export function smallestGroupP(first: number, second: number): number {
  let choices = 1;
  for (let i = 1; i <= first; i++) {
    choices = (choices * (second + i)) / i;
  }
  return Math.min(1, 2 / choices);
}

/** Twice the rank of each value, the lowest first; equal values share the middle of their ranks, so that all are whole numbers. */
function doubledRanks(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  const rankOf = new Map<number, number>();
  for (let from = 0; from < sorted.length; ) {
    let to = from;
    while (to < sorted.length && sorted[to] === sorted[from]) {
      to++;
    }
    rankOf.set(sorted[from]!, from + 1 + to);
    from = to;
  }
  return values.map((value) => rankOf.get(value)!);
}

function exactTails(ways: Float64Array, sum: number): RankTest {
  const all = total(ways);
  const lower = total(ways.subarray(0, sum + 1)) / all;
  const upper = total(ways.subarray(sum)) / all;
  return { lower, upper, twoSided: Math.min(1, 2 * Math.min(lower, upper)) };
}

/** With a correction for continuity; neighbouring sums are two apart. */
function normalTails(sum: number, mean: number, variance: number): RankTest {
  const deviation = Math.sqrt(variance);
  const lower = normalCdf((sum + 1 - mean) / deviation);
  const upper = normalCdf((mean + 1 - sum) / deviation);
  return { lower, upper, twoSided: Math.min(1, 2 * Math.min(lower, upper)) };
}

/** Share of the standard normal distribution below z, within 1e-7: Abramowitz and Stegun, 26.2.17. */
function normalCdf(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
  return z > 0 ? 1 - tail : tail;
}

function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i]!;
  }
  return sum;
}

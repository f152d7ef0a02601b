import { describe, expect, it } from 'vitest';
import { rankSumTest, signedRankTest, smallestGroupP, smallestPairedP } from '../../../src/bench/judge/rank-tests.js';
import { seededRandom } from '../../../src/common/clock.js';

/** Every choice of signs. */
function signedByHand(differences: readonly number[]): number {
  const ranks = midRanks(differences.map(Math.abs));
  const sumOf = (isPositive: (i: number) => boolean): number => ranks.reduce((sum, rank, i) => sum + (isPositive(i) ? rank : 0), 0);
  const seen = sumOf((i) => differences[i]! > 0);
  let lower = 0;
  let upper = 0;
  for (let signs = 0; signs < 2 ** ranks.length; signs++) {
    const sum = sumOf((i) => (signs & (1 << i)) !== 0);
    lower += sum <= seen ? 1 : 0;
    upper += sum >= seen ? 1 : 0;
  }
  return Math.min(1, (2 * Math.min(lower, upper)) / 2 ** ranks.length);
}

/** Every choice of a group. */
function rankSumByHand(first: readonly number[], second: readonly number[]): number {
  const ranks = midRanks([...first, ...second]);
  const seen = ranks.slice(0, first.length).reduce((sum, rank) => sum + rank, 0);
  let [lower, upper, all] = [0, 0, 0];
  for (let chosen = 0; chosen < 2 ** ranks.length; chosen++) {
    const group = ranks.filter((_, i) => (chosen & (1 << i)) !== 0);
    if (group.length === first.length) {
      const sum = group.reduce((total, rank) => total + rank, 0);
      all++;
      lower += sum <= seen ? 1 : 0;
      upper += sum >= seen ? 1 : 0;
    }
  }
  return Math.min(1, (2 * Math.min(lower, upper)) / all);
}

function midRanks(values: readonly number[]): number[] {
  return values.map((value) => values.filter((other) => other < value).length + (values.filter((other) => other === value).length + 1) / 2);
}

describe('the signed rank test', () => {
  it('gives the p values of the published table', () => {
    // Two-sided 5 % points of W: n = 6: 0, n = 7: 2, n = 8: 3, n = 10: 8.
    const withLowSum = (n: number, negative: readonly number[]): number[] =>
      Array.from({ length: n }, (_, i) => (negative.includes(i + 1) ? -(i + 1) : i + 1));
    expect(signedRankTest(withLowSum(6, [])).twoSided).toBe(2 / 64);
    expect(signedRankTest(withLowSum(7, [2])).twoSided).toBe(6 / 128);
    expect(signedRankTest(withLowSum(7, [3])).twoSided).toBe(10 / 128);
    expect(signedRankTest(withLowSum(8, [3])).twoSided).toBe(10 / 256);
    expect(signedRankTest(withLowSum(10, [8])).twoSided).toBe(50 / 1024);
  });

  it("gives the p of Wilcoxon's textbook example", () => {
    // Darwin's maize (Fisher, The Design of Experiments): W = 24, p = 0.0413 with n = 15.
    const darwin = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48];
    expect(signedRankTest(darwin).twoSided).toBeCloseTo(0.04126, 4);
  });

  it('counts every choice of signs, with ties and zeros too', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 40; round++) {
      const differences = Array.from({ length: 1 + random.nextInt(9) }, () => random.nextInt(9) - 4);
      const kept = differences.filter((difference) => difference !== 0);
      expect(signedRankTest(differences).twoSided).toBeCloseTo(kept.length === 0 ? 1 : signedByHand(kept), 12);
    }
  });

  it('goes over into the normal approximation without a step', () => {
    const differences = Array.from({ length: 51 }, (_, i) => (i % 3 === 0 ? -1 : 1) * (i + 1));
    const exact = signedRankTest(differences.slice(0, 50)).twoSided;
    expect(Math.abs(signedRankTest(differences).twoSided - exact)).toBeLessThan(0.02);
  });
});

describe('the rank sum test', () => {
  it('gives the p values of the published table', () => {
    // Two-sided 5 % points of U: 4 and 4: 0, 5 and 5: 2, 7 and 7: 8.
    expect(rankSumTest([1, 2, 3, 4], [5, 6, 7, 8]).twoSided).toBe(2 / 70);
    expect(rankSumTest([1, 2, 3, 4, 7], [5, 6, 8, 9, 10]).twoSided).toBe(8 / 252);
    expect(rankSumTest([1, 2, 3, 4, 5, 8, 14], [6, 7, 9, 10, 11, 12, 16]).twoSided).toBeCloseTo(0.0379, 4);
  });

  it('counts every choice of a group, with ties too', () => {
    const random = seededRandom(8);
    for (let round = 0; round < 40; round++) {
      const some = (): number[] => Array.from({ length: 1 + random.nextInt(5) }, () => random.nextInt(8));
      const [first, second] = [some(), some()];
      expect(rankSumTest(first, second).twoSided).toBeCloseTo(rankSumByHand(first, second), 12);
    }
  });

  it('goes over into the normal approximation without a step', () => {
    const first = Array.from({ length: 30 }, (_, i) => i * 2);
    const second = Array.from({ length: 30 }, (_, i) => i * 2 + 15);
    expect(Math.abs(rankSumTest(first, second).twoSided - rankSumTest([...first, 60], second).twoSided)).toBeLessThan(0.02);
  });
});

it('few runs cannot prove anything, and how few is known', () => {
  expect(smallestPairedP(5)).toBe(0.0625);
  expect(smallestPairedP(6)).toBe(0.03125);
  expect(smallestGroupP(3, 3)).toBe(0.1);
  expect(smallestGroupP(4, 4)).toBeCloseTo(2 / 70, 12);
});

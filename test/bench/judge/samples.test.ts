import { describe, expect, it } from 'vitest';
import { bootstrapInterval, median, resample, resampleBlocks } from '../../../src/bench/judge/bootstrap.js';
import { compareSamples } from '../../../src/bench/judge/samples.js';
import { seededRandom } from '../../../src/common/clock.js';
import { type Figure, type Recording, shownPercent } from './simulation.js';

const SEED = 20;

describe('on the recorded noise', () => {
  // Each share is one of 1,000 comparisons with a fixed seed; the long test has 2,000 and every combination.
  it.each<[Recording, Figure, 'pairs' | 'series', number]>([
    ['quiet', 'rate', 'pairs', 7],
    ['busy', 'rate', 'pairs', 7],
    ['quiet', 'rate', 'series', 60],
    ['saturated', 'rate', 'series', 60],
  ])('%s %s: %s of %i show a difference where there is none in 3 to 6.5 %% of comparisons', (recording, figure, method, size) => {
    const percent = shownPercent({ recording, figure, method, size, factor: 1, comparisons: 1000 }, seededRandom(SEED));
    expect(percent).toBeGreaterThanOrEqual(3);
    expect(percent).toBeLessThanOrEqual(6.5);
  });

  it.each<[Figure, 'pairs' | 'series', number, number]>([
    ['rate', 'pairs', 7, 0.85],
    ['p99Ms', 'pairs', 7, 1 / 0.85],
    ['rate', 'series', 60, 0.85],
  ])('%s: %s of %i find a loss of 15 %% in 95 %% of comparisons', (figure, method, size, factor) => {
    const percent = shownPercent({ recording: 'quiet', figure, method, size, factor, comparisons: 500 }, seededRandom(SEED));
    expect(percent).toBeGreaterThanOrEqual(95);
  });
});

describe('a comparison of samples', () => {
  const options = { level: 0.95, random: seededRandom(SEED) };

  it('of pairs sees through a drift that is larger than the difference', () => {
    const base = [100, 120, 140, 160, 180, 200, 220];
    const { ratio, p, low, high } = compareSamples('pairs', { base, vs: base.map((value, i) => value * (0.95 + 0.001 * i)) }, options);
    expect(ratio).toBeCloseTo(0.953, 6);
    expect(p).toBe(2 / 128);
    expect(low).toBeGreaterThanOrEqual(0.95);
    expect(high).toBeLessThanOrEqual(0.956);
  });

  it('of groups takes the ratio of medians', () => {
    const { ratio, p } = compareSamples('groups', { base: [10, 11, 12, 13], vs: [20, 22, 24, 26] }, options);
    expect(ratio).toBeCloseTo(2, 1);
    expect(p).toBeCloseTo(2 / 70, 12);
  });

  it('says how likely a ratio is where the true one is a given factor', () => {
    const base = Array.from({ length: 7 }, () => 100);
    const { tails } = compareSamples('pairs', { base, vs: [79, 80, 81, 82, 83, 84, 85] }, options);
    expect(tails(0.9).lower).toBe(1 / 128);
    expect(tails(0.7).lower).toBe(1);
    expect(tails(0.7).upper).toBe(1 / 128);
  });
});

describe('a bootstrap', () => {
  const values = Array.from({ length: 40 }, (_, i) => i);

  it('gives the same interval for the same seed, around the statistic', () => {
    const interval = (seed: number): { low: number; high: number } => {
      const random = seededRandom(seed);
      return bootstrapInterval(() => median(resample(values, random)), { level: 0.95, resamples: 2000 });
    };
    expect(interval(1)).toEqual(interval(1));
    expect(interval(1).low).toBeGreaterThan(8);
    expect(interval(1).low).toBeLessThan(19.5);
    expect(interval(1).high).toBeGreaterThan(19.5);
    expect(interval(1).high).toBeLessThan(31);
  });

  it('of blocks keeps neighbours together, as many values as there are', () => {
    const drawn = resampleBlocks(values, 5, seededRandom(3));
    expect(drawn).toHaveLength(40);
    for (let i = 0; i < 40; i++) {
      expect(i % 5 === 0 || drawn[i] === (drawn[i - 1]! + 1) % 40).toBe(true);
    }
  });

  it('takes a median between two values', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([5])).toBe(5);
  });
});

import { describe, expect, it } from 'vitest';
import { searchReport } from '../../../src/bench/plans/plan-text.js';
import { kneeOf, parseLimit, runSearch, type SearchPlan } from '../../../src/bench/plans/search.js';
import type { ProducerResult } from '../../../src/bench/result.js';
import { seededRandom } from '../../../src/common/clock.js';
import { ConnectError } from '../../../src/common/errors.js';
import { fakeResult } from './fake-run.js';

const PLAN: SearchPlan = { limits: [{ name: 'p99', belowMs: 10 }], startRate: 1000, maxRate: 1_000_000, precision: 0.05, verifyRuns: 3 };

/** A broker that serves `capacity` messages a second; its latency rises as a queue's does, with some noise. */
function broker(capacity: number, noise: () => number = () => 1): (rate: number) => Promise<ProducerResult> {
  return async (rate) => {
    const load = rate / capacity;
    if (load >= 1) return fakeResult({ rate: capacity, p99: 1000, unsent: (rate - capacity) * 10 });
    return fakeResult({ rate, p99: (0.5 / (1 - load)) * noise() });
  };
}
/** p99 reaches 10 ms here. */
const SUSTAINABLE = 0.95;

describe('a search', () => {
  it.each([100, 5000, 64_000, 333_000])('finds the rate that a broker of %i messages a second sustains', async (capacity) => {
    const result = await runSearch(PLAN, broker(capacity));
    expect(result.sustainable?.rate).toBeLessThanOrEqual(capacity * SUSTAINABLE * 1.001);
    expect(result.sustainable?.rate).toBeGreaterThan(capacity * SUSTAINABLE * 0.93);
    expect(result.sustainable).toMatchObject({ verifyRuns: 3, passes: 3 });
    expect(result.failedRate).toBeGreaterThan(result.sustainable?.rate ?? 0);
    expect(result.points.length).toBeLessThan(50);
    expect(result.runs).toHaveLength(result.points.length);
  });

  it.each([1, 2, 3, 4, 5])('is near it when figures are noisy (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    const noise = (): number => (random.nextFloat() < 0.05 ? 30 : 0.8 + 0.4 * random.nextFloat());
    const { sustainable } = await runSearch(PLAN, broker(64_000, noise));
    expect(sustainable?.rate).toBeGreaterThan(64_000 * SUSTAINABLE * 0.75);
    expect(sustainable?.rate).toBeLessThan(64_000 * 0.99);
    expect(sustainable?.figureMs.lowest).toBeLessThanOrEqual(sustainable?.figureMs.highest ?? 0);
  });

  it('steps down when the rate found does not hold', async () => {
    const asked = new Map<number, number>();
    const result = await runSearch(PLAN, async (rate) => {
      asked.set(rate, (asked.get(rate) ?? 0) + 1);
      // Around the boundary only the first run at a rate is good.
      const isGood = rate < 9000 || (rate < 16_000 && asked.get(rate) === 1);
      return fakeResult({ rate, p99: isGood ? 1 : 100 });
    });
    expect(result.sustainable?.rate).toBeLessThan(9000);
    expect(result.sustainable?.rate).toBeGreaterThan(4000);
  });

  it('ends at the highest rate when that keeps the limit', async () => {
    const result = await runSearch({ ...PLAN, maxRate: 3000 }, broker(1e9));
    expect(result.sustainable?.rate).toBe(3000);
    expect(result).not.toHaveProperty('failedRate');
    expect(searchReport(result)).toContain('the highest rate of the search');
  });

  it('says so when no rate keeps the limit', async () => {
    const result = await runSearch(PLAN, async (rate) => fakeResult({ rate, p99: 50 }));
    expect(result).not.toHaveProperty('sustainable');
    expect(result.points.at(-1)).toMatchObject({ rate: 1, passed: false, reason: 'p99 50 ms' });
    expect(searchReport(result)).toContain('no rate with p99 < 10.0 ms was found');
  });

  it('counts errors and unsent messages as failures', async () => {
    const result = await runSearch({ ...PLAN, maxRate: 1000, startRate: 1000 }, async (rate) =>
      fakeResult({ rate, errors: rate > 400 ? 3 : 0 }),
    );
    expect(result.points[0]).toMatchObject({ passed: false, reason: '3 errors' });
    expect(result.sustainable?.rate).toBeLessThanOrEqual(400);
  });

  it('keeps what it has on Ctrl-C and when a run fails', async () => {
    const controller = new AbortController();
    let runs = 0;
    const interrupted = await runSearch(
      PLAN,
      async (rate) => {
        if (++runs === 3) controller.abort();
        return fakeResult({ rate });
      },
      { signal: controller.signal },
    );
    expect(interrupted).toMatchObject({ interrupted: true });
    expect(interrupted.points).toHaveLength(3);
    const failing = await runSearch(PLAN, async (rate) => {
      if (rate > 2000) throw new ConnectError('refused');
      return fakeResult({ rate });
    });
    expect(failing).toMatchObject({ partial: true, failure: 'run 3 failed: refused' });
    expect(failing.points).toHaveLength(2);
  });

  it('names the knee of the curve', async () => {
    const { kneeRate } = await runSearch(PLAN, broker(64_000));
    expect(kneeRate).toBeGreaterThan(16_000);
    expect(kneeRate).toBeLessThan(64_000);
    expect(kneeOf([])).toBeUndefined();
  });
});

describe('limits', () => {
  it.each([
    ['p99<10ms', { name: 'p99', belowMs: 10 }],
    ['p99.9<1s', { name: 'p999', belowMs: 1000 }],
    ['P50 < 250us', { name: 'p50', belowMs: 0.25 }],
    ['max<=20', { name: 'max', belowMs: 20 }],
    ['mean<0.5ms', { name: 'mean', belowMs: 0.5 }],
  ])('%s', (text, limit) => expect(parseLimit(text)).toEqual(limit));

  it.each(['p99', 'p98<5ms', 'p99>5ms', 'p99<fast', 'p99<0ms', ''])('refuse %j', (text) => {
    expect(() => parseLimit(text)).toThrow(`--limit ${text}: expected a limit such as p99<10ms`);
  });
});

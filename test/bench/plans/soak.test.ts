import { beforeAll, describe, expect, it } from 'vitest';
import { LatencyHistogram, loadHistograms } from '../../../src/bench/latency-histogram.js';
import { driftOf, theilSen } from '../../../src/bench/plans/drift.js';
import { soakReport } from '../../../src/bench/plans/plan-text.js';
import { runSoak, type SoakParts, type SoakResult } from '../../../src/bench/plans/soak.js';
import type { BenchHooks } from '../../../src/bench/progress.js';
import { type Random, seededRandom } from '../../../src/common/clock.js';
import { fakeResult } from './fake-run.js';

const MIB = 1024 * 1024;
const gauss = (random: Random): number => Array.from({ length: 12 }, () => random.nextFloat()).reduce((sum, one) => sum + one, -6);

describe('drift', () => {
  it('is the slope of a straight line', () => {
    const points = Array.from({ length: 30 }, (_, i) => ({ atSeconds: i * 10, value: 5 + i * 10 * 0.25 }));
    expect(theilSen(points)).toEqual({ slope: 0.25, low: 0.25, high: 0.25 });
    expect(driftOf(points, 1)).toMatchObject({ slopePerHour: 900, verdict: 'rising' });
  });

  it('is not bent by a quarter of wild values', () => {
    const random = seededRandom(3);
    const points = Array.from({ length: 200 }, (_, i) => ({
      atSeconds: i,
      value: i % 4 === 0 ? 1e6 * random.nextFloat() : 100 + gauss(random),
    }));
    expect(driftOf(points, 10).verdict).toBe('steady');
  });

  it('is seldom found where there is none, and found where there is one', () => {
    const verdicts = (slopePercent: number): string[] =>
      Array.from({ length: 100 }, (_, seed) => {
        const random = seededRandom(seed + 1);
        const points = Array.from({ length: 240 }, (_, i) => ({
          atSeconds: i * 60,
          value: 100 + (slopePercent * i) / 240 + 3 * gauss(random),
        }));
        return driftOf(points, 0).verdict;
      });
    expect(verdicts(0).filter((verdict) => verdict !== 'steady').length).toBeLessThan(12);
    expect(verdicts(5).filter((verdict) => verdict === 'rising').length).toBeGreaterThan(94);
    expect(verdicts(-5).filter((verdict) => verdict === 'falling').length).toBeGreaterThan(94);
  });

  it('is no drift within the tolerance, and cannot be told from a few samples', () => {
    const points = Array.from({ length: 100 }, (_, i) => ({ atSeconds: i, value: 100 + i * 0.05 }));
    expect(driftOf(points, 10)).toMatchObject({ verdict: 'steady', changePercent: expect.closeTo(4.7, 0) });
    expect(driftOf(points.slice(0, 11), 0).verdict).toBe('too short');
  });
});

describe('a soak', () => {
  beforeAll(() => loadHistograms());

  /** Seconds of a run, one after the other; figures by the second. */
  function fakeSend(seconds: number, of: { rate: (at: number) => number; latencyUs: (at: number) => number }): SoakParts['send'] {
    return async (hooks: BenchHooks) => {
      const latencies = new LatencyHistogram();
      for (let at = 0; at < seconds; at++) {
        latencies.reset();
        for (let i = 0; i < 100; i++) latencies.record(of.latencyUs(at));
        const count = of.rate(at);
        const point = { atSeconds: at, seconds: 1, count, rate: count, errors: 0, p50Ms: 1, p99Ms: 1, p999Ms: 1, meanMs: 1, maxMs: 1 };
        hooks.onPoint?.({ direction: 'send', startedAtMs: at * 1000, point, latencies });
      }
      return fakeResult({ rate: 1000 });
    };
  }

  function parts(send: SoakParts['send'], more: Partial<SoakParts> = {}): SoakParts {
    return {
      ...{ send, sampleSeconds: 10, tolerancePercent: 10, config: {} },
      ...{ generatorRssBytes: () => 100 * MIB, brokerRssBytes: () => undefined, environment: () => fakeResult({ rate: 1 }).environment },
      ...more,
    };
  }
  const steady = { rate: () => 1000, latencyUs: () => 2000 };

  it('is steady when nothing changes', async () => {
    const result = await runSoak(parts(fakeSend(1200, steady)));
    expect(result).toMatchObject({ kind: 'soak', verdict: 'steady', findings: [], send: { rate: 1000 } });
    expect(result.samples).toHaveLength(120);
    expect(result.samples[5]).toMatchObject({ atSeconds: 50, seconds: 10, rate: 1000, p99Ms: 2 });
    expect(soakReport(result)).toContain('verdict    steady');
  });

  it('finds a rate that falls, a latency that rises and memory that grows', async () => {
    let calls = 0;
    const send = fakeSend(1200, { rate: (at) => 1000 - at / 4, latencyUs: (at) => 2000 + at });
    const { verdict, findings, drift } = await runSoak(parts(send, { brokerRssBytes: () => (100 + calls++) * MIB }));
    expect(verdict).toBe('drifting');
    expect(findings).toEqual([
      expect.stringMatching(/^the send rate falls by \d+/),
      expect.stringMatching(/^p99 of sends rises by \d+/),
      expect.stringMatching(/^memory of the brokers grows by \d+/),
    ]);
    expect(drift.brokerRssBytes?.slopePerHour).toBeCloseTo(360 * MIB, -4);
  });

  it('takes memory that settles for no leak', async () => {
    let calls = 0;
    const rss = (): number => 100 * MIB + 50 * MIB * Math.min(1, calls++ / 30);
    expect((await runSoak(parts(fakeSend(1200, steady), { generatorRssBytes: rss }))).verdict).toBe('steady');
  });

  it('says when it was too short', async () => {
    expect(await runSoak(parts(fakeSend(60, steady)))).toMatchObject({ verdict: 'too short' });
  });

  it('gives the result so far with each sample, marked as partial', async () => {
    const seen: SoakResult[] = [];
    await runSoak(parts(fakeSend(60, steady), { onSample: (_, soFar) => seen.push(soFar()) }));
    expect(seen).toHaveLength(6);
    expect(seen[2]).toMatchObject({ kind: 'soak', partial: true, soFar: { count: 30_000, seconds: 30, latencyMs: { p50: 2 } } });
    expect(LatencyHistogram.decode(seen[2]?.soFar?.histogram ?? '').count).toBe(3000);
  });

  it('ends the consumer after the producer, and keeps what was sent when consuming fails', async () => {
    let wasEnded = false;
    const receive = (hooks: BenchHooks): Promise<never> =>
      new Promise((_, reject) => {
        hooks.signal?.addEventListener('abort', () => {
          wasEnded = true;
          reject(new Error('gone'));
        });
      });
    const controller = new AbortController();
    const running = runSoak(parts(fakeSend(60, steady), { receive }), { signal: controller.signal });
    controller.abort();
    expect(await running).toMatchObject({ partial: true, failure: 'consuming failed: gone', send: { rate: 1000 } });
    expect(wasEnded).toBe(true);
  });
});

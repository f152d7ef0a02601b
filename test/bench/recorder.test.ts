import { beforeAll, describe, expect, it } from 'vitest';
import { LatencyHistogram, loadHistograms } from '../../src/bench/latency-histogram.js';
import { Recorder } from '../../src/bench/recorder.js';
import { seededRandom } from '../../src/common/clock.js';

const SEED = Number(process.env.MQKIT_SEED ?? 1);

beforeAll(loadHistograms);

/** A recorder whose window is driven by hand. */
function driven(): { recorder: Recorder; clock: { ms: number }; at: (ms: number) => void } {
  const clock = { ms: 5000 };
  const recorder = new Recorder({ now: () => clock.ms });
  recorder.reset();
  return {
    recorder,
    clock,
    at: (ms) => {
      clock.ms = 5000 + ms;
      recorder.tick();
    },
  };
}

describe('the series of a window', () => {
  it('has a point for each second, with the figures of that second alone', () => {
    const { recorder, at } = driven();
    for (let second = 0; second < 3; second++) {
      for (let i = 0; i < 100; i++) {
        at(second * 1000 + i * 10);
        recorder.success((second + 1) * 1000, 10);
      }
      recorder.error('TIMEOUT');
      at((second + 1) * 1000);
    }
    const { series, histogram, latencyMs } = recorder.measured(3);
    expect(series).toMatchObject(
      [0, 1, 2].map((atSeconds) => ({
        atSeconds,
        seconds: 1,
        count: 100,
        rate: 100,
        errors: 1,
        p50Ms: atSeconds + 1,
        maxMs: atSeconds + 1,
      })),
    );
    expect(series).toHaveLength(3);
    expect(LatencyHistogram.decode(histogram ?? '').count).toBe(300);
    expect(latencyMs.max).toBe(3);
  });

  it('is not changed by snapshots that come at other times', () => {
    const { recorder, at } = driven();
    const seen: number[] = [];
    for (let ms = 1; ms <= 4000; ms++) {
      at(ms);
      recorder.success(ms, 1);
      if (ms % 700 === 0) {
        seen.push(recorder.snapshot().count);
      }
    }
    expect(seen).toEqual([700, 700, 700, 700, 700]);
    const { series } = recorder.measured(4);
    expect(series?.map(({ count }) => count)).toEqual([999, 1000, 1000, 1001]);
    expect(series?.reduce((sum, { count }) => sum + count, 0)).toBe(4000);
  });

  it('gives answers that come after the end, and a short rest, to the last second', () => {
    const { recorder, at } = driven();
    at(999);
    recorder.success(1000, 1);
    at(1000);
    at(2000);
    recorder.success(1000, 1);
    recorder.closeWindow();
    at(5000);
    recorder.success(3_000_000, 1);
    const { series } = recorder.measured(2.1);
    expect(series).toMatchObject([
      { atSeconds: 0, count: 1 },
      { atSeconds: 1, seconds: 1.1, count: 2, maxMs: 3000 },
    ]);
  });

  it('leaves the warm-up out', () => {
    const { recorder, at, clock } = driven();
    recorder.success(9_000_000, 1);
    clock.ms = 8000;
    recorder.reset();
    clock.ms = 8600;
    recorder.success(1000, 1);
    expect(recorder.measured(0.6).series).toMatchObject([{ atSeconds: 0, seconds: 0.6, count: 1, maxMs: 1 }]);
    at(0);
  });

  it('hands over each second once, with its distribution', () => {
    const { recorder, at } = driven();
    const seen: [number, number][] = [];
    recorder.onPoint = ({ point, latencies }) => seen.push([point.atSeconds, latencies.count]);
    for (let ms = 0; ms < 3700; ms += 10) {
      at(ms);
      recorder.success(100, 1);
    }
    recorder.measured(3.7);
    expect(seen).toEqual([
      [0, 100],
      [1, 100],
      [2, 100],
      [3, 70],
    ]);
  });
});

describe('a histogram as text', () => {
  it(`equals a single recording bit for bit when parts are added up (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const [whole, ...parts] = [new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram()];
    for (let i = 0; i < 30_000; i++) {
      const latencyUs = Math.exp(random.nextFloat() * 20);
      whole?.record(latencyUs);
      parts[i % 3]?.record(latencyUs);
    }
    const merged = new LatencyHistogram();
    for (const part of parts) {
      merged.add(LatencyHistogram.decode(part.encode(), part.maxMs));
    }
    expect(merged.encode()).toBe(whole?.encode());
    expect(merged.summary()).toEqual(whole?.summary());
  });

  it('can be empty', () => {
    const empty = LatencyHistogram.decode(new LatencyHistogram().encode());
    expect(empty.summary()).toEqual({ mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, p9999: 0, max: 0 });
  });
});

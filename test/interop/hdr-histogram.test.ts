import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LatencyHistogram, loadHistograms } from '../../src/bench/latency-histogram.js';
import type { ProducerResult } from '../../src/bench/result.js';
import { seededRandom } from '../../src/common/clock.js';
import { fetchHdrReader, repositoryRoot } from '../peers/index.js';
import { interop, startTarget, type Target } from './support.js';

const PERCENTILES = [0, 25, 50, 75, 90, 99, 99.9, 99.99, 100];
const SEED = Number(process.env.MQKIT_SEED ?? 1);

/** A histogram as the Java library sees it; values in us. */
interface Read {
  readonly tag: string | null;
  readonly startMs: number;
  readonly endMs: number;
  readonly count: number;
  readonly highest: number;
  readonly mean: number;
  readonly values: readonly number[];
}

interop('histograms and logs, read by the Java library HdrHistogram', 'java', () => {
  let classPath: string;
  let target: Target;
  let dir: string;
  let result: ProducerResult;

  const java = (args: readonly string[], input: string): string =>
    execFileSync('java', ['-cp', classPath, 'HdrReader', ...args], { input, encoding: 'utf8' });
  const read = (args: readonly string[], input = ''): Read[] =>
    java(args, input)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Read);

  beforeAll(async () => {
    await loadHistograms();
    ({ classPath } = await fetchHdrReader());
    target = await startTarget();
    dir = mkdtempSync(join(tmpdir(), 'mqkit-hdr-'));
    const files = ['--hlog', join(dir, 'run.hlog'), '--hgrm', join(dir, 'run.hgrm'), '--json', join(dir, 'run.json')];
    const run = ['producer', '-n', target.namesrvAddr, '--rate', '500', '--duration', '3s'];
    execFileSync(process.execPath, [join(repositoryRoot, 'bin/mqbench.js'), ...run, ...files], { stdio: 'pipe' });
    result = JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')) as ProducerResult;
  });

  afterAll(async () => {
    await target?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it(`gives equal percentiles for distributions of any width (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const histograms = [1, 3, 8, 15, 22].map((width) => {
      const histogram = new LatencyHistogram();
      for (let i = 0; i < 20_000; i++) {
        histogram.record(Math.exp(random.nextFloat() * width));
      }
      return histogram;
    });
    const edges = new LatencyHistogram();
    for (const value of [0, 1, 2, 2047, 2048, 4095, 4096, 3_600_000_000, 9e12]) {
      edges.record(value);
    }
    const all = [...histograms, edges, new LatencyHistogram()];
    const seen = read([], all.map((histogram) => histogram.encode()).join('\n'));
    expect(seen).toHaveLength(all.length);
    all.forEach((histogram, i) => {
      const { count, values = [], mean } = seen[i] ?? {};
      const maxUs = histogram.maxMs * 1000;
      expect(count).toBe(histogram.count);
      expect(values.map((us) => Math.min(us, maxUs) / 1000)).toEqual(PERCENTILES.map((percent) => histogram.percentileMs(percent)));
      expect(Math.abs((mean ?? Number.NaN) / 1000 - histogram.meanMs)).toBeLessThan(0.001);
    });
  });

  it('reads the histograms of a result', () => {
    const { send } = result;
    const [corrected, uncorrected] = read([], `${send.histogram}\n${send.uncorrectedHistogram}`);
    for (const [seen, latencyMs] of [
      [corrected, send.latencyMs],
      [uncorrected, send.uncorrectedLatencyMs],
    ] as const) {
      const clamped = seen?.values.map((us) => Math.min(us / 1000, latencyMs?.max ?? 0));
      expect(seen?.count).toBe(send.count);
      expect([2, 4, 5, 6, 7, 8].map((i) => clamped?.[i])).toEqual([
        ...[latencyMs?.p50, latencyMs?.p90, latencyMs?.p99, latencyMs?.p999, latencyMs?.p9999, latencyMs?.max],
      ]);
    }
  });

  it('reads the log of a run: an interval for each second, with the figures of the series', () => {
    const { series = [], count, windowStartedAtMs = 0 } = result.send;
    const intervals = read([join(dir, 'run.hlog')]);
    expect(intervals).toHaveLength(series.length);
    expect(intervals.reduce((sum, interval) => sum + interval.count, 0)).toBe(count);
    series.forEach((point, i) => {
      const { startMs = 0, endMs = 0, tag, values = [], count: recorded } = intervals[i] ?? {};
      expect(tag).toBeNull();
      expect(recorded).toBe(point.count);
      expect(Math.abs(startMs - (windowStartedAtMs + point.atSeconds * 1000))).toBeLessThan(5);
      expect(Math.abs(endMs - startMs - point.seconds * 1000)).toBeLessThan(5);
      expect([2, 5, 6, 8].map((at) => Math.min((values[at] ?? 0) / 1000, point.maxMs))).toEqual([
        ...[point.p50Ms, point.p99Ms, point.p999Ms, point.maxMs],
      ]);
    });
  });

  it('prints the same percentile distribution', () => {
    expect(readFileSync(join(dir, 'run.hgrm'), 'utf8').trim()).toBe(java(['--hgrm'], `${result.send.histogram}`).trim());
  });
});

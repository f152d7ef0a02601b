import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Environment } from '../../../src/bench/environment.js';
import { LatencyHistogram, loadHistograms } from '../../../src/bench/latency-histogram.js';
import { Recorder } from '../../../src/bench/recorder.js';
import type { BenchResult, ConsumerResult, Measured, ProducerResult } from '../../../src/bench/result.js';
import { mergeResults, type WorkerPart } from '../../../src/bench/workers/merge-results.js';

beforeAll(() => loadHistograms());

/** From below a microsecond to above what is recorded as an hour; most of it short, as latencies are. */
const latencyUs = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 50_000 }) },
  { weight: 2, arbitrary: fc.double({ min: -10, max: 5e9, noNaN: true }) },
);

const environment: Environment = {
  ...{ node: 'v20', platform: 'p', kernel: 'k', cpuModel: 'c', cores: 2, memoryBytes: 1, loadAverage: 0, startedAt: '' },
  generator: { cpuSeconds: 1, cpuPercent: 50, eventLoopUtilization: 0.5, eventLoopLagMs: { p50: 0, p99: 0, max: 0 } },
};

/** A clock that tests move. */
class Clock {
  ms = 1000;
  now(): number {
    return this.ms;
  }
}

/** Records into one window, a part of the values in each second, as a worker does. */
function record(bySecond: readonly (readonly number[])[], kind: 'producer' | 'consumer', before: readonly number[] = []): WorkerPart {
  const clock = new Clock();
  const recorder = new Recorder(clock);
  const pointHistograms: string[] = [];
  recorder.onPoint = ({ latencies }) => pointHistograms.push(latencies.encode());
  for (const value of before) {
    recorder.success(value, 1);
  }
  recorder.reset();
  for (const values of bySecond) {
    for (const value of values) {
      recorder.success(value, 10);
      if (kind === 'consumer') {
        recorder.endToEnd(value + 1);
      } else {
        recorder.uncorrected(value / 2);
      }
    }
    clock.ms += 1000;
    recorder.tick();
    recorder.snapshot();
  }
  recorder.error('TIMEOUT');
  const measured = recorder.measured(bySecond.length);
  const result = { schema: 'mqbench/1', kind, config: { rate: 5, turn: { first: 0, every: 2 }, topic: 'T' }, environment } as const;
  const send = { ...measured, ...recorder.uncorrectedMeasured(), unsent: 1, attempts: 2, retries: 3, failedAttemptsByCode: { A: 4 } };
  return {
    name: 'w',
    result: (kind === 'producer'
      ? { ...result, send }
      : { ...result, receive: { ...measured, ...recorder.endToEndMeasured() } }) as BenchResult,
    pointHistograms: kind === 'producer' ? { send: pointHistograms } : { receive: pointHistograms },
  };
}

const parts = fc
  .record({ workers: fc.integer({ min: 1, max: 5 }), seconds: fc.integer({ min: 1, max: 4 }) })
  .chain(({ workers, seconds }) =>
    fc.array(fc.array(fc.array(latencyUs, { maxLength: 40 }), { minLength: seconds, maxLength: seconds }), {
      minLength: workers,
      maxLength: workers,
    }),
  );

/** All workers' values, second by second, in one. */
function together(workers: readonly (readonly (readonly number[])[])[]): number[][] {
  return workers[0]!.map((_, second) => workers.flatMap((worker) => worker[second] ?? []));
}

/** What a merge adds to one recording's fields beside the sums of other counters. */
function withoutErrors({ errors: _, errorsByCode: __, ...rest }: Measured): unknown {
  return { ...rest, series: rest.series?.map(({ errors: ___, ...point }) => point) };
}

describe('merging the results of workers', () => {
  it('gives what one recording of all values gives, bit for bit', () => {
    fc.assert(
      fc.property(parts, fc.array(latencyUs, { maxLength: 5 }), (workers, warmup) => {
        const merged = mergeResults(
          workers.map((worker) => record(worker, 'producer', warmup)),
          {},
        ) as ProducerResult;
        const single = record(together(workers), 'producer').result as ProducerResult;
        expect(merged.send.histogram).toBe(single.send.histogram);
        expect(merged.send.uncorrectedHistogram).toBe(single.send.uncorrectedHistogram);
        const { unsent: _, attempts: __, retries: ___, failedAttemptsByCode: ____, ...mergedSend } = merged.send;
        const { unsent, attempts, retries, failedAttemptsByCode, ...singleSend } = single.send;
        expect(withoutErrors(mergedSend)).toEqual(withoutErrors(singleSend));
        expect(merged.send).toMatchObject({
          errors: workers.length,
          errorsByCode: { TIMEOUT: workers.length },
          unsent: unsent * workers.length,
          attempts: attempts * workers.length,
          retries: retries * workers.length,
          failedAttemptsByCode: { A: 4 * workers.length },
        });
        expect(failedAttemptsByCode).toEqual({ A: 4 });
      }),
      { numRuns: 20 },
    );
  });

  it('does the same for the way from producer to consumer', () => {
    fc.assert(
      fc.property(parts, (workers) => {
        const merged = mergeResults(
          workers.map((worker) => record(worker, 'consumer')),
          {},
        ) as ConsumerResult;
        const single = record(together(workers), 'consumer').result as ConsumerResult;
        expect(merged.receive.endToEndHistogram).toBe(single.receive.endToEndHistogram);
        expect(merged.receive.endToEndMs).toEqual(single.receive.endToEndMs);
        expect(merged.receive.histogram).toBe(single.receive.histogram);
        const maxima = (result: ConsumerResult): unknown => result.receive.series?.map((point) => point.endToEndMaxMs ?? 0);
        expect(maxima(merged)).toEqual(maxima(single));
      }),
      { numRuns: 10 },
    );
  });

  it('decodes what it encoded', () => {
    fc.assert(
      fc.property(fc.array(latencyUs), (values) => {
        const histogram = new LatencyHistogram();
        for (const value of values) {
          histogram.record(value);
        }
        const again = LatencyHistogram.decode(histogram.encode(), histogram.maxMs);
        expect(again.encode()).toBe(histogram.encode());
        expect(again.summary()).toEqual(histogram.summary());
      }),
      { numRuns: 30 },
    );
  });

  it('shows the options of the whole load, the busiest generator, and each worker', () => {
    const busy = record([[1, 2]], 'producer');
    const busyEnvironment = { ...environment, generator: { ...environment.generator, cpuPercent: 97 } };
    const merged = mergeResults(
      [record([[3]], 'producer'), { ...busy, name: 'x', result: { ...busy.result, environment: busyEnvironment } }],
      { rate: 10, quantity: 3 },
    );
    expect(merged.config).toEqual({ rate: 10, topic: 'T', workers: 2 });
    expect(merged.environment.generator.cpuPercent).toBe(97);
    expect(merged.environment.workers).toMatchObject([
      { name: 'w', count: 1, errors: 1 },
      { name: 'x', count: 2, generator: { cpuPercent: 97 } },
    ]);
  });

  it('keeps the seconds of one worker apart, however far its window began from the others', () => {
    const [first, second] = [record([[1], [2], [3]], 'producer'), record([[4], [5], [6]], 'producer')];
    const { series = [], windowStartedAtMs = 0 } = second.result.send!;
    // A second is ended by a timer, so it is a little late: 1.002 s and 2.001 s are 1.5005 s and 2.4995 s of the common window.
    const late = series.map((point, i) => ({ ...point, atSeconds: [0, 1.002, 2.001][i]! }));
    const send = { ...second.result.send!, series: late, windowStartedAtMs: windowStartedAtMs + 498.5 };
    const merged = mergeResults([first, { ...second, result: { ...second.result, send } }], {});
    expect(merged.send?.series?.map(({ count }) => count)).toEqual([2, 2, 2]);
  });

  it('places windows of other machines by the offset of their clocks, and warns of latencies that count on them', () => {
    const local = record([[1], [2]], 'consumer');
    const remote = record([[3], [4]], 'consumer');
    const ahead = { ...remote.result.receive!, windowStartedAtMs: local.result.receive!.windowStartedAtMs! + 5000 };
    const clock = { offsetMs: 5000, uncertaintyMs: 0.2 };
    const merged = mergeResults([local, { ...remote, name: 'far:1', result: { ...remote.result, receive: ahead }, clock }], {});
    expect(merged.receive).toMatchObject({ count: 4, seconds: 2, rate: 2 });
    expect(merged.receive?.series?.map(({ atSeconds, count }) => [atSeconds, count])).toEqual([
      [0, 2],
      [1, 2],
    ]);
    expect(merged.environment.workers?.[1]).toMatchObject({ clock, machine: { cores: 2 } });
    expect(merged.warnings).toEqual([expect.stringMatching(/^latencies of worker far:1 .* 5000 ms \(\+-0.2 ms\) ahead of/)]);
  });
});

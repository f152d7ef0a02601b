import { beforeAll, describe, expect, it } from 'vitest';
import { loadHistograms } from '../../../src/bench/latency-histogram.js';
import { OmbCounters } from '../../../src/bench/omb/counters.js';
import { DEFAULT_DRIVER } from '../../../src/bench/omb/driver.js';
import { OmbResult, ombFileName } from '../../../src/bench/omb/omb-result.js';
import { Phases, type PhasesOutcome } from '../../../src/bench/omb/phases.js';
import { RateSearch } from '../../../src/bench/omb/rate-search.js';
import { parseWorkloads, type Workload } from '../../../src/bench/omb/workload.js';
import type { BenchResult } from '../../../src/bench/result.js';

const workload = (...lines: string[]): Workload =>
  parseWorkloads(
    ['topics: 1', 'partitionsPerTopic: 1', 'messageSize: 1000', 'subscriptionsPerTopic: 1', 'consumerPerSubscription: 1', ...lines].join(
      '\n',
    ),
    'w.yaml',
  ).workloads[0]!;

/** A broker of a given speed behind a clock that only moves when the phases wait. */
class Simulation {
  readonly counters = new OmbCounters();
  readonly samples = new OmbResult();
  nowMs = 0;
  rate: number;
  behind = 0;
  isPaused = false;
  #running = false;

  constructor(
    rate: number,
    readonly speed: { publish: number; consume: number },
  ) {
    this.rate = rate;
  }

  async run(of: Workload, sampleMs = 1000, signal?: AbortSignal): Promise<PhasesOutcome> {
    const phases = new Phases({
      workload: of,
      counters: this.counters,
      publisher: this.#publisher(),
      consumers: { pause: () => (this.isPaused = true), resume: () => (this.isPaused = false) },
      samples: this.samples,
      sampleMs,
      onWindow: () => {},
      clock: { now: () => this.nowMs, wait: async (ms) => this.#pass(ms) },
    });
    return phases.run(signal);
  }

  #publisher(): { readonly rate: number; readonly behind: number; start(): void; setRate(rate: number): void } {
    const simulation = this;
    return {
      get rate() {
        return simulation.rate;
      },
      get behind() {
        return simulation.behind;
      },
      start: () => {
        this.#running = true;
      },
      setRate: (rate) => {
        this.rate = rate;
      },
    };
  }

  #pass(ms: number): void {
    this.nowMs += ms;
    if (!this.#running) return;
    const sent = (Math.min(this.rate, this.speed.publish) * ms) / 1000;
    this.counters.published += sent;
    const waiting = this.counters.published - this.counters.received;
    if (!this.isPaused) this.counters.received += Math.min(waiting, (this.speed.consume * ms) / 1000);
  }
}

describe('phases of a workload', () => {
  beforeAll(() => loadHistograms());

  it('sample the test and leave the warm-up out', async () => {
    const simulation = new Simulation(500, { publish: 1e6, consume: 1e6 });
    const outcome = await simulation.run(workload('producerRate: 500', 'testDuration: 10s', 'warmupDuration: 5s'));
    expect(outcome).toMatchObject({ seconds: 10, unsent: 0, searchedRates: [] });
    const json = resultOf(simulation);
    expect(json.publishRate).toHaveLength(10);
    for (const rate of json.publishRate as number[]) expect(rate).toBeCloseTo(500, 0);
    expect(simulation.counters.published).toBeCloseTo(7500, 0);
  });

  it('build a backlog, drain it, and then test for the whole time', async () => {
    const simulation = new Simulation(10_000, { publish: 1e6, consume: 30_000 });
    const gib = 0.1;
    const outcome = await simulation.run(
      workload('producerRate: 10000', `consumerBacklogSizeGB: ${gib}`, 'testDuration: 5s', 'warmupDuration: 1s'),
    );
    const buildSeconds = (gib * 1024 ** 3) / 1000 / 10_000;
    expect(outcome.backlog?.buildSeconds).toBeCloseTo(buildSeconds, 0);
    expect(outcome.backlog?.bytes).toBeGreaterThanOrEqual(gib * 1024 ** 3);
    expect(outcome.backlog?.drainSeconds).toBeCloseTo(buildSeconds / 2, 0);
    expect(outcome.seconds).toBeCloseTo((outcome.backlog?.buildSeconds ?? 0) + (outcome.backlog?.drainSeconds ?? 0) + 5, 1);
  });

  it('a drain ratio below 1 leaves a part of the backlog', async () => {
    const lines = ['producerRate: 10000', 'consumerBacklogSizeGB: 0.1', 'testDuration: 1s', 'warmupDuration: 0s'];
    const whole = await new Simulation(10_000, { publish: 1e6, consume: 30_000 }).run(workload(...lines));
    const half = await new Simulation(10_000, { publish: 1e6, consume: 30_000 }).run(workload(...lines, 'backlogDrainRatio: 0.5'));
    expect(half.backlog?.drainSeconds).toBeLessThan((whole.backlog?.drainSeconds ?? 0) * 0.6);
  });

  it('end when they are told to, with what was sampled', async () => {
    const simulation = new Simulation(100, { publish: 1e6, consume: 1e6 });
    const outcome = await simulation.run(
      workload('producerRate: 100', 'testDurationMinutes: 0', 'warmupDuration: 0s'),
      1000,
      AbortSignal.abort(),
    );
    expect(outcome.seconds).toBe(0);
    expect(simulation.samples.sampleCount).toBe(1);
  });

  it.each([
    { publish: 40_000, consume: 1e6 },
    { publish: 1e6, consume: 25_000 },
    { publish: 3000, consume: 1e6 },
  ])('search the rate that is sent and consumed: %j', async (speed) => {
    const simulation = new Simulation(10_000, speed);
    const { searchedRates } = await simulation.run(workload('producerRate: 0', 'testDurationMinutes: 5', 'warmupDurationMinutes: 0'));
    const slowest = Math.min(speed.publish, speed.consume);
    // It swings between what goes and twice that, as it does there.
    const lowest = Math.min(...searchedRates.slice(-30));
    expect(lowest).toBeGreaterThan(slowest * 0.3);
    expect(lowest).toBeLessThan(slowest * 1.05);
    expect(simulation.counters.received / 300).toBeGreaterThan(slowest * 0.5);
  });
});

describe('the rate search', () => {
  it('doubles while nothing is left behind', () => {
    const search = new RateSearch();
    expect(search.next(10_000, 3, { published: 30_000, received: 30_000 })).toBe(20_000);
    expect(search.next(20_000, 3, { published: 90_000, received: 90_000 })).toBe(40_000);
  });

  it('goes below what was achieved when messages are not consumed, and rises in smaller steps after', () => {
    const search = new RateSearch();
    const lower = search.next(10_000, 3, { published: 30_000, received: 24_000 });
    expect(lower).toBe(8000);
    expect(search.next(lower, 3, { published: 54_000, received: 54_000 })).toBe(16_000);
    expect(search.next(8000, 3, { published: 60_000, received: 60_000 })).toBeLessThan(8000);
  });

  it('never stands still', () => {
    expect(new RateSearch().next(10_000, 3, { published: 0, received: 0 })).toBe(1);
  });
});

function resultOf(simulation: Simulation): Record<string, unknown> {
  const of = {
    workload: workload('producerRate: 1', 'testDurationMinutes: 1'),
    driver: DEFAULT_DRIVER,
    totals: simulation.counters.totals,
  };
  return simulation.samples.toJson({ ...of, mqbench: {} as BenchResult });
}

describe('result files', () => {
  it('have every name of the OpenMessaging Benchmark', async () => {
    await loadHistograms();
    const simulation = new Simulation(1, { publish: 1, consume: 1 });
    const { counters, samples } = simulation;
    for (let i = 1; i <= 1000; i++) counters.sent(i * 1000, i, 100);
    counters.endSample(10_000, 1, (sample, latencies) => samples.add(sample, latencies));
    const json = resultOf(simulation);
    const suffixes = ['Avg', '50pct', '75pct', '95pct', '99pct', '999pct', '9999pct', 'Max'];
    const kinds = ['PublishLatency', 'PublishDelayLatency', 'EndToEndLatency'];
    expect(Object.keys(json).sort()).toEqual(
      [
        ...['workload', 'driver', 'messageSize', 'topics', 'partitions', 'producersPerTopic', 'consumersPerTopic', 'mqbench'],
        ...['publishRate', 'publishErrorRate', 'consumeRate', 'backlog'],
        ...kinds.flatMap((kind) => [
          `aggregated${kind}Quantiles`,
          ...suffixes.flatMap((suffix) => [`aggregated${kind}${suffix}`, `${kind.charAt(0).toLowerCase()}${kind.slice(1)}${suffix}`]),
        ]),
      ].sort(),
    );
    expect(json.publishLatency50pct).toEqual([expect.closeTo(500, -1)]);
    expect(json.aggregatedPublishLatencyMax).toBeCloseTo(1000, 0);
    expect(json.aggregatedPublishDelayLatency99pct).toBe(990);
    const quantiles = json.aggregatedPublishLatencyQuantiles as Record<string, number>;
    expect(quantiles['0.0']).toBeCloseTo(1, 1);
    expect(quantiles['50.0']).toBeCloseTo(500, -1);
    expect(quantiles['100.0']).toBeCloseTo(1000, 0);
    expect(json.publishRate).toEqual([100]);
  });

  it('are named by workload, driver and time', () => {
    expect(ombFileName('simple-workload', 'RocketMQ', new Date(2026, 0, 2, 3, 4, 5))).toBe(
      'simple-workload-RocketMQ-2026-01-02-03-04-05.json',
    );
  });
});

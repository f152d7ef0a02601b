import type { Environment } from '../../../src/bench/environment.js';
import type { IntervalPoint, ProducerResult } from '../../../src/bench/result.js';
import { seededRandom } from '../../../src/common/clock.js';

const environment: Environment = {
  node: 'v20.20.2',
  platform: 'linux-x64',
  kernel: '6.1',
  cpuModel: 'test',
  cores: 2,
  memoryBytes: 8e9,
  loadAverage: 0,
  startedAt: '2026-01-01T00:00:00.000Z',
  generator: { cpuSeconds: 1, cpuPercent: 10, eventLoopUtilization: 0.1, eventLoopLagMs: { p50: 0, p99: 0, max: 0 } },
};

/** A producer's result as a run of 10 s gives it. */
export function resultOf(parts: { rate?: number; series?: readonly IntervalPoint[]; config?: Record<string, unknown> }): ProducerResult {
  const { rate = 1000, series = [], config = { bodyBytes: 128 } } = parts;
  const latencyMs = { mean: 0.5, p50: 0.4, p90: 0.8, p99: 1, p999: 2, p9999: 3, max: 4 };
  const counts = { errors: 0, errorsByCode: {}, unsent: 0, attempts: 10 * rate, retries: 0, failedAttemptsByCode: {} };
  return {
    schema: 'mqbench/1',
    kind: 'producer',
    config,
    environment,
    send: { count: 10 * rate, seconds: 10, rate, bytesPerSecond: 128 * rate, latencyMs, series, ...counts },
  };
}

/** Seconds around a rate, with noise of 2 %. */
export function seriesOfSeconds(count: number, rate: number): IntervalPoint[] {
  const random = seededRandom(count + rate);
  return Array.from({ length: count }, (_, atSeconds) => {
    const its = rate * (0.98 + 0.04 * random.nextFloat());
    return { atSeconds, seconds: 1, count: its, rate: its, errors: 0, p50Ms: 1, p99Ms: 2, p999Ms: 3, meanMs: 1, maxMs: 4 };
  });
}

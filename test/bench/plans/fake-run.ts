import type { LatencyMs } from '../../../src/bench/latency-histogram.js';
import type { ProducerResult } from '../../../src/bench/result.js';

/** A result with these figures, as a run would give it. */
export function fakeResult(of: {
  rate: number;
  p99?: number;
  max?: number;
  unsent?: number;
  errors?: number;
  interrupted?: true;
  failure?: string;
}): ProducerResult {
  const { rate, p99 = 1, max = p99 * 2, unsent = 0, errors = 0 } = of;
  const latencyMs: LatencyMs = { mean: p99 / 4, p50: p99 / 5, p90: p99 / 2, p99, p999: max, p9999: max, max };
  return {
    schema: 'mqbench/1',
    kind: 'producer',
    config: {},
    environment: { generator: { cpuPercent: 50 } } as ProducerResult['environment'],
    send: {
      ...{ count: rate * 10, errors, errorsByCode: {}, seconds: 10, rate, bytesPerSecond: rate * 100, latencyMs },
      ...{ unsent, attempts: rate * 10, retries: 0, failedAttemptsByCode: {} },
    },
    ...(of.interrupted === true ? { interrupted: true } : {}),
    ...(of.failure === undefined ? {} : { partial: true, failure: of.failure }),
  };
}

import type { LatencyMs } from '../latency-histogram.js';
import type { BenchResult, IntervalPoint, Measured } from '../result.js';

/** A figure by which results are compared. */
export interface Metric {
  /** Path in the result, `send.latencyMs.p99`; or a name of its own where it is made of several. */
  readonly name: string;
  readonly better: 'higher' | 'lower';
  readonly unit: 'msg/s' | 'ms' | 'us';
}

const LATENCIES = ['mean', 'p50', 'p90', 'p99', 'p999'] as const;
const POINTS = { rate: 'rate', mean: 'meanMs', p50: 'p50Ms', p99: 'p99Ms', p999: 'p999Ms' } as const;

/** What a result says of each metric; a figure that was not measured is not there. */
export function figuresOf(result: BenchResult): Map<Metric, number> {
  const figures = new Map<Metric, number>();
  let messages = 0;
  for (const [part, measured] of directionsOf(result)) {
    messages += measured.count;
    figures.set({ name: `${part}.rate`, better: 'higher', unit: 'msg/s' }, measured.rate);
    for (const field of ['latencyMs', 'endToEndMs'] as const) {
      const latency = (measured as { endToEndMs?: LatencyMs } & Measured)[field];
      for (const name of latency === undefined ? [] : LATENCIES) {
        figures.set({ name: `${part}.${field}.${name}`, better: 'lower', unit: 'ms' }, latency?.[name] ?? Number.NaN);
      }
    }
  }
  const { broker, generator } = result.environment;
  for (const [name, cpuSeconds] of [
    ['broker CPU a message', broker?.cpuSeconds],
    ['generator CPU a message', generator?.cpuSeconds],
  ] as const) {
    if (cpuSeconds !== undefined && messages > 0) {
      figures.set({ name, better: 'lower', unit: 'us' }, (1e6 * cpuSeconds) / messages);
    }
  }
  return figures;
}

/** The same second by second, where the result has a series. Parts of a second at the end say little and are left out. */
export function seriesOf(result: BenchResult): Map<Metric, number[]> {
  const figures = new Map<Metric, number[]>();
  for (const [part, { series = [] }] of directionsOf(result)) {
    const points = wholePoints(series);
    for (const [name, field] of Object.entries(POINTS)) {
      const metric: Metric =
        name === 'rate'
          ? { name: `${part}.rate`, better: 'higher', unit: 'msg/s' }
          : { name: `${part}.latencyMs.${name}`, better: 'lower', unit: 'ms' };
      figures.set(
        metric,
        points.map((point) => point[field]),
      );
    }
  }
  return figures;
}

function wholePoints(series: readonly IntervalPoint[]): IntervalPoint[] {
  const usual = series[0]?.seconds ?? 1;
  return series.filter(({ seconds }) => seconds > usual / 2);
}

/** Whether a load was paced, so that its rate says nothing of how fast the broker is. */
export function isPaced(result: BenchResult): boolean {
  return result.config.rate !== undefined;
}

/** The measured parts of a result by their names: `send`, `receive`, and whatever other kinds call theirs. */
export function directionsOf(result: BenchResult): [string, Measured][] {
  return Object.entries(result).filter((entry): entry is [string, Measured] => isMeasured(entry[1]));
}

export function isMeasured(value: unknown): value is Measured {
  const { count, rate, latencyMs } = (value ?? {}) as Partial<Measured>;
  return typeof count === 'number' && typeof rate === 'number' && typeof latencyMs === 'object' && latencyMs !== null;
}

/**
 * Result files of the OpenMessaging Benchmark, so that its scripts read ours. Rates are messages a second, `publish` and `endToEnd` latencies
 * milliseconds, `publishDelay` latencies microseconds; one sample for each ten seconds.
 */
import type { LatencyHistogram } from '../latency-histogram.js';
import type { BenchResult } from '../result.js';
import type { Driver } from './driver.js';
import type { Workload } from './workload.js';

/** The three latencies of its results. */
export type LatencyKind = 'publishLatency' | 'publishDelayLatency' | 'endToEndLatency';
export type LatencySet = Readonly<Record<LatencyKind, LatencyHistogram>>;

/** Unit of each kind, in microseconds. */
const UNIT_US: Readonly<Record<LatencyKind, number>> = { publishLatency: 1000, publishDelayLatency: 1, endToEndLatency: 1000 };
const PERCENTILES = [
  ['50pct', 50],
  ['75pct', 75],
  ['95pct', 95],
  ['99pct', 99],
  ['999pct', 99.9],
  ['9999pct', 99.99],
] as const;
/** Points of the quantile map on each halving of what is left to 100 %. */
const TICKS_PER_HALF_DISTANCE = 100;

/** What happened in one sample. */
export interface OmbSample {
  readonly publishRate: number;
  readonly publishErrorRate: number;
  readonly consumeRate: number;
  /** Messages that subscriptions have not got yet. */
  readonly backlog: number;
}

/** Collects samples and makes the file's content of them. */
export class OmbResult {
  readonly #series: Record<string, number[]> = {};

  constructor() {
    for (const key of ['publishRate', 'publishErrorRate', 'consumeRate', 'backlog']) this.#series[key] = [];
    for (const kind of Object.keys(UNIT_US)) {
      for (const suffix of ['Avg', ...PERCENTILES.map(([name]) => name), 'Max']) this.#series[`${kind}${suffix}`] = [];
    }
  }

  get sampleCount(): number {
    return this.#series.publishRate?.length ?? 0;
  }

  add(sample: OmbSample, latencies: LatencySet): void {
    for (const [key, value] of Object.entries(sample)) this.#series[key]?.push(value);
    for (const [kind, histogram] of Object.entries(latencies) as [LatencyKind, LatencyHistogram][]) {
      for (const [suffix, value] of Object.entries(summaryOf(kind, histogram))) this.#series[`${kind}${suffix}`]?.push(value);
    }
  }

  /** The file's content; what is ours goes under one key. */
  toJson(of: { workload: Workload; driver: Driver; totals: LatencySet; mqbench: BenchResult }): Record<string, unknown> {
    const { workload, driver, totals, mqbench } = of;
    const aggregated: Record<string, unknown> = {};
    for (const [kind, histogram] of Object.entries(totals) as [LatencyKind, LatencyHistogram][]) {
      const name = `aggregated${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
      for (const [suffix, value] of Object.entries(summaryOf(kind, histogram))) aggregated[`${name}${suffix}`] = value;
      aggregated[`${name}Quantiles`] = quantilesOf(kind, histogram);
    }
    return {
      workload: workload.name,
      driver: driver.name,
      messageSize: workload.messageSize,
      topics: workload.topics,
      partitions: workload.partitionsPerTopic,
      producersPerTopic: workload.producersPerTopic,
      consumersPerTopic: workload.consumerPerSubscription,
      ...this.#series,
      ...aggregated,
      mqbench,
    };
  }
}

function summaryOf(kind: LatencyKind, histogram: LatencyHistogram): Record<string, number> {
  const inUnit = (ms: number): number => {
    const value = (ms * 1000) / UNIT_US[kind];
    return kind === 'publishDelayLatency' ? Math.round(value) : value;
  };
  return {
    Avg: (histogram.meanMs * 1000) / UNIT_US[kind],
    ...Object.fromEntries(PERCENTILES.map(([name, percent]) => [name, inUnit(histogram.percentileMs(percent))])),
    Max: inUnit(histogram.maxMs),
  };
}

/** Values by percentile, denser towards 100. */
function quantilesOf(kind: LatencyKind, histogram: LatencyHistogram): Record<string, number> {
  const quantiles: Record<string, number> = {};
  if (histogram.count === 0) return quantiles;
  const valueAt = (percent: number): number => {
    const value = (histogram.percentileMs(percent) * 1000) / UNIT_US[kind];
    return kind === 'publishDelayLatency' ? Math.round(value) : value;
  };
  const smallest = 100 / histogram.count;
  let percent = 0;
  while (100 - percent > smallest / 2) {
    quantiles[Number.isInteger(percent) ? percent.toFixed(1) : String(percent)] = valueAt(percent);
    const halvings = Math.floor(Math.log2(100 / (100 - percent))) + 1;
    percent += 100 / (TICKS_PER_HALF_DISTANCE * 2 ** halvings);
  }
  quantiles['100.0'] = valueAt(100);
  return quantiles;
}

/** The name that the OpenMessaging Benchmark gives its files: `<workload>-<driver>-<yyyy-MM-dd-HH-mm-ss>.json`. */
export function ombFileName(workload: string, driver: string, at: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())];
  return `${workload}-${driver}-${[...day, two(at.getHours()), two(at.getMinutes()), two(at.getSeconds())].join('-')}.json`;
}

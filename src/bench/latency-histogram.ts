import { build, type Histogram, initWebAssembly } from 'hdr-histogram-js';

/** Latencies in milliseconds; names and numbers as in the `mqbench/1` schema. Zero where nothing was recorded. */
export interface LatencyMs {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly p9999: number;
  readonly max: number;
}

/** Values above are recorded as this: one hour, far beyond any time-out. */
const HIGHEST_US = 3_600_000_000;
const SIGNIFICANT_DIGITS = 3;

/** Loads the compiled histogram; call it once before the first {@link LatencyHistogram}. */
export function loadHistograms(): Promise<void> {
  return initWebAssembly();
}

/** Distribution of latencies with a resolution of 1 us and three significant digits; about 15 ns a record. */
export class LatencyHistogram {
  readonly #histogram: Histogram = build({
    useWebAssembly: true,
    bitBucketSize: 64,
    autoResize: true,
    numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
  });

  /** Records one latency in microseconds; a negative one (clocks of two machines) counts as 0. */
  record(latencyUs: number): void {
    this.#histogram.recordValue(latencyUs < 0 ? 0 : latencyUs > HIGHEST_US ? HIGHEST_US : Math.round(latencyUs));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** Adds everything another one recorded. */
  add(other: LatencyHistogram): void {
    this.#histogram.add(other.#histogram);
  }

  reset(): void {
    this.#histogram.reset();
  }

  /** Latency in ms that `percent` of the records do not exceed. */
  percentileMs(percent: number): number {
    // The upper end of a bucket may lie above the highest value recorded.
    return this.count === 0 ? 0 : toMs(Math.min(this.#histogram.getValueAtPercentile(percent), this.#histogram.maxValue));
  }

  get maxMs(): number {
    return this.count === 0 ? 0 : toMs(this.#histogram.maxValue);
  }

  get meanMs(): number {
    return this.count === 0 ? 0 : toMs(this.#histogram.mean);
  }

  summary(): LatencyMs {
    return {
      mean: this.meanMs,
      p50: this.percentileMs(50),
      p90: this.percentileMs(90),
      p99: this.percentileMs(99),
      p999: this.percentileMs(99.9),
      p9999: this.percentileMs(99.99),
      max: this.maxMs,
    };
  }

  /** Frees the memory outside the JavaScript heap. */
  destroy(): void {
    this.#histogram.destroy();
  }
}

function toMs(us: number): number {
  return Math.round(us) / 1000;
}

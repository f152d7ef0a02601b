import { round } from './environment.js';
import { LatencyHistogram, type LatencyMs } from './latency-histogram.js';
import type { Measured } from './result.js';

/** What happened since the last snapshot. */
export interface IntervalSnapshot {
  readonly seconds: number;
  readonly count: number;
  readonly rate: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly meanMs: number;
  readonly maxMs: number;
  /** From the producer to the consumer; 0 where that is not measured. */
  readonly endToEndMeanMs: number;
  readonly endToEndMaxMs: number;
  /** Running totals. */
  readonly totalCount: number;
  readonly totalErrors: number;
}

/** Counts outcomes and latencies; an outcome is recorded once, into the interval, and added to the totals with each snapshot. */
export class Recorder {
  readonly #interval = new LatencyHistogram();
  readonly #total = new LatencyHistogram();
  readonly #endToEndInterval = new LatencyHistogram();
  readonly #endToEndTotal = new LatencyHistogram();
  readonly #errorsByCode = new Map<string, number>();
  #count = 0;
  #bytes = 0;
  #errors = 0;
  #intervalStartMs = performance.now();
  #intervalCount = 0;
  #intervalErrors = 0;

  success(latencyUs: number, bodyBytes: number): void {
    this.#count++;
    this.#bytes += bodyBytes;
    this.#interval.record(latencyUs);
  }

  /** Several messages that one answer brought; one latency. */
  batch(latencyUs: number, count: number, bytes: number): void {
    this.#count += count;
    this.#bytes += bytes;
    this.#interval.record(latencyUs);
  }

  /** The way from the producer to the consumer of a message that is counted by `success`. */
  endToEnd(latencyUs: number): void {
    this.#endToEndInterval.record(latencyUs);
  }

  error(code: string): void {
    this.#errors++;
    this.#errorsByCode.set(code, (this.#errorsByCode.get(code) ?? 0) + 1);
  }

  get count(): number {
    return this.#count;
  }

  get errors(): number {
    return this.#errors;
  }

  /** Forgets everything: the warm-up ends here. */
  reset(): void {
    for (const histogram of [this.#interval, this.#total, this.#endToEndInterval, this.#endToEndTotal]) {
      histogram.reset();
    }
    this.#errorsByCode.clear();
    this.#count = this.#bytes = this.#errors = this.#intervalCount = this.#intervalErrors = 0;
    this.#intervalStartMs = performance.now();
  }

  snapshot(): IntervalSnapshot {
    const nowMs = performance.now();
    const seconds = Math.max((nowMs - this.#intervalStartMs) / 1000, 1e-6);
    const count = this.#count - this.#intervalCount;
    const result = {
      seconds,
      count,
      rate: count / seconds,
      errors: this.#errors - this.#intervalErrors,
      p50Ms: this.#interval.percentileMs(50),
      p99Ms: this.#interval.percentileMs(99),
      p999Ms: this.#interval.percentileMs(99.9),
      meanMs: this.#interval.meanMs,
      maxMs: this.#interval.maxMs,
      endToEndMeanMs: this.#endToEndInterval.meanMs,
      endToEndMaxMs: this.#endToEndInterval.maxMs,
      totalCount: this.#count,
      totalErrors: this.#errors,
    };
    this.#addIntervals();
    this.#intervalStartMs = nowMs;
    this.#intervalCount = this.#count;
    this.#intervalErrors = this.#errors;
    return result;
  }

  /** Totals over a window of so many seconds. */
  measured(seconds: number): Measured {
    this.#addIntervals();
    return {
      count: this.#count,
      errors: this.#errors,
      errorsByCode: Object.fromEntries([...this.#errorsByCode].sort(([a], [b]) => (a < b ? -1 : 1))),
      seconds: round(seconds, 6),
      rate: seconds > 0 ? round(this.#count / seconds, 1) : 0,
      bytesPerSecond: seconds > 0 ? Math.round(this.#bytes / seconds) : 0,
      latencyMs: this.#total.summary(),
    };
  }
  /** Distribution of the way from the producer to the consumer. */
  endToEndSummary(): LatencyMs {
    this.#addIntervals();
    return this.#endToEndTotal.summary();
  }

  #addIntervals(): void {
    this.#total.add(this.#interval);
    this.#interval.reset();
    this.#endToEndTotal.add(this.#endToEndInterval);
    this.#endToEndInterval.reset();
  }
}

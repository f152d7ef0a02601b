import { round } from './environment.js';
import { LatencyHistogram } from './latency-histogram.js';
import type { IntervalPoint, Measured, ReceiveMeasured, SendMeasured } from './result.js';

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
  /** The window has not begun: its totals are of the warm-up. */
  readonly isWarmup?: true;
}

/** A second of the window that is over. */
export interface RecordedPoint {
  readonly point: IntervalPoint;
  /** `send` or `receive`. */
  readonly direction: string;
  /** Wall clock at the beginning of the window. */
  readonly startedAtMs: number;
  /** Valid during the call. */
  readonly latencies: LatencyHistogram;
}

const IN_WARMUP = { isWarmup: true } as const;
const POINT_MS = 1000;
/** After so many points one stands for {@link LATE_POINT_MS}, so that a run of days has a series that fits into memory. */
const SECOND_POINTS = 7200;
const LATE_POINT_MS = 10_000;
/** What is left at the end of the window is part of the second before when it is shorter. */
const SHORTEST_POINT_MS = 500;

/** Counts outcomes and latencies; an outcome is recorded once, and spread over snapshots, seconds and totals with each of them. */
export class Recorder {
  readonly #clock: { now(): number };
  readonly #live = new Latencies();
  readonly #sinceSnapshot = new Latencies();
  readonly #total = new Latencies();
  readonly #uncorrected = new Lazy();
  readonly #errorsByCode = new Map<string, number>();
  #count = 0;
  #bytes = 0;
  #errors = 0;
  #snapshotStartMs: number;
  #snapshotCount = 0;
  #snapshotErrors = 0;
  #windowStartMs = Number.NaN;
  #isClosed = false;
  readonly #series: IntervalPoint[] = [];
  #point = new PointParts();
  #lastPoint = new PointParts();
  /** What is recorded, as the names of a result have it. */
  direction = 'send';
  /** Called with each second of the window, one second late: the next one may still become a part of it. */
  onPoint: ((recorded: RecordedPoint) => void) | undefined;

  constructor(clock: { now(): number } = performance) {
    this.#clock = clock;
    this.#snapshotStartMs = clock.now();
  }

  success(latencyUs: number, bodyBytes: number): void {
    this.#count++;
    this.#bytes += bodyBytes;
    this.#live.main.record(latencyUs);
  }

  /** The latency from the real send of a message that is counted by `success` from its planned time. */
  uncorrected(latencyUs: number): void {
    this.#uncorrected.get().record(latencyUs);
  }

  /** Several messages that one answer brought; one latency. */
  batch(latencyUs: number, count: number, bytes: number): void {
    this.#count += count;
    this.#bytes += bytes;
    this.#live.main.record(latencyUs);
  }

  /** The way from the producer to the consumer of a message that is counted by `success`. */
  endToEnd(latencyUs: number): void {
    this.#live.endToEnd.get().record(latencyUs);
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

  /** Forgets everything: the warm-up ends here and the window begins. */
  reset(): void {
    this.clear();
    this.#windowStartMs = this.#snapshotStartMs = this.#clock.now();
  }

  /** Forgets everything, without a window. */
  clear(): void {
    for (const latencies of [this.#live, this.#sinceSnapshot, this.#total]) {
      latencies.reset();
    }
    this.#uncorrected.reset();
    this.#errorsByCode.clear();
    this.#count = this.#bytes = this.#errors = this.#snapshotCount = this.#snapshotErrors = 0;
    this.#series.length = 0;
    this.#point.begin(0, { count: 0, errors: 0 });
    this.#lastPoint.seconds = 0;
    this.#isClosed = false;
  }

  /** Milliseconds until the second of the window that runs is over; a whole one before and after the window. */
  get nextPointInMs(): number {
    const lengthMs = this.#series.length < SECOND_POINTS ? POINT_MS : LATE_POINT_MS;
    if (Number.isNaN(this.#windowStartMs) || this.#isClosed) {
      return lengthMs;
    }
    const insideMs = this.#clock.now() - this.#windowStartMs;
    return (Math.floor(this.#point.atSeconds * (1000 / lengthMs) + 0.5) + 1) * lengthMs - insideMs;
  }

  /** Ends the second that runs, if it is over. */
  tick(): void {
    if (!this.#isClosed && this.nextPointInMs <= 0) {
      this.#endPoint(this.#clock.now());
    }
  }

  /** The window is over: what is still answered belongs to its last second. */
  closeWindow(): void {
    this.#isClosed = true;
  }

  snapshot(): IntervalSnapshot {
    this.#spread();
    const nowMs = this.#clock.now();
    const seconds = Math.max((nowMs - this.#snapshotStartMs) / 1000, 1e-6);
    const count = this.#count - this.#snapshotCount;
    const { main, endToEnd } = this.#sinceSnapshot;
    const result = {
      seconds,
      count,
      rate: count / seconds,
      errors: this.#errors - this.#snapshotErrors,
      p50Ms: main.percentileMs(50),
      p99Ms: main.percentileMs(99),
      p999Ms: main.percentileMs(99.9),
      meanMs: main.meanMs,
      maxMs: main.maxMs,
      endToEndMeanMs: endToEnd.histogram?.meanMs ?? 0,
      endToEndMaxMs: endToEnd.histogram?.maxMs ?? 0,
      totalCount: this.#count,
      totalErrors: this.#errors,
      ...(Number.isNaN(this.#windowStartMs) ? IN_WARMUP : {}),
    };
    this.#sinceSnapshot.reset();
    this.#snapshotStartMs = nowMs;
    this.#snapshotCount = this.#count;
    this.#snapshotErrors = this.#errors;
    return result;
  }

  /** Totals over a window of so many seconds, which ends the series. */
  measured(seconds: number): Measured {
    this.#endSeries(seconds);
    return {
      count: this.#count,
      errors: this.#errors,
      errorsByCode: Object.fromEntries([...this.#errorsByCode].sort(([a], [b]) => (a < b ? -1 : 1))),
      seconds: round(seconds, 6),
      ...(Number.isNaN(this.#windowStartMs) ? {} : { windowStartedAtMs: round(performance.timeOrigin + this.#windowStartMs, 3) }),
      rate: seconds > 0 ? round(this.#count / seconds, 1) : 0,
      bytes: this.#bytes,
      bytesPerSecond: seconds > 0 ? Math.round(this.#bytes / seconds) : 0,
      latencyMs: this.#total.main.summary(),
      histogram: this.#total.main.encode(),
      series: [...this.#series],
    };
  }

  /** Distribution of the way from the producer to the consumer. */
  endToEndMeasured(): Required<Pick<ReceiveMeasured, 'endToEndMs' | 'endToEndHistogram'>> {
    this.#spread();
    const histogram = this.#total.endToEnd.get();
    return { endToEndMs: histogram.summary(), endToEndHistogram: histogram.encode() };
  }

  /** Distribution of the latencies from the real sends; nothing where they are the only ones. */
  uncorrectedMeasured(): Pick<SendMeasured, 'uncorrectedLatencyMs' | 'uncorrectedHistogram'> {
    const { histogram } = this.#uncorrected;
    return histogram === undefined ? {} : { uncorrectedLatencyMs: histogram.summary(), uncorrectedHistogram: histogram.encode() };
  }

  #spread(): void {
    if (!Number.isNaN(this.#windowStartMs)) {
      this.#point.latencies.add(this.#live);
    }
    this.#total.add(this.#live);
    this.#sinceSnapshot.add(this.#live);
    this.#live.reset();
  }

  #endPoint(nowMs: number): void {
    this.#spread();
    const endSeconds = (nowMs - this.#windowStartMs) / 1000;
    this.#point.end(endSeconds, { count: this.#count, errors: this.#errors });
    this.#publishLast();
    [this.#point, this.#lastPoint] = [this.#lastPoint, this.#point];
    this.#point.begin(endSeconds, { count: this.#count, errors: this.#errors });
  }

  #endSeries(seconds: number): void {
    this.#spread();
    if (Number.isNaN(this.#windowStartMs)) {
      return;
    }
    this.#isClosed = true;
    this.#point.end(seconds, { count: this.#count, errors: this.#errors });
    if (this.#lastPoint.seconds > 0 && this.#point.seconds * 1000 < SHORTEST_POINT_MS) {
      this.#lastPoint.join(this.#point);
    } else {
      this.#publishLast();
      [this.#point, this.#lastPoint] = [this.#lastPoint, this.#point];
    }
    this.#publishLast();
    this.#point.begin(seconds, { count: this.#count, errors: this.#errors });
  }

  #publishLast(): void {
    if (this.#lastPoint.seconds > 0) {
      const point = this.#lastPoint.point();
      this.#series.push(point);
      this.onPoint?.({
        point,
        latencies: this.#lastPoint.latencies.main,
        direction: this.direction,
        startedAtMs: performance.timeOrigin + this.#windowStartMs,
      });
      this.#lastPoint.seconds = 0;
    }
  }
}

/** A histogram that takes memory only where something is recorded. */
class Lazy {
  histogram: LatencyHistogram | undefined;

  get(): LatencyHistogram {
    this.histogram ??= new LatencyHistogram();
    return this.histogram;
  }

  add(other: Lazy): void {
    if (other.histogram !== undefined) {
      this.get().add(other.histogram);
    }
  }

  reset(): void {
    this.histogram?.reset();
  }
}

class Latencies {
  readonly main = new LatencyHistogram();
  readonly endToEnd = new Lazy();

  add(other: Latencies): void {
    this.main.add(other.main);
    this.endToEnd.add(other.endToEnd);
  }

  reset(): void {
    this.main.reset();
    this.endToEnd.reset();
  }
}

interface Totals {
  readonly count: number;
  readonly errors: number;
}

/** One second while it is recorded. */
class PointParts {
  readonly latencies = new Latencies();
  atSeconds = 0;
  seconds = 0;
  #count = 0;
  #errors = 0;
  #before: Totals = { count: 0, errors: 0 };

  begin(atSeconds: number, before: Totals): void {
    this.latencies.reset();
    this.atSeconds = atSeconds;
    this.seconds = 0;
    this.#before = before;
  }

  end(endSeconds: number, totals: Totals): void {
    this.seconds = endSeconds - this.atSeconds;
    this.#count = totals.count - this.#before.count;
    this.#errors = totals.errors - this.#before.errors;
  }

  /** Takes what came right after. */
  join(next: PointParts): void {
    this.latencies.add(next.latencies);
    this.seconds += next.seconds;
    this.#count += next.#count;
    this.#errors += next.#errors;
  }

  point(): IntervalPoint {
    const { main, endToEnd } = this.latencies;
    return {
      atSeconds: round(this.atSeconds, 3),
      seconds: round(this.seconds, 3),
      count: this.#count,
      rate: round(this.#count / this.seconds, 1),
      errors: this.#errors,
      p50Ms: main.percentileMs(50),
      p99Ms: main.percentileMs(99),
      p999Ms: main.percentileMs(99.9),
      meanMs: main.meanMs,
      maxMs: main.maxMs,
      ...(endToEnd.histogram === undefined ? {} : { endToEndMeanMs: endToEnd.histogram.meanMs, endToEndMaxMs: endToEnd.histogram.maxMs }),
    };
  }
}

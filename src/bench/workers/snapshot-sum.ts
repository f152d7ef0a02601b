import type { IntervalSnapshot } from '../recorder.js';

/** What one worker told since the last sum. */
interface Told {
  seconds: number;
  count: number;
  errors: number;
  /** Sums of mean times count. */
  latency: number;
  endToEnd: number;
}

/**
 * Adds up the snapshots of several workers. Counts, rates, means and maxima are those of all together; a percentile is the highest of the
 * workers', which the one of all together does not exceed.
 */
export class SnapshotSum {
  readonly #told: Told[];
  readonly #rates: number[];
  readonly #inWindow: boolean[] = [];
  readonly #totals: { count: number; errors: number }[];
  #highest = noLatencies();
  #outcomes = 0;

  constructor(workers: number) {
    this.#told = Array.from({ length: workers }, nothing);
    this.#rates = Array.from({ length: workers }, () => 0);
    this.#totals = Array.from({ length: workers }, () => ({ count: 0, errors: 0 }));
  }

  /** Outcomes of all workers so far, warm-up included. */
  get outcomes(): number {
    return this.#outcomes;
  }

  /** Messages of the windows of all workers so far. */
  get count(): number {
    return this.#totals.reduce((total, { count }, worker) => (this.#inWindow[worker] === true ? total + count : total), 0);
  }

  add(worker: number, snapshot: IntervalSnapshot): void {
    const told = this.#told[worker];
    if (told === undefined) {
      return;
    }
    told.seconds += snapshot.seconds;
    told.count += snapshot.count;
    told.errors += snapshot.errors;
    told.latency += snapshot.meanMs * snapshot.count;
    told.endToEnd += snapshot.endToEndMeanMs * snapshot.count;
    this.#outcomes += snapshot.count + snapshot.errors;
    this.#inWindow[worker] = snapshot.isWarmup !== true;
    this.#totals[worker] = { count: snapshot.totalCount, errors: snapshot.totalErrors };
    for (const key of HIGHEST) {
      this.#highest[key] = Math.max(this.#highest[key], snapshot[key]);
    }
  }

  /** What a worker counted altogether when it ended, beyond its last snapshot. */
  end(worker: number, { count, errors }: { readonly count: number; readonly errors: number }): void {
    this.#inWindow[worker] = true;
    this.#totals[worker] = { count, errors };
  }

  /** What all told since the last call. */
  take(): IntervalSnapshot {
    const told = this.#told.splice(0);
    told.forEach(({ seconds, count }, worker) => {
      if (seconds > 0) {
        this.#rates[worker] = count / seconds;
      }
      this.#told.push(nothing());
    });
    const count = sum(told, (one) => one.count);
    const result = {
      seconds: Math.max(...told.map(({ seconds }) => seconds)),
      count,
      rate: sum(this.#rates, (rate) => rate),
      errors: sum(told, ({ errors }) => errors),
      ...this.#highest,
      meanMs: count === 0 ? 0 : sum(told, ({ latency }) => latency) / count,
      endToEndMeanMs: count === 0 ? 0 : sum(told, ({ endToEnd }) => endToEnd) / count,
      totalCount: sum(this.#totals, (total) => total.count),
      totalErrors: sum(this.#totals, (total) => total.errors),
    };
    this.#highest = noLatencies();
    return result;
  }
}

const HIGHEST = ['p50Ms', 'p99Ms', 'p999Ms', 'maxMs', 'endToEndMaxMs'] as const;

function noLatencies(): Record<(typeof HIGHEST)[number], number> {
  return { p50Ms: 0, p99Ms: 0, p999Ms: 0, maxMs: 0, endToEndMaxMs: 0 };
}

function nothing(): Told {
  return { seconds: 0, count: 0, errors: 0, latency: 0, endToEnd: 0 };
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

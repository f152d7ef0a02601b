/** Finds the highest rate that keeps within latency limits, and the curve of latency against rate on the way. */
import { MQError, UsageError } from '../../common/errors.js';
import type { LatencyMs } from '../latency-histogram.js';
import type { BenchHooks } from '../progress.js';
import { type BenchResult, type ProducerResult, RESULT_SCHEMA } from '../result.js';

export const LATENCY_NAMES = ['mean', 'p50', 'p90', 'p99', 'p999', 'p9999', 'max'] as const satisfies readonly (keyof LatencyMs)[];

/** `p99<10ms`. */
export interface LatencyLimit {
  readonly name: keyof LatencyMs;
  readonly belowMs: number;
}

/** Reads `p99<10ms`, `p99.9<1s`; a bare number is milliseconds. @throws UsageError */
export function parseLimit(text: string): LatencyLimit {
  const parts = /^\s*([a-z]+[\d.]*)\s*<=?\s*(\d+(?:\.\d+)?)\s*(us|ms|s)?\s*$/i.exec(text);
  const name = parts?.[1]?.toLowerCase().replace('.', '');
  const found = LATENCY_NAMES.find((known) => known === name);
  const belowMs = Number(parts?.[2]) * { us: 0.001, ms: 1, s: 1000 }[(parts?.[3] ?? 'ms').toLowerCase() as 'us' | 'ms' | 's'];
  if (found === undefined || !(belowMs > 0)) {
    throw new UsageError(`--limit ${text}: expected a limit such as p99<10ms, with one of ${LATENCY_NAMES.join(', ')}`);
  }
  return { name: found, belowMs };
}

export interface SearchPlan {
  readonly limits: readonly LatencyLimit[];
  /** Where the search begins; it doubles from there. */
  readonly startRate: number;
  readonly maxRate: number;
  /** The rate is found when what fails is so near above what passes. */
  readonly precision: number;
  /** Runs at the rate found; two thirds of them, rounded up, must pass. */
  readonly verifyRuns: number;
}

/** One run. */
export interface SearchPoint {
  readonly rate: number;
  readonly phase: 'bracket' | 'bisect' | 'verify';
  readonly achievedRate: number;
  readonly latencyMs: LatencyMs;
  readonly unsent: number;
  readonly errors: number;
  readonly generatorCpuPercent: number;
  readonly passed: boolean;
  /** Why it did not pass. */
  readonly reason?: string;
}

/** A place on the curve: the median of the runs at a rate. */
export interface CurvePoint {
  readonly rate: number;
  readonly runs: number;
  readonly achievedRate: number;
  readonly latencyMs: Pick<LatencyMs, 'mean' | 'p50' | 'p99'>;
}

export interface SearchResult extends BenchResult {
  readonly kind: 'search';
  /** The highest rate that was verified; absent where no rate passes. */
  readonly sustainable?: {
    readonly rate: number;
    readonly verifyRuns: number;
    readonly passes: number;
    /** Of the first limit's figure over the verification runs. */
    readonly figureMs: { readonly lowest: number; readonly median: number; readonly highest: number };
  };
  /** The lowest rate above it that failed; absent where the search ended at its highest rate. */
  readonly failedRate?: number;
  readonly points: readonly SearchPoint[];
  readonly curve: readonly CurvePoint[];
  /** Where the curve begins to rise: the place furthest from the straight line between its ends. */
  readonly kneeRate?: number;
}

/** Runs the load at a rate. */
export type RateRunner = (rate: number, hooks: BenchHooks) => Promise<ProducerResult>;

/** Of what was planned, so much may be left unsent: the plan's last messages are on the edge of the window. */
const UNSENT_SHARE = 0.001;
/** Steps down when the rate found does not hold in verification. */
const MOST_STEPS_DOWN = 8;
const VERIFY_SHARE = 2 / 3;

/** Hears what a search does. */
export interface SearchHooks extends BenchHooks {
  onSearchPoint?(point: SearchPoint): void;
  /** Goes into the result beside the plan. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Searches; what was measured before a failure or Ctrl-C comes back, marked. @throws the error of the first run, when that failed. */
export async function runSearch(plan: SearchPlan, run: RateRunner, hooks: SearchHooks = {}): Promise<SearchResult> {
  return new Search(plan, run, hooks).result();
}

class Interrupted extends Error {}

class Search {
  readonly #plan: SearchPlan;
  readonly #run: RateRunner;
  readonly #hooks: SearchHooks;
  readonly #points: SearchPoint[] = [];
  readonly #results: ProducerResult[] = [];
  #passed = 0;
  #failed: number | undefined;
  #sustainable: SearchResult['sustainable'];

  constructor(plan: SearchPlan, run: RateRunner, hooks: SearchHooks) {
    this.#plan = plan;
    this.#run = run;
    this.#hooks = hooks;
  }

  async result(): Promise<SearchResult> {
    let failure: string | undefined;
    try {
      await this.#bracket();
      await this.#bisect();
      await this.#verify();
    } catch (error) {
      if (!(error instanceof Interrupted)) {
        if (this.#results.length === 0 || !(error instanceof MQError)) throw error;
        failure = `run ${this.#results.length + 1} failed: ${error.message}`;
      }
    }
    const curve = curveOf(this.#points);
    const kneeRate = kneeOf(curve);
    return {
      schema: RESULT_SCHEMA,
      kind: 'search',
      config: { ...this.#hooks.config, ...this.#plan },
      environment: this.#results.at(-1)?.environment as BenchResult['environment'],
      points: this.#points,
      curve,
      runs: this.#results,
      ...(this.#sustainable === undefined ? {} : { sustainable: this.#sustainable }),
      ...(this.#failed === undefined ? {} : { failedRate: this.#failed }),
      ...(kneeRate === undefined ? {} : { kneeRate }),
      ...(this.#hooks.signal?.aborted === true ? { interrupted: true } : {}),
      ...(failure === undefined ? {} : { partial: true, failure }),
    };
  }

  /** Doubles, or halves when the first rate fails already, until there is a rate on both sides. */
  async #bracket(): Promise<void> {
    const { startRate, maxRate } = this.#plan;
    let rate = Math.min(startRate, maxRate);
    while (await this.#passes(rate, 'bracket')) {
      this.#passed = rate;
      if (rate >= maxRate) return;
      rate = Math.min(rate * 2, maxRate);
    }
    this.#failed = rate;
    while (this.#passed === 0 && rate > 1) {
      rate = Math.max(1, Math.round(rate / 2));
      if (await this.#passes(rate, 'bracket')) this.#passed = rate;
      else this.#failed = rate;
    }
  }

  async #bisect(): Promise<void> {
    while (this.#passed > 0 && this.#failed !== undefined && this.#failed / this.#passed > 1 + this.#plan.precision) {
      const rate = rounded(Math.sqrt(this.#failed * this.#passed));
      if (rate <= this.#passed || rate >= this.#failed) return;
      if (await this.#passes(rate, 'bisect')) this.#passed = rate;
      else this.#failed = rate;
    }
  }

  /** Runs the rate found a few times; when it does not hold, a lower one. */
  async #verify(): Promise<void> {
    const { verifyRuns, limits, precision } = this.#plan;
    for (let step = 0; step <= MOST_STEPS_DOWN && this.#passed >= 1; step++) {
      const points: SearchPoint[] = [];
      for (let i = 0; i < verifyRuns; i++) points.push(await this.#measure(this.#passed, 'verify'));
      const passes = points.filter(({ passed }) => passed).length;
      if (passes >= Math.ceil(verifyRuns * VERIFY_SHARE)) {
        const figures = points.map(({ latencyMs }) => latencyMs[limits[0]?.name ?? 'p99']).sort((a, b) => a - b);
        const figureMs = { lowest: figures[0] ?? 0, median: median(figures), highest: figures.at(-1) ?? 0 };
        this.#sustainable = { rate: this.#passed, verifyRuns, passes, figureMs };
        return;
      }
      this.#failed = this.#passed;
      this.#passed = rounded(this.#passed / (1 + Math.max(precision, 0.02) * 2 ** step));
    }
  }

  /** A failure is looked at twice: a pause of the machine is none of the broker. */
  async #passes(rate: number, phase: SearchPoint['phase']): Promise<boolean> {
    return (await this.#measure(rate, phase)).passed || (await this.#measure(rate, phase)).passed;
  }

  async #measure(rate: number, phase: SearchPoint['phase']): Promise<SearchPoint> {
    // The first run is always begun: it ends at once, and says what machine this is.
    if (this.#hooks.signal?.aborted === true && this.#results.length > 0) throw new Interrupted();
    const result = await this.#run(rate, this.#hooks);
    this.#results.push(result);
    if (result.interrupted === true) throw new Interrupted();
    const { send, environment } = result;
    const reason = reasonAgainst(result, rate, this.#plan.limits);
    const point: SearchPoint = {
      ...{ rate, phase, achievedRate: send.rate, latencyMs: send.latencyMs, unsent: send.unsent, errors: send.errors },
      generatorCpuPercent: environment.generator.cpuPercent,
      passed: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
    };
    this.#points.push(point);
    this.#hooks.onSearchPoint?.(point);
    return point;
  }
}

function reasonAgainst({ send }: ProducerResult, rate: number, limits: readonly LatencyLimit[]): string | undefined {
  if (send.errors > 0) return `${send.errors} errors`;
  if (send.unsent > rate * send.seconds * UNSENT_SHARE) return `${send.unsent} planned messages were not sent`;
  const over = limits.find(({ name, belowMs }) => send.latencyMs[name] >= belowMs);
  return over === undefined ? undefined : `${over.name} ${send.latencyMs[over.name]} ms`;
}

/** Three digits are enough for a rate. */
function rounded(rate: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(rate, 1))) - 2);
  return Math.round(rate / unit) * unit;
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? (sorted[Math.floor(middle)] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

function curveOf(points: readonly SearchPoint[]): CurvePoint[] {
  const byRate = new Map<number, SearchPoint[]>();
  for (const point of points) byRate.set(point.rate, [...(byRate.get(point.rate) ?? []), point]);
  return [...byRate]
    .sort(([a], [b]) => a - b)
    .map(([rate, runs]) => {
      const of = (figure: (point: SearchPoint) => number): number => median(runs.map(figure).sort((a, b) => a - b));
      return {
        rate,
        runs: runs.length,
        achievedRate: of(({ achievedRate }) => achievedRate),
        latencyMs: {
          mean: of(({ latencyMs }) => latencyMs.mean),
          p50: of(({ latencyMs }) => latencyMs.p50),
          p99: of(({ latencyMs }) => latencyMs.p99),
        },
      };
    });
}

/** The rate whose p99 lies furthest below the line between the curve's ends, both scaled to 1 and latency by its logarithm. */
export function kneeOf(curve: readonly CurvePoint[]): number | undefined {
  const [first, last] = [curve[0], curve.at(-1)];
  if (first === undefined || last === undefined || curve.length < 3 || last.rate === first.rate) return undefined;
  const height = (point: CurvePoint): number => Math.log(Math.max(point.latencyMs.p99, 1e-3));
  const rise = height(last) - height(first);
  if (rise <= 0) return undefined;
  let knee: { rate: number; below: number } | undefined;
  for (const point of curve.slice(1, -1)) {
    const below = (point.rate - first.rate) / (last.rate - first.rate) - (height(point) - height(first)) / rise;
    if (below > (knee?.below ?? 0)) knee = { rate: point.rate, below };
  }
  return knee?.rate;
}

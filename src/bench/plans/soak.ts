/** Sends and consumes for hours at a steady rate, and looks for drift and leaks. */
import { LatencyHistogram, type LatencyMs } from '../latency-histogram.js';
import type { BenchHooks } from '../progress.js';
import type { RecordedPoint } from '../recorder.js';
import { type BenchResult, type ConsumerResult, type ProducerResult, RESULT_SCHEMA } from '../result.js';
import { type Drift, driftOf } from './drift.js';

/** What happened in one sample. */
export interface SoakSample {
  /** Where it begins, from the beginning of the window. */
  readonly atSeconds: number;
  readonly seconds: number;
  readonly rate: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly receiveRate?: number;
  readonly endToEndMeanMs?: number;
  readonly generatorRssBytes: number;
  /** Of brokers on this machine. */
  readonly brokerRssBytes?: number;
}

/** Figures that are looked at. */
export type SoakMetric = 'rate' | 'p99Ms' | 'receiveRate' | 'generatorRssBytes' | 'brokerRssBytes';

export interface SoakResult extends BenchResult {
  readonly kind: 'soak';
  readonly samples: readonly SoakSample[];
  readonly drift: Readonly<Partial<Record<SoakMetric, Drift>>>;
  readonly verdict: 'steady' | 'drifting' | 'too short';
  /** What drifts, in words. */
  readonly findings: readonly string[];
  /** Of a file that was written while the run went on: everything until then. */
  readonly soFar?: {
    readonly count: number;
    readonly errors: number;
    readonly seconds: number;
    readonly latencyMs: LatencyMs;
    readonly histogram: string;
  };
}

/** What a soak needs from outside. */
export interface SoakParts {
  readonly send: (hooks: BenchHooks) => Promise<ProducerResult>;
  /** Absent: nothing is consumed. */
  readonly receive?: (hooks: BenchHooks) => Promise<ConsumerResult>;
  readonly generatorRssBytes: () => number;
  readonly brokerRssBytes: () => number | undefined;
  readonly sampleSeconds: number;
  /** A change of so many percent over the run is none. */
  readonly tolerancePercent: number;
  readonly config: Readonly<Record<string, unknown>>;
  /** Describes the machine for results on the way. */
  readonly environment: () => BenchResult['environment'];
  /** Gets each sample, and the result so far. */
  readonly onSample?: (sample: SoakSample, soFar: () => SoakResult) => void;
}

/** A process takes memory until it has what it works with: the first part of a run says nothing about leaks. */
const SETTLING_SHARE = 1 / 3;
/** The consumer may end so long after the producer. */
const CONSUMER_GRACE_MS = 2000;

/** Samples are made of seconds that are not exactly one. */
const HALF_POINT_SECONDS = 0.5;

/** Runs a soak to its end, or until it is ended. */
export async function runSoak(parts: SoakParts, hooks: BenchHooks = {}): Promise<SoakResult> {
  const watch = new SoakWatch(parts);
  const consumerEnd = new AbortController();
  const stop = (): void => consumerEnd.abort();
  hooks.signal?.addEventListener('abort', stop, { once: true });
  const receiving = parts.receive?.({ signal: consumerEnd.signal, isPart: true, onPoint: (recorded) => watch.received(recorded) });
  // Its error is looked at when the producer has ended.
  receiving?.catch(() => undefined);
  try {
    const sent = await parts.send({ ...hooks, onPoint: (recorded) => watch.sent(recorded) });
    const grace = setTimeout(stop, CONSUMER_GRACE_MS);
    const received = await receiving?.catch((error: Error) => error);
    clearTimeout(grace);
    return watch.result({ sent, received });
  } finally {
    stop();
    hooks.signal?.removeEventListener('abort', stop);
    await receiving?.catch(() => undefined);
  }
}

/** Makes samples of the seconds of both directions. */
class SoakWatch {
  readonly #parts: SoakParts;
  readonly #samples: SoakSample[] = [];
  readonly #sample = new LatencyHistogram();
  readonly #total = new LatencyHistogram();
  #startSeconds = 0;
  #seconds = 0;
  #count = 0;
  #errors = 0;
  #totals = { count: 0, errors: 0, seconds: 0 };
  #received = { count: 0, seconds: 0, endToEndMs: 0 };

  constructor(parts: SoakParts) {
    this.#parts = parts;
  }

  sent({ point, latencies }: RecordedPoint): void {
    if (this.#seconds === 0) this.#startSeconds = point.atSeconds;
    this.#seconds += point.seconds;
    this.#count += point.count;
    this.#errors += point.errors;
    this.#sample.add(latencies);
    if (this.#seconds > this.#parts.sampleSeconds - HALF_POINT_SECONDS) this.#endSample();
  }

  received({ point }: RecordedPoint): void {
    this.#received.count += point.count;
    this.#received.seconds += point.seconds;
    this.#received.endToEndMs += (point.endToEndMeanMs ?? 0) * point.count;
  }

  #endSample(): void {
    const { count, seconds, endToEndMs } = this.#received;
    const brokerRssBytes = this.#parts.brokerRssBytes();
    const sample: SoakSample = {
      atSeconds: this.#startSeconds,
      seconds: this.#seconds,
      rate: this.#count / this.#seconds,
      errors: this.#errors,
      p50Ms: this.#sample.percentileMs(50),
      p99Ms: this.#sample.percentileMs(99),
      maxMs: this.#sample.maxMs,
      ...(seconds > 0 ? { receiveRate: count / seconds } : {}),
      ...(count > 0 ? { endToEndMeanMs: endToEndMs / count } : {}),
      generatorRssBytes: this.#parts.generatorRssBytes(),
      ...(brokerRssBytes === undefined ? {} : { brokerRssBytes }),
    };
    this.#samples.push(sample);
    this.#total.add(this.#sample);
    this.#sample.reset();
    this.#totals.count += this.#count;
    this.#totals.errors += this.#errors;
    this.#totals.seconds += this.#seconds;
    this.#seconds = this.#count = this.#errors = 0;
    this.#received = { count: 0, seconds: 0, endToEndMs: 0 };
    this.#parts.onSample?.(sample, () => this.#soFar());
  }

  #soFar(): SoakResult {
    return {
      ...this.#judged(),
      environment: this.#parts.environment(),
      soFar: { ...this.#totals, latencyMs: this.#total.summary(), histogram: this.#total.encode() },
      partial: true,
      failure: 'written while the run went on',
    };
  }

  result({ sent, received }: { readonly sent: ProducerResult; readonly received: ConsumerResult | Error | undefined }): SoakResult {
    const { interrupted, environment, seed, send } = sent;
    const failure = sent.failure ?? (received instanceof Error ? `consuming failed: ${received.message}` : received?.failure);
    return {
      ...this.#judged(),
      environment,
      send,
      ...(received === undefined || received instanceof Error ? {} : { receive: received.receive }),
      ...(seed === undefined ? {} : { seed }),
      ...(interrupted === undefined ? {} : { interrupted }),
      ...(failure === undefined ? {} : { partial: true, failure }),
    };
  }

  #judged(): Omit<SoakResult, 'environment'> {
    const drift = driftsOf(this.#samples, this.#parts.tolerancePercent);
    const findings = findingsOf(drift);
    const isShort = drift.rate?.verdict === 'too short';
    return {
      schema: RESULT_SCHEMA,
      kind: 'soak',
      config: this.#parts.config,
      samples: this.#samples,
      drift,
      verdict: isShort ? 'too short' : findings.length > 0 ? 'drifting' : 'steady',
      findings,
    };
  }
}

/** The drift of every figure that all samples have. */
export function driftsOf(samples: readonly SoakSample[], tolerancePercent: number): SoakResult['drift'] {
  const settled = samples.slice(Math.floor(samples.length * SETTLING_SHARE));
  const of = (metric: SoakMetric, among: readonly SoakSample[]): [SoakMetric, Drift][] => {
    const points = among.flatMap((sample) =>
      sample[metric] === undefined ? [] : [{ atSeconds: sample.atSeconds, value: sample[metric] }],
    );
    return points.length === 0 ? [] : [[metric, driftOf(points, tolerancePercent)]];
  };
  return Object.fromEntries([
    ...of('rate', samples),
    ...of('p99Ms', samples),
    ...of('receiveRate', samples),
    ...of('generatorRssBytes', settled),
    ...of('brokerRssBytes', settled),
  ]);
}

/** What is wrong when a figure goes this way. */
const BAD: Readonly<Record<SoakMetric, readonly ['rising' | 'falling', string]>> = {
  rate: ['falling', 'the send rate falls'],
  p99Ms: ['rising', 'p99 of sends rises'],
  receiveRate: ['falling', 'the receive rate falls'],
  generatorRssBytes: ['rising', 'memory of the generator grows'],
  brokerRssBytes: ['rising', 'memory of the brokers grows'],
};

function findingsOf(drift: SoakResult['drift']): string[] {
  return (Object.entries(BAD) as [SoakMetric, (typeof BAD)[SoakMetric]][]).flatMap(([metric, [way, words]]) => {
    const found = drift[metric];
    return found?.verdict === way ? [`${words} by ${Math.abs(found.changePercent)} % over the run`] : [];
  });
}

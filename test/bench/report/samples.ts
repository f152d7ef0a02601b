import { LatencyHistogram, loadHistograms } from '../../../src/bench/latency-histogram.js';
import { seededRandom } from '../../../src/common/clock.js';

export interface SampleOptions {
  readonly seed?: number;
  /** Points of the series, one a second; 0 leaves it out. */
  readonly seconds?: number;
  readonly rate?: number;
  /** Median latency. */
  readonly p50Ms?: number;
  readonly errorsAt?: number;
  readonly kind?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly histogram?: boolean;
  readonly broker?: boolean;
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** A result as mqbench writes it, with made-up figures that look like those of a broker that pauses now and then. */
export async function sampleResult(options: SampleOptions = {}): Promise<Record<string, unknown>> {
  await loadHistograms();
  const { seed = 1, seconds = 60, rate = 20_000, p50Ms = 0.6, kind = 'producer', errorsAt } = options;
  const random = seededRandom(seed);
  const total = new LatencyHistogram();
  const latencyMs = (second: number): number => {
    const tail = 1 / Math.max(1e-4, 1 - random.nextFloat());
    const pause = second % 17 === 9 ? 3 : 1;
    return p50Ms * (0.6 + 0.3 * tail ** 0.75) * pause;
  };
  const series = Array.from({ length: seconds }, (_, atSeconds) => {
    const sorted = Array.from({ length: 200 }, () => latencyMs(atSeconds)).sort((a, b) => a - b);
    for (const ms of sorted) {
      total.record(ms * 1000);
    }
    const count = Math.round(rate * (0.95 + 0.1 * random.nextFloat()) * (atSeconds % 17 === 9 ? 0.7 : 1));
    const errors = atSeconds === errorsAt ? 12 : 0;
    const at = (share: number): number => Number((sorted[Math.floor(share * sorted.length)] ?? 0).toFixed(3));
    const meanMs = sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length;
    return {
      atSeconds,
      seconds: 1,
      count,
      rate: count,
      errors,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      p999Ms: at(0.995),
      meanMs,
      maxMs: at(0.999),
    };
  });
  const errors = errorsAt === undefined ? 0 : 12;
  const count = series.reduce((sum, point) => sum + point.count, 0);
  const measured = {
    count,
    errors,
    errorsByCode: errors === 0 ? {} : { SYSTEM_BUSY: errors },
    seconds,
    rate: seconds === 0 ? rate : count / seconds,
    bytesPerSecond: rate * 128,
    latencyMs: total.summary(),
    ...(options.histogram === false ? {} : { histogram: total.encode() }),
    ...(seconds === 0 ? {} : { series }),
  };
  return {
    schema: 'mqbench/1',
    kind,
    config: {
      namesrvAddr: '127.0.0.1:9876',
      topic: 'BenchmarkTest',
      bodyBytes: 128,
      inFlight: 64,
      durationSeconds: seconds,
      ...options.config,
    },
    environment: {
      mqkit: '0.1.0',
      node: 'v20.20.2',
      platform: 'linux-x64',
      cpuModel: 'Example CPU',
      cores: 4,
      memoryBytes: 16e9,
      loadAverage: 0.4,
      startedAt: `2026-11-0${1 + (seed % 9)}T10:00:00.000Z`,
      generator: { cpuSeconds: 12, cpuPercent: 41.2, eventLoopUtilization: 0.5, eventLoopLagMs: { p50: 0.1, p99: 1.2, max: 4 } },
      ...(options.broker === false ? {} : { brokerVersion: 'V5_3_3', broker: brokerLoad(seconds, random) }),
    },
    command: `mqbench producer -n 127.0.0.1:9876 -t BenchmarkTest -w 64 --duration ${seconds}s --seed ${seed}`,
    seed,
    warnings: [],
    [kind === 'consumer' ? 'receive' : 'send']: measured,
    ...options.extra,
  };
}

function brokerLoad(seconds: number, random: { nextFloat(): number }): Record<string, unknown> {
  const series = Array.from({ length: seconds }, (_, index) => ({
    atSeconds: index + 1,
    cpuPercent: 60 + 20 * random.nextFloat(),
    rssBytes: 180e6 + 6e5 * index + 4e6 * random.nextFloat(),
  }));
  return { cpuSeconds: 0.7 * seconds, rssBytes: 210e6, series };
}

/** A sweep over two options, or a search over rates, as one result made of runs. */
export async function sampleRuns(kind: 'sweep' | 'search'): Promise<Record<string, unknown>> {
  const runs: Record<string, unknown>[] = [];
  const plans =
    kind === 'sweep'
      ? [1, 8, 64].flatMap((inFlight) => [128, 1024].map((bodyBytes) => ({ inFlight, bodyBytes })))
      : [5, 10, 20, 30, 40, 45, 50].map((thousands) => ({ rate: thousands * 1000 }));
  for (const [seed, config] of plans.entries()) {
    const load = 'rate' in config ? config.rate : 9000 * Math.sqrt(config.inFlight);
    const p50Ms = 'rate' in config ? 0.4 / (1 - config.rate / 52_000) : 0.3 + config.inFlight / 100;
    runs.push(await sampleResult({ seed, seconds: 5, rate: load, p50Ms, config, broker: false }));
  }
  const whole = await sampleResult({ seconds: 0, kind });
  const { send: _, ...rest } = whole;
  return { ...rest, runs };
}

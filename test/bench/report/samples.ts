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

/** A sweep over two settings, or a search over rates. */
export async function sampleRuns(kind: 'sweep' | 'search'): Promise<Record<string, unknown>> {
  const { send: _, ...whole } = await sampleResult({ seconds: 0, kind });
  return { ...whole, ...(kind === 'sweep' ? await sweepParts() : await searchParts()) };
}

interface SampleRun {
  readonly send: { readonly rate: number; readonly latencyMs: Readonly<Record<string, number>> };
}

async function sweepParts(): Promise<Record<string, unknown>> {
  const cells = [128, 1024].flatMap((messageSize) => [1, 8, 64].map((threads) => ({ threads, messageSize })));
  const runs: Record<string, unknown>[] = [];
  for (const [seed, { threads, messageSize }] of cells.entries()) {
    const rate = 9000 * Math.sqrt(threads) * (messageSize === 128 ? 1 : 0.7);
    runs.push(await sampleResult({ seed, seconds: 5, rate, p50Ms: 0.3 + threads / 100, config: { threads, messageSize }, broker: false }));
  }
  const rows = cells.map((cell, index) => {
    const { rate, latencyMs } = (runs[index] as unknown as SampleRun).send;
    return { ...cell, runs: 1, bestRate: rate, medianRate: rate, spreadPercent: 0, latencyMs, maxMs: latencyMs.max, errors: 0 };
  });
  return { config: { cells, repeats: 1 }, rows, runs };
}

async function searchParts(): Promise<Record<string, unknown>> {
  const runs: Record<string, unknown>[] = [];
  const rates = [5000, 10_000, 20_000, 30_000, 40_000, 45_000, 50_000];
  for (const [seed, rate] of rates.entries()) {
    runs.push(await sampleResult({ seed, seconds: 5, rate, p50Ms: 0.4 / (1 - rate / 52_000), config: { rate }, broker: false }));
  }
  const points = rates.map((rate, index) => {
    const { latencyMs } = (runs[index] as unknown as SampleRun).send;
    const passed = (latencyMs.p99 ?? 0) < 20;
    const reason = `p99 was ${latencyMs.p99} ms`;
    return { rate, phase: 'bracket', achievedRate: rate, latencyMs, unsent: 0, errors: 0, passed, ...(passed ? {} : { reason }) };
  });
  return {
    config: { limits: [{ name: 'p99', belowMs: 20 }] },
    points,
    curve: points.map(({ rate, achievedRate, latencyMs }) => ({ rate, runs: 1, achievedRate, latencyMs })),
    sustainable: { rate: 40_000, verifyRuns: 3, passes: 3, figureMs: { lowest: 11, median: 12, highest: 14 } },
    failedRate: 45_000,
    kneeRate: 40_000,
    runs,
  };
}

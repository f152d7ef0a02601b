import { mergeDelivered } from '../delivery-merge.js';
import { type ClockOffset, type Environment, type GeneratorLoad, round, type WorkerInfo } from '../environment.js';
import { LatencyHistogram, type LatencyMs } from '../latency-histogram.js';
import type { BenchHooks } from '../progress.js';
import type { BenchResult, IntervalPoint, Measured, ReceiveMeasured, SendMeasured } from '../result.js';
import type { PointHistograms } from './protocol.js';

type Direction = 'send' | 'receive';
type OnPoint = BenchHooks['onPoint'];

/** What the coordinator knows beside. */
export interface Watched {
  /** Of machine and brokers, where it watched them. */
  readonly environment?: Environment;
  /** Is told the seconds of the merged series. */
  readonly onPoint?: OnPoint | undefined;
}

/** What one worker measured. */
export interface WorkerPart<R extends BenchResult = BenchResult> {
  readonly name: string;
  readonly result: R;
  readonly pointHistograms: PointHistograms;
  /** How far its clock is ahead of the coordinator's; absent on the coordinator's machine. */
  readonly clock?: ClockOffset;
}

/**
 * One result of what several workers measured at the same time: as if one process had recorded everything. Distributions are added bucket
 * by bucket. The window is from the first worker's beginning to the last one's end.
 * @param whole the options of the whole load, which replace each worker's part of them
 */
export function mergeResults<R extends BenchResult>(parts: readonly WorkerPart<R>[], whole: object, watched: Watched = {}): R {
  const { environment, onPoint } = watched;
  const [first] = parts;
  if (first === undefined) {
    throw new RangeError('nothing to merge');
  }
  const { interrupted: _, partial: __, failure: ___, sequences: ____, deliveryState: _____, ...base } = first.result;
  const failed = parts.find(({ result }) => result.partial === true);
  const sends = windowsOf(parts, 'send');
  const receives = windowsOf(parts, 'receive');
  return {
    ...base,
    config: mergeConfig(first.result.config, whole, parts.length),
    environment: mergeEnvironment(parts, environment),
    ...(sends.length === 0 ? {} : { send: mergeSend(sends, onPoint) }),
    ...(receives.length === 0 ? {} : { receive: mergeReceive(receives, onPoint) }),
    ...mergeDelivered(parts.map(({ result }) => result)),
    ...(parts.some(({ result }) => result.interrupted && hasBegun(result)) ? { interrupted: true as const } : {}),
    ...(failed === undefined
      ? {}
      : { partial: true as const, failure: `worker ${failed.name}: ${failed.result.failure ?? 'it could not go on'}` }),
    ...mergedWarnings(parts),
  } as R;
}

/** A worker that was given nothing to do ends before its time without having been interrupted. */
export function hasBegun({ send, receive }: BenchResult): boolean {
  return (send ?? receive)?.windowStartedAtMs !== undefined;
}

/** A worker's window in the coordinator's time. */
interface Window<M extends Measured> {
  readonly measured: M;
  readonly startMs: number;
  readonly pointHistograms: readonly string[];
}

function windowsOf<D extends Direction>(parts: readonly WorkerPart[], direction: D): Window<NonNullable<BenchResult[D]>>[] {
  return parts.flatMap(({ result, pointHistograms, clock }) => {
    const measured = result[direction];
    if (measured === undefined) {
      return [];
    }
    const startMs = (measured.windowStartedAtMs ?? Number.NaN) - (clock?.offsetMs ?? 0);
    return [{ measured, startMs, pointHistograms: pointHistograms[direction] ?? [] }];
  });
}

function mergeSend(windows: readonly Window<SendMeasured>[], onPoint: OnPoint): SendMeasured {
  const all = windows.map(({ measured }) => measured);
  const uncorrected = mergeHistograms(all.map((one) => ({ encoded: one.uncorrectedHistogram, summary: one.uncorrectedLatencyMs })));
  return {
    ...mergeMeasured(windows, 'send', onPoint),
    ...(uncorrected === undefined ? {} : { uncorrectedLatencyMs: uncorrected.summary, uncorrectedHistogram: uncorrected.encoded }),
    unsent: sum(all, ({ unsent }) => unsent),
    attempts: sum(all, ({ attempts }) => attempts),
    retries: sum(all, ({ retries }) => retries),
    failedAttemptsByCode: addByKey(all.map(({ failedAttemptsByCode }) => failedAttemptsByCode)),
  };
}

function mergeReceive(windows: readonly Window<ReceiveMeasured>[], onPoint: OnPoint): ReceiveMeasured {
  const all = windows.map(({ measured }) => measured);
  const endToEnd = mergeHistograms(all.map((one) => ({ encoded: one.endToEndHistogram, summary: one.endToEndMs })));
  return {
    ...mergeMeasured(windows, 'receive', onPoint),
    ...(endToEnd === undefined ? {} : { endToEndMs: endToEnd.summary, endToEndHistogram: endToEnd.encoded }),
  };
}

function mergeMeasured(windows: readonly Window<Measured>[], direction: Direction, onPoint: OnPoint): Measured {
  const all = windows.map(({ measured }) => measured);
  const opened = windows.filter(({ startMs }) => !Number.isNaN(startMs));
  const startMs = Math.min(...opened.map((window) => window.startMs));
  const endMs = Math.max(...opened.map((window) => window.startMs + window.measured.seconds * 1000));
  const seconds = opened.length === 0 ? Math.max(...all.map((measured) => measured.seconds)) : (endMs - startMs) / 1000;
  const count = sum(all, (measured) => measured.count);
  const bytes = sum(all, (measured) => measured.bytes ?? measured.bytesPerSecond * measured.seconds);
  const merged = mergeHistograms(all.map((one) => ({ encoded: one.histogram, summary: one.latencyMs })));
  return {
    count,
    errors: sum(all, (measured) => measured.errors),
    errorsByCode: addByKey(all.map(({ errorsByCode }) => errorsByCode)),
    seconds: round(seconds, 6),
    rate: seconds > 0 ? round(count / seconds, 1) : 0,
    bytes: Math.round(bytes),
    bytesPerSecond: seconds > 0 ? Math.round(bytes / seconds) : 0,
    latencyMs: merged?.summary ?? all[0]!.latencyMs,
    ...(merged === undefined ? {} : { histogram: merged.encoded }),
    ...(opened.length === 0
      ? {}
      : { windowStartedAtMs: startMs, series: mergeSeries(opened, { startedAtMs: startMs, direction, onPoint }) }),
  };
}

/** Adds the distributions of all that have one. */
function mergeHistograms(
  all: readonly { readonly encoded: string | undefined; readonly summary: LatencyMs | undefined }[],
): { readonly encoded: string; readonly summary: LatencyMs } | undefined {
  const total = new LatencyHistogram();
  let found = false;
  for (const { encoded, summary } of all) {
    if (encoded !== undefined) {
      found = true;
      // The exact maximum is in the summary; the encoded form knows its bucket alone.
      const part = LatencyHistogram.decode(encoded, summary?.max);
      total.add(part);
      part.destroy();
    }
  }
  const merged = found ? { encoded: total.encode(), summary: total.summary() } : undefined;
  total.destroy();
  return merged;
}

interface PlacedPoint {
  readonly point: IntervalPoint;
  /** From the beginning of the common window. */
  readonly atSeconds: number;
  readonly histogram: string | undefined;
}

/** Points that began in the same second of the common window become one. */
function mergeSeries(
  windows: readonly Window<Measured>[],
  { startedAtMs, direction, onPoint }: { startedAtMs: number; direction: Direction; onPoint: OnPoint },
): IntervalPoint[] {
  const bySecond = new Map<number, PlacedPoint[]>();
  for (const window of windows) {
    const offsetSeconds = (window.startMs - startedAtMs) / 1000;
    window.measured.series?.forEach((point, index) => {
      const atSeconds = point.atSeconds + offsetSeconds;
      // Points begin shortly after a second of their own window: rounded together with the offset, two of one worker could become one.
      const second = Math.round(point.atSeconds) + Math.round(offsetSeconds);
      const placed = { point, atSeconds, histogram: window.pointHistograms[index] };
      bySecond.set(second, [...(bySecond.get(second) ?? []), placed]);
    });
  }
  return [...bySecond]
    .sort(([a], [b]) => a - b)
    .map(([, placed]) => {
      const { point, latencies } = mergePoints(placed);
      onPoint?.({ point, latencies, direction, startedAtMs });
      latencies.destroy();
      return point;
    });
}

function mergePoints(placed: readonly PlacedPoint[]): { readonly point: IntervalPoint; readonly latencies: LatencyHistogram } {
  const points = placed.map(({ point }) => point);
  const atSeconds = Math.min(...placed.map((one) => one.atSeconds));
  const seconds = Math.max(...points.map((point) => point.seconds));
  const count = sum(points, (point) => point.count);
  const latencies = new LatencyHistogram();
  for (const { point, histogram } of placed) {
    if (histogram !== undefined) {
      const part = LatencyHistogram.decode(histogram, point.maxMs);
      latencies.add(part);
      part.destroy();
    }
  }
  const hasEndToEnd = points.some(({ endToEndMeanMs }) => endToEndMeanMs !== undefined);
  const merged: IntervalPoint = {
    atSeconds: round(atSeconds, 3),
    seconds: round(seconds, 3),
    count,
    rate: round(count / seconds, 1),
    errors: sum(points, (point) => point.errors),
    p50Ms: latencies.percentileMs(50),
    p99Ms: latencies.percentileMs(99),
    p999Ms: latencies.percentileMs(99.9),
    meanMs: latencies.meanMs,
    maxMs: latencies.maxMs,
    ...(hasEndToEnd
      ? {
          endToEndMeanMs: count === 0 ? 0 : round(sum(points, (point) => point.count * (point.endToEndMeanMs ?? 0)) / count, 3),
          endToEndMaxMs: Math.max(...points.map((point) => point.endToEndMaxMs ?? 0)),
        }
      : {}),
  };
  return { point: merged, latencies };
}

/** A worker's options with those of the whole load in their place. */
function mergeConfig(part: Readonly<Record<string, unknown>>, whole: object, workers: number): Record<string, unknown> {
  const { turn: _, sequence: __, ...config } = part;
  const common = Object.entries(whole).filter(([key]) => Object.hasOwn(config, key));
  return { ...config, ...Object.fromEntries(common), workers };
}

/** The coordinator's view: the generator is the busiest worker, since it is what would limit the figure. */
function mergeEnvironment(parts: readonly WorkerPart[], watched: Environment | undefined): Environment {
  const local = parts.find(({ clock }) => clock === undefined) ?? parts[0]!;
  const busiest = parts.reduce((a, b) => (loadOf(b).cpuPercent > loadOf(a).cpuPercent ? b : a));
  return { ...(watched ?? local.result.environment), generator: loadOf(busiest), workers: parts.map(infoOf) };
}

function loadOf({ result }: WorkerPart): GeneratorLoad {
  return result.environment.generator;
}

function infoOf({ name, result, clock }: WorkerPart): WorkerInfo {
  const { node, platform, kernel, cpuModel, cores, memoryBytes, loadAverage, generator } = result.environment;
  const measured = result.send ?? result.receive;
  const machine = { node, platform, kernel, cpuModel, cores, memoryBytes, loadAverage };
  return {
    name,
    count: measured?.count ?? 0,
    errors: measured?.errors ?? 0,
    generator,
    ...(clock === undefined ? {} : { machine, clock }),
  };
}

function mergedWarnings(parts: readonly WorkerPart[]): { warnings?: readonly string[] } {
  const own = parts.flatMap(({ result }) => result.warnings ?? []);
  const clocks = parts.flatMap(({ name, result, clock }) =>
    clock !== undefined && result.receive?.endToEndMs !== undefined ? [clockWarning(name, clock)] : [],
  );
  const warnings = [...new Set([...own, ...clocks])];
  return warnings.length === 0 ? {} : { warnings };
}

function clockWarning(name: string, { offsetMs, uncertaintyMs }: ClockOffset): string {
  const way = offsetMs < 0 ? 'behind' : 'ahead of';
  return `latencies of worker ${name} count on the clock of its machine, which is ${Math.abs(offsetMs)} ms (+-${uncertaintyMs} ms) ${way} the coordinator's`;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

function addByKey(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total = new Map<string, number>();
  for (const [key, count] of records.flatMap((record) => Object.entries(record))) {
    total.set(key, (total.get(key) ?? 0) + count);
  }
  return Object.fromEntries([...total].sort(([a], [b]) => (a < b ? -1 : 1)));
}

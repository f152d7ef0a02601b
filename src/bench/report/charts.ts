import type { JsonObject } from './json-value.js';
import type { Chart, ChartLine, Mark } from './model.js';
import { percentileCurve } from './percentile-curve.js';
import { type BROKER_COLUMNS, brokerSeries, type LatencyView, type ResultView, seriesColumns, type TrackView } from './result-view.js';
import { thin } from './thin.js';

/** A chart with what stands around it in the page. */
export interface ChartSection {
  readonly chart: Chart;
  readonly title: string;
  readonly text: string;
  /** What the chart lacks, and why. */
  readonly notes: readonly string[];
}

const SERIES_METRICS: readonly (readonly [key: string, metric: string])[] = [
  ['p50Ms', 'p50'],
  ['p99Ms', 'p99'],
  ['p999Ms', 'p99.9'],
  ['maxMs', 'max'],
];
const TIME_AXIS = { label: 'time since the window began', unit: 'seconds' } as const;
/** A scale of equal steps hides the small values where the greatest is so many times the least. */
const LOG_RATIO = 20;

/** Charts of the results, without those that nothing could be drawn in. */
export function chartSections(results: readonly ResultView[]): ChartSection[] {
  const sections = [
    throughputSection(results),
    ...trackNames(results).map((track) => latencySection(results, track)),
    percentileSection(results),
    errorSection(results),
    brokerSection(results, 'cpuPercent'),
    brokerSection(results, 'rssBytes'),
  ];
  return sections.filter((section) => section !== null);
}

/** Names of the directions in the order in which they appear. */
function trackNames(results: readonly ResultView[]): string[] {
  return [...new Set(results.flatMap(({ tracks }) => tracks.map(({ name }) => name)))];
}

/** A chart before it is known whether there is anything in it. */
interface Drawing {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly shape: Chart['shape'];
  readonly x: Chart['x'];
  readonly y: Omit<Chart['y'], 'log'>;
  readonly lines: readonly ChartLine[];
  readonly shown?: (metrics: readonly string[]) => readonly string[];
  readonly notes?: readonly string[];
  readonly marks?: readonly Mark[];
  readonly categories?: readonly string[];
}

/** Null where there is nothing to draw. */
export function sectionOf(drawing: Drawing): ChartSection | null {
  const lines = drawing.lines.filter(({ y }) => y.some((value) => value !== null));
  if (lines.length === 0) {
    return null;
  }
  const { id, shape, x, y, title, text, shown, marks, categories } = drawing;
  const metrics = [...new Set(lines.map(({ metric }) => metric))];
  // A bar's length is its value: that needs a scale that begins at 0.
  const log = y.unit === 'ms' && shape !== 'bars' && spread(lines) > LOG_RATIO;
  const chart: Chart = {
    ...{ id, shape, x, y: { ...y, log }, metrics, shown: shown?.(metrics) ?? metrics, lines },
    ...(marks === undefined ? {} : { marks }),
    ...(categories === undefined ? {} : { categories }),
  };
  return { chart, title, text, notes: drawing.notes ?? [] };
}

/** The greatest value of all lines over the least above 0. */
function spread(lines: readonly ChartLine[]): number {
  let least = Number.POSITIVE_INFINITY;
  let greatest = 0;
  for (const { y, range } of lines) {
    for (const value of [...y, ...(range?.high ?? []), ...(range?.low ?? [])]) {
      if (value !== null && value > 0) {
        least = Math.min(least, value);
        greatest = Math.max(greatest, value);
      }
    }
  }
  return greatest / least;
}

/** Lines of one track, a metric each, thinned together. */
function seriesLines(
  result: number,
  series: readonly JsonObject[],
  metrics: readonly (readonly [key: string, metric: string])[],
): ChartLine[] {
  const keys = metrics.map(([key]) => key);
  const { x, columns } = thin(seriesColumns(series, keys));
  return metrics.map(([, metric], index) => ({ result, metric, x, ...(columns[index] ?? { y: [] }) }));
}

function tracksWithSeries(results: readonly ResultView[], name?: string): { result: ResultView; track: TrackView }[] {
  return results.flatMap((result) =>
    result.tracks
      .filter((track) => track.series.length > 0 && (name === undefined || track.name === name))
      .map((track) => ({ result, track })),
  );
}

/** Says which results a chart over time has to do without. */
function missingSeries(results: readonly ResultView[], track?: string): string[] {
  const has = (result: ResultView, wanted: (track: TrackView) => boolean): boolean =>
    result.tracks.some((one) => (track === undefined || one.name === track) && wanted(one));
  const missing = results.filter((result) => has(result, () => true) && !has(result, ({ series }) => series.length > 0));
  return missing.length === 0 ? [] : [`No time series in ${missing.map(({ label }) => label).join(', ')}.`];
}

function throughputSection(results: readonly ResultView[]): ChartSection | null {
  return sectionOf({
    id: 'throughput',
    title: 'Throughput',
    text: 'Messages that succeeded, for each second of the window. Warm-up is left out.',
    shape: 'line',
    x: TIME_AXIS,
    y: { label: 'messages per second', unit: 'rate' },
    lines: tracksWithSeries(results).flatMap(({ result, track }) => seriesLines(result.index, track.series, [['rate', track.name]])),
    notes: missingSeries(results),
  });
}

function latencySection(results: readonly ResultView[], track: string): ChartSection | null {
  const found = tracksWithSeries(results, track);
  const hasSeveralTracks = trackNames(results).length > 1;
  return sectionOf({
    id: `latency-${trackNames(results).indexOf(track)}`,
    title: hasSeveralTracks ? `Latency over time, ${track}` : 'Latency over time',
    text: 'Percentiles of each second. With a planned rate a latency counts from the time the message was due, not from when it left.',
    shape: 'line',
    x: TIME_AXIS,
    y: { label: 'latency', unit: 'ms' },
    lines: found.flatMap(({ result, track: { series } }) => seriesLines(result.index, series, SERIES_METRICS)),
    shown: (metrics) => (found.length > 1 && metrics.includes('p99') ? ['p99'] : metrics),
    notes: missingSeries(results, track),
  });
}

function percentileSection(results: readonly ResultView[]): ChartSection | null {
  const lines: ChartLine[] = [];
  const fromSummary: string[] = [];
  for (const result of results) {
    for (const latency of result.tracks.flatMap(({ latencies }) => latencies.filter(({ isPart }) => isPart !== true))) {
      const curve = percentileCurve(latency);
      if (curve !== null) {
        lines.push({ result: result.index, metric: latency.name, x: curve.x, y: curve.y });
      }
      if (curve?.source === 'summary') {
        fromSummary.push(`${result.label} (${latency.name}${latency.histogram === undefined ? '' : ': its histogram cannot be read'})`);
      }
    }
  }
  return sectionOf({
    id: 'percentiles',
    title: 'Latency by percentile',
    text: 'How many of the messages were answered within a latency. Each step to the right is ten times rarer: 99 %, 99.9 %, 99.99 %.',
    shape: 'line',
    x: { label: 'percentile', unit: 'percentile' },
    y: { label: 'latency', unit: 'ms' },
    lines,
    shown: (metrics) => (results.length === 1 ? metrics : metrics.filter((metric) => !metric.endsWith('uncorrected'))),
    notes: fromSummary.length === 0 ? [] : [`Drawn from a few percentiles, not from a histogram: ${fromSummary.join(', ')}.`],
  });
}

function errorSection(results: readonly ResultView[]): ChartSection | null {
  const lines = tracksWithSeries(results).flatMap(({ result, track }) => seriesLines(result.index, track.series, [['errors', track.name]]));
  return sectionOf({
    id: 'errors',
    title: 'Errors over time',
    text: 'Messages of each second that failed for good.',
    shape: 'line',
    x: TIME_AXIS,
    y: { label: 'errors', unit: 'count' },
    lines: lines.some(({ y }) => y.some((value) => (value ?? 0) > 0)) ? lines : [],
  });
}

const BROKER_TEXTS = {
  cpuPercent: {
    id: 'broker-cpu',
    title: 'Broker CPU',
    text: 'Of one core; 200 % are two cores.',
    label: 'CPU of one core',
    unit: 'percent',
  },
  rssBytes: {
    id: 'broker-memory',
    title: 'Broker memory',
    text: 'Resident memory of the broker process.',
    label: 'resident memory',
    unit: 'bytes',
  },
} as const;

function brokerSection(results: readonly ResultView[], key: (typeof BROKER_COLUMNS)[number]): ChartSection | null {
  const { id, title, text, label, unit } = BROKER_TEXTS[key];
  return sectionOf({
    id,
    title,
    text,
    shape: 'line',
    x: TIME_AXIS,
    y: { label, unit },
    // What is made of runs says there how the broker fared in each of them.
    lines: results.flatMap((result) => (result.runs.length > 0 ? [] : seriesLines(result.index, brokerSeries(result), [[key, title]]))),
  });
}

/** The latency that a message's sender waited for, or its receiver: the first of the first track. */
export function mainLatency(tracks: readonly TrackView[]): LatencyView | undefined {
  return tracks[0]?.latencies[0];
}

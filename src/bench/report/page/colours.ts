import type { Chart, ChartLine } from '../model.js';

/** As many as the style sheet names. */
const COLOURS = 10;

/** A colour of the style sheet, in the theme of the moment. */
export function cssColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim() || '#888888';
}

/** Name of the colour a result has everywhere. */
export function resultColour(result: number): string {
  return `--series-${result % COLOURS}`;
}

/** A result keeps its colour everywhere; where there is one result alone, colours tell its metrics apart. */
export function lineColour(chart: Chart, line: ChartLine, resultCount: number): string {
  return resultCount === 1 && chart.metrics.length > 1 ? metricColour(chart, line.metric) : resultColour(line.result);
}

export function metricColour(chart: Chart, metric: string): string {
  return `--metric-${chart.metrics.indexOf(metric) % 6}`;
}

const PERCENTILE_DASHES: Readonly<Record<string, readonly number[]>> = { p50: [2, 4], p99: [], 'p99.9': [9, 5], max: [1, 5] };
const OTHER_DASHES: readonly (readonly number[])[] = [[], [8, 5], [2, 4], [12, 4, 2, 4]];

/** The strokes of a metric; results beyond the number of colours differ from the first ones by theirs. */
export function metricDash(chart: Chart, metric: string): readonly number[] {
  return PERCENTILE_DASHES[metric] ?? OTHER_DASHES[chart.metrics.indexOf(metric) % OTHER_DASHES.length] ?? [];
}

export function lineDash(chart: Chart, line: ChartLine, resultCount: number): readonly number[] {
  if (resultCount === 1) {
    return [];
  }
  const isRepeatedColour = line.result >= COLOURS && chart.metrics.length === 1;
  return isRepeatedColour ? [10, 3, 3, 3] : metricDash(chart, line.metric);
}

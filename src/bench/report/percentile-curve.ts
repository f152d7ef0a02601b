import { inflateSync } from 'node:zlib';
import { decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { asNumber, fieldOf, type JsonObject } from './json-value.js';
import type { LatencyView } from './result-view.js';

/** A latency in ms for 1 / (1 - p): 1 is the least, 10 is p90, 100 is p99. */
export interface PercentileCurve {
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** `summary`: there was no histogram, or none that can be read, and the points are the few percentiles of the summary. */
  readonly source: 'histogram' | 'summary';
}

/** Points for each factor of ten: smooth on paper too. */
const POINTS_A_DECADE = 24;
/** A histogram of an hour in microseconds takes less than a hundredth of this; more is no histogram. */
const LARGEST_HISTOGRAM_BYTES = 16 * 1024 * 1024;
const COMPRESSED_HEADER_BYTES = 8;

/** The whole curve from the histogram, else the points of the summary; null where there is neither. */
export function percentileCurve(latency: LatencyView): PercentileCurve | null {
  const histogram = latency.histogram === undefined ? null : decode(latency.histogram);
  if (histogram === null || histogram.totalCount === 0) {
    return summaryCurve(latency.summary);
  }
  const longestMs = asNumber(fieldOf(latency.summary, 'max')) ?? Number.POSITIVE_INFINITY;
  const x = [...curvePlaces(histogram.totalCount), histogram.totalCount];
  const values = x.map((inverse) =>
    inverse < histogram.totalCount ? histogram.getValueAtPercentile(100 * (1 - 1 / inverse)) : histogram.maxValue,
  );
  return { x, y: values.map((us) => Math.min(us / 1000, longestMs)), source: 'histogram' };
}

/** Places of the curve below `last`: evenly spread on a logarithmic axis, and those that tables name (50 %, 95 %, 99.5 %, …). */
function curvePlaces(last: number): number[] {
  const places = new Set<number>();
  for (let step = 0; 10 ** (step / POINTS_A_DECADE) < last; step++) {
    // Powers of ten exactly, or their percentiles would be beside those of the summary.
    places.add(step % POINTS_A_DECADE === 0 ? Number(`1e${step / POINTS_A_DECADE}`) : 10 ** (step / POINTS_A_DECADE));
  }
  for (let named = 2; named < last; named *= 10) {
    places.add(named);
  }
  return [...places].sort((a, b) => a - b);
}

function decode(base64: string): Histogram | null {
  try {
    // What the library would inflate without end ends here.
    inflateSync(Buffer.from(base64, 'base64').subarray(COMPRESSED_HEADER_BYTES), { maxOutputLength: LARGEST_HISTOGRAM_BYTES });
    return decodeFromCompressedBase64(base64, 64, false);
  } catch {
    return null;
  }
}

const SUMMARY_POINTS: readonly (readonly [key: string, inverse: number])[] = [
  ['p50', 2],
  ['p90', 10],
  ['p99', 100],
  ['p999', 1000],
  ['p9999', 10_000],
];

function summaryCurve(summary: JsonObject): PercentileCurve | null {
  const points = SUMMARY_POINTS.flatMap(([key, inverse]) => {
    const value = asNumber(fieldOf(summary, key));
    return value === undefined || value <= 0 ? [] : [[inverse, value] as const];
  });
  return points.length < 2 ? null : { x: points.map(([x]) => x), y: points.map(([, y]) => y), source: 'summary' };
}

import { asNumber, asObject, asObjects, asText, fieldOf, type JsonObject } from './json-value.js';
import type { Columns } from './thin.js';

/** One distribution of latencies: its summary in ms, and all of it where the result carries it. */
export interface LatencyView {
  /** `send`, `end to end`, `send, uncorrected`. */
  readonly name: string;
  readonly summary: JsonObject;
  readonly histogram?: string;
  /** A part of another distribution: for tables alone. */
  readonly isPart?: true;
}

/** One direction of a result: what it sent, what it received. */
export interface TrackView {
  readonly name: string;
  readonly measured: JsonObject;
  readonly latencies: readonly LatencyView[];
  readonly series: readonly JsonObject[];
}

/** A result of one run as the report reads it; everything but the kind may be missing. */
export interface RunView {
  readonly kind: string;
  readonly config: JsonObject;
  readonly environment: JsonObject;
  readonly tracks: readonly TrackView[];
  readonly value: JsonObject;
}

/** A run that has a file, a name and a colour of its own. */
export interface ResultView extends RunView {
  readonly index: number;
  readonly label: string;
  readonly file: string;
  /** Of a sweep, a search, a comparison: the runs it is made of. */
  readonly runs: readonly RunView[];
  readonly startedAt?: string;
}

/** Broker load over time, where the broker ran on the machine that measured. */
export const BROKER_COLUMNS = ['cpuPercent', 'rssBytes'] as const;

function runView(value: JsonObject): RunView {
  return {
    kind: asText(fieldOf(value, 'kind')) ?? 'run',
    config: asObject(fieldOf(value, 'config')) ?? {},
    environment: asObject(fieldOf(value, 'environment')) ?? {},
    tracks: tracksOf(value),
    value,
  };
}

export function resultView(
  value: JsonObject,
  place: { readonly index: number; readonly label: string; readonly file: string },
): ResultView {
  const run = runView(value);
  const time = asText(fieldOf(run.environment, 'startedAt'));
  const startedAt = time !== undefined && /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(time) ? time : undefined;
  // A run may stand beside what it was run with.
  const runs = asObjects(fieldOf(value, 'runs')).map((one) => runView(asObject(fieldOf(one, 'result')) ?? one));
  return { ...run, ...place, runs, ...(startedAt === undefined ? {} : { startedAt }) };
}

/** Every part of a result that has a rate and latencies, whatever its name. */
function tracksOf(value: JsonObject): TrackView[] {
  const tracks = Object.entries(value).flatMap(([name, part]): TrackView[] => {
    const measured = asObject(part);
    const summary = asObject(fieldOf(measured, 'latencyMs'));
    if (name === 'soFar' || measured === undefined || summary === undefined || asNumber(fieldOf(measured, 'rate')) === undefined) {
      return [];
    }
    const series = asObjects(fieldOf(measured, 'series'));
    return [{ name, measured, series, latencies: latenciesOf(name, measured) }];
  });
  if (tracks.length === 0) {
    return soFarOf(value);
  }
  // The parts of the way come after all that is measured as a whole.
  return tracks.map((track, index) =>
    index < tracks.length - 1 ? track : { ...track, latencies: [...track.latencies, ...stagesOf(value)] },
  );
}

/** A soak that did not come to its end has its samples, and what was counted until then. */
function soFarOf(value: JsonObject): TrackView[] {
  const soFar = asObject(fieldOf(value, 'soFar'));
  const count = asNumber(fieldOf(soFar, 'count'));
  const seconds = asNumber(fieldOf(soFar, 'seconds'));
  if (count === undefined || seconds === undefined || seconds <= 0) {
    return [];
  }
  const measured = { ...soFar, rate: count / seconds };
  return [{ name: 'send', measured, series: asObjects(fieldOf(value, 'samples')), latencies: latenciesOf('send', measured) }];
}

/** Parts of the way of a message: `plannedToSentMs` of `stages`. */
function stagesOf(value: JsonObject): LatencyView[] {
  return Object.entries(asObject(fieldOf(value, 'stages')) ?? {}).flatMap(([key, part]) => {
    const summary = asObject(part);
    return summary === undefined || !key.endsWith('Ms') ? [] : [{ name: words(key.slice(0, -2)), summary, isPart: true as const }];
  });
}

/** `endToEnd` as `end to end`. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** `latencyMs` with `histogram`, and further ones by the same rule: `endToEndMs` with `endToEndHistogram`. */
function latenciesOf(track: string, measured: JsonObject): LatencyView[] {
  const found: LatencyView[] = [];
  const add = (name: string, summary: JsonObject | undefined, histogram: string | undefined): void => {
    if (summary !== undefined) {
      found.push({ name, summary, ...(histogram === undefined ? {} : { histogram }) });
    }
  };
  for (const [key, value] of Object.entries(measured)) {
    const prefix = /^(\w*?)(?:Latency|latency)?Ms$/.exec(key)?.[1];
    if (prefix !== undefined) {
      const histogram = asText(fieldOf(measured, prefix === '' ? 'histogram' : `${prefix}Histogram`));
      const name = words(prefix);
      add(prefix === '' ? track : name === 'end to end' ? name : `${track}, ${name}`, asObject(value), histogram);
    }
  }
  return found;
}

/** Columns of a series over seconds since the window began; a second without messages has no latency. */
export function seriesColumns(series: readonly JsonObject[], keys: readonly string[]): Columns {
  const rows = series
    .flatMap((point) => {
      const x = asNumber(fieldOf(point, 'atSeconds'));
      return x === undefined ? [] : [{ x, point }];
    })
    .sort((a, b) => a.x - b.x);
  const columns = keys.map((key) =>
    rows.map(({ point }) => {
      const isEmpty = key.endsWith('Ms') && fieldOf(point, 'count') === 0;
      return isEmpty ? null : (asNumber(fieldOf(point, key)) ?? null);
    }),
  );
  return { x: rows.map(({ x }) => x), columns };
}

/** The broker's CPU and memory over time. */
export function brokerSeries(run: RunView): readonly JsonObject[] {
  return asObjects(fieldOf(asObject(fieldOf(run.environment, 'broker')), 'series'));
}

import { type ChartSection, mainLatency, sectionOf } from './charts.js';
import { sidesOf } from './comparison.js';
import { type Html, html } from './html.js';
import { asNumber, asObject, asObjects, asText, fieldOf, type JsonObject } from './json-value.js';
import type { ChartLine, Mark } from './model.js';
import type { ResultView } from './result-view.js';
import { runNames } from './settings.js';
import { soakPart } from './soak.js';
import { PERCENTILES, runsTable, tile } from './summary.js';
import { countText, msText, rateText } from './texts.js';

/** What a report shows of a result that is made of runs: something before its charts, the charts, and tables after them. */
export interface RunsPart {
  readonly head?: Html;
  readonly sections: readonly ChartSection[];
  readonly tables: Html;
}

/** Sweeps, searches, comparisons, soaks, and anything else that carries runs; null for results of one run. */
export function runsPart(result: ResultView): RunsPart | null {
  const rows = asObjects(fieldOf(result.value, 'rows'));
  const points = asObjects(fieldOf(result.value, 'points'));
  if (result.kind === 'sweep' && rows.length > 0) {
    return sweepPart(result, rows);
  }
  if (result.kind === 'search' && points.length > 0) {
    return searchPart(result, points);
  }
  return soakPart(result) ?? (result.runs.length === 0 ? null : anyRunsPart(result));
}

const present = (sections: readonly (ChartSection | null)[]): ChartSection[] => sections.filter((section) => section !== null);

function card(title: string, content: Html): Html {
  return html`<section class="card"><h2>${title}</h2>${content}</section>`;
}

function anyRunsPart(result: ResultView): RunsPart {
  const sides = sidesOf(result);
  const names = runNames(result.runs, sides);
  const rates = result.runs.map(({ tracks }) => asNumber(fieldOf(tracks[0]?.measured, 'rate')) ?? null);
  const p99s = result.runs.map(({ tracks }) => asNumber(fieldOf(mainLatency(tracks)?.summary, 'p99')) ?? null);
  const bars = [barSection(result, { key: 'rate', names, values: rates }), barSection(result, { key: 'p99', names, values: p99s })];
  const sections = sides.length > 0 ? [pairSection(result, rates, sides)] : bars;
  return { sections: present(sections), tables: card(`Runs of ${result.label}`, runsTable(result, names)) };
}

/** Runs of both sides in the order in which they were made. */
function pairSection(result: ResultView, rates: readonly (number | null)[], sides: readonly string[]): ChartSection | null {
  const lines = [...new Set(sides)].map((side): ChartLine => {
    const own = rates.filter((_, at) => sides[at] === side);
    return { result: result.index, metric: side, x: own.map((_, pair) => pair + 1), y: own };
  });
  return sectionOf({
    id: `pairs-${result.index}`,
    title: `Throughput of each pair, ${result.label}`,
    text: 'Both sides of a pair ran one after the other, so what slows the machine slows both.',
    shape: 'points',
    x: { label: 'pair', unit: 'count' },
    y: { label: 'messages per second', unit: 'rate' },
    lines,
  });
}

interface Bars {
  readonly key: 'rate' | 'p99';
  readonly names: readonly string[];
  readonly values: readonly (number | null)[];
}

function barSection(result: ResultView, { key, names, values }: Bars): ChartSection | null {
  const isRate = key === 'rate';
  return sectionOf({
    id: `${key}-${result.index}`,
    title: `${isRate ? 'Throughput' : 'p99 latency'}, ${result.label}`,
    text: 'One bar for each; the numbers are those of the table below.',
    shape: 'bars',
    x: { label: '', unit: 'category' },
    y: isRate ? { label: 'messages per second', unit: 'rate' } : { label: 'p99 latency', unit: 'ms' },
    lines: [{ result: result.index, metric: key, x: values.map((_, index) => index), y: values }],
    categories: names,
  });
}

/** Settings of a sweep's row, in the order of its table. */
const AXES = [
  ['threads', 'threads'],
  ['messageSize', 'size, B'],
  ['queues', 'queues'],
  ['flush', 'flush'],
] as const;

function sweepPart(result: ResultView, rows: readonly JsonObject[]): RunsPart {
  const rates = rows.map((row) => asNumber(fieldOf(row, 'bestRate')) ?? null);
  const p99s = rows.map((row) => asNumber(fieldOf(asObject(fieldOf(row, 'latencyMs')), 'p99')) ?? null);
  const names = rows.map(rowName);
  const sections = [
    scalingSection(result, rows),
    barSection(result, { key: 'rate', names, values: rates }),
    barSection(result, { key: 'p99', names, values: p99s }),
  ];
  const allRuns = html`<details><summary>All ${result.runs.length} runs</summary>${runsTable(result, runNames(result.runs))}</details>`;
  const table = html`<p class="lead">Rates are of the fastest run of each row and latencies are of that run; max RT is that of all its runs.</p>${rowsTable(rows, rates)}${result.runs.length > 0 && allRuns}`;
  return { sections: present(sections), tables: card(`Sweep ${result.label}`, table) };
}

function rowName(row: JsonObject): string {
  return AXES.flatMap(([key, name]) => {
    const value = fieldOf(row, key);
    return value === undefined ? [] : [key === 'flush' ? String(value) : `${String(value)} ${name.replace('size, ', '')}`];
  }).join(', ');
}

/** Rate over threads, a line for each setting of the others; only where there are steps enough to see a shape. */
function scalingSection(result: ResultView, rows: readonly JsonObject[]): ChartSection | null {
  const lines = new Map<string, { threads: number; rate: number }[]>();
  for (const row of rows) {
    const threads = asNumber(fieldOf(row, 'threads'));
    const rate = asNumber(fieldOf(row, 'bestRate'));
    const { threads: _, ...others } = row as Record<string, unknown>;
    if (threads !== undefined && rate !== undefined) {
      const name = rowName(others) || 'best run';
      lines.set(name, [...(lines.get(name) ?? []), { threads, rate }]);
    }
  }
  const drawn = [...lines].filter(([, points]) => points.length >= 3);
  return sectionOf({
    id: `scaling-${result.index}`,
    title: `Throughput against threads, ${result.label}`,
    text: 'The fastest run of each row. Where a line no longer rises, more messages on their way bring nothing but waiting.',
    shape: 'points',
    x: { label: 'threads', unit: 'count' },
    y: { label: 'messages per second', unit: 'rate' },
    lines: drawn.map(([metric, points]) => {
      const sorted = points.toSorted((a, b) => a.threads - b.threads);
      return { result: result.index, metric, x: sorted.map(({ threads }) => threads), y: sorted.map(({ rate }) => rate) };
    }),
  });
}

/** The table that users publish. */
function rowsTable(rows: readonly JsonObject[], rates: readonly (number | null)[]): Html {
  const best = Math.max(...rates.map((rate) => rate ?? 0));
  const axes = AXES.filter(([key]) => rows.some((row) => fieldOf(row, key) !== undefined));
  const heads = ['best TPS', 'median TPS', 'spread, %', 'average RT, ms', 'max RT, ms', 'p50, ms', 'p99, ms', 'p99.9, ms', 'errors'];
  const body = rows.map((row, index) => {
    const latency = asObject(fieldOf(row, 'latencyMs'));
    const isBest = best > 0 && rates[index] === best;
    const cells = [
      html`${isBest && html`<span class="mark good">best</span> `}${rateText(fieldOf(row, 'bestRate'))}`,
      html`${rateText(fieldOf(row, 'medianRate'))}`,
      html`${rateText(fieldOf(row, 'spreadPercent'))}`,
      html`${msText(fieldOf(latency, 'mean'))}`,
      html`${msText(fieldOf(row, 'maxMs'))}`,
      ...(['p50', 'p99', 'p999'] as const).map((key) => html`${msText(fieldOf(latency, key))}`),
      html`${countText(fieldOf(row, 'errors'))}`,
    ];
    return html`<tr><td class="number">${index + 1}</td>${axes.map(([key]) => html`<td class="number">${axisText(fieldOf(row, key))}</td>`)}${cells.map((cell) => html`<td class="number">${cell}</td>`)}</tr>`;
  });
  const head = ['#', ...axes.map(([, name]) => name), ...heads].map((name) => html`<th class="number">${name}</th>`);
  return html`<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function axisText(value: unknown): string {
  return asText(value) ?? countText(value);
}

function searchPart(result: ResultView, points: readonly JsonObject[]): RunsPart {
  const { value } = result;
  const sustainable = asObject(fieldOf(value, 'sustainable'));
  const rate = asNumber(fieldOf(sustainable, 'rate'));
  const figure = asObject(fieldOf(sustainable, 'figureMs'));
  const limits = asObjects(fieldOf(result.config, 'limits'));
  const limitText = limits.map((limit) => `${asText(fieldOf(limit, 'name')) ?? ''} < ${msText(fieldOf(limit, 'belowMs'))} ms`).join(', ');
  const head = html`<section class="tiles" aria-label="Result of the search">
${tile(`Highest sustainable rate${limitText === '' ? '' : `, ${limitText}`}`, rate === undefined ? 'none' : rateText(rate), { unit: 'msg/s', more: rate === undefined ? 'no rate that was tried keeps within the limit' : `${countText(fieldOf(sustainable, 'passes'))} of ${countText(fieldOf(sustainable, 'verifyRuns'))} verifying runs passed`, isBad: rate === undefined })}
${tile('Median in verification', msText(fieldOf(figure, 'median')), { unit: 'ms', more: figure === undefined ? '' : `${msText(fieldOf(figure, 'lowest'))} to ${msText(fieldOf(figure, 'highest'))} ms` })}
${tile('Lowest rate that failed', rateText(fieldOf(value, 'failedRate')), { unit: 'msg/s', more: '' })}
${tile('Knee of the curve', rateText(fieldOf(value, 'kneeRate')), { unit: 'msg/s', more: 'where latency begins to rise' })}
</section>`;
  return { head, sections: present([kneeSection(result, points, limits)]), tables: card(`Steps of ${result.label}`, pointsTable(points)) };
}

const CURVE_METRICS = ['p50', 'p99', 'mean'] as const;

function kneeSection(result: ResultView, points: readonly JsonObject[], limits: readonly JsonObject[]): ChartSection | null {
  const listed = asObjects(fieldOf(result.value, 'curve'));
  const curve = (listed.length > 0 ? listed : points)
    .flatMap((point) => {
      const rate = asNumber(fieldOf(point, 'rate'));
      return rate === undefined ? [] : [{ rate, latency: asObject(fieldOf(point, 'latencyMs')) }];
    })
    .sort((a, b) => a.rate - b.rate);
  const lines = CURVE_METRICS.map(
    (metric): ChartLine => ({
      result: result.index,
      metric,
      x: curve.map(({ rate }) => rate),
      y: curve.map(({ latency }) => asNumber(fieldOf(latency, metric)) ?? null),
    }),
  );
  const found = asNumber(fieldOf(asObject(fieldOf(result.value, 'sustainable')), 'rate'));
  const limitMarks = limits.flatMap((limit): Mark[] => {
    const value = asNumber(fieldOf(limit, 'belowMs'));
    return value === undefined ? [] : [{ axis: 'y', value, label: `limit of ${asText(fieldOf(limit, 'name')) ?? 'latency'}` }];
  });
  return sectionOf({
    id: `knee-${result.index}`,
    title: `Latency against rate, ${result.label}`,
    text: 'Each point is the median of the runs at a planned rate. Where the curve turns up, the broker no longer keeps pace.',
    shape: 'points',
    x: { label: 'planned messages per second', unit: 'rate' },
    y: { label: 'latency', unit: 'ms' },
    lines,
    shown: () => ['p50', 'p99'],
    marks: [...limitMarks, ...(found === undefined ? [] : [{ axis: 'x', value: found, label: 'sustainable' } as const])],
  });
}

function pointsTable(points: readonly JsonObject[]): Html {
  const body = points.map((point, index) => {
    const latency = asObject(fieldOf(point, 'latencyMs'));
    const hasPassed = fieldOf(point, 'passed') === true;
    const verdict = html`<span class="mark ${hasPassed ? 'good' : 'bad'}">${hasPassed ? 'passed' : 'failed'}</span> ${asText(fieldOf(point, 'reason'))}`;
    return html`<tr><td class="number">${index + 1}</td><td>${asText(fieldOf(point, 'phase'))}</td><td class="number">${rateText(fieldOf(point, 'rate'))}</td><td class="number">${rateText(fieldOf(point, 'achievedRate'))}</td>${PERCENTILES.map(([key]) => html`<td class="number">${msText(fieldOf(latency, key))}</td>`)}<td class="number">${countText(fieldOf(point, 'errors'))}</td><td class="text">${verdict}</td></tr>`;
  });
  return html`<div class="scroll"><table><thead><tr><th class="number">#</th><th>phase</th><th class="number">rate</th><th class="number">achieved</th>${PERCENTILES.map(([, name]) => html`<th class="number">${name}, ms</th>`)}<th class="number">errors</th><th>verdict</th></tr></thead><tbody>${body}</tbody></table></div>`;
}

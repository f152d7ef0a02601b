import { createHash } from 'node:crypto';
import { type ChartSection, chartSections } from './charts.js';
import { comparisonPart } from './comparison.js';
import { findingsPart } from './findings.js';
import { PAGE_SCRIPT, PAGE_STYLE } from './generated/page-assets.js';
import { Html, html, scriptJson, visibleText } from './html.js';
import type { ChartLine, PageData, Unit } from './model.js';
import { runsPart } from './plans.js';
import type { ResultView } from './result-view.js';
import { extrasPart, settingsPart } from './settings.js';
import { resultName, summaryPart } from './summary.js';
import { bytesText, countText, msText, rateText } from './texts.js';

/** A mark in the colours of the page, so that the browser asks nobody for one. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%232f66d8'/%3E%3Cpath d='M3 12l3-5 3 2 4-6' fill='none' stroke='white' stroke-width='1.8'/%3E%3C/svg%3E";

/** The whole report as one HTML file that asks nobody for anything. */
export function reportPage(results: readonly ResultView[], made: { readonly at: Date; readonly version: string }): string {
  const charts = chartSections(results);
  const runs = results.flatMap((result) => runsPart(result) ?? []);
  const drawn = [...runs.flatMap(({ sections }) => sections), ...charts];
  const data: PageData = { results: results.map(({ label }) => visibleText(label)), charts: drawn.map(({ chart }) => visibleChart(chart)) };
  const title =
    results.length === 1 ? `mqbench ${results[0]?.kind ?? ''}: ${results[0]?.label ?? ''}` : `mqbench: ${results.length} results`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentPolicy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<link rel="icon" href="${ICON}">
<style>${new Html(PAGE_STYLE)}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the report</a>
<header class="top"><div class="wrap"><div><h1>${title}</h1><p class="sub">${subtitle(results)}</p></div>${themeButtons()}</div></header>
${results.length > 1 && legend(results)}
<main class="wrap" id="content">
${findingsPart(results)}
${summaryPart(results)}
${results.flatMap((result) => comparisonPart(result) ?? [])}
${runs.map(({ head, sections, tables }) => html`${head}${sections.map((section) => chartCard(section, results, html``))}${tables}`)}
${charts.map((section) => chartCard(section, results))}
${drawn.length === 0 && html`<section class="card"><h2>Nothing to draw</h2><p class="empty">The results carry no time series, no histogram and no runs.</p></section>`}
${extrasPart(results)}
${settingsPart(results)}
</main>
<footer><div class="wrap">Made by mqkit ${made.version} on ${made.at.toISOString().slice(0, 16).replace('T', ' ')} UTC. Drag across a chart to look closer, double-click to see all of it; with the keyboard, arrow keys walk along a chart.</div></footer>
<div id="status" class="visually-hidden" role="status"></div>
<noscript><div class="wrap"><p class="note">Charts need JavaScript; every figure stands in the tables too.</p></div></noscript>
<script type="application/json" id="report-data">${scriptJson(data)}</script>
<script>${new Html(PAGE_SCRIPT)}</script>
</body>
</html>
`;
  return page.text;
}

/** Nothing but the script and the style of this very page may run; nothing may be asked for. */
function contentPolicy(): string {
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  return `default-src 'none'; script-src ${hash(PAGE_SCRIPT)}; style-src ${hash(PAGE_STYLE)}; img-src data:; base-uri 'none'; form-action 'none'`;
}

function visibleChart(chart: ChartSection['chart']): ChartSection['chart'] {
  return {
    ...chart,
    ...(chart.categories === undefined ? {} : { categories: chart.categories.map(visibleText) }),
    ...(chart.marks === undefined ? {} : { marks: chart.marks.map((mark) => ({ ...mark, label: visibleText(mark.label) })) }),
  };
}

function subtitle(results: readonly ResultView[]): string {
  const times = results.flatMap(({ startedAt }) => startedAt ?? []).sort();
  const kinds = [...new Set(results.map(({ kind }) => kind))].join(', ');
  const [first] = times;
  const last = times.at(-1);
  const day = (time: string): string => time.slice(0, 16).replace('T', ' ');
  const when = first === undefined || last === undefined ? '' : day(first) === day(last) ? day(first) : `${day(first)} to ${day(last)}`;
  return [...(results.length > 1 ? [kinds] : []), ...(when === '' ? [] : [`${when} UTC`])].join(' · ');
}

function themeButtons(): Html {
  const choices = [
    ['auto', 'Auto'],
    ['light', 'Light'],
    ['dark', 'Dark'],
  ] as const;
  return html`<div class="themes" role="group" aria-label="Colours">${choices.map(
    ([choice, name]) =>
      html`<button type="button" data-theme-choice="${choice}" aria-pressed="${choice === 'auto' ? 'true' : 'false'}">${name}</button>`,
  )}</div>`;
}

function legend(results: readonly ResultView[]): Html {
  return html`<nav class="legend" aria-label="Results shown in the charts"><div class="wrap">${results.map(
    ({ index, label }) =>
      html`<button type="button" class="chip" data-result="${index}" aria-pressed="true" title="${label}"><i class="swatch" data-colour="${index}"></i><span>${label}</span></button>`,
  )}</div></nav>`;
}

/** A chart with its switches, and the figures it shows as a table. */
function chartCard({ chart, title, text, notes }: ChartSection, results: readonly ResultView[], beside?: Html): Html {
  const label = `${title}: ${chart.y.label} over ${chart.x.label}. The figures are in the table below.`;
  return html`<section class="card ${isSmall(chart) && 'half'}" id="chart-${chart.id}">
<div class="chart-head"><h2>${title}</h2><div class="switches" id="switches-${chart.id}" role="group" aria-label="Shown in ${title}"></div></div>
<p class="lead">${text}</p>
<div class="plot" id="plot-${chart.id}" tabindex="0" role="img" aria-label="${label}"></div>
${notes.map((note) => html`<p class="note">${note}</p>`)}
${beside ?? html`<details><summary>Figures of this chart</summary>${chart.x.unit === 'percentile' ? percentileTable(chart.lines, results) : extremesTable(chart, results)}</details>`}
</section>`;
}

/** Charts that say enough in half of the width. */
function isSmall({ shape, id }: ChartSection['chart']): boolean {
  return shape === 'bars' || id.startsWith('broker-');
}

function lineName(line: ChartLine, results: readonly ResultView[]): Html {
  const result = results[line.result];
  return html`${result !== undefined && resultName(result)}`;
}

/** What a reader would take from a line over time. */
function extremesTable({ lines, metrics, y: { unit } }: ChartSection['chart'], results: readonly ResultView[]): Html {
  const hasMetrics = metrics.length > 1;
  const rows = lines.map((line) => {
    const values = line.y.filter((value) => value !== null);
    const sorted = values.toSorted((a, b) => a - b);
    const { low, high } = line.range ?? { low: line.y, high: line.y };
    const [least, greatest] = [low.reduce(lesser, null) ?? 0, high.reduce(greater, null) ?? 0];
    const peakAt = line.x[high.indexOf(greatest)] ?? 0;
    const cells = [least, sorted[sorted.length >> 1] ?? 0, greatest, values.at(-1) ?? 0];
    return html`<tr><th scope="row">${lineName(line, results)}</th>${hasMetrics && html`<td class="name">${line.metric}</td>`}${cells.map((value) => html`<td class="number">${figure(value, unit)}</td>`)}<td class="number">${Number(peakAt.toFixed(1))} s</td></tr>`;
  });
  return html`<div class="scroll"><table><thead><tr><th>result</th>${hasMetrics && html`<th>line</th>`}${['least', 'median', 'greatest', 'last', 'greatest at'].map((name) => html`<th class="number">${name}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function lesser(a: number | null, b: number | null): number | null {
  return a === null || (b !== null && b < a) ? b : a;
}

function greater(a: number | null, b: number | null): number | null {
  return a === null || (b !== null && b > a) ? b : a;
}

const TABLE_PERCENTILES = [
  ['50 %', 2],
  ['90 %', 10],
  ['95 %', 20],
  ['99 %', 100],
  ['99.9 %', 1000],
  ['99.99 %', 10_000],
  ['99.999 %', 100_000],
] as const;

function percentileTable(lines: readonly ChartLine[], results: readonly ResultView[]): Html {
  const rows = lines.map((line) => {
    const cells = TABLE_PERCENTILES.map(([, inverse]) => {
      const at = line.x.findIndex((x) => x >= inverse * (1 - 1e-9));
      return html`<td class="number">${at < 0 ? '–' : msText(line.y[at])}</td>`;
    });
    return html`<tr><th scope="row">${lineName(line, results)}</th><td class="name">${line.metric}</td>${cells}<td class="number">${msText(line.y.at(-1))}</td></tr>`;
  });
  return html`<div class="scroll"><table><thead><tr><th>result</th><th>latency, ms</th>${TABLE_PERCENTILES.map(([name]) => html`<th class="number">${name}</th>`)}<th class="number">greatest</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function figure(value: number, unit: Unit): string {
  switch (unit) {
    case 'ms':
      return `${msText(value)} ms`;
    case 'bytes':
      return bytesText(value);
    case 'percent':
      return `${Number(value.toFixed(1))} %`;
    case 'count':
      return countText(value);
    default:
      return rateText(value);
  }
}

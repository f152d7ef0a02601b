import { type Html, html } from './html.js';
import { asObjects, asText, cellText, fieldOf, flatEntries, type JsonObject } from './json-value.js';
import type { ResultView, RunView } from './result-view.js';
import { resultName } from './summary.js';
import { bytesText } from './texts.js';

/** Shown in places of their own. */
const SHOWN_ELSEWHERE = new Set([
  ...['schema', 'kind', 'config', 'environment', 'command', 'seed', 'warnings', 'assertions', 'partial', 'failure', 'interrupted'],
  ...['runs', 'sides', 'rows', 'points', 'curve', 'sustainable', 'failedRate', 'kneeRate', 'comparison', 'stages'],
  ...['samples', 'soFar', 'drift', 'verdict', 'findings'],
]);
/** Longer lists are data, and no facts to read. */
const LONGEST_LIST = 100;

/** Everything that kinds of runs count beside rates and latencies: deliveries, transactions, groups. */
export function extrasPart(results: readonly ResultView[]): Html | undefined {
  const rows = rowsOf(results, ({ value, tracks }) =>
    extrasOf(value, tracks).flatMap(([key, one]) => (asObjects(one).length > 0 ? [] : [[key, listText(one)]])),
  );
  const lists = results.flatMap((result) =>
    extrasOf(result.value, result.tracks).flatMap(([key, one]) => listTable(result, key, asObjects(one)) ?? []),
  );
  if (rows.length === 0 && lists.length === 0) {
    return undefined;
  }
  return html`<section class="card"><h2>Also counted</h2>${rows.length > 0 && table(results, rows)}${lists}</section>`;
}

function extrasOf(value: JsonObject, tracks: RunView['tracks']): [string, unknown][] {
  const names = new Set(tracks.map(({ name }) => name));
  return flatEntries(Object.fromEntries(Object.entries(value).filter(([key]) => !SHOWN_ELSEWHERE.has(key) && !names.has(key))));
}

function listText(value: unknown): string {
  return Array.isArray(value) ? value.slice(0, LONGEST_LIST).map(cellText).join(', ') || '–' : cellText(value);
}

/** Of distributions inside a list a few figures do. */
const MINOR_FIGURE = /Ms\.(mean|p90|p999|p9999)$/;

/** A list of alike objects (groups, ranges), an object a row. */
function listTable(result: ResultView, key: string, list: readonly JsonObject[]): Html | undefined {
  if (list.length === 0) {
    return undefined;
  }
  const rows = list.slice(0, LONGEST_LIST).map((one) => new Map(flatEntries(one)));
  const columns = [...new Set(rows.flatMap((row) => [...row.keys()]))].filter((column) => !MINOR_FIGURE.test(column));
  const body = rows.map((row) => html`<tr>${columns.map((column) => html`<td class="text">${listText(row.get(column))}</td>`)}</tr>`);
  return html`<h3>${resultName(result)} ${key}</h3><div class="scroll"><table><thead><tr>${columns.map((column) => html`<th>${column}</th>`)}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** Names and values of several results side by side. */
interface SettingRow {
  readonly key: string;
  readonly values: readonly string[];
  readonly differs: boolean;
}

/** What was measured anew in each run is no setting. */
const MEASURED = /^(generator|broker|workers|loadAverage|startedAt|fsyncMs)\b/;

/** The list of steps of a plan is no difference that a reader could take in. */
const isPlan = (value: string): boolean => value.startsWith('[{');

/** Settings in which the results differ, then all of them; then the machines and the commands. */
export function settingsPart(results: readonly ResultView[]): Html {
  const configRows = rowsOf(results, (result) => [['kind', result.kind], ...configEntries(result)]);
  const environmentRows = rowsOf(results, environmentEntries);
  const settings = [...configRows, ...environmentRows.filter(({ key }) => !MEASURED.test(key))];
  const differing = settings.filter(({ differs, values }) => differs && !values.some(isPlan));
  return html`${results.length > 1 && differencesCard(results, differing)}
<section class="card"><h2>Environment</h2><p class="lead">The machine that made the load, how busy it was, and what is known of the broker.</p>${table(results, environmentRows)}</section>
<section class="card"><h2>Settings and commands</h2>${commands(results)}<details><summary>All settings</summary>${table(results, configRows)}</details></section>`;
}

function differencesCard(results: readonly ResultView[], differing: readonly SettingRow[]): Html {
  return html`<section class="card"><h2>What differs between the results</h2>
${differing.length === 0 ? html`<p class="empty">Nothing: all ${results.length} ran with the same settings on the same kind of machine.</p>` : table(results, differing)}</section>`;
}

function configEntries({ config, value }: RunView): [string, string][] {
  const seed = fieldOf(value, 'seed');
  const entries = flatEntries(config).map(([key, one]): [string, string] => [key, cellText(one)]);
  return seed === undefined || entries.some(([key]) => key === 'seed') ? entries : [...entries, ['seed', cellText(seed)]];
}

/** Lists (series, workers) are drawn or counted elsewhere. */
function environmentEntries({ environment }: RunView): [string, string][] {
  return flatEntries(environment)
    .filter(([, one]) => !Array.isArray(one))
    .map(([key, one]) => [key, /Bytes$/.test(key) ? `${bytesText(one)}` : cellText(one)]);
}

function rowsOf(results: readonly ResultView[], entriesOf: (result: ResultView) => readonly [string, string][]): SettingRow[] {
  const maps = results.map((result) => new Map(entriesOf(result)));
  const keys = new Set(maps.flatMap((map) => [...map.keys()]));
  return [...keys].map((key) => {
    const values = maps.map((map) => map.get(key) ?? '');
    return { key, values, differs: new Set(values).size > 1 };
  });
}

function table(results: readonly ResultView[], rows: readonly SettingRow[]): Html {
  if (rows.length === 0) {
    return html`<p class="empty">The results say nothing about it.</p>`;
  }
  const head =
    results.length > 1 &&
    html`<thead><tr><th></th>${results.map((result) => html`<th scope="col">${resultName(result)}</th>`)}</tr></thead>`;
  return html`<div class="scroll"><table>${head}<tbody>${rows.map(
    ({ key, values }) =>
      html`<tr><th scope="row" class="key">${key}</th>${values.map((value) => html`<td class="text">${value === '' ? '–' : value}</td>`)}</tr>`,
  )}</tbody></table></div>`;
}

function commands(results: readonly ResultView[]): Html {
  const known = results.flatMap((result) => {
    const command = asText(fieldOf(result.value, 'command'));
    return command === undefined ? [] : [{ result, command }];
  });
  if (known.length === 0) {
    return html`<p class="empty">The results do not say with which command they were made.</p>`;
  }
  return html`<p class="lead">Each command repeats its run.</p>${known.map(
    ({ result, command }) =>
      html`${results.length > 1 && html`<h3>${resultName(result)}</h3>`}<div class="command"><pre><code>${command}</code></pre><button type="button" data-copy>Copy</button></div>`,
  )}`;
}

/** What tells the runs of one result apart: `threadCount 16, messageSize 1024`; their numbers where nothing does. */
export function runNames(runs: readonly RunView[], sides: readonly string[] = []): string[] {
  if (sides.length > 0) {
    return runs.map((_, index) => `${sides[index] ?? 'run'} ${sides.slice(0, index + 1).filter((side) => side === sides[index]).length}`);
  }
  const maps = runs.map((run) => new Map(configEntries(run)));
  const keys = [...new Set(maps.flatMap((map) => [...map.keys()]))].filter((key) => new Set(maps.map((map) => map.get(key))).size > 1);
  const telling = keys.filter((key) => !/^(topic|consumerGroup|producerGroup|seed)$/.test(key));
  return maps.map((map, index) => {
    const parts = (telling.length > 0 ? telling : keys).flatMap((key) => (map.has(key) ? [`${key} ${map.get(key)}`] : []));
    return parts.length === 0 ? `run ${index + 1}` : parts.join(', ');
  });
}

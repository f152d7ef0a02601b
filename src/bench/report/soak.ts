import { type ChartSection, sectionOf } from './charts.js';
import { type Html, html } from './html.js';
import { asNumber, asObject, asObjects, asText, fieldOf, type JsonObject } from './json-value.js';
import type { ChartLine } from './model.js';
import { type ResultView, seriesColumns } from './result-view.js';
import { bytesText, msText, rateText } from './texts.js';
import { thin } from './thin.js';

const MEMORY_KEYS = ['generatorRssBytes', 'brokerRssBytes'] as const;

/** Memory of both sides over hours, and what drifts; null for results of other kinds. */
export function soakPart(result: ResultView): { readonly sections: readonly ChartSection[]; readonly tables: Html } | null {
  const samples = asObjects(fieldOf(result.value, 'samples'));
  if (result.kind !== 'soak' || samples.length === 0) {
    return null;
  }
  const memory = memorySection(result, samples);
  return { sections: memory === null ? [] : [memory], tables: driftCard(result) };
}

function memorySection(result: ResultView, samples: readonly JsonObject[]): ChartSection | null {
  const { x, columns } = thin(seriesColumns(samples, MEMORY_KEYS));
  const lines = MEMORY_KEYS.map(
    (key, index): ChartLine => ({ result: result.index, metric: key.replace('RssBytes', ''), x, ...(columns[index] ?? { y: [] }) }),
  );
  return sectionOf({
    id: `memory-${result.index}`,
    title: `Memory over the soak, ${result.label}`,
    text: 'Resident memory of the processes. A line that never stops rising is a leak.',
    shape: 'line',
    x: { label: 'time since the window began', unit: 'seconds' },
    y: { label: 'resident memory', unit: 'bytes' },
    lines,
  });
}

function driftCard({ label, value }: ResultView): Html {
  const drifts = Object.entries(asObject(fieldOf(value, 'drift')) ?? {}).flatMap(([key, one]) => {
    const drift = asObject(one);
    return drift === undefined ? [] : [{ key, drift }];
  });
  const verdict = asText(fieldOf(value, 'verdict'));
  const mark = verdict === 'steady' ? 'good' : verdict === 'drifting' ? 'bad' : '';
  const rows = drifts.map(({ key, drift }) => driftRow(key, drift));
  return html`<section class="card"><h2>Drift, ${label} ${verdict !== undefined && html`<span class="mark ${mark}">${verdict}</span>`}</h2>
<p class="lead">Robust slopes over the settled part of the run, with the interval that holds them with 95 % confidence.</p>
<div class="scroll"><table><thead><tr><th>figure</th>${['median', 'change an hour', 'interval', 'over the run'].map((name) => html`<th class="number">${name}</th>`)}<th>verdict</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function driftRow(key: string, drift: JsonObject): Html {
  const figure = (field: string): string => figureText(key, asNumber(fieldOf(drift, field)));
  const verdict = asText(fieldOf(drift, 'verdict')) ?? '';
  const change = asNumber(fieldOf(drift, 'changePercent'));
  const mark = verdict === 'steady' ? 'good' : verdict === 'rising' || verdict === 'falling' ? 'bad' : '';
  return html`<tr><th scope="row">${key}</th><td class="number">${figure('median')}</td><td class="number">${figure('slopePerHour')}</td><td class="number">${figure('lowPerHour')} to ${figure('highPerHour')}</td><td class="number">${change === undefined ? '–' : `${Number(change.toFixed(1))} %`}</td><td><span class="mark ${mark}">${verdict}</span></td></tr>`;
}

/** With its sign, because it may be a change. */
function figureText(key: string, value: number | undefined): string {
  if (value === undefined) {
    return '–';
  }
  const size = Math.abs(value);
  const text = key.endsWith('Bytes') ? bytesText(size) : key.endsWith('Ms') ? `${msText(size)} ms` : `${rateText(size)}/s`;
  return value < 0 ? `−${text}` : text;
}

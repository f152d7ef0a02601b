import { type Html, html } from './html.js';
import { asList, asNumber, asObject, asObjects, asText, fieldOf, type JsonObject } from './json-value.js';
import type { ResultView } from './result-view.js';
import { msText, rateText } from './texts.js';

/** What `mqbench compare` found, metric by metric; nothing for other kinds of results. */
export function comparisonPart({ label, value }: ResultView): Html | undefined {
  const comparison = asObject(fieldOf(value, 'comparison'));
  const metrics = asObjects(fieldOf(comparison, 'metrics'));
  if (comparison === undefined || metrics.length === 0) {
    return undefined;
  }
  const primary = asText(fieldOf(comparison, 'primary')) ?? '';
  const widest = Math.max(0.02, ...metrics.flatMap((metric) => edges(metric).map((edge) => Math.abs(edge - 1))));
  const head = ['base', 'vs', 'ratio', 'interval', 'p'].map((name) => html`<th class="number">${name}</th>`);
  return html`<section class="card"><h2>Comparison, ${label}</h2>
<p class="lead">${asText(fieldOf(comparison, 'test')) ?? ''}. Ratios are vs to base; the bars are their intervals, the line in the middle is no difference.</p>
<div class="scroll"><table><thead><tr><th>metric</th>${head}<th></th><th>verdict</th></tr></thead><tbody>${metrics.map((metric) => row(metric, { primary, widest }))}</tbody></table></div></section>`;
}

/** The verdict in one sentence, for the head of the report. */
export function verdictText({ value }: ResultView): string | undefined {
  const comparison = asObject(fieldOf(value, 'comparison'));
  const primary = asText(fieldOf(comparison, 'primary'));
  const verdict = asText(fieldOf(comparison, 'verdict'));
  const metric = asObjects(fieldOf(comparison, 'metrics')).find((one) => fieldOf(one, 'name') === primary);
  if (primary === undefined || verdict === undefined) {
    return undefined;
  }
  const ratio = asNumber(fieldOf(metric, 'ratio'));
  const change = ratio === undefined ? '' : ` (${ratio.toFixed(3)} of base)`;
  return `${primary}: ${verdict}${change}`;
}

function edges(metric: JsonObject): number[] {
  return ['ratioLow', 'ratio', 'ratioHigh'].flatMap((key) => asNumber(fieldOf(metric, key)) ?? []);
}

function row(metric: JsonObject, { primary, widest }: { primary: string; widest: number }): Html {
  const name = asText(fieldOf(metric, 'name')) ?? '';
  const unit = asText(fieldOf(metric, 'unit')) ?? '';
  const verdict = asText(fieldOf(metric, 'verdict')) ?? '';
  const figure = (key: string): string => (unit === 'msg/s' ? rateText(fieldOf(metric, key)) : msText(fieldOf(metric, key)));
  const ratio = (key: string): string => asNumber(fieldOf(metric, key))?.toFixed(3) ?? '–';
  const p = asNumber(fieldOf(metric, 'p'));
  const mark = verdict === 'faster' ? 'good' : verdict === 'slower' ? 'bad' : '';
  return html`<tr><th scope="row">${name === primary ? html`<b>${name}</b>` : name}</th><td class="number">${figure('base')} ${unit}</td><td class="number">${figure('vs')} ${unit}</td><td class="number">${ratio('ratio')}</td><td class="number">${ratio('ratioLow')} to ${ratio('ratioHigh')}</td><td class="number">${p === undefined ? '–' : p < 0.001 ? '<0.001' : p.toFixed(3)}</td><td>${intervalMark(metric, widest)}</td><td><span class="mark ${mark}">${verdict}</span></td></tr>`;
}

const MARK_WIDTH = 120;

/** The interval of a ratio as a bar around its middle; 1 is in the middle of the drawing. */
function intervalMark(metric: JsonObject, widest: number): Html | undefined {
  const [low, ratio, high] = edges(metric);
  if (low === undefined || ratio === undefined || high === undefined) {
    return undefined;
  }
  const place = (value: number): number => Math.round((MARK_WIDTH / 2) * (1 + (0.95 * (value - 1)) / widest));
  const width = Math.max(2, place(high) - place(low));
  return html`<svg class="bar" viewBox="0 0 ${MARK_WIDTH} 8" aria-hidden="true"><line x1="${MARK_WIDTH / 2}" x2="${MARK_WIDTH / 2}" y1="0" y2="8"></line><rect class="interval" x="${place(low)}" y="2" width="${width}" height="4" rx="2"></rect><rect x="${place(ratio) - 1}" width="3" height="8" rx="1"></rect></svg>`;
}

/** Whose each run of a comparison is: `base`, `vs`. */
export function sidesOf({ value }: ResultView): readonly string[] {
  return asList(fieldOf(value, 'sides')).map((side) => (typeof side === 'string' ? side : ''));
}

import { mainLatency } from './charts.js';
import { type Html, html } from './html.js';
import { asNumber, asObject, fieldOf, type JsonObject } from './json-value.js';
import type { LatencyView, ResultView, TrackView } from './result-view.js';
import { bytesText, countText, deltaText, msText, rateText } from './texts.js';

export const PERCENTILES = [
  ['mean', 'mean'],
  ['p50', 'p50'],
  ['p90', 'p90'],
  ['p99', 'p99'],
  ['p999', 'p99.9'],
  ['p9999', 'p99.99'],
  ['max', 'max'],
] as const;

/** The figures of each result: large ones for a single result, then a table with the differences to the first. */
export function summaryPart(results: readonly ResultView[]): Html {
  const measured = results.filter(({ tracks }) => tracks.length > 0);
  if (measured.length === 0) {
    return html``;
  }
  const [only] = measured;
  return html`${results.length === 1 && only !== undefined && tiles(only)}
<section class="card"><h2>${results.length === 1 ? 'Figures' : 'Comparison'}</h2>
${results.length > 1 && html`<p class="lead">Small figures are differences to the first result of the same direction.</p>`}
<div class="scroll"><table>
<thead><tr><th>result</th><th>direction</th><th class="number">msg/s</th><th class="number">per second</th><th class="number">messages</th><th class="number">errors</th>${PERCENTILES.map(([, name]) => html`<th class="number">${name}, ms</th>`)}</tr></thead>
<tbody>${measured.flatMap((result) => result.tracks.flatMap((track) => trackRows(result, track, measured)))}</tbody>
</table></div></section>`;
}

function tiles({ tracks }: ResultView): Html {
  return html`${tracks.map(({ name, measured, latencies }) => {
    const latency = latencies.find((one) => one.name === 'end to end') ?? latencies[0];
    const errors = asNumber(fieldOf(measured, 'errors')) ?? 0;
    const of = latency === undefined || latency.name === name ? 'latency' : latency.name;
    return html`<section class="tiles" aria-label="Figures of ${name}">
${tile(tracks.length > 1 ? `Throughput, ${name}` : 'Throughput', rateText(fieldOf(measured, 'rate')), { unit: 'msg/s', more: asNumber(fieldOf(measured, 'bytesPerSecond')) === undefined ? '' : `${bytesText(fieldOf(measured, 'bytesPerSecond'))}/s` })}
${(['p50', 'p99', 'p999'] as const).map((key) => tile(`${key === 'p999' ? 'p99.9' : key} ${of}`, msText(fieldOf(latency?.summary, key)), { unit: 'ms', more: key === 'p50' ? `mean ${msText(fieldOf(latency?.summary, 'mean'))} ms` : key === 'p999' ? `max ${msText(fieldOf(latency?.summary, 'max'))} ms` : '' }))}
${tile('Errors', countText(errors), { unit: '', more: `${countText(fieldOf(measured, 'count'))} messages in ${rateText(fieldOf(measured, 'seconds'))} s`, isBad: errors > 0 })}
</section>`;
  })}`;
}

export function tile(name: string, figure: string, { unit, more, isBad }: { unit: string; more: string; isBad?: boolean }): Html {
  return html`<div class="tile ${isBad === true && 'bad'}"><div class="name">${name}</div><div class="figure">${figure}${unit !== '' && html` <small>${unit}</small>`}</div><div class="more">${more}</div></div>`;
}

/** One row a distribution; what is counted stands in the first. */
function trackRows(result: ResultView, track: TrackView, results: readonly ResultView[]): Html[] {
  const base = results.map(({ tracks }) => tracks.find(({ name }) => name === track.name)).find((one) => one !== undefined);
  const isBase = base === undefined || base === track;
  return track.latencies.map((latency, index) => {
    const baseLatency = isBase ? undefined : base.latencies.find(({ name }) => name === latency.name);
    const { measured } = track;
    const counts = html`<td class="number">${rateText(fieldOf(measured, 'rate'))}${!isBase && delta(measured, base.measured, { key: 'rate', isMoreBetter: true })}</td><td class="number">${bytesText(fieldOf(measured, 'bytesPerSecond'))}</td><td class="number">${countText(fieldOf(measured, 'count'))}</td><td class="number">${countText(fieldOf(measured, 'errors'))}</td>`;
    const figures = PERCENTILES.map(
      ([key]) =>
        html`<td class="number">${msText(fieldOf(latency.summary, key))}${baseLatency !== undefined && delta(latency.summary, baseLatency.summary, { key, isMoreBetter: false })}</td>`,
    );
    return html`<tr><th scope="row">${resultName(result)}</th><td class="name">${latency.name}</td>${index === 0 ? counts : html`<td colspan="4"></td>`}${figures}</tr>`;
  });
}

/** Differences below this say nothing. */
const NOISE_PERCENT = 5;

function delta(value: JsonObject, base: JsonObject, { key, isMoreBetter }: { key: string; isMoreBetter: boolean }): Html | undefined {
  const [own, other] = [asNumber(fieldOf(value, key)), asNumber(fieldOf(base, key))];
  const text = own === undefined || other === undefined ? '' : deltaText(own, other);
  if (text === '' || own === undefined || other === undefined) {
    return undefined;
  }
  const isLarge = Math.abs(own / other - 1) * 100 >= NOISE_PERCENT;
  const verdict = !isLarge ? '' : own > other === isMoreBetter ? 'better' : 'worse';
  return html`<span class="delta ${verdict}">${text}</span>`;
}

/** A result's name with its colour. */
export function resultName({ index, label }: ResultView): Html {
  return html`<span class="result-name"><i class="swatch" data-colour="${index}"></i><span>${label}</span></span>`;
}

/** The runs of a sweep or a search, with the options in which they differ. */
export function runsTable(result: ResultView, names: readonly string[]): Html {
  const rates = result.runs.map(({ tracks }) => asNumber(fieldOf(tracks[0]?.measured, 'rate')) ?? 0);
  const best = Math.max(...rates, 0);
  const rows = result.runs.map(({ tracks }, index) => {
    const latency: LatencyView | undefined = mainLatency(tracks);
    const rate = rates[index] ?? 0;
    const share = best > 0 ? Math.round((118 * rate) / best) : 0;
    return html`<tr><td class="number">${index + 1}</td><th scope="row">${names[index]}</th><td><svg class="bar" viewBox="0 0 118 8" aria-hidden="true"><rect width="${share}" height="8" rx="2"></rect></svg></td><td class="number">${rateText(rate)}</td><td class="number">${countText(fieldOf(tracks[0]?.measured, 'errors'))}</td>${PERCENTILES.map(([key]) => html`<td class="number">${msText(fieldOf(asObject(latency?.summary), key))}</td>`)}</tr>`;
  });
  return html`<div class="scroll"><table><thead><tr><th class="number">#</th><th>run</th><th></th><th class="number">msg/s</th><th class="number">errors</th>${PERCENTILES.map(([, name]) => html`<th class="number">${name}, ms</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

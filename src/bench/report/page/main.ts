import type { Chart, PageData } from '../model.js';
import { ChartView } from './chart.js';
import { metricColour, metricDash, resultColour } from './colours.js';
import { startTheme } from './theme.js';

/** Draws the charts into their places and wires every switch of the page. */
function main(): void {
  const page = JSON.parse(document.getElementById('report-data')?.textContent ?? '{"results":[],"charts":[]}') as PageData;
  const hiddenResults = new Set<number>();
  const views: ChartView[] = [];
  startTheme(() => {
    for (const view of views) {
      view.redraw();
    }
  });
  for (const chart of page.charts) {
    const element = document.getElementById(`plot-${chart.id}`);
    if (element !== null) {
      const view = new ChartView(element, chart, page, { hiddenResults });
      views.push(view);
      addSwitches(chart, view, page.results.length);
    }
  }
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-result]')) {
    button.addEventListener('click', () => {
      const result = Number(button.dataset.result);
      if (!hiddenResults.delete(result)) {
        hiddenResults.add(result);
      }
      button.setAttribute('aria-pressed', String(!hiddenResults.has(result)));
      for (const view of views) {
        view.update();
      }
    });
  }
  for (const swatch of document.querySelectorAll<HTMLElement>('[data-colour]')) {
    swatch.style.background = `var(${resultColour(Number(swatch.dataset.colour))})`;
  }
  wireCopying();
  document.documentElement.dataset.ready = 'true';
}

/** Buttons for the metrics of a chart, and for its scale. */
function addSwitches(chart: Chart, view: ChartView, resultCount: number): void {
  const place = document.getElementById(`switches-${chart.id}`);
  if (place === null) {
    return;
  }
  if (chart.metrics.length > 1) {
    for (const metric of chart.metrics) {
      const swatch = lineSample(resultCount === 1 ? [] : metricDash(chart, metric));
      swatch.style.color = resultCount === 1 ? `var(${metricColour(chart, metric)})` : 'var(--text)';
      place.append(switchButton([swatch, metric], view.shows(metric), () => view.toggleMetric(metric)));
    }
  }
  if (chart.y.unit === 'ms' && chart.shape !== 'bars') {
    const scale = switchButton(['log scale'], view.isLog, () => view.toggleLog());
    scale.classList.add('scale');
    place.append(scale);
  }
}

function switchButton(content: readonly (Node | string)[], isOn: boolean, toggle: () => void): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'switch';
  button.append(...content);
  button.setAttribute('aria-pressed', String(isOn));
  button.addEventListener('click', () => {
    toggle();
    button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'));
  });
  return button;
}

/** A short piece of a line as the chart draws it. */
function lineSample(dash: readonly number[]): SVGSVGElement {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 22 8');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS(space, 'line');
  for (const [name, value] of Object.entries({ x1: 1, x2: 21, y1: 4, y2: 4, stroke: 'currentColor', 'stroke-width': 2.5 })) {
    line.setAttribute(name, String(value));
  }
  line.setAttribute('stroke-dasharray', dash.join(' '));
  svg.append(line);
  return svg;
}

/** Copies a command; where the page may not, selects it for the reader. */
function wireCopying(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-copy]')) {
    button.addEventListener('click', async () => {
      const source = button.parentElement?.querySelector('code');
      if (source === null || source === undefined) {
        return;
      }
      try {
        await navigator.clipboard.writeText(source.textContent ?? '');
        button.textContent = 'Copied';
      } catch {
        getSelection()?.selectAllChildren(source);
        button.textContent = 'Selected';
      }
    });
  }
}

main();

import type uPlot from 'uplot';
import type { Chart, ChartLine } from '../model.js';
import { formatValue } from './format.js';

/** One line of a chart as the read-out shows it. */
export interface ReadoutLine {
  readonly line: ChartLine;
  readonly name: string;
  /** CSS variable of its colour. */
  readonly colour: string;
}

/** A box that says the values under the cursor, for the mouse and for the keyboard. */
export class Readout {
  readonly #box = document.createElement('div');
  readonly #chart: Chart;
  readonly #lines: readonly ReadoutLine[];

  constructor(chart: Chart, lines: readonly ReadoutLine[]) {
    this.#chart = chart;
    this.#lines = lines;
    this.#box.className = 'readout';
    this.#box.hidden = true;
  }

  get plugin(): uPlot.Plugin {
    return {
      hooks: {
        init: (u) => {
          u.over.append(this.#box);
          u.over.addEventListener('mouseleave', () => this.hide());
        },
        setCursor: (u) => this.#show(u),
      },
    };
  }

  hide(): void {
    this.#box.hidden = true;
  }

  /** What the box says as one sentence. */
  get text(): string {
    return [...this.#box.children].map(({ textContent }) => textContent).join('; ');
  }

  #show(u: uPlot): void {
    const { left, top, idx } = u.cursor;
    const isHere = u.over.matches(':hover') || u.root.closest('.plot')?.matches(':focus-visible') === true;
    if (!isHere || idx === null || idx === undefined || left === undefined || left < 0) {
      this.hide();
      return;
    }
    const x = u.data[0][idx];
    const rows = this.#lines.flatMap((one, index) => this.#row(u, one, index + 1));
    if (x === undefined || x === null || rows.length === 0) {
      this.hide();
      return;
    }
    this.#box.replaceChildren(this.#head(u, x), ...rows.slice(0, 14));
    this.#box.hidden = false;
    this.#place(u, left, top ?? 0);
  }

  #head(u: uPlot, x: number): HTMLElement {
    const head = document.createElement('div');
    head.className = 'readout-head';
    const { min, max } = u.scales.x ?? {};
    const text = formatValue(x, this.#chart.x.unit, (max ?? 0) - (min ?? 0));
    head.textContent =
      this.#chart.x.unit === 'category' ? (this.#chart.categories?.[x] ?? text) : this.#chart.x.unit === 'rate' ? `${text} msg/s` : text;
    return head;
  }

  #row(u: uPlot, { line, name, colour }: ReadoutLine, series: number): HTMLElement[] {
    const at = u.cursor.idxs?.[series];
    const value = at === null || at === undefined ? null : u.data[series]?.[at];
    if (value === null || value === undefined || u.series[series]?.show === false) {
      return [];
    }
    const { range } = line;
    const edges =
      range === undefined ? [] : [range.low, range.high].map((values) => values[line.x.indexOf(u.data[0][at ?? 0] ?? 0)] ?? value);
    const row = document.createElement('div');
    row.className = 'readout-row';
    const swatch = document.createElement('i');
    swatch.style.background = `var(${colour})`;
    const label = document.createElement('span');
    label.textContent = name;
    const figure = document.createElement('b');
    const text = (one: number): string => formatValue(one, this.#chart.y.unit);
    figure.textContent = range === undefined ? text(value) : `${text(value)} (${edges.map(text).join(' to ')})`;
    row.append(swatch, label, ' ', figure);
    return [row];
  }

  /** Beside the cursor, on the side that has room. */
  #place(u: uPlot, left: number, top: number): void {
    const { offsetWidth: width, offsetHeight: height } = this.#box;
    const isRight = left + width + 24 > u.over.clientWidth;
    this.#box.style.left = `${Math.max(-40, isRight ? left - width - 14 : left + 14)}px`;
    this.#box.style.top = `${Math.max(0, Math.min(top - height / 2, u.over.clientHeight - height))}px`;
  }
}

import uPlot from 'uplot';
import type { Chart, ChartLine, PageData } from '../model.js';
import { axesOf } from './axes.js';
import { cssColour, lineColour, lineDash } from './colours.js';
import { drawMarks } from './marks.js';
import { Readout } from './readout.js';

/** What is shown of the results everywhere; the page's legend changes it. */
export interface Shown {
  readonly hiddenResults: ReadonlySet<number>;
}

/** So few values are marked one by one. */
const FEW_POINTS = 12;
/** Charts over the same time share their cursor and their zoom. */
const TIME_SYNC = 'time';

/** One chart of the page; drawn anew where its scale changes, else only redrawn. */
export class ChartView {
  readonly #element: HTMLElement;
  readonly #chart: Chart;
  readonly #page: PageData;
  readonly #shown: Shown;
  readonly #metrics: Set<string>;
  readonly #readout: Readout;
  #plot: uPlot;
  #log: boolean;

  constructor(element: HTMLElement, chart: Chart, page: PageData, shown: Shown) {
    this.#element = element;
    this.#chart = chart;
    this.#page = page;
    this.#shown = shown;
    this.#metrics = new Set(chart.shown);
    this.#log = chart.y.log;
    this.#readout = new Readout(chart, this.#readoutLines());
    this.#plot = this.#create();
    new ResizeObserver(() => this.#resize()).observe(element);
    element.addEventListener('keydown', (event) => this.#key(event));
    element.addEventListener('blur', () => this.#readout.hide());
  }

  get isLog(): boolean {
    return this.#log;
  }

  shows(metric: string): boolean {
    return this.#metrics.has(metric);
  }

  toggleMetric(metric: string): void {
    if (!this.#metrics.delete(metric)) {
      this.#metrics.add(metric);
    }
    this.update();
  }

  toggleLog(): void {
    this.#log = !this.#log;
    this.#plot.destroy();
    this.#plot = this.#create();
  }

  /** After results or metrics were switched. */
  update(): void {
    this.#plot.batch(() => {
      [...this.#chart.lines, ...this.#ranged.flatMap((line) => [line, line])].forEach((line, index) => {
        this.#plot.setSeries(index + 1, { show: this.#isShown(line) });
      });
    });
  }

  /** After colours changed. */
  redraw(): void {
    this.#plot.redraw(false);
  }

  /** Lines that stand for ranges; after the lines themselves come the upper and the lower edge of each. */
  get #ranged(): ChartLine[] {
    return this.#chart.lines.filter(({ range }) => range !== undefined);
  }

  #isShown(line: ChartLine): boolean {
    return this.#metrics.has(line.metric) && !this.#shown.hiddenResults.has(line.result);
  }

  #create(): uPlot {
    const { unit } = this.#chart.x;
    const isTime = unit === 'seconds';
    return new uPlot(
      {
        ...this.#size(),
        padding: [10, unit === 'percentile' ? 28 : 16, 0, 0],
        legend: { show: false },
        series: [{}, ...this.#chart.lines.map((line) => this.#series(line)), ...this.#ranged.flatMap((line) => this.#edges(line))],
        bands: this.#bands(),
        axes: axesOf(this.#chart),
        scales: { x: this.#xScale(), y: this.#yScale() },
        cursor: {
          dataIdx: nearestValue,
          drag: { x: unit !== 'category', y: false },
          points: { size: 8, width: 2, fill: (u, series) => strokeOf(u, series), stroke: () => cssColour('--card') },
          ...(isTime ? { sync: { key: TIME_SYNC, setSeries: false } } : {}),
        },
        plugins: [this.#readout.plugin],
        hooks: { draw: [(u) => drawMarks(u, this.#chart)] },
      },
      this.#data(),
      this.#element,
    );
  }

  #size(): { width: number; height: number } {
    const width = Math.max(this.#element.clientWidth, 200);
    return { width, height: width < 560 ? 240 : 300 };
  }

  #resize(): void {
    const { width, height } = this.#size();
    if (width !== this.#plot.width || height !== this.#plot.height) {
      this.#plot.setSize({ width, height });
    }
  }

  #xScale(): uPlot.Scale {
    const { unit } = this.#chart.x;
    const count = this.#chart.categories?.length ?? 0;
    if (unit === 'category') {
      return { time: false, range: [-0.6, count - 0.4] };
    }
    if (unit === 'percentile') {
      return { time: false, distr: 3, range: (_, min, max) => [Math.max(1, min), Math.max(10, max)] };
    }
    const isWholeWindow = unit === 'seconds';
    return {
      time: false,
      range: (_, min, max) => (min === max ? [min - 0.5, max + 0.5] : isWholeWindow ? [min, max] : uPlot.rangeNum(min, max, 0.08, true)),
    };
  }

  #yScale(): uPlot.Scale {
    if (this.#log) {
      return { distr: 3, range: (_, min, max) => logRange(min, max) };
    }
    return { range: (_, __, max) => [0, max > 0 ? uPlot.rangeNum(0, max, 0.1, true)[1] : 1] };
  }

  #series(line: ChartLine): uPlot.Series {
    const { shape } = this.#chart;
    const colour = lineColour(this.#chart, line, this.#page.results.length);
    const stroke = (): string => cssColour(colour);
    const isAlone = this.#chart.lines.length === 1;
    const hasFewPoints = line.x.length <= FEW_POINTS;
    return {
      show: this.#isShown(line),
      stroke,
      width: line.metric === 'max' ? 1.25 : 2,
      dash: [...lineDash(this.#chart, line, this.#page.results.length)],
      spanGaps: false,
      ...(shape === 'bars' ? { paths: uPlot.paths.bars?.({ size: [0.6, 56], radius: 0.12 }) as uPlot.Series.PathBuilder } : {}),
      ...(shape === 'bars' ? { fill: () => `${cssColour(colour)}cc`, width: 0 } : {}),
      ...(shape === 'line' && isAlone && !this.#log ? { fill: () => `${cssColour(colour)}1c` } : {}),
      points: {
        show: shape === 'points' || (shape === 'line' && hasFewPoints),
        size: 7,
        fill: () => cssColour('--card'),
        stroke,
        width: 2,
      },
    };
  }

  #edges(line: ChartLine): uPlot.Series[] {
    const edge: uPlot.Series = { show: this.#isShown(line), width: 0, stroke: 'transparent', points: { show: false } };
    return [edge, { ...edge }];
  }

  #bands(): uPlot.Band[] {
    const first = this.#chart.lines.length + 1;
    return this.#ranged.map((line, index) => {
      const colour = lineColour(this.#chart, line, this.#page.results.length);
      return { series: [first + 2 * index, first + 2 * index + 1], fill: () => `${cssColour(colour)}30` };
    });
  }

  /** All lines over one x. */
  #data(): uPlot.AlignedData {
    // A logarithm has no place for 0.
    const drawable = (y: ChartLine['y']): (number | null)[] =>
      this.#log ? y.map((value) => (value !== null && value <= 0 ? null : value)) : [...y];
    const edges = this.#ranged.flatMap(({ x, range }) => [range?.high ?? [], range?.low ?? []].map((y) => ({ x, y })));
    const tables = [...this.#chart.lines, ...edges].map(({ x, y }): uPlot.AlignedData => [[...x], drawable(y)]);
    return tables.length === 1 && tables[0] !== undefined ? tables[0] : uPlot.join(tables);
  }

  #readoutLines(): { line: ChartLine; name: string; colour: string }[] {
    const { results } = this.#page;
    const { lines, metrics } = this.#chart;
    return lines.map((line) => {
      const parts = [
        ...(results.length > 1 ? [results[line.result] ?? ''] : []),
        ...(metrics.length > 1 || results.length === 1 ? [line.metric] : []),
      ];
      return { line, name: parts.join(' · '), colour: lineColour(this.#chart, line, results.length) };
    });
  }

  /** Arrow keys move the cursor from value to value, Escape shows the whole chart again. */
  #key(event: KeyboardEvent): void {
    const plot = this.#plot;
    const xs = plot.data[0];
    const at = plot.cursor.idx ?? 0;
    const step = event.shiftKey ? 10 : 1;
    const to = { ArrowRight: at + step, ArrowLeft: at - step, Home: 0, End: xs.length - 1 }[event.key];
    if (event.key === 'Escape') {
      plot.setData(plot.data);
      this.#readout.hide();
    } else if (to !== undefined) {
      event.preventDefault();
      const x = xs[Math.min(Math.max(to, 0), xs.length - 1)] ?? 0;
      plot.setCursor({ left: plot.valToPos(x, 'x'), top: plot.over.clientHeight / 2 });
      const status = document.getElementById('status');
      if (status !== null) {
        status.textContent = this.#readout.text;
      }
    }
  }
}

function strokeOf(u: uPlot, series: number): string {
  const { stroke } = u.series[series] ?? {};
  return typeof stroke === 'function' ? String(stroke(u, series)) : cssColour('--text');
}

/** Some room above and below, and at least one factor of ten to see steps in. */
function logRange(min: number, max: number): [number, number] {
  const low = min > 0 ? min : 0.001;
  const high = Math.max(max, low);
  const middle = Math.sqrt(low * high);
  const half = Math.max(Math.log10(high / low) / 2 + 0.08, 0.5);
  return [middle / 10 ** half, middle * 10 ** half];
}

/** Lines of several results have their values at places of their own: the nearest one that has a value. */
function nearestValue(u: uPlot, series: number, closest: number): number {
  const values = u.data[series];
  if (series === 0 || values === undefined) {
    return closest;
  }
  for (let away = 0; away < 64; away++) {
    for (const at of [closest - away, closest + away]) {
      if (values[at] !== undefined && values[at] !== null) {
        return at;
      }
    }
  }
  return closest;
}

import uPlot from 'uplot';
import type { Chart } from '../model.js';
import { cssColour } from './colours.js';
import { formatValue } from './format.js';

export const AXIS_FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
/** Space between a label and the axis, and around it. */
const GAP = 6;

export function axesOf(chart: Chart): uPlot.Axis[] {
  return [xAxis(chart), yAxis(chart)];
}

function shared(): uPlot.Axis {
  return {
    font: AXIS_FONT,
    labelFont: AXIS_FONT,
    stroke: () => cssColour('--muted'),
    grid: { stroke: () => cssColour('--grid'), width: 1 },
    ticks: { show: false },
    border: { show: false },
    gap: GAP,
  };
}

function xAxis(chart: Chart): uPlot.Axis {
  const { unit, label } = chart.x;
  const base: uPlot.Axis = { ...shared(), size: 28, ...(label === '' ? {} : { label, labelSize: 24, labelGap: 2 }) };
  if (unit === 'category') {
    return {
      ...base,
      grid: { show: false },
      splits: (u) => categorySplits(u, chart),
      values: (u, splits) => categoryNames(u, chart, splits),
    };
  }
  if (unit === 'percentile') {
    return {
      ...base,
      splits: percentileSplits,
      filter: (_, splits) => splits,
      values: (_, splits) => splits.map((value) => formatValue(value, unit)),
    };
  }
  return {
    ...base,
    space: 70,
    ...(unit === 'seconds' ? { incrs: SECOND_STEPS } : unit === 'count' ? { incrs: WHOLE_STEPS } : {}),
    values: (u, splits) => splits.map((value) => formatValue(value, unit, spanOf(u, 'x'))),
  };
}

function yAxis(chart: Chart): uPlot.Axis {
  const { unit, label } = chart.y;
  const isLog = (u: uPlot): boolean => u.scales.y?.distr === 3;
  return {
    ...shared(),
    label,
    labelSize: 22,
    labelGap: 4,
    space: 38,
    size: (u, values) => Math.ceil(widest(u, values ?? [])) + 2 * GAP,
    splits: (u, _axis, min, max, step) => (isLog(u) ? logSplits(min, max) : linearSplits(min, max, step)),
    filter: (_, splits) => splits,
    values: (_, splits) => splits.map((value) => formatValue(value, unit)),
  };
}

/** Steps of a clock. */
const SECOND_STEPS = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800,
];

const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

function linearSplits(min: number, max: number, step: number): number[] {
  const splits: number[] = [];
  for (let at = Math.ceil(min / step - 1e-9); at * step <= max * (1 + 1e-9) && splits.length < 100; at++) {
    splits.push(Number((at * step).toPrecision(12)));
  }
  return splits;
}

/** Powers of ten; 1, 2 and 5 of each where there are few of them. */
function logSplits(min: number, max: number): number[] {
  const decades = Math.log10(max / min);
  const factors = decades <= 2.5 ? [1, 2, 5] : decades <= 4 ? [1, 3] : [1];
  const splits: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++) {
    for (const factor of factors) {
      const value = Number((factor * 10 ** power).toPrecision(6));
      if (value >= min * 0.999 && value <= max * 1.001) {
        splits.push(value);
      }
    }
  }
  return splits;
}

/** 0 %, 50 %, 90 %, 99 %, … as far as the curve goes. */
function percentileSplits(u: uPlot): number[] {
  const { min, max } = u.scales.x ?? {};
  const all = [1, 2, ...Array.from({ length: 12 }, (_, power) => 10 ** (power + 1))];
  const perDecade = u.bbox.width / uPlot.pxRatio / Math.log10((max ?? 10) / (min ?? 1));
  return all.filter((value) => value >= (min ?? 1) * 0.999 && value <= (max ?? 10) * 1.001 && (value !== 2 || perDecade > 150));
}

function categorySplits(u: uPlot, chart: Chart): number[] {
  const count = chart.categories?.length ?? 0;
  const room = u.bbox.width / uPlot.pxRatio;
  const every = Math.max(1, Math.ceil((count * 34) / Math.max(room, 1)));
  return Array.from({ length: count }, (_, index) => index).filter((index) => index % every === 0);
}

/** Names where they have room, else the numbers that the table beside has too. */
function categoryNames(u: uPlot, chart: Chart, splits: readonly number[]): string[] {
  const names = chart.categories ?? [];
  const room = u.bbox.width / uPlot.pxRatio / Math.max(names.length, 1) - 8;
  const hasRoom = widest(u, names) <= room;
  return splits.map((index) => (hasRoom ? (names[index] ?? '') : `#${index + 1}`));
}

function spanOf(u: uPlot, scale: string): number {
  const { min, max } = u.scales[scale] ?? {};
  return Math.abs((max ?? 0) - (min ?? 0));
}

function widest(u: uPlot, texts: readonly string[]): number {
  const { ctx } = u;
  ctx.save();
  ctx.font = AXIS_FONT;
  const width = texts.reduce((most, text) => Math.max(most, ctx.measureText(text).width), 0);
  ctx.restore();
  return width;
}

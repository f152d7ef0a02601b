import { milliseconds, wholeNumber } from '../text.js';
import type { Comparison, ConfigDifference, MetricComparison } from './comparison.js';

/** The table of a comparison and its verdict. */
export function comparisonText(comparison: Comparison): string {
  const { metrics, method, primary, verdict, runsCompared, alpha, test } = comparison;
  const interval = `${Math.round(100 * (1 - alpha))} % interval`;
  const rows = [
    ['', 'base', 'vs', 'vs : base', interval, 'p', ''],
    ...metrics.map((metric) => [
      `${metric.name}${unitOf(metric)}`,
      figure(metric, metric.base),
      figure(metric, metric.vs),
      metric.ratio.toFixed(3),
      `${metric.ratioLow.toFixed(3)} to ${metric.ratioHigh.toFixed(3)}`,
      metric.p === null ? 'none' : pText(metric.p),
      metric.verdict,
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 || column === row.length - 1 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
  const runs =
    method === 'pairs'
      ? `${runsCompared.base} pairs`
      : method === 'groups'
        ? `${runsCompared.base} runs against ${runsCompared.vs}`
        : 'one run a side, second by second';
  const main = metrics.find(({ name }) => name === primary);
  return `${lines.join('\n')}\n\n${verdictLine(main, verdict)}\n${runs}; medians; ${test}, two-sided at ${100 * alpha} %\n`;
}

/** The same for CI: a Markdown table. */
export function comparisonMarkdown({ metrics, primary, verdict, alpha }: Comparison): string[] {
  const interval = `${Math.round(100 * (1 - alpha))} % interval`;
  return [
    `**${verdictLine(
      metrics.find(({ name }) => name === primary),
      verdict,
    )}**`,
    '',
    `|  | base | vs | vs : base | ${interval} | p |  |`,
    '| --- | ---: | ---: | ---: | ---: | ---: | --- |',
    ...metrics.map(
      (metric) =>
        `| ${metric.name}${unitOf(metric)} | ${figure(metric, metric.base)} | ${figure(metric, metric.vs)} | ${metric.ratio.toFixed(3)} | ${metric.ratioLow.toFixed(3)} to ${metric.ratioHigh.toFixed(3)} | ${metric.p === null ? 'none' : pText(metric.p)} | ${metric.verdict} |`,
    ),
  ];
}

/** `slower: send.rate 22,632 → 19,237 msg/s, 15.0 % less`. */
export function verdictLine(metric: MetricComparison | undefined, verdict: string): string {
  return metric === undefined
    ? verdict
    : `${verdict}: ${metric.name} ${figure(metric, metric.base)} to ${figure(metric, metric.vs)} ${metric.unit}, ${changeText(metric.ratio)}`;
}

/** `15.0 % less`. */
export function changeText(ratio: number): string {
  return ratio === 1 ? 'the same' : `${Math.abs(100 * (ratio - 1)).toFixed(1)} % ${ratio < 1 ? 'less' : 'more'}`;
}

/** One line: `bodyBytes 128 | 1024`. */
export function differencesLine(differences: readonly ConfigDifference[]): string {
  const shown = differences.map(({ key, base, vs }) => `${key} ${valueText(base)} | ${valueText(vs)}`);
  return `the runs were not asked for the same: ${shown.join(', ')}`;
}

function valueText(value: unknown): string {
  return value === null ? 'absent' : typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function unitOf({ unit }: MetricComparison): string {
  return unit === 'msg/s' ? '' : `, ${unit}`;
}

function figure({ unit }: MetricComparison, value: number): string {
  return unit === 'msg/s' ? wholeNumber(value) : milliseconds(value);
}

function pText(p: number): string {
  return p < 0.001 ? '<0.001' : p.toFixed(3);
}

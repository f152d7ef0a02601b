import type { LatencyMs } from '../latency-histogram.js';
import type { Measured } from '../result.js';
import { milliseconds, seconds, wholeNumber } from '../text.js';
import { comparisonMarkdown } from './compare-text.js';
import type { Comparison } from './comparison.js';
import { isMeasured } from './metrics.js';
import type { Verdict } from './verdict.js';

/** What a summary says of a run. */
export interface SummaryRun {
  /** `mqbench producer`. */
  readonly name: string;
  /** The parts of the result by their names: `send`, `receive`. */
  readonly result: Readonly<Record<string, unknown>>;
  readonly verdicts: readonly Verdict[];
  readonly failure?: string;
}

/** A summary for CI: what was measured, one row a direction, and how the assertions went. */
export function markdownSummary({ name, result, verdicts, failure }: SummaryRun): string {
  const failed = verdicts.filter(({ passed }) => !passed).length;
  const verdict = verdicts.length === 0 ? '' : failed === 0 ? ': passed' : `: ${failed} of ${verdicts.length} assertions failed`;
  const { command, comparison } = result;
  const parts = comparison === undefined ? measuredParts(result) : [];
  return [
    `### ${cell(name)}${failure === undefined ? verdict : ': failed'}`,
    ...(failure === undefined ? [] : ['', `The run did not come to its end: ${cell(failure)}`]),
    ...(parts.length === 0 ? [] : ['', ...measuredTable(parts)]),
    ...(comparison === undefined ? [] : ['', ...comparisonMarkdown(comparison as Comparison)]),
    ...(verdicts.length === 0 ? [] : ['', ...verdictTable(verdicts)]),
    ...(typeof command === 'string' ? ['', `\`${command.replaceAll('`', "'").replaceAll('\n', ' ')}\``] : []),
    '',
    '',
  ].join('\n');
}

/** The directions of a run; of a kind that is made of several, those of each run. */
function measuredParts(result: Readonly<Record<string, unknown>>): [string, Measured][] {
  const own = Object.entries(result).filter((entry): entry is [string, Measured] => isMeasured(entry[1]));
  const runs = Array.isArray(result.runs) ? (result.runs as Readonly<Record<string, unknown>>[]) : [];
  return [
    ...own,
    ...runs.flatMap((run, i) => measuredParts(run).map(([name, part]): [string, Measured] => [`run ${i + 1}: ${name}`, part])),
  ];
}

function measuredTable(parts: readonly (readonly [string, Measured])[]): string[] {
  const rows = parts.flatMap(([name, measured]) => {
    const head = [wholeNumber(measured.count), seconds(measured.seconds * 1000), wholeNumber(measured.rate), wholeNumber(measured.errors)];
    const endToEnd = (measured as { endToEndMs?: LatencyMs }).endToEndMs;
    return [
      row([name, ...head, ...latencyCells(measured.latencyMs)]),
      ...(endToEnd === undefined ? [] : [row([`${name}, end to end`, ...head.map(() => ''), ...latencyCells(endToEnd)])]),
    ];
  });
  return [
    row(['', 'messages', 'window', 'msg/s', 'errors', 'mean ms', 'p50', 'p99', 'p99.9', 'max']),
    `| --- |${' ---: |'.repeat(9)}`,
    ...rows,
  ];
}

function latencyCells({ mean, p50, p99, p999, max }: LatencyMs): string[] {
  return [mean, p50, p99, p999, max].map(milliseconds);
}

function verdictTable(verdicts: readonly Verdict[]): string[] {
  return [
    row(['assertion', 'actual', 'verdict']),
    '| --- | ---: | --- |',
    ...verdicts.map(({ expression, actual, passed, reason }) =>
      row([`\`${expression}\``, actual === null ? 'none' : String(actual), passed ? 'passed' : `**failed**: ${reason ?? ''}`]),
    ),
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.map(cell).join(' | ')} |`;
}

/** A bar or a line break would end the cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s*[\r\n]+\s*/g, ' ');
}

import type { LatencyMs } from '../latency-histogram.js';
import type { ProducerResult } from '../result.js';
import { byteCount, errorLines, headLine, latencyLine, milliseconds, seconds, wholeNumber } from '../text.js';
import type { SearchPoint, SearchResult } from './search.js';
import type { SoakResult, SoakSample } from './soak.js';
import { cellText, type SweepCell, type SweepResult, type SweepRow } from './sweep.js';

const LATENCIES: readonly (readonly [string, keyof LatencyMs])[] = [
  ['p50', 'p50'],
  ['p90', 'p90'],
  ['p99', 'p99'],
  ['p99.9', 'p999'],
  ['p99.99', 'p9999'],
];

/** The line of a run of a sweep that is over. */
export function sweepRunLine(done: {
  readonly cell: SweepCell;
  readonly result: ProducerResult;
  readonly index: number;
  readonly count: number;
}): string {
  const { cell, result, index, count } = done;
  const { send } = result;
  const place = `${String(index + 1).padStart(String(count).length)}/${count}`;
  return `${place}  ${cellText(cell)}: ${wholeNumber(send.rate)} msg/s, mean ${milliseconds(send.latencyMs.mean)} p99 ${milliseconds(send.latencyMs.p99)} max ${milliseconds(send.latencyMs.max)} ms${send.errors === 0 ? '' : `, ${wholeNumber(send.errors)} errors`}`;
}

/** The table of a sweep: a row for each cell. */
export function sweepReport(result: SweepResult): string {
  const { rows } = result;
  const has = (key: 'queues' | 'flush'): boolean => rows.some((row) => row[key] !== undefined);
  const columns: readonly (readonly [string, (row: SweepRow) => string])[] = [
    ['Threads', (row) => wholeNumber(row.threads)],
    ['Size', (row) => wholeNumber(row.messageSize)],
    ...(has('queues') ? [['Queues', (row: SweepRow) => wholeNumber(row.queues ?? 0)] as const] : []),
    ...(has('flush') ? [['Flush', (row: SweepRow) => row.flush ?? ''] as const] : []),
    ['Best TPS', (row) => wholeNumber(row.bestRate)],
    ['Median TPS', (row) => wholeNumber(row.medianRate)],
    ['Spread', (row) => `${row.spreadPercent.toFixed(1)} %`],
    ['Average RT(ms)', (row) => milliseconds(row.latencyMs.mean)],
    ...LATENCIES.map(([name, key]) => [name, (row: SweepRow) => milliseconds(row.latencyMs[key])] as const),
    ['Max RT(ms)', (row) => milliseconds(row.maxMs)],
    ['Failed', (row) => wholeNumber(row.errors)],
  ];
  const note = `latencies are those of the fastest of ${result.config.repeats} runs, Max RT of all; order of runs by seed ${result.seed}`;
  return `${table(
    columns.map(([name]) => name),
    rows.map((row) => columns.map(([, text]) => text(row))),
  )}${note}\n`;
}

/** The line of a run of a search that is over. */
export function searchPointLine(point: SearchPoint): string {
  const { rate, phase, latencyMs, passed, reason } = point;
  const latency = `p50 ${milliseconds(latencyMs.p50)}  p99 ${milliseconds(latencyMs.p99)}  max ${milliseconds(latencyMs.max)} ms`;
  return `${phase.padEnd(8)} ${wholeNumber(rate).padStart(9)} msg/s  ${latency}  ${passed ? 'keeps the limit' : `does not: ${reason}`}`;
}

/** The curve and what was found. */
export function searchReport(result: SearchResult): string {
  const { sustainable, failedRate, kneeRate, curve } = result;
  const { limits } = result.config as { limits: readonly { name: string; belowMs: number }[] };
  const limit = limits.map(({ name, belowMs }) => `${name} < ${milliseconds(belowMs)} ms`).join(' and ');
  const rows = curve.map(({ rate, runs, achievedRate, latencyMs }) => {
    const mark = rate === sustainable?.rate ? '<- sustainable' : rate === kneeRate ? '<- knee' : '';
    const figures = [latencyMs.mean, latencyMs.p50, latencyMs.p99].map(milliseconds);
    return [wholeNumber(rate), wholeNumber(achievedRate), ...figures, String(runs), mark];
  });
  const found =
    sustainable === undefined
      ? `no rate with ${limit} was found${result.interrupted === true ? ' before the end' : ''}`
      : `${wholeNumber(sustainable.rate)} msg/s with ${limit}: ${sustainable.passes} of ${sustainable.verifyRuns} runs, figures ${milliseconds(sustainable.figureMs.lowest)} to ${milliseconds(sustainable.figureMs.highest)} ms${failedRate === undefined ? '; the highest rate of the search' : `; ${wholeNumber(failedRate)} msg/s is too much`}`;
  const knee = kneeRate === undefined ? '' : `knee       latency begins to rise at ${wholeNumber(kneeRate)} msg/s\n`;
  return `${table(['Rate', 'Achieved', 'Mean(ms)', 'p50', 'p99', 'Runs', ''], rows)}highest    ${found}\n${knee}`;
}

/** The line of a sample of a soak. */
export function soakSampleLine(sample: SoakSample): string {
  const { atSeconds, seconds: length, rate, p50Ms, p99Ms, errors, receiveRate, brokerRssBytes, generatorRssBytes } = sample;
  const received = receiveRate === undefined ? '' : `  received ${wholeNumber(receiveRate)}/s`;
  const broker = brokerRssBytes === undefined ? '' : `  broker ${byteCount(brokerRssBytes)}`;
  return `${seconds((atSeconds + length) * 1000).padStart(8)}  sent ${wholeNumber(rate)}/s${received}  p50 ${milliseconds(p50Ms)} p99 ${milliseconds(p99Ms)} ms  errors ${wholeNumber(errors)}${broker}  generator ${byteCount(generatorRssBytes)}`;
}

/** The closing report of a soak. */
export function soakReport(result: SoakResult): string {
  const { send, receive, drift, verdict, findings } = result;
  const rows = [
    ...(send === undefined ? [] : [headLine('sent', send), ...errorLines(send), latencyLine('latency', send.latencyMs)]),
    ...(receive === undefined ? [] : [headLine('consumed', receive)]),
    ...(receive?.endToEndMs === undefined ? [] : [latencyLine('end to end', receive.endToEndMs)]),
  ];
  const drifts = Object.entries(drift).map(([metric, { median, slopePerHour, lowPerHour, highPerHour, changePercent, verdict: found }]) => {
    const text = metric.endsWith('Bytes') ? signedBytes : (value: number) => value.toFixed(metric.endsWith('Ms') ? 3 : 1);
    return [metric, text(median), text(slopePerHour), `${text(lowPerHour)} to ${text(highPerHour)}`, `${changePercent} %`, found];
  });
  const words = verdict === 'too short' ? 'the run is too short to say' : findings.length === 0 ? 'steady' : findings.join('; ');
  return `${rows.map((row) => `${row}\n`).join('')}${table(['Figure', 'Median', 'Slope/h', '95 % between', 'Change', ''], drifts)}verdict    ${words}\n`;
}

function signedBytes(bytes: number): string {
  return bytes < 0 ? `-${byteCount(-bytes)}` : byteCount(bytes);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (cell.startsWith('<') ? cell : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map((row) => `${line(row)}\n`).join('');
}

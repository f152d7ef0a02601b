import type { BenchResult } from '../result.js';
import { byteCount, errorLines, generatorLine, headLine, latencyLine, retryLines, wholeNumber } from '../text.js';
import type { WorkloadResult } from './omb-run.js';

/** The closing report of a workload, or of several. */
export function workloadsReport(result: BenchResult): string {
  const runs = (result.runs ?? [result]) as readonly WorkloadResult[];
  return `${runs.map((run) => reportOf(run, result.runs !== undefined)).join('\n')}`;
}

function reportOf(result: WorkloadResult, isNamed: boolean): string {
  const { send, receive, backlog, searchedRates } = result;
  const { name } = (result.config.workload ?? {}) as { name?: string };
  const rows = [
    ...(isNamed ? [`workload   ${name}`] : []),
    headLine('sent', send),
    ...errorLines(send),
    ...retryLines(send),
    ...(send.unsent > 0 ? [`unsent     ${wholeNumber(send.unsent)} planned messages: the rate was not reached`] : []),
    headLine('consumed', receive),
    latencyLine('planned', send.latencyMs),
    ...(send.uncorrectedLatencyMs === undefined ? [] : [latencyLine('publish', send.uncorrectedLatencyMs)]),
    ...(receive.endToEndMs === undefined || receive.count === 0 ? [] : [latencyLine('end to end', receive.endToEndMs)]),
  ];
  if (backlog !== undefined) {
    const drained = backlog.drainSeconds === undefined ? 'not drained' : `drained in ${backlog.drainSeconds.toFixed(1)} s`;
    rows.push(`backlog    ${byteCount(backlog.bytes)} built in ${backlog.buildSeconds.toFixed(1)} s, ${drained}`);
  }
  if (searchedRates !== undefined) {
    rows.push(`search     ended at ${wholeNumber(searchedRates.at(-1) ?? 0)} msg/s after ${searchedRates.length} steps`);
  }
  rows.push(generatorLine(result.environment.generator));
  return `${rows.join('\n')}\n`;
}

import { cut, dateTime, format } from '../../cli/format.js';
import type { Output } from '../../cli/output.js';
import type { GroupProgressResult, QueueProgress } from '../../client/admin/consumer-progress.js';
import type { GroupLagResult, QueueLag } from '../../client/admin/group-lag.js';

/** The progress of a group as Apache's tool prints it. */
export function printQueues(result: GroupProgressResult, out: Output, withClient: boolean): void {
  const titles = ['#Topic', '#Broker Name', '#QID', '#Broker Offset', '#Consumer Offset'];
  const client = withClient ? '%-20s ' : '';
  out.line(
    format(
      `%-64s  %-32s  %-4s  %-20s  %-20s  ${client}%-20s %-20s%s`,
      ...titles,
      ...(withClient ? ['#Client IP'] : []),
      '#Diff',
      '#Inflight',
      '#LastTime',
    ),
  );
  for (const queue of result.queues) {
    out.line(format(`%-64s  %-32s  %-4d  %-20d  %-20d  ${client}%-20d %-20d %s`, ...cellsOf(queue, withClient)));
  }
  printTotals(result, out);
}

function cellsOf(queue: QueueProgress, withClient: boolean): (string | number)[] {
  return [
    cut(queue.topic, 64),
    cut(queue.brokerName, 32),
    queue.queueId,
    queue.brokerOffset,
    queue.consumerOffset,
    ...(withClient ? [queue.clientIP ?? 'N/A'] : []),
    queue.diff,
    queue.inflight ?? 'unknown',
    lastTime(queue),
  ];
}

function lastTime({ lastTimestamp }: QueueProgress): string {
  return lastTimestamp > 0 ? dateTime(lastTimestamp) : 'N/A';
}

function printTotals(result: GroupProgressResult, out: Output): void {
  out.line();
  out.line(format('Consume TPS: %.2f', result.consumeTps));
  out.line(`Consume Diff Total: ${result.diffTotal}`);
  out.line(`Consume Inflight Total: ${result.inflightTotal ?? 'unknown (brokers before 5.0 do not say it)'}`);
}

/** The progress of a group with clients, lag in time, rates and the time the backlog takes; names are not cut. */
export function printWide(result: GroupLagResult, out: Output): void {
  const titles = ['#Topic', '#Broker Name', '#QID', '#Broker Offset', '#Consumer Offset', '#Diff', '#Inflight', '#LastTime'];
  const more = ['#Client', '#Lag Time', '#Consume Rate', '#Produce Rate', '#Time To Drain'];
  const rows = result.queues.map((queue) => [
    queue.topic,
    queue.brokerName,
    String(queue.queueId),
    String(queue.brokerOffset),
    String(queue.consumerOffset),
    String(queue.diff),
    queue.inflight === null ? 'unknown' : String(queue.inflight),
    lastTime(queue),
    queue.clientId ?? (queue.reasons.clientId === undefined ? 'none' : unknown(queue.reasons.clientId)),
    ...timeCells(queue),
  ]);
  const table = [[...titles, ...more], ...rows];
  const widths = titles.concat(more).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  for (const row of table) {
    out.line(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
  printTotals(result, out);
  const [lag, consume, produce, drain] = timeCells(result);
  out.line(`Lag Time: ${lag}`);
  out.line(`Consume Rate: ${consume}`);
  out.line(`Produce Rate: ${produce}`);
  out.line(`Time To Drain: ${drain}`);
  out.line(`Retry Diff Total: ${result.retryDiffTotal}`);
  out.line(`Dead Letters: ${result.deadLetterTotal ?? unknown(result.reasons.deadLetterTotal)}`);
}

function timeCells({ lagMs, consumeRate, produceRate, timeToDrainMs, reasons }: QueueLag | GroupLagResult): string[] {
  const rate = (value: number | null, reason: string | undefined): string => (value === null ? unknown(reason) : `${value.toFixed(1)}/s`);
  return [
    lagMs === null ? unknown(reasons.lagMs) : durationText(lagMs),
    rate(consumeRate, reasons.consumeRate),
    rate(produceRate, reasons.produceRate),
    timeToDrainMs === null ? unknown(reasons.timeToDrainMs) : durationText(timeToDrainMs),
  ];
}

function unknown(reason: string | undefined): string {
  return `unknown (${reason ?? 'not asked'})`;
}

/** `0s`, `120ms`, `4.2s`, `3m20s`, `2h05m`, `3d04h`. */
export function durationText(ms: number): string {
  if (ms === 0) {
    return '0s';
  }
  if (ms < 1000) {
    return `${Math.round(ms)}ms`;
  }
  if (ms < 60_000) {
    return `${(ms / 1000).toFixed(1)}s`;
  }
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const [minutes, hours, days] = [ms / 60_000, ms / 3_600_000, ms / 86_400_000];
  if (hours < 1) {
    return `${Math.floor(minutes)}m${two((ms / 1000) % 60)}s`;
  }
  return days < 1 ? `${Math.floor(hours)}h${two(minutes % 60)}m` : `${Math.floor(days)}d${two(hours % 24)}h`;
}

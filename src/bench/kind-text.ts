import type {
  BacklogResult,
  BatchResult,
  CheckCounts,
  FanoutResult,
  LatencyResult,
  PingpongResult,
  TimerResult,
  TransactionResult,
} from './kind-results.js';
import type { IntervalSnapshot } from './recorder.js';
import type { BenchResult } from './result.js';
import {
  apacheAverage,
  byteCount,
  deliveryLine,
  errorLines,
  generatorLine,
  headLine,
  latencyLine,
  milliseconds,
  retryLines,
  seconds,
  unsentLines,
  wholeNumber,
} from './text.js';
import type { Lateness } from './timer-lateness.js';
import type { UnexpectedCheck } from './transaction-checks.js';

/** Apache's line of a batch producer. A batch is its TPS, a message its MPS; failures are totals. */
export function apacheBatchLine(snapshot: IntervalSnapshot, { time, batchSize }: { time: string; batchSize: number }): string {
  const messageMs = snapshot.meanMs / batchSize;
  return (
    `Current Time: ${time} | Send TPS: ${Math.round(snapshot.rate / batchSize)} | Send MPS: ${Math.round(snapshot.rate)} | ` +
    `Max RT(ms): ${Math.round(snapshot.maxMs)} | Average RT(ms): ${apacheAverage(snapshot.meanMs)} | Average Message RT(ms): ${apacheAverage(messageMs)} | ` +
    `Send Failed: ${Math.round(snapshot.totalErrors / batchSize)} | Send Message Failed: ${snapshot.totalErrors}`
  );
}

/** The closing report of `mqbench batch`. */
export function batchReport(result: BatchResult): string {
  const { send, batches } = result;
  return text([
    headLine('sent', send),
    `batches    ${wholeNumber(batches.count)} of ${batches.batchSize} messages: ${wholeNumber(batches.rate)} batches/s, ${wholeNumber(batches.errors)} failed`,
    ...unsentLines(result),
    ...errorLines(send),
    ...retryLines(send),
    latencyLine('latency', send.latencyMs),
    generatorLine(result.environment.generator),
  ]);
}

function text(rows: readonly string[]): string {
  return `${rows.join('\n')}\n`;
}

/** Apache's line of a transaction producer; everything in it is of the interval. */
export function apacheTransactionLine(snapshot: IntervalSnapshot, { time, checks }: { time: string; checks: CheckCounts }): string {
  const whole = (value: number): string => String(Math.round(value)).padStart(5);
  return (
    `Current Time: ${time} | Send TPS: ${whole(snapshot.rate)} | Max RT(ms): ${whole(snapshot.maxMs)} | AVG RT(ms): ${snapshot.meanMs.toFixed(1)} | ` +
    `Send Failed: ${snapshot.errors} | Check: ${checks.count} | UnexpectedCheck: ${checks.unexpected} | DuplicatedCheck: ${checks.duplicated}`
  );
}

/** Apache's line of a check that should not have come; `clock` is `HH:mm:ss,SSS`. */
export function apacheUnexpectedLine({ message, state, byCheck }: UnexpectedCheck, clock: string): string {
  const { offsetMsgId, msgId, checkTimes = null } = message;
  const told = byCheck ? 'sendResult,lastCheckResult' : 'sendResult';
  return `${clock} unexpected check: msgId=${offsetMsgId},txId=${msgId},checkTimes=${checkTimes},${told}=${state}`;
}

/** The closing report of `mqbench transaction`. */
export function transactionReport(result: TransactionResult): string {
  const { send, transactions } = result;
  const { checks } = transactions;
  const ends = `committed ${wholeNumber(transactions.committed)}, rolled back ${wholeNumber(transactions.rolledBack)}, left unknown ${wholeNumber(transactions.unknown)}`;
  const answers = `committed ${wholeNumber(checks.committed)}, rolled back ${wholeNumber(checks.rolledBack)}, unknown again ${wholeNumber(checks.unknown)}`;
  return text([
    headLine('sent', send),
    `ended      ${ends}`,
    `checks     ${wholeNumber(checks.count)}: ${answers}; unexpected ${wholeNumber(checks.unexpected)}, duplicated ${wholeNumber(checks.duplicated)}`,
    ...unsentLines(result),
    ...errorLines(send),
    ...retryLines(send),
    latencyLine('latency', send.latencyMs),
    generatorLine(result.environment.generator),
  ]);
}

/** The closing report of `mqbench latency`. */
export function latencyReport(result: LatencyResult): string {
  const { send, receive, stages } = result;
  return text([
    headLine('sent', send),
    headLine('consumed', receive),
    ...unsentLines(result),
    ...errorLines(send),
    ...retryLines(send),
    latencyLine('end to end', receive.endToEndMs),
    latencyLine('to send', stages.plannedToSentMs),
    latencyLine('to store', stages.sentToStoredMs),
    latencyLine('to consume', stages.storedToListenerMs),
    latencyLine('answer', send.latencyMs),
    ...deliveryLines(result),
    generatorLine(result.environment.generator),
  ]);
}

function deliveryLines({ delivery }: BenchResult): string[] {
  return delivery === undefined ? [] : [deliveryLine(delivery)];
}

/** A mean as Java prints it: of nothing it is `NaN`. */
function javaAverage(meanMs: number, count: number): string {
  return count === 0 ? 'NaN'.padStart(7) : apacheAverage(meanMs);
}

/** Apache's line of a timer producer; failures are totals. */
export function apacheTimerSendLine(snapshot: IntervalSnapshot): string {
  const { rate, maxMs, meanMs, count, totalErrors } = snapshot;
  return `Send TPS: ${Math.round(rate)}, Max RT: ${Math.round(maxMs)}, Average RT: ${javaAverage(meanMs, count)}, Send Failed: ${totalErrors}, Response Failed: 0`;
}

/** Apache's line of a timer consumer; maximum and percentiles are of the run. */
export function apacheTimerConsumeLine(snapshot: IntervalSnapshot, run: ReturnType<Lateness['classic']>): string {
  const begin = `Consume TPS: ${Math.round(snapshot.rate)}, Avg delayedDuration: ${javaAverage(snapshot.meanMs, snapshot.count)}, Max delayedDuration: `;
  if (run === undefined) {
    return `${begin}0, `;
  }
  const [p25, p50, p80, p90, p99, p999] = run.percentilesMs;
  return `${begin}${run.maxMs}, delayDuration %25: ${p25}, %50: ${p50}; %80: ${p80}; %90: ${p90}; %99: ${p99}; %99.9: ${p999}`;
}

/** The closing report of `mqbench timer` and `mqbench delay`. */
export function timerReport(result: TimerResult): string {
  const { send, receive, deliveries } = result;
  const sent =
    send === undefined ? [] : [headLine('sent', send), ...unsentLines({ ...result, send }), ...errorLines(send), ...retryLines(send)];
  const early = deliveries === undefined || deliveries.early === 0 ? '' : `, up to ${milliseconds(deliveries.maxEarlyMs)} ms`;
  return text([
    ...sent,
    ...(receive === undefined ? [] : [headLine('consumed', receive)]),
    ...(send === undefined ? [] : [latencyLine('answer', send.latencyMs)]),
    ...(receive === undefined ? [] : [latencyLine('lateness', receive.latencyMs)]),
    ...(deliveries === undefined
      ? []
      : [
          `due        ${wholeNumber(deliveries.early)} came early${early}; ${wholeNumber(deliveries.sentLate)} were due before they were sent`,
        ]),
    ...deliveryLines(result),
    generatorLine(result.environment.generator),
  ]);
}

/** The closing report of `mqbench pingpong`. */
export function pingpongReport(result: PingpongResult): string {
  const { send, replies } = result;
  return text([
    headLine('requested', send),
    ...unsentLines(result),
    ...errorLines(send),
    `replies    ${wholeNumber(replies.count)} sent, ${wholeNumber(replies.errors)} failed`,
    ...Object.entries(replies.errorsByCode).map(([code, count]) => `${''.padEnd(10)} ${wholeNumber(count)} x ${code}`),
    latencyLine('round trip', send.latencyMs),
    generatorLine(result.environment.generator),
  ]);
}

/** The closing report of `mqbench fanout`. */
export function fanoutReport(result: FanoutResult): string {
  const { send, receive, groups, fairness } = result;
  const width = Math.max(...groups.map(({ consumerGroup }) => consumerGroup.length));
  return text([
    headLine('sent', send),
    headLine('consumed', receive),
    ...unsentLines(result),
    ...errorLines(send),
    ...retryLines(send),
    latencyLine('end to end', receive.endToEndMs),
    latencyLine('from store', receive.latencyMs),
    ...groups.map(({ consumerGroup, count, rate, endToEndMs: { p50, p99, max } }) =>
      [
        `${consumerGroup.padEnd(width)}  ${wholeNumber(count)} messages, ${wholeNumber(rate)} msg/s`,
        `p50 ${milliseconds(p50)}  p99 ${milliseconds(p99)}  max ${milliseconds(max)} ms`,
      ].join('  '),
    ),
    `fairness   ${fairness.groups} between groups, ${fairness.consumers} between consumers (1: all the same)`,
    ...deliveryLines(result),
    generatorLine(result.environment.generator),
  ]);
}

/** The closing report of `mqbench backlog`. */
export function backlogReport(result: BacklogResult): string {
  const { build, before, send, receive, drain } = result;
  return text([
    headLine('built', build),
    ...errorLines(build),
    ...(drain === undefined
      ? []
      : [
          `drained    ${wholeNumber(drain.backlogMessages)} messages (${byteCount(drain.backlogBytes)}) in ${seconds(drain.seconds * 1000)}: ${wholeNumber(drain.rate)} msg/s${drain.isComplete ? '' : '; not to the end'}`,
        ]),
    ...(send === undefined ? [] : [headLine('meanwhile', send), ...unsentLines({ ...result, send }), ...errorLines(send)]),
    ...(before === undefined ? [] : [latencyLine('before', before.latencyMs)]),
    ...(send === undefined ? [] : [latencyLine('during', send.latencyMs)]),
    ...(receive?.endToEndMs === undefined ? [] : [latencyLine('end to end', receive.endToEndMs)]),
    ...deliveryLines(result),
    generatorLine(result.environment.generator),
  ]);
}

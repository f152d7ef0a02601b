import { type DeliveryReport, gapWarning } from './delivery-report.js';
import { BUSY_GENERATOR_PERCENT, type Environment } from './environment.js';
import type { BenchResult, Measured, SendMeasured } from './result.js';

/** An event loop that is so late at the 99th percentile is part of the latencies. */
const LATE_LOOP_MS = 20;
/** Collections that take so much of the window are part of the figures. */
const MUCH_GC = 0.1;

/** A result with what there is to be said about it, behind what its run said itself. */
export function withWarnings<R extends BenchResult>(result: R): R {
  const warnings = [...(result.warnings ?? []), ...warningsOf(result)];
  return warnings.length === 0 ? result : { ...result, warnings };
}

/** Why the figures of a result may say less than they seem to; one sentence each. */
function warningsOf(result: BenchResult): string[] {
  const { environment, send, receive, config, delivery } = result;
  const seconds = send?.seconds ?? receive?.seconds ?? 0;
  return [
    ...(environment === undefined ? [] : generatorWarnings(environment, seconds)),
    ...errorWarnings('send', send),
    ...errorWarnings('receive', receive),
    ...unsentWarnings(send, config.rate),
    ...gapWarnings(delivery),
  ];
}

/** With workers the generator is the busiest of them. */
function generatorWarnings({ generator, loadAverage, cores, workers }: Environment, seconds: number): string[] {
  const warnings: string[] = [];
  const [who, remedy] = workers === undefined ? ['the generator', ' (--workers 2 divides the load)'] : ['the busiest generator', ''];
  if (generator.cpuPercent >= BUSY_GENERATOR_PERCENT) {
    const percent = generator.cpuPercent.toFixed(0);
    warnings.push(`${who} used ${percent} % of one core: it may be what limits these figures, and not the broker${remedy}`);
  }
  if (generator.eventLoopLagMs.p99 >= LATE_LOOP_MS) {
    warnings.push(`the event loop of ${who} was ${generator.eventLoopLagMs.p99.toFixed(0)} ms late at p99: latencies contain that`);
  }
  if (generator.gc !== undefined && seconds > 0 && generator.gc.totalMs / 1000 / seconds >= MUCH_GC) {
    const share = (generator.gc.totalMs / 10 / seconds).toFixed(0);
    warnings.push(`${who} collected garbage for ${share} % of the time, up to ${generator.gc.maxMs.toFixed(0)} ms at once`);
  }
  if (loadAverage > cores) {
    warnings.push(`the machine was busy before the run: a load average of ${loadAverage} on ${cores} cores`);
  }
  return warnings;
}

function gapWarnings(delivery: DeliveryReport | undefined): string[] {
  const warning = delivery === undefined ? null : gapWarning(delivery);
  return warning === null ? [] : [warning];
}

function errorWarnings(direction: string, measured: Measured | undefined): string[] {
  if (measured === undefined || measured.errors === 0) {
    return [];
  }
  const codes = Object.entries(measured.errorsByCode).map(([code, count]) => `${count} x ${code}`);
  return [`${measured.errors} of ${measured.count + measured.errors} messages failed to ${direction}: ${codes.join(', ')}`];
}

function unsentWarnings(send: SendMeasured | undefined, rate: unknown): string[] {
  return send === undefined || !(send.unsent > 0)
    ? []
    : [`${send.unsent} planned messages were never sent: the broker did not keep up with ${String(rate)} a second`];
}

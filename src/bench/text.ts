import type { DeliveryReport } from './delivery-report.js';
import type { GeneratorLoad, WorkerInfo } from './environment.js';
import type { LatencyMs } from './latency-histogram.js';
import type { IntervalSnapshot } from './recorder.js';
import type { BenchResult, ConsumerResult, Measured, ProducerResult, SendMeasured } from './result.js';

/** Workers that the closing report names. */
const WORKERS_SHOWN = 8;
const NUMBER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `12,345`. */
export function wholeNumber(value: number): string {
  return NUMBER.format(value);
}

/** Milliseconds with as many digits as are worth reading: `0.123`, `4.56`, `78.9`, `1,234`. */
export function milliseconds(value: number): string {
  return value < 1 ? value.toFixed(3) : value < 10 ? value.toFixed(2) : value < 1000 ? value.toFixed(1) : wholeNumber(value);
}

/** `7.7 MB`. */
export function byteCount(bytes: number): string {
  return bytes < 1e3
    ? `${bytes} B`
    : bytes < 1e6
      ? `${(bytes / 1e3).toFixed(1)} kB`
      : bytes < 1e9
        ? `${(bytes / 1e6).toFixed(1)} MB`
        : `${(bytes / 1e9).toFixed(2)} GB`;
}

/** Seconds without needless digits: `30 s`, `1.5 s`. */
export function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}

/** Apache's line of a producer; scripts read it. Max RT and Send Failed are of the interval and of the run, as there. */
export function apacheSendLine(snapshot: IntervalSnapshot, time: string): string {
  return `Current Time: ${time} | ${apacheSendFigures(snapshot)}`;
}

/** Numbers as Apache's tools print them: `%7.3f`. */
export function apacheAverage(ms: number): string {
  return ms.toFixed(3).padStart(7);
}

function apacheSendFigures(snapshot: IntervalSnapshot): string {
  return `Send TPS: ${Math.round(snapshot.rate)} | Max RT(ms): ${Math.round(snapshot.maxMs)} | Average RT(ms): ${apacheAverage(snapshot.meanMs)} | Send Failed: ${snapshot.totalErrors} | Response Failed: 0`;
}

/** Apache's last line of a producer. */
export function apacheCompleteLine({ send }: ProducerResult): string {
  return `[Complete] Send Total: ${send.count + send.errors} | Send TPS: ${Math.round(send.rate)} | Max RT(ms): ${Math.round(send.latencyMs.max)} | Average RT(ms): ${apacheAverage(send.latencyMs.mean)} | Send Failed: ${send.errors} | Response Failed: 0`;
}

/** Apache's line of a consumer: B2C from the producer, S2C from the store. */
export function apacheConsumeLine(snapshot: IntervalSnapshot, time: string): string {
  const b2c = { mean: apacheAverage(snapshot.endToEndMeanMs), max: Math.round(snapshot.endToEndMaxMs) };
  const s2c = { mean: apacheAverage(snapshot.meanMs), max: Math.round(snapshot.maxMs) };
  return `Current Time: ${time} | Consume TPS: ${Math.round(snapshot.rate)} | AVG(B2C) RT(ms): ${b2c.mean} | AVG(S2C) RT(ms): ${s2c.mean} | MAX(B2C) RT(ms): ${b2c.max} | MAX(S2C) RT(ms): ${s2c.max} | Consume Fail: ${snapshot.totalErrors}`;
}

/** What was planned and never sent; nothing where all was. */
export function unsentLines({ send, config }: { readonly send: SendMeasured; readonly config: BenchResult['config'] }): string[] {
  return send.unsent === 0
    ? []
    : [
        `unsent     ${wholeNumber(send.unsent)} planned messages: the broker did not keep up with ${wholeNumber(Number(config.rate))} msg/s`,
      ];
}

/** The closing report of a producer. */
export function producerReport(result: ProducerResult): string {
  const { send, config } = result;
  const rows = [headLine('sent', send), ...unsentLines({ send, config })];
  rows.push(
    ...errorLines(send),
    ...retryLines(send),
    latencyLine('latency', send.latencyMs),
    ...(send.uncorrectedLatencyMs === undefined ? [] : [latencyLine('from send', send.uncorrectedLatencyMs)]),
    generatorLine(result.environment.generator),
  );
  return `${rows.join('\n')}\n`;
}

/** The closing report of a consumer. */
export function consumerReport(result: ConsumerResult): string {
  const { receive } = result;
  const rows = [headLine(result.config.raw === true ? 'pulled' : 'consumed', receive), ...errorLines(receive)];
  if (receive.endToEndMs === undefined) {
    rows.push(latencyLine('pull', receive.latencyMs));
  } else {
    rows.push(latencyLine('end to end', receive.endToEndMs), latencyLine('from store', receive.latencyMs));
  }
  if (result.delivery !== undefined) {
    rows.push(deliveryLine(result.delivery));
  }
  rows.push(generatorLine(result.environment.generator));
  return `${rows.join('\n')}\n`;
}

export function headLine(verb: string, measured: Measured): string {
  return `${verb.padEnd(10)} ${wholeNumber(measured.count)} messages in ${seconds(measured.seconds * 1000)}: ${wholeNumber(measured.rate)} msg/s, ${byteCount(measured.bytesPerSecond)}/s, ${wholeNumber(measured.errors)} errors`;
}

export function errorLines(measured: Measured): string[] {
  return Object.entries(measured.errorsByCode).map(([code, count]) => `${''.padEnd(10)} ${wholeNumber(count)} x ${code}`);
}

/** Attempts that failed and were made again: the message itself is no error. */
export function retryLines(send: SendMeasured): string[] {
  if (send.retries === 0) {
    return [];
  }
  const failed = Object.entries(send.failedAttemptsByCode).map(([code, count]) => `${wholeNumber(count)} x ${code}`);
  return [`retries    ${wholeNumber(send.retries)} of ${wholeNumber(send.attempts)} attempts; failed: ${failed.join(', ') || 'none'}`];
}

export function latencyLine(label: string, latency: LatencyMs): string {
  const parts: [string, number][] = [
    ['mean', latency.mean],
    ['p50', latency.p50],
    ['p90', latency.p90],
    ['p99', latency.p99],
    ['p99.9', latency.p999],
    ['p99.99', latency.p9999],
    ['max', latency.max],
  ];
  return `${label.padEnd(10)} ${parts.map(([name, value]) => `${name} ${milliseconds(value)}`).join('  ')} ms`;
}

/** How busy the generator was; a result says in a warning when it was too busy. */
export function generatorLine(generator: GeneratorLoad): string {
  const gc = generator.gc === undefined || generator.gc.count === 0 ? '' : `, garbage collection ${milliseconds(generator.gc.totalMs)} ms`;
  return `generator  ${generator.cpuPercent.toFixed(0)} % of one core, event-loop lag p99 ${milliseconds(generator.eventLoopLagMs.p99)} ms${gc}`;
}

/** What every report ends with: the brokers where they run on this machine, and how the run is repeated. */
export function closingLines({ environment, command, send, receive }: BenchResult): string {
  const rows: string[] = [];
  const { broker, brokerVersion, fsyncMs, workers } = environment ?? {};
  if (workers !== undefined) {
    rows.push(`workers    ${workersText(workers)}`);
  }
  const watchedSeconds = broker?.seconds ?? send?.seconds ?? receive?.seconds ?? 0;
  if (broker !== undefined && watchedSeconds > 0) {
    const percent = ((100 * broker.cpuSeconds) / watchedSeconds).toFixed(0);
    const disk = fsyncMs === undefined ? '' : `, fsync of this disk ${milliseconds(fsyncMs)} ms`;
    rows.push(
      `broker     ${percent} % of one core, ${byteCount(broker.rssBytes)}${brokerVersion === undefined ? '' : `, ${brokerVersion}`}${disk}`,
    );
  }
  if (command !== undefined) {
    rows.push(`repeat     ${command}`);
  }
  return rows.map((row) => `${row}\n`).join('');
}

/** The first few by name, with their part of the messages and of a core. */
function workersText(workers: readonly WorkerInfo[]): string {
  const shown = workers.slice(0, WORKERS_SHOWN).map(({ name, count, generator, clock }) => {
    const offset = clock === undefined ? '' : `, clock ${clock.offsetMs < 0 ? '' : '+'}${clock.offsetMs.toFixed(1)} ms`;
    return `${name}: ${wholeNumber(count)} (${generator.cpuPercent.toFixed(0)} %${offset})`;
  });
  const rest = workers.length - shown.length;
  return [...shown, ...(rest === 0 ? [] : [`${rest} more`])].join(', ');
}

/** The line of the closing report. */
export function deliveryLine(report: DeliveryReport): string {
  const parts = [
    report.sent === undefined
      ? `${wholeNumber(report.received)} received`
      : `${wholeNumber(report.received)} of ${wholeNumber(report.sent)} received`,
    ...(report.judgedBy === 'nothing' ? [] : [`${wholeNumber(report.lost)} lost`]),
    `${wholeNumber(report.duplicates)} twice`,
    `${wholeNumber(report.disordered)} out of their key's order`,
    ...(report.unconfirmed ? [`${wholeNumber(report.unconfirmed)} sends unconfirmed`] : []),
    ...(report.unchecked > 0 ? [`${wholeNumber(report.unchecked)} cannot be checked`] : []),
  ];
  return `${'delivery'.padEnd(10)} ${parts.join(', ')}`;
}

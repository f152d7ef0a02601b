import { fittingInFlight } from '../../bench/in-flight.js';
import type { PingpongResult } from '../../bench/kind-results.js';
import { pingpongReport } from '../../bench/kind-text.js';
import type { PingpongBenchOptions } from '../../bench/pingpong-bench.js';
import { apacheSendLine, seconds, wholeNumber } from '../../bench/text.js';
import { dateTimeMs } from '../../cli/format.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { bothEndsOf, bothEndsOptions, rateOption } from './kind-options.js';
import { jsonOption, lengthText, runLength } from './shared-options.js';

const options = defineOptions({
  ...bothEndsOptions,
  threadCount: {
    short: 'w',
    kind: 'int',
    min: 1,
    max: 100_000,
    text: 'Requests that wait for a reply at once, Default: 16 (with --rate 10000, fewer of large bodies)',
  },
  group: { short: 'g', own: true, default: 'benchmark_pingpong', text: 'Group of the consumers that reply' },
  consumers: { kind: 'int', own: true, default: 1, min: 1, max: 100, text: 'Consumers that reply, Default: 1' },
  concurrency: { kind: 'int', own: true, default: 64, min: 1, max: 1000, text: 'Requests that a consumer answers at once, Default: 64' },
  replySize: {
    kind: 'int',
    long: 'reply-size',
    own: true,
    min: 1,
    max: 4 * 1024 * 1024,
    text: "Size of a reply; without it the request's body",
  },
  requestTimeout: {
    kind: 'duration',
    long: 'request-timeout',
    own: true,
    default: 3000,
    text: 'A request without a reply after so long has failed, Default: 3s',
  },
  ...rateOption,
  ...jsonOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

/** `mqbench pingpong`. */
export default class PingpongCommand extends BenchCommand<typeof options, PingpongResult> {
  static override summary = 'Send requests that consumers of the same process reply to, and measure the round trips';
  static override description =
    'A round trip is a message to the broker, on to a consumer, its reply to the broker, and on to the requester. The group begins at the\n' +
    "topic's end. A request without a reply is an error.";
  static override examples = [
    'mqbench pingpong -n 127.0.0.1:9876 -t BenchmarkTest -w 16 --duration 10s --warmup 2s',
    'mqbench pingpong -n 127.0.0.1:9876 -w 1 -s 1024 --reply-size 32 -q 1000 --json',
    'mqbench pingpong --embedded --rate 500 --duration 5s',
  ];
  static override options = options;

  protected override async execute(values: Values, context: CommandContext): Promise<PingpongResult> {
    const bench: PingpongBenchOptions = {
      ...(await bothEndsOf(values, context.io.env)),
      group: values.group,
      inFlight: values.threadCount ?? (values.rate === undefined ? 16 : fittingInFlight(values.messageSize)),
      repliers: values.consumers,
      concurrency: values.concurrency,
      requestTimeoutMs: values.requestTimeout,
      ...(values.replySize === undefined ? {} : { replyBytes: values.replySize }),
      ...(values.rate === undefined ? {} : { rate: values.rate }),
      ...runLength(values),
    };
    const { runPingpongBench } = await import('../../bench/pingpong-bench.js');
    return this.runBench(
      {
        opening: openingLine(bench, values),
        verb: 'round trips',
        plainLine: (snapshot) => apacheSendLine(snapshot, dateTimeMs(Date.now())),
        plainIntervalMs: values.reportInterval,
      },
      context,
      { jsonFile: values.json, run: (hooks) => runPingpongBench(bench, hooks) },
    );
  }

  protected override renderText(result: PingpongResult, out: Output): void {
    out.text(pingpongReport(result));
  }
}

function openingLine(bench: PingpongBenchOptions, values: Values): string {
  const pace = bench.rate === undefined ? `${wholeNumber(bench.inFlight)} requests in flight` : `${wholeNumber(bench.rate)} requests/s`;
  return `mqbench pingpong: topic ${bench.topic} at ${bench.namesrvAddr}, ${wholeNumber(bench.bodyBytes)} B bodies, ${pace}, failed after ${seconds(bench.requestTimeoutMs)}, ${lengthText(bench, values)}`;
}

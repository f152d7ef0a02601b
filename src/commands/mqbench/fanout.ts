import type { FanoutBenchOptions } from '../../bench/fanout-bench.js';
import { fittingInFlight } from '../../bench/in-flight.js';
import type { FanoutResult } from '../../bench/kind-results.js';
import { fanoutReport } from '../../bench/kind-text.js';
import { largestBody } from '../../bench/payload/sizes.js';
import { apacheConsumeLine, wholeNumber } from '../../bench/text.js';
import { dateTimeMs } from '../../cli/format.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { deliveryOptions } from './delivery-options.js';
import { bothEndsOf, bothEndsOptions, rateOption } from './kind-options.js';
import { bodiesText, stampedPayloadOf, stampedPayloadOptions } from './payload-options.js';
import { jsonOption, lengthText, runLength } from './shared-options.js';

const options = defineOptions({
  ...bothEndsOptions,
  threadCount: {
    short: 'w',
    kind: 'int',
    min: 1,
    max: 100_000,
    text: 'Messages on their way to the broker at once, Default: 64 (with --rate 10000, fewer of large bodies)',
  },
  groups: { kind: 'int', own: true, default: 4, min: 1, max: 1000, text: 'Groups that get every message, Default: 4' },
  consumers: { kind: 'int', own: true, default: 1, min: 1, max: 1000, text: 'Consumers of each group, Default: 1' },
  concurrency: { kind: 'int', own: true, default: 20, min: 1, max: 1000, text: 'Listener calls of a consumer at once, Default: 20' },
  group: { short: 'g', own: true, default: 'benchmark_fanout', text: 'Name of the groups, with _0, _1 … behind' },
  ...rateOption,
  ...stampedPayloadOptions,
  ...deliveryOptions,
  ...jsonOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

/** `mqbench fanout`. */
export default class FanoutCommand extends BenchCommand<typeof options, FanoutResult> {
  static override summary = 'Send to a topic that many groups consume: rate and latency of each group, and how even they are';
  static override description =
    'Every group gets every message; the consumers of a group divide the queues. End to end counts from the planned send with --rate. The run\n' +
    'ends when all groups have everything; lost and doubled messages fail it.';
  static override examples = [
    'mqbench fanout -n 127.0.0.1:9876 -t BenchmarkTest --groups 4 --consumers 2 --rate 1000 --duration 10s',
    'mqbench fanout -n 127.0.0.1:9876 --groups 8 -q 10000 --json',
    "mqbench fanout --embedded --rate 1000 --duration 5s --assert 'fairness.groups>=0.99'",
  ];
  static override options = options;

  protected override async execute(values: Values, context: CommandContext): Promise<FanoutResult> {
    const { group, groups, consumers, concurrency } = values;
    const payload = stampedPayloadOf(values);
    const bench: FanoutBenchOptions = {
      ...(await bothEndsOf(values, context.io.env)),
      ...payload,
      ...{ group, groups, consumers, concurrency },
      inFlight: values.threadCount ?? (values.rate === undefined ? 64 : fittingInFlight(largestBody(payload))),
      ...(values.rate === undefined ? {} : { rate: values.rate }),
      ...runLength(values),
    };
    const { checkFanout, runFanoutBench } = await import('../../bench/fanout-bench.js');
    checkFanout(bench);
    return this.runBench(
      {
        opening: openingLine(bench, values),
        verb: 'consumed',
        direction: 'receive',
        plainLine: (snapshot) => apacheConsumeLine(snapshot, dateTimeMs(Date.now())),
        plainIntervalMs: values.reportInterval,
      },
      context,
      { jsonFile: values.json, run: (hooks) => runFanoutBench(bench, hooks) },
    );
  }

  protected override renderText(result: FanoutResult, out: Output): void {
    out.text(fanoutReport(result));
  }
}

function openingLine(bench: FanoutBenchOptions, values: Values): string {
  const pace = bench.rate === undefined ? `${wholeNumber(bench.inFlight)} in flight` : `${wholeNumber(bench.rate)} msg/s`;
  return `mqbench fanout: topic ${bench.topic} at ${bench.namesrvAddr}, ${bench.groups} groups of ${bench.consumers} consumers, ${bodiesText(values)}, ${pace}, ${lengthText(bench, values)}`;
}

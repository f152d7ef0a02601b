import { fittingInFlight } from '../../bench/in-flight.js';
import type { LatencyResult } from '../../bench/kind-results.js';
import { latencyReport } from '../../bench/kind-text.js';
import type { LatencyBenchOptions } from '../../bench/latency-bench.js';
import { largestBody } from '../../bench/payload/sizes.js';
import { apacheConsumeLine, wholeNumber } from '../../bench/text.js';
import { dateTimeMs } from '../../cli/format.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { deliveryOptions } from './delivery-options.js';
import { bothEndsOf, bothEndsOptions } from './kind-options.js';
import { bodiesText, stampedPayloadOf, stampedPayloadOptions } from './payload-options.js';
import { jsonOption, lengthText, runLength } from './shared-options.js';

const options = defineOptions({
  ...bothEndsOptions,
  threadCount: { short: 'w', kind: 'int', default: 20, min: 1, max: 1000, text: 'Listener calls at once, Default: 20' },
  group: { short: 'g', own: true, default: 'benchmark_latency', text: 'Consumer and producer group' },
  rate: { kind: 'decimal', own: true, default: 1000, min: 0.001, text: 'Messages per second, planned evenly, Default: 1000' },
  inFlight: {
    kind: 'int',
    own: true,
    min: 1,
    max: 100_000,
    text: 'Messages on their way to the broker at once, at most, Default: 10000, fewer of large bodies',
  },
  ...stampedPayloadOptions,
  ...deliveryOptions,
  ...jsonOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

/** `mqbench latency`. */
export default class LatencyCommand extends BenchCommand<typeof options, LatencyResult> {
  static override summary = 'Send at a rate and consume in the same process: the whole way of every message on one clock';
  static override description =
    'End to end counts from the planned send to the listener, and is shown in parts: planned to sent, sent to stored, stored to listener. The\n' +
    'broker notes storing in whole milliseconds; its clock must be the same, so run this on its host to see the parts. The group begins at the\n' +
    "topic's end. Lost and doubled messages fail the run.";
  static override examples = [
    'mqbench latency -n 127.0.0.1:9876 -t BenchmarkTest --rate 1000 --duration 10s --warmup 2s',
    'mqbench latency -n 127.0.0.1:9876 -s 1024 --rate 5000 -q 20000 --json',
    "mqbench latency --embedded --rate 2000 --duration 5s --assert 'receive.endToEndMs.p99<1000'",
  ];
  static override options = options;

  protected override async execute(values: Values, context: CommandContext): Promise<LatencyResult> {
    const payload = stampedPayloadOf(values);
    const bench: LatencyBenchOptions = {
      ...(await bothEndsOf(values, context.io.env)),
      ...payload,
      group: values.group,
      concurrency: values.threadCount,
      inFlight: values.inFlight ?? fittingInFlight(largestBody(payload)),
      rate: values.rate,
      ...runLength(values),
    };
    const { checkLatency, runLatencyBench } = await import('../../bench/latency-bench.js');
    checkLatency(bench);
    return this.runBench(
      {
        opening: `mqbench latency: topic ${bench.topic} at ${bench.namesrvAddr}, ${bodiesText(values)}, ${wholeNumber(bench.rate)} msg/s, ${lengthText(bench, values)}`,
        verb: 'consumed',
        direction: 'receive',
        plainLine: (snapshot) => apacheConsumeLine(snapshot, dateTimeMs(Date.now())),
        plainIntervalMs: values.reportInterval,
      },
      context,
      { jsonFile: values.json, run: (hooks) => runLatencyBench(bench, hooks) },
    );
  }

  protected override renderText(result: LatencyResult, out: Output): void {
    out.text(latencyReport(result));
  }
}

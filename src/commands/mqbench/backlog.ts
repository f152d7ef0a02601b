import type { BacklogBenchOptions } from '../../bench/backlog-bench.js';
import type { BacklogResult } from '../../bench/kind-results.js';
import { backlogReport } from '../../bench/kind-text.js';
import { apacheConsumeLine, apacheSendLine, seconds, wholeNumber } from '../../bench/text.js';
import { dateTimeMs } from '../../cli/format.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { UsageError } from '../../common/errors.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { deliveryOptions } from './delivery-options.js';
import { bothEndsOf } from './kind-options.js';
import { accessOptions, jsonOption, reportOption, topicOption } from './shared-options.js';

const options = defineOptions({
  ...topicOption,
  threadCount: {
    short: 'w',
    kind: 'int',
    default: 64,
    min: 1,
    max: 100_000,
    text: 'Messages on their way at once while it is built, Default: 64',
  },
  messageSize: { short: 's', kind: 'int', default: 128, min: 1, max: 4 * 1024 * 1024, text: 'Message Size, Default: 128' },
  ...accessOptions,
  ...reportOption,
  messageQuantity: { short: 'q', kind: 'int', own: true, min: 1, text: 'Messages of the backlog, Default: 100000' },
  backlogMb: { kind: 'decimal', long: 'backlog-mb', own: true, min: 0.001, text: 'In place of -q: so many million bytes of bodies' },
  group: { short: 'g', own: true, default: 'benchmark_backlog', text: 'Consumer and producer group' },
  consumers: { kind: 'int', own: true, default: 1, min: 1, max: 1000, text: 'Consumers that drain it, Default: 1' },
  concurrency: { kind: 'int', own: true, default: 20, min: 1, max: 1000, text: 'Listener calls of a consumer at once, Default: 20' },
  rate: { kind: 'decimal', own: true, min: 0.001, text: 'Sends so many messages per second before and during the drain; none without it' },
  before: {
    kind: 'duration',
    own: true,
    default: 5000,
    text: 'Measures the producer at the rate for so long before anybody consumes, Default: 5s',
  },
  drainLimit: {
    kind: 'duration',
    long: 'drain-limit',
    own: true,
    default: 600_000,
    text: 'Gives up a drain that takes longer, Default: 10m',
  },
  ...deliveryOptions,
  ...jsonOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

const DEFAULT_MESSAGES = 100_000;

/** `mqbench backlog`. */
export default class BacklogCommand extends BenchCommand<typeof options, BacklogResult> {
  static override summary = 'Build a backlog while nobody consumes, then drain it while producing';
  static override description =
    'The drain lasts from the first message consumed until no more waited than a tenth of a second of the rate. With --rate the latency of\n' +
    'sends is shown from before and from during the drain. Lost and doubled messages fail the run.';
  static override examples = [
    'mqbench backlog -n 127.0.0.1:9876 -t BenchmarkTest -q 100000 --rate 1000',
    'mqbench backlog -n 127.0.0.1:9876 -t BenchmarkTest --backlog-mb 100 -s 1024 --consumers 2 --json',
    'mqbench backlog --embedded -q 50000 --rate 500 --before 2s',
  ];
  static override options = options;

  protected override async execute(values: Values, context: CommandContext): Promise<BacklogResult> {
    const bench = await benchOptions(values, context);
    const { checkBacklog, runBacklogBench } = await import('../../bench/backlog-bench.js');
    checkBacklog(bench);
    let isDraining = false;
    return this.runBench(
      {
        opening: openingLine(bench),
        verb: 'messages',
        direction: 'receive',
        plainLine: (snapshot) => (isDraining ? apacheConsumeLine : apacheSendLine)(snapshot, dateTimeMs(Date.now())),
        plainIntervalMs: values.reportInterval,
      },
      context,
      {
        jsonFile: values.json,
        run: (hooks) =>
          runBacklogBench(bench, {
            ...hooks,
            onPhase: (phase) => {
              isDraining = phase === 'drain';
            },
          }),
      },
    );
  }

  protected override renderText(result: BacklogResult, out: Output): void {
    out.text(backlogReport(result));
  }
}

async function benchOptions(values: Values, context: CommandContext): Promise<BacklogBenchOptions> {
  const { group, messageSize, messageQuantity, backlogMb, consumers, concurrency, rate } = values;
  if (messageQuantity !== undefined && backlogMb !== undefined) {
    throw new UsageError('-q and --backlog-mb are two ways to say how large the backlog is; leave one out');
  }
  const { warmupMs: _, ...ends } = await bothEndsOf({ ...values, warmup: undefined }, context.io.env);
  return {
    ...ends,
    ...{ group, consumers, concurrency },
    messages: backlogMb === undefined ? (messageQuantity ?? DEFAULT_MESSAGES) : Math.ceil((backlogMb * 1e6) / messageSize),
    inFlight: values.threadCount,
    beforeMs: values.before,
    drainLimitMs: values.drainLimit,
    ...(rate === undefined ? {} : { rate }),
  };
}

function openingLine({ topic, namesrvAddr, messages, bodyBytes, consumers, rate, beforeMs }: BacklogBenchOptions): string {
  const producing = rate === undefined ? '' : `, ${wholeNumber(rate)} msg/s for ${seconds(beforeMs)} before and all the time`;
  return `mqbench backlog: topic ${topic} at ${namesrvAddr}, ${wholeNumber(messages)} messages of ${wholeNumber(bodyBytes)} B, drained by ${consumers} consumers${producing}`;
}

import { fittingInFlight } from '../../bench/in-flight.js';
import { searchPointLine, searchReport } from '../../bench/plans/plan-text.js';
import type { SearchPlan, SearchResult } from '../../bench/plans/search.js';
import type { BenchHooks } from '../../bench/progress.js';
import type { ProducerResult } from '../../bench/result.js';
import { apacheSendLine, seconds, wholeNumber } from '../../bench/text.js';
import { signingKeys } from '../../cli/credentials.js';
import { dateTimeMs } from '../../cli/format.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { UsageError } from '../../common/errors.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { accessOptions, DEFAULT_NAMESRV_ADDR, jsonOption, reportOption, topicOption } from './shared-options.js';

const options = defineOptions({
  ...topicOption,
  limit: { kind: 'texts', own: true, text: "What latency must keep, eg: 'p99<10ms'; several times, Default: p99<10ms" },
  startRate: {
    kind: 'decimal',
    own: true,
    default: 1000,
    min: 1,
    long: 'start-rate',
    text: 'Messages per second of the first run, Default: 1000',
  },
  maxRate: {
    kind: 'decimal',
    own: true,
    default: 1_000_000,
    min: 1,
    long: 'max-rate',
    text: 'Highest rate that is tried, Default: 1000000',
  },
  precision: {
    kind: 'decimal',
    own: true,
    default: 5,
    min: 0.1,
    max: 100,
    text: 'Ends when the rate is known to so many percent, Default: 5',
  },
  verify: { kind: 'int', own: true, default: 3, min: 1, max: 100, text: 'Runs at the rate found, Default: 3' },
  threadCount: {
    short: 'w',
    kind: 'int',
    min: 1,
    max: 100_000,
    text: 'Messages on their way at once, at most, Default: 10000, fewer of large bodies',
  },
  messageSize: { short: 's', kind: 'int', default: 128, min: 1, max: 4 * 1024 * 1024, text: 'Message Size, Default: 128' },
  ...accessOptions,
  duration: { kind: 'duration', own: true, default: '10s', text: 'Length of each run, Default: 10s' },
  warmup: { kind: 'duration', own: true, default: '2s', text: 'Sends for so long before it measures, Default: 2s' },
  group: { short: 'g', own: true, default: 'benchmark_producer', text: 'Producer group' },
  ...reportOption,
  ...jsonOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

/** `mqbench search`. */
export default class SearchCommand extends BenchCommand<typeof options, SearchResult> {
  static override summary = 'Find the highest rate that keeps within latency limits';
  static override description =
    'Doubles the rate until a limit is broken, halves the distance until the rate is known, and runs it again to see whether it holds. Latency\n' +
    'counts from the planned send. A run that breaks a limit is repeated once. The result has the curve of latency against rate.';
  static override examples = [
    "mqbench search -n 127.0.0.1:9876 -t BenchmarkTest --limit 'p99<10ms' --duration 10s",
    "mqbench search --embedded --limit 'p99<5ms' --limit 'p99.9<20ms' --precision 10 --json search.json",
  ];
  static override options = options;

  protected override async execute(values: Values, context: CommandContext): Promise<SearchResult> {
    const { parseLimit, runSearch } = await import('../../bench/plans/search.js');
    const { runProducerBench } = await import('../../bench/producer-bench.js');
    const plan: SearchPlan = {
      limits: (values.limit ?? ['p99<10ms']).map(parseLimit),
      startRate: values.startRate,
      maxRate: values.maxRate,
      precision: values.precision / 100,
      verifyRuns: values.verify,
    };
    if (plan.startRate > plan.maxRate) {
      throw new UsageError(`--start-rate ${plan.startRate} is above --max-rate ${plan.maxRate}`);
    }
    const credentials = await signingKeys(values, context.io.env);
    const at = { namesrvAddr: values.namesrvAddr ?? DEFAULT_NAMESRV_ADDR, topic: values.topic };
    const run = (rate: number, hooks: BenchHooks): Promise<ProducerResult> => {
      return runProducerBench(
        {
          ...at,
          ...{
            producerGroup: values.group,
            bodyBytes: values.messageSize,
            inFlight: values.threadCount ?? fittingInFlight(values.messageSize),
            rate,
          },
          ...{ msgTraceEnable: values.msgTraceEnable, warmupMs: values.warmup, durationMs: values.duration },
          ...(credentials === undefined ? {} : { credentials }),
        },
        hooks,
      );
    };
    const config = { ...at, bodyBytes: values.messageSize, durationSeconds: values.duration / 1000, warmupSeconds: values.warmup / 1000 };
    return this.runBench(
      {
        opening: `mqbench search: topic ${at.topic} at ${at.namesrvAddr}, from ${wholeNumber(plan.startRate)} msg/s, runs of ${seconds(values.duration + values.warmup)}`,
        verb: 'sent',
        plainLine: (snapshot) => apacheSendLine(snapshot, dateTimeMs(Date.now())),
        plainIntervalMs: values.reportInterval,
      },
      context,
      {
        jsonFile: values.json,
        run: (hooks) => runSearch(plan, run, { ...hooks, config, onSearchPoint: (point) => context.out.note(searchPointLine(point)) }),
      },
    );
  }

  protected override renderText(result: SearchResult, out: Output): void {
    out.text(searchReport(result));
  }
}

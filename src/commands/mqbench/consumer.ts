import { existsSync, readFileSync } from 'node:fs';
import type { ConsumerBenchOptions } from '../../bench/consumer-bench.js';
import type { ConsumerResult } from '../../bench/result.js';
import { apacheConsumeLine, consumerReport, wholeNumber } from '../../bench/text.js';
import { signingKeys } from '../../cli/credentials.js';
import { dateTimeMs } from '../../cli/format.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { UsageError } from '../../common/errors.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { deliveryOptions } from './delivery-options.js';
import { fillTopic } from './embedded.js';
import { classicOption, lengthOf } from './kind-options.js';
import {
  accessOptions,
  DEFAULT_NAMESRV_ADDR,
  durationOption,
  jsonOption,
  lengthText,
  reportOption,
  topicOption,
} from './shared-options.js';
import { workersOption, workersText, workerTeam } from './workers-option.js';

const options = defineOptions({
  ...topicOption,
  threadCount: { short: 'w', kind: 'int', default: 20, min: 1, max: 1000, text: 'Listener calls at once, Default: 20' },
  group: { short: 'g', default: 'benchmark_consumer', text: 'Consumer group name, Default: benchmark_consumer' },
  groupPrefixEnable: { short: 'p', kind: 'boolean', default: false, text: 'Is group prefix enable: a new group each run, Default: false' },
  filterType: { short: 'f', text: 'TAG, SQL92' },
  expression: { short: 'e', text: 'Filter expression content or file path. i.e. ./test/expr' },
  failRate: { short: 'r', kind: 'decimal', default: 0, min: 0, text: 'Consumer fail rate, 0 to 1, Default: 0' },
  ...accessOptions,
  ...reportOption,
  messageQuantity: { short: 'q', kind: 'int', own: true, min: 0, text: 'Messages to consume (0 = until --duration ends)' },
  ...durationOption,
  warmup: { kind: 'duration', own: true, text: 'Consumes for so long, from the first message on, before it measures' },
  from: { own: true, default: 'last', text: 'Where a new group starts: first, last' },
  raw: { kind: 'flag', own: true, text: "Pull the topic's backlog again and again, without a listener: what the broker can deliver" },
  pullBatchSize: { kind: 'int', own: true, min: 1, max: 1024, text: 'Messages a pull, Default: 32' },
  seed: { kind: 'int', own: true, default: 1, text: 'Seed of the failures of -r' },
  expect: { own: true, text: 'JSON result of mqbench producer: everything that it sent must arrive' },
  ...deliveryOptions,
  ...classicOption,
  ...workersOption,
  ...jsonOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

/** `mqbench consumer`. */
export default class ConsumerCommand extends BenchCommand<typeof options, ConsumerResult> {
  static override summary = 'Consume messages and measure rate and end-to-end latency';
  static override description =
    "Takes the options of Apache's benchmark consumer. End to end counts from the stamp that mqbench producer writes into the body, else\n" +
    'from the time the message was born; clocks of two machines differ. Ctrl-C ends the run and shows the result so far.\n' +
    'Exit code 3 when no message came, too few for the quantity, or its broker is gone: the result so far is then marked partial; 99 when\n' +
    'messages were lost, came twice or out of order and nothing allows it. Without --expect a loss is a gap between the sequence numbers that\n' +
    'came, and is told only by a consumer that had all queues to itself and no filter.';
  static override examples = [
    'mqbench consumer -n 127.0.0.1:9876 -t BenchmarkTest -g benchmark_consumer --duration 10s',
    'mqbench consumer -n 127.0.0.1:9876 -t BenchmarkTest -p true --from first -q 100000 --json',
    'mqbench consumer -n 127.0.0.1:9876 -t BenchmarkTest -p true --from first -q 100000 --expect result.json',
    'mqbench consumer -n 127.0.0.1:9876 -t BenchmarkTest --raw --duration 10s',
    'mqbench consumer -n 127.0.0.1:9876 -t BenchmarkTest -ri 1000 --classic --duration 10s',
    'mqbench consumer --embedded -q 100000',
  ];
  static override options = options;

  protected override async execute(values: Values, context: CommandContext): Promise<ConsumerResult> {
    const bench = await benchOptions(values.embedded ? await filled(values, context) : values, context);
    const team = await workerTeam(values, context.io.env);
    const { benchConsumer } = await import('../../bench/workers/bench-on-workers.js');
    return this.runBench(
      {
        opening: values.classic ? classicHeader(values, bench) : `${openingLine(bench, values)}${workersText(team)}`,
        verb: bench.raw === true ? 'pulled' : 'consumed',
        direction: 'receive',
        classic: values.classic,
        plainLine: (snapshot) => apacheConsumeLine(snapshot, dateTimeMs(Date.now())),
        plainIntervalMs: values.reportInterval,
      },
      context,
      { jsonFile: values.json, run: (hooks) => benchConsumer(bench, team, hooks) },
    );
  }

  protected override renderText(result: ConsumerResult, out: Output, values: Values): void {
    if (!values.classic) {
      out.text(consumerReport(result));
    }
  }
}

/** Messages that a consumer on nodes of its own finds. */
const EMBEDDED_BACKLOG = 500_000;

/** Throw-away nodes are empty: they get a backlog, and the run ends when it is consumed. */
async function filled(values: Values, context: CommandContext): Promise<Values> {
  if (values.warmup !== undefined && !values.raw) {
    throw new UsageError('--warmup: throw-away nodes hold no more than what is measured, which the warm-up would take; leave it out');
  }
  const quantity = values.messageQuantity || EMBEDDED_BACKLOG;
  context.out.note(`sending ${wholeNumber(quantity)} messages to consume`);
  await fillTopic(values.namesrvAddr ?? DEFAULT_NAMESRV_ADDR, values.topic, quantity);
  return { ...values, from: 'first', ...(values.duration === undefined && !values.raw ? { messageQuantity: quantity } : {}) };
}

async function benchOptions(values: Values, context: CommandContext): Promise<ConsumerBenchOptions> {
  if (values.failRate > 1) {
    throw new UsageError(`-r ${values.failRate}: a fail rate lies between 0 and 1`);
  }
  if (values.expect !== undefined && values.raw) {
    throw new UsageError('--expect: raw pulls do not look at messages; leave --expect or --raw out');
  }
  if (values.msgTraceEnable && values.raw) {
    throw new UsageError('-m true: raw pulls have no listener whose calls could be traced; leave -m or --raw out');
  }
  const credentials = await signingKeys(values, context.io.env);
  const filter = filterOf(values);
  return {
    namesrvAddr: values.namesrvAddr ?? DEFAULT_NAMESRV_ADDR,
    msgTraceEnable: values.msgTraceEnable,
    topic: values.topic,
    consumerGroup: values.groupPrefixEnable ? `${values.group}_${Date.now() % 100_000}` : values.group,
    concurrency: values.threadCount,
    warmupMs: values.warmup ?? 0,
    failRate: values.failRate,
    seed: values.seed,
    consumeFromWhere: startOf(values.from),
    raw: values.raw,
    ...lengthOf(values),
    // Apache's tool waits for messages for ever.
    ...(values.classic ? { idleLimitMs: Number.MAX_SAFE_INTEGER } : {}),
    ...(filter === undefined ? {} : { filter }),
    ...(values.pullBatchSize === undefined ? {} : { pullBatchSize: values.pullBatchSize }),
    ...(values.expect === undefined ? {} : { expectFile: values.expect }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

function startOf(from: string): 'CONSUME_FROM_FIRST_OFFSET' | 'CONSUME_FROM_LAST_OFFSET' {
  if (from === 'first') {
    return 'CONSUME_FROM_FIRST_OFFSET';
  }
  if (from === 'last') {
    return 'CONSUME_FROM_LAST_OFFSET';
  }
  throw new UsageError(`--from ${from}: expected first or last`);
}

/** As in Apache's tool, the expression may be the name of a file that holds it. */
function filterOf({ filterType, expression }: Values): ConsumerBenchOptions['filter'] {
  if (filterType === undefined && expression === undefined) {
    return undefined;
  }
  const type = (filterType ?? 'TAG').toUpperCase();
  if (type !== 'TAG' && type !== 'SQL92') {
    throw new UsageError(`-f ${filterType}: expected TAG or SQL92`);
  }
  if (expression === undefined) {
    throw new UsageError(`-f ${filterType} needs an expression; give it with -e`);
  }
  return { type, expression: existsSync(expression) ? readFileSync(expression, 'utf8').trim() : expression };
}

function openingLine(bench: ConsumerBenchOptions, values: Values): string {
  const how = bench.raw === true ? 'raw pulls' : `group ${bench.consumerGroup}`;
  return `mqbench consumer: topic ${bench.topic} at ${bench.namesrvAddr}, ${how}, ${lengthText(bench, values)}`;
}

/** What Apache's tool says first. */
function classicHeader(values: Values, { consumerGroup, filter }: ConsumerBenchOptions): string {
  const { topic, threadCount, groupPrefixEnable, filterType = null, expression = null, msgTraceEnable, aclEnable, reportInterval } = values;
  const rows = [
    `topic: ${topic}, threadCount ${threadCount}, group: ${consumerGroup}, suffix: ${groupPrefixEnable}, filterType: ${filterType}, expression: ${expression}, msgTraceEnable: ${msgTraceEnable}, aclEnable: ${aclEnable}, reportInterval: ${reportInterval}`,
    ...(filter === undefined ? [] : [`Expression: ${filter.expression}`]),
    'Consumer Started.',
  ];
  return rows.join('\n');
}

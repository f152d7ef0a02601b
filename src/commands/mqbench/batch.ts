import type { BatchBenchOptions } from '../../bench/batch-bench.js';
import type { BatchResult } from '../../bench/kind-results.js';
import { apacheBatchLine, batchReport } from '../../bench/kind-text.js';
import { wholeNumber } from '../../bench/text.js';
import { signingKeys } from '../../cli/credentials.js';
import { dateTimeMs } from '../../cli/format.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { classicOption, lengthOf, rateOption, warmupOption } from './kind-options.js';
import {
  accessOptions,
  DEFAULT_NAMESRV_ADDR,
  durationOption,
  jsonOption,
  lengthText,
  reportOption,
  topicOption,
} from './shared-options.js';

const options = defineOptions({
  ...topicOption,
  threadCount: { short: 'w', kind: 'int', default: 64, min: 1, max: 100_000, text: 'Batches on their way at once, Default: 64' },
  messageSize: { short: 's', kind: 'int', default: 128, min: 1, max: 4 * 1024 * 1024, text: 'Message Size, Default: 128' },
  batchSize: { short: 'b', kind: 'int', default: 16, min: 1, max: 65_536, text: 'Messages in a batch, Default: 16' },
  keyEnable: { short: 'k', kind: 'boolean', default: false, text: 'Message Key Enable, Default: false' },
  propertySize: { short: 'p', kind: 'int', default: 0, min: 0, max: 32_767, text: 'Bytes of user properties of each message, Default: 0' },
  tagCount: { short: 'l', kind: 'int', default: 0, min: 0, max: 10_000, text: 'Tag count, Default: 0' },
  ...accessOptions,
  compressEnable: { short: 'c', kind: 'boolean', default: false, text: 'Accepted; a batch is never compressed' },
  compressType: { short: 'ct', default: 'ZLIB', text: 'Accepted, as -c' },
  compressLevel: { short: 'cl', kind: 'int', default: 5, min: 0, max: 9, text: 'Accepted, as -c' },
  compressOverHowMuch: { short: 'ch', kind: 'int', default: 4096, min: 0, text: 'Accepted, as -c' },
  ...reportOption,
  messageQuantity: {
    short: 'q',
    kind: 'int',
    own: true,
    min: 0,
    text: 'Messages to send, rounded up to whole batches (0 = until --duration ends)',
  },
  group: { short: 'g', own: true, default: 'benchmark_batch_producer', text: 'Producer group' },
  ...durationOption,
  ...rateOption,
  ...warmupOption,
  ...classicOption,
  ...jsonOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

/** `mqbench batch`. */
export default class BatchCommand extends BenchCommand<typeof options, BatchResult> {
  static override summary = 'Send messages in batches and measure batches and messages per second';
  static override description =
    "Takes the options of Apache's BatchProducer. Rates and counts are in messages, latencies are those of batches. --classic prints the lines\n" +
    "of Apache's tool. Ctrl-C ends the run and shows the result so far.";
  static override examples = [
    'mqbench batch -n 127.0.0.1:9876 -t BenchmarkTest -w 16 -b 32 -s 128 --duration 10s',
    'mqbench batch -n 127.0.0.1:9876 -b 16 --rate 20000 --duration 30s --warmup 5s --json result.json',
    'mqbench batch -n 127.0.0.1:9876 -b 16 -ri 1000 --classic --duration 10s',
  ];
  static override options = options;

  protected override async execute(values: Values, context: CommandContext): Promise<BatchResult> {
    const bench = await benchOptions(values, context);
    const { checkBatch, runBatchBench } = await import('../../bench/batch-bench.js');
    checkBatch(bench);
    return this.runBench(
      {
        opening: values.classic ? classicHeader(values) : openingLine(bench, values),
        verb: 'sent',
        classic: values.classic,
        plainLine: (snapshot) => apacheBatchLine(snapshot, { time: dateTimeMs(Date.now()), batchSize: bench.batchSize }),
        plainIntervalMs: values.reportInterval,
      },
      context,
      { jsonFile: values.json, run: (hooks) => runBatchBench(bench, hooks) },
    );
  }

  protected override renderText(result: BatchResult, out: Output, values: Values): void {
    if (!values.classic) {
      out.text(batchReport(result));
    }
  }
}

async function benchOptions(values: Values, context: CommandContext): Promise<BatchBenchOptions> {
  const credentials = await signingKeys(values, context.io.env);
  return {
    namesrvAddr: values.namesrvAddr ?? DEFAULT_NAMESRV_ADDR,
    msgTraceEnable: values.msgTraceEnable,
    topic: values.topic,
    producerGroup: values.group,
    bodyBytes: values.messageSize,
    batchSize: values.batchSize,
    inFlight: values.threadCount,
    warmupMs: values.warmup ?? 0,
    keys: values.keyEnable,
    tagCount: values.tagCount,
    propertyBytes: values.propertySize,
    ...lengthOf(values),
    ...(values.rate === undefined ? {} : { rate: values.rate }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

function openingLine(bench: BatchBenchOptions, values: Values): string {
  const pace = bench.rate === undefined ? `${wholeNumber(bench.inFlight)} batches in flight` : `${wholeNumber(bench.rate)} msg/s`;
  return `mqbench batch: topic ${bench.topic} at ${bench.namesrvAddr}, batches of ${bench.batchSize} x ${wholeNumber(bench.bodyBytes)} B, ${pace}, ${lengthText(bench, values)}`;
}

/** What Apache's tool says first. */
function classicHeader(values: Values): string {
  const { topic, threadCount, messageSize, batchSize, keyEnable, propertySize, tagCount } = values;
  const { msgTraceEnable, aclEnable, compressEnable, reportInterval, compressType, compressLevel } = values;
  return (
    `topic: ${topic}, threadCount: ${threadCount}, messageSize: ${messageSize}, batchSize: ${batchSize}, keyEnable: ${keyEnable}, ` +
    `propertySize: ${propertySize}, tagCount: ${tagCount}, traceEnable: ${msgTraceEnable}, aclEnable: ${aclEnable}\n` +
    ` compressEnable: ${compressEnable}, reportInterval: ${reportInterval}` +
    (compressEnable ? `\ncompressType: ${compressType} compressLevel: ${compressLevel}` : '')
  );
}

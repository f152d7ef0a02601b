import { fittingInFlight } from '../../bench/in-flight.js';
import { largestBody } from '../../bench/payload/sizes.js';
import type { ProducerBenchOptions } from '../../bench/producer-bench.js';
import type { ProducerResult } from '../../bench/result.js';
import { apacheCompleteLine, apacheSendLine, producerReport, wholeNumber } from '../../bench/text.js';
import { signingKeys } from '../../cli/credentials.js';
import { dateTimeMs } from '../../cli/format.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { parseCompressionType } from '../../common/compression.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { classicOption, lengthOf } from './kind-options.js';
import { bodiesText, payloadOf, payloadOptions } from './payload-options.js';
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
  threadCount: {
    short: 'w',
    kind: 'int',
    min: 1,
    max: 100_000,
    text: 'Messages on their way at once, Default: 64 (with --rate 10000, fewer of large bodies)',
  },
  messageSize: { short: 's', kind: 'int', default: 128, min: 1, max: 4 * 1024 * 1024, text: 'Message Size, Default: 128' },
  keyEnable: { short: 'k', kind: 'boolean', default: false, text: 'Message Key Enable, Default: false' },
  tagCount: { short: 'l', kind: 'int', default: 0, min: 0, max: 10_000, text: 'Tag count, Default: 0' },
  ...accessOptions,
  messageQuantity: { short: 'q', kind: 'int', min: 0, text: 'Number of messages to send, Default: 0 (until --duration ends)' },
  delayEnable: { short: 'd', kind: 'boolean', default: false, text: 'Delay message Enable, Default: false' },
  delayLevel: { short: 'e', kind: 'int', default: 1, min: 1, text: 'Delay message level, Default: 1' },
  asyncEnable: { short: 'y', kind: 'boolean', default: false, text: 'Accepted; sends never wait for one another here' },
  compressEnable: { short: 'c', kind: 'boolean', default: false, text: 'Enable compress msg over 4K, Default: false' },
  compressType: { short: 'ct', default: 'ZLIB', text: 'Message compressed type, Default: ZLIB' },
  compressLevel: { short: 'cl', kind: 'int', default: 5, min: 0, max: 9, text: 'Message compressed level, Default: 5' },
  compressOverHowMuch: { short: 'ch', kind: 'int', default: 4096, min: 0, text: 'Compress message when size over, Default: 4096' },
  ...reportOption,
  group: { short: 'g', own: true, default: 'benchmark_producer', text: 'Producer group' },
  ...durationOption,
  rate: { kind: 'decimal', own: true, min: 0.001, text: 'Messages per second, planned evenly; latency counts from the planned time' },
  warmup: { kind: 'duration', own: true, text: 'Sends for so long before it measures, eg: 5s' },
  ...classicOption,
  ...payloadOptions,
  ...workersOption,
  ...jsonOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

/** `mqbench producer`. */
export default class ProducerCommand extends BenchCommand<typeof options, ProducerResult> {
  static override summary = 'Send messages as fast as the broker answers, or at a fixed rate, and measure';
  static override description =
    "Takes the options of Apache's benchmark producer. On a terminal a live line shows rate and latency; otherwise there is a line each\n" +
    "report interval, as Apache's tool prints it. Ctrl-C ends the run and shows the result so far.\n" +
    'Exit code 0 when messages were sent, whatever failed beside them (it is a warning, and counted; --assert send.errors==0 makes it 99);\n' +
    '3 when nothing could be sent, or nothing any more at the end: the result so far is then marked partial.';
  static override examples = [
    'mqbench producer -n 127.0.0.1:9876 -t BenchmarkTest -w 64 -s 128 --duration 10s --warmup 2s',
    'mqbench producer -n 127.0.0.1:9876 --rate 10000 --duration 30s --json result.json',
    'mqbench producer -n 127.0.0.1:9876 -q 100000 --json',
    'mqbench producer -n 127.0.0.1:9876 --workers 2 -w 64 --duration 10s',
    'mqbench producer -n 127.0.0.1:9876 -t BenchmarkTest -q 100000 --sizes 128:70,1k-4k:30 --ordered --keys 1000 --key-distribution zipf:1.1',
    'mqbench producer -n 127.0.0.1:9876 -w 64 -ri 1000 -q 100000 --classic',
    'mqbench producer --embedded --duration 10s',
  ];
  static override options = options;

  protected override async execute(values: Values, context: CommandContext): Promise<ProducerResult> {
    const bench = await benchOptions(values, context);
    const team = await workerTeam(values, context.io.env);
    const { benchProducer } = await import('../../bench/workers/bench-on-workers.js');
    return this.runBench(
      {
        opening: values.classic ? classicHeader(values, bench) : `${openingLine(bench, values)}${workersText(team)}`,
        verb: 'sent',
        classic: values.classic,
        plainLine: (snapshot) => apacheSendLine(snapshot, dateTimeMs(Date.now())),
        plainIntervalMs: values.reportInterval,
      },
      context,
      { jsonFile: values.json, run: (hooks) => benchProducer(bench, team, hooks) },
    );
  }

  protected override renderText(result: ProducerResult, out: Output, values: Values): void {
    // Apache's tool says it only of a run that has a number of messages.
    if (!values.classic || result.config.quantity !== undefined) {
      out.line(apacheCompleteLine(result));
    }
    if (!values.classic) {
      out.text(producerReport(result));
    }
  }
}

async function benchOptions(values: Values, context: CommandContext): Promise<ProducerBenchOptions> {
  const credentials = await signingKeys(values, context.io.env);
  const payload = payloadOf(values);
  return {
    namesrvAddr: values.namesrvAddr ?? DEFAULT_NAMESRV_ADDR,
    msgTraceEnable: values.msgTraceEnable,
    topic: values.topic,
    producerGroup: values.group,
    ...payload,
    inFlight: values.threadCount ?? (values.rate === undefined ? 64 : fittingInFlight(largestBody(payload))),
    warmupMs: values.warmup ?? 0,
    ...lengthOf(values),
    ...(values.rate === undefined ? {} : { rate: values.rate }),
    ...(values.delayEnable ? { delayTimeLevel: values.delayLevel } : {}),
    ...(values.compressEnable ? { compress: compressOptions(values) } : {}),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

function compressOptions(values: Values): NonNullable<ProducerBenchOptions['compress']> {
  return { type: parseCompressionType(values.compressType), level: values.compressLevel, overBytes: values.compressOverHowMuch };
}

function openingLine(bench: ProducerBenchOptions, values: Values): string {
  const pace = bench.rate === undefined ? `${wholeNumber(bench.inFlight)} in flight` : `${wholeNumber(bench.rate)} msg/s`;
  return `mqbench producer: topic ${bench.topic} at ${bench.namesrvAddr}, ${bodiesText(values)}, ${pace}, ${lengthText(bench, values)}`;
}

/** What Apache's tool says first. */
function classicHeader(values: Values, { inFlight }: ProducerBenchOptions): string {
  const { topic, messageSize, keyEnable, tagCount, msgTraceEnable, aclEnable, messageQuantity = 0, delayEnable, delayLevel } = values;
  const { asyncEnable, compressEnable, compressType, compressLevel, reportInterval } = values;
  return (
    `topic: ${topic}, threadCount: ${inFlight}, messageSize: ${messageSize}, keyEnable: ${keyEnable}, propertySize: 0, tagCount: ${tagCount}, ` +
    `traceEnable: ${msgTraceEnable}, aclEnable: ${aclEnable}, messageQuantity: ${messageQuantity}, delayEnable: ${delayEnable}, ` +
    `delayLevel: ${delayLevel}, asyncEnable: ${asyncEnable}\n compressEnable: ${compressEnable}, reportInterval: ${reportInterval}` +
    (compressEnable ? `\ncompressType: ${compressType} compressLevel: ${compressLevel}` : '')
  );
}

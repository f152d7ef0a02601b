import { fittingInFlight } from '../../bench/in-flight.js';
import { soakReport, soakSampleLine } from '../../bench/plans/plan-text.js';
import type { SoakParts, SoakResult } from '../../bench/plans/soak.js';
import { apacheSendLine, seconds, wholeNumber } from '../../bench/text.js';
import { signingKeys } from '../../cli/credentials.js';
import { dateTimeMs } from '../../cli/format.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import { type Output, toJson } from '../../cli/output.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { accessOptions, DEFAULT_NAMESRV_ADDR, jsonOption, reportOption, topicOption } from './shared-options.js';

const options = defineOptions({
  ...topicOption,
  threadCount: {
    short: 'w',
    kind: 'int',
    min: 1,
    max: 100_000,
    text: 'Messages on their way at once, at most, Default: 10000, fewer of large bodies',
  },
  messageSize: { short: 's', kind: 'int', default: 128, min: 1, max: 4 * 1024 * 1024, text: 'Message Size, Default: 128' },
  rate: { kind: 'decimal', own: true, default: 1000, min: 0.001, text: 'Messages per second, planned evenly, Default: 1000' },
  duration: { kind: 'duration', own: true, default: '1h', text: 'Length of the run, eg: 4h, Default: 1h' },
  warmup: { kind: 'duration', own: true, default: '10s', text: 'Sends for so long before it measures, Default: 10s' },
  sample: { kind: 'duration', own: true, text: 'Length of a sample, Default: a 200th of the run, 1s to 60s' },
  tolerance: {
    kind: 'decimal',
    own: true,
    default: 10,
    min: 0,
    max: 1000,
    text: 'A change of so many percent over the run is none, Default: 10',
  },
  sendOnly: { kind: 'flag', own: true, long: 'send-only', text: 'Consume nothing' },
  group: { short: 'g', own: true, default: 'benchmark_soak', text: 'Producer and consumer group' },
  ...accessOptions,
  ...reportOption,
  ...jsonOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

/** `mqbench soak`. */
export default class SoakCommand extends BenchCommand<typeof options, SoakResult> {
  static override summary = 'Send and consume for hours at a steady rate, and look for drift and leaks';
  static override description =
    'Looks at the slopes of rates, p99 and the memory of generator and brokers (where they run on this machine). With --json FILE the result\n' +
    'so far is written with each sample, so that a crash keeps what was measured. Ctrl-C ends the run and shows the result so far.';
  static override examples = [
    'mqbench soak -n 127.0.0.1:9876 -t BenchmarkTest --rate 5000 --duration 4h --json soak.json',
    'mqbench soak --embedded --rate 1000 --duration 10m --sample 5s',
  ];
  static override options = options;

  protected override async execute(values: Values, context: CommandContext): Promise<SoakResult> {
    const { runSoak } = await import('../../bench/plans/soak.js');
    const { loadHistograms } = await import('../../bench/latency-histogram.js');
    await loadHistograms();
    const parts = await soakParts(values, context);
    const at = values.namesrvAddr ?? DEFAULT_NAMESRV_ADDR;
    return this.runBench(
      {
        opening: `mqbench soak: topic ${values.topic} at ${at}, ${wholeNumber(values.messageSize)} B bodies, ${wholeNumber(values.rate)} msg/s, for ${seconds(values.duration)} after ${seconds(values.warmup)} of warm-up`,
        verb: 'sent',
        plainLine: (snapshot) => apacheSendLine(snapshot, dateTimeMs(Date.now())),
        plainIntervalMs: values.reportInterval,
      },
      context,
      { jsonFile: values.json, run: (hooks) => runSoak(parts, hooks) },
    );
  }

  protected override renderText(result: SoakResult, out: Output): void {
    out.text(soakReport(result));
  }
}

const LONGEST_SAMPLE_MS = 60_000;

async function soakParts(values: Values, context: CommandContext): Promise<SoakParts> {
  const [{ runProducerBench }, { runConsumerBench }, { soakProbe }, { writeFileWhole }] = await Promise.all([
    import('../../bench/producer-bench.js'),
    import('../../bench/consumer-bench.js'),
    import('../../bench/plans/soak-probe.js'),
    import('../../common/whole-file.js'),
  ]);
  const credentials = await signingKeys(values, context.io.env);
  const at = {
    namesrvAddr: values.namesrvAddr ?? DEFAULT_NAMESRV_ADDR,
    topic: values.topic,
    msgTraceEnable: values.msgTraceEnable,
    ...(credentials === undefined ? {} : { credentials }),
  };
  const sampleMs = values.sample ?? Math.min(LONGEST_SAMPLE_MS, Math.max(1000, values.duration / 200));
  const load = { bodyBytes: values.messageSize, inFlight: values.threadCount ?? fittingInFlight(values.messageSize), rate: values.rate };
  return {
    ...(await soakProbe(at)),
    send: (hooks) =>
      runProducerBench({ ...at, ...load, producerGroup: values.group, warmupMs: values.warmup, durationMs: values.duration }, hooks),
    ...(values.sendOnly
      ? {}
      : {
          receive: (hooks) =>
            runConsumerBench(
              { ...at, consumerGroup: values.group, concurrency: 20, warmupMs: values.warmup, durationMs: values.duration },
              hooks,
            ),
        }),
    sampleSeconds: sampleMs / 1000,
    tolerancePercent: values.tolerance,
    config: {
      ...{ namesrvAddr: at.namesrvAddr, topic: at.topic, ...load, sampleSeconds: sampleMs / 1000, tolerancePercent: values.tolerance },
      ...{ warmupSeconds: values.warmup / 1000, durationSeconds: values.duration / 1000 },
    },
    onSample: (sample, soFar) => {
      context.out.note(soakSampleLine(sample));
      if (values.json !== undefined && values.json !== '') {
        writeFileWhole(values.json, `${toJson(soFar())}\n`);
      }
    },
  };
}

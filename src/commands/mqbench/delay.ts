import type { EndOptions } from '../../bench/both-ends.js';
import { fittingInFlight } from '../../bench/in-flight.js';
import type { TimerResult } from '../../bench/kind-results.js';
import { apacheTimerSendLine, timerReport } from '../../bench/kind-text.js';
import { seconds, wholeNumber } from '../../bench/text.js';
import type { TimerBenchOptions } from '../../bench/timer-bench.js';
import type { TimerSchedule } from '../../bench/timer-schedule.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { UsageError } from '../../common/errors.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { deliveryOptions } from './delivery-options.js';
import { bothEndsOf, bothEndsOptions } from './kind-options.js';
import { jsonOption, lengthText, runLength } from './shared-options.js';
import { timerHooks } from './timer-hooks.js';

const options = defineOptions({
  ...bothEndsOptions,
  threadCount: {
    short: 'w',
    kind: 'int',
    min: 1,
    max: 100_000,
    text: 'Messages on their way at once, at most, Default: 10000, fewer of large bodies',
  },
  delayLevel: { short: 'e', kind: 'int', min: 1, text: 'Delay message level, Default: 1' },
  after: { kind: 'duration', own: true, text: 'In place of a level: delivered so long after the send, eg: 2s (brokers of 5.x)' },
  until: { kind: 'duration', own: true, text: 'With --after: up to so long after the send, evenly' },
  group: { short: 'g', own: true, default: 'benchmark_delay', text: 'Consumer and producer group' },
  rate: { kind: 'decimal', own: true, default: 1000, min: 0.001, text: 'Messages per second, planned evenly, Default: 1000' },
  settle: {
    kind: 'duration',
    own: true,
    default: 10_000,
    text: 'Waits so long after the last due time for what has not come, Default: 10s',
  },
  seed: { kind: 'int', own: true, default: 1, text: 'Seed of the times between --after and --until' },
  ...deliveryOptions,
  ...jsonOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

/** `mqbench delay`. */
export default class DelayCommand extends BenchCommand<typeof options, TimerResult> {
  static override summary = 'Send delayed messages at a rate and measure how late, or early, they are delivered';
  static override description =
    'Sends with a delay level, as mqbench producer -d -e does, or for any time after the send, and consumes in the same process. Lateness\n' +
    'counts from the send plus the delay to the listener. Lost and doubled messages fail the run.';
  static override examples = [
    'mqbench delay -n 127.0.0.1:9876 -t BenchmarkTest -e 1 --rate 1000 --duration 10s',
    'mqbench delay -n 127.0.0.1:9876 -t BenchmarkTest --after 1s --until 5s --rate 500 --duration 10s --json',
  ];
  static override options = options;

  protected override async execute(values: Values, context: CommandContext): Promise<TimerResult> {
    if (values.delayLevel !== undefined && values.after !== undefined) {
      throw new UsageError('-e and --after are two kinds of delay; leave one out');
    }
    const ends = await bothEndsOf(values, context.io.env);
    const bench: TimerBenchOptions = {
      ...ends,
      kind: 'delay',
      role: 'both',
      producerGroup: values.group,
      consumerGroup: values.group,
      inFlight: values.threadCount ?? fittingInFlight(values.messageSize),
      concurrency: 20,
      schedule: await scheduleOf(values, ends),
      rate: values.rate,
      settleMs: values.settle,
      seed: values.seed,
      ...runLength(values),
    };
    const { checkTimer, runTimerBench } = await import('../../bench/timer-bench.js');
    checkTimer(bench);
    const say = (line: string): void => (values.json === '' ? context.out.note(line) : context.out.line(line));
    return this.runBench(
      {
        opening: `mqbench delay: topic ${bench.topic} at ${bench.namesrvAddr}, ${wholeNumber(bench.bodyBytes)} B bodies, ${delayText(bench.schedule)}, ${wholeNumber(values.rate)} msg/s, ${lengthText(bench, values)}`,
        verb: 'delivered',
        direction: 'receive',
        plainLine: apacheTimerSendLine,
        plainIntervalMs: values.reportInterval,
      },
      context,
      { jsonFile: values.json, run: (hooks) => runTimerBench(bench, timerHooks({ hooks, role: 'both', context, classic: false, say })) },
    );
  }

  protected override renderText(result: TimerResult, out: Output): void {
    out.text(timerReport(result));
  }
}

async function scheduleOf({ after, until, delayLevel }: Values, ends: EndOptions): Promise<TimerSchedule> {
  if (after === undefined) {
    if (until !== undefined) {
      throw new UsageError('--until is the end of a span that --after begins; give both');
    }
    const level = delayLevel ?? 1;
    const { delayLevelMs } = await import('../../bench/delay-levels.js');
    return { kind: 'level', level, levelMs: await delayLevelMs(ends, level) };
  }
  if (until !== undefined && until < after) {
    throw new UsageError(`--until ${seconds(until)} lies before --after ${seconds(after)}`);
  }
  return { kind: 'span', minMs: after, maxMs: until ?? after };
}

function delayText(schedule: TimerSchedule): string {
  if (schedule.kind === 'level') {
    return `delay level ${schedule.level} (${seconds(schedule.levelMs)})`;
  }
  return schedule.kind === 'span' && schedule.minMs < schedule.maxMs
    ? `${seconds(schedule.minMs)} to ${seconds(schedule.maxMs)} after the send`
    : `${seconds(schedule.kind === 'span' ? schedule.minMs : 0)} after the send`;
}

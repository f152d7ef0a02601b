import type { TimerResult } from '../../bench/kind-results.js';
import { apacheTimerSendLine, timerReport } from '../../bench/kind-text.js';
import { seconds, wholeNumber } from '../../bench/text.js';
import type { TimerBenchOptions } from '../../bench/timer-bench.js';
import { signingKeys } from '../../cli/credentials.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { UsageError } from '../../common/errors.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { deliveryOptions } from './delivery-options.js';
import { classicOption, lengthOf, rateOption } from './kind-options.js';
import { accessOptions, DEFAULT_NAMESRV_ADDR, durationOption, jsonOption, reportOption, topicOption } from './shared-options.js';
import { timerHooks } from './timer-hooks.js';

const options = defineOptions({
  ...topicOption,
  threadCount: { short: 'tc', kind: 'int', min: 1, max: 100_000, text: 'Messages on their way at once, default: 64 (--classic: 16)' },
  messageSize: { short: 'ms', kind: 'int', min: 1, max: 4 * 1024 * 1024, text: 'Message Size, default: 128 (--classic: 1024)' },
  precisionMs: { short: 'p', kind: 'int', default: 1000, min: 1, text: 'Precision (ms) for TimerMessage, default: 1000' },
  slotsTotal: { short: 'st', kind: 'int', default: 100, min: 1, text: 'Send messages to how many slots, default: 100' },
  msgsTotalPerSlotThread: {
    short: 'mt',
    kind: 'int',
    min: 1,
    text: 'Messages for each slot and each thread, default: 100 (--classic: 5000)',
  },
  slotDis: { short: 'sd', kind: 'int', default: 1000, min: 0, text: 'Time distance between two slots, default: 1000' },
  ...accessOptions,
  ...reportOption,
  role: { own: true, text: 'producer, consumer (measures what arrives with a due time), both; Default: both (--classic: producer)' },
  group: { short: 'g', own: true, text: 'Consumer group, Default: benchmark_timer (--classic: benchmark_consumer)' },
  first: { kind: 'duration', own: true, text: 'From the start to the first slot, Default: 10s (--classic: 2m)' },
  settle: { kind: 'duration', own: true, default: 10_000, text: 'Waits so long after the last slot for what has not come, Default: 10s' },
  messageQuantity: {
    short: 'q',
    kind: 'int',
    own: true,
    min: 0,
    text: 'With --role consumer: messages to consume (0 = until --duration ends)',
  },
  ...durationOption,
  ...rateOption,
  seed: { kind: 'int', own: true, default: 1, text: 'Seed of the order in which slots are sent' },
  ...deliveryOptions,
  ...classicOption,
  ...jsonOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

/** `mqbench timer`. */
export default class TimerCommand extends BenchCommand<typeof options, TimerResult> {
  static override summary = 'Send messages for set times and measure how late, or early, they are delivered';
  static override description =
    "Takes the options of Apache's TimerProducer and TimerConsumer and does the work of both; --role does that of one. Messages are sent in\n" +
    'random order for slots at equal distances. Lateness counts from the due time to the listener. Lost and doubled messages fail the run.';
  static override examples = [
    'mqbench timer -n 127.0.0.1:9876 -t BenchmarkTest -st 5 -mt 10 -tc 8 -sd 1000 --first 5s',
    'mqbench timer -n 127.0.0.1:9876 -t BenchmarkTest -st 3 -mt 5 --role producer --json',
    'mqbench timer -n 127.0.0.1:9876 -t BenchmarkTest --role consumer --classic -ri 1000 --duration 10s',
  ];
  static override options = options;

  protected override async execute(values: Values, context: CommandContext): Promise<TimerResult> {
    const bench = await benchOptions(values, context);
    const { checkTimer, runTimerBench } = await import('../../bench/timer-bench.js');
    checkTimer(bench);
    const say = (line: string): void => (values.json === '' ? context.out.note(line) : context.out.line(line));
    return this.runBench(
      {
        opening: values.classic ? classicHeader(bench) : openingLine(bench),
        verb: 'sent',
        direction: bench.role === 'consumer' ? 'receive' : 'send',
        classic: values.classic,
        plainLine: apacheTimerSendLine,
        plainIntervalMs: values.reportInterval,
      },
      context,
      {
        jsonFile: values.json,
        run: (hooks) => runTimerBench(bench, timerHooks({ hooks, role: bench.role, context, classic: values.classic, say })),
      },
    );
  }

  protected override renderText(result: TimerResult, out: Output, values: Values): void {
    if (!values.classic) {
      out.text(timerReport(result));
    }
  }
}

async function benchOptions(values: Values, context: CommandContext): Promise<TimerBenchOptions> {
  const credentials = await signingKeys(values, context.io.env);
  const { classic } = values;
  const inFlight = values.threadCount ?? (classic ? 16 : 64);
  const role = values.role ?? (classic ? 'producer' : 'both');
  if (role !== 'producer' && role !== 'consumer' && role !== 'both') {
    throw new UsageError(`--role ${role}: expected producer, consumer or both`);
  }
  return {
    kind: 'timer',
    role,
    namesrvAddr: values.namesrvAddr ?? DEFAULT_NAMESRV_ADDR,
    topic: values.topic,
    msgTraceEnable: values.msgTraceEnable,
    producerGroup: 'benchmark_producer',
    consumerGroup: values.group ?? (classic ? 'benchmark_consumer' : 'benchmark_timer'),
    bodyBytes: values.messageSize ?? (classic ? 1024 : 128),
    inFlight,
    concurrency: 20,
    schedule: {
      kind: 'slots',
      slots: values.slotsTotal,
      messagesPerSlot: inFlight * (values.msgsTotalPerSlotThread ?? (classic ? 5000 : 100)),
      distanceMs: values.slotDis,
      precisionMs: values.precisionMs,
      firstMs: values.first ?? (classic ? 120_000 : 10_000),
    },
    warmupMs: 0,
    settleMs: values.settle,
    seed: values.seed,
    ...(role === 'consumer' ? lengthOf(values) : {}),
    ...(values.rate === undefined ? {} : { rate: values.rate }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

function openingLine({ role, topic, namesrvAddr, consumerGroup, bodyBytes, schedule }: TimerBenchOptions): string {
  const where = `mqbench timer: topic ${topic} at ${namesrvAddr}`;
  if (role === 'consumer' || schedule.kind !== 'slots') {
    return `${where}, what arrives for group ${consumerGroup} with a due time`;
  }
  const { slots, messagesPerSlot, distanceMs, firstMs } = schedule;
  return `${where}, ${slots} slots of ${wholeNumber(messagesPerSlot)} messages of ${wholeNumber(bodyBytes)} B, one each ${seconds(distanceMs)}, the first after ${seconds(firstMs)}`;
}

/** What Apache's two tools say first. */
function classicHeader({ role, topic, namesrvAddr, bodyBytes, inFlight, schedule }: TimerBenchOptions): string {
  const where = `namesrvAddr: ${namesrvAddr}, topic: ${topic}`;
  if (role === 'consumer' || schedule.kind !== 'slots') {
    return where;
  }
  const { precisionMs, slots, messagesPerSlot, distanceMs } = schedule;
  return `${where}, threadCount: ${inFlight}, messageSize: ${bodyBytes}, precisionMs: ${precisionMs}, slotsTotal: ${slots}, msgsTotalPerSlotThread: ${messagesPerSlot / inFlight}, slotDis: ${distanceMs}`;
}

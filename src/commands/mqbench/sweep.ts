import { sweepReport, sweepRunLine } from '../../bench/plans/plan-text.js';
import type { SweepAxes, SweepCell, SweepPlan, SweepResult } from '../../bench/plans/sweep.js';
import type { BenchHooks } from '../../bench/progress.js';
import type { ProducerResult } from '../../bench/result.js';
import { apacheSendLine, seconds } from '../../bench/text.js';
import { signingKeys } from '../../cli/credentials.js';
import { dateTimeMs } from '../../cli/format.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { UsageError } from '../../common/errors.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { checkEmbedded, DEFAULT_QUEUES, flushDiskType, startEmbedded } from './embedded.js';
import { numberList } from './plan-lists.js';
import { accessOptions, DEFAULT_NAMESRV_ADDR, jsonOption, reportOption, topicOption } from './shared-options.js';

const options = defineOptions({
  ...topicOption,
  threads: { short: 'w', own: true, default: '1,8,64', text: 'Messages on their way at once, eg: 1,8,64' },
  size: { short: 's', own: true, default: '128,1024', text: 'Message sizes, eg: 128,1024' },
  ...accessOptions,
  queues: { own: true, text: 'With --embedded: queues of the topic on each broker, eg: 1,8, Default: 8' },
  flush: { own: true, text: 'With --embedded: eg ASYNC_FLUSH,SYNC_FLUSH, Default: ASYNC_FLUSH' },
  repeats: { kind: 'int', own: true, default: 3, min: 1, max: 1000, text: 'Runs of each combination, Default: 3' },
  seed: { kind: 'int', own: true, default: 1, min: 0, text: 'Seed of the order of the runs, Default: 1' },
  duration: { kind: 'duration', own: true, default: '10s', text: 'Length of each run, Default: 10s' },
  warmup: { kind: 'duration', own: true, default: '2s', text: 'Sends for so long before it measures, Default: 2s' },
  group: { short: 'g', own: true, default: 'benchmark_producer', text: 'Producer group' },
  ...reportOption,
  ...jsonOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

const MAX_SIZE = 4 * 1024 * 1024;

/** `mqbench sweep`. */
export default class SweepCommand extends BenchCommand<typeof options, SweepResult> {
  static override summary = 'Run every combination of threads, sizes, queues and flush, and print the table';
  static override description =
    'Every combination is run once, in random order, then again, so that a machine that changes meets all of them alike. With --embedded each\n' +
    'run has nodes of its own. Ctrl-C ends the sweep and shows what was measured.';
  static override examples = [
    'mqbench sweep -n 127.0.0.1:9876 -t BenchmarkTest --threads 1,16,64 --size 128,1024 --repeats 3',
    'mqbench sweep --embedded --threads 64 --size 1024 --queues 1,8 --flush ASYNC_FLUSH,SYNC_FLUSH --duration 5s --json sweep.json',
  ];
  static override options = options;

  /** Runs start nodes of their own, not the sweep. */
  protected override async surround(
    given: never,
    context: CommandContext,
    work: (values: never) => Promise<SweepResult>,
  ): Promise<SweepResult> {
    const { queues, flush, ...rest }: Values = given;
    checkEmbedded(rest, context.io.env);
    if (!rest.embedded && (queues !== undefined || flush !== undefined)) {
      const [name, text] = queues === undefined ? ['flush', flush] : ['queues', queues];
      throw new UsageError(`--${name} ${text}: a sweep changes no running broker; add --embedded`);
    }
    const alone = { ...rest, embedded: false, brokers: undefined };
    return super.surround(alone as never, context, () => work(given));
  }

  protected override async execute(values: Values, context: CommandContext): Promise<SweepResult> {
    const { runSweep, sweepCells } = await import('../../bench/plans/sweep.js');
    const plan: SweepPlan = { cells: sweepCells(axesOf(values), values.repeats), repeats: values.repeats, seed: values.seed };
    const count = plan.cells.length * plan.repeats;
    const each = values.duration + values.warmup;
    const runCell = await this.#runner(values, context);
    return this.runBench(
      {
        opening: `mqbench sweep: ${plan.cells.length} combinations, ${count} runs of ${seconds(each)}, about ${seconds(count * (each + (values.embedded ? 1500 : 300)))}`,
        verb: 'sent',
        plainLine: (snapshot) => apacheSendLine(snapshot, dateTimeMs(Date.now())),
        plainIntervalMs: values.reportInterval,
      },
      context,
      {
        jsonFile: values.json,
        run: (hooks) =>
          runSweep(plan, runCell, { ...hooks, config: configOf(values), onRun: (done) => context.out.note(sweepRunLine(done)) }),
      },
    );
  }

  async #runner(values: Values, context: CommandContext): Promise<(cell: SweepCell, hooks: BenchHooks) => Promise<ProducerResult>> {
    const { runProducerBench } = await import('../../bench/producer-bench.js');
    const credentials = await signingKeys(values, context.io.env);
    const run = (at: { namesrvAddr: string; topic: string }, cell: SweepCell, hooks: BenchHooks): Promise<ProducerResult> => {
      return runProducerBench(
        {
          ...at,
          ...{ producerGroup: values.group, bodyBytes: cell.messageSize, inFlight: cell.threads },
          ...{ msgTraceEnable: values.msgTraceEnable, warmupMs: values.warmup, durationMs: values.duration, seed: values.seed },
          ...(credentials === undefined ? {} : { credentials }),
        },
        hooks,
      );
    };
    if (!values.embedded) {
      const at = { namesrvAddr: values.namesrvAddr ?? DEFAULT_NAMESRV_ADDR, topic: values.topic };
      return (cell, hooks) => run(at, cell, hooks);
    }
    return async (cell, hooks) => {
      const nodes = await startEmbedded({ brokers: values.brokers ?? 1, flush: cell.flush ?? 'ASYNC_FLUSH' }, context.io.env);
      try {
        await nodes.createTopic('Benchmark', cell.queues ?? DEFAULT_QUEUES);
        return await run({ namesrvAddr: nodes.namesrvAddr, topic: 'Benchmark' }, cell, hooks);
      } finally {
        await nodes.stop();
      }
    };
  }

  protected override renderText(result: SweepResult, out: Output): void {
    out.text(sweepReport(result));
  }
}

function axesOf(values: Values): SweepAxes {
  return {
    threads: numberList('threads', values.threads, { min: 1, max: 100_000 }),
    messageSize: numberList('size', values.size, { min: 1, max: MAX_SIZE }),
    queues: values.queues === undefined ? [] : numberList('queues', values.queues, { min: 1, max: 65_536 }),
    flush: values.flush === undefined ? [] : [...new Set(values.flush.split(',').map((part) => flushDiskType(part.trim())))],
  };
}

function configOf(values: Values): Record<string, unknown> {
  return {
    ...(values.embedded
      ? { embedded: true, brokers: values.brokers ?? 1 }
      : { namesrvAddr: values.namesrvAddr ?? DEFAULT_NAMESRV_ADDR, topic: values.topic }),
    durationSeconds: values.duration / 1000,
    warmupSeconds: values.warmup / 1000,
  };
}

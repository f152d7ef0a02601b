import { statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { OmbOutcome } from '../../bench/omb/omb-run.js';
import type { Workload } from '../../bench/omb/workload.js';
import { workloadsReport } from '../../bench/omb/workload-text.js';
import type { BenchHooks } from '../../bench/progress.js';
import { type BenchResult, RESULT_SCHEMA } from '../../bench/result.js';
import { apacheSendLine, seconds, wholeNumber } from '../../bench/text.js';
import { signingKeys } from '../../cli/credentials.js';
import { dateTimeMs } from '../../cli/format.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import { type Output, toJson } from '../../cli/output.js';
import { MQError, StoreError, UsageError } from '../../common/errors.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { DEFAULT_NAMESRV_ADDR, embeddedOptions, jsonOption, reportOption } from './shared-options.js';
import { readWorkloadPlan, shippedWorkloads, type WorkloadPlan } from './workload-files.js';

const { queues: _, ...nodeOptions } = embeddedOptions;
const options = defineOptions({
  list: { kind: 'flag', own: true, text: 'Name the workload files that come with this package' },
  clusterName: { short: 'c', own: true, text: "Cluster, Default: the driver file's, else DefaultCluster" },
  ombResult: {
    own: true,
    long: 'omb-result',
    text: 'Write the result as the OpenMessaging Benchmark does, to this file or into this folder',
  },
  duration: { kind: 'duration', own: true, text: "In place of the file's testDurationMinutes, eg: 90s" },
  warmup: { kind: 'duration', own: true, text: "In place of the file's warmupDurationMinutes, eg: 10s" },
  rate: { kind: 'decimal', own: true, min: 0, text: "In place of the file's producerRate; 0 searches the highest" },
  sample: { kind: 'duration', own: true, text: 'Length of a sample of the series, Default: 10s' },
  keepTopics: { kind: 'flag', own: true, long: 'keep-topics', text: 'Leave the topics of the run there' },
  ...nodeOptions,
  ...reportOption,
  ...jsonOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

/** `mqbench run`. */
export default class RunCommand extends BenchCommand<typeof options, BenchResult> {
  static override summary = 'Run a workload file of the OpenMessaging Benchmark';
  static override description =
    'Takes a workload file (or the name of one that comes with this package) and, if wanted, the driver file for RocketMQ. A file with lists is\n' +
    'a template: every combination is run. Payload files are looked for beside the workload file. Ctrl-C ends the run and shows the result so far.';
  static override examples = [
    'mqbench run simple-workload-mini --embedded',
    'mqbench run workload.yaml driver-rocketmq.yaml --omb-result result.json',
    'mqbench run max-rate-1-topic-16-partitions-1kb -n 127.0.0.1:9876 --duration 1m --json result.json',
    'mqbench run --list',
  ];
  static override options = options;
  static override extraWords = 'keep' as const;
  #plan: WorkloadPlan | undefined;

  /** The file is read before anything is started: it may be wrong, and it may say how brokers flush. */
  protected override async surround(
    given: never,
    context: CommandContext,
    work: (values: never) => Promise<BenchResult>,
  ): Promise<BenchResult> {
    const values: Values = given;
    if (values.list) {
      return { list: shippedWorkloads() } as unknown as BenchResult;
    }
    const [workload, driver, ...more] = context.words;
    if (workload === undefined || more.length > 0) {
      throw new UsageError('give a workload file and, if wanted, a driver file: mqbench run workload.yaml [driver.yaml]', {
        hint: 'mqbench run --list names those that come with this package',
      });
    }
    const plan = await readWorkloadPlan(workload, driver);
    this.#plan = { ...plan, workloads: plan.workloads.map((one) => changed(one, values)) };
    for (const warning of plan.warnings) {
      context.out.note(`note: ${warning}`);
    }
    const { ombResult } = values;
    if (ombResult !== undefined && plan.workloads.length > 1 && !isDirectory(ombResult)) {
      throw new UsageError(`--omb-result ${ombResult}: ${plan.workloads.length} workloads need a folder that is there`);
    }
    const flush = values.flush ?? (values.embedded ? plan.workloads[0]?.flush : undefined);
    return super.surround((flush === undefined ? values : { ...values, flush }) as never, context, work as never);
  }

  protected override execute(values: Values, context: CommandContext): Promise<BenchResult> {
    const plan = this.#plan as WorkloadPlan;
    return this.runBench(
      {
        opening: openingLine(plan.workloads[0] as Workload, addressOf(values, plan)),
        verb: 'sent',
        plainLine: (snapshot) => apacheSendLine(snapshot, dateTimeMs(Date.now())),
        plainIntervalMs: values.reportInterval,
      },
      context,
      { jsonFile: values.json, run: (hooks) => this.#runAll(values, context, hooks) },
    );
  }

  /** One workload after the other. The first that fails is the last; what was measured before comes back, marked as partial. */
  async #runAll(values: Values, context: CommandContext, hooks: BenchHooks): Promise<BenchResult> {
    const plan = this.#plan as WorkloadPlan;
    const { workloads } = plan;
    const results: BenchResult[] = [];
    for (const [index, workload] of workloads.entries()) {
      if (index > 0) {
        const opening = openingLine(workload, addressOf(values, plan));
        values.json === '' ? context.out.note(opening) : context.out.line(opening);
      }
      try {
        const { result, omb } = await this.#runOne(workload, { values, context, hooks });
        results.push(result);
        await writeOmbResult(values.ombResult, omb, { plan, workload });
      } catch (error) {
        if (results.length === 0 || !(error instanceof MQError)) throw error;
        if (workloads.length === 1) {
          error.context.result = results[0];
          throw error;
        }
        return { ...together(results, plan), ...failureOf(index, plan, error.message) };
      }
      const last = results.at(-1);
      if (last?.interrupted === true || last?.partial === true) break;
    }
    return workloads.length === 1 ? (results[0] as BenchResult) : together(results, plan);
  }

  async #runOne(
    workload: Workload,
    { values, context, hooks }: { values: Values; context: CommandContext; hooks: BenchHooks },
  ): Promise<OmbOutcome> {
    const { driver, file } = this.#plan as WorkloadPlan;
    const { runOmbWorkload } = await import('../../bench/omb/omb-run.js');
    const credentials = (await signingKeys(values, context.io.env)) ?? driver.credentials;
    const cluster = {
      namesrvAddr: addressOf(values, this.#plan as WorkloadPlan),
      clusterName: values.clusterName ?? (values.embedded ? undefined : driver.clusterName) ?? 'DefaultCluster',
      ...(credentials === undefined ? {} : { credentials }),
    };
    const run = {
      workload,
      driver,
      cluster,
      workloadFile: file,
      keepTopics: values.keepTopics,
      note: (text: string) => context.out.note(text),
      ...(values.sample === undefined ? {} : { sampleMs: values.sample }),
    };
    return runOmbWorkload(run, hooks);
  }

  protected override renderText(result: BenchResult, out: Output): void {
    const { list } = result as unknown as { list?: readonly string[] };
    out.text(list === undefined ? workloadsReport(result) : `${list.join('\n')}\n`);
  }
}

/** The workload with what the options say instead. */
function changed(workload: Workload, values: Values): Workload {
  const { duration, warmup, rate } = values;
  if (rate === 0 && (workload.consumerBacklogSizeGB > 0 || workload.consumerPerSubscription === 0)) {
    throw new UsageError('--rate 0 searches a rate: it needs consumers, and a backlog would mislead it');
  }
  return {
    ...workload,
    ...(duration === undefined ? {} : { testDurationMs: duration, testDurationMinutes: duration / 60_000 }),
    ...(warmup === undefined ? {} : { warmupDurationMs: warmup, warmupDurationMinutes: warmup / 60_000 }),
    ...(rate === undefined ? {} : { producerRate: rate }),
  };
}

function addressOf({ namesrvAddr }: Values, { driver }: WorkloadPlan): string {
  return namesrvAddr ?? driver.namesrvAddr ?? DEFAULT_NAMESRV_ADDR;
}

function openingLine(workload: Workload, namesrvAddr: string): string {
  const { name, producerRate, messageSize, testDurationMs, warmupDurationMs, topics, partitionsPerTopic } = workload;
  const pace = producerRate === 0 ? 'the highest rate' : `${wholeNumber(producerRate)} msg/s`;
  const length = testDurationMs === 0 ? 'until Ctrl-C' : `for ${seconds(testDurationMs)}`;
  return `mqbench run: ${name}: ${topics} x ${partitionsPerTopic} queues, ${wholeNumber(messageSize)} B bodies, ${pace}, ${length} after ${seconds(warmupDurationMs)} of warm-up at ${namesrvAddr}`;
}

/** Results of the workloads of a template. */
function together(results: readonly BenchResult[], plan: WorkloadPlan): BenchResult {
  const last = results.at(-1) as BenchResult;
  return {
    schema: RESULT_SCHEMA,
    kind: 'workloads',
    config: { file: plan.file },
    environment: last.environment,
    runs: results,
    ...(last.interrupted === true ? { interrupted: true } : {}),
    ...(last.partial === true ? failureOf(results.length - 1, plan, last.failure ?? 'it could not go on') : {}),
  };
}

function failureOf(index: number, { workloads }: WorkloadPlan, reason: string): { readonly partial: true; readonly failure: string } {
  return { partial: true, failure: `workload ${index + 1} of ${workloads.length} (${workloads[index]?.name}) failed: ${reason}` };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

async function writeOmbResult(
  target: string | undefined,
  omb: Record<string, unknown>,
  { plan, workload }: { plan: WorkloadPlan; workload: Workload },
): Promise<void> {
  if (target === undefined) {
    return;
  }
  const { ombFileName } = await import('../../bench/omb/omb-result.js');
  const isFolder = isDirectory(target);
  const name = plan.workloads.length > 1 ? workload.name.replace(/[^\w.-]+/g, '-') : basename(plan.file).replace(/\.ya?ml$/i, '');
  const file = isFolder ? join(target, ombFileName(name, plan.driver.name, new Date())) : target;
  try {
    await writeFile(file, `${toJson(omb)}\n`);
  } catch (error) {
    throw new StoreError(`--omb-result ${file} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

import { UsageError } from '../../common/errors.js';
import { type ConsumerBenchOptions, IDLE_LIMIT_MS, nothingReceived, ranDry, runConsumerBench } from '../consumer-bench.js';
import { judgeMerged } from '../delivery-merge.js';
import { ExpectedFile } from '../expected-file.js';
import { type ProducerBenchOptions, runProducerBench } from '../producer-bench.js';
import type { BenchHooks } from '../progress.js';
import type { ConsumerResult, ProducerResult } from '../result.js';
import { runOnWorkers } from './run-on-workers.js';
import { splitConsumer, splitProducer } from './split.js';
import { type WorkerTeam, workerCount } from './worker-list.js';

/** Sends a load from this process, or from a team of workers. The result is the same, with the workers in its environment. */
export async function benchProducer(
  options: ProducerBenchOptions,
  team: WorkerTeam | undefined,
  hooks: BenchHooks,
): Promise<ProducerResult> {
  if (team === undefined) {
    return runProducerBench(options, hooks);
  }
  refuseFiles(team, { '--payload-file': options.bodyFile, '--payload-lines': options.linesFile });
  const jobs = splitProducer(options, workerCount(team)).map((part) => ({ kind: 'producer' as const, options: part }));
  const { result } = await runOnWorkers<ProducerResult>({ team, jobs, whole: options, hooks });
  return result;
}

/** Consumes in this process, or with a team of workers that are members of one group. */
export async function benchConsumer(
  options: ConsumerBenchOptions,
  team: WorkerTeam | undefined,
  hooks: BenchHooks,
): Promise<ConsumerResult> {
  if (team === undefined) {
    return runConsumerBench(options, hooks);
  }
  if (options.expectFile !== undefined && options.durationMs === undefined) {
    throw new UsageError('--expect with several workers needs --duration: none of them knows when all has arrived');
  }
  refuseFiles(team, { '--expect': options.expectFile });
  const expectedFile = await ExpectedFile.open(options.expectFile);
  const jobs = splitConsumer(options, workerCount(team)).map((part) => ({ kind: 'consumer' as const, options: part }));
  const endsWhenIdle = options.durationMs === undefined && options.raw !== true;
  const { result: merged, isIdle } = await runOnWorkers<ConsumerResult>({
    team,
    jobs,
    whole: options,
    hooks,
    ...(options.quantity === undefined ? {} : { enough: options.quantity }),
    ...(endsWhenIdle ? { idleLimitMs: options.idleLimitMs ?? IDLE_LIMIT_MS } : {}),
  });
  const result = await judgeMerged(merged, expectedFile, hooks.signal);
  if (result.receive.count === 0 && result.receive.errors === 0 && hooks.signal?.aborted !== true) {
    throw nothingReceived(options);
  }
  if (isIdle) {
    throw ranDry(options, result);
  }
  return result;
}

/** Files are on this machine, and a worker at an address is elsewhere. */
function refuseFiles({ remote: [address] }: WorkerTeam, files: Readonly<Record<string, string | undefined>>): void {
  for (const [option, file] of Object.entries(files)) {
    if (file !== undefined && address !== undefined) {
      throw new UsageError(`${option} ${file}: worker ${address} cannot read files of this machine`, {
        hint: `leave ${option} out, or give a number of processes: --workers 4`,
      });
    }
  }
}

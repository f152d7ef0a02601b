import type { BenchHooks } from '../progress.js';
import type { BenchResult } from '../result.js';
import { PROGRESS_MS, type WorkerJob } from './protocol.js';

/** Does one worker's part in this process. */
export async function runJob(job: WorkerJob, hooks: BenchHooks): Promise<BenchResult> {
  const asPart: BenchHooks = { ...hooks, intervalMs: PROGRESS_MS, isPart: true };
  if (job.kind === 'producer') {
    const { runProducerBench } = await import('../producer-bench.js');
    return runProducerBench(job.options, asPart);
  }
  const { runConsumerBench } = await import('../consumer-bench.js');
  return runConsumerBench(job.options, asPart);
}

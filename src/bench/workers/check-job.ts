import { ProtocolError } from '../../common/errors.js';
import { checkOptions } from '../check-options.js';
import type { WorkerJob } from './protocol.js';

/** What every kind of job must say, and the largest number that makes sense there. */
const NEEDED: Readonly<Record<WorkerJob['kind'], Readonly<Record<string, 'text' | number>>>> = {
  producer: { namesrvAddr: 'text', topic: 'text', producerGroup: 'text', bodyBytes: 4 * 1024 * 1024, inFlight: 100_000, warmupMs: 1e9 },
  consumer: { namesrvAddr: 'text', topic: 'text', consumerGroup: 'text', concurrency: 1000, warmupMs: 1e9 },
};

/** Names of files are the coordinator's; this machine's are nobody else's affair. */
const NO_FILES = /file$/i;

/**
 * Takes a job that came over the network.
 * @throws MQError for one that makes no sense
 */
export function checkJob(job: unknown): WorkerJob {
  const { kind, options } = (job ?? {}) as { kind?: unknown; options?: unknown };
  if (typeof kind !== 'string' || !Object.hasOwn(NEEDED, kind) || !isObject(options)) {
    throw new ProtocolError('a job has a kind and options', { code: 'BAD_JOB' });
  }
  const given = options as Record<string, unknown>;
  for (const [key, wanted] of Object.entries(NEEDED[kind as WorkerJob['kind']])) {
    const value = given[key];
    const fits = wanted === 'text' ? typeof value === 'string' && value !== '' : typeof value === 'number' && value >= 0 && value <= wanted;
    if (!fits) {
      throw new ProtocolError(`the job's ${key} is ${JSON.stringify(value) ?? 'missing'}`, { code: 'BAD_JOB' });
    }
  }
  // A run without an end is the coordinator's to end.
  checkOptions({ ...given, kind }, { signal: new AbortController().signal });
  const file = Object.keys(given).find((key) => NO_FILES.test(key));
  if (file !== undefined) {
    throw new ProtocolError(`the job's ${file} names a file, and files are on the coordinator's machine`, { code: 'BAD_JOB' });
  }
  return job as WorkerJob;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

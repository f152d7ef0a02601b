import { UsageError } from '../../common/errors.js';
import { formatHostPort, splitHostPort } from '../../common/host.js';
import { MAX_BENCH_WORKERS } from '../../common/limits.js';

/** Where the workers of a run are: processes of this machine, and addresses of `mqbench worker`. */
export interface WorkerList {
  readonly local: number;
  readonly remote: readonly string[];
}

/**
 * Reads `4`, `10.0.0.7:7801,10.0.0.8:7801` and `2,10.0.0.7:7801`.
 * @throws UsageError
 */
export function parseWorkerList(text: string): WorkerList {
  let local = 0;
  const remote: string[] = [];
  for (const word of text.split(',').map((part) => part.trim())) {
    if (/^\d+$/.test(word)) {
      local += Number(word);
    } else {
      const { host, port } = splitHostPort(word);
      remote.push(formatHostPort(host, port));
    }
  }
  const count = workerCount({ local, remote });
  if (count < 1 || count > MAX_BENCH_WORKERS) {
    throw new UsageError(`--workers ${text}: between 1 and ${MAX_BENCH_WORKERS} workers`);
  }
  const twice = remote.find((address, index) => remote.indexOf(address) !== index);
  if (twice !== undefined) {
    throw new UsageError(`--workers ${text}: ${twice} is named twice, and a worker does one run at a time`);
  }
  return { local, remote };
}

/** Workers, and what those at addresses ask for. */
export interface WorkerTeam extends WorkerList {
  readonly token?: string;
}

export function workerCount({ local, remote }: WorkerList): number {
  return local + remote.length;
}

import type { WorkerTeam } from '../../bench/workers/worker-list.js';
import { defineOptions } from '../../cli/options.js';
import { UsageError } from '../../common/errors.js';

/** Where the load comes from. */
export const workersOption = defineOptions({
  workers: { own: true, text: 'Divide the load among so many processes' },
});

interface WorkersValues {
  readonly workers?: string | undefined;
}

/** The team that `--workers` asks for; undefined when the load comes from this process. */
export async function workerTeam(values: WorkersValues): Promise<WorkerTeam | undefined> {
  if (values.workers === undefined) {
    return undefined;
  }
  const { parseWorkerList } = await import('../../bench/workers/worker-list.js');
  const list = parseWorkerList(values.workers);
  if (list.remote.length > 0) {
    throw new UsageError(`--workers ${values.workers}: expected a number`);
  }
  return list;
}

/** `, 4 workers`, the end of an opening line. */
export function workersText(team: WorkerTeam | undefined): string {
  const count = team === undefined ? 0 : team.local + team.remote.length;
  return count === 0 ? '' : `, ${count} worker${count === 1 ? '' : 's'}`;
}

import { readFile } from 'node:fs/promises';
import type { WorkerTeam } from '../../bench/workers/worker-list.js';
import { defineOptions } from '../../cli/options.js';
import { UsageError } from '../../common/errors.js';

export const tokenOption = defineOptions({
  tokenFile: { long: 'token-file', own: true, text: `File with the token of mqbench worker; else the variable MQBENCH_WORKER_TOKEN` },
});

/** Where the load comes from. */
export const workersOption = defineOptions({
  workers: { own: true, text: 'Divide the load among so many processes, and mqbench worker at addresses, eg: 4; 2,10.0.0.7:7801' },
  ...tokenOption,
});

interface WorkersValues {
  readonly workers?: string | undefined;
  readonly tokenFile?: string | undefined;
}

/** The team that `--workers` asks for; undefined when the load comes from this process. */
export async function workerTeam(values: WorkersValues, env: NodeJS.ProcessEnv): Promise<WorkerTeam | undefined> {
  if (values.workers === undefined) {
    return undefined;
  }
  const { parseWorkerList } = await import('../../bench/workers/worker-list.js');
  const list = parseWorkerList(values.workers);
  if (list.remote.length === 0) {
    return list;
  }
  const token = await workerToken(values, env);
  if (token === undefined) {
    throw new UsageError(`worker ${list.remote[0]} asks for a token`, {
      hint: 'set MQBENCH_WORKER_TOKEN, or name its file: --token-file FILE',
    });
  }
  return { ...list, token };
}

/** The token of the file, else of the environment. Never an option's value: a process list shows those. */
export async function workerToken({ tokenFile }: WorkersValues, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (tokenFile === undefined) {
    return env.MQBENCH_WORKER_TOKEN?.trim() || undefined;
  }
  let token: string;
  try {
    token = (await readFile(tokenFile, 'utf8')).trim();
  } catch (error) {
    throw new UsageError(`--token-file ${tokenFile} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (token === '') {
    throw new UsageError(`--token-file ${tokenFile} is empty`);
  }
  return token;
}

/** `, 4 workers`, the end of an opening line. */
export function workersText(team: WorkerTeam | undefined): string {
  const count = team === undefined ? 0 : team.local + team.remote.length;
  return count === 0 ? '' : `, ${count} worker${count === 1 ? '' : 's'}`;
}

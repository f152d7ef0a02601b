import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import envPaths from 'env-paths';
import type { NodeKind } from '../config/index.js';
import { isRunning } from './process-identity.js';

/** What a running node writes down, so that `mqshutdown` and `clusterStatus` of the same user find it. */
export interface RunFile {
  readonly kind: NodeKind;
  readonly pid: number;
  /** Start time of the process; null where the platform does not tell. */
  readonly startTime: string | null;
  /** brokerName; empty for a name server. */
  readonly name: string;
  /** Where clients reach it. */
  readonly address: string;
  readonly listenPort: number;
  /** Store folder of a broker, folder of kvConfigPath of a name server. */
  readonly dir: string;
  readonly logFile: string | null;
  /** Socket or pipe that takes a stop request, and the word that the request must carry. */
  readonly channel: string | null;
  readonly token: string;
}

/** Folder for what outlives a command but not the user: MQKIT_STATE_DIR, or the platform's place for it. */
export function stateDir(env: NodeJS.ProcessEnv = process.env): string {
  return env.MQKIT_STATE_DIR ?? envPaths('mqkit', { suffix: '' }).data;
}

/** Folder of log files when nobody names one. */
export function defaultLogDir(env: NodeJS.ProcessEnv = process.env): string {
  return env.MQKIT_STATE_DIR === undefined ? envPaths('mqkit', { suffix: '' }).log : join(env.MQKIT_STATE_DIR, 'logs');
}

function runDir(state: string): string {
  return join(state, 'run');
}

function pathOf(state: string, run: Pick<RunFile, 'kind' | 'pid'>): string {
  return join(runDir(state), `${run.kind}-${run.pid}.json`);
}

/** Makes the folder of run files and sockets; nobody but this user may enter it. */
export function makeRunDir(state: string): void {
  mkdirSync(runDir(state), { recursive: true, mode: 0o700 });
}

/** Writes the file whole; only this user may read it, because of the token. */
export function writeRunFile(state: string, run: RunFile): void {
  makeRunDir(state);
  const path = pathOf(state, run);
  writeFileSync(`${path}.tmp`, `${JSON.stringify(run, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

export function removeRunFile(state: string, run: Pick<RunFile, 'kind' | 'pid'>): void {
  rmSync(pathOf(state, run), { force: true });
}

/** Nodes of this user that run now; files that a killed node left behind are removed. */
export async function runningNodes(state: string): Promise<RunFile[]> {
  const nodes: RunFile[] = [];
  for (const name of filesIn(runDir(state))) {
    const run = readRunFile(join(runDir(state), name));
    if (run === null) continue;
    if (await isRunning(run.pid, run.startTime)) nodes.push(run);
    else removeRunFile(state, run);
  }
  return nodes.sort((left, right) => left.listenPort - right.listenPort);
}

function filesIn(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => /^(broker|namesrv)-\d+\.json$/.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Null for a file that vanished meanwhile or that is not whole. */
function readRunFile(path: string): RunFile | null {
  try {
    const run = JSON.parse(readFileSync(path, 'utf8')) as RunFile;
    return Number.isInteger(run.pid) ? run : null;
  } catch {
    return null;
  }
}

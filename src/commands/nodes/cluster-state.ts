import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isRunning } from '../../../broker/process/process-identity.js';
import type { RunFile } from '../../../broker/process/run-file.js';
import { nodeDisk } from '../../../broker/store/disk.js';
import { StoreLock } from '../../../broker/store/store-lock.js';
import { ConfigError, UsageError } from '../../common/errors.js';
import { noopLogger } from '../../common/logger.js';
import { suggest } from '../../common/suggest.js';
import { writeFileWhole } from '../../common/whole-file.js';

/** Clusters that can be started: how many masters they have. Those with slaves are known by name, and refused. */
const TOPOLOGIES = { single: 1, '2m': 2, '2m-2s-async': null, '2m-2s-sync': null } as const;
export type Topology = 'single' | '2m';

/** @throws UsageError for a topology that nobody knows, or that needs slaves */
export function readTopology(word: string): Topology {
  const known = Object.keys(TOPOLOGIES);
  if (!Object.hasOwn(TOPOLOGIES, word)) {
    const near = suggest(word, known)[0];
    throw new UsageError(`--topology ${word}: expected ${known.join(', ')}`, near === undefined ? {} : { hint: `did you mean ${near}?` });
  }
  if (word !== 'single' && word !== '2m') {
    throw new UsageError(`--topology ${word}: the bundled brokers have no slaves`, { hint: 'take 2m, two masters' });
  }
  return word;
}

export function mastersOf(topology: Topology): number {
  return TOPOLOGIES[topology];
}

/** A node that a start made part of the cluster. */
export interface ClusterNode {
  readonly kind: 'broker' | 'namesrv';
  /** brokerName; of a name server its folder. */
  readonly name: string;
  readonly address: string;
  readonly listenPort: number;
  readonly pid: number;
  /** Start time of the process, in the words of this platform; null where that cannot be told. */
  readonly startTime: string | null;
  /** ISO 8601. */
  readonly startedAt: string;
}

/** What cluster.json in the folder of a cluster says: how it was started last. */
export interface ClusterState {
  readonly version: 1;
  readonly topology: Topology;
  readonly clusterName: string;
  /** Whether it was stopped since. */
  readonly isStopped: boolean;
  readonly nodes: readonly ClusterNode[];
}

function statePath(dir: string): string {
  return join(dir, 'cluster.json');
}

/** Null when nothing was started there. @throws ConfigError for a file that is none */
export function readState(dir: string): ClusterState | null {
  const path = statePath(dir);
  if (!existsSync(path)) {
    return null;
  }
  try {
    const state = JSON.parse(readFileSync(path, 'utf8')) as Partial<ClusterState> | null;
    if (state?.version !== 1 || !Array.isArray(state.nodes) || typeof state.topology !== 'string') {
      throw new Error('it is not the state of a cluster');
    }
    return state as ClusterState;
  } catch (cause) {
    throw new ConfigError(`${path} cannot be read: ${(cause as Error).message}`, {
      hint: 'remove it: what the nodes keep is not in it',
      cause,
    });
  }
}

export function writeState(dir: string, state: ClusterState): void {
  writeFileWhole(statePath(dir), `${JSON.stringify(state, null, 2)}\n`);
}

/** Does something while nobody else starts or stops the cluster of a folder. @throws ConfigError when somebody does */
export async function withClusterLock<R>(dir: string, work: () => Promise<R>): Promise<R> {
  let lock: StoreLock;
  try {
    lock = await StoreLock.acquire(dir, { disk: nodeDisk, logger: noopLogger });
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== 'STORE_LOCKED') {
      throw cause;
    }
    throw new ConfigError(`the cluster in ${dir} is being started or stopped by another command`, {
      code: 'CLUSTER_BUSY',
      hint: 'wait for it, or name another folder with -d',
      cause,
    });
  }
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** A node of the cluster, and the process that is it now; null when it does not run. */
export interface NodeNow {
  readonly node: Omit<ClusterNode, 'startTime' | 'startedAt' | 'pid'>;
  readonly run: RunFile | null;
  /** When its process was started by startCluster. */
  readonly startedAt: string | null;
}

/** The nodes of the state together with those that run in the folder now; a process that only has an old number is none of them. */
export async function nodesNow(dir: string, state: ClusterState | null, running: readonly RunFile[]): Promise<NodeNow[]> {
  const left = new Set(running);
  const nodes: NodeNow[] = [];
  for (const node of state?.nodes ?? []) {
    const run = [...left].find((its) => its.kind === node.kind && isNodeOf(dir, node, its)) ?? null;
    if (run !== null) left.delete(run);
    const isSame = run !== null && run.pid === node.pid && (await isRunning(node.pid, node.startTime));
    nodes.push({
      node: run === null ? node : { ...node, address: run.address, listenPort: run.listenPort },
      run,
      startedAt: isSame ? node.startedAt : null,
    });
  }
  for (const run of left) {
    const { kind, name, address, listenPort } = run;
    nodes.push({ node: { kind, name: kind === 'broker' ? name : 'namesrv', address, listenPort }, run, startedAt: null });
  }
  return nodes.sort((a, b) => a.node.kind.localeCompare(b.node.kind) || a.node.name.localeCompare(b.node.name));
}

/** A broker is known by its name, a name server by its folder. */
function isNodeOf(dir: string, node: Pick<ClusterNode, 'kind' | 'name'>, run: RunFile): boolean {
  return node.kind === 'broker' ? run.name === node.name : resolve(run.dir) === join(dir, node.name);
}

import { startTimeOf } from '../../../broker/process/process-identity.js';
import type { OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { systemClock } from '../../common/clock.js';
import { ConfigError } from '../../common/errors.js';
import { makeFolder } from '../../common/make-folder.js';
import type { CommandContext } from '../base.js';
import { type NodesPlan, type PlannedNode, planNodes } from '../start/plan-nodes.js';
import { startNodes } from '../start/start-nodes.js';
import { clusterDir, nodesBelow } from './cluster-nodes.js';
import {
  type ClusterNode,
  type ClusterState,
  mastersOf,
  type NodeNow,
  nodesNow,
  readState,
  readTopology,
  type Topology,
  withClusterLock,
  writeState,
} from './cluster-state.js';
import type { START_OPTIONS } from './node-texts.js';

export interface ClusterStarted {
  readonly topology: Topology;
  readonly clusterName: string;
  /** All name servers. */
  readonly namesrvAddr: string;
  /** The first broker. */
  readonly brokerName: string;
  readonly brokerAddr: string;
  readonly dir: string;
  /** Of the first name server and the first broker; null when nothing was started. */
  readonly pids: { readonly namesrv: number; readonly broker: number } | null;
  /** All of them; `wasRunning` are those that were left alone. */
  readonly nodes: readonly {
    readonly kind: 'broker' | 'namesrv';
    readonly name: string;
    readonly address: string;
    readonly pid: number | null;
    readonly wasRunning: boolean;
  }[];
}

type Values = OptionValues<typeof START_OPTIONS>;
type StartedPlan = Pick<NodesPlan, 'clusterName' | 'namesrvAddr' | 'namesrvs' | 'brokers'>;

/**
 * Starts what does not run of a cluster in a folder.
 * @param options `mayRun`: that all of it runs already is no error
 * @throws ConfigError when all of it runs, or cannot be as it was asked for
 */
export async function startCluster(values: Values, context: CommandContext, options: { mayRun?: boolean } = {}): Promise<ClusterStarted> {
  const dir = clusterDir(values.dir, context.io.env);
  const wanted = values.topology === undefined ? null : readTopology(values.topology);
  const work = (): Promise<ClusterStarted> => startIn(dir, { values, wanted, context, mayRun: options.mayRun === true });
  if (values.dryRun) {
    return work();
  }
  makeClusterFolder(dir);
  return withClusterLock(dir, work);
}

async function startIn(
  dir: string,
  { values, wanted, context, mayRun }: { values: Values; wanted: Topology | null; context: CommandContext; mayRun: boolean },
): Promise<ClusterStarted> {
  const { env } = context.io;
  const state = readState(dir);
  const former = await nodesNow(dir, state, await nodesBelow(dir, env));
  const topology = wanted ?? state?.topology ?? 'single';
  const counts = countsOf({ dir, topology, namesrvs: values.namesrvs, former });
  const running = former.filter(({ run }) => run !== null);
  const isGrowing = running.length < counts.namesrvs + counts.brokers;
  if (running.length > 0 && !isGrowing && !mayRun) {
    throw new ConfigError(`a cluster is running in ${dir} already: ${running.map(({ node }) => node.address).join(', ')}`, {
      code: 'CLUSTER_RUNNING',
      hint: 'mqadmin stopCluster ends it; -d names another folder',
    });
  }
  const brokersRun = running.some(({ node }) => node.kind === 'broker');
  const { clusterName, brokerName, namesrvPort, brokerPort, bindAddress } = values;
  const options = {
    dir,
    clusterName,
    brokerName,
    namesrvPort,
    brokerPort,
    bindAddress,
    ...counts,
    former: former.map(({ node, run }) => ({
      kind: node.kind,
      name: node.name,
      listenPort: node.listenPort,
      pid: run?.pid ?? null,
      keepsPort: node.kind === 'namesrv' && brokersRun,
    })),
    note: (text: string): void => context.out.note(text),
  };
  if (values.dryRun) {
    return startedOf(dir, topology, { plan: await planNodes(options), former });
  }
  const nodes = await startNodes({ ...options, detached: true, env });
  writeState(dir, await stateOf({ topology, plan: nodes, state, former }));
  return startedOf(dir, topology, { plan: nodes, former });
}

/** How many nodes there are to be. What an earlier start made is never left out: its messages would be out of reach. */
function countsOf(cluster: { dir: string; topology: Topology; namesrvs: number | undefined; former: readonly NodeNow[] }): {
  namesrvs: number;
  brokers: number;
} {
  const { dir, topology, former } = cluster;
  const count = (kind: 'broker' | 'namesrv'): number => former.filter(({ node }) => node.kind === kind).length;
  const [brokers, namesrvs] = [mastersOf(topology), cluster.namesrvs ?? Math.max(1, count('namesrv'))];
  if (brokers < count('broker') || namesrvs < count('namesrv')) {
    throw new ConfigError(
      `the cluster in ${dir} has ${count('broker')} brokers and ${count('namesrv')} name servers: it cannot have fewer`,
      {
        code: 'CLUSTER_SHRINKS',
        hint: '-d names another folder',
      },
    );
  }
  const brokersRun = former.some(({ node, run }) => node.kind === 'broker' && run !== null);
  if (brokersRun && count('namesrv') > 0 && namesrvs > count('namesrv')) {
    throw new ConfigError(`the brokers in ${dir} run, and would not know a further name server`, {
      code: 'CLUSTER_RUNNING',
      hint: 'stop them first: mqadmin stopCluster',
    });
  }
  return { namesrvs, brokers };
}

async function stateOf({
  topology,
  plan,
  state,
  former,
}: {
  topology: Topology;
  plan: StartedPlan;
  state: ClusterState | null;
  former: readonly NodeNow[];
}): Promise<ClusterState> {
  const now = new Date(systemClock.nowMs()).toISOString();
  const nodes = [...plan.brokers, ...plan.namesrvs].map(async ({ kind, name, address, listenPort, pid }): Promise<ClusterNode> => {
    const known = state?.nodes.find((node) => node.kind === kind && node.name === name && node.pid === pid);
    const wasRunning = former.some(({ run }) => run !== null && run.pid === pid);
    if (known !== undefined && wasRunning) return known;
    return { kind, name, address, listenPort, pid: pid ?? -1, startTime: await startTimeOf(pid ?? -1), startedAt: now };
  });
  return { version: 1, topology, clusterName: plan.clusterName, isStopped: false, nodes: await Promise.all(nodes) };
}

function makeClusterFolder(dir: string): void {
  try {
    makeFolder(dir);
  } catch (error) {
    throw new ConfigError(`folder ${dir} cannot be made: ${(error as Error).message}`, {
      code: 'CLUSTER_FOLDER',
      hint: '-d names another folder',
      cause: error,
    });
  }
}

function startedOf(dir: string, topology: Topology, { plan, former }: { plan: StartedPlan; former: readonly NodeNow[] }): ClusterStarted {
  const { clusterName, namesrvAddr, namesrvs, brokers } = plan;
  const pids = namesrvs[0].pid === null || brokers[0].pid === null ? null : { namesrv: namesrvs[0].pid, broker: brokers[0].pid };
  const nodes = [...namesrvs, ...brokers].map(({ kind, name, address, pid }: PlannedNode) => {
    const wasRunning = former.some(({ run }) => run !== null && run.pid === pid);
    return { kind, name, address, pid, wasRunning };
  });
  return { topology, clusterName, namesrvAddr, brokerName: brokers[0].name, brokerAddr: brokers[0].address, dir, pids, nodes };
}

/** The cluster as lines. */
export function showStarted(started: ClusterStarted, out: Output): void {
  for (const { kind, name, address, pid, wasRunning } of started.nodes) {
    const process = pid === null ? '' : `  (pid ${pid}${wasRunning ? ', ran already' : ''})`;
    out.line(
      kind === 'namesrv' ? `name server  ${address}${process}` : `broker       ${address}  ${name} of ${started.clusterName}${process}`,
    );
  }
  out.line(`folder       ${started.dir}`);
}

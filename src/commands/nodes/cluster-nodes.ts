import { isAbsolute, relative, resolve } from 'node:path';
import { type RunFile, runningNodes, stateDir } from '../../../broker/process/run-file.js';
import { defineOptions } from '../../cli/options.js';
import { defaultClusterDir } from './node-command.js';

/** The option that says which cluster of this user is meant. */
export const CLUSTER_DIR_OPTION = defineOptions({
  dir: { short: 'd', own: true, text: 'Folder of the cluster: configuration, store, logs' },
});

/** Absolute path of the folder that was asked for. */
export function clusterDir(dir: string | undefined, env: NodeJS.ProcessEnv): string {
  return resolve(dir ?? defaultClusterDir(env));
}

/** Nodes of this user that keep their files below a folder; brokers come first, because they are stopped first. */
export async function nodesBelow(dir: string, env: NodeJS.ProcessEnv): Promise<RunFile[]> {
  const nodes = (await runningNodes(stateDir(env))).filter((node) => isBelow(dir, node.dir));
  return nodes.sort((left, right) => left.kind.localeCompare(right.kind));
}

function isBelow(dir: string, path: string): boolean {
  const way = relative(dir, resolve(path));
  return way !== '' && !way.startsWith('..') && !isAbsolute(way);
}

import { isAbsolute, join, relative, resolve } from 'node:path';
import { type RunFile, runningNodes, stateDir } from '../../../broker/process/run-file.js';

/** Absolute path of the folder that was asked for, or of this user's usual one. */
export function clusterDir(dir: string | undefined, env: NodeJS.ProcessEnv): string {
  return resolve(dir ?? join(stateDir(env), 'cluster'));
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

import type { NodeKind } from '../../../broker/config/index.js';
import type { RunFile } from '../../../broker/process/run-file.js';
import type { StopOutcome } from '../../../broker/process/stop-node.js';
import { defineOptions } from '../../cli/options.js';

/** The option that says which cluster of this user is meant. */
export const CLUSTER_DIR_OPTION = defineOptions({
  dir: { short: 'd', own: true, text: 'Folder of the cluster: configuration, store, logs' },
});

/** A node that was stopped, and how. */
export interface StoppedNode {
  readonly kind: NodeKind;
  readonly name: string;
  readonly address: string;
  readonly pid: number;
  readonly by: StopOutcome['by'];
  readonly tookMs: number;
}

/** One node in words. */
export function describeNode(node: Pick<RunFile, 'kind' | 'name' | 'address' | 'pid'>): string {
  const what = node.kind === 'broker' ? `broker ${node.name}` : 'name server';
  return `${what} (${node.address}, pid ${node.pid})`;
}

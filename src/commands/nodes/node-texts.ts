import type { NodeKind } from '../../../broker/config/index.js';
import type { RunFile } from '../../../broker/process/run-file.js';
import type { StopOutcome } from '../../../broker/process/stop-node.js';
import { CHANGE_OPTIONS, defineOptions } from '../../cli/options.js';

/** The option that says which cluster of this user is meant. */
export const CLUSTER_DIR_OPTION = defineOptions({
  dir: { short: 'd', own: true, text: 'Folder of the cluster: configuration, store, logs' },
});

/** Options of the commands that start a cluster. */
export const START_OPTIONS = defineOptions({
  ...CHANGE_OPTIONS,
  ...CLUSTER_DIR_OPTION,
  topology: { own: true, text: 'single, or 2m for two masters; that of the folder without it. 2m-2s-async and 2m-2s-sync need slaves' },
  namesrvs: { kind: 'int', own: true, min: 1, max: 2, text: 'How many name servers (1)' },
  clusterName: { short: 'c', own: true, text: 'Cluster name (DefaultCluster)' },
  brokerName: { short: 'b', own: true, text: 'Name of the first broker (broker-a)' },
  namesrvPort: {
    kind: 'int',
    own: true,
    min: 3,
    max: 65_535,
    text: 'Port of the first name server (9876, or a free one when that is taken)',
  },
  brokerPort: { kind: 'int', own: true, min: 3, max: 65_534, text: 'Port of the first broker (10911, or a free one when that is taken)' },
  bindAddress: { own: true, text: 'Address to listen on and to advertise (127.0.0.1)' },
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

/** Addresses as they are typed: several are parted by what parts commands in a shell. */
export function quotedAddrs(addrs: string): string {
  return addrs.includes(';') ? `"${addrs}"` : addrs;
}

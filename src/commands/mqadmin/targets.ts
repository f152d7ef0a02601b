import type { Output } from '../../cli/output.js';
import type { NodeOutcome } from '../../client/admin/fan-out.js';
import { UsageError } from '../../common/errors.js';

/** Either a broker address or a cluster name; Apache's tool prints its usage when both are absent. */
export interface BrokerOrCluster {
  readonly brokerAddr?: string | undefined;
  readonly clusterName?: string | undefined;
}

/** Throws {@link UsageError} unless a broker or a cluster is given. A broker wins, as in Apache's tool. */
export function requireTarget(values: BrokerOrCluster): BrokerOrCluster {
  if (values.brokerAddr !== undefined) {
    return { brokerAddr: values.brokerAddr };
  }
  if (values.clusterName !== undefined) {
    return { clusterName: values.clusterName };
  }
  throw new UsageError('Missing required option: [-b brokerAddr, -c clusterName]', { hint: 'give a broker address or a cluster name' });
}

/** Throws {@link UsageError} unless a broker's name or a cluster is given. The name wins, as in Apache's tool. */
export function requireBrokerNameOrCluster(values: { brokerName?: string | undefined; clusterName?: string | undefined }): {
  brokerName?: string;
  clusterName?: string;
} {
  if (values.brokerName !== undefined) {
    return { brokerName: values.brokerName };
  }
  if (values.clusterName !== undefined) {
    return { clusterName: values.clusterName };
  }
  throw new UsageError('Missing required option: [-b brokerName, -c clusterName]', { hint: 'give the name of a broker or of a cluster' });
}

/** One line for each node that did it, or would do it. */
export function printOutcomes(
  out: Output,
  nodes: readonly NodeOutcome[],
  lines: { done: (addr: string) => string; planned: (addr: string) => string },
): void {
  for (const node of nodes) {
    if (node.outcome === 'done') {
      out.line(lines.done(node.addr));
    } else if (node.outcome === 'planned') {
      out.line(`dry run: ${lines.planned(node.addr)}`);
    }
  }
}

import type { RunFile } from '../../../broker/process/run-file.js';
import { stopNode } from '../../../broker/process/stop-node.js';
import { TimeoutError } from '../../common/errors.js';
import { describeNode, type StoppedNode } from './node-texts.js';

/**
 * Stops nodes side by side and waits for all of them.
 * @throws TimeoutError naming those that still run.
 */
export async function stopAll(state: string, nodes: readonly RunFile[], waitMs: number): Promise<StoppedNode[]> {
  const outcomes = await Promise.all(nodes.map((node) => stopNode(state, node, { waitMs })));
  const left = outcomes.filter((outcome) => !outcome.isStopped);
  if (left.length > 0) {
    const names = left.map(({ node, by }) => `${describeNode(node)}${by === 'none' ? ' could not be asked' : ''}`).join(', ');
    throw new TimeoutError(`still running after ${waitMs / 1000} s: ${names}`, {
      code: 'NODE_NOT_STOPPED',
      hint: `see ${left.map(({ node }) => node.logFile).join(', ')}`,
      retriable: true,
    });
  }
  return outcomes.map(({ node, by, tookMs }) => ({ kind: node.kind, name: node.name, address: node.address, pid: node.pid, by, tookMs }));
}

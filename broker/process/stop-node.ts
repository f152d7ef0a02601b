import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../../src/common/clock.js';
import { isRunning } from './process-identity.js';
import { type RunFile, removeRunFile } from './run-file.js';
import { requestStop } from './stop-channel.js';

const POLL_MS = 20;

export interface StopOutcome {
  readonly node: RunFile;
  /** How the node was told; `none` when there was no way. */
  readonly by: 'request' | 'signal' | 'none';
  readonly isStopped: boolean;
  readonly tookMs: number;
}

/** Asks a node to stop, or signals it where it does not answer, and waits for its end. A process that only has its id is left alone. */
export async function stopNode(state: string, node: RunFile, options: { waitMs: number; clock?: Clock }): Promise<StopOutcome> {
  const clock = options.clock ?? systemClock;
  const startMs = clock.monotonicMs();
  const by = await tell(node);
  const deadlineMs = startMs + options.waitMs;
  let isStopped = !(await isRunning(node.pid, node.startTime));
  while (!isStopped && by !== 'none' && clock.monotonicMs() < deadlineMs) {
    await sleep(POLL_MS);
    isStopped = !(await isRunning(node.pid, node.startTime));
  }
  if (isStopped) removeRunFile(state, node);
  return { node, by, isStopped, tookMs: Math.round(clock.monotonicMs() - startMs) };
}

async function tell(node: RunFile): Promise<StopOutcome['by']> {
  if (node.channel !== null && (await requestStop(node.channel, node.token))) return 'request';
  // A signal on Windows ends a process without a word, and its start time cannot be checked first.
  if (process.platform === 'win32' || node.startTime === null || !(await isRunning(node.pid, node.startTime))) return 'none';
  try {
    process.kill(node.pid, 'SIGTERM');
    return 'signal';
  } catch {
    // It ended between the two steps, or belongs to somebody else; what is running then decides.
    return 'none';
  }
}

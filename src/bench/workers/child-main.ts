/** The process of one worker: it is forked, gets its job and all orders from its parent's channel, and answers there. */

import type { FromWorker, ToWorker } from './protocol.js';
import { toWire } from './protocol.js';
import { runJob } from './run-job.js';

/** A load whose parent is gone ends; what does not end by itself within this time is ended. */
const ORPHAN_LIMIT_MS = 2000;

const stopped = new AbortController();
let start: () => void = () => {};
const started = new Promise<void>((resolve) => {
  start = resolve;
});

function tell(message: FromWorker): void {
  if (process.connected) {
    process.send?.(message, undefined, undefined, () => undefined);
  }
}

async function work(message: Extract<ToWorker, { type: 'job' }>): Promise<void> {
  let last: FromWorker;
  const pointHistograms: Record<string, string[]> = {};
  try {
    const result = await runJob(message.job, {
      signal: stopped.signal,
      ready: () => {
        tell({ type: 'ready' });
        return started;
      },
      onPoint: ({ latencies, direction }) => {
        pointHistograms[direction] ??= [];
        pointHistograms[direction].push(latencies.encode());
      },
      onInterval: (snapshot) => tell({ type: 'progress', snapshot }),
    });
    last = { type: 'result', result, pointHistograms };
  } catch (error) {
    last = { type: 'failed', error: toWire(error) };
  }
  process.send?.(last, undefined, undefined, () => process.connected && process.disconnect());
}

process.on('message', (message: ToWorker) => {
  if (message.type === 'job') {
    void work(message);
  } else if (message.type === 'start') {
    start();
  } else {
    stopped.abort();
    start();
  }
});
// Ctrl-C in a terminal reaches all processes of the command; the parent decides what becomes of it.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => stopped.abort());
process.on('disconnect', () => {
  stopped.abort();
  start();
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), ORPHAN_LIMIT_MS).unref();
});

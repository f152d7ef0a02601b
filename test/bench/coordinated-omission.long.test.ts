import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runWorkload } from '../../src/bench/index.js';
import { type BundledCluster, startBundledCluster } from '../peers/index.js';

const STALL_AT_MS = 4000;
const STALL_MS = 1000;

describe.skipIf(process.platform === 'win32')('a real broker that is stopped for 1 s in a run of 10 s at 1,000/s', () => {
  let cluster: BundledCluster;

  beforeAll(async () => {
    cluster = await startBundledCluster();
  });

  afterAll(() => cluster.stop());

  it('has a p99 within 5 % of the analytic one', async () => {
    let stallTimer: NodeJS.Timeout | undefined;
    let stalledMs = 0;
    const stall = (): void => {
      const { pid } = cluster.broker.process;
      const beganMs = performance.now();
      process.kill(pid, 'SIGSTOP');
      setTimeout(() => {
        process.kill(pid, 'SIGCONT');
        stalledMs = performance.now() - beganMs;
      }, STALL_MS);
    };
    const result = await runWorkload(
      {
        kind: 'producer',
        namesrvAddr: cluster.namesrvAddr,
        topic: 'StallTest',
        producerGroup: 'stall',
        bodyBytes: 128,
        inFlight: 10_000,
        rate: 1000,
        warmupMs: 1000,
        durationMs: 10_000,
      },
      {
        intervalMs: 100,
        // The first snapshot comes when the warm-up has begun.
        onInterval: () => {
          stallTimer ??= setTimeout(stall, 1000 + STALL_AT_MS);
        },
      },
    );
    clearTimeout(stallTimer);
    const { send } = result;
    process.stdout.write(
      `stalled ${stalledMs.toFixed(0)} ms: p50 ${send.latencyMs.p50}, p99 ${send.latencyMs.p99}, p99.9 ${send.latencyMs.p999}, max ${send.latencyMs.max} ms\n`,
    );
    expect(send).toMatchObject({ errors: 0, unsent: 0, count: 10_000 });
    // 1 in 100 of 10,000 planned sends waited longer than the stall without its first 100 ms.
    const analyticMs = stalledMs - 100;
    expect(Math.abs(send.latencyMs.p99 / analyticMs - 1)).toBeLessThan(0.05);
  });
});

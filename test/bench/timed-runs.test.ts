import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runBacklogBench } from '../../src/bench/backlog-bench.js';
import { runTimerBench, type TimerBenchOptions } from '../../src/bench/timer-bench.js';
import { type Sandbox, startSandbox } from '../sandbox.js';

describe('runs that wait for what they sent', () => {
  let cluster: Sandbox;

  beforeAll(async () => {
    cluster = await startSandbox();
  });

  afterAll(() => cluster.stop());

  it('delay: messages of the warm-up that are due after those of the window are waited for', { timeout: 180_000 }, async () => {
    const options: TimerBenchOptions = {
      ...{ kind: 'delay', role: 'both', namesrvAddr: cluster.namesrvAddr, topic: 'Delays', bodyBytes: 64, seed: 1 },
      ...{ producerGroup: 'PG_delays', consumerGroup: 'CG_delays', inFlight: 100, concurrency: 4, settleMs: 30_000 },
      schedule: { kind: 'span', minMs: 0, maxMs: 4000 },
      ...{ rate: 100, warmupMs: 500, quantity: 1 },
    };
    const { send, delivery } = await runTimerBench(options);
    expect(send?.count).toBe(1);
    expect(delivery?.sent).toBeGreaterThan(1);
    expect(delivery).toMatchObject({ received: delivery?.sent, lost: 0 });
  });

  it('backlog: a fault of the program is thrown as it is, and no text of a result', async () => {
    const fault = new TypeError('a fault');
    const load = { namesrvAddr: cluster.namesrvAddr, topic: 'Backlogs', group: 'CG_backlogs', bodyBytes: 100, messages: 10, inFlight: 2 };
    const onPhase = (phase: string): void => {
      if (phase === 'drain') {
        throw fault;
      }
    };
    const run = runBacklogBench({ ...load, consumers: 1, concurrency: 1, beforeMs: 0, drainLimitMs: 1000 }, { onPhase });
    await expect(run).rejects.toBe(fault);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProducerBenchOptions } from '../../../src/bench/producer-bench.js';
import type { IntervalSnapshot } from '../../../src/bench/recorder.js';
import { benchConsumer, benchProducer } from '../../../src/bench/workers/bench-on-workers.js';
import { startedWorkers } from '../../../src/bench/workers/child-worker.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';

const two = { local: 2, remote: [] };

describe('a load from two processes', () => {
  let cluster: Sandbox;
  let load: ProducerBenchOptions;

  beforeAll(async () => {
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 4 } });
    load = { namesrvAddr: cluster.namesrvAddr, topic: 'T', producerGroup: 'PG_workers', bodyBytes: 100, inFlight: 5, warmupMs: 0 };
  });

  afterAll(() => cluster.stop());

  it('ends with a partial result that has the part of a worker which somebody else ended in order', async () => {
    let killed = 0;
    const hooks = {
      intervalMs: 50,
      onInterval: ({ totalCount }: IntervalSnapshot) => {
        const pid = startedWorkers()[1];
        if (totalCount > 100 && killed === 0 && pid !== undefined) {
          killed = pid;
          process.kill(pid, 'SIGTERM');
        }
      },
    };
    const error: unknown = await benchProducer({ ...load, durationMs: 60_000 }, two, hooks).catch((reason: unknown) => reason);
    const message = 'worker local 2 was ended by somebody else; what 2 of 2 workers measured until then is kept';
    expect(error).toMatchObject({
      exitCode: 3,
      message,
      context: { result: { partial: true, failure: message, send: { errors: 0, count: expect.any(Number) } } },
    });
    await until(() => startedWorkers().length === 0);
  });

  it('fails as one process does when nothing arrives', async () => {
    const consumption = { ...load, topic: 'SELF_TEST_TOPIC', consumerGroup: 'CG_nothing', concurrency: 2 };
    const run = benchConsumer({ ...consumption, quantity: 10, idleLimitMs: 500 }, two, {});
    await expect(run).rejects.toMatchObject({ code: 'NOTHING_RECEIVED', exitCode: 3 });
  });
});

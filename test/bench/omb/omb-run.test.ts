import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_DRIVER, parseDriver } from '../../../src/bench/omb/driver.js';
import { runOmbWorkload } from '../../../src/bench/omb/omb-run.js';
import { parseWorkloads, type Workload } from '../../../src/bench/omb/workload.js';
import { AdminClient } from '../../../src/client/admin/admin-client.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';

const workload = (...lines: string[]): Workload =>
  parseWorkloads(
    [
      'topics: 2',
      'partitionsPerTopic: 4',
      'messageSize: 100',
      'subscriptionsPerTopic: 2',
      'consumerPerSubscription: 2',
      'warmupDuration: 100ms',
      'testDuration: 800ms',
      ...lines,
    ].join('\n'),
    'small.yaml',
  ).workloads[0]!;

describe('a workload on a bundled cluster', () => {
  let cluster: Sandbox;
  let at: { namesrvAddr: string; clusterName: string };

  beforeAll(async () => {
    cluster = await startSandbox({ brokers: 2 });
    at = { namesrvAddr: cluster.namesrvAddr, clusterName: 'DefaultCluster' };
  });
  afterAll(() => cluster.stop());

  const topics = async (): Promise<string[]> => {
    const admin = new AdminClient(at);
    const names = await admin.topicNames();
    await admin.close();
    return names.filter((name) => /RocketMQ-Benchmark|%RETRY%sub-/.test(name));
  };

  it('is sent at its rate, consumed by every subscription, and leaves no topics', async () => {
    const { driver } = parseDriver(
      'name: RocketMQ\nautoBatch: true\nbatchCQ: true\nenableBackpressure: true\nbackpressureConcurrency: 64',
      'd.yaml',
    );
    const { result, omb } = await runOmbWorkload({
      ...{
        workload: workload('producersPerTopic: 2', 'producerRate: 400', 'keyDistributor: KEY_ROUND_ROBIN', 'tags: 2'),
        driver,
        cluster: at,
        sampleMs: 300,
      },
    });
    expect(result).toMatchObject({ schema: 'mqbench/1', kind: 'workload', config: { rate: 400 }, send: { errors: 0 } });
    expect(result.send.count + result.send.unsent).toBeGreaterThan(200);
    expect(result.receive.count).toBeGreaterThan(0);
    expect(result.receive.endToEndMs?.p50).toBeGreaterThan(0);
    expect((omb.publishRate as number[]).length).toBeGreaterThanOrEqual(1);
    expect(omb).toMatchObject({ workload: 'small', driver: 'RocketMQ', topics: 2, partitions: 4, mqbench: { kind: 'workload' } });
    expect(await topics()).toEqual([]);
  });

  it('keeps order and filters, searches a rate, and ends when it is told to', async () => {
    const controller = new AbortController();
    const run = runOmbWorkload(
      {
        ...{
          workload: {
            ...workload('producerRate: 0', 'ordered: true', 'tags: 2', 'filter: tag1'),
            warmupDurationMs: 0,
            testDurationMs: 60_000,
          },
        },
        ...{ driver: DEFAULT_DRIVER, cluster: at },
      },
      { signal: controller.signal, intervalMs: 100, onInterval: ({ totalCount }) => totalCount > 100 && controller.abort() },
    );
    const { result } = await run;
    expect(result.interrupted).toBe(true);
    expect(result.send.count).toBeGreaterThan(100);
  });

  it('sends transactions', async () => {
    const { result } = await runOmbWorkload({
      workload: workload('producerRate: 100', 'transaction: true'),
      driver: DEFAULT_DRIVER,
      cluster: at,
    });
    expect(result.send).toMatchObject({ errors: 0 });
    expect(result.receive.count).toBeGreaterThan(0);
  });

  it('says what cannot be reached', async () => {
    const run = runOmbWorkload({
      workload: workload('producerRate: 10'),
      driver: DEFAULT_DRIVER,
      cluster: { ...at, clusterName: 'Nowhere' },
    });
    await expect(run).rejects.toMatchObject({ message: expect.stringContaining('Nowhere') });
  });
});

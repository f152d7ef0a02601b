import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LatencyResult } from '../../../src/bench/kind-results.js';
import { PushConsumer } from '../../../src/client/consumer/push-consumer.js';
import { Producer } from '../../../src/client/producer/producer.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { resultOf, runBench } from './run-bench.js';

describe('mqbench latency', () => {
  let cluster: Sandbox;
  let on: readonly string[];

  beforeAll(async () => {
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 4 } });
    on = ['-n', cluster.namesrvAddr, '-t', 'LatencyTest', '-g', 'latency_group'];
  });

  afterAll(() => cluster.stop());

  it('creates the topic, begins at its end, and measures every message of the window on its way', async () => {
    const old = new Producer({ namesrvAddr: cluster.namesrvAddr, producerGroup: 'before' });
    await old.start();
    await old.send({ topic: 'LatencyTest', body: Buffer.from('sent before the run') });
    await old.shutdown();
    const run = await runBench('latency', [...on, '--rate', '500', '-q', '150', '--warmup', '200ms', '--json']);
    const result = resultOf<LatencyResult>(run);
    expect(result).toMatchObject({ schema: 'mqbench/1', kind: 'latency', config: { rate: 500, bodyBytes: 128 } });
    expect(result.send).toMatchObject({ count: 150, errors: 0 });
    expect(result.receive).toMatchObject({ count: 150, errors: 0 });
    expect(result.delivery).toMatchObject({ judgedBy: 'sent', lost: 0, duplicates: 0, unchecked: 0 });
    expect(result.delivery?.received).toBeGreaterThanOrEqual(150);
    const { plannedToSentMs, sentToStoredMs, storedToListenerMs } = result.stages;
    const sum = plannedToSentMs.mean + sentToStoredMs.mean + storedToListenerMs.mean;
    // The broker notes whole milliseconds.
    expect(Math.abs(sum - result.receive.endToEndMs.mean)).toBeLessThan(1.5 + 0.002 * result.receive.endToEndMs.mean);
    expect(result.receive.endToEndMs.p50).toBeLessThanOrEqual(result.receive.endToEndMs.max);
  });

  it('refuses a group with members and messages without room before anything is sent', async () => {
    const member = new PushConsumer({ namesrvAddr: cluster.namesrvAddr, consumerGroup: 'latency_group' });
    await member.subscribe('LatencyTest');
    member.onMessage(() => 'CONSUME_SUCCESS');
    await member.start();
    const taken = await runBench('latency', [...on, '--duration', '200ms']);
    await member.shutdown();
    expect(taken.exitCode).toBe(2);
    expect(taken.stderr).toBe(
      'consumer group latency_group has 1 members, which would take their share of the messages; end them, or give another group with -g\n',
    );
    const small = await runBench('latency', [...on, '-s', '20']);
    expect(small).toMatchObject({ exitCode: 2, stdout: '' });
    expect(small.stderr).toBe('a message of 20 B has no room for the times that are measured: at least 36 B (-s)\n');
    expect((await runBench('latency', ['-n', '127.0.0.1:1', '-q', '1'])).exitCode).toBe(3);
  });
});

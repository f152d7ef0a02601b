import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchResult } from '../../../src/bench/kind-results.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { resultOf, runBench } from './run-bench.js';

describe('mqbench batch', () => {
  let cluster: Sandbox;
  let on: readonly string[];

  beforeAll(async () => {
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 4 } });
    on = ['-n', cluster.namesrvAddr, '-t', 'BatchTest'];
  });

  afterAll(() => cluster.stop());

  const stored = (topic: string): number =>
    [0, 1, 2, 3].reduce((sum, queueId) => sum + (cluster.brokers[0]?.store.maxOffset(topic, queueId) ?? 0), 0);

  it('sends whole batches and counts messages', async () => {
    const run = await runBench('batch', [
      ...on,
      '-b',
      '7',
      '-q',
      '100',
      '-w',
      '4',
      '-s',
      '40',
      '-k',
      'true',
      '-l',
      '3',
      '-p',
      '30',
      '--json',
    ]);
    const result = resultOf<BatchResult>(run);
    expect(result).toMatchObject({ schema: 'mqbench/1', kind: 'batch', config: { batchSize: 7, bodyBytes: 40, quantity: 100 } });
    expect(result.send).toMatchObject({ count: 105, errors: 0, attempts: 15 });
    expect(result.batches).toMatchObject({ batchSize: 7, count: 15, errors: 0 });
    expect(result.send.bytesPerSecond / result.send.rate).toBeCloseTo(40, 0);
    expect(stored('BatchTest')).toBe(105);
  });

  it('plans batches by messages per second', async () => {
    const run = await runBench('batch', [...on, '-b', '10', '--rate', '1000', '--duration', '400ms', '--warmup', '100ms']);
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.stdout).toMatch(
      /^mqbench batch: topic BatchTest at .*, batches of 10 x 128 B, 1,000 msg\/s, for 0.4 s after 0.1 s of warm-up\n/,
    );
    expect(run.stdout).toMatch(/\nsent +\d+ messages in 0\.4 s/);
    expect(run.stdout).toMatch(/\nbatches +\d+ of 10 messages: /);
  });

  it("prints Apache's lines and nothing else with --classic", async () => {
    const run = await runBench('batch', [...on, '-w', '2', '-ri', '100', '--duration', '350ms', '--classic']);
    expect(run).toMatchObject({ exitCode: 0 });
    const [topic, compress, ...lines] = run.stdout.trimEnd().split('\n');
    expect(topic).toBe(
      'topic: BatchTest, threadCount: 2, messageSize: 128, batchSize: 16, keyEnable: false, propertySize: 0, tagCount: 0, traceEnable: false, aclEnable: false',
    );
    expect(compress).toBe(' compressEnable: false, reportInterval: 100');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      expect(line).toMatch(
        /^Current Time: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \| Send TPS: \d+ \| Send MPS: \d+ \| Max RT\(ms\): \d+ \| Average RT\(ms\): [ \d]*\d\.\d{3} \| Average Message RT\(ms\): [ \d]*\d\.\d{3} \| Send Failed: 0 \| Send Message Failed: 0$/,
      );
    }
  });

  it('refuses what cannot be sent before anything starts', async () => {
    const large = await runBench('batch', [...on, '-b', '1000', '-s', '10000']);
    expect(large).toMatchObject({ exitCode: 2, stdout: '' });
    expect(large.stderr).toMatch(/^a batch of 1000 messages of 10000 B takes \d+ B .*-b, -s, -p\n$/);
    expect((await runBench('batch', [...on, '--rate', '-5'])).exitCode).toBe(2);
    expect((await runBench('batch', [...on, '--duration', '-1s'])).exitCode).toBe(2);
    const down = await runBench('batch', ['-n', '127.0.0.1:1', '-q', '1']);
    expect(down.exitCode).toBe(3);
    expect(down.stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

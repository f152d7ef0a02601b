import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { decodeFromCompressedBase64 } from 'hdr-histogram-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConsumerBenchOptions } from '../../../src/bench/consumer-bench.js';
import { LatencyHistogram } from '../../../src/bench/latency-histogram.js';
import type { ProducerBenchOptions } from '../../../src/bench/producer-bench.js';
import type { IntervalSnapshot, RecordedPoint } from '../../../src/bench/recorder.js';
import { benchConsumer, benchProducer } from '../../../src/bench/workers/bench-on-workers.js';
import { ChildWorker, startedWorkers } from '../../../src/bench/workers/child-worker.js';
import { mergeResults } from '../../../src/bench/workers/merge-results.js';
import { splitProducer } from '../../../src/bench/workers/split.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { ROOT } from '../../tidy/sources.js';

const TOPIC = 'WorkersTest';
const schema = JSON.parse(readFileSync(join(ROOT, 'src/bench/mqbench-1.schema.json'), 'utf8')) as object;
const validate = new Ajv2020({ strictTypes: false }).compile(schema);
const two = { local: 2, remote: [] };

describe('a load from two processes', () => {
  let cluster: Sandbox;
  let load: ProducerBenchOptions;

  beforeAll(async () => {
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 4 } });
    load = { namesrvAddr: cluster.namesrvAddr, topic: TOPIC, producerGroup: 'PG_workers', bodyBytes: 100, inFlight: 5, warmupMs: 0 };
  });

  afterAll(() => cluster.stop());

  it('sends the quantity between them, and both are in the result', async () => {
    const { send, config, environment } = await benchProducer({ ...load, quantity: 1001 }, two, {});
    expect(send).toMatchObject({ count: 1001, errors: 0, attempts: 1001, bytes: 100_100 });
    expect(send.rate * send.seconds).toBeCloseTo(1001, -1);
    expect(config).toMatchObject({ inFlight: 5, quantity: 1001, workers: 2 });
    expect(environment.workers?.map(({ name, count }) => [name, count])).toEqual([
      ['local 1', 501],
      ['local 2', 500],
    ]);
    expect(environment.generator.cpuSeconds).toBeGreaterThan(0);
    expect(startedWorkers()).toEqual([]);
  });

  it('consumes as one group, and no message twice', { timeout: 180_000 }, async () => {
    const consumption: ConsumerBenchOptions = {
      ...{ namesrvAddr: cluster.namesrvAddr, topic: TOPIC, consumerGroup: 'CG_workers', concurrency: 4, warmupMs: 0, quantity: 1001 },
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      // Queues that change hands late do so with the next rebalance, after 20 s.
      idleLimitMs: 25_000,
    };
    const { receive, environment } = await benchConsumer(consumption, two, {});
    expect(receive).toMatchObject({ count: 1001, errors: 0 });
    expect(receive.endToEndMs?.max).toBeGreaterThan(0);
    expect(environment.workers).toHaveLength(2);
  });

  it("keeps the plan of one rate: every second message is one worker's", async () => {
    const snapshots: IntervalSnapshot[] = [];
    const points: RecordedPoint['point'][] = [];
    const hooks = {
      intervalMs: 300,
      onInterval: (snapshot: IntervalSnapshot) => void snapshots.push(snapshot),
      onPoint: ({ point, latencies }: RecordedPoint) => void points.push({ ...point, count: latencies.count }),
    };
    const result = await benchProducer({ ...load, inFlight: 1000, rate: 501, durationMs: 2999 }, two, hooks);
    const { send, config } = result;
    expect(validate(JSON.parse(JSON.stringify(result)))).toBe(true);
    expect(points).toEqual(send.series);
    expect(send.series?.reduce((sum, { count }) => sum + count, 0)).toBe(send.count);
    expect(send.count + send.unsent).toBeGreaterThanOrEqual(1502);
    expect(send.count + send.unsent).toBeLessThanOrEqual(1503);
    expect(config).toMatchObject({ rate: 501 });
    expect(config).not.toHaveProperty('turn');
    expect(send.uncorrectedLatencyMs).toBeDefined();
    expect(snapshots.at(-1)?.totalCount).toBeGreaterThan(0);
  });

  it('ends with the result so far of both when it is interrupted', async () => {
    const interrupt = new AbortController();
    const hooks = {
      signal: interrupt.signal,
      intervalMs: 50,
      onInterval: ({ totalCount }: IntervalSnapshot) => totalCount > 100 && interrupt.abort(),
    };
    const result = await benchProducer({ ...load, durationMs: 60_000 }, two, hooks);
    expect(result).toMatchObject({ interrupted: true, send: { errors: 0 } });
    expect(result.send.count).toBeGreaterThan(100);
    expect(result.send.seconds).toBeLessThan(60);
    expect(result.environment.workers).toHaveLength(2);
  });

  it('ends with a partial result that names the worker when one is killed', async () => {
    let killed = 0;
    const hooks = {
      intervalMs: 50,
      onInterval: ({ totalCount }: IntervalSnapshot) => {
        const pid = startedWorkers()[1];
        if (totalCount > 100 && killed === 0 && pid !== undefined) {
          killed = pid;
          process.kill(pid, 'SIGKILL');
        }
      },
    };
    const error: unknown = await benchProducer({ ...load, durationMs: 60_000 }, two, hooks).catch((reason: unknown) => reason);
    const message = 'worker local 2 ended with SIGKILL; what 1 of 2 workers measured until then is kept';
    expect(error).toMatchObject({
      exitCode: 3,
      message,
      context: { result: { partial: true, failure: message, send: { errors: 0, count: expect.any(Number) } } },
    });
    await until(() => startedWorkers().length === 0);
  });

  it('merges what two processes measured into what one recording of all their latencies gives, bit for bit', async () => {
    const parts = await Promise.all(
      splitProducer({ ...load, quantity: 3001 }, 2).map(async (options, index) => {
        const worker = new ChildWorker({ name: String(index), job: { kind: 'producer', options }, onProgress: () => undefined });
        worker.start();
        const outcome = await worker.result;
        await worker.close();
        return { name: String(index), ...outcome };
      }),
    );
    const recording = new LatencyHistogram();
    for (const { result } of parts) {
      for (const latencyUs of latenciesOf(result.send?.histogram ?? '')) {
        recording.record(latencyUs);
      }
    }
    const { send } = mergeResults(parts, {});
    expect(recording.count).toBe(3001);
    expect(send?.histogram).toBe(recording.encode());
    const { mean, p50, p90, p99 } = recording.summary();
    expect(send?.latencyMs).toMatchObject({ mean, p50, p90, p99 });
  });

  it('does not begin when a worker cannot', async () => {
    const run = benchProducer({ ...load, namesrvAddr: '127.0.0.1:1', quantity: 10 }, two, {});
    await expect(run).rejects.toMatchObject({ exitCode: 3, message: expect.stringMatching(/^worker local \d: .*127\.0\.0\.1:1/) });
  });

  it('refuses a load that cannot be divided', async () => {
    await expect(benchProducer({ ...load, inFlight: 1, quantity: 10 }, two, {})).rejects.toMatchObject({
      exitCode: 2,
      message: '-w 1 cannot be divided among 2 workers: each needs at least one',
    });
  });
});

/** Every latency of a distribution, as its buckets have them. */
function latenciesOf(histogram: string): number[] {
  const decoded = decodeFromCompressedBase64(histogram, 64, false);
  return Array.from({ length: decoded.totalCount }, (_, i) => decoded.getValueAtPercentile((100 * (i + 0.5)) / decoded.totalCount));
}

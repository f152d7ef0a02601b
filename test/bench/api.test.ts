import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LatencyHistogram, loadHistograms, runWorkload } from '../../src/bench/index.js';
import { type Sandbox, startSandbox } from '../sandbox.js';
import { ROOT } from '../tidy/sources.js';

const schema = JSON.parse(readFileSync(join(ROOT, 'src/bench/mqbench-1.schema.json'), 'utf8')) as object;
const validate = new Ajv2020({ allErrors: true, strictTypes: false }).compile(schema);

/** Faults of a result as it is written, none when it is as the schema says. */
function faultsOf(result: unknown): string[] {
  validate(JSON.parse(JSON.stringify(result)));
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

describe('workloads from a program', () => {
  let cluster: Sandbox;
  let on: { readonly namesrvAddr: string; readonly topic: string; readonly warmupMs: number };

  beforeAll(async () => {
    await loadHistograms();
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 4 } });
    on = { namesrvAddr: cluster.namesrvAddr, topic: 'ApiTest', warmupMs: 0 };
  });

  afterAll(() => cluster.stop());

  it('a producer with a rate gives a result as the schema says, with a series and both distributions', async () => {
    const points: number[] = [];
    const result = await runWorkload(
      { kind: 'producer', ...on, producerGroup: 'api', bodyBytes: 64, inFlight: 1000, rate: 500, durationMs: 1600 },
      { onPoint: ({ point, latencies }) => points.push(point.count === latencies.count ? point.count : -1) },
    );
    expect(faultsOf(result)).toEqual([]);
    expect(result.config).not.toHaveProperty('kind');
    const { send, environment } = result;
    expect(send.series?.length).toBeGreaterThanOrEqual(1);
    expect(points).toEqual(send.series?.map(({ count }) => count));
    expect(LatencyHistogram.decode(send.histogram ?? '', send.latencyMs.max).summary()).toEqual(send.latencyMs);
    expect(LatencyHistogram.decode(send.uncorrectedHistogram ?? '').count).toBe(send.count);
    expect(send.uncorrectedLatencyMs?.mean).toBeLessThanOrEqual(send.latencyMs.mean);
    expect(environment).toMatchObject({ brokerVersion: expect.stringMatching(/^V\d/), fsyncMs: expect.any(Number) });
    expect(environment.generator.gc?.totalMs).toBeGreaterThanOrEqual(environment.generator.gc?.maxMs ?? Number.NaN);
  });

  it('a consumer', async () => {
    const group = { consumerGroup: 'api', concurrency: 4, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' as const };
    const result = await runWorkload({ kind: 'consumer', ...on, ...group, quantity: 50 });
    expect(faultsOf(result)).toEqual([]);
    expect(LatencyHistogram.decode(result.receive.endToEndHistogram ?? '').count).toBe(result.receive.count);
    const raw = await runWorkload({ kind: 'consumer', ...on, ...group, raw: true, quantity: 100 });
    expect(faultsOf(raw)).toEqual([]);
  });

  it('batches and transactions', async () => {
    const producing = { ...on, producerGroup: 'api_kinds', bodyBytes: 64, inFlight: 4 };
    expect(faultsOf(await runWorkload({ kind: 'batch', ...producing, batchSize: 10, quantity: 100 }))).toEqual([]);
    const rates = { batchId: 1, sendRollbackRate: 0, sendUnknownRate: 0, checkRollbackRate: 0, checkUnknownRate: 0 };
    expect(faultsOf(await runWorkload({ kind: 'transaction', ...producing, ...rates, bodyBytes: 128, quantity: 20 }))).toEqual([]);
  });

  it('round trips, and delays as the command of that name makes them', async () => {
    const ends = { ...on, bodyBytes: 64, inFlight: 4, concurrency: 4 };
    const pingpong = await runWorkload({ kind: 'pingpong', ...ends, group: 'api_pong', repliers: 1, requestTimeoutMs: 3000, quantity: 10 });
    expect(faultsOf(pingpong)).toEqual([]);
    const schedule = { kind: 'span', minMs: 50, maxMs: 100 } as const;
    const groups = { role: 'both', producerGroup: 'api_delay', consumerGroup: 'api_delay' } as const;
    const delay = await runWorkload({ kind: 'delay', ...ends, ...groups, schedule, quantity: 10, settleMs: 20_000, seed: 1 });
    expect(faultsOf(delay)).toEqual([]);
    expect(delay).toMatchObject({ kind: 'delay', send: { count: 10 }, receive: { count: 10 }, deliveries: { early: 0 } });
  });

  it('the schema finds what is not a result', () => {
    expect(faultsOf({ schema: 'mqbench/2', kind: 'producer', config: {} })).not.toEqual([]);
    expect(faultsOf({ schema: 'mqbench/1', kind: 'producer', config: {}, environment: {} })).not.toEqual([]);
  });

  it.each([
    [{ rate: 0 }, 'rate 0: expected a number above 0'],
    [{ rate: Number.NaN }, 'rate NaN'],
    [{ durationMs: -5 }, 'durationMs -5: expected a number of at least 1'],
    [{ bodyBytes: 1.5 }, 'bodyBytes 1.5: expected a whole number of at least 1'],
    [{ inFlight: 0 }, 'inFlight 0'],
    [{ topic: '' }, 'topic is missing'],
    [{ durationMs: undefined }, 'the run has no end'],
  ])('an impossible workload is refused: %o', async (change, message) => {
    const workload = { kind: 'producer', ...on, producerGroup: 'p', bodyBytes: 1, inFlight: 1, durationMs: 100, ...change };
    await expect(runWorkload(workload as never)).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(message) });
  });

  it('a kind that does not exist', async () => {
    await expect(runWorkload({ kind: 'produce' } as never)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('expected one of producer, consumer'),
    });
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConsumerBenchOptions, runConsumerBench } from '../../src/bench/consumer-bench.js';
import type { IntervalSnapshot } from '../../src/bench/recorder.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection } from '../../src/remoting/server.js';
import { FakeCluster } from '../client/fake-cluster.js';

const BACKLOG = 100;

describe('raw pulls', () => {
  let cluster: FakeCluster;
  let onPull: (conn: Connection, request: RemotingCommand, offset: number) => void;

  beforeEach(async () => {
    cluster = await FakeCluster.start();
    cluster.addTopic('T', { queueCount: 1 });
    const broker = cluster.brokers[0]!;
    onPull = (conn, request, offset) => answer(conn, request, ResponseCode.SUCCESS, Math.min(offset + 10, BACKLOG));
    broker.on(RequestCode.GET_MIN_OFFSET, (conn, request) => conn.respond(request, ResponseCode.SUCCESS, null, { offset: '0' }));
    broker.on(RequestCode.GET_MAX_OFFSET, (conn, request) =>
      conn.respond(request, ResponseCode.SUCCESS, null, { offset: String(BACKLOG) }),
    );
    broker.on(RequestCode.PULL_MESSAGE, (conn, request) => onPull(conn, request, Number(request.extFields?.queueOffset)));
  });
  afterEach(() => cluster.stop());

  function answer(conn: Connection, request: RemotingCommand, code: number, nextBeginOffset: number): void {
    conn.respond(request, code, null, { nextBeginOffset: String(nextBeginOffset), minOffset: '0', maxOffset: String(BACKLOG) });
  }

  function options(more: Partial<ConsumerBenchOptions>): ConsumerBenchOptions {
    return { namesrvAddr: cluster.namesrvAddr, topic: 'T', consumerGroup: 'G', concurrency: 1, warmupMs: 0, raw: true, ...more };
  }

  it('end with a partial result when their broker answers no more, though the quantity is not reached', async () => {
    const healthy = onPull;
    let pulls = 0;
    onPull = (conn, request, offset) => (++pulls > 5 ? conn.close('killed') : healthy(conn, request, offset));
    const result = await runConsumerBench(options({ quantity: 1_000_000, idleLimitMs: 1200 }));
    expect(result).toMatchObject({ partial: true, failure: expect.stringMatching(/^no pull succeeded in the last [\d.]+ s: /) });
    expect(result.receive).toMatchObject({ count: 50 });
    expect(result.interrupted).toBeUndefined();
  });

  it('say at the end of their duration that the broker is gone', async () => {
    onPull = (conn) => conn.close('killed');
    const result = await runConsumerBench(options({ durationMs: 6000 }));
    expect(result).toMatchObject({ partial: true, failure: expect.stringContaining('no pull succeeded') });
  });

  it('go on with what is left when the broker has deleted the beginning', async () => {
    const healthy = onPull;
    onPull = (conn, request, offset) =>
      offset < 40 ? answer(conn, request, ResponseCode.PULL_OFFSET_MOVED, 40) : healthy(conn, request, offset);
    const result = await runConsumerBench(options({ quantity: 300 }));
    expect(result.receive.count).toBeGreaterThanOrEqual(300);
    expect(result.receive.errors).toBe(1);
    expect(result.partial).toBeUndefined();
  });

  it('tell of their progress during the warm-up', async () => {
    const told: IntervalSnapshot[] = [];
    const onInterval = (snapshot: IntervalSnapshot): number => told.push(snapshot);
    await runConsumerBench(options({ warmupMs: 3000, quantity: 100 }), { onInterval, intervalMs: 50 });
    expect(told.some(({ count, isWarmup }) => isWarmup === true && count > 0)).toBe(true);
  });
});

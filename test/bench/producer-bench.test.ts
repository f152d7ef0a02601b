import { expect, it } from 'vitest';
import { runProducerBench } from '../../src/bench/producer-bench.js';
import { producerReport } from '../../src/bench/text.js';
import { FakeCluster } from '../client/fake-cluster.js';

it('attempts that failed and were made again are told apart from errors', async () => {
  const cluster = await FakeCluster.start({ brokerNames: ['broker-a', 'broker-b'] });
  cluster.addTopic('T');
  let closed = 0;
  const [a] = cluster.brokers;
  a!.onSend = (conn, request) => (closed++ === 0 ? conn.close('killed') : a!.store(conn, request));
  try {
    const result = await runProducerBench({
      namesrvAddr: cluster.namesrvAddr,
      topic: 'T',
      producerGroup: 'PG_bench',
      bodyBytes: 32,
      inFlight: 4,
      warmupMs: 0,
      quantity: 100,
    });
    const { send } = result;
    expect(send).toMatchObject({ count: 100, errors: 0 });
    expect(send.retries).toBeGreaterThan(0);
    expect(send.attempts).toBe(100 + send.retries);
    expect(send.failedAttemptsByCode).toEqual({ CONNECTION_CLOSED: send.retries });
    expect(producerReport(result)).toContain(
      `\nretries    ${send.retries} of ${send.attempts} attempts; failed: ${send.retries} x CONNECTION_CLOSED\n`,
    );
  } finally {
    await cluster.stop();
  }
});

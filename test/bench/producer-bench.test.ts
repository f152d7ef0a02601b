import { expect, it } from 'vitest';
import { runProducerBench } from '../../src/bench/producer-bench.js';
import { producerReport } from '../../src/bench/text.js';
import { decodeTraceRecords } from '../../src/client/trace/trace-record.js';
import { RequestCode } from '../../src/remoting/codes.js';
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

it('with a message trace every message is traced, and only the messages are counted', async () => {
  const cluster = await FakeCluster.start();
  cluster.addTopic('T');
  cluster.addTopic('RMQ_SYS_TRACE_TOPIC', { queueCount: 1 });
  try {
    const { namesrvAddr } = cluster;
    const load = { topic: 'T', producerGroup: 'PG_bench', bodyBytes: 32, inFlight: 4, warmupMs: 0, quantity: 100 };
    const { send } = await runProducerBench({ namesrvAddr, ...load, msgTraceEnable: true });
    expect(send).toMatchObject({ count: 100, attempts: 100 });
    const sends = cluster.brokers[0]!.requestsOf(RequestCode.SEND_MESSAGE_V2);
    const traces = sends.filter((request) => request.extFields?.b === 'RMQ_SYS_TRACE_TOPIC');
    expect(traces.flatMap(({ body }) => decodeTraceRecords(String(body)))).toHaveLength(100);
  } finally {
    await cluster.stop();
  }
});

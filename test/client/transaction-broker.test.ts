import { afterEach, beforeEach, expect, it } from 'vitest';
import { LocalTransactionState, type MessageExt, PushConsumer, TransactionProducer } from '../../src/index.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';

const { COMMIT_MESSAGE, ROLLBACK_MESSAGE, UNKNOW } = LocalTransactionState;

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await startSandbox({
    brokerConfig: { transactionTimeOut: 100, transactionCheckInterval: 100, transactionOpBatchInterval: 50 },
  });
});
afterEach(() => sandbox.stop());

it('a transaction producer, a broker and a consumer: what committed arrives once, also by a check, and the rest never', async () => {
  const asked: string[] = [];
  let answer: LocalTransactionState = UNKNOW;
  const producer = new TransactionProducer<LocalTransactionState>({
    namesrvAddr: sandbox.namesrvAddr,
    producerGroup: 'PG_tx',
    heartbeatBrokerIntervalMs: 500,
    listener: {
      executeLocalTransaction: (_message, state) => state,
      checkLocalTransaction: (message) => {
        asked.push(message.body.toString());
        return answer;
      },
    },
  });
  const received: MessageExt[] = [];
  const consumer = new PushConsumer({ namesrvAddr: sandbox.namesrvAddr, consumerGroup: 'CG_tx' });
  await consumer.subscribe('Tx', 'A');
  consumer.onMessage((messages) => {
    received.push(...messages);
    return 'CONSUME_SUCCESS';
  });
  await producer.start();
  try {
    const send = (body: string, state: LocalTransactionState) =>
      producer.sendInTransaction({ topic: 'Tx', body: Buffer.from(body), tags: 'A' }, state);
    const committed = await send('committed', COMMIT_MESSAGE);
    await consumer.start();
    await send('rolled back', ROLLBACK_MESSAGE);
    const unknown = await send('unknown', UNKNOW);
    const { counters } = sandbox.brokers[0]!.parts.transactions;
    await until(() => counters.committed === 1 && counters.rolledBack === 1, 15_000);
    // Two checks later whatever was asked before those two ended has arrived.
    for (let round = 0; round < 2; round++) {
      asked.length = 0;
      await until(() => asked.filter((body) => body === 'unknown').length >= 2, 15_000);
    }
    expect(new Set(asked)).toEqual(new Set(['unknown']));
    answer = COMMIT_MESSAGE;
    await until(() => received.length >= 2, 15_000);
    await until(() => counters.committed === 2 && counters.rolledBack === 1);
    expect(received.map(({ msgId }) => msgId).sort()).toEqual([committed.msgId, unknown.msgId].sort());
    expect(received.every(({ sysFlag }) => sysFlag === 8)).toBe(true);
  } finally {
    await consumer.shutdown();
    await producer.shutdown();
  }
});

it('a transactional message with a delivery time waits for it when it is committed', async () => {
  const producer = new TransactionProducer<null>({
    namesrvAddr: sandbox.namesrvAddr,
    producerGroup: 'PG_tx',
    listener: { executeLocalTransaction: () => COMMIT_MESSAGE, checkLocalTransaction: () => COMMIT_MESSAGE },
  });
  await producer.start();
  try {
    const { store, parts } = sandbox.brokers[0]!;
    const hourMs = 3_600_000;
    for (const delay of [{ delayTimeSec: 3_600 }, { delayTimeMs: hourMs }, { deliverTimeMs: Date.now() + hourMs }]) {
      await producer.sendInTransaction({ topic: 'Tx', body: Buffer.from('later'), ...delay }, null);
    }
    await producer.sendInTransaction({ topic: 'Tx', body: Buffer.from('soon'), delayTimeMs: 500 }, null);
    await until(() => parts.transactions.counters.committed === 4);
    expect(store.maxOffset('rmq_sys_wheel_timer', 0)).toBe(4);
    const delivered = () => [0, 1, 2, 3].reduce((sum, queueId) => sum + store.maxOffset('Tx', queueId), 0);
    await until(() => delivered() > 0);
    expect(delivered()).toBe(1);
  } finally {
    await producer.shutdown();
  }
});

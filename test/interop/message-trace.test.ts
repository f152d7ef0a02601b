/* The trace that Java's clients write and the one of ours, read by Apache's queryMsgTraceById and by ours. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminClient } from '../../src/client/admin/admin-client.js';
import { type MessageTrace, messageTrace } from '../../src/client/admin/message-trace.js';
import { PushConsumer } from '../../src/client/consumer/push-consumer.js';
import { Producer } from '../../src/client/producer/producer.js';
import { LocalTransactionState } from '../../src/client/producer/transaction-listener.js';
import { TransactionProducer } from '../../src/client/producer/transaction-producer.js';
import { NotFoundError } from '../../src/common/errors.js';
import { runCommand } from '../commands/mqadmin/run-command.js';
import { APACHE_VERSIONS, apache, type ClientDriver, javaClient } from '../peers/index.js';
import { createGroup, createTopic, interop, startTarget, type Target, until } from './support.js';

interface Sent {
  msgId: string;
  offsetMsgId: string;
}

/** What the trace of a message holds in the order it was stored, as its types with their groups. */
const outline = (traces: readonly MessageTrace[]): string[] =>
  traces.map(({ traceType, groupName }) => `${traceType} ${String(groupName)}`).sort();

interop('The message trace', 'java', () => {
  describe('of Java clients on the bundled broker', () => {
    let target: Target;
    let admin: AdminClient;
    beforeAll(async () => {
      target = await startTarget({ traceTopicEnable: true });
      admin = new AdminClient({ namesrvAddr: target.namesrvAddr, timeoutMs: 30_000 });
    });
    afterAll(async () => {
      await admin?.close();
      await target?.stop();
    });

    it.each(APACHE_VERSIONS)('checklist 40, %s: send, consumption and transaction are there for both tools', async (version) => {
      const id = version.replaceAll('.', '');
      const { namesrvAddr } = target;
      const topic = `Traced${id}`;
      await createTopic(target, topic, 1);
      await createGroup(target, `CG${id}`);
      const java = await javaClient(version);
      try {
        const init = { name: `t${id}`, namesrvAddr, topic, tags: 'TagA', keys: 'k1 k2' };
        const sent = (await java.call('trace.send', { ...init, group: `PG${id}` })) as Sent;
        expect(await java.call('trace.consume', { ...init, name: `c${id}`, group: `CG${id}` })).toBe(true);
        const traces = await traceOf(admin, sent.msgId, 3);
        expect(outline(traces)).toEqual([`Pub PG${id}`, `SubAfter CG${id}`, `SubBefore CG${id}`]);
        expect(traces.find(({ traceType }) => traceType === 'Pub')).toMatchObject({
          topic,
          tags: 'TagA',
          keys: 'k1 k2',
          bodyLength: 6,
          msgType: 0,
          success: true,
          offsetMsgId: sent.offsetMsgId,
          storeHost: target.broker.address,
        });
        // A consumer would add its own records to those of the transaction.
        await java.call('trace.stop', { names: [`t${id}`, `c${id}`] });
        const transaction = (await java.call('trace.transaction', { ...init, name: `x${id}`, group: `TG${id}` })) as Sent;
        const ends = await traceOf(admin, transaction.msgId, 2);
        expect(ends.find(({ traceType }) => traceType === 'EndTransaction')).toMatchObject({
          transactionState: 'COMMIT_MESSAGE',
          msgType: 2,
        });
        await expectSameTable(java, target, sent.msgId);
        await java.call('trace.stop', { names: [`x${id}`] });
      } finally {
        await java.close();
      }
    });

    it('of our clients is what their tool shows, too', async () => {
      await expectOursIsRead(target, admin);
    });
  });

  describe("of our clients on Apache's broker", () => {
    it('is what both tools show', async () => {
      const cluster = await apache.startCluster({ version: '5.3.3', brokerConfig: { traceTopicEnable: true } });
      const admin = new AdminClient({ namesrvAddr: cluster.namesrvAddr, timeoutMs: 30_000 });
      try {
        await expectOursIsRead(cluster, admin);
      } finally {
        await admin.close();
        await cluster.stop();
      }
    });
  });
});

/** Our producers and consumer leave a trace that Apache's tool shows as ours does. */
async function expectOursIsRead(target: Target, admin: AdminClient): Promise<void> {
  const { namesrvAddr } = target;
  const topic = 'TracedByUs';
  await createTopic(target, topic, 1);
  await createGroup(target, 'CG_us');
  const java = await javaClient('5.3.3');
  try {
    const producer = new Producer({ namesrvAddr, producerGroup: 'PG_us', enableMsgTrace: true, sendMsgTimeoutMs: 30_000 });
    await producer.start();
    const sent = await producer.send({ topic, body: Buffer.from('one'), tags: 'TagA', keys: ['k1', 'k2'] });
    const batch = await producer.sendBatch([1, 2].map((i) => ({ topic, body: Buffer.from(`batch${i}`) })));
    const ids = [sent.msgId, ...batch.msgId.split(',')];
    await producer.shutdown();
    await consumeAll(namesrvAddr, topic, ids);
    for (const id of ids) {
      expect(outline(await traceOf(admin, id, 3))).toEqual(['Pub PG_us', 'SubAfter CG_us', 'SubBefore CG_us']);
      await expectSameTable(java, target, id);
    }
    const transactions = new TransactionProducer<void>({
      namesrvAddr,
      producerGroup: 'TG_us',
      sendMsgTimeoutMs: 30_000,
      enableMsgTrace: true,
      listener: {
        executeLocalTransaction: () => LocalTransactionState.COMMIT_MESSAGE,
        checkLocalTransaction: () => LocalTransactionState.UNKNOW,
      },
    });
    await transactions.start();
    const { msgId } = await transactions.sendInTransaction({ topic, body: Buffer.from('tx') }, undefined);
    await transactions.shutdown();
    expect(outline(await traceOf(admin, msgId, 2))).toEqual(['EndTransaction TG_us', 'Pub TG_us']);
    await expectSameTable(java, target, msgId);
  } finally {
    await java.close();
  }
}

async function consumeAll(namesrvAddr: string, topic: string, ids: readonly string[]): Promise<void> {
  const consumer = new PushConsumer({ namesrvAddr, consumerGroup: 'CG_us', enableMsgTrace: true });
  const missing = new Set(ids);
  await consumer.subscribe(topic);
  consumer.onMessage(([message]) => {
    missing.delete(message?.msgId ?? '');
    return 'CONSUME_SUCCESS';
  });
  await consumer.start();
  try {
    await until(() => missing.size === 0);
  } finally {
    await consumer.shutdown();
  }
}

/** The trace of a message, once it has so many records. */
async function traceOf(admin: AdminClient, msgId: string, count: number): Promise<MessageTrace[]> {
  let traces: MessageTrace[] = [];
  await until(async () => {
    try {
      traces = await messageTrace(admin, { msgId });
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
    return traces.length >= count;
  });
  expect(traces).toHaveLength(count);
  return traces;
}

/** Apache's tool 5.3.3 prints the same as ours. */
async function expectSameTable(java: ClientDriver, target: Target, msgId: string): Promise<void> {
  const args = ['queryMsgTraceById', '-i', msgId];
  const theirs = await java.mqadmin(target.namesrvAddr, args);
  const ours = await runCommand('queryMsgTraceById', args.slice(1), { NAMESRV_ADDR: target.namesrvAddr });
  expect(ours.stdout).toContain('\nPub ');
  expect(ours.stdout).toBe(theirs.stdout);
}

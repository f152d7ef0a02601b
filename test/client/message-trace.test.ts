/* The trace that producers and consumers write, as it lies in the trace topic and as queryMsgTraceById shows it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AdminClient } from '../../src/client/admin/admin-client.js';
import { type MessageTrace, messageTrace } from '../../src/client/admin/message-trace.js';
import { LitePullConsumer } from '../../src/client/consumer/lite-pull-consumer.js';
import { PushConsumer } from '../../src/client/consumer/push-consumer.js';
import { Producer, type ProducerOptions } from '../../src/client/producer/producer.js';
import { LocalTransactionState } from '../../src/client/producer/transaction-listener.js';
import { TransactionProducer } from '../../src/client/producer/transaction-producer.js';
import { NotFoundError } from '../../src/common/errors.js';
import { runCommand } from '../commands/mqadmin/run-command.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';

let sandbox: Sandbox;
let admin: AdminClient;
const running: { shutdown(): Promise<void> }[] = [];
let serial = 0;

beforeAll(async () => {
  sandbox = await startSandbox({ brokerConfig: { traceTopicEnable: true, transactionTimeOut: 3_000, transactionCheckInterval: 200 } });
  admin = new AdminClient({ namesrvAddr: sandbox.namesrvAddr });
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((member) => member.shutdown()));
});

afterAll(async () => {
  await admin?.close();
  await sandbox?.stop();
});

async function startProducer(options: Partial<ProducerOptions> = {}): Promise<Producer> {
  const { namesrvAddr } = sandbox;
  const producer = new Producer({ namesrvAddr, producerGroup: `PG_trace_${++serial}`, enableMsgTrace: true, ...options });
  running.push(producer);
  await producer.start();
  return producer;
}

/** The trace of a message, when it has as many records as wanted. */
async function traceOf(msgId: string, count: number, traceTopic?: string): Promise<MessageTrace[]> {
  let traces: MessageTrace[] = [];
  await until(async () => {
    try {
      traces = await messageTrace(admin, { msgId, traceTopic });
    } catch (error) {
      if (!(error instanceof NotFoundError)) {
        throw error;
      }
    }
    return traces.length >= count;
  }, 60_000);
  expect(traces).toHaveLength(count);
  return traces;
}

describe('a producer with enableMsgTrace', () => {
  it('writes one record a message, with what the broker answered', async () => {
    const producer = await startProducer();
    const { producerGroup } = producer;
    const sent = await producer.send({ topic: 'TraceSync', body: Buffer.from('hello'), tags: 'TagA', keys: ['k1', 'k2'] });
    await producer.shutdown();
    const [trace] = await traceOf(sent.msgId, 1);
    expect(trace).toMatchObject({
      traceType: 'Pub',
      regionId: 'DefaultRegion',
      groupName: producerGroup,
      topic: 'TraceSync',
      msgId: sent.msgId,
      tags: 'TagA',
      keys: 'k1 k2',
      storeHost: sandbox.brokerAddr,
      bodyLength: 5,
      msgType: 0,
      offsetMsgId: sent.offsetMsgId,
      success: true,
      clientHost: '127.0.0.1',
    });
    const byKey = await runCommand('queryMsgByKey', ['-t', 'RMQ_SYS_TRACE_TOPIC', '-k', 'k2'], { NAMESRV_ADDR: sandbox.namesrvAddr });
    expect(byKey.exitCode).toBe(0);
  });

  it('traces asynchronous sends, delayed ones, batches and batches that form by themselves', async () => {
    const producer = await startProducer();
    const asynchronous = await new Promise<{ msgId: string }>((onSuccess, onException) => {
      producer.sendAsync({ topic: 'TraceAsync', body: Buffer.from('a') }, { onSuccess, onException }, null);
    });
    const delayed = await producer.send({ topic: 'TraceAsync', body: Buffer.from('d'), delayTimeLevel: 1 });
    const batch = await producer.sendBatch([
      { topic: 'TraceAsync', body: Buffer.from('1'), keys: 'one' },
      { topic: 'TraceAsync', body: Buffer.from('22'), tags: 'two' },
    ]);
    const batcher = await startProducer({ autoBatch: true });
    const batched = await Promise.all([1, 2, 3].map((i) => batcher.send({ topic: 'TraceAsync', body: Buffer.from(`auto${i}`) })));
    await Promise.all(running.splice(0).map((member) => member.shutdown()));
    expect((await traceOf(asynchronous.msgId, 1))[0]).toMatchObject({ traceType: 'Pub', msgType: 0, tags: null, keys: null });
    expect((await traceOf(delayed.msgId, 1))[0]).toMatchObject({ msgType: 3 });
    const [first = '', second = ''] = batch.msgId.split(',');
    const [firstStored, secondStored] = batch.offsetMsgId.split(',');
    expect((await traceOf(first, 1))[0]).toMatchObject({ keys: 'one', tags: null, bodyLength: 1, offsetMsgId: firstStored });
    expect((await traceOf(second, 1))[0]).toMatchObject({ keys: null, tags: 'two', bodyLength: 2, offsetMsgId: secondStored });
    for (const { msgId } of batched) {
      expect((await traceOf(msgId, 1))[0]).toMatchObject({ bodyLength: 5, success: true });
    }
  });

  it('traces the half message and the end of a transaction', async () => {
    const producer = new TransactionProducer<void>({
      namesrvAddr: sandbox.namesrvAddr,
      producerGroup: 'PG_trace_tx',
      enableMsgTrace: true,
      listener: {
        executeLocalTransaction: () => LocalTransactionState.COMMIT_MESSAGE,
        checkLocalTransaction: () => LocalTransactionState.UNKNOW,
      },
    });
    await producer.start();
    const sent = await producer.sendInTransaction({ topic: 'TraceTx', body: Buffer.from('t'), keys: 'order-1' }, undefined);
    await producer.shutdown();
    const [half, end] = await traceOf(sent.msgId, 2);
    expect(half).toMatchObject({ traceType: 'Pub', msgType: 1, success: true, topic: 'TraceTx' });
    expect(end).toMatchObject({
      traceType: 'EndTransaction',
      msgType: 2,
      groupName: 'PG_trace_tx',
      topic: 'TraceTx',
      keys: 'order-1',
      transactionId: sent.transactionId,
      transactionState: 'COMMIT_MESSAGE',
      fromTransactionCheck: false,
      storeHost: sandbox.brokerAddr,
    });
  });

  it('says that a transaction ended by the answer to a check', async () => {
    let markChecked = (): void => {};
    const checked = new Promise<void>((resolve) => {
      markChecked = resolve;
    });
    const producer = new TransactionProducer<void>({
      namesrvAddr: sandbox.namesrvAddr,
      producerGroup: 'PG_trace_check',
      enableMsgTrace: true,
      listener: {
        executeLocalTransaction: () => LocalTransactionState.UNKNOW,
        checkLocalTransaction: () => {
          markChecked();
          return LocalTransactionState.ROLLBACK_MESSAGE;
        },
      },
    });
    running.push(producer);
    await producer.start(['TraceTx']);
    const { msgId } = await producer.sendInTransaction({ topic: 'TraceTx', body: Buffer.from('t'), keys: 'checked' }, undefined);
    await checked;
    await producer.shutdown();
    const [, first, second] = await traceOf(msgId, 3);
    expect(first).toMatchObject({ traceType: 'EndTransaction', transactionState: 'UNKNOW', fromTransactionCheck: false });
    expect(second).toMatchObject({
      traceType: 'EndTransaction',
      groupName: 'PG_trace_check',
      topic: 'TraceTx',
      keys: 'checked',
      transactionState: 'ROLLBACK_MESSAGE',
      fromTransactionCheck: true,
      storeHost: sandbox.brokerAddr,
    });
  });

  it('leaves names without their namespace, and takes another trace topic', async () => {
    const producer = await startProducer({ namespace: 'NS', traceTopic: 'MyTrace', producerGroup: 'PG_ns' });
    const sent = await producer.send({ topic: 'TraceNs', body: Buffer.from('n') });
    await producer.shutdown();
    const [trace] = await traceOf(sent.msgId, 1, 'MyTrace');
    expect(trace).toMatchObject({ groupName: 'PG_ns', topic: 'TraceNs' });
    await expect(messageTrace(admin, { msgId: sent.msgId })).rejects.toThrow(NotFoundError);
  });

  it('sends no slower and fails no send when the trace topic does not exist', async () => {
    const plain = await startSandbox({ brokerConfig: { autoCreateTopicEnable: false } });
    try {
      await runCommand('updateTopic', ['-c', 'DefaultCluster', '-t', 'Known'], { NAMESRV_ADDR: plain.namesrvAddr });
      const producer = await startProducer({ namesrvAddr: plain.namesrvAddr });
      const results = await Promise.all(Array.from({ length: 30 }, () => producer.send({ topic: 'Known', body: Buffer.from('x') })));
      expect(results.map(({ sendStatus }) => sendStatus)).toEqual(new Array(30).fill('SEND_OK'));
      await producer.shutdown();
    } finally {
      await plain.stop();
    }
  });

  it('traces nothing where the broker says so', async () => {
    const silent = await startSandbox({ brokerConfig: { traceTopicEnable: true, traceOn: false } });
    try {
      const producer = await startProducer({ namesrvAddr: silent.namesrvAddr });
      const sent = await producer.send({ topic: 'Untraced', body: Buffer.from('x') });
      await producer.shutdown();
      const query = await runCommand('queryMsgTraceById', ['-i', sent.msgId], { NAMESRV_ADDR: silent.namesrvAddr });
      expect(query).toMatchObject({ stdout: '', exitCode: 4 });
    } finally {
      await silent.stop();
    }
  });
});

describe('a consumer with enableMsgTrace', () => {
  it('writes a record before and one after each message, and queryMsgTraceById shows who did what', async () => {
    const producer = await startProducer({ producerGroup: 'PG_story' });
    const sent = await producer.send({ topic: 'TraceStory', body: Buffer.from('s'), keys: 'story' });
    const consumer = new PushConsumer({ namesrvAddr: sandbox.namesrvAddr, consumerGroup: 'CG_story', enableMsgTrace: true });
    await consumer.subscribe('TraceStory');
    const called = new Promise<void>((resolve) => {
      consumer.onMessage(() => {
        resolve();
        return 'CONSUME_SUCCESS';
      });
    });
    await consumer.start();
    await called;
    await consumer.shutdown();
    await producer.shutdown();
    const traces = await traceOf(sent.msgId, 3);
    const [before, after] = traces.filter(({ groupName }) => groupName === 'CG_story');
    expect(before).toMatchObject({ traceType: 'SubBefore', regionId: 'DefaultRegion', keys: 'story', retryTimes: 0 });
    expect(after).toMatchObject({ traceType: 'SubAfter', success: true, contextCode: 0, keys: 'story' });
    expect(after).toHaveProperty('requestId', (before as { requestId: string }).requestId);
    const { stdout, exitCode } = await runCommand('queryMsgTraceById', ['-i', sent.msgId], { NAMESRV_ADDR: sandbox.namesrvAddr });
    expect(exitCode).toBe(0);
    const shown = stdout.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, (time) => 'T'.repeat(time.length)).replace(/\d+ms +/g, '5ms        ');
    expect(shown).toBe(
      [
        '#Type      #ProducerGroup       #ClientHost          #SendTime            #CostTimes #Status   ',
        'Pub        PG_story             127.0.0.1            TTTTTTTTTTTTTTTTTTT  5ms        success   ',
        '',
        '#Type      #ConsumerGroup       #ClientHost          #ConsumerTime        #CostTimes #Status   ',
        'Sub        CG_story             127.0.0.1            TTTTTTTTTTTTTTTTTTT  5ms        success   ',
        '',
        '',
      ].join('\n'),
    );
    const bounded = await runCommand('queryMsgTraceById', ['-i', sent.msgId, '-e', '1000'], { NAMESRV_ADDR: sandbox.namesrvAddr });
    expect(bounded).toMatchObject({ stdout: '', exitCode: 4, stderr: expect.stringContaining(sent.msgId) });
    const argv = ['-i', sent.msgId, '-t', 'RMQ_SYS_TRACE_TOPIC', '-b', '0', '-c', '64', '--json'];
    const json = await runCommand('queryMsgTraceById', argv, { NAMESRV_ADDR: sandbox.namesrvAddr });
    const { traces: all } = JSON.parse(json.stdout) as { traces: MessageTrace[] };
    expect(all.map(({ traceType }) => traceType).sort()).toEqual(['Pub', 'SubAfter', 'SubBefore']);
  });

  it('that polls traces what its polls give', async () => {
    const producer = await startProducer({ enableMsgTrace: false });
    const { msgId } = await producer.send({ topic: 'TracePolled', body: Buffer.from('p'), keys: 'polled' });
    const { namesrvAddr } = sandbox;
    const consumerGroup = 'CG_polled';
    const consumer = new LitePullConsumer({
      namesrvAddr,
      consumerGroup,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      enableMsgTrace: true,
    });
    await consumer.subscribe('TracePolled');
    await consumer.start();
    expect((await consumer.poll(10_000)).map((message) => message.msgId)).toEqual([msgId]);
    await consumer.shutdown();
    const [before, after] = await traceOf(msgId, 2);
    expect(before).toMatchObject({ traceType: 'SubBefore', groupName: consumerGroup, keys: 'polled' });
    expect(after).toMatchObject({ traceType: 'SubAfter', groupName: consumerGroup, success: true, contextCode: 0 });
  });

  it('says how an ordered call and a failed one ended', async () => {
    const producer = await startProducer({ enableMsgTrace: false });
    const ids: Record<string, string> = {};
    for (const topic of ['TraceOrdered', 'TraceFails', 'TraceThrows']) {
      ids[topic] = (await producer.send({ topic, body: Buffer.from('m') })).msgId;
      const consumer = new PushConsumer({ namesrvAddr: sandbox.namesrvAddr, consumerGroup: `CG_${topic}`, enableMsgTrace: true });
      await consumer.subscribe(topic);
      const called = new Promise<void>((resolve) => {
        if (topic === 'TraceOrdered') {
          consumer.onMessageOrderly(() => {
            resolve();
            return 'SUCCESS';
          });
          return;
        }
        consumer.onMessage(async () => {
          resolve();
          if (topic === 'TraceThrows') {
            throw new Error('thrown by the listener');
          }
          return 'RECONSUME_LATER';
        });
      });
      await consumer.start();
      await called;
      await consumer.shutdown();
    }
    expect((await traceOf(ids.TraceOrdered ?? '', 2))[1]).toMatchObject({ traceType: 'SubAfter', success: true, contextCode: 0 });
    expect((await traceOf(ids.TraceFails ?? '', 2))[1]).toMatchObject({ traceType: 'SubAfter', success: false, contextCode: 4 });
    expect((await traceOf(ids.TraceThrows ?? '', 2))[1]).toMatchObject({ traceType: 'SubAfter', success: false, contextCode: 2 });
  });
});

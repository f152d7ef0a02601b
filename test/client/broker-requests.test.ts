import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PushConsumer, type PushConsumerOptions } from '../../src/client/consumer/push-consumer.js';
import { ConnectError, UsageError } from '../../src/common/errors.js';
import { encodeProperties } from '../../src/common/message/properties.js';
import { encodeRecordBuffer } from '../../src/common/message/record.js';
import {
  decodeConsumeMessageDirectlyResult,
  decodeConsumerStatusBody,
  encodeResetOffsetBody,
} from '../../src/remoting/bodies/consume-stats.js';
import { decodeConsumerRunningInfo } from '../../src/remoting/bodies/running-info.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { Connection } from '../../src/remoting/server.js';
import { until } from '../sandbox.js';
import { type FakeBroker, FakeCluster } from './fake-cluster.js';

const HOST = { ip: Buffer.from([127, 0, 0, 1]), port: 10911 };
const QUEUE = { topic: 'T', brokerName: 'broker-a', queueId: 0 };

let cluster: FakeCluster;
let broker: FakeBroker;
let consumer: PushConsumer | undefined;
/** The client's connection, on which the broker asks. */
let clientConnection: Connection | undefined;
/** Records by queue offset that the broker gives to pulls. */
let log: Buffer[];
/** Committed offsets in order. */
let commits: number[];
let answers: string[];

function record(queueOffset: number, properties: Record<string, string> = {}): Buffer {
  return encodeRecordBuffer({
    magicVersion: 1,
    queueId: 0,
    flag: 0,
    queueOffset,
    commitLogOffset: queueOffset * 100,
    sysFlag: 0,
    bornTimestamp: 1,
    bornHost: HOST,
    storeTimestamp: 1,
    storeHost: HOST,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: Buffer.from(`m${queueOffset}`),
    topic: 'T',
    properties: encodeProperties({ UNIQ_KEY: `ID${queueOffset}`, ...properties }),
  });
}

beforeEach(async () => {
  cluster = await FakeCluster.start();
  cluster.addTopic('T', { queueCount: 1 });
  broker = cluster.brokers[0]!;
  log = [];
  commits = [];
  answers = [];
  broker.answerConsumerList(() => (consumer === undefined ? [] : [consumer.clientId]));
  broker.on(RequestCode.HEART_BEAT, (conn, request) => {
    clientConnection = conn;
    conn.respond(request, ResponseCode.SUCCESS);
  });
  broker.on(RequestCode.QUERY_CONSUMER_OFFSET, (conn, request) => {
    const last = commits.at(-1);
    if (last === undefined) {
      conn.respond(request, ResponseCode.QUERY_NOT_FOUND, 'Not found');
    } else {
      conn.respond(request, ResponseCode.SUCCESS, null, { offset: String(last) });
    }
  });
  broker.on(RequestCode.UPDATE_CONSUMER_OFFSET, (conn, request) => {
    commits.push(Number(request.extFields?.commitOffset));
    conn.respond(request, ResponseCode.SUCCESS);
  });
  broker.on(RequestCode.PULL_MESSAGE, (conn, request) => {
    const offset = Number(request.extFields?.queueOffset);
    const bodies = log.slice(offset);
    const header = { nextBeginOffset: String(log.length), minOffset: '0', maxOffset: String(log.length), suggestWhichBrokerId: '0' };
    if (offset > log.length) {
      conn.respond(request, ResponseCode.PULL_OFFSET_MOVED, 'OFFSET_OVERFLOW_BADLY', header);
    } else if (bodies.length > 0) {
      conn.respond(request, ResponseCode.SUCCESS, 'FOUND', header, Buffer.concat(bodies));
    } else {
      setTimeout(() => conn.respond(request, ResponseCode.PULL_NOT_FOUND, 'OFFSET_OVERFLOW_ONE', header), 50);
    }
  });
});

afterEach(async () => {
  await consumer?.shutdown();
  consumer = undefined;
  await cluster.stop();
});

async function startConsumer(options: Partial<PushConsumerOptions> = {}): Promise<PushConsumer> {
  consumer = new PushConsumer({
    namesrvAddr: cluster.namesrvAddr,
    consumerGroup: 'CG',
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    persistConsumerOffsetIntervalMs: 50,
    ...options,
  });
  await consumer.subscribe('T', 'A || B');
  consumer.onMessage((messages) => {
    answers.push(messages[0]!.body.toString());
    return 'CONSUME_SUCCESS';
  });
  await consumer.start();
  return consumer;
}

function ask(code: number, extFields: Record<string, string>, body: Buffer | null = null) {
  return clientConnection!.invoke({ code, extFields, body }, 2000);
}

describe('a consumer that a broker asks', () => {
  it('tells its running info', async () => {
    log = [record(0, { TAGS: 'A' }), record(1, { TAGS: 'B' })];
    const c = await startConsumer();
    await until(() => answers.length === 2);
    const response = await ask(RequestCode.GET_CONSUMER_RUNNING_INFO, { consumerGroup: 'CG', clientId: c.clientId, jstackEnable: 'true' });
    expect(response.code).toBe(ResponseCode.SUCCESS);
    const info = decodeConsumerRunningInfo(response.body);
    expect(Object.fromEntries(info.properties)).toMatchObject({
      PROP_CONSUME_TYPE: 'CONSUME_PASSIVELY',
      PROP_NAMESERVER_ADDR: `${cluster.namesrvAddr};`,
      PROP_CLIENT_VERSION: 'V5_3_3',
      consumerGroup: 'CG',
    });
    expect(info.subscriptionSet.map((subscription) => subscription.subString).sort()).toEqual(['*', 'A || B']);
    expect(info.mqTable).toEqual([[QUEUE, expect.objectContaining({ commitOffset: 2, cachedMsgCount: 0, droped: false })]]);
    expect(info.statusTable.get('T')?.consumeOKTPS).toBeGreaterThan(0);
    expect(info.jstack).toContain('at ');
    expect((await ask(RequestCode.GET_CONSUMER_RUNNING_INFO, { consumerGroup: 'other', clientId: c.clientId })).code).toBe(1);
  });

  it('tells its offsets', async () => {
    log = [record(0, { TAGS: 'A' })];
    await startConsumer();
    await until(() => answers.length === 1);
    const response = await ask(RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, { topic: 'T', group: 'CG' });
    expect(decodeConsumerStatusBody(response.body).messageQueueTable).toEqual([[QUEUE, 1]]);
  });

  it('consumes one message directly, without any effect on its offsets', async () => {
    await startConsumer();
    const response = await ask(RequestCode.CONSUME_MESSAGE_DIRECTLY, { consumerGroup: 'CG', brokerName: 'broker-a' }, record(9));
    expect(decodeConsumeMessageDirectlyResult(response.body)).toMatchObject({
      consumeResult: 'CR_SUCCESS',
      order: false,
      autoCommit: true,
    });
    expect(answers).toEqual(['m9']);
    expect((await ask(RequestCode.CONSUME_MESSAGE_DIRECTLY, { consumerGroup: 'CG' })).code).toBe(1);
  });

  it('says what a listener threw when it consumes directly', async () => {
    consumer = new PushConsumer({ namesrvAddr: cluster.namesrvAddr, consumerGroup: 'CG' });
    await consumer.subscribe('T');
    consumer.onMessage(() => {
      throw new Error('no disk');
    });
    await consumer.start();
    const response = await ask(RequestCode.CONSUME_MESSAGE_DIRECTLY, { consumerGroup: 'CG', brokerName: 'broker-a' }, record(9));
    expect(decodeConsumeMessageDirectlyResult(response.body)).toMatchObject({
      consumeResult: 'CR_THROW_EXCEPTION',
      remark: 'Error: no disk',
    });
  });

  it('goes on elsewhere after a reset', async () => {
    log = [record(0, { TAGS: 'A' }), record(1, { TAGS: 'A' }), record(2, { TAGS: 'A' })];
    await startConsumer();
    await until(() => answers.length === 3);
    clientConnection!.invokeOneway({
      code: RequestCode.RESET_CONSUMER_CLIENT_OFFSET,
      extFields: { topic: 'T', group: 'CG', timestamp: '0', isForce: 'true' },
      body: encodeResetOffsetBody([[QUEUE, 1]]),
    });
    await until(() => answers.length === 5);
    expect(answers.slice(3)).toEqual(['m1', 'm2']);
  });

  it('answers other requests with code 3', async () => {
    await startConsumer();
    expect((await ask(RequestCode.GET_BROKER_CONFIG, {})).code).toBe(ResponseCode.REQUEST_CODE_NOT_SUPPORTED);
  });

  it('divides the queues again when told that the membership changed', async () => {
    const c = await startConsumer();
    expect(c.assignedQueues).toEqual([QUEUE]);
    broker.answerConsumerList(() => ['0', c.clientId].sort());
    clientConnection!.invokeOneway({ code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, extFields: { consumerGroup: 'CG' } });
    await until(() => c.assignedQueues.length === 0);
  });
});

describe('a consumer', () => {
  it('drops messages whose tag only shares a hash, and moves past them', async () => {
    log = [record(0, { TAGS: 'x' }), record(1, { TAGS: 'A' }), record(2)];
    await startConsumer();
    await until(() => commits.at(-1) === 3);
    expect(answers).toEqual(['m1']);
  });

  it('goes where the broker says when its offset is not possible', async () => {
    commits.push(50);
    log = [record(0, { TAGS: 'A' })];
    await startConsumer();
    await until(() => commits.at(-1) === 1);
    log.push(record(1, { TAGS: 'A' }));
    await until(() => answers.length === 1);
    expect(answers).toEqual(['m1']);
  });

  it('sends a failed message to the retry topic itself when the broker cannot take it back', async () => {
    broker.on(RequestCode.CONSUMER_SEND_MSG_BACK, (conn, request) => conn.respond(request, ResponseCode.SYSTEM_ERROR, 'no'));
    cluster.addTopic('%RETRY%CG', { queueCount: 1 });
    log = [record(0, { TAGS: 'A', color: 'red' })];
    consumer = new PushConsumer({
      namesrvAddr: cluster.namesrvAddr,
      consumerGroup: 'CG',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      persistConsumerOffsetIntervalMs: 50,
    });
    await consumer.subscribe('T');
    let failures = 0;
    consumer.onMessage((messages) => (messages[0]?.queueOffset === 0 && failures++ === 0 ? 'RECONSUME_LATER' : 'CONSUME_SUCCESS'));
    await consumer.start();
    await until(() => broker.requestsOf(RequestCode.SEND_MESSAGE_V2).length === 1);
    const sent = broker.requestsOf(RequestCode.SEND_MESSAGE_V2)[0]!;
    expect(sent.extFields).toMatchObject({ a: 'CLIENT_INNER_PRODUCER', b: '%RETRY%CG', j: '1', l: '16' });
    const properties = sent.extFields?.i ?? '';
    for (const pair of [
      'RETRY_TOPIC\u0001T',
      'ORIGIN_MESSAGE_ID\u0001ID0',
      'UNIQ_KEY\u0001ID0',
      'DELAY\u00013',
      'RECONSUME_TIME\u00011',
      'color\u0001red',
    ]) {
      expect(properties).toContain(pair);
    }
    await until(() => commits.at(-1) === 1);
  });

  it('gives back with its retry limit and the position of the record', async () => {
    broker.on(RequestCode.CONSUMER_SEND_MSG_BACK, (conn, request) => conn.respond(request, ResponseCode.SUCCESS));
    log = [record(0, { TAGS: 'A' }), record(1, { TAGS: 'A' })];
    consumer = new PushConsumer({
      namesrvAddr: cluster.namesrvAddr,
      consumerGroup: 'CG',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      maxReconsumeTimes: 5,
    });
    await consumer.subscribe('T');
    consumer.onMessage((messages) => (messages[0]?.queueOffset === 1 ? 'RECONSUME_LATER' : 'CONSUME_SUCCESS'));
    await consumer.start();
    await until(() => broker.requestsOf(RequestCode.CONSUMER_SEND_MSG_BACK).length === 1);
    expect(broker.requestsOf(RequestCode.CONSUMER_SEND_MSG_BACK)[0]?.extFields).toEqual({
      offset: '100',
      group: 'CG',
      delayLevel: '0',
      originMsgId: 'ID1',
      originTopic: 'T',
      unitMode: 'false',
      maxReconsumeTimes: '5',
      bname: 'broker-a',
    });
  });

  it('commits for good before it leaves, and unregisters', async () => {
    log = [record(0, { TAGS: 'A' })];
    const c = await startConsumer({ persistConsumerOffsetIntervalMs: 60_000 });
    await until(() => answers.length === 1);
    expect(commits).toEqual([]);
    await c.shutdown();
    expect(commits).toEqual([1]);
    expect(broker.requestsOf(RequestCode.UPDATE_CONSUMER_OFFSET)[0]?.flag).toBe(0);
    expect(broker.requestsOf(RequestCode.UNREGISTER_CLIENT)[0]?.extFields).toEqual({ clientID: c.clientId, consumerGroup: 'CG' });
  });

  it('is known again soon after its connection broke', async () => {
    await startConsumer();
    const before = broker.requestsOf(RequestCode.HEART_BEAT).length;
    clientConnection!.close('test');
    await until(() => broker.requestsOf(RequestCode.HEART_BEAT).length > before, 3000);
    log = [record(0, { TAGS: 'A' })];
    await until(() => answers.length === 1, 3000);
  });

  it('takes new queues of its topic when it learns of them', async () => {
    const c = await startConsumer({ pollNameServerIntervalMs: 50 });
    cluster.addTopic('T', { queueCount: 3 });
    await until(() => c.assignedQueues.length === 3);
  });

  it('tries again when a strategy of the application throws', async () => {
    let calls = 0;
    const c = await startConsumer({
      allocateMessageQueueStrategy: {
        name: 'MINE',
        allocate: ({ queues }) => {
          if (calls++ === 0) {
            throw new Error('not yet');
          }
          return [...queues];
        },
      },
    });
    await until(() => c.assignedQueues.length === 1, 3000);
  });

  it('does not start without a name server, a listener, or with settings out of range', async () => {
    const lonely = new PushConsumer({ namesrvAddr: '127.0.0.1:1', consumerGroup: 'CG' });
    await lonely.subscribe('T');
    await expect(lonely.start()).rejects.toThrow(/no listener/);
    lonely.onMessage(() => 'CONSUME_SUCCESS');
    await expect(lonely.start()).rejects.toThrow(ConnectError);
    for (const wrong of [
      { pullBatchSize: 0 },
      { consumeThreadMax: 1001 },
      { consumeTimestamp: 'yesterday' },
      { consumerGroup: 'DEFAULT_CONSUMER' },
    ]) {
      expect(() => new PushConsumer({ namesrvAddr: cluster.namesrvAddr, consumerGroup: 'CG', ...wrong })).toThrow(UsageError);
    }
  });
});

import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PullConsumer } from '../../src/client/consumer/pull-consumer.js';
import { Producer } from '../../src/client/producer/producer.js';
import { formatHostAddress } from '../../src/common/host.js';
import { encodeBatch } from '../../src/common/message/batch.js';
import { decodeOffsetMsgId, encodeOffsetMsgId } from '../../src/common/message/message-id.js';
import { retryTopic } from '../../src/common/topic-names.js';
import { RequestCode } from '../../src/remoting/codes.js';
import { type Sandbox, startSandbox } from '../sandbox.js';
import { json, messagesOf, propertiesText, RawClient } from './kit.js';

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((info) => info?.address === '::1');

describe.skipIf(!hasIpv6)('a broker on ::1', () => {
  let sandbox: Sandbox;
  let client: RawClient;

  beforeAll(async () => {
    sandbox = await startSandbox({ brokerConfig: { bindAddress: '::1', brokerIP1: '[::1]' } });
    client = new RawClient(sandbox.brokerAddr);
  });
  afterAll(async () => {
    await client.close();
    await sandbox.stop();
  });

  it('is registered and routed to with its address in brackets', async () => {
    expect(sandbox.brokerAddr).toMatch(/^\[::1\]:\d+$/);
    await client.send({ topic: 'V6', body: 'x' });
    const route = await client.remoting.invoke(
      sandbox.namesrvAddr,
      { code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields: { topic: 'V6' } },
      5000,
    );
    expect(json(route).brokerDatas[0].brokerAddrs).toEqual({ 0: sandbox.brokerAddr });
  });

  it('stores both hosts with 16 bytes, and finds the message by its id of 56 digits', async () => {
    const sent = await client.send({ topic: 'V6Hosts', body: 'by id' });
    const msgId = sent.extFields!.msgId!;
    expect(msgId).toMatch(/^0{31}1[0-9A-F]{24}$/);
    const { host, commitLogOffset } = decodeOffsetMsgId(msgId);
    expect(formatHostAddress(host)).toBe(sandbox.brokerAddr);
    const view = await client.invoke(RequestCode.VIEW_MESSAGE_BY_ID, { offset: String(commitLogOffset) });
    const [record] = messagesOf(view);
    expect(record).toMatchObject({ topic: 'V6Hosts', sysFlag: 0x30 });
    expect(formatHostAddress(record!.bornHost)).toMatch(/^\[::1\]:\d+$/);
    expect(encodeOffsetMsgId(record!.storeHost, record!.commitLogOffset)).toBe(msgId);
  });

  it('gives each message of a batch its id', async () => {
    const body = encodeBatch(['a', 'b'].map((text) => ({ flag: 0, body: Buffer.from(text), properties: '' })));
    const sent = await client.invoke(
      RequestCode.SEND_BATCH_MESSAGE,
      { a: 'PG', b: 'V6Batch', c: 'TBW102', d: '4', e: '0', f: '0', g: '1', h: '0', i: '', j: '0', m: 'true' },
      body,
    );
    const records = messagesOf(await client.pull({ topic: 'V6Batch' }));
    expect(records.map((record) => encodeOffsetMsgId(record.storeHost, record.commitLogOffset))).toEqual(sent.extFields!.msgId!.split(','));
  });

  it('serves producer and consumer', async () => {
    const producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'PG_v6' });
    const consumer = new PullConsumer({ namesrvAddr: sandbox.namesrvAddr, consumerGroup: 'CG_v6' });
    await producer.start();
    await consumer.start();
    try {
      const { messageQueue, offsetMsgId } = await producer.send({ topic: 'V6Client', body: Buffer.from('hello'), keys: 'k6' });
      const result = await consumer.pull(messageQueue, '*', 0, 32);
      expect(result.messages.map((message) => [message.body.toString(), message.offsetMsgId])).toEqual([['hello', offsetMsgId]]);
      const query = await client.invoke(RequestCode.QUERY_MESSAGE, {
        topic: 'V6Client',
        key: 'k6',
        maxNum: '8',
        beginTimestamp: '0',
        endTimestamp: '9223372036854775807',
      });
      expect(messagesOf(query)).toHaveLength(1);
    } finally {
      await consumer.shutdown();
      await producer.shutdown();
    }
  });
});

describe('topics of more than 127 characters', () => {
  const group = 'g'.repeat(130);
  let sandbox: Sandbox;
  let client: RawClient;

  beforeAll(async () => {
    sandbox = await startSandbox({ brokerConfig: { messageDelayLevel: '1s 1s 1s' } });
    client = new RawClient(sandbox.brokerAddr);
  });
  afterAll(async () => {
    await client.close();
    await sandbox.stop();
  });

  it('are retry topics, whose records are of version 2', async () => {
    const sent = await client.send({ topic: 'Failing', body: 'again', properties: propertiesText({ TAGS: 'A' }) });
    const { commitLogOffset } = decodeOffsetMsgId(sent.extFields!.msgId!);
    await client.heartbeat({ clientId: 'c1', group, subscriptions: { Failing: '*' } });
    const back = await client.invoke(RequestCode.CONSUMER_SEND_MSG_BACK, {
      offset: String(commitLogOffset),
      group,
      delayLevel: '1',
      originMsgId: 'x',
      originTopic: 'Failing',
      unitMode: 'false',
      maxReconsumeTimes: '16',
    });
    expect(back).toMatchObject({ code: 0 });
    const topic = retryTopic(group);
    expect(topic).toHaveLength(137);
    const pulled = await client.pull({ topic, group, sysFlag: 4 | 2, suspendMs: 20_000 });
    expect(messagesOf(pulled)).toMatchObject([{ topic, magicVersion: 2, reconsumeTimes: 1 }]);
  });

  it('are refused in sends, as every topic of that length', async () => {
    expect((await client.send({ topic: retryTopic(group) })).code).toBe(29);
  });
});

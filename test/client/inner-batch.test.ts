import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PullConsumer } from '../../src/client/consumer/pull-consumer.js';
import { countMessages, readPulledMessages } from '../../src/client/consumer/pulled-message.js';
import { PushConsumer } from '../../src/client/consumer/push-consumer.js';
import { Producer } from '../../src/client/producer/producer.js';
import { compressBody, compressionSysFlag } from '../../src/common/compression.js';
import { encodeBatch } from '../../src/common/message/batch.js';
import { encodeRecordBuffer } from '../../src/common/message/record.js';
import { RequestCode } from '../../src/remoting/codes.js';
import { RawClient } from '../broker/kit.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';

const HOST = { ip: Buffer.from([127, 0, 0, 1]), port: 10_911 };
const PARTS = ['a', 'b', 'c'].map((text, i) => ({
  flag: i,
  body: Buffer.from(text),
  properties: `TAGS\u0001${text}\u0002UNIQ_KEY\u0001u${i}\u0002`,
}));

function stored(body: Buffer, sysFlag: number): Buffer {
  return encodeRecordBuffer({
    magicVersion: 1,
    queueId: 3,
    flag: 9,
    queueOffset: 10,
    commitLogOffset: 500,
    sysFlag,
    bornTimestamp: 1,
    bornHost: HOST,
    storeTimestamp: 2,
    storeHost: HOST,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body,
    topic: 'T',
    properties: 'INNER_NUM\u00013\u0002UNIQ_KEY\u0001outer\u0002',
  });
}

describe('a pulled inner batch', () => {
  it.each([
    ['plain', encodeBatch(PARTS), 0xc0],
    ['compressed', compressBody(encodeBatch(PARTS)), 0xc0 | compressionSysFlag('ZLIB')],
    ['compressed by LZ4', compressBody(encodeBatch(PARTS), 'LZ4'), 0xc0 | compressionSysFlag('LZ4')],
  ])('is its messages, in order, when it is %s', (_what, body, sysFlag) => {
    const records = Buffer.concat([stored(body, sysFlag), stored(Buffer.from('alone'), 0)]);
    const messages = readPulledMessages(records, 'b');
    expect(messages.map((message) => [message.queueOffset, message.body.toString(), message.tags, message.msgId, message.flag])).toEqual([
      [10, 'a', 'a', 'u0', 0],
      [11, 'b', 'b', 'u1', 1],
      [12, 'c', 'c', 'u2', 2],
      [10, 'alone', undefined, 'outer', 9],
    ]);
    expect(messages[1]).toMatchObject({ topic: 'T', queueId: 3, commitLogOffset: 500, sysFlag: 0, bornTimestamp: 1, storeTimestamp: 2 });
    expect(countMessages(records)).toBe(4);
  });

  it('leaves out what lies before the offset that was asked for', () => {
    expect(readPulledMessages(stored(encodeBatch(PARTS), 0xc0), 'b', 11).map((message) => message.queueOffset)).toEqual([11, 12]);
  });

  it.each([
    ['torn', encodeBatch(PARTS).subarray(0, 50), 0xc0],
    ['compressed by an unknown type', Buffer.from('x'), 0x4c1],
    ['compressed, but broken', Buffer.from('x'), 0x3c1],
  ])('that is %s is one message, as it was stored', (_what, body, sysFlag) => {
    const record = stored(body, sysFlag);
    expect(readPulledMessages(record, 'b').map((message) => [message.queueOffset, message.msgId])).toEqual([[10, 'outer']]);
    expect(countMessages(record)).toBe(1);
  });
});

describe('consumers of a topic with batch queues', () => {
  let sandbox: Sandbox;
  let producer: Producer;
  const topic = 'Inner';

  beforeAll(async () => {
    sandbox = await startSandbox({ brokerConfig: { messageDelayLevel: '1s 1s 1s' } });
    const admin = new RawClient(sandbox.brokerAddr);
    const answer = await admin.invoke(RequestCode.UPDATE_AND_CREATE_TOPIC, {
      topic,
      defaultTopic: 'TBW102',
      readQueueNums: '1',
      writeQueueNums: '1',
      perm: '6',
      topicFilterType: 'SINGLE_TAG',
      topicSysFlag: '0',
      order: 'false',
      attributes: '+queue.type=BatchCQ',
    });
    expect(answer.code).toBe(0);
    await admin.close();
    producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'PG_inner', innerBatch: true });
    await producer.start();
  });
  afterAll(async () => {
    await producer.shutdown();
    await sandbox.stop();
  });

  it('get each message once, from any offset, and a failed one again by itself', async () => {
    const texts = ['a', 'b', 'c', 'd'];
    const sent = await producer.sendBatch(texts.map((text) => ({ topic, body: Buffer.from(text), tags: text })));
    expect([sent.queueOffset, sent.msgId.length, sent.offsetMsgId.length]).toEqual([0, 32, 32]);
    await producer.send({ topic, body: Buffer.from('e') });

    const puller = new PullConsumer({ namesrvAddr: sandbox.namesrvAddr, consumerGroup: 'CG_pull' });
    await puller.start();
    const result = await puller.pull(sent.messageQueue, '*', 2, 32);
    expect(result.messages.map((message) => message.body.toString())).toEqual(['c', 'd', 'e']);
    expect(result.nextBeginOffset).toBe(5);
    expect((await puller.pull(sent.messageQueue, 'b', 0, 32)).messages.map((message) => message.queueOffset)).toEqual([1]);
    await puller.shutdown();

    const seen: string[] = [];
    const consumer = new PushConsumer({
      namesrvAddr: sandbox.namesrvAddr,
      consumerGroup: 'CG_push',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    });
    await consumer.subscribe(topic);
    consumer.onMessage((messages) => {
      const message = messages[0]!;
      seen.push(`${message.body} ${message.reconsumeTimes} ${message.property('INNER_NUM') ?? ''}`);
      return message.body.toString() === 'b' && message.reconsumeTimes === 0 ? 'RECONSUME_LATER' : 'CONSUME_SUCCESS';
    });
    await consumer.start();
    try {
      await until(() => seen.length === 6, 60_000);
      expect(seen.toSorted()).toEqual(['a 0 ', 'b 0 ', 'b 1 ', 'c 0 ', 'd 0 ', 'e 0 1']);
    } finally {
      await consumer.shutdown();
    }
  });
});

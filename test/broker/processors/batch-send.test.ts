import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BatchIntake } from '../../../broker/processors/batch-intake.js';
import { newScan } from '../../../broker/processors/property-scan.js';
import { PutContext } from '../../../broker/processors/put-message.js';
import { type BatchMessage, encodeBatch } from '../../../src/common/message/batch.js';
import { decodeOffsetMsgId } from '../../../src/common/message/message-id.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { bodiesOf, messagesOf, propertiesOf, propertiesText, RawClient } from '../kit.js';

let sandbox: Sandbox;
let client: RawClient;

beforeAll(async () => {
  sandbox = await startSandbox({ brokerConfig: { mappedFileSizeCommitLog: 4 * 1024 * 1024 } });
  client = new RawClient(sandbox.brokerAddr);
  for (const topic of ['Inner', 'InnerHeld']) expect((await createTopic(topic, '+queue.type=BatchCQ')).code).toBe(0);
});
afterAll(async () => {
  await client.close();
  await sandbox.stop();
});

function createTopic(topic: string, attributes: string): Promise<RemotingCommand> {
  return client.invoke(RequestCode.UPDATE_AND_CREATE_TOPIC, {
    topic,
    defaultTopic: 'TBW102',
    readQueueNums: '1',
    writeQueueNums: '1',
    perm: '6',
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: '0',
    order: 'false',
    attributes,
  });
}

const part = (body: string, properties: Record<string, string> = {}): BatchMessage => ({
  flag: 0,
  body: Buffer.from(body),
  properties: propertiesText(properties),
});

function sendBatch(topic: string, body: Buffer, fields: Record<string, string> = {}): Promise<RemotingCommand> {
  const header = { a: 'PG', b: topic, c: 'TBW102', d: '4', e: '0', f: '0', g: '1', h: '0', i: '', j: '0', m: 'true' };
  return client.invoke(RequestCode.SEND_BATCH_MESSAGE, { ...header, ...fields }, body);
}

const maxOffset = async (topic: string): Promise<string | undefined> =>
  (await client.invoke(RequestCode.GET_MAX_OFFSET, { topic, queueId: '0' })).extFields?.offset;

describe('a classic batch', () => {
  it('of any size is answered with the offset id of every message', async () => {
    for (const count of [1, 2, 32, 1500]) {
      const first = Number((await maxOffset('Sizes')) ?? 0);
      const answer = await sendBatch('Sizes', encodeBatch(Array.from({ length: count }, (_, i) => part(`n${i}`))));
      expect(answer).toMatchObject({ code: 0, extFields: { queueOffset: String(first), queueId: '0', MSG_REGION: 'DefaultRegion' } });
      const ids = answer.extFields!.msgId!.split(',');
      expect(new Set(ids).size).toBe(count);
      const { store } = sandbox.brokers[0]!;
      expect(ids.map((id) => decodeOffsetMsgId(id).commitLogOffset)).toEqual(
        ids.map((_, i) => store.commitLogOffsetAt('Sizes', 0, first + i)),
      );
      expect(sandbox.brokers[0]!.address.endsWith(String(decodeOffsetMsgId(ids[0]!).host.port))).toBe(true);
    }
  });

  it.each([
    ['a delay level in a message', encodeBatch([part('a'), part('b', { DELAY: '1' })]), {}, 'message 2 of the batch'],
    ['a timer in a message', encodeBatch([part('a', { TIMER_DELAY_MS: '1000' })]), {}, 'timer messages'],
    ['a half message in it', encodeBatch([part('a', { TRAN_MSG: 'true' })]), {}, 'half messages'],
    ['an inner batch in it', encodeBatch([part('a', { INNER_NUM: '2' })]), {}, 'INNER_NUM'],
    ['a delay level for all', encodeBatch([part('a')]), { i: propertiesText({ DELAY: '2' }) }, 'DELAY'],
    ['a transaction for all', encodeBatch([part('a')]), { f: '4' }, 'transaction'],
    ['a rollback for all', encodeBatch([part('a')]), { f: '12' }, 'transaction'],
    ['TRAN_MSG for all', encodeBatch([part('a')]), { i: propertiesText({ TRAN_MSG: 'true' }) }, 'TRAN_MSG'],
    ['a torn message', encodeBatch([part('abc'), part('def')]).subarray(0, 40), {}, 'malformed batch at byte 25'],
    ['a negative body length', Buffer.from(encodeBatch([part('abc')])).fill(0xff, 16, 20), {}, 'body length -1'],
    ['a size of 0', Buffer.from(encodeBatch([part('abc')])).fill(0, 0, 4), {}, 'total size 0'],
    ['more than a file holds', encodeBatch(Array.from({ length: 1000 }, () => part('x'.repeat(4100)))), {}, 'illegal'],
    ['the flags of an inner batch on a simple topic', encodeBatch([part('a')]), { f: '192' }, 'queue.type=BatchCQ'],
    ['properties too long with those of the batch', encodeBatch([part('a', { p: 'p'.repeat(32_710) })]), {}, 'illegal'],
  ])('with %s is refused with 13 and stores nothing', async (_what, body, fields, remark) => {
    const { sends } = sandbox.brokers[0]!.parts;
    const before = await maxOffset('Refused');
    const counted = () => sends.of('MESSAGE_ILLEGAL');
    const countBefore = counted();
    const answer = await sendBatch('Refused', body, fields);
    expect([answer.code, answer.remark]).toEqual([ResponseCode.MESSAGE_ILLEGAL, expect.stringContaining(remark)]);
    expect(await maxOffset('Refused')).toBe(before);
    expect(counted()).toBe(countBefore + 1);
  });

  it('without a message is refused', async () => {
    expect((await sendBatch('Refused', Buffer.alloc(0))).code).toBe(ResponseCode.MESSAGE_ILLEGAL);
  });

  it('with more messages than the limit is refused', () => {
    const put = new PutContext();
    put.topic = 'T';
    put.batch = true;
    put.body = Buffer.concat(Array.from({ length: 65_537 }, () => encodeBatch([{ flag: 0, body: Buffer.alloc(0), properties: '' }])));
    expect(new BatchIntake().take(put, newScan())?.remark).toContain('more than 65536 messages');
  });
});

describe('an inner batch', () => {
  const outer = { i: propertiesText({ UNIQ_KEY: 'BATCH1', WAIT: 'true' }) };

  it('is stored as one record when the topic has batch queues and the batch an id', async () => {
    const answer = await sendBatch('Inner', encodeBatch([part('a', { UNIQ_KEY: 'u0' }), part('b'), part('c')]), outer);
    expect(answer).toMatchObject({ code: 0, extFields: { queueOffset: '0', batchUniqId: 'BATCH1', transactionId: 'BATCH1' } });
    expect(answer.extFields!.msgId).toMatch(/^[0-9A-F]{32}$/);
    expect(await maxOffset('Inner')).toBe('3');
    const pulled = await client.pull({ topic: 'Inner', offset: 1, subscription: 'AnyTag' });
    expect(pulled).toMatchObject({ code: 0, extFields: { nextBeginOffset: '3', minOffset: '0', maxOffset: '3' } });
    const [record] = messagesOf(pulled);
    expect(record).toMatchObject({ queueOffset: 0, sysFlag: 0xc0 });
    expect(propertiesOf(record!)).toMatchObject({ INNER_NUM: '3', INNER_BASE: '0', UNIQ_KEY: 'BATCH1', CLUSTER: 'DefaultCluster' });
  });

  it('beside single messages and batches of old clients, which get a record for each message', async () => {
    expect(await client.send({ topic: 'Inner', body: 'single' })).toMatchObject({ code: 0, extFields: { queueOffset: '3' } });
    const old = await sendBatch('Inner', encodeBatch([part('d'), part('e')]), { i: 'WAIT\u0001true' });
    expect(old.extFields).toMatchObject({ queueOffset: '4' });
    expect(old.extFields).not.toHaveProperty('batchUniqId');
    expect(old.extFields!.msgId!.split(',')).toHaveLength(2);
    const next = await sendBatch('Inner', encodeBatch([part('f'), part('g')]), outer);
    expect(next.extFields).toMatchObject({ queueOffset: '6' });
    const records = messagesOf(await client.pull({ topic: 'Inner', offset: 3 }));
    expect(records.map((record) => [record.queueOffset, propertiesOf(record).INNER_NUM])).toEqual([
      [3, '1'],
      [4, '1'],
      [5, '1'],
      [6, '2'],
    ]);
    expect(bodiesOf(await client.pull({ topic: 'Inner', offset: 3, maxMsgNums: 3 }))).toEqual(['single', 'd', 'e']);
  });

  it('of one message is told its id, and the next message is not', async () => {
    const sent = await sendBatch('Inner', encodeBatch([part('one')]), outer);
    expect(sent.extFields).toMatchObject({ batchUniqId: 'BATCH1' });
    expect((await client.send({ topic: 'Inner', body: 'next' })).extFields).not.toHaveProperty('batchUniqId');
  });

  it('wakes a pull that waits for a tag, because its messages may have it', async () => {
    const held = client.pull({ topic: 'InnerHeld', sysFlag: 4 | 2, subscription: 'T1', suspendMs: 20_000 });
    while (sandbox.brokers[0]!.parts.holds.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await sendBatch('InnerHeld', encodeBatch([part('a', { TAGS: 'T1' }), part('b', { TAGS: 'T2' })]), outer);
    expect(messagesOf(await held)).toHaveLength(1);
  });

  it.each([
    ['INNER_NUM without the flag', {}, { INNER_NUM: '1' }],
    ['the flag with another number', { f: '192' }, { INNER_NUM: '3' }],
    ['the flag without a number', { f: '192' }, {}],
    ['a delay level', { f: '192' }, { INNER_NUM: '1', DELAY: '3' }],
  ])('sent as a single message with %s is refused with 13', async (_what, fields, properties) => {
    const body = encodeBatch([part('a')]).toString('latin1');
    const answer = await client.send({ topic: 'Inner', body, fields, properties });
    expect(answer.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
  });

  it('sent as a single message that says what it is, is taken', async () => {
    const body = encodeBatch([part('x'), part('y')]).toString('latin1');
    const answer = await client.send({ topic: 'Inner', body, fields: { f: '192' }, properties: { INNER_NUM: '2' } });
    expect(answer.code).toBe(0);
    expect(await maxOffset('Inner')).toBe(String(Number(answer.extFields!.queueOffset) + 2));
  });
});

it('a topic keeps queue.type over a restart and forgets it when it is deleted', async () => {
  const table = () => sandbox.brokers[0]!.parts.topics;
  expect(table().config('Inner')?.attributes).toEqual({ 'queue.type': 'BatchCQ' });
  expect((await createTopic('Again', '+queue.type=BatchCQ')).code).toBe(0);
  await sendBatch('Again', encodeBatch([part('a'), part('b')]), { i: propertiesText({ UNIQ_KEY: 'B' }) });
  expect((await client.invoke(RequestCode.DELETE_TOPIC_IN_BROKER, { topic: 'Again' })).code).toBe(0);
  expect((await createTopic('Again', '')).code).toBe(0);
  await sendBatch('Again', encodeBatch([part('c'), part('d')]), { i: propertiesText({ UNIQ_KEY: 'B' }) });
  expect(bodiesOf(await client.pull({ topic: 'Again' }))).toEqual(['c', 'd']);
});

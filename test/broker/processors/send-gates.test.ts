import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { json, messagesOf, propertiesOf, RawClient } from '../kit.js';

let sandbox: Sandbox;
let client: RawClient;

beforeAll(async () => {
  sandbox = await startSandbox({ brokerConfig: { maxMessageSize: 10_000, autoCreateSubscriptionGroup: false } });
  client = new RawClient(sandbox.brokerAddr);
});
afterAll(async () => {
  await client.close();
  await sandbox.stop();
});

async function configure(text: string): Promise<void> {
  expect((await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, `${text}\n`)).code).toBe(0);
}

function createTopic(topic: string, fields: Record<string, string>): Promise<unknown> {
  return client.invoke(RequestCode.UPDATE_AND_CREATE_TOPIC, {
    topic,
    defaultTopic: 'TBW102',
    readQueueNums: '1',
    writeQueueNums: '1',
    perm: '6',
    topicFilterType: 'SINGLE_TAG',
    order: 'false',
    ...fields,
  });
}

async function maxOffset(topic: string): Promise<string> {
  return (await client.invoke(RequestCode.GET_MAX_OFFSET, { topic, queueId: '0' })).extFields!.offset!;
}

async function counter(name: string): Promise<number> {
  return Number(json(await client.invoke(RequestCode.GET_BROKER_RUNTIME_INFO)).table[`sendResponseTimes_${name}`]);
}

describe('a broker that is told to take no messages', () => {
  it('until startAcceptSendRequestTimeStamp answers 1 and names the time', async () => {
    const until = Date.now() + 60_000;
    await configure(`startAcceptSendRequestTimeStamp=${until}`);
    expect(await client.send({ topic: 'Early' })).toMatchObject({
      code: ResponseCode.SYSTEM_ERROR,
      remark: `broker unable to service, until ${new Date(until).toISOString()}`,
    });
    await configure('startAcceptSendRequestTimeStamp=0');
    expect((await client.send({ topic: 'Early' })).code).toBe(0);
  });

  it('by brokerPermission answers 16 for ordered topics only: of others the routes keep producers away', async () => {
    await createTopic('Ordered', { order: 'true' });
    await createTopic('Unordered', {});
    await configure('brokerPermission=4');
    const forbidden = await client.send({ topic: 'Ordered' });
    expect(forbidden).toMatchObject({ code: ResponseCode.NO_PERMISSION, remark: 'the broker[127.0.0.1] sending message is forbidden' });
    expect((await client.send({ topic: 'Unordered' })).code).toBe(0);
    await configure('brokerPermission=6');
    expect((await client.send({ topic: 'Ordered' })).code).toBe(0);
  });
});

describe('a message that is too long', () => {
  it.each([
    ['its body', { body: 'x'.repeat(10_001) }, /^the message is illegal, its body has 10001 B, the limit is 10000 B \(maxMessageSize\)$/],
    [
      'its properties',
      { properties: { p: 'é'.repeat(16_400) } },
      /^the message is illegal, its properties have 32\d{3} B with those the broker adds, the limit is 32767 B$/,
    ],
  ])('in %s gives 13, says by how much, and leaves nothing', async (_what, message, remark) => {
    await client.send({ topic: 'Sizes' });
    const [before, counted] = [await maxOffset('Sizes'), await counter('MESSAGE_ILLEGAL')];
    const answer = await client.send({
      topic: 'Sizes',
      ...message,
      properties: { UNIQ_KEY: 'u', ...('properties' in message ? message.properties : {}) },
    });
    expect(answer.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect(answer.remark).toMatch(remark);
    expect(await maxOffset('Sizes')).toBe(before);
    expect(await counter('MESSAGE_ILLEGAL')).toBe(counted + 1);
  });

  it('is judged compressed: what its body inflates to is the consumer’s business', async () => {
    expect((await client.send({ topic: 'Sizes', body: 'x'.repeat(10_000), fields: { f: '769' } })).code).toBe(0);
  });
});

describe('a delay level', () => {
  it.each(['soon', '1.5', '2147483648', '0x1'])('of "%s" gives 1 and names the property', async (level) => {
    const answer = await client.send({ topic: 'Levels', properties: { DELAY: level, UNIQ_KEY: 'u' } });
    expect([answer.code, answer.remark]).toEqual([
      ResponseCode.SYSTEM_ERROR,
      `property DELAY=${level} is not a delay level: a whole number`,
    ]);
  });

  it.each(['0', '+0', '-1', '-2147483648'])('of %s means no delay', async (level) => {
    const { extFields } = await client.send({ topic: 'NoDelay', properties: { DELAY: level } });
    const [message] = messagesOf(await client.pull({ topic: 'NoDelay', group: 'TOOLS_CONSUMER', offset: Number(extFields!.queueOffset) }));
    expect(propertiesOf(message!)).toMatchObject({ DELAY: level });
    expect(propertiesOf(message!)).not.toHaveProperty('REAL_TOPIC');
  });
});

describe('names', () => {
  it.each(['%RETRY%a b', 'a/b', 'a.b', 'tópic', '.', 'x'.repeat(128)])('that are illegal give 29: %s', async (topic) => {
    const counted = await counter('INVALID_PARAMETER');
    const answer = await client.send({ topic });
    expect(answer.code).toBe(ResponseCode.INVALID_PARAMETER);
    expect(answer.remark).toContain('the specified topic');
    expect(await counter('INVALID_PARAMETER')).toBe(counted + 1);
  });

  it('of a group that does not exist give 26 on its retry topic', async () => {
    const answer = await client.send({ topic: '%RETRY%nobody' });
    expect(answer.code).toBe(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST);
    expect(answer.remark).toContain('subscription group not exist, nobody');
    expect(await counter('SUBSCRIPTION_GROUP_NOT_EXIST')).toBe(1);
  });
});

describe('flags', () => {
  it.each([0x701, 0x401, 0x501, 0x601, 0x100])('of a compression that nobody knows (0x%s) are stored untouched', async (flag) => {
    const { extFields } = await client.send({ topic: 'Flags', body: 'not inflated', fields: { f: String(flag) } });
    const [message] = messagesOf(await client.pull({ topic: 'Flags', group: 'TOOLS_CONSUMER', offset: Number(extFields!.queueOffset) }));
    expect([message!.sysFlag, message!.body.toString()]).toEqual([flag, 'not inflated']);
  });

  it('say that a topic filters by several tags', async () => {
    await createTopic('ManyTags', { topicFilterType: 'MULTI_TAG' });
    await client.send({ topic: 'ManyTags' });
    const [message] = messagesOf(await client.pull({ topic: 'ManyTags', group: 'TOOLS_CONSUMER' }));
    expect(message!.sysFlag).toBe(2);
  });
});

it('a header field that cannot be read gives 1, and counts', async () => {
  const counted = await counter('SYSTEM_ERROR');
  expect((await client.send({ topic: 'Flags', fields: { e: 'one' } })).code).toBe(ResponseCode.SYSTEM_ERROR);
  expect(await counter('SYSTEM_ERROR')).toBe(counted + 1);
});

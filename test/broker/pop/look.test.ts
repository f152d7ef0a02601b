import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { messagesOf, RawClient } from '../kit.js';
import { ack, notify, numbered, peek, pop, sendAll } from './pop-kit.js';

let sandbox: Sandbox;
let client: RawClient;

beforeAll(async () => {
  sandbox = await startSandbox({ brokerConfig: { timerPrecisionMs: 100, reviveInterval: 100, mappedFileSizeTimerLog: 520_000 } });
  client = new RawClient(sandbox.brokerAddr);
});
afterAll(async () => {
  await client.close();
  await sandbox.stop();
});

describe('a peek', () => {
  it('shows what a pop would get, and takes nothing', async () => {
    await sendAll(client, 'PeekAll', numbered('m', 10));
    for (let time = 0; time < 2; time++) {
      const answer = await peek(client, { topic: 'PeekAll', maxMsgNums: 6 });
      expect(answer).toMatchObject({ code: 0, remark: 'FOUND', extFields: { restNum: '10' } });
      expect(messagesOf(answer)).toHaveLength(6);
    }
    expect(await pop(client, { topic: 'PeekAll' })).toHaveLength(10);
    expect(await peek(client, { topic: 'PeekAll' })).toMatchObject({
      code: ResponseCode.PULL_NOT_FOUND,
      remark: 'NO_MESSAGE_IN_QUEUE',
      extFields: { popTime: '0', invisibleTime: '0', reviveQid: '0', restNum: '0' },
    });
  });

  it('of one queue shows that queue, and what came back to the group', async () => {
    await sendAll(client, 'PeekBack', ['m0', 'm1']);
    expect(messagesOf(await peek(client, { topic: 'PeekBack', queueId: 1 })).map(({ body }) => body.toString())).toEqual(['m1']);
    const popped = await pop(client, { topic: 'PeekBack', invisibleMs: 4_000 });
    await ack(
      client,
      popped.filter(({ body }) => body === 'm0'),
    );
    await until(async () => (await peek(client, { topic: 'PeekBack', queueId: 3 })).code === 0);
    expect(messagesOf(await peek(client, { topic: 'PeekBack', queueId: 3 })).map(({ body }) => body.toString())).toEqual(['m1']);
  });

  it('is refused as a pop is', async () => {
    expect(await peek(client, { topic: 'PeekNowhere' })).toMatchObject({ code: ResponseCode.TOPIC_NOT_EXIST });
    expect(await peek(client, { topic: 'PeekAll', queueId: 99 })).toMatchObject({ code: ResponseCode.INVALID_PARAMETER });
  });
});

describe('a notification', () => {
  it('says at once that there are messages, and is silent until some come', async () => {
    await sendAll(client, 'Notice', ['m0']);
    expect(await notify(client, { topic: 'Notice' })).toMatchObject({ code: 0, extFields: { hasMsg: 'true', pollingFull: 'false' } });
    await pop(client, { topic: 'Notice' });
    const waiting = notify(client, { topic: 'Notice', pollMs: 10_000 });
    const { popNotices } = sandbox.brokers[0]!.parts;
    await until(() => popNotices.size === 1);
    await sendAll(client, 'Notice', ['m1']);
    expect(await waiting).toMatchObject({ code: 0, extFields: { hasMsg: 'true', pollingFull: 'false' } });
    expect(await pop(client, { topic: 'Notice' })).toMatchObject([{ body: 'm1' }]);
  });

  it('says no when its time is over, or when too many wait already', async () => {
    await sendAll(client, 'Quiet', ['m0']);
    await pop(client, { topic: 'Quiet' });
    expect(await notify(client, { topic: 'Quiet', pollMs: 100 })).toMatchObject({ extFields: { hasMsg: 'false', pollingFull: 'false' } });
    await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'popPollingSize=0');
    try {
      expect(await notify(client, { topic: 'Quiet', pollMs: 5000 })).toMatchObject({ extFields: { hasMsg: 'false', pollingFull: 'true' } });
    } finally {
      await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'popPollingSize=1024');
    }
  });

  it('in order says no while the queue is held by its last pop', async () => {
    await sendAll(client, 'NoticeOrder', ['m0', 'm1', 'm2', 'm3', 'm4']);
    const order = { order: 'true' };
    const first = await pop(client, { topic: 'NoticeOrder', queueId: 0, maxMsgNums: 1, fields: order });
    expect(await notify(client, { topic: 'NoticeOrder', queueId: 0, fields: order })).toMatchObject({ extFields: { hasMsg: 'false' } });
    await ack(client, first);
    expect(await notify(client, { topic: 'NoticeOrder', queueId: 0, fields: order })).toMatchObject({ extFields: { hasMsg: 'true' } });
  });
});

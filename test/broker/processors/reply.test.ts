import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeOffsetMsgId } from '../../../src/common/message/message-id.js';
import { decodeProperties } from '../../../src/common/message/properties.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand, RequestInit } from '../../../src/remoting/command.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { messagesOf, propertiesOf, propertiesText, RawClient } from '../kit.js';

const TOPIC = 'DefaultCluster_REPLY_TOPIC';

let sandbox: Sandbox;
let replier: RawClient;
let requester: RawClient;
let pushed: RemotingCommand[];
let onPush: (request: RemotingCommand) => RequestInit | null | Promise<RequestInit | null>;

beforeAll(async () => {
  sandbox = await startSandbox();
  replier = new RawClient(sandbox.brokerAddr);
  requester = new RawClient(sandbox.brokerAddr);
  requester.remoting.registerProcessor(RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, (_addr, request) => {
    pushed.push({ ...request, body: request.body === null ? null : Buffer.from(request.body) });
    return onPush(request);
  });
  await requester.heartbeat({ clientId: 'requester', producerGroup: 'PG_req' });
});
afterAll(async () => {
  await requester.close();
  await replier.close();
  await sandbox.stop();
});

function reply(properties: Record<string, string>, more: { fields?: Record<string, string>; body?: string; topic?: string } = {}) {
  pushed = [];
  onPush = () => ({ code: ResponseCode.SUCCESS });
  return replier.send({ topic: TOPIC, code: RequestCode.SEND_REPLY_MESSAGE_V2, body: 'pong', properties, ...more });
}

const TO_REQUESTER = { MSG_TYPE: 'reply', CORRELATION_ID: 'c-1', REPLY_TO_CLIENT: 'requester', UNIQ_KEY: 'U1' };

describe('a reply', () => {
  it('is pushed to the client that waits, stored in its topic, and answered with its place', async () => {
    const answer = await reply(TO_REQUESTER);
    expect(answer).toMatchObject({
      code: ResponseCode.SUCCESS,
      remark: null,
      extFields: { queueId: '0', queueOffset: '0', MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' },
    });
    expect(pushed).toHaveLength(1);
    const [push] = pushed;
    expect(push!.body!.toString()).toBe('pong');
    expect(push!.extFields).toMatchObject({
      producerGroup: 'PG',
      topic: TOPIC,
      defaultTopic: 'TBW102',
      defaultTopicQueueNums: '4',
      queueId: '0',
      sysFlag: '0',
      bornTimestamp: '1700000000000',
      flag: '0',
      reconsumeTimes: '0',
      unitMode: 'false',
      bornHost: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      storeHost: sandbox.brokerAddr,
      storeTimestamp: expect.stringMatching(/^\d{13}$/),
    });
    expect(Object.fromEntries(decodeProperties(push!.extFields!.properties!))).toEqual({
      ...TO_REQUESTER,
      MSG_REGION: 'DefaultRegion',
      TRACE_ON: 'true',
      PUSH_REPLY_TIME: expect.stringMatching(/^\d{13}$/),
    });
    const [stored] = messagesOf(await replier.pull({ topic: TOPIC }));
    expect(stored!.body.toString()).toBe('pong');
    expect(propertiesOf(stored!)).toEqual({ ...TO_REQUESTER, MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' });
    expect(decodeOffsetMsgId(answer.extFields!.msgId!).commitLogOffset).toBe(stored!.commitLogOffset);
  });

  it('with the long header names is the same', async () => {
    const answer = await replier.invoke(
      RequestCode.SEND_REPLY_MESSAGE,
      {
        producerGroup: 'PG',
        topic: TOPIC,
        defaultTopic: 'TBW102',
        defaultTopicQueueNums: '4',
        queueId: '-1',
        sysFlag: '0',
        bornTimestamp: '1',
        flag: '7',
        properties: propertiesText(TO_REQUESTER),
      },
      'pong',
    );
    expect(answer).toMatchObject({ code: ResponseCode.SUCCESS, extFields: { queueId: '0' } });
    expect(pushed.at(-1)!.extFields).toMatchObject({ flag: '7', queueId: '0' });
  });

  it.each([
    ['nobody is named', {}, 'REPLY_TO_CLIENT is null, can not reply message'],
    ['the client is unknown', { REPLY_TO_CLIENT: 'nobody' }, 'push reply message fail, channel of <nobody> not found.'],
  ])('is answered with 1 and stored all the same when %s', async (_why, more, remark) => {
    const before = messagesOf(await replier.pull({ topic: TOPIC })).length;
    const answer = await reply({ MSG_TYPE: 'reply', CORRELATION_ID: 'c', UNIQ_KEY: 'U2', ...more });
    expect(answer).toMatchObject({ code: ResponseCode.SYSTEM_ERROR, remark, extFields: { queueOffset: String(before) } });
    expect(messagesOf(await replier.pull({ topic: TOPIC }))).toHaveLength(before + 1);
    expect(pushed).toEqual([]);
  });

  it('is answered with 1 when the client refuses it', async () => {
    const answered = reply(TO_REQUESTER);
    onPush = () => ({ code: ResponseCode.SYSTEM_ERROR, remark: 'no room' });
    expect(await answered).toMatchObject({
      code: ResponseCode.SYSTEM_ERROR,
      remark: 'push reply message to requester fail: it answered code 1 no room',
    });
  });

  it('is answered with 1 when the client goes away with it', async () => {
    const leaving = new RawClient(sandbox.brokerAddr);
    leaving.remoting.registerProcessor(RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, () => {
      void leaving.close();
      return null;
    });
    await leaving.heartbeat({ clientId: 'leaving', producerGroup: 'PG_req' });
    const answer = await reply({ ...TO_REQUESTER, REPLY_TO_CLIENT: 'leaving' });
    expect(answer.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(answer.remark).toContain('push reply message to leaving fail');
    expect(await reply({ ...TO_REQUESTER, REPLY_TO_CLIENT: 'leaving' })).toMatchObject({
      remark: 'push reply message fail, channel of <leaving> not found.',
    });
  });

  it('finds a client by the connection of its last heartbeat, as long as one of its groups is registered', async () => {
    const again = new RawClient(sandbox.brokerAddr);
    let count = 0;
    again.remoting.registerProcessor(RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, () => {
      count++;
      return { code: ResponseCode.SUCCESS };
    });
    await again.heartbeat({ clientId: 'again', producerGroup: 'PG_one' });
    await again.heartbeat({ clientId: 'again', producerGroup: 'PG_two' });
    await again.invoke(RequestCode.UNREGISTER_CLIENT, { clientID: 'again', producerGroup: 'PG_one' });
    expect(await reply({ ...TO_REQUESTER, REPLY_TO_CLIENT: 'again' })).toMatchObject({ code: ResponseCode.SUCCESS });
    await again.invoke(RequestCode.UNREGISTER_CLIENT, { clientID: 'again', producerGroup: 'PG_two' });
    expect(await reply({ ...TO_REQUESTER, REPLY_TO_CLIENT: 'again' })).toMatchObject({ code: ResponseCode.SYSTEM_ERROR });
    expect(count).toBe(1);
    await again.close();
  });

  it.each([
    ['an illegal topic', { topic: 'a b' }, ResponseCode.INVALID_PARAMETER],
    ['a system topic', { topic: 'SCHEDULE_TOPIC_XXXX' }, ResponseCode.NO_PERMISSION],
    ['an unknown topic', { topic: 'Unknown', fields: { c: 'NoSuchTopic' } }, ResponseCode.TOPIC_NOT_EXIST],
    ['a queue that is not there', { fields: { e: '1' } }, ResponseCode.INVALID_PARAMETER],
    ['no body', { body: '' }, ResponseCode.MESSAGE_ILLEGAL],
  ])('to %s is refused before it is pushed', async (_what, more, code) => {
    const answer = await reply(TO_REQUESTER, more);
    expect(answer).toMatchObject({ code, extFields: { MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' } });
    expect(pushed).toEqual([]);
  });

  it('to an unknown topic that may be created creates it', async () => {
    expect(await reply(TO_REQUESTER, { topic: 'NewReplies' })).toMatchObject({ code: ResponseCode.SUCCESS });
    expect(messagesOf(await replier.pull({ topic: 'NewReplies' }))).toHaveLength(1);
  });

  it('with a header that lacks a field is refused by name', async () => {
    const answer = await replier.invoke(RequestCode.SEND_REPLY_MESSAGE_V2, { b: TOPIC }, 'pong');
    expect(answer.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(answer.remark).toContain('field a');
  });
});

describe('a reply with storeReplyMessageEnable=false', () => {
  it('is pushed, and answered with the zeros that clients can read', async () => {
    await replier.invoke(RequestCode.UPDATE_BROKER_CONFIG, {}, 'storeReplyMessageEnable=false\n');
    try {
      const before = messagesOf(await replier.pull({ topic: TOPIC })).length;
      const answer = await reply(TO_REQUESTER);
      expect(answer).toMatchObject({ code: ResponseCode.SUCCESS, extFields: { msgId: '0', queueId: '0', queueOffset: '0' } });
      expect(pushed).toHaveLength(1);
      expect(messagesOf(await replier.pull({ topic: TOPIC }))).toHaveLength(before);
      const failed = await reply({ ...TO_REQUESTER, REPLY_TO_CLIENT: 'nobody' });
      expect(failed).toMatchObject({ code: ResponseCode.SYSTEM_ERROR, extFields: { MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' } });
      expect(failed.extFields).not.toHaveProperty('msgId');
    } finally {
      await replier.invoke(RequestCode.UPDATE_BROKER_CONFIG, {}, 'storeReplyMessageEnable=true\n');
    }
  });
});

describe('a reply under SYNC_FLUSH', () => {
  it('is answered when it is on disk', async () => {
    const synced = await startSandbox({ brokerConfig: { flushDiskType: 'SYNC_FLUSH' } });
    const client = new RawClient(synced.brokerAddr);
    try {
      const properties = { ...TO_REQUESTER, REPLY_TO_CLIENT: 'nobody' };
      for (let i = 0; i < 3; i++) {
        const answer = await client.send({ topic: TOPIC, code: RequestCode.SEND_REPLY_MESSAGE_V2, body: 'pong', properties });
        expect(answer).toMatchObject({ code: ResponseCode.SYSTEM_ERROR, extFields: { queueOffset: String(i) } });
      }
    } finally {
      await client.close();
      await synced.stop();
    }
  });
});

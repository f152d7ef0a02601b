import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { bodiesOf, json, messagesOf, propertiesOf, RawClient } from '../kit.js';

const SUSPEND = 4 | 2;
let sandbox: Sandbox;
let client: RawClient;

beforeAll(async () => {
  // Level 3, the first retry's, is short here.
  sandbox = await startSandbox({ brokerConfig: { messageDelayLevel: '1s 2s 1s 1s' } });
  client = new RawClient(sandbox.brokerAddr);
});
afterAll(async () => {
  await client.close();
  await sandbox.stop();
});

describe('a message with a delay level', () => {
  it('arrives when its level is over, with DELAY, REAL_TOPIC and REAL_QID', async () => {
    await client.send({ topic: 'Later', body: 'makes the topic' });
    const from = performance.now();
    const sent = await client.send({ topic: 'Later', queueId: 2, body: 'd', properties: { DELAY: '1', TAGS: 'A' } });
    expect(sent).toMatchObject({ code: 0, extFields: { queueId: '2', queueOffset: '0' } });
    const answer = await client.pull({ topic: 'Later', queueId: 2, sysFlag: SUSPEND, suspendMs: 15_000, subscription: 'A' });
    expect(performance.now() - from).toBeGreaterThan(990);
    expect(performance.now() - from).toBeLessThan(12_000);
    const [message] = messagesOf(answer);
    expect(message).toMatchObject({ topic: 'Later', queueId: 2 });
    expect(propertiesOf(message!)).toMatchObject({
      DELAY: '1',
      REAL_TOPIC: 'Later',
      REAL_QID: '2',
      TAGS: 'A',
      UNIQ_KEY: sent.extFields!.transactionId,
    });
  });

  it('above the highest level has the highest', async () => {
    const from = performance.now();
    await client.send({ topic: 'Later', queueId: 1, body: 'high', properties: { DELAY: '19' } });
    const answer = await client.pull({ topic: 'Later', queueId: 1, sysFlag: SUSPEND, suspendMs: 15_000 });
    expect(performance.now() - from).toBeLessThan(12_000);
    expect(propertiesOf(messagesOf(answer)[0]!).DELAY).toBe('4');
  });

  it('and timer properties keeps the level only', async () => {
    await client.send({ topic: 'Later', queueId: 3, body: 'both', properties: { DELAY: '1', TIMER_DELAY_MS: '60000' } });
    const answer = await client.pull({ topic: 'Later', queueId: 3, sysFlag: SUSPEND, suspendMs: 15_000 });
    expect(propertiesOf(messagesOf(answer)[0]!)).not.toHaveProperty('TIMER_DELAY_MS');
  });

  it('comes in order within its level', async () => {
    const sends = Array.from({ length: 300 }, (_, i) => client.send({ topic: 'Many', body: `${i}`, properties: { DELAY: '1' } }));
    expect((await Promise.all(sends)).filter(({ code }) => code !== 0)).toEqual([]);
    const bodies: string[] = [];
    while (bodies.length < 300) {
      bodies.push(...bodiesOf(await client.pull({ topic: 'Many', offset: bodies.length, sysFlag: SUSPEND, suspendMs: 15_000 })));
    }
    expect(bodies).toEqual(Array.from({ length: 300 }, (_, i) => `${i}`));
  });
});

describe('a message that is sent back', () => {
  const sendBack = async (topic: string, offset: number, fields: Record<string, string>) => {
    const [message] = messagesOf(await client.pull({ topic, offset, maxMsgNums: 1, group: 'Worker' }));
    const header = {
      offset: String(message!.commitLogOffset),
      group: 'Worker',
      delayLevel: '0',
      originMsgId: 'x',
      originTopic: topic,
      unitMode: 'false',
      ...fields,
    };
    return { message: message!, answer: await client.invoke(RequestCode.CONSUMER_SEND_MSG_BACK, header) };
  };

  it('comes again at level 3 with what a consumer needs, and goes to the DLQ after its retries', async () => {
    await client.send({ topic: 'Work', body: 'job', properties: { UNIQ_KEY: 'U', TAGS: 'A', KEYS: 'k' } });
    const from = performance.now();
    const first = await sendBack('Work', 0, { maxReconsumeTimes: '1' });
    expect(first.answer.code).toBe(0);
    const [again] = messagesOf(await client.pull({ topic: '%RETRY%Worker', group: 'Worker', sysFlag: SUSPEND, suspendMs: 15_000 }));
    expect(performance.now() - from).toBeGreaterThan(990);
    expect(again).toMatchObject({ topic: '%RETRY%Worker', reconsumeTimes: 1, bornTimestamp: first.message.bornTimestamp });
    const originId = (again && propertiesOf(again).ORIGIN_MESSAGE_ID) ?? '';
    expect(propertiesOf(again!)).toMatchObject({
      RETRY_TOPIC: 'Work',
      REAL_TOPIC: '%RETRY%Worker',
      REAL_QID: '0',
      DELAY: '3',
      WAIT: 'false',
      UNIQ_KEY: 'U',
      TAGS: 'A',
      KEYS: 'k',
    });
    expect(Number.parseInt(originId.slice(16), 16)).toBe(first.message.commitLogOffset);

    expect((await sendBack('%RETRY%Worker', 0, { maxReconsumeTimes: '1' })).answer.code).toBe(0);
    const [dead] = messagesOf(await client.pull({ topic: '%DLQ%Worker' }));
    expect(dead).toMatchObject({ topic: '%DLQ%Worker', reconsumeTimes: 2, body: Buffer.from('job') });
    expect(propertiesOf(dead!)).toMatchObject({
      RETRY_TOPIC: 'Work',
      DELAY: '0',
      WAIT: 'false',
      ORIGIN_MESSAGE_ID: originId,
      UNIQ_KEY: 'U',
    });
    expect(json(await client.invoke(RequestCode.GET_TOPIC_CONFIG, { topic: '%DLQ%Worker' }))).toMatchObject({ readQueueNums: 1, perm: 6 });
  });

  it('with a negative level goes to the DLQ at once', async () => {
    await client.send({ topic: 'Work', queueId: 1, body: 'no' });
    const [message] = messagesOf(await client.pull({ topic: 'Work', queueId: 1 }));
    await client.invoke(RequestCode.CONSUMER_SEND_MSG_BACK, {
      offset: String(message!.commitLogOffset),
      group: 'Direct',
      delayLevel: '-1',
      maxReconsumeTimes: '16',
    });
    expect(bodiesOf(await client.pull({ topic: '%DLQ%Direct' }))).toEqual(['no']);
  });

  it('that is not in the log gives 1; a group without retry queues drops it', async () => {
    expect(await client.invoke(RequestCode.CONSUMER_SEND_MSG_BACK, { offset: '99999999', group: 'Worker', delayLevel: '0' })).toMatchObject(
      {
        code: ResponseCode.SYSTEM_ERROR,
        remark: 'look message by offset failed, 99999999',
      },
    );
    await client.invoke(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, null, '{"groupName":"NoRetry","retryQueueNums":0}');
    expect((await client.invoke(RequestCode.CONSUMER_SEND_MSG_BACK, { offset: '0', group: 'NoRetry', delayLevel: '0' })).code).toBe(0);
    expect((await client.invoke(RequestCode.GET_TOPIC_CONFIG, { topic: '%RETRY%NoRetry' })).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
  });
});

describe('a group with a long name', () => {
  const LONG = 'g'.repeat(248);

  it('has dead letters', async () => {
    await client.send({ topic: 'Work', queueId: 2, body: 'dead' });
    const [message] = messagesOf(await client.pull({ topic: 'Work', queueId: 2 }));
    const header = { offset: String(message!.commitLogOffset), group: LONG, delayLevel: '-1' };
    expect((await client.invoke(RequestCode.CONSUMER_SEND_MSG_BACK, header)).code).toBe(0);
    const [dead] = messagesOf(await client.pull({ topic: `%DLQ%${LONG}` }));
    expect(dead).toMatchObject({ topic: `%DLQ%${LONG}`, reconsumeTimes: 1, body: Buffer.from('dead') });
  });

  it('gets no topics that could hold nothing', async () => {
    const group = `${LONG}g`;
    await client.send({ topic: 'Work', queueId: 3, body: 'no' });
    const [message] = messagesOf(await client.pull({ topic: 'Work', queueId: 3 }));
    for (const delayLevel of ['0', '-1']) {
      const header = { offset: String(message!.commitLogOffset), group, delayLevel };
      expect(await client.invoke(RequestCode.CONSUMER_SEND_MSG_BACK, header)).toMatchObject({
        code: ResponseCode.SYSTEM_ERROR,
        remark: expect.stringContaining('too long'),
      });
    }
    for (const topic of [`%RETRY%${group}`, `%DLQ%${group}`]) {
      expect((await client.invoke(RequestCode.GET_TOPIC_CONFIG, { topic })).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
    }
  });
});

describe('a plain send to a retry topic', () => {
  it('goes to the DLQ beyond its retries, with DELAY −1, and not at them', async () => {
    const send = (reconsumeTimes: string) =>
      client.send({ topic: '%RETRY%Plain', body: reconsumeTimes, properties: { DELAY: '1' }, fields: { j: reconsumeTimes, l: '3' } });
    expect((await send('4')).code).toBe(0);
    const [dead] = messagesOf(await client.pull({ topic: '%DLQ%Plain' }));
    expect(dead).toMatchObject({ reconsumeTimes: 4, body: Buffer.from('4') });
    expect(propertiesOf(dead!).DELAY).toBe('-1');
    expect((await send('3')).code).toBe(0);
    expect(bodiesOf(await client.pull({ topic: '%RETRY%Plain', sysFlag: SUSPEND, suspendMs: 15_000 }))).toEqual(['3']);
    expect(bodiesOf(await client.pull({ topic: '%DLQ%Plain' }))).toEqual(['4']);
  });

  it('of what was a half message is an ordinary message, in the retry topic and in the DLQ', async () => {
    const send = (group: string, reconsumeTimes: string, delay: Record<string, string>) =>
      client.send({
        topic: `%RETRY%${group}`,
        body: `${reconsumeTimes} ${JSON.stringify(delay)}`,
        properties: { TRAN_MSG: 'true', PGROUP: 'P', ...delay },
        fields: { f: '4', j: reconsumeTimes, l: '3' },
      });
    for (const delay of [{}, { DELAY: '1' }] as Record<string, string>[]) {
      const group = `Tx${Object.keys(delay).length}`;
      expect((await send(group, '4', delay)).code).toBe(0);
      const [dead] = messagesOf(await client.pull({ topic: `%DLQ%${group}` }));
      expect(dead).toMatchObject({ reconsumeTimes: 4, sysFlag: 0 });
      expect((await send(group, '2', delay)).code).toBe(0);
      const [again] = messagesOf(await client.pull({ topic: `%RETRY%${group}`, sysFlag: SUSPEND, suspendMs: 15_000 }));
      expect(again).toMatchObject({ reconsumeTimes: 2, sysFlag: 0 });
    }
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Producer } from '../../../src/client/producer/producer.js';
import { BrokerError, DeniedError, UsageError } from '../../../src/common/errors.js';
import { decodeRecallHandle, encodeRecallHandle } from '../../../src/common/message/recall-handle.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { bodiesOf, json, messagesOf, propertiesOf, RawClient } from '../kit.js';

const SUSPEND = 4 | 2;
let sandbox: Sandbox;
let client: RawClient;
let producer: Producer;

beforeAll(async () => {
  sandbox = await startSandbox({
    brokerConfig: { recallMessageEnable: true, timerPrecisionMs: 100, mappedFileSizeTimerLog: 52_000 },
  });
  client = new RawClient(sandbox.brokerAddr);
  producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'PG_timer' });
  await producer.start();
});
afterAll(async () => {
  await producer.shutdown();
  await client.close();
  await sandbox.stop();
});

describe('a timer message', () => {
  it('arrives at its time with its real queue in the answer, a recall handle, and a held pull woken', async () => {
    await client.send({ topic: 'Timed', body: 'makes the topic' });
    const fromMs = Date.now();
    const sent = await client.send({ topic: 'Timed', queueId: 2, body: 'later', properties: { TIMER_DELAY_MS: '700', TAGS: 'A' } });
    expect(sent).toMatchObject({ code: 0, extFields: { queueId: '2', queueOffset: '0' } });
    const { transactionId: msgId, recallHandle } = sent.extFields!;
    const handle = decodeRecallHandle(recallHandle!)!;
    expect(handle).toMatchObject({ topic: 'Timed', brokerName: 'broker-a', msgId });
    expect(encodeRecallHandle(handle)).toBe(recallHandle);
    const answer = await client.pull({ topic: 'Timed', queueId: 2, sysFlag: SUSPEND, suspendMs: 10_000 });
    const [message] = messagesOf(answer);
    expect(message!.storeTimestamp - fromMs).toBeGreaterThanOrEqual(700);
    expect(message).toMatchObject({ topic: 'Timed', queueId: 2 });
    expect(propertiesOf(message!)).toMatchObject({ TIMER_DELAY_MS: '700', REAL_TOPIC: 'Timed', REAL_QID: '2', TAGS: 'A' });
    expect(Number(propertiesOf(message!).TIMER_OUT_MS)).toBe(handle.timestampMs - 1);
  });

  it('is counted in the runtime information, and the metrics and the checkpoint can be asked for', async () => {
    const sent = await producer.send({ topic: 'Counted', body: Buffer.from('x'), delayTimeSec: 3600 });
    const metrics = async () =>
      json(await client.invoke(RequestCode.GET_TIMER_METRICS)) as { timingCount: Record<string, { count: number }> };
    await until(async () => (await metrics()).timingCount.Counted?.count === 1);
    const info = async () => (json(await client.invoke(RequestCode.GET_BROKER_RUNTIME_INFO)) as { table: Record<string, string> }).table;
    // A message counts until its slot is over.
    await until(async () => (await info()).timerCongestNum === '1');
    expect((await info()).timerOffsetBehind).toBe('0');
    await until(async () => {
      const { body } = await client.invoke(RequestCode.GET_TIMER_CHECK_POINT);
      return body?.length === 56 && body.readBigInt64BE(16) > 0n && body.readBigInt64BE(16) === body.readBigInt64BE(24);
    }, 20_000);
    await producer.recallMessage('Counted', sent.recallHandle!);
    await until(async () => (await metrics()).timingCount.Counted?.count === 0);
  });

  it.each([
    ['too far', { TIMER_DELAY_SEC: '259201' }, {}],
    ['no number', { TIMER_DELIVER_MS: 'soon' }, {}],
    ['of a whole batch', { TIMER_DELAY_MS: '500' }, { m: 'true' }],
  ])('%s is refused with 13 and not stored', async (_what, properties, fields) => {
    const { topics } = sandbox.brokers[0]!.parts;
    const answer = await client.send({ topic: 'Never', properties: properties as Record<string, string>, fields });
    expect(answer.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect(topics.entry('Never')).toBeDefined();
    expect(bodiesOf(await client.pull({ topic: 'Never' }))).toEqual([]);
  });
});

describe('the client', () => {
  it('sends delay fields, and recalls what it sent', async () => {
    const deliverTimeMs = Date.now() + 600;
    const body = Buffer.from('at a time');
    const kept = await producer.send({ topic: 'Client', body, deliverTimeMs });
    const recalled = await producer.send({ topic: 'Client', body: Buffer.from('never'), delayTimeMs: 4_000 });
    expect((await producer.send({ topic: 'Client', body: Buffer.from('now') })).recallHandle).toBeUndefined();
    expect(await producer.recallMessage('Client', recalled.recallHandle!)).toBe(recalled.msgId);
    const { queueId } = kept.messageQueue;
    await until(async () => bodiesOf(await client.pull({ topic: 'Client', queueId })).includes('at a time'));
    const after = await producer.send({ topic: 'Client', body: Buffer.from('after'), deliverTimeMs: Date.now() + 4_500 });
    await until(async () => bodiesOf(await client.pull({ topic: 'Client', queueId: after.messageQueue.queueId })).includes('after'));
    for (let id = 0; id < 4; id++) expect(bodiesOf(await client.pull({ topic: 'Client', queueId: id }))).not.toContain('never');
  });

  it('refuses delay fields that are no whole numbers, and delayed messages in a batch', async () => {
    const body = Buffer.from('x');
    for (const delay of [{ delayTimeSec: 1.5 }, { delayTimeMs: -1 }, { deliverTimeMs: Number.NaN }]) {
      await expect(producer.send({ topic: 'Client', body, ...delay })).rejects.toThrow(/whole numbers/);
    }
    await expect(producer.sendBatch([{ topic: 'Client', body, delayTimeMs: 5 }])).rejects.toThrow(UsageError);
  });

  it('is told why a recall fails', async () => {
    const sent = await producer.send({ topic: 'Client', body: Buffer.from('x'), delayTimeSec: 60 });
    const handle = decodeRecallHandle(sent.recallHandle!)!;
    await expect(producer.recallMessage('Client', 'no handle!')).rejects.toThrow(UsageError);
    await expect(producer.recallMessage('%RETRY%g', sent.recallHandle!)).rejects.toThrow(UsageError);
    const over = encodeRecallHandle({ ...handle, timestampMs: Date.now() - 1 });
    await expect(producer.recallMessage('Client', over)).rejects.toMatchObject({ responseCode: 604 });
    await client.send({ topic: 'OtherTopic', body: 'makes it' });
    await expect(producer.recallMessage('OtherTopic', sent.recallHandle!)).rejects.toThrow(BrokerError);
    await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'recallMessageEnable=false');
    await expect(producer.recallMessage('Client', sent.recallHandle!)).rejects.toThrow(DeniedError);
    await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'recallMessageEnable=true');
  });
});

describe('RECALL_MESSAGE', () => {
  it('answers with the codes and remarks of Apache', async () => {
    const good = { topic: 'Client', brokerName: 'broker-a', timestampMs: Date.now() + 50_000, msgId: 'K' };
    const recall = async (topic: string, recallHandle: string) => {
      const { code, remark } = await client.invoke(RequestCode.RECALL_MESSAGE, { producerGroup: 'PG', topic, recallHandle });
      return [code, remark];
    };
    expect(await recall('Client', '%%%')).toEqual([604, 'recall handle is invalid']);
    expect(await recall('Absent', encodeRecallHandle({ ...good, topic: 'Absent' }))).toEqual([
      17,
      'recall failed, the topic[Absent] not exist',
    ]);
    expect(await recall('Timed', encodeRecallHandle(good))).toEqual([604, 'recall failed, topic not match']);
    expect(await recall('Client', encodeRecallHandle({ ...good, brokerName: 'x' }))).toEqual([
      604,
      'recall failed, broker service not available',
    ]);
    const far = { ...good, timestampMs: Date.now() + 260_000_000 };
    expect(await recall('Client', encodeRecallHandle(far))).toEqual([604, 'recall failed, timestamp invalid']);
    expect(await recall('Client', encodeRecallHandle(good))).toEqual([0, null]);
  });
});

describe('a broker with timerWheelEnable=false', () => {
  it('refuses timers and has no wheel', async () => {
    const plain = await startSandbox({ brokerConfig: { timerWheelEnable: false } });
    const raw = new RawClient(plain.brokerAddr);
    try {
      const answer = await raw.send({ topic: 'T', properties: { TIMER_DELAY_SEC: '1' } });
      expect([answer.code, answer.remark]).toEqual([1, 'accurate timer message is not enabled, timerWheelEnable is false']);
      expect((await raw.invoke(RequestCode.GET_TIMER_METRICS)).code).toBe(1);
    } finally {
      await raw.close();
      await plain.stop();
    }
  });
});

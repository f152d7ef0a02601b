import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeConsumeStats } from '../../../src/remoting/bodies/consume-stats.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { bodiesOf, json, messagesOf, RawClient } from '../kit.js';
import { ack, pop } from '../pop/pop-kit.js';

let sandbox: Sandbox;
let client: RawClient;

beforeAll(async () => {
  sandbox = await startSandbox();
  client = new RawClient(sandbox.brokerAddr);
});
afterAll(async () => {
  await client.close();
  await sandbox.stop();
});

const ask = (statsName: string, statsKey: string) => client.invoke(RequestCode.VIEW_BROKER_STATS_DATA, { statsName, statsKey });
/** Sums of the minute, by name. */
const sums = async (key: string, ...names: string[]) =>
  Object.fromEntries(await Promise.all(names.map(async (name) => [name, json(await ask(name, key)).statsMinute.sum])));
const commit = (group: string, topic: string, queueId: number, offset: number) =>
  client.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, {
    consumerGroup: group,
    topic,
    queueId: String(queueId),
    commitOffset: String(offset),
  });
const progress = async (group: string, fields: Record<string, string> = {}) =>
  decodeConsumeStats((await client.invoke(RequestCode.GET_CONSUME_STATS, { consumerGroup: group, ...fields })).body).offsetTable;

it('who sends and consumes n messages sees n, by topic, group and queue', async () => {
  for (let i = 0; i < 30; i++) await client.send({ topic: 'N', queueId: i % 3, body: 'x'.repeat(100) });
  let bytes = 0;
  for (let queueId = 0; queueId < 3; queueId++) {
    const pulled = await client.pull({ topic: 'N', group: 'GN', queueId });
    expect(messagesOf(pulled)).toHaveLength(10);
    bytes += pulled.body!.length;
  }
  expect(await sums('N', 'TOPIC_PUT_NUMS')).toEqual({ TOPIC_PUT_NUMS: 30 });
  expect(await sums('N@GN', 'GROUP_GET_NUMS', 'GROUP_GET_SIZE')).toEqual({ GROUP_GET_NUMS: 30, GROUP_GET_SIZE: bytes });
  expect(await sums('N@2', 'QUEUE_PUT_NUMS')).toEqual({ QUEUE_PUT_NUMS: 10 });
  expect(await sums('N@2@GN', 'QUEUE_GET_NUMS', 'QUEUE_GET_SIZE')).toEqual({ QUEUE_GET_NUMS: 10, QUEUE_GET_SIZE: bytes / 3 });
  const putBytes = (await sums('N', 'TOPIC_PUT_SIZE')).TOPIC_PUT_SIZE as number;
  expect(putBytes).toBe(3 * ((await sums('N@0', 'QUEUE_PUT_SIZE')).QUEUE_PUT_SIZE as number));
  expect(Math.abs(putBytes - bytes)).toBeLessThan(0.1 * bytes);
  for (const [name, key] of [
    ['TOPIC_PUT_LATENCY', '1@N'],
    ['GROUP_GET_LATENCY', '1@N@GN'],
  ] as const) {
    const { statsMinute } = json(await ask(name, key));
    expect(statsMinute.sum).toBeGreaterThanOrEqual(0);
    expect(statsMinute.avgpt).toBeLessThan(5000);
  }
  const { table } = json(await client.invoke(RequestCode.GET_BROKER_RUNTIME_INFO));
  expect(Number(table.msgPutTotalTodayNow)).toBe(30);
  expect(Number(table.msgGetTotalTodayNow)).toBe(30);
});

it('a rate is that of the messages since the first one', async () => {
  const beforeFirst = performance.now();
  await client.send({ topic: 'Rate' });
  const afterFirst = performance.now();
  let count = 1;
  await until(async () => {
    for (let i = 0; i < 10; i++, count++) await client.send({ topic: 'Rate' });
    return performance.now() - afterFirst > 1200;
  });
  const beforeView = performance.now();
  const { statsMinute } = json(await ask('TOPIC_PUT_NUMS', 'Rate'));
  const afterView = performance.now();
  expect(statsMinute.sum).toBe(count);
  expect(statsMinute.tps).toBeGreaterThanOrEqual((count * 1000) / (afterView - beforeFirst) / 1.01);
  expect(statsMinute.tps).toBeLessThanOrEqual(((count * 1000) / (beforeView - afterFirst)) * 1.01);
});

it('what waits, what is in flight and what comes again are apart', async () => {
  for (let i = 0; i < 10; i++) await client.send({ topic: 'Lag', body: `${i}` });
  await client.heartbeat({ clientId: 'lag', group: 'GLag', subscriptions: { Lag: '*', '%RETRY%GLag': '*' } });
  const first = messagesOf(await client.pull({ topic: 'Lag', group: 'GLag', maxMsgNums: 6 }))[0]!;
  await commit('GLag', 'Lag', 0, 4);
  for (const delayLevel of ['1', '1', '-1']) {
    const fields = { group: 'GLag', offset: String(first.commitLogOffset), delayLevel, originTopic: 'Lag' };
    expect((await client.invoke(RequestCode.CONSUMER_SEND_MSG_BACK, fields)).code).toBe(0);
  }
  expect(await sums('Lag@GLag', 'SNDBCK_PUT_NUMS')).toEqual({ SNDBCK_PUT_NUMS: 3 });
  expect(await sums('null@Lag@GLag@SEND_BACK_TO_DLQ', 'SNDBCK2DLQ_TIMES')).toEqual({ SNDBCK2DLQ_TIMES: 1 });
  expect(await sums('%DLQ%GLag@GLag', 'DLQ_PUT_NUMS')).toEqual({ DLQ_PUT_NUMS: 1 });
  await commit('GLag', '%RETRY%GLag', 0, 0);
  await until(async () => (await progress('GLag', { topic: '%RETRY%GLag' }))[0]?.[1].brokerOffset === 2, 10_000);
  const rows = await progress('GLag');
  expect(rows.map(([{ topic }]) => topic).sort()).toEqual(['%RETRY%GLag', 'Lag', 'Lag', 'Lag', 'Lag']);
  const [, lag] = rows.find(([{ topic, queueId }]) => topic === 'Lag' && queueId === 0)!;
  expect(lag).toEqual({ brokerOffset: 10, consumerOffset: 4, pullOffset: 6, lastTimestamp: expect.any(Number) });
  expect(lag.lastTimestamp).toBeGreaterThan(0);

  const all = json(await client.invoke(RequestCode.GET_BROKER_CONSUME_STATS, { isOrder: 'false' }));
  const ofGroup = all.consumeStatsList.find((entry: object) => 'GLag' in entry).GLag;
  expect(ofGroup).toHaveLength(2);
  expect(all.totalInflightDiff).toBe(2);
  expect(json(await client.invoke(RequestCode.GET_BROKER_CONSUME_STATS, { isOrder: 'true' })).totalDiff).toBe(0);
});

it('pops count as gets, with their check points and acknowledgements; what was popped is behind the group', async () => {
  for (let i = 0; i < 8; i++) await client.send({ topic: 'Pop', queueId: i % 2, body: `${i}` });
  const popped = await pop(client, { topic: 'Pop', group: 'GPop', queueId: 0 });
  expect(popped).toHaveLength(4);
  await ack(client, popped.slice(0, 3), 'GPop');
  expect(await sums('Pop@GPop', 'GROUP_GET_NUMS', 'GROUP_CK_NUMS', 'GROUP_ACK_NUMS')).toEqual({
    GROUP_GET_NUMS: 4,
    GROUP_CK_NUMS: 1,
    GROUP_ACK_NUMS: 3,
  });
  expect(await sums('DefaultCluster', 'BROKER_CK_NUMS', 'BROKER_ACK_NUMS')).toEqual({ BROKER_CK_NUMS: 1, BROKER_ACK_NUMS: 3 });
  await until(async () => (await progress('GPop'))[0]?.[1].consumerOffset === 4);
  expect((await progress('GPop')).slice(0, 2).map(([, { brokerOffset, consumerOffset }]) => brokerOffset - consumerOffset)).toEqual([0, 4]);
});

it('connections and registrations are counted', async () => {
  const before = json(await ask('CHANNEL_ACTIVITY', 'CONNECT')).statsDay.sum;
  const other = new RawClient(sandbox.brokerAddr);
  await other.heartbeat({ clientId: 'other', group: 'GOther', producerGroup: 'POther' });
  for (const name of ['CONSUMER_REGISTER_TIME', 'PRODUCER_REGISTER_TIME']) expect((await ask(name, 'DefaultCluster')).code).toBe(0);
  expect(json(await ask('CHANNEL_ACTIVITY', 'CONNECT')).statsDay.sum).toBe(before + 1);
  await other.close();
  await until(async () => (await ask('CHANNEL_ACTIVITY', 'CLOSE')).code === 0);
});

it('topics that a group left are none of its progress, unless they are asked for by a list', async () => {
  for (const topic of ['Left', 'Stays']) {
    await client.send({ topic });
    await client.pull({ topic, group: 'GLeft', sysFlag: 5, fields: { commitOffset: '1' } });
  }
  const topicsOf = async (fields?: Record<string, string>) =>
    [...new Set((await progress('GLeft', fields)).map(([{ topic }]) => topic))].sort();
  expect(await topicsOf()).toEqual(['Left', 'Stays']);
  await client.heartbeat({ clientId: 'left', group: 'GLeft', subscriptions: { Stays: '*' } });
  expect(await topicsOf()).toEqual(['Stays']);
  expect(await topicsOf({ topic: 'Left' })).toEqual([]);
  expect(await topicsOf({ topicList: 'Left;NoSuch' })).toEqual(['Left']);
});

it('the lag in time is the age of the first message that was not consumed; none without such a message', async () => {
  await client.send({ topic: 'Age', queueId: 0 });
  await client.send({ topic: 'Age', queueId: 1 });
  await client.pull({ topic: 'Age', group: 'GAge', queueId: 1 });
  await commit('GAge', 'Age', 1, 1);
  const stored = messagesOf(await client.pull({ topic: 'Age', group: 'Other' }))[0]!.storeTimestamp;
  const spans = async () => {
    const { consumeTimeSpanSet } = json(await client.invoke(RequestCode.QUERY_CONSUME_TIME_SPAN, { topic: 'Age', group: 'GAge' }));
    return consumeTimeSpanSet as Record<string, number>[];
  };
  await until(async () => (await spans())[0]!.delayTime! > 20);
  const before = Date.now();
  const [waiting, consumed, empty] = await spans();
  expect(waiting!.delayTime).toBeGreaterThanOrEqual(before - stored);
  expect(waiting!.delayTime).toBeLessThanOrEqual(Date.now() - stored);
  expect([waiting!.minTimeStamp, waiting!.maxTimeStamp, waiting!.consumeTimeStamp]).toEqual([stored, stored, stored]);
  expect(consumed).toMatchObject({ delayTime: 0, consumeTimeStamp: consumed!.maxTimeStamp });
  expect(empty).toMatchObject({ delayTime: 0, minTimeStamp: 0, maxTimeStamp: 0, consumeTimeStamp: 0 });

  expect((await ask('GROUP_GET_FALL_TIME', '0@Age@GAge')).code).toBe(ResponseCode.SYSTEM_ERROR);
  expect(json(await ask('GROUP_GET_FALL_SIZE', '1@Age@GAge')).statsMinute.sum).toBe(0);
  await client.send({ topic: 'Age', queueId: 1 });
  const size = json(await ask('GROUP_GET_FALL_SIZE', '1@Age@GAge')).statsMinute.sum;
  expect(size).toBe((await client.pull({ topic: 'Age', group: 'Other', queueId: 1, offset: 1 })).body!.length);
  await until(async () => json(await ask('GROUP_GET_FALL_TIME', '1@Age@GAge')).statsMinute.sum > 0);
});

it('a consume queue is shown with what the group wants of it; an index outside of it has a remark and the bounds', async () => {
  await client.send({ topic: 'Units', properties: { TAGS: 'A' } });
  await client.send({ topic: 'Units', properties: { TAGS: 'B' } });
  const query = (fields: Record<string, string> = {}) =>
    client.invoke(RequestCode.QUERY_CONSUME_QUEUE, { topic: 'Units', queueId: '0', index: '0', count: '10', ...fields });
  const plain = json(await query());
  expect(plain).toMatchObject({ minQueueIndex: 0, maxQueueIndex: 2, queueData: [{ eval: false, tagsCode: 65 }, { tagsCode: 66 }] });
  expect(plain).not.toHaveProperty('filterData');
  expect(json(await query({ count: '1' })).queueData).toHaveLength(1);
  expect(json(await query({ consumerGroup: 'GUnits' })).filterData).toBe('GUnits@Units is not online!');
  await client.heartbeat({ clientId: 'units', group: 'GUnits', subscriptions: { Units: 'B' } });
  const wanted = json(await query({ consumerGroup: 'GUnits' }));
  expect(wanted).toMatchObject({ filterData: 'null', subscriptionData: { subString: 'B' } });
  expect(wanted.queueData.map((unit: { eval: boolean }) => unit.eval)).toEqual([false, true]);
  const outside = await query({ index: '2' });
  expect(outside).toMatchObject({ code: 0, remark: 'Index 2 of 0@Units is not exist!' });
  expect(json(outside)).toMatchObject({ minQueueIndex: 0, maxQueueIndex: 2, queueData: [] });
  expect((await query({ queueId: '3' })).remark).toBe('3@Units is not exist!');
});

it('counters go with their topic and their group; one that never counted does not exist', async () => {
  for (const topic of ['Drop', 'Keep']) {
    await client.send({ topic });
    expect(bodiesOf(await client.pull({ topic, group: 'GDrop' }))).toHaveLength(1);
  }
  const there = async (key: string, ...names: string[]) => (await Promise.all(names.map((name) => ask(name, key)))).map(({ code }) => code);
  await client.invoke(RequestCode.DELETE_TOPIC_IN_BROKER, { topic: 'Drop' });
  expect(await there('Drop', 'TOPIC_PUT_NUMS', 'TOPIC_PUT_SIZE')).toEqual([1, 1]);
  expect(await there('0@Drop', 'TOPIC_PUT_LATENCY')).toEqual([1]);
  expect(await there('Drop@0@GDrop', 'QUEUE_GET_NUMS')).toEqual([1]);
  expect(await there('Keep@GDrop', 'GROUP_GET_NUMS', 'GROUP_GET_SIZE')).toEqual([0, 0]);
  await client.invoke(RequestCode.DELETE_SUBSCRIPTIONGROUP, { groupName: 'GDrop' });
  expect(await there('Keep@GDrop', 'GROUP_GET_NUMS', 'GROUP_GET_SIZE')).toEqual([1, 1]);
  expect(await there('0@Keep@GDrop', 'GROUP_GET_LATENCY')).toEqual([1]);
  expect(await there('Keep', 'TOPIC_PUT_NUMS', 'NO_SUCH_NAME')).toEqual([0, 1]);
});

import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { until } from '../../sandbox.js';
import { TransactionBroker } from '../transaction/kit.js';
import { ack, type PopOptions, type Popped, poppedOf, popRaw } from './pop-kit.js';

const STEP_MS = 200;

async function pass(broker: TransactionBroker, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= STEP_MS) {
    broker.time.advance(Math.min(STEP_MS, left));
    await nextTurn();
  }
}

async function pop(broker: TransactionBroker, options: Partial<PopOptions> = {}): Promise<Popped[]> {
  const fields = { bornTime: '0', ...options.fields };
  return poppedOf(await popRaw(broker.producer.client, { topic: 'T', invisibleMs: 5_000, ...options, fields }), 'PG');
}

async function send(broker: TransactionBroker, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) await broker.producer.client.send({ topic: 'T', body });
}

it('with enableRetryTopicV2 messages come back by the topic of that naming, and those of the old one are read too', async () => {
  const broker = await TransactionBroker.start({ mappedFileSizeTimerLog: 52_000 });
  await send(broker, ['old']);
  expect(await pop(broker)).toHaveLength(1);
  await pass(broker, 9_000);
  expect(await broker.bodies('%RETRY%PG_T')).toEqual(['old']);
  await broker.producer.client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'enableRetryTopicV2=true');
  const [old] = await pop(broker);
  expect(old).toMatchObject({ body: 'old', topic: '%RETRY%PG_T', reconsumeTimes: 1 });
  await ack(broker.producer.client, [old!]);
  await send(broker, ['new']);
  expect(await pop(broker)).toHaveLength(1);
  await pass(broker, 9_000);
  const [again] = await pop(broker);
  expect(again).toMatchObject({ body: 'new', topic: '%RETRY%PG+T', reconsumeTimes: 1 });
  expect(again!.receipt.split(' ')[4]).toBe('2');
  await ack(broker.producer.client, [again!]);
  await pass(broker, 9_000);
  expect(await pop(broker)).toEqual([]);
});

it('messages of a topic or a group that is gone hold up nothing', async () => {
  const broker = await TransactionBroker.start({ mappedFileSizeTimerLog: 52_000, autoCreateSubscriptionGroup: false });
  const { client } = broker.producer;
  await client.invoke(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, null, '{"groupName":"PG"}');
  await client.invoke(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, null, '{"groupName":"Gone"}');
  await send(broker, ['m0', 'm1']);
  expect(poppedOf(await popRaw(client, { topic: 'T', group: 'Gone', invisibleMs: 5_000, fields: { bornTime: '0' } }), 'Gone')).toHaveLength(
    2,
  );
  expect(await pop(broker, { maxMsgNums: 1 })).toHaveLength(1);
  await client.invoke(RequestCode.DELETE_SUBSCRIPTIONGROUP, { groupName: 'Gone', cleanOffset: 'true' });
  await pass(broker, 9_000);
  expect(broker.node.parts.revive.pendingCount).toBe(0);
  expect((await pop(broker)).map(({ body }) => body).sort()).toEqual(['m0', 'm1']);
  const { topics } = broker.node.parts;
  expect(topics.entry('%RETRY%Gone_T')).toBeUndefined();
  expect(topics.entry('%RETRY%PG_T')).toBeDefined();
  const waiting = popRaw(client, { topic: 'T', queueId: 3, pollMs: 5_000, fields: { bornTime: '0' } });
  await until(() => broker.node.parts.popHolds.size === 1);
  await client.invoke(RequestCode.DELETE_TOPIC_IN_BROKER, { topic: 'T' });
  expect(topics.entry('%RETRY%PG_T')).toBeUndefined();
  await pass(broker, 9_000);
  expect(broker.node.parts.revive.pendingCount).toBe(0);
  expect((await waiting).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
});

it('a message that fails too often goes to the dead letters after its last try', async () => {
  const broker = await TransactionBroker.start({ mappedFileSizeTimerLog: 52_000 });
  const { client } = broker.producer;
  await client.invoke(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, null, '{"groupName":"PG","retryMaxTimes":2}');
  await send(broker, ['m']);
  for (let times = 0; times <= 2; times++) {
    expect(await pop(broker), `try ${times}`).toMatchObject([{ body: 'm', reconsumeTimes: times }]);
    await pass(broker, 9_000);
  }
  expect(await pop(broker)).toEqual([]);
  expect(await broker.bodies('%DLQ%PG')).toEqual(['m']);
});

it('the revive topic and its progress are in the form of Apache', async () => {
  const broker = await TransactionBroker.start({ mappedFileSizeTimerLog: 52_000 });
  await send(broker, ['m0', 'm1']);
  const messages = await pop(broker);
  const popTime = broker.time.nowMs();
  await ack(broker.producer.client, messages.slice(0, 1));
  await pass(broker, 9_000);
  const log = await broker.messages('rmq_sys_REVIVE_LOG_DefaultCluster', 8);
  expect(log.map((record) => record.body.toString())).toEqual([
    `{"bm":0,"bn":"broker-a","c":"PG","d":[0,1],"it":5000,"n":2,"pt":${popTime},"q":0,"ro":0,"so":0,"t":"T"}`,
    `{"ao":0,"bn":"broker-a","c":"PG","pt":${popTime},"q":0,"so":0,"t":"T"}`,
  ]);
  expect(log[0]!.properties).toContain(`UNIQ_KEY\u0001T@0@0@PG@${popTime}@broker-a@ck\u0002`);
  expect(log[1]!.properties).toContain(`UNIQ_KEY\u0001T@0@0@PG@${popTime}@broker-a@ack\u0002`);
  expect(broker.node.parts.offsets.query('CID_RMQ_SYS_REVIVE_GROUP', 'rmq_sys_REVIVE_LOG_DefaultCluster', 0)).toBe(0);
  expect(await broker.bodies('%RETRY%PG_T')).toEqual(['m1']);
});

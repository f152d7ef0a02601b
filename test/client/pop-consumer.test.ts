import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MessageListener } from '../../src/client/consumer/parts.js';
import { popDelayMs } from '../../src/client/consumer/pop-acks.js';
import { bodiesOf } from '../broker/kit.js';
import { numbered, sendAll } from '../broker/pop/pop-kit.js';
import { until } from '../sandbox.js';
import { PopWorld } from './pop-world.js';

let world: PopWorld;

beforeAll(async () => {
  world = await PopWorld.start();
});
afterAll(() => world.stop());

it('two members share all queues, each message comes once, and all are acknowledged', { timeout: 120_000 }, async () => {
  await world.setMode('Shared', 'GShared');
  const seen: string[] = [];
  const listener: MessageListener = async (messages) => {
    seen.push(...messages.map(({ body }) => body.toString()));
    return 'CONSUME_SUCCESS';
  };
  const members = [await world.consume('Shared', listener), await world.consume('Shared', listener)];
  const sent = numbered('m', 200);
  await sendAll(world.raw, 'Shared', sent);
  await until(() => seen.length >= 201);
  expect(members.map(({ assignedQueues }) => assignedQueues.filter(({ topic }) => topic === 'Shared'))).toEqual(
    members.map(() => [{ topic: 'Shared', brokerName: 'broker-a', queueId: -1 }]),
  );
  for (const member of members) await member.shutdown();
  expect(seen.toSorted()).toEqual(['makes the topic', ...sent].toSorted());
  const acks = world.sandbox.brokers[0]!.parts.stats;
  expect(acks.view('GROUP_ACK_NUMS', 'Shared@GShared')).not.toBeNull();
});

it('what its group gives up is a dead letter, and comes no more', { timeout: 120_000 }, async () => {
  await world.setMode('Failing', 'GFailing');
  const seen: string[] = [];
  const listener: MessageListener = (messages) => {
    seen.push(...messages.map((message) => `${message.topic} ${message.body} ${message.reconsumeTimes}`));
    return 'RECONSUME_LATER';
  };
  await world.consume('Failing', listener, { maxReconsumeTimes: 0 });
  await until(async () => bodiesOf(await world.raw.pull({ topic: '%DLQ%GFailing' })).length === 1);
  expect(bodiesOf(await world.raw.pull({ topic: '%DLQ%GFailing' }))).toEqual(['makes the topic']);
  expect(seen).toEqual(['Failing makes the topic 0']);
});

it('a switch between popping and pulling keeps the messages coming', { timeout: 120_000 }, async () => {
  await world.setMode('Switched', 'GSwitched', 'PULL');
  const seen: string[] = [];
  const consumer = await world.consume(
    'Switched',
    (messages) => {
      seen.push(...messages.map(({ body }) => body.toString()));
      return 'CONSUME_SUCCESS';
    },
    { rebalanceIntervalMs: 200, persistConsumerOffsetIntervalMs: 300 },
  );
  const queueIds = () => consumer.assignedQueues.filter(({ topic }) => topic === 'Switched').map(({ queueId }) => queueId);
  await until(() => seen.length === 1);
  expect(queueIds().toSorted()).toEqual([0, 1, 2, 3]);
  await until(() => world.sandbox.brokers[0]!.parts.offsets.query('GSwitched', 'Switched', 0) === 1, 15_000);
  await world.setMode('Switched', 'GSwitched', 'POP');
  await until(() => queueIds().join() === '-1');
  await sendAll(world.raw, 'Switched', ['popped']);
  await until(() => seen.includes('popped'));
  await world.setMode('Switched', 'GSwitched', 'PULL');
  await until(() => queueIds().length === 4);
  await sendAll(world.raw, 'Switched', ['pulled']);
  await until(() => seen.includes('pulled'), 20_000);
});

it('the pauses after failures follow the table, or the choice of the listener', () => {
  expect([0, 1, 2, 15, 99].map((times) => popDelayMs(0, times))).toEqual([10_000, 30_000, 60_000, 7_200_000, 7_200_000]);
  expect(popDelayMs(3, 0)).toBe(120_000);
});

import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { encodeCheckPoint } from '../../../broker/pop/revive-records.js';
import { ResponseCode } from '../../../src/remoting/codes.js';
import { message } from '../store/store-kit.js';
import { TransactionBroker } from '../transaction/kit.js';
import { poppedOf, popRaw } from './pop-kit.js';

const fields = { bornTime: '0' };

async function pass(broker: TransactionBroker, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 200) {
    broker.time.advance(200);
    await nextTurn();
  }
}

it.each([
  [127, 121],
  [10, 238],
])('a topic of %i characters and a group of %i are too long for a pop, which takes nothing', async (topicLength, groupLength) => {
  const broker = await TransactionBroker.start();
  const { client } = broker.producer;
  const topic = 't'.repeat(topicLength);
  const group = 'g'.repeat(groupLength);
  await client.send({ topic, body: 'm', queueId: 0 });
  const answer = await popRaw(client, { topic, group, fields });
  expect(answer.code).toBe(ResponseCode.INVALID_PARAMETER);
  expect(answer.remark).toContain('their retry topic would have 256 characters, 255 are allowed');
  expect(broker.node.parts.offsets.query(group, topic, 0)).toBe(-1);
  const inOrder = await popRaw(client, { topic, group, fields: { ...fields, order: 'true', attemptId: 'a' } });
  expect(poppedOf(inOrder, group)).toHaveLength(1);
});

it('the longest names that a pop may have bring messages back', async () => {
  const broker = await TransactionBroker.start({ mappedFileSizeTimerLog: 52_000 });
  const { client } = broker.producer;
  const topic = 't'.repeat(127);
  const group = 'g'.repeat(120);
  await client.send({ topic, body: 'm', queueId: 0 });
  expect(poppedOf(await popRaw(client, { topic, group, invisibleMs: 5_000, fields }), group)).toHaveLength(1);
  await pass(broker, 9_000);
  expect(poppedOf(await popRaw(client, { topic, group, fields }), group)).toMatchObject([{ body: 'm', reconsumeTimes: 1 }]);
});

it('what was popped under longer names goes to the dead letters', async () => {
  const broker = await TransactionBroker.start({ reviveQueueNum: 1 });
  const { client } = broker.producer;
  const { store, parts } = broker.node;
  const { revive } = parts;
  const topic = 't'.repeat(127);
  const group = 'g'.repeat(125);
  await client.send({ topic, body: 'm', queueId: 0 });
  await popRaw(client, { topic, group, fields: { ...fields, order: 'true', attemptId: 'a' } });
  const point = encodeCheckPoint({
    ...{ topic, group, queueId: 0, startOffset: 0, popTime: broker.time.nowMs(), invisibleTime: 1_000 },
    ...{ brokerName: 'broker-a', offsets: [0], acked: 0 },
  });
  store.put(message(revive.topic, 0, point.body, { properties: `TAGS\u0001${point.tag}\u0002` }), { onPut: () => {} });
  store.flushTurn();
  await pass(broker, 6_000);
  expect(await broker.bodies(`%DLQ%${group}`)).toEqual(['m']);
  expect(revive.pendingCount).toBe(0);
});

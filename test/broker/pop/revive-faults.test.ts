import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { ResponseCode } from '../../../src/remoting/codes.js';
import { message } from '../store/store-kit.js';
import { TransactionBroker } from '../transaction/kit.js';
import { ack, type Popped, poppedOf, popRaw } from './pop-kit.js';

const REVIVE_TOPIC = 'rmq_sys_REVIVE_LOG_DefaultCluster';
const STEP_MS = 200;

function start(settings: Record<string, number> = {}): Promise<TransactionBroker> {
  return TransactionBroker.start({ mappedFileSizeTimerLog: 52_000, reviveQueueNum: 1, ...settings });
}

async function pass(broker: TransactionBroker, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= STEP_MS) {
    broker.time.advance(STEP_MS);
    await nextTurn();
  }
}

async function pop(broker: TransactionBroker, queueId = -1): Promise<Popped[]> {
  const fields = { bornTime: '0' };
  return poppedOf(await popRaw(broker.producer.client, { topic: 'T', queueId, invisibleMs: 5_000, fields }), 'PG');
}

async function send(broker: TransactionBroker, count: number): Promise<void> {
  for (let queueId = 0; queueId < count; queueId++) await broker.producer.client.send({ topic: 'T', body: `m${queueId}`, queueId });
}

/** Lets reads of the store fail, or their bytes come damaged. */
function spoil(
  broker: TransactionBroker,
  how: 'fail' | 'damage',
  isBad: (topic: string, queueId: number, offset: number) => boolean,
): void {
  const { store } = broker.node;
  const read = store.getMessage.bind(store);
  vi.spyOn(store, 'getMessage').mockImplementation((topic, queueId, offset, ...rest) => {
    const isSpoilt = isBad(topic, queueId, offset);
    if (isSpoilt && how === 'fail') throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
    const result = read(topic, queueId, offset, ...rest);
    // The magic code of the first record.
    if (isSpoilt && result.buffers.length > 0) {
      result.buffers[0] = Buffer.from(result.buffers[0]!);
      result.buffers[0].writeInt32BE(0, 4);
    }
    return result;
  });
}

it('a message that cannot be read once is revived later, and its queue goes on', async () => {
  const broker = await start();
  await send(broker, 3);
  expect(await pop(broker)).toHaveLength(3);
  let failures = 0;
  spoil(broker, 'fail', (topic) => topic === 'T' && ++failures === 1);
  await pass(broker, 12_000);
  expect(failures).toBeGreaterThan(1);
  expect((await pop(broker)).map(({ body }) => body).sort()).toEqual(['m0', 'm1', 'm2']);
  expect(broker.node.parts.revive.pendingCount).toBe(0);
});

it('a queue of the revive topic that cannot be read holds up no other', async () => {
  const broker = await start({ reviveQueueNum: 2 });
  await send(broker, 2);
  for (const queueId of [0, 1]) expect(await pop(broker, queueId)).toHaveLength(1);
  spoil(broker, 'fail', (topic, queueId) => topic === REVIVE_TOPIC && queueId === 0);
  await pass(broker, 9_000);
  expect(await broker.bodies('%RETRY%PG_T')).toEqual(['m1']);
  vi.restoreAllMocks();
  await pass(broker, 2_000);
  expect(await broker.bodies('%RETRY%PG_T')).toEqual(['m0', 'm1']);
});

it('what comes before a check point that cannot be read is revived', async () => {
  const broker = await start();
  await send(broker, 2);
  for (const queueId of [0, 1]) expect(await pop(broker, queueId)).toHaveLength(1);
  // A read that goes over the second one fails, too.
  const { store } = broker.node;
  const read = store.getMessage.bind(store);
  vi.spyOn(store, 'getMessage').mockImplementation((topic, queueId, offset, maxCount, ...rest) => {
    if (topic === REVIVE_TOPIC && store.maxOffset(topic, queueId) > 1 && offset + maxCount > 1) {
      throw new Error('EIO: i/o error, read');
    }
    return read(topic, queueId, offset, maxCount, ...rest);
  });
  await pass(broker, 9_000);
  expect(await broker.bodies('%RETRY%PG_T')).toEqual(['m0']);
});

it('a damaged check point is passed over', async () => {
  const broker = await start();
  await send(broker, 2);
  for (const queueId of [0, 1]) expect(await pop(broker, queueId)).toHaveLength(1);
  spoil(broker, 'damage', (topic, _queueId, offset) => topic === REVIVE_TOPIC && offset === 0);
  await pass(broker, 9_000);
  expect(await broker.bodies('%RETRY%PG_T')).toEqual(['m1']);
  expect(broker.node.parts.revive.pendingCount).toBe(0);
});

it('a check point that claims to be due in the far future holds up nothing', async () => {
  const broker = await start();
  await send(broker, 1);
  const point = { bm: 0, bn: 'broker-a', c: 'PG', d: [7], it: 9e15, n: 1, pt: broker.time.nowMs() - 1, q: 0, ro: 0, so: 0, t: 'T' };
  const properties = `TAGS\u0001ck\u0002TIMER_DELIVER_MS\u0001${9e15}\u0002`;
  broker.node.store.put(message(REVIVE_TOPIC, 0, JSON.stringify(point), { properties }), { onPut: () => {} });
  broker.node.store.flushTurn();
  const popped = await pop(broker);
  expect(popped).toHaveLength(1);
  await pass(broker, 9_000);
  const [again] = await pop(broker);
  expect(again).toMatchObject({ body: 'm0', reconsumeTimes: 1 });
  await ack(broker.producer.client, [again!]);
  await pass(broker, 9_000);
  expect(broker.node.parts.revive.pendingCount).toBe(0);
});

it('clients may not send to the revive topic', async () => {
  const broker = await start();
  expect(await broker.producer.client.send({ topic: REVIVE_TOPIC, body: '{}', properties: { TAGS: 'ck' } })).toMatchObject({
    code: ResponseCode.NO_PERMISSION,
    remark: `Sending message to topic[${REVIVE_TOPIC}] is forbidden.`,
  });
  expect(broker.node.store.maxOffset(REVIVE_TOPIC, 0)).toBe(0);
});

import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../../src/common/clock.js';
import { message, openStore, putAll, SMALL, storeConfig, tempDir } from './store-kit.js';

test('a read says where the offset stands', async () => {
  const store = await openStore(storeConfig(tempDir(), SMALL));
  const status = (topic: string, queueId: number, offset: number): [string, number] => {
    const result = store.getMessage(topic, queueId, offset, 32);
    return [result.status, result.nextBeginOffset];
  };
  expect(status('T', 0, 5)).toEqual(['NO_MATCHED_LOGIC_QUEUE', 0]);
  await putAll(store, [message('T', 0, 'a'), message('T', 0, 'b')]);
  expect(status('T', 0, 0)).toEqual(['FOUND', 2]);
  expect(status('T', 0, 2)).toEqual(['OFFSET_OVERFLOW_ONE', 2]);
  expect(status('T', 0, 9)).toEqual(['OFFSET_OVERFLOW_BADLY', 2]);
  expect(status('T', 0, -1)).toEqual(['OFFSET_TOO_SMALL', 0]);
  const none = store.getMessage('T', 0, 0, 32, { filter: { isMatchedByConsumeQueue: () => false } });
  expect([none.status, none.nextBeginOffset]).toEqual(['NO_MATCHED_MESSAGE', 2]);
});

test('a read stops at the configured count and bytes, but gives one message always', async () => {
  const store = await openStore(
    storeConfig(tempDir(), { ...SMALL, maxTransferCountOnMessageInMemory: 3, maxTransferBytesOnMessageInMemory: 1000 }),
  );
  await putAll(
    store,
    Array.from({ length: 10 }, () => message('T', 0, 'x')),
  );
  expect(store.getMessage('T', 0, 0, 32).messageCount).toBe(3);
  expect(store.getMessage('T', 0, 0, 2).messageCount).toBe(2);
  expect(store.getMessage('T', 0, 0, 32, { maxBytes: 1 }).messageCount).toBe(1);
  await putAll(store, [message('B', 0, Buffer.alloc(5000)), message('B', 0, Buffer.alloc(5000))]);
  expect(store.getMessage('B', 0, 0, 32)).toMatchObject({ messageCount: 1, nextBeginOffset: 1 });
  store.updateConfig({ maxTransferCountOnMessageInMemory: 5 });
  expect(store.getMessage('T', 0, 0, 32).messageCount).toBe(5);
});

test('an offset is found by store time, at either end of equal times', async () => {
  let nowMs = 1000;
  const clock: Clock = { ...systemClock, nowMs: () => nowMs };
  const store = await openStore(storeConfig(tempDir(), SMALL), { clock });
  for (const time of [1000, 2000, 2000, 2000, 3000]) {
    nowMs = time;
    await putAll(store, [message('T', 0, 'x')]);
  }
  const at = (time: number): [number, number] => [store.offsetByTime('T', 0, time, 'LOWER'), store.offsetByTime('T', 0, time, 'UPPER')];
  expect([500, 1000, 1500, 2000, 2500, 3000, 4000].map(at)).toEqual([
    [0, 0],
    [0, 0],
    [1, 0],
    [1, 3],
    [4, 3],
    [4, 4],
    [5, 4],
  ]);
  expect(store.offsetByTime('T', 0, 9223372036854775807n)).toBe(5);
  expect([store.earliestMessageTime('T', 0), store.earliestMessageTime('T', 1), store.storeTimestampAt('T', 0, 4)]).toEqual([
    1000, -1, 3000,
  ]);
});

test('messages are found by every word of KEYS and by UNIQ_KEY, and not by a hash that is only equal', async () => {
  const store = await openStore(storeConfig(tempDir(), SMALL));
  // "Aa" and "BB" have the same Java hash.
  await putAll(store, [message('T', 0, 'x', { properties: 'KEYS\u0001Aa other\u0002UNIQ_KEY\u0001u1\u0002' })]);
  const find = (topic: string, key: string): number => store.queryByKey(topic, key, 10, 0, 9223372036854775807n).records.length;
  expect([find('T', 'Aa'), find('T', 'other'), find('T', 'u1'), find('T', 'BB'), find('X', 'Aa')]).toEqual([1, 1, 1, 0, 0]);
});

test('an arrival listener hears of each message with the end of its queue', async () => {
  const store = await openStore(storeConfig(tempDir(), SMALL));
  const heard: unknown[] = [];
  store.addArrivalListener((topic, queueId, maxOffsetAfter, tagsCode) => heard.push([topic, queueId, maxOffsetAfter, tagsCode]));
  await putAll(store, [message('T', 2, 'x', { tagsCode: 7 }), message('T', 2, 'y', { tagsCode: -3n })]);
  expect(heard).toEqual([
    ['T', 2, 1, 7],
    ['T', 2, 2, -3n],
  ]);
});

test('a message that is too big, or for no topic a store can hold, is refused by name', async () => {
  const store = await openStore(storeConfig(tempDir(), { ...SMALL, maxMessageSize: 1000 }));
  const statuses = await putAll(store, [
    message('T', 0, Buffer.alloc(1001)),
    message('T', 0, 'x', { properties: 'a'.repeat(32_768) }),
    message('T', 0, 'x', { properties: 'ä'.repeat(20_000) }),
    message('T'.repeat(128), 0, 'x'),
    message('a/b', 0, 'x'),
    message('T', -1, 'x'),
    message('T', 0, 'x', { batch: true }),
    message('T', 0, Buffer.alloc(1000)),
  ]);
  expect(statuses).toEqual([
    'MESSAGE_ILLEGAL',
    'PROPERTIES_SIZE_EXCEEDED',
    'PROPERTIES_SIZE_EXCEEDED',
    'MESSAGE_ILLEGAL',
    'MESSAGE_ILLEGAL',
    'MESSAGE_ILLEGAL',
    'MESSAGE_ILLEGAL',
    'PUT_OK',
  ]);
  expect(store.maxOffset('T', 0)).toBe(1);
});

test('prepared and rolled back records take no queue offset, and rolled back ones no key', async () => {
  const store = await openStore(storeConfig(tempDir(), SMALL));
  const properties = 'KEYS\u0001k\u0002';
  await putAll(
    store,
    [0x4, 0xc, 0x8, 0].map((sysFlag) => message('T', 0, 'x', { sysFlag, properties })),
  );
  expect(store.maxOffset('T', 0)).toBe(2);
  expect(store.queryByKey('T', 'k', 10, 0, Number.MAX_SAFE_INTEGER).records).toHaveLength(3);
});

test('a deleted topic has no queues and no files, and begins again at 0', async () => {
  const store = await openStore(storeConfig(tempDir(), SMALL));
  await putAll(
    store,
    Array.from({ length: 30 }, () => message('T', 0, 'x')),
  );
  store.deleteTopic('T');
  expect([store.topics(), store.topicQueueIds('T'), store.maxOffset('T', 0)]).toEqual([[], [], 0]);
  await putAll(store, [message('T', 0, 'y')]);
  expect(store.maxOffset('T', 0)).toBe(1);
});

import { expect, it } from 'vitest';
import { message, openStore, putAll, SMALL, storeConfig, tempDir } from './store-kit.js';

it('a listener that fails stops neither the store nor the listeners beside it', async () => {
  const told: string[] = [];
  const store = await openStore(storeConfig(tempDir(), SMALL), {
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: (text) => told.push(text) },
  });
  const ends: number[] = [];
  store.addArrivalListener(() => {
    throw new Error('no room');
  });
  store.addArrivalListener((_topic, _queueId, end) => ends.push(end));
  const statuses = await putAll(store, [message('T', 0, 'a'), message('T', 0, 'b'), message('T', 0, 'c')]);
  expect(statuses).toEqual(['PUT_OK', 'PUT_OK', 'PUT_OK']);
  expect(ends).toEqual([1, 2, 3]);
  expect(store.getMessage('T', 0, 0, 32).messageCount).toBe(3);
  expect(told).toEqual(['what waits for messages could not be told of one: no room']);
});

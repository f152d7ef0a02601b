import { expect, test } from 'vitest';
import { AgingStore } from './retention-kit.js';

/** Bytes of the commit log on the device after one tick. */
function flushed(aging: AgingStore, elapsedMs: number): number {
  aging.time.tick(elapsedMs);
  for (let i = 0; i < 5; i++) aging.disk.completeSyncs();
  return aging.store.flushedWhere;
}

test('ASYNC_FLUSH: a flush waits for flushCommitLogLeastPages, and no longer than flushCommitLogThoroughInterval', async () => {
  const aging = await new AgingStore({ flushCommitLogLeastPages: 2, flushCommitLogThoroughInterval: 10_000 }).open();
  flushed(aging, 20_000);
  aging.put('T', 0, 'a');
  expect(flushed(aging, 600)).toBe(0);
  for (let i = 0; i < 8; i++) aging.put('T', 0, `b${i}`);
  const end = aging.store.commitLogMaxOffset();
  expect(end).toBeGreaterThan(8192);
  expect(flushed(aging, 600)).toBe(end);
  aging.put('T', 0, 'c');
  expect(flushed(aging, 7000)).toBe(end);
  expect(flushed(aging, 4000)).toBe(aging.store.commitLogMaxOffset());
});

test('ASYNC_FLUSH: the end of a file is flushed at the next interval', async () => {
  const aging = await new AgingStore({ flushCommitLogLeastPages: 1000, flushCommitLogThoroughInterval: 1_000_000 }).open();
  flushed(aging, 20_000);
  for (let i = 0; i < 10; i++) aging.put('T', 0, `a${i}`);
  expect(flushed(aging, 600)).toBe(0);
  for (let i = 0; i < 10; i++) aging.put('T', 0, `b${i}`);
  expect(flushed(aging, 600)).toBe(aging.store.commitLogMaxOffset());
});

test.each([
  [true, true, false],
  [false, false, false],
  [false, true, true],
])(
  'flushCommitLogTimed=%s and wakeFlushWhenPutMessage=%s: that a put wakes the flush is %s',
  async (flushCommitLogTimed, wakeFlushWhenPutMessage, isWoken) => {
    const aging = await new AgingStore({
      flushCommitLogTimed,
      wakeFlushWhenPutMessage,
      flushIntervalCommitLog: 60_000,
      flushCommitLogLeastPages: 1,
    }).open();
    flushed(aging, 20_000);
    for (let i = 0; i < 5; i++) aging.put('T', 0, `a${i}`);
    for (let i = 0; i < 5; i++) aging.disk.completeSyncs();
    expect(aging.store.counters.flushes > 0).toBe(isWoken);
  },
);

test('warmMapedFileEnable: the next file is all zeros on disk before messages come there, and is taken over unharmed', async () => {
  const aging = await new AgingStore({ warmMapedFileEnable: true }).open();
  aging.fill(3);
  const path = '/store/commitlog/00000000000000016384';
  expect(aging.disk.statSync(path)?.allocatedBytes).toBe(16_384);
  aging.fill(30);
  expect(aging.read('T', 0)).toHaveLength(22);
});

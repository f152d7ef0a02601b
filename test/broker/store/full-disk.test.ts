import { expect, test } from 'vitest';
import { AgingStore } from './retention-kit.js';

/** A store that was stopped in order, on a disk that then filled up to its last page. */
async function stoppedOnFullDisk(changes: ConstructorParameters<typeof AgingStore>[0] = {}): Promise<AgingStore> {
  const aging = await new AgingStore(changes).open();
  aging.fill(60);
  const closing = aging.store.shutdown();
  let isClosed = false;
  closing.then(() => {
    isClosed = true;
  });
  while (!isClosed) {
    aging.disk.completeSyncs();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(aging.files('.')).not.toContain('abort');
  const next = aging.next(aging.disk);
  next.disk.maxPages = next.disk.usedPages;
  return next;
}

test('a store opens on a full disk, is read, refuses sends with the reason, and says so in one line', async () => {
  const aging = await (await stoppedOnFullDisk({ cleanFileForciblyEnable: false })).open();
  aging.settle(20);
  expect(aging.read('T', 0)).toHaveLength(40);
  expect(aging.put('T', 0, 'refused')).toBe('SERVICE_NOT_AVAILABLE');
  expect([aging.store.isWriteable, aging.store.runningFlags]).toEqual([false, 16]);
  expect(aging.store.unavailableReason).toBe("the broker's disk is full [no room for the file abort]");
  expect(aging.log.filter((line) => line.includes('sends are refused'))).toEqual([
    'the disk of /store is full: sends are refused until there is room, messages can be consumed',
  ]);
  expect(aging.disk.paths()).not.toContain('/store/abort');
});

test('sends are taken by themselves once there is room, and a kill after that is seen as one', async () => {
  const aging = await (await stoppedOnFullDisk()).open();
  aging.disk.maxPages += 100;
  aging.settle(2);
  expect(aging.put('T', 0, 'taken')).toBe('PUT_OK');
  expect(aging.disk.paths()).toContain('/store/abort');
  expect(aging.log.at(-1)).toBe('the disk of /store has room again, sends are taken');
  const again = await aging.next(aging.disk.afterKill()).open();
  expect(again.read('T', 0).at(-1)!.text).toBe('taken');
});

test('retention gives a full disk the room that sends need', async () => {
  const aging = await (await stoppedOnFullDisk()).open();
  aging.settle(20);
  expect([aging.logFiles, aging.put('T', 0, 'taken')]).toEqual([4, 'PUT_OK']);
});

test('a killed store on a full disk opens with all its messages, and goes on when there is room', async () => {
  const aging = await new AgingStore().open();
  aging.fill(30);
  // Not in the queue files yet.
  for (let i = 0; i < 20; i++) aging.put('T', 0, `late ${i}`);
  const disk = aging.disk.afterKill();
  disk.maxPages = disk.usedPages;
  const again = aging.next(disk);
  again.config.cleanFileForciblyEnable = false;
  await again.open();
  again.settle(5);
  expect(
    again
      .read('T', 0)
      .map(({ text }) => text)
      .slice(-20),
  ).toEqual(Array.from({ length: 20 }, (_, i) => `late ${i}`));
  expect(again.put('T', 0, 'refused')).toBe('SERVICE_NOT_AVAILABLE');
  disk.maxPages += 100;
  again.settle(5);
  expect(again.put('T', 0, 'taken')).toBe('PUT_OK');
});

import { expect, test } from 'vitest';
import type { StoreConfig } from '../../broker/store/index.js';
import { seededRandom } from '../../src/common/clock.js';
import { message } from '../broker/store/store-kit.js';
import { FaultDisk } from './store-fault-disk.js';
import { openOn as openSmall, stop } from './store-fault-kit.js';

const CONFIG: Partial<StoreConfig> = {
  mappedFileSizeCommitLog: 65_536,
  mappedFileSizeConsumeQueue: 200,
  maxHashSlotNum: 50,
  maxIndexNum: 1000,
};

const openOn = (disk: FaultDisk, changes: Partial<StoreConfig> = {}) => openSmall(disk, { ...CONFIG, ...changes });

test('a full disk refuses the turn, keeps what was acknowledged, and takes messages again when there is room', async () => {
  const disk = new FaultDisk(seededRandom(1));
  const { store, put, tick, answers, bodies } = await openOn(disk);
  put('a1', 'a2');
  expect(answers).toEqual([
    ['a1', 'PUT_OK'],
    ['a2', 'PUT_OK'],
  ]);
  disk.maxPages = disk.usedPages + 1;
  put(Buffer.alloc(3000, 'b1'), Buffer.alloc(3000, 'b2'), Buffer.alloc(3000, 'b3'));
  expect(new Set(answers.map(([, status]) => status))).toEqual(new Set(['SERVICE_NOT_AVAILABLE']));
  expect(store.isWriteable).toBe(false);
  put('c1');
  expect(answers).toEqual([['c1', 'SERVICE_NOT_AVAILABLE']]);
  disk.maxPages = Number.MAX_SAFE_INTEGER;
  tick(1100);
  put('d1');
  expect(answers).toEqual([['d1', 'PUT_OK']]);
  expect(bodies()).toEqual(['a1', 'a2', 'd1']);
  // Whole records of the refused turn were in the file; they may not come back.
  const again = await openOn(disk.afterKill());
  expect(again.bodies()).toEqual(['a1', 'a2', 'd1']);
});

test('a write error in the middle of a turn loses nothing acknowledged and leaves no gap in the queue', async () => {
  const disk = new FaultDisk(seededRandom(2));
  const { put, tick, answers, bodies } = await openOn(disk);
  put('a1');
  disk.failWrites = 1;
  put('b1', 'b2');
  expect(answers.map(([, status]) => status)).toEqual(['SERVICE_NOT_AVAILABLE', 'SERVICE_NOT_AVAILABLE']);
  tick(1100);
  put('c1');
  expect(bodies()).toEqual(['a1', 'c1']);
});

test('a commit log file that cannot be made refuses with its own status', async () => {
  const disk = new FaultDisk(seededRandom(3));
  const { put, tick, answers, bodies } = await openOn(disk);
  const openSync = disk.openSync.bind(disk);
  disk.openSync = (path, options) => {
    if (options?.create === true && path.includes('commitlog')) {
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    }
    return openSync(path, options);
  };
  put('a1');
  expect(answers).toEqual([['a1', 'CREATE_MAPPED_FILE_FAILED']]);
  disk.openSync = openSync;
  tick(1100);
  put('b1');
  expect(bodies()).toEqual(['b1']);
});

test('SYNC_FLUSH answers and shows a message only when the flush returned, and one flush serves all that wait', async () => {
  const disk = new FaultDisk(seededRandom(4));
  const { store, put, answers } = await openOn(disk, { flushDiskType: 'SYNC_FLUSH' });
  put('a1', 'a2');
  expect([answers.length, store.maxOffset('T', 0), store.flushedWhere]).toEqual([0, 0, 0]);
  store.put(message('T', 0, 'b1', { waitStoreMsgOK: false }), { onPut: (_, status) => void answers.push(['b1', status]) });
  store.flushTurn();
  expect(answers).toEqual([['b1', 'PUT_OK']]);
  disk.completeSyncs();
  disk.completeSyncs();
  expect(answers.map(([body]) => body)).toEqual(['b1', 'a1', 'a2']);
  disk.completeSyncs();
  expect(store.maxOffset('T', 0)).toBe(3);
  expect(store.counters.flushes).toBe(2);
});

test('a flush that takes too long answers FLUSH_DISK_TIMEOUT, once', async () => {
  const disk = new FaultDisk(seededRandom(5));
  const { store, put, tick, answers } = await openOn(disk, { flushDiskType: 'SYNC_FLUSH', syncFlushTimeout: 5000 });
  put('a1');
  tick(4900);
  expect(answers).toEqual([]);
  tick(200);
  expect(answers).toEqual([['a1', 'FLUSH_DISK_TIMEOUT']]);
  disk.completeSyncs();
  disk.completeSyncs();
  expect(answers).toHaveLength(1);
  expect(store.maxOffset('T', 0)).toBe(1);
});

test('a flush that fails acknowledges nothing; sends are refused until the same bytes were written and flushed again', async () => {
  const disk = new FaultDisk(seededRandom(6));
  const { store, put, tick, answers, bodies } = await openOn(disk, { flushDiskType: 'SYNC_FLUSH' });
  disk.failSyncs = 1;
  put('a1');
  disk.completeSyncs();
  disk.completeSyncs();
  expect([answers.length, store.isWriteable, store.maxOffset('T', 0)]).toEqual([0, false, 0]);
  store.put(message('T', 0, 'b1'), { onPut: (_, status) => void answers.push(['b1', status]) });
  expect(answers).toEqual([['b1', 'SERVICE_NOT_AVAILABLE']]);
  tick(1100);
  for (let i = 0; i < 4; i++) {
    disk.completeSyncs();
  }
  expect(answers.at(-1)).toEqual(['a1', 'PUT_OK']);
  expect([store.isWriteable, ...bodies()]).toEqual([true, 'a1']);
  const lost = await openOn(disk.afterPowerLoss());
  expect(lost.bodies()).toEqual(['a1']);
});

test('a flush that succeeds after one that failed proves nothing before everything was written again, nor does an orderly stop', async () => {
  for (const isStopped of [false, true]) {
    const disk = new FaultDisk(seededRandom(11));
    const { store, put, tick, answers } = await openOn(disk, { flushDiskType: 'SYNC_FLUSH', flushIntervalCommitLog: 200 });
    disk.failSyncs = 1;
    put('a1');
    for (let i = 0; i < 3; i++) disk.completeSyncs();
    // The regular flush is due long before the next try.
    tick(300);
    for (let i = 0; i < 3; i++) disk.completeSyncs();
    expect([answers, store.flushedWhere]).toEqual([[], 0]);
    if (isStopped) await stop(store, disk);
    const again = await openOn(disk.afterPowerLoss());
    // Stopped: the bytes were written once more, and are there. Not stopped: nobody was promised anything.
    expect(again.bodies()).toEqual(isStopped ? ['a1'] : again.bodies());
    if (isStopped) expect(answers).toEqual([['a1', 'PUT_OK']]);
  }
});

test('above diskSpaceWarningLevelRatio sends are refused, below they are taken again', async () => {
  const disk = new FaultDisk(seededRandom(7));
  const { store, put, tick, answers } = await openOn(disk);
  disk.usedRatio = 0.95;
  tick(6000);
  put('a1');
  expect([answers, store.isDiskFull]).toEqual([[['a1', 'SERVICE_NOT_AVAILABLE']], true]);
  disk.usedRatio = 0.5;
  tick(6000);
  put('b1');
  expect(answers).toEqual([['b1', 'PUT_OK']]);
  expect(store.diskUsedRatio()).toBeCloseTo(0.5);
});

test('queues that cannot be written keep their units in memory, and sends wait for the disk', async () => {
  const disk = new FaultDisk(seededRandom(8));
  const { store, put, tick, answers, bodies } = await openOn(disk);
  put('a1');
  // The queue's turn, and the checkpoint's in the same tick.
  disk.failWrites = 2;
  tick(1100);
  expect([store.isWriteable, ...bodies()]).toEqual([false, 'a1']);
  tick(1100);
  expect(store.isWriteable).toBe(true);
  put('b1');
  expect([answers[0]![1], ...bodies()]).toEqual(['PUT_OK', 'a1', 'b1']);
});

test('open files stay under a bound, however many queues there are', async () => {
  const disk = new FaultDisk(seededRandom(9));
  const { store, tick } = await openOn(disk);
  for (let i = 0; i < 600; i++) {
    store.put(message(`Topic${i}`, 0, 'x'), { onPut: () => {} });
  }
  store.flushTurn();
  tick(1100);
  expect(disk.openFiles).toBeLessThanOrEqual(512);
  const again = await openOn(disk.afterKill());
  expect(again.store.topics()).toHaveLength(600);
});

test('a store that was killed twice on a full disk, before its queues had folders, can still be read', async () => {
  let disk = new FaultDisk(seededRandom(11));
  const { store, sink, put, tick } = await openOn(disk);
  put('a1');
  // There is a checkpoint, which can be written again.
  for (let i = 0; i < 5; i++) {
    tick(1000);
    disk.completeSyncs();
  }
  for (const queueId of [1, 2]) {
    store.put(message('T', queueId, 'a'), sink);
  }
  store.flushTurn();
  for (let start = 0; start < 3; start++) {
    disk = disk.afterKill();
    disk.maxPages = 0;
    const again = await openOn(disk);
    expect([0, 1, 2].map((queueId) => again.store.maxOffset('T', queueId))).toEqual([1, 1, 1]);
  }
});

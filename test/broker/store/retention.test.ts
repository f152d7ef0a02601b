import { expect, test } from 'vitest';
import { seededRandom } from '../../../src/common/clock.js';
import { Died } from '../../fault/store-fault-disk.js';
import { AgingStore, HOUR_MS, NOON } from './retention-kit.js';

const FOUR = new Date(2024, 0, 20, 4, 5).getTime();

/** A store of sixty messages, five commit log files, all written at noon. */
async function filled(changes: Parameters<typeof newStore>[0] = {}): Promise<AgingStore> {
  const aging = await newStore(changes).open();
  aging.fill(60);
  expect(aging.logFiles).toBe(5);
  return aging;
}

function newStore(changes: ConstructorParameters<typeof AgingStore>[0] = {}): AgingStore {
  const aging = new AgingStore(changes);
  aging.disk.fileTimeMs = NOON;
  return aging;
}

test('in the hours of deleteWhen expired files go, oldest first, and never the newest; queue and index files follow', async () => {
  const aging = await filled({ deleteWhen: '02;04' });
  const before = [aging.files('consumequeue/T/0').length, aging.files('index').length];
  const kept = aging.read('T', 0).at(-1)!;
  aging.jumpTo(FOUR);
  aging.settle(30);
  expect(aging.logFiles).toBe(1);
  expect(aging.store.commitLogMinOffset()).toBe(4 * 16_384);
  expect(before).toEqual([4, 2]);
  expect([aging.files('consumequeue/T/0').length, aging.files('index').length]).toEqual([1, 1]);
  const left = aging.read('T', 0);
  expect(left.at(-1)).toEqual(kept);
  expect(left[0]!.offset).toBe(aging.store.minOffset('T', 0));
  expect(left.length).toBe(aging.store.maxOffset('T', 0) - aging.store.minOffset('T', 0));
  expect(aging.store.queryByKey('T', 'T-1', 10, 0, Number.MAX_SAFE_INTEGER).commitLogOffsets).toEqual([]);
  expect(aging.store.queryByKey('T', 'T-59', 10, 0, Number.MAX_SAFE_INTEGER).commitLogOffsets).toHaveLength(1);
  expect(aging.log.filter((line) => line.includes('is deleted'))[0]).toContain('00000000000000000000 is deleted: deleteWhen=02;04');
});

test('outside the hours files stay, until somebody asks for the deletion of expired ones', async () => {
  const aging = await filled();
  aging.jumpTo(NOON + 71 * HOUR_MS);
  aging.settle(30);
  expect(aging.logFiles).toBe(5);
  aging.store.deleteExpiredFiles();
  aging.settle(5);
  expect(aging.logFiles).toBe(5);
  aging.jumpTo(NOON + 73 * HOUR_MS);
  aging.settle(15);
  expect(aging.logFiles).toBe(1);
});

test('a round deletes at most deleteFileBatchMax files, with deleteCommitLogFilesInterval between them', async () => {
  const aging = await filled({ deleteFileBatchMax: 2, deleteCommitLogFilesInterval: 3000 });
  aging.jumpTo(NOON + 100 * HOUR_MS);
  aging.store.deleteExpiredFiles();
  aging.settle(1);
  expect(aging.logFiles).toBe(4);
  aging.settle(2);
  expect(aging.logFiles).toBe(4);
  aging.settle(2);
  expect(aging.logFiles).toBe(3);
  aging.settle(4);
  expect(aging.logFiles).toBe(3);
  aging.settle(10);
  expect(aging.logFiles).toBeLessThan(3);
});

test('above diskMaxUsedSpaceRatio expired files go whatever the hour', async () => {
  const aging = await filled();
  aging.jumpTo(NOON + 100 * HOUR_MS);
  aging.disk.usedRatio = 0.75;
  aging.settle(20);
  expect(aging.logFiles).toBe(5);
  aging.disk.usedRatio = 0.751;
  aging.settle(20);
  expect(aging.logFiles).toBe(1);
});

test('above the forced ratio files go whatever their age, no more than it takes', async () => {
  const aging = await filled();
  Object.defineProperty(aging.disk, 'usedRatio', { get: () => 0.8 + 0.02 * aging.logFiles });
  aging.settle(30);
  // Two files are 84 %, three 86 %.
  expect(aging.logFiles).toBe(2);
  expect(aging.log.some((line) => line.includes('the disk is 90 % full, files go whatever their age'))).toBe(true);
});

test('without cleanFileForciblyEnable young files stay, and the log says why once', async () => {
  const aging = await filled({ cleanFileForciblyEnable: false });
  aging.disk.usedRatio = 0.89;
  aging.settle(60);
  expect(aging.logFiles).toBe(5);
  expect(aging.log.filter((line) => line.includes('cannot give space free'))).toEqual([
    'the disk is 89 % full, but the commit log cannot give space free: its files are younger than fileReservedTime=72 hours, and cleanFileForciblyEnable is false',
  ]);
});

test('above the warning ratio sends are refused, and taken again when files went', async () => {
  const aging = await filled({ diskSpaceWarningLevelRatio: 99 });
  aging.disk.usedRatio = 0.95;
  aging.settle(6);
  // Apache's bound of 90 holds.
  expect(aging.put('T', 0, 'refused')).toBe('SERVICE_NOT_AVAILABLE');
  expect(aging.store.runningFlags).toBe(16);
  expect(aging.store.unavailableReason).toBe("the broker's disk is full [95 % used, limit 90 %]");
  for (let i = 0; i < 20; i++) {
    aging.settle(1);
    aging.disk.usedRatio = 0.87 + 0.02 * aging.logFiles;
  }
  expect([aging.put('T', 0, 'taken'), aging.store.runningFlags]).toEqual(['PUT_OK', 0]);
});

test('a file that the disk does not let go is tried again, and nothing goes before it', async () => {
  const aging = await filled({ redeleteHangedFileInterval: 60_000 });
  aging.jumpTo(NOON + 100 * HOUR_MS);
  aging.disk.inject({ call: 'unlink', at: 0, times: 1, code: 'EIO' });
  aging.store.deleteExpiredFiles();
  aging.settle(40);
  expect(aging.files('commitlog').slice(0, 2)).toEqual(['00000000000000000000', '00000000000000016384']);
  aging.settle(60);
  expect(aging.logFiles).toBe(1);
  expect(aging.log.filter((line) => line.includes('cannot be deleted (EIO)'))).toHaveLength(1);
});

test.each(['an orderly stop', 'a kill'])('a reader behind the first message is told where it is, also after %s', async (how) => {
  const aging = await filled();
  aging.jumpTo(NOON + 100 * HOUR_MS);
  aging.store.deleteExpiredFiles();
  aging.settle(1);
  expect(aging.logFiles).toBe(4);
  const expectMoved = (from: AgingStore): number => {
    const result = from.store.getMessage('T', 0, 3, 32);
    const min = from.store.minOffset('T', 0);
    expect([result.status, result.nextBeginOffset, result.minOffset]).toEqual(['OFFSET_TOO_SMALL', min, min]);
    expect(from.read('T', 0)[0]!.offset).toBe(min);
    return min;
  };
  const min = expectMoved(aging);
  expect(min).toBeGreaterThan(3);
  if (how === 'a kill') {
    const again = await aging.next(aging.disk.copy().afterKill()).open();
    expect(expectMoved(again)).toBe(min);
    return;
  }
  const closing = aging.store.shutdown();
  await settleUntil(aging, closing);
  const again = await aging.next(aging.disk).open();
  expect(expectMoved(again)).toBe(min);
});

/** The disk in memory ends flushes only when asked. */
async function settleUntil(aging: AgingStore, done: Promise<void>): Promise<void> {
  let isDone = false;
  done.then(() => {
    isDone = true;
  });
  while (!isDone) {
    aging.disk.completeSyncs();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a queue whose messages are all gone keeps its end, and goes on there', async () => {
  const aging = await newStore().open();
  aging.fill(20, 'Early');
  aging.fill(60, 'T');
  const max = aging.store.maxOffset('Early', 0);
  aging.jumpTo(NOON + 100 * HOUR_MS);
  aging.store.deleteExpiredFiles();
  aging.settle(20);
  const again = await aging.next(aging.disk.copy().afterKill()).open();
  for (const each of [aging, again]) {
    expect([each.store.minOffset('Early', 0), each.store.maxOffset('Early', 0)]).toEqual([max, max]);
    expect(each.store.getMessage('Early', 0, 0, 32)).toMatchObject({ status: 'OFFSET_TOO_SMALL', nextBeginOffset: max });
    each.put('Early', 0, 'next');
    each.settle();
    expect(each.read('Early', 0)).toEqual([{ offset: max, text: 'next' }]);
  }
});

test('cleanExpiredQueues removes queues without messages and begins them anew, but not those of kept topics', async () => {
  const aging = await newStore().open();
  aging.fill(20, 'Early');
  aging.fill(20, 'System');
  aging.fill(60, 'T');
  aging.jumpTo(NOON + 100 * HOUR_MS);
  expect(aging.store.cleanExpiredQueues((topic) => topic === 'System')).toBe(0);
  aging.store.deleteExpiredFiles();
  aging.settle(20);
  expect(aging.store.cleanExpiredQueues((topic) => topic === 'System')).toBe(2);
  expect(aging.files('consumequeue')).toEqual(['Early', 'System', 'T']);
  expect(aging.files('consumequeue/Early')).toEqual([]);
  expect(aging.store.getMessage('Early', 0, 5, 32).status).toBe('NO_MATCHED_LOGIC_QUEUE');
  aging.put('Early', 0, 'anew');
  aging.settle();
  const again = await aging.next(aging.disk.copy().afterKill()).open();
  for (const each of [aging, again]) {
    expect(each.read('Early', 0)).toEqual([{ offset: 0, text: 'anew' }]);
    expect(each.store.minOffset('System', 0)).toBe(each.store.maxOffset('System', 0));
  }
});

test('cleanUnusedTopics removes the queues of topics that are not kept', async () => {
  const aging = await newStore().open();
  aging.fill(5, 'Old');
  aging.fill(5, 'T');
  expect(aging.store.cleanUnusedTopics((topic) => topic === 'T')).toEqual(['Old']);
  expect([aging.store.topics(), aging.files('consumequeue')]).toEqual([['T'], ['T']]);
});

test('killed or without power at any moment of a deletion, the store opens and serves what is left as it was', async () => {
  const seed = Number(process.env.MQKIT_SEED ?? 1);
  const random = seededRandom(seed);
  const base = await filled({ deleteCommitLogFilesInterval: 0, deleteConsumeQueueFilesInterval: 0 });
  const texts = new Map([0, 1].map((queueId) => [queueId, new Map(base.read('T', queueId).map(({ offset, text }) => [offset, text]))]));
  for (let dieAfter = 0, wasAlive = false; !wasAlive; dieAfter++) {
    for (const how of ['kill', 'power'] as const) {
      const doomed = await base.next(base.disk.copy().afterKill()).open();
      doomed.jumpTo(NOON + 100 * HOUR_MS);
      doomed.settle(1);
      doomed.disk.dieAfter = doomed.disk.calls + dieAfter;
      doomed.store.deleteExpiredFiles();
      try {
        doomed.settle(25);
      } catch (error) {
        if (!(error instanceof Died)) throw error;
      }
      wasAlive = !doomed.disk.isDead;
      const again = await doomed.next(how === 'kill' ? doomed.disk.afterKill() : doomed.disk.afterPowerLoss(random)).open();
      for (const [queueId, known] of texts) {
        const left = again.read('T', queueId);
        expect(left.length, `seed ${seed}, ${how} after ${dieAfter} calls`).toBeGreaterThan(0);
        expect(left.map(({ offset, text }) => [offset, text])).toEqual(left.map(({ offset }) => [offset, known.get(offset)]));
        expect(left.at(-1)!.offset).toBe(Math.max(...known.keys()));
      }
      again.settle(30);
      expect(again.files('commitlog').filter((name) => Number(name) < again.store.commitLogMinOffset())).toEqual([]);
    }
  }
});

test('a disk that cannot be read ends the clean-up, not the broker', async () => {
  const aging = await filled();
  aging.jumpTo(NOON + 100 * HOUR_MS);
  aging.disk.inject({ call: 'stat', at: 0, times: 1, code: 'EIO' });
  aging.store.deleteExpiredFiles();
  aging.settle(2);
  expect(aging.logFiles).toBe(5);
  expect(aging.log.at(-1)).toBe('the clean-up of the store stopped (EIO); the next round goes on');
  aging.settle(15);
  expect(aging.logFiles).toBe(1);
});

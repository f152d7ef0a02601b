import { expect, test } from 'vitest';
import type { Disk, MessageStore } from '../../../broker/store/index.js';
import { nodeDisk } from '../../../broker/store/index.js';
import { QUEUE_PAGES } from '../../../broker/store/limits.js';
import { message, openStore, putAll, storeConfig, tempDir } from './store-kit.js';

const QUEUES = QUEUE_PAGES + 88;
/** More than a unit of either kind has. */
const MORE_THAN_A_UNIT = 100;

/** A store with many queues, opened again so that nothing of them is in memory; `reads` counts reads of more than one unit. */
async function openAgain(type: 'SimpleCQ' | 'BatchCQ') {
  const config = storeConfig(tempDir(), { mappedFileSizeCommitLog: 1 << 22, messageIndexEnable: false });
  // Nobody cuts the power here, and flushes of so many files take seconds.
  const fast: Disk = { ...nodeDisk, fdatasync: (_, callback) => setImmediate(() => callback(null)), fdatasyncSync: () => {} };
  const first = await openStore(config, { queueTypeOf: () => type, disk: fast });
  const puts = [0, 1, 2, 3, 4, 5].flatMap(() => Array.from({ length: QUEUES }, (_, queueId) => message('T', queueId, 'x')));
  await putAll(first, puts);
  await first.shutdown();
  const pages = { reads: 0 };
  const queueFds = new Set<number>();
  const disk: Disk = {
    ...fast,
    openSync: (path, options) => {
      const fd = nodeDisk.openSync(path, options);
      if (path.includes('consumequeue')) queueFds.add(fd);
      else queueFds.delete(fd);
      return fd;
    },
    readSync: (fd, buffer, offset, length, position) => {
      if (queueFds.has(fd) && length > MORE_THAN_A_UNIT) pages.reads++;
      return nodeDisk.readSync(fd, buffer, offset, length, position);
    },
  };
  const store = await openStore(config, { queueTypeOf: () => type, disk });
  return { store, pages };
}

const pullAll = (store: MessageStore): void => {
  for (let queueId = 0; queueId < QUEUES; queueId++) expect(store.getMessage('T', queueId, 0, 1).status).toBe('FOUND');
};

test.each(['SimpleCQ', 'BatchCQ'] as const)('opening, and looking at single messages, keeps no pages of queues: %s', async (type) => {
  const { store, pages } = await openAgain(type);
  const opened = pages.reads;
  for (let queueId = 0; queueId < QUEUES; queueId++) {
    expect(store.storeTimestampAt('T', queueId, 2)).toBeGreaterThan(0);
    expect(store.offsetByTime('T', queueId, 0)).toBe(0);
    expect(store.commitLogOffsetAt('T', queueId, 1)).toBeGreaterThan(0);
    expect(store.earliestMessageTime('T', queueId)).toBeGreaterThan(0);
  }
  expect([opened, pages.reads]).toEqual([0, 0]);
});

test.each(['SimpleCQ', 'BatchCQ'] as const)('pulls keep pages of a bounded number of queues: %s', async (type) => {
  const { store, pages } = await openAgain(type);
  pullAll(store);
  expect(pages.reads).toBe(QUEUES);
  // The newest pages are there, those of the first queues are not.
  for (let queueId = QUEUES - 1; queueId >= QUEUES - QUEUE_PAGES; queueId--) store.getMessage('T', queueId, 0, 1);
  expect(pages.reads).toBe(QUEUES);
  for (let queueId = 0; queueId < QUEUES - QUEUE_PAGES; queueId++) store.getMessage('T', queueId, 0, 1);
  expect(pages.reads).toBe(2 * QUEUES - QUEUE_PAGES);
});

import { expect, test } from 'vitest';
import { seededRandom } from '../../src/common/clock.js';
import { message } from '../broker/store/store-kit.js';
import { FaultDisk } from './store-fault-disk.js';
import { logPath, openOn, ROOT, stop } from './store-fault-kit.js';

const TEXT = 'KEYS\u0001k\u0002';
const MIB = 1024 * 1024;
const CONFIG = { mappedFileSizeCommitLog: 32 * MIB, flushDiskType: 'SYNC_FLUSH', messageIndexEnable: false };

/** A killed store whose flushed messages of 100 KiB, a second apart, have a damage of 2 MiB among them; `from` is the damaged one's place. */
async function damagedLog(messages: number): Promise<{ disk: FaultDisk; from: number; end: number }> {
  const disk = new FaultDisk(seededRandom(1));
  const { store, sink, tick } = await openOn(disk, CONFIG);
  const puts = Array.from({ length: messages }, (_, i) => message('T', 0, Buffer.alloc(100 * 1024, `body ${i};`), { properties: TEXT }));
  for (const put of puts) {
    store.put(put, sink);
    store.flushTurn();
    disk.completeSyncs();
    tick(1000);
  }
  const from = puts[4]!.commitLogOffset;
  const end = store.commitLogMaxOffset();
  const killed = disk.afterKill();
  killed.damage(logPath(), from, Buffer.alloc(2 * MIB));
  // Without queues the walk begins before the damage.
  killed.remove(`${ROOT}/consumequeue`);
  return { disk: killed, from, end };
}

/** Lets a disk say how much of what files really occupy it counts, and whether that can be believed. */
function tell(disk: FaultDisk, share: number, isAllocationExact: boolean): void {
  const stat = disk.statSync.bind(disk);
  disk.statSync = (path) => {
    const told = stat(path);
    return told === null ? null : { ...told, allocatedBytes: Math.floor(told.allocatedBytes * share) };
  };
  const statfs = disk.statfsSync.bind(disk);
  disk.statfsSync = (path) => ({ ...statfs(path), isAllocationExact });
}

test.each([
  ['tells what files occupy', 40, 1, true],
  ['had the store copied to it, with holes where messages are zero', 40, 0.15, true],
  // The only message behind the damage lies where nobody looks who believes such a number.
  ['compresses', 26, 0.34, false],
  ['counts later than it writes', 40, 0, false],
])('flushed messages far behind a damage are found and kept on a file system that %s', async (_, messages, share, isExact) => {
  const { disk, from, end } = await damagedLog(messages);
  const content = disk.content(logPath())!.subarray(from, end);
  const open = (acceptDamage: boolean) => {
    const next = disk.afterKill();
    tell(next, share, isExact);
    return openOn(next, CONFIG, { acceptDamage });
  };
  await expect(open(false)).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
  const { store } = await open(true);
  expect(store.commitLogMaxOffset()).toBe(from);
  const [path] = disk.paths().filter((each) => each.startsWith(`${ROOT}/recovered/`));
  expect(disk.content(path!)!.equals(content)).toBe(true);
});

test.each([
  ['an orderly stop', true],
  ['a kill, where the file system tells what it occupies,', false],
])('a start after %s does not read the unused rest of the log', async (_, isStopped) => {
  const disk = new FaultDisk(seededRandom(1));
  const { store, put } = await openOn(disk, CONFIG);
  put('one', 'two');
  if (isStopped) await stop(store, disk);
  const next = disk.afterKill();
  tell(next, 1, true);
  const read = next.readSync.bind(next);
  let readBytes = 0;
  next.readSync = (fd, buffer, offset, length, position) => {
    readBytes += length;
    return read(fd, buffer, offset, length, position);
  };
  expect((await openOn(next, CONFIG)).store.maxOffset('T', 0)).toBe(2);
  expect(readBytes).toBeLessThan(CONFIG.mappedFileSizeCommitLog / 2);
});

import { expect, test } from 'vitest';
import { seededRandom } from '../../src/common/clock.js';
import { message } from '../broker/store/store-kit.js';
import { FaultDisk } from './store-fault-disk.js';
import { logPath, openOn, ROOT, stop } from './store-fault-kit.js';

const TEXT = 'KEYS\u0001k\u0002';
const MIB = 1024 * 1024;
const CONFIG = { mappedFileSizeCommitLog: 32 * MIB, flushDiskType: 'SYNC_FLUSH', messageIndexEnable: false };

/** A killed store whose flushed messages of 100 KiB, a second apart, have a damage of 2 MiB among them; `from` is the damaged one's place. */
async function damagedLog(): Promise<{ disk: FaultDisk; from: number; end: number }> {
  const disk = new FaultDisk(seededRandom(1));
  const { store, sink, tick } = await openOn(disk, CONFIG);
  const puts = Array.from({ length: 40 }, (_, i) => message('T', 0, Buffer.alloc(100 * 1024, `body ${i};`), { properties: TEXT }));
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

test.each([
  [1, 'tells it'],
  [0.3, 'compresses'],
  [0, 'counts later than it writes'],
])('flushed messages far behind a damage are found and kept where %d of what files occupy is said, as by a disk that %s', async (share) => {
  const { disk, from, end } = await damagedLog();
  const content = disk.content(logPath())!.subarray(from, end);
  const open = (acceptDamage: boolean) => {
    const next = disk.afterKill();
    const tell = next.statSync.bind(next);
    next.statSync = (path) => {
      const stat = tell(path);
      return stat === null ? null : { ...stat, allocatedBytes: Math.floor(stat.allocatedBytes * share) };
    };
    return openOn(next, CONFIG, { acceptDamage });
  };
  await expect(open(false)).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
  const { store } = await open(true);
  expect(store.commitLogMaxOffset()).toBe(from);
  const [path] = disk.paths().filter((each) => each.startsWith(`${ROOT}/recovered/`));
  expect(disk.content(path!)!.equals(content)).toBe(true);
});

test('a start after an orderly stop does not read the unused rest of the log', async () => {
  const disk = new FaultDisk(seededRandom(1));
  const { store, put } = await openOn(disk, CONFIG);
  put('one', 'two');
  await stop(store, disk);
  const next = disk.afterKill();
  const read = next.readSync.bind(next);
  let readBytes = 0;
  next.readSync = (fd, buffer, offset, length, position) => {
    readBytes += length;
    return read(fd, buffer, offset, length, position);
  };
  expect((await openOn(next, CONFIG)).store.maxOffset('T', 0)).toBe(2);
  expect(readBytes).toBeLessThan(CONFIG.mappedFileSizeCommitLog / 2);
});

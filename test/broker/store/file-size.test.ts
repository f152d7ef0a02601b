import { describe, expect, test } from 'vitest';
import { FdCache } from '../../../broker/store/fd-cache.js';
import { FileSeries } from '../../../broker/store/file-series.js';
import type { StoreConfig } from '../../../broker/store/index.js';
import { seededRandom } from '../../../src/common/clock.js';
import { Died, FaultDisk } from '../../fault/store-fault-disk.js';
import { logPath, openOn, ROOT } from '../../fault/store-fault-kit.js';

/** A store that was killed with this many messages, its queues in their files. */
async function killedStore(count: number): Promise<FaultDisk> {
  const disk = new FaultDisk(seededRandom(1));
  const { put, tick } = await openOn(disk);
  put(...Array.from({ length: count }, () => 'x'.repeat(200)));
  for (let second = 0; second < 5; second++) {
    disk.completeSyncs();
    tick(1000);
  }
  expect(disk.paths()).toContain(`${ROOT}/consumequeue/T/0/${'0'.repeat(20)}`);
  return disk.afterKill();
}

/** Every file of log and queues, with what is in it. */
function filesOf(disk: FaultDisk): [string, Buffer][] {
  return disk
    .paths()
    .filter((path) => /commitlog|consumequeue/.test(path))
    .map((path) => [path, disk.content(path)!]);
}

const CHANGES: [what: string, messages: number, changes: Partial<StoreConfig>, hint: string][] = [
  ['larger files of the log', 100, { mappedFileSizeCommitLog: 65_536 }, 'mappedFileSizeCommitLog=16384'],
  ['a larger file of the log, its only one', 3, { mappedFileSizeCommitLog: 65_536 }, 'mappedFileSizeCommitLog=16384'],
  ['smaller files of the log', 3, { mappedFileSizeCommitLog: 8192 }, 'mappedFileSizeCommitLog=16384'],
  ['larger files of the queues', 100, { mappedFileSizeConsumeQueue: 400 }, 'mappedFileSizeConsumeQueue=200'],
  ['a larger file of the only queue', 3, { mappedFileSizeConsumeQueue: 6000 }, 'mappedFileSizeConsumeQueue=200'],
  ['smaller files of the queues', 3, { mappedFileSizeConsumeQueue: 100 }, 'mappedFileSizeConsumeQueue=200'],
];

test.each(CHANGES)('a start after a kill that asks for %s changes nothing, and says the right size', async (_, messages, changes, hint) => {
  const disk = await killedStore(messages);
  const before = filesOf(disk);
  const error = expect.objectContaining({ code: 'STORE_FILE_SIZE', hint: expect.stringContaining(hint) as string }) as Error;
  await expect(openOn(disk, changes)).rejects.toEqual(error);
  const next = disk.afterKill();
  expect(filesOf(next)).toEqual(before);
  const { store } = await openOn(next);
  expect(store.maxOffset('T', 0)).toBe(messages);
});

test('a file that is longer than the others is named as the one that is wrong', async () => {
  const disk = await killedStore(100);
  disk.replace(logPath(), Buffer.concat([disk.content(logPath())!], 65_536));
  const hint = `copy ${logPath()}, then give it that length (truncate -s 16384)`;
  await expect(openOn(disk)).rejects.toMatchObject({ code: 'STORE_FILE_SIZE', hint: expect.stringContaining(hint) as string });
});

const FILE_BYTES = 16_384;

function seriesOn(disk: FaultDisk): FileSeries {
  return new FileSeries({ directory: '/files', fileSize: FILE_BYTES, disk, fds: new FdCache(disk, 4) });
}

function load(disk: FaultDisk): FileSeries {
  const files = seriesOn(disk);
  files.load('fileSize', true);
  files.checkSize(false);
  files.mend();
  return files;
}

/** One file full of bytes that are not zero, on the device. */
function fullFile(): FaultDisk {
  const disk = new FaultDisk(seededRandom(1));
  const files = seriesOn(disk);
  files.writeAll(0, Buffer.alloc(FILE_BYTES, 1), 0, FILE_BYTES);
  files.fdatasyncSync(0);
  return disk;
}

function contentOf(disk: FaultDisk): Buffer {
  return disk.content(`/files/${'0'.repeat(20)}`)!;
}

describe.each([0, 1, 2, 511, 512, 4096, 4097, FILE_BYTES - 2, FILE_BYTES - 1])('the only file of a series, cut at byte %d', (offset) => {
  test('is zero from there on', () => {
    const disk = fullFile();
    load(disk).zeroFrom(offset);
    expect(contentOf(disk).equals(Buffer.concat([Buffer.alloc(offset, 1)], FILE_BYTES))).toBe(true);
  });

  test('gets its length back when a kill or a power cut comes at any call', () => {
    for (let seed = 0; seed < 40; seed++) {
      const disk = fullFile();
      disk.dieAfter = disk.calls + (seed % 4);
      let isDead = false;
      try {
        load(disk).zeroFrom(offset);
      } catch (error) {
        expect(error).toBeInstanceOf(Died);
        isDead = true;
      }
      const next = seed % 8 < 4 ? disk.afterKill() : disk.afterPowerLoss(seededRandom(seed));
      if (offset === 0 && contentOf(next).length === 0) continue;
      load(next);
      const content = contentOf(next);
      expect([content.length, content.subarray(0, offset).every((byte) => byte === 1)]).toEqual([FILE_BYTES, true]);
      if (!isDead && seed % 8 < 4) expect(content.subarray(offset).every((byte) => byte === 0)).toBe(true);
    }
  });
});

test.each([
  ['tells what files occupy', (bytes: number) => bytes],
  ['compresses', (bytes: number) => bytes / 8],
  ['counts later than it writes', () => 0],
])('a dense file is zero behind a cut on a file system that %s', (_, occupied) => {
  const disk = fullFile();
  const tell = disk.statSync.bind(disk);
  disk.statSync = (path) => {
    const stat = tell(path);
    return stat === null ? null : { ...stat, allocatedBytes: occupied(stat.allocatedBytes) };
  };
  load(disk).zeroDenseFrom(1000);
  expect(contentOf(disk).equals(Buffer.concat([Buffer.alloc(1000, 1)], FILE_BYTES))).toBe(true);
});

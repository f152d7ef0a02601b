import { expect, it } from 'vitest';
import { ConsumeQueue, CQ_UNIT_BYTES } from '../../../broker/store/consume-queue.js';
import { nodeDisk } from '../../../broker/store/disk.js';
import { FdCache } from '../../../broker/store/fd-cache.js';
import { FileSeries } from '../../../broker/store/file-series.js';
import { adoptEnd } from '../../../broker/store/queue-bounds.js';
import { tempDir } from './store-kit.js';

const BLOCK = 4096;
const COUNTS = [1, 2, 100, 203, 204, 205, 206, 409, 410, 819, 820, 1024, 1638, 1639, 2047, 2048, 5120];

it.each([
  ['small files', 100],
  ['files of one block', 204],
  ['large files', 300_000],
])('the end of a queue is found behind its last unit, whatever the file system says that %s occupy', (_, fileUnits) => {
  const fds = new FdCache(nodeDisk, 64);
  for (const count of COUNTS) {
    const directory = tempDir();
    const open = (): ConsumeQueue => {
      const files = new FileSeries({ directory, fileSize: fileUnits * CQ_UNIT_BYTES, disk: nodeDisk, fds });
      return new ConsumeQueue('T', 0, files);
    };
    const written = open();
    for (let i = 0; i < count; i++) written.append(1000 + i * 200, 200, 0);
    written.writeOut();
    const found = open();
    found.files.load('mappedFileSizeConsumeQueue', false);
    const real = found.files.loadedNewestBytes;
    const inNewest = ((count - 1) % fileUnits) + 1;
    const dense = Math.ceil((inNewest * CQ_UNIT_BYTES) / BLOCK) * BLOCK;
    // As it is; with lists of blocks counted in; compressed; unknown.
    for (const occupied of [real, dense, dense + BLOCK, dense + 3 * BLOCK, dense + 9 * BLOCK, BLOCK, Math.floor(dense / 3), 0]) {
      found.files.loadedNewestBytes = occupied;
      adoptEnd(found);
      expect([count, occupied, found.maxOffset, found.maxPhysicOffset]).toEqual([count, occupied, count, 1000 + count * 200]);
    }
  }
  fds.closeAll();
});

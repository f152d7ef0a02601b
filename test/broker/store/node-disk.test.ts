import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { tempDir } from './store-kit.js';

vi.mock(import('node:fs'), async (original) => {
  const fs = await original();
  // Reads that a signal or a network file system cuts short.
  const readSync = (fd: number, buffer: NodeJS.ArrayBufferView, offset: number, length: number, position: number): number =>
    fs.readSync(fd, buffer, offset, Math.min(length, 3), position);
  return { ...fs, readSync: readSync as typeof fs.readSync };
});

test('a read that the system cuts short goes on to the end of the file', async () => {
  const { nodeDisk } = await import('../../../broker/store/disk.js');
  const path = join(tempDir(), 'file');
  writeFileSync(path, '0123456789');
  const fd = nodeDisk.openSync(path);
  const buffer = Buffer.alloc(12, '-');
  expect(nodeDisk.readSync(fd, buffer, 1, 11, 2)).toBe(8);
  expect(buffer.toString()).toBe('-23456789---');
  nodeDisk.closeSync(fd);
});

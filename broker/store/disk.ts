import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  open,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  unlink,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { makeFolder } from '../../src/common/make-folder.js';
import type { Disk } from './types.js';

/** Types of file systems on Linux whose `st_blocks` has all that was written, at once: ext2 to ext4, XFS, tmpfs. */
const EXACT_FILE_SYSTEMS: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x01021994]);

/** The error code of a failed file call (`ENOSPC`, `EIO`, …), or the message when there is none. */
export function diskErrorCode(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return typeof code === 'string' ? code : String(error instanceof Error ? error.message : error);
}

/** Whether a failed call says that the disk, or what its user may have of it, is full. */
export function isOutOfSpace(error: unknown): boolean {
  const code = diskErrorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** The real file system. */
export const nodeDisk: Disk = {
  openSync: (path, options) => openSync(path, options?.create === true ? constants.O_RDWR | constants.O_CREAT : constants.O_RDWR, 0o644),
  closeSync: (fd) => closeSync(fd),
  readSync: (fd, buffer, offset, length, position) => {
    let done = 0;
    while (done < length) {
      const count = readSync(fd, buffer, offset + done, length - done, position + done);
      if (count === 0) {
        break;
      }
      done += count;
    }
    return done;
  },
  writeSync: (fd, buffer, offset, length, position) => writeSync(fd, buffer, offset, length, position),
  ftruncateSync: (fd, length) => ftruncateSync(fd, length),
  fdatasync: (fd, callback) => fdatasync(fd, callback),
  fdatasyncSync: (fd) => fdatasyncSync(fd),
  syncDirectory: (path, callback) => {
    if (process.platform === 'win32') {
      callback(null);
      return;
    }
    open(path, constants.O_RDONLY, (openError, fd) => {
      if (openError !== null) {
        callback(openError);
        return;
      }
      fsync(fd, (error) => {
        closeSync(fd);
        callback(error);
      });
    });
  },
  syncDirectorySync: (path) => {
    if (process.platform !== 'win32') {
      const fd = openSync(path, constants.O_RDONLY);
      try {
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    }
  },
  statSync: (path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined
      ? null
      : { size: stat.size, isDirectory: stat.isDirectory(), mtimeMs: stat.mtimeMs, allocatedBytes: stat.blocks * 512 };
  },
  readdirSync: (path) => {
    try {
      return readdirSync(path).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        return [];
      }
      throw error;
    }
  },
  mkdirSync: makeFolder,
  unlinkSync: (path) => unlinkSync(path),
  unlink: (path, callback) => unlink(path, callback),
  renameSync: (from, to) => renameSync(from, to),
  removeDirectorySync: (path) => rmSync(path, { recursive: true, force: true }),
  statfsSync: (path) => {
    const info = statfsSync(path);
    return {
      totalBytes: info.blocks * info.bsize,
      availableBytes: info.bavail * info.bsize,
      usedBytes: (info.blocks - info.bfree) * info.bsize,
      isAllocationExact: process.platform === 'linux' && EXACT_FILE_SYSTEMS.has(info.type),
    };
  },
};

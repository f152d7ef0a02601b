import { realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { StoreError, UsageError } from '../../common/errors.js';

/** Faults of the place that was named, not of the machine. */
const WRONG_PLACE = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG', 'ELOOP']);

/** Writes the report whole or not at all: an older one stays until the new one is complete. */
export async function writeReport(file: string, text: string): Promise<void> {
  try {
    const existing = await stat(file).catch(ifMissing);
    if (existing === undefined || existing.isFile()) {
      await replaceFile(existing === undefined ? file : await realpath(file), text);
    } else {
      // A pipe or a device has no place to put a new file into.
      await writeFile(file, text);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOSPC' || code === 'EDQUOT' ? 'the disk is full' : code === 'EISDIR' ? 'it is a folder' : message;
    if (WRONG_PLACE.has(code ?? '')) {
      throw new UsageError(`-o ${file} cannot be written: ${reason}`, { cause: error });
    }
    throw new StoreError(`-o ${file} was not written: ${reason}`, {
      hint: 'nothing of it was left behind; name another place with -o',
      cause: error,
    });
  }
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') {
    throw error;
  }
}

async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, text, { flag: 'wx' });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

import { StoreError, UsageError } from '../../common/errors.js';
import { writeFileWhole } from '../../common/whole-file.js';

/** Faults of the place that was named, not of the machine. */
const WRONG_PLACE = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG', 'ELOOP']);

/** Writes the report whole or not at all: an older one stays until the new one is complete. */
export function writeReport(file: string, text: string): void {
  try {
    writeFileWhole(file, text);
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

import { readFileSync, statSync } from 'node:fs';
import { ConfigError } from '../../src/common/errors.js';
import { writeFileWhole } from '../../src/common/whole-file.js';

/**
 * Text of a properties file: bytes are ISO-8859-1, as Java reads them.
 * @throws ConfigError when it cannot be read.
 */
export function readConfigFile(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const why = { ENOENT: 'there is no such file', EISDIR: 'it is a directory', EACCES: 'permission denied' }[code ?? ''] ?? String(cause);
    throw new ConfigError(`configuration file ${file} cannot be read: ${why}`, { code: 'CONFIG_FILE', context: { file }, cause });
  }
}

/** Replaces a file whole; what was there stays as `<file>.bak`. A crash, or a disk without room, leaves the old or the new text of both. */
export function replaceFile(file: string, content: Uint8Array): void {
  const old = statSync(file, { throwIfNoEntry: false });
  if (old !== undefined) writeFileWhole(`${file}.bak`, readFileSync(file), { mode: old.mode & 0o777 });
  writeFileWhole(file, content);
}

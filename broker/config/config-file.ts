import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { ConfigError } from '../../src/common/errors.js';

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

/** Replaces a file whole; what was there stays as `<file>.bak`. A crash leaves the old or the new text. */
export function replaceFile(file: string, content: Uint8Array): void {
  if (existsSync(file)) copyFileSync(file, `${file}.bak`);
  const temporary = `${file}.tmp`;
  const descriptor = openSync(temporary, 'w');
  try {
    writeSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
}

import { lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Replaces a file in one step: whoever reads it, and whatever is left after a crash, is whole. A device, a pipe or a link is written to as
 * it is.
 */
export function writeFileWhole(file: string, text: string): void {
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile() === false) {
    writeFileSync(file, text);
    return;
  }
  const fresh = `${file}.tmp`;
  try {
    writeFileSync(fresh, text);
    renameSync(fresh, file);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

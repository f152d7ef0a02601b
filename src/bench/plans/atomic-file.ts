import { renameSync, writeFileSync } from 'node:fs';

/** Replaces a file in one step: whoever reads it, and whatever is left after a crash, is whole. */
export function writeFileWhole(file: string, text: string): void {
  const fresh = `${file}.tmp`;
  writeFileSync(fresh, text);
  renameSync(fresh, file);
}

import { closeSync, fchmodSync, fsyncSync, lstatSync, openSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';

/** A file that is being written beside the one whose place it takes. */
export interface WholeFile {
  /** Where to write. */
  readonly path: string;
  /** Puts it into its place, once it is on the disk. */
  commit(): void;
  /** Leaves everything as it was. */
  discard(): void;
}

const OWNER_ONLY = 0o600;

/**
 * Begins to replace a file in one step: whoever reads it, and whatever is left after a crash, is whole. A link stays one, and a file that was there
 * keeps who may read it, unless a mode is given. What is no plain file, a device or a pipe, is written to as it is.
 */
export function replaceFile(file: string, { mode }: { mode?: number } = {}): WholeFile {
  const place = lstatSync(file, { throwIfNoEntry: false });
  const old = place?.isSymbolicLink() === true ? statSync(file, { throwIfNoEntry: false }) : place;
  if (place !== undefined && old?.isFile() !== true) {
    return { path: file, commit: () => undefined, discard: () => undefined };
  }
  const target = place === undefined ? file : realpathSync(file);
  const path = `${target}.${process.pid}.part`;
  rmSync(path, { force: true });
  closeSync(openSync(path, 'wx', mode ?? (old === undefined ? undefined : OWNER_ONLY)));
  return {
    path,
    commit: () => {
      const fd = openSync(path, 'r+');
      try {
        if (mode === undefined && old !== undefined) {
          fchmodSync(fd, old.mode & 0o777);
        }
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(path, target);
    },
    discard: () => rmSync(path, { force: true }),
  };
}

/** Writes a file as {@link replaceFile} says. */
export function writeFileWhole(file: string, content: string | Uint8Array, options: { mode?: number } = {}): void {
  const fresh = replaceFile(file, options);
  try {
    writeFileSync(fresh.path, content);
    fresh.commit();
  } catch (error) {
    fresh.discard();
    throw error;
  }
}

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from '../../common/errors.js';

/** Those of this process: a process that was killed may have had the same id. */
const held = new Set<string>();

/** A file with the id of the process that holds it; that of a process that is gone is taken over. */
export class PidLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
    held.add(path);
  }

  /** @throws ConfigError when another process holds it, or it cannot be written */
  static take(file: string): PidLock {
    const path = resolve(file);
    for (let attempt = 0; ; attempt++) {
      try {
        writeFileSync(path, `${process.pid}\n`, { flag: 'wx' });
        return new PidLock(path);
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        if (code !== 'EEXIST') {
          throw new ConfigError(`${path} cannot be written (${code ?? String(cause)})`, { cause });
        }
        const pid = readPid(path);
        if (attempt > 0 || (pid !== null && isHeld(pid, path))) {
          throw new ConfigError(
            `${path} is held by ${pid === null ? 'another run' : `process ${pid}`}: only one run at a time can write down offsets`,
            {
              code: 'OFFSETS_FILE_IN_USE',
              hint: 'wait for its end, or name another file; remove the lock when no such run is there',
            },
          );
        }
        rmSync(path, { force: true });
      }
    }
  }

  release(): void {
    held.delete(this.#path);
    rmSync(this.#path, { force: true });
  }
}

function readPid(path: string): number | null {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10) || null;
  } catch {
    return null;
  }
}

function isHeld(pid: number, path: string): boolean {
  if (pid === process.pid) {
    return held.has(path);
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process cannot be signalled, and is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

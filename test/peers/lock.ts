import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const LOCK_WAIT_MS = 15 * 60_000;
const LOCK_POLL_MS = 200;

/** Runs `work` while holding the lock file, which names the holder's pid; a dead holder's lock is taken over. */
export async function withFileLock<T>(lockFile: string, work: () => Promise<T>): Promise<T> {
  await acquire(lockFile);
  try {
    return await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

async function acquire(lockFile: string): Promise<void> {
  mkdirSync(dirname(lockFile), { recursive: true });
  for (let waitedMs = 0; waitedMs < LOCK_WAIT_MS; waitedMs += LOCK_POLL_MS) {
    try {
      writeFileSync(lockFile, `${process.pid}\n`, { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (isAbandoned(lockFile)) rmSync(lockFile, { force: true });
    else await delay(LOCK_POLL_MS);
  }
  throw new Error(`${lockFile} is held for over ${LOCK_WAIT_MS / 60_000} minutes; remove it if nothing fetches`);
}

function isAbandoned(lockFile: string): boolean {
  try {
    const pid = Number(readFileSync(lockFile, 'utf8').trim());
    if (!Number.isInteger(pid) || pid <= 0) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

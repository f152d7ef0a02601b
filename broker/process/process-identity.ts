import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/**
 * What tells a process from a later one with the same id: its start time, in the words of this platform. Null when there is no such
 * process, or no way to ask (Windows, where only the stop channel speaks for a node).
 */
export async function startTimeOf(pid: number, platform: NodeJS.Platform = process.platform): Promise<string | null> {
  if (platform === 'linux') return linuxStartTime(pid);
  if (platform === 'win32') return null;
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)], { env: { ...process.env, LC_ALL: 'C' } });
    return stdout.trim() || null;
  } catch {
    // ps exits with 1 for a process that does not exist.
    return null;
  }
}

/** Start time in ticks since boot, and the boot: ticks alone repeat after a restart of the machine. */
function linuxStartTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name, in parentheses, may hold blanks and parentheses; field 22 is the 20th after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; only its parent has not asked yet.
    if (fields[0] === 'Z') return null;
    const ticks = fields[19];
    return ticks === undefined ? null : `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}/${ticks}`;
  } catch {
    return null;
  }
}

/** Whether a process with this id exists, and is the one that started then where that can be told. */
export async function isRunning(pid: number, startTime: string | null): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  if (process.platform === 'win32') return true;
  const now = await startTimeOf(pid);
  return now !== null && (startTime === null || now === startTime);
}

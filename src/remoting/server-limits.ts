import { readFileSync } from 'node:fs';
import { KEPT_DESCRIPTORS, MAX_CONNECTIONS } from '../common/limits.js';

/** Files and sockets that this process may have open at once; infinite where the system does not tell (all but Linux). */
export function openFilesLimit(read: () => string = () => readFileSync('/proc/self/limits', 'latin1')): number {
  try {
    return Number(/^Max open files +(\d+)/m.exec(read())?.[1] ?? Number.POSITIVE_INFINITY);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Connections that leave the rest of the process its descriptors, but a quarter of a limit that is low anyway. */
export function connectionsWithin(openFiles: number): number {
  return Math.min(MAX_CONNECTIONS, Math.max(openFiles - KEPT_DESCRIPTORS, Math.ceil(openFiles / 4)));
}

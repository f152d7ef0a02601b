import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where a user's files lie by the XDG base directories, and in the home folder where the environment says nothing. */
const FOLDERS = {
  config: ['XDG_CONFIG_HOME', '.config'],
  cache: ['XDG_CACHE_HOME', '.cache'],
  state: ['XDG_STATE_HOME', join('.local', 'state')],
} as const;

/** The folder of this toolkit for one kind of files; nothing is created. */
export function userFolder(kind: keyof typeof FOLDERS, env: NodeJS.ProcessEnv, fallback?: string): string {
  const [variable, inHome] = FOLDERS[kind];
  return join(env[variable] || fallback || join(env.HOME || homedir(), inHome), 'mqkit');
}

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Context, contextFor } from '../../cli/contexts.js';
import { signingKeys } from '../../cli/credentials.js';
import { userFolder } from '../../cli/user-folders.js';
import { AdminClient } from '../../client/admin/admin-client.js';
import { type ClusterNames, clusterNames } from '../../client/admin/live-names.js';
import { systemClock } from '../../common/clock.js';
import { MQError } from '../../common/errors.js';

/** Names are taken as they are for so long. */
const FRESH_MS = 10_000;
/** Older ones are better than none for so long. */
const USEFUL_MS = 24 * 3_600_000;
/** A name server that takes longer keeps nobody waiting. */
const ASK_LIMIT_MS = 80;
const REFRESH_LIMIT_MS = 5_000;
const NONE: ClusterNames = { topics: [], groups: [], clusters: [], brokerNames: [], brokerAddrs: [] };

interface Cached extends ClusterNames {
  readonly atMs: number;
}

type Where = Pick<Context, 'namesrvAddr' | 'accessKey' | 'secretKey' | 'securityToken' | 'addresses'> & { readonly name?: string };

/** Names of a cluster: of the last seconds, else asked for as long as nobody notices, else older ones. */
export async function cachedNames(where: Where, env: NodeJS.ProcessEnv): Promise<ClusterNames> {
  const nowMs = systemClock.nowMs();
  const known = readCache(where.namesrvAddr, env);
  if (known !== null && nowMs - known.atMs < FRESH_MS) {
    return known;
  }
  const asked = await ask(where, env, ASK_LIMIT_MS);
  if (asked !== null) {
    return asked;
  }
  refreshInBackground(where, env);
  return known !== null && nowMs - known.atMs < USEFUL_MS ? known : NONE;
}

/** Asks with patience and keeps what comes. @param contextName of the context to ask in */
export async function refreshNames(contextName: string | undefined, env: NodeJS.ProcessEnv): Promise<void> {
  const namesrvAddr = env.NAMESRV_ADDR;
  const context = contextFor({ context: contextName, namesrvAddr: contextName === undefined ? namesrvAddr : undefined }, env);
  const where = context ?? (namesrvAddr === undefined ? null : { namesrvAddr });
  if (where !== null) {
    await ask(where, env, REFRESH_LIMIT_MS);
  }
}

async function ask(where: Where, env: NodeJS.ProcessEnv, limitMs: number): Promise<ClusterNames | null> {
  const keys = await signingKeys(where, env);
  const admin = new AdminClient({ ...where, credentials: keys, connectTimeoutMs: limitMs, timeoutMs: limitMs });
  try {
    const names = await clusterNames(admin);
    writeCache(where.namesrvAddr, { ...names, atMs: systemClock.nowMs() }, env);
    return names;
  } catch (error) {
    if (error instanceof MQError) {
      return null;
    }
    throw error;
  } finally {
    await admin.close();
  }
}

function refreshInBackground({ name, namesrvAddr }: Where, env: NodeJS.ProcessEnv): void {
  const launcher = process.argv[1];
  if (launcher === undefined) {
    return;
  }
  const words = [launcher, 'completion', 'refresh', ...(name === undefined ? [] : [name])];
  const child = spawn(process.execPath, words, { detached: true, stdio: 'ignore', env: { ...env, NAMESRV_ADDR: namesrvAddr } });
  child.on('error', () => undefined);
  child.unref();
}

function cacheFile(namesrvAddr: string, env: NodeJS.ProcessEnv): string {
  return join(userFolder('cache', env), 'completion', `${createHash('sha256').update(namesrvAddr).digest('hex').slice(0, 16)}.json`);
}

function readCache(namesrvAddr: string, env: NodeJS.ProcessEnv): Cached | null {
  try {
    const cached = JSON.parse(readFileSync(cacheFile(namesrvAddr, env), 'utf8')) as Cached | null;
    return typeof cached?.atMs === 'number' && Array.isArray(cached.topics) ? { ...NONE, ...cached } : null;
  } catch {
    // None yet, or half of one: it is only a cache.
    return null;
  }
}

function writeCache(namesrvAddr: string, names: Cached, env: NodeJS.ProcessEnv): void {
  const file = cacheFile(namesrvAddr, env);
  const draft = `${file}.${process.pid}.new`;
  try {
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(draft, JSON.stringify(names), { mode: 0o600 });
    renameSync(draft, file);
  } catch {
    // Without a cache the names are asked for each time.
  }
}

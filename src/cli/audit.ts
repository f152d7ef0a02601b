/** The file that says who changed what: one line of JSON for each command that sent a request which changes something. */
import { appendFileSync, chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { ConfigError } from '../common/errors.js';
import { longName, type OptionTable } from './options.js';
import type { GivenWord } from './parse-options.js';
import { userFolder } from './user-folders.js';

/** A file that grew so large is put aside, bytes. */
export const AUDIT_FILE_BYTES = 10 * 1024 * 1024;
/** Files that are kept beside the one that grows. */
const KEPT_FILES = 9;
/** Longer arguments are cut: a message is not what the file is for. */
const MAX_ARGUMENT = 1000;
const NAME = 'audit';
const ENDING = '.jsonl';

/** One line of the file. */
export interface AuditEntry {
  /** When the command ended, ISO 8601 in UTC. */
  readonly time: string;
  readonly user: string;
  readonly host: string;
  /** Name of the context; null where the address came otherwise. */
  readonly context: string | null;
  readonly command: string;
  /** As they were typed; what is secret is `***`. */
  readonly arguments: readonly string[];
  readonly namesrvAddr: string | null;
  /** Who signed the requests. */
  readonly accessKey: string | null;
  readonly outcome: 'done' | 'partial' | 'failed' | 'interrupted';
  readonly exitCode: number;
  readonly error: string | null;
  /** What was asked of which node, and what became of it. */
  readonly changes: readonly AuditedChange[];
  /** Changes beyond those that are listed. */
  readonly untold?: number;
}

/** What a node was asked to change; see the client's `Change`. */
export interface AuditedChange {
  readonly request: string;
  readonly target: string;
  readonly what: string;
  readonly outcome: string;
  readonly count: number;
  readonly error?: string;
}

/** The file: `$MQADMIN_AUDIT`, else `mqkit/audit.jsonl` in the user's folder of states; null where it is switched off. */
export function auditPath(env: NodeJS.ProcessEnv): string | null {
  const place = env.MQADMIN_AUDIT?.trim() ?? '';
  if (place.toLowerCase() === 'off') {
    return null;
  }
  return place === '' ? join(userFolder('state', env), `${NAME}${ENDING}`) : resolve(place);
}

/**
 * Adds an entry, which is on its way to the disk when this returns. Written at once, because a command that was stopped has no other time for it.
 * @returns why it could not be written, else null
 */
export function writeAudit(entry: AuditEntry, env: NodeJS.ProcessEnv, nowMs: number): string | null {
  const path = auditPath(env);
  if (path === null) {
    return null;
  }
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    try {
      putAside(path, nowMs);
    } catch {
      // Another command does it at this moment, or nobody may: an entry in a file that is too large is better than none.
    }
    const isNew = !existsSync(path);
    appendFileSync(path, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    if (isNew) {
      // Whatever the mask of the user is.
      chmodSync(path, 0o600);
    }
    return null;
  } catch (error) {
    return `${path} cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`;
  }
}

/** A full file gets a name of its own, so that nobody who does the same at this moment overwrites it; the oldest ones go. */
function putAside(path: string, nowMs: number): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < AUDIT_FILE_BYTES) {
    return;
  }
  const time = new Date(nowMs).toISOString().replace(/[-:.]/g, '');
  renameSync(path, `${path.slice(0, path.length - endingOf(path).length)}-${time}-${process.pid}${endingOf(path)}`);
  for (const old of asideFiles(path).slice(0, -KEPT_FILES)) {
    rmSync(old, { force: true });
  }
}

function endingOf(path: string): string {
  return /\.[^./\\]+$/.exec(basename(path))?.[0] ?? '';
}

/** Files that were put aside, the oldest first. */
function asideFiles(path: string): string[] {
  const ending = endingOf(path);
  const start = `${basename(path).slice(0, basename(path).length - ending.length)}-`;
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(start) && /^\d{8}T\d{9}Z-\d+$/.test(name.slice(start.length, name.length - ending.length)))
    .sort()
    .map((name) => join(dirname(path), name));
}

/**
 * The newest entries, the oldest of them first.
 * @param onBroken is told of lines that are no entries: a machine that lost power may leave half of one
 * @throws ConfigError when a file cannot be read
 */
export function readAudit(path: string, last: number, onBroken: (place: string) => void): AuditEntry[] {
  const files = existsSync(dirname(path)) ? [...asideFiles(path), ...(existsSync(path) ? [path] : [])] : [];
  let entries: AuditEntry[] = [];
  for (const file of files.reverse()) {
    entries = [...entriesIn(file, onBroken), ...entries];
    if (entries.length >= last) {
      break;
    }
  }
  return entries.slice(-last);
}

function entriesIn(file: string, onBroken: (place: string) => void): AuditEntry[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, { cause });
  }
  return text.split('\n').flatMap((line, i) => {
    if (line === '') {
      return [];
    }
    try {
      const entry = JSON.parse(line) as Partial<AuditEntry> | null;
      if (typeof entry?.command === 'string' && Array.isArray(entry.arguments) && Array.isArray(entry.changes)) {
        return [entry as AuditEntry];
      }
    } catch {
      // Told below, with the line.
    }
    onBroken(`${file}: line ${i + 1}`);
    return [];
  });
}

/** Who runs the command; a container may have no name for its user. */
export function whoAndWhere(env: NodeJS.ProcessEnv): { user: string; host: string } {
  const host = hostname();
  try {
    return { user: userInfo().username, host };
  } catch {
    return { user: env.USER || env.USERNAME || String(process.getuid?.() ?? 'unknown'), host };
  }
}

/** Options whose values are written nowhere. */
const SECRET_OPTION = /^(secretKey|securityToken|password|token)$/i;
/** Settings whose values are none of anybody's business: `updateBrokerConfig -k sslKeyPassword -v …`. */
const SECRET_SETTING = /password|passwd|secret|token|credential/i;
const MASK = '***';

/** The words of a command line for the file: secrets are masked, long ones cut. */
export function auditedWords(given: readonly GivenWord[], options: OptionTable): string[] {
  const setting = given.find(({ key, valueAt }) => valueAt !== undefined && /^(key|configKey)$/.test(key ?? ''));
  const secretSetting = setting !== undefined && SECRET_SETTING.test(setting.word.slice(setting.valueAt));
  return given.map(({ word, key, valueAt }) => {
    const spec = key === undefined ? undefined : options[key];
    if (key !== undefined && valueAt !== undefined && spec !== undefined) {
      const isSecret = SECRET_OPTION.test(key) || SECRET_OPTION.test(longName(key, spec)) || (secretSetting && key === 'value');
      if (isSecret) {
        return `${word.slice(0, valueAt)}${MASK}`;
      }
    }
    return word.length > MAX_ARGUMENT ? `${word.slice(0, MAX_ARGUMENT)}…` : word;
  });
}

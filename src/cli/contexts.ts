import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError, NotFoundError } from '../common/errors.js';
import { suggest } from '../common/suggest.js';
import { writeFileWhole } from '../common/whole-file.js';
import { userFolder } from './user-folders.js';

/** A cluster under a name. */
export interface Context {
  readonly namesrvAddr: string;
  readonly accessKey?: string;
  readonly secretKey?: string;
  readonly securityToken?: string;
  /** Every request that would change something is refused. */
  readonly readOnly?: boolean;
  /** Where advertised addresses are reached from here: of containers, or through a tunnel. */
  readonly addresses?: Readonly<Record<string, string>>;
}

/** What contexts.json holds. */
export interface ContextFile {
  readonly current: string | null;
  /** For `context -`. */
  readonly previous: string | null;
  readonly contexts: Readonly<Record<string, Context>>;
}

const EMPTY: ContextFile = { current: null, previous: null, contexts: {} };

/** The file of the contexts: `$MQKIT_CONTEXTS`, else `mqkit/contexts.json` in the user's folder of settings. */
export function contextsPath(env: NodeJS.ProcessEnv): string {
  const { MQKIT_CONTEXTS: file } = env;
  if (file !== undefined && file !== '') {
    return file;
  }
  return join(userFolder('config', env, process.platform === 'win32' ? env.APPDATA : undefined), 'contexts.json');
}

/** @throws ConfigError when the file is there and is none of ours */
export function readContexts(env: NodeJS.ProcessEnv): ContextFile {
  const path = contextsPath(env);
  if (!existsSync(path)) {
    return EMPTY;
  }
  try {
    const file = JSON.parse(readFileSync(path, 'utf8')) as Partial<ContextFile> | null;
    const contexts = file?.contexts;
    if (typeof contexts !== 'object' || contexts === null || !Object.values(contexts).every(isContext)) {
      throw new Error('each context needs a namesrvAddr');
    }
    return { current: nameIn(contexts, file?.current), previous: nameIn(contexts, file?.previous), contexts };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // Without the cause and the characters that some messages quote: there are keys in the file.
    throw new ConfigError(`${path} cannot be read: ${message.startsWith('Unexpected token') ? 'it is not JSON' : message}`, {
      hint: 'mend it, or remove it and add the contexts again: mqadmin context add',
    });
  }
}

function isContext(value: unknown): value is Context {
  return typeof (value as Context | null)?.namesrvAddr === 'string';
}

function nameIn(contexts: Readonly<Record<string, Context>>, name: string | null | undefined): string | null {
  return typeof name === 'string' && Object.hasOwn(contexts, name) ? name : null;
}

/** Replaces the file at once; only its owner can read it, because of the keys. */
export function writeContexts(env: NodeJS.ProcessEnv, file: ContextFile): void {
  const path = contextsPath(env);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileWhole(path, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
  } catch (cause) {
    throw new ConfigError(`${path} cannot be written (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, { cause });
  }
}

/** @throws NotFoundError that names near ones */
export function requireContext(file: ContextFile, name: string): Context {
  const context = Object.hasOwn(file.contexts, name) ? file.contexts[name] : undefined;
  if (context !== undefined) {
    return context;
  }
  const names = Object.keys(file.contexts);
  const near = suggest(name, names)[0];
  throw new NotFoundError(`there is no context ${name}`, {
    code: 'CONTEXT_NOT_EXIST',
    hint:
      near !== undefined ? `did you mean ${near}?` : `add it: mqadmin context add ${name} -n host:9876, or see all: mqadmin context list`,
    context: { name, known: names },
  });
}

/** The context a command runs in: the one that is named, else the current one where no name server was given. */
export function contextFor(
  values: { readonly context?: string | undefined; readonly namesrvAddr?: string | undefined },
  env: NodeJS.ProcessEnv,
): (Context & { readonly name: string }) | null {
  const { context: named, namesrvAddr } = values;
  if (named === undefined && namesrvAddr !== undefined) {
    return null;
  }
  const file = readContexts(env);
  const name = named ?? file.current;
  return name === null ? null : { ...requireContext(file, name), name };
}

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from '../../src/common/errors.js';
import { MAX_KV_CONFIG_ENTRIES } from '../../src/common/limits.js';
import { replaceFile } from '../config/config-file.js';

/** Namespace of the write queue lists of ordered topics. */
export const ORDER_TOPIC_CONFIG = 'ORDER_TOPIC_CONFIG';

/** Key-value configuration by namespace, saved whole at every change as `{"configTable":{"ns":{"k":"v"}}}`. */
export class KvConfig {
  readonly #file: string;
  #namespaces: ReadonlyMap<string, ReadonlyMap<string, string>>;

  private constructor(file: string, namespaces: Map<string, Map<string, string>>) {
    this.#file = file;
    this.#namespaces = namespaces;
  }

  /**
   * Reads the file; a missing one is an empty table, and a broken one is replaced by its `.bak` where that is good.
   * @throws ConfigError when neither can be read.
   */
  static load(file: string): KvConfig {
    if (!existsSync(file)) return new KvConfig(file, new Map());
    try {
      return new KvConfig(file, readTable(file));
    } catch (cause) {
      try {
        return new KvConfig(file, readTable(`${file}.bak`));
      } catch {
        throw new ConfigError(`kvConfigPath=${file} cannot be read: ${(cause as Error).message}`, {
          code: 'CONFIG_FILE',
          hint: 'repair the file, or move it away to start with an empty table',
          context: { file },
          cause,
        });
      }
    }
  }

  get(namespace: string, key: string): string | undefined {
    return this.#namespaces.get(namespace)?.get(key);
  }

  /** All pairs of a namespace; undefined for one that never had any. */
  list(namespace: string): ReadonlyMap<string, string> | undefined {
    return this.#namespaces.get(namespace);
  }

  /** Sets a value once it is saved; false when the table is full. Throws, and changes nothing, when it cannot be saved. */
  put(namespace: string, key: string, value: string): boolean {
    const pairs = new Map(this.#namespaces.get(namespace));
    if (!pairs.has(key) && this.#count() >= MAX_KV_CONFIG_ENTRIES) return false;
    this.#save(namespace, pairs.set(key, value));
    return true;
  }

  /** Removes a value once that is saved; nothing happens when there is none. Throws as `put` does. An emptied namespace stays, as Apache's does. */
  delete(namespace: string, key: string): void {
    const pairs = new Map(this.#namespaces.get(namespace));
    if (pairs.delete(key)) this.#save(namespace, pairs);
  }

  #count(): number {
    let count = 0;
    for (const pairs of this.#namespaces.values()) count += pairs.size;
    return count;
  }

  #save(namespace: string, pairs: ReadonlyMap<string, string>): void {
    const namespaces = new Map(this.#namespaces).set(namespace, pairs);
    const configTable = Object.fromEntries([...namespaces].map(([name, values]) => [name, Object.fromEntries(values)]));
    mkdirSync(dirname(this.#file), { recursive: true });
    replaceFile(this.#file, Buffer.from(JSON.stringify({ configTable }, null, '\t')));
    this.#namespaces = namespaces;
  }
}

function readTable(file: string): Map<string, Map<string, string>> {
  const content = JSON.parse(readFileSync(file, 'utf8')) as { configTable?: unknown };
  const namespaces = new Map<string, Map<string, string>>();
  for (const [namespace, pairs] of Object.entries(objectOf(content.configTable))) {
    namespaces.set(namespace, new Map(Object.entries(objectOf(pairs)).map(([key, value]) => [key, String(value)])));
  }
  return namespaces;
}

function objectOf(value: unknown): object {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object') throw new TypeError('configTable is not an object');
  return value;
}

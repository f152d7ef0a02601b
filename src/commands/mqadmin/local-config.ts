import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RocksDbConfigType } from '../../client/admin/rocksdb.js';
import { ConfigError, UsageError } from '../../common/errors.js';
import { type JsonObject, parseFastjsonObject } from '../../common/fastjson.js';

/** The file that a broker writes for a table, and the key of the table in it. */
const FILES: Readonly<Record<RocksDbConfigType, { readonly file: string; readonly key: string }>> = {
  topics: { file: 'topics.json', key: 'topicConfigTable' },
  subscriptionGroups: { file: 'subscriptionGroup.json', key: 'subscriptionGroupTable' },
  consumerOffsets: { file: 'consumerOffset.json', key: 'offsetTable' },
};

/** A table of a broker's configuration folder. */
export interface LocalConfig {
  readonly configType: RocksDbConfigType;
  readonly file: string;
  /** As `{ topicConfigTable: … }`. */
  readonly content: JsonObject;
  /** The entries of the table alone. */
  readonly table: JsonObject;
}

/**
 * Reads a table from the JSON file in a configuration folder: brokers with JSON files keep it there, brokers with RocksDB write it when they
 * are told to. The files of RocksDB itself are not read.
 */
export async function readLocalConfig(folder: string, configType: RocksDbConfigType): Promise<LocalConfig> {
  if (!(await isThere(folder))) {
    throw new UsageError(`RocksDB path is invalid: ${folder} is not there`);
  }
  const { file: name, key } = FILES[configType];
  const file = join(folder, name);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const isRocksDb = await isThere(join(folder, configType, 'CURRENT'));
    throw new ConfigError(`${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, {
      hint: isRocksDb
        ? `the files of RocksDB beside it are not read here: have the broker write it: mqadmin rocksDBConfigToJson -b <address> -t ${configType}`
        : 'the folder is the one named config in the store of a broker',
      cause,
    });
  }
  const object = parseFastjsonObject(text, file);
  const table = (object[key] ?? {}) as JsonObject;
  const { dataVersion } = object;
  return { configType, file, content: { ...(dataVersion == null ? {} : { dataVersion }), [key]: table }, table };
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

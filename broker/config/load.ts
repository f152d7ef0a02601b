import { ConfigError } from '../../src/common/errors.js';
import { type PropertyEntry, parseProperties } from '../../src/common/properties-file.js';
import { suggest } from '../../src/common/suggest.js';
import { parseKeyValueArguments } from './arguments.js';
import { checkConfig } from './check.js';
import { readConfigFile } from './config-file.js';
import { type Machine, thisMachine } from './defaults.js';
import { IGNORED_KEYS } from './ignored-keys.js';
import { type ConfigSource, LoadedConfig } from './loaded-config.js';
import { keysOf, type NodeKind } from './sections.js';

export interface LoadOptions {
  readonly kind: NodeKind;
  /** Properties file (-c). */
  readonly file?: string | undefined;
  /** `key=value` words, as typed behind the options. */
  readonly args?: readonly string[];
  /** Values that win over everything, with the option they came from: `{ namesrvAddr: ['127.0.0.1:9876', '-n'] }`. */
  readonly options?: Readonly<Record<string, readonly [value: string, option: string]>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly machine?: Machine;
}

/**
 * The configuration of a node. Order: defaults, NAMESRV_ADDR, file, arguments; later wins.
 * Keys that nobody knows and keys that Apache ignores become warnings with file and line.
 * @throws ConfigError for an unreadable file, and for a known key whose value cannot be read or cannot be had here.
 */
export function loadNodeConfig(options: LoadOptions): LoadedConfig {
  const machine = options.machine ?? thisMachine();
  const config = new LoadedConfig(options.kind, { file: options.file ?? null, machine });
  const env = options.env ?? process.env;
  const namesrvAddr = env.NAMESRV_ADDR;
  if (options.kind === 'broker' && namesrvAddr)
    config.assign('namesrvAddr', namesrvAddr, { from: 'environment', text: 'environment NAMESRV_ADDR' });
  if (options.file !== undefined) assignFile(config, options.file);
  for (const [key, value] of parseKeyValueArguments(options.args ?? [])) {
    assignOrWarn(config, { key, value, line: null, source: { from: 'argument', text: `argument ${key}` } });
  }
  for (const [key, [value, option]] of Object.entries(options.options ?? {})) {
    config.assign(key, value, { from: 'argument', text: `argument ${option}` });
  }
  if (options.file !== undefined) {
    config.assignValue(options.kind === 'broker' ? 'brokerConfigPath' : 'configStorePath', options.file, {
      from: 'derived',
      text: 'argument -c',
    });
  }
  checkConfig(config);
  return config;
}

function assignFile(config: LoadedConfig, file: string): void {
  for (const [key, { value, line }] of parseFile(file)) {
    assignOrWarn(config, { key, value, line, source: { from: 'file', text: `${file}:${line}` } });
  }
}

function parseFile(file: string): Map<string, PropertyEntry> {
  const text = readConfigFile(file);
  try {
    return parseProperties(text).entries;
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ConfigError(`${file}: ${cause.message}`, {
      code: 'CONFIG_FILE',
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      context: { file, ...cause.context },
      cause,
    });
  }
}

function assignOrWarn(config: LoadedConfig, entry: { key: string; value: string; line: number | null; source: ConfigSource }): void {
  if (config.assign(entry.key, entry.value, entry.source)) return;
  const file = entry.source.from === 'file' ? config.file : null;
  config.warnings.push({ file, line: entry.line, text: `${entry.source.text}: ${warningText(config.kind, entry.key)}` });
}

function warningText(kind: NodeKind, key: string): string {
  const ignored = Object.hasOwn(IGNORED_KEYS, key) ? IGNORED_KEYS[key] : undefined;
  if (ignored !== undefined) {
    return `${key} is ignored: ${ignored.why}${ignored.use === undefined ? '' : `; the key is ${ignored.use}`}`;
  }
  const [meant] = suggest(key, keysOf(kind));
  if (meant !== undefined) return `unknown key ${key} is ignored; did you mean ${meant}?`;
  const other: NodeKind = kind === 'broker' ? 'namesrv' : 'broker';
  if (keysOf(other).includes(key))
    return `unknown key ${key} is ignored; it is a key of the ${other === 'broker' ? 'broker' : 'name server'}`;
  return `unknown key ${key} is ignored`;
}

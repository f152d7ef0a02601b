import { ConfigError } from '../../src/common/errors.js';
import { parseProperties, stringifyConfigBody, stringifyProperties } from '../../src/common/properties-file.js';
import { checkConfig } from './check.js';
import { replaceFile } from './config-file.js';
import { type Machine, thisMachine } from './defaults.js';
import type { ConfigKey, ConfigValue } from './key.js';
import { parseValue } from './parse-value.js';
import { type ConfigSections, defaultSections, keysOf, type NodeKind, rowsOf, SECTIONS, type SectionName } from './sections.js';

/** Where a value came from. */
export interface ConfigSource {
  readonly from: 'default' | 'derived' | 'environment' | 'file' | 'argument' | 'update';
  /** For people: `broker.conf:12`, `argument -n`, `follows bindAddress`. */
  readonly text: string;
}

export interface ConfigWarning {
  readonly file: string | null;
  readonly line: number | null;
  readonly text: string;
}

/** What an update of a running node did with each key. */
export interface UpdateResult {
  /** Counts from now on. */
  readonly changed: string[];
  /** Kept, counts from the next start. */
  readonly afterRestart: string[];
  /** Kept, but nothing here reads it. */
  readonly withoutEffect: string[];
  /** No key of this node; left out. */
  readonly unknown: string[];
  /** On the black list: then nothing at all was changed; answer 16. */
  readonly denied: string[];
  /** The file that now holds the values; null when there is none and they last until the node stops. */
  readonly keptIn: string | null;
}

type ChangeListener = (keys: readonly string[]) => void;

const DEFAULT_SOURCE: ConfigSource = { from: 'default', text: 'default' };
/** Refused by Apache whatever the configured list says. */
const ALWAYS_DENIED: Readonly<Record<NodeKind, readonly string[]>> = {
  broker: ['brokerConfigPath', 'configBlackList', 'rocketmqHome'],
  namesrv: ['configBlackList', 'configStorePath', 'kvConfigPath', 'rocketmqHome'],
};

/** The configuration of one node: typed values, and where each came from. */
export class LoadedConfig implements ConfigSections {
  readonly kind: NodeKind;
  /** The file given with -c. */
  readonly file: string | null;
  readonly broker: ConfigSections['broker'];
  readonly namesrv: ConfigSections['namesrv'];
  readonly server: ConfigSections['server'];
  readonly client: ConfigSections['client'];
  readonly store: ConfigSections['store'];
  readonly auth: ConfigSections['auth'];
  readonly warnings: ConfigWarning[] = [];
  readonly #sources = new Map<string, ConfigSource>();
  /** Values that were updated and count from the next start. */
  readonly #pending = new Map<string, ConfigValue>();
  readonly #listeners: ChangeListener[] = [];

  constructor(kind: NodeKind, options: { file?: string | null; machine?: Machine } = {}) {
    this.kind = kind;
    this.file = options.file ?? null;
    const sections = defaultSections(kind, options.machine ?? thisMachine());
    this.broker = sections.broker;
    this.namesrv = sections.namesrv;
    this.server = sections.server;
    this.client = sections.client;
    this.store = sections.store;
    this.auth = sections.auth;
  }

  /** Where the value of a key came from. */
  source(name: string): ConfigSource {
    return this.#sources.get(name) ?? DEFAULT_SOURCE;
  }

  /** Whether somebody chose the value: file, argument, environment or update. */
  isSet(name: string): boolean {
    const { from } = this.source(name);
    return from !== 'default' && from !== 'derived';
  }

  /** Value that a key has now, whichever section it stands in. */
  value(name: string): ConfigValue | undefined {
    const first = rowsOf(this.kind, name)[0];
    return first === undefined ? undefined : this.#section(first.section)[name];
  }

  /**
   * Gives a key its value in every section that has it.
   * @throws ConfigError when the text cannot be read as the key's type.
   * @returns false for a key that no section has.
   */
  assign(name: string, raw: string, source: ConfigSource): boolean {
    const rows = rowsOf(this.kind, name);
    const first = rows[0];
    if (first === undefined) return false;
    this.assignValue(name, readValue(name, first.row, raw, source), source);
    return true;
  }

  /** Like `assign`, for a value that needs no reading. */
  assignValue(name: string, value: ConfigValue, source: ConfigSource): void {
    for (const { section } of rowsOf(this.kind, name)) this.#section(section)[name] = value;
    this.#sources.set(name, source);
  }

  /** Keys that were given a value other than their default and have no effect in this node. */
  noEffectKeys(machine: Machine = thisMachine()): string[] {
    const defaults = defaultSections(this.kind, machine) as unknown as Record<SectionName, Record<string, ConfigValue>>;
    return keysOf(this.kind).filter((name) => {
      const rows = rowsOf(this.kind, name);
      const first = rows[0];
      if (first === undefined || !this.isSet(name) || rows.some(({ row }) => row.use !== undefined)) return false;
      return defaults[first.section][name] !== this.value(name);
    });
  }

  /** Calls back after an update, with the keys whose values changed at once. */
  onChange(listener: ChangeListener): void {
    this.#listeners.push(listener);
  }

  /**
   * Applies the properties text of UPDATE_BROKER_CONFIG or UPDATE_NAMESRV_CONFIG and keeps it.
   * All or nothing: a black-listed key, a value that cannot be read, or a file that cannot be written changes nothing.
   * @throws ConfigError naming the key and its value; what the file system says of the file.
   */
  applyUpdate(propertiesText: string): UpdateResult {
    const none: string[] = [];
    const result = { changed: [...none], afterRestart: [...none], withoutEffect: [...none], unknown: [...none], denied: [...none] };
    const source: ConfigSource = { from: 'update', text: 'update of the running node' };
    const values = new Map<string, ConfigValue>();
    for (const [name, { value: raw }] of parseProperties(propertiesText).entries) {
      const first = rowsOf(this.kind, name)[0];
      if (this.#blackList().has(name)) result.denied.push(name);
      else if (first === undefined) result.unknown.push(name);
      else values.set(name, readValue(name, first.row, raw, source));
    }
    if (result.denied.length > 0) return { ...result, keptIn: null };
    const keptIn = this.#keep(values, source);
    for (const [name, value] of values) {
      const rows = rowsOf(this.kind, name);
      if (rows.some(({ row }) => row.use === 'start')) {
        if (this.value(name) === value) this.#pending.delete(name);
        else this.#pending.set(name, value);
        result.afterRestart.push(name);
      } else {
        this.assignValue(name, value, source);
        (rows.some(({ row }) => row.use === 'live') ? result.changed : result.withoutEffect).push(name);
      }
    }
    if (result.changed.length > 0) for (const listener of this.#listeners) listener(result.changed);
    return { ...result, keptIn };
  }

  /** All keys with the values they have (or will have after a restart), sorted: answers of GET_BROKER_CONFIG and GET_NAMESRV_CONFIG (which shows no client keys). */
  toPropertiesText(): string {
    const hidden = this.kind === 'namesrv' ? SECTIONS.client.table : {};
    return stringifyConfigBody([...this.entries()].filter(([name]) => !Object.hasOwn(hidden, name)));
  }

  /** Keys and values as text, sorted by key; keys that only 4.x knows are left out unless they were set. */
  entries(): Map<string, string> {
    const entries = new Map<string, string>();
    for (const name of keysOf(this.kind).sort()) {
      const isOld = rowsOf(this.kind, name).every(({ row }) => row.until !== undefined);
      if (isOld && !this.isSet(name)) continue;
      entries.set(name, String(this.#pending.get(name) ?? this.value(name)));
    }
    return entries;
  }

  /** Writes the file as the next start is to read it, which it must be able to do. @returns the file; null when nothing is to be kept */
  #keep(values: ReadonlyMap<string, ConfigValue>, source: ConfigSource): string | null {
    const next = new LoadedConfig(this.kind, { file: this.file });
    for (const name of keysOf(this.kind)) {
      const value = this.#pending.get(name) ?? this.value(name);
      if (value !== undefined) next.assignValue(name, value, this.source(name));
    }
    for (const [name, value] of values) next.assignValue(name, value, source);
    checkConfig(next);
    if (values.size === 0 || this.file === null) return null;
    replaceFile(this.file, Buffer.from(stringifyProperties(next.entries()), 'latin1'));
    return this.file;
  }

  #section(name: SectionName): Record<string, ConfigValue> {
    return this[name] as unknown as Record<string, ConfigValue>;
  }

  #blackList(): Set<string> {
    const configured = this.kind === 'broker' ? this.broker.configBlackList : this.namesrv.configBlackList;
    return new Set([...ALWAYS_DENIED[this.kind], ...configured.split(';').map((name) => name.trim())]);
  }
}

function readValue(name: string, row: ConfigKey, raw: string, source: ConfigSource): ConfigValue {
  const parsed = parseValue(row, raw);
  if ('value' in parsed) return parsed.value;
  throw new ConfigError(`${source.text}: ${name}=${raw} ${parsed.problem}`, {
    code: 'CONFIG_VALUE',
    hint: `${name}: ${row.text}`,
    context: { key: name, value: raw, source: source.text },
  });
}

/** Remark for the answer to an update: null when all of it counts now and is kept in a file. */
export function describeUpdate(result: UpdateResult): string | null {
  const remarks: string[] = [];
  if (result.afterRestart.length > 0) remarks.push(`after restart: ${result.afterRestart.join(', ')}`);
  if (result.withoutEffect.length > 0) remarks.push(`without effect here: ${result.withoutEffect.join(', ')}`);
  if (result.unknown.length > 0) remarks.push(`unknown and left out: ${result.unknown.join(', ')}`);
  if (result.keptIn === null && result.changed.length + result.afterRestart.length + result.withoutEffect.length > 0) {
    remarks.push('kept in memory only: the node was started without a configuration file');
  }
  return remarks.length === 0 ? null : remarks.join('; ');
}

import type { DynamicDefault } from './defaults.js';

type ConfigType = 'int' | 'float' | 'bool' | 'text' | 'enum';
export type ConfigValue = string | number | boolean;

/** What the rows of the tables say beside type, default and text. */
export interface KeyOptions {
  /** `live`: read at each use, so an update counts at once. `start`: read once. Absent: accepted, without effect here. */
  readonly use?: 'live' | 'start';
  readonly unit?: 'ms' | 's' | 'min' | 'h' | 'bytes' | 'percent' | 'pages';
  /** First Apache release line that knows the key; 4.x when absent. */
  readonly since?: '5.x';
  /** Last Apache release line that knows the key. */
  readonly until?: '4.x';
  /** In the short list that `-m` prints. */
  readonly important?: boolean;
  readonly min?: number;
  readonly max?: number;
}

/** One row of a table. */
export interface ConfigKey<T extends ConfigValue = ConfigValue> extends KeyOptions {
  readonly type: ConfigType;
  readonly default: T | DynamicDefault<T>;
  readonly text: string;
  readonly choices?: readonly string[];
}

export type ConfigTable = Readonly<Record<string, ConfigKey>>;

/** The object that code reads: one property a key, with the type its row gives it. */
export type ConfigValues<T extends ConfigTable> = { -readonly [K in keyof T]: T[K] extends ConfigKey<infer V> ? V : never };

/** A whole number: Java's int or long. */
export function int(value: number | DynamicDefault<number>, text: string, options: KeyOptions = {}): ConfigKey<number> {
  return { type: 'int', default: value, text, ...options };
}

export function float(value: number, text: string, options: KeyOptions = {}): ConfigKey<number> {
  return { type: 'float', default: value, text, ...options };
}

export function bool(value: boolean, text: string, options: KeyOptions = {}): ConfigKey<boolean> {
  return { type: 'bool', default: value, text, ...options };
}

export function text(value: string | DynamicDefault<string>, description: string, options: KeyOptions = {}): ConfigKey<string> {
  return { type: 'text', default: value, text: description, ...options };
}

/** One of some names, spelled exactly so. */
export function oneOf<const C extends readonly string[]>(
  choices: C,
  value: C[number],
  text: string,
  options: KeyOptions = {},
): ConfigKey<C[number]> {
  return { type: 'enum', default: value, text, choices, ...options };
}

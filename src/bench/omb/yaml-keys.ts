import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { ConfigError } from '../../common/errors.js';

/** How the value of a key is read. */
export interface KeySpec {
  readonly kind: 'int' | 'decimal' | 'text' | 'boolean' | 'duration';
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** Several values may be given. */
  readonly list?: boolean;
}

export type YamlValue = string | number | boolean;

/** What a file says: values by key, each with its line. */
export interface YamlKeys {
  readonly values: ReadonlyMap<string, { readonly values: readonly YamlValue[]; readonly isList: boolean; readonly line: number }>;
  /** Keys that nobody reads. */
  readonly warnings: readonly string[];
}

/**
 * Reads a file of keys and plain values. Unknown keys are warnings: other benchmarks' files carry some.
 * @throws ConfigError that names file, line and key.
 */
export function readYamlKeys(text: string, file: string, table: Readonly<Record<string, KeySpec>>): YamlKeys {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const fault = document.errors[0];
  if (fault !== undefined) {
    throw new ConfigError(
      `${file}:${fault.linePos?.[0].line ?? 1}: ${fault.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '')}`,
    );
  }
  const top = document.contents;
  if (top !== null && !isMap(top)) {
    throw new ConfigError(`${file}:1: expected keys with values`);
  }
  const values = new Map<string, { values: YamlValue[]; isList: boolean; line: number }>();
  const warnings: string[] = [];
  for (const { key, value } of top?.items ?? []) {
    const name = isScalar(key) ? String(key.value) : '?';
    const line = lineOf(lines, key as Node | null);
    const spec = Object.hasOwn(table, name) ? table[name] : undefined;
    if (spec === undefined) {
      warnings.push(`${file}:${line}: ${name} is not a key that is known; it has no effect`);
      continue;
    }
    const read = (node: unknown): YamlValue =>
      readValue(node, { spec, where: `${file}:${lineOf(lines, node as Node | null, line)}: ${name}` });
    if (isSeq(value)) {
      if (spec.list !== true) throw new ConfigError(`${file}:${line}: ${name}: a list is not possible here`);
      values.set(name, { values: value.items.map(read), isList: true, line });
    } else if (!isScalar(value) || value.value !== null) {
      values.set(name, { values: [read(value)], isList: false, line });
    }
  }
  return { values, warnings };
}

function lineOf(lines: LineCounter, node: Node | null, otherwise = 1): number {
  const start = node?.range?.[0];
  return start === undefined ? otherwise : lines.linePos(start).line;
}

function readValue(node: unknown, { spec, where }: { spec: KeySpec; where: string }): YamlValue {
  const raw: unknown = isScalar(node) ? node.value : undefined;
  const shown = isScalar(node) ? String(raw) : 'a structure';
  const fail = (expected: string): never => {
    throw new ConfigError(`${where}: ${shown} is not ${expected}`);
  };
  if (raw === undefined || raw === null) return fail('a value');
  switch (spec.kind) {
    case 'boolean':
      return raw === true || raw === 'true' ? true : raw === false || raw === 'false' ? false : fail('true or false');
    case 'text':
      return spec.choices === undefined || spec.choices.includes(String(raw)) ? String(raw) : fail(`one of ${spec.choices.join(', ')}`);
    case 'duration':
      return durationMs(String(raw)) ?? fail('a duration, eg 90s or 5m');
    default:
      return numberOf(raw, spec) ?? fail(numberText(spec));
  }
}

function numberOf(raw: unknown, spec: KeySpec): number | undefined {
  const value = typeof raw === 'number' ? raw : typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : Number.NaN;
  const isWhole = spec.kind !== 'int' || Number.isSafeInteger(value);
  const isInside = value >= (spec.min ?? Number.NEGATIVE_INFINITY) && value <= (spec.max ?? Number.MAX_SAFE_INTEGER);
  return isWhole && isInside ? value : undefined;
}

function numberText({ kind, min, max }: KeySpec): string {
  const what = kind === 'int' ? 'a whole number' : 'a number';
  if (min !== undefined && max !== undefined) return `${what} from ${min} to ${max}`;
  return min === undefined ? what : `${what} of at least ${min}`;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `500ms`, `90s`, `5m`, `4h`; a bare number is seconds. */
function durationMs(text: string): number | undefined {
  const parts = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim());
  return parts === null ? undefined : Number(parts[1]) * (UNITS_MS[parts[2] ?? 's'] ?? 1000);
}

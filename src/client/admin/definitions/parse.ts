import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { ConfigError } from '../../../common/errors.js';
import { suggest } from '../../../common/suggest.js';
import { validateGroup, validateTopic } from '../../../common/topic-names.js';
import {
  type Definitions,
  type Entry,
  FIELDS,
  type FieldSpec,
  type Fields,
  type FieldValue,
  KINDS,
  type Kind,
  NAME_SEPARATOR,
  SECTIONS,
  WHOLE,
} from './kinds.js';

/** What the key `definitions` of a file says: the version of its format. */
export const FORMAT_VERSION = 1;
/** No file that people look after is larger. */
const MAX_BYTES = 64 * 1024 * 1024;
/** How many mistakes one error names. */
const MAX_PROBLEMS = 20;

/**
 * Reads a file of definitions, YAML or JSON.
 * @throws ConfigError that names the line of everything that is wrong in it.
 */
export function parseDefinitions(text: string, file: string): Definitions {
  if (text.length > MAX_BYTES) {
    throw new ConfigError(`${file} is larger than ${MAX_BYTES} bytes`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false });
  const faults = document.errors.map((fault) => ({
    line: fault.linePos?.[0].line ?? 1,
    text: (fault.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, ''),
  }));
  const reader = new Reader(lines, faults);
  const definitions = faults.length > 0 ? null : reader.file(document.contents);
  if (definitions === null || reader.problems.length > 0) {
    const problems = reader.problems.sort((a, b) => a.line - b.line).map((problem) => `${file}:${problem.line}: ${problem.text}`);
    const more = problems.length > MAX_PROBLEMS ? `; and ${problems.length - MAX_PROBLEMS} more` : '';
    throw new ConfigError(`${problems.slice(0, MAX_PROBLEMS).join('; ')}${more}`, {
      code: 'DEFINITIONS_MALFORMED',
      context: { file, problems },
    });
  }
  return definitions;
}

const ONLY_ON: FieldSpec = { type: 'texts', text: 'Brokers that have it' };

interface Problem {
  readonly line: number;
  readonly text: string;
}

class Reader {
  readonly problems: Problem[];
  readonly #lines: LineCounter;

  constructor(lines: LineCounter, problems: Problem[]) {
    this.#lines = lines;
    this.problems = problems;
  }

  file(top: unknown): Definitions | null {
    if (!isMap(top)) {
      this.#problem(top, 'expected keys with values: definitions, cluster, topics, groups, …');
      return null;
    }
    let clusterName: string | undefined;
    let hasVersion = false;
    const kinds = new Map<Kind, ReadonlyMap<string, Entry>>();
    const byKey = new Map(KINDS.map((kind) => [SECTIONS[kind].key, kind]));
    for (const [key, value, node] of this.#pairs(top)) {
      const kind = byKey.get(key);
      if (kind !== undefined) {
        kinds.set(kind, this.#section(kind, value, node));
      } else if (key === 'definitions') {
        hasVersion = true;
        if (!isScalar(value) || value.value !== FORMAT_VERSION) {
          this.#problem(value ?? node, `definitions: this program reads version ${FORMAT_VERSION}`);
        }
      } else if (key === 'cluster') {
        clusterName = String(this.#value({ type: 'text', text: '' }, value ?? node, 'cluster') ?? '');
      } else {
        this.#unknown(node, key, ['definitions', 'cluster', ...byKey.keys()]);
      }
    }
    if (!hasVersion) {
      this.#problem(top, `the key definitions is missing: begin the file with "definitions: ${FORMAT_VERSION}"`);
    }
    return { clusterName, kinds };
  }

  #section(kind: Kind, value: unknown, keyNode: unknown): ReadonlyMap<string, Entry> {
    const { key, shape } = SECTIONS[kind];
    const entries = new Map<string, Entry>();
    const line = (node: unknown): number => this.#lineOf(node);
    const put = (name: string, fields: Fields, node: unknown): void => {
      entries.set(name, { fields, brokers: new Map(), onlyOn: null, line: line(node) });
    };
    if (shape === 'value') {
      const read = this.#value(FIELDS[kind].value as FieldSpec, value ?? keyNode, key);
      if (read !== undefined) {
        put(WHOLE, { value: read }, keyNode);
      }
      return entries;
    }
    for (const [name, item, node] of this.#names(value, keyNode, key)) {
      switch (shape) {
        case 'entries':
          entries.set(name, this.#entry(kind, name, { item, node }));
          break;
        case 'values':
          this.#putValue(kind, name, { item, node }, put);
          break;
        default:
          if (name.includes(NAME_SEPARATOR)) {
            this.#problem(node, `${name}: a name with a blank is not possible here`);
          }
          for (const [inner, innerItem, innerNode] of this.#names(item, node, name)) {
            const full = `${name}${NAME_SEPARATOR}${inner}`;
            if (shape === 'nestedValues') {
              this.#putValue(kind, full, { item: innerItem, node: innerNode }, put);
            } else {
              entries.set(full, this.#entry(kind, full, { item: innerItem, node: innerNode }));
            }
          }
      }
    }
    return entries;
  }

  #putValue(
    kind: Kind,
    name: string,
    { item, node }: { item: unknown; node: unknown },
    put: (name: string, fields: Fields, node: unknown) => void,
  ): void {
    const read = this.#value(FIELDS[kind].value as FieldSpec, item ?? node, name);
    if (read !== undefined) {
      put(name, { value: read }, node);
    }
  }

  #entry(kind: Kind, name: string, { item, node }: { item: unknown; node: unknown }): Entry {
    const illegal = kind === 'topic' ? validateTopic(name) : kind === 'group' ? validateGroup(name) : null;
    if (illegal !== null) {
      this.#problem(node, illegal);
    }
    const brokers = new Map<string, Fields>();
    let onlyOn: ReadonlySet<string> | null = null;
    const fields = this.#fields(kind, item, {
      node,
      name,
      extras: SECTIONS[kind].perBroker ? ['onlyOn', 'brokers'] : [],
      onExtra: (extra, value, valueNode) => {
        if (extra === 'onlyOn') {
          const names = this.#value(ONLY_ON, value ?? valueNode, `${name}: onlyOn`) as readonly string[] | undefined;
          onlyOn = names === undefined ? null : new Set(names);
          return;
        }
        for (const [broker, own, ownNode] of this.#names(value, valueNode, `${name}: brokers`)) {
          brokers.set(broker, this.#fields(kind, own, { node: ownNode, name: `${name} on ${broker}`, extras: [] }));
        }
      },
    });
    for (const [field, spec] of Object.entries(FIELDS[kind])) {
      if (spec.required === true && fields[field] === undefined) {
        this.#problem(node, `${name}: ${field} is missing`);
      }
    }
    return { fields, brokers, onlyOn, line: this.#lineOf(node) };
  }

  #fields(
    kind: Kind,
    item: unknown,
    thing: { node: unknown; name: string; extras: readonly string[]; onExtra?: (extra: string, value: unknown, node: unknown) => void },
  ): Fields {
    const fields: Record<string, FieldValue> = {};
    for (const [field, value, node] of this.#names(item, thing.node, thing.name)) {
      const specs = FIELDS[kind];
      const spec = Object.hasOwn(specs, field) ? specs[field] : undefined;
      if (thing.extras.includes(field)) {
        thing.onExtra?.(field, value, node);
      } else if (spec === undefined) {
        this.#unknown(node, field, [...Object.keys(specs), ...thing.extras]);
      } else {
        const read = this.#value(spec, value ?? node, `${thing.name}: ${field}`);
        if (read !== undefined) {
          fields[field] = read;
        }
      }
    }
    return fields;
  }

  /** The pairs of a map; nothing is an empty one. */
  #names(value: unknown, node: unknown, what: string): [string, unknown, unknown][] {
    if (value === null || (isScalar(value) && value.value === null)) {
      return [];
    }
    if (!isMap(value)) {
      this.#problem(value ?? node, `${what}: expected keys with values`);
      return [];
    }
    return this.#pairs(value);
  }

  #pairs(map: YAMLMap): [string, unknown, unknown][] {
    const lines = new Map<string, number>();
    return (map.items as Pair<unknown, unknown>[]).map(({ key, value }) => {
      const name = isScalar(key) ? String(key.source ?? key.value) : '?';
      const first = lines.get(name);
      if (first !== undefined) {
        this.#problem(key, `${name} is there twice, the first time in line ${first}`);
      }
      lines.set(name, this.#lineOf(key));
      // A reference to another part of the file would have to be followed by everybody who reads the line.
      if (isAlias(value) || isAlias(key) || (isScalar(key) && key.value === '<<')) {
        this.#problem(key, 'anchors and aliases are not read');
      }
      return [name, value, key];
    });
  }

  #value(spec: FieldSpec, node: unknown, what: string): FieldValue | undefined {
    const raw: unknown = isScalar(node) ? node.value : undefined;
    const expected = (form: string): undefined => {
      const shown = isScalar(node) ? `, got ${JSON.stringify(raw)}` : '';
      this.#problem(node, `${what}: expected ${form}${shown}`);
      return undefined;
    };
    switch (spec.type) {
      case 'int': {
        const { min = 0, max = Number.MAX_SAFE_INTEGER } = spec;
        return typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= min && raw <= max
          ? raw
          : expected(`a whole number from ${min} to ${max}`);
      }
      case 'boolean':
        return typeof raw === 'boolean' ? raw : expected('true or false');
      case 'words':
        return typeof raw === 'string' && spec.words?.includes(raw) ? raw : expected(spec.words?.join(', ') ?? '');
      case 'text':
        return raw === undefined || raw === null ? expected('a text') : this.#text(node, raw);
      case 'texts':
        return this.#texts(node) ?? expected('a list of texts');
      case 'map':
        return this.#map(node) ?? expected('keys with texts');
      default:
        return isMap(node) ? (node.toJSON() as FieldValue) : expected('keys with values');
    }
  }

  /** Numbers and the like are the text that stands in the file. */
  #text(node: unknown, raw: unknown): string {
    return typeof raw === 'string' ? raw : isScalar(node) ? (node.source ?? String(raw)) : String(raw);
  }

  #texts(node: unknown): string[] | undefined {
    if (!isSeq(node) || !node.items.every((item) => isScalar(item) && item.value !== null)) {
      return undefined;
    }
    return node.items.map((item) => this.#text(item, (item as { value: unknown }).value));
  }

  #map(node: unknown): Record<string, string> | undefined {
    if (!isMap(node) || !node.items.every(({ value }) => isScalar(value) && value.value !== null)) {
      return undefined;
    }
    return Object.fromEntries(this.#pairs(node).map(([key, value]) => [key, this.#text(value, (value as { value: unknown }).value)]));
  }

  #unknown(node: unknown, key: string, known: readonly string[]): void {
    const near = suggest(key, known)[0];
    this.#problem(node, `${key} is not a key here${near === undefined ? `: ${known.join(', ')}` : `; did you mean ${near}?`}`);
  }

  #problem(node: unknown, text: string): void {
    this.problems.push({ line: this.#lineOf(node), text });
  }

  #lineOf(node: unknown): number {
    const start = (node as Node | null | undefined)?.range?.[0];
    return start === undefined ? 1 : this.#lines.linePos(start).line;
  }
}

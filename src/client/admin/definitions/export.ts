import {
  type Definitions,
  type Entry,
  type Fields,
  isSecret,
  KINDS,
  type Kind,
  MASK,
  NAME_SEPARATOR,
  SECTIONS,
  sameValue,
  settingsKey,
} from './kinds.js';
import { FORMAT_VERSION } from './parse.js';
import type { LiveCluster, LiveKind, LiveNode } from './read-live.js';

export interface ExportOptions {
  /** Secrets as they are. */
  readonly secrets: boolean;
  /** System, retry and dead-letter topics too, and the groups of the system. */
  readonly system: boolean;
}

/** A cluster as definitions; what brokers do not agree on stands with the broker, or is told in `warnings` where it cannot. */
export function definitionsOf(live: LiveCluster, options: ExportOptions): { definitions: Definitions; warnings: string[] } {
  const warnings: string[] = [];
  const kinds = new Map<Kind, ReadonlyMap<string, Entry>>();
  for (const [kind, there] of live.kinds) {
    if (there.unavailable !== undefined) {
      continue;
    }
    const names = [...there.things.keys()].filter((name) => options.system || !there.system.has(name));
    const entries = names.map((name): [string, Entry] => [name, entryOf({ kind, name, there, options, warnings })]);
    kinds.set(kind, new Map(entries));
  }
  return { definitions: { clusterName: live.clusterName, kinds }, warnings };
}

interface LiveThing {
  readonly kind: Kind;
  readonly name: string;
  readonly there: LiveKind;
  readonly options: ExportOptions;
  readonly warnings: string[];
}

function entryOf({ kind, name, there, options, warnings }: LiveThing): Entry {
  const byAddr = there.things.get(name) ?? new Map<string, Fields>();
  const present = there.nodes.flatMap((node): [LiveNode, Fields][] => {
    const fields = byAddr.get(node.addr);
    return fields === undefined ? [] : [[node, options.secrets ? fields : masked(kind, fields)]];
  });
  const common = mostCommon(
    kind,
    present.map(([, fields]) => fields),
  );
  const brokers = new Map<string, Fields>();
  for (const [node, fields] of present) {
    const own = differing(kind, fields, common);
    if (Object.keys(own).length > 0) {
      brokers.set(node.name, own);
    }
  }
  const onlyOn = present.length === there.nodes.length ? null : new Set(present.map(([node]) => node.name));
  if ((brokers.size > 0 || onlyOn !== null) && !SECTIONS[kind].perBroker) {
    warnings.push(`${SECTIONS[kind].key}: ${name} is not the same on all nodes; the file has what most have`);
    return { fields: common, brokers: new Map(), onlyOn: null };
  }
  return { fields: common, brokers, onlyOn };
}

function masked(kind: Kind, fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, isSecret(kind, field) ? MASK : value]));
}

/** The settings that most nodes have; of the first of them where several are as common. */
function mostCommon(kind: Kind, all: readonly Fields[]): Fields {
  const counts = new Map<string, { fields: Fields; count: number }>();
  let best: { fields: Fields; count: number } = { fields: {}, count: 0 };
  for (const fields of all) {
    const key = settingsKey(kind, fields);
    const entry = counts.get(key) ?? { fields, count: 0 };
    counts.set(key, entry);
    entry.count++;
  }
  for (const entry of counts.values()) {
    best = entry.count > best.count ? entry : best;
  }
  return best.fields;
}

function differing(kind: Kind, fields: Fields, common: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([field, value]) => !sameValue(kind, field, value, common[field])));
}

/** The content of a file of definitions as plain data, in the order of the file. */
export function definitionsData(definitions: Definitions): Record<string, unknown> {
  const data: Record<string, unknown> = { definitions: FORMAT_VERSION };
  if (definitions.clusterName !== undefined) {
    data.cluster = definitions.clusterName;
  }
  for (const kind of FILE_ORDER) {
    const entries = definitions.kinds.get(kind);
    if (entries !== undefined) {
      data[SECTIONS[kind].key] = sectionData(kind, entries);
    }
  }
  return data;
}

/** What is looked at most comes first. */
const FILE_ORDER: readonly Kind[] = ['topic', 'group', ...KINDS.filter((kind) => kind !== 'topic' && kind !== 'group')];

function sectionData(kind: Kind, entries: ReadonlyMap<string, Entry>): unknown {
  const { shape } = SECTIONS[kind];
  if (shape === 'value') {
    return [...entries.values()][0]?.fields.value ?? [];
  }
  const names = new Map<string, unknown>();
  for (const [name, entry] of entries) {
    const data = shape === 'values' || shape === 'nestedValues' ? entry.fields.value : entryData(entry);
    if (shape === 'values' || shape === 'entries') {
      names.set(name, data);
    } else {
      const at = name.indexOf(NAME_SEPARATOR);
      const inner = (names.get(name.slice(0, at)) ?? new Map()) as Map<string, unknown>;
      names.set(name.slice(0, at), inner.set(name.slice(at + 1), data));
    }
  }
  return names;
}

function entryData({ fields, brokers, onlyOn }: Entry): Record<string, unknown> {
  return {
    ...fields,
    ...(onlyOn === null ? {} : { onlyOn: [...onlyOn] }),
    ...(brokers.size === 0 ? {} : { brokers: Object.fromEntries(brokers) }),
  };
}

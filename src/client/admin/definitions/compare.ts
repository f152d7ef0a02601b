import {
  type Definitions,
  type Entry,
  FIELDS,
  type Fields,
  type FieldValue,
  isSecret,
  KINDS,
  type Kind,
  MASK,
  SECTIONS,
  sameValue,
} from './kinds.js';
import type { LiveCluster, LiveKind, LiveNode } from './read-live.js';

/** What is different in one field. Secrets are masked. */
export interface FieldChange {
  readonly field: string;
  /** What the cluster has; null where the thing is not there. */
  readonly from: FieldValue | null;
  /** What is declared; null where the thing is not declared. */
  readonly to: FieldValue | null;
}

export type ChangeAction = 'create' | 'update' | 'delete';

/** What is different on one broker, or name server. */
export interface NodeChange {
  readonly node: string;
  readonly addr: string;
  readonly action: ChangeAction;
  readonly fields: readonly FieldChange[];
}

/** One thing that is not as declared. */
export interface Change {
  readonly action: ChangeAction;
  readonly kind: Kind;
  readonly name: string;
  /** What deserves a second look: queues that get fewer. */
  readonly warnings: readonly string[];
  readonly nodes: readonly NodeChange[];
}

/** What a cluster is not as declared in, in the order in which it would be changed. */
export function compareDefinitions(wanted: Definitions, live: LiveCluster): Change[] {
  const changes: Change[] = [];
  for (const kind of KINDS) {
    const section = wanted.kinds.get(kind);
    const there = live.kinds.get(kind);
    if (section === undefined || there === undefined) {
      continue;
    }
    const names = new Set([...section.keys(), ...[...there.things.keys()].filter((name) => !there.system.has(name))]);
    for (const name of [...names].sort()) {
      const change = compareThing({ kind, name, entry: section.get(name), there });
      if (change !== null) {
        changes.push(change);
      }
    }
  }
  const isEarlyDeletion = (change: Change): boolean => change.action === 'delete' && change.kind === 'orderConf';
  // A broker keeps a topic ordered while it has an order configuration.
  return [
    ...changes.filter(isEarlyDeletion),
    ...changes.filter((change) => change.action !== 'delete'),
    ...changes.filter((change) => change.action === 'delete' && !isEarlyDeletion(change)).reverse(),
  ];
}

/** The part of another cluster's definitions that this cluster could have: kinds that it keeps, brokers that it has. */
export function comparablePart(wanted: Definitions, live: LiveCluster): { definitions: Definitions; leftOut: string[] } {
  const leftOut: string[] = [];
  const kinds = new Map<Kind, ReadonlyMap<string, Entry>>();
  for (const [kind, entries] of wanted.kinds) {
    const there = live.kinds.get(kind);
    if (there?.unavailable !== undefined) {
      leftOut.push(`${SECTIONS[kind].key}, which cluster ${live.clusterName} does not keep`);
      continue;
    }
    const known = new Set(there?.nodes.map((node) => node.name));
    const strangers = new Set<string>();
    const own = [...entries].map(([name, entry]): [string, Entry] => {
      const isKnown = (broker: string): boolean => known.has(broker) || !strangers.add(broker);
      const brokers = new Map([...entry.brokers].filter(([broker]) => isKnown(broker)));
      const onlyOn = entry.onlyOn === null ? null : new Set([...entry.onlyOn].filter(isKnown));
      return [name, { ...entry, brokers, onlyOn }];
    });
    kinds.set(kind, new Map(own));
    if (strangers.size > 0) {
      leftOut.push(`${SECTIONS[kind].key} of ${[...strangers].sort().join(', ')}, which cluster ${live.clusterName} does not have`);
    }
  }
  return { definitions: { ...wanted, kinds }, leftOut };
}

interface Thing {
  readonly kind: Kind;
  readonly name: string;
  readonly entry: Entry | undefined;
  readonly there: LiveKind;
}

function compareThing({ kind, name, entry, there }: Thing): Change | null {
  const byAddr = there.things.get(name) ?? new Map<string, Fields>();
  const nodes: NodeChange[] = [];
  for (const node of there.nodes) {
    const change = compareNode(kind, node, { wanted: entry === undefined ? null : declaredFor(entry, node), has: byAddr.get(node.addr) });
    if (change !== null) {
      nodes.push(change);
    }
  }
  if (nodes.length === 0) {
    return null;
  }
  const action = byAddr.size === 0 ? 'create' : nodes.every((node) => node.action === 'delete') ? 'delete' : 'update';
  return { action, kind, name, warnings: kind === 'topic' ? shrinkWarnings(nodes) : [], nodes };
}

/** What is declared of a thing for one broker; null where it is to be absent. */
export function declaredFor(entry: Entry, node: LiveNode): Fields | null {
  return entry.onlyOn !== null && !entry.onlyOn.has(node.name) ? null : { ...entry.fields, ...entry.brokers.get(node.name) };
}

function compareNode(kind: Kind, node: LiveNode, { wanted, has }: { wanted: Fields | null; has: Fields | undefined }): NodeChange | null {
  const { name, addr } = node;
  if (wanted === null) {
    return has === undefined ? null : { node: name, addr, action: 'delete', fields: [] };
  }
  const fields: FieldChange[] = [];
  // A new thing shows all that it will be.
  const all = has === undefined ? { ...defaultsOf(kind), ...wanted } : wanted;
  for (const [field, to] of Object.entries(all)) {
    const from = has?.[field];
    const isMasked = isSecret(kind, field) && to === MASK;
    if (has === undefined ? true : !isMasked && !sameValue(kind, field, from, to)) {
      fields.push(isSecret(kind, field) ? { field, from: has === undefined ? null : MASK, to: MASK } : { field, from: from ?? null, to });
    }
  }
  if (has !== undefined && fields.length === 0) {
    return null;
  }
  return { node: name, addr, action: has === undefined ? 'create' : 'update', fields };
}

/** What a new thing of a kind has where nothing is declared. */
export function defaultsOf(kind: Kind): Fields {
  const specs = Object.entries(FIELDS[kind]).flatMap(([field, spec]) =>
    spec.default === undefined || spec.default === '' ? [] : [[field, spec.default] as const],
  );
  return Object.fromEntries(specs);
}

function shrinkWarnings(nodes: readonly NodeChange[]): string[] {
  const warnings = new Map<string, string[]>();
  for (const { node, action, fields } of nodes) {
    for (const { field, from, to } of action === 'update' ? fields : []) {
      if ((field === 'readQueueNums' || field === 'writeQueueNums') && Number(to) < Number(from)) {
        const queues = Number(to) + 1 === from ? `queue ${Number(to)}` : `queues ${Number(to)} to ${Number(from) - 1}`;
        const text =
          field === 'readQueueNums'
            ? `readQueueNums ${from} -> ${to}: what is in ${queues} is not consumed any more`
            : `writeQueueNums ${from} -> ${to}: nothing is written to ${queues} any more`;
        warnings.set(text, [...(warnings.get(text) ?? []), node]);
      }
    }
  }
  return [...warnings].map(([text, names]) => `fewer queues on ${names.join(', ')}: ${text}`);
}

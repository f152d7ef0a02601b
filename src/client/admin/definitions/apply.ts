import { MQError, TimeoutError, UsageError } from '../../../common/errors.js';
import type { AdminClient } from '../admin-client.js';
import type { NodeOutcome } from '../fan-out.js';
import { mapLimited } from '../map-limited.js';
import { type Change, compareDefinitions, declaredFor, type NodeChange } from './compare.js';
import { type Definitions, type Entry, isSecret, type Kind, MASK, NAME_SEPARATOR, SECTIONS } from './kinds.js';
import { type LiveCluster, readLive } from './read-live.js';
import { sendChange, sendGone } from './send.js';

/** How many things are changed at once; each on all its brokers. */
const IN_FLIGHT = 8;
/** Kinds of which a change reads what the one before it left. */
const ONE_AT_A_TIME: ReadonlySet<Kind> = new Set(['acl', 'account', 'whiteAddrs']);

/**
 * What became of a change. `notKept`: the nodes took it, and have something else when they are asked; `unverified`: they could not be asked;
 * `waiting`: it was not begun.
 */
export type ChangeOutcome = 'done' | 'partial' | 'failed' | 'unknown' | 'notKept' | 'unverified' | 'waiting';

export interface AppliedChange extends Change {
  readonly outcome: ChangeOutcome;
  readonly results: readonly (NodeOutcome & { readonly node: string })[];
}

export interface ApplyOptions {
  /** What is left to do is not begun when this aborts; what is under way ends. */
  readonly signal?: AbortSignal | undefined;
  /** Hears of each change when it ended. */
  readonly onChange?: (change: AppliedChange) => void;
}

export interface ApplyResult {
  readonly changes: readonly AppliedChange[];
  /** Why nothing was done, where all failed for one reason. */
  readonly cause: MQError | null;
}

export interface PlanOptions {
  /** Whether things are deleted that are not declared. */
  readonly prune: boolean;
}

/** Which of the differences are changed. Without `prune` nothing is deleted. */
export function planOf(changes: readonly Change[], { prune }: PlanOptions): Change[] {
  return prune
    ? [...changes]
    : changes.flatMap((change) => {
        const nodes = change.nodes.filter((node) => node.action !== 'delete');
        return nodes.length === 0 ? [] : [{ ...change, nodes }];
      });
}

/** @throws UsageError when something cannot be made of what the file says, with its line */
export function checkPlan(
  plan: readonly Change[],
  { wanted, live }: { wanted: Definitions; live: LiveCluster },
  { file, signer }: { file: string /** The access key of the requests. */; signer?: string | undefined },
): void {
  const problems: string[] = [];
  const where = (entry: Entry | undefined): string => (entry?.line === undefined ? file : `${file}:${entry.line}`);
  for (const [kind, entries] of wanted.kinds) {
    const there = live.kinds.get(kind);
    const { key } = SECTIONS[kind];
    if (there?.unavailable !== undefined && entries.size > 0) {
      problems.push(`${where([...entries.values()][0])}: ${key}: this cluster keeps none (${there.unavailable})`);
    }
    const known = new Set(there?.nodes.map((node) => node.name));
    for (const [name, entry] of entries) {
      const unknown = [...entry.brokers.keys(), ...(entry.onlyOn ?? [])].filter((broker) => !known.has(broker));
      if (unknown.length > 0) {
        problems.push(`${where(entry)}: ${name}: there is no broker ${unknown.join(', ')} (there are ${[...known].join(', ')})`);
      }
    }
  }
  for (const [kind, entries] of wanted.kinds) {
    const count = plan.filter((change) => change.kind === kind && change.action === 'delete').length;
    if (entries.size === 0 && count > 0) {
      problems.push(`${file}: the section ${SECTIONS[kind].key} is empty: --prune would delete all ${count} that the cluster has`);
    }
  }
  for (const change of plan) {
    const entry = wanted.kinds.get(change.kind)?.get(change.name);
    const secret = change.kind === 'user' ? 'password' : change.kind === 'account' ? 'secretKey' : null;
    if (change.action === 'delete' && signer !== undefined && isOfSigner(change, signer)) {
      problems.push(`${file}: ${change.kind} ${change.name} signs these requests, and is not in the file: it cannot be deleted`);
    }
    const isNew = change.nodes.some((node) => node.action === 'create');
    if (secret !== null && isNew && (entry?.fields[secret] ?? MASK) === MASK) {
      problems.push(`${where(entry)}: ${change.kind} ${change.name} is new and needs its ${secret}: write it into the file`);
    }
  }
  if (problems.length > 0) {
    throw new UsageError(problems.join('; '), { code: 'DEFINITIONS_IMPOSSIBLE', context: { problems } });
  }
}

/** Whether a change takes something from who signs the requests: the rest of the changes would be refused. */
function isOfSigner({ kind, name }: Change, signer: string): boolean {
  return kind === 'acl' ? name.startsWith(`User:${signer}${NAME_SEPARATOR}`) : (kind === 'user' || kind === 'account') && name === signer;
}

/**
 * Changes a cluster as planned, reads it back, and says of every change what became of it. Changes that failed do not stop the others; run
 * again, it goes on with what is left.
 */
export async function applyPlan(
  admin: AdminClient,
  { plan, wanted, live }: { plan: readonly Change[]; wanted: Definitions; live: LiveCluster },
  options: ApplyOptions = {},
): Promise<ApplyResult> {
  const causes: MQError[] = [];
  const applied: AppliedChange[] = [];
  for (const group of inGroups(plan)) {
    const limit = ONE_AT_A_TIME.has(group[0]?.kind ?? 'topic') ? 1 : IN_FLIGHT;
    const results = await mapLimited(
      group,
      async (change): Promise<AppliedChange> => {
        const results = options.signal?.aborted === true ? [] : await applyChange(admin, { change, wanted, live }, causes);
        const done = { ...change, outcome: outcomeOf(results), results };
        if (results.length > 0) {
          options.onChange?.(done);
        }
        return done;
      },
      limit,
    );
    applied.push(...results);
  }
  if (applied.some(({ outcome }) => outcome === 'done' || outcome === 'unknown')) {
    return { changes: await readBack(admin, { applied, wanted, live }), cause: null };
  }
  const isOne = applied.every((change) => change.outcome === 'failed') && causes.every((cause) => cause.code === causes[0]?.code);
  return { changes: applied, cause: isOne ? (causes[0] ?? null) : null };
}

/** Runs of changes of one kind and one action, which do not depend on one another. */
function inGroups(plan: readonly Change[]): Change[][] {
  const groups: Change[][] = [];
  for (const change of plan) {
    const last = groups.at(-1);
    const isDeletion = (its: Change | undefined): boolean => its?.action === 'delete';
    if (last?.[0]?.kind === change.kind && isDeletion(last[0]) === isDeletion(change)) {
      last.push(change);
    } else {
      groups.push([change]);
    }
  }
  return groups;
}

function outcomeOf(results: readonly NodeOutcome[]): ChangeOutcome {
  if (results.length === 0) {
    return 'waiting';
  }
  if (results.every(({ outcome }) => outcome === 'done')) {
    return 'done';
  }
  return results.some(({ outcome }) => outcome === 'done')
    ? 'partial'
    : results.some(({ outcome }) => outcome === 'unknown')
      ? 'unknown'
      : 'failed';
}

async function applyChange(
  admin: AdminClient,
  { change, wanted, live }: { change: Change; wanted: Definitions; live: LiveCluster },
  causes: MQError[],
): Promise<AppliedChange['results']> {
  const { kind, name } = change;
  const entry = wanted.kinds.get(kind)?.get(name);
  const there = live.kinds.get(kind);
  const attempt = async (addr: string, node: string, work: () => Promise<void>): Promise<AppliedChange['results'][number]> => {
    try {
      await work();
      return { node, addr, outcome: 'done' };
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      causes.push(error);
      return {
        node,
        addr,
        outcome: error instanceof TimeoutError ? 'unknown' : 'failed',
        error: { code: error.code, message: error.message },
      };
    }
  };
  const results = await Promise.all(
    change.nodes.map((node) => {
      const has = there?.things.get(name)?.get(node.addr);
      const declared = entry === undefined ? null : declaredFor(entry, { name: node.node, addr: node.addr });
      return attempt(node.addr, node.node, () => sendChange(admin, { kind, name, node, has, declared, live }));
    }),
  );
  if (change.action === 'delete' && results.every(({ outcome }) => outcome === 'done')) {
    const gone = await sendGone(admin, { kind, name, clusterName: live.clusterName }, attempt);
    return [...results, ...gone];
  }
  return results;
}

/** What was sent is compared with what the nodes have now; secrets are not told by all of them. */
async function readBack(
  admin: AdminClient,
  { applied, wanted, live }: { applied: readonly AppliedChange[]; wanted: Definitions; live: LiveCluster },
): Promise<AppliedChange[]> {
  const namespaces = namespacesOf(wanted);
  let now: LiveCluster;
  try {
    now = await readLive(admin, { clusterName: live.clusterName, kinds: [...wanted.kinds.keys()], namespaces });
  } catch (error) {
    if (!(error instanceof MQError)) {
      throw error;
    }
    return applied.map((change) => (change.outcome === 'done' ? { ...change, outcome: 'unverified' } : change));
  }
  const left = new Map(compareDefinitions(wanted, now).map((change) => [`${change.kind} ${change.name}`, change]));
  return applied.map((change): AppliedChange => {
    if (change.outcome !== 'done' && change.outcome !== 'unknown') {
      return change;
    }
    const still = left.get(`${change.kind} ${change.name}`);
    const addrs = new Set(change.nodes.map((node) => node.addr));
    const nodes = still?.nodes.filter((node) => addrs.has(node.addr) && isDifferent(change.kind, node)) ?? [];
    if (nodes.length === 0) {
      // Where the answer did not come, the nodes tell that they did it.
      return { ...change, outcome: 'done', results: change.results.map(({ node, addr }) => ({ node, addr, outcome: 'done' })) };
    }
    if (change.outcome === 'unknown') {
      return change;
    }
    const results = change.results.map((result) => {
      const node = nodes.find(({ addr }) => addr === result.addr);
      return node === undefined ? result : { ...result, outcome: 'failed' as const, error: { code: 'NOT_KEPT', message: notKept(node) } };
    });
    return { ...change, outcome: 'notKept', results };
  });
}

function isDifferent(kind: Kind, node: NodeChange): boolean {
  return node.action !== 'update' || node.fields.some(({ field }) => !isSecret(kind, field));
}

function notKept({ action, fields }: NodeChange): string {
  if (action !== 'update') {
    return action === 'create' ? 'it took it, and does not have it' : 'it deleted it, and still has it';
  }
  const hint = fields.some(({ field }) => field === 'order') ? ': a topic is ordered while it has an order configuration' : '';
  return `it took it, and has ${fields.map(({ field, from }) => `${field} ${JSON.stringify(from)}`).join(', ')}${hint}`;
}

/** The namespaces that the file speaks of. */
export function namespacesOf(definitions: Definitions): string[] {
  return [...new Set([...(definitions.kinds.get('kv')?.keys() ?? [])].map((name) => name.slice(0, name.indexOf(' '))))];
}

import { MQError, PartialError, TimeoutError } from '../../common/errors.js';

/** Nodes that a message names; the error's context has them all. */
const MAX_LISTED = 8;

/** What became of a request to one node. `unknown`: it may have been done, the answer did not come; `planned`: a dry run. */
export interface NodeOutcome {
  readonly addr: string;
  readonly outcome: 'done' | 'failed' | 'unknown' | 'planned';
  readonly error?: { readonly code: string; readonly message: string };
}

/** One node's outcome together with what it answered. */
export interface NodeResult<V> extends NodeOutcome {
  readonly value?: V;
  readonly cause?: MQError;
}

/** Asks all nodes at the same time and keeps every outcome; only errors that are no fault of a node are thrown. */
export function askAll<V>(addrs: readonly string[], ask: (addr: string) => Promise<V>): Promise<NodeResult<V>[]> {
  return Promise.all(
    addrs.map(async (addr): Promise<NodeResult<V>> => {
      try {
        return { addr, outcome: 'done', value: await ask(addr) };
      } catch (error) {
        if (!(error instanceof MQError)) {
          throw error;
        }
        return {
          addr,
          outcome: error instanceof TimeoutError ? 'unknown' : 'failed',
          error: { code: error.code, message: error.message },
          cause: error,
        };
      }
    }),
  );
}

/** Outcomes of a dry run: nothing was sent. */
export function planned(addrs: readonly string[]): NodeOutcome[] {
  return addrs.map((addr) => ({ addr, outcome: 'planned' }));
}

/** The outcomes without what is only of use inside. */
export function outcomes(results: readonly NodeResult<unknown>[]): NodeOutcome[] {
  return results.map(({ addr, outcome, error }) => (error === undefined ? { addr, outcome } : { addr, outcome, error }));
}

/**
 * Throws unless every node did it: the error itself when there was one node to ask or no node did it for one and the same reason,
 * a {@link PartialError} that names each node otherwise. `result` is what the caller would have returned; it travels with the
 * error, so that what was done can be shown.
 */
export function requireAll(results: readonly NodeResult<unknown>[], what: string, result: unknown): void {
  const bad = results.filter((entry) => entry.outcome !== 'done');
  const first = bad[0]?.cause;
  if (first === undefined) {
    return;
  }
  const sameReason = bad.length === results.length && bad.every((entry) => entry.outcome === 'failed' && entry.cause?.code === first.code);
  if (results.length === 1 || sameReason) {
    throw first;
  }
  const listed = (outcome: NodeOutcome['outcome']): string[] =>
    results.filter((entry) => entry.outcome === outcome).map((entry) => entry.addr);
  const reasons = bad
    .slice(0, MAX_LISTED)
    .map((entry) => `${entry.outcome === 'unknown' ? 'unknown' : 'failed'} on ${entry.addr} (${entry.cause?.message ?? ''})`);
  const others = bad.length > MAX_LISTED ? [`and ${bad.length - MAX_LISTED} more`] : [];
  const done = listed('done');
  const doneOn = done.length > MAX_LISTED ? `${done.length} of ${results.length} nodes` : done.join(', ') || 'none';
  throw new PartialError(`${what}: done on ${doneOn}; ${[...reasons, ...others].join('; ')}`, {
    context: { done: listed('done'), failed: listed('failed'), unknown: listed('unknown'), outcomes: outcomes(results), result },
    cause: first,
    hint: 'repeat the command when the brokers answer again',
  });
}

/** What there is of a result that only some nodes gave. */
interface Part<V> {
  /** Null where nothing came of it. */
  readonly value: V | null;
  /** What is missing; absent when nothing is. */
  readonly missing?: { readonly reason: string; readonly done: readonly string[] };
}

/** Takes what travels with the error of {@link requireAll} for the result; all other errors are thrown. */
export async function partOf<V>(work: Promise<V>): Promise<Part<V>> {
  try {
    return { value: await work };
  } catch (error) {
    if (!(error instanceof PartialError)) {
      throw error;
    }
    const { result, done } = error.context;
    return { value: (result as V | undefined) ?? null, missing: { reason: error.message, done: (done as string[] | undefined) ?? [] } };
  }
}

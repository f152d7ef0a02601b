import { UsageError } from '../../common/errors.js';
import type { AdminClient } from './admin-client.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';

/** Where a list goes. */
export interface UpdateListTarget {
  /** One of the two. */
  readonly brokerAddr?: string | undefined;
  readonly clusterName?: string | undefined;
  readonly dryRun?: boolean;
}

export interface UpdateListResult {
  readonly dryRun: boolean;
  readonly brokers: readonly NodeOutcome[];
}

/** Things to create or replace. */
export interface UpdateListRequest<E> {
  /** The use case and the things, for messages. */
  readonly name: string;
  readonly noun: string;
  readonly size: number;
  readonly code: number;
  encode(): Buffer;
  /** What the result shows of the list. */
  readonly shown: E;
}

/** Sends a list to a broker, or to every master of a cluster, with one request each. */
export async function updateList<E>(
  admin: AdminClient,
  target: UpdateListTarget,
  list: UpdateListRequest<E>,
): Promise<E & UpdateListResult> {
  const { dryRun = false } = target;
  if (list.size === 0) {
    throw new UsageError(`the list of ${list.noun} is empty`);
  }
  const addrs =
    target.brokerAddr === undefined
      ? (await admin.clusterMasters(target.clusterName ?? '')).map((broker) => broker.brokerAddr)
      : [target.brokerAddr];
  if (dryRun) {
    return { dryRun, ...list.shown, brokers: planned(addrs) };
  }
  const body = list.encode();
  const results = await askAll(addrs, (addr) => admin.ask(addr, { code: list.code, body }));
  const result = { dryRun, ...list.shown, brokers: outcomes(results) };
  requireAll(results, `${list.name} of ${list.size} ${list.noun}`, result);
  return result;
}

import type { RequestInit } from '../../remoting/command.js';
import type { AdminClient } from './admin-client.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';

/** One broker by its address, or the brokers of a cluster. The broker wins, as in Apache's tool. */
export interface BrokerTarget {
  readonly brokerAddr?: string | undefined;
  readonly clusterName?: string | undefined;
}

/** Which brokers of a cluster a command means. */
export type ClusterPart = 'masters' | 'brokers';

/** The addresses that a target stands for. @throws NotFoundError for a cluster that does not exist, or has no master */
export async function targetAddrs(admin: AdminClient, target: BrokerTarget, part: ClusterPart): Promise<string[]> {
  if (target.brokerAddr !== undefined) {
    return [target.brokerAddr];
  }
  const clusterName = target.clusterName ?? '';
  const members = part === 'masters' ? await admin.clusterMasters(clusterName) : await admin.clusterBrokers(clusterName);
  return members.map((broker) => broker.brokerAddr);
}

/** One change that is sent to several brokers as it stands. */
export interface BrokerChange {
  /** What is changed, for messages: `createUser alice`. */
  readonly what: string;
  readonly target: BrokerTarget;
  readonly part: ClusterPart;
  readonly request: RequestInit;
}

export interface BrokerChangeResult {
  readonly dryRun: boolean;
  readonly brokers: readonly NodeOutcome[];
}

/** Sends a change to all brokers of its target. @throws PartialError when some did not take it */
export async function changeBrokers(admin: AdminClient, change: BrokerChange, dryRun = false): Promise<BrokerChangeResult> {
  const addrs = await targetAddrs(admin, change.target, change.part);
  if (dryRun) {
    return { dryRun, brokers: planned(addrs) };
  }
  const results = await askAll(addrs, (addr) => admin.ask(addr, change.request));
  const result: BrokerChangeResult = { dryRun, brokers: outcomes(results) };
  requireAll(results, change.what, result);
  return result;
}

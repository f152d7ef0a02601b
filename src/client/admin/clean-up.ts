import { NotFoundError } from '../../common/errors.js';
import { RequestCode } from '../../remoting/codes.js';
import type { AdminClient } from './admin-client.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';

/** What a broker can be told to remove now instead of at its hour. */
export const CleanUp = {
  /** Consume queue files whose messages are gone from the commit log. */
  EXPIRED_CONSUME_QUEUES: RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE,
  /** Consume queues of topics that the broker no longer has. */
  UNUSED_TOPICS: RequestCode.CLEAN_UNUSED_TOPIC,
  /** Commit log files older than fileReservedTime. */
  EXPIRED_COMMIT_LOG: RequestCode.DELETE_EXPIRED_COMMITLOG,
} as const;
export type CleanUp = (typeof CleanUp)[keyof typeof CleanUp];

export interface CleanUpRequest {
  /** This broker alone. */
  readonly brokerAddr?: string | undefined;
  /** All brokers of this cluster; of every cluster when neither is given. */
  readonly cluster?: string | undefined;
  readonly dryRun?: boolean;
}

export interface CleanUpResult {
  readonly dryRun: boolean;
  readonly brokers: readonly NodeOutcome[];
}

/** The brokers that a clean-up is sent to. */
export async function cleanUpTargets(admin: AdminClient, { brokerAddr, cluster }: CleanUpRequest): Promise<string[]> {
  if (brokerAddr !== undefined) {
    return [brokerAddr];
  }
  if (cluster !== undefined) {
    return (await admin.clusterBrokers(cluster)).map((broker) => broker.brokerAddr);
  }
  const addrs = (await admin.allBrokers()).map((broker) => broker.brokerAddr);
  if (addrs.length === 0) {
    throw new NotFoundError(`no broker is registered on ${admin.namesrv.addresses.join(';')}`, { code: 'BROKER_NOT_EXIST' });
  }
  return addrs.sort();
}

/** Tells brokers to clean up. A broker answers when it has begun: files may go a moment later. @throws PartialError when some refused. */
export async function cleanUp(admin: AdminClient, what: CleanUp, addrs: readonly string[], dryRun = false): Promise<CleanUpResult> {
  if (dryRun) {
    return { dryRun, brokers: planned(addrs) };
  }
  const results = await askAll(addrs, (addr) => admin.ask(addr, { code: what }));
  const result: CleanUpResult = { dryRun, brokers: outcomes(results) };
  requireAll(results, 'clean-up', result);
  return result;
}

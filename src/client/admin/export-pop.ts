import { RequestCode } from '../../remoting/codes.js';
import type { AdminClient } from './admin-client.js';
import type { BrokerTarget } from './broker-change.js';
import { getBrokerConfig } from './broker-config.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';

const TIMEOUT_MS = 30_000;

export interface PopExportResult {
  readonly dryRun: boolean;
  readonly brokers: readonly (NodeOutcome & { readonly brokerName: string })[];
}

/** Has one broker, or all of a cluster, move their records of popped messages back into the normal queues. */
export async function exportPopRecords(admin: AdminClient, target: BrokerTarget & { dryRun: boolean }): Promise<PopExportResult> {
  const { brokerAddr, dryRun } = target;
  const places =
    brokerAddr === undefined
      ? await admin.clusterBrokers(target.clusterName ?? '')
      : [{ brokerAddr, brokerName: (await getBrokerConfig(admin, { brokerAddr })).brokers[0]?.config.brokerName ?? '' }];
  const addrs = places.map((place) => place.brokerAddr);
  const named = (list: readonly NodeOutcome[]): PopExportResult['brokers'] =>
    list.map((entry, i) => ({ brokerName: places[i]?.brokerName ?? '', ...entry }));
  if (dryRun) {
    return { dryRun, brokers: named(planned(addrs)) };
  }
  const results = await askAll(addrs, (addr) => admin.ask(addr, { code: RequestCode.POP_ROLLBACK }, [], TIMEOUT_MS));
  const result: PopExportResult = { dryRun, brokers: named(outcomes(results)) };
  requireAll(results, 'exportPopRecord', result);
  return result;
}

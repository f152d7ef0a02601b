import { UsageError } from '../../common/errors.js';
import { decodeEpochEntryCache, decodeHARuntimeInfo, type EpochEntryCache, type HARuntimeInfo } from '../../remoting/bodies/replication.js';
import { RequestCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { type BrokerTarget, targetAddrs } from './broker-change.js';
import { askAll, requireAll } from './fan-out.js';

export interface HaStatusResult {
  readonly brokers: readonly (HARuntimeInfo & { readonly brokerAddr: string })[];
}

/** State of the replication of one broker, or of the masters of a cluster. */
export async function haStatus(admin: AdminClient, target: BrokerTarget): Promise<HaStatusResult> {
  const results = await askAll(await targetAddrs(admin, target, 'masters'), async (addr) =>
    decodeHARuntimeInfo(bodyOf(await admin.ask(addr, { code: RequestCode.GET_BROKER_HA_STATUS }))),
  );
  const brokers = results.flatMap(({ addr, value }) => (value === undefined ? [] : [{ brokerAddr: addr, ...value }]));
  requireAll(results, 'haStatus', { brokers });
  return { brokers };
}

export interface BrokerEpochResult {
  readonly brokers: readonly (EpochEntryCache & { readonly brokerAddr: string })[];
}

/** Which master wrote which part of the commit log: all copies of a broker, or all brokers of a cluster. Needs controller mode. */
export async function brokerEpoch(
  admin: AdminClient,
  target: { brokerName?: string | undefined; clusterName?: string | undefined },
): Promise<BrokerEpochResult> {
  const addrs =
    target.brokerName === undefined
      ? await targetAddrs(admin, { clusterName: target.clusterName }, 'brokers')
      : await copiesOf(admin, target.brokerName);
  const results = await askAll(addrs, async (addr) => {
    const cache = decodeEpochEntryCache(bodyOf(await admin.ask(addr, { code: RequestCode.GET_BROKER_EPOCH_CACHE })));
    const last = cache.epochList.length - 1;
    return { ...cache, epochList: cache.epochList.map((entry, i) => (i === last ? { ...entry, endOffset: cache.maxOffset } : entry)) };
  });
  const brokers = results.flatMap(({ addr, value }) => (value === undefined ? [] : [{ brokerAddr: addr, ...value }]));
  requireAll(results, 'getBrokerEpoch', { brokers });
  return { brokers };
}

async function copiesOf(admin: AdminClient, brokerName: string): Promise<string[]> {
  const { brokerAddrTable } = await admin.clusterInfo();
  const addrs = [...(brokerAddrTable.get(brokerName)?.brokerAddrs ?? [])].sort((a, b) => a[0] - b[0]).map(([, addr]) => addr);
  if (addrs.length === 0) {
    throw admin.noBroker(brokerName, [...brokerAddrTable.keys()]);
  }
  return addrs;
}

/** Tells a slave how far its master has flushed. A master takes it without effect. */
export async function resetMasterFlushOffset(
  admin: AdminClient,
  request: { brokerAddr: string; masterFlushOffset: number; dryRun?: boolean },
): Promise<{ readonly dryRun: boolean; readonly brokerAddr: string; readonly masterFlushOffset: number }> {
  const { brokerAddr, masterFlushOffset, dryRun = false } = request;
  if (!Number.isSafeInteger(masterFlushOffset) || masterFlushOffset < 0) {
    throw new UsageError(`offset ${masterFlushOffset} is not a place in a commit log`);
  }
  if (!dryRun) {
    const extFields = { masterFlushOffset: String(masterFlushOffset) };
    await admin.ask(brokerAddr, { code: RequestCode.RESET_MASTER_FLUSH_OFFSET, extFields });
  }
  return { dryRun, brokerAddr, masterFlushOffset };
}

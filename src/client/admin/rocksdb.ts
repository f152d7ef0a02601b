import { UsageError } from '../../common/errors.js';
import { parseFastjsonObject } from '../../common/fastjson.js';
import { RequestCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import type { BrokerTarget } from './broker-change.js';
import { askAll, type NodeOutcome, outcomes, requireAll } from './fan-out.js';

/** Tables that a broker may keep in RocksDB. */
export const ROCKSDB_CONFIG_TYPES = ['topics', 'subscriptionGroups', 'consumerOffsets'] as const;
export type RocksDbConfigType = (typeof ROCKSDB_CONFIG_TYPES)[number];

const EXPORT_TIMEOUT_MS = 30_000;

/** Reads names of tables, separated by `;`; all of them when none is given. */
export function rocksDbConfigTypes(text: string | undefined): RocksDbConfigType[] {
  const words = (text ?? ROCKSDB_CONFIG_TYPES.join(';')).split(';').filter((word) => word.trim() !== '');
  return words.map((word) => {
    const type = ROCKSDB_CONFIG_TYPES.find((candidate) => candidate.toLowerCase() === word.trim().toLowerCase());
    if (type === undefined) {
      throw new UsageError(`Invalid configType: ${word} please input ${ROCKSDB_CONFIG_TYPES.join('/')}`);
    }
    return type;
  });
}

export interface RocksDbExportResult {
  readonly configTypes: readonly RocksDbConfigType[];
  readonly brokers: readonly (NodeOutcome & { readonly brokerName: string | null })[];
}

/** Has a broker, or the masters of a cluster, write their tables beside RocksDB as JSON. Those that have JSON files anyway say done. */
export async function exportRocksDbConfig(
  admin: AdminClient,
  target: BrokerTarget,
  configTypes: readonly RocksDbConfigType[],
): Promise<RocksDbExportResult> {
  const places =
    target.clusterName === undefined
      ? [{ brokerAddr: target.brokerAddr ?? '', brokerName: null }]
      : await admin.clusterMasters(target.clusterName);
  const extFields = { configType: configTypes.map((type) => `${type};`).join('') };
  const results = await askAll(
    places.map(({ brokerAddr }) => brokerAddr),
    (addr) => admin.ask(addr, { code: RequestCode.EXPORT_ROCKSDB_CONFIG_TO_JSON, extFields }, [], EXPORT_TIMEOUT_MS),
  );
  const brokers = outcomes(results).map((entry, i) => ({ brokerName: places[i]?.brokerName ?? null, ...entry }));
  const result = { configTypes, brokers };
  requireAll(results, 'rocksDBConfigToJson', result);
  return result;
}

/** What a comparison of consume queues has come to: `error` has a reason, the others end in the broker's log. */
export interface CqCheck {
  readonly brokerName: string;
  readonly brokerAddr: string;
  /** 3 where the comparison could not be made. */
  readonly checkStatus: number;
  readonly checkResult: string | null;
}

/** Has the masters of a cluster compare their consume queues in files with those in RocksDB. The result is in their logs. */
export async function checkRocksDbCq(
  admin: AdminClient,
  request: { clusterName: string; topic?: string | undefined; checkStoreTime: number },
): Promise<{ readonly brokers: readonly CqCheck[] }> {
  const masters = await admin.clusterMasters(request.clusterName);
  const extFields = { topic: request.topic ?? '', checkStoreTime: String(request.checkStoreTime) };
  const results = await askAll(
    masters.map(({ brokerAddr }) => brokerAddr),
    async (addr) =>
      parseFastjsonObject(bodyOf(await admin.ask(addr, { code: RequestCode.CHECK_ROCKSDB_CQ_WRITE_PROGRESS, extFields })), 'the check'),
  );
  const brokers = masters.flatMap(({ brokerName, brokerAddr }, i) => {
    const answer = results[i]?.value;
    const checkResult = answer?.checkResult == null ? null : String(answer.checkResult);
    return answer === undefined ? [] : [{ brokerName, brokerAddr, checkStatus: Number(answer.checkStatus ?? 0), checkResult }];
  });
  requireAll(results, 'checkRocksdbCqWriteProgress', { brokers });
  return { brokers };
}

/* Bodies of replication: HARuntimeInfo (907), EpochEntryCache (1007), BrokerReplicasInfo (1006). Names as in Java. */
import type { JsonObject } from '../../common/fastjson.js';
import { flag, integer, objectMap, objects, optionalObject, optionalText, parseBody, text } from './reader.js';

/** One slave, as its master sees it. */
export interface HAConnectionRuntimeInfo {
  addr: string;
  slaveAckOffset: number;
  /** Bytes of the commit log that the slave has not acknowledged. */
  diff: number;
  inSync: boolean;
  transferredByteInSecond: number;
  transferFromWhere: number;
}

/** What a slave says of itself. */
export interface HAClientRuntimeInfo {
  masterAddr: string | null;
  transferredByteInSecond: number;
  maxOffset: number;
  lastReadTimestamp: number;
  lastWriteTimestamp: number;
  masterFlushOffset: number;
  activated: boolean;
}

export interface HARuntimeInfo {
  master: boolean;
  masterCommitLogMaxOffset: number;
  inSyncSlaveNums: number;
  haConnectionInfo: HAConnectionRuntimeInfo[];
  haClientRuntimeInfo: HAClientRuntimeInfo;
}

export function decodeHARuntimeInfo(body: Uint8Array | null): HARuntimeInfo {
  const object = parseBody(body, 'HARuntimeInfo');
  const client = optionalObject(object, 'haClientRuntimeInfo') ?? {};
  return {
    master: flag(object, 'master'),
    masterCommitLogMaxOffset: integer(object, 'masterCommitLogMaxOffset'),
    inSyncSlaveNums: integer(object, 'inSyncSlaveNums'),
    haConnectionInfo: objects(object, 'haConnectionInfo', (item) => ({
      addr: text(item, 'addr'),
      slaveAckOffset: integer(item, 'slaveAckOffset'),
      diff: integer(item, 'diff'),
      inSync: flag(item, 'inSync'),
      transferredByteInSecond: integer(item, 'transferredByteInSecond'),
      transferFromWhere: integer(item, 'transferFromWhere'),
    })),
    haClientRuntimeInfo: {
      masterAddr: optionalText(client, 'masterAddr') ?? null,
      transferredByteInSecond: integer(client, 'transferredByteInSecond'),
      maxOffset: integer(client, 'maxOffset'),
      lastReadTimestamp: integer(client, 'lastReadTimestamp'),
      lastWriteTimestamp: integer(client, 'lastWriteTimestamp'),
      masterFlushOffset: integer(client, 'masterFlushOffset'),
      activated: flag(client, 'activated'),
    },
  };
}

/** A time of one master; `endOffset` is where the next one begins. */
export interface EpochEntry {
  epoch: number;
  startOffset: number;
  endOffset: number;
}

export interface EpochEntryCache {
  clusterName: string;
  brokerName: string;
  brokerId: number;
  epochList: EpochEntry[];
  maxOffset: number;
}

export function decodeEpochEntryCache(body: Uint8Array | null): EpochEntryCache {
  const object = parseBody(body, 'EpochEntryCache');
  return {
    clusterName: text(object, 'clusterName'),
    brokerName: text(object, 'brokerName'),
    brokerId: integer(object, 'brokerId'),
    epochList: objects(object, 'epochList', (item) => ({
      epoch: integer(item, 'epoch'),
      startOffset: integer(item, 'startOffset'),
      endOffset: Number(item.endOffset ?? 0),
    })),
    maxOffset: integer(object, 'maxOffset'),
  };
}

/** One copy of a broker, as the controller knows it. */
export interface ReplicaIdentity {
  brokerName: string;
  brokerId: number;
  brokerAddress: string;
  alive: boolean;
}

export interface ReplicasInfo {
  masterBrokerId: number | null;
  masterAddress: string | null;
  masterEpoch: number;
  syncStateSetEpoch: number;
  inSyncReplicas: ReplicaIdentity[];
  notInSyncReplicas: ReplicaIdentity[];
}

/** Replicas by broker name. */
export function decodeBrokerReplicasInfo(body: Uint8Array | null): Map<string, ReplicasInfo> {
  const object = parseBody(body, 'BrokerReplicasInfo');
  return objectMap(object, 'replicasInfoTable', (info) => ({
    masterBrokerId: info.masterBrokerId == null ? null : integer(info, 'masterBrokerId'),
    masterAddress: optionalText(info, 'masterAddress') ?? null,
    masterEpoch: integer(info, 'masterEpoch'),
    syncStateSetEpoch: integer(info, 'syncStateSetEpoch'),
    inSyncReplicas: objects(info, 'inSyncReplicas', toReplica),
    notInSyncReplicas: objects(info, 'notInSyncReplicas', toReplica),
  }));
}

function toReplica(object: JsonObject): ReplicaIdentity {
  return {
    brokerName: text(object, 'brokerName'),
    brokerId: integer(object, 'brokerId'),
    brokerAddress: text(object, 'brokerAddress'),
    alive: flag(object, 'alive'),
  };
}

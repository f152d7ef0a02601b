import { crc31 } from '../../src/common/crc.js';
import { decodeDataVersion, decodeTopicRouteData, encodeDataVersion, encodeKVTable } from '../../src/remoting/bodies/index.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import {
  BrokerHeartbeatRequestHeader,
  QueryDataVersionRequestHeader,
  QueryDataVersionResponseHeader,
  RegisterBrokerRequestHeader,
  RegisterBrokerResponseHeader,
  RegisterTopicRequestHeader,
  readHeader,
  UnRegisterBrokerRequestHeader,
  writeHeader,
} from '../../src/remoting/headers/index.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { ORDER_TOPIC_CONFIG } from './kv-config.js';
import type { NamesrvParts } from './parts.js';
import { decodeRegistration } from './registration.js';
import { type MinBrokerIdChange, minId } from './route-info.js';

const MASTER_ID = 0;

/** Requests of brokers: they come, they live, they go. */
export function registerBrokerProcessors(server: RemotingServer, parts: NamesrvParts): void {
  server.register(RequestCode.REGISTER_BROKER, (conn, request) => registerBroker(parts, conn, request));
  server.register(RequestCode.UNREGISTER_BROKER, (conn, request) => {
    const { clusterName: cluster, brokerAddr, brokerName, brokerId } = readHeader(UnRegisterBrokerRequestHeader, request.extFields);
    notifyMinBrokerId(parts, parts.routes.unregister({ cluster, brokerAddr, brokerName, brokerId }));
    parts.logger.info('broker unregistered', { brokerName, brokerAddr });
    conn.respond(request, ResponseCode.SUCCESS);
  });
  server.register(RequestCode.QUERY_DATA_VERSION, (conn, request) => queryDataVersion(parts, conn, request));
  server.register(RequestCode.BROKER_HEARTBEAT, (conn, request) => {
    const { clusterName, brokerAddr } = readHeader(BrokerHeartbeatRequestHeader, request.extFields);
    parts.routes.touch(clusterName, brokerAddr, parts.clock.monotonicMs());
    conn.respond(request, ResponseCode.SUCCESS);
  });
  server.register(RequestCode.REGISTER_TOPIC_IN_NAMESRV, (conn, request) => {
    parts.routes.putTopic(readHeader(RegisterTopicRequestHeader, request.extFields).topic, decodeTopicRouteData(request.body).queueDatas);
    conn.respond(request, ResponseCode.SUCCESS);
  });
}

function registerBroker(parts: NamesrvParts, conn: Connection, request: RemotingCommand): void {
  const header = readHeader(RegisterBrokerRequestHeader, request.extFields);
  const crc = header.bodyCrc32 ?? 0;
  if (crc !== 0 && crc31(request.body ?? Buffer.alloc(0)) !== crc) {
    conn.respond(request, ResponseCode.SYSTEM_ERROR, 'crc32 not match', {});
    return;
  }
  const broker = decodeRegistration(header, request, conn);
  const wasKnown = parts.routes.live(broker.cluster, broker.brokerAddr) !== undefined;
  const isFull = broker.topics.size > 1;
  const isChanged = parts.routes.isChanged(broker.cluster, broker.brokerAddr, broker.dataVersion);
  const result = parts.routes.register(broker, parts.clock.monotonicMs());
  if (result.status === 'refused') {
    conn.respond(request, ResponseCode.SYSTEM_ERROR, 'register broker failed', {});
    return;
  }
  if (result.status === 'registered' && !wasKnown) {
    const { brokerName, brokerAddr, brokerId, cluster } = broker;
    parts.logger.info('broker registered', { brokerName, brokerAddr, brokerId, cluster, topics: broker.topics.size });
  }
  const { namesrv } = parts.config;
  // A body with one topic is an incremental one: it says nothing of the others.
  if (namesrv.deleteTopicWithBrokerRegistration && isChanged && isFull && broker.brokerId === MASTER_ID) {
    parts.routes.dropTopicsExcept(broker.brokerName, new Set(broker.topics.keys()));
  }
  notifyMinBrokerId(parts, result.minIdChange);
  const extFields = writeHeader(RegisterBrokerResponseHeader, result);
  const order = namesrv.returnOrderTopicConfigToBroker ? parts.kv.list(ORDER_TOPIC_CONFIG) : undefined;
  const body = order === undefined ? null : encodeKVTable({ table: new Map(order) });
  conn.respond(request, ResponseCode.SUCCESS, null, extFields, body);
}

function queryDataVersion(parts: NamesrvParts, conn: Connection, request: RemotingCommand): void {
  const { clusterName: cluster, brokerAddr } = readHeader(QueryDataVersionRequestHeader, request.extFields);
  const isChanged = parts.routes.isChanged(cluster, brokerAddr, decodeDataVersion(request.body));
  parts.routes.touch(cluster, brokerAddr, parts.clock.monotonicMs());
  const known = parts.routes.live(cluster, brokerAddr);
  const body = known === undefined ? null : encodeDataVersion(known.dataVersion);
  conn.respond(request, ResponseCode.SUCCESS, null, writeHeader(QueryDataVersionResponseHeader, { changed: isChanged }), body);
}

/** Tells the members of a group that its lowest broker id is another one now (one-way 905), when that is switched on. */
export function notifyMinBrokerId(parts: NamesrvParts, change: MinBrokerIdChange | null): void {
  if (change === null || !parts.config.namesrv.notifyMinBrokerIdChanged) return;
  const { group, offlineBrokerAddr, offlineHaServerAddr } = change;
  const lowest = minId(group);
  if (lowest === undefined) return;
  const minBrokerAddr = group.brokerAddrs.get(lowest) as string;
  const extFields: Record<string, string> = { minBrokerId: String(lowest), brokerName: group.brokerName, minBrokerAddr };
  if (offlineBrokerAddr !== null) extFields.offlineBrokerAddr = offlineBrokerAddr;
  if (offlineHaServerAddr !== null) extFields.haBrokerAddr = offlineHaServerAddr;
  for (const live of parts.routes.liveBrokers()) {
    if (live.brokerName !== group.brokerName || live.brokerId === lowest) continue;
    (live.connection as Connection).invokeOneway({ code: RequestCode.NOTIFY_MIN_BROKER_ID_CHANGE, extFields });
  }
}

import { encodeKVTable } from '../../src/remoting/bodies/index.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import {
  AddWritePermOfBrokerRequestHeader,
  AddWritePermOfBrokerResponseHeader,
  DeleteKVConfigRequestHeader,
  DeleteTopicFromNamesrvRequestHeader,
  GetKVConfigRequestHeader,
  GetKVListByNamespaceRequestHeader,
  PutKVConfigRequestHeader,
  readHeader,
  WipeWritePermOfBrokerRequestHeader,
  WipeWritePermOfBrokerResponseHeader,
  writeHeader,
} from '../../src/remoting/headers/index.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { describeUpdate } from '../config/index.js';
import type { NamesrvParts } from './parts.js';

/** Requests of administrators: permissions, topics, key-value pairs, configuration. */
export function registerAdminProcessors(server: RemotingServer, parts: NamesrvParts): void {
  const { routes, kv } = parts;
  server.register(RequestCode.WIPE_WRITE_PERM_OF_BROKER, (conn, request) => {
    const wipeTopicCount = routes.wipeWritePerm(readHeader(WipeWritePermOfBrokerRequestHeader, request.extFields).brokerName);
    conn.respond(request, ResponseCode.SUCCESS, null, writeHeader(WipeWritePermOfBrokerResponseHeader, { wipeTopicCount }));
  });
  server.register(RequestCode.ADD_WRITE_PERM_OF_BROKER, (conn, request) => {
    const addTopicCount = routes.addWritePerm(readHeader(AddWritePermOfBrokerRequestHeader, request.extFields).brokerName);
    conn.respond(request, ResponseCode.SUCCESS, null, writeHeader(AddWritePermOfBrokerResponseHeader, { addTopicCount }));
  });
  server.register(RequestCode.DELETE_TOPIC_IN_NAMESRV, (conn, request) => {
    const { topic, clusterName } = readHeader(DeleteTopicFromNamesrvRequestHeader, request.extFields);
    routes.deleteTopic(topic, clusterName ?? null);
    conn.respond(request, ResponseCode.SUCCESS);
  });
  server.register(RequestCode.PUT_KV_CONFIG, (conn, request) => {
    const { namespace, key, value } = readHeader(PutKVConfigRequestHeader, request.extFields);
    const isKept = kv.put(namespace, key, value);
    conn.respond(request, isKept ? ResponseCode.SUCCESS : ResponseCode.SYSTEM_ERROR, isKept ? null : 'the key-value table is full');
  });
  server.register(RequestCode.GET_KV_CONFIG, (conn, request) => {
    const { namespace, key } = readHeader(GetKVConfigRequestHeader, request.extFields);
    const value = kv.get(namespace, key);
    if (value === undefined) conn.respond(request, ResponseCode.QUERY_NOT_FOUND, `No config item, Namespace: ${namespace} Key: ${key}`, {});
    else conn.respond(request, ResponseCode.SUCCESS, null, { value });
  });
  server.register(RequestCode.DELETE_KV_CONFIG, (conn, request) => {
    const { namespace, key } = readHeader(DeleteKVConfigRequestHeader, request.extFields);
    kv.delete(namespace, key);
    conn.respond(request, ResponseCode.SUCCESS);
  });
  server.register(RequestCode.GET_KVLIST_BY_NAMESPACE, (conn, request) => {
    const { namespace } = readHeader(GetKVListByNamespaceRequestHeader, request.extFields);
    const pairs = kv.list(namespace);
    if (pairs === undefined) conn.respond(request, ResponseCode.QUERY_NOT_FOUND, `No config item, Namespace: ${namespace}`);
    else conn.respond(request, ResponseCode.SUCCESS, null, null, encodeKVTable({ table: new Map(pairs) }));
  });
  server.register(RequestCode.GET_NAMESRV_CONFIG, (conn, request) => {
    conn.respond(request, ResponseCode.SUCCESS, null, null, Buffer.from(parts.config.toPropertiesText()));
  });
  server.register(RequestCode.UPDATE_NAMESRV_CONFIG, (conn, request) => updateConfig(parts, conn, request));
}

function updateConfig(parts: NamesrvParts, conn: Connection, request: RemotingCommand): void {
  const result = parts.config.applyUpdate(request.body?.toString('utf8') ?? '');
  if (result.denied.length > 0) {
    conn.respond(request, ResponseCode.NO_PERMISSION, 'Can not update config in black list.');
    return;
  }
  parts.logger.info('configuration updated', result);
  conn.respond(request, ResponseCode.SUCCESS, describeUpdate(result));
}

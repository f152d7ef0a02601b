import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import type { BrokerParts } from '../parts.js';
import { fault, respondJson, respondOk } from './respond.js';

const NO_AUTH = 'users and access rules: this broker has no authentication, every client may do everything';
const NO_PLAIN_ACL = 'access configuration (plain_acl.yml): this broker has none, every client may do everything';
const NO_COLD_DATA = 'limits of cold reads: this broker does not tell cold reads from others';
const NO_CONTAINER = 'starting and stopping other brokers: this broker is no broker container';
const NO_CONTROLLER = 'controller requests: this broker is no controller';

/** What requests of the administration speak of that this broker does not have: answered with code 3 and one line. */
const LACKING: ReadonlyMap<number, string> = new Map([
  [RequestCode.UPDATE_AND_CREATE_ACL_CONFIG, NO_PLAIN_ACL],
  [RequestCode.DELETE_ACL_CONFIG, NO_PLAIN_ACL],
  [RequestCode.GET_BROKER_CLUSTER_ACL_INFO, NO_PLAIN_ACL],
  [RequestCode.UPDATE_GLOBAL_WHITE_ADDRS_CONFIG, NO_PLAIN_ACL],
  [RequestCode.GET_BROKER_CLUSTER_ACL_CONFIG, NO_PLAIN_ACL],
  [RequestCode.CHECK_ROCKSDB_CQ_WRITE_PROGRESS, 'comparing consume queues in RocksDB: this broker keeps them in files only'],
  [RequestCode.UPDATE_AND_CREATE_STATIC_TOPIC, 'static topics: this broker has topics with queues of its own only'],
  [RequestCode.ADD_BROKER, NO_CONTAINER],
  [RequestCode.REMOVE_BROKER, NO_CONTAINER],
  [RequestCode.CONTROLLER_ELECT_MASTER, NO_CONTROLLER],
  [RequestCode.CONTROLLER_GET_METADATA_INFO, NO_CONTROLLER],
  [RequestCode.CONTROLLER_GET_SYNC_STATE_DATA, NO_CONTROLLER],
  [RequestCode.UPDATE_CONTROLLER_CONFIG, NO_CONTROLLER],
  [RequestCode.GET_CONTROLLER_CONFIG, NO_CONTROLLER],
  [RequestCode.CLEAN_BROKER_DATA, NO_CONTROLLER],
  [RequestCode.UPDATE_COLD_DATA_FLOW_CTR_CONFIG, NO_COLD_DATA],
  [RequestCode.REMOVE_COLD_DATA_FLOW_CTR_CONFIG, NO_COLD_DATA],
  [RequestCode.GET_COLD_DATA_FLOW_CTR_INFO, NO_COLD_DATA],
  [RequestCode.SET_COMMITLOG_READ_MODE, 'read ahead of mapped files: this broker maps no files into memory'],
  ...[
    RequestCode.AUTH_CREATE_USER,
    RequestCode.AUTH_UPDATE_USER,
    RequestCode.AUTH_DELETE_USER,
    RequestCode.AUTH_GET_USER,
    RequestCode.AUTH_LIST_USER,
    RequestCode.AUTH_CREATE_ACL,
    RequestCode.AUTH_UPDATE_ACL,
    RequestCode.AUTH_DELETE_ACL,
    RequestCode.AUTH_GET_ACL,
    RequestCode.AUTH_LIST_ACL,
  ].map((code): [number, string] => [code, NO_AUTH]),
]);

/** What a cluster of several machines asks for, answered by one machine: 355, 907, 908, 1007, 200056, and what it lacks. */
export class AdminHaProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.GET_BROKER_HA_STATUS, (connection, request) => this.#haStatus(connection, request));
    // A master keeps no flush offset of another one, and says so to nobody: Apache's answers success too.
    server.register(RequestCode.RESET_MASTER_FLUSH_OFFSET, (connection, request) => respondOk(connection, request));
    // Settings are in JSON files already, and pop's records in the normal queues.
    server.register(RequestCode.EXPORT_ROCKSDB_CONFIG_TO_JSON, (connection, request) =>
      connection.respond(request, ResponseCode.SUCCESS, 'export done.'),
    );
    server.register(RequestCode.POP_ROLLBACK, (connection, request) => respondOk(connection, request));
    server.register(RequestCode.GET_BROKER_EPOCH_CACHE, () => {
      throw fault(ResponseCode.SYSTEM_ERROR, 'this request only for controllerMode ');
    });
    for (const [code, what] of LACKING) {
      server.register(code, () => {
        throw fault(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, `${what} (request type ${code} not supported)`);
      });
    }
  }

  /** A master without slaves. */
  #haStatus(connection: Connection, request: RemotingCommand): void {
    respondJson(connection, request, {
      master: true,
      masterCommitLogMaxOffset: this.#parts.store.commitLogMaxOffset(),
      inSyncSlaveNums: 0,
      haConnectionInfo: [],
      haClientRuntimeInfo: {
        masterAddr: null,
        transferredByteInSecond: 0,
        maxOffset: 0,
        lastReadTimestamp: 0,
        lastWriteTimestamp: 0,
        masterFlushOffset: 0,
        activated: false,
      },
    });
  }
}

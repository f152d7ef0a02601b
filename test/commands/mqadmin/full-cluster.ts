/*
 * Nodes that answer what the bundled ones refuse: users and rules, the access configuration of 4.9, cold data, a container, a controller
 * and static topics. They keep what they are told and answer as Apache's do, as far as the recorded runs show.
 */
import { stringifyFastjson } from '../../../src/common/fastjson.js';
import { encodeClusterInfo } from '../../../src/remoting/bodies/route.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { RemotingServer } from '../../../src/remoting/server.js';
import { answerAuth } from './full-cluster-auth.js';
import { answerController } from './full-cluster-controller.js';
import { answerPlainAcl } from './full-cluster-plain-acl.js';
import { answerStaticTopics } from './full-cluster-static.js';

const HOST = '127.0.0.1';

/** An answer; without a code it is a success. */
export interface Answer {
  readonly code?: number;
  readonly remark?: string;
  readonly extFields?: Record<string, string>;
  readonly body?: unknown;
}

export type Answers = ReadonlyMap<number, (request: RemotingCommand) => Answer>;

/** What a request says, for expectations. */
export interface SeenRequest {
  readonly code: number;
  readonly extFields: Readonly<Record<string, string>>;
  readonly body: string;
}

export class FullNode {
  readonly brokerName: string;
  readonly brokerId: number;
  readonly seen: SeenRequest[] = [];
  addr = '';
  readonly #server = new RemotingServer({ bindAddress: HOST, listenPort: 0 });

  constructor(brokerName: string, brokerId = 0) {
    this.brokerName = brokerName;
    this.brokerId = brokerId;
  }

  answer(answers: Answers): void {
    for (const [code, answer] of answers) {
      this.#server.register(code, (connection, request) => {
        this.seen.push({ code, extFields: { ...request.extFields }, body: request.body?.toString('utf8') ?? '' });
        const { code: responseCode = ResponseCode.SUCCESS, remark = null, extFields = null, body } = answer(request);
        const bytes = body === undefined ? null : Buffer.from(typeof body === 'string' ? body : stringifyFastjson(body));
        connection.respond(request, responseCode, remark, extFields, bytes);
      });
    }
  }

  /** The requests of one code, as they came. */
  requestsOf(code: number): SeenRequest[] {
    return this.seen.filter((request) => request.code === code);
  }

  async listen(): Promise<void> {
    const { listenPort } = await this.#server.listen();
    this.addr = `${HOST}:${listenPort}`;
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

export interface FullCluster {
  readonly namesrv: FullNode;
  /** Masters broker-a and broker-b, and the slave of broker-a. */
  readonly masterA: FullNode;
  readonly masterB: FullNode;
  readonly slaveA: FullNode;
  readonly controller: FullNode;
  stop(): Promise<void>;
}

/** With `slave: false` the masters only. */
export async function startFullCluster(options: { slave?: boolean } = {}): Promise<FullCluster> {
  const [namesrv, controller] = [new FullNode('namesrv'), new FullNode('controller')];
  const [masterA, masterB, slaveA] = [new FullNode('broker-a'), new FullNode('broker-b'), new FullNode('broker-a', 2)];
  const brokers = [masterA, masterB, slaveA];
  const nodes = [namesrv, controller, ...brokers];
  for (const node of nodes) {
    await node.listen();
  }
  for (const broker of brokers) {
    broker.answer(answerAuth());
    broker.answer(answerPlainAcl(broker));
    broker.answer(answerStaticTopics(broker.brokerName));
    broker.answer(answerBroker(broker, masterA));
  }
  controller.answer(answerController(controller));
  namesrv.answer(
    new Map([
      [
        RequestCode.GET_BROKER_CLUSTER_INFO,
        () => ({
          body: encodeClusterInfo({
            clusterAddrTable: new Map([['DefaultCluster', ['broker-a', 'broker-b']]]),
            brokerAddrTable: new Map(
              [options.slave === false ? [masterA] : [masterA, slaveA], [masterB]].map((members) => {
                const { brokerName } = members[0]!;
                const brokerAddrs = new Map(members.map(({ brokerId, addr }) => [brokerId, addr]));
                return [brokerName, { cluster: 'DefaultCluster', brokerName, brokerAddrs, enableActingMaster: false }];
              }),
            ),
          }).toString('utf8'),
        }),
      ],
    ]),
  );
  return {
    namesrv,
    controller,
    masterA,
    masterB,
    slaveA,
    stop: async () => {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
}

/** Cold data, read ahead, replication, container and RocksDB. */
function answerBroker(node: FullNode, master: FullNode): Answers {
  const limits = new Map<string, number>();
  const slave = {
    addr: '127.0.0.1:42554',
    slaveAckOffset: 200,
    diff: 49,
    inSync: false,
    transferredByteInSecond: 2048,
    transferFromWhere: 249,
  };
  return new Map<number, (request: RemotingCommand) => Answer>([
    [
      RequestCode.GET_BROKER_HA_STATUS,
      () => ({
        body: {
          master: node.brokerId === 0,
          masterCommitLogMaxOffset: 249,
          inSyncSlaveNums: 0,
          haConnectionInfo: node === master ? [slave] : [],
          haClientRuntimeInfo: {
            activated: node.brokerId !== 0,
            masterAddr: master.addr,
            maxOffset: 200,
            transferredByteInSecond: 512,
            lastReadTimestamp: new Date(2026, 10, 21, 4, 23, 2, 204).getTime(),
            lastWriteTimestamp: new Date(2026, 10, 21, 4, 22, 59, 338).getTime(),
            masterFlushOffset: 0,
          },
        },
      }),
    ],
    [
      RequestCode.GET_BROKER_EPOCH_CACHE,
      () => ({
        body: `{"brokerId":${node.brokerId},"brokerName":"${node.brokerName}","clusterName":"DefaultCluster","epochList":[{"endOffset":100,"epoch":1,"startOffset":0},{"endOffset":9223372036854775807,"epoch":2,"startOffset":100}],"maxOffset":249}`,
      }),
    ],
    [RequestCode.RESET_MASTER_FLUSH_OFFSET, () => ({})],
    [
      RequestCode.UPDATE_COLD_DATA_FLOW_CTR_CONFIG,
      (request) => {
        const [group = '', limit = ''] = (request.body?.toString('utf8') ?? '').trim().split('=');
        limits.set(group, Number(limit));
        return {};
      },
    ],
    [
      RequestCode.REMOVE_COLD_DATA_FLOW_CTR_CONFIG,
      (request) => {
        limits.delete(request.body?.toString('utf8') ?? '');
        return {};
      },
    ],
    [
      RequestCode.GET_COLD_DATA_FLOW_CTR_INFO,
      () => ({
        body: {
          runtimeTable: {},
          configTable: Object.fromEntries(limits),
          cgColdReadThreshold: 3_145_728,
          globalColdReadThreshold: 104_857_600,
          globalAcc: 0,
        },
      }),
    ],
    [
      RequestCode.SET_COMMITLOG_READ_MODE,
      ({ extFields }) => ({ remark: `set commitlog readahead mode success, mode: ${extFields?.READ_AHEAD_MODE}` }),
    ],
    [RequestCode.ADD_BROKER, () => ({})],
    [RequestCode.REMOVE_BROKER, () => ({})],
    [RequestCode.CHECK_ROCKSDB_CQ_WRITE_PROGRESS, () => ({ body: { checkStatus: 2 } })],
    [RequestCode.EXPORT_ROCKSDB_CONFIG_TO_JSON, () => ({ remark: 'export done.' })],
    [RequestCode.POP_ROLLBACK, () => ({})],
    [RequestCode.GET_BROKER_CONFIG, () => ({ body: `brokerName=${node.brokerName}\nbrokerId=${node.brokerId}\n` })],
  ]);
}

/* Nodes that fail in every way a node can fail, beside a bundled cluster that works, for the tables of failures. */
import { connect } from 'node:net';
import { encodeClusterInfo, encodeTopicRouteData } from '../../../src/remoting/bodies/route.js';
import { RemotingClient } from '../../../src/remoting/client.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { type Connection, RemotingServer } from '../../../src/remoting/server.js';
import { RawServer } from '../../raw-server.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';

const HOST = '127.0.0.1';

type Processor = (connection: Connection, request: RemotingCommand) => void;

/** A node that answers every request by one rule, and what is in `own` otherwise. */
async function startNode(
  rule: Processor,
  own: ReadonlyMap<number, Processor> = new Map(),
): Promise<{ addr: string; server: RemotingServer }> {
  const server = new RemotingServer({ bindAddress: HOST, listenPort: 0 });
  for (const code of Object.values(RequestCode)) {
    server.register(code, own.get(code) ?? rule);
  }
  const { listenPort } = await server.listen();
  return { addr: `${HOST}:${listenPort}`, server };
}

type Rule = 'denying' | 'broken' | 'mute';

/** How the brokers behind a name server answer. */
const RULES: Readonly<Record<Exclude<Rule, 'mute'>, Processor>> = {
  denying: (connection, request) => connection.respond(request, ResponseCode.NO_PERMISSION, 'user someone has no permission'),
  broken: (connection, request) => connection.respond(request, ResponseCode.SYSTEM_ERROR, 'java.lang.NullPointerException\n\tat x.y.Z'),
};

export interface FailingNodes {
  /** Nobody listens there. */
  readonly refused: string;
  /** Accepts, and never says anything. */
  readonly silent: string;
  /** Answers as a web server does. */
  readonly web: string;
  /** Closes what is opened. */
  readonly closing: string;
  /** Name servers in whose cluster every broker follows a rule, and those brokers. */
  readonly clusters: Readonly<Record<Rule, { readonly namesrvAddr: string; readonly brokerAddr: string }>>;
  /** Name servers that follow a rule themselves. */
  readonly namesrvs: Readonly<Record<Rule, string>>;
  /**
   * Works, with broker-a. Its name server comes to know broker-b, which is down, with a share of `T` and of the group `G`, and all of `OnlyOnB`.
   */
  readonly half: Sandbox;
  registerDownBroker(): Promise<void>;
  /** Is called when a node that never answers gets a request. */
  onMuteRequest: () => void;
  stop(): Promise<void>;
}

/** An address that refuses connections, at which no test starts a server: of this machine, but not the one that all of them take. */
export async function refusedAddress(): Promise<string> {
  const addr = { host: '127.0.0.3', port: 9 };
  const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    const socket = connect({ ...addr, timeout: 5_000 });
    socket.once('connect', () => resolve(null));
    socket.once('timeout', () => resolve(null));
    socket.once('error', resolve);
    socket.once('close', () => socket.destroy());
  });
  if (error?.code === 'ECONNREFUSED') {
    return `${addr.host}:${addr.port}`;
  }
  // Where the machine has the one address only, a port that was free a moment ago.
  const closed = await new RawServer().listen();
  await closed.close();
  return closed.addr;
}

export async function startFailingNodes(): Promise<FailingNodes> {
  const refused = await refusedAddress();
  const raw = {
    silent: await new RawServer().listen(),
    web: await new RawServer((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')),
    ).listen(),
    closing: await new RawServer((socket) => socket.once('data', () => socket.end())).listen(),
  };
  const servers: RemotingServer[] = [];
  const clusters: Partial<Record<Rule, { namesrvAddr: string; brokerAddr: string }>> = {};
  const namesrvs: Partial<Record<Rule, string>> = {};
  const mute = { onRequest: (): void => undefined };
  const rules: Readonly<Record<Rule, Processor>> = { ...RULES, mute: () => mute.onRequest() };
  for (const rule of ['denying', 'broken', 'mute'] as const) {
    const broker = await startNode(rules[rule]);
    const namesrv = await startNode(rules[rule], namesrvAnswers(broker.addr));
    const itself = await startNode(rules[rule]);
    clusters[rule] = { namesrvAddr: namesrv.addr, brokerAddr: broker.addr };
    namesrvs[rule] = itself.addr;
    servers.push(broker.server, namesrv.server, itself.server);
  }
  const half = await startSandbox();
  const ghost = new RemotingClient();
  return {
    refused,
    silent: raw.silent.addr,
    web: raw.web.addr,
    closing: raw.closing.addr,
    clusters: clusters as FailingNodes['clusters'],
    namesrvs: namesrvs as FailingNodes['namesrvs'],
    half,
    registerDownBroker: async () => {
      await registerGhost(ghost, half, refused);
    },
    set onMuteRequest(listener: () => void) {
      mute.onRequest = listener;
    },
    stop: async () => {
      await ghost.close();
      await half.stop();
      await Promise.all([...Object.values(raw), ...servers].map((server) => server.close()));
    },
  };
}

/** Routes to one broker, for whatever is asked. */
function namesrvAnswers(brokerAddr: string): Map<number, Processor> {
  const brokerName = 'broker-a';
  const cluster = 'DefaultCluster';
  const brokerAddrs = new Map([[0, brokerAddr]]);
  const respond = (body: Buffer): Processor => {
    return (connection, request) => connection.respond(request, ResponseCode.SUCCESS, null, null, body);
  };
  return new Map([
    [
      RequestCode.GET_BROKER_CLUSTER_INFO,
      respond(
        encodeClusterInfo({
          clusterAddrTable: new Map([[cluster, [brokerName]]]),
          brokerAddrTable: new Map([[brokerName, { cluster, brokerName, brokerAddrs, enableActingMaster: false }]]),
        }),
      ),
    ],
    [
      RequestCode.GET_ROUTEINFO_BY_TOPIC,
      respond(
        encodeTopicRouteData(
          {
            queueDatas: [{ brokerName, readQueueNums: 1, writeQueueNums: 1, perm: 6, topicSysFlag: 0 }],
            brokerDatas: [{ cluster, brokerName, brokerAddrs, enableActingMaster: false }],
            filterServerTable: new Map(),
          },
          { standardJson: true },
        ),
      ),
    ],
    [RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, respond(Buffer.from('{"topicList":["T","%RETRY%G"]}'))],
  ]);
}

/** Registers a broker that is not there; the connection must stay open, or the name server forgets it. */
async function registerGhost(client: RemotingClient, sandbox: Sandbox, addr: string): Promise<void> {
  const topics = ['T', 'OnlyOnB', '%RETRY%G'];
  const table = Object.fromEntries(
    topics.map((topicName) => [
      topicName,
      { topicName, readQueueNums: 1, writeQueueNums: 1, perm: 6, topicSysFlag: 0, topicFilterType: 'SINGLE_TAG', order: false },
    ]),
  );
  const body = {
    filterServerList: [],
    topicConfigSerializeWrapper: { topicConfigTable: table, dataVersion: { counter: 1, timestamp: 1, stateVersion: 0 } },
  };
  const request = {
    code: RequestCode.REGISTER_BROKER,
    extFields: { brokerName: 'broker-b', brokerAddr: addr, clusterName: 'DefaultCluster', haServerAddr: addr, brokerId: '0' },
    body: Buffer.from(JSON.stringify(body)),
  };
  const { code, remark } = await client.invoke(sandbox.namesrvAddr, request);
  if (code !== ResponseCode.SUCCESS) {
    throw new Error(`the broker that is not there was not registered: ${remark}`);
  }
}

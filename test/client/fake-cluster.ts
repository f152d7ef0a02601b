import type { SendResult } from '../../src/client/types.js';
import type { MQError } from '../../src/common/errors.js';
import { encodeTopicRouteData, type TopicRouteData } from '../../src/remoting/bodies/route.js';
import { encodeConsumerIdList } from '../../src/remoting/bodies/subscription.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { type Connection, RemotingServer } from '../../src/remoting/server.js';

const HOST = '127.0.0.1';

/** A broker of which a test says how it answers. */
export class FakeBroker {
  readonly name: string;
  readonly server: RemotingServer;
  addr = '';
  /** Requests in order of arrival. */
  readonly requests: RemotingCommand[] = [];
  /** Answers sends; by default they are stored at the next offset. */
  onSend: (conn: Connection, request: RemotingCommand) => void = (conn, request) => this.store(conn, request);
  readonly #offsets = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
    this.server = new RemotingServer({ bindAddress: HOST, listenPort: 0 });
    for (const code of [RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_BATCH_MESSAGE, RequestCode.SEND_MESSAGE]) {
      this.on(code, (conn, request) => this.onSend(conn, request));
    }
    this.on(RequestCode.HEART_BEAT, (conn, request) => conn.respond(request, ResponseCode.SUCCESS));
    this.on(RequestCode.UNREGISTER_CLIENT, (conn, request) => conn.respond(request, ResponseCode.SUCCESS));
  }

  on(code: number, processor: (conn: Connection, request: RemotingCommand) => void): void {
    this.server.register(code, (conn, request) => {
      this.requests.push({ ...request, body: request.body === null ? null : Buffer.from(request.body) });
      processor(conn, request);
    });
  }

  /** Answers with success and the next offset of the queue. */
  store(conn: Connection, request: RemotingCommand, code: number = ResponseCode.SUCCESS): void {
    const ext = request.extFields ?? {};
    const key = `${ext.b}/${ext.e}`;
    const offset = this.#offsets.get(key) ?? 0;
    this.#offsets.set(key, offset + 1);
    conn.respond(request, code, null, {
      msgId: '7F00000100002A9F0000000000000000',
      queueId: ext.e ?? '0',
      queueOffset: String(offset),
      MSG_REGION: 'DefaultRegion',
      TRACE_ON: 'true',
    });
  }

  /** A single member: the one that asks. */
  answerConsumerList(clientIds: () => readonly string[]): void {
    this.on(RequestCode.GET_CONSUMER_LIST_BY_GROUP, (conn, request) =>
      conn.respond(request, ResponseCode.SUCCESS, null, {}, encodeConsumerIdList(clientIds())),
    );
  }

  requestsOf(code: number): RemotingCommand[] {
    return this.requests.filter((request) => request.code === code);
  }

  async start(): Promise<void> {
    const { listenPort } = await this.server.listen();
    this.addr = `${HOST}:${listenPort}`;
  }
}

/** A name server and brokers without any logic of their own, on real sockets. */
export class FakeCluster {
  readonly brokers: FakeBroker[];
  readonly namesrv: RemotingServer;
  readonly routes = new Map<string, TopicRouteData>();
  /** Topics that were asked for. */
  readonly asked: string[] = [];
  namesrvAddr = '';

  private constructor(brokers: FakeBroker[]) {
    this.brokers = brokers;
    this.namesrv = new RemotingServer({ bindAddress: HOST, listenPort: 0 });
    this.namesrv.register(RequestCode.GET_ROUTEINFO_BY_TOPIC, (conn, request) => {
      const topic = request.extFields?.topic ?? '';
      this.asked.push(topic);
      const route = this.routes.get(topic);
      if (route === undefined) {
        conn.respond(request, ResponseCode.TOPIC_NOT_EXIST, `No topic route info in name server for the topic: ${topic}`);
      } else {
        conn.respond(request, ResponseCode.SUCCESS, null, null, encodeTopicRouteData(route, { standardJson: true }));
      }
    });
  }

  static async start(options: { brokerNames?: string[] } = {}): Promise<FakeCluster> {
    const brokers = (options.brokerNames ?? ['broker-a']).map((name) => new FakeBroker(name));
    const cluster = new FakeCluster(brokers);
    for (const broker of brokers) {
      await broker.start();
    }
    const { listenPort } = await cluster.namesrv.listen();
    cluster.namesrvAddr = `${HOST}:${listenPort}`;
    return cluster;
  }

  /** Makes a topic with so many queues on every broker. */
  addTopic(topic: string, options: { queueCount?: number; perm?: number } = {}): void {
    const queueCount = options.queueCount ?? 4;
    this.routes.set(topic, {
      queueDatas: this.brokers.map((broker) => ({
        brokerName: broker.name,
        readQueueNums: queueCount,
        writeQueueNums: queueCount,
        perm: options.perm ?? 6,
        topicSysFlag: 0,
      })),
      brokerDatas: this.brokers.map((broker) => ({
        cluster: 'DefaultCluster',
        brokerName: broker.name,
        brokerAddrs: new Map([[0, broker.addr]]),
        enableActingMaster: false,
      })),
      filterServerTable: new Map(),
    });
  }

  async stop(): Promise<void> {
    for (const broker of this.brokers) {
      await broker.server.close();
    }
    await this.namesrv.close();
  }
}

/** Turns the callbacks of `sendAsync` into a promise. */
export function sendAsyncResult(
  send: (handler: { onSuccess(result: SendResult): void; onException(error: MQError): void }) => void,
): Promise<SendResult> {
  return new Promise((resolve, reject) => {
    send({ onSuccess: resolve, onException: reject });
  });
}

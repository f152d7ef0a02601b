import { ConfigError, type MQError, NotFoundError } from '../../common/errors.js';
import type { TopicRouteData } from '../../remoting/bodies/route.js';
import { type ClusterInfo, decodeClusterInfo } from '../../remoting/bodies/route.js';
import { decodeTopicList } from '../../remoting/bodies/topic.js';
import { type FrameTrace, type RemotingClient, type RequestObserver, responseError } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { RemotingCommand, RequestInit } from '../../remoting/command.js';
import { NamesrvClient } from '../namesrv-client.js';
import type { ClientOptions } from '../types.js';
import { LimitedRemotingClient } from './limited-remoting.js';

/** Time-outs of administration, ms. */
export const ADMIN_CONNECT_TIMEOUT_MS = 3_000;
export const ADMIN_REQUEST_TIMEOUT_MS = 5_000;

export interface AdminClientOptions {
  /** `host:port`, several separated by `;`. Needed by everything that is not addressed to one broker. */
  namesrvAddr?: string | undefined;
  credentials?: { accessKey: string; secretKey: string; securityToken?: string } | undefined;
  /** Time-out of one request, ms. */
  timeoutMs?: number;
  connectTimeoutMs?: number;
  /** Ends all that is under way. */
  signal?: AbortSignal;
  /** Sees the code of every request before it is sent, and throws an MQError when it must not be. */
  guard?: ((requestCode: number) => void) | undefined;
  /** Sees every request that goes out, and how it ends. */
  observe?: RequestObserver | undefined;
  /** Sees the frames and the connections. */
  trace?: FrameTrace | undefined;
  /** Where advertised addresses are reached from here. */
  addresses?: Readonly<Record<string, string>> | undefined;
}

/** One broker of a cluster. */
export interface ClusterBroker {
  readonly brokerName: string;
  readonly brokerId: number;
  readonly brokerAddr: string;
}

/**
 * Connection of the administration use cases to name servers and brokers. It opens connections when they are needed and
 * closes them at once in {@link close}; the use cases are functions that take it as their first argument.
 */
export class AdminClient {
  readonly timeoutMs: number;
  readonly #remoting: RemotingClient;
  readonly #namesrvAddr: string | undefined;
  readonly #options: AdminClientOptions;
  #namesrv: NamesrvClient | null = null;

  constructor(options: AdminClientOptions) {
    this.timeoutMs = options.timeoutMs ?? ADMIN_REQUEST_TIMEOUT_MS;
    this.#namesrvAddr = options.namesrvAddr;
    this.#options = options;
    this.#remoting = new LimitedRemotingClient({
      connectTimeoutMs: options.connectTimeoutMs ?? ADMIN_CONNECT_TIMEOUT_MS,
      ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
      guard: options.guard,
      observe: options.observe,
      trace: options.trace,
      reachedAt: options.addresses === undefined ? undefined : (addr) => options.addresses?.[addr] ?? addr,
    });
    options.signal?.addEventListener('abort', () => void this.close(), { once: true });
  }

  /** Whether a name server was given. */
  get hasNamesrv(): boolean {
    return this.#namesrvAddr !== undefined && this.#namesrvAddr.trim() !== '';
  }

  /** The name servers; throws {@link ConfigError} when none was given. */
  get namesrv(): NamesrvClient {
    if (this.#namesrvAddr === undefined || !this.hasNamesrv) {
      throw new ConfigError('no name server address', {
        code: 'NO_NAMESRV',
        hint: 'give it with -n host:9876, in the environment variable NAMESRV_ADDR, or by a context: mqadmin context add',
      });
    }
    this.#namesrv ??= new NamesrvClient({ namesrvAddr: this.#namesrvAddr, remoting: this.#remoting, timeoutMs: this.timeoutMs });
    return this.#namesrv;
  }

  /** The keys that requests are signed with: for others that work for the same command. */
  get credentials(): AdminClientOptions['credentials'] {
    return this.#options.credentials;
  }

  /** A client of another cluster that works for the same command: seen, shown and ended as this one, with its time-outs. */
  forOther(other: Pick<AdminClientOptions, 'namesrvAddr' | 'credentials' | 'addresses' | 'guard'>): AdminClient {
    const { timeoutMs, connectTimeoutMs, signal, observe, trace } = this.#options;
    return new AdminClient({
      ...other,
      observe,
      trace,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /**
   * What a producer needs that sends to the same cluster by connections of its own.
   * @throws DeniedError where nothing may be changed
   */
  sendOptions(): Pick<ClientOptions, 'namesrvAddr' | 'credentials' | 'addresses' | 'connectTimeoutMs' | 'observe'> {
    const { guard, observe, credentials, addresses, connectTimeoutMs = ADMIN_CONNECT_TIMEOUT_MS } = this.#options;
    guard?.(RequestCode.SEND_MESSAGE_V2);
    return {
      namesrvAddr: this.namesrv.addresses,
      addresses,
      connectTimeoutMs,
      observe,
      ...(credentials === undefined ? {} : { credentials }),
    };
  }

  /** The transport, for use cases that need more than one answer. */
  get remoting(): RemotingClient {
    return this.#remoting;
  }

  /** Asks one name server, the next one when it does not answer; throws unless the answer is SUCCESS or a code in `accept`. */
  async askNamesrv(request: RequestInit, accept: readonly number[] = []): Promise<RemotingCommand> {
    const { addr, response } = await this.namesrv.invoke(request, this.timeoutMs);
    return expectSuccess(response, addr, accept);
  }

  /** Asks a broker; throws unless the answer is SUCCESS or a code in `accept`. */
  async ask(
    brokerAddr: string,
    request: RequestInit,
    accept: readonly number[] = [],
    timeoutMs: number = this.timeoutMs,
  ): Promise<RemotingCommand> {
    return expectSuccess(await this.#remoting.invoke(brokerAddr, request, timeoutMs), brokerAddr, accept);
  }

  /** All clusters and brokers the name server knows. */
  async clusterInfo(): Promise<ClusterInfo> {
    return decodeClusterInfo(bodyOf(await this.askNamesrv({ code: RequestCode.GET_BROKER_CLUSTER_INFO })));
  }

  /** All topic names the name server knows. */
  async topicNames(): Promise<string[]> {
    return decodeTopicList(bodyOf(await this.askNamesrv({ code: RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER }))).topicList;
  }

  /** The route of a topic, null when the name server has none. */
  findRoute(topic: string): Promise<TopicRouteData | null> {
    return this.namesrv.getTopicRoute(topic, this.timeoutMs);
  }

  /** The route of a topic; throws {@link NotFoundError} when the name server has none. */
  async route(topic: string): Promise<TopicRouteData> {
    const route = await this.findRoute(topic);
    if (route === null) {
      throw this.noRoute(topic);
    }
    return route;
  }

  /** The error for a topic without a route. */
  noRoute(topic: string): MQError {
    return new NotFoundError(`topic ${topic} has no route on ${this.namesrv.addresses.join(';')}`, {
      code: 'TOPIC_NOT_EXIST',
      hint: `create it: mqadmin updateTopic -t ${topic} -c DefaultCluster, or look for it: mqadmin topicList`,
      context: { topic, responseCode: ResponseCode.TOPIC_NOT_EXIST },
    });
  }

  /** The error for a broker name that the name server does not know. */
  noBroker(brokerName: string, known: readonly string[]): MQError {
    return new NotFoundError(`broker ${brokerName} is not known to ${this.namesrv.addresses.join(';')}`, {
      code: 'BROKER_NOT_EXIST',
      hint: known.length === 0 ? 'no broker has registered there yet' : `brokers there: ${[...known].sort().join(', ')}`,
      context: { brokerName },
    });
  }

  /** The brokers of a cluster, by name and id; throws {@link NotFoundError} for an unknown cluster. */
  async clusterBrokers(clusterName: string): Promise<ClusterBroker[]> {
    const info = await this.clusterInfo();
    const names = info.clusterAddrTable.get(clusterName);
    if (names === undefined) {
      const known = [...info.clusterAddrTable.keys()].sort();
      throw new NotFoundError(`cluster ${clusterName} is not known to ${this.namesrv.addresses.join(';')}`, {
        code: 'CLUSTER_NOT_EXIST',
        hint: known.length === 0 ? 'no broker has registered there yet' : `clusters there: ${known.join(', ')}`,
        context: { clusterName, known },
      });
    }
    return [...names].sort().flatMap((brokerName) => membersOf(brokerName, info));
  }

  /** The brokers of all clusters, by name and id. */
  async allBrokers(): Promise<ClusterBroker[]> {
    const info = await this.clusterInfo();
    return [...info.brokerAddrTable.keys()].sort().flatMap((brokerName) => membersOf(brokerName, info));
  }

  /** The masters of all clusters, by name. */
  async allMasters(): Promise<ClusterBroker[]> {
    return (await this.allBrokers()).filter((broker) => broker.brokerId === 0);
  }

  /** The masters of a cluster; throws {@link NotFoundError} when the cluster is unknown or has none. */
  async clusterMasters(clusterName: string): Promise<ClusterBroker[]> {
    const masters = (await this.clusterBrokers(clusterName)).filter((broker) => broker.brokerId === 0);
    if (masters.length === 0) {
      throw new NotFoundError(`cluster ${clusterName} has no master`, {
        code: 'NO_MASTER',
        hint: `see which brokers are up: mqadmin clusterList -c ${clusterName}`,
        context: { clusterName },
      });
    }
    return masters;
  }

  /** Closes all connections at once; what is under way fails. */
  close(): Promise<void> {
    return this.#remoting.close();
  }
}

/** The brokers of one name, by id. */
export function membersOf(brokerName: string, info: ClusterInfo): ClusterBroker[] {
  const members = [...(info.brokerAddrTable.get(brokerName)?.brokerAddrs ?? [])];
  return members.sort((a, b) => a[0] - b[0]).map(([brokerId, brokerAddr]) => ({ brokerName, brokerId, brokerAddr }));
}

/** The answer itself when its code is SUCCESS or accepted; throws the error that belongs to the code otherwise. */
export function expectSuccess(response: RemotingCommand, addr: string, accept: readonly number[] = []): RemotingCommand {
  if (response.code === ResponseCode.SUCCESS || accept.includes(response.code)) {
    return response;
  }
  throw responseError(response, addr);
}

/** The body of an answer; an absent one is empty. */
export function bodyOf(response: RemotingCommand): Buffer {
  return response.body ?? Buffer.alloc(0);
}

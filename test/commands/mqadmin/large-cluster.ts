/*
 * A large cluster of scripted nodes in this process, on loopback: a name server, and any number of brokers that hold topics and groups and
 * answer what surveys ask. Every node counts how many requests it has to answer at the same time. Some brokers can be dead (nobody
 * listens), silent (they take the connection and never answer), slow, or denying.
 */
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { RemotingServer } from '../../../src/remoting/server.js';
import type { Connection } from '../../../src/remoting/server-connection.js';
import { RawServer } from '../../raw-server.js';
import { BrokerAnswers, namesrvAnswers } from './large-cluster-answers.js';

const HOST = '127.0.0.1';
const CLUSTER = 'LargeCluster';

export type BrokerMood = 'well' | 'dead' | 'silent' | 'slow' | 'denying';

export interface LargeClusterOptions {
  brokers: number;
  topics: number;
  /** Each consumes the topic of its number. */
  groups: number;
  /** Brokers of each topic, and so of each group. Default 4. */
  spread?: number;
  /** How a broker behaves, by its index; all are well when absent. */
  mood?: (index: number) => BrokerMood;
  /** Time until an answer leaves, ms. Default 1. */
  answerMs?: number;
  /** The same of a slow broker. Default 300. */
  slowMs?: number;
}

/** One broker. */
export interface LargeBroker {
  readonly brokerName: string;
  readonly addr: string;
  readonly mood: BrokerMood;
  readonly topics: readonly string[];
  readonly groups: readonly string[];
}

/** Builds answers by request code; null refuses the code. */
export type Answerer = (request: RemotingCommand) => Buffer | null;

/** Counts what one node has to do. */
class Load {
  inFlight = 0;
  most = 0;
  total = 0;

  begin(): void {
    this.total++;
    this.inFlight++;
    this.most = Math.max(this.most, this.inFlight);
  }
}

export class LargeCluster {
  readonly options: Required<LargeClusterOptions>;
  readonly brokers: LargeBroker[] = [];
  namesrvAddr = '';
  readonly #loads = new Map<string, Load>();
  readonly #stops: (() => Promise<void>)[] = [];
  #stopped = false;

  private constructor(options: LargeClusterOptions) {
    this.options = { spread: 4, mood: () => 'well', answerMs: 1, slowMs: 300, ...options };
  }

  static async start(options: LargeClusterOptions): Promise<LargeCluster> {
    const cluster = new LargeCluster(options);
    for (let index = 0; index < options.brokers; index++) {
      await cluster.#startBroker(index);
    }
    const answers = namesrvAnswers(cluster, CLUSTER);
    cluster.namesrvAddr = await cluster.#serve((request) => answers.get(request.code)?.(request) ?? null, cluster.options.answerMs);
    return cluster;
  }

  /** Brokers of the topic, and of the group, with this number. */
  brokersOf(index: number): LargeBroker[] {
    return this.#indexesOf(index).map((at) => this.brokers[at] as LargeBroker);
  }

  /** The largest number of requests that one node had to answer at the same time. */
  get mostInFlight(): number {
    return Math.max(...Array.from(this.#loads.values(), ({ most }) => most));
  }

  /** Requests that all nodes got so far. */
  get requests(): number {
    return Array.from(this.#loads.values()).reduce((sum, { total }) => sum + total, 0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#stops.map((stop) => stop()));
  }

  #indexesOf(index: number): number[] {
    const { brokers, spread } = this.options;
    return Array.from({ length: Math.min(spread, brokers) }, (_, i) => (index * spread + i) % brokers);
  }

  async #startBroker(index: number): Promise<void> {
    const { topics, groups, mood, answerMs, slowMs } = this.options;
    const held = (count: number, name: (i: number) => string): string[] =>
      Array.from({ length: count }, (_, i) => i)
        .filter((i) => this.#indexesOf(i).includes(index))
        .map(name);
    const broker = {
      brokerName: `broker-${String(index).padStart(3, '0')}`,
      mood: mood(index),
      topics: held(topics, topicName),
      groups: held(groups, groupName),
    };
    switch (broker.mood) {
      case 'dead':
        this.brokers.push({ ...broker, addr: `127.0.${1 + (index >> 8)}.${index & 255}:1` });
        return;
      case 'silent':
        this.brokers.push({ ...broker, addr: await this.#beSilent() });
        return;
      case 'denying':
        this.brokers.push({ ...broker, addr: await this.#serve(() => null, answerMs, ResponseCode.NO_PERMISSION) });
        return;
      default: {
        const answers = new BrokerAnswers(broker, CLUSTER);
        this.brokers.push({
          ...broker,
          addr: await this.#serve((request) => answers.of(request), broker.mood === 'slow' ? slowMs : answerMs),
        });
      }
    }
  }

  /** A node that answers after a while; what `answer` does not know is refused. */
  async #serve(answer: Answerer, delayMs: number, refusal: number = ResponseCode.REQUEST_CODE_NOT_SUPPORTED): Promise<string> {
    const server = new RemotingServer({ bindAddress: HOST, listenPort: 0 });
    const load = new Load();
    const process = (connection: Connection, request: RemotingCommand): void => {
      load.begin();
      setTimeout(() => {
        load.inFlight--;
        if (!this.#stopped) {
          const body = answer(request);
          connection.respond(
            request,
            body === null ? refusal : ResponseCode.SUCCESS,
            body === null ? `code ${request.code} refused` : null,
            null,
            body,
          );
        }
      }, delayMs);
    };
    for (const code of Object.values(RequestCode)) {
      server.register(code, process);
    }
    const addr = `${HOST}:${(await server.listen()).listenPort}`;
    this.#loads.set(addr, load);
    this.#stops.push(() => server.close());
    return addr;
  }

  async #beSilent(): Promise<string> {
    const silent = await new RawServer((socket) => socket.resume()).listen();
    this.#stops.push(() => silent.close());
    return silent.addr;
  }
}

export function topicName(index: number): string {
  return `Topic_${String(index).padStart(5, '0')}`;
}

export function groupName(index: number): string {
  return `Group_${String(index).padStart(5, '0')}`;
}

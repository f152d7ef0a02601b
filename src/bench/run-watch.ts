import { connect } from 'node:net';
import os from 'node:os';
import { BrokerWatch } from './broker-watch.js';
import { type ClusterFacts, type ClusterTarget, probeCluster } from './cluster-probe.js';
import { fsyncProbeMs } from './disk-probe.js';
import { describeEnvironment, type Environment, GeneratorWatch, round } from './environment.js';

/** Watches what a figure depends on, from before the load until the end of the window. */
export class RunWatch {
  readonly #startedAt = new Date();
  readonly #loadAverage = os.loadavg()[0] ?? 0;
  readonly #generator = new GeneratorWatch();
  readonly #facts: ClusterFacts;
  readonly #fsyncMs: number | undefined;
  readonly #brokers: BrokerWatch | undefined;
  #environment: Environment | undefined;

  private constructor(facts: ClusterFacts, fsyncMs: number | undefined) {
    this.#facts = facts;
    this.#fsyncMs = fsyncMs;
    this.#brokers = BrokerWatch.of(facts.brokerAddrs);
  }

  /** @param target left out where somebody else looks at machine and brokers: in one of several workers */
  static async begin(target?: ClusterTarget): Promise<RunWatch> {
    return target === undefined ? new RunWatch({ brokerAddrs: [] }, undefined) : new RunWatch(await probeCluster(target), fsyncProbeMs());
  }

  /** The warm-up is over: the window begins. */
  start(): void {
    this.#generator.start();
    this.#brokers?.start();
  }

  /** Brokers that take no connection any more. */
  async lostBrokers(): Promise<string[]> {
    const { brokerAddrs } = this.#facts;
    const standing = await Promise.all(brokerAddrs.map(takesConnection));
    return brokerAddrs.filter((_, i) => standing[i] === false);
  }

  /** Nothing is watched any more. */
  stop(): void {
    this.#generator.stop();
    this.#brokers?.stop();
  }

  /** The window is over; what comes after does not change what this says. */
  end(): Environment {
    this.#environment ??= this.#describe();
    return this.#environment;
  }

  #describe(): Environment {
    const { brokerVersion } = this.#facts;
    const broker = this.#brokers?.end();
    return {
      ...describeEnvironment(this.#startedAt, this.#loadAverage, this.#generator.stop()),
      ...(this.#fsyncMs === undefined ? {} : { fsyncMs: round(this.#fsyncMs, 3) }),
      ...(brokerVersion === undefined ? {} : { brokerVersion }),
      ...(broker === undefined ? {} : { broker }),
    };
  }
}

const CONNECT_LIMIT_MS = 1000;

function takesConnection(addr: string): Promise<boolean> {
  const colon = addr.lastIndexOf(':');
  const host = addr.slice(0, colon).replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(addr.slice(colon + 1)), timeout: CONNECT_LIMIT_MS });
    const answer = (stands: boolean): void => {
      socket.destroy();
      resolve(stands);
    };
    socket
      .once('connect', () => answer(true))
      .once('error', () => answer(false))
      .once('timeout', () => answer(false));
  });
}

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

  /** Nothing is watched any more. */
  stop(): void {
    this.#generator.stop();
    this.#brokers?.stop();
  }

  /** The window is over. */
  end(): Environment {
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

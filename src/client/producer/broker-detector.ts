import type { TimerHandle } from '../../common/clock.js';
import { getMaxOffset } from '../broker-requests.js';
import type { MQClient } from '../mq-client.js';
import type { FaultItem, FaultStrategy } from './fault-strategy.js';

const ROUND_MS = 3_000;

/** Looks from time to time whether the brokers that a producer left out can be reached again. */
export class BrokerDetector {
  readonly #client: MQClient;
  readonly #faults: FaultStrategy;
  readonly #topics: () => Iterable<string>;
  readonly #timeoutMs: number;
  readonly #intervalMs: number;
  #timer: TimerHandle | undefined;

  constructor(init: { client: MQClient; faults: FaultStrategy; topics: () => Iterable<string>; timeoutMs: number; intervalMs: number }) {
    this.#client = init.client;
    this.#faults = init.faults;
    this.#topics = init.topics;
    this.#timeoutMs = init.timeoutMs;
    this.#intervalMs = init.intervalMs;
  }

  start(): void {
    this.#timer = this.#client.timers.setInterval(() => void this.detect(), ROUND_MS);
  }

  stop(): void {
    if (this.#timer !== undefined) {
      this.#client.timers.clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  /** One round over the brokers whose time has come. A broker without an address is forgotten. */
  async detect(): Promise<void> {
    const nowMs = this.#client.clock.monotonicMs();
    const due = [...this.#faults.items()].filter((item) => nowMs >= item.nextCheckMs);
    await Promise.all(due.map((item) => this.#look(item, nowMs)));
  }

  async #look(item: FaultItem, nowMs: number): Promise<void> {
    item.nextCheckMs = nowMs + this.#intervalMs;
    const { routes, remoting, logger } = this.#client;
    const addr = routes.masterAddr(item.brokerName);
    if (addr === undefined) {
      this.#faults.remove(item.brokerName);
      return;
    }
    const [topic] = this.#topics();
    if (topic === undefined || item.isReachable) {
      return;
    }
    try {
      await getMaxOffset({ remoting, addr, timeoutMs: this.#timeoutMs }, { topic, brokerName: item.brokerName, queueId: 0 });
      item.isReachable = true;
      logger.info(`broker ${item.brokerName} can be reached again`, { addr });
    } catch (error) {
      logger.debug(`broker ${item.brokerName} cannot be reached yet: ${String(error)}`, { addr });
    }
  }
}

import type { ClientDriver, DrivenMessage, DrivenQueue } from './driver.js';

/** A lite-pull consumer of the Java driver. */
export class DrivenLiteConsumer {
  readonly #driver: ClientDriver;
  readonly #name: string;

  private constructor(driver: ClientDriver, name: string) {
    this.#driver = driver;
    this.#name = name;
  }

  static async start(
    driver: ClientDriver,
    init: {
      name: string;
      namesrvAddr: string;
      group: string;
      subscriptions?: Record<string, string>;
      queues?: DrivenQueue[];
      autoCommit?: boolean;
    },
  ): Promise<DrivenLiteConsumer> {
    await driver.call('lite', { what: 'start', ...init });
    return new DrivenLiteConsumer(driver, init.name);
  }

  /** Polls until it has so many messages. */
  async poll(count: number, timeoutMs = 60_000): Promise<string[]> {
    const bodies: string[] = [];
    for (const deadline = performance.now() + timeoutMs; bodies.length < count && performance.now() < deadline; ) {
      const messages = await this.#call<DrivenMessage[]>('poll', { timeoutMs: 500 });
      bodies.push(...messages.map(({ bodyBase64 }) => Buffer.from(bodyBase64 ?? '', 'base64').toString('utf8')));
    }
    return bodies;
  }

  assignment(): Promise<DrivenQueue[]> {
    return this.#call('assignment');
  }

  commit(queues: DrivenQueue[]): Promise<void> {
    return this.#call('commit', { queues });
  }

  committed(queue: DrivenQueue): Promise<number> {
    return this.#call('committed', { queue });
  }

  seek(queue: DrivenQueue, to: number | 'begin' | 'end'): Promise<void> {
    if (typeof to === 'number') return this.#call('seek', { queue, offset: to });
    return this.#call(to === 'begin' ? 'seekToBegin' : 'seekToEnd', { queue });
  }

  assign(queues: DrivenQueue[]): Promise<void> {
    return this.#call('assign', { queues });
  }

  subscribe(topic: string): Promise<void> {
    return this.#call('subscribe', { topic });
  }

  stop(): Promise<void> {
    return this.#call('stop');
  }

  #call<T>(what: string, args: object = {}): Promise<T> {
    return this.#driver.call('lite', { what, name: this.#name, ...args });
  }
}

import { type Clock, systemClock, systemTimers, type TimerHandle, type Timers } from '../../src/common/clock.js';
import { type Logger, noopLogger } from '../../src/common/logger.js';
import { RemotingServer } from '../../src/remoting/server.js';
import type { LoadedConfig } from '../config/index.js';
import { registerAdminProcessors } from './admin-processors.js';
import { notifyMinBrokerId, registerBrokerProcessors } from './broker-processors.js';
import { KvConfig } from './kv-config.js';
import type { NamesrvParts } from './parts.js';
import { type LiveBroker, RouteInfo } from './route-info.js';
import { registerRouteProcessors } from './route-processors.js';

const MIN_SCAN_MS = 100;
const CLOSE_GRACE_MS = 1000;

export interface NamesrvDeps {
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly logger?: Logger;
}

/** A name server: brokers register with it, clients ask it where topics are. */
export class NamesrvNode {
  /** Where clients reach it. */
  readonly address: string;
  readonly routes: RouteInfo;
  readonly #parts: NamesrvParts;
  readonly #server: RemotingServer;
  readonly #timers: Timers;
  #scan: TimerHandle | null = null;

  private constructor(options: { parts: NamesrvParts; server: RemotingServer; timers: Timers; listenPort: number }) {
    this.#parts = options.parts;
    this.routes = options.parts.routes;
    this.#server = options.server;
    this.#timers = options.timers;
    const bind = options.parts.config.server.bindAddress;
    this.address = `${bind === '0.0.0.0' || bind === '::' ? '127.0.0.1' : bind}:${options.listenPort}`;
    this.#scheduleScan();
  }

  /**
   * Reads the key-value table and listens.
   * @throws ConfigError when the port is taken or the table cannot be read.
   */
  static async start(config: LoadedConfig, deps: NamesrvDeps = {}): Promise<NamesrvNode> {
    const clock = deps.clock ?? systemClock;
    const timers = deps.timers ?? systemTimers;
    const logger = deps.logger ?? noopLogger;
    const startMs = clock.monotonicMs();
    const parts: NamesrvParts = {
      config,
      routes: new RouteInfo(),
      kv: KvConfig.load(config.namesrv.kvConfigPath),
      clock,
      logger,
      upForMs: () => clock.monotonicMs() - startMs,
    };
    const server = new RemotingServer({
      bindAddress: config.server.bindAddress,
      listenPort: config.server.listenPort,
      idleMs: config.server.serverChannelMaxIdleTimeSeconds * 1000,
      clock,
      timers,
      logger,
      onClose: (connection, reason) => drop(parts, parts.routes.registeredBy(connection), `its connection closed: ${reason}`),
    });
    registerRouteProcessors(server, parts);
    registerBrokerProcessors(server, parts);
    registerAdminProcessors(server, parts);
    const { listenPort } = await server.listen();
    return new NamesrvNode({ parts, server, timers, listenPort });
  }

  /** Open connections of brokers, clients and tools. */
  get connectionCount(): number {
    return this.#server.connectionCount;
  }

  /** Stops listening and closes all connections. */
  async shutdown(): Promise<void> {
    if (this.#scan !== null) this.#timers.clearTimeout(this.#scan);
    this.#scan = null;
    await this.#server.close(CLOSE_GRACE_MS);
  }

  #scheduleScan(): void {
    // Read anew each time: the interval may change while the node runs.
    const delayMs = Math.max(MIN_SCAN_MS, this.#parts.config.namesrv.scanNotActiveBrokerInterval);
    this.#scan = this.#timers.setTimeout(() => {
      drop(this.#parts, this.#parts.routes.expired(this.#parts.clock.monotonicMs()), 'it was not heard of for its time-out');
      this.#scheduleScan();
    }, delayMs);
  }
}

function drop(parts: NamesrvParts, brokers: readonly LiveBroker[], why: string): void {
  for (const broker of brokers) {
    notifyMinBrokerId(parts, parts.routes.unregister(broker));
    parts.logger.warn(`broker removed: ${why}`, { brokerName: broker.brokerName, brokerAddr: broker.brokerAddr });
  }
}

import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrokerNode } from '../broker/broker.js';
import { type LoadedConfig, loadNodeConfig } from '../broker/config/index.js';
import { NamesrvNode } from '../broker/namesrv/index.js';
import { type Logger, noopLogger } from '../src/common/logger.js';

const HOST = '127.0.0.1';
const ATTEMPTS = 20;

type Settings = Readonly<Record<string, string | number | boolean>>;

export interface SandboxOptions {
  /** How many brokers to start; 1 when absent, 0 for a name server alone. */
  brokers?: number;
  /** Keys of broker.conf, for every broker; a function gets the broker's index. */
  brokerConfig?: Settings | ((index: number) => Settings);
  namesrvConfig?: Settings;
  logger?: Logger;
}

export interface Sandbox {
  readonly namesrvAddr: string;
  /** Address of the first broker. */
  readonly brokerAddr: string;
  readonly dir: string;
  readonly namesrv: NamesrvNode;
  readonly brokers: BrokerNode[];
  /** Stops everything and removes the folder. */
  stop(): Promise<void>;
}

/** A name server and brokers in this process, on free ports of 127.0.0.1 and in a temp folder of their own. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const dir = await mkdtemp(join(tmpdir(), 'mqkit-'));
  const started: { shutdown(): Promise<void> }[] = [];
  const logger = options.logger ?? noopLogger;
  const stop = async (): Promise<void> => {
    for (const node of started.splice(0).reverse()) await node.shutdown();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const namesrv = await onFreePorts((listenPort) =>
      NamesrvNode.start(namesrvConfig(dir, { listenPort, ...options.namesrvConfig }), { logger }),
    );
    started.push(namesrv);
    const brokers: BrokerNode[] = [];
    for (let index = 0; index < (options.brokers ?? 1); index++) {
      const own = typeof options.brokerConfig === 'function' ? options.brokerConfig(index) : options.brokerConfig;
      const name = `broker-${String.fromCharCode('a'.charCodeAt(0) + index)}`;
      const broker = await onFreePorts((listenPort) =>
        startBroker(
          brokerConfig({
            listenPort,
            namesrvAddr: namesrv.address,
            brokerName: name,
            storePathRootDir: join(dir, name),
            ...own,
          }),
          { logger },
        ),
      );
      started.push(broker);
      brokers.push(broker);
    }
    return { namesrvAddr: namesrv.address, brokerAddr: brokers[0]?.address ?? '', dir, namesrv, brokers, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Loaded when wanted: a test of the name server alone does not pay for the broker. */
async function startBroker(config: LoadedConfig, deps: { logger: Logger }): Promise<BrokerNode> {
  const { BrokerNode } = await import('../broker/broker.js');
  return BrokerNode.start(config, deps);
}

/** Configuration of a name server on 127.0.0.1 that keeps its files below `dir`. */
export function namesrvConfig(dir: string, settings: Settings): LoadedConfig {
  const defaults = {
    bindAddress: HOST,
    kvConfigPath: join(dir, 'namesrv', 'kvConfig.json'),
    configStorePath: join(dir, 'namesrv', 'namesrv.properties'),
  };
  return loadNodeConfig({ kind: 'namesrv', args: toArguments({ ...defaults, ...settings }), env: {} });
}

/** Configuration of a broker on 127.0.0.1 with small files; `storePathRootDir` must be among the settings. */
export function brokerConfig(settings: Settings): LoadedConfig {
  const defaults = {
    bindAddress: HOST,
    brokerIP1: HOST,
    brokerClusterName: 'DefaultCluster',
    mappedFileSizeCommitLog: 64 * 1024 * 1024,
    maxHashSlotNum: 100_000,
    maxIndexNum: 400_000,
  };
  return loadNodeConfig({ kind: 'broker', args: toArguments({ ...defaults, ...settings }), env: {} });
}

function toArguments(settings: Settings): string[] {
  return Object.entries(settings).map(([key, value]) => `${key}=${value}`);
}

/** Starts something on a free port block (listenPort, -2, +1); tries the next block when somebody else was faster. */
export async function onFreePorts<T>(start: (listenPort: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const listenPort = await freePortBlock();
    try {
      return await start(listenPort);
    } catch (error) {
      if (attempt >= ATTEMPTS || !isAddressInUse(error)) throw error;
    }
  }
}

/** A port p of 127.0.0.1 such that p - 2, p and p + 1 were free a moment ago. */
export async function freePortBlock(): Promise<number> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    // Below the ephemeral range, so that out-going connections of parallel tests do not take the ports in between.
    const port = 12_000 + 4 * randomInt(5000) + 2;
    if ((await isFree(port - 2)) && (await isFree(port)) && (await isFree(port + 1))) return port;
  }
  throw new Error(`no free block of ports on ${HOST} after ${ATTEMPTS} attempts`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}

function isAddressInUse(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EADDRINUSE') return true;
  }
  return false;
}

/** Waits until the condition holds; polls every few ms. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 5000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`condition did not hold within ${timeoutMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

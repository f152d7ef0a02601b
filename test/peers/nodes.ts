import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePortBlock } from '../ports.js';
import type { PeerProcess } from './process.js';

/* What the start of a node takes whoever made it: folder, port, properties file; and a cluster of one broker. */

export type PropertyMap = Record<string, string | number | boolean>;

export interface CommandResult {
  stdout: string;
  stderr: string;
  exitCode: number | null;
}

/** A node that is ready to be started with `-c file`. */
interface PreparedNode {
  port: number;
  address: string;
  file: string;
}

export interface BrokerPlace {
  namesrvAddr: string;
  dir: string;
  /** storePathRootDir; `dir/store` when absent. */
  storeDir?: string;
  port?: number;
  /** Wins over everything else. */
  config?: PropertyMap;
}

/** What a started broker of either kind has. */
interface StartedBroker {
  address: string;
  port: number;
  dir: string;
  storeDir: string;
  process: PeerProcess;
  stop(): Promise<unknown>;
  kill(): Promise<void>;
}

/** One name server with one broker, in a folder of its own. */
export interface Cluster<B extends StartedBroker> {
  namesrvAddr: string;
  clusterName: string;
  brokerName: string;
  dir: string;
  /** The broker that runs now; restartBroker replaces it. */
  broker: B;
  /** Stops (or kills) the broker and starts it on the same port and store. */
  restartBroker(options?: { kill?: boolean }): Promise<void>;
  /** Runs the mqadmin of the same kind against this cluster. */
  mqadmin(...args: string[]): Promise<CommandResult>;
  /** Kills both and removes the folder. */
  stop(): Promise<void>;
}

export async function prepareNamesrv(options: { dir: string; port?: number; properties: PropertyMap }): Promise<PreparedNode> {
  const { dir } = options;
  mkdirSync(dir, { recursive: true });
  const port = options.port ?? (await freePortBlock());
  const file = join(dir, 'namesrv.properties');
  writeProperties(file, { listenPort: port, kvConfigPath: join(dir, 'kvConfig.json'), configStorePath: file, ...options.properties });
  return { port, address: `127.0.0.1:${port}`, file };
}

/** @param properties what this kind of broker needs beside the place */
export async function prepareBroker(place: BrokerPlace, properties: PropertyMap): Promise<PreparedNode & { storeDir: string }> {
  const { dir } = place;
  mkdirSync(dir, { recursive: true });
  const port = place.port ?? (await freePortBlock());
  const storeDir = place.storeDir ?? join(dir, 'store');
  const file = join(dir, 'broker.properties');
  writeProperties(file, {
    brokerClusterName: 'DefaultCluster',
    brokerName: 'broker-a',
    brokerId: 0,
    brokerIP1: '127.0.0.1',
    listenPort: port,
    namesrvAddr: place.namesrvAddr,
    storePathRootDir: storeDir,
    diskMaxUsedSpaceRatio: 95,
    // A machine that runs several peers at once is slow now and then: 200 ms in a queue, or a second at a write, is no reason to turn a test's send away.
    brokerFastFailureEnable: false,
    osPageCacheBusyTimeOutMills: 60_000,
    ...properties,
    ...place.config,
  });
  return { port, address: `127.0.0.1:${port}`, file, storeDir };
}

/** Starts the broker beside a name server that runs; when it does not come up, the name server goes too. */
export async function withBroker<B extends StartedBroker>(options: {
  dir: string;
  namesrvAddr: string;
  namesrv: PeerProcess;
  brokerConfig: PropertyMap;
  startBroker: (port?: number) => Promise<B>;
  mqadmin: (...args: string[]) => Promise<CommandResult>;
}): Promise<Cluster<B>> {
  const { dir, namesrvAddr, namesrv, brokerConfig, startBroker, mqadmin } = options;
  let broker: B;
  try {
    broker = await startBroker();
  } catch (error) {
    await namesrv.kill();
    throw error;
  }
  const cluster: Cluster<B> = {
    namesrvAddr,
    clusterName: String(brokerConfig.brokerClusterName ?? 'DefaultCluster'),
    brokerName: String(brokerConfig.brokerName ?? 'broker-a'),
    dir,
    broker,
    async restartBroker({ kill = false } = {}) {
      const { port } = cluster.broker;
      await (kill ? cluster.broker.kill() : cluster.broker.stop());
      cluster.broker = await startBroker(port);
    },
    mqadmin,
    // An orderly stop takes Apache's broker up to twenty seconds; a store that nobody reads again needs none.
    async stop() {
      await Promise.all([cluster.broker.kill(), namesrv.kill()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return cluster;
}

function writeProperties(file: string, values: PropertyMap): void {
  const lines = Object.entries(values).map(([key, value]) => `${key}=${String(value).replaceAll('\\', '\\\\')}`);
  writeFileSync(file, `${lines.join('\n')}\n`);
}

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CommandResult, type PropertyMap, writeProperties } from './apache.js';
import { repositoryRoot } from './paths.js';
import { freePortBlock } from './ports.js';
import { PeerProcess } from './process.js';
import { registered } from './wire.js';

/** The bundled nodes as processes from bin/, with the same face as an Apache cluster. Needs a build. */
export interface BundledBroker {
  address: string;
  port: number;
  dir: string;
  storeDir: string;
  process: PeerProcess;
  stop(): Promise<number | null>;
  kill(): Promise<void>;
}

export interface BundledCluster {
  namesrvAddr: string;
  clusterName: string;
  brokerName: string;
  dir: string;
  namesrv: PeerProcess;
  /** The broker that runs now; restartBroker replaces it. */
  broker: BundledBroker;
  restartBroker(options?: { kill?: boolean }): Promise<void>;
  /** Runs our mqadmin against this cluster. */
  mqadmin(...args: string[]): Promise<CommandResult>;
  stop(): Promise<void>;
}

/** Starts one of bin/ and does not wait for anything. */
export function spawnLauncher(
  launcher: string,
  args: string[],
  options: { cwd?: string; logFile?: string; env?: NodeJS.ProcessEnv; onLine?: (line: string) => void } = {},
): Promise<PeerProcess> {
  return PeerProcess.spawn({
    name: launcher,
    command: process.execPath,
    args: [join(repositoryRoot, 'bin', `${launcher}.js`), ...args],
    ...options,
    env: { ...process.env, NAMESRV_ADDR: '', NO_COLOR: '1', ...options.env },
  });
}

/** Runs one of bin/ to its end. */
export async function runLauncher(
  launcher: string,
  args: string[],
  options: { namesrvAddr?: string; timeoutMs?: number } = {},
): Promise<CommandResult> {
  const lines: string[] = [];
  const child = await spawnLauncher(launcher, args, {
    env: options.namesrvAddr ? { NAMESRV_ADDR: options.namesrvAddr } : {},
    onLine: (line) => lines.push(line),
  });
  child.child.stdin?.end();
  const timer = setTimeout(() => child.kill(), options.timeoutMs ?? 60_000);
  const exitCode = await child.exited;
  clearTimeout(timer);
  return { stdout: lines.join('\n'), stderr: child.output, exitCode };
}

/** Starts bin/mqnamesrv on a free port and waits until it answers. */
export async function startBundledNamesrv(dir: string): Promise<{ address: string; process: PeerProcess }> {
  mkdirSync(dir, { recursive: true });
  const port = await freePortBlock();
  const file = join(dir, 'namesrv.properties');
  writeProperties(file, {
    listenPort: port,
    bindAddress: '127.0.0.1',
    kvConfigPath: join(dir, 'kvConfig.json'),
    configStorePath: file,
  });
  const process = await spawnLauncher('mqnamesrv', ['-c', file], { cwd: dir, logFile: join(dir, 'namesrv.out') });
  const address = `127.0.0.1:${port}`;
  await serving(process, () => registered(address, '{'));
  return { address, process };
}

/** Starts bin/mqbroker; with `wait: false` it returns before the broker serves. */
export async function startBundledBroker(options: {
  namesrvAddr: string;
  dir: string;
  storeDir?: string;
  port?: number;
  config?: PropertyMap;
  wait?: boolean;
}): Promise<BundledBroker> {
  const { dir } = options;
  mkdirSync(dir, { recursive: true });
  const port = options.port ?? (await freePortBlock());
  const storeDir = options.storeDir ?? join(dir, 'store');
  const file = join(dir, 'broker.properties');
  writeProperties(file, {
    brokerClusterName: 'DefaultCluster',
    brokerName: 'broker-a',
    brokerId: 0,
    brokerIP1: '127.0.0.1',
    bindAddress: '127.0.0.1',
    listenPort: port,
    namesrvAddr: options.namesrvAddr,
    storePathRootDir: storeDir,
    diskMaxUsedSpaceRatio: 95,
    ...options.config,
  });
  const process = await spawnLauncher('mqbroker', ['-c', file], { cwd: dir, logFile: join(dir, 'broker.out'), env: { HOME: dir } });
  const address = `127.0.0.1:${port}`;
  if (options.wait !== false) await serving(process, () => registered(options.namesrvAddr, address));
  return { address, port, dir, storeDir, process, stop: () => process.stop(), kill: () => process.kill() };
}

/** One bundled name server with one broker, in a folder of its own. `await cluster.stop()` kills both and removes it. */
export async function startBundledCluster(options: { brokerConfig?: PropertyMap; storeDir?: string } = {}): Promise<BundledCluster> {
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-bundled-'));
  const namesrv = await startBundledNamesrv(join(dir, 'namesrv'));
  const namesrvAddr = namesrv.address;
  const brokerOptions = {
    namesrvAddr,
    dir: join(dir, 'broker'),
    config: options.brokerConfig ?? {},
    ...(options.storeDir ? { storeDir: options.storeDir } : {}),
  };
  let broker: BundledBroker;
  try {
    broker = await startBundledBroker(brokerOptions);
  } catch (error) {
    await namesrv.process.kill();
    throw error;
  }
  const cluster: BundledCluster = {
    namesrvAddr,
    clusterName: String(options.brokerConfig?.brokerClusterName ?? 'DefaultCluster'),
    brokerName: String(options.brokerConfig?.brokerName ?? 'broker-a'),
    dir,
    namesrv: namesrv.process,
    broker,
    async restartBroker({ kill = false } = {}) {
      const { port } = cluster.broker;
      await (kill ? cluster.broker.kill() : cluster.broker.stop());
      cluster.broker = await startBundledBroker({ ...brokerOptions, port });
    },
    mqadmin: (...args) => runLauncher('mqadmin', args, { namesrvAddr }),
    async stop() {
      await Promise.all([cluster.broker.kill(), namesrv.process.kill()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return cluster;
}

/** Waits for the condition, but no longer than the process lives. */
async function serving(process: PeerProcess, condition: () => Promise<void>): Promise<void> {
  const ended = process.exited.then((code) => {
    throw new Error(`${process.name} ended with ${code} before it served:\n${process.output.slice(-4000)}`);
  });
  ended.catch(() => undefined);
  try {
    await Promise.race([condition(), ended]);
  } catch (error) {
    await process.kill();
    throw new Error(`${process.name} does not serve:\n${process.output.slice(-4000)}`, { cause: error });
  }
}

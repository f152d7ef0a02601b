import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrokerNode } from '../broker/broker.js';
import { type LoadedConfig, loadNodeConfig } from '../broker/config/index.js';
import { NamesrvNode } from '../broker/namesrv/index.js';
import type { Disk } from '../broker/store/index.js';
import { type Logger, noopLogger } from '../src/common/logger.js';
import { freePortBlock } from './ports.js';

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
  /** The brokers' files; the real ones when absent. */
  disk?: Disk;
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
          { logger, ...(options.disk === undefined ? {} : { disk: options.disk }) },
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
async function startBroker(config: LoadedConfig, deps: { logger: Logger; disk?: Disk }): Promise<BrokerNode> {
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
    // A machine with other work makes sends wait; that is what tests of flow control are for.
    brokerFastFailureEnable: false,
    osPageCacheBusyTimeOutMills: 600_000,
  };
  return loadNodeConfig({ kind: 'broker', args: toArguments({ ...defaults, ...settings }), env: {} });
}

function toArguments(settings: Settings): string[] {
  return Object.entries(settings).map(([key, value]) => `${key}=${value}`);
}

/** Starts something on a free port block; tries the next block when somebody else was faster. */
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

function isAddressInUse(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EADDRINUSE') return true;
  }
  return false;
}

/** Longest pause between two looks that counts: what a process that stands still does not see is not missing. */
const LONGEST_PAUSE_MS = 100;

/** Waits until the condition holds; polls every few ms. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  let waitedMs = 0;
  while (!(await condition())) {
    if (waitedMs > timeoutMs) throw new Error(`condition did not hold within ${timeoutMs} ms: ${condition}`);
    const fromMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 5));
    waitedMs += Math.min(LONGEST_PAUSE_MS, performance.now() - fromMs);
  }
}

/** A node as a process of its own. */
export interface SpawnedNode {
  readonly address: string;
  readonly process: ChildProcess;
  /** What it printed so far, both streams. */
  output(): string;
  /** Exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Asks it to stop and waits for the end. */
  stop(): Promise<number | null>;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
}

export interface SpawnOptions {
  /** Configuration as `key=value` words. */
  settings?: Settings;
  /** Further words, before the settings. */
  args?: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** Longest time until it serves, ms. */
  bootMs?: number;
}

/** Starts bin/mqnamesrv on a free port of 127.0.0.1 with its files below `dir`, and waits until it serves. Needs a build. */
export function spawnNamesrv(dir: string, options: SpawnOptions = {}): Promise<SpawnedNode> {
  const defaults = { bindAddress: HOST, kvConfigPath: join(dir, 'namesrv', 'kvConfig.json') };
  return spawnNode('mqnamesrv', dir, { ...options, settings: { ...defaults, ...options.settings } });
}

/** Starts bin/mqbroker on free ports of 127.0.0.1 with its store below `dir`, and waits until it serves. Needs a build. */
export function spawnBroker(dir: string, options: SpawnOptions = {}): Promise<SpawnedNode> {
  const defaults = {
    bindAddress: HOST,
    brokerName: 'broker-a',
    storePathRootDir: join(dir, 'store'),
    mappedFileSizeCommitLog: 64 * 1024 * 1024,
    brokerFastFailureEnable: false,
    osPageCacheBusyTimeOutMills: 600_000,
  };
  return spawnNode('mqbroker', dir, { ...options, settings: { ...defaults, ...options.settings } });
}

async function spawnNode(bin: string, dir: string, options: SpawnOptions & { settings: Settings }): Promise<SpawnedNode> {
  return onFreePorts(async (listenPort) => {
    const settings = { listenPort, ...options.settings };
    const node = launch(bin, [...(options.args ?? []), ...toArguments(settings)], { dir, env: options.env ?? {} });
    let hasEnded = false;
    node.exited.then(() => {
      hasEnded = true;
    });
    await until(() => hasEnded || node.output().includes('boot success'), options.bootMs ?? 60_000);
    if (hasEnded) {
      const cause = /in use|taken/.test(node.output()) ? Object.assign(new Error('address in use'), { code: 'EADDRINUSE' }) : undefined;
      throw new Error(`${bin} did not start: ${node.output()}`, { cause });
    }
    return { ...node, address: `${HOST}:${settings.listenPort}` };
  });
}

/** Runs one of bin/ with MQKIT_STATE_DIR below `dir`. */
export function launch(
  bin: string,
  args: readonly string[],
  options: { dir: string; env?: NodeJS.ProcessEnv },
): Omit<SpawnedNode, 'address'> {
  const env = { ...process.env, NAMESRV_ADDR: '', MQKIT_STATE_DIR: join(options.dir, 'state'), ...options.env };
  const path = fileURLToPath(new URL(`../bin/${bin}.js`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code));
  });
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return exited;
  };
  return { process: child, output: () => output, exited, stop: () => end('SIGTERM'), kill: async () => void (await end('SIGKILL')) };
}

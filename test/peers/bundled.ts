import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BrokerPlace,
  type Cluster,
  type CommandResult,
  type PropertyMap,
  prepareBroker,
  prepareNamesrv,
  withBroker,
} from './nodes.js';
import { repositoryRoot } from './paths.js';
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

export interface BundledCluster extends Cluster<BundledBroker> {
  namesrv: PeerProcess;
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
    env: { ...process.env, NAMESRV_ADDR: '', MQADMIN_AUDIT: 'off', NO_COLOR: '1', ...options.env },
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
  const { address, file } = await prepareNamesrv({ dir, properties: { bindAddress: '127.0.0.1' } });
  const process = await spawnLauncher('mqnamesrv', ['-c', file], { cwd: dir, logFile: join(dir, 'namesrv.out') });
  await serving(process, () => registered(address, '{'));
  return { address, process };
}

/** Starts bin/mqbroker; with `wait: false` it returns before the broker serves. */
export async function startBundledBroker(options: BrokerPlace & { wait?: boolean }): Promise<BundledBroker> {
  const { dir } = options;
  const { port, address, file, storeDir } = await prepareBroker(options, { bindAddress: '127.0.0.1' });
  const process = await spawnLauncher('mqbroker', ['-c', file], { cwd: dir, logFile: join(dir, 'broker.out'), env: { HOME: dir } });
  if (options.wait !== false) await serving(process, () => registered(options.namesrvAddr, address));
  return { address, port, dir, storeDir, process, stop: () => process.stop(), kill: () => process.kill() };
}

/** One bundled name server with one broker, in a folder of its own. `await cluster.stop()` kills both and removes it. */
export async function startBundledCluster(options: { brokerConfig?: PropertyMap; storeDir?: string } = {}): Promise<BundledCluster> {
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-bundled-'));
  const namesrv = await startBundledNamesrv(join(dir, 'namesrv'));
  const { address: namesrvAddr } = namesrv;
  const brokerConfig = options.brokerConfig ?? {};
  const cluster = await withBroker<BundledBroker>({
    dir,
    namesrvAddr,
    namesrv: namesrv.process,
    brokerConfig,
    startBroker: (port) =>
      startBundledBroker({
        namesrvAddr,
        dir: join(dir, 'broker'),
        config: brokerConfig,
        ...(port === undefined ? {} : { port }),
        ...(options.storeDir ? { storeDir: options.storeDir } : {}),
      }),
    mqadmin: (...args) => runLauncher('mqadmin', args, { namesrvAddr }),
  });
  return Object.assign(cluster, { namesrv: namesrv.process });
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

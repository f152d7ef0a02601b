import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StoreError } from '../../common/errors.js';
import { stringifyProperties } from '../../common/properties-file.js';
import { launcher } from './launcher.js';
import { brokerConf, letter, type NodesPlan, type PlanNodesOptions, type PlannedNode, planNodes } from './plan-nodes.js';
import { waitForBroker } from './readiness.js';

export interface StartNodesOptions extends PlanNodesOptions {
  /** Further keys for broker.conf and namesrv.properties when they are written for the first time. */
  readonly brokerConfig?: Readonly<Record<string, string | number | boolean>>;
  readonly namesrvConfig?: Readonly<Record<string, string | number | boolean>>;
  /** The nodes outlive this process. */
  readonly detached?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  /** Hears of each process as soon as it exists. */
  onSpawn?(pid: number): void;
}

export interface StartedNode extends PlannedNode {
  readonly pid: number;
}

export interface StartedNodes {
  readonly dir: string;
  readonly clusterName: string;
  /** All name servers. */
  readonly namesrvAddr: string;
  readonly namesrvs: readonly [StartedNode, ...StartedNode[]];
  readonly brokers: readonly [StartedNode, ...StartedNode[]];
  /** Ends those that were started now, brokers first. */
  stop(): Promise<void>;
}

/**
 * Starts name servers and brokers as processes of their own and waits until the brokers are registered; nodes that run already are left alone.
 * @throws ConfigError for a wanted port that is taken, StoreError when a node does not come up; what was started is stopped.
 */
export async function startNodes(options: StartNodesOptions): Promise<StartedNodes> {
  const plan = await planNodes(options);
  const files = writeConfigs(options, plan);
  const started: NodeProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const node of started.splice(0).reverse()) await node.stop();
  };
  const startOne = (node: PlannedNode, index: number): StartedNode => {
    if (node.pid !== null) return { ...node, pid: node.pid };
    const process = new NodeProcess(node, argumentsOf(node, { index, plan, files, options }), options);
    started.push(process);
    return { ...node, pid: process.pid };
  };
  try {
    const namesrvs = plan.namesrvs.map(startOne) as [StartedNode, ...StartedNode[]];
    const brokers = plan.brokers.map(startOne) as [StartedNode, ...StartedNode[]];
    for (const namesrv of namesrvs) {
      for (const broker of brokers) await waitForBroker(namesrv.address, broker, started);
    }
    if (options.detached) for (const node of started) node.release();
    const { clusterName, namesrvAddr } = plan;
    return { dir: options.dir, clusterName, namesrvAddr, namesrvs, brokers, stop };
  } catch (cause) {
    await stop();
    throw new StoreError(`the cluster in ${options.dir} did not start: ${(cause as Error).message}`, { code: 'CLUSTER_START', cause });
  }
}

/** Words of the command line. Nodes after the first have the same file, and names, ports and folders of their own; a broker that is renamed keeps its store. */
function argumentsOf(
  node: PlannedNode,
  {
    index,
    plan,
    files,
    options,
  }: { index: number; plan: NodesPlan; files: { namesrv: string; broker: string }; options: StartNodesOptions },
): string[] {
  const own = [`bindAddress=${plan.bindAddress}`, `listenPort=${node.listenPort}`];
  if (node.kind === 'namesrv') {
    const kv = `kvConfigPath=${join(options.dir, node.name, 'kvConfig.json')}`;
    return ['-c', files.namesrv, ...own, ...(index === 0 ? [] : [kv])];
  }
  const names = [`brokerClusterName=${plan.clusterName}`, `brokerName=${node.name}`];
  const store = `storePathRootDir=${join(options.dir, `store-${letter(index)}`)}`;
  return ['-c', files.broker, '-n', plan.namesrvAddr, ...own, ...names, ...(index === 0 ? [] : [store])];
}

/** Writes the configuration files that are not there; ports go by argument, so that a file survives a change of ports. */
function writeConfigs(options: StartNodesOptions, { bindAddress, clusterName, brokers }: NodesPlan): { namesrv: string; broker: string } {
  const conf = join(options.dir, 'conf');
  mkdirSync(conf, { recursive: true });
  mkdirSync(join(options.dir, 'logs'), { recursive: true });
  const files = { namesrv: join(conf, 'namesrv.properties'), broker: brokerConf(options.dir) };
  const write = (file: string, entries: Readonly<Record<string, string | number | boolean>>): void => {
    if (existsSync(file)) return;
    writeFileSync(file, stringifyProperties(Object.entries(entries).map(([key, value]) => [key, String(value)] as const)), 'latin1');
  };
  write(files.namesrv, {
    bindAddress,
    kvConfigPath: join(options.dir, 'namesrv', 'kvConfig.json'),
    ...options.namesrvConfig,
  });
  write(files.broker, {
    brokerClusterName: clusterName,
    brokerName: brokers[0].name,
    bindAddress,
    storePathRootDir: join(options.dir, 'store'),
    ...options.brokerConfig,
  });
  return files;
}

/** One launcher as a process; what it prints is in a file. */
class NodeProcess {
  readonly bin: string;
  readonly #child: ChildProcess;
  readonly #outFile: string;
  /** Where this run's output begins in the file. */
  readonly #outStart: number;
  readonly #ended: Promise<void>;
  #hasExited = false;

  constructor(node: PlannedNode, args: readonly string[], options: StartNodesOptions) {
    const bin = node.kind === 'broker' ? 'mqbroker' : 'mqnamesrv';
    this.bin = bin;
    const logs = join(options.dir, 'logs');
    this.#outFile = join(logs, `${bin}-${node.name}.out`);
    const out = openSync(this.#outFile, 'a');
    this.#outStart = statSync(this.#outFile).size;
    this.#child = spawn(process.execPath, [launcher(bin), ...args, '--log-dir', logs], {
      cwd: options.dir,
      env: { ...(options.env ?? process.env), NAMESRV_ADDR: '' },
      stdio: ['ignore', out, out],
      detached: options.detached ?? false,
      windowsHide: true,
    });
    closeSync(out);
    options.onSpawn?.(this.pid);
    this.#ended = new Promise((resolve) => {
      const onEnd = (): void => {
        this.#hasExited = true;
        resolve();
      };
      this.#child.once('exit', onEnd).once('error', onEnd);
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** The end of what it printed in this run. */
  lastWords(): string {
    return readFileSync(this.#outFile).subarray(this.#outStart).toString('utf8').trim().split('\n').slice(-1).join(' | ');
  }

  /** Lets this process end while the node runs on. */
  release(): void {
    this.#child.unref();
  }

  async stop(): Promise<void> {
    this.#child.ref();
    if (!this.#hasExited) this.#child.kill('SIGTERM');
    await this.#ended;
  }
}

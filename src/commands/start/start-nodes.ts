import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError, StoreError } from '../../common/errors.js';
import { parseProperties, stringifyProperties } from '../../common/properties-file.js';
import { freePorts, portsFree } from './ports.js';
import { waitForBroker } from './readiness.js';

const DEFAULT_NAMESRV_PORT = 9876;
const DEFAULT_BROKER_PORT = 10911;
/** The fast port and the HA port beside listenPort. */
const BROKER_NEIGHBOURS = [0, -2, 1] as const;

export interface StartNodesOptions {
  /** Folder of configuration, store and logs. */
  readonly dir: string;
  readonly clusterName?: string | undefined;
  readonly brokerName?: string | undefined;
  /** Ports that must be these; without them the default ones are taken, or free ones when those are in use. */
  readonly namesrvPort?: number | undefined;
  readonly brokerPort?: number | undefined;
  readonly bindAddress?: string | undefined;
  /** Further keys for broker.conf and namesrv.properties when they are written for the first time. */
  readonly brokerConfig?: Readonly<Record<string, string | number | boolean>>;
  readonly namesrvConfig?: Readonly<Record<string, string | number | boolean>>;
  /** How many brokers, all of them masters; those after the first are named `broker-b` and so on, on free ports. */
  readonly brokers?: number;
  /** The nodes outlive this process. */
  readonly detached?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  /** Hears of ports that were taken. */
  note?(text: string): void;
  /** Hears of each process as soon as it exists. */
  onSpawn?(pid: number): void;
}

export interface StartedNode {
  readonly address: string;
  readonly pid: number;
}

export interface StartedNodes {
  readonly dir: string;
  readonly clusterName: string;
  readonly namesrvAddr: string;
  readonly brokerName: string;
  readonly brokerAddr: string;
  readonly namesrv: StartedNode;
  readonly broker: StartedNode;
  /** All of them; the first is `broker`. */
  readonly brokers: readonly StartedNode[];
  /** Ends them all, brokers first. */
  stop(): Promise<void>;
}

/**
 * Starts a name server and brokers as processes of their own and waits until the brokers are registered.
 * @throws ConfigError for a wanted port that is taken, StoreError when a node does not come up; what was started is stopped.
 */
export async function startNodes(options: StartNodesOptions): Promise<StartedNodes> {
  const plan = await planNodes(options);
  const { namesrvAddr, brokerAddr, bindAddress, clusterName, brokerName, namesrvPort, brokerPort } = plan;
  const files = writeConfigs(options, plan);
  const bind = `bindAddress=${bindAddress}`;
  const started: NodeProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const node of started.splice(0).reverse()) await node.stop();
  };
  try {
    const namesrv = new NodeProcess('mqnamesrv', ['-c', files.namesrv, bind, `listenPort=${namesrvPort}`], options);
    started.push(namesrv);
    const own = [bind, `brokerClusterName=${clusterName}`, `brokerName=${brokerName}`, `listenPort=${brokerPort}`];
    const broker = new NodeProcess('mqbroker', ['-c', files.broker, '-n', namesrvAddr, ...own], options);
    started.push(broker);
    const furtherBrokers = await startFurtherBrokers(options, { namesrvAddr, bind, clusterName, file: files.broker, started });
    await waitForBroker(namesrvAddr, brokerName, started);
    for (const further of furtherBrokers) await waitForBroker(namesrvAddr, further.brokerName, started);
    if (options.detached) for (const node of started) node.release();
    return {
      dir: options.dir,
      clusterName,
      namesrvAddr,
      brokerName,
      brokerAddr,
      namesrv: { address: namesrvAddr, pid: namesrv.pid },
      broker: { address: brokerAddr, pid: broker.pid },
      brokers: [
        { address: brokerAddr, pid: broker.pid },
        ...furtherBrokers.map(({ port, pid }) => ({ address: `${plan.host}:${port}`, pid })),
      ],
      stop,
    };
  } catch (cause) {
    await stop();
    throw new StoreError(`the cluster in ${options.dir} did not start: ${(cause as Error).message}`, { code: 'CLUSTER_START', cause });
  }
}

interface FurtherBroker {
  readonly brokerName: string;
  readonly port: number;
  readonly pid: number;
}

/** The brokers after the first: same configuration file, names, ports and stores of their own. */
async function startFurtherBrokers(
  options: StartNodesOptions,
  cluster: { namesrvAddr: string; bind: string; clusterName: string; file: string; started: NodeProcess[] },
): Promise<FurtherBroker[]> {
  const { namesrvAddr, bind, clusterName, file, started } = cluster;
  const further: FurtherBroker[] = [];
  for (let index = 1; index < (options.brokers ?? 1); index++) {
    const brokerName = `broker-${String.fromCharCode('a'.charCodeAt(0) + index)}`;
    const port = await freePorts(BROKER_NEIGHBOURS, (bound) => randomInt(bound));
    const own = [bind, `brokerClusterName=${clusterName}`, `brokerName=${brokerName}`, `listenPort=${port}`];
    const store = `storePathRootDir=${join(options.dir, `store-${brokerName}`)}`;
    const broker = new NodeProcess('mqbroker', ['-c', file, '-n', namesrvAddr, ...own, store], options);
    started.push(broker);
    further.push({ brokerName, port, pid: broker.pid });
  }
  return further;
}

/** Names and addresses that a start with these options takes. */
export interface NodesPlan extends NodeNames {
  /** What the nodes are reached by. */
  readonly host: string;
  readonly namesrvPort: number;
  readonly brokerPort: number;
  readonly namesrvAddr: string;
  readonly brokerAddr: string;
}

/**
 * Chooses names and ports, and starts nothing.
 * @throws ConfigError for a wanted port that is taken.
 */
export async function planNodes(options: StartNodesOptions): Promise<NodesPlan> {
  const names = namesOf(options);
  const { bindAddress } = names;
  const host = bindAddress === '0.0.0.0' || bindAddress === '::' ? '127.0.0.1' : bindAddress;
  const namesrvPort = await choosePort(options, {
    what: 'name server',
    wanted: options.namesrvPort,
    usual: DEFAULT_NAMESRV_PORT,
    neighbours: [0],
  });
  const brokerPort = await choosePort(options, {
    what: 'broker',
    wanted: options.brokerPort,
    usual: DEFAULT_BROKER_PORT,
    neighbours: BROKER_NEIGHBOURS,
  });
  return { ...names, host, namesrvPort, brokerPort, namesrvAddr: `${host}:${namesrvPort}`, brokerAddr: `${host}:${brokerPort}` };
}

async function choosePort(
  options: StartNodesOptions,
  port: { what: string; wanted: number | undefined; usual: number; neighbours: readonly number[] },
): Promise<number> {
  const first = port.wanted ?? port.usual;
  if (await portsFree(first, port.neighbours)) return first;
  if (port.wanted !== undefined) {
    const ports = port.neighbours.map((distance) => first + distance).sort((left, right) => left - right);
    throw new ConfigError(`the ${port.what} cannot listen on ${first}: one of the ports ${ports.join(', ')} is taken`, {
      code: 'PORT_TAKEN',
    });
  }
  const chosen = await freePorts(port.neighbours, (bound) => randomInt(bound));
  options.note?.(`port ${first} is taken: the ${port.what} listens on ${chosen}`);
  return chosen;
}

interface NodeNames {
  readonly bindAddress: string;
  readonly clusterName: string;
  readonly brokerName: string;
}

/** Names that were asked for, else those of an earlier start in the folder, else the usual ones. */
function namesOf(options: StartNodesOptions): NodeNames {
  const file = brokerConf(options.dir);
  const kept = existsSync(file) ? parseProperties(readFileSync(file)).entries : new Map<string, { value: string }>();
  return {
    bindAddress: options.bindAddress ?? kept.get('bindAddress')?.value ?? '127.0.0.1',
    clusterName: options.clusterName ?? kept.get('brokerClusterName')?.value ?? 'DefaultCluster',
    brokerName: options.brokerName ?? kept.get('brokerName')?.value ?? 'broker-a',
  };
}

function brokerConf(dir: string): string {
  return join(dir, 'conf', 'broker.conf');
}

/** Writes the configuration files that are not there; ports go by argument, so that a file survives a change of ports. */
function writeConfigs(
  options: StartNodesOptions,
  names: { bindAddress: string; clusterName: string; brokerName: string },
): { namesrv: string; broker: string } {
  const conf = join(options.dir, 'conf');
  mkdirSync(conf, { recursive: true });
  mkdirSync(join(options.dir, 'logs'), { recursive: true });
  const files = { namesrv: join(conf, 'namesrv.properties'), broker: brokerConf(options.dir) };
  const write = (file: string, entries: Readonly<Record<string, string | number | boolean>>): void => {
    if (existsSync(file)) return;
    writeFileSync(file, stringifyProperties(Object.entries(entries).map(([key, value]) => [key, String(value)] as const)), 'latin1');
  };
  write(files.namesrv, {
    bindAddress: names.bindAddress,
    kvConfigPath: join(options.dir, 'namesrv', 'kvConfig.json'),
    ...options.namesrvConfig,
  });
  write(files.broker, {
    brokerClusterName: names.clusterName,
    brokerName: names.brokerName,
    bindAddress: names.bindAddress,
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

  constructor(bin: string, args: readonly string[], options: StartNodesOptions) {
    this.bin = bin;
    const logs = join(options.dir, 'logs');
    this.#outFile = join(logs, `${bin}.out`);
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

/** Path of a launcher: `bin/` of the package this file was built into, or of the repository it stands in. */
export function launcher(bin: string, from: string = import.meta.url): string {
  for (let dir = dirname(fileURLToPath(from)); ; dir = dirname(dir)) {
    const file = join(dir, 'bin', `${bin}.js`);
    if (existsSync(file)) return file;
    if (dir === dirname(dir)) throw new ConfigError(`the launcher ${bin} is not beside this program`, { code: 'LAUNCHER' });
  }
}

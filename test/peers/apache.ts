import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchApache } from './fetch.js';
import {
  type BrokerPlace,
  type Cluster,
  type CommandResult,
  type PropertyMap,
  prepareBroker,
  prepareNamesrv,
  withBroker,
} from './nodes.js';
import type { ApacheVersion } from './paths.js';
import { PeerProcess } from './process.js';
import { registered } from './wire.js';

/** Java 17 keeps these packages closed; the broker maps and unmaps files through them. */
const JAVA_FLAGS = [
  '--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED',
  '--add-opens=java.base/sun.nio.ch=ALL-UNNAMED',
  '--add-opens=java.base/java.nio=ALL-UNNAMED',
  '--add-exports=java.base/sun.nio.ch=ALL-UNNAMED',
];
const BOOT_SUCCESS = /boot success/;

export type { PropertyMap };

export interface Heap {
  min: string;
  max: string;
  /** Leave the choice of garbage collector to the JVM, as a production start does. */
  defaultCollector?: boolean;
}
const SMALL_HEAP: Heap = { min: '256m', max: '512m' };
/** What benchmarks give Apache's broker. */
export const BENCHMARK_HEAP: Heap = { min: '1g', max: '1g', defaultCollector: true };

export interface ApacheNamesrv {
  version: ApacheVersion;
  address: string;
  process: PeerProcess;
  stop(): Promise<void>;
}

export interface ApacheBrokerOptions extends Omit<BrokerPlace, 'dir'> {
  version: ApacheVersion;
  /** Own folder: user.home, store and logs live in it. Made in the temp folder when absent. */
  dir?: string;
  heap?: Heap;
  readyTimeoutMs?: number;
}

export interface ApacheBroker {
  version: ApacheVersion;
  address: string;
  port: number;
  dir: string;
  storeDir: string;
  process: PeerProcess;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export interface ApacheCluster extends Cluster<ApacheBroker> {
  version: ApacheVersion;
  namesrv: ApacheNamesrv;
}

/** Starts Apache's name server on a free port. */
export async function startNamesrv(options: { version: ApacheVersion; dir?: string; port?: number; heap?: Heap }): Promise<ApacheNamesrv> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'mqkit-apache-'));
  const { address, file } = await prepareNamesrv({
    dir,
    properties: { rocketmqHome: dir },
    ...(options.port === undefined ? {} : { port: options.port }),
  });
  const process = await spawnJava({
    name: `Apache ${options.version} name server`,
    version: options.version,
    dir,
    heap: options.heap ?? { min: '64m', max: '256m' },
    mainClass: 'org.apache.rocketmq.namesrv.NamesrvStartup',
    args: ['-c', file],
    logFile: join(dir, 'namesrv.out'),
  });
  return { version: options.version, address, process, stop: async () => void (await process.stop()) };
}

/** Starts Apache's broker on a free block of ports, advertising 127.0.0.1. */
export async function startBroker(options: ApacheBrokerOptions): Promise<ApacheBroker> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'mqkit-apache-'));
  const storeDir = options.storeDir ?? join(dir, 'store');
  const { port, address, file } = await prepareBroker(
    { ...options, dir, storeDir },
    { storePathCommitLog: join(storeDir, 'commitlog'), rocketmqHome: dir },
  );
  const process = await spawnJava({
    name: `Apache ${options.version} broker`,
    version: options.version,
    dir,
    heap: options.heap ?? SMALL_HEAP,
    mainClass: 'org.apache.rocketmq.broker.BrokerStartup',
    args: ['-c', file],
    logFile: join(dir, 'broker.out'),
    ...(options.readyTimeoutMs === undefined ? {} : { readyTimeoutMs: options.readyTimeoutMs }),
  });
  return {
    version: options.version,
    address,
    port,
    dir,
    storeDir,
    process,
    stop: async () => void (await process.stop()),
    kill: () => process.kill(),
  };
}

/** One Apache name server with one broker, in a folder of its own. `await cluster.stop()` kills both and removes it. */
export async function startCluster(options: { version: ApacheVersion; brokerConfig?: PropertyMap; heap?: Heap }): Promise<ApacheCluster> {
  const { version } = options;
  const dir = mkdtempSync(join(tmpdir(), `mqkit-apache-${version}-`));
  const namesrv = await startNamesrv({ version, dir: join(dir, 'namesrv') });
  const { address: namesrvAddr } = namesrv;
  const brokerConfig = options.brokerConfig ?? {};
  const cluster = await withBroker<ApacheBroker>({
    dir,
    namesrvAddr,
    namesrv: namesrv.process,
    brokerConfig,
    startBroker: async (port) => {
      const broker = await startBroker({
        version,
        namesrvAddr,
        dir: join(dir, 'broker'),
        config: brokerConfig,
        ...(port === undefined ? {} : { port }),
        ...(options.heap ? { heap: options.heap } : {}),
      });
      await registered(namesrvAddr, broker.address);
      return broker;
    },
    mqadmin: (...args) => mqadmin(args, { version, namesrvAddr }),
  });
  return Object.assign(cluster, { version, namesrv });
}

/** Runs Apache's mqadmin; it takes about four seconds a command. */
export async function mqadmin(
  args: string[],
  options: { version: ApacheVersion; namesrvAddr?: string; timeoutMs?: number },
): Promise<CommandResult> {
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-apache-tools-'));
  const lines: string[] = [];
  try {
    const process = await spawnJava({
      name: `Apache ${options.version} mqadmin ${args[0]}`,
      version: options.version,
      dir,
      heap: { min: '32m', max: '256m' },
      mainClass: 'org.apache.rocketmq.tools.command.MQAdminStartup',
      args,
      flags: ['-XX:TieredStopAtLevel=1'],
      ...(options.namesrvAddr ? { env: { NAMESRV_ADDR: options.namesrvAddr } } : {}),
      onLine: (line) => lines.push(line),
    });
    const timer = setTimeout(() => process.kill(), options.timeoutMs ?? 60_000);
    const exitCode = await process.exited;
    clearTimeout(timer);
    return { stdout: lines.join('\n'), stderr: process.output, exitCode };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

interface JavaOptions {
  name: string;
  /** Connect to IPv6 addresses too. */
  ipv6?: boolean;
  version: ApacheVersion;
  dir: string;
  heap: Heap;
  mainClass: string;
  args: string[];
  flags?: string[];
  env?: Record<string, string>;
  classPath?: string;
  logFile?: string;
  readyTimeoutMs?: number;
  onLine?: (line: string) => void;
}

/** Starts a Java program on that release's class path; with a log file it counts as ready at "boot success". */
export async function spawnJava(options: JavaOptions): Promise<PeerProcess> {
  const classPath = options.classPath ?? (await fetchApache(options.version)).classPath;
  const logback = writeLogback(join(options.dir, 'conf'), options.version);
  return PeerProcess.spawn({
    name: options.name,
    command: 'java',
    cwd: options.dir,
    args: [
      `-Xms${options.heap.min}`,
      `-Xmx${options.heap.max}`,
      ...(options.heap.defaultCollector ? [] : ['-XX:+UseSerialGC']),
      ...(options.flags ?? []),
      ...JAVA_FLAGS,
      `-Duser.home=${options.dir}`,
      `-Drmq.logback.configurationFile=${logback}`,
      `-Dlogback.configurationFile=${logback}`,
      `-Djava.net.preferIPv4Stack=${options.ipv6 !== true}`,
      '-cp',
      classPath,
      options.mainClass,
      ...options.args,
    ],
    env: { ...process.env, NAMESRV_ADDR: '', ROCKETMQ_HOME: options.dir, ...options.env },
    ...(options.logFile ? { logFile: options.logFile, ready: BOOT_SUCCESS } : {}),
    ...(options.readyTimeoutMs === undefined ? {} : { readyTimeoutMs: options.readyTimeoutMs }),
    ...(options.onLine ? { onLine: options.onLine } : {}),
  });
}

/** Without these files both releases print their logging set-up to stdout; 4.9.7 reads them by name. Errors go to stderr. */
function writeLogback(confDir: string, version: ApacheVersion): string {
  mkdirSync(confDir, { recursive: true });
  // 5.3.3 carries logback under a package name of its own.
  const root = version === '4.9.7' ? 'ch.qos.logback' : 'org.apache.rocketmq.logging.ch.qos.logback';
  const text = `<configuration>
<statusListener class="${root}.core.status.NopStatusListener"/>
<appender name="STDERR" class="${root}.core.ConsoleAppender"><target>System.err</target>
<encoder><pattern>%d{HH:mm:ss.SSS} %-5level %logger{0} - %msg%n</pattern></encoder></appender>
<root level="ERROR"><appender-ref ref="STDERR"/></root>
</configuration>
`;
  for (const name of ['logback_namesrv.xml', 'logback_broker.xml', 'logback_tools.xml']) writeFileSync(join(confDir, name), text);
  return join(confDir, 'logback_broker.xml');
}

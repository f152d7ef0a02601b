import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ProducerResult } from '../../../src/bench/result.js';
import { spawnJava } from '../apache.js';
import { runLauncher } from '../bundled.js';
import { fetchJavaBench } from '../fetch.js';
import { repositoryRoot } from '../paths.js';
import { PeerProcess } from '../process.js';
import { type BenchSettings, figure, inPairs, type Row } from './rows.js';
import { APACHE_VERSION } from './sides.js';

const TOPIC = 'NullBench';
const IN_FLIGHT = 64;
const BODY_BYTES = 128;
/** Both compile their hot path meanwhile. */
const WARM_UP_SECONDS = 10;
const TIMEOUT_MS = 600_000;

interface ClientRun {
  readonly count: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly failed: number;
}

/** A server that answers at once, in a process of its own; for the client under test name server and broker. */
async function startNullServer(): Promise<{ address: string; process: PeerProcess }> {
  const serving = /serving on (\S+)/;
  const process_ = await PeerProcess.spawn({
    name: 'null server',
    command: process.execPath,
    args: ['--import', 'tsx', join(repositoryRoot, 'test/peers/bench/null-server.ts')],
    cwd: repositoryRoot,
    ready: serving,
  });
  return { address: serving.exec(process_.output)?.[1] ?? '', process: process_ };
}

async function runMqbench(address: string, { dir, seconds }: BenchSettings): Promise<ClientRun> {
  const file = join(dir, 'client.json');
  const load = ['-t', TOPIC, '-w', String(IN_FLIGHT), '-s', String(BODY_BYTES)];
  const length = ['--warmup', `${WARM_UP_SECONDS}s`, '--duration', `${seconds}s`];
  const args = ['producer', '-n', address, ...load, ...length, '--json', file];
  const { exitCode, stderr } = await runLauncher('mqbench', args, { timeoutMs: TIMEOUT_MS });
  if (exitCode !== 0) throw new Error(`mqbench ${args.join(' ')} ended with ${exitCode}: ${stderr.trim()}`);
  const { send, environment } = JSON.parse(readFileSync(file, 'utf8')) as ProducerResult;
  rmSync(file);
  return { count: send.count, seconds: send.seconds, cpuSeconds: environment.generator.cpuSeconds, failed: send.errors };
}

async function runJava(address: string, { dir, seconds }: BenchSettings): Promise<ClientRun> {
  const home = mkdtempSync(join(dir, 'java-'));
  const lines: string[] = [];
  const { classPath } = await fetchJavaBench(APACHE_VERSION);
  const java = await spawnJava({
    name: `Java client ${APACHE_VERSION}`,
    version: APACHE_VERSION,
    dir: home,
    heap: { min: '512m', max: '512m', defaultCollector: true },
    classPath,
    mainClass: 'SendLoop',
    args: [address, TOPIC, IN_FLIGHT, BODY_BYTES, WARM_UP_SECONDS, seconds].map(String),
    onLine: (line) => lines.push(line),
  });
  const exitCode = await java.exited;
  rmSync(home, { recursive: true, force: true });
  const line = lines.find((text) => text.startsWith('{'));
  if (exitCode !== 0 || line === undefined) throw new Error(`SendLoop ended with ${exitCode}: ${java.output.slice(-2000)}`);
  return JSON.parse(line) as ClientRun;
}

/** One process each against the same server, which does nothing: what the client itself can do, and what that costs. */
export const client: Row = async (settings) => {
  const sides = { ours: 'mqbench', apache: `Java client ${APACHE_VERSION}` };
  const what = `sends to a server that answers at once, ${BODY_BYTES} B, ${IN_FLIGHT} in flight`;
  const rate = figure({ what, unit: 'msg/s', target: 2, ratioOf: 'ours : apache', sides });
  const perCpu = figure({
    what: 'the same, sends per CPU second of the client',
    unit: 'msg/s',
    target: 2,
    ratioOf: 'ours : apache',
    sides,
  });
  const server = await startNullServer();
  try {
    await inPairs(settings, async (name) => {
      const run = await (name === 'ours' ? runMqbench : runJava)(server.address, settings);
      if (run.failed > 0) throw new Error(`${run.failed} sends of ${sides[name]} failed`);
      rate[name].push(run.count / run.seconds);
      perCpu[name].push(run.count / run.cpuSeconds);
      settings.say(
        `  ${sides[name]}: ${Math.round(run.count / run.seconds)} msg/s, ${((run.cpuSeconds / run.count) * 1e6).toFixed(2)} us of CPU each`,
      );
    });
  } finally {
    await server.process.kill();
  }
  return [rate, perCpu];
};

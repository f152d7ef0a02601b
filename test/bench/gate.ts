/**
 * `npm run bench:gate [-- --base <revision> --pairs 5 --seconds 5]`
 *
 * Builds another revision beside this one and runs the same load on both in interleaved pairs, each with its own nodes and its own
 * mqbench. Prints what changed; judges nothing, since one machine's figures are noise until somebody looks at them.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { ProducerResult } from '../../src/bench/result.js';
import { cpuSeconds, median } from '../peers/bench/measure.js';
import { freePortBlock } from '../peers/ports.js';

const ROOT = resolve(import.meta.dirname, '../..');
const TOPIC = 'GateBench';

/** A revision with its build and its running cluster. */
interface Revision {
  readonly name: string;
  readonly root: string;
  readonly dir: string;
  namesrvAddr: string;
  brokerPid: number;
  readonly rates: number[];
  readonly p99Ms: number[];
  readonly cpuUs: number[];
}

function revision(name: string, root: string, work: string): Revision {
  return { name, root, dir: join(work, name), namesrvAddr: '', brokerPid: 0, rates: [], p99Ms: [], cpuUs: [] };
}

function command(of: Revision, bin: string, args: readonly string[]): string {
  return execFileSync(process.execPath, [join(of.root, 'bin', `${bin}.js`), ...args], {
    encoding: 'utf8',
    env: { ...process.env, MQKIT_STATE_DIR: join(of.dir, 'state'), NAMESRV_ADDR: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function startCluster(of: Revision): Promise<void> {
  const ports = ['--namesrvPort', String(await freePortBlock()), '--brokerPort', String(await freePortBlock())];
  const started = JSON.parse(command(of, 'mqadmin', ['startCluster', '--dir', join(of.dir, 'cluster'), ...ports, '--json'])) as {
    namesrvAddr: string;
    pids: { broker: number };
  };
  of.namesrvAddr = started.namesrvAddr;
  of.brokerPid = started.pids.broker;
  command(of, 'mqadmin', ['updateTopic', '-n', of.namesrvAddr, '-c', 'DefaultCluster', '-t', TOPIC]);
}

function measure(of: Revision, seconds: number): void {
  const before = cpuSeconds(of.brokerPid);
  const args = ['producer', '-n', of.namesrvAddr, '-t', TOPIC, '--duration', `${seconds}s`, '--json'];
  const { send } = JSON.parse(command(of, 'mqbench', args)) as ProducerResult;
  of.rates.push(send.rate);
  of.p99Ms.push(send.latencyMs.p99);
  of.cpuUs.push(((cpuSeconds(of.brokerPid) - before) / send.count) * 1e6);
}

function compare(what: string, base: readonly number[], now: readonly number[]): void {
  const ratios = now.map((value, pair) => value / (base[pair] ?? Number.NaN));
  const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  process.stdout.write(
    `${what.padEnd(28)} base ${median(base).toFixed(2)}, now ${median(now).toFixed(2)}, ratio ${median(ratios).toFixed(3)} (${range})\n`,
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      base: { type: 'string', default: 'HEAD~1' },
      pairs: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '5' },
    },
  });
  const work = mkdtempSync(join(tmpdir(), 'mqkit-gate-'));
  const baseRoot = join(work, 'source');
  const revisions = [revision('base', baseRoot, work), revision('now', ROOT, work)] as const;
  try {
    execFileSync('git', ['worktree', 'add', '--detach', baseRoot, values.base], { cwd: ROOT, stdio: 'ignore' });
    symlinkSync(join(ROOT, 'node_modules'), join(baseRoot, 'node_modules'));
    execFileSync(process.execPath, [join(baseRoot, 'esbuild.config.mjs'), '--no-types'], { cwd: baseRoot, stdio: 'inherit' });
    execFileSync(process.execPath, [join(ROOT, 'esbuild.config.mjs'), '--no-types'], { cwd: ROOT, stdio: 'inherit' });
    for (const one of revisions) {
      await startCluster(one);
      measure({ ...one, rates: [], p99Ms: [], cpuUs: [] }, Number(values.seconds));
    }
    for (let pair = 0; pair < Number(values.pairs); pair++) {
      for (const one of pair % 2 === 0 ? revisions : [...revisions].reverse()) {
        measure(one, Number(values.seconds));
        process.stdout.write(`  ${one.name}: ${Math.round(one.rates.at(-1) ?? 0)} msg/s\n`);
      }
    }
    const [base, now] = revisions;
    process.stdout.write(`base is ${values.base}, load average ${readFileSync('/proc/loadavg', 'utf8').split(' ')[0]}\n`);
    compare('sends, msg/s', base.rates, now.rates);
    compare('p99, ms', base.p99Ms, now.p99Ms);
    compare('broker CPU, us a message', base.cpuUs, now.cpuUs);
  } finally {
    for (const one of revisions.filter(({ namesrvAddr }) => namesrvAddr !== '')) {
      command(one, 'mqadmin', ['stopCluster', '--dir', join(one.dir, 'cluster')]);
    }
    execFileSync('git', ['worktree', 'remove', '--force', baseRoot], { cwd: ROOT, stdio: 'ignore' });
    rmSync(work, { recursive: true, force: true });
  }
}

await main();

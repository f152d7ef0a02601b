import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ProducerResult } from '../../src/bench/result.js';
import { cpuSeconds } from '../peers/bench/measure.js';
import { freePortBlock } from '../ports.js';

const ROOT = resolve(import.meta.dirname, '../..');
const TOPIC = 'GateBench';

/** What one run of the load gave. */
export interface GateRun {
  readonly rate: number;
  readonly p99Ms: number;
  /** CPU of the broker, us a message. */
  readonly cpuUs: number;
}

/** A revision with its build and its running cluster. */
class Revision {
  readonly #root: string;
  readonly #dir: string;
  #namesrvAddr = '';
  #pids: { namesrv: number; broker: number } = { namesrv: 0, broker: 0 };

  constructor(root: string, dir: string) {
    this.#root = root;
    this.#dir = dir;
  }

  build(): void {
    execFileSync(process.execPath, [join(this.#root, 'esbuild.config.mjs'), '--no-types'], { cwd: this.#root, stdio: 'inherit' });
  }

  async start(): Promise<void> {
    const ports = ['--namesrvPort', String(await freePortBlock()), '--brokerPort', String(await freePortBlock())];
    const started = JSON.parse(this.#command('mqadmin', ['startCluster', '--dir', join(this.#dir, 'cluster'), ...ports, '--json'])) as {
      namesrvAddr: string;
      pids: { namesrv: number; broker: number };
    };
    this.#namesrvAddr = started.namesrvAddr;
    this.#pids = started.pids;
    this.#command('mqadmin', ['updateTopic', '-n', this.#namesrvAddr, '-c', 'DefaultCluster', '-t', TOPIC]);
  }

  /** Plain sends of 128 bytes, 64 in flight, by this revision's own mqbench. */
  measure(seconds: number): GateRun {
    const before = cpuSeconds(this.#pids.broker);
    const args = ['producer', '-n', this.#namesrvAddr, '-t', TOPIC, '-s', '128', '-w', '64', '--duration', `${seconds}s`, '--json'];
    const { send } = JSON.parse(this.#command('mqbench', args)) as ProducerResult;
    return { rate: send.rate, p99Ms: send.latencyMs.p99, cpuUs: ((cpuSeconds(this.#pids.broker) - before) / send.count) * 1e6 };
  }

  /** Stops the nodes where they are, or lets them go on: idle nodes must take nothing from those that are measured. */
  pause(isPaused: boolean): void {
    for (const pid of [this.#pids.namesrv, this.#pids.broker]) process.kill(pid, isPaused ? 'SIGSTOP' : 'SIGCONT');
  }

  stop(): void {
    if (this.#namesrvAddr !== '') this.#command('mqadmin', ['stopCluster', '--dir', join(this.#dir, 'cluster')]);
  }

  #command(bin: string, args: readonly string[]): string {
    return execFileSync(process.execPath, [join(this.#root, 'bin', `${bin}.js`), ...args], {
      encoding: 'utf8',
      env: { ...process.env, MQKIT_STATE_DIR: join(this.#dir, 'state'), NAMESRV_ADDR: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }
}

/**
 * Builds a base revision beside this one, starts both, and measures pairs of runs whose order alternates; the side that is not measured
 * stands still.
 */
export async function compareRevisions(options: {
  base: string;
  pairs: number;
  seconds: number;
  say: (text: string) => void;
}): Promise<{ base: GateRun[]; now: GateRun[] }> {
  const work = mkdtempSync(join(tmpdir(), 'mqkit-gate-'));
  const baseRoot = join(work, 'source');
  const revisions = { base: new Revision(baseRoot, join(work, 'base')), now: new Revision(ROOT, join(work, 'now')) };
  const runs: Record<keyof typeof revisions, GateRun[]> = { base: [], now: [] };
  const names = ['base', 'now'] as const;
  try {
    execFileSync('git', ['worktree', 'add', '--detach', baseRoot, options.base], { cwd: ROOT, stdio: 'ignore' });
    symlinkSync(join(ROOT, 'node_modules'), join(baseRoot, 'node_modules'));
    for (const name of names) revisions[name].build();
    for (const name of names) {
      await revisions[name].start();
      revisions[name].measure(options.seconds);
    }
    for (let pair = 0; pair < options.pairs; pair++) {
      for (const name of pair % 2 === 0 ? names : names.toReversed()) {
        const other = revisions[name === 'base' ? 'now' : 'base'];
        other.pause(true);
        try {
          runs[name].push(revisions[name].measure(options.seconds));
        } finally {
          other.pause(false);
        }
        options.say(`  ${name}: ${Math.round(runs[name].at(-1)?.rate ?? 0)} msg/s`);
      }
    }
    return runs;
  } finally {
    for (const name of names) revisions[name].stop();
    if (existsSync(baseRoot)) execFileSync('git', ['worktree', 'remove', '--force', baseRoot], { cwd: ROOT, stdio: 'ignore' });
    rmSync(work, { recursive: true, force: true });
  }
}

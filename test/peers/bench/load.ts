import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ConsumerResult, ProducerResult } from '../../../src/bench/result.js';
import { runLauncher } from '../bundled.js';
import { cpuSeconds } from './measure.js';
import type { RunningSide } from './sides.js';

const TIMEOUT_MS = 600_000;

/** A result with the CPU time the broker used for it. */
export interface Loaded<R> {
  readonly result: R;
  readonly brokerCpuSeconds: number;
}

let files = 0;

async function run<R>(side: RunningSide, dir: string, args: readonly string[]): Promise<Loaded<R>> {
  const file = join(dir, `result-${++files}.json`);
  const before = cpuSeconds(side.brokerPid);
  const { exitCode, stderr } = await runLauncher('mqbench', [...args, '-n', side.namesrvAddr, '--json', file], { timeoutMs: TIMEOUT_MS });
  if (exitCode !== 0) {
    throw new Error(`mqbench ${args.join(' ')} ended with ${exitCode}: ${stderr.trim()}`);
  }
  const result = JSON.parse(readFileSync(file, 'utf8')) as R;
  rmSync(file);
  return { result, brokerCpuSeconds: cpuSeconds(side.brokerPid) - before };
}

/** `mqbench producer` in a process of its own. */
export function produce(side: RunningSide, dir: string, args: readonly string[]): Promise<Loaded<ProducerResult>> {
  return run(side, dir, ['producer', '-s', '128', ...args]);
}

/** `mqbench consumer` in a process of its own. */
export function consume(side: RunningSide, dir: string, args: readonly string[]): Promise<Loaded<ConsumerResult>> {
  return run(side, dir, ['consumer', ...args]);
}

export async function createTopic(side: RunningSide, topic: string): Promise<void> {
  const args = ['updateTopic', '-n', side.namesrvAddr, '-c', 'DefaultCluster', '-t', topic, '-r', '8', '-w', '8'];
  const { exitCode, stderr } = await runLauncher('mqadmin', args);
  if (exitCode !== 0) {
    throw new Error(`mqadmin ${args.join(' ')} ended with ${exitCode}: ${stderr.trim()}`);
  }
}

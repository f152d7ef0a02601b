import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CompareResult } from '../../../src/bench/judge/compare.js';

const ROOT = resolve(import.meta.dirname, '../../..');
/** Answers come so late, as those of a broker that waits for its disk; the rate with so many in flight follows from it, and not from the machine. */
const ANSWER_AFTER_MS = 17;
/** A rate of 85 %. */
const SLOWED_MS = 20;
const COMPARISONS = 5;
const LOAD = 'producer -w 64 -s 128 --warmup 500ms --duration 1500ms';

const servers: ChildProcess[] = [];

/** A server of its own process that holds its answers back. */
async function serve(answerAfterMs: number): Promise<string> {
  const file = join(ROOT, 'test/peers/bench/null-server.ts');
  const server = spawn(process.execPath, ['--import', 'tsx', file, '0', String(answerAfterMs)], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  servers.push(server);
  const line = await new Promise<string>((done) => server.stdout?.setEncoding('utf8').once('data', done));
  return /serving on (\S+)/.exec(line)?.[1] ?? '';
}

async function compare(base: string, vs: string): Promise<CompareResult> {
  const args = ['compare', '--run', `${LOAD} -n ${base}`, '--vs', `${LOAD} -n ${vs}`, '--pairs', '7', '--json'];
  const child = spawn(process.execPath, [join(ROOT, 'bin/mqbench.js'), ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await new Promise((done) => child.once('close', done));
  return JSON.parse(text) as CompareResult;
}

let [base, same, slowed] = ['', '', ''];

beforeAll(async () => {
  [base, same, slowed] = [await serve(ANSWER_AFTER_MS), await serve(ANSWER_AFTER_MS), await serve(SLOWED_MS)];
});
afterAll(() => {
  for (const server of servers) server.kill();
});

async function verdicts(name: string, vs: string): Promise<string[]> {
  const seen: string[] = [];
  for (let i = 0; i < COMPARISONS; i++) {
    const { comparison } = await compare(base, vs);
    const rate = comparison.metrics.find((metric) => metric.name === comparison.primary);
    seen.push(comparison.verdict);
    process.stdout.write(
      `${name} ${i + 1}: ${comparison.verdict}, ratio ${rate?.ratio.toFixed(3)} (${rate?.ratioLow.toFixed(3)} to ${rate?.ratioHigh.toFixed(3)}), p ${rate?.p?.toFixed(3)}\n`,
    );
  }
  return seen;
}

it('a server compared with one like it is hardly ever called faster or slower', async () => {
  const seen = await verdicts('same', same);
  // Of five comparisons at 5 % three false alarms come once in 900 times.
  expect(seen.filter((verdict) => verdict !== 'no difference shown').length).toBeLessThanOrEqual(2);
});

it('a server that takes 15 % of the rate away is called slower, and never faster', async () => {
  const seen = await verdicts('slowed', slowed);
  expect(seen).not.toContain('faster');
  // Beside other work runs of one and the same server differ by more than that.
  const isQuiet = (loadavg()[0] ?? 0) < availableParallelism();
  expect(seen.filter((verdict) => verdict === 'slower').length).toBeGreaterThanOrEqual(isQuiet ? COMPARISONS - 1 : 0);
});

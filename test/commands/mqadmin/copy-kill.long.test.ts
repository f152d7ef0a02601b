/* A copy that is killed again and again while it runs: nothing is lost, and what comes twice has the same msgId. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshSeed, seededRandom } from '../../../src/common/clock.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { runCommand } from './run-command.js';

const MQADMIN = fileURLToPath(new URL('../../../bin/mqadmin.js', import.meta.url));
const MESSAGES = 6_000;
const KILLS = 6;
const IN_FLIGHT = 256;

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ brokers: 2 });
});

afterAll(() => sandbox?.stop());

async function mqadmin(name: string, argv: readonly string[], stdin: string | null = null): Promise<string> {
  const run = await runCommand(name, argv, { NAMESRV_ADDR: sandbox.namesrvAddr }, stdin);
  expect(run, run.stderr).toMatchObject({ exitCode: 0 });
  return run.stdout;
}

function startCopy(argv: readonly string[]): ChildProcess {
  const env = { ...process.env, NAMESRV_ADDR: sandbox.namesrvAddr, MQADMIN_CONTEXT: '' };
  return spawn(process.execPath, [MQADMIN, 'copy', ...argv], { env, stdio: 'ignore' });
}

async function countOf(topic: string): Promise<number> {
  return (await mqadmin('tail', ['-t', topic, '--format', 'x'])).length;
}

it('a copy that was killed goes on without loss', async () => {
  const seed = freshSeed();
  const random = seededRandom(seed);
  for (const topic of ['Killed', 'KilledCopy']) {
    await mqadmin('updateTopic', ['-c', 'DefaultCluster', '-t', topic, '-r', '2', '-w', '2']);
  }
  await mqadmin('produce', ['-t', 'Killed'], Array.from({ length: MESSAGES }, (_, i) => `m${i}`).join('\n'));
  const offsetsFile = join(sandbox.dir, 'killed.jsonl');
  const argv = ['-t', 'Killed', '--to-topic', 'KilledCopy', '--offsets-file', offsetsFile, '--in-flight', String(IN_FLIGHT)];
  for (let kill = 0; kill < KILLS; kill++) {
    const before = await countOf('KilledCopy');
    const child = startCopy([...argv, '--rate', '2000']);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    // In the midst of it, wherever that is.
    await until(async () => (await countOf('KilledCopy')) > before || child.exitCode !== null, 60_000);
    await sleep(random.nextInt(100));
    child.kill('SIGKILL');
    await ended;
  }
  await mqadmin('copy', argv);
  const rows = (await mqadmin('tail', ['-t', 'KilledCopy', '--format', '%s %i\\n'])).trimEnd().split('\n');
  const bodies = new Set(rows.map((row) => row.split(' ')[0]));
  expect(bodies.size, `seed ${seed}`).toBe(MESSAGES);
  // The same message under the same id each time; only what was on its way at a kill can have come twice.
  expect(new Set(rows).size, `seed ${seed}`).toBe(MESSAGES);
  expect(rows.length, `seed ${seed}`).toBeLessThanOrEqual(MESSAGES + KILLS * IN_FLIGHT);
  console.log(`copied ${MESSAGES} messages with ${KILLS} kills: ${rows.length - MESSAGES} came twice (seed ${seed})`);
}, 240_000);

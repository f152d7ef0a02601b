import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProducerResult } from '../../src/bench/result.js';
import { until } from '../sandbox.js';

const BIN = resolve(import.meta.dirname, '../../bin/mqbench.js');

describe('mqbench on nodes of its own', () => {
  let temp: string;

  beforeEach(() => {
    temp = mkdtempSync(join(tmpdir(), 'mqkit-embedded-'));
  });
  afterEach(() => rmSync(temp, { recursive: true, force: true, maxRetries: 5 }));

  function start(args: readonly string[]): {
    child: ReturnType<typeof spawn>;
    out: { stdout: string; stderr: string };
    ended: Promise<number | null>;
  } {
    const env = { ...process.env, TMPDIR: temp, TEMP: temp, NAMESRV_ADDR: '' };
    const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
    const out = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        out[name] += text;
      });
    }
    return { child, out, ended: new Promise((done) => child.once('close', done)) };
  }

  const left = (): string[] => readdirSync(temp).filter((name) => name.startsWith('mqbench-'));

  it('starts brokers for a run, creates the topic, and leaves nothing', async () => {
    const { out, ended } = start([
      'producer',
      '--embedded',
      '--brokers',
      '2',
      '--queues',
      '2',
      '--flush',
      'SYNC_FLUSH',
      '-q',
      '500',
      '--json',
    ]);
    expect({ code: await ended, stderr: out.stderr }).toMatchObject({ code: 0 });
    const { send } = JSON.parse(out.stdout) as ProducerResult;
    expect(send).toMatchObject({ count: 500, errors: 0 });
    expect(left()).toEqual([]);
  });

  it('refuses a warm-up that would consume what is to be measured', async () => {
    const { out, ended } = start(['consumer', '--embedded', '-q', '100', '--warmup', '2s']);
    expect(await ended).toBe(2);
    expect(out.stderr).toContain('--warmup: throw-away nodes hold no more than what is measured');
  });

  it('leaves nothing when the run is killed', async () => {
    const { child, out, ended } = start(['producer', '--embedded', '--duration', '60s', '-w', '1', '-ri', '100']);
    await until(() => out.stdout.includes('Send TPS'), 60_000);
    expect(left()).toHaveLength(1);
    child.kill('SIGKILL');
    await ended;
    await until(() => left().length === 0, 60_000);
  });

  it('gives the result so far on Ctrl-C', async () => {
    const { child, out, ended } = start(['producer', '--embedded', '--duration', '60s', '-w', '1']);
    await until(() => out.stdout.includes('mqbench producer:'), 60_000);
    child.kill('SIGINT');
    expect(await ended).not.toBeNull();
    expect(left()).toEqual([]);
  });

  it.each([
    [['--embedded', '--slaves', '1'], /^--slaves 1: the bundled broker does not replicate yet/],
    [['--brokers', '2'], /^--brokers 2 describes throw-away nodes; add --embedded/],
    [['--embedded', '-n', '10.0.0.1:9876'], /^--embedded starts nodes of its own; leave -n 10\.0\.0\.1:9876 or --embedded out/],
    [['--embedded', '--flush', 'never'], /^--flush never: expected ASYNC_FLUSH or SYNC_FLUSH/],
  ])('refuses %j in one line', async (args, line) => {
    const { out, ended } = start(['producer', ...args]);
    expect(await ended).toBe(2);
    expect(out.stderr).toMatch(line);
    expect(out.stderr.trim().split('\n')).toHaveLength(1);
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProducerResult } from '../../../src/bench/result.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';

const BIN = resolve(import.meta.dirname, '../../../bin/mqbench.js');

/** mqbench as a user runs it, with what it has printed so far. */
class Run {
  stdout = '';
  stderr = '';
  readonly ended: Promise<number | null>;
  readonly child: ChildProcess;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const surroundings = { ...process.env, NAMESRV_ADDR: '', MQBENCH_WORKER_TOKEN: '', ...env };
    this.child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: surroundings });
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this[name] += text;
      });
    }
    this.ended = new Promise((done) => this.child.once('close', done));
  }
}

describe('mqbench worker', () => {
  let cluster: Sandbox;
  let dir: string;
  let worker: Run;
  let address: string;
  let token: string;
  let load: readonly string[];

  beforeAll(async () => {
    cluster = await startSandbox();
    dir = mkdtempSync(join(tmpdir(), 'mqkit-worker-'));
    worker = new Run(['worker', '--listen', '127.0.0.1:0']);
    await until(() => worker.stdout.includes('token ('), 20_000);
    address = /mqbench worker at (\S+);/.exec(worker.stdout)?.[1] ?? '';
    token = /token \(.*\): (\S+)\n/.exec(worker.stdout)?.[1] ?? '';
    load = ['producer', '-n', cluster.namesrvAddr, '-t', 'WorkerCommandTest', '-w', '8', '--workers', `1,${address}`];
  });

  afterAll(async () => {
    worker.child.kill('SIGINT');
    await worker.ended;
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('makes a token where none is given, and does its part for who knows it', async () => {
    expect(token).toHaveLength(32);
    const tokenFile = join(dir, 'token');
    const resultFile = join(dir, 'result.json');
    writeFileSync(tokenFile, `${token}\n`);
    const run = new Run([...load, '-q', '501', '--token-file', tokenFile, '--json', resultFile]);
    expect({ code: await run.ended, stderr: run.stderr }).toMatchObject({ code: 0 });
    expect(run.stdout).toMatch(/^mqbench producer: .*, for 501 messages, 2 workers\n/);
    expect(run.stdout).toMatch(/\nworkers +local 1: 251 \(\d+ %\), 127\.0\.0\.1:\d+: 250 \(\d+ %, clock [+-][\d.]+ ms\)\n/);
    expect(run.stdout).toContain(`\nrepeat     mqbench producer`);
    const text = readFileSync(resultFile, 'utf8');
    expect((JSON.parse(text) as ProducerResult).send).toMatchObject({ count: 501, errors: 0 });
    expect(text).not.toContain(token);
    expect(worker.stdout.match(new RegExp(token, 'g'))).toHaveLength(1);
    await until(() => / run \w+ is over\n/.test(worker.stdout));
  });

  it('is not used without a token, with a wrong one, or with a list that makes no sense', async () => {
    const none = new Run([...load, '-q', '10']);
    const wrong = new Run([...load, '-q', '10'], { MQBENCH_WORKER_TOKEN: 'wrong' });
    const list = new Run(['producer', '--workers', '0']);
    expect(await none.ended).toBe(2);
    expect(none.stderr).toContain(`worker ${address} asks for a token`);
    expect(await wrong.ended).toBe(5);
    expect(wrong.stderr).toContain(`worker ${address}: the token is wrong or missing`);
    expect(await list.ended).toBe(2);
    expect(list.stderr).toContain('--workers 0: between 1 and 256 workers');
  });

  it('ends a run that goes on when Ctrl-C ends it, and the coordinator keeps what the others measured', async () => {
    const resultFile = join(dir, 'partial.json');
    const run = new Run([...load, '--duration', '60s', '-ri', '200', '--json', resultFile], { MQBENCH_WORKER_TOKEN: token });
    await until(() => /Send TPS: [1-9]/.test(run.stdout), 20_000);
    worker.child.kill('SIGINT');
    expect(await worker.ended).toBe(0);
    expect(await run.ended).toBe(3);
    expect(run.stderr).toContain(`worker ${address} hung up; what 1 of 2 workers measured until then is kept`);
    const { send, ...result } = JSON.parse(readFileSync(resultFile, 'utf8')) as ProducerResult;
    expect(result).toMatchObject({ partial: true, failure: expect.stringContaining(address) });
    expect(send.count).toBeGreaterThan(0);
  });
});

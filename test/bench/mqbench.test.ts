import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runConsumerBench } from '../../src/bench/consumer-bench.js';
import type { ConsumerResult, ProducerResult } from '../../src/bench/result.js';
import { type Sandbox, startSandbox } from '../sandbox.js';

const BIN = resolve(import.meta.dirname, '../../bin/mqbench.js');
const TOPIC = 'BenchTest';

/** util-linux's script(1) gives a command a terminal. */
const hasScript = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs mqbench as a user would; presses Ctrl-C when `interruptAt` is found in its output. */
function mqbench(args: readonly string[], options: { interruptAt?: RegExp } = {}): Promise<Ended> {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NAMESRV_ADDR: '' } });
  const out = { stdout: '', stderr: '' };
  let isInterrupted = false;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      out[name] += text;
      if (!isInterrupted && options.interruptAt?.test(out.stdout) === true) {
        isInterrupted = true;
        child.kill('SIGINT');
      }
    });
  }
  return new Promise((done) => {
    child.once('close', (code) => {
      done({ code, ...out });
    });
  });
}

/** Runs mqbench on a terminal and presses Ctrl-C when its live line shows a rate; the screen's text. */
function interruptOnTerminal(args: readonly string[]): Promise<string> {
  const env = { ...process.env, NAMESRV_ADDR: '', TERM: 'xterm', FORCE_COLOR: '0', SHELL: '/bin/sh' } as NodeJS.ProcessEnv;
  delete env.CI;
  const command = [process.execPath, BIN, ...args].map((word) => `'${word}'`).join(' ');
  // Ctrl-C reaches the shell too: without a trap of its own, dash ends before it has said the exit code.
  const child = spawn('script', ['-qec', `trap : INT; stty cols 200; ${command}; echo rc=$?`, '/dev/null'], { env });
  let screen = '';
  let isInterrupted = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
    if (!isInterrupted && /[\d,]+ msg\/s +p50/.test(screen)) {
      isInterrupted = true;
      child.stdin.write('\x03');
    }
  });
  return new Promise((done) => child.once('close', () => done(screen)));
}

describe('mqbench on a bundled cluster', () => {
  let cluster: Sandbox;
  let dir: string;
  let on: readonly string[];

  beforeAll(async () => {
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 8, enablePropertyFilter: 'true' } });
    dir = mkdtempSync(join(tmpdir(), 'mqkit-bench-'));
    on = ['-n', cluster.namesrvAddr, '-t', TOPIC];
  });

  afterAll(async () => {
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('sends the quantity and reports it in the schema mqbench/1', async () => {
    const { code, stdout, stderr } = await mqbench(['producer', ...on, '-q', '2000', '-s', '100', '-w', '16', '--json']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const result = JSON.parse(stdout) as ProducerResult;
    expect(result).toMatchObject({
      schema: 'mqbench/1',
      kind: 'producer',
      config: { topic: TOPIC, bodyBytes: 100, inFlight: 16, quantity: 2000 },
    });
    expect(result.send).toMatchObject({ count: 2000, errors: 0, errorsByCode: {}, attempts: 2000, retries: 0, failedAttemptsByCode: {} });
    expect((result.send.rate * result.send.seconds) / 2000).toBeCloseTo(1, 3);
    expect(result.send.bytesPerSecond / result.send.rate).toBeCloseTo(100, 0);
    expect(Object.keys(result.send.latencyMs)).toEqual(['mean', 'p50', 'p90', 'p99', 'p999', 'p9999', 'max']);
    expect(result.send.latencyMs.p50).toBeGreaterThan(0);
    expect(result.send.latencyMs.p50).toBeLessThanOrEqual(result.send.latencyMs.max);
    expect(result.environment).toMatchObject({ node: process.version });
    expect(result.environment.generator.cpuSeconds).toBeGreaterThan(0);
    expect(cluster.brokers[0]?.store.maxOffset(TOPIC, 0)).toBeGreaterThan(0);
  });

  it('consumes what is there, once each', async () => {
    const { code, stdout, stderr } = await mqbench(['consumer', ...on, '-g', 'bench_group', '--from', 'first', '-q', '2000', '--json']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const { kind, receive } = JSON.parse(stdout) as ConsumerResult;
    expect(kind).toBe('consumer');
    expect(receive).toMatchObject({ count: 2000, errors: 0 });
    expect(receive.endToEndMs?.max).toBeGreaterThanOrEqual(receive.endToEndMs?.p50 ?? Number.NaN);
  });

  it('fails with the result so far when the messages run out before the quantity is reached', async () => {
    const run = runConsumerBench({
      namesrvAddr: cluster.namesrvAddr,
      topic: TOPIC,
      consumerGroup: 'bench_dry',
      concurrency: 4,
      warmupMs: 0,
      quantity: 3000,
      idleLimitMs: 10_000,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    });
    await expect(run).rejects.toMatchObject({
      message: expect.stringContaining('only 2000 of 3000 messages of topic BenchTest arrived'),
      exitCode: 3,
      context: { result: { receive: { count: 2000 }, interrupted: true } },
    });
  });

  it('pulls the backlog raw, again and again', async () => {
    const { code, stdout } = await mqbench(['consumer', ...on, '--raw', '-q', '10000', '--json']);
    expect(code).toBe(0);
    const { receive } = JSON.parse(stdout) as ConsumerResult;
    expect(receive.count).toBeGreaterThanOrEqual(10_000);
    expect(receive).not.toHaveProperty('endToEndMs');
    expect(receive.errors).toBe(0);
    expect(receive.bytesPerSecond / receive.rate).toBeCloseTo(100, 0);
  });

  it('counts what passes the filter of raw pulls', async () => {
    const pull = (expression: string, length: { quantity: number } | { durationMs: number }): Promise<ConsumerResult> =>
      runConsumerBench({
        ...{ namesrvAddr: cluster.namesrvAddr, topic: TOPIC, consumerGroup: 'bench_raw', concurrency: 1, warmupMs: 0, raw: true },
        ...{ filter: { type: 'SQL92', expression }, ...length },
      });
    expect((await pull('UNIQ_KEY IS NOT NULL', { quantity: 1 })).receive.count).toBeGreaterThan(0);
    await expect(pull('UNIQ_KEY IS NULL', { durationMs: 300 })).rejects.toMatchObject({ code: 'NOTHING_RECEIVED' });
  });

  it('keeps a rate, and writes the result to the file named', async () => {
    const file = join(dir, 'rate.json');
    const { code, stdout } = await mqbench(['producer', ...on, '--rate', '500', '--duration', '1s', '--warmup', '500ms', '--json', file]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^mqbench producer: topic BenchTest at .*, 128 B bodies, 500 msg\/s, for 1 s after 0.5 s of warm-up\n/);
    expect(stdout).toMatch(
      /\n\[Complete\] Send Total: \d+ \| Send TPS: \d+ \| Max RT\(ms\): \d+ \| Average RT\(ms\): +[\d.]+ \| Send Failed: 0/,
    );
    expect(stdout).toMatch(/\nlatency +mean .* p50 .* p99\.99 .* max .* ms\n/);
    const { send } = JSON.parse(readFileSync(file, 'utf8')) as ProducerResult;
    expect(send.count + send.unsent).toBeGreaterThanOrEqual(499);
    expect(send.count + send.unsent).toBeLessThanOrEqual(501);
    expect(send.seconds).toBeGreaterThan(0.99);
    expect(send.seconds).toBeLessThan(2);
  });

  it.skipIf(!hasScript)('shows a live line on a terminal, and the result so far when Ctrl-C ends it', async () => {
    const screen = await interruptOnTerminal(['producer', ...on, '-w', '4', '--duration', '20s']);
    expect(screen).toMatch(/sent +[\d,]+ messages in [\d.]+ s/);
    expect(screen).toMatch(/rc=0/);
  });

  it('says in its first line that it takes 30 s, prints a line each interval, and gives the result so far on Ctrl-C', async () => {
    const { code, stdout } = await mqbench(['producer', ...on, '-w', '4', '-ri', '300'], { interruptAt: /Send TPS: [1-9]/ });
    const lines = stdout.split('\n');
    expect(lines[0]).toContain('for 30 s (neither -q nor --duration given)');
    expect(lines[1]).toMatch(/^Current Time: .* \| Send TPS: \d+ \| Max RT\(ms\): \d+ \| Average RT\(ms\): +[\d.]+ \| Send Failed: 0/);
    expect(stdout).toMatch(/\nsent +[\d,]+ messages in [\d.]+ s/);
    expect(code).toBe(0);
  });

  it('gives messages back at the fail rate', async () => {
    const { code, stdout } = await mqbench([
      'consumer',
      ...on,
      ...['-g', 'bench_failing', '--from', 'first', '-r', '0.5', '-q', '100', '--json'],
    ]);
    expect(code).toBe(0);
    const { receive } = JSON.parse(stdout) as ConsumerResult;
    expect(receive.errorsByCode.RECONSUME_LATER).toBeGreaterThan(0);
  });

  it.skipIf(process.platform !== 'linux').each(['--hlog', '--hgrm'])('keeps the result when the disk is full for %s', async (option) => {
    const { code, stdout, stderr } = await mqbench(['producer', ...on, '-q', '100', option, '/dev/full']);
    expect(stdout).toMatch(/\nsent +100 messages in /);
    expect(stderr).toContain(`${option} /dev/full was not written: ENOSPC`);
    expect(code).toBe(1);
  });

  it('fails with one line when nothing can be sent', async () => {
    const down = await mqbench(['producer', '-n', '127.0.0.1:1', '-t', TOPIC, '-q', '1']);
    expect(down.code).toBe(3);
    expect(down.stderr.trim().split('\n')).toHaveLength(1);
    const usage = await mqbench(['producer', ...on, '--rate', 'fast']);
    expect(usage.code).toBe(2);
  });

  it('fails when nothing arrives', async () => {
    const { code, stderr } = await mqbench(['consumer', '-n', cluster.namesrvAddr, '-t', 'SELF_TEST_TOPIC', '--duration', '300ms']);
    expect(code).toBe(3);
    expect(stderr).toContain('no message of topic SELF_TEST_TOPIC arrived');
  });
});

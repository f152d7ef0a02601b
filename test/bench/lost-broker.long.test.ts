import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BenchResult } from '../../src/bench/result.js';
import { type BundledCluster, repositoryRoot, startBundledCluster } from '../peers/index.js';
import { mqbench } from './mqbench-process.js';

describe('a broker that dies in the middle of a run', () => {
  let cluster: BundledCluster;
  let dir: string;
  let file: string;

  beforeEach(async () => {
    cluster = await startBundledCluster();
    dir = mkdtempSync(join(tmpdir(), 'mqkit-lost-'));
    file = join(dir, 'result.json');
  });

  afterEach(async () => {
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const read = (): BenchResult => JSON.parse(readFileSync(file, 'utf8')) as BenchResult;

  it('leaves a consumer with a partial result and exit code 3', async () => {
    expect((await mqbench(['producer', '-n', cluster.namesrvAddr, '--rate', '200', '--duration', '1s', '--json', file])).code).toBe(0);
    const { environment, send } = read();
    expect(environment.brokerVersion).toMatch(/^V\d/);
    if (process.platform === 'linux') {
      // A process of this machine is watched while it lives.
      expect(environment.broker?.rssBytes).toBeGreaterThan(10e6);
      expect(environment.broker?.series[0]).toMatchObject({ cpuPercent: expect.any(Number), rssBytes: expect.any(Number) });
    }
    let killed: Promise<void> | undefined;
    const args = ['consumer', '-n', cluster.namesrvAddr, '--from', 'first', '--duration', '8s', '-ri', '300', '--json', file];
    let output = '';
    const { code, stderr } = await mqbench(args, (text) => {
      output += text;
      // All are consumed when an interval brings none.
      if (/Consume TPS: [1-9][\s\S]*Consume TPS: 0 /.test(output)) {
        killed ??= cluster.broker.kill();
      }
    });
    await killed;
    expect({ code, stderr }).toMatchObject({ code: 3 });
    expect(stderr).toContain(`no connection to ${cluster.broker.address} any more`);
    expect(read()).toMatchObject({ partial: true, receive: { count: send?.count } });
  });

  it.skipIf(process.platform === 'win32')('that only stops does not keep the command from quitting at the second Ctrl-C', async () => {
    const { pid } = cluster.broker.process;
    const args = ['producer', '-n', cluster.namesrvAddr, '-w', '4', '--duration', '60s', '-ri', '300'];
    const child = spawn(process.execPath, [join(repositoryRoot, 'bin/mqbench.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let isStopped = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (!isStopped && /Send TPS: [1-9]/.test(output)) {
        isStopped = true;
        process.kill(pid, 'SIGSTOP');
        // Answers that were on their way have arrived by then.
        setTimeout(() => child.kill('SIGINT'), 500);
      }
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('Ctrl-C again quits at once')) {
        child.kill('SIGINT');
      }
    });
    const signal = await new Promise((done) => child.once('close', (_, by) => done(by)));
    process.kill(pid, 'SIGCONT');
    expect(signal).toBe('SIGINT');
    expect(output).not.toContain('[Complete]');
  });
});

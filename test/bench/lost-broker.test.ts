import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BenchResult } from '../../src/bench/result.js';
import { type BundledCluster, startBundledCluster } from '../peers/index.js';
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

  it('leaves a producer with a partial result, one line that says why, and exit code 3', async () => {
    let killed: Promise<void> | undefined;
    const args = [
      'producer',
      '-n',
      cluster.namesrvAddr,
      '-w',
      '4',
      '--duration',
      '20s',
      '-ri',
      '300',
      '--json',
      file,
      '-sk',
      'S3cret',
      '-ak',
      'A',
    ];
    const { code, stdout, stderr } = await mqbench(args, (text) => {
      if (/Send TPS: [1-9]/.test(text)) {
        killed ??= cluster.broker.kill();
      }
    });
    await killed;
    expect({ code, stderr }).toMatchObject({ code: 3 });
    expect(stderr.split('\n').filter((line) => /no send succeeded in the last [\d.]+ s: /.test(line))).toHaveLength(1);
    expect(stderr).toMatch(/warning: \d+ of \d+ messages failed to send: \d+ x \w+/);
    expect(stdout).toMatch(/\nsent +[\d,]+ messages in /);
    const result = read();
    expect(result).toMatchObject({ partial: true, failure: expect.stringContaining('no send succeeded') });
    expect(result.send?.count).toBeGreaterThan(0);
    expect(result.send?.errors).toBeGreaterThan(0);
    expect(result.command).toBe(
      `mqbench producer -n ${cluster.namesrvAddr} -w 4 --duration 20s -ri 300 --json ${file} --seed ${result.seed}`,
    );
    expect(JSON.stringify(result)).not.toContain('S3cret');
  });
});

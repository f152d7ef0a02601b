import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import type { SoakResult } from '../../../src/bench/plans/soak.js';
import { until } from '../../sandbox.js';

const BIN = resolve(import.meta.dirname, '../../../bin/mqbench.js');

it('a soak that is killed leaves a whole result file with what it measured', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-soak-'));
  const file = join(dir, 'soak.json');
  const args = ['soak', '--embedded', '--rate', '200', '--duration', '10m', '--warmup', '100ms', '--sample', '1s', '--json', file];
  const child = spawn(process.execPath, [BIN, ...args], { stdio: 'ignore', env: { ...process.env, NAMESRV_ADDR: '' } });
  const read = (): SoakResult => JSON.parse(readFileSync(file, 'utf8')) as SoakResult;
  try {
    await until(() => existsSync(file) && read().samples.length >= 3, 60_000);
  } finally {
    child.kill('SIGKILL');
  }
  const { kind, partial, samples, soFar } = read();
  expect({ kind, partial }).toEqual({ kind: 'soak', partial: true });
  expect(samples.length).toBeGreaterThanOrEqual(3);
  expect(soFar?.count).toBeGreaterThan(300);
  rmSync(dir, { recursive: true, force: true });
});

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WorkloadResult } from '../../../src/bench/omb/omb-run.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const BIN = join(ROOT, 'bin/mqbench.js');
const DRIVER = join(ROOT, 'src/bench/omb/workloads/driver/rocketmq.yaml');
const NAMES = readdirSync(join(ROOT, 'src/bench/omb/workloads'))
  .filter((file) => file.endsWith('-mini.yaml'))
  .map((file) => file.slice(0, -'.yaml'.length));

function mqbench(args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, NAMESRV_ADDR: '' } });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((done) => child.once('close', (code) => done({ code, stderr })));
}

describe('every -mini workload on nodes of its own', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'mqkit-minis-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.each(NAMES)('%s', async (name) => {
    const [file, ombFile] = [join(dir, `${name}.json`), join(dir, `${name}.omb.json`)];
    const driver = NAMES.indexOf(name) % 2 === 0 ? [DRIVER] : [];
    const args = ['--embedded', '--duration', '3s', '--warmup', '1s', '--json', file, '--omb-result', ombFile];
    const { code, stderr } = await mqbench(['run', name, ...driver, ...args]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const { send, receive, backlog } = JSON.parse(readFileSync(file, 'utf8')) as WorkloadResult;
    expect(send.count).toBeGreaterThan(0);
    expect(receive.count).toBeGreaterThan(0);
    if (name.includes('backlog')) expect(backlog?.drainSeconds).toBeGreaterThan(0);
    expect(JSON.parse(readFileSync(ombFile, 'utf8'))).toMatchObject({ messageSize: expect.any(Number), mqbench: { kind: 'workload' } });
  });
});

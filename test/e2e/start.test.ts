import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Server } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { holdUsualPorts, takePort } from '../ports.js';

const ROOT = resolve(import.meta.dirname, '../..');
let taken: (Server | null)[] = [];
let giveBack: () => void = () => undefined;

beforeAll(async () => {
  giveBack = await holdUsualPorts();
  taken = [await takePort(9876), await takePort(10911)];
}, 600_000);
afterAll(() => {
  for (const server of taken) server?.close();
  giveBack();
});

it('npm start takes free ports where the default ones are taken, says so, and leaves nothing', { timeout: 90_000 }, async () => {
  const env = { ...process.env, MQKIT_START_SECONDS: '3' };
  const child = spawn(process.execPath, [join(ROOT, 'dist', 'start.js')], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise((done) => child.once('close', done));
  expect(output).toMatch(/port 9876 is taken: the name server listens on \d+/);
  expect(code, output).toBe(0);
  expect(output).toMatch(/send +[\d,]+ msg\/s/);
  expect(output).toMatch(/latency +p50 [\d.,]+ ms +p99 [\d.,]+ ms/);
  const folder = /in (\S+), removed at the end/.exec(output)?.[1] ?? '';
  expect(folder).not.toBe('');
  expect(existsSync(join(ROOT, folder))).toBe(false);
});

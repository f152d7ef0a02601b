/* The launcher as a process: streams, exit codes, a reader that goes away, CPU time. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawServer } from '../raw-server.js';
import { type Sandbox, startSandbox } from '../sandbox.js';

const BIN = fileURLToPath(new URL('../../bin/mqadmin.js', import.meta.url));

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

function mqadmin(words: readonly string[], env: NodeJS.ProcessEnv = {}, options: { closeStdout?: boolean } = {}): Promise<Ended> {
  const child = spawn(process.execPath, [BIN, ...words], {
    env: { PATH: process.env.PATH, MQADMIN_AUDIT: 'off', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  if (options.closeStdout === true) {
    child.stdout.destroy();
  } else {
    child.stdout.on('data', (chunk: Buffer) => {
      texts.stdout += chunk.toString();
    });
  }
  child.stderr.on('data', (chunk: Buffer) => {
    texts.stderr += chunk.toString();
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ ...texts, code })));
}

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox();
});

afterAll(() => sandbox.stop());

describe('mqadmin', () => {
  it('lists its commands without words, and ends with 0', async () => {
    const ended = await mqadmin([]);
    expect(ended).toMatchObject({ stderr: '', code: 0 });
    expect(ended.stdout).toMatch(/^The most commonly used mqadmin commands are:\n {3}updateTopic /);
  });

  it('finds a command in any case and takes NAMESRV_ADDR', async () => {
    const ended = await mqadmin(['TOPICLIST'], { NAMESRV_ADDR: sandbox.namesrvAddr });
    expect(ended).toMatchObject({ stderr: '', code: 0 });
    expect(ended.stdout.split('\n')).toContain('TBW102');
  });

  it('prints YAML, and signs with the keys of tools.yml', async () => {
    const home = mkdtempSync(join(tmpdir(), 'mqkit-home-'));
    try {
      mkdirSync(join(home, 'conf'));
      writeFileSync(join(home, 'conf', 'tools.yml'), 'accessKey: someone\nsecretKey: a-long-secret\n');
      const ended = await mqadmin(['topicList', '--output', 'yaml', '-n', sandbox.namesrvAddr], { ROCKETMQ_HOME: home });
      expect(ended).toMatchObject({ stderr: '', code: 0 });
      expect(ended.stdout.split('\n')).toEqual(expect.arrayContaining(['topics:', '  - TBW102']));
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  it.each([
    [['help', 'topicList'], 0, /^usage: mqadmin topicList \[-c\] \[-h\] \[-n <arg>\]\n/, /^$/],
    [['topicList', '--help'], 0, /^usage: mqadmin topicList/, /^$/],
    [['topicRoute', '-h'], 0, /^usage: mqadmin topicRoute/, /^$/],
    [['--version'], 0, /^mqadmin \d+\.\d+\.\d+ /, /^$/],
    [['topicRoute'], 2, /^usage: mqadmin topicRoute/, /^Missing required option: t\n$/],
    [['topicRoute', '--json'], 2, /^$/, /^\{"error":\{"code":"USAGE".*\}\n$/],
    [['topicRoute', '--output', 'json'], 2, /^$/, /^\{"error":\{"code":"USAGE".*\}\n$/],
    [['topicList', '--output', 'json', '-n', '127.0.0.1:1'], 3, /^$/, /^\{"error":\{"code":"CONNECT_FAILED".*\}\n$/],
    [['topicLits'], 2, /^$/, /^The sub command topicLits not exist\. did you mean topicList\?\n$/],
    [['topicList', '-n', '127.0.0.1:1'], 3, /^$/, /^cannot connect to 127\.0\.0\.1:1: .*\n$/],
  ] as const)('%j', async (words, code, stdout, stderr) => {
    const ended = await mqadmin([...words]);
    expect(ended.stdout).toMatch(stdout);
    expect(ended.stderr).toMatch(stderr);
    expect(ended.code).toBe(code);
  });

  it('ends quietly when the reader of its output went away', async () => {
    const ended = await mqadmin(['getBrokerConfig', '-b', sandbox.brokerAddr], {}, { closeStdout: true });
    expect(ended).toMatchObject({ stderr: '', code: 0 });
  });

  it('does what it has begun to its end when nobody reads of it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'mqkit-unread-'));
    try {
      const file = join(dir, 'cluster.yaml');
      writeFileSync(file, 'definitions: 1\ntopics:\n  Unread1: { perm: 6 }\n  Unread2: { perm: 6 }\n');
      const words = ['apply', '-n', sandbox.namesrvAddr, '-f', file, '--yes'];
      expect(await mqadmin(words, {}, { closeStdout: true })).toMatchObject({ stderr: '', code: 0 });
      expect((await mqadmin(['topicList', '-n', sandbox.namesrvAddr])).stdout).toMatch(/^Unread1\nUnread2$/m);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('ends the doctor with what it found when nobody reads of it', async () => {
    const words = ['doctor', '-n', '127.0.0.1:1', '--fail-on', 'warning'];
    const read = await mqadmin(words);
    expect(read.code).toBeGreaterThan(0);
    expect(await mqadmin(words, {}, { closeStdout: true })).toMatchObject({ code: read.code });
  });

  it('ends a check with 3 when its result reaches nobody', async () => {
    const ended = await mqadmin(['check', 'broker', '-b', sandbox.brokerAddr], {}, { closeStdout: true });
    expect(ended).toMatchObject({ stderr: '', code: 3 });
  });

  it('writes a long output to its end', async () => {
    const ended = await mqadmin(['getBrokerConfig', '-b', sandbox.brokerAddr, '--json']);
    expect(Object.keys(JSON.parse(ended.stdout).brokers[0].config).length).toBeGreaterThan(200);
  });

  it.skipIf(process.platform === 'win32')('ends by the signal that it got, with a line that says so', async () => {
    const silent = await new RawServer((socket) => socket.once('data', () => child.kill('SIGINT'))).listen();
    const child = spawn(process.execPath, [BIN, 'topicList', '-n', silent.addr], { env: {}, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const ended = await new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
    await silent.close();
    expect(ended).toEqual({ code: null, signal: 'SIGINT' });
    expect(stderr).toBe('mqadmin topicList was ended by SIGINT\n');
  });

  it('colours only when it may', async () => {
    expect((await mqadmin(['topicRoute'], { FORCE_COLOR: '1' })).stderr).toContain('\u001b[31m');
    expect((await mqadmin(['topicRoute'], {})).stderr).not.toContain('\u001b');
  });
});
